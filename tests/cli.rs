//! The command line: documents on standard output, people's text on standard error, exit codes.

use assert_cmd::Command;
use serde_json::Value;

fn tvae() -> Command {
    Command::new(env!("CARGO_BIN_EXE_tvae-tui"))
}

fn json(args: &[&str]) -> Value {
    let output = tvae().args(args).assert().success().get_output().stdout.clone();
    serde_json::from_slice(&output).expect("one JSON document")
}

#[test]
fn interpolate_prints_the_ladder_as_json_the_same_every_time() {
    let args = ["interpolate", "x = 1", "return self.name", "--json"];
    let ladder = json(&args);
    let rungs = ladder["rungs"].as_array().expect("rungs");
    assert_eq!(rungs.len(), 11);
    assert_eq!(
        (ladder["a"].as_str(), ladder["b"].as_str()),
        (Some("x = 1"), Some("return self.name"))
    );
    for (k, rung) in rungs.iter().enumerate() {
        assert!((rung["ratio"].as_f64().expect("ratio") - k as f64 / 10.0).abs() < 1e-6);
        assert!(rung["text"].is_string() && rung["valid"].is_boolean());
    }
    assert_eq!(json(&args), ladder);
}

#[test]
fn interpolate_without_ends_draws_samples_and_prints_the_table() {
    let output = tvae().args(["interpolate", "--rungs", "5"]).assert().success();
    let text = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
    for word in ["ratio", "sequence", "valid", "0.25", "0.75"] {
        assert!(text.to_lowercase().contains(word), "{word} in\n{text}");
    }
}

#[test]
fn every_path_and_guided_decoding_work() {
    for path in ["per-token", "even", "all", "linear", "forward", "backward", "best"] {
        let ladder = json(&[
            "interpolate",
            "--path",
            path,
            "--guided",
            "--rungs",
            "3",
            "--json",
            "x = 1",
            "y = 2",
        ]);
        assert_eq!(ladder["decoding"], "guided");
        if path == "best" {
            assert_ne!(ladder["path"], "best", "the winner is named");
        } else {
            assert_eq!(ladder["path"], path);
        }
        assert_eq!(ladder["rungs"].as_array().map(Vec::len), Some(3));
    }
}

#[test]
fn encoded_lines_decode_to_what_the_ladder_ends_show() {
    let encoded = tvae().args(["encode", "x = 1"]).assert().success().get_output().stdout.clone();
    let decoded = tvae()
        .args(["decode", "--json"])
        .write_stdin(encoded)
        .assert()
        .success()
        .get_output()
        .stdout
        .clone();
    let decoded: Value = serde_json::from_slice(&decoded).expect("one line");
    let ladder = json(&["interpolate", "x = 1", "x = 2", "--rungs", "2", "--json"]);
    assert_eq!(decoded["text"], ladder["rungs"][0]["text"]);
}

#[test]
fn samples_depend_on_the_seed_alone() {
    let draw = |seed: &str| {
        tvae()
            .args(["sample", "-n", "3", "--seed", seed, "--json"])
            .assert()
            .success()
            .get_output()
            .stdout
            .clone()
    };
    assert_eq!(draw("1"), draw("1"));
    assert_ne!(draw("1"), draw("2"));
}

#[test]
fn check_gives_a_verdict_per_line_in_order() {
    let output = tvae()
        .args(["check", "--domain", "python", "--json"])
        .write_stdin("x = 1\n1 = x\n\nprint(x\n")
        .assert()
        .success()
        .get_output()
        .stdout
        .clone();
    let verdicts: Vec<Value> = String::from_utf8_lossy(&output)
        .lines()
        .map(|l| serde_json::from_str(l).expect("a JSON line"))
        .collect();
    let valid: Vec<Option<bool>> = verdicts.iter().map(|v| v["valid"].as_bool()).collect();
    assert_eq!(valid, [Some(true), Some(false), Some(true), Some(false)]);
    assert_eq!((verdicts[1]["line"].as_u64(), verdicts[1]["column"].as_u64()), (Some(1), Some(1)));
    assert!(verdicts[1]["message"]
        .as_str()
        .is_some_and(|m| m.contains("cannot assign to literal")));
}

