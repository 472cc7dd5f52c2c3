//! Which files of a repository are read: by kind, by split, by folder.

use std::collections::BTreeSet;

/// Which part of a data set is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Lines to train on: files whose path names `train`; else those that name no split.
    Train,
    /// Lines to measure on: files whose path names `validation`, `valid`, `val` or `dev`; else `test` or `eval`.
    HeldOut,
    /// Whatever there is: as for measuring, else as for training.
    Any,
}

/// Kinds of files in the order in which they are preferred where a data set comes in several.
const KINDS: [&[&str]; 6] =
    [&["parquet"], &["jsonl", "ndjson"], &["json"], &["csv"], &["tsv", "tab"], &["txt"]];

/// Files that hold no data in spite of their ending.
const NO_DATA: [&str; 8] = [
    "readme",
    "license",
    "licence",
    "requirements",
    "config",
    "dataset_info",
    "dataset_infos",
    "dataset_dict",
];

/// A split that the words of a path name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    Train,
    Validation,
    Test,
    Nothing,
}

/// The split that a path names, the word nearest to its end first: `data/train-00000-of-00002.parquet`.
fn named(path: &str) -> Named {
    let lower = path.to_lowercase();
    lower
        .rsplit(|c: char| !c.is_ascii_alphabetic())
        .find_map(|word| match word {
            "train" | "training" => Some(Named::Train),
            "validation" | "valid" | "val" | "dev" => Some(Named::Validation),
            "test" | "testing" | "eval" | "evaluation" => Some(Named::Test),
            _ => None,
        })
        .unwrap_or(Named::Nothing)
}

/// The kind of a file by its ending, a compression's ending left aside; `None` where it is no data.
fn kind(path: &str) -> Option<usize> {
    let name = path.rsplit('/').next()?.to_lowercase();
    let plain = name.strip_suffix(".gz").or(name.strip_suffix(".zst")).unwrap_or(&name);
    let (stem, ending) = plain.rsplit_once('.')?;
    let hidden = path.split('/').any(|part| part.starts_with('.'));
    if hidden || NO_DATA.contains(&stem) {
        return None;
    }
    KINDS.iter().position(|endings| endings.contains(&ending))
}

/// The files to read, in the order of their names, of those that a repository holds. A file that is named in full is
/// taken as it is; below a named folder, or in the whole repository, the files of one kind and one split are.
///
/// # Errors
/// Where nothing fits, or several folders do; the message says what there is.
pub(super) fn choose(
    files: &[String],
    path: Option<&str>,
    split: Split,
) -> Result<Vec<String>, String> {
    if let Some(file) = path.and_then(|path| files.iter().find(|file| *file == path)) {
        return Ok(vec![file.clone()]);
    }
    let below = |file: &&String| match path {
        Some(path) => file.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')),
        None => true,
    };
    let mut data: Vec<&String> =
        files.iter().filter(below).filter(|file| kind(file).is_some()).collect();
    data.sort();
    if data.is_empty() {
        let place = path.map_or("it".to_owned(), |path| format!("its folder `{path}`"));
        return Err(format!(
            "{place} holds no parquet, jsonl, json, csv, tsv or txt file{}",
            listed(" (it holds ", files.iter().map(String::as_str), ")")
        ));
    }
    let of = |wanted: Named| -> Vec<&String> {
        data.iter().copied().filter(|file| named(file) == wanted).collect()
    };
    let train = || [Named::Train, Named::Nothing].into_iter().map(of).find(|f| !f.is_empty());
    let held_out = || [Named::Validation, Named::Test].into_iter().map(of).find(|f| !f.is_empty());
    let chosen = match split {
        Split::Train => train(),
        Split::HeldOut => held_out(),
        Split::Any => held_out().or_else(train),
    };
    let Some(chosen) = chosen else {
        let what = match split {
            Split::HeldOut => "no file names a validation or test split",
            Split::Train | Split::Any => "no file names a train split",
        };
        let all = listed("", data.iter().map(|f| f.as_str()), "");
        return Err(format!("{what}: name one of them, as in hf:OWNER/NAME/FILE: {all}"));
    };
    let best = chosen.iter().filter_map(|file| kind(file)).min();
    let chosen: Vec<String> =
        chosen.into_iter().filter(|file| kind(file) == best).cloned().collect();
    let folders: BTreeSet<&str> =
        chosen.iter().map(|file| file.rsplit_once('/').map_or("", |(folder, _)| folder)).collect();
    if path.is_none() && folders.len() > 1 {
        let folders = listed("", folders.into_iter().filter(|f| !f.is_empty()), "");
        return Err(format!(
            "it holds several sets: name a folder, as in hf:OWNER/NAME/FOLDER: {folders}"
        ));
    }
    Ok(chosen)
}

