//! Each mode on digits drawn by hand, what terminals are taken for, and where a strip's pictures stand.

use proptest::prelude::*;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier, Style};
use ratatui::Terminal;

use super::*;
use crate::tui::theme::Depth;
use crate::tui::Theme;

/// A two, from dots: ` ` background, `.` a third, `o` two thirds, `#` ink, `?` not known.
const TWO: [&str; 14] = [
    "              ",
    "    .o##o.    ",
    "   o#####o    ",
    "  .##o .o#o   ",
    "  .#o   .##   ",
    "        .##   ",
    "        o#o   ",
    "       o##.   ",
    "      o##.    ",
    "    .o##.     ",
    "   .o##.      ",
    "   o#####oo.  ",
    "   o########. ",
    "              ",
];

fn picture(rows: &[&str]) -> Picture {
    let level = |c| match c {
        ' ' => Some(0),
        '.' => Some(21),
        'o' => Some(43),
        '?' => None,
        _ => Some(64),
    };
    let levels = rows.iter().flat_map(|row| row.chars().map(level)).collect();
    Picture::new(rows[0].chars().count(), rows.len(), levels)
}

fn painter(mode: GlyphMode) -> Painter {
    let ramp = Ramp { shades: Shades::Grey, colours: Some(Depth::True) };
    Painter::new(mode, ramp, Style::new().add_modifier(Modifier::DIM))
}

fn drawn(painter: &Painter, picture: &Picture, width: u16, height: u16) -> (Rect, Buffer) {
    let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
    let taken = painter.draw(picture, buf.area, &mut buf);
    (taken, buf)
}

fn screen(painter: &Painter, picture: &Picture, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal
        .draw(|frame| {
            painter.draw(picture, frame.area(), frame.buffer_mut());
        })
        .expect("drawn");
    terminal.backend().to_string()
}

#[test]
fn every_mode_draws_a_two() {
    let two = picture(&TWO);
    let room = |mode| match mode {
        GlyphMode::Text => (30, 14),
        _ => (16, 7),
    };
    for mode in GlyphMode::ALL {
        let (width, height) = room(mode);
        insta::assert_snapshot!(format!("two_{mode}"), screen(&painter(mode), &two, width, height));
    }
    insta::assert_snapshot!("two_text_small", screen(&painter(GlyphMode::Text), &two, 16, 7));
    insta::assert_snapshot!("two_octants_small", screen(&painter(GlyphMode::Octants), &two, 7, 4));
    insta::assert_snapshot!("two_shrunk", screen(&painter(GlyphMode::HalfBlocks), &two, 20, 4));
    let twice = screen(&painter(GlyphMode::HalfBlocks), &two, 30, 15);
    insta::assert_snapshot!("two_twice", twice);
}

#[test]
fn a_half_drawn_two_shows_dots_for_the_rest() {
    let mut rows = TWO;
    rows[7] = "       ???????";
    rows[8..].fill("??????????????");
    let part = picture(&rows);
    for mode in [GlyphMode::HalfBlocks, GlyphMode::Octants] {
        insta::assert_snapshot!(format!("part_{mode}"), screen(&painter(mode), &part, 16, 7));
    }
    insta::assert_snapshot!("part_text", screen(&painter(GlyphMode::Text), &part, 14, 7));
    let (_, buf) = drawn(&painter(GlyphMode::HalfBlocks), &part, 14, 7);
    assert_eq!(buf[(3, 6)].symbol(), "·");
    assert!(buf[(3, 6)].modifier.contains(Modifier::DIM));
}

#[test]
fn half_blocks_have_the_pixels_own_colours() {
    let two = picture(&["#.", "o "]);
    let (taken, buf) = drawn(&painter(GlyphMode::HalfBlocks), &two, 2, 1);
    assert_eq!(taken, Rect::new(0, 0, 2, 1));
    let grey = |level: u32| {
        let value = (f64::from(level) / 64.0 * 255.0).round() as u8;
        Color::Rgb(value, value, value)
    };
    assert_eq!((buf[(0, 0)].symbol(), buf[(0, 0)].fg, buf[(0, 0)].bg), ("▀", grey(64), grey(43)));
    assert_eq!((buf[(1, 0)].symbol(), buf[(1, 0)].fg, buf[(1, 0)].bg), ("▀", grey(21), grey(0)));
}

#[test]
fn a_cell_of_many_dots_has_the_means_above_and_below_its_mean() {
    // Four dots down, two across: levels 64, 43 over the mean of 18.7, 0, 21 and 0 … below.
    let two = picture(&["#o", "  ", ". ", ".."]);
    let (_, buf) = drawn(&painter(GlyphMode::Octants), &two, 1, 1);
    let cell = &buf[(0, 0)];
    let grey = |level: f64| {
        let value = (level / 64.0 * 255.0).round() as u8;
        Color::Rgb(value, value, value)
    };
    // Dots above: 64, 43, 21, 21, 21 of a mean of 21.25 are two.
    assert_eq!((cell.symbol(), cell.fg, cell.bg), ("🮂", grey(53.5), grey(63.0 / 6.0)));
}