#[test]
fn digits_are_checked_as_json_strings_and_messages_show_no_escape() {
    let side = 9;
    let row = |n: usize| format!("{n:02} down{}", " !".repeat(side));
    let digit = (0..side).map(row).collect::<Vec<_>>().join("\n");
    let input = format!("{}\n\"00 down !\"\n", serde_json::json!(digit));
    let output = tvae().args(["check", "--domain", "mnist"]).write_stdin(input).assert().success();
    let text = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
    assert_eq!(text.lines().map(|l| l.chars().next()).collect::<Vec<_>>(), [Some('✓'), Some('✗')]);
    let output = tvae().arg("check").write_stdin("\u{1b}[31mx\n").assert().success();
    assert!(!output.get_output().stdout.contains(&0x1b));
}

#[test]
fn wrong_use_and_failures_have_their_own_exit_codes() {
    tvae().arg("--no-such-option").assert().code(2);
    tvae().args(["interpolate", "--rungs", "1"]).assert().code(2);
    let failed = tvae().args(["interpolate", "--model", "nowhere", "a", "b"]).assert().code(1);
    let message = String::from_utf8_lossy(&failed.get_output().stderr).into_owned();
    assert!(message.contains("nowhere") && message.contains("python"), "{message}");
    tvae().args(["check", "--domain", "klingon"]).assert().code(1);
    tvae().args(["decode"]).write_stdin("{\"latent\": 3}\n").assert().code(1);
    // The explorer is for terminals; without one it says so.
    tvae().assert().code(1);
}

/// Every instruction set of this machine must give the bundled model's ladders; bf16 with pairs rounds inputs too.
#[test]
fn lesser_kernels_give_the_same_ladder() {
    let args = ["interpolate", "x = 1", "return self.name", "--json", "--rungs", "5"];
    let ladder = json(&args);
    for isa in tvae_tui::numeric::Isa::available() {
        let output = tvae().args(args).env("TVAE_ISA", isa.name()).assert().success();
        let found: Value = serde_json::from_slice(&output.get_output().stdout).expect("JSON");
        assert_eq!(found["rungs"], ladder["rungs"], "{}", isa.name());
    }
    let halves = json(&[&args[..], &["--precision", "bf16"]].concat());
    assert_eq!(halves["rungs"].as_array().map(Vec::len), Some(5));
    tvae().args(["interpolate", "--precision", "f8"]).assert().code(2);
}

#[test]
fn precision_measures_and_notes_its_figure_with_the_model() {
    let dir = tempfile::tempdir().expect("folder");
    let lines = dir.path().join("lines.txt");
    std::fs::write(&lines, "x = 1\nreturn self.name\nimport os\n").expect("lines");
    let bundled = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("checkpoints/python");
    for file in ["config.json", "model.safetensors", "tokenizer.json"] {
        std::fs::copy(bundled.join(file), dir.path().join(file)).expect("copy");
    }
    let (folder, lines) = (dir.path().display().to_string(), lines.display().to_string());
    let args =
        ["precision", "--model", &folder, "--data", &lines, "--pairs", "2", "--save", "--json"];
    let found = json(&args);
    let share = found["token_agreement"].as_f64().expect("a share");
    assert!((0.5..=1.0).contains(&share) && found["ladders"] == 2);
    let text = std::fs::read_to_string(dir.path().join("config.json")).expect("config");
    let config: Value = serde_json::from_str(&text).expect("JSON");
    let noted = config["tvae"]["bf16_agreement"].as_f64().expect("noted");
    assert!((noted - share).abs() < 1e-3);
    json(&["interpolate", "--model", &folder, "--json", "a = 1", "b = 2"]);
    let bundled = tvae().args(["precision", "--data", &lines, "--save"]).assert().code(1);
    let message = String::from_utf8_lossy(&bundled.get_output().stderr).into_owned();
    assert!(message.contains("model folder"), "{message}");
}

#[test]
#[cfg(not(any(feature = "cuda", feature = "metal")))]
fn a_device_that_the_build_lacks_is_named_with_what_to_do() {
    let dir = tempfile::tempdir().expect("folder");
    let lines = dir.path().join("lines.txt");
    std::fs::write(&lines, "x = 1\n".repeat(50)).expect("lines");
    let out = dir.path().join("out").display().to_string();
    let lines = lines.display().to_string();
    let args = ["train", "--data", &lines, "--preset", "tiny", "--out", &out, "--device", "cuda"];
    let failed = tvae().args(args).assert().code(1);
    let message = String::from_utf8_lossy(&failed.get_output().stderr).into_owned();
    assert!(message.contains("--features cuda"), "{message}");
}

