//! The statistics as somebody gets to see them: days, sums, tags, hours.
//!
//! Nothing is decided here: [`Audience`] says what may be shown, and every figure passes through it.

use serde::{Deserialize, Serialize};

use super::statistics::{
    AccountDay, Audience, Day, InstanceDay, Measure, MeasuredDay, Share, Shown, ShownFigures,
    Totals,
};

/// How many days are shown unless others are asked for.
pub const DAYS_SHOWN: i32 = 30;
/// How many tags, languages or clients are shown.
pub const SHARES_SHOWN_MAX: usize = 10;
/// Days of a row that stands for a week.
const DAYS_PER_WEEK: usize = 7;

/// Figures by their names: numbers, or `<3` where too few people stand behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldFigures {
    /// Texts written, replies among them.
    pub posts: Shown,
    /// Texts that answer a post.
    pub replies: Shown,
    /// Boosts made.
    pub boosts: Shown,
    /// Favourites given.
    pub favourites: Shown,
    /// Accounts named in posts.
    pub mentions: Shown,
    /// Follows made.
    pub follows: Shown,
    /// Accounts made.
    pub sign_ups: Shown,
    /// Accounts that posted or boosted on the day; over several days, on the last.
    pub active_day: Shown,
    /// The same within the week that ends with it.
    pub active_week: Shown,
    /// The same within the thirty days that end with it.
    pub active_month: Shown,
}

impl From<ShownFigures> for ToldFigures {
    fn from(shown: ShownFigures) -> Self {
        Self {
            posts: shown.get(Measure::Posts),
            replies: shown.get(Measure::Replies),
            boosts: shown.get(Measure::Boosts),
            favourites: shown.get(Measure::Favourites),
            mentions: shown.get(Measure::Mentions),
            follows: shown.get(Measure::Follows),
            sign_ups: shown.get(Measure::SignUps),
            active_day: shown.get(Measure::ActiveDay),
            active_week: shown.get(Measure::ActiveWeek),
            active_month: shown.get(Measure::ActiveMonth),
        }
    }
}

impl ToldFigures {
    /// One figure.
    pub const fn get(&self, measure: Measure) -> Shown {
        match measure {
            Measure::Posts => self.posts,
            Measure::Replies => self.replies,
            Measure::Boosts => self.boosts,
            Measure::Favourites => self.favourites,
            Measure::Mentions => self.mentions,
            Measure::Follows => self.follows,
            Measure::SignUps => self.sign_ups,
            Measure::ActiveDay => self.active_day,
            Measure::ActiveWeek => self.active_week,
            Measure::ActiveMonth => self.active_month,
        }
    }
}

/// What the machine measured, by names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldMeasured {
    /// The last measured size of the database, in bytes.
    pub database_bytes: Option<i64>,
    /// Letters that a mail server took.
    pub mail_sent: i64,
    /// Letters that were given up.
    pub mail_failed: i64,
}

impl From<MeasuredDay> for ToldMeasured {
    fn from(day: MeasuredDay) -> Self {
        Self {
            database_bytes: day.database_bytes,
            mail_sent: day.mail_sent,
            mail_failed: day.mail_failed,
        }
    }
}

/// A day of the instance, or a week that begins with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldDay {
    /// The day.
    pub day: Day,
    /// What people did.
    #[serde(flatten)]
    pub figures: ToldFigures,
    /// What the machine measured, for the owner.
    #[serde(flatten)]
    pub measured: Option<ToldMeasured>,
}

/// The posts of one tag, language or client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldShare {
    /// The tag, the language's code or the client's name; empty for posts without.
    pub name: String,
    /// How many posts.
    pub posts: i64,
    /// By how many authors on the day with the most of them.
    pub authors: i64,
}

impl From<Share> for ToldShare {
    fn from(share: Share) -> Self {
        Self {
            name: share.label,
            posts: share.posts,
            authors: share.authors,
        }
    }
}

/// The statistics of the instance for somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// The first day that was asked for.
    pub from: Day,
    /// The last day that was asked for.
    pub until: Day,
    /// The zone that days are cut by.
    pub time_zone: String,
    /// For whom the figures are.
    pub audience: Audience,
    /// The days that are counted, oldest first.
    pub days: Vec<ToldDay>,
    /// Those days together.
    pub span: ToldFigures,
    /// Texts by the hour of the day, in those days.
    pub hours: Vec<Shown>,
    /// All days ever.
    pub totals: ToldFigures,
    /// What was measured in those days, for the owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<ToldMeasured>,
    /// The first tags of those days.
    pub tags: Vec<ToldShare>,
    /// The first languages, for the owner.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<ToldShare>,
    /// The first clients, for the owner.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<ToldShare>,
}

