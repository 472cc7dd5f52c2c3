//! The T5 encoder as the encoder of a model: one latent code of the mean, or queries.

use candle_core::{DType, Device, Tensor};
use tvae_tui::domain::domain;
use tvae_tui::engine::{LatentModel, LoadedModel};
use tvae_tui::model::{
    Config, Context, EncoderKind, Family, Queries, SphereShape, TransformerVae, TvaeConfig,
};
use tvae_tui::train::{
    encode_corpus, train, Budget, Inputs, Noise, Preset, Progress, Report, StopSignal, TrainConfig,
    TrainError,
};

fn shape(tokens: usize) -> SphereShape {
    SphereShape {
        vocab: 40,
        d_model: 32,
        heads: 4,
        d_ff: 64,
        encoder_blocks: vec![1],
        decoder_layers: 2,
        latent_tokens: tokens,
        latent_size: 8,
        max_len: 16,
        pad: 1,
        eos: 0,
    }
}

fn configured(tokens: usize, queries: Queries) -> Result<Config, String> {
    let mut config = Config::sphere(shape(tokens)).expect("a configuration");
    config.tvae = Some(TvaeConfig { encoder: EncoderKind::T5, queries, ..TvaeConfig::default() });
    Config::from_json(config.to_json()).map_err(|e| e.to_string())
}

fn models() -> [TransformerVae; 2] {
    [(1, Queries::Pooled), (3, Queries::Prepended)].map(|(tokens, queries)| {
        let config = configured(tokens, queries).expect("a configuration");
        TransformerVae::new(config, 7, &Device::Cpu).expect("a model")
    })
}

/// Ids and mask of rows, padded to `len`.
fn batch(rows: &[&[u32]], len: usize) -> (Tensor, Tensor) {
    let ids = rows.iter().flat_map(|row| (0..len).map(|i| row.get(i).copied().unwrap_or(1)));
    let mask = rows.iter().flat_map(|row| (0..len).map(|i| f32::from(u8::from(i < row.len()))));
    let size = (rows.len(), len);
    let ids = Tensor::from_vec(ids.collect::<Vec<_>>(), size, &Device::Cpu).expect("ids");
    (ids, Tensor::from_vec(mask.collect::<Vec<_>>(), size, &Device::Cpu).expect("mask"))
}

fn values(x: &Tensor) -> Vec<f32> {
    x.flatten_all().and_then(|x| x.to_vec1()).expect("numbers")
}

