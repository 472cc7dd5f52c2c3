//! A second model beside the open one: opening it, its ladder, closing it.

use std::sync::Arc;

use super::{engine, models, Effect};
use crate::app::comparison::{common_scene, Comparison};
use crate::app::screen::Screen;
use crate::app::state::{Notice, Panel, RungView, State};
use crate::engine::{Kind, Reply, Request};

/// Begins to compare the open model with the chosen one.
pub(super) fn begin(state: &mut State) {
    let Some(entry) = models::openable(state) else { return };
    let name = entry.full_name();
    let Some(model) = &state.model else {
        return models::refuse(
            state,
            "open a model first: it is compared with the chosen one".to_owned(),
        );
    };
    if model.domain != entry.domain {
        let message = format!(
            "{name} is a model of {}, the open one of {}: models of one domain are compared",
            entry.domain, model.domain
        );
        return models::refuse(state, message);
    }
    if state.is_open(&entry) {
        return models::refuse(
            state,
            format!("{name} is the open model: choose another to compare it with"),
        );
    }
    if !state.is_compared(&entry) {
        state.notice = Notice::Status(format!("opening {name} …"));
        state.comparison = Some(Comparison::new(entry.opens.clone()));
        state.outbox.push(Effect::Compare(entry.opens));
    }
    state.screen = Screen::Explore;
    super::focus(state, Panel::Compare);
}

/// Closes the second model.
pub(super) fn end(state: &mut State) {
    if state.comparison.take().is_some() {
        state.outbox.push(Effect::EndComparison);
    }
    if state.side == Panel::Compare {
        state.side = Panel::Mix;
    }
    if state.focus == Panel::Compare {
        state.focus = Panel::Ladder;
    }
}

/// What the second model's engine tells.
pub(super) fn take(state: &mut State, reply: Reply) {
    let Some(other) = &mut state.comparison else { return };
    match reply {
        Reply::Ready { info, .. } => {
            // Its folder said what it is of; a model that was open before may not be any more.
            let same = state.model.as_ref().is_some_and(|model| model.domain == info.domain);
            let name = info.name.clone();
            other.model = Some(info);
            if same {
                state.notice = Notice::Status(format!("comparing with {name}"));
            } else {
                end(state);
            }
        }
        Reply::LadderStep { generation, rows } if generation == other.generation => {
            for (row, text, _) in rows {
                if let Some(rung) = other.rungs.get_mut(row) {
                    rung.text = text;
                }
            }
        }
        Reply::LadderDone { generation, rungs } if generation == other.generation => {
            let units = other.model.as_ref().map_or("", |model| &model.domain);
            let ends = (state.scene.a.as_str(), state.scene.b.as_str());
            other.figures = Some(engine::figures(ends, units, &rungs));
            other.rungs = rungs.into_iter().map(engine::whole).collect();
        }
        Reply::Failed { message } => {
            if other.model.is_none() {
                end(state);
            }
            state.notice = Notice::Error(message);
        }
        // News of a request that a newer one has replaced, and what only an open model is asked.
        _ => {}
    }
}

/// Asks for the second model's ladder where it is shown and is of another scene.
pub(super) fn follow(state: &mut State) -> Option<Effect> {
    let shown = state.side == Panel::Compare && state.screen == Screen::Explore;
    let other = state.comparison.as_mut().filter(|other| shown && other.model.is_some())?;
    let scene = common_scene(&state.scene);
    if other.asked.as_deref() == Some(&scene) {
        return None;
    }
    let places = scene.places();
    if other.rungs.iter().map(|rung| rung.ratio).ne(places.iter().copied()) {
        other.rungs = places.into_iter().map(RungView::empty).collect();
    }
    // What is shown belongs to another scene until the first news come.
    for rung in &mut other.rungs {
        rung.verdict = None;
    }
    let scene = Arc::new(scene);
    other.figures = None;
    other.asked = Some(Arc::clone(&scene));
    other.generation += 1;
    let generation = other.generation;
    Some(Effect::DecodeOther(Request { kind: Kind::Ladder, generation, scene, task: None }))
}