fn samples() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/assets/samples/python.txt").to_owned()
}

#[test]
fn eval_reports_every_figure_with_interval_and_controls_the_same_every_time() {
    let data = samples();
    let args =
        ["eval", "--data", &data, "--train", &data, "--pairs", "6", "--lines", "20", "--json"];
    let mut report = json(&args);
    let figures = [
        "endpoint_exact_match",
        "interior_validity",
        "copy_rate",
        "non_copy_validity",
        "blend_yield",
        "kinship",
        "distinct",
        "linear_deviation",
        "max_step",
        "path_ratio",
        "collapse",
        "novelty",
        "fluency",
        "latent_dependence",
    ];
    for name in figures {
        let figure = &report["interpolation"][name];
        let of = |key: &str| figure[key].as_f64().unwrap_or_else(|| panic!("{name} {figure}"));
        assert!(of("low") <= of("value") && of("value") <= of("high"), "{name} {figure}");
    }
    for name in ["token_accuracy", "byte_accuracy", "exact_match", "edit_distance"] {
        assert!(report["reconstruction"][name]["value"].is_number(), "{name}");
    }
    let control = |control: &str, name: &str| {
        report["controls"][control][name]["value"].as_f64().unwrap_or(f64::NAN)
    };
    assert_eq!(control("copy", "copy_rate"), 1.0);
    assert_eq!(control("splice", "endpoint_exact_match"), 1.0);
    assert_eq!(control("no_latent", "copy_rate"), 0.0);
    assert_eq!((&report["pairs"], &report["decoding"]), (&6.into(), &"greedy".into()));
    assert_eq!(report["ladders"][0]["rungs"].as_array().map(Vec::len), Some(11));
    let pairs = report["strata"]
        .as_array()
        .map(|s| s.iter().take(3).map(|s| s["pairs"].as_u64().unwrap_or(0)).sum::<u64>());
    assert_eq!(pairs, Some(6));

    let mut again = json(&args);
    for report in [&mut report, &mut again] {
        report["seconds"] = Value::Null;
    }
    assert_eq!(report, again);
}

#[test]
fn guided_decoding_is_at_least_as_valid_and_models_compare_on_the_same_pairs() {
    let data = samples();
    let valid = |more: &[&str]| {
        let mut args = vec!["eval", "--data", &data, "--pairs", "8", "--lines", "4", "--json"];
        args.extend(more);
        let report = json(&args);
        report["interpolation"]["interior_validity"]["value"].as_f64().expect("a figure")
    };
    assert!(valid(&["--guided"]) >= valid(&[]));
    let both = json(&[
        "eval",
        "--compare",
        "python",
        "python",
        "--data",
        &data,
        "--pairs",
        "5",
        "--lines",
        "4",
        "--json",
    ]);
    let difference = &both["difference"]["interpolation"]["blend_yield"];
    assert_eq!(difference["value"], 0.0);
    assert_eq!((&difference["low"], &difference["high"]), (&0.0.into(), &0.0.into()));
    let page = tvae()
        .args(["eval", "--data", &data, "--pairs", "4", "--lines", "4", "--path", "best"])
        .assert()
        .success()
        .get_output()
        .stdout
        .clone();
    let page = String::from_utf8(page).expect("text");
    for part in ["| blend yield", "| splice", "Paths taken:", "## Random ladders", "    1.0  "] {
        assert!(page.contains(part), "{part} in\n{page}");
    }
}

#[test]
fn eval_says_what_is_wrong_with_its_data() {
    let dir = tempfile::tempdir().expect("folder");
    let file = dir.path().join("one.txt");
    std::fs::write(&file, "x = 1\n").expect("a file");
    let said = tvae().args(["eval", "--data"]).arg(&file).assert().code(1);
    let said = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
    assert!(said.contains("fewer than two"), "{said}");
}

