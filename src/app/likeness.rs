//! What a decode is beside the ends and the texts that are known.

use super::state::{RungView, State};

/// What a rung is beside the texts around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// The same as the end A or its reconstruction.
    CopyOfA,
    /// The same as the end B or its reconstruction.
    CopyOfB,
    /// A text of the data that the ends are picked from.
    Known,
    /// None of them.
    Novel,
}

impl State {
    /// What a whole rung is beside the ends; none while it or they are not whole.
    #[must_use]
    pub fn likeness(&self, rung: usize) -> Option<Likeness> {
        let of = |rung: Option<&RungView>| {
            let rung = rung?;
            rung.verdict.as_ref().map(|_| rung.text.clone())
        };
        let text = of(self.rungs.get(rung))?;
        let (first, last) = match self.scene.along {
            Some(_) => (self.scene.a.clone(), self.scene.b.clone()),
            None => (of(self.rungs.first())?, of(self.rungs.last())?),
        };
        Some(self.likeness_among(&text, &first, &last))
    }

    /// What a text is beside the ends, which come back as `first` and `last`.
    pub(super) fn likeness_among(&self, text: &str, first: &str, last: &str) -> Likeness {
        if text == self.scene.a || text == first {
            Likeness::CopyOfA
        } else if text == self.scene.b || text == last {
            Likeness::CopyOfB
        } else if self.known.contains(text) {
            Likeness::Known
        } else {
            Likeness::Novel
        }
    }
}
