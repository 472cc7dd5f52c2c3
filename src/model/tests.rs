//! What the goldens cannot say: the `sphere` family, initialisation, dropout, regularisers.

mod growth;
mod pictures;

use super::*;
use crate::latent::Latent;
use candle_nn::optim::{AdamW, Optimizer, ParamsAdamW};

fn shape() -> SphereShape {
    SphereShape {
        vocab: 40,
        d_model: 32,
        heads: 4,
        d_ff: 64,
        encoder_blocks: vec![1, 2],
        decoder_layers: 2,
        latent_tokens: 3,
        latent_size: 8,
        max_len: 16,
        pad: 1,
        eos: 0,
    }
}

fn variants() -> Vec<Config> {
    let mut configs = Vec::new();
    for queries in [Queries::Prepended, Queries::Pooled] {
        for bottleneck in [Bottleneck::Sphere, Bottleneck::Tanh, Bottleneck::None] {
            let mut config = Config::sphere(shape()).unwrap();
            let slots = bottleneck != Bottleneck::Tanh;
            let tvae = config.tvae.clone().unwrap();
            config.tvae = Some(TvaeConfig { queries, bottleneck, slots, ..tvae });
            configs.push(config);
        }
    }
    configs
}

/// A decoder that is told what is open: 10 and 11 open brackets, 12 closes one, 13 is a quote.
fn nesting() -> Config {
    let mut config = Config::sphere(shape()).unwrap();
    let nesting = NestingConfig {
        open: vec![vec![10], vec![11]],
        close: vec![12],
        quote: vec![vec![13]],
        escape: Vec::new(),
        roles: String::new(),
    };
    config.tvae.as_mut().unwrap().nesting = Some(nesting);
    config
}

/// One that is told of clauses as well: 5 is `if`, 6 `else`, 7 a comma, all others are words.
fn clauses() -> Config {
    let mut config = nesting();
    let roles = (0..config.t5.vocab_size).map(|id| match id {
        5 => 'I',
        6 => 'E',
        7 => ',',
        8 | 9 => 'W',
        _ => ' ',
    });
    let nesting = config.tvae.as_mut().and_then(|tvae| tvae.nesting.as_mut()).unwrap();
    nesting.roles = roles.collect();
    config
}

fn model(config: Config) -> TransformerVae {
    TransformerVae::new(config, 7, &Device::Cpu).unwrap()
}

/// Ids and mask of rows, padded to `len`.
fn batch(rows: &[&[u32]], len: usize) -> (Tensor, Tensor) {
    let at = |pick: fn(Option<&u32>) -> f32| -> Vec<f32> {
        rows.iter().flat_map(|row| (0..len).map(move |i| pick(row.get(i)))).collect()
    };
    let ids = at(|id| id.map_or(1.0, |id| *id as f32));
    let mask = at(|id| f32::from(u8::from(id.is_some())));
    let tensor = |v| Tensor::from_vec(v, (rows.len(), len), &Device::Cpu).unwrap();
    (tensor(ids).to_dtype(DType::U32).unwrap(), tensor(mask))
}

