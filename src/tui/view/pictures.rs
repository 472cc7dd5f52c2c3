//! Sequences that are pictures: the ladder as a strip of film, the ends and the decode at the slider above it.
//!
//! ```text
//!  A  label 2      = the same      t = 0.500  ✓      ≠ changed      B  label 7
//!    ▄▀▀▄            ▄▀▀▄            ▀▀▀▄             ▀▀▀█            ▀▀▀█
//!      ▄▀              ▄▀              ▄▀               █               █
//!    ▄█▄▄            ▄█▄▄             ▄█               █               █
//!  ▄▀▄  ▄▀▄  ▄▀▄  ▄▀▄  ▀▀▄  ▀▀▄  ▀▀▀  ▀▀█  ▀▀█
//!   0.00 ✓   …
//! 9/9 valid · …
//!        ▁▁▁▁▁▁▁▁████████▁▁███████▁▁▁▁▁▁▁▁
//!        ╶────────┼────●────────┼────────╴
//! ```

use ratatui::layout::{Alignment, Rect};
use ratatui::text::{Line, Span};
use ratatui::Frame;

use super::text::fit;
use super::{row, Screen};
use crate::app::{Command, EditedEnd, Panel, RungView, State};
use crate::domain::Picture;
use crate::report::visible;
use crate::tui::glyph::{caption, thumbnail, FilmStrip, GlyphMode, StripItem};
use crate::tui::hit::Hit;

/// Rows of the ends beside the slider's decode: small pictures in one row, and a large one between small ones.
const BAND: u16 = 8;
const LARGE_BAND: u16 = 16;
/// Rows of the summary, the strip, the slider and its marks.
const SLIDER: u16 = 4;
/// Columns of a caption that says what a rung is beside the ends as well, `▸0.50 ✓ new`.
const LONG_CAPTION: usize = 11;
/// Cells of a picture within a line.
const THUMBNAIL: usize = 5;

/// Width and height of the open model's pictures.
pub(super) fn picture_size(state: &State) -> (usize, usize) {
    let texts = [&state.scene.a, &state.scene.b].into_iter();
    let known = texts.chain(state.samples.first().map(|sample| &sample.text));
    let of = |text: &String| state.domain()?.picture(text).filter(Picture::is_whole);
    known.into_iter().find_map(of).map_or((0, 0), |p| (p.width(), p.height()))
}

/// A text as a picture; one that is still coming is as large as it is going to be.
pub(super) fn picture_of(state: &State, text: &str, is_whole: bool) -> Option<Picture> {
    let picture = state.domain()?.picture(text)?;
    if is_whole {
        return Some(picture);
    }
    let (width, height) = picture_size(state);
    Some(picture.cropped(width, height))
}

fn rung_picture(state: &State, rung: &RungView) -> Option<Picture> {
    picture_of(state, &rung.text, rung.verdict.is_some())
}

