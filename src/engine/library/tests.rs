//! Listings and changes on temporary folders.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::engine::loaded::bundled_models;

fn bundled_files() -> Vec<(&'static str, &'static [u8])> {
    bundled_models().next().expect("a bundled model").files()
}

/// A folder that opens, with a run's files where `trained`.
fn write_model(folder: &Path, trained: bool) {
    fs::create_dir_all(folder).expect("folder");
    for (name, bytes) in bundled_files() {
        if name != "trainer.json" || trained {
            fs::write(folder.join(name), bytes).expect("file");
        }
    }
    if trained {
        fs::write(folder.join("training.safetensors"), [0; 100]).expect("file");
    }
}

fn names(library: &Library) -> Vec<String> {
    library.list().iter().map(ModelEntry::full_name).collect()
}

/// All paths below a folder, hidden ones as well.
fn everything_in(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let path = entry.path();
        found.push(name_of(&path));
        if path.is_dir() {
            found.extend(everything_in(&path).iter().map(|p| format!("{}/{p}", name_of(&path))));
        }
    }
    found.sort();
    found
}

#[test]
fn a_listing_tells_of_every_kind_of_model_without_opening_it() {
    let dir = tempfile::tempdir().expect("folder");
    let (models, runs) = (dir.path().join("models"), dir.path().join("work"));
    write_model(&models.join("plain"), false);
    write_model(&models.join("Run"), true);
    write_model(&models.join("Run/best"), true);
    for step in [1000, 200, 30] {
        write_model(&models.join(format!("Run/history/step-{step}")), true);
    }
    fs::create_dir_all(models.join("broken")).expect("folder");
    fs::write(models.join("broken/config.json"), "{").expect("file");
    fs::create_dir_all(models.join(".hidden.1.copy")).expect("folder");
    fs::write(models.join("python.directions.json"), "[]").expect("file");
    write_model(&runs.join("here"), true);
    write_model(&runs.join("no-run"), false);
    let mut library = Library::new(Some(models.clone()), Some(runs.clone()));
    library.add(&models.join("plain"));
    library.add(&runs.join("no-run"));
    library.add(&runs.join("nothing"));
    let wanted = [
        "python",
        "mnist",
        "headlines",
        "broken",
        "plain",
        "Run",
        "Run/best",
        "Run/step-30",
        "Run/step-200",
        "Run/step-1000",
        "here",
        "no-run",
    ];
    assert_eq!(names(&library), wanted);

    let find = |name: &str| library.find(name).expect("a model");
    let python = find("python");
    assert_eq!(
        (python.kind, python.own, python.opens.as_str()),
        (ModelKind::Bundled, false, "python")
    );
    let model = crate::engine::LoadedModel::open("python").expect("a model");
    let parameters = crate::engine::LatentModel::info(&model).parameters as u64;
    assert_eq!(python.parameters, Some(parameters));
    let shape = python.shape.clone().expect("a shape");
    assert_eq!((shape.latent_tokens, shape.latent_size, &*shape.bottleneck), (16, 32, "sphere"));
    assert!(python.figures().expect("figures").exact_match > 0.5);

    let run = find("Run");
    assert_eq!((run.kind, run.own, run.resumes), (ModelKind::Trained, true, true));
    assert!(run.bytes > 5 * python.bytes && run.saved.is_some());
    assert_eq!((run.domain.as_str(), run.parameters), ("python", Some(parameters)));
    let best = find("Run/best");
    assert_eq!(
        (best.kind, best.own, best.run.as_deref()),
        (ModelKind::Snapshot, false, Some("Run"))
    );
    assert_eq!(find("plain").kind, ModelKind::Local);
    assert_eq!(find("here").kind, ModelKind::Trained);
    assert!(!find("here").own && find("broken").problem.is_some());
    let said = library.find("nowhere").expect_err("none").to_string();
    assert!(said.contains("`nowhere`") && said.contains("plain"), "{said}");
}

#[test]
fn a_model_of_a_bundled_name_hides_it_and_gives_it_back() {
    let dir = tempfile::tempdir().expect("folder");
    let library = Library::new(Some(dir.path().join("models")), None);
    assert_eq!(names(&library), ["python", "mnist", "headlines"]);
    library.duplicate("python", "mine").expect("copied");
    library.rename("mine", "python").expect("renamed");
    assert_eq!(names(&library), ["mnist", "headlines", "python"]);
    assert!(library.find("python").expect("a model").own);
    library.delete("python").expect("deleted");
    assert_eq!(library.find("python").expect("a model").kind, ModelKind::Bundled);
    assert_eq!(everything_in(&dir.path().join("models")), [""; 0]);
}

