use super::*;
use crate::model::{Bottleneck, Regulariser};
use crate::train::{Preset, TrainConfig};

fn model(codes: usize) -> TransformerVae {
    let config = TrainConfig {
        d_model: 8,
        heads: 2,
        d_ff: 8,
        encoder_blocks: vec![1],
        decoder_layers: 1,
        latent_tokens: 1,
        latent_size: 2,
        bottleneck: Bottleneck::Vq,
        regulariser: Regulariser::None,
        vq: Vq { codes, ..Vq::default() },
        ..TrainConfig::preset(Preset::Tiny, "text")
    };
    TransformerVae::new(config.model_config(20).unwrap(), 1, &Device::Cpu).unwrap()
}

fn uses(indices: &[u32], vectors: &[f32]) -> CodeUse {
    CodeUse { indices: indices.to_vec(), vectors: vectors.to_vec(), commitment: 0.0 }
}

fn vectors(codebook: &Codebook) -> Vec<f32> {
    values(codebook.var.as_tensor()).unwrap()
}

#[test]
fn vectors_move_to_the_averaged_means_of_what_is_assigned_to_them() {
    let model = model(2);
    let options = Vq { codes: 2, decay: 0.5, dead: 0.0, ..Vq::default() };
    let mut codebook = Codebook::new(&model, &options, 0, true).unwrap().unwrap();
    let before = vectors(&codebook);
    // Counts start at 1 and sums at the vectors themselves. The first code gets (4, 0) and (0, 2), from two shards; the
    // second nothing.
    let shards = [uses(&[0], &[4.0, 0.0]), uses(&[0], &[0.0, 2.0])];
    codebook.update(&shards, 0, Some(0.75)).unwrap();
    let after = vectors(&codebook);
    let count = 0.5 * 1.0 + 0.5 * 2.0;
    let wanted = [(0.5 * before[0] + 0.5 * 4.0) / count, (0.5 * before[1] + 0.5 * 2.0) / count];
    for (found, wanted) in after.iter().zip([wanted[0], wanted[1], before[2], before[3]]) {
        assert!((found - wanted).abs() < 1e-4, "{found} {wanted}");
    }
    let averaged = values(&codebook.averaged().unwrap().1).unwrap();
    for ((found, old), new) in averaged.iter().zip(&before).zip(&after) {
        assert!((found - (0.75 * old + 0.25 * new)).abs() < 1e-5);
    }
}

#[test]
fn the_first_update_places_every_vector_and_dead_ones_come_back() {
    let options = Vq { codes: 3, decay: 0.5, dead: 0.4, ..Vq::default() };
    let mut codebook = Codebook::new(&model(3), &options, 7, false).unwrap().unwrap();
    let batch = uses(&[0, 0, 0, 1], &[1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 9.0, 9.0]);
    codebook.update([&batch], 0, None).unwrap();
    let rows = |values: Vec<f32>| values.chunks(2).map(<[f32]>::to_vec).collect::<Vec<_>>();
    for row in rows(vectors(&codebook)) {
        let near = batch.vectors.chunks(2).any(|v| (v[0] - row[0]).abs() < 1e-3);
        assert!(near, "{row:?} is a latent of the batch");
    }
    // Two steps without any use of the last code: it is below 0.4 of an even use, and placed anew.
    let elsewhere = uses(&[0, 1, 0, 1], &[20.0, 20.0, 20.0, 20.0, 20.0, 20.0, 20.0, 20.0]);
    for step in 1..3 {
        codebook.update([&elsewhere], step, None).unwrap();
    }
    let last = rows(vectors(&codebook)).remove(2);
    assert!((last[0] - 20.0).abs() < 1e-2, "{last:?}");
}

#[test]
fn a_saved_state_goes_on_to_the_bit() {
    let options = Vq { codes: 3, ..Vq::default() };
    let batch = |k: u32| uses(&[k % 3, 1, 2], &[k as f32, 0.5, -1.0, 0.25, 3.0, k as f32]);
    let (one, other) = (model(3), model(3));
    let mut straight = Codebook::new(&one, &options, 7, false).unwrap().unwrap();
    let mut resumed = Codebook::new(&other, &options, 7, false).unwrap().unwrap();
    for step in 0..3 {
        straight.update([&batch(step)], step as usize, Some(0.9)).unwrap();
    }
    let state = straight.state().unwrap().into_iter().collect();
    resumed.load_state(&state).unwrap();
    straight.update([&batch(9)], 3, Some(0.9)).unwrap();
    resumed.update([&batch(9)], 3, Some(0.9)).unwrap();
    assert_eq!(vectors(&straight), vectors(&resumed));
    assert_eq!(straight.average, resumed.average);
    assert!(resumed.load_state(&HashMap::new()).unwrap_err().to_string().contains("vq.counts"));
}

#[test]
fn perplexity_counts_codes_that_are_used_alike() {
    assert_eq!(perplexity([]), 0.0);
    assert!((perplexity([&uses(&[3, 1], &[]), &uses(&[0, 2], &[])]) - 4.0).abs() < 1e-9);
    assert!((perplexity([&uses(&[5; 9], &[])]) - 1.0).abs() < 1e-9);
}
