//! The explorer without a terminal: keys from a script, the screen in memory.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Position;
use ratatui::Terminal;

use super::effects::Stage;
use super::engines::Engines;
use super::events::Hands;
use super::hit::HitMap;
use super::keys::event_of;
use super::look::Look;
use super::shot::Shot;
use super::theme::Theme;
use super::view::view;
use crate::app::{Key, State};

/// How long the engine is left alone before it is asked again whether it is done.
const PAUSE: Duration = Duration::from_millis(5);

/// Keys to be pressed, one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script(Vec<KeyEvent>);

/// A script that cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// A word is no key.
    #[error("{0}; a text to type stands in double quotes")]
    Key(String),
    /// A quote has no end.
    #[error("the text that begins with `{0}` has no closing quote")]
    Quote(String),
}

impl std::str::FromStr for Script {
    type Err = ScriptError;

    /// Names of keys as in the key map, with blanks between them; what stands in double quotes is typed, `\"` in it is a
    /// quote and `\\` a backslash.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut events = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            rest = match rest.strip_prefix('"') {
                Some(quoted) => {
                    let (typed, behind) = unquoted(quoted)?;
                    let typed = typed.chars();
                    events
                        .extend(typed.map(|c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
                    behind
                }
                None => {
                    let (word, behind) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                    let key: Key = word
                        .parse()
                        .map_err(|e: crate::app::KeyError| ScriptError::Key(e.to_string()))?;
                    events.push(event_of(key));
                    behind
                }
            }
            .trim_start();
        }
        Ok(Self(events))
    }
}

/// What stands before the closing quote, and what behind it.
fn unquoted(text: &str) -> Result<(String, &str), ScriptError> {
    let mut typed = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((typed, &text[at + 1..])),
            '\\' => typed.extend(chars.next().map(|(_, c)| c)),
            c => typed.push(c),
        }
    }
    Err(ScriptError::Quote(text.chars().take(20).collect()))
}

/// A screen's size in cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScreenSize {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

impl std::str::FromStr for ScreenSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let side = |side: &str| side.parse().ok().filter(|n| (1..=1000).contains(n));
        text.split_once('x')
            .and_then(|(width, height)| Some(Self { width: side(width)?, height: side(height)? }))
            .ok_or_else(|| format!("`{text}` is no size: expected columns and rows as 120x40"))
    }
}

/// A screen that was drawn.
#[derive(Debug, Clone)]
pub struct Played {
    buffer: Buffer,
    cursor: Option<Position>,
    theme: Theme,
}

impl Played {
    /// The screen for pictures.
    #[must_use]
    pub fn shot(&self) -> Shot<'_> {
        Shot { buffer: &self.buffer, cursor: self.cursor, theme: self.theme.name }
    }
}

/// Plays a script on a screen in memory: the explorer's own state, drawing, engine and effects. After every key the engine
/// finishes all that it was asked for.
#[must_use]
pub fn play(
    engines: &mut Engines,
    state: &mut State,
    script: &Script,
    size: ScreenSize,
    look: Look,
) -> Played {
    // A screen in memory has no errors.
    let Ok(mut terminal) = Terminal::new(TestBackend::new(size.width, size.height));
    // It has no clipboard and remembers no tour.
    let mut host = AtomicBool::new(false);
    let mut stage = Stage { engines, host: &mut host, look };
    let mut hands = Hands::default();
    settle(state, &mut stage);
    let mut hits = draw(&mut terminal, state, &stage.look);
    for key in &script.0 {
        if let Some(action) = hands.action_of(state, &hits, &Event::Key(*key)) {
            stage.act(state, action);
        }
        settle(state, &mut stage);
        hits = draw(&mut terminal, state, &stage.look);
        if state.quit {
            break;
        }
    }
    let backend = terminal.backend();
    let cursor = backend.cursor_visible().then(|| backend.cursor_position());
    Played { buffer: backend.buffer().clone(), cursor, theme: stage.look.theme }
}

/// Takes in everything that is told, until nothing is left to do.
fn settle(state: &mut State, stage: &mut Stage<'_, AtomicBool>) {
    loop {
        if stage.engines.is_idle() {
            return;
        }
        if let Ok(news) = stage.engines.news().recv_timeout(PAUSE) {
            stage.hear(state, news);
        }
    }
}

fn draw(terminal: &mut Terminal<TestBackend>, state: &State, look: &Look) -> HitMap {
    let mut hits = HitMap::default();
    let Ok(_) = terminal.draw(|frame| hits = view(state, look, frame));
    hits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::key_of;

    fn names(script: &str) -> Vec<String> {
        let script: Script = script.parse().expect("a script");
        script.0.into_iter().filter_map(|event| Some(key_of(event)?.to_string())).collect()
    }

    #[test]
    fn keys_have_their_names_and_texts_their_quotes() {
        assert_eq!(names("r shift+left  ? "), ["r", "shift+left", "?"].map(str::to_owned));
        assert_eq!(names(r#"a "x \"1\\" enter"#), ["a", "x", "space", "\"", "1", "\\", "enter"]);
        assert_eq!(names(""), [""; 0]);
    }

    #[test]
    fn what_is_no_key_is_told() {
        let said = "r hello".parse::<Script>().expect_err("no key").to_string();
        assert!(said.contains("no key `hello`") && said.contains("double quotes"), "{said}");
        let said = "a \"x".parse::<Script>().expect_err("no end").to_string();
        assert!(said.contains("closing quote"), "{said}");
    }

    #[test]
    fn sizes_are_columns_and_rows() {
        assert_eq!("120x40".parse(), Ok(ScreenSize { width: 120, height: 40 }));
        for wrong in ["", "120", "0x3", "3x0", "9999x9999", "ax3"] {
            assert!(wrong.parse::<ScreenSize>().is_err(), "{wrong}");
        }
    }
}
