use super::*;
use proptest::prelude::*;
use ratatui::layout::Rect;
use ratatui::style::Style;

fn buffer(lines: &[(&str, Style)]) -> Buffer {
    let width = lines.iter().map(|(text, _)| text.width()).max().unwrap_or(1) as u16;
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, lines.len() as u16));
    for (y, (text, style)) in lines.iter().enumerate() {
        buffer.set_string(0, y as u16, text, *style);
    }
    buffer
}

fn shot(buffer: &Buffer) -> Shot<'_> {
    Shot { buffer, cursor: None, theme: ThemeName::Dark }
}

/// What XML asks for: one root, tags that close, attributes in quotes, nothing that is not escaped.
fn is_well_formed(text: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text.trim_end();
    while let Some(start) = rest.find('<') {
        let before = &rest[..start];
        if before.contains('>')
            || before
                .split('&')
                .skip(1)
                .any(|e| !["amp;", "lt;", "gt;"].iter().any(|known| e.starts_with(known)))
        {
            return false;
        }
        let Some(end) = rest.find('>') else { return false };
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return false;
            }
        } else if !tag.matches('"').count().is_multiple_of(2) {
            return false;
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap_or(tag));
        }
        if open.is_empty() && !rest.is_empty() {
            return false;
        }
    }
    open.is_empty() && rest.is_empty()
}

#[test]
fn a_small_screen() {
    let plain = Style::new();
    let mut screen = buffer(&[
        ("╭─ if a < b & c ─╮", plain.fg(Color::Cyan)),
        ("│ 日本 ▀▄▞█ ░▒ 1 │", plain),
        ("╰────────────────╯", plain.fg(Color::DarkGray)),
    ]);
    screen.set_style(Rect::new(3, 0, 2, 1), plain.add_modifier(Modifier::BOLD | Modifier::ITALIC));
    screen.set_style(Rect::new(2, 1, 4, 1), plain.bg(Color::Indexed(18)).fg(Color::Rgb(1, 2, 3)));
    screen.set_style(
        Rect::new(13, 1, 3, 1),
        plain.add_modifier(Modifier::UNDERLINED | Modifier::DIM),
    );
    let shot = Shot { cursor: Some(Position::new(15, 1)), ..shot(&screen) };
    insta::assert_snapshot!("small_text", shot.text());
    insta::assert_snapshot!("small_svg", shot.svg());
}

#[test]
fn reverse_and_the_cursor_exchange_the_colours() {
    let screen = buffer(&[("ab", Style::new().fg(Color::Rgb(1, 1, 1)).bg(Color::Rgb(9, 9, 9)))]);
    let plain = shot(&screen);
    let cell = screen.cell((0, 0)).expect("a cell");
    let look = plain.look(cell, Position::new(0, 0));
    let turned =
        Shot { cursor: Some(Position::new(0, 0)), ..plain }.look(cell, Position::new(0, 0));
    assert_eq!((look.ink, look.paper), (turned.paper, turned.ink));
    let mut reversed = cell.clone();
    reversed.modifier = Modifier::REVERSED;
    assert_eq!(plain.look(&reversed, Position::new(0, 0)).ink, look.paper);
}

#[test]
fn the_terminals_own_colours_are_the_themes() {
    let screen = buffer(&[("x", Style::new())]);
    let of = |theme| Shot { theme, ..shot(&screen) }.svg();
    assert!(of(ThemeName::Light).contains("fill=\"#ffffff\""));
    assert!(of(ThemeName::Dark).contains("fill=\"#161720\""));
}

proptest! {
    #[test]
    fn any_screen_is_well_formed_and_has_no_control_characters(
        symbols in prop::collection::vec(any::<String>(), 12),
        modifiers in prop::collection::vec(0u16..512, 12),
        colours in prop::collection::vec(any::<(u8, u8, u8)>(), 12),
    ) {
        let mut screen = Buffer::empty(Rect::new(2, 3, 4, 3));
        for (i, cell) in screen.content.iter_mut().enumerate() {
            cell.set_symbol(&symbols[i]);
            cell.modifier = Modifier::from_bits_truncate(modifiers[i]);
            let (r, g, b) = colours[i];
            (cell.fg, cell.bg) = (Color::Rgb(r, g, b), Color::Indexed(r));
        }
        let shot = Shot { cursor: Some(Position::new(3, 4)), ..shot(&screen) };
        let (text, svg) = (shot.text(), shot.svg());
        for c in text.chars().chain(svg.chars()) {
            prop_assert!(!c.is_control() || c == '\n', "{c:?}");
            prop_assert!(!matches!(u32::from(c), 0xFFFE | 0xFFFF));
        }
        prop_assert!(is_well_formed(&svg), "{}", svg);
        prop_assert_eq!(text.lines().count(), 3);
        prop_assert_eq!(shot.svg(), svg);
    }
}
