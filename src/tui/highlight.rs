//! Texts with the colours of their parts, and what changed in them told by weight.

use std::ops::Range;

use ratatui::style::{Modifier, Style};
use ratatui::text::Span;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::theme::Theme;
use crate::domain::{Mark, TokenClass};
use crate::report::Shown;

/// The styles of a text's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Syntax {
    /// Reserved words.
    pub keyword: Style,
    /// Identifiers.
    pub name: Style,
    /// Identifiers that are called.
    pub call: Style,
    /// Identifiers behind a dot.
    pub attribute: Style,
    /// Numbers.
    pub number: Style,
    /// Strings.
    pub string: Style,
    /// Operators and brackets.
    pub operator: Style,
    /// Comments.
    pub comment: Style,
    /// What is laid over a part that changed.
    pub changed: Style,
}

impl Syntax {
    /// In a theme's colours.
    #[must_use]
    pub fn new(theme: &Theme) -> Self {
        Self {
            keyword: theme.keyword,
            name: theme.identifier,
            call: theme.identifier,
            attribute: theme.identifier,
            number: theme.number,
            string: theme.string,
            operator: theme.operator,
            comment: theme.comment,
            // By weight, so that the parts keep their colours.
            changed: Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        }
    }

    fn of(&self, class: TokenClass) -> Style {
        match class {
            TokenClass::Keyword => self.keyword,
            TokenClass::Name => self.name,
            TokenClass::Call => self.call,
            TokenClass::Attribute => self.attribute,
            TokenClass::Number => self.number,
            TokenClass::String => self.string,
            TokenClass::Operator | TokenClass::Bracket => self.operator,
            TokenClass::Comment => self.comment,
            TokenClass::Plain => Style::new(),
        }
    }
}

/// A text made visible, in spans of one style each, which together are [`visible`](crate::report::visible)'s text.
///
/// `marks` and `changed` are byte ranges of the original text; those that are not on its characters are not looked at.
#[must_use]
pub fn spans(
    text: &str,
    marks: &[Mark],
    changed: &[Range<usize>],
    syntax: &Syntax,
) -> Vec<Span<'static>> {
    let shown = Shown::new(text);
    let ranges = marks.iter().map(|m| &m.range).chain(changed);
    let mut cuts: Vec<usize> = ranges
        .flat_map(|range| [range.start, range.end])
        .chain([0, text.len()])
        .filter(|&at| text.is_char_boundary(at))
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut spans: Vec<Span<'static>> = Vec::new();
    for (from, to) in cuts.iter().zip(cuts.iter().skip(1)) {
        // Both are in their order, so that the last that begins before is the only one that can hold this.
        let mark = marks[..marks.partition_point(|m| m.range.start <= *from)].last();
        let class = mark.filter(|m| m.range.contains(from)).map(|m| m.class);
        let mut style = syntax.of(class.unwrap_or(TokenClass::Plain));
        let part = changed[..changed.partition_point(|range| range.start <= *from)].last();
        if part.is_some_and(|range| range.contains(from)) {
            style = style.patch(syntax.changed);
        }
        let piece = &shown.text[shown.offset(*from)..shown.offset(*to)];
        match spans.last_mut().filter(|last| last.style == style) {
            Some(last) => last.content.to_mut().push_str(piece),
            None => spans.push(Span::styled(piece.to_owned(), style)),
        }
    }
    spans
}

