//! What an account wants mailed and when: kinds, preferences, quiet hours.

use jiff::tz::TimeZone;

use crate::clock::Timestamp;

/// Minutes of a day that no change of the clock lengthens or shortens.
pub const MINUTES_PER_DAY: u16 = 24 * 60;

const MILLIS_PER_MINUTE: i64 = 60_000;
const MILLIS_PER_DAY: i64 = MINUTES_PER_DAY as i64 * MILLIS_PER_MINUTE;

/// A kind of mail that one can unsubscribe from.
///
/// Mail that somebody asked for just now (a link to confirm an address or to set a new password) is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MailKind {
    /// Mentions and replies, one by one or in a digest.
    Mention,
    /// Requests to follow a locked account.
    FollowRequest,
    /// Sign-ups that wait for approval; sent to moderators.
    SignUp,
    /// Warnings about new log-ins.
    LogIn,
}

impl MailKind {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 4] = [
        Self::Mention,
        Self::FollowRequest,
        Self::SignUp,
        Self::LogIn,
    ];

    /// The name in signed links, forms and the store. It never changes: links in old mail hold it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mention => "mention",
            Self::FollowRequest => "follow_request",
            Self::SignUp => "sign_up",
            Self::LogIn => "log_in",
        }
    }

    /// The kind of this [name](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What people read: completes "mail about ...".
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Mention => "mentions and replies",
            Self::FollowRequest => "requests to follow you",
            Self::SignUp => "sign-ups that wait for approval",
            Self::LogIn => "new log-ins",
        }
    }
}

/// When mentions and replies are mailed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MentionMail {
    /// One mail for each, as soon as it happens.
    #[default]
    AtOnce,
    /// One mail a day for all of them.
    Daily,
    /// Never.
    Off,
}

impl MentionMail {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::AtOnce, Self::Daily, Self::Off];

    /// The name in forms and the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AtOnce => "at_once",
            Self::Daily => "daily",
            Self::Off => "off",
        }
    }

    /// The choice of this [name](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.name() == name)
    }

    /// What people read in a list of choices.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::AtOnce => "At once",
            Self::Daily => "Once a day, together",
            Self::Off => "Never",
        }
    }
}

/// What one account wants mailed, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailPreferences {
    /// Mentions and replies.
    pub mentions: MentionMail,
    /// Whether requests to follow are mailed.
    pub follow_requests: bool,
    /// Whether sign-ups that wait for approval are mailed, to those who may approve.
    pub sign_ups: bool,
    /// Whether new log-ins are mailed.
    pub log_ins: bool,
    /// When nothing but what was asked for is mailed.
    pub quiet: Option<QuietHours>,
    /// The account's time zone (IANA name); `None` for the instance's.
    pub time_zone: Option<String>,
}

impl Default for MailPreferences {
    fn default() -> Self {
        Self {
            mentions: MentionMail::AtOnce,
            follow_requests: true,
            sign_ups: true,
            log_ins: true,
            quiet: None,
            time_zone: None,
        }
    }
}

impl MailPreferences {
    /// Whether mail of this kind is wanted at all.
    #[must_use]
    pub fn wants(&self, kind: MailKind) -> bool {
        match kind {
            MailKind::Mention => self.mentions != MentionMail::Off,
            MailKind::FollowRequest => self.follow_requests,
            MailKind::SignUp => self.sign_ups,
            MailKind::LogIn => self.log_ins,
        }
    }

    /// Turns mail of this kind off and leaves the rest as it is.
    pub fn unsubscribe(&mut self, kind: MailKind) {
        match kind {
            MailKind::Mention => self.mentions = MentionMail::Off,
            MailKind::FollowRequest => self.follow_requests = false,
            MailKind::SignUp => self.sign_ups = false,
            MailKind::LogIn => self.log_ins = false,
        }
    }
}

/// What is wrong with preferences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MailPreferencesFault {
    /// A minute beyond the day.
    #[error("Enter the quiet hours as times of a day")]
    NoTimeOfDay,
    /// Quiet hours that begin when they end.
    #[error("Quiet hours must end at another time than they begin")]
    EmptyQuietHours,
    /// A time zone that isn't known.
    #[error("This is no time zone; write it as Europe/Berlin")]
    UnknownTimeZone,
}

