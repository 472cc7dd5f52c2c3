//! The class loss: latents come to tell the labels of their lines, and a run with it resumes to the same bits.

use tvae_tui::corpus::Example;
use tvae_tui::train::{
    encode_corpus, Budget, Classes, Distill, Helpers, Objectives, Report, TrainConfig,
};

use super::{config, lines, resumes, state, Fixture};

fn weighted(weight: f64) -> TrainConfig {
    TrainConfig { classes: Classes { weight }, ..config() }
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
    assert_eq!((train.len(), train.labels()), (200, 3));
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
    for name in ["classes.weight", "classes.bias"] {
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
    let error = |labels| match Helpers::new(&config, labels, &candle_core::Device::Cpu) {
        Err(error) => error.to_string(),
        Ok(_) => "no error".to_owned(),
    };
    for labels in [0, 1] {
        let text = error(labels);
        assert!(text.contains("classes.weight = 0.5") && text.contains("--label-column"), "{text}");
    }
    assert_eq!(error(2), "no error");
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
