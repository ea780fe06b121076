//! Daily statistics: the figures of a day, and who may see which of them.
//!
//! What counts: an act (a post, a boost, a favourite, a follow) counts on the day it was made, while it stands and while
//! whoever did it is visible. So every figure follows from what is stored now, and can be computed again at any time.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::{self, Timestamp};
use crate::domain::account::Role;
use crate::ids::AccountId;

/// A day with fewer active accounts than this tells strangers nothing about single people.
pub const FEW_ACCOUNTS: i64 = 3;
/// The most tags, languages or clients that are kept of a day.
pub const SHARES_PER_DAY_MAX: usize = 20;
/// A tag is named from so many authors on: one alone would be a statement about a person.
pub const AUTHORS_PER_TAG_MIN: i64 = 2;
/// How long the figures of single accounts are kept, in days. The instance's stay.
pub const ACCOUNT_DAYS_KEPT: i32 = 400;
/// How many days, its own included, a day's weekly figure looks at.
pub const WEEK_DAYS: i32 = 7;
/// How many days, its own included, a day's monthly figure looks at.
pub const MONTH_DAYS: i32 = 30;
/// A day is closed only so long after its end, in milliseconds: a clock that is put back a little does no harm.
pub const CLOSING_MILLIS: i64 = 15 * 60 * 1000;

/// A date of the instance's calendar: days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// The day that a moment belongs to.
    pub fn of(moment: Timestamp, zone: &TimeZone) -> Self {
        Self(moment.day_in(zone))
    }

    /// From midnight to the next midnight, which isn't part of it: 23, 24 or 25 hours, none at all for a day that a zone
    /// left out.
    pub fn bounds(self, zone: &TimeZone) -> (Timestamp, Timestamp) {
        (
            Timestamp::midnight(self.0, zone),
            Timestamp::midnight(self.0.saturating_add(1), zone),
        )
    }

    /// This date moved by `days`, which may be negative.
    #[must_use]
    pub const fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// The Monday of its week.
    #[must_use]
    pub const fn monday(self) -> Self {
        // 1970-01-01 was a Thursday.
        Self(
            self.0
                .saturating_sub((self.0.saturating_add(3)).rem_euclid(7)),
        )
    }

    /// Whether nothing is added to the day any more at that moment.
    pub fn is_closed(self, now: Timestamp, zone: &TimeZone) -> bool {
        now >= self.bounds(zone).1.plus_millis(CLOSING_MILLIS)
    }
}

/// `YYYY-MM-DD`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&clock::format_day(self.0))
    }
}

/// A text that isn't a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a date: it is written YYYY-MM-DD")]
pub struct InvalidDay;

impl FromStr for Day {
    type Err = InvalidDay;

    fn from_str(text: &str) -> Result<Self, InvalidDay> {
        clock::parse_day(text).map(Self).ok_or(InvalidDay)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A quarter of an hour, counted since 1970: midnights of all zones of today fall between two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quarter(pub i64);

impl Quarter {
    const MILLIS: i64 = 15 * 60 * 1000;

    /// The one that a moment is in.
    pub const fn of(moment: Timestamp) -> Self {
        Self(moment.millis().div_euclid(Self::MILLIS))
    }

    /// When it begins.
    pub const fn start(self) -> Timestamp {
        Timestamp::from_millis(self.0.saturating_mul(Self::MILLIS))
    }

    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A figure of the instance's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Texts written, replies among them; boosts aren't.
    Posts,
    /// Texts that answer a post.
    Replies,
    /// Boosts made.
    Boosts,
    /// Favourites given.
    Favourites,
    /// Accounts named in posts, each once per post.
    Mentions,
    /// Follows made.
    Follows,
    /// Accounts made, those that wait to be let in left out.
    SignUps,
    /// Accounts that posted or boosted on the day.
    ActiveDay,
    /// The same within the seven days that end with it.
    ActiveWeek,
    /// The same within the thirty days that end with it.
    ActiveMonth,
}

impl Measure {
    /// How many there are.
    pub const COUNT: usize = 10;

    /// Every figure, in the order in which tables show them.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Posts,
        Self::Replies,
        Self::Boosts,
        Self::Favourites,
        Self::Mentions,
        Self::Follows,
        Self::SignUps,
        Self::ActiveDay,
        Self::ActiveWeek,
        Self::ActiveMonth,
    ];

    /// Its name in JSON and CSV.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Posts => "posts",
            Self::Replies => "replies",
            Self::Boosts => "boosts",
            Self::Favourites => "favourites",
            Self::Mentions => "mentions",
            Self::Follows => "follows",
            Self::SignUps => "sign_ups",
            Self::ActiveDay => "active_day",
            Self::ActiveWeek => "active_week",
            Self::ActiveMonth => "active_month",
        }
    }

    /// Whether days can be added up: somebody who is active on two days is one account.
    pub const fn is_additive(self) -> bool {
        !matches!(self, Self::ActiveDay | Self::ActiveWeek | Self::ActiveMonth)
    }
}

