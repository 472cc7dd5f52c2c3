//! The tour of the first run: five things to know, each beside what it explains.

use super::commands::Keys;

/// What a step explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The two ends.
    Ends,
    /// The ladder.
    Ladder,
    /// The slider.
    Slider,
    /// The panels.
    Panels,
    /// The last line.
    Hints,
}

/// A step of the tour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TourStep {
    /// Its heading.
    pub title: &'static str,
    /// Its lines, with the names of commands in braces where their keys belong.
    text: &'static [&'static str],
    /// What it explains.
    pub place: Place,
}

/// All steps, in order.
pub const TOUR: [TourStep; 5] = [
    TourStep {
        title: "two ends",
        text: &[
            "The model turns A and B into latents.",
            "{random-ends} draws two others, {type-a} and {type-b} type one,",
            "{pick-a} and {pick-b} pick one from the samples.",
        ],
        place: Place::Ends,
    },
    TourStep {
        title: "the ladder",
        text: &[
            "Every rung is a point of the way from A to",
            "B, decoded: ✓ is valid, ✗ says why not.",
            "{next-path} takes another way, {guided} searches for",
            "valid texts.",
        ],
        place: Place::Ladder,
    },
    TourStep {
        title: "the slider",
        text: &[
            "{slide-left} and {slide-right} go anywhere between the ends",
            "and beyond; the mouse drags. The line above",
            "shows where decodes are valid: {seam-left} and {seam-right}",
            "go to where that flips.",
        ],
        place: Place::Slider,
    },
    TourStep {
        title: "panels",
        text: &[
            "{next-panel} goes through the panels. There, latent",
            "tokens move one by one, and what you keep",
            "is listed. {undo} takes anything back.",
        ],
        place: Place::Panels,
    },
    TourStep {
        title: "more",
        text: &[
            "{help} shows every key, {palette} finds a command by",
            "its name. {bookmark} keeps what you see,",
            "{save-session} saves all of it to a file.",
        ],
        place: Place::Hints,
    },
];

impl TourStep {
    /// Its lines, with the first key of each command that they name.
    #[must_use]
    pub fn lines(&self, keys: &Keys) -> Vec<String> {
        let key = |id: &str| {
            let bound = keys.bindings().find(|(name, _)| *name == id);
            let key = bound.and_then(|(_, keys)| keys.first()).map(ToString::to_string);
            let key = key.map(|key| match key.as_str() {
                "left" => "←".to_owned(),
                "right" => "→".to_owned(),
                _ => key,
            });
            // A command without a key is found by its name.
            key.unwrap_or_else(|| format!("the command {id}"))
        };
        let filled = |line: &str| {
            let mut out = String::new();
            for (i, piece) in line.split(['{', '}']).enumerate() {
                if i % 2 == 0 {
                    out.push_str(piece);
                } else {
                    out.push_str(&key(piece));
                }
            }
            out
        };
        self.text.iter().map(|line| filled(line)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{keys, Override, COMMANDS};

    #[test]
    fn the_tour_names_commands_that_there_are_by_their_keys() {
        let named = TOUR.iter().flat_map(|step| step.text).flat_map(|line| {
            line.split(['{', '}']).enumerate().filter(|(i, _)| i % 2 == 1).map(|(_, name)| name)
        });
        let mut count = 0;
        for name in named {
            assert!(COMMANDS.iter().any(|entry| entry.name == name), "{name}");
            count += 1;
        }
        assert!(count > 10);
        let own = [
            Override { id: "random-ends".into(), keys: vec!["ctrl+r".into()] },
            Override { id: "redo".into(), keys: vec!["U".into()] },
            Override { id: "type-a".into(), keys: Vec::new() },
        ];
        let lines = TOUR[0].lines(&keys(&own).expect("keys"));
        assert_eq!(lines[1], "ctrl+r draws two others, the command type-a and b type one,");
    }
}
