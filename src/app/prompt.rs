//! One line that is asked for: a note, a file's name.

use tui_input::{Input, InputRequest};

/// Characters of an answer, at most.
const LONGEST: usize = 1000;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// The note of a new bookmark.
    Bookmark,
    /// Another note for the bookmark of this number, from 0.
    Note(usize),
    /// The file that the session is saved to.
    Save,
    /// The file of a session to open.
    Open,
    /// The file that the ladder is written to.
    Export,
    /// The file that the palette is written to.
    ExportPalette,
    /// Another name for the chosen direction.
    Direction,
    /// Another name for the chosen model.
    RenameModel,
    /// A name for a copy of the chosen model.
    DuplicateModel,
    /// The name of the chosen model once more, so that it is deleted.
    DeleteModel,
    /// A value for the row of this number of the form, from 0.
    Option(usize),
    /// How long a run is to be that had ended.
    Budget,
}

impl Ask {
    /// The title of the field.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Bookmark => "new bookmark",
            Self::Note(_) => "note of the bookmark",
            Self::Save => "save the session",
            Self::Open => "open a session",
            Self::Export => "export the ladder",
            Self::ExportPalette => "export the palette",
            Self::Direction => "name of the direction",
            Self::RenameModel => "another name for",
            Self::DuplicateModel => "copy of",
            Self::DeleteModel => "delete",
            Self::Option(_) => "value of",
            Self::Budget => "length of the run in all",
        }
    }

    /// What to type.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::Bookmark | Self::Note(_) => "a note, or nothing",
            Self::Direction => "a name that no other direction has",
            Self::RenameModel | Self::DuplicateModel => "a folder's name that no model has",
            Self::DeleteModel => "type its name to delete it",
            Self::Option(_) => "as in a configuration",
            Self::Budget => "minutes or steps, what it has done included",
            Self::Save | Self::Open => "a file's name",
            Self::Export | Self::ExportPalette => "ends in .json, .md, .svg, for pictures .png",
        }
    }

    /// Whether it is about the chosen model of the list.
    #[must_use]
    pub fn is_about_models(self) -> bool {
        matches!(self, Self::RenameModel | Self::DuplicateModel | Self::DeleteModel)
    }
}

/// A question and the answer as far as it is typed.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// What is asked for.
    pub ask: Ask,
    /// What it is about; empty where the question says it.
    pub about: String,
    /// The answer.
    pub input: Input,
}

impl Prompt {
    /// A question with an answer to begin with.
    #[must_use]
    pub fn new(ask: Ask, answer: impl Into<String>) -> Self {
        Self { ask, about: String::new(), input: Input::new(answer.into()) }
    }

    /// The same question about this.
    #[must_use]
    pub fn about(self, about: &str) -> Self {
        Self { about: about.to_owned(), ..self }
    }

    /// A key in the field.
    pub fn edit(&mut self, request: InputRequest) {
        let full = self.input.value().chars().count() >= LONGEST;
        if !(full && matches!(request, InputRequest::InsertChar(_))) {
            self.input.handle(request);
        }
    }

    /// Pasted text, on one line.
    pub fn paste(&mut self, text: &str) {
        let line = text.trim_end_matches(['\r', '\n']).chars();
        for c in line.map(|c| if c.is_whitespace() { ' ' } else { c }).take(LONGEST) {
            if !c.is_control() {
                self.edit(InputRequest::InsertChar(c));
            }
        }
    }

    /// The answer without blanks around it.
    #[must_use]
    pub fn answer(&self) -> &str {
        self.input.value().trim()
    }
}
