//! Directions: strengths on A, B and the way, new ones from marked points, ends and arithmetic, names, saving.

use std::sync::Arc;

use super::{ends, keep, request, request_about, Effect};
use crate::app::actions::Step;
use crate::app::directions::{DirectionRow, Marked, Origin, Texts};
use crate::app::history::Change;
use crate::app::prompt::Ask;
use crate::app::state::{Notice, Panel, Pick, State};
use crate::engine::pool::label_way;
use crate::engine::pool::{NamedDirection, Source};
use crate::engine::{Along, Kind, Recipe, Reply, Scene, Target, Task, STRENGTH_RANGE};

/// Characters of a name at most.
const LONGEST_NAME: usize = 60;

fn fails(state: &mut State, message: &str) {
    state.notice = Notice::Error(message.to_owned());
}

/// The chosen row, or a word on why there is none.
fn chosen(state: &mut State) -> Option<DirectionRow> {
    let row = state.directions.chosen_row().cloned();
    if row.is_none() {
        fails(state, "there is no direction yet: wait until the texts are read, or make one");
    }
    row
}

/// To another row.
pub(super) fn choose(state: &mut State, row: usize) {
    state.directions.chosen = row.min(state.directions.rows.len().saturating_sub(1));
}

/// How far a step goes, in deviations.
fn deviations(step: Step) -> f32 {
    match step {
        Step::FineLeft => -0.05,
        Step::Left => -0.25,
        Step::CoarseLeft => -1.0,
        Step::FineRight => 0.05,
        Step::Right => 0.25,
        Step::CoarseRight => 1.0,
    }
}

/// The chosen direction's strength by a step.
pub(super) fn strength_by(state: &mut State, step: Step) {
    let Some(row) = chosen(state) else { return };
    let now = state.scene.strength(&row.name, state.directions.target);
    set_strength(state, state.directions.chosen, now + deviations(step));
}

/// A direction's strength on the current target, on a grid of twentieths so that 0 is met again.
pub(super) fn set_strength(state: &mut State, row: usize, strength: f32) {
    let Some(DirectionRow { name, direction, .. }) = state.directions.rows.get(row).cloned() else {
        return;
    };
    if !strength.is_finite() {
        return;
    }
    state.directions.chosen = row;
    let (low, high) = (*STRENGTH_RANGE.start(), *STRENGTH_RANGE.end());
    let strength = ((strength * 20.0).round() / 20.0).clamp(low, high);
    state.scene.set_strength(&name, &direction, state.directions.target, strength);
}

/// A, B, all of the way, and A again.
pub(super) fn next_target(state: &mut State) {
    let at = Target::ALL.iter().position(|t| *t == state.directions.target).unwrap_or(0);
    state.directions.target = Target::ALL[(at + 1) % Target::ALL.len()];
}

/// The ladder along the chosen direction, or from A to B where it goes along it already.
pub(super) fn toggle_along(state: &mut State) {
    let Some(DirectionRow { name, direction, .. }) = chosen(state) else { return };
    let here = state.scene.along.as_ref().is_some_and(|along| along.name == name);
    state.scene.along = (!here).then_some(Along { name, direction });
}

/// Puts the point in a set, or takes it out where it is in already.
pub(super) fn mark(state: &mut State, set: usize) {
    let Some(points) = state.directions.marked.get_mut(set) else { return };
    let rungs = Scene::default().rungs;
    let scene = Arc::new(Scene { along: None, rungs, ..state.scene.clone() });
    let before = points.len();
    points.retain(|point| point.scene != scene);
    if points.len() == before {
        points.push(Marked { scene });
    }
    let [one, two] = [0, 1].map(|set| state.directions.marked[set].len());
    state.notice = Notice::Status(format!("marked: {one} in set 1, {two} in set 2"));
}

/// Asks for the direction from set 2 to set 1.
pub(super) fn from_marked(state: &mut State) {
    let sets = [0, 1].map(|set| {
        let points = state.directions.marked[set].iter();
        points.map(|point| Arc::clone(&point.scene)).collect::<Vec<_>>()
    });
    if sets.iter().any(Vec::is_empty) {
        return fails(state, "mark points for both sets first: m for set 1, M for set 2");
    }
    let [with, without] = sets;
    ask(state, "set 1 − set 2", Recipe::Sets { with, without }, None);
}

/// Asks for the direction from A to B.
pub(super) fn from_ends(state: &mut State) {
    ask(state, "A to B", Recipe::Ends, None);
}

