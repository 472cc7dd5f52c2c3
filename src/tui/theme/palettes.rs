//! The palettes of the themes, in true colours.

use ratatui::style::{Color, Modifier, Style};

use super::{Depth, Theme, ThemeName};

/// The styles of a theme.
pub(super) fn palette(name: ThemeName) -> Theme {
    match name {
        ThemeName::Dark => dark(),
        ThemeName::Light => light(),
        ThemeName::HighContrast => high_contrast(),
        ThemeName::ColourBlind => colour_blind(),
        ThemeName::Plain => plain(),
    }
}

/// A foreground of this colour, written `0xRRGGBB`.
const fn ink(rgb: u32) -> Style {
    Style::new().fg(Color::from_u32(rgb))
}

/// A background of this colour.
const fn paper(rgb: u32) -> Style {
    Style::new().bg(Color::from_u32(rgb))
}

const fn bold(style: Style) -> Style {
    style.add_modifier(Modifier::BOLD)
}

const fn italic(style: Style) -> Style {
    style.add_modifier(Modifier::ITALIC)
}

const fn underlined(style: Style) -> Style {
    style.add_modifier(Modifier::UNDERLINED)
}

fn dark() -> Theme {
    let (cyan, blue, orange, green, violet) =
        (ink(0x7DCFFF), ink(0x7AA2F7), ink(0xFF9E64), ink(0x9ECE6A), ink(0xBB9AF7));
    let (grey, slate, yellow, red) = (ink(0x8B92AD), ink(0x565F89), ink(0xE0AF68), ink(0xF7768E));
    Theme {
        name: ThemeName::Dark,
        depth: Depth::True,
        title: bold(cyan),
        dim: grey,
        good: green,
        bad: red,
        warning: yellow,
        changed: yellow,
        chosen: bold(cyan),
        selected: paper(0x283457),
        key: cyan,
        copy: grey,
        novel: ink(0x73DACA),
        border: slate,
        border_focused: blue,
        track: slate,
        handle: bold(cyan),
        end_a: bold(blue),
        end_b: bold(orange),
        series: [blue, orange, green, violet],
        keyword: violet,
        string: green,
        number: orange,
        identifier: ink(0xC0CAF5),
        operator: ink(0x89DDFF),
        comment: italic(grey),
    }
}

fn light() -> Theme {
    let (teal, blue, brown, green, violet) =
        (ink(0x0B6A88), ink(0x0550AE), ink(0x9A4A00), ink(0x1A6F2E), ink(0x7A3FC0));
    let (grey, silver, red) = (ink(0x5B6472), ink(0x9AA4B2), ink(0xBF1E2B));
    Theme {
        name: ThemeName::Light,
        depth: Depth::True,
        title: bold(teal),
        dim: grey,
        good: green,
        bad: red,
        warning: brown,
        changed: brown,
        chosen: bold(teal),
        selected: paper(0xDCE7FB),
        key: teal,
        copy: grey,
        novel: ink(0x00695C),
        border: silver,
        border_focused: blue,
        track: silver,
        handle: bold(teal),
        end_a: bold(blue),
        end_b: bold(brown),
        series: [blue, brown, green, violet],
        keyword: violet,
        string: green,
        number: brown,
        identifier: ink(0x24292F),
        operator: blue,
        comment: italic(grey),
    }
}

fn high_contrast() -> Theme {
    let (white, yellow, cyan, green, red) =
        (ink(0xFFFFFF), ink(0xFFFF00), ink(0x00FFFF), ink(0x5CFF5C), ink(0xFF8A8A));
    let pink = ink(0xFFA8FF);
    Theme {
        name: ThemeName::HighContrast,
        depth: Depth::True,
        title: bold(white),
        dim: ink(0xC8C8C8),
        good: bold(green),
        bad: bold(red),
        warning: bold(yellow),
        changed: underlined(bold(yellow)),
        chosen: bold(cyan),
        selected: Style::new().add_modifier(Modifier::REVERSED),
        key: bold(cyan),
        copy: ink(0xC8C8C8),
        novel: bold(cyan),
        border: white,
        border_focused: bold(yellow),
        track: white,
        handle: bold(yellow),
        end_a: bold(cyan),
        end_b: bold(yellow),
        series: [cyan, yellow, pink, white],
        keyword: bold(white),
        string: green,
        number: yellow,
        identifier: white,
        operator: cyan,
        comment: italic(ink(0xC8C8C8)),
    }
}

/// Okabe and Ito, "Color Universal Design", 2008; their blue is lightened where it is text on a dark background.
fn colour_blind() -> Theme {
    let (orange, sky, yellow, vermilion, purple) =
        (ink(0xE69F00), ink(0x56B4E9), ink(0xF0E442), ink(0xE8742A), ink(0xD58FB5));
    let (grey, slate) = (ink(0x9A9A9A), ink(0x666666));
    Theme {
        name: ThemeName::ColourBlind,
        depth: Depth::True,
        title: bold(sky),
        dim: grey,
        good: sky,
        bad: bold(vermilion),
        warning: yellow,
        changed: underlined(yellow),
        chosen: bold(yellow),
        selected: paper(0x2B3A4A),
        key: sky,
        copy: grey,
        novel: purple,
        border: slate,
        border_focused: sky,
        track: slate,
        handle: bold(yellow),
        end_a: bold(sky),
        end_b: bold(orange),
        series: [sky, orange, yellow, purple],
        keyword: sky,
        string: yellow,
        number: orange,
        identifier: ink(0xDDDDDD),
        operator: purple,
        comment: italic(grey),
    }
}

fn plain() -> Theme {
    let plain = Style::new();
    let (strong, faint) = (bold(plain), plain.add_modifier(Modifier::DIM));
    let under = underlined(plain);
    Theme {
        name: ThemeName::Plain,
        depth: Depth::Ansi,
        title: strong,
        dim: faint,
        good: plain,
        bad: strong,
        warning: under,
        changed: under,
        chosen: strong,
        selected: plain.add_modifier(Modifier::REVERSED),
        key: strong,
        copy: faint,
        novel: under,
        border: faint,
        border_focused: strong,
        track: faint,
        handle: strong,
        end_a: strong,
        end_b: under,
        series: [plain, faint, strong, under],
        keyword: strong,
        string: plain,
        number: plain,
        identifier: plain,
        operator: plain,
        comment: faint,
    }
}