#[test]
fn directions_are_listed_with_what_they_do_beside_random_ones() {
    let dir = tempfile::tempdir().expect("folder");
    let data = dir.path().join("lines.csv");
    let lines = std::fs::read_to_string(samples()).expect("samples");
    let rows: Vec<String> = lines
        .lines()
        .map(|line| {
            let kind = if line.contains('=') { "with \u{1b}[31m" } else { "without" };
            format!("{kind},\"{}\"\n", line.replace('"', "\"\""))
        })
        .collect();
    std::fs::write(&data, format!("kind,text\n{}", rows.concat())).expect("a file");
    let data = data.display().to_string();
    let args = ["directions", "--data", &data, "--label-column", "kind", "--held", "4"];
    let listed = json(&[&args[..], &["--json", "--vectors"]].concat());
    assert_eq!((&listed["geometry"], &listed["held"]), (&"sphere".into(), &4.into()));
    let directions = listed["directions"].as_array().expect("directions");
    let of = |source: &str| -> Vec<&Value> {
        directions.iter().filter(|d| d["source"] == source).collect()
    };
    assert_eq!((of("label").len(), of("component").len(), of("decoder").len()), (2, 8, 16));
    assert!(of("yes_no").iter().any(|d| d["name"] == "call"));
    assert!(of("number").iter().any(|d| d["name"] == "length"));
    for direction in directions {
        assert!(direction["sigma"].as_f64().is_some_and(|s| s > 0.0), "{direction}");
        let squares = direction["direction"]["values"]
            .as_array()
            .map(|values| values.iter().filter_map(Value::as_f64).map(|x| x * x).sum::<f64>());
        assert!(squares.is_some_and(|s| (s - 1.0).abs() < 1e-4));
        for of in ["effect", "control"] {
            let effect = &direction[of];
            assert_eq!(effect["steps"].as_array().map(Vec::len), Some(4));
            for figure in ["validity", "preservation", "changed"] {
                let share = effect[figure].as_f64();
                assert!(share.is_some_and(|s| (0.0..=1.0).contains(&s)), "{direction}");
            }
        }
    }
    assert!(of("label").iter().all(|d| d["effect"]["flip_rate"].is_number()));
    assert!(of("yes_no").iter().all(|d| d["description"].is_string()));

    let top = tvae()
        .args(args)
        .args(["--top", "2", "--decoder", "0", "--strength", "4"])
        .assert()
        .success();
    let table = String::from_utf8(top.get_output().stdout.clone()).expect("text");
    assert!(table.starts_with("direction") && !table.contains('\u{1b}'), "{table}");
    assert!(table.contains("label with ␛[31m") && table.contains("PC "), "{table}");
    assert_eq!(table.lines().count(), 1 + 2 * 4, "two of each of four sources: {table}");
    let said = String::from_utf8_lossy(&top.get_output().stderr).into_owned();
    assert!(said.contains("±4 σ"), "{said}");
}

#[test]
fn directions_say_what_they_lack() {
    let dir = tempfile::tempdir().expect("folder");
    let file = dir.path().join("few.txt");
    std::fs::write(&file, "x = 1\ny = 2\nx = 1\n").expect("a file");
    let said = tvae().args(["directions", "--data"]).arg(&file).assert().code(1);
    let said = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
    assert!(said.contains("2 different texts are too few"), "{said}");
    for strength in ["0", "-1", "nan", "x"] {
        tvae().args(["directions", "--strength", strength]).assert().code(2);
    }
}

/// A configuration folder with this file in it, for `XDG_CONFIG_HOME`.
#[cfg(unix)]
fn configured(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("folder");
    std::fs::create_dir(dir.path().join("tvae-tui")).expect("folder");
    std::fs::write(dir.path().join("tvae-tui/config.toml"), text).expect("file");
    dir
}

#[test]
#[cfg(unix)]
fn config_prints_what_is_in_effect_and_reads_it_back() {
    let dir = configured("theme = \"light\"\nrungs = 5\n[keys]\nhelp = [\"f6\"]\n");
    let run = |home: &std::path::Path, args: &[&str]| {
        let output = tvae().args(args).env("XDG_CONFIG_HOME", home).assert().success();
        String::from_utf8_lossy(&output.get_output().stdout).into_owned()
    };
    let printed = run(dir.path(), &["config"]);
    for line in ["theme = \"light\"", "rungs = 5", "help = [\"f6\"]", "model = \"python\""] {
        assert!(printed.lines().any(|l| l == line), "{line} in\n{printed}");
    }
    let again = configured(&printed);
    let settings = |text: &str| text.split_once("\n\n").map(|(_, rest)| rest.to_owned());
    assert_eq!(settings(&run(again.path(), &["config"])), settings(&printed));
    let path = run(dir.path(), &["config", "--path"]);
    assert_eq!(path.trim_end(), dir.path().join("tvae-tui/config.toml").display().to_string());
}