#[test]
fn copies_are_whole_and_open_and_originals_stay() {
    let dir = tempfile::tempdir().expect("folder");
    let models = dir.path().join("models");
    let library = Library::new(Some(models.clone()), None);
    library.duplicate("python", "one").expect("copied");
    write_model(&models.join("run"), true);
    write_model(&models.join("run/best"), false);
    fs::write(models.join("run/.model.safetensors.7.tmp"), "half").expect("file");
    library.duplicate("run", "two").expect("copied");
    library.duplicate("run/best", "three").expect("copied");
    let elsewhere = dir.path().join("elsewhere");
    write_model(&elsewhere, false);
    library.duplicate(&elsewhere.display().to_string(), "four").expect("copied");
    let of = |name: &str| everything_in(&models.join(name));
    assert_eq!(
        of("two"),
        of("run").into_iter().filter(|p| !p.contains(".tmp")).collect::<Vec<_>>()
    );
    assert_eq!(of("three"), of("run/best"));
    assert_eq!(of("four"), everything_in(&elsewhere));
    let model = crate::engine::LoadedModel::from_folder(&models.join("one")).expect("it opens");
    assert_eq!(crate::engine::LatentModel::info(&model).name, "one");
    assert_eq!(
        library.find("two").expect("a model").saved,
        library.find("run").expect("a model").saved
    );
    // No copy over another.
    let said = library.duplicate("python", "one").expect_err("taken").to_string();
    assert!(said.contains("`one` already"), "{said}");
}

#[test]
fn what_killed_programs_left_is_no_model_and_goes_in_time() {
    let dir = tempfile::tempdir().expect("folder");
    let models = dir.path().to_owned();
    let library = Library::new(Some(models.clone()), None);
    let (half, gone, other) =
        (models.join(".big.77.copy"), models.join(".old.78.gone"), models.join(".git"));
    write_model(&half, false);
    write_model(&gone, true);
    fs::create_dir_all(&other).expect("folder");
    assert_eq!(names(&library), ["python", "mnist", "headlines"]);
    library.duplicate("python", "new").expect("copied");
    // A copy may still be growing; what was being deleted is deleted.
    assert!(half.exists() && !gone.exists() && other.exists());
    let yesterday = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 86_400);
    fs::File::open(&half).and_then(|folder| folder.set_modified(yesterday)).expect("older");
    library.delete("new").expect("deleted");
    assert!(!half.exists() && other.exists());
}

#[test]
fn a_copy_that_fails_leaves_nothing() {
    let dir = tempfile::tempdir().expect("folder");
    let models = dir.path().join("models");
    let library = Library::new(Some(models.clone()), None);
    let source = dir.path().join("source");
    write_model(&source, false);
    fs::create_dir_all(&models).expect("folder");
    // A file where the copy's folder is to be.
    let copy = models.join(format!(".twin.{}.copy", std::process::id()));
    fs::write(&copy, "in the way").expect("file");
    assert!(library.duplicate(&source.display().to_string(), "twin").is_err());
    assert!(!models.join("twin").exists() && source.join("config.json").exists());
}

#[test]
fn bundled_models_snapshots_and_folders_elsewhere_are_left_alone() {
    let dir = tempfile::tempdir().expect("folder");
    let (models, runs) = (dir.path().join("models"), dir.path().join("runs"));
    write_model(&models.join("run"), true);
    write_model(&models.join("run/best"), false);
    write_model(&runs.join("there"), true);
    let library = Library::new(Some(models), Some(runs.clone()));
    let before = everything_in(dir.path());
    let there = runs.join("there").display().to_string();
    for name in [
        "python",
        "run/best",
        "there",
        &there,
        "../runs/there",
        "..",
        ".",
        "",
        "/",
        "run/",
        "nowhere",
    ] {
        assert!(library.delete(name).is_err(), "{name}");
        assert!(library.rename(name, "other").is_err(), "{name}");
    }
    let said = |name: &str| library.delete(name).expect_err("refused").to_string();
    assert!(said("python").contains("comes with the program"));
    assert!(
        said("run/best").contains("folder of models") && said("there").contains("folder of models")
    );
    assert!(library.rename("run", "run").is_err());
    assert!(library.rename("run", "../out").is_err());
    assert_eq!(everything_in(dir.path()), before);
}

#[cfg(unix)]
#[test]
fn links_are_copied_as_what_they_point_at_and_deleted_as_links() {
    let dir = tempfile::tempdir().expect("folder");
    let (models, far) = (dir.path().join("models"), dir.path().join("far"));
    write_model(&far, false);
    fs::create_dir_all(&models).expect("folder");
    std::os::unix::fs::symlink(&far, models.join("near")).expect("a link");
    std::os::unix::fs::symlink(dir.path(), far.join("around")).expect("a link");
    let library = Library::new(Some(models.clone()), None);
    assert_eq!(names(&library), ["python", "mnist", "headlines", "near"]);
    library.duplicate("near", "copy").expect("copied");
    assert!(
        models.join("copy/model.safetensors").is_file() && !models.join("copy/around").exists()
    );
    library.rename("near", "nearer").expect("renamed");
    library.delete("nearer").expect("deleted");
    assert!(!models.join("nearer").is_symlink() && far.join("model.safetensors").exists());
}

proptest! {
    #[test]
    fn no_name_leads_out_of_the_folder(name in "\\PC{0,12}|[./\\\\ a:]{0,6}|(\\.\\./){1,3}x") {
        let dir = tempfile::tempdir().expect("folder");
        let models = dir.path().join("a/models");
        fs::create_dir_all(&models).expect("folder");
        fs::create_dir_all(models.join("x")).expect("folder");
        let library = Library::new(Some(models.clone()), None);
        let renamed = library.rename("x", &name).is_ok();
        prop_assert_eq!(renamed, check_name(&name).is_ok() && name != "x");
        let inside = fs::read_dir(&models).expect("a folder").count();
        prop_assert_eq!((inside, everything_in(dir.path()).len()), (1, 3));
    }
}