/// Figures of one day, or of many added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    counts: [i64; Measure::COUNT],
    /// Texts by the hour that clocks of the instance's zone showed.
    pub hours: [i64; 24],
}

impl Figures {
    /// One figure.
    pub const fn get(&self, measure: Measure) -> i64 {
        self.counts[measure as usize]
    }

    /// Sets a figure.
    pub const fn set(&mut self, measure: Measure, count: i64) {
        self.counts[measure as usize] = count;
    }

    /// Adds to a figure.
    pub const fn add(&mut self, measure: Measure, count: i64) {
        self.counts[measure as usize] += count;
    }

    /// Adds a later day's figures; those of active accounts can't be added, the later day's stand.
    fn add_day(&mut self, later: &Self) {
        for measure in Measure::ALL {
            if measure.is_additive() {
                self.add(measure, later.get(measure));
            } else {
                self.set(measure, later.get(measure));
            }
        }
        for (hour, count) in self.hours.iter_mut().zip(later.hours) {
            *hour += count;
        }
    }
}

/// What people did on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceDay {
    /// The day.
    pub day: Day,
    /// All of it.
    pub all: Figures,
    /// What concerns public posts alone; follows and sign-ups as in `all`, for profiles show them to everybody.
    pub public: Figures,
}

impl InstanceDay {
    /// Whether enough accounts were visibly active for strangers to be told figures.
    fn is_told(&self) -> bool {
        self.public.get(Measure::ActiveDay) >= FEW_ACCOUNTS
    }
}

/// What the machine measured on one day; can't be computed afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MeasuredDay {
    /// The last measured size of the database, in bytes; `None` when nobody measured.
    pub database_bytes: Option<i64>,
    /// Letters that a mail server took.
    pub mail_sent: i64,
    /// Letters that were given up.
    pub mail_failed: i64,
}

/// One account's day, for the account itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct AccountDay {
    /// Texts written, replies among them.
    pub posts: i64,
    /// Texts that answer a post.
    pub replies: i64,
    /// Boosts made.
    pub boosts: i64,
    /// Boosts of its posts by others.
    pub boosts_received: i64,
    /// Favourites of its posts by others.
    pub favourites_received: i64,
    /// Answers of others to its posts: those that everybody may read, and those that name it.
    pub replies_received: i64,
    /// Posts of others that name it.
    pub mentions_received: i64,
    /// How many other accounts favoured, boosted or answered its posts.
    pub reach: i64,
    /// Accounts that began to follow it, and still do.
    pub new_followers: i64,
}

impl AccountDay {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What one account's day came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountRow {
    /// Whose.
    pub account: AccountId,
    /// The figures.
    pub figures: AccountDay,
}

/// What a day's posts are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Tags of public posts, from two authors on.
    Tag,
    /// Languages of all posts; without one, the label is empty.
    Language,
    /// Clients of all posts; without one (the website), the label is empty.
    App,
}

impl Dimension {
    /// Every dimension.
    pub const ALL: [Self; 3] = [Self::Tag, Self::Language, Self::App];

    /// Whether anybody may see it: the others count posts of every visibility.
    pub const fn is_public(self) -> bool {
        matches!(self, Self::Tag)
    }
}

/// The posts of one tag, language or client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The tag, the language's code or the client's name; empty for posts without.
    pub label: String,
    /// How many posts. Over several days: the sum of those days on which it was among the first.
    pub posts: i64,
    /// By how many authors. Over several days: the largest number of one day.
    pub authors: i64,
}

/// For whom figures are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Anybody.
    Strangers,
    /// Who is signed in.
    Members,
    /// Who runs the instance.
    Owner,
}

/// A figure as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// The number.
    Exact(i64),
    /// Too few accounts stand behind it to be told.
    Few,
}

/// The number, or `<3`.
impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(count) => fmt::Display::fmt(count, f),
            Self::Few => write!(f, "<{FEW_ACCOUNTS}"),
        }
    }
}

