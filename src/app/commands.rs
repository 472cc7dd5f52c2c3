//! The one table of commands behind keys, help, hints, palette and mouse.

mod models;
mod palette;
mod train;

use super::actions::{Command, Step};
use super::keymap::{KeyMap, KeyMapError, Override, Row};
use super::screen::{Scope, Screen};
use super::state::{EditedEnd, Panel};

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The command.
    pub command: Command,
    /// Its name in the key map and the palette.
    pub name: &'static str,
    /// The screen or panel on which it counts; none for everywhere.
    pub scope: Option<Scope>,
    /// Keys, as `shift+left`, `r`, `?`.
    pub keys: &'static [&'static str],
    /// What it does, for help and palette.
    pub help: &'static str,
    /// A word for the line of hints; empty where it has no place there.
    pub hint: &'static str,
}

/// One that counts on the explorer's screen.
const fn entry(
    command: Command,
    name: &'static str,
    keys: &'static [&'static str],
    help: &'static str,
    hint: &'static str,
) -> Entry {
    let scope = Some(Scope::Screen(Screen::Explore));
    Entry { command, name, scope, keys, help, hint }
}

/// One that counts on every screen.
const fn everywhere(entry: Entry) -> Entry {
    Entry { scope: None, ..entry }
}

const fn within(panel: Panel, entry: Entry) -> Entry {
    Entry { scope: Some(Scope::Panel(panel)), ..entry }
}

/// One that counts in the panel of directions.
const fn on_direction(
    command: Command,
    name: &'static str,
    keys: &'static [&'static str],
    help: &'static str,
    hint: &'static str,
) -> Entry {
    within(Panel::Directions, entry(command, name, keys, help, hint))
}

/// All commands, in the order of the help. A screen of its own has a file of its own for them.
pub const COMMANDS: &[Entry] =
    &joined::<COUNT>(&[EXPLORER, palette::COMMANDS, train::COMMANDS, models::COMMANDS, EVERYWHERE]);

const COUNT: usize = EXPLORER.len()
    + palette::COMMANDS.len()
    + train::COMMANDS.len()
    + models::COMMANDS.len()
    + EVERYWHERE.len();

/// The parts of the table, one behind the other.
const fn joined<const N: usize>(parts: &[&[Entry]]) -> [Entry; N] {
    let mut all = [EVERYWHERE[0]; N];
    let (mut part, mut at) = (0, 0);
    while part < parts.len() {
        let mut i = 0;
        while i < parts[part].len() {
            all[at] = parts[part][i];
            (at, i) = (at + 1, i + 1);
        }
        part += 1;
    }
    all
}