#[test]
fn without_colours_nothing_is_styled() {
    let ramp = Ramp { shades: Shades::Grey, colours: None };
    for mode in GlyphMode::ALL {
        let painter = Painter::new(mode, ramp, Style::new());
        let (_, buf) = drawn(&painter, &picture(&TWO), 16, 7);
        assert!(buf.content.iter().all(|c| c.fg == Color::Reset && c.bg == Color::Reset), "{mode}");
        assert!(buf.content.iter().any(|c| c.symbol() != " "), "{mode}");
    }
}

#[test]
fn pictures_stand_in_the_middle_and_keep_their_shape() {
    let two = picture(&TWO);
    let taken = |mode, width, height| drawn(&painter(mode), &two, width, height).0;
    assert_eq!(taken(GlyphMode::HalfBlocks, 20, 9), Rect::new(3, 1, 14, 7));
    assert_eq!(taken(GlyphMode::HalfBlocks, 30, 40), Rect::new(1, 13, 28, 14));
    assert_eq!(taken(GlyphMode::Quadrants, 20, 9), Rect::new(3, 1, 14, 7));
    assert_eq!(taken(GlyphMode::Octants, 9, 9), Rect::new(1, 2, 7, 4));
    assert_eq!(taken(GlyphMode::Text, 80, 24), Rect::new(26, 5, 28, 14));
    // Smaller: as wide as twice its height, to a dot.
    assert_eq!(taken(GlyphMode::HalfBlocks, 80, 3), Rect::new(37, 0, 6, 3));
    assert_eq!(taken(GlyphMode::HalfBlocks, 8, 24), Rect::new(0, 10, 8, 4));
    assert_eq!(taken(GlyphMode::HalfBlocks, 0, 9).area(), 0);
}

#[test]
fn smaller_is_the_mean_of_what_lies_under() {
    let quarter = |rows: &[&str]| scale::mean(&picture(rows), (1, 1));
    assert_eq!(quarter(&["# ", " #"]), [Some(32.0)]);
    // What is not known has no part in it.
    assert_eq!(quarter(&["#?", "??"]), [Some(64.0)]);
    assert_eq!(quarter(&["??", "??"]), [None]);
    // Three pixels on two dots: one and a half each.
    let thirds = scale::mean(&picture(&["# #"]), (2, 1));
    let wanted = 64.0 / 1.5;
    assert!(thirds.iter().all(|l| (l.unwrap_or(0.0) - wanted).abs() < 1e-4), "{thirds:?}");
}

#[test]
fn terminals_are_known_by_their_environment() {
    use GlyphMode::{HalfBlocks, Pixels, Text};
    let utf8 = ("LANG", "en_US.UTF-8");
    /// Variables, and what they are taken for.
    type Case<'a> = (&'a [(&'a str, &'a str)], GlyphMode);
    let cases: &[Case<'_>] = &[
        (&[("TERM", "xterm-256color"), utf8], HalfBlocks),
        (&[("TERM", "xterm-256color")], HalfBlocks),
        (&[("TERM", "xterm"), ("COLORTERM", "truecolor"), utf8], HalfBlocks),
        (&[("TERM", "linux"), utf8], HalfBlocks),
        (&[("TERM", "dumb"), utf8], Text),
        (&[("TERM", "xterm-kitty"), ("NO_COLOR", "1"), utf8], Text),
        (&[("TERM", "xterm-kitty"), ("NO_COLOR", ""), utf8], Pixels),
        (&[("TERM", "xterm-kitty"), utf8], Pixels),
        (&[("TERM", "xterm-256color"), ("KITTY_WINDOW_ID", "1"), utf8], Pixels),
        (&[("TERM", "foot-extra"), utf8], Pixels),
        (&[("TERM", "xterm-256color"), ("TERM_PROGRAM", "iTerm.app"), utf8], Pixels),
        (&[("TERM", "tmux-256color"), ("KITTY_WINDOW_ID", "1"), utf8], HalfBlocks),
        (&[("TERM", "xterm-kitty"), ("TMUX", "/tmp/t"), utf8], HalfBlocks),
        (&[("TERM", "xterm-kitty"), ("LC_ALL", "C"), utf8], Text),
        (&[("TERM", "xterm"), ("LC_ALL", "de_DE.utf8"), ("LANG", "C")], HalfBlocks),
        (&[("WT_SESSION", "x")], HalfBlocks),
    ];
    for (environment, mode) in cases {
        let variable = |name: &str| {
            let found = environment.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        assert_eq!(GlyphMode::detect(&variable), *mode, "{environment:?}");
    }
}

fn strip(width: u16, height: u16, count: usize, chosen: usize) -> FilmStrip {
    let area = Rect::new(0, 0, width, height);
    FilmStrip::new(area, count, chosen, (14, 14), GlyphMode::HalfBlocks)
}

