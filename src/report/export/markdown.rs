//! A document as Markdown. Texts stand in blocks of code, so that nothing in them is markup.

use std::fmt::Write;

use super::{Document, Part};
use crate::report::blocks::half_blocks;
use crate::report::ladder::{judgement, ladder_table};
use crate::report::visible;

pub(super) fn write(document: &Document) -> String {
    let mut out = format!("# Ladders of the model {}\n", plain(&document.model));
    for (k, part) in document.parts.iter().enumerate() {
        let title =
            if part.title.is_empty() { format!("Ladder {}", k + 1) } else { plain(&part.title) };
        // Writing to a string does not fail.
        let _ = write!(out, "\n## {title}\n\nPath {}, {}.\n\n", part.path, part.decoding);
        if document.picture(&part.a).is_some() {
            pictures(document, part, &mut out);
        } else {
            indent(&texts(part), &mut out);
        }
    }
    out
}

/// A ladder with its ends and the decode at the slider, as text.
pub(super) fn texts(part: &Part) -> String {
    let mut block = format!("A  {}\nB  {}\n\n", visible(&part.a), visible(&part.b));
    block.push_str(&ladder_table(&part.rungs));
    if let Some(point) = &part.point {
        let verdict = judgement(&point.verdict);
        let _ = writeln!(block, "\nt = {}  {}  {verdict}", point.ratio, visible(&point.text));
    }
    block
}

fn pictures(document: &Document, part: &Part, out: &mut String) {
    for rung in part.rungs.iter().chain(&part.point) {
        let mut block = format!("{:.2}  {}\n", rung.ratio, judgement(&rung.verdict));
        if let Some(picture) = document.picture(&rung.text) {
            for line in half_blocks(&picture) {
                block.push_str(&line);
                block.push('\n');
            }
        }
        indent(&block, out);
        out.push('\n');
    }
}

/// As a block of code.
pub(super) fn indent(block: &str, out: &mut String) {
    for line in block.lines() {
        let _ = writeln!(out, "{}", format!("    {line}").trim_end());
    }
}

/// A text on one line without markup.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in visible(text).chars() {
        if c.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