impl MailPreferences {
    /// The preferences as they are kept: the time zone under its own name.
    ///
    /// # Errors
    /// Quiet hours that are none, or a time zone that isn't known.
    pub fn cleaned(mut self) -> Result<Self, MailPreferencesFault> {
        if let Some(quiet) = self.quiet {
            if quiet.from_minute.max(quiet.until_minute) >= MINUTES_PER_DAY {
                return Err(MailPreferencesFault::NoTimeOfDay);
            }
            if quiet.from_minute == quiet.until_minute {
                return Err(MailPreferencesFault::EmptyQuietHours);
            }
        }
        self.time_zone = match self.time_zone.as_deref().map(str::trim) {
            None | Some("") => None,
            Some(name) => {
                let zone = TimeZone::get(name).ok();
                let name = zone.as_ref().and_then(TimeZone::iana_name);
                Some(
                    name.ok_or(MailPreferencesFault::UnknownTimeZone)?
                        .to_owned(),
                )
            }
        };
        Ok(self)
    }
}

/// A part of every day in which an account wants no mail.
///
/// A moment is quiet when the clock on the wall shows a quiet time then, so an hour that a change of the clock repeats
/// is quiet twice, and one that it skips isn't quiet at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct QuietHours {
    /// The first quiet minute of the day, below [`MINUTES_PER_DAY`].
    pub from_minute: u16,
    /// The first minute that is quiet no more, below [`MINUTES_PER_DAY`]. Before `from_minute` the quiet time spans
    /// midnight; equal to it there is none.
    pub until_minute: u16,
}

impl QuietHours {
    /// The end of the quiet time that `now` falls in: the first later moment that isn't quiet. `None` when `now` isn't
    /// quiet.
    ///
    /// That is at most 25 hours away, unless hardly an hour of the day isn't quiet and a change of the clock skips just
    /// that.
    #[must_use]
    pub fn quiet_until(self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut end = self.end_by_steady_clock(now, now.utc_offset_millis(zone))?;
        // Between two changes the clock on the wall runs steadily; at each it jumps, into the quiet time or out of it.
        for change in now.clock_changes(zone) {
            if end < change {
                break;
            }
            match self.end_by_steady_clock(change, change.utc_offset_millis(zone)) {
                Some(later) => end = later,
                None => return Some(change),
            }
        }
        Some(end)
    }

    /// The end of the quiet time that `now` falls in, if the clock kept its offset from UTC.
    fn end_by_steady_clock(self, now: Timestamp, offset_millis: i64) -> Option<Timestamp> {
        let from = i64::from(self.from_minute) * MILLIS_PER_MINUTE;
        let until = i64::from(self.until_minute) * MILLIS_PER_MINUTE;
        let length = (until - from).rem_euclid(MILLIS_PER_DAY);
        let local = now.millis().saturating_add(offset_millis);
        let since_start = (local - from).rem_euclid(MILLIS_PER_DAY);
        (since_start < length).then(|| now.plus_millis(length - since_start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Zones with changes of one hour, of half an hour, of none, south of the equator, and around midnight.
    const ZONES: [&str; 7] = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Australia/Sydney",
        "Asia/Kolkata",
        "Africa/Cairo",
    ];

    const MILLIS_PER_HOUR: i64 = 60 * MILLIS_PER_MINUTE;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).expect(name)
    }

    fn at(text: &str, zone: &TimeZone) -> Timestamp {
        let local: jiff::civil::DateTime = text.parse().expect(text);
        let moment = local.to_zoned(zone.clone()).expect(text);
        Timestamp::from_millis(moment.timestamp().as_millisecond())
    }

    const fn hours(from_hour: u16, until_hour: u16) -> QuietHours {
        QuietHours {
            from_minute: from_hour * 60,
            until_minute: until_hour * 60,
        }
    }

    /// Whether a moment is quiet, by the clock on the wall.
    fn is_quiet(quiet: QuietHours, moment: Timestamp, zone: &TimeZone) -> bool {
        let wall = moment.in_zone(zone.clone());
        let minute = u16::try_from(i32::from(wall.hour()) * 60 + i32::from(wall.minute()))
            .expect("a minute of the day");
        if quiet.from_minute <= quiet.until_minute {
            (quiet.from_minute..quiet.until_minute).contains(&minute)
        } else {
            minute >= quiet.from_minute || minute < quiet.until_minute
        }
    }

    #[test]
    fn names_lead_back() {
        for kind in MailKind::ALL {
            assert_eq!(MailKind::from_name(kind.name()), Some(kind));
        }
        for choice in MentionMail::ALL {
            assert_eq!(MentionMail::from_name(choice.name()), Some(choice));
        }
        assert_eq!(MailKind::from_name("digest"), None);
        assert_eq!(MentionMail::from_name(""), None);
    }