#[test]
#[cfg(unix)]
fn a_wrong_configuration_is_told_with_its_place() {
    let dir = configured("# mine\n[keys]\nhelp = [\"f1\", \"q\"]\n");
    for args in [&["config"][..], &["sample", "-n", "1"]] {
        let failed = tvae().args(args).env("XDG_CONFIG_HOME", dir.path()).assert().code(1);
        let message = String::from_utf8_lossy(&failed.get_output().stderr).into_owned();
        assert!(message.contains("config.toml:3:15: the key `q` of `help`"), "{message}");
    }
    // What helps to mend it works all the same.
    tvae().args(["config", "--path"]).env("XDG_CONFIG_HOME", dir.path()).assert().success();
    tvae().args(["completions", "zsh"]).env("XDG_CONFIG_HOME", dir.path()).assert().success();
}

#[test]
fn the_log_tells_of_models_decodes_and_errors_and_only_in_its_file() {
    let dir = tempfile::tempdir().expect("folder");
    let log = dir.path().join("run.log");
    let file = log.display().to_string();
    let args = ["interpolate", "x = 1", "y = 2", "--rungs", "3", "--json"];
    let plain = tvae().args(args).assert().success().get_output().clone();
    let logged = [&args[..], &["--log", &file, "--log-level", "debug"]].concat();
    let logged = tvae().args(logged).assert().success().get_output().clone();
    assert_eq!((plain.stdout, plain.stderr), (logged.stdout, logged.stderr));
    let failing = ["--log", &file, "interpolate", "--model", "nowhere", "a", "b"];
    tvae().args(failing).assert().code(1);
    let text = std::fs::read_to_string(&log).expect("a log");
    let has = |words: &[&str]| text.lines().any(|l| words.iter().all(|w| l.contains(w)));
    assert!(has(&["INFO", "model opened", "parameters=", "ms="]), "{text}");
    assert!(has(&["DEBUG", "decoded", "rows=3", "ms="]), "{text}");
    assert!(has(&["ERROR", "nowhere"]), "{text}");
    assert!(!text.contains('\u{1b}') && !text.contains("x = 1"), "{text}");
    let missing = dir.path().join("no/such/folder.log").display().to_string();
    let failed = tvae().args(["sample", "--log", &missing]).assert().code(1);
    assert!(String::from_utf8_lossy(&failed.get_output().stderr).contains("folder.log"));
    tvae().args(["sample", "--log-level", "loud"]).assert().code(2);
}

#[test]
fn a_training_run_is_logged() {
    let dir = tempfile::tempdir().expect("folder");
    let at = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(at("lines.txt"), "x = 1\ny = 2\nz = x + y\n".repeat(30)).expect("lines");
    let args = ["train", "--preset", "tiny", "--steps", "2", "--data", &at("lines.txt")];
    let more = ["--out", &at("out"), "--log", &at("log")];
    tvae().args(args).args(more).assert().success();
    let text = std::fs::read_to_string(at("log")).expect("a log");
    for words in ["training starts", "evaluated", "saved", "training ends"] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
}

#[test]
fn a_run_learns_the_labels_of_the_column_that_is_named() {
    let dir = tempfile::tempdir().expect("folder");
    let at = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(at("lines.tsv"), "odd\tx = 1\neven\ty = 2\nodd\tz = x + y\n".repeat(30))
        .expect("lines");
    let args = ["train", "--preset", "tiny", "--steps", "2", "--set", "classes.weight=0.5"];
    let run = |more: &[&str]| {
        let run = tvae().args(args).args(["--data", &at("lines.tsv")]).args(more).assert();
        let error = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
        (run.get_output().status.success(), error)
    };
    let (ended, error) = run(&["--out", &at("without")]);
    assert!(!ended && error.contains("classes.weight = 0.5 needs"), "{error}");
    assert!(error.contains("--label-column names their column"), "{error}");
    let (ended, error) = run(&["--label-column", "0", "--out", &at("out")]);
    assert!(ended, "{error}");
    let metrics = std::fs::read_to_string(at("out/metrics.jsonl")).expect("metrics");
    assert!(metrics.contains("\"classes\":"), "{metrics}");
    assert!(std::fs::read_to_string(at("out/job.json")).expect("a job").contains("label_column"));
}

