//! The screens of the program, and where a command's keys count.

use super::actions::{Action, Command};
use super::commands::{Entry, COMMANDS};
use super::keymap::Context;
use super::state::{Panel, State};

/// A screen of the program. Adding one asks for its row among the commands, its view and its share of `update`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Screen {
    /// The ladder, the slider and the panels.
    #[default]
    Explore,
    /// A run before it starts and while it goes on.
    Train,
    /// The models that there are.
    Models,
}

impl Screen {
    /// All screens, in the order of their tabs.
    pub const ALL: [Self; 3] = [Self::Explore, Self::Train, Self::Models];

    /// The name on its tab.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Explore => "explore",
            Self::Train => "train",
            Self::Models => "models",
        }
    }
}

/// Where a command's keys count, unless it is everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// On a screen.
    Screen(Screen),
    /// In a panel of the explorer, while it has the focus.
    Panel(Panel),
}

impl Scope {
    /// The screen that it is a part of.
    #[must_use]
    pub fn screen(self) -> Screen {
        match self {
            Self::Screen(screen) => screen,
            Self::Panel(_) => Screen::Explore,
        }
    }
}

impl Context for Scope {
    /// A panel's own keys go before those that count everywhere; a screen's stand beside them.
    fn hides_common_keys(self) -> bool {
        matches!(self, Self::Panel(_))
    }
}

impl State {
    /// Where keys count now, the narrowest first.
    #[must_use]
    pub fn scopes(&self) -> Vec<Scope> {
        let screen = Scope::Screen(self.screen);
        match self.screen {
            Screen::Explore => vec![Scope::Panel(self.focus), screen],
            Screen::Train | Screen::Models => vec![screen],
        }
    }

    /// The commands of the present screen, in the order of the table.
    pub fn commands(&self) -> impl Iterator<Item = &'static Entry> + '_ {
        COMMANDS.iter().filter(|entry| self.has_on_screen(entry))
    }

    /// Whether a command is more special than those that the explorer always has.
    #[must_use]
    pub fn is_special(&self, entry: &Entry) -> bool {
        match entry.scope {
            Some(Scope::Panel(_)) => true,
            Some(Scope::Screen(screen)) => screen != Screen::Explore,
            None => false,
        }
    }

    fn has_on_screen(&self, entry: &Entry) -> bool {
        entry.scope.is_none_or(|scope| scope.screen() == self.screen)
    }

    /// Whether something that happened is for the present screen. What the explorer's own keys and sliders ask for is
    /// nothing while another one is shown.
    pub(super) fn takes(&self, action: &Action) -> bool {
        match action {
            Action::Run(command) => self.takes_command(*command),
            Action::SlideTo(_)
            | Action::SlideToken(..)
            | Action::ChooseRung(_)
            | Action::Draw(_)
            | Action::ChooseCell(..)
            | Action::Focus(_)
            | Action::ChooseDirection(_)
            | Action::SetStrength(..)
            | Action::NextStep
            | Action::PreviousStep => self.screen == Screen::Explore,
            Action::ReadAt(_) => self.screen == Screen::Train,
            _ => true,
        }
    }

    fn takes_command(&self, command: Command) -> bool {
        let entry = COMMANDS.iter().find(|entry| entry.command == command);
        entry.is_none_or(|entry| self.has_on_screen(entry))
    }
}
