//! `eval` on digits: a tiny model, the bundled digits, and the classifier on the data beside the project.

mod shared_data;

use std::path::Path;

use assert_cmd::Command;
use candle_core::Device;
use serde_json::Value;
use shared_data::shared_data;
use tvae_tui::corpus::mnist_text::{Digit, Size};
use tvae_tui::corpus::{hub::Split, read_source, ReadOptions, Source};
use tvae_tui::domain::{domain, DigitJudge, Unlike, Verdict};
use tvae_tui::engine::{LatentModel, LoadedModel};
use tvae_tui::eval::digits::{class_of, Material, Yardstick};
use tvae_tui::train::{encode_corpus, train, Budget, Inputs, Preset, StopSignal, TrainConfig};

const SAMPLES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/assets/samples/mnist-images-idx3-ubyte.gz");

/// A model of digits that has seen next to nothing.
fn tiny_model(dir: &Path) {
    let config = TrainConfig {
        d_model: 32,
        heads: 2,
        d_ff: 64,
        encoder_blocks: vec![1, 1],
        decoder_layers: 1,
        latent_tokens: 2,
        latent_size: 8,
        batch: 8,
        max_len: 200,
        held_out: 4,
        pairs: 1,
        final_pairs: 1,
        budget: Budget::Steps(6),
        ..TrainConfig::preset(Preset::Tiny, "mnist")
    };
    let mnist = domain("mnist").expect("a domain");
    let codec = mnist.train_codec(&mut std::iter::empty(), config.vocab).expect("a tokenizer");
    let texts: Vec<String> = mnist.samples().into_iter().map(|e| e.text).collect();
    let encode =
        |t: &[String]| encode_corpus(&codec, t, config.max_len, &mut |_| ()).expect("encoded");
    let inputs = Inputs {
        domain: mnist,
        codec: &codec,
        train: &encode(&texts[..80]),
        held_out: &encode(&texts[80..84]),
        examiner: None,
        data_name: "samples",
        start: None,
        device: Device::Cpu,
    };
    train(&config, &inputs, dir, None, &mut [], &StopSignal::new()).expect("a run");
}

fn eval(args: &[&str]) -> String {
    let data = tempfile::tempdir().expect("a folder");
    let out = Command::cargo_bin("tvae-tui")
        .expect("the program")
        .env("XDG_DATA_HOME", data.path())
        .args(["eval", "--data", SAMPLES, "--pairs", "6", "--lines", "8"])
        .args(args)
        .assert()
        .success();
    String::from_utf8(out.get_output().stdout.clone()).expect("text")
}

#[test]
fn digits_are_judged_with_all_their_figures_the_same_every_time() {
    let dir = tempfile::tempdir().expect("a folder");
    let model = dir.path().join("digits");
    tiny_model(&model);
    let trained = std::fs::read_to_string(model.join("trainer.json")).expect("trainer.json");
    let trained: Value = serde_json::from_str(&trained).expect("JSON");
    for name in ["mean_absolute_error", "foreground_accuracy"] {
        let figure = trained["evaluation"][name].as_f64();
        assert!(figure.is_some_and(|figure| (0.0..=1.0).contains(&figure)), "{name}: {figure:?}");
    }
    let model = model.display().to_string();
    let json = |args: &[&str]| -> Value {
        let mut found: Value = serde_json::from_str(&eval(args)).expect("JSON");
        found["seconds"] = Value::Null;
        found
    };
    let report = json(&["--model", &model, "--json"]);
    let figure = |place: &str, name: &str| -> f64 {
        let figure = &report[place][name];
        let of = |key: &str| figure[key].as_f64().unwrap_or_else(|| panic!("{name}: {figure}"));
        assert!(of("low") <= of("value") && of("value") <= of("high"), "{name}: {figure}");
        of("value")
    };
    for name in ["mean_absolute_error", "foreground_accuracy", "iou", "exact_match"] {
        assert!((0.0..=1.0).contains(&figure("reconstruction", name)), "{name}");
    }
    for name in ["interior", "samples", "third_class", "switches_once"] {
        assert!((0.0..=1.0).contains(&figure("credibility", name)), "{name}");
    }
    for name in ["interior", "cross_fade", "real", "samples"] {
        assert!(figure("credibility", &format!("nearest_{name}")) > 0.0, "{name}");
    }
    assert!(figure("credibility", "real") > figure("credibility", "interior"));
    assert!(figure("credibility", "cross_fade") > 0.0);
    assert_eq!(report["credibility"]["known"], 292);
    assert_eq!(report["credibility"]["drawn"], 6);
    assert_eq!(report["credibility"]["threshold"].as_f64().map(|t| t as f32), Some(0.9));
    for name in ["mean_absolute_difference", "cosine", "other_cosine"] {
        assert!((-1.0..=1.0).contains(&figure("direction_consistency", name)), "{name}");
    }
    assert!(report["interpolation"]["blend_yield"].is_null());
    assert!(report["controls"]["splice"].is_null());
    let fade = |name: &str| report["controls"]["cross_fade"][name]["value"].as_f64();
    assert!(fade("linear_deviation").is_some_and(|deviation| deviation < 0.02));
    assert_eq!(fade("endpoint_exact_match"), Some(1.0));
    assert_eq!(report["ladders"][0]["opinions"].as_array().map(Vec::len), Some(11));
    let pairs = report["strata"].as_array().expect("strata").iter().take(2);
    assert_eq!(pairs.filter_map(|s| s["pairs"].as_u64()).sum::<u64>(), 6);

    let mut both = json(&["--compare", &model, &model, "--json"]);
    both["a"]["seconds"] = Value::Null;
    assert_eq!(report, both["a"]);
    for (place, name) in
        [("reconstruction", "mean_absolute_error"), ("credibility", "nearest_interior")]
    {
        assert_eq!(both["difference"][place][name]["value"], 0.0, "{name}");
    }
    let page = eval(&["--model", &model]);
    for part in [
        "| mean absolute error ",
        "## Whether it is a digit",
        "of that part of the data that is not judged",
        "| cross-fade ",
        "## The same digit read downward and upward",
        "two classes",
        "from the standard prior",
    ] {
        assert!(page.contains(part), "{part} in\n{page}");
    }
    assert!(!page.contains("splice") && !page.contains("00 down"), "{page}");
}

