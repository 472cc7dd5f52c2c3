//! Undo and redo: the scenes and bookmarks before and after the present ones.

use std::sync::Arc;

use super::state::EditedEnd;
use crate::engine::{Bookmark, Scene};

/// What kind of change led to a scene; a run of the same gradual changes is taken back as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The slider moved.
    Slide,
    /// A latent token's own slider moved.
    Token(usize),
    /// An edit's strength changed.
    Strength(usize),
    /// An end is being typed.
    Typing(EditedEnd),
    /// Anything else: never joined with its neighbours.
    Whole,
}

impl Change {
    /// What changed from one scene to the next.
    #[must_use]
    pub fn between(before: &Scene, after: &Scene) -> Self {
        if (Scene { ratio: after.ratio, ..before.clone() }) == *after {
            return Self::Slide;
        }
        if (Scene { tokens: after.tokens.clone(), ..before.clone() }) == *after {
            let pairs = before.tokens.iter().zip(&after.tokens);
            let moved: Vec<usize> =
                pairs.enumerate().filter(|(_, (x, y))| x != y).map(|(i, _)| i).collect();
            let gradual = |i: usize| before.tokens[i].is_some() && after.tokens[i].is_some();
            if let ([one], true) = (moved.as_slice(), before.tokens.len() == after.tokens.len()) {
                return if gradual(*one) { Self::Token(*one) } else { Self::Whole };
            }
        }
        // A new edit is the first of its own moves.
        let added = after.edits.len() == before.edits.len() + 1;
        if added && (Scene { edits: after.edits.clone(), ..before.clone() }) == *after {
            let first = after.edits.starts_with(&before.edits);
            return if first { Self::Strength(before.edits.len()) } else { Self::Whole };
        }
        if before.edits.len() == after.edits.len() {
            let mut strengths = before.clone();
            for (edit, other) in strengths.edits.iter_mut().zip(&after.edits) {
                edit.strength = other.strength;
            }
            let moved = |(x, y): (&crate::engine::Edit, &crate::engine::Edit)| x != y;
            if strengths == *after {
                let at = before.edits.iter().zip(&after.edits).position(moved);
                return at.map_or(Self::Whole, Self::Strength);
            }
        }
        Self::Whole
    }
}

/// What can be gone back to.
#[derive(Debug, Clone, PartialEq)]
struct Moment {
    scene: Scene,
    bookmarks: Arc<Vec<Bookmark>>,
}

/// The scenes that can be gone back to, and forward again, with the bookmarks of their time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    past: Vec<Moment>,
    future: Vec<Moment>,
    /// The last change, while it may be joined with the next.
    open: Option<Change>,
    /// The present ones.
    bookmarks: Arc<Vec<Bookmark>>,
}

impl History {
    /// Notes that `before` has been left by a change.
    pub fn record(&mut self, before: Scene, change: Change) {
        self.future.clear();
        if change == Change::Whole || self.open != Some(change) {
            let moment = self.moment(before);
            self.past.push(moment);
        }
        self.open = Some(change);
    }

    /// Puts other bookmarks in the place of the present ones: a change of its own.
    pub fn change_bookmarks(&mut self, present: &Scene, bookmarks: Vec<Bookmark>) {
        self.record(present.clone(), Change::Whole);
        self.bookmarks = Arc::new(bookmarks);
    }

    /// Goes on with a session's bookmarks and history; what was there before, where there was something, can be gone back
    /// to behind them.
    pub fn go_on_with(&mut self, before: Option<Scene>, past: Vec<Scene>, kept: Vec<Bookmark>) {
        self.future.clear();
        self.open = None;
        let moment = before.map(|scene| self.moment(scene));
        self.past.extend(moment);
        self.bookmarks = Arc::new(kept);
        let past: Vec<Moment> = past.into_iter().map(|scene| self.moment(scene)).collect();
        self.past.extend(past);
    }

    fn moment(&self, scene: Scene) -> Moment {
        Moment { scene, bookmarks: Arc::clone(&self.bookmarks) }
    }

    /// The present bookmarks.
    #[must_use]
    pub fn bookmarks(&self) -> &[Bookmark] {
        &self.bookmarks
    }

    /// The next change is a step of its own, whatever it is.
    pub fn seal(&mut self) {
        self.open = None;
    }

