//! What the engine tells.

use super::{directions, ends, palette};
use crate::app::history::Change;
use crate::app::state::{Notice, RungView, State, Strip};
use crate::engine::{Kind, Reply};
use crate::eval::{Ladder, LadderMetrics, Units};
use crate::report::Rung;

/// How things stand when nothing is decoded, and when the ladder is.
pub(super) const READY: &str = "ready";
const DECODING: &str = "decoding …";

/// Takes a reply in; whether everything has to be decoded, since a model has just been opened.
pub(super) fn take(state: &mut State, reply: Reply) -> bool {
    match reply {
        Reply::Ready { info, samples } => {
            state.model = Some(info);
            state.known = samples.iter().map(|example| example.text.clone()).collect();
            state.samples = samples;
            state.notice = Notice::Status(READY.to_owned());
            if state.scene.a.is_empty() && state.scene.b.is_empty() {
                ends::random(state);
            }
            palette::draw_corners(state);
            return true;
        }
        Reply::LadderStep { generation, rows } if state.is_last(Kind::Ladder, generation) => {
            for (row, text, _) in rows {
                if let Some(rung) = state.rungs.get_mut(row) {
                    rung.text = text;
                }
            }
            // What was told stays until the next key.
            if state.notice == Notice::Status(READY.to_owned()) {
                state.notice = Notice::Status(DECODING.to_owned());
            }
        }
        Reply::LadderDone { generation, rungs } if state.is_last(Kind::Ladder, generation) => {
            let units = state.model.as_ref().map_or("", |model| &model.domain);
            state.figures = Some(figures((&state.scene.a, &state.scene.b), units, &rungs));
            state.rungs = rungs.into_iter().map(whole).collect();
            if state.notice == Notice::Status(DECODING.to_owned()) {
                state.notice = Notice::Status(READY.to_owned());
            }
        }
        Reply::PointStep { generation, text } if state.is_last(Kind::Point, generation) => {
            state.point.text = text;
        }
        Reply::PointDone { generation, rung } if state.is_last(Kind::Point, generation) => {
            state.point = whole(rung);
        }
        Reply::PaletteStep { generation, rows } if state.is_last(Kind::Palette, generation) => {
            state.palette.hear(rows);
        }
        Reply::PaletteDone { generation, cells } if state.is_last(Kind::Palette, generation) => {
            state.palette.finish(cells.into_iter().map(whole).collect());
        }
        Reply::Inspected { generation, inspection } if state.is_last(Kind::Inspect, generation) => {
            state.inspection = Some(*inspection);
        }
        Reply::BestPath { generation, path } if state.is_last(Kind::Paths, generation) => {
            let before = state.scene.clone();
            state.scene.path = path;
            if state.scene != before {
                state.history.record(before, Change::Whole);
            }
            state.notice = Notice::Status(format!("best path: {path}"));
        }
        Reply::Strip { generation, samples, done } if state.is_last(Kind::Strip, generation) => {
            state.strip = Strip { samples, done };
        }
        Reply::OwnDirections { .. }
        | Reply::Reading { .. }
        | Reply::Directions { .. }
        | Reply::Made { .. }
        | Reply::Measured { .. } => directions::take(state, reply),
        Reply::Failed { message } => state.notice = Notice::Error(message),
        // News of a request that a newer one has replaced.
        _ => {}
    }
    false
}

/// A rung that is decoded and judged.
pub(super) fn whole(rung: Rung) -> RungView {
    RungView {
        ratio: rung.ratio,
        text: rung.text,
        verdict: Some(rung.verdict),
        guided: rung.guided,
    }
}

/// The figures of a whole ladder between the ends `a` and `b`, in the units of a domain.
pub(super) fn figures((a, b): (&str, &str), domain: &str, rungs: &[Rung]) -> LadderMetrics {
    let units = Units::of(domain);
    let ladder = Ladder {
        a: a.to_owned(),
        b: b.to_owned(),
        rungs: rungs.iter().map(|rung| rung.text.clone()).collect(),
        valid: rungs.iter().map(|rung| rung.verdict.is_valid()).collect(),
    };
    LadderMetrics::measure(&ladder, None, units)
}

impl State {
    pub(super) fn is_last(&self, kind: Kind, generation: u64) -> bool {
        self.generations.is_last(kind, generation)
    }
}
