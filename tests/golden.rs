//! The model against what the original Transformer-VAE computed.
//!
//! `TVAE_GOLDENS` names a folder of goldens to use instead of the bundled ones.

use candle_core::{DType, Device, Tensor};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use tvae_tui::model::{Config, Context, TransformerVae};

const STEP: usize = 3000;

struct Golden {
    dir: PathBuf,
    model: TransformerVae,
    expected: HashMap<String, Tensor>,
}

/// Teacher-forced outputs of one golden.
struct Outputs {
    states: Tensor,
    latent: Tensor,
    encoding: Tensor,
    logits: Tensor,
    ce: Tensor,
    reg: Tensor,
    loss: Tensor,
}

fn folders() -> Vec<PathBuf> {
    let root = std::env::var_os("TVAE_GOLDENS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/goldens"),
        PathBuf::from,
    );
    let mut dirs: Vec<PathBuf> = std::fs::read_dir(&root)
        .unwrap_or_else(|e| panic!("{}: {e}", root.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    dirs.sort();
    assert!(!dirs.is_empty(), "no goldens in {}", root.display());
    dirs
}

fn goldens() -> Vec<Golden> {
    let open = |dir: PathBuf| {
        let model = TransformerVae::load(&dir, &Device::Cpu)
            .unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
        let expected = dir.join("expected.safetensors");
        let expected = candle_core::safetensors::load(&expected, &Device::Cpu)
            .unwrap_or_else(|e| panic!("{}: {e}", expected.display()));
        Golden { dir, model, expected }
    };
    folders().into_iter().map(open).collect()
}

impl Golden {
    fn expect(&self, name: &str) -> &Tensor {
        self.expected.get(name).unwrap_or_else(|| panic!("{}: no {name}", self.dir.display()))
    }

    fn input(&self) -> (Tensor, Tensor) {
        let ids = self.expect("input_ids").to_dtype(DType::U32).unwrap();
        let mask = self.expect("attention_mask").to_dtype(DType::F32).unwrap();
        (ids, mask)
    }

    fn run(&self) -> Outputs {
        let (model, ctx) = (&self.model, Context::eval());
        let (ids, mask) = self.input();
        let states = model.encoder_states(&ids, &mask, &ctx).unwrap();
        let latent = model.latents(&states).unwrap();
        let encoding = model.reconstruct(&latent).unwrap();
        let memory = model.memory(&latent).unwrap();
        let (b, s) = ids.dims2().unwrap();
        let start = Tensor::zeros((b, 1), DType::U32, &Device::Cpu).unwrap();
        let shifted = Tensor::cat(&[&start, &ids.narrow(1, 0, s - 1).unwrap()], 1).unwrap();
        let logits = model.decode(&shifted, &memory, None, &ctx).unwrap();
        let targets = ids.flatten_all().unwrap().to_vec1::<u32>().unwrap();
        let flat = logits.reshape(((), model.decoder_spec().vocab)).unwrap();
        let pad = model.decoder_spec().pad;
        let prior = self.expect("mmd_prior_samples");
        let loss = model.seed_loss(&flat, &targets, pad, &latent, prior, STEP).unwrap();
        Outputs {
            states,
            latent,
            encoding,
            logits,
            ce: loss.decoder_ce,
            reg: loss.reg_loss,
            loss: loss.loss,
        }
    }

    /// Largest difference to an expected tensor has to stay within `limit`.
    fn close(&self, name: &str, found: &Tensor, limit: f32) {
        let expected = self.expect(name);
        if found.elem_count() > 1 {
            assert_eq!(found.dims(), expected.dims(), "{}: {name}", self.dir.display());
        }
        let (found, expected) = (flat(found), flat(expected));
        assert_eq!(found.len(), expected.len(), "{}: {name}", self.dir.display());
        let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(found.iter().all(|x| x.is_finite()), "{}: {name}", self.dir.display());
        assert!(worst <= limit, "{}: {name} differs by {worst}", self.dir.display());
    }
}

fn norm(values: &[f32]) -> f32 {
    values.iter().map(|x| x * x).sum::<f32>().sqrt()
}

fn flat(x: &Tensor) -> Vec<f32> {
    x.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn forward_pass_matches() {
    for golden in goldens() {
        let found = golden.run();
        golden.close("encoder_last_hidden_state", &found.states, 1e-4);
        golden.close("latent", &found.latent, 1e-4);
        golden.close("reconstructed_encoding", &found.encoding, 1e-4);
        golden.close("logits", &found.logits, 1e-4);
        golden.close("decoder_ce", &found.ce, 1e-4);
        golden.close("reg_loss", &found.reg, 1e-4);
        golden.close("loss", &found.loss, 1e-4);
    }
}

#[test]
fn accuracies_match() {
    for golden in goldens() {
        let (ids, _) = golden.input();
        let pad = golden.model.decoder_spec().pad;
        let chosen = golden.run().logits.argmax(2).unwrap().to_vec2::<u32>().unwrap();
        let rows = ids.to_vec2::<u32>().unwrap();
        let (mut right, mut counted, mut whole) = (0, 0, 0);
        for (row, chosen) in rows.iter().zip(&chosen) {
            let tokens: Vec<_> = row.iter().zip(chosen).filter(|(id, _)| **id != pad).collect();
            let hits = tokens.iter().filter(|(id, chosen)| id == chosen).count();
            right += hits;
            counted += tokens.len();
            whole += usize::from(hits == tokens.len());
        }
        let scalar = |x: f32| Tensor::new(&[x], &Device::Cpu).unwrap();
        golden.close("token_accuracy", &scalar(right as f32 / counted as f32), 1e-6);
        golden.close("seq_accuracy", &scalar(whole as f32 / rows.len() as f32), 1e-6);
    }
}

#[test]
fn gradients_match() {
    for golden in goldens() {
        let gradients = golden.run().loss.backward().unwrap();
        let at = golden.dir.display();
        // A bias on all scores of a query has no effect: its gradient is zero but for rounding, in the
        // original too, and has no norm to compare with. Below this share of the whole gradient's
        // norm float32 says nothing.
        let expected = golden.expected.iter().filter(|(name, _)| name.starts_with("grad."));
        let whole = norm(&expected.map(|(_, x)| norm(&flat(x))).collect::<Vec<_>>());
        let rounding = 1e-7 * whole;
        let mut held = 0;
        for (name, var) in golden.model.parameters() {
            let Some(expected) = golden.expected.get(&format!("grad.{name}")) else {
                continue;
            };
            let expected = flat(expected);
            let found =
                gradients.get(var.as_tensor()).map_or_else(|| vec![0.0; expected.len()], flat);
            let size = norm(&expected);
            let difference: Vec<f32> = expected.iter().zip(&found).map(|(a, b)| a - b).collect();
            let off = norm(&difference);
            let limit = (1e-3 * size).max(rounding);
            assert!(off <= limit, "{at}: grad.{name} off by {off} of {size}");
            held += 1;
        }
        let all = golden.expected.keys().filter(|name| name.starts_with("grad.")).count();
        assert_eq!(held, all, "{at}: gradients of unknown parameters");
    }
}

/// Slerp of two vectors with clamped angles; linear where they are nearly parallel or opposite.
fn slerp(a: &[f32], b: &[f32], t: f64) -> Vec<f32> {
    let dot = |x: &[f32], y: &[f32]| -> f64 {
        x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
    };
    let cosine = (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()).clamp(-1.0, 1.0);
    let angle = cosine.acos();
    let (wa, wb) = if angle.sin().abs() < 1e-6 {
        (1.0 - t, t)
    } else {
        (((1.0 - t) * angle).sin() / angle.sin(), (t * angle).sin() / angle.sin())
    };
    a.iter().zip(b).map(|(x, y)| (wa * f64::from(*x) + wb * f64::from(*y)) as f32).collect()
}

/// Replaced by `latent::ladder(&a, &b, &ratios, Path::PerToken | Path::AllAtOnce)`.
fn ladder(latent: &Tensor, per_token: bool) -> Tensor {
    let (_, n, size) = latent.dims3().unwrap();
    let (a, b) = (flat(&latent.get(0).unwrap()), flat(&latent.get(1).unwrap()));
    let width = if per_token { size } else { n * size };
    let values: Vec<f32> = (0..11)
        .flat_map(|rung| {
            let pairs = a.chunks(width).zip(b.chunks(width));
            pairs.flat_map(|(a, b)| slerp(a, b, f64::from(rung) / 10.0)).collect::<Vec<_>>()
        })
        .collect();
    Tensor::from_vec(values, (11, n, size), &Device::Cpu).unwrap()
}

#[test]
fn ladders_match() {
    for golden in goldens() {
        let (ids, mask) = golden.input();
        let ctx = Context::eval();
        let latent = golden.model.encode(&ids, &mask, &ctx).unwrap();
        for (name, per_token) in [("ladder_per_token", true), ("ladder_all_at_once", false)] {
            let rungs = ladder(&latent, per_token);
            golden.close(name, &rungs, 1e-5);
            let memory = golden.model.memory(&rungs).unwrap();
            let expected = golden.expect(&format!("{name}_tokens"));
            let expected = expected.to_dtype(DType::U32).unwrap().to_vec2::<u32>().unwrap();
            let start = golden.model.decoder_spec().start;
            let mut inputs = vec![vec![start]; 11];
            for step in 0..expected[0].len() - 1 {
                let ids = Tensor::new(inputs.clone(), &Device::Cpu).unwrap();
                let logits = golden.model.decode(&ids, &memory, None, &ctx).unwrap();
                let last = logits.narrow(1, step, 1).unwrap().squeeze(1).unwrap();
                if step == 0 {
                    golden.close(&format!("{name}_first_logits"), &last, 1e-4);
                }
                let chosen = last.argmax(1).unwrap().to_vec1::<u32>().unwrap();
                for (row, id) in inputs.iter_mut().zip(chosen) {
                    row.push(id);
                }
            }
            assert_eq!(inputs, expected, "{}: {name}_tokens", golden.dir.display());
        }
    }
}

#[test]
fn pickled_checkpoints_load_equal() {
    for dir in folders().into_iter().filter(|dir| dir.join("pytorch_model.bin").exists()) {
        let alone = tempfile::tempdir().unwrap();
        for name in ["config.json", "pytorch_model.bin"] {
            std::fs::copy(dir.join(name), alone.path().join(name)).unwrap();
        }
        let one = TransformerVae::load(&dir, &Device::Cpu).unwrap();
        let other = TransformerVae::load(alone.path(), &Device::Cpu).unwrap();
        assert_equal_parameters(&one, &other);
    }
}

#[test]
fn saved_checkpoints_load_equal() {
    for golden in goldens() {
        let at = golden.dir.display();
        let dir = tempfile::tempdir().unwrap();
        golden.model.save(dir.path(), DType::F32).unwrap();
        assert_equal_parameters(
            &golden.model,
            &TransformerVae::load(dir.path(), &Device::Cpu).unwrap(),
        );
        let layout = |dir: &Path| -> BTreeMap<String, (DType, Vec<usize>)> {
            let file = dir.join("model.safetensors");
            let tensors = candle_core::safetensors::load(file, &Device::Cpu).unwrap();
            let entry = |(name, t): (String, Tensor)| (name, (t.dtype(), t.dims().to_vec()));
            tensors.into_iter().map(entry).collect()
        };
        assert_eq!(layout(&golden.dir), layout(dir.path()), "{at}");
        let document = |dir: &Path| -> Value {
            let text = std::fs::read_to_string(dir.join("config.json")).unwrap();
            serde_json::from_str(&text).unwrap()
        };
        assert_eq!(document(&golden.dir), document(dir.path()), "{at}");
    }
}

#[test]
fn half_precision_loads_near() {
    for golden in goldens() {
        for dtype in [DType::F16, DType::BF16] {
            let dir = tempfile::tempdir().unwrap();
            golden.model.save(dir.path(), dtype).unwrap();
            let loaded = TransformerVae::load(dir.path(), &Device::Cpu).unwrap();
            for ((name, a), (_, b)) in golden.model.parameters().iter().zip(loaded.parameters()) {
                assert_eq!(b.dtype(), DType::F32);
                let near = |(a, b): (&f32, f32)| (a - b).abs() <= 1e-2 * a.abs().max(1e-2);
                assert!(flat(a).iter().zip(flat(&b)).all(near), "{name} as {dtype:?}");
            }
        }
    }
}

#[test]
fn unknown_keys_are_errors_only_under_tvae() {
    for dir in folders() {
        let text = std::fs::read_to_string(dir.join("config.json")).unwrap();
        let mut document: Value = serde_json::from_str(&text).unwrap();
        document["not_ours"] = Value::from(1);
        let config = Config::from_json(document.to_string()).unwrap();
        let saved: Value = serde_json::from_str(&config.to_json()).unwrap();
        assert_eq!(saved, document);
        document["tvae"] = serde_json::json!({ "family": "seed", "slot": true });
        let error = Config::from_json(document.to_string()).unwrap_err().to_string();
        assert!(error.contains("`slot`"), "{error}");
    }
}

fn assert_equal_parameters(one: &TransformerVae, other: &TransformerVae) {
    assert_eq!(one.config(), other.config());
    let (one, other) = (one.parameters(), other.parameters());
    assert_eq!(one.len(), other.len());
    for ((name, a), (same, b)) in one.iter().zip(&other) {
        assert_eq!(name, same);
        assert_eq!(a.dims(), b.dims(), "{name}");
        assert_eq!(flat(a), flat(b), "{name}");
    }
}