/// A number, or the text `<3`.
impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Exact(count) => serializer.serialize_i64(*count),
            Self::Few => serializer.collect_str(self),
        }
    }
}

/// The number, or whatever text stands in its place.
impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Count(i64),
            #[expect(
                dead_code,
                reason = "a text of any wording says that the number isn't told"
            )]
            Text(String),
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::Count(count) => Self::Exact(count),
            Written::Text(_) => Self::Few,
        })
    }
}

impl Shown {
    /// The number, if it may be told.
    pub const fn exact(self) -> Option<i64> {
        match self {
            Self::Exact(count) => Some(count),
            Self::Few => None,
        }
    }
}

/// Figures as somebody gets to see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownFigures {
    counts: [Shown; Measure::COUNT],
    /// Texts by the hour of the day.
    pub hours: [Shown; 24],
}

impl ShownFigures {
    /// One figure.
    pub const fn get(&self, measure: Measure) -> Shown {
        self.counts[measure as usize]
    }

    fn new(figures: &Figures, is_few: bool) -> Self {
        let show = |count: i64| {
            if is_few {
                Shown::Few
            } else {
                Shown::Exact(count)
            }
        };
        Self {
            counts: figures.counts.map(show),
            hours: figures.hours.map(show),
        }
    }
}

/// Many days added up, for each audience. Of active accounts, the last day's figures stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Days of all figures.
    pub all: Figures,
    /// The public figures.
    pub public: Figures,
    /// The public figures of those days alone whose figures strangers see.
    pub told: Figures,
    /// On how many days strangers see figures.
    pub told_days: i64,
}

impl Totals {
    /// Adds a day; days are added oldest first.
    pub fn add(&mut self, day: &InstanceDay) {
        self.all.add_day(&day.all);
        self.public.add_day(&day.public);
        if day.is_told() {
            self.told.add_day(&day.public);
            self.told_days += 1;
        }
    }
}

impl Audience {
    /// What somebody belongs to: a role and whether it may be used here, or nobody known. `None` for strangers where the
    /// figures aren't public.
    pub const fn of(role: Option<Role>, may_administer: bool, is_public: bool) -> Option<Self> {
        match role {
            Some(Role::Owner) if may_administer => Some(Self::Owner),
            Some(_) => Some(Self::Members),
            None if is_public => Some(Self::Strangers),
            None => None,
        }
    }

    /// The rule: strangers see what public posts tell, and nothing of a day on which fewer than three accounts were
    /// visibly active; members see what they could count by looking around; the owner sees all.
    pub fn figures(self, day: &InstanceDay) -> ShownFigures {
        match self {
            Self::Strangers => ShownFigures::new(&day.public, !day.is_told()),
            Self::Members => ShownFigures::new(&day.public, false),
            Self::Owner => ShownFigures::new(&day.all, false),
        }
    }

    /// What the machine measured is the owner's business: a database grows by direct posts too.
    pub fn measured(self, day: MeasuredDay) -> Option<MeasuredDay> {
        (self == Self::Owner).then_some(day)
    }

    /// Totals by the same rule. Strangers' leave out the days they aren't told of, or the difference of two totals
    /// would tell.
    pub fn totals(self, totals: &Totals) -> ShownFigures {
        match self {
            Self::Strangers => ShownFigures::new(&totals.told, totals.told_days == 0),
            Self::Members => ShownFigures::new(&totals.public, false),
            Self::Owner => ShownFigures::new(&totals.all, false),
        }
    }

    /// Whether tags, languages or clients may be shown.
    pub const fn may_see(self, dimension: Dimension) -> bool {
        matches!(self, Self::Owner) || dimension.is_public()
    }

