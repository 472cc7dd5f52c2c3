use super::*;
use crate::tui::{Glyphs, ThemeName};
use proptest::prelude::*;

fn parse(text: &str) -> Result<Settings, SettingsError> {
    Settings::parse(text, Path::new("/etc/x/config.toml"))
}

fn message(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}

#[test]
fn every_key_is_read() {
    let text = r#"
        theme = "colour-blind"
        glyphs = "octant"
        model = "mnist"
        seed = 0x10
        rungs = 7
        path = "all"
        mouse = false
        log = "run.log"
        log_level = "debug"
        keys.slide-right = ["right", "f9"]
        keys.help = []
    "#;
    let found = parse(text).expect("settings");
    assert_eq!(found.explorer.theme, Some(ThemeName::ColourBlind));
    assert_eq!(found.explorer.glyphs, Glyphs::Octant);
    assert_eq!((found.model.as_str(), found.seed, found.explorer.rungs), ("mnist", Some(16), 7));
    assert_eq!(found.explorer.path, crate::latent::Path::AllAtOnce);
    assert!(!found.explorer.mouse);
    assert_eq!(found.log.as_deref(), Some(Path::new("/etc/x/run.log")));
    assert_eq!(found.log_level, LogLevel::Debug);
    assert_eq!(found.explorer.keys.len(), 2);
    assert_eq!(parse(""), Ok(Settings::default()));
}

#[test]
fn errors_name_file_line_column_and_what_was_expected() {
    for (text, place, words) in [
        ("theme = 3", "1:9", "expected a string, not a number"),
        ("theme = \"mauve\"", "1:9", "colour-blind"),
        ("\n  tehme = \"dark\"", "2:3", "no key `tehme`: expected one of theme, glyphs"),
        ("glyphs = \"braille\"", "1:10", "quadrant"),
        ("rungs = 2", "1:9", "expected a number from 3 to 33"),
        ("rungs = 3.5", "1:9", "expected a whole number"),
        ("seed = -1", "1:8", "from 0 on"),
        ("seed = 99999999999999999999", "1:8", "too large"),
        ("path = \"round\"", "1:8", "per-token"),
        ("mouse = \"yes\"", "1:9", "expected true or false, not a string"),
        ("model = \"\"", "1:9", "expected a name"),
        ("log_level = \"loud\"", "1:13", "trace"),
        ("é = 1", "1:1", "TOML"),
        ("mouse = true\nmouse = false", "2:1", "duplicate"),
        ("keys = 3", "1:8", "expected a table"),
        ("[keys]\nhelp = \"f1\"", "2:8", "expected a list of keys"),
        ("[keys]\nhelp = [\"f1\", 3]", "2:15", "expected a list of keys"),
        ("[keys]\nhlep = [\"f1\"]", "2:1", "did you mean `help`"),
        ("[keys]\nhelp = [\"f1\", \"f99\"]", "2:15", "no key `f99`"),
        ("[keys]\nhelp = [\"q\"]", "2:9", "bound to `quit` already"),
        ("[keys]\nquit = [\"f9\"]\nhelp = [\"f1\", \"f9\"]", "3:15", "bound to `quit` already"),
        ("# ü\n\"日本\" = 1", "2:1", "no key `日本`"),
    ] {
        let message = message(text);
        let place = format!("config.toml:{place}: ");
        // The parser's own words for what is no TOML are not ours.
        let words = if words == "TOML" { "" } else { words };
        assert!(message.contains(&place) && message.contains(words), "{text}\n{message}");
    }
    // What a file says reaches the screen as visible text.
    assert!(!message("model = \"\\u001b[31m\"\ntheme = \"\\u001b[31m\"").contains('\u{1b}'));
}

#[test]
fn the_documentation_shows_the_defaults() {
    let page = include_str!("../../../docs/configuration.md");
    let block = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let defaults = Settings::default().to_toml();
    assert_eq!(block, Some(defaults.as_str()), "put `tvae-tui config` into docs/configuration.md");
}

/// The same keys, whatever form the overrides have.
fn keys(settings: &Settings) -> crate::app::Keys {
    crate::app::keys(&settings.explorer.keys).expect("checked")
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(
        theme in prop::option::of(prop::sample::select(ThemeName::ALL.to_vec())),
        glyphs in 0usize..6, model in ".{1,20}", seed in prop::option::of(0..=i64::MAX as u64),
        rungs in 3usize..=33, path in 0usize..5, mouse in any::<bool>(),
        log in prop::option::of("/[^/\0]{1,20}"), level in prop::sample::select(LogLevel::ALL.to_vec()),
        unbound in any::<bool>(),
    ) {
        let settings = Settings {
            model, seed, log: log.map(Into::into), log_level: level,
            explorer: Preferences {
                theme, glyphs: Glyphs::ALL[glyphs].0, rungs, path: crate::latent::Path::ALL[path],
                mouse,
                keys: if unbound { vec![Override { id: "help".into(), keys: vec![] }] } else { vec![] },
            },
        };
        let text = settings.to_toml();
        let mut found = parse(&text).expect("what was printed");
        prop_assert!(keys(&found) == keys(&settings));
        found.explorer.keys.clone_from(&settings.explorer.keys);
        prop_assert_eq!(found, settings);
    }

    #[test]
    fn no_text_panics(text in ".{0,60}", rest in "[a-z\\[\\]\"'= \n0-9\\\\ü]{0,60}") {
        let _ = parse(&text);
        let _ = parse(&rest);
        let _ = parse(&format!("[keys]\n{rest}"));
        let _ = parse(&format!("theme = {rest}"));
    }
}
