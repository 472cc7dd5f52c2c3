//! What a person keeps of an exploration, as a file: the scene, bookmarks with notes, the scenes before.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::palette::PALETTE_RANGE;
use super::scene::{Scene, RATIO_RANGE, RUNG_RANGE, STRENGTH_RANGE};
use crate::model::write_atomically;
use crate::numeric::Precision;

/// Scenes of the history that are written at most, the latest.
const REMEMBERED: usize = 200;

/// A scene with a note.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bookmark {
    /// What the person wrote about it.
    pub note: String,
    /// What is decoded.
    pub scene: Scene,
}

/// An exploration. Together with the model it gives the same texts again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// The version of this format, [`Session::VERSION`].
    pub version: u32,
    /// What opens the model: a bundled name or a folder.
    pub model: String,
    /// Weights that decoding used, where it was asked for: `f32` or `bf16`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<String>,
    /// What is decoded now.
    pub scene: Scene,
    /// What was kept.
    #[serde(default)]
    pub bookmarks: Vec<Bookmark>,
    /// The scenes before, the first one first.
    #[serde(default)]
    pub history: Vec<Scene>,
}

/// Why there is no session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The file cannot be read or written.
    #[error("{}: {reason}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// The file is no session.
    #[error("{}: no session: {reason}", file.display())]
    Content {
        /// Which.
        file: PathBuf,
        /// What was found and what was expected.
        reason: String,
    },
}

impl Session {
    /// The version of the format that is written.
    pub const VERSION: u32 = 1;

    /// Reads a session.
    ///
    /// # Errors
    /// A file that cannot be read, or holds something that does not belong there.
    pub fn read(file: &Path) -> Result<Self, SessionError> {
        let text = std::fs::read_to_string(file)
            .map_err(|e| SessionError::File { file: file.to_owned(), reason: e.to_string() })?;
        Self::parse(&text).map_err(|reason| SessionError::Content { file: file.to_owned(), reason })
    }

    /// Writes it: at any moment the file is the old one or the new one, whole. Its folder is made where it is missing.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, file: &Path) -> Result<(), SessionError> {
        let failed = |reason: String| SessionError::File { file: file.to_owned(), reason };
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|e| failed(e.to_string()))?;
        }
        let text = self.to_json().map_err(|e| failed(e.to_string()))?;
        write_atomically(file, text.as_bytes()).map_err(|e| failed(e.to_string()))
    }

    /// As JSON, a value a line.
    fn to_json(&self) -> Result<String, serde_json::Error> {
        let surplus = self.history.len().saturating_sub(REMEMBERED);
        let shortened = Self { history: self.history[surplus..].to_vec(), ..self.clone() };
        Ok(serde_json::to_string_pretty(&shortened)? + "\n")
    }

    /// A session from its text; what is wrong is told with its place.
    fn parse(text: &str) -> Result<Self, String> {
        // A newer format may have keys that this program does not know: its version is told first.
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        if let Ok(Version { version }) = serde_json::from_str(text) {
            if version != Self::VERSION {
                return Err(format!(
                    "version: expected {}, not {version}: it was written by another release",
                    Self::VERSION
                ));
            }
        }
        let session: Self = serde_json::from_str(text).map_err(|e| e.to_string())?;
        if session.model.is_empty() {
            return Err("model: expected a name or a folder, not an empty string".to_owned());
        }
        if let Some(precision) = &session.precision {
            precision.parse::<Precision>().map_err(|e| format!("precision: {e}"))?;
        }
        check(&session.scene, "scene")?;
        for (k, bookmark) in session.bookmarks.iter().enumerate() {
            check(&bookmark.scene, &format!("bookmarks[{k}].scene"))?;
        }
        for (k, scene) in session.history.iter().enumerate() {
            check(scene, &format!("history[{k}]"))?;
        }
        Ok(session)
    }
}