/// Some names between two texts; nothing where there are none.
fn listed<'a>(before: &str, names: impl Iterator<Item = &'a str>, after: &str) -> String {
    const SHOWN: usize = 12;
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        return String::new();
    }
    let more = names.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{before}{}{more}{after}", names[..names.len().min(SHOWN)].join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(files: &[&str], path: Option<&str>, split: Split) -> Result<Vec<String>, String> {
        choose(&files.iter().map(|&f| f.to_owned()).collect::<Vec<_>>(), path, split)
    }

    #[test]
    fn splits_by_their_words_and_shards_in_order() {
        let files = [
            "README.md",
            ".gitattributes",
            "data/train-00001-of-00002.parquet",
            "data/train-00000-of-00002.parquet",
            "data/validation-00000-of-00001.parquet",
            "data/test-00000-of-00001.parquet",
        ];
        let train = ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"];
        assert_eq!(chosen(&files, None, Split::Train).expect("train"), train);
        let held_out = ["data/validation-00000-of-00001.parquet"];
        assert_eq!(chosen(&files, None, Split::HeldOut).expect("validation"), held_out);
        assert_eq!(chosen(&files, None, Split::Any).expect("validation"), held_out);
        assert_eq!(chosen(&files[..4], None, Split::Any).expect("train"), train);
        let test = chosen(&["train.csv", "test.csv"], None, Split::HeldOut);
        assert_eq!(test.expect("test"), ["test.csv"]);
    }

    #[test]
    fn one_kind_is_taken_and_no_description() {
        let files = ["a.csv", "b.csv", "all.jsonl.gz", "README.txt", "dataset_infos.json", "x.bin"];
        assert_eq!(chosen(&files, None, Split::Train).expect("one"), ["all.jsonl.gz"]);
        assert_eq!(chosen(&files, Some("b.csv"), Split::HeldOut).expect("named"), ["b.csv"]);
        // "contest" and "evaluate" name no split.
        assert_eq!(chosen(&["contest.txt"], None, Split::Train).expect("one"), ["contest.txt"]);
    }

    #[test]
    fn what_cannot_be_decided_is_asked_with_what_there_is() {
        let sets = ["fr/train.parquet", "de/train.parquet", "de/test.parquet"];
        let error = chosen(&sets, None, Split::Train).expect_err("two sets");
        assert!(error.contains("several sets") && error.contains("de, fr"), "{error}");
        assert_eq!(chosen(&sets, Some("de"), Split::Train).expect("one"), ["de/train.parquet"]);
        let error = chosen(&["all.csv"], None, Split::HeldOut).expect_err("no split");
        assert!(error.contains("validation") && error.contains("all.csv"), "{error}");
        let error = chosen(&["a.bin", "README.md"], None, Split::Train).expect_err("no data");
        assert!(error.contains("parquet") && error.contains("a.bin"), "{error}");
        assert!(chosen(&["test.csv"], None, Split::Train).is_err());
        // A folder is not its name's beginning.
        assert!(chosen(&["data2/x.csv"], Some("data"), Split::Train).is_err());
    }
}
