use super::*;
use proptest::prelude::*;
use ratatui::style::Modifier;

/// Relative luminance, from 0 to 1 (WCAG 2.2).
fn luminance([r, g, b]: [u8; 3]) -> f64 {
    let linear = |v: u8| {
        let v = f64::from(v) / 255.0;
        if v <= 0.04045 {
            v / 12.92
        } else {
            ((v + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn rgb(colour: Color) -> Option<[u8; 3]> {
    match colour {
        Color::Rgb(r, g, b) => Some([r, g, b]),
        Color::Indexed(index) => Some(depth::indexed(index)),
        _ => None,
    }
}

/// The backgrounds on which a theme has to be readable.
fn backgrounds(name: ThemeName) -> &'static [[u8; 3]] {
    match name {
        ThemeName::Light => &[[255, 255, 255], [246, 246, 244]],
        ThemeName::HighContrast => &[[0, 0, 0]],
        ThemeName::Dark | ThemeName::ColourBlind => &[[0, 0, 0], [30, 30, 46]],
        ThemeName::Plain => &[],
    }
}

#[test]
fn text_is_readable_on_the_backgrounds_that_a_theme_is_for() {
    for name in ThemeName::ALL {
        let mut theme = Theme::new(name, Depth::True);
        let least = if name == ThemeName::HighContrast { 7.0 } else { 4.5 };
        let selected = theme.selected.bg.and_then(rgb);
        // Lines of a frame and the slider's track are no text.
        (theme.border, theme.track) = (Style::new(), Style::new());
        for style in theme.styles_mut() {
            let Some(ink) = style.fg.and_then(rgb) else { continue };
            for &background in backgrounds(name) {
                assert!(contrast(ink, background) >= least, "{name} {style:?} on {background:?}");
            }
            if let Some(background) = selected {
                assert!(contrast(ink, background) >= 3.0, "{name} {style:?} in a selected row");
            }
        }
    }
}

#[test]
fn plain_has_no_colour_and_tells_apart_by_weight() {
    let mut theme = Theme::plain();
    assert!(theme.styles_mut().all(|s| s.fg.is_none() && s.bg.is_none()));
    assert_eq!((theme.heat(1.0), theme.ramp(0.5)), (Color::Reset, Color::Reset));
    assert_ne!(theme.good, theme.bad);
    assert_ne!(theme.end_a, theme.end_b);
    assert!(theme.selected.add_modifier.contains(Modifier::REVERSED));
    for (i, series) in theme.series.iter().enumerate() {
        assert!(!theme.series[..i].contains(series));
    }
}

/// Colours as people without medium (deuteranopia) and without long (protanopia) cones see them; Viénot, Brettel and
/// Mollon 1999, in linear light.
#[test]
fn the_colour_blind_theme_keeps_its_oppositions_without_red_and_green() {
    let seen = |[r, g, b]: [u8; 3], share: f64| {
        let [r, g, b] = [r, g, b].map(|v| (f64::from(v) / 255.0).powf(2.2));
        let rg = share * r + (1.0 - share) * g;
        [rg, rg, b]
    };
    let theme = Theme::new(ThemeName::ColourBlind, Depth::True);
    let mut pairs = vec![
        (theme.good, theme.bad),
        (theme.end_a, theme.end_b),
        (theme.copy, theme.novel),
        (theme.changed, theme.identifier),
    ];
    for (i, a) in theme.series.iter().enumerate() {
        pairs.extend(theme.series[..i].iter().map(|b| (*a, *b)));
    }
    for (a, b) in pairs {
        let colour = |s: Style| s.fg.and_then(rgb).expect("a true colour");
        for share in [0.293, 0.1124] {
            let (a, b) = (seen(colour(a), share), seen(colour(b), share));
            let apart: f64 = (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt();
            assert!(apart > 0.12, "{a:?} {b:?} {apart}");
        }
    }
}

#[test]
fn names_are_found_and_a_wrong_one_lists_them() {
    for name in ThemeName::ALL {
        assert_eq!(Theme::named(name.as_str()).map(|t| t.name), Some(name));
    }
    assert_eq!(Theme::named("solarized"), None);
    let message = "solarized".parse::<ThemeName>().expect_err("none");
    assert!(message.contains("`solarized`") && message.contains("colour-blind"), "{message}");
}

#[test]
fn the_environment_decides_theme_and_depth() {
    let from = |all: &[(&str, &str)]| {
        let all: Vec<(String, String)> =
            all.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let variable =
            move |name: &str| all.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone());
        (ThemeName::detect(&variable), Depth::detect(&variable))
    };
    let xterm = ("TERM", "xterm-256color");
    assert_eq!(from(&[xterm]), (ThemeName::Dark, Depth::Indexed));
    assert_eq!(from(&[xterm, ("COLORTERM", "truecolor")]).1, Depth::True);
    assert_eq!(from(&[("TERM", "xterm-kitty")]).1, Depth::True);
    assert_eq!(from(&[("TERM", "linux")]), (ThemeName::Dark, Depth::Ansi));
    assert_eq!(from(&[xterm, ("NO_COLOR", "1")]).0, ThemeName::Plain);
    assert_eq!(from(&[xterm, ("NO_COLOR", "")]).0, ThemeName::Dark);
    assert_eq!(from(&[("TERM", "dumb")]).0, ThemeName::Plain);
    assert_eq!(from(&[xterm, ("COLORFGBG", "0;default;15")]).0, ThemeName::Light);
    assert_eq!(from(&[xterm, ("COLORFGBG", "15;0")]).0, ThemeName::Dark);
}

#[test]
fn lesser_depths_take_the_nearest_colour() {
    let of = |depth: Depth, rgb: u32| depth.nearest(Color::from_u32(rgb));
    assert_eq!(of(Depth::Indexed, 0xFF_0000), Color::Indexed(196));
    assert_eq!(of(Depth::Indexed, 0x80_8080), Color::Indexed(244));
    assert_eq!(of(Depth::Indexed, 0x00_0000), Color::Indexed(16));
    assert_eq!(of(Depth::Indexed, 0xFF_FFFF), Color::Indexed(231));
    assert_eq!(of(Depth::Ansi, 0xFE_0102), Color::LightRed);
    assert_eq!(Depth::Ansi.nearest(Color::Cyan), Color::Cyan);
    let theme = Theme::new(ThemeName::Dark, Depth::Ansi);
    assert!(rgb(theme.heat(0.7)).is_none() && rgb(theme.ramp(0.7)).is_none());
}

#[test]
fn ramps_start_at_the_background_and_grow_away_from_it() {
    for name in [ThemeName::Dark, ThemeName::Light, ThemeName::HighContrast, ThemeName::ColourBlind]
    {
        let theme = Theme::new(name, Depth::True);
        let background = backgrounds(name)[0];
        let contrast_of = |c: Color| contrast(rgb(c).expect("true"), background);
        for sign in [-1.0f32, 1.0] {
            let heat: Vec<f64> =
                (0..=4).map(|k| contrast_of(theme.heat(sign * k as f32 / 4.0))).collect();
            assert!(heat.windows(2).all(|w| w[0] <= w[1]), "{name} {heat:?}");
        }
        let ramp: Vec<f64> = (0..=4).map(|k| contrast_of(theme.ramp(k as f32 / 4.0))).collect();
        assert!(ramp.windows(2).all(|w| w[0] < w[1]), "{name} {ramp:?}");
        assert_ne!(theme.heat(-1.0), theme.heat(1.0));
    }
}

proptest! {
    #[test]
    fn no_value_is_out_of_range(value in any::<f32>()) {
        for name in ThemeName::ALL {
            let theme = Theme::new(name, Depth::True);
            let bound = if value.is_nan() { 0.0 } else { value.clamp(-1.0, 1.0) };
            prop_assert_eq!(theme.heat(value), theme.heat(bound));
            prop_assert_eq!(theme.ramp(value), theme.ramp(bound.max(0.0)));
        }
    }

    #[test]
    fn a_colour_of_the_256_stays(index in 16u8..=255) {
        let [r, g, b] = depth::indexed(index);
        let found = Depth::Indexed.nearest(Color::Rgb(r, g, b));
        prop_assert_eq!(rgb(found), Some([r, g, b]));
    }
}