/// Asks for the direction from the label of A to that of B, or chooses it where it is there.
pub(super) fn from_labels(state: &mut State) {
    let [from, to] =
        [&state.scene.a, &state.scene.b].map(|end| state.label(end).map(str::to_owned));
    let (Some(from), Some(to)) = (from, to) else {
        return fails(state, "pick two samples with labels as A and B first");
    };
    if from == to {
        return fails(state, "A and B have the same label: pick another sample");
    }
    let name = label_way(&from, &to);
    if let Some(at) = state.directions.rows.iter().position(|row| row.name == name) {
        state.directions.chosen = at;
        return;
    }
    ask(state, &name, Recipe::Labels { from, to }, None);
}

/// Opens the list of samples for the text C of A − B + C.
pub(super) fn begin_arithmetic(state: &mut State) {
    if state.samples.is_empty() {
        return fails(state, "there are no samples to pick C from");
    }
    ends::begin_picking(state, Pick::Third);
}

/// C has been picked: asks for the direction from B to it, to be applied to A or all of the way.
pub(super) fn take_third(state: &mut State, sample: usize) {
    let Some(to) = state.samples.get(sample).map(|example| example.text.clone()) else { return };
    let from = state.scene.b.clone();
    let target = if state.directions.target == Target::Way { Target::Way } else { Target::A };
    ask(state, "C − B", Recipe::Texts { from, to }, Some(target));
}

fn ask(state: &mut State, name: &str, recipe: Recipe, apply_to: Option<Target>) {
    let name = state.directions.unique(name);
    state.directions.asked = Some(Task::Make(name, recipe));
    state.directions.apply_to = apply_to;
}

/// Opens the field for the chosen direction's name.
pub(super) fn begin_naming(state: &mut State) {
    let Some(row) = chosen(state) else { return };
    if row.origin == Origin::Found {
        return fails(state, "only directions of your own can be named: make one with e, c or d");
    }
    keep::ask(state, Ask::Direction);
}

/// Gives a direction, its edits and the ladder along it another name; it is then the person's own.
pub(super) fn rename(state: &mut State, wanted: &str) {
    let Some(DirectionRow { name: before, .. }) = chosen(state) else { return };
    let wanted: String = wanted.chars().take(LONGEST_NAME).collect();
    if wanted.is_empty() || wanted == before {
        return;
    }
    let name = state.directions.unique(&wanted);
    let Some(row) = state.directions.rows.iter_mut().find(|row| row.name == before) else {
        return;
    };
    row.name.clone_from(&name);
    row.origin = Origin::Own;
    for edit in state.scene.edits.iter_mut().filter(|edit| edit.name == before) {
        edit.name.clone_from(&name);
    }
    if let Some(along) = state.scene.along.as_mut().filter(|along| along.name == before) {
        along.name = name;
    }
    state.directions.unsaved = true;
}

/// Deletes the chosen direction with its edits.
pub(super) fn delete(state: &mut State) {
    let Some(row) = chosen(state) else { return };
    if row.origin == Origin::Found {
        return fails(state, "only directions of your own can be deleted");
    }
    state.directions.rows.remove(state.directions.chosen);
    choose(state, state.directions.chosen);
    state.scene.edits.retain(|edit| edit.name != row.name);
    if state.scene.along.as_ref().is_some_and(|along| along.name == row.name) {
        state.scene.along = None;
    }
    state.directions.unsaved |= row.origin == Origin::Own;
}

/// Asks for the own directions to be saved.
pub(super) fn save(state: &mut State) {
    if state.directions.file.is_none() {
        return fails(state, "this model has no place of its own for directions");
    }
    (state.directions.saving, state.directions.unsaved) = (true, true);
}

/// They have been saved.
pub(super) fn saved(state: &mut State, file: &std::path::Path) {
    state.directions.unsaved = false;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    state.notice = Notice::Status(format!("directions saved: {name}"));
}