/// Spans in at most `width` columns, cut with `…`.
#[must_use]
pub fn cut(spans: Vec<Span<'static>>, width: u16) -> Vec<Span<'static>> {
    let width = usize::from(width);
    if spans.iter().map(|s| s.content.width()).sum::<usize>() <= width {
        return spans;
    }
    let mut room = width.saturating_sub(1);
    let mut out = Vec::new();
    for span in spans {
        let mut end = 0;
        for (at, c) in span.content.char_indices() {
            let columns = c.width().unwrap_or(0);
            if columns > room {
                break;
            }
            room -= columns;
            end = at + c.len_utf8();
        }
        let whole = end == span.content.len();
        out.push(Span::styled(span.content[..end].to_owned(), span.style));
        if !whole {
            break;
        }
    }
    if width > 0 {
        out.push(Span::raw("…"));
    }
    out.retain(|span| !span.content.is_empty());
    out
}

#[cfg(test)]
mod tests {
    use ratatui::style::Color;

    use super::*;
    use crate::domain::domain;
    use crate::report::{changed, visible};
    use proptest::prelude::*;

    fn coloured(name: &str, above: &str, text: &str) -> Vec<Span<'static>> {
        let domain = domain(name).expect("a domain");
        let changed = changed(above, text, |t| domain.units(t));
        spans(text, &domain.marks(text), &changed, &syntax())
    }

    fn told(spans: &[Span<'_>]) -> Vec<(String, Option<Color>, bool)> {
        let underlined = |s: &Span<'_>| s.style.add_modifier.contains(Modifier::UNDERLINED);
        spans.iter().map(|s| (s.content.to_string(), s.style.fg, underlined(s))).collect()
    }

    fn syntax() -> Syntax {
        let plain = Style::new();
        Syntax {
            keyword: plain.fg(Color::Magenta),
            name: plain,
            call: plain.fg(Color::Blue),
            attribute: plain.fg(Color::Cyan),
            number: plain.fg(Color::Yellow),
            string: plain.fg(Color::Green),
            operator: plain.fg(Color::Gray),
            comment: plain.fg(Color::DarkGray),
            changed: plain.add_modifier(Modifier::UNDERLINED),
        }
    }

    #[test]
    fn a_line_of_python_has_its_colours_and_its_change() {
        let spans = coloured("python", "return self.get(x)", "return self.put(\u{1b}, 1)");
        let wanted = [
            ("return", Some(Color::Magenta), false),
            (" self", None, false),
            (".", Some(Color::Gray), false),
            ("put", Some(Color::Blue), true),
            ("(", Some(Color::Gray), false),
            ("␛", None, true),
            (",", Some(Color::Gray), true),
            (" ", None, true),
            ("1", Some(Color::Yellow), true),
            (")", Some(Color::Gray), false),
        ];
        assert_eq!(told(&spans), wanted.map(|(text, fg, line)| (text.to_owned(), fg, line)));
    }

    #[test]
    fn words_without_classes_tell_their_change_only() {
        let spans = coloured("headlines", "a long day", "a short day");
        let wanted = [("a ", false), ("short", true), (" day", false)];
        assert_eq!(told(&spans), wanted.map(|(text, line)| (text.to_owned(), None, line)));
    }

    #[test]
    fn ranges_off_the_characters_change_nothing() {
        let off = 1..99;
        let spans = spans("é", &[], std::slice::from_ref(&off), &Syntax::new(&Theme::plain()));
        assert_eq!(spans, [Span::raw("é")]);
    }

    #[test]
    fn spans_are_cut_to_columns() {
        let text = |width| -> String {
            cut(coloured("python", "", "x = '日本'"), width).iter().map(|s| &*s.content).collect()
        };
        assert_eq!(
            [0, 1, 4, 7, 8, 9, 10].map(text),
            ["", "…", "x =…", "x = '…", "x = '日…", "x = '日…", "x = '日本'"]
        );
    }

    proptest! {
        #[test]
        fn spans_are_together_the_visible_text(above in ".{0,30}", text in any::<String>(), code in "[a-c .'(#\u{1b}\u{301}é]{0,30}", width in 0u16..40) {
            for text in [text, code] {
                for name in ["python", "headlines", "mnist"] {
                    let spans = coloured(name, &above, &text);
                    let whole: String = spans.iter().map(|s| &*s.content).collect();
                    prop_assert_eq!(&whole, &visible(&text));
                    let short: String = cut(spans, width).iter().map(|s| s.content.to_string()).collect();
                    prop_assert!(short.width() <= usize::from(width));
                }
            }
        }
    }
}
