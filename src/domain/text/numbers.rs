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