/// Whether the numbers of a scene lie where the explorer keeps them.
fn check(scene: &Scene, place: &str) -> Result<(), String> {
    let within = |name: &str, value: f32, range: std::ops::RangeInclusive<f32>| {
        if range.contains(&value) {
            return Ok(());
        }
        let (low, high) = (range.start(), range.end());
        Err(format!("{place}.{name}: expected a number from {low} to {high}, not {value}"))
    };
    if !RUNG_RANGE.contains(&scene.rungs) {
        let (low, high) = (RUNG_RANGE.start(), RUNG_RANGE.end());
        return Err(format!("{place}.rungs: expected {low} to {high}, not {}", scene.rungs));
    }
    if !PALETTE_RANGE.contains(&scene.palette.size) {
        let (low, high) = (PALETTE_RANGE.start(), PALETTE_RANGE.end());
        let size = scene.palette.size;
        return Err(format!("{place}.palette.size: expected {low} to {high}, not {size}"));
    }
    within("ratio", scene.ratio, RATIO_RANGE)?;
    for (token, ratio) in scene.tokens.iter().enumerate() {
        if let Some(ratio) = ratio {
            within(&format!("tokens[{token}]"), *ratio, RATIO_RANGE)?;
        }
    }
    for (k, edit) in scene.edits.iter().enumerate() {
        within(&format!("edits[{k}].strength"), edit.strength, STRENGTH_RANGE)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::{Decoding, Edit, Palette, Target};
    use crate::latent::{Direction, Path as Way};
    use proptest::prelude::*;

    fn session(scene: Scene) -> Session {
        Session {
            version: Session::VERSION,
            model: "python".into(),
            precision: None,
            bookmarks: vec![Bookmark { note: "half \"way\" \u{1b}".into(), scene: scene.clone() }],
            history: vec![Scene::default(), scene.clone()],
            scene,
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_to_the_bit(
            a in any::<String>(), b in any::<String>(), path in 0usize..5, rungs in 3usize..=33, ratio in -0.5f32..=1.5,
            tokens in prop::collection::vec(prop::option::of(-0.5f32..=1.5), 0..9), guided in any::<bool>(),
            vector in prop::collection::vec(-1f64..1.0, 6), sigma in 0.001f64..4.0, strength in -3f32..=3.0,
        ) {
            let direction = Direction::new(2, 3, &vector, sigma);
            let edits = direction.into_iter().map(|direction| Edit {
                name: "call".into(), target: Target::Way, strength, direction: Arc::new(direction),
            }).collect();
            let decoding = if guided { Decoding::Guided } else { Decoding::Greedy };
            let palette = Palette { c: Some(b.clone()), d: None, size: rungs / 6 + 3 };
            let ends = Scene { a, b, path: Way::ALL[path], rungs, palette, ..Scene::default() };
            let written = session(Scene { ratio, tokens, edits, decoding, ..ends });
            let read = Session::parse(&written.to_json().expect("JSON"));
            prop_assert_eq!(read, Ok(written));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            prop_assert!(Session::parse(&text).is_err());
        }
    }

    #[test]
    fn what_does_not_belong_is_told_with_its_place() {
        let text = session(Scene::default()).to_json().expect("JSON");
        for (from, to, words) in [
            (
                "\"ratio\": 0.5",
                "\"ratio\": 7",
                "scene.ratio: expected a number from -0.5 to 1.5, not 7",
            ),
            ("\"ratio\": 0.5", "\"ratio\": \"x\"", "expected f32 at line"),
            ("\"rungs\": 11", "\"rungs\": 2", "scene.rungs: expected 3 to 33"),
            ("\"rungs\": 11", "\"rings\": 11", "unknown field `rings`, expected one of `a`, `b`"),
            ("\"per-token\"", "\"round\"", "expected one of `per-token`"),
            ("\"version\": 1", "\"version\": 9", "version: expected 1, not 9"),
            ("\"python\"", "\"\"", "model: expected a name"),
            ("\"bookmarks\"", "\"bookmark\"", "unknown field `bookmark`"),
        ] {
            let wrong = text.replacen(from, to, 1);
            assert_ne!(wrong, text, "{from}");
            let said = Session::parse(&wrong).expect_err(to);
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn palettes_are_kept_and_sessions_of_before_have_the_default_one() {
        let text = session(Scene::default()).to_json().expect("JSON");
        assert!(!text.contains("palette"), "{text}");
        assert_eq!(Session::parse(&text).map(|s| s.scene.palette), Ok(Palette::default()));
        let palette = Palette { c: Some("x".into()), d: Some("y".into()), size: 9 };
        let kept = session(Scene { palette, ..Scene::default() });
        let text = kept.to_json().expect("JSON");
        assert_eq!(Session::parse(&text).as_ref(), Ok(&kept));
        let wrong = text.replacen("\"size\": 9", "\"size\": 10", 1);
        let said = Session::parse(&wrong).expect_err("too large");
        assert!(said.contains("palette.size: expected 3 to 9, not 10"), "{said}");
    }

    #[test]
    fn files_are_whole_and_their_folders_are_made() {
        let dir = tempfile::tempdir().expect("folder");
        let file = dir.path().join("deep/er/x.json");
        let mut kept = session(Scene::default());
        kept.history = vec![Scene::default(); REMEMBERED + 50];
        kept.write(&file).expect("written");
        let read = Session::read(&file).expect("read");
        assert_eq!(read.history.len(), REMEMBERED);
        assert_eq!(std::fs::read_dir(dir.path().join("deep/er")).expect("folder").count(), 1);
        let missing = Session::read(&dir.path().join("no.json")).expect_err("none").to_string();
        assert!(missing.contains("no.json"), "{missing}");
    }
}
