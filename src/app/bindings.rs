//! The table of commands as rows of the key map: every command has a name by which its keys are configured.

use super::actions::{Command, Step, COMMANDS};
use super::keymap::Row;
use super::state::EditedEnd;

/// A part of the screen with keys of its own. There is none yet: all commands work everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {}

/// All commands with their names and default keys.
pub fn bindings() -> impl Iterator<Item = Row<'static, Command, Context>> {
    COMMANDS.iter().map(|entry| Row {
        id: id(entry.command),
        command: entry.command,
        keys: entry.keys,
        context: None,
    })
}

fn id(command: Command) -> &'static str {
    const TENTHS: [&str; 11] = [
        "slide-to-a",
        "slide-to-0.1",
        "slide-to-0.2",
        "slide-to-0.3",
        "slide-to-0.4",
        "slide-to-0.5",
        "slide-to-0.6",
        "slide-to-0.7",
        "slide-to-0.8",
        "slide-to-0.9",
        "slide-to-b",
    ];
    match command {
        Command::Slide(Step::Left) => "slide-left",
        Command::Slide(Step::Right) => "slide-right",
        Command::Slide(Step::CoarseLeft) => "slide-left-coarse",
        Command::Slide(Step::CoarseRight) => "slide-right-coarse",
        Command::Slide(Step::FineLeft) => "slide-left-fine",
        Command::Slide(Step::FineRight) => "slide-right-fine",
        Command::Tenth(tenth) => TENTHS[usize::from(tenth).min(10)],
        Command::RungUp => "rung-up",
        Command::RungDown => "rung-down",
        Command::Random => "random-ends",
        Command::Swap => "swap-ends",
        Command::Type(EditedEnd::A) => "type-a",
        Command::Type(EditedEnd::B) => "type-b",
        Command::NextPath => "next-path",
        Command::MoreRungs => "more-rungs",
        Command::FewerRungs => "fewer-rungs",
        Command::Help => "help",
        Command::Quit => "quit",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::KeyMap;

    #[test]
    fn every_command_has_a_name_and_keys_of_its_own() {
        let rows: Vec<_> = bindings().collect();
        for (i, row) in rows.iter().enumerate() {
            assert!(rows[..i].iter().all(|other| other.id != row.id), "{}", row.id);
        }
        let keys = KeyMap::new(rows, &[]).expect("no clash");
        for entry in COMMANDS {
            for key in entry.keys {
                assert_eq!(keys.lookup_name(key, None), Some(entry.command), "{key}");
            }
        }
    }
}
