//! Self-distillation: which decodes are learnt, and what learning them does.

use candle_core::Device;
use tvae_tui::latent::{ladder, Path};
use tvae_tui::model::{Given, Regulariser, TransformerVae};
use tvae_tui::numeric::adamw::{AdamW, AdamWConfig};
use tvae_tui::train::{
    run_part, Beside, Blend, Budget, Distill, Distilled, Noise, Report, ShardResult, StepInput,
    TrainConfig,
};

use super::{config, Fixture};

/// A configuration without all that is random, and a model of it.
fn plain(against: f64, shards: usize) -> (TrainConfig, TransformerVae) {
    let config = TrainConfig {
        shards,
        regulariser: Regulariser::None,
        noise: Noise::none(),
        blend: Blend::none(),
        distill: Distill { share: 0.15, against, ..Distill::default() },
        ..config()
    };
    let shape = config.model_config(config.vocab).expect("a shape");
    let model = TransformerVae::new(shape, 5, &Device::Cpu).expect("a model");
    (config, model)
}

/// One of eight lines, of which the last four are the partners of the others.
fn line(number: u32) -> Vec<u32> {
    (0..5).map(|k| 4 + number * 9 + k).collect()
}

/// A step on these lines with such texts between them.
fn run(
    model: &TransformerVae,
    config: &TrainConfig,
    step: usize,
    distilled: &[Distilled],
) -> Vec<ShardResult> {
    let all: Vec<Vec<u32>> = (0..8).map(line).collect();
    let all: Vec<&[u32]> = all.iter().map(Vec::as_slice).collect();
    let (lines, partners) = all.split_at(4);
    let input = StepInput {
        step,
        progress: 1.0,
        sigma_max: 0.0,
        lines,
        partners,
        between: None,
        vocab: 384,
    };
    let beside = Beside { distilled, ..Beside::default() };
    run_part(model, config, input, &beside).expect("a step")
}

fn optimiser(model: &TransformerVae) -> AdamW {
    let params = model.parameters().into_iter().map(|(name, var)| (name, var, false));
    let adam = AdamWConfig { beta1: 0.9, beta2: 0.98, eps: 1e-8, weight_decay: 0.0 };
    AdamW::new(params.collect(), adam).expect("an optimiser")
}

#[test]
fn a_distilled_text_is_learnt_by_both_sides() {
    for shards in [1, 2] {
        let (config, model) = plain(0.0, shards);
        let distilled = [
            Distilled { pair: 0, ratio: 0.5, ids: vec![300, 301, 302], refused: false },
            Distilled { pair: 3, ratio: 0.4, ids: vec![310, 311], refused: false },
        ];
        let mut adam = optimiser(&model);
        let mut values = Vec::new();
        for step in 0..120 {
            let results = run(&model, &config, step, &distilled);
            let sum =
                results.iter().fold(Default::default(), |s: tvae_tui::train::Objectives, r| {
                    s.plus(&r.objectives)
                });
            values.push(sum);
            let grads: Vec<_> = results.iter().map(|r| &r.grads).collect();
            adam.step(&grads, 3e-3, Some(1.0)).expect("a step");
        }
        let (first, last) = (values[0], values[119]);
        assert_eq!(first.distilled_texts, Some(2.0));
        println!("{first:?}\n{last:?}");
        assert!(last.distilled < first.distilled.map(|v| 0.3 * v), "{first:?} {last:?}");
        assert!(last.distilled_latent < first.distilled_latent.map(|v| 0.5 * v));
    }
}