/// What was read for an audience, before it is told.
#[derive(Debug, Clone)]
pub struct Material {
    /// For whom.
    pub audience: Audience,
    /// The first and the last day.
    pub days: (Day, Day),
    /// The zone that days are cut by.
    pub time_zone: String,
    /// The days that are counted, oldest first.
    pub series: Vec<(InstanceDay, MeasuredDay)>,
    /// All days ever.
    pub totals: Totals,
    /// The first tags.
    pub tags: Vec<Share>,
    /// The first languages; empty for whom they aren't.
    pub languages: Vec<Share>,
    /// The first clients; empty for whom they aren't.
    pub clients: Vec<Share>,
}

impl Material {
    /// What the audience is told, day by day.
    pub fn overview(&self) -> Overview {
        let audience = self.audience;
        let span = audience.totals(&sum(&self.series));
        let told = |shares: &[Share]| shares.iter().cloned().map(ToldShare::from).collect();
        Overview {
            from: self.days.0,
            until: self.days.1,
            time_zone: self.time_zone.clone(),
            audience,
            days: self.series.iter().map(|day| self.day(day)).collect(),
            span: span.into(),
            hours: span.hours.to_vec(),
            totals: audience.totals(&self.totals).into(),
            measured: audience.measured(measured(&self.series)).map(Into::into),
            tags: told(&self.tags),
            languages: told(&self.languages),
            clients: told(&self.clients),
        }
    }

    fn day(&self, (day, measured): &(InstanceDay, MeasuredDay)) -> ToldDay {
        ToldDay {
            day: day.day,
            figures: self.audience.figures(day).into(),
            measured: self.audience.measured(*measured).map(Into::into),
        }
    }

    /// What the audience is told of the weeks that end with the last day, the first one perhaps cut short. A week's
    /// active accounts are those of its last day that is told; strangers' sums leave out the days they aren't told of.
    pub fn weeks(&self) -> Vec<ToldDay> {
        self.series
            .rchunks(DAYS_PER_WEEK)
            .rev()
            .filter_map(|week| self.together(week))
            .collect()
    }

    /// What the audience is told of the calendar's weeks, from Monday on, oldest first. The first day of each is told,
    /// even where that day isn't among those that are counted.
    pub fn calendar_weeks(&self) -> Vec<ToldDay> {
        let weeks = self
            .series
            .chunk_by(|(one, _), (other, _)| one.day.monday() == other.day.monday());
        weeks
            .filter_map(|week| {
                let told = self.together(week)?;
                let day = told.day.monday();
                Some(ToldDay { day, ..told })
            })
            .collect()
    }

    fn together(&self, days: &[(InstanceDay, MeasuredDay)]) -> Option<ToldDay> {
        let (first, _) = days.first()?;
        let measured = self.audience.measured(measured(days));
        Some(ToldDay {
            day: first.day,
            figures: self.audience.totals(&sum(days)).into(),
            measured: measured.map(Into::into),
        })
    }
}

fn sum(days: &[(InstanceDay, MeasuredDay)]) -> Totals {
    let mut totals = Totals::default();
    for (day, _) in days {
        totals.add(day);
    }
    totals
}

fn measured(days: &[(InstanceDay, MeasuredDay)]) -> MeasuredDay {
    let mut sum = MeasuredDay::default();
    for (_, day) in days {
        sum.database_bytes = day.database_bytes.or(sum.database_bytes);
        sum.mail_sent += day.mail_sent;
        sum.mail_failed += day.mail_failed;
    }
    sum
}

/// A day of an account, or a week that begins with it, for the account itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ToldAccountDay {
    /// The day.
    pub day: Day,
    /// Its figures.
    #[serde(flatten)]
    pub figures: AccountDay,
}

/// The statistics of an account, for the account itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountOverview {
    /// The first day that was asked for.
    pub from: Day,
    /// The last day that was asked for.
    pub until: Day,
    /// The zone that days are cut by.
    pub time_zone: String,
    /// Every day from the first one of the account on, oldest first.
    pub days: Vec<ToldAccountDay>,
    /// Those days together; the reach is the largest of one day, as people may come back.
    pub span: AccountDay,
}

impl AccountOverview {
    /// Of the days on which something happened, oldest first, and of when the account was made.
    pub fn new(
        days: (Day, Day),
        joined: Day,
        time_zone: String,
        series: &[(Day, AccountDay)],
    ) -> Self {
        let mut known = series.iter().peekable();
        let every = (days.0.max(joined).0..=days.1.0).map(|number| {
            let day = Day(number);
            let figures = known.next_if(|(at, _)| *at == day);
            ToldAccountDay {
                day,
                figures: figures.map_or(AccountDay::default(), |(_, figures)| *figures),
            }
        });
        let every: Vec<ToldAccountDay> = every.collect();
        Self {
            from: days.0,
            until: days.1,
            time_zone,
            span: together(&every),
            days: every,
        }
    }