/// Every subcommand, from the help.
fn subcommands() -> Vec<String> {
    let output = tvae().arg("--help").assert().success().get_output().stdout.clone();
    let help = String::from_utf8_lossy(&output).into_owned();
    let list = help.split("Commands:").nth(1).and_then(|rest| rest.split("\n\n").next());
    list.unwrap_or_default()
        .lines()
        .filter(|l| l.starts_with("  ") && !l.starts_with("   "))
        .filter_map(|l| l.split_whitespace().next().map(str::to_owned))
        .collect()
}

#[test]
fn completions_know_every_subcommand() {
    let names = subcommands();
    assert!(names.len() >= 11 && names.contains(&"train".to_owned()), "{names:?}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = tvae().args(["completions", shell]).assert().success();
        let script = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
        for name in &names {
            assert!(script.contains(name.as_str()), "{name} for {shell}");
        }
        assert!(script.contains("--log") || shell == "fish", "{shell}");
    }
    tvae().args(["completions", "tcsh"]).assert().code(2);
}

#[test]
fn manual_pages_are_there_for_the_program_and_every_subcommand() {
    let output = tvae().arg("man").assert().success();
    let page = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
    assert!(page.contains(".TH tvae-tui 1") && page.contains("tvae\\-tui\\-train(1)"), "{page}");
    let dir = tempfile::tempdir().expect("folder");
    tvae().args(["man", "--out"]).arg(dir.path()).assert().success();
    for name in subcommands().iter().filter(|n| *n != "help") {
        let file = dir.path().join(format!("tvae-tui-{name}.1"));
        let page = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(page.contains(".SH NAME") && page.contains(".SH OPTIONS"), "{name}");
    }
    assert!(dir.path().join("tvae-tui.1").is_file());
}

#[test]
fn help_is_what_it_was() {
    for args in
        [&["--help"][..], &["config", "--help"], &["completions", "--help"], &["man", "--help"]]
    {
        let output = tvae().args(args).env("COLUMNS", "100").assert().success();
        let text = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
        let name = args.join("_").replace("--", "");
        insta::assert_snapshot!(format!("help_{name}"), text);
    }
}

/// A session with everything in it that decides a decode.
fn session(folder: &std::path::Path) -> String {
    let scene = |a: &str, b: &str, ratio: f32| {
        serde_json::json!({
            "a": a, "b": b, "path": "all", "rungs": 5, "ratio": ratio,
            "tokens": [null, 0.25, null, 1.1], "decoding": "guided",
        })
    };
    let session = serde_json::json!({
        "version": 1, "model": "python",
        "scene": scene("x = 1", "return self.name", 0.37),
        "bookmarks": [{ "note": "far", "scene": scene("import os", "print(x, y)", 1.3) }],
        "history": [scene("x = 1", "y = 2", 0.5)],
    });
    let file = folder.join("session.json");
    std::fs::write(&file, session.to_string()).expect("a file");
    file.display().to_string()
}

#[test]
fn a_session_decodes_to_what_the_explorer_shows() {
    let dir = tempfile::tempdir().expect("folder");
    let file = session(dir.path());
    let found = json(&["interpolate", "--session", &file, "--json"]);
    assert_eq!(json(&["interpolate", "--session", &file, "--json"]), found);
    let decodes = found["decodes"].as_array().expect("decodes");
    assert_eq!((decodes.len(), &decodes[1]["title"]), (2, &"bookmark 1: far".into()));
    let shot = dir.path().join("shot.txt").display().to_string();
    // The bookmark is the first row of the last panel but one before the ladder.
    for (decode, keys) in decodes.iter().zip(["", "shift+tab shift+tab enter tab tab"]) {
        let args = ["--session", &file, "--keys", keys, "--shot", &shot, "--size", "200x50"];
        tvae().args(args).env("XDG_CONFIG_HOME", "/nonexistent").assert().success();
        let screen = std::fs::read_to_string(&shot).expect("a picture");
        let rungs = decode["rungs"].as_array().expect("rungs");
        assert_eq!(rungs.len(), 5);
        for rung in rungs.iter().chain([&decode["point"]]) {
            let text = rung["text"].as_str().expect("a text").split(',').next().expect("a part");
            assert!(screen.contains(text.trim()), "{text}\n{screen}");
        }
        assert!(
            screen.contains(&format!("t = {:.3}", decode["point"]["ratio"].as_f64().expect("t")))
        );
    }
    let table = tvae().args(["interpolate", "--session", &file]).assert().success();
    let table = String::from_utf8_lossy(&table.get_output().stdout).into_owned();
    assert!(table.contains("bookmark 1: far · path all · guided") && table.contains("t = 1.3"));
    tvae().args(["interpolate", "--session", &file, "x = 1"]).assert().code(2);
}

