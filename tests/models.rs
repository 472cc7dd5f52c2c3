//! The `models` subcommand and `interpolate --compare`, as the real program does them.

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

/// The program with its own folder for data, in a folder of its own.
fn tvae(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tvae-tui"));
    command.current_dir(dir).env("XDG_DATA_HOME", dir.join("data"));
    command.env("XDG_CONFIG_HOME", "/nonexistent");
    command
}

fn json(dir: &Path, args: &[&str]) -> Value {
    let output = tvae(dir).args(args).assert().success().get_output().stdout.clone();
    serde_json::from_slice(&output).expect("one JSON document")
}

fn names(dir: &Path) -> Vec<String> {
    let listed = json(dir, &["models", "--json"]);
    let models = listed["models"].as_array().expect("models");
    models.iter().map(|m| m["name"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn models_are_listed_duplicated_renamed_and_deleted() {
    let dir = tempfile::tempdir().expect("folder");
    let dir = dir.path();
    assert_eq!(names(dir), ["python", "mnist", "headlines"]);
    tvae(dir).args(["models", "duplicate", "python", "twin"]).assert().success().stdout("");
    tvae(dir).args(["models", "rename", "twin", "lines"]).assert().success();
    let listed = json(dir, &["models", "--json"]);
    let copy = &listed["models"][3];
    assert_eq!(
        (&copy["name"], &copy["domain"], &copy["own"]),
        (&"lines".into(), &"python".into(), &true.into())
    );
    assert_eq!(copy["parameters"], listed["models"][0]["parameters"]);
    assert!(copy["training"]["evaluation"]["exact_match"].as_f64().expect("a share") > 0.5);
    let table = tvae(dir).arg("models").assert().success();
    let table = String::from_utf8_lossy(&table.get_output().stdout).into_owned();
    assert!(
        table.lines().count() == 5 && table.contains("lines") && table.contains("8.7 M"),
        "{table}"
    );
    // It opens by its name.
    let ladder =
        json(dir, &["interpolate", "x = 1", "y = 2", "--rungs", "3", "--json", "--model", "lines"]);
    assert_eq!(ladder["rungs"].as_array().map(Vec::len), Some(3));

    for (args, why) in [
        (["models", "delete", "lines"], "--yes"),
        (["models", "delete", "python"], "comes with the program"),
        (["models", "delete", "./data"], "not a folder of its own"),
        (["models", "delete", "nowhere"], "no model"),
    ] {
        let failed = tvae(dir).args(args).assert().code(1);
        let said = String::from_utf8_lossy(&failed.get_output().stderr).into_owned();
        assert!(said.contains(why), "{said}");
    }
    let failed = tvae(dir).args(["models", "rename", "lines", "../out"]).assert().code(1);
    assert!(
        String::from_utf8_lossy(&failed.get_output().stderr).contains("cannot be a model's name")
    );
    tvae(dir).args(["models", "delete", "--yes", "python"]).assert().code(1);
    tvae(dir).args(["models", "delete", "--yes", "lines"]).assert().success();
    assert_eq!(names(dir), ["python", "mnist", "headlines"]);
    tvae(dir).args(["models", "--json", "delete", "x"]).assert().code(2);
}

#[test]
fn two_models_are_compared_on_the_ladder_of_the_first() {
    let dir = tempfile::tempdir().expect("folder");
    let dir = dir.path();
    tvae(dir).args(["models", "duplicate", "python", "twin"]).assert().success();
    let ends = ["interpolate", "x = 1", "return y", "--rungs", "4", "--compare", "twin"];
    let compared = json(dir, &[&ends[..], &["--path", "best", "--json"]].concat());
    let models = compared["models"].as_array().expect("models");
    assert_eq!((&models[0]["model"], &models[1]["model"]), (&"python".into(), &"twin".into()));
    // The same weights give the same ladder.
    assert_eq!(models[0]["rungs"], models[1]["rungs"]);
    assert_ne!(compared["path"], "best");
    let alone = json(
        dir,
        &["interpolate", "x = 1", "return y", "--rungs", "4", "--path", "best", "--json"],
    );
    assert_eq!((&alone["rungs"], &alone["path"]), (&models[0]["rungs"], &compared["path"]));
    let table = tvae(dir).args(ends).assert().success();
    let table = String::from_utf8_lossy(&table.get_output().stdout).into_owned();
    for word in ["python", "twin", "0.667", "python: ", "twin: "] {
        assert!(table.contains(word), "{word} in\n{table}");
    }
    tvae(dir).args(["interpolate", "--compare", "nowhere", "a", "b"]).assert().code(1);
    tvae(dir).args(["interpolate", "--compare", "twin", "--export", "x.svg"]).assert().code(2);
}