/// What counts on the explorer's screen, and what lists and colours have everywhere.
const EXPLORER: &[Entry] = &[
    entry(
        Command::Slide(Step::Left),
        "slide-left",
        &["left", "h"],
        "slide by 0.02 towards A",
        "slide",
    ),
    entry(
        Command::Slide(Step::Right),
        "slide-right",
        &["right", "l"],
        "slide by 0.02 towards B",
        "",
    ),
    entry(
        Command::Slide(Step::CoarseLeft),
        "slide-left-coarse",
        &["shift+left", "H"],
        "slide by 0.1 towards A",
        "",
    ),
    entry(
        Command::Slide(Step::CoarseRight),
        "slide-right-coarse",
        &["shift+right", "L"],
        "slide by 0.1 towards B",
        "",
    ),
    entry(
        Command::Slide(Step::FineLeft),
        "slide-left-fine",
        &["alt+left", "alt+h"],
        "slide by 0.005 towards A",
        "",
    ),
    entry(
        Command::Slide(Step::FineRight),
        "slide-right-fine",
        &["alt+right", "alt+l"],
        "slide by 0.005 towards B",
        "",
    ),
    entry(
        Command::SeamLeft,
        "seam-left",
        &["["],
        "to where the verdict flips next, towards A",
        "seams",
    ),
    entry(
        Command::SeamRight,
        "seam-right",
        &["]"],
        "to where the verdict flips next, towards B",
        "",
    ),
    everywhere(entry(
        Command::Up,
        "up",
        &["up", "k"],
        "to the row above: a rung, a direction, a model",
        "",
    )),
    everywhere(entry(Command::Down, "down", &["down", "j"], "to the row below", "")),
    entry(Command::Tenth(0), "slide-to-a", &["0", "home"], "to A (1 … 9: to a tenth)", ""),
    entry(Command::Tenth(1), "slide-to-0.1", &["1"], "", ""),
    entry(Command::Tenth(2), "slide-to-0.2", &["2"], "", ""),
    entry(Command::Tenth(3), "slide-to-0.3", &["3"], "", ""),
    entry(Command::Tenth(4), "slide-to-0.4", &["4"], "", ""),
    entry(Command::Tenth(5), "slide-to-0.5", &["5"], "", ""),
    entry(Command::Tenth(6), "slide-to-0.6", &["6"], "", ""),
    entry(Command::Tenth(7), "slide-to-0.7", &["7"], "", ""),
    entry(Command::Tenth(8), "slide-to-0.8", &["8"], "", ""),
    entry(Command::Tenth(9), "slide-to-0.9", &["9"], "", ""),
    entry(Command::Tenth(10), "slide-to-b", &["end"], "to B", ""),
    entry(Command::Random, "random-ends", &["r"], "two new random ends", "random"),
    entry(Command::Type(EditedEnd::A), "type-a", &["a"], "type end A", "type A"),
    entry(Command::Type(EditedEnd::B), "type-b", &["b"], "type end B", "type B"),
    entry(Command::Pick(EditedEnd::A), "pick-a", &["A"], "pick end A from the samples", "pick A"),
    entry(Command::Pick(EditedEnd::B), "pick-b", &["B"], "pick end B from the samples", "pick B"),
    entry(Command::Draw(EditedEnd::A), "draw-a", &["d"], "draw end A on a canvas", "draw A"),
    entry(Command::Draw(EditedEnd::B), "draw-b", &["D"], "draw end B on a canvas", "draw B"),
    entry(Command::Swap, "swap-ends", &["x"], "swap the ends", "swap"),
    entry(
        Command::NextPath,
        "next-path",
        &["p"],
        "another way: per token, all at once, linear, token by token",
        "path",
    ),
    entry(
        Command::BestPath,
        "best-path",
        &["P"],
        "the way with the most valid, most different, smoothest rungs",
        "",
    ),
    entry(
        Command::NextDecoding,
        "guided",
        &["g"],
        "search for a valid text where the greedy decode is none, or not",
        "guided",
    ),
    entry(
        Command::Panel(Panel::Palette),
        "palette-of-four",
        &["f5"],
        "a palette: the grid of decodes between four corners",
        "palette",
    ),
    entry(Command::MoreRungs, "more-rungs", &["+", "="], "one rung more (33 at most)", ""),
    entry(Command::FewerRungs, "fewer-rungs", &["-"], "one rung less (3 at least)", ""),
    entry(
        Command::Probabilities,
        "probabilities",
        &["v"],
        "shade the decode by the decoder's probabilities",
        "",
    ),
    entry(Command::Undo, "undo", &["u"], "take the last change back", "undo"),
    entry(Command::Redo, "redo", &["U", "ctrl+r"], "do it again", ""),
    entry(Command::NextPanel, "next-panel", &["tab"], "to the next panel", "panels"),
    entry(Command::PreviousPanel, "previous-panel", &["shift+tab"], "to the panel before", ""),
    within(
        Panel::Mix,
        entry(
            Command::SlideToken(Step::Left),
            "token-left",
            &["left", "h"],
            "move the latent token by 0.02 towards A",
            "move",
        ),
    ),
    within(
        Panel::Mix,
        entry(
            Command::SlideToken(Step::Right),
            "token-right",
            &["right", "l"],
            "move the latent token by 0.02 towards B",
            "",
        ),
    ),
    within(
        Panel::Mix,
        entry(
            Command::SlideToken(Step::CoarseLeft),
            "token-left-coarse",
            &["shift+left", "H"],
            "move the latent token by 0.1 towards A",
            "",
        ),
    ),
    within(
        Panel::Mix,
        entry(
            Command::SlideToken(Step::CoarseRight),
            "token-right-coarse",
            &["shift+right", "L"],
            "move the latent token by 0.1 towards B",
            "",
        ),
    ),
    within(
        Panel::Mix,
        entry(
            Command::SlideToken(Step::FineLeft),
            "token-left-fine",
            &["alt+left", "alt+h"],
            "move the latent token by 0.005 towards A",
            "",
        ),
    ),
    within(
        Panel::Mix,
        entry(
            Command::SlideToken(Step::FineRight),
            "token-right-fine",
            &["alt+right", "alt+l"],
            "move the latent token by 0.005 towards B",
            "",
        ),
    ),
    within(
        Panel::Mix,
        entry(
            Command::LockToken,
            "lock-token",
            &["space", "enter"],
            "lock the latent token where it is, or let it follow the slider",
            "lock",
        ),
    ),
    within(
        Panel::Mix,
        entry(
            Command::FreeTokens,
            "free-tokens",
            &["backspace", "delete"],
            "let all latent tokens follow the slider",
            "free all",
        ),
    ),
    entry(Command::Bookmark, "bookmark", &["ctrl+d"], "keep what is decoded, with a note", ""),
    within(
        Panel::Keep,
        entry(
            Command::Jump,
            "jump",
            &["enter", "space"],
            "to the chosen bookmark or scene of the history",
            "go there",
        ),
    ),
    within(Panel::Keep, entry(Command::Note, "note", &["n"], "change the bookmark's note", "note")),
    within(
        Panel::Keep,
        entry(
            Command::Remove,
            "remove-bookmark",
            &["delete", "backspace"],
            "remove the bookmark",
            "remove",
        ),
    ),
    entry(Command::SaveSession, "save-session", &["ctrl+s"], "save the session to a file", ""),
    entry(Command::OpenSession, "open-session", &["ctrl+o"], "open a session's file", ""),
    entry(
        Command::Export,
        "export",
        &["ctrl+e"],
        "write the ladder as JSON, Markdown, SVG or PNG",
        "",
    ),
    entry(Command::CopyPoint, "copy", &["y"], "copy the decode at the slider", "copy"),
    entry(Command::CopyLadder, "copy-ladder", &["Y"], "copy the ladder as a table", ""),
    everywhere(entry(Command::NextTheme, "next-theme", &["ctrl+t"], "other colours", "")),
    entry(Command::Tour, "tour", &["f2"], "show the tour", ""),
    on_direction(
        Command::Strength(Step::Left),
        "weaker",
        &["left", "h"],
        "against the direction by 0.25 σ",
        "strength",
    ),
    on_direction(
        Command::Strength(Step::Right),
        "stronger",
        &["right", "l"],
        "along the direction by 0.25 σ",
        "",
    ),
    on_direction(
        Command::Strength(Step::CoarseLeft),
        "weaker-coarse",
        &["shift+left", "H"],
        "against the direction by 1 σ",
        "",
    ),
    on_direction(
        Command::Strength(Step::CoarseRight),
        "stronger-coarse",
        &["shift+right", "L"],
        "along the direction by 1 σ",
        "",
    ),
    on_direction(
        Command::Strength(Step::FineLeft),
        "weaker-fine",
        &["alt+left", "alt+h"],
        "against the direction by 0.05 σ",
        "",
    ),
    on_direction(
        Command::Strength(Step::FineRight),
        "stronger-fine",
        &["alt+right", "alt+l"],
        "along the direction by 0.05 σ",
        "",
    ),
    on_direction(Command::NextTarget, "target", &["t"], "edit A, B or all of the way", "target"),
    on_direction(Command::RemoveEdit, "remove-edit", &["backspace"], "take the edit away", "off"),
    on_direction(
        Command::Along,
        "ladder-along",
        &["w"],
        "the ladder along the direction from −3 σ to 3 σ, or from A to B again",
        "ladder",
    ),
    on_direction(
        Command::FromEnds,
        "direction-from-ends",
        &["e"],
        "a new direction from A to B",
        "A to B",
    ),
    on_direction(
        Command::FromLabels,
        "direction-from-labels",
        &["E"],
        "a new direction from the label of A to that of B, as POLITICS → SPORTS",
        "",
    ),
    on_direction(
        Command::Arithmetic,
        "arithmetic",
        &["c"],
        "A − B + C: pick C from the samples",
        "A−B+C",
    ),
    on_direction(
        Command::FromMarked,
        "direction-from-marked",
        &["d"],
        "a new direction from the points of set 2 to those of set 1",
        "from sets",
    ),
    on_direction(Command::NameDirection, "name-direction", &["n"], "name an own direction", "name"),
    on_direction(
        Command::DeleteDirection,
        "delete-direction",
        &["delete"],
        "delete an own direction and its edits",
        "",
    ),
    on_direction(
        Command::SaveDirections,
        "save-directions",
        &["s"],
        "save the own directions with the model",
        "save",
    ),
    entry(Command::Mark(0), "mark-1", &["m"], "mark the point for set 1, or not", ""),
    entry(Command::Mark(1), "mark-2", &["M"], "mark the point for set 2, or not", ""),
    within(
        Panel::Compare,
        entry(
            Command::EndComparison,
            "end-comparison",
            &["delete", "backspace"],
            "close the model that the open one is compared with",
            "end comparison",
        ),
    ),
];

