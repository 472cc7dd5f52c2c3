//! Models of earlier moments of a run, kept beside it so that a person can go back in its time.

use std::path::{Path, PathBuf};

use super::TrainError;

/// Folder, within a run's, of the models of earlier moments.
pub const HISTORY: &str = "history";

/// The kept moments of a run in the folder `dir`, by step.
///
/// # Errors
/// When the folder is there and cannot be read.
pub fn moments(dir: &Path) -> Result<Vec<(usize, PathBuf)>, TrainError> {
    let folder = dir.join(HISTORY);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(TrainError::file(&folder, e)),
    };
    let mut found: Vec<(usize, PathBuf)> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let step = path.file_name()?.to_str()?.strip_prefix("step-")?.parse().ok()?;
            // Weights are written last but one: a folder without them was cut short.
            path.join("tokenizer.json").exists().then_some((step, path))
        })
        .collect();
    found.sort_unstable();
    Ok(found)
}

/// Where the model of a step is kept.
#[must_use]
pub fn moment_folder(dir: &Path, step: usize) -> PathBuf {
    dir.join(HISTORY).join(format!("step-{step:07}"))
}

/// Leaves `keep` moments at most: of the inner ones those go first that lie closest between their neighbours.
pub(super) fn thin(dir: &Path, keep: usize) -> Result<(), TrainError> {
    let mut kept = moments(dir)?;
    while kept.len() > keep {
        let inner = 1..kept.len() - 1;
        let closest = inner.min_by_key(|&i| kept[i + 1].0 - kept[i - 1].0).unwrap_or(0);
        remove(&kept.remove(closest).1)?;
    }
    Ok(())
}

/// Removes the moments after `step`: a run that goes on from there has other ones.
pub(super) fn forget_after(dir: &Path, step: usize) -> Result<(), TrainError> {
    moments(dir)?.iter().filter(|(at, _)| *at > step).try_for_each(|(_, path)| remove(path))
}

fn remove(path: &Path) -> Result<(), TrainError> {
    std::fs::remove_dir_all(path).map_err(|e| TrainError::file(path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(dir: &Path, step: usize) {
        let folder = moment_folder(dir, step);
        std::fs::create_dir_all(&folder).expect("folder");
        std::fs::write(folder.join("tokenizer.json"), "{}").expect("file");
    }

    fn steps(dir: &Path) -> Vec<usize> {
        moments(dir).expect("moments").into_iter().map(|(step, _)| step).collect()
    }

    #[test]
    fn the_first_and_the_last_moment_stay_and_the_rest_thins_out_evenly() {
        let dir = tempfile::tempdir().expect("folder");
        assert!(steps(dir.path()).is_empty());
        for step in (10..=200).step_by(10) {
            keep(dir.path(), step);
            thin(dir.path(), 5).expect("thinned");
        }
        let left = steps(dir.path());
        assert_eq!((left.len(), left[0], left[4]), (5, 10, 200));
        let gaps: Vec<usize> = left.windows(2).map(|w| w[1] - w[0]).collect();
        assert!(gaps.iter().all(|&gap| gap <= 90), "{left:?}");
        forget_after(dir.path(), left[2]).expect("forgotten");
        assert_eq!(steps(dir.path()), left[..3]);
        thin(dir.path(), 0).expect("thinned");
        assert!(steps(dir.path()).is_empty());
    }

    #[test]
    fn a_moment_that_was_cut_short_is_none() {
        let dir = tempfile::tempdir().expect("folder");
        keep(dir.path(), 10);
        std::fs::create_dir_all(moment_folder(dir.path(), 20)).expect("folder");
        assert_eq!(steps(dir.path()), [10]);
    }
}