#[test]
fn of_an_accepted_and_a_refused_text_of_a_latent_the_one_becomes_likelier_and_the_other_less_so() {
    for shards in [1, 2] {
        let (config, model) = plain(1.0, shards);
        let texts = [vec![300, 301, 302], vec![300, 311, 302]];
        // Of the same pair in the order in which they come, and one more pair that falls into another shard.
        let distilled = [
            Distilled { pair: 1, ratio: 0.5, ids: texts[0].clone(), refused: false },
            Distilled { pair: 1, ratio: 0.5, ids: texts[1].clone(), refused: true },
            Distilled { pair: 2, ratio: 0.4, ids: vec![320], refused: false },
            Distilled { pair: 2, ratio: 0.4, ids: vec![321], refused: true },
        ];
        let nats = || -> Vec<f64> {
            let ends = model.encode_lines(&[line(1), line(5)]).expect("latents");
            let at = ladder(&ends[0], &ends[1], &[0.5], Path::PerToken).expect("a way");
            let at = [at[0].clone(), at[0].clone()];
            let scores = model.score(&texts, Given::Latents(&at)).expect("scores");
            scores.iter().map(tvae_tui::model::Score::nats).collect()
        };
        let before = nats();
        let mut adam = optimiser(&model);
        for step in 0..30 {
            let results = run(&model, &config, step, &distilled);
            let texts: f64 = results.iter().filter_map(|r| r.objectives.distilled_texts).sum();
            assert_eq!(texts, 2.0, "refused ones are not learnt");
            let grads: Vec<_> = results.iter().map(|r| &r.grads).collect();
            adam.step(&grads, 1e-3, Some(1.0)).expect("a step");
        }
        let after = nats();
        println!("{before:?} {after:?}");
        assert!(after[0] < before[0] && after[1] > before[1], "{before:?} {after:?}");
    }
}

#[test]
fn what_an_accepted_and_a_refused_text_have_in_common_teaches_the_decoder_nothing() {
    let (config, model) = plain(1.0, 1);
    let text = |refused| Distilled { pair: 1, ratio: 0.5, ids: vec![300, 301], refused };
    let gradient = |distilled: &[Distilled]| -> Vec<f32> {
        let results = run(&model, &config, 0, distilled);
        let name = "decoder.block.0.layer.2.DenseReluDense.wo.weight";
        let (_, weight) = model
            .parameters()
            .into_iter()
            .find(|(other, _)| other == name)
            .expect("a parameter of the decoder alone");
        let gradient = results[0].grads.get(&weight).expect("a gradient");
        gradient.flatten_all().and_then(|flat| flat.to_vec1()).expect("numbers")
    };
    let size = |values: &[f32]| values.iter().map(|v| v * v).sum::<f32>().sqrt();
    let apart = |a: &[f32], b: &[f32]| {
        size(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>()) / size(b)
    };
    let without = gradient(&[]);
    assert!(apart(&gradient(&[text(false), text(true)]), &without) < 1e-4);
    assert!(apart(&gradient(&[text(false)]), &without) > 1e-2);
}

#[test]
fn a_run_learns_some_of_its_own_decodes_late_and_not_before() {
    let alone = learns_its_own_decodes_late(1);
    // The lines of more pairs stand in the batch, and no more texts are learnt.
    let of_a_pool = learns_its_own_decodes_late(8);
    assert!(of_a_pool > alone, "{of_a_pool} lines, {alone} without a pool");
}

/// Lines that the run has seen.
fn learns_its_own_decodes_late(pool: usize) -> u64 {
    let config = TrainConfig {
        budget: Budget::Steps(200),
        batch: 32,
        distill: Distill { share: 0.15, from: 0.7, pool, samples: 4, ..Distill::default() },
        ..config()
    };
    let dir = tempfile::tempdir().expect("folder");
    let reports = Fixture::new(&config, 300).run(&config, dir.path(), None, false);
    let texts = |report: &Report| match report {
        Report::Step { step, objectives, .. } => (*step, objectives.distilled_texts),
        _ => (0, None),
    };
    let told: Vec<_> = reports.iter().map(texts).collect();
    println!("{told:?}");
    assert!(told.iter().filter(|(step, _)| *step <= 140).all(|(_, texts)| texts.is_none()));
    let late: Vec<f64> = told.iter().filter_map(|(_, texts)| *texts).collect();
    // A seventh of 32 lines at most.
    assert!(!late.is_empty() && late.iter().all(|&n| n > 0.0 && n <= 4.0), "{told:?}");
    let trainer = std::fs::read_to_string(dir.path().join("trainer.json")).expect("a file");
    let trainer: serde_json::Value = serde_json::from_str(&trainer).expect("JSON");
    trainer["lines"].as_u64().expect("lines")
}
