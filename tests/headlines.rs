//! Models of headlines: trained with a character model of their own, which says how usual a text is.

use std::path::Path;

use assert_cmd::Command;
use candle_core::Device;
use serde_json::Value;
use tvae_tui::domain::{Fluency, Unlike, Verdict};
use tvae_tui::engine::{LatentModel, LoadedModel};
use tvae_tui::train::{
    Budget, Control, DataOptions, Job, Preset, Progress, Report, Source, TrainConfig, TrainError,
    Words,
};

/// The bag of words' values, as told.
#[derive(Default)]
struct Told(Vec<f64>);

impl Progress for Told {
    fn report(&mut self, report: &Report) -> Result<(), TrainError> {
        if let Report::Step { objectives, .. } = report {
            self.0.extend(objectives.words);
        }
        Ok(())
    }
}

fn run(out: &Path, steps: usize, resume: bool) -> Vec<f64> {
    let config = TrainConfig {
        vocab: 384,
        d_model: 32,
        heads: 2,
        d_ff: 64,
        encoder_blocks: vec![1, 1],
        decoder_layers: 1,
        latent_tokens: 2,
        latent_size: 8,
        batch: 16,
        held_out: 20,
        pairs: 2,
        final_pairs: 2,
        budget: Budget::Steps(steps),
        eval_steps: 4,
        words: Words { weight: 0.5 },
        ..TrainConfig::preset(Preset::Tiny, "headlines")
    };
    let job = Job {
        config,
        lines: DataOptions {
            data: Source::Samples,
            valid: None,
            column: None,
            label_column: None,
            limit: None,
        },
        out: out.to_owned(),
        tokenizer: None,
        start_from: None,
        resume,
    };
    let mut told = Told::default();
    job.run(Device::Cpu, &mut [&mut told], &Control::default()).expect("a run");
    told.0
}

#[test]
fn a_model_of_headlines_says_what_reads_unlike_them() {
    let dir = tempfile::tempdir().expect("a folder");
    let out = dir.path().join("headlines");
    let words = run(&out, 12, false);
    // Told, and after a few steps already better than a guess.
    assert!(
        !words.is_empty() && words.iter().all(|nats| (0.0..384f64.ln()).contains(nats)),
        "{words:?}"
    );

    // The file stands wherever a model of the run does, and stays what it was when the run goes on.
    let file = |folder: &Path| std::fs::read(folder.join(Fluency::FILE)).expect("a file");
    let bytes = file(&out);
    assert_eq!(file(&out.join("best")), bytes);
    run(&out, 14, true);
    assert_eq!(file(&out), bytes);

    let model = LoadedModel::from_folder(&out).expect("a model");
    let real = &model.samples()[0].text.clone();
    assert_eq!(model.verdict(real), Verdict::Valid, "{real}");
    let scrambled: String = real.chars().rev().collect();
    let verdict = model.verdict(&scrambled);
    let Verdict::Unlike(Unlike::Unusual { bits, limit }) = verdict else { panic!("{verdict:?}") };
    assert!(bits > limit, "{bits} {limit}");
    // What has not the form at all is told as that.
    assert!(matches!(model.verdict("one"), Verdict::Invalid { .. }));

    let folder = out.display().to_string();
    let args = ["interpolate", real, &scrambled, "--model", &folder, "--rungs", "3"];
    let program = |more: &[&str]| {
        let mut command = Command::cargo_bin("tvae-tui").expect("the binary");
        let output = command.args(args).args(more).assert().success();
        String::from_utf8(output.get_output().stdout.clone()).expect("text")
    };
    let ladder: Value = serde_json::from_str(&program(&["--json"])).expect("JSON");
    let rungs = ladder["rungs"].as_array().expect("rungs");
    for rung in rungs.iter().filter(|rung| rung["fluent"] == false) {
        assert_eq!(rung["valid"], false);
        assert!(rung["bits_per_character"].as_f64() > rung["usual_up_to"].as_f64(), "{rung}");
    }
    let unusual = rungs.iter().filter(|rung| rung["fluent"] == false).count();
    assert_eq!(program(&[]).matches("~ ").count(), unusual);

    std::fs::write(out.join(Fluency::FILE), &bytes[..bytes.len() / 2]).expect("cut short");
    let Err(error) = LoadedModel::from_folder(&out) else { panic!("half a file was read") };
    assert!(error.to_string().contains(Fluency::FILE), "{error}");
}