    /// How many visibly active accounts a day needs so that its tags are shown.
    pub const fn active_min(self) -> i64 {
        match self {
            Self::Strangers => FEW_ACCOUNTS,
            Self::Members | Self::Owner => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn hours(text: &str, name: &str) -> i64 {
        let (from, until) = day(text).bounds(&zone(name));
        (until.millis() - from.millis()) / 3_600_000
    }

    #[test]
    fn days_are_written_and_read() {
        assert_eq!(Day(0).to_string(), "1970-01-01");
        assert_eq!(day("2026-11-22").plus(40).to_string(), "2027-01-01");
        assert_eq!(day("1969-12-31"), Day(-1));
        for bad in [
            "",
            "2026-02-29",
            "2026-2-1",
            "+002026-01-01",
            "2026-01-01T00",
            "20260101",
            "yesterday",
        ] {
            assert_eq!(bad.parse::<Day>(), Err(InvalidDay), "{bad}");
        }
    }

    #[test]
    fn days_have_the_hours_that_their_zone_gives_them() {
        assert_eq!(hours("2026-03-29", "Europe/Berlin"), 23);
        assert_eq!(hours("2026-10-25", "Europe/Berlin"), 25);
        assert_eq!(hours("2026-10-25", "UTC"), 24);
        assert_eq!(hours("2026-03-08", "America/New_York"), 23);
        // Clocks jump over midnight, and once over a whole day.
        assert_eq!(hours("2018-11-04", "America/Sao_Paulo"), 23);
        assert_eq!(hours("2011-12-30", "Pacific/Apia"), 0);
        assert_eq!(hours("2011-12-29", "Pacific/Apia"), 24);
        let (from, _) = day("2026-11-22").bounds(&zone("Asia/Kathmandu"));
        assert_eq!(from.to_string(), "2026-11-21T18:15:00.000Z");
        // From half past eleven to half past twelve: midnight is in the middle.
        let (from, _) = day("1919-03-31").bounds(&zone("America/Toronto"));
        assert_eq!(from.to_string(), "1919-03-31T04:30:00.000Z");
    }

    #[test]
    fn every_moment_belongs_to_the_day_whose_bounds_hold_it() {
        for name in [
            "UTC",
            "America/St_Johns",
            "Pacific/Apia",
            "America/Havana",
            "Asia/Kathmandu",
        ] {
            let zone = zone(name);
            // 2006 has St. John's clocks put back from 00:01 to 23:01.
            for first in ["2006-10-27", "2011-12-28", "2018-11-02", "2026-10-30"] {
                let start = day(first).bounds(&zone).0;
                for minute in 0..(5 * 1440) {
                    let moment = start.plus_millis(minute * 60_000);
                    let (from, until) = Day::of(moment, &zone).bounds(&zone);
                    assert!(from <= moment && moment < until, "{name} {moment}");
                }
            }
        }
    }

    fn sample(active: i64) -> InstanceDay {
        let mut public = Figures::default();
        public.set(Measure::Posts, 4);
        public.set(Measure::ActiveDay, active);
        let mut all = public;
        all.set(Measure::Posts, 9);
        all.set(Measure::ActiveDay, active + 5);
        InstanceDay {
            day: Day(0),
            all,
            public,
        }
    }

    #[test]
    fn strangers_see_no_figure_of_a_day_with_few_active_accounts() {
        for active in 0..FEW_ACCOUNTS {
            let shown = Audience::Strangers.figures(&sample(active));
            assert!(
                Measure::ALL
                    .iter()
                    .all(|measure| shown.get(*measure) == Shown::Few)
            );
            assert!(shown.hours.iter().all(|hour| *hour == Shown::Few));
            assert_eq!(shown.get(Measure::Posts).to_string(), "<3");
        }
        let shown = Audience::Strangers.figures(&sample(3));
        assert_eq!(shown.get(Measure::Posts), Shown::Exact(4));
    }

    #[test]
    fn only_an_owner_who_administers_is_told_all() {
        use Audience::{Members, Owner, Strangers};
        assert_eq!(Audience::of(Some(Role::Owner), true, false), Some(Owner));
        assert_eq!(Audience::of(Some(Role::Owner), false, true), Some(Members));
        assert_eq!(
            Audience::of(Some(Role::Moderator), true, true),
            Some(Members)
        );
        assert_eq!(Audience::of(None, true, true), Some(Strangers));
        assert_eq!(Audience::of(None, true, false), None);
    }

    #[test]
    fn members_see_public_figures_and_the_owner_all() {
        let posts = |audience: Audience| audience.figures(&sample(1)).get(Measure::Posts);
        assert_eq!(posts(Audience::Members), Shown::Exact(4));
        assert_eq!(posts(Audience::Owner), Shown::Exact(9));
        let measured = MeasuredDay {
            database_bytes: Some(1),
            mail_sent: 2,
            mail_failed: 3,
        };
        assert_eq!(Audience::Members.measured(measured), None);
        assert_eq!(Audience::Owner.measured(measured), Some(measured));
        assert!(!Audience::Members.may_see(Dimension::App));
        assert!(Audience::Strangers.may_see(Dimension::Tag));
    }

    #[test]
    fn measures_stand_where_their_number_says() {
        for (place, measure) in Measure::ALL.into_iter().enumerate() {
            assert_eq!(measure as usize, place);
        }
    }
}
