//! The class loss: latents come to tell the labels of their lines, and a run with it resumes to the same bits.

use tvae_tui::corpus::Example;
use tvae_tui::latent::{ladder, Path};
use tvae_tui::model::TransformerVae;
use tvae_tui::train::{encode_corpus, Budget, Classes, Distill, Objectives, Report, TrainConfig};

use super::{config, lines, resumes, state, Fixture};

fn weighted(weight: f64) -> TrainConfig {
    TrainConfig { classes: Classes { weight, ..Classes::default() }, ..config() }
}

/// Lines that have the kind of their statement for a label, but for every tenth, which has none.
fn labelled(config: &TrainConfig) -> Fixture {
    let plain = Fixture::new(config, 200);
    let label = |i: usize, text: &str| {
        let kind = ["append", "return"].into_iter().find(|kind| text.contains(kind));
        (!i.is_multiple_of(10)).then(|| kind.unwrap_or("assignment").to_owned())
    };
    let examples: Vec<Example> = lines(200)
        .into_iter()
        .enumerate()
        .map(|(i, text)| Example { label: label(i, &text), text })
        .collect();
    let train =
        encode_corpus(&plain.codec, &examples, config.max_len, &mut |_| ()).expect("encoded");
    assert_eq!((train.len(), train.labels().join(" ")), (200, "append assignment return".into()));
    Fixture { train, ..plain }
}

fn told(report: &Report) -> Objectives {
    match report {
        Report::Step { objectives, .. } => *objectives,
        _ => Objectives::default(),
    }
}

#[test]
fn latents_come_to_tell_labels_and_the_run_resumes() {
    let config = TrainConfig { budget: Budget::Steps(120), ..weighted(1.0) };
    let (state, reports) = resumes(&labelled(&config), &config);
    let values: Vec<f64> = reports.iter().filter_map(|r| told(r).classes).collect();
    let (first, last) = (values[0], values[values.len() - 1]);
    assert!(first <= 1.01 * 3f64.ln(), "{values:?}");
    assert!(last < 0.35 * first, "{values:?}");
    for name in ["p.tvae.labels.weight", "p.tvae.labels.bias"] {
        assert!(state[name].iter().any(|&v| v != 0.0), "{name}");
    }
}

#[test]
fn without_a_weight_no_label_counts() {
    let config = config();
    let dir = tempfile::tempdir().expect("folder");
    let (plain, with) = (Fixture::new(&config, 200), labelled(&config));
    let trained = |fixture: &Fixture, name: &str| {
        let dir = dir.path().join(name);
        std::fs::create_dir(&dir).expect("folder");
        fixture.run(&config, &dir, None, false);
        state(&dir)
    };
    assert!(trained(&plain, "plain") == trained(&with, "labelled"));
}

#[test]
fn data_without_labels_are_refused_by_name() {
    let config = weighted(0.5);
    let dir = tempfile::tempdir().expect("folder");
    let error = Fixture::new(&config, 200).refused(&config, dir.path());
    assert!(error.contains("classes.weight = 0.5") && error.contains("--label-column"), "{error}");
}