    #[test]
    fn everything_is_on_until_one_unsubscribes_from_just_that() {
        for kind in MailKind::ALL {
            let mut preferences = MailPreferences::default();
            assert!(preferences.wants(kind));
            preferences.unsubscribe(kind);
            for other in MailKind::ALL {
                assert_eq!(preferences.wants(other), other != kind);
            }
        }
    }

    #[test]
    fn nights_end_in_the_morning() {
        let berlin = zone("Europe/Berlin");
        let night = hours(22, 7);
        for (now, end) in [
            ("2026-11-22T21:59", None),
            ("2026-11-22T22:00", Some("2026-11-23T07:00")),
            ("2026-11-23T06:59", Some("2026-11-23T07:00")),
            ("2026-11-23T07:00", None),
        ] {
            let end = end.map(|end| at(end, &berlin));
            assert_eq!(night.quiet_until(at(now, &berlin), &berlin), end, "{now}");
        }
        let noon = at("2026-11-22T12:00", &berlin);
        assert_eq!(hours(12, 12).quiet_until(noon, &berlin), None);
        assert_eq!(
            hours(12, 11).quiet_until(noon, &berlin),
            Some(at("2026-11-23T11:00", &berlin))
        );
    }

    #[test]
    fn changes_of_the_clock_move_the_end() {
        let berlin = zone("Europe/Berlin");
        // At 2:00 the clock jumps to 3:00.
        let before = at("2026-03-29T01:00", &berlin);
        let jump = before.plus_millis(MILLIS_PER_HOUR);
        let half_past_two = QuietHours {
            from_minute: 0,
            until_minute: 150,
        };
        assert_eq!(half_past_two.quiet_until(before, &berlin), Some(jump));
        assert_eq!(
            hours(22, 7).quiet_until(before, &berlin),
            Some(before.plus_millis(5 * MILLIS_PER_HOUR))
        );
        // At 3:00 it goes back to 2:00, so half past two comes twice.
        let first = at("2026-10-25T02:10", &berlin);
        let minutes = |count| count * MILLIS_PER_MINUTE;
        assert_eq!(
            half_past_two.quiet_until(first, &berlin),
            Some(first.plus_millis(minutes(20)))
        );
        assert_eq!(
            half_past_two.quiet_until(first.plus_millis(minutes(30)), &berlin),
            None
        );
        assert_eq!(
            half_past_two.quiet_until(first.plus_millis(minutes(60)), &berlin),
            Some(first.plus_millis(minutes(80)))
        );
        // Who is quiet until three is quiet until the second three: the first shows two again.
        assert_eq!(
            hours(22, 3).quiet_until(first, &berlin),
            Some(first.plus_millis(minutes(110)))
        );
    }

    proptest! {
        /// Against the clock on the wall, minute by minute, in the days around a change of it.
        #[test]
        fn the_end_is_the_first_moment_that_is_not_quiet(
            zone_index in 0..ZONES.len(),
            year in 2020..2040_i64,
            change in 0..2_usize,
            minutes_before in -1_500..1_500_i64,
            from_minute in 0..MINUTES_PER_DAY,
            until_minute in 0..MINUTES_PER_DAY,
        ) {
            let zone = zone(ZONES[zone_index]);
            let january = at(&format!("{year}-01-01T00:00"), &zone);
            let around = january.clock_changes(&zone).nth(change).unwrap_or(january);
            let now = around.plus_millis(-minutes_before * MILLIS_PER_MINUTE);
            let quiet = QuietHours { from_minute, until_minute };
            let end = quiet.quiet_until(now, &zone);
            prop_assert_eq!(end.is_some(), is_quiet(quiet, now, &zone));
            if let Some(end) = end {
                prop_assert!(end > now);
                prop_assert!(!is_quiet(quiet, end, &zone));
                let length = (until_minute + MINUTES_PER_DAY - from_minute) % MINUTES_PER_DAY;
                let leaves_two_hours = length <= MINUTES_PER_DAY - 120;
                let hours_max = if leaves_two_hours { 25 } else { 49 };
                prop_assert!(end <= now.plus_millis(hours_max * MILLIS_PER_HOUR));
                let mut moment = now;
                while moment < end {
                    prop_assert!(is_quiet(quiet, moment, &zone), "{moment} comes before {end}");
                    moment = moment.plus_millis(MILLIS_PER_MINUTE);
                }
            }
        }
    }
}