#[test]
fn a_wrong_session_is_told_with_what_was_expected() {
    let dir = tempfile::tempdir().expect("folder");
    let file = session(dir.path());
    let text = std::fs::read_to_string(&file).expect("a session").replace("\"all\"", "\"round\"");
    std::fs::write(&file, text).expect("a file");
    for args in [&["interpolate", "--session", &file][..], &["--session", &file, "--shot", "x.txt"]]
    {
        let failed = tvae().args(args).current_dir(dir.path()).assert().code(1);
        let message = String::from_utf8_lossy(&failed.get_output().stderr).into_owned();
        assert!(message.contains("session.json") && message.contains("per-token"), "{message}");
    }
}

#[test]
fn ladders_are_exported_in_the_format_of_the_name() {
    let dir = tempfile::tempdir().expect("folder");
    let export = |name: &str| {
        let file = dir.path().join(name).display().to_string();
        let args = ["interpolate", "x = 1", "y < 2", "--rungs", "3", "--export", &file];
        (tvae().args(args).assert(), file)
    };
    let read = |name: &str| {
        let (run, file) = export(name);
        assert!(run.success().get_output().stdout.is_empty());
        std::fs::read_to_string(file).expect("a file")
    };
    let value: Value = serde_json::from_str(&read("x.json")).expect("JSON");
    assert_eq!(value, json(&["interpolate", "x = 1", "y < 2", "--rungs", "3", "--json"]));
    assert!(read("x.md").contains("    ratio  sequence"));
    assert!(read("x.svg").contains(">y &lt; 2<"));
    let said = String::from_utf8_lossy(&export("x.png").0.code(1).get_output().stderr).into_owned();
    assert!(said.contains("no pictures"), "{said}");
    export("x.gif").0.code(2);
}

#[test]
fn pictures_of_the_screen_need_no_terminal_and_are_the_same_every_time() {
    let dir = tempfile::tempdir().expect("folder");
    let shoot = |name: &str, keys: &str, isa: Option<&str>| {
        let file = dir.path().join(name).display().to_string();
        let args = ["--seed", "1", "--size", "100x30", "--keys", keys, "--shot", &file];
        let mut program = tvae();
        program.env("XDG_CONFIG_HOME", "/nonexistent").env("NO_COLOR", "1");
        program.env("XDG_STATE_HOME", dir.path().join("state"));
        if let Some(isa) = isa {
            program.env("TVAE_ISA", isa);
        }
        program.args(args).assert().success();
        std::fs::read_to_string(file).expect("a picture")
    };
    let screen = shoot("a.txt", r#"b end ctrl+u "\"q\"" enter 3"#, None);
    assert_eq!(screen.lines().count(), 30);
    assert!(screen.contains("B \"q\"") && screen.contains("t = 0.300"), "{screen}");
    let svg = shoot("a.svg", "l", None);
    assert!(svg.starts_with("<svg") && svg.contains("fill=\"#"));
    assert_eq!(shoot("b.svg", "l", None), svg);
    assert_eq!(shoot("c.svg", "l", Some("portable")), svg);
    assert!(!dir.path().join("state").exists(), "the tour was noted as seen");

    let told = |args: &[&str], code: i32| {
        let failed = tvae().args(args).current_dir(dir.path()).assert().code(code);
        String::from_utf8_lossy(&failed.get_output().stderr).into_owned()
    };
    let said = told(&["--keys", "hello", "--shot", "x.svg"], 2);
    assert!(said.contains("no key `hello`"), "{said}");
    assert!(told(&["--shot", "x.bmp"], 2).contains(".svg"));
    assert!(told(&["--keys", "r"], 2).contains("--shot"));
    assert!(told(&["--shot", "x.svg", "--model", "nowhere"], 1).contains("nowhere"));
}

/// The page on training tells of every option as the program does.
#[test]
fn the_page_on_training_holds_every_option() {
    let page = include_str!("../docs/training.md");
    let (_, told) = page.split_once("# Every option\n").expect("the reference");
    let table: String =
        told.lines().filter(|l| l.starts_with('|')).map(|l| format!("{l}\n")).collect();
    let output = tvae().args(["train", "--options"]).output().expect("the program runs");
    assert_eq!(table, String::from_utf8(output.stdout).expect("text"));
}
