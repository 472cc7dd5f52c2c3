//! The commands of the palette's panel.

use super::{entry, within, Entry};
use crate::app::actions::Command;
use crate::app::state::{EditedEnd, Panel};

/// One that counts in the palette's panel.
const fn on_palette(
    command: Command,
    name: &'static str,
    keys: &'static [&'static str],
    help: &'static str,
    hint: &'static str,
) -> Entry {
    within(Panel::Palette, entry(command, name, keys, help, hint))
}

const fn take(
    end: EditedEnd,
    name: &'static str,
    keys: &'static [&'static str],
    help: &'static str,
    hint: &'static str,
) -> Entry {
    on_palette(Command::TakeCell(end), name, keys, help, hint)
}

/// In the order of the help.
pub(super) const COMMANDS: &[Entry] = &[
    on_palette(
        Command::CellLeft,
        "cell-left",
        &["left", "h"],
        "to the cell to the left; up and down go to other rows",
        "cell",
    ),
    on_palette(Command::CellRight, "cell-right", &["right", "l"], "to the cell to the right", ""),
    on_palette(
        Command::TakeNearest,
        "cell-to-nearest-corner",
        &["enter", "space"],
        "the cell's decode becomes the corner nearest to it",
        "to corner",
    ),
    on_palette(
        Command::MoreCells,
        "more-cells",
        &["+", "="],
        "a column and a row more (9 at most)",
        "more",
    ),
    on_palette(
        Command::FewerCells,
        "fewer-cells",
        &["-"],
        "a column and a row less (3 at least)",
        "fewer",
    ),
    take(
        EditedEnd::A,
        "cell-to-a",
        &["a"],
        "the cell's decode becomes A, the ladder's end too",
        "to A",
    ),
    take(
        EditedEnd::B,
        "cell-to-b",
        &["b"],
        "the cell's decode becomes B, the ladder's end too",
        "",
    ),
    take(EditedEnd::C, "cell-to-c", &["c"], "the cell's decode becomes C", ""),
    take(EditedEnd::D, "cell-to-d", &["d"], "the cell's decode becomes D", "to D"),
    on_palette(
        Command::Pick(EditedEnd::C),
        "pick-c",
        &["C"],
        "pick corner C from the samples; A and B as everywhere",
        "pick C",
    ),
    on_palette(
        Command::Pick(EditedEnd::D),
        "pick-d",
        &["D"],
        "pick corner D from the samples",
        "pick D",
    ),
    on_palette(
        Command::ChangeCorner,
        "change-corner",
        &["e"],
        "type or draw the corner nearest to the cell",
        "by hand",
    ),
    on_palette(
        Command::RandomCorners,
        "random-corners",
        &["r"],
        "four new random corners",
        "random",
    ),
    on_palette(
        Command::Panel(Panel::Ladder),
        "to-ladder",
        &["esc"],
        "back to the ladder",
        "ladder",
    ),
];