/// What the engine tells of directions.
pub(super) fn take(state: &mut State, reply: Reply) {
    match reply {
        Reply::OwnDirections { file, own } => {
            state.directions.file = Some(file);
            for named in own {
                let name = state.directions.unique(&named.name);
                state.directions.insert(DirectionRow::new(name, Origin::Own, named));
            }
        }
        Reply::Reading { done, total } => state.directions.texts = Texts::Reading(done, total),
        Reply::Directions { texts, found } => {
            let before = state.directions.chosen_row().map(|row| row.name.clone());
            state.directions.texts = Texts::Read(texts);
            state.directions.rows.retain(|row| row.origin == Origin::Own);
            state.directions.chosen = 0;
            for named in found {
                let name = state.directions.unique(&named.name);
                state.directions.rows.push(DirectionRow::new(name, Origin::Found, named));
            }
            adopt(state);
            let again = |row: &DirectionRow| Some(&row.name) == before.as_ref();
            choose(state, state.directions.rows.iter().position(again).unwrap_or(0));
        }
        Reply::Made { generation, direction } if state.is_last(Kind::Make, generation) => {
            made(state, *direction);
        }
        Reply::Measured { generation, measurement } if state.is_last(Kind::Measure, generation) => {
            let name = state.directions.measuring.take();
            let rows = &mut state.directions.rows;
            if let Some(row) = rows.iter_mut().find(|row| Some(&row.name) == name.as_ref()) {
                row.measured = Some(Arc::new(*measurement));
            }
        }
        // News of a request that a newer one has replaced.
        _ => {}
    }
}

/// A direction that was asked for is there.
fn made(state: &mut State, named: NamedDirection) {
    let name = state.directions.unique(&named.name);
    let row = DirectionRow::new(name.clone(), Origin::Own, named);
    let direction = Arc::clone(&row.direction);
    let at = state.directions.insert(row);
    choose(state, at);
    state.directions.unsaved = true;
    state.notice = Notice::Status(format!("a new direction: {name}"));
    if let Some(target) = state.directions.apply_to.take() {
        let before = state.scene.clone();
        state.scene.set_strength(&name, &direction, target, 1.0);
        state.directions.target = target;
        state.history.record(before, Change::Whole);
    }
}

/// Every edit of the scene has a row, so that it can be changed: one that was renamed or deleted before comes back with
/// what is taken back.
fn adopt(state: &mut State) {
    let edits = state.scene.edits.iter().map(|edit| (&edit.name, &edit.direction));
    let along = state.scene.along.iter().map(|along| (&along.name, &along.direction));
    for (name, direction) in edits.chain(along) {
        if state.directions.row_named(name).is_some() {
            continue;
        }
        let used = |name: &str| state.scene.edits.iter().any(|edit| edit.name == name);
        let same = |row: &&mut DirectionRow| {
            let own = row.origin != Origin::Found && !used(&row.name);
            own && *row.direction == **direction
        };
        if let Some(row) = state.directions.rows.iter_mut().find(same) {
            row.name.clone_from(name);
            continue;
        }
        let named = NamedDirection {
            name: name.clone(),
            source: Source::Own,
            with: 0,
            without: 0,
            direction: (**direction).clone(),
        };
        state.directions.insert(DirectionRow::new(name.clone(), Origin::Scene, named));
    }
}

/// What has to be asked for after an action: texts where they are shown, a direction, the chosen one's measurement.
pub(super) fn follow(state: &mut State) -> Vec<Effect> {
    adopt(state);
    let mut effects = Vec::new();
    if state.model.is_none() {
        return effects;
    }
    let shown = matches!(state.side, Panel::Directions | Panel::Neighbours);
    if shown && state.directions.texts == Texts::Unread {
        state.directions.texts = Texts::Reading(0, state.samples.len());
        effects.extend(request(state, Kind::Pool));
    }
    if let Some(task) = state.directions.asked.take() {
        effects.extend(request_about(state, Kind::Make, Some(task)));
    }
    effects.extend(measure(state));
    if std::mem::take(&mut state.directions.saving) {
        let own = state.directions.rows.iter().filter(|row| row.origin == Origin::Own);
        // The name on the screen is the one that is kept.
        let own = own.map(|row| NamedDirection { name: row.name.clone(), ..(*row.named).clone() });
        let own: Vec<NamedDirection> = own.collect();
        effects
            .extend(state.directions.file.clone().map(|file| Effect::SaveDirections { file, own }));
    }
    effects
}

/// Asks for the measurement of the chosen direction while the panel shows it.
fn measure(state: &mut State) -> Option<Effect> {
    let read = matches!(state.directions.texts, Texts::Read(count) if count > 0);
    if state.side != Panel::Directions || !read {
        return None;
    }
    let row = state.directions.chosen_row().filter(|row| row.measured.is_none())?;
    if state.directions.measuring.as_ref() == Some(&row.name) {
        return None;
    }
    let (name, named) = (row.name.clone(), Arc::clone(&row.named));
    state.directions.measuring = Some(name);
    request_about(state, Kind::Measure, Some(Task::Measure(named)))
}
