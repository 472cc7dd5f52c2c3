//! Amounts as people read them: counts, bytes, shares, spans of time, days.

/// A count in thousands, millions or milliards where it is large: `950`, `12.3 k`, `4.5 M`.
#[must_use]
pub fn count(n: u64) -> String {
    scaled(n, 1000.0, &["", " k", " M", " G", " T"])
}

/// Bytes, in powers of ten: `512 B`, `9.1 MB`.
#[must_use]
pub fn bytes(n: u64) -> String {
    scaled(n, 1000.0, &[" B", " kB", " MB", " GB", " TB"])
}

fn scaled(n: u64, by: f64, units: &[&str]) -> String {
    let (mut value, mut unit) = (n as f64, 0);
    // What would be rounded to 1000 belongs to the next unit.
    while value >= by - if unit == 0 { 0.0 } else { 0.5 } && unit + 1 < units.len() {
        value /= by;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 99.95);
    format!("{value:.digits$}{}", units[unit])
}

/// A share in [0, 1] in percent: `65.4 %`.
#[must_use]
pub fn share(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Seconds in the largest unit that tells them well: `45 s`, `64 min`, `2.5 h`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 99.5 => format!("{s:.0} s"),
        s if s < 99.5 * 60.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// The day of a moment in seconds since 1970, in UTC: `2026-11-25`. After H. Hinnant, "chrono-compatible low-level date
/// algorithms".
#[must_use]
pub fn date(seconds: u64) -> String {
    // Days since 0000-03-01, in eras of 400 years, so that the leap day ends a year.
    let days = seconds / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + 400 * era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_as_people_read_them() {
        let of = |n| (count(n), bytes(n));
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(of(0), pair("0", "0 B"));
        assert_eq!(of(999), pair("999", "999 B"));
        assert_eq!(of(1000), pair("1.0 k", "1.0 kB"));
        assert_eq!(of(99_960), pair("100 k", "100 kB"));
        assert_eq!(of(999_960), pair("1.0 M", "1.0 MB"));
        assert_eq!(of(4_503_136), pair("4.5 M", "4.5 MB"));
        assert_eq!(of(u64::MAX).0, "18446744 T");
        assert_eq!((share(0.6541), share(1.0)), ("65.4 %".to_owned(), "100.0 %".to_owned()));
        let spans = [0.4, 99.0, 3840.0, 9000.0].map(duration);
        assert_eq!(spans, ["0 s", "99 s", "64 min", "2.5 h"]);
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        let known = [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_735_689_599, "2024-12-31"),
            (1_735_689_600, "2025-01-01"),
            (4_107_542_400, "2100-03-01"),
        ];
        for (seconds, day) in known {
            assert_eq!(date(seconds), day);
        }
    }
}