fn apart(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

const ROWS: [&[u32]; 3] = [&[5, 6, 7, 8, 9, 0], &[12, 13, 0], &[20, 21, 22, 23, 24, 25, 26, 0]];

#[test]
fn latents_have_their_shape_and_do_not_hear_padding() {
    for model in models() {
        let encode = |rows: &[&[u32]], len| {
            let (ids, mask) = batch(rows, len);
            model.encode(&ids, &mask, &Context::eval()).expect("latents")
        };
        let together = encode(&ROWS, 11);
        assert_eq!(together.dims(), [3, model.config().n_latent_tokens, 8]);
        for (at, row) in ROWS.iter().enumerate() {
            let alone = values(&encode(&[row], row.len()));
            assert!(apart(&alone, &values(&together.get(at).expect("a row"))) < 1e-5);
        }
        let turned = encode(&[&[9, 8, 7, 6, 5, 0]], 6);
        let off = apart(&values(&turned), &values(&together.get(0).expect("a row")));
        assert!(off > 1e-4, "order is not heard: {off}");
        // One token, and none at all.
        assert!(values(&encode(&[&[0], &[]], 1)).iter().all(|x| x.is_finite()));
    }
}

#[test]
fn parameters_have_the_names_of_transformers_and_survive_their_files() {
    for model in models() {
        let names: Vec<String> = model.parameters().into_iter().map(|(name, _)| name).collect();
        for name in [
            "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
            "encoder.block.1.layer.0.SelfAttention.q.weight",
            "encoder.block.1.layer.0.layer_norm.weight",
            "encoder.block.1.layer.1.DenseReluDense.wi.weight",
            "encoder.block.1.layer.1.DenseReluDense.wo.weight",
            "encoder.block.1.layer.1.layer_norm.weight",
            "encoder.final_layer_norm.weight",
        ] {
            assert!(names.iter().any(|n| n == name), "{name}");
        }
        assert!(!names.iter().any(|n| n.starts_with("encoder.blocks")), "no Funnel beside it");
        let dir = tempfile::tempdir().expect("folder");
        model.save(dir.path(), DType::F32).expect("saved");
        let again = TransformerVae::load(dir.path(), &Device::Cpu).expect("loaded");
        let (ids, mask) = batch(&ROWS, 8);
        let latent =
            |m: &TransformerVae| values(&m.encode(&ids, &mask, &Context::eval()).expect("latent"));
        assert_eq!(latent(&model), latent(&again));
    }
}

#[test]
fn states_are_those_of_transformers() {
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/t5_encoder/expected.safetensors");
    let expected = candle_core::safetensors::load(path, &Device::Cpu).expect("the golden");
    let mut config = Config::sphere(SphereShape {
        vocab: 20,
        d_model: 16,
        heads: 2,
        d_ff: 24,
        decoder_layers: 1,
        ..shape(1)
    })
    .expect("a configuration");
    (config.t5.d_kv, config.t5.num_layers) = (6, Some(2));
    config.t5.relative_attention_num_buckets = 8;
    config.tvae = Some(TvaeConfig {
        family: Family::Seed,
        encoder: EncoderKind::T5,
        ..TvaeConfig::default()
    });
    let model = TransformerVae::new(config, 1, &Device::Cpu).expect("a model");
    let weights: Vec<(String, Tensor)> = expected
        .iter()
        .filter(|(name, _)| name.ends_with("weight"))
        .map(|(name, value)| (name.replace("shared.", "decoder.embed_tokens."), value.clone()))
        .collect();
    model.set_parameters(&weights).expect("every name is known");
    let mean = model
        .encoder_states(&expected["input_ids"], &expected["attention_mask"], &Context::eval())
        .expect("states");
    assert_eq!(mean.dims(), expected["mean"].dims());
    let off = apart(&values(&mean), &values(&expected["mean"]));
    assert!(off < 1e-5, "{off}");
}

#[test]
fn gradients_are_differences() {
    for model in models() {
        let (ids, mask) = batch(&ROWS, 8);
        let loss = || {
            let z = model.encode(&ids, &mask, &Context::eval())?;
            let n = z.elem_count();
            let weights: Vec<f32> = (0..n).map(|i| ((i * 37 % 19) as f32 - 9.0) / 9.0).collect();
            (z.flatten_all()? * Tensor::from_vec(weights, n, &Device::Cpu)?)?.sum_all()
        };
        let grads = loss().and_then(|l| l.backward()).expect("backward");
        let mut seen = 0;
        for (name, var) in model.parameters() {
            if !(name.starts_with("encoder") || name == "tvae.queries") {
                continue;
            }
            let gradient = values(grads.get(&var).unwrap_or_else(|| panic!("no gradient: {name}")));
            let scale = gradient.iter().fold(2e-2f32, |m, g| m.max(g.abs()));
            let start = values(&var);
            for at in (0..start.len()).step_by(1 + start.len() / 5) {
                let moved = |delta: f32| {
                    let mut moved = start.clone();
                    moved[at] += delta;
                    let moved = Tensor::from_vec(moved, var.shape(), &Device::Cpu).expect("tensor");
                    var.set(&moved).expect("set");
                    loss().and_then(|l| l.to_scalar::<f32>()).expect("loss")
                };
                let slope = (moved(2e-3) - moved(-2e-3)) / 4e-3;
                moved(0.0);
                let off = (slope - gradient[at]).abs();
                assert!(off < 3e-2 * scale, "{name} {at}: {slope} {}", gradient[at]);
                seen += 1;
            }
        }
        assert!(seen > 60, "{seen}");
    }
}

#[test]
fn shapes_that_cannot_be_are_told() {
    let many = configured(3, Queries::Pooled).expect_err("three latents of one mean");
    assert!(many.contains("n_latent_tokens"), "{many}");
    let train = |queries, latent_tokens, family| {
        let config = TrainConfig {
            encoder: EncoderKind::T5,
            queries,
            latent_tokens,
            family,
            noise: Noise::none(),
            ..TrainConfig::preset(Preset::Tiny, "python")
        };
        config.validate().map_err(|e| e.to_string())
    };
    train(true, 4, Family::Sphere).expect("queries");
    train(false, 1, Family::Sphere).expect("one latent");
    train(true, 1, Family::Seed).expect("one latent");
    let many = train(true, 4, Family::Seed).expect_err("the original's family has no queries");
    assert!(many.contains("latent_tokens = 4"), "{many}");
}

#[test]
fn it_trains_and_opens_like_any_model() {
    let texts: Vec<String> = (0..300)
        .map(|i| match i % 3 {
            0 => format!("value_{} = len(items, {})", i % 5, i % 17),
            1 => format!("return total + {}", i % 23),
            _ => format!("assert count == {}", i % 29),
        })
        .collect();
    for (family, queries, latent_tokens) in
        [(Family::Sphere, false, 1), (Family::Sphere, true, 2), (Family::Seed, false, 1)]
    {
        let config = TrainConfig {
            encoder: EncoderKind::T5,
            family,
            queries,
            latent_tokens,
            latent_size: 16,
            vocab: 384,
            d_model: 32,
            heads: 2,
            d_ff: 64,
            encoder_blocks: vec![1, 1],
            decoder_layers: 1,
            batch: 16,
            held_out: 20,
            pairs: 2,
            final_pairs: 2,
            budget: Budget::Steps(100),
            eval_steps: 100,
            // The original's family has no null latent.
            noise: if family == Family::Seed { Noise::none() } else { Noise::default() },
            ..TrainConfig::preset(Preset::Tiny, "python")
        };
        let python = domain("python").expect("python is a domain");
        let codec = python
            .train_codec(&mut texts.iter().map(String::as_str), config.vocab)
            .expect("a tokenizer");
        let encode = |lines: &[String]| {
            encode_corpus(&codec, lines, config.max_len, &mut |_| ()).expect("encoded lines")
        };
        let dir = tempfile::tempdir().expect("folder");
        struct Losses(Vec<f64>);
        impl Progress for Losses {
            fn report(&mut self, report: &Report) -> Result<(), TrainError> {
                if let Report::Step { cross_entropy, .. } = report {
                    self.0.push(*cross_entropy);
                }
                Ok(())
            }
        }
        let mut losses = Losses(Vec::new());
        let inputs = Inputs {
            domain: python,
            codec: &codec,
            train: &encode(&texts[..270]),
            held_out: &encode(&texts[270..]),
            examiner: None,
            data_name: "made up",
            start: None,
            device: Device::Cpu,
        };
        train(&config, &inputs, dir.path(), None, &mut [&mut losses], &StopSignal::new())
            .expect("a run");
        assert!(losses.0.last() < losses.0.first().map(|l| l * 0.8).as_ref(), "{:?}", losses.0);
        let model = LoadedModel::from_folder(dir.path()).expect("the model opens");
        let latents = model.encode(&texts[..2]).expect("latents");
        assert_eq!((latents[0].tokens, latents[0].size), (latent_tokens, 16));
    }
}
