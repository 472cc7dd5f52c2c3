use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Panel {
    Ladder,
    Atlas,
}

impl Context for Panel {
    fn hides_common_keys(self) -> bool {
        self == Self::Atlas
    }
}

const TABLE: [Row<'static, u8, Panel>; 5] = [
    Row { id: "slide-left", command: 0, keys: &["left", "h"], context: None },
    Row { id: "slide-right", command: 1, keys: &["right", "l"], context: None },
    Row { id: "help", command: 2, keys: &["?"], context: None },
    Row { id: "atlas-zoom", command: 3, keys: &["l", "+"], context: Some(Panel::Atlas) },
    Row { id: "ladder-copy", command: 4, keys: &["+"], context: Some(Panel::Ladder) },
];

fn own(id: &str, keys: &[&str]) -> Override {
    Override { id: id.to_owned(), keys: keys.iter().map(|k| (*k).to_owned()).collect() }
}

fn map(overrides: &[Override]) -> Result<KeyMap<u8, Panel>, KeyMapError> {
    KeyMap::new(TABLE, overrides)
}

#[test]
fn the_focused_context_is_asked_first() {
    let keys = map(&[]).expect("a map");
    assert_eq!(keys.lookup_name("l", None), Some(1));
    assert_eq!(keys.lookup_name("l", Some(Panel::Ladder)), Some(1));
    assert_eq!(keys.lookup_name("l", Some(Panel::Atlas)), Some(3));
    assert_eq!(keys.lookup_name("+", Some(Panel::Ladder)), Some(4));
    assert_eq!(keys.lookup_name("+", None), None);
}

#[test]
fn own_keys_take_the_place_of_the_default_ones() {
    let keys = map(&[own("help", &["f1", "ctrl+?"]), own("slide-left", &[])]).expect("a map");
    assert_eq!(keys.lookup_name("?", None), None);
    assert_eq!(keys.lookup_name("F1", None), Some(2));
    assert_eq!(keys.lookup_name("h", None), None);
    assert_eq!(keys.keys(0), []);
    let names: Vec<String> = keys.keys(2).iter().map(ToString::to_string).collect();
    assert_eq!(names, ["f1", "ctrl+?"]);
    // A key that its command gives up is free for another, whichever is written first.
    let keys = map(&[own("help", &["h"]), own("slide-left", &["left"])]).expect("a map");
    assert_eq!(keys.lookup_name("h", None), Some(2));
}

#[test]
fn errors_tell_which_override_and_which_key() {
    let error = map(&[own("help", &["f1"]), own("slide-rihgt", &["d"])]).expect_err("unknown");
    assert_eq!((error.at, error.key), (Some(1), None));
    assert!(error.reason.contains("did you mean `slide-right`"), "{error}");
    let error = map(&[own("zzz", &[])]).expect_err("unknown");
    assert!(error.reason.contains("tvae-tui config"), "{error}");
    let error = map(&[own("help", &["f1", "hyper+x"])]).expect_err("no key");
    assert_eq!((error.at, error.key), (Some(0), Some(1)));
    assert!(error.reason.contains("`hyper+x`") && error.reason.contains("pageup"), "{error}");
}

#[test]
fn one_key_for_two_commands_is_told_at_the_line_of_the_person() {
    for (overrides, at, key) in [
        (vec![own("help", &["f1", "h"])], 0, 1),
        (vec![own("slide-left", &["?"])], 0, 0),
        (vec![own("help", &["d"]), own("slide-right", &["x", "d"])], 1, 1),
        (vec![own("slide-right", &["d"]), own("help", &["d"])], 1, 0),
    ] {
        let error = map(&overrides).expect_err("a clash");
        assert_eq!((error.at, error.key), (Some(at), Some(key)), "{error}");
        assert!(error.reason.contains("already"), "{error}");
    }
    // The same key twice for one command is no clash.
    assert!(map(&[own("help", &["f1", "f1"])]).is_ok());
}

#[test]
fn keys_are_written_in_one_way() {
    for (written, printed) in [
        ("ctrl+p", "ctrl+p"),
        ("Control+P", "ctrl+p"),
        ("shift+h", "H"),
        ("shift+left", "shift+left"),
        ("alt+shift+f5", "alt+shift+f5"),
        ("shift+alt+f5", "alt+shift+f5"),
        ("option+h", "alt+h"),
        (" ", "space"),
        ("ctrl+space", "ctrl+space"),
        ("+", "+"),
        ("ctrl++", "ctrl++"),
        ("-", "-"),
        ("return", "enter"),
        ("Escape", "esc"),
        ("backtab", "shift+tab"),
        ("pgdn", "pagedown"),
        ("F12", "f12"),
        ("f", "f"),
        ("ß", "ß"),
        ("日", "日"),
    ] {
        let key: Key = written.parse().expect(written);
        assert_eq!(key.to_string(), printed, "{written}");
    }
    for wrong in ["", "ctrl+", "+a", "f0", "f25", "f01", "leftt", "ctrl+alt", "a+b", "\u{1b}"] {
        assert!(wrong.parse::<Key>().is_err(), "{wrong:?}");
    }
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_as_the_same_key(
        c in any::<char>().prop_filter("no control", |c| !c.is_control()),
        named in prop::option::of(0usize..20),
        ctrl in any::<bool>(), alt in any::<bool>(), shift in any::<bool>(),
    ) {
        const CODES: [KeyCode; 7] = [KeyCode::Left, KeyCode::PageUp, KeyCode::Tab, KeyCode::Enter,
            KeyCode::Esc, KeyCode::Function(24), KeyCode::Char(' ')];
        let code = named.and_then(|n| CODES.get(n).copied()).unwrap_or(KeyCode::Char(c));
        let key = Key::new(code, ctrl, alt, shift);
        prop_assert_eq!(key.to_string().parse::<Key>(), Ok(key));
    }

    #[test]
    fn no_word_panics(word in ".{0,12}") {
        let _ = word.parse::<Key>();
        let _ = map(&[own(&word, &[&word]), own("help", &[&word])]);
    }
}

#[test]
fn only_some_contexts_hide_the_keys_that_count_everywhere() {
    // The atlas does.
    assert!(map(&[own("atlas-zoom", &["?"])]).is_ok());
    let error = map(&[own("ladder-copy", &["?"])]).expect_err("hidden");
    assert!(error.reason.contains("bound to `help` already"), "{error}");
    let keys = map(&[own("atlas-zoom", &["+", "?"])]).expect("a map");
    assert_eq!(keys.lookup_name("?", [Panel::Ladder, Panel::Atlas]), Some(3));
    assert_eq!(keys.lookup_name("+", [Panel::Ladder, Panel::Atlas]), Some(4));
}