/// What counts on every screen and leads to everything else.
const EVERYWHERE: &[Entry] = &[
    everywhere(entry(
        Command::Show(Screen::Explore),
        "explorer",
        &["esc"],
        "back to the explorer",
        "explorer",
    )),
    everywhere(entry(
        Command::Show(Screen::Models),
        "models",
        &["f3"],
        "the models that there are: open, compare, rename, delete",
        "",
    )),
    everywhere(entry(
        Command::Show(Screen::Train),
        "train",
        &["f4"],
        "train a model, or watch the run that goes on",
        "",
    )),
    everywhere(entry(
        Command::Palette,
        "palette",
        &[":", "ctrl+p"],
        "find a command by its name",
        "commands",
    )),
    everywhere(entry(Command::Help, "help", &["?", "f1"], "show or hide this help", "help")),
    everywhere(entry(Command::Quit, "quit", &["q", "ctrl+c"], "quit", "quit")),
];

/// Which key does what; a panel's own keys go before its screen's and those that count everywhere.
pub type Keys = KeyMap<Command, Scope>;

/// The table's keys, with a person's own in place of the default ones.
///
/// # Errors
/// An override that names no command or no key, or a key that two commands would share.
pub fn keys(overrides: &[Override]) -> Result<Keys, KeyMapError> {
    let rows = COMMANDS.iter().map(|entry| Row {
        id: entry.name,
        command: entry.command,
        keys: entry.keys,
        context: entry.scope,
    });
    KeyMap::new(rows, overrides)
}
