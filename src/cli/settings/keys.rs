//! The keys of the configuration file: what each is for, how it is read and how it is printed.

use toml::de::DeValue;

use super::Settings;
use crate::engine::RUNG_RANGE;
use crate::latent;
use crate::tui::{Glyphs, ThemeName};

/// A key of the file.
pub(super) struct Key {
    /// As it is written.
    pub name: &'static str,
    /// What it is for, in lines of a comment.
    pub help: &'static [&'static str],
    /// Takes a value; the error says what was expected.
    pub set: fn(&mut Settings, &DeValue<'_>) -> Result<(), String>,
    /// The value as TOML, or an example where there is none.
    pub get: fn(&Settings) -> Result<toml::Value, &'static str>,
}

/// All keys but the table `keys`, in the order in which they are printed.
pub(super) const KEYS: [Key; 9] = [
    Key {
        name: "theme",
        help: &[
            "Colours: auto, dark, light, high-contrast, colour-blind or plain (none).",
            "auto is plain under NO_COLOR, light where COLORFGBG tells of a light background, else dark.",
        ],
        set: |s, v| {
            s.explorer.theme = match text(v)? {
                "auto" => None,
                name => Some(name.parse().map_err(|_| {
                    let names = ThemeName::ALL.map(ThemeName::as_str).join(", ");
                    format!("no theme `{name}`: expected auto or one of {names}")
                })?),
            };
            Ok(())
        },
        get: |s| Ok(s.explorer.theme.map_or("auto", ThemeName::as_str).into()),
    },
    Key {
        name: "glyphs",
        help: &[
            "How pictures are drawn: auto, half (2 pixels a cell), quadrant (4), octant (8, needs a font with Unicode 16),",
            "pixels (the terminal's picture protocol) or text (signs only).",
        ],
        set: |s, v| {
            s.explorer.glyphs = text(v)?.parse::<Glyphs>()?;
            Ok(())
        },
        get: |s| Ok(s.explorer.glyphs.to_string().into()),
    },
    Key {
        name: "model",
        help: &["Model that the explorer opens: a bundled one's name or a model folder."],
        set: |s, v| {
            s.model = filled(v)?.to_owned();
            Ok(())
        },
        get: |s| Ok(s.model.clone().into()),
    },
    Key {
        name: "seed",
        help: &["Seed of the explorer's random ends; without it every start draws others."],
        set: |s, v| {
            s.seed = Some(u64::try_from(whole(v)?).map_err(|_| "expected a whole number from 0 on")?);
            Ok(())
        },
        get: |s| s.seed.and_then(|n| i64::try_from(n).ok()).map(Into::into).ok_or("7"),
    },
    Key {
        name: "rungs",
        help: &["Rungs of the explorer's ladder, both ends included: 3 to 33."],
        set: |s, v| {
            let count = usize::try_from(whole(v)?).ok().filter(|n| RUNG_RANGE.contains(n));
            s.explorer.rungs = count.ok_or_else(|| {
                format!("expected a number from {} to {}", RUNG_RANGE.start(), RUNG_RANGE.end())
            })?;
            Ok(())
        },
        get: |s| Ok(i64::try_from(s.explorer.rungs).unwrap_or(i64::MAX).into()),
    },
    Key {
        name: "path",
        help: &["Way between the ends: per-token, even, all, linear, forward or backward."],
        set: |s, v| {
            s.explorer.path = text(v)?.parse::<latent::Path>().map_err(|e| e.to_string())?;
            Ok(())
        },
        get: |s| Ok(s.explorer.path.name().into()),
    },
    Key {
        name: "mouse",
        help: &["Whether the explorer takes the mouse; without, the terminal's own selection works."],
        set: |s, v| {
            s.explorer.mouse = truth(v)?;
            Ok(())
        },
        get: |s| Ok(s.explorer.mouse.into()),
    },
    Key {
        name: "log",
        help: &[
            "File that a log is added to; relative paths start at this file's folder. --log FILE comes before it.",
        ],
        set: |s, v| {
            s.log = Some(filled(v)?.into());
            Ok(())
        },
        get: |s| {
            let file = s.log.as_ref().ok_or("\"tvae-tui.log\"")?;
            Ok(file.to_string_lossy().into_owned().into())
        },
    },
    Key {
        name: "log_level",
        help: &["How much is logged: error, warn, info, debug or trace. --log-level LEVEL comes before it."],
        set: |s, v| {
            s.log_level = text(v)?.parse()?;
            Ok(())
        },
        get: |s| Ok(s.log_level.to_string().into()),
    },
];

fn text<'a>(value: &'a DeValue<'_>) -> Result<&'a str, String> {
    value.as_str().ok_or_else(|| format!("expected a string, not {}", kind(value)))
}

fn filled<'a>(value: &'a DeValue<'_>) -> Result<&'a str, String> {
    match text(value)? {
        "" => Err("expected a name, not an empty string".to_owned()),
        text => Ok(text),
    }
}

fn truth(value: &DeValue<'_>) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("expected true or false, not {}", kind(value)))
}

fn whole(value: &DeValue<'_>) -> Result<i64, String> {
    let number = value
        .as_integer()
        .ok_or_else(|| format!("expected a whole number, not {}", kind(value)))?;
    i64::from_str_radix(number.as_str(), number.radix())
        .map_err(|_| format!("`{number}` is too large"))
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
