//! Colours, in one place: what things mean, and how each theme shows it. Nothing is told by colour alone.

pub(in crate::tui) mod depth;
mod palettes;
mod ramps;

use ratatui::style::{Color, Modifier, Style};

pub use depth::Depth;

/// The styles of the explorer, named by what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// Which theme this is.
    pub name: ThemeName,
    /// Colours that it may use.
    pub depth: Depth,
    /// Names and headings.
    pub title: Style,
    /// What stands back: ratios, hints, text that is still coming.
    pub dim: Style,
    /// Valid.
    pub good: Style,
    /// Invalid, and errors.
    pub bad: Style,
    /// What needs a look but is no error.
    pub warning: Style,
    /// What changed since the rung above.
    pub changed: Style,
    /// The rung at the slider, and what is chosen elsewhere.
    pub chosen: Style,
    /// The whole row under a list's cursor.
    pub selected: Style,
    /// Keys in hints and help.
    pub key: Style,
    /// A rung that repeats an end.
    pub copy: Style,
    /// A rung that is not among the texts trained on.
    pub novel: Style,
    /// Frames of panels.
    pub border: Style,
    /// The frame of the panel that has the keys.
    pub border_focused: Style,
    /// The slider's line.
    pub track: Style,
    /// The slider's handle.
    pub handle: Style,
    /// End A, and what is nearer to it.
    pub end_a: Style,
    /// End B, and what is nearer to it.
    pub end_b: Style,
    /// Lines of a chart, in their order.
    pub series: [Style; 4],
    /// Words of the language.
    pub keyword: Style,
    /// Quoted text.
    pub string: Style,
    /// Numbers.
    pub number: Style,
    /// Names.
    pub identifier: Style,
    /// Operators and brackets.
    pub operator: Style,
    /// Comments.
    pub comment: Style,
}

/// The themes that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThemeName {
    /// Soft colours on a dark background.
    Dark,
    /// Deep colours on a light background.
    Light,
    /// Few, strong colours on black.
    HighContrast,
    /// The colours of Okabe and Ito, which differ for every kind of colour vision, on a dark background.
    ColourBlind,
    /// No colours: weight, underline and reverse.
    Plain,
}

impl ThemeName {
    /// Every theme, the default first.
    pub const ALL: [Self; 5] =
        [Self::Dark, Self::Light, Self::HighContrast, Self::ColourBlind, Self::Plain];

    /// The name as people write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::ColourBlind => "colour-blind",
            Self::Plain => "plain",
        }
    }

    /// The one behind it; the first behind the last.
    #[must_use]
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|name| *name == self).unwrap_or(0);
        Self::ALL[(at + 1) % Self::ALL.len()]
    }

    /// The theme that the environment asks for: `plain` under `NO_COLOR` (no-color.org) and on terminals that
    /// have no colours, `light` where `COLORFGBG` tells of a light background, else `dark`.
    #[must_use]
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let term = variable("TERM").unwrap_or_default();
        if variable("NO_COLOR").is_some_and(|v| !v.is_empty())
            || ["dumb", "vt100"].contains(&&*term)
        {
            return Self::Plain;
        }
        let background = variable("COLORFGBG").and_then(|v| Some(v.rsplit_once(';')?.1.to_owned()));
        match background.as_deref() {
            Some("7" | "15") => Self::Light,
            _ => Self::Dark,
        }
    }
}

impl std::fmt::Display for ThemeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for ThemeName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|t| t.as_str() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|t| t.as_str()).collect();
            format!("no theme `{name}`: expected one of {}", names.join(", "))
        })
    }
}

impl Theme {
    /// A theme in colours that a terminal of this depth has.
    #[must_use]
    pub fn new(name: ThemeName, depth: Depth) -> Self {
        palettes::palette(name).at_depth(depth)
    }

    /// The theme of this name, in true colours.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        name.parse().ok().map(|name| Self::new(name, Depth::True))
    }

    /// The theme and the depth that the process's environment asks for.
    #[must_use]
    pub fn from_environment() -> Self {
        let variable = |name: &str| std::env::var(name).ok();
        Self::new(ThemeName::detect(variable), Depth::detect(variable))
    }

    /// Without colours.
    #[must_use]
    pub fn plain() -> Self {
        palettes::palette(ThemeName::Plain)
    }

    /// Colour of a signed value: −1 is strongly negative, 0 stands back, 1 is strongly positive. Values outside are
    /// taken as the nearer bound, no number as 0. Without colours it is the terminal's own.
    #[must_use]
    pub fn heat(&self, value: f32) -> Color {
        self.depth.nearest(ramps::diverging(self.name, value))
    }

    /// Colour of an amount: 0 is nothing and close to the background, 1 is all. Bounds as with [`Theme::heat`].
    #[must_use]
    pub fn ramp(&self, share: f32) -> Color {
        self.depth.nearest(ramps::sequential(self.name, share))
    }

    /// The same theme in the colours that a terminal of this depth has.
    #[must_use]
    pub fn at_depth(mut self, depth: Depth) -> Self {
        self.depth = depth;
        for style in self.styles_mut() {
            style.fg = style.fg.map(|c| depth.nearest(c));
            style.bg = style.bg.map(|c| depth.nearest(c));
        }
        self
    }

    /// The colour of a label, the same wherever it stands. A few labels share one: it helps the eye to find those that are alike
    /// and says nothing that the label beside it does not.
    #[must_use]
    pub fn label(&self, label: &str) -> Style {
        let [one, two, three, four] = self.series;
        let colours = [one, two, three, four, self.string, self.number, self.keyword, self.novel];
        // FNV-1a.
        let hash = label
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        Style { add_modifier: Modifier::empty(), ..colours[hash as usize % colours.len()] }
    }

    fn styles_mut(&mut self) -> impl Iterator<Item = &mut Style> {
        let Self {
            name: _,
            depth: _,
            title,
            dim,
            good,
            bad,
            warning,
            changed,
            chosen,
            selected,
            key,
            copy,
            novel,
            border,
            border_focused,
            track,
            handle,
            end_a,
            end_b,
            series,
            keyword,
            string,
            number,
            identifier,
            operator,
            comment,
        } = self;
        [
            title,
            dim,
            good,
            bad,
            warning,
            changed,
            chosen,
            selected,
            key,
            copy,
            novel,
            border,
            border_focused,
            track,
            handle,
            end_a,
            end_b,
            keyword,
            string,
            number,
            identifier,
            operator,
            comment,
        ]
        .into_iter()
        .chain(series)
    }
}

#[cfg(test)]
mod tests;