impl Screen<'_> {
    /// The ladder as a strip of film, as many rungs around the slider as there is room for.
    pub(super) fn film(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let like = |index: usize| self.likeness(state, index);
        let strip = self.film_of(state, &state.rungs, &like, frame, area);
        for frame in &strip.frames {
            self.hits.add(frame.place, Hit::Rung(frame.index));
        }
    }

    /// A ladder as a strip of film; `like` says what a rung is beside the ends.
    pub(super) fn film_of(
        &self,
        state: &State,
        rungs: &[RungView],
        like: &dyn Fn(usize) -> Span<'static>,
        frame: &mut Frame<'_>,
        area: Rect,
    ) -> FilmStrip {
        let chosen = state.nearest_rung();
        let mode = self.painter.mode();
        let strip = FilmStrip::new(area, rungs.len(), chosen, picture_size(state), mode);
        let pictures: Vec<_> = rungs.iter().map(|rung| rung_picture(state, rung)).collect();
        let room = strip.frames.first().map_or(0, |frame| usize::from(frame.place.width));
        let item = |index: usize| {
            let rung = rungs.get(index)?;
            let place = match state.scene.along {
                Some(_) => format!("{:+.1}σ", rung.ratio),
                None => format!("{:.2}", rung.ratio),
            };
            let mut caption = caption(&place, self.sign(rung), index == chosen, self.theme);
            let like = like(index);
            let like = Span::styled(format!(" {}", like.content.trim()), like.style);
            // A sign with a `g` is a column longer.
            if room >= LONG_CAPTION.max(caption.width() + like.width()) {
                caption.push_span(like);
            }
            Some(StripItem { picture: pictures.get(index)?.as_ref()?, caption })
        };
        strip.draw(item, self.painter, frame.buffer_mut());
        strip
    }

    /// What stands in the ladder's column where the texts are pictures; `main` is the ladder or a panel in its place.
    pub(super) fn picture_column(
        &mut self,
        state: &State,
        frame: &mut Frame<'_>,
        area: Rect,
        main: Panel,
    ) {
        let rest = area.height.saturating_sub(SLIDER);
        let band = match rest {
            28.. => LARGE_BAND,
            13.. => BAND,
            _ => 0,
        };
        let above = if band == 0 { 2 } else { band };
        // A blank row where it costs no row of film.
        let gap = u16::from(rest >= above + 12);
        if band == 0 {
            self.ends(state, frame, Rect { height: 2.min(area.height), ..area });
        } else {
            self.band(state, frame, Rect { height: band, ..area });
        }
        let line = u16::from(band == 0);
        let room = rest.saturating_sub(above + gap + line);
        let place = Rect { y: area.y + above + gap, height: room, ..area };
        if main == Panel::Ladder {
            self.film(state, frame, place);
        } else {
            self.framed(main, state, frame, place);
        }
        let y = above + gap + room;
        self.summary(state, frame, row(area, y));
        self.strip(state, frame, row(area, y + 1));
        self.slider(state, frame, row(area, y + 2));
        self.marks(frame, row(area, y + 3));
        if line == 1 {
            self.point_line(state, frame, row(area, y + 4));
        }
    }

    /// A, what comes back of it, the decode at the slider, what comes back of B, and B; the decode larger where there are
    /// two rows of small ones beside it.
    fn band(&mut self, state: &State, frame: &mut Frame<'_>, area: Rect) {
        let [a, b] = [EditedEnd::A, EditedEnd::B];
        let part = |x: u16, y: u16, width: u16, height: u16| Rect {
            x: area.x + x,
            y: area.y + y,
            width,
            height,
        };
        if area.height < LARGE_BAND {
            let width = area.width / 5;
            let at = |i: u16, width: u16| part(i * width, 0, width, area.height);
            self.end_picture(state, a, frame, at(0, width));
            self.returned(state, a, frame, at(1, width));
            let middle = area.width - 4 * width;
            self.point_picture(state, frame, part(2 * width, 0, middle, area.height));
            let right = |i: u16| part(2 * width + middle + i * width, 0, width, area.height);
            self.returned(state, b, frame, right(0));
            self.end_picture(state, b, frame, right(1));
            return;
        }
        let half = area.height / 2;
        let width = area.width / 4;
        let middle = area.width - 2 * width;
        for (end, x) in [(a, 0), (b, width + middle)] {
            self.end_picture(state, end, frame, part(x, 0, width, half));
            self.returned(state, end, frame, part(x, half, width, half));
        }
        self.point_picture(state, frame, part(width, 0, middle, area.height));
    }

    /// A picture with a line above it.
    fn under(&self, line: Line<'_>, picture: Option<&Picture>, frame: &mut Frame<'_>, place: Rect) {
        frame.render_widget(line.alignment(Alignment::Center), row(place, 0));
        let below = Rect { y: place.y + 1, height: place.height.saturating_sub(1), ..place };
        if let Some(picture) = picture {
            self.painter.draw(picture, below, frame.buffer_mut());
        }
    }

    fn end_picture(&mut self, state: &State, end: EditedEnd, frame: &mut Frame<'_>, place: Rect) {
        let text = state.scene.corners()[end as usize];
        let mut spans = vec![Span::styled(end.name(), self.corner_style(end))];
        if let Some(label) = state.label(text) {
            let told = fit(&format!("  label {}", visible(label)), place.width.saturating_sub(1));
            spans.push(Span::styled(told, self.theme.label(label)));
        }
        let picture = picture_of(state, text, true);
        self.under(Line::from(spans), picture.as_ref(), frame, place);
        self.hits.add(place, Hit::Command(Command::Draw(end)));
    }

    /// What comes back of an end, and whether that is the same.
    fn returned(&mut self, state: &State, end: EditedEnd, frame: &mut Frame<'_>, place: Rect) {
        if state.scene.along.is_some() {
            // The ladder along a direction does not begin and end with them.
            return;
        }
        let index = if end == EditedEnd::A { 0 } else { state.rungs.len().saturating_sub(1) };
        let rung = state.rungs.get(index);
        let (sign, style) = match state.reconstructed(end) {
            Some(true) => ("= the same", self.theme.good),
            Some(false) => ("≠ changed", self.theme.bad),
            None => ("…", self.theme.dim),
        };
        let picture = rung.and_then(|rung| rung_picture(state, rung));
        self.under(Line::styled(sign, style), picture.as_ref(), frame, place);
        self.hits.add(place, Hit::Rung(index));
    }

    fn point_picture(&self, state: &State, frame: &mut Frame<'_>, place: Rect) {
        let ratio = format!("t = {:.3}  ", state.scene.ratio);
        let (verdict, style) = self.verdict(&state.point);
        let room = place.width.saturating_sub(ratio.len() as u16);
        let line = Line::from(vec![
            Span::styled(ratio, self.theme.chosen),
            Span::styled(fit(&verdict, room), style),
        ]);
        self.under(line, rung_picture(state, &state.point).as_ref(), frame, place);
    }

    /// A text for a single line, made visible: itself, or a picture's outline with its size and label.
    pub(super) fn in_a_line(&self, state: &State, text: &str) -> String {
        let Some(picture) = picture_of(state, text, true) else {
            return visible(text).into_owned();
        };
        let mut line = format!("{}×{}", picture.width(), picture.height());
        if let Some(label) = state.label(text) {
            line.push_str(&format!(", label {}", visible(label)));
        }
        match self.painter.mode() {
            GlyphMode::Text => line,
            _ => format!("{}  {line}", thumbnail(&picture, THUMBNAIL)),
        }
    }
}
