//! What a model keeps beside its weights to judge its decodes by, where their form alone does not tell.

use std::path::Path;

use super::{DigitJudge, Domain, Fluency, Verdict};

/// What a domain's texts of the right form are held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldTo {
    /// To be as usual as real texts ([`Fluency`]).
    Fluency,
    /// To pass for a digit ([`DigitJudge`]).
    Credibility,
}

/// What has learnt from a model's training texts to tell whether a decode is like them.
#[derive(Debug)]
pub enum Examiner {
    /// For texts that are read.
    Fluency(Fluency),
    /// For pictures.
    Digits(DigitJudge),
}

impl Examiner {
    /// [`Verdict::Unlike`] for what does not pass.
    #[must_use]
    pub fn verdict(&self, text: &str) -> Verdict {
        match self {
            Self::Fluency(fluency) => fluency.verdict(text),
            Self::Digits(digits) => digits.verdict(text),
        }
    }

    /// Its file in a model's folder.
    #[must_use]
    pub fn file(&self) -> &'static str {
        match self {
            Self::Fluency(_) => Fluency::FILE,
            Self::Digits(_) => DigitJudge::FILE,
        }
    }

    /// The bytes of its file.
    ///
    /// # Errors
    /// Those of the format.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::Fluency(fluency) => fluency.to_bytes(),
            Self::Digits(digits) => digits.to_bytes(),
        }
    }

    /// That of a file by this name; `None` of any other file.
    ///
    /// # Errors
    /// What is wrong with its bytes.
    pub fn from_bytes(file: &str, bytes: &[u8]) -> Result<Option<Self>, String> {
        match file {
            Fluency::FILE => Fluency::from_bytes(bytes).map(|fluency| Some(Self::Fluency(fluency))),
            DigitJudge::FILE => {
                DigitJudge::from_bytes(bytes).map(|digits| Some(Self::Digits(digits)))
            }
            _ => Ok(None),
        }
    }

    /// That of a model's folder, if it has one.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn from_folder(folder: &Path) -> Result<Option<Self>, String> {
        for file in [Fluency::FILE, DigitJudge::FILE] {
            let path = folder.join(file);
            match std::fs::read(&path) {
                Ok(bytes) => {
                    let read = Self::from_bytes(file, &bytes);
                    return read.map_err(|e| format!("{}: {e}", path.display()));
                }
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(format!("{}: {e}", path.display())),
            }
        }
        Ok(None)
    }
}

/// What judges a decode: the domain, and for what has its form, who knows real texts, where there is one.
#[derive(Clone, Copy)]
pub struct Judge<'a> {
    /// The domain.
    pub domain: &'a dyn Domain,
    /// Who knows real texts.
    pub examiner: Option<&'a Examiner>,
}

impl Judge<'_> {
    /// The verdict on a decode. Nothing at all parses as Python, but it is no decode.
    #[must_use]
    pub fn verdict(&self, text: &str) -> Verdict {
        if text.trim().is_empty() {
            return Verdict::invalid(1, 1, "nothing but white space");
        }
        match (self.domain.verdict(text), self.examiner) {
            (Verdict::Valid, Some(examiner)) => examiner.verdict(text),
            (verdict, _) => verdict,
        }
    }
}