fn flat(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

fn apart(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    flat(a).iter().zip(flat(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

const ROWS: [&[u32]; 3] = [&[5, 6, 7, 8, 9, 0], &[12, 13, 0], &[20, 21, 22, 23, 24, 25, 26, 0]];

#[test]
fn padding_does_not_move_sphere_latents() {
    for config in variants() {
        let model = model(config);
        let ctx = Context::eval();
        let together = {
            let (ids, mask) = batch(&ROWS, 11);
            model.encode(&ids, &mask, &ctx).unwrap()
        };
        assert_eq!(together.dims(), [3, 3, 8]);
        for (at, row) in ROWS.iter().enumerate() {
            let (ids, mask) = batch(&[row], row.len());
            let alone = model.encode(&ids, &mask, &ctx).unwrap();
            let off = apart(&alone.get(0).unwrap(), &together.get(at).unwrap());
            assert!(off < 1e-4, "{:?}: {off}", model.config().tvae);
        }
    }
}

#[test]
fn pooled_latents_are_as_many_for_a_short_text() {
    for family in [Family::Sphere, Family::Seed] {
        let mut config = Config::sphere(shape()).unwrap();
        let tvae = config.tvae.as_mut().unwrap();
        (tvae.family, tvae.queries) = (family, Queries::Pooled);
        let model = model(config);
        let (ids, mask) = batch(&[&[5, 0]], 2);
        let z = model.encode(&ids, &mask, &Context::eval()).unwrap();
        assert_eq!(z.dims(), [1, 3, 8], "{family:?}");
    }
}

#[test]
fn a_decoder_is_told_what_is_open_by_its_tokens() {
    let model = model(nesting());
    let z = Tensor::ones((2, 3, 8), DType::F32, &Device::Cpu).unwrap();
    let memory = model.memory(&z).unwrap();
    let logits = |rows: [&[u32]; 2]| {
        let (ids, _) = batch(&rows, rows[0].len());
        model.decode(&ids, &memory, None, &Context::eval()).unwrap()
    };
    let set = |open: f32| {
        let class = numeric::Nested::default().after(numeric::Turn::Open(0)).class();
        let mut table = vec![0f32; numeric::Nested::CLASSES * 32];
        table[class * 32..(class + 1) * 32].fill(open);
        let table = Tensor::from_vec(table, (numeric::Nested::CLASSES, 32), &Device::Cpu).unwrap();
        model.set_parameters(&[("tvae.nesting".to_owned(), table)]).unwrap();
        logits([&[0, 10, 5, 12, 6], &[0, 5, 6, 11, 8]])
    };
    let (untold, told) = (set(0.0), set(1.0));
    let off = |row: usize, at: usize| {
        let of = |x: &Tensor| x.get(row).and_then(|x| x.get(at)).unwrap();
        apart(&of(&told), &of(&untold))
    };
    assert_eq!(off(0, 0), 0.0, "in front of the bracket");
    assert!(off(0, 1) > 1e-4, "behind it");
    assert!((0..5).all(|at| off(1, at) == 0.0), "a bracket of another kind");
    assert!(!TransformerVae::decays("tvae.nesting"));
}

#[test]
fn a_decoder_is_told_of_clauses_by_its_tokens() {
    let model = model(clauses());
    let z = Tensor::ones((2, 3, 8), DType::F32, &Device::Cpu).unwrap();
    let memory = model.memory(&z).unwrap();
    // Only the row of a condition that waits for its other side, behind an operand, is there.
    let waiting = model.nesting().unwrap().behind(&[0, 8, 5, 9]).last().unwrap().clauses.class();
    let rows = numeric::Clauses::CLASSES + numeric::Clauses::HEADS;
    let logits = |value: f32| {
        let mut table = vec![0f32; rows * 32];
        table[waiting * 32..(waiting + 1) * 32].fill(value);
        let table = Tensor::from_vec(table, (rows, 32), &Device::Cpu).unwrap();
        model.set_parameters(&[("tvae.clauses".to_owned(), table)]).unwrap();
        let (ids, _) = batch(&[&[0, 8, 5, 9, 6, 9], &[0, 8, 8, 9, 7, 9]], 6);
        model.decode(&ids, &memory, None, &Context::eval()).unwrap()
    };
    let (untold, told) = (logits(0.0), logits(1.0));
    let off = |row: usize, at: usize| {
        let of = |x: &Tensor| x.get(row).and_then(|x| x.get(at)).unwrap();
        apart(&of(&told), &of(&untold))
    };
    assert_eq!([off(0, 1), off(0, 2)], [0.0; 2], "in front of it");
    assert!(off(0, 3) > 1e-4, "where it waits");
    assert!((0..6).all(|at| off(1, at) == 0.0), "without a condition");
}

#[test]
fn a_sequence_of_one_token_encodes_and_decodes() {
    for config in variants() {
        let model = model(config);
        let (ids, mask) = batch(&[&[0]], 1);
        let z = model.encode(&ids, &mask, &Context::eval()).unwrap();
        let memory = model.memory(&z).unwrap();
        let logits = model.decode(&ids, &memory, None, &Context::eval()).unwrap();
        assert_eq!(logits.dims(), [1, 1, 40]);
        assert!(flat(&logits).iter().all(|x| x.is_finite()));
    }
}

#[test]
fn sphere_latents_have_radius_root_of_size() {
    let model = model(Config::sphere(shape()).unwrap());
    let (ids, mask) = batch(&ROWS, 8);
    let z = model.encode(&ids, &mask, &Context::eval()).unwrap();
    let off = (z * 1.7).unwrap();
    for token in flat(&model.project(&off).unwrap()).chunks(8) {
        let square: f32 = token.iter().map(|x| x * x).sum();
        assert!((square - 8.0).abs() < 1e-3, "{square}");
    }
}

#[test]
fn order_of_tokens_moves_latents() {
    let model = model(Config::sphere(shape()).unwrap());
    let (ids, mask) = batch(&[&[5, 6, 7, 8, 0], &[8, 7, 6, 5, 0]], 5);
    let z = model.encode(&ids, &mask, &Context::eval()).unwrap();
    assert!(apart(&z.get(0).unwrap(), &z.get(1).unwrap()) > 1e-4);
}

#[test]
fn later_inputs_leave_earlier_logits_alone() {
    let model = model(Config::sphere(shape()).unwrap());
    let ctx = Context::eval();
    let (ids, mask) = batch(&[&[5, 6, 7, 8, 0]], 5);
    let memory = model.memory(&model.encode(&ids, &mask, &ctx).unwrap()).unwrap();
    let (other, _) = batch(&[&[5, 6, 7, 30, 31]], 5);
    let logits = |ids| model.decode(ids, &memory, None, &ctx).unwrap();
    let (a, b) = (logits(&ids), logits(&other));
    let first = |x: &Tensor| x.narrow(1, 0, 3).unwrap();
    assert!(apart(&first(&a), &first(&b)) < 1e-6);
    assert!(apart(&a, &b) > 1e-5);
}

#[test]
fn a_masked_memory_position_does_not_count() {
    let model = model(Config::sphere(shape()).unwrap());
    let (ids, _) = batch(&[&[5, 6, 7]], 3);
    let ctx = Context::eval();
    let memory = model.null_memory(1).unwrap().randn_like(0.0, 1.0).unwrap();
    let mask = Tensor::new(&[[1_f32, 1.0, 0.0]], &Device::Cpu).unwrap();
    let masked = model.decode(&ids, &memory, Some(&mask), &ctx).unwrap();
    let short = memory.narrow(1, 0, 2).unwrap().contiguous().unwrap();
    let short = model.decode(&ids, &short, None, &ctx).unwrap();
    assert!(apart(&masked, &short) < 1e-5);
}

#[test]
fn every_parameter_gets_a_gradient() {
    for config in variants().into_iter().chain([nesting(), clauses()]) {
        let model = model(config);
        let (ids, mask) = batch(&ROWS, 8);
        let ctx = Context::eval();
        let z = model.encode(&ids, &mask, &ctx).unwrap();
        let memory = (model.memory(&z).unwrap() + model.null_memory(3).unwrap()).unwrap();
        let logits = model.decode(&ids, &memory, None, &ctx).unwrap();
        let gradients = logits.sqr().unwrap().mean_all().unwrap().backward().unwrap();
        for (name, var) in model.parameters() {
            let gradient = gradients.get(var.as_tensor());
            let gradient = gradient.unwrap_or_else(|| panic!("{name} has no gradient"));
            assert!(flat(gradient).iter().all(|x| x.is_finite()), "{name}");
        }
    }
}

#[test]
fn equal_seeds_give_equal_models() {
    let config = Config::sphere(shape()).unwrap();
    let draw = |seed| TransformerVae::new(config.clone(), seed, &Device::Cpu).unwrap().parameters();
    let (one, same, other) = (draw(3), draw(3), draw(4));
    let mut differing = 0;
    for (at, (name, var)) in one.iter().enumerate() {
        assert_eq!(flat(var), flat(&same[at].1), "{name}");
        differing += usize::from(flat(var) != flat(&other[at].1));
    }
    assert!(differing > one.len() / 2);
}

#[test]
fn a_sphere_model_survives_its_files() {
    for config in variants().into_iter().chain([nesting(), clauses()]) {
        let model = model(config);
        let dir = tempfile::tempdir().unwrap();
        model.save(dir.path(), DType::F32).unwrap();
        model.save(dir.path(), DType::F32).unwrap();
        let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(names.len(), 2, "temporary files are left behind");
        let text = std::fs::read_to_string(dir.path().join("config.json")).unwrap();
        let bytes = std::fs::read(dir.path().join("model.safetensors")).unwrap();
        for loaded in [
            TransformerVae::load(dir.path(), &Device::Cpu).unwrap(),
            TransformerVae::from_bytes(&text, &bytes, &Device::Cpu).unwrap(),
        ] {
            assert_eq!(loaded.config().tvae, model.config().tvae);
            for ((name, a), (_, b)) in model.parameters().iter().zip(loaded.parameters()) {
                assert_eq!(flat(a), flat(&b), "{name}");
            }
        }
    }
}

#[test]
fn broken_files_are_errors_that_name_the_fault() {
    let dir = tempfile::tempdir().unwrap();
    let model = model(Config::sphere(shape()).unwrap());
    model.save(dir.path(), DType::F16).unwrap();
    let load = || TransformerVae::load(dir.path(), &Device::Cpu).unwrap_err().to_string();
    let mut wider = Config::sphere(SphereShape { latent_size: 9, ..shape() }).unwrap();
    std::fs::write(dir.path().join("config.json"), wider.to_json()).unwrap();
    assert!(load().contains("token_to_latent"), "{}", load());
    wider = Config::sphere(SphereShape { decoder_layers: 3, ..shape() }).unwrap();
    std::fs::write(dir.path().join("config.json"), wider.to_json()).unwrap();
    assert!(load().contains("decoder.block.2"), "{}", load());
    std::fs::write(dir.path().join("model.safetensors"), b"\x10\0\0\0\0\0\0\0not json").unwrap();
    assert!(load().contains("model.safetensors"), "{}", load());
    std::fs::remove_file(dir.path().join("model.safetensors")).unwrap();
    assert!(load().contains("neither"), "{}", load());
}

#[test]
fn set_parameters_writes_what_was_asked() {
    let config = Config::sphere(shape()).unwrap();
    let (one, other) =
        (model(config.clone()), TransformerVae::new(config, 8, &Device::Cpu).unwrap());
    let values: Vec<_> = one.parameters().into_iter().map(|(n, v)| (n, v.into_inner())).collect();
    other.set_parameters(&values).unwrap();
    let (ids, mask) = batch(&ROWS, 8);
    let encode = |m: &TransformerVae| m.encode(&ids, &mask, &Context::eval()).unwrap();
    assert_eq!(flat(&encode(&one)), flat(&encode(&other)));
    let unknown = vec![("nothing".to_owned(), values[0].1.clone())];
    assert!(other.set_parameters(&unknown).unwrap_err().to_string().contains("nothing"));
}

#[test]
fn dropout_is_seeded_and_fades_with_its_rate() {
    let mut config = Config::sphere(shape()).unwrap();
    let rate = |config: &mut Config, rate| {
        config.funnel.hidden_dropout = rate;
        config.funnel.attention_dropout = rate;
        config.t5.dropout_rate = rate;
    };
    let (ids, mask) = batch(&ROWS, 8);
    let run = |config: &Config, ctx: &Context| {
        let model = model(config.clone());
        let memory = model.memory(&model.encode(&ids, &mask, ctx).unwrap()).unwrap();
        model.decode(&ids, &memory, None, ctx).unwrap()
    };
    rate(&mut config, 0.2);
    let seeded = |seed| run(&config, &Context::train(seed));
    assert_eq!(flat(&seeded(1)), flat(&seeded(1)));
    assert!(apart(&seeded(1), &seeded(2)) > 1e-4);
    let still = run(&config, &Context::eval());
    rate(&mut config, 1e-12);
    assert!(apart(&still, &run(&config, &Context::train(1))) < 1e-5);
}

#[test]
fn imq_is_small_for_the_prior_and_large_for_a_collapse() {
    let model = model(Config::sphere(shape()).unwrap());
    let draw = || {
        let x = Tensor::randn(0_f32, 1.0, (400, 8), &Device::Cpu).unwrap();
        model.project(&x).unwrap()
    };
    let value = |x: &Tensor| mmd_imq(x, &draw()).unwrap().to_scalar::<f32>().unwrap();
    let collapsed = draw().narrow(0, 0, 1).unwrap().repeat((400, 1)).unwrap();
    assert!(value(&draw()).abs() < 0.02, "{}", value(&draw()));
    assert!(value(&collapsed) > 0.5, "{}", value(&collapsed));
}

#[test]
fn decay_spares_biases_norms_and_embeddings_of_ours() {
    for name in [
        "encoder.blocks.0.0.attention.k_head.bias",
        "encoder.blocks.0.0.attention.r_w_bias",
        "encoder.blocks.0.0.ffn.layer_norm.weight",
        "decoder.final_layer_norm.weight",
        "vae.decoder.norm.weight",
        "vae.decoder.norm.bias",
        "tvae.slots",
    ] {
        assert!(!TransformerVae::decays(name), "{name}");
    }
    for name in [
        EMBEDDING,
        "vae.decoder.latent_to_token.weight",
        "vae.decoder.norm.DenseReluDense.wi.weight",
    ] {
        assert!(TransformerVae::decays(name), "{name}");
    }
}

#[test]
fn the_decoder_hears_its_first_direction_better_than_its_last() {
    for config in variants() {
        let model = model(config);
        let (geometry, shape) = (model.geometry(), shape());
        let all = model.decoder_directions(usize::MAX).unwrap();
        assert_eq!((all.len(), all[0].len()), (shape.latent_tokens, shape.latent_size));
        let (ids, mask) = batch(&ROWS, 8);
        let z = flat(&model.encode(&ids, &mask, &Context::eval()).unwrap());
        let latents: Vec<Latent> = z
            .chunks(shape.latent_tokens * shape.latent_size)
            .map(|v| Latent { tokens: shape.latent_tokens, size: 8, values: v.to_vec() })
            .collect();
        // How far the memory moves over all tokens and steps both ways.
        let change = |rank: usize| -> f32 {
            let mut sum = 0.0;
            for (token, axes) in all.iter().enumerate() {
                let d = shape.d_model;
                let memory = |strength| {
                    let step = |z| axes[rank].step(z, strength, geometry).unwrap();
                    model.memory_values(&latents.iter().map(step).collect::<Vec<_>>()).unwrap()
                };
                let still = memory(0.0);
                for strength in [-0.5, 0.5] {
                    for (i, (a, b)) in memory(strength).iter().zip(&still).enumerate() {
                        let own = i / d % shape.latent_tokens == token;
                        assert!(own || a == b, "another token of the memory moves");
                        sum += (a - b) * (a - b);
                    }
                }
            }
            sum
        };
        let last = shape.latent_size - 1;
        assert!(change(0) > 1.5 * change(last), "{geometry:?} {} {}", change(0), change(last));
    }
}

#[test]
fn a_small_sphere_model_learns_to_copy() {
    let model = model(Config::sphere(shape()).unwrap());
    let vars = model.parameters().into_iter().map(|(_, var)| var).collect();
    let options = ParamsAdamW { lr: 1.5e-3, ..ParamsAdamW::default() };
    let mut optimiser = AdamW::new(vars, options).unwrap();
    let rows: Vec<Vec<u32>> = (0..16)
        .map(|i| vec![3 + i, 3 + (i * 7) % 31, 3 + (i * 5) % 29, 3 + (i * 3) % 23, 0])
        .collect();
    let rows: Vec<&[u32]> = rows.iter().map(Vec::as_slice).collect();
    let (ids, mask) = batch(&rows, 5);
    let start = Tensor::zeros((16, 1), DType::U32, &Device::Cpu).unwrap();
    let inputs = Tensor::cat(&[&start, &ids.narrow(1, 0, 4).unwrap()], 1).unwrap();
    let targets = ids.flatten_all().unwrap().to_vec1::<u32>().unwrap();
    let ctx = Context::eval();
    let mut last = f32::INFINITY;
    for _ in 0..300 {
        let memory = model.memory(&model.encode(&ids, &mask, &ctx).unwrap()).unwrap();
        let hidden = model.decode_hidden(&inputs, &memory, None, &ctx).unwrap();
        let logits = model.head(&hidden.reshape(((), 32)).unwrap()).unwrap();
        let loss = numeric::cross_entropy(&logits, &targets, 1, 0.0).unwrap();
        optimiser.backward_step(&loss).unwrap();
        last = loss.to_scalar().unwrap();
    }
    assert!(last < 0.1, "{last}");
}

#[test]
fn a_model_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<TransformerVae>();
}