#[test]
fn a_strip_at_every_size() {
    let two = picture(&TWO);
    let mut half = TWO;
    half[6..].fill("??????????????");
    let half = picture(&half);
    for (width, height) in [(80, 24), (120, 40), (40, 10), (100, 9)] {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
        let items = |index: usize| {
            let sign = ["✓", "✗", "…"][index % 3];
            let ratio = index as f32 / 10.0;
            let picture = if sign == "…" { &half } else { &two };
            Some(StripItem {
                picture,
                caption: caption(
                    &format!("{ratio:.2}"),
                    (sign.to_owned(), Style::new()),
                    index == 7,
                    &Theme::plain(),
                ),
            })
        };
        terminal
            .draw(|frame| {
                let strip = strip(width, height, 11, 7);
                strip.draw(items, &painter(GlyphMode::HalfBlocks), frame.buffer_mut());
            })
            .expect("drawn");
        insta::assert_snapshot!(format!("strip_{width}x{height}"), terminal.backend().to_string());
    }
}

#[test]
fn a_strip_shows_all_where_they_fit_in_even_rows() {
    let rows = |strip: &FilmStrip| {
        let mut rows = std::collections::BTreeMap::new();
        for frame in &strip.frames {
            *rows.entry(frame.place.y).or_insert(0) += 1;
        }
        rows.into_values().collect::<Vec<_>>()
    };
    let wide = strip(170, 9, 11, 0);
    assert_eq!((rows(&wide), wide.frames[0].glyph.width), (vec![11], 14));
    assert_eq!(rows(&strip(80, 26, 11, 0)), [4, 4, 3]);
    let few = strip(40, 10, 11, 10);
    assert_eq!(few.frames.last().map(|f| f.index), Some(10));
}

proptest! {
    #[test]
    fn no_picture_at_no_size_panics_or_leaves_its_place(
        side in (0usize..30, 0usize..30), known in 0usize..900,
        width in 0u16..50, height in 0u16..30, x in 0u16..60, y in 0u16..40,
    ) {
        let picture = Picture::new(side.0, side.1, vec![Some(40); known]);
        let place = Rect::new(x, y, width, height);
        for mode in GlyphMode::ALL {
            let painter = painter(mode);
            let mut buf = Buffer::empty(Rect::new(0, 0, 50, 30));
            let taken = painter.draw(&picture, place, &mut buf);
            prop_assert_eq!(place.intersection(taken), taken);
            for (at, cell) in buf.content.iter().enumerate() {
                let (column, row) = buf.pos_of(at);
                let inside = taken.contains((column, row).into());
                prop_assert!(inside || cell == &ratatui::buffer::Cell::default());
            }
            if let Some(fit) = scale::fit(side, mode, place.as_size()) {
                // Square to a dot: columns are half as wide as rows are high.
                let (across, down) = mode.dots();
                let wide = fit.dots.0 as f64 / across as f64 / side.0 as f64;
                let high = 2.0 * fit.dots.1 as f64 / down as f64 / side.1 as f64;
                let slack = 1.0 / across as f64 / side.0 as f64 + 2.0 / down as f64 / side.1 as f64;
                prop_assert!((wide - high).abs() <= slack, "{wide} {high}");
            }
        }
    }

    #[test]
    fn the_chosen_one_is_in_view_and_frames_lie_apart_inside(
        width in 0u16..200, height in 0u16..60, count in 0usize..40, chosen in 0usize..40,
        side in prop::sample::select(vec![9usize, 14, 28]),
        mode in prop::sample::select(GlyphMode::ALL.to_vec()),
    ) {
        let area = Rect::new(3, 2, width, height);
        let strip = FilmStrip::new(area, count, chosen, (side, side), mode);
        prop_assert_eq!(strip.frames.is_empty(), count == 0 || width == 0 || height == 0);
        if !strip.frames.is_empty() {
            prop_assert!(strip.frames.iter().any(|f| f.index == chosen.min(count - 1)));
        }
        let sheet = FilmStrip::sheet(area, count, chosen, (side, side), mode);
        prop_assert_eq!(sheet.frames.is_empty(), strip.frames.is_empty());
        if !sheet.frames.is_empty() {
            prop_assert!(sheet.frames.iter().any(|f| f.index == chosen.min(count - 1)));
            prop_assert_eq!(sheet.frames[0].index % sheet.across, 0);
        }
        for (i, frame) in sheet.frames.iter().enumerate() {
            prop_assert_eq!(area.intersection(frame.place), frame.place);
            prop_assert_eq!(frame.index, sheet.frames[0].index + i);
        }
        for (i, frame) in strip.frames.iter().enumerate() {
            prop_assert_eq!(area.intersection(frame.place), frame.place);
            prop_assert_eq!(frame.index, strip.frames[0].index + i);
            let apart = strip.frames[..i].iter().all(|o| o.place.intersection(frame.place).area() == 0);
            prop_assert!(apart);
        }
    }
}
