//! What a person keeps: bookmarks, the history, the session's file.

use std::path::PathBuf;

use super::models::Listing;
use super::state::State;
use crate::engine::{Bookmark, Scene, Session};
use crate::report::{Part, Rung};
use crate::train::{Checkpoint, Job, Report};

/// Scenes of the history that the panel looks at.
const LISTED: usize = 200;

/// What the explorer has to know to keep a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keep {
    /// What opened the model: a bundled name or a folder.
    pub model: String,
    /// Weights that decoding uses, where it was asked for.
    pub precision: Option<String>,
    /// The folder that sessions lie in where nobody names another.
    pub folder: PathBuf,
    /// The session's file, once it has one.
    pub file: Option<PathBuf>,
    /// The file of the last export.
    pub exported: Option<PathBuf>,
    /// The file of the last export of the palette.
    pub exported_palette: Option<PathBuf>,
    /// The chosen row of the panel.
    pub row: usize,
}

/// A row of the panel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kept<'a> {
    /// A bookmark.
    Bookmark(&'a Bookmark),
    /// A scene of the history.
    Past(&'a Scene),
}

impl Kept<'_> {
    /// What is decoded there.
    #[must_use]
    pub fn scene(&self) -> &Scene {
        match self {
            Self::Bookmark(bookmark) => &bookmark.scene,
            Self::Past(scene) => scene,
        }
    }
}

/// What became of something that was done outside.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The session lies in this file.
    Saved(PathBuf),
    /// A session was read.
    Opened(PathBuf, Box<Session>),
    /// The ladder lies in this file.
    Exported(PathBuf),
    /// The palette lies in this file.
    ExportedPalette(PathBuf),
    /// The own directions lie in this file.
    SavedDirections(PathBuf),
    /// The models were listed.
    Models(Box<Listing>),
    /// A run of before was read: what it was given, its reports, and where it stands.
    TakenUp(Box<Job>, Vec<Report>, Box<Checkpoint>),
    /// Something to tell.
    Told(String),
    /// It did not work, and why.
    Failed(String),
}

impl State {
    /// The rows of the panel: bookmarks, then the history, the latest first, without those that follow their like.
    #[must_use]
    pub fn kept(&self) -> Vec<Kept<'_>> {
        let mut rows: Vec<Kept<'_>> = self.history.bookmarks().iter().map(Kept::Bookmark).collect();
        let mut behind = &self.scene;
        for scene in self.history.past().rev().take(LISTED) {
            if scene != behind {
                rows.push(Kept::Past(scene));
            }
            behind = scene;
        }
        rows
    }

    /// All that a session's file holds.
    #[must_use]
    pub fn session(&self) -> Session {
        Session {
            version: Session::VERSION,
            model: self.keep.model.clone(),
            precision: self.keep.precision.clone(),
            scene: self.scene.clone(),
            bookmarks: self.history.bookmarks().to_vec(),
            history: self.history.past().cloned().collect(),
        }
    }

    /// Begins with a session's scene, bookmarks and history.
    pub fn begin_with_session(&mut self, file: PathBuf, session: Session) {
        self.keep.file = Some(file);
        self.begin_with(session.scene.path, session.scene.rungs);
        self.scene = session.scene;
        self.history.go_on_with(None, session.history, session.bookmarks);
    }

    /// The ladder as it is written to files; none while it is not whole.
    #[must_use]
    pub fn whole_ladder(&self) -> Option<Part> {
        let rungs = self.rungs.iter().map(|rung| {
            Some(Rung {
                ratio: rung.ratio,
                text: rung.text.clone(),
                verdict: rung.verdict.clone()?,
                guided: rung.guided,
            })
        });
        Some(Part {
            title: String::new(),
            a: self.scene.a.clone(),
            b: self.scene.b.clone(),
            path: self.scene.path.to_string(),
            decoding: self.scene.decoding.name().to_owned(),
            rungs: rungs.collect::<Option<_>>()?,
            point: None,
        })
    }
}