#[test]
fn a_decoder_that_is_told_labels_hears_one_of_them_and_starts_as_it_was() {
    let told = |decoder| TrainConfig {
        budget: Budget::Steps(60),
        classes: Classes { weight: 1.0, decoder },
        ..config()
    };
    let dir = tempfile::tempdir().expect("folder");
    let at = |name: &str| dir.path().join(name);
    let device = candle_core::Device::Cpu;
    let fixture = labelled(&told(false));
    std::fs::create_dir(at("plain")).expect("folder");
    fixture.run(&told(false), &at("plain"), None, false);
    let plain = TransformerVae::load(&at("plain"), &device).expect("a model");
    assert!(plain.config().labels().is_some_and(|labels| !labels.decoder));

    // One that goes on from it decodes as it did before its first step.
    let shape = plain.config().clone();
    let shape = told(true)
        .model_config_for(&fixture.codec, shape.vocab_size(), fixture.train.labels())
        .expect("a shape");
    let more = TransformerVae::new(shape, 1, &device).expect("a model");
    more.start_from(&plain).expect("the same weights");
    let ids: Vec<Vec<u32>> = (0..8).map(|i| fixture.train.line(i).to_vec()).collect();
    let latents = plain.encode_lines(&ids).expect("latents");
    assert_eq!(more.memory_values(&latents).unwrap(), plain.memory_values(&latents).unwrap());

    std::fs::create_dir(at("told")).expect("folder");
    fixture.run(&told(true), &at("told"), None, false);
    let model = TransformerVae::load(&at("told"), &device).expect("a model");
    let labels = model.config().labels().expect("labels");
    assert_eq!((labels.names.len(), labels.decoder), (3, true));
    // On the way between two lines of different labels the memory jumps where the label changes and nowhere else.
    let class = |i: usize| fixture.train.class(i);
    let (a, b) = (1, (2..).find(|&i| class(i).is_some_and(|c| Some(c) != class(1))).expect("one"));
    let ends = [a, b].map(|i| fixture.train.line(i).to_vec());
    let ends = model.encode_lines(&ends).expect("latents");
    let ratios: Vec<f32> = (0..=2000).map(|k| k as f32 / 2000.0).collect();
    let way = ladder(&ends[0], &ends[1], &ratios, Path::PerToken).expect("a way");
    let told: Vec<u32> =
        model.tell_labels(&way).expect("labels").into_iter().map(|(label, _)| label).collect();
    assert!(told.first() != told.last(), "{told:?}");
    let memory = model.memory_values(&way).expect("memory");
    let width = memory.len() / way.len();
    let step = |k: usize| {
        let rows = [k, k + 1].map(|k| &memory[k * width..(k + 1) * width]);
        rows[0].iter().zip(rows[1]).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
    };
    let (mut still, mut jump) = (0f32, f32::INFINITY);
    for k in 0..2000 {
        if told[k] == told[k + 1] {
            still = still.max(step(k));
        } else {
            jump = jump.min(step(k));
        }
    }
    assert!(jump > 2.0 * still, "{jump} {still}");
}

#[test]
fn a_model_that_tells_labels_is_gone_on_with_by_runs_that_tell_the_same() {
    let config = TrainConfig {
        budget: Budget::Steps(2),
        classes: Classes { weight: 1.0, decoder: true },
        ..config()
    };
    let dir = tempfile::tempdir().expect("folder");
    let at = |name: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir(&path).expect("folder");
        path
    };
    let first = at("first");
    labelled(&config).run(&config, &first, None, false);
    let start = || Some(first.clone());
    let refused = |config: &TrainConfig, name: &str, fixture: Fixture| {
        Fixture { start: start(), ..fixture }.refused(config, &at(name))
    };
    let without = TrainConfig { classes: Classes::default(), ..config.clone() };
    let error = refused(&without, "without", Fixture::new(&config, 200));
    assert!(error.contains("append, assignment, return") && error.contains("none"), "{error}");
    let layer = Classes { weight: 1.0, decoder: false };
    let error =
        refused(&TrainConfig { classes: layer, ..config.clone() }, "layer", labelled(&config));
    assert!(error.contains("classes.decoder = true"), "{error}");
    let same = Fixture { start: start(), ..labelled(&config) };
    assert!(!same.run(&config, &at("same"), None, false).is_empty());
    let alone = TrainConfig { classes: Classes { weight: 0.0, decoder: true }, ..config };
    let error = alone.validate().expect_err("no such run").to_string();
    assert!(error.contains("classes.decoder = true needs a classes.weight above 0"), "{error}");
}

#[test]
fn distilled_texts_can_be_asked_to_be_told_for_an_end() {
    let distill = |sure| Distill { share: 0.15, from: 0.5, edge: 0.1, sure, ..Distill::default() };
    let texts = |sure| {
        let config = TrainConfig {
            budget: Budget::Steps(200),
            batch: 32,
            distill: distill(sure),
            ..weighted(0.3)
        };
        let dir = tempfile::tempdir().expect("folder");
        let reports = labelled(&config).run(&config, dir.path(), None, false);
        // Reports are of as many steps as there was time for: whether there were any texts is what can be asked.
        reports.iter().filter_map(|r| told(r).distilled_texts).sum::<f64>()
    };
    let (any, some, none) = (texts(0.0), texts(0.6), texts(1.0));
    assert!(any > 0.0 && some > 0.0 && none == 0.0, "{any} {some} {none}");
    let config = TrainConfig { distill: distill(0.9), ..config() };
    let text = config.validate().expect_err("no such run").to_string();
    assert!(text.contains("distill.sure = 0.9") && text.contains("classes.weight"), "{text}");
}
