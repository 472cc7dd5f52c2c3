//! Keys of a terminal as keys of the key map.

use ratatui::crossterm::event::{KeyCode as Code, KeyEvent, KeyModifiers};

use crate::app::{Key, KeyCode};

/// The key of an event; none for keys that nothing can be bound to, such as a modifier alone.
#[must_use]
pub fn key_of(event: KeyEvent) -> Option<Key> {
    let mut shift = event.modifiers.contains(KeyModifiers::SHIFT);
    let code = match event.code {
        Code::Char(c) => KeyCode::Char(c),
        Code::F(n) => KeyCode::Function(n),
        Code::Left => KeyCode::Left,
        Code::Right => KeyCode::Right,
        Code::Up => KeyCode::Up,
        Code::Down => KeyCode::Down,
        Code::Home => KeyCode::Home,
        Code::End => KeyCode::End,
        Code::PageUp => KeyCode::PageUp,
        Code::PageDown => KeyCode::PageDown,
        Code::Insert => KeyCode::Insert,
        Code::Delete => KeyCode::Delete,
        Code::Backspace => KeyCode::Backspace,
        Code::Tab => KeyCode::Tab,
        Code::BackTab => {
            shift = true;
            KeyCode::Tab
        }
        Code::Enter => KeyCode::Enter,
        Code::Esc => KeyCode::Esc,
        _ => return None,
    };
    let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    let alt = event.modifiers.contains(KeyModifiers::ALT);
    Some(Key::new(code, ctrl, alt, shift))
}

/// The event that a terminal sends for a key.
#[must_use]
pub fn event_of(key: Key) -> KeyEvent {
    let code = match key.code() {
        KeyCode::Char(c) => Code::Char(c),
        KeyCode::Function(n) => Code::F(n),
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        KeyCode::Insert => Code::Insert,
        KeyCode::Delete => Code::Delete,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Tab if key.shift() => Code::BackTab,
        KeyCode::Tab => Code::Tab,
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
    };
    let mut modifiers = KeyModifiers::NONE;
    modifiers.set(KeyModifiers::CONTROL, key.ctrl());
    modifiers.set(KeyModifiers::ALT, key.alt());
    modifiers.set(KeyModifiers::SHIFT, key.shift());
    KeyEvent::new(code, modifiers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_tell_one_key_in_several_ways() {
        let name = |code, modifiers| {
            key_of(KeyEvent::new(code, modifiers)).map(|key| key.to_string()).unwrap_or_default()
        };
        let (none, shift, ctrl) = (KeyModifiers::NONE, KeyModifiers::SHIFT, KeyModifiers::CONTROL);
        assert_eq!(name(Code::Char('H'), none), "H");
        assert_eq!(name(Code::Char('H'), shift), "H");
        assert_eq!(name(Code::Char('h'), shift), "H");
        assert_eq!(name(Code::Char('?'), shift), "?");
        assert_eq!(name(Code::Char('P'), ctrl | shift), "ctrl+p");
        assert_eq!(name(Code::BackTab, none), "shift+tab");
        assert_eq!(name(Code::Left, shift | KeyModifiers::ALT), "alt+shift+left");
        assert_eq!(name(Code::CapsLock, none), "");
    }

    #[test]
    fn every_key_of_the_table_is_met_by_its_event() {
        for name in crate::app::COMMANDS.iter().flat_map(|entry| entry.keys) {
            let key: Key = name.parse().expect("a key");
            assert_eq!(key_of(event_of(key)), Some(key), "{name}");
        }
        for name in ["shift+tab", "ctrl+alt+x", "Ü", "space", "shift+space", "f12"] {
            let key: Key = name.parse().expect("a key");
            assert_eq!(key_of(event_of(key)), Some(key), "{name}");
        }
    }
}
