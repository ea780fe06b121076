//! Numbers for people.

/// Thousands are kept apart by a narrow space that doesn't break.
const GROUPS_APART: char = '\u{202f}';

/// Every digit: `12 345`.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    if number < 0 {
        out.push('−');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(GROUPS_APART);
        }
        out.push(digit);
    }
    out
}

/// So many digits as an axis has room for: `999`, `1.2k`, `35k`, `4.0M`.
pub fn short(number: i64) -> String {
    scaled(number, &["", "k", "M", "G", "T", "P", "E"])
}

/// A size: `512 B`, `1.2 kB`, `35 MB`.
pub fn bytes(number: i64) -> String {
    const UNITS: [&str; 7] = [" B", " kB", " MB", " GB", " TB", " PB", " EB"];
    scaled(number, &UNITS)
}

/// A length of time in milliseconds: `0.08 ms`, `1.2 ms`, `850 ms`, `2.4 s`.
pub fn millis(millis: f64) -> String {
    match millis {
        ..0.1 => format!("{:.2} ms", millis.max(0.0)),
        ..9.95 => format!("{millis:.1} ms"),
        ..999.5 => format!("{millis:.0} ms"),
        ..9_950.0 => format!("{:.1} s", millis / 1000.0),
        _ => format!("{:.0} s", millis / 1000.0),
    }
}

/// A length of time that is known in microseconds.
pub fn millis_of(micros: u64) -> String {
    millis(micros as f64 / 1000.0)
}

/// How long something has lasted, in its two largest units: `42 s`, `12 min 5 s`, `3 h 4 min`, `8 d 1 h`.
pub fn lasting(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let first = UNITS.iter().position(|(unit, _)| seconds >= *unit);
    let first = first.unwrap_or(UNITS.len() - 1);
    let (unit, name) = UNITS[first];
    let whole = format!("{} {name}", seconds / unit);
    match UNITS.get(first + 1) {
        Some((smaller, name)) if seconds % unit >= *smaller => {
            format!("{whole} {} {name}", seconds % unit / smaller)
        }
        _ => whole,
    }
}

/// A count as a number that may be negative, as which these functions take it.
pub fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A number below 1000 in the largest unit, with a tenth below ten; rounded down.
fn scaled(number: i64, units: &[&str]) -> String {
    const STEP: u64 = 1000;
    let sign = if number < 0 { "−" } else { "" };
    let number = number.unsigned_abs();
    let (mut whole, mut rest, mut unit) = (number, 0, 0);
    while whole >= STEP && unit + 1 < units.len() {
        rest = whole % STEP;
        whole /= STEP;
        unit += 1;
    }
    let name = units.get(unit).copied().unwrap_or_default();
    if unit > 0 && whole < 10 {
        let tenth = rest * 10 / STEP;
        format!("{sign}{whole}.{tenth}{name}")
    } else {
        format!("{sign}{whole}{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_told_in_units_that_fit() {
        for (millis, told) in [
            (0.0, "0.00 ms"),
            (0.08, "0.08 ms"),
            (1.25, "1.2 ms"),
            (9.96, "10 ms"),
            (850.4, "850 ms"),
            (999.6, "1.0 s"),
            (2_430.0, "2.4 s"),
            (61_000.0, "61 s"),
        ] {
            assert_eq!(super::millis(millis), told);
        }
        for (seconds, told) in [
            (0, "0 s"),
            (42, "42 s"),
            (60, "1 min"),
            (725, "12 min 5 s"),
            (3 * 3600 + 59, "3 h"),
            (3 * 3600 + 240, "3 h 4 min"),
            (8 * 86_400 + 3700, "8 d 1 h"),
        ] {
            assert_eq!(lasting(seconds), told);
        }
    }

    #[test]
    fn numbers_are_short_or_whole() {
        for (number, long, brief) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (1000, "1\u{202f}000", "1.0k"),
            (12_345, "12\u{202f}345", "12k"),
            (9_999, "9\u{202f}999", "9.9k"),
            (1_234_567, "1\u{202f}234\u{202f}567", "1.2M"),
            (-1200, "−1\u{202f}200", "−1.2k"),
        ] {
            assert_eq!(grouped(number), long);
            assert_eq!(short(number), brief);
        }
        assert_eq!(short(i64::MAX), "9.2E");
        assert_eq!(short(i64::MIN), "−9.2E");
    }

    #[test]
    fn sizes_have_units() {
        for (number, wanted) in [
            (0, "0 B"),
            (999, "999 B"),
            (1023, "1.0 kB"),
            (1536, "1.5 kB"),
            (35_900_000, "35 MB"),
            (i64::MAX, "9.2 EB"),
        ] {
            assert_eq!(bytes(number), wanted);
        }
    }
}