#[test]
fn a_run_on_digits_keeps_a_classifier_that_judges_the_decodes() {
    let dir = tempfile::tempdir().expect("a folder");
    let out = dir.path().join("digits");
    let folder = out.display().to_string();
    let program = |args: &[&str]| {
        let output = Command::cargo_bin("tvae-tui").expect("the program").args(args).assert();
        String::from_utf8(output.success().get_output().stdout.clone()).expect("text")
    };
    let mut run = vec!["train", "--domain", "mnist", "--data", "samples", "--preset", "tiny"];
    for option in [
        "max_len=85",
        "d_model=32",
        "heads=2",
        "d_ff=64",
        "decoder_layers=1",
        "batch=8",
        "held_out=40",
        "pairs=2",
        "final_pairs=2",
        "save_steps=2",
        "distill.share=0.25",
        "distill.from=0.5",
        "distill.judge=pictures",
        "distill.sure=0.9",
        "distill.pool=2",
        "distill.samples=2",
        "distill.against=1",
    ] {
        run.extend(["--set", option]);
    }
    run.extend(["--steps", "4", "--out", &folder]);
    program(&run);
    // The file stands wherever a model of the run does, and stays what it was when the run goes on.
    let file = |folder: &Path| std::fs::read(folder.join(DigitJudge::FILE)).expect("a file");
    let bytes = file(&out);
    assert_eq!(file(&out.join("best")), bytes);
    program(&["train", "--resume", "--out", &folder, "--steps", "6"]);
    assert_eq!(file(&out), bytes);

    let model = LoadedModel::from_folder(&out).expect("a model");
    let samples = model.samples();
    let valid = samples.iter().filter(|digit| model.verdict(&digit.text) == Verdict::Valid).count();
    assert!(valid * 10 >= samples.len() * 9, "{valid} of {}", samples.len());
    let blank = samples[0].text.lines().map(|row| format!("{}{}", &row[..7], " !".repeat(9)));
    let blank = blank.collect::<Vec<_>>().join("\n");
    assert!(domain("mnist").expect("a domain").verdict(&blank).is_valid(), "{blank}");
    let verdict = model.verdict(&blank);
    let Verdict::Unlike(Unlike::Doubtful { probability, limit, .. }) = verdict else {
        panic!("{verdict:?}")
    };
    assert!(probability < limit && limit <= 0.9, "{probability} {limit}");

    let ladder = |more: &[&str]| -> Value {
        let args = ["interpolate", "sample:0", "sample:1", "--model", &folder, "--json"];
        let args: Vec<&str> = args.into_iter().chain(more.iter().copied()).collect();
        serde_json::from_str(&program(&args)).expect("JSON")
    };
    let rungs = |ladder: &Value| ladder["rungs"].as_array().expect("rungs").clone();
    let (greedy, guided) = (ladder(&[]), ladder(&["--guided"]));
    assert_eq!(guided, ladder(&["--guided"]), "drawn the same every time");
    for rung in rungs(&greedy).iter().filter(|rung| rung["credible"] == false) {
        assert_eq!(rung["valid"], false);
        assert!(rung["probability"].as_f64() < rung["credible_from"].as_f64(), "{rung}");
    }
    let valid = |ladder: &Value| rungs(ladder).iter().filter(|rung| rung["valid"] == true).count();
    assert!(valid(&guided) >= valid(&greedy));

    std::fs::write(out.join(DigitJudge::FILE), &bytes[..bytes.len() / 2]).expect("cut short");
    let Err(error) = LoadedModel::from_folder(&out) else { panic!("half a file was read") };
    assert!(error.to_string().contains(DigitJudge::FILE), "{error}");
}

#[test]
fn a_classifier_of_the_training_digits_knows_the_valid_ones() {
    let Some(folder) = shared_data("mnist") else { return };
    let source = Source::Path(folder);
    let read = |split, limit| {
        let options = ReadOptions { limit, ..ReadOptions::default() };
        read_source(&source, split, &options, &mut |_| std::ops::ControlFlow::Continue(()))
            .expect("digits")
            .examples
    };
    let (valid, train) = (read(Split::HeldOut, None), read(Split::Train, None));
    assert_eq!((valid.len(), train.len()), (10_000, 120_000));
    let mnist = domain("mnist").expect("a domain");
    let material = Material::new(mnist, Size::Small, valid, Some(&train), (0, 0));
    let yardstick = Yardstick::new(&material, Size::Small, 0, &mut |_, _| true)
        .expect("trained")
        .expect("whole");
    let digits: Vec<Digit> = material.judged.iter().map(|e| yardstick.read(&e.text)).collect();
    let opinions = yardstick.opinions(&digits).expect("opinions");
    let right = opinions.iter().zip(&material.judged).filter(|(o, e)| Some(o.class) == class_of(e));
    let share = right.count() as f64 / digits.len() as f64;
    println!("{:.2} % of {} digits right", 100.0 * share, digits.len());
    assert!(share >= 0.98);
}
