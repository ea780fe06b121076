//! Moments that come again and again, as crontab writes them.

use std::fmt;
use std::str::FromStr;

use cronexpr::{Crontab, MakeTimestamp};
use jiff::tz::TimeZone;

use crate::clock::Timestamp;

/// A cron expression of five fields: minute, hour, day of the month, month, day of the week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronExpression(String);

/// The text is no cron expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not a cron expression such as \"5 4 * * *\" (minute, hour, day of the month, month, day of the week)"
)]
pub struct CronExpressionError;

impl CronExpression {
    /// A constant of the program.
    pub(super) fn of(text: &'static str) -> Self {
        text.parse().expect("the defaults are cron expressions")
    }

    /// The expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first moment after `now`, by the clocks of a time zone; `None` when there is none, as for the 30th of
    /// February.
    #[must_use]
    pub fn next_after(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let crontab = in_zone(&self.0, zone.iana_name()).ok()?;
        let now = MakeTimestamp::from_millisecond(now.millis()).ok()?;
        let next = crontab.find_next(now).ok()?;
        Some(Timestamp::from_millis(next.timestamp().as_millisecond()))
    }
}

fn in_zone(text: &str, zone: Option<&str>) -> Result<Crontab, cronexpr::Error> {
    let zone = zone.unwrap_or("UTC");
    cronexpr::parse_crontab(&format!("{text} {zone}"))
}

impl FromStr for CronExpression {
    type Err = CronExpressionError;

    fn from_str(text: &str) -> Result<Self, CronExpressionError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let text = fields.join(" ");
        if fields.len() != 5 || in_zone(&text, None).is_err() {
            return Err(CronExpressionError);
        }
        Ok(Self(text))
    }
}

impl fmt::Display for CronExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expression: &str, now: &str, zone: &str) -> Option<String> {
        let now: jiff::Timestamp = now.parse().expect("a moment");
        let zone = TimeZone::get(zone).expect("a zone");
        let expression: CronExpression = expression.parse().expect("an expression");
        let next = expression.next_after(Timestamp::from_millis(now.as_millisecond()), &zone);
        next.map(|next| next.to_string())
    }

    #[test]
    fn the_next_moment_is_by_the_clock_on_the_wall() {
        assert_eq!(
            next("5 4 * * *", "2026-11-22T03:00:00Z", "Europe/Berlin").as_deref(),
            Some("2026-11-22T03:05:00.000Z")
        );
        // The night in which clocks skip from two to three.
        assert_eq!(
            next("0 8 * * *", "2026-03-28T12:00:00Z", "Europe/Berlin").as_deref(),
            Some("2026-03-29T06:00:00.000Z")
        );
        assert_eq!(next("0 0 30 2 *", "2026-03-28T12:00:00Z", "UTC"), None);
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for text in [
            "",
            "*",
            "* * * * * *",
            "61 * * * *",
            "* * * * * UTC",
            "@daily",
        ] {
            assert!(text.parse::<CronExpression>().is_err(), "{text:?}");
        }
        let spaced: CronExpression = "  5   4 * *  1-5 ".parse().expect("an expression");
        assert_eq!(spaced.as_str(), "5 4 * * 1-5");
    }
}