    /// The weeks that end with the last day, the first one perhaps cut short.
    pub fn weeks(&self) -> Vec<ToldAccountDay> {
        self.days
            .rchunks(DAYS_PER_WEEK)
            .rev()
            .filter_map(|week| {
                Some(ToldAccountDay {
                    day: week.first()?.day,
                    figures: together(week),
                })
            })
            .collect()
    }
}

fn together(days: &[ToldAccountDay]) -> AccountDay {
    days.iter().fold(AccountDay::default(), |sum, day| {
        let day = day.figures;
        AccountDay {
            posts: sum.posts + day.posts,
            replies: sum.replies + day.replies,
            boosts: sum.boosts + day.boosts,
            boosts_received: sum.boosts_received + day.boosts_received,
            favourites_received: sum.favourites_received + day.favourites_received,
            replies_received: sum.replies_received + day.replies_received,
            mentions_received: sum.mentions_received + day.mentions_received,
            reach: sum.reach.max(day.reach),
            new_followers: sum.new_followers + day.new_followers,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::statistics::Figures;

    fn day(number: i32, active: i64, posts: i64) -> (InstanceDay, MeasuredDay) {
        let mut public = Figures::default();
        public.set(Measure::Posts, posts);
        public.set(Measure::ActiveDay, active);
        public.hours[8] = posts;
        let mut all = public;
        all.set(Measure::Posts, posts + 100);
        let day = InstanceDay {
            day: Day(number),
            all,
            public,
        };
        let measured = MeasuredDay {
            database_bytes: (number % 2 == 0).then_some(i64::from(number)),
            mail_sent: 1,
            mail_failed: 0,
        };
        (day, measured)
    }

    fn material(audience: Audience) -> Material {
        let series: Vec<_> = (0..10)
            .map(|number| day(number, if number < 8 { 3 } else { 2 }, 5))
            .collect();
        Material {
            audience,
            days: (Day(-2), Day(9)),
            time_zone: "UTC".to_owned(),
            totals: sum(&series),
            series,
            tags: Vec::new(),
            languages: Vec::new(),
            clients: Vec::new(),
        }
    }

    #[test]
    fn strangers_sums_leave_out_what_they_are_not_told() {
        let overview = material(Audience::Strangers).overview();
        assert_eq!(overview.days.len(), 10);
        assert_eq!(overview.days[9].figures.posts, Shown::Few);
        assert_eq!(overview.span.posts, Shown::Exact(40));
        assert_eq!(overview.hours[8], Shown::Exact(40));
        assert_eq!(overview.measured, None);
        let overview = material(Audience::Owner).overview();
        assert_eq!(overview.span.posts, Shown::Exact(1050));
        let measured = overview.measured.unwrap();
        assert_eq!((measured.database_bytes, measured.mail_sent), (Some(8), 10));
    }

    #[test]
    fn weeks_end_with_the_last_day() {
        let weeks = material(Audience::Members).weeks();
        let days: Vec<_> = weeks.iter().map(|week| week.day.0).collect();
        assert_eq!(days, [0, 3]);
        assert_eq!(weeks[0].figures.posts, Shown::Exact(15));
        assert_eq!(weeks[1].figures.posts, Shown::Exact(35));
        let weeks = material(Audience::Members).calendar_weeks();
        let days: Vec<_> = weeks
            .iter()
            .map(|week| (week.day.to_string(), week.figures.posts))
            .collect();
        // The first of January 1970 was a Thursday.
        assert_eq!(
            days,
            [
                ("1969-12-29".to_owned(), Shown::Exact(20)),
                ("1970-01-05".to_owned(), Shown::Exact(30)),
            ]
        );
        let mut few = material(Audience::Strangers);
        for (day, _) in &mut few.series[3..] {
            day.public.set(Measure::ActiveDay, 2);
        }
        assert_eq!(few.weeks()[1].figures.posts, Shown::Few);
    }

    #[test]
    fn what_is_told_can_be_read_back() {
        for audience in [Audience::Strangers, Audience::Members, Audience::Owner] {
            let overview = material(audience).overview();
            let json = serde_json::to_value(&overview).unwrap();
            assert_eq!(
                json["days"][0].get("mail_sent").is_some(),
                audience == Audience::Owner
            );
            let read: Overview = serde_json::from_value(json).unwrap();
            assert_eq!(read, overview);
        }
    }

    #[test]
    fn an_account_s_days_have_no_gap() {
        let busy = AccountDay {
            posts: 2,
            reach: 4,
            ..AccountDay::default()
        };
        let series = [(Day(3), busy), (Day(5), busy)];
        let overview = AccountOverview::new((Day(-10), Day(6)), Day(2), "UTC".to_owned(), &series);
        let posts: Vec<_> = overview
            .days
            .iter()
            .map(|day| (day.day.0, day.figures.posts))
            .collect();
        assert_eq!(posts, [(2, 0), (3, 2), (4, 0), (5, 2), (6, 0)]);
        assert_eq!((overview.span.posts, overview.span.reach), (4, 4));
        assert_eq!(overview.weeks().len(), 1);
    }
}