    /// Goes back from `present`; none at the start.
    pub fn undo(&mut self, present: &Scene) -> Option<Scene> {
        let moment = self.past.pop()?;
        self.future.push(self.moment(present.clone()));
        self.open = None;
        self.bookmarks = moment.bookmarks;
        Some(moment.scene)
    }

    /// Goes forward from `present`; none at the end.
    pub fn redo(&mut self, present: &Scene) -> Option<Scene> {
        let moment = self.future.pop()?;
        self.past.push(self.moment(present.clone()));
        self.open = None;
        self.bookmarks = moment.bookmarks;
        Some(moment.scene)
    }

    /// Steps that can be taken back.
    #[must_use]
    pub fn len(&self) -> usize {
        self.past.len()
    }

    /// Whether there is nothing to take back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.past.is_empty()
    }

    /// The scenes before the present one, the first one first.
    pub fn past(&self) -> impl DoubleEndedIterator<Item = &Scene> {
        self.past.iter().map(|moment| &moment.scene)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ratio: f32) -> Scene {
        Scene { ratio, ..Scene::default() }
    }

    #[test]
    fn a_slide_is_one_step_and_other_changes_are_their_own() {
        let mut history = History::default();
        let mut scene = at(0.5);
        for k in 1..=10 {
            let next = at(0.5 + k as f32 / 100.0);
            let change = Change::between(&scene, &next);
            history.record(std::mem::replace(&mut scene, next), change);
        }
        let swapped = Scene { a: "b".into(), ..scene.clone() };
        assert_eq!(Change::between(&scene, &swapped), Change::Whole);
        history.record(std::mem::replace(&mut scene, swapped.clone()), Change::Whole);
        assert_eq!(history.len(), 2);
        scene = history.undo(&scene).unwrap();
        assert_eq!(scene, at(0.6));
        scene = history.undo(&scene).unwrap();
        assert_eq!((scene.clone(), history.undo(&scene)), (at(0.5), None));
        scene = history.redo(&scene).unwrap();
        scene = history.redo(&scene).unwrap();
        assert_eq!((scene.clone(), history.redo(&scene)), (swapped, None));
    }

    #[test]
    fn a_new_change_forgets_what_was_taken_back() {
        let mut history = History::default();
        history.record(at(0.1), Change::Slide);
        let back = history.undo(&at(0.2)).unwrap();
        history.record(back, Change::Whole);
        assert_eq!(history.redo(&at(0.3)), None);
    }

    #[test]
    fn bookmarks_come_and_go_with_the_scenes_of_their_time() {
        let mark = |note: &str| Bookmark { note: note.to_owned(), scene: at(0.3) };
        let notes = |history: &History| -> Vec<String> {
            history.bookmarks().iter().map(|b| b.note.clone()).collect()
        };
        let mut history = History::default();
        history.record(at(0.1), Change::Slide);
        history.change_bookmarks(&at(0.2), vec![mark("x")]);
        history.go_on_with(Some(at(0.2)), vec![at(0.7)], vec![mark("y"), mark("z")]);
        let mut scene = at(0.8);
        let mut seen = vec![(scene.ratio, notes(&history))];
        while let Some(before) = history.undo(&scene) {
            scene = before;
            seen.push((scene.ratio, notes(&history)));
        }
        let of = |all: &[&str]| -> Vec<String> { all.iter().map(|n| (*n).to_owned()).collect() };
        let (both, one, none) = (of(&["y", "z"]), of(&["x"]), of(&[]));
        let wanted =
            [(0.8, both.clone()), (0.7, both), (0.2, one), (0.2, none.clone()), (0.1, none)];
        assert_eq!(seen, wanted);
        while let Some(after) = history.redo(&scene) {
            scene = after;
        }
        assert_eq!((scene.ratio, notes(&history)), (0.8, of(&["y", "z"])));
    }

    #[test]
    fn a_latent_token_that_moves_is_told_from_one_that_is_locked() {
        let with = |tokens: &[Option<f32>]| Scene { tokens: tokens.to_vec(), ..Scene::default() };
        let (a, b) = (with(&[None, Some(0.5)]), with(&[None, Some(0.6)]));
        assert_eq!(Change::between(&a, &b), Change::Token(1));
        assert_eq!(Change::between(&a, &with(&[Some(0.5), Some(0.5)])), Change::Whole);
        assert_eq!(Change::between(&with(&[]), &a), Change::Whole);
    }
}
