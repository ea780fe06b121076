//! From when to when a certificate is good, read out of its DER (RFC 5280, section 4.1).
//!
//! Only as much is parsed as stands before that: renewing in time needs nothing else.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::clock::Timestamp;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The version of a certificate, which those of version 1 leave out.
const VERSION: u8 = 0xa0;

/// From when to when a certificate is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub not_before: Timestamp,
    /// The last second.
    pub not_after: Timestamp,
}

impl Validity {
    /// Of a certificate in DER; `None` when it isn't one.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let (whole, _) = element(certificate, SEQUENCE)?;
        let (to_be_signed, _) = element(whole, SEQUENCE)?;
        let rest = match element(to_be_signed, VERSION) {
            Some((_, rest)) => rest,
            None => to_be_signed,
        };
        let (_serial, rest) = element(rest, INTEGER)?;
        let (_algorithm, rest) = element(rest, SEQUENCE)?;
        let (_issuer, rest) = element(rest, SEQUENCE)?;
        let (validity, _) = element(rest, SEQUENCE)?;
        let (not_before, rest) = time(validity)?;
        let (not_after, _) = time(rest)?;
        Some(Self {
            not_before,
            not_after,
        })
    }

    /// When it is to be exchanged: after two thirds of its life.
    #[must_use]
    pub fn renewal_due(&self) -> Timestamp {
        let life = self.not_after.millis() - self.not_before.millis();
        self.not_after.plus_millis(-(life / 3))
    }
}

/// The content of the element with this tag that the bytes begin with, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    if *found != tag {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        // So many bytes of length follow; four gigabytes are enough.
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = digits
                .iter()
                .fold(0_usize, |length, digit| (length << 8) | usize::from(*digit));
            (length, rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// `YYMMDDHHMMSSZ`, or the same with four digits of the year.
fn time(bytes: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (text, rest, century_digits) = match element(bytes, UTC_TIME) {
        Some((text, rest)) => (text, rest, 0),
        None => {
            let (text, rest) = element(bytes, GENERALIZED_TIME)?;
            (text, rest, 2)
        }
    };
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let is_whole = text.len() == century_digits + 12 && text.bytes().all(|b| b.is_ascii_digit());
    if !is_whole {
        return None;
    }
    let (year, fields) = text.split_at(century_digits + 2);
    let year: i16 = year.parse().ok()?;
    let year = match century_digits {
        // Section 4.1.2.5.1: 50 to 99 are the last century.
        0 if year >= 50 => year + 1900,
        0 => year + 2000,
        _ => year,
    };
    let field = |index: usize| fields.get(index * 2..index * 2 + 2)?.parse::<i8>().ok();
    let date = Date::new(year, field(0)?, field(1)?).ok()?;
    if field(2)? > 23 || field(3)? > 59 || field(4)? > 59 {
        return None;
    }
    let moment = date
        .at(field(2)?, field(3)?, field(4)?, 0)
        .to_zoned(TimeZone::UTC)
        .ok()?
        .timestamp();
    Some((Timestamp::from_millis(moment.as_millisecond()), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(from: (i32, u8, u8), to: (i32, u8, u8)) -> Vec<u8> {
        let mut params = CertificateParams::new(["example.org".to_owned()]).expect("a name");
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(to.0, to.1, to.2);
        let key = KeyPair::generate().expect("a key");
        params
            .self_signed(&key)
            .expect("a certificate")
            .der()
            .to_vec()
    }

    #[test]
    fn both_ways_to_write_a_time_are_read() {
        for (from, to, dates) in [
            ((2026, 1, 31), (2026, 5, 1), ("2026-01-31", "2026-05-01")),
            ((1999, 12, 31), (2049, 12, 31), ("1999-12-31", "2049-12-31")),
            ((2026, 1, 1), (2050, 1, 1), ("2026-01-01", "2050-01-01")),
        ] {
            let validity = Validity::of(&certificate(from, to)).expect("a certificate");
            let found = (validity.not_before.date(), validity.not_after.date());
            assert_eq!((found.0.as_str(), found.1.as_str()), dates);
        }
    }

    #[test]
    fn two_thirds_of_a_life_are_used() {
        let validity = Validity {
            not_before: Timestamp::from_millis(0),
            not_after: Timestamp::from_millis(90),
        };
        assert_eq!(validity.renewal_due(), Timestamp::from_millis(60));
    }

    proptest! {
        #[test]
        fn whatever_is_damaged_is_no_panic(
            at in 0_usize..400, byte: u8, end in 0_usize..400, noise: Vec<u8>,
        ) {
            let mut der = certificate((2026, 1, 1), (2026, 4, 1));
            let length = der.len();
            prop_assert_eq!(Validity::of(&der[..end.min(length - 1)]), None);
            der[at % length] = byte;
            let _ = Validity::of(&der);
            let _ = Validity::of(&noise);
        }
    }
}
