//! The statistics against a naive count over a log of what exists, for random histories.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::check::{Check, StepCheck, name};
use super::error::StoreError;
use super::invariants::CheckInvariants;
use super::queries::series::{ReadAccountSeries, ReadInstanceSeries, ReadShares, ReadTotals};
use super::queries::statistics::{
    ComputeAccountDays, ComputeDay, ComputeWindows, ComputedDay, PlanStatistics, StatisticsStep,
};
use super::reader::{Query, View};
use super::testing::TestStore;
use super::units::{
    Admission, ApproveAccount, BoostPost, CountMail, DeleteAccount, DeletePost, EditPost,
    FollowAccount, ForgetAccountDays, ImportEntries, ImportedEntry, ImportedKind, MailOutcome,
    Mark, MarkAccountsStale, MarkPost, MeasureDatabase, NewMember, PreparedText, PublishPost,
    RegisterAccount, ReopenDays, SuspendAccount, UnboostPost, UnfollowAccount, UnsuspendAccount,
};
use super::writer::{Unit, UnitError, Write};
use crate::clock::{Clock, Timestamp};
use crate::domain::access::{Authority, Registration};
use crate::domain::account::Role;
use crate::domain::arrival::{Origin, Reference};
use crate::domain::statistics::{
    AccountDay, Audience, Day, Dimension, Figures, InstanceDay, Measure, Share,
};
use crate::domain::visibility::Visibility;
use crate::ids::{AccountId, AppId, PostId};

/// The first entry of an account.
struct OldestEntry {
    author: AccountId,
}

impl Query for OldestEntry {
    type Answer = PostId;

    fn run(&self, view: &View<'_>) -> Result<PostId, StoreError> {
        let sql = "SELECT min(id) FROM posts WHERE author = ?1";
        Ok(view
            .connection
            .query_row(sql, [self.author], |row| row.get(0))?)
    }
}

/// How many quarters of an hour wait to be counted anew.
struct CountStale;

impl Query for CountStale {
    type Answer = i64;

    fn run(&self, view: &View<'_>) -> Result<i64, StoreError> {
        let sql = "SELECT count(*) FROM stale_quarters";
        Ok(view.connection.query_row(sql, (), |row| row.get(0))?)
    }
}

/// Days before and after every history.
const FROM: Day = Day(20_400);
const UNTIL: Day = Day(23_000);
/// How many accounts there may be.
const ACCOUNTS_MAX: usize = 7;
/// More rounds than any history needs; a driver that never comes to rest fails.
const ROUNDS_MAX: usize = 2000;
const TAGS: [&str; 3] = ["birds", "cats", "moss"];
const LANGUAGES: [Option<&str>; 3] = [None, Some("de"), Some("en")];
const ZONES: [&str; 5] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",
    "Pacific/Apia",
];
/// Shortly before clocks are changed in Berlin, New York and Berlin again, and before a year ends.
const STARTS: [&str; 4] = [
    "2026-03-27T20:00:00Z",
    "2026-03-07T03:10:00Z",
    "2026-10-23T22:30:00Z",
    "2026-12-30T09:50:00Z",
];

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn moment(text: &str) -> Timestamp {
    Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

/// The date that the zone's calendar shows; of the zones and years tested none shows a midnight twice.
fn date_of(moment: Timestamp, zone: &TimeZone) -> Date {
    zone.to_datetime(jiff::Timestamp::from_millisecond(moment.millis()).unwrap())
        .date()
}

fn hour_of(moment: Timestamp, zone: &TimeZone) -> usize {
    let shown = zone.to_datetime(jiff::Timestamp::from_millisecond(moment.millis()).unwrap());
    usize::try_from(shown.hour()).unwrap()
}

/// One step of a history. Numbers choose among what there is.
#[derive(Debug, Clone)]
enum Act {
    Wait {
        minutes: u16,
    },
    SignUp {
        waits: bool,
    },
    Approve {
        who: u8,
    },
    Publish {
        who: u8,
        visibility: u8,
        reply_to: Option<u8>,
        text: u8,
    },
    Edit {
        post: u8,
        text: u8,
    },
    Delete {
        post: u8,
    },
    Boost {
        who: u8,
        post: u8,
        visibility: u8,
    },
    Unboost {
        who: u8,
        post: u8,
    },
    Favour {
        who: u8,
        post: u8,
        on: bool,
    },
    Follow {
        who: u8,
        whom: u8,
        on: bool,
    },
    Suspend {
        who: u8,
        on: bool,
    },
    DeleteAccount {
        who: u8,
    },
    Purge,
    Compute {
        rounds: u8,
    },
    MoveTo {
        zone: u8,
    },
}

fn act() -> impl Strategy<Value = Act> {
    let n = any::<u8>;
    prop_oneof![
        6 => (1..900u16).prop_map(|minutes| Act::Wait { minutes }),
        1 => (900..12_000u16).prop_map(|minutes| Act::Wait { minutes }),
        1 => any::<bool>().prop_map(|waits| Act::SignUp { waits }),
        1 => n().prop_map(|who| Act::Approve { who }),
        10 => (n(), 0..4u8, proptest::option::of(n()), n())
            .prop_map(|(who, visibility, reply_to, text)| Act::Publish { who, visibility, reply_to, text }),
        2 => (n(), n()).prop_map(|(post, text)| Act::Edit { post, text }),
        2 => n().prop_map(|post| Act::Delete { post }),
        4 => (n(), n(), 0..3u8).prop_map(|(who, post, visibility)| Act::Boost { who, post, visibility }),
        1 => (n(), n()).prop_map(|(who, post)| Act::Unboost { who, post }),
        4 => (n(), n(), any::<bool>()).prop_map(|(who, post, on)| Act::Favour { who, post, on }),
        3 => (n(), n(), any::<bool>()).prop_map(|(who, whom, on)| Act::Follow { who, whom, on }),
        2 => (n(), any::<bool>()).prop_map(|(who, on)| Act::Suspend { who, on }),
        1 => n().prop_map(|who| Act::DeleteAccount { who }),
        1 => Just(Act::Purge),
        4 => (1..40u8).prop_map(|rounds| Act::Compute { rounds }),
        1 => (0..5u8).prop_map(|zone| Act::MoveTo { zone }),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Active,
    Waiting,
    Suspended,
    Deleted,
}

#[derive(Debug, Clone)]
struct LoggedPost {
    id: PostId,
    author: AccountId,
    visibility: Visibility,
    answers: Option<AccountId>,
    tags: BTreeSet<&'static str>,
    language: Option<&'static str>,
    app: Option<usize>,
    mentions: BTreeSet<AccountId>,
}

/// A boost, a favourite or a follow: who did it when, and to what.
#[derive(Debug, Clone, Copy)]
struct Deed<T> {
    at: Timestamp,
    by: AccountId,
    to: T,
}

/// What exists, in plain lists.
#[derive(Debug, Default)]
struct Log {
    accounts: Vec<(AccountId, String, State)>,
    posts: Vec<LoggedPost>,
    boosts: Vec<(Deed<PostId>, Visibility)>,
    favourites: Vec<Deed<PostId>>,
    follows: Vec<Deed<AccountId>>,
}

impl Log {
    fn state(&self, account: AccountId) -> State {
        let known = self.accounts.iter().find(|(id, ..)| *id == account);
        known.unwrap().2
    }

    fn is_visible(&self, account: AccountId) -> bool {
        self.state(account) == State::Active
    }

    fn post(&self, id: PostId) -> &LoggedPost {
        self.posts.iter().find(|post| post.id == id).unwrap()
    }

    fn forget_posts(&mut self, is_gone: impl Fn(&LoggedPost) -> bool) {
        self.posts.retain(|post| !is_gone(post));
        let left: BTreeSet<PostId> = self.posts.iter().map(|post| post.id).collect();
        self.boosts.retain(|(boost, _)| left.contains(&boost.to));
        self.favourites
            .retain(|favourite| left.contains(&favourite.to));
    }

    fn is_public(&self, post: PostId) -> bool {
        self.post(post).visibility == Visibility::Public
    }

    /// The accounts that wrote or boosted on one of the dates, and those of them that strangers see do so.
    fn active(&self, zone: &TimeZone, from: Date, until: Date) -> (i64, i64) {
        let counts = |moment: Timestamp| {
            let date = date_of(moment, zone);
            from <= date && date <= until
        };
        let (mut all, mut public) = (BTreeSet::new(), BTreeSet::new());
        for post in &self.posts {
            if self.is_visible(post.author) && counts(post.id.time()) {
                all.insert(post.author);
                if post.visibility == Visibility::Public {
                    public.insert(post.author);
                }
            }
        }
        for (boost, visibility) in &self.boosts {
            if self.is_visible(boost.by) && counts(boost.at) {
                all.insert(boost.by);
                if *visibility == Visibility::Public && self.is_public(boost.to) {
                    public.insert(boost.by);
                }
            }
        }
        (all.len() as i64, public.len() as i64)
    }

    fn instance_day(&self, zone: &TimeZone, date: Date) -> InstanceDay {
        let (mut all, mut public) = (Figures::default(), Figures::default());
        let mut count = |measure: Measure, at: Timestamp, by: AccountId, is_public: bool| {
            if date_of(at, zone) != date || !self.is_visible(by) {
                return;
            }
            for (figures, counts) in [(&mut all, true), (&mut public, is_public)] {
                if counts {
                    figures.set(measure, figures.get(measure) + 1);
                    if measure == Measure::Posts {
                        figures.hours[hour_of(at, zone)] += 1;
                    }
                }
            }
        };
        for post in &self.posts {
            let is_public = post.visibility == Visibility::Public;
            let at = post.id.time();
            count(Measure::Posts, at, post.author, is_public);
            if post.answers.is_some() {
                count(Measure::Replies, at, post.author, is_public);
            }
            for _ in &post.mentions {
                count(Measure::Mentions, at, post.author, is_public);
            }
        }
        for (boost, visibility) in &self.boosts {
            let is_public = *visibility == Visibility::Public && self.is_public(boost.to);
            count(Measure::Boosts, boost.at, boost.by, is_public);
        }
        for favourite in &self.favourites {
            let is_public = self.is_public(favourite.to);
            count(Measure::Favourites, favourite.at, favourite.by, is_public);
        }
        for follow in &self.follows {
            count(Measure::Follows, follow.at, follow.by, true);
        }
        for (account, ..) in &self.accounts {
            count(Measure::SignUps, account.time(), *account, true);
        }
        for (measure, days) in [
            (Measure::ActiveDay, 1),
            (Measure::ActiveWeek, 7),
            (Measure::ActiveMonth, 30),
        ] {
            let from = date.saturating_sub(jiff::Span::new().days(days - 1));
            let (of_all, of_public) = self.active(zone, from, date);
            all.set(measure, of_all);
            public.set(measure, of_public);
        }
        InstanceDay {
            day: date.to_string().parse().unwrap(),
            all,
            public,
        }
    }

    fn account_day(&self, zone: &TimeZone, date: Date, account: AccountId) -> AccountDay {
        let mut day = AccountDay::default();
        if self.state(account) == State::Deleted {
            return day;
        }
        let counts =
            |at: Timestamp, by: AccountId| date_of(at, zone) == date && self.is_visible(by);
        let mut reached = BTreeSet::new();
        for post in &self.posts {
            if !counts(post.id.time(), post.author) {
                continue;
            }
            if post.author == account {
                day.posts += 1;
                day.replies += i64::from(post.answers.is_some());
                continue;
            }
            // An answer that doesn't name whom it answers may be one that it can't see.
            let is_known = matches!(post.visibility, Visibility::Public | Visibility::Unlisted)
                || post.mentions.contains(&account);
            if post.answers == Some(account) && is_known {
                day.replies_received += 1;
                reached.insert(post.author);
            }
            day.mentions_received += i64::from(post.mentions.contains(&account));
        }
        for (boost, _) in &self.boosts {
            if !counts(boost.at, boost.by) {
                continue;
            }
            if boost.by == account {
                day.boosts += 1;
            } else if self.post(boost.to).author == account {
                day.boosts_received += 1;
                reached.insert(boost.by);
            }
        }
        for favourite in &self.favourites {
            let is_received = self.post(favourite.to).author == account && favourite.by != account;
            if is_received && counts(favourite.at, favourite.by) {
                day.favourites_received += 1;
                reached.insert(favourite.by);
            }
        }
        for follow in &self.follows {
            let is_received = follow.to == account && counts(follow.at, follow.by);
            day.new_followers += i64::from(is_received);
        }
        day.reach = reached.len() as i64;
        day
    }

    fn shares(&self, zone: &TimeZone, date: Date, dimension: Dimension) -> Vec<Share> {
        let mut found: BTreeMap<String, (i64, BTreeSet<AccountId>)> = BTreeMap::new();
        for post in &self.posts {
            if date_of(post.id.time(), zone) != date || !self.is_visible(post.author) {
                continue;
            }
            let labels: Vec<String> = match dimension {
                Dimension::Tag if post.visibility == Visibility::Public => {
                    post.tags.iter().map(ToString::to_string).collect()
                }
                Dimension::Tag => Vec::new(),
                Dimension::Language => vec![post.language.unwrap_or_default().to_owned()],
                Dimension::App => vec![post.app.map_or(String::new(), |app| format!("app {app}"))],
            };
            for label in labels {
                let share = found.entry(label).or_default();
                share.0 += 1;
                share.1.insert(post.author);
            }
        }
        let mut shares: Vec<Share> = found
            .into_iter()
            .map(|(label, (posts, authors))| Share {
                label,
                posts,
                authors: authors.len() as i64,
            })
            .filter(|share| dimension != Dimension::Tag || share.authors >= 2)
            .collect();
        shares.sort_by_key(|share| (-share.posts, -share.authors, share.label.clone()));
        shares
    }
}

/// Clients whose names are `app 0` and `app 1`, the second registered twice.
struct AddApps;

impl Unit for AddApps {
    type Answer = Vec<AppId>;

    fn apply(&self, write: &mut Write<'_>) -> Result<Vec<AppId>, UnitError> {
        let mut apps = Vec::new();
        for (number, name) in ["app 0", "app 1", "app 1"].iter().enumerate() {
            write.connection.execute(
                "INSERT INTO apps (client_id, secret_hash, name, redirect_uris, scopes, made_at, used)
                 VALUES (?1, x'00', ?2, '', '', 0, 1)",
                (number.to_string(), name),
            )?;
            apps.push(AppId(write.connection.last_insert_rowid()));
        }
        Ok(apps)
    }
}

/// Statements of a test's own.
struct Tamper(&'static str);

impl Unit for Tamper {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        Ok(write.connection.execute_batch(self.0)?)
    }
}

/// A store with its log.
struct World {
    store: TestStore,
    log: Log,
    zone: TimeZone,
    apps: Vec<AppId>,
    texts: usize,
}

impl World {
    fn new(start: &str, zone_name: &str) -> Self {
        let store = TestStore::open();
        store.clock.set(moment(start));
        let apps = store.apply(AddApps).unwrap();
        let mut world = Self {
            store,
            log: Log::default(),
            zone: zone(zone_name),
            apps,
            texts: 0,
        };
        for _ in 0..4 {
            world.sign_up(false);
        }
        world
    }

    fn now(&self) -> Timestamp {
        self.store.clock.now()
    }

    fn sign_up(&mut self, waits: bool) {
        let number = self.log.accounts.len();
        let name = format!("member{number}");
        let admission = if waits {
            Admission::SignUp {
                registration: Registration::Approval,
                invitation: None,
                reason: None,
            }
        } else {
            Admission::Operator(Role::User)
        };
        let member = NewMember {
            name: name.clone(),
            email: format!("{name}@example.org"),
            password_hash: "none".to_owned(),
        };
        let made = self
            .store
            .apply(RegisterAccount { member, admission })
            .unwrap();
        let state = if waits { State::Waiting } else { State::Active };
        self.log.accounts.push((made.account, name, state));
    }

    fn who(&self, number: u8) -> AccountId {
        self.log.accounts[usize::from(number) % self.log.accounts.len()].0
    }

    fn which(&self, number: u8) -> Option<PostId> {
        let posts = &self.log.posts;
        (!posts.is_empty()).then(|| posts[usize::from(number) % posts.len()].id)
    }

    /// A text by a number: its bits choose tags, language, client and names. No text is like another, as an edit that
    /// changes nothing is none.
    fn text(&mut self, number: u8) -> (PreparedText, Option<usize>) {
        let bits = usize::from(number);
        self.texts += 1;
        let chosen: Vec<&'static str> = TAGS
            .into_iter()
            .enumerate()
            .filter(|(place, _)| bits >> place & 1 == 1)
            .map(|(_, tag)| tag)
            .collect();
        let names: Vec<String> = [bits / 3, bits / 17]
            .iter()
            .take(bits >> 6)
            .map(|place| self.log.accounts[place % self.log.accounts.len()].1.clone())
            .collect();
        let text = PreparedText {
            text: format!("text {}", self.texts),
            tags: chosen.into_iter().map(ToOwned::to_owned).collect(),
            language: LANGUAGES[bits % 3].map(ToOwned::to_owned),
            mentioned_names: names,
            terms: "text".to_owned(),
            ..PreparedText::default()
        };
        (text, Some(bits % 4).filter(|app| *app < 3))
    }

    fn mentioned(&self, text: &PreparedText) -> BTreeSet<AccountId> {
        self.log
            .accounts
            .iter()
            .filter(|(_, name, state)| {
                *state == State::Active && text.mentioned_names.contains(name)
            })
            .map(|(id, ..)| *id)
            .collect()
    }

    fn publish(
        &mut self,
        who: AccountId,
        visibility: Visibility,
        reply_to: Option<PostId>,
        text: u8,
    ) {
        let (text, app) = self.text(text);
        let mentions = self.mentioned(&text);
        let unit = PublishPost {
            author: who,
            text: text.clone(),
            visibility: Some(visibility),
            reply_to,
            app: app.map(|app| self.apps[app]),
            idempotency_key: None,
        };
        let Ok(id) = self.store.apply(unit) else {
            return;
        };
        let answers = reply_to.map(|parent| self.log.post(parent).author);
        self.log.posts.push(LoggedPost {
            id,
            author: who,
            visibility,
            answers,
            tags: tags_of(&text),
            language: language_of(&text),
            app: app.map(|app| app.min(1)),
            mentions,
        });
    }

    fn edit(&mut self, post: PostId, text: u8) {
        let (text, _) = self.text(text);
        let mentions = self.mentioned(&text);
        let before = self.log.post(post).clone();
        let unit = EditPost {
            author: before.author,
            post,
            text: text.clone(),
        };
        if self.store.apply(unit).is_err() {
            return;
        }
        let language = language_of(&text).or(before.language);
        let place = self.log.posts.iter().position(|logged| logged.id == post);
        let logged = &mut self.log.posts[place.unwrap()];
        logged.tags = tags_of(&text);
        logged.language = language;
        logged.mentions = mentions;
    }

    fn boost(&mut self, by: AccountId, post: PostId, visibility: Visibility) {
        let before = self
            .log
            .boosts
            .iter()
            .any(|(boost, _)| boost.by == by && boost.to == post);
        let unit = BoostPost {
            author: by,
            post,
            visibility,
        };
        if self.store.apply(unit).is_ok() && !before {
            let kept = match (self.log.post(post).visibility, visibility) {
                (Visibility::Followers, _) => Visibility::Followers,
                (_, wanted) => wanted,
            };
            let at = self.now();
            self.log.boosts.push((Deed { at, by, to: post }, kept));
        }
    }

    fn favour(&mut self, by: AccountId, post: PostId, on: bool) {
        let unit = MarkPost {
            account: by,
            post,
            mark: Mark::Favourite,
            on,
        };
        if self.store.apply(unit).is_err() {
            return;
        }
        let at = self.now();
        let stands = |deed: &Deed<PostId>| deed.by == by && deed.to == post;
        if !on {
            self.log.favourites.retain(|deed| !stands(deed));
        } else if !self.log.favourites.iter().any(stands) {
            self.log.favourites.push(Deed { at, by, to: post });
        }
    }

    fn follow(&mut self, by: AccountId, whom: AccountId, on: bool) {
        let applied = if on {
            let unit = FollowAccount {
                follower: by,
                followee: whom,
                shows_boosts: None,
                notifies: None,
                follows_max: 100,
            };
            self.store.apply(unit).map(drop)
        } else {
            self.store.apply(UnfollowAccount {
                follower: by,
                followee: whom,
            })
        };
        if applied.is_err() {
            return;
        }
        let at = self.now();
        let stands = |deed: &Deed<AccountId>| deed.by == by && deed.to == whom;
        if !on {
            self.log.follows.retain(|deed| !stands(deed));
        } else if !self.log.follows.iter().any(stands) {
            self.log.follows.push(Deed { at, by, to: whom });
        }
    }

    fn set_state(&mut self, account: AccountId, state: State) {
        for known in &mut self.log.accounts {
            if known.0 == account {
                known.2 = state;
            }
        }
    }

    fn suspend(&mut self, account: AccountId, on: bool) {
        let by = Authority::Operator;
        let applied = if on {
            self.store.apply(SuspendAccount { by, account })
        } else {
            self.store.apply(UnsuspendAccount { by, account })
        };
        match (applied, self.log.state(account)) {
            (Ok(()), State::Active) if on => self.set_state(account, State::Suspended),
            (Ok(()), State::Suspended) if !on => self.set_state(account, State::Active),
            _ => {}
        }
    }

    fn delete_account(&mut self, account: AccountId) {
        let by = Authority::Operator;
        if self.store.apply(DeleteAccount { by, account }).is_err() {
            return;
        }
        self.set_state(account, State::Deleted);
        self.log.forget_posts(|post| post.author == account);
        for post in &mut self.log.posts {
            post.mentions.remove(&account);
        }
        self.log.boosts.retain(|(boost, _)| boost.by != account);
        self.log.favourites.retain(|deed| deed.by != account);
        self.log
            .follows
            .retain(|deed| deed.by != account && deed.to != account);
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Wait { minutes } => self.store.clock.advance_millis(i64::from(minutes) * 60_000),
            Act::SignUp { waits } => {
                if self.log.accounts.len() < ACCOUNTS_MAX {
                    self.sign_up(waits);
                }
            }
            Act::Approve { who } => {
                let (by, account) = (Authority::Operator, self.who(who));
                if self.store.apply(ApproveAccount { by, account }).is_ok() {
                    self.set_state(account, State::Active);
                }
            }
            Act::Publish {
                who,
                visibility,
                reply_to,
                text,
            } => {
                let reply_to = reply_to.and_then(|post| self.which(post));
                let visibility = Visibility::ALL[usize::from(visibility)];
                self.publish(self.who(who), visibility, reply_to, text);
            }
            Act::Edit { post, text } => {
                if let Some(post) = self.which(post) {
                    self.edit(post, text);
                }
            }
            Act::Delete { post } => {
                if let Some(post) = self.which(post) {
                    let author = self.log.post(post).author;
                    if self.store.apply(DeletePost { author, post }).is_ok() {
                        self.log.forget_posts(|logged| logged.id == post);
                    }
                }
            }
            Act::Boost {
                who,
                post,
                visibility,
            } => {
                if let Some(post) = self.which(post) {
                    self.boost(
                        self.who(who),
                        post,
                        Visibility::ALL[usize::from(visibility)],
                    );
                }
            }
            Act::Unboost { who, post } => {
                if let Some(post) = self.which(post) {
                    let author = self.who(who);
                    if self.store.apply(UnboostPost { author, post }).is_ok() {
                        let stands = |deed: &Deed<PostId>| deed.by == author && deed.to == post;
                        self.log.boosts.retain(|(boost, _)| !stands(boost));
                    }
                }
            }
            Act::Favour { who, post, on } => {
                if let Some(post) = self.which(post) {
                    self.favour(self.who(who), post, on);
                }
            }
            Act::Follow { who, whom, on } => self.follow(self.who(who), self.who(whom), on),
            Act::Suspend { who, on } => self.suspend(self.who(who), on),
            Act::DeleteAccount { who } => self.delete_account(self.who(who)),
            Act::Purge => {
                self.store.step_in_house();
            }
            Act::Compute { rounds } => {
                for _ in 0..rounds {
                    if !self.step() {
                        break;
                    }
                }
            }
            Act::MoveTo { zone: number } => self.zone = zone(ZONES[usize::from(number)]),
        }
    }

    /// One step of the driver; false when nothing is left.
    fn step(&mut self) -> bool {
        let (now, zone) = (self.now(), self.zone.clone());
        let plan = PlanStatistics {
            now,
            zone: zone.clone(),
        };
        match self.store.look(plan).0 {
            StatisticsStep::Begin(begin) => self.store.apply(begin).unwrap(),
            StatisticsStep::MarkAccounts => {
                self.store.apply(MarkAccountsStale).unwrap();
            }
            StatisticsStep::Close(day) => self.compute(day),
            StatisticsStep::CountWindows(day) => {
                let windows = self.store.look(ComputeWindows { day, zone }).0;
                assert!(self.store.apply(windows).unwrap());
            }
            StatisticsStep::Forget(before) => {
                self.store.apply(ForgetAccountDays { before }).unwrap();
            }
            StatisticsStep::Open(days) => {
                days.into_iter().for_each(|day| self.compute(day));
                return false;
            }
        }
        true
    }

    fn compute(&mut self, computed: ComputedDay) {
        let (day, zone) = (computed.day, self.zone.clone());
        let mut since_commit = None;
        let mut after = Some(AccountId(0)).filter(|_| computed.has_accounts);
        while let Some(account) = after {
            let page = ComputeAccountDays {
                day,
                zone: zone.clone(),
                after: account,
            };
            let page = self.store.look(page).0;
            since_commit = since_commit.or(Some(page.record.read_commit));
            after = page.next;
            if !page.record.changes.is_empty() {
                assert!(self.store.apply(page.record).unwrap());
            }
        }
        let query = ComputeDay {
            day,
            zone,
            is_closed: computed.is_closed,
            since_commit,
        };
        if let Some(record) = self.store.look(query).0 {
            assert!(self.store.apply(record).unwrap());
        }
    }

    /// What is to be counted again is known, and the rest is right.
    fn require_days_right(&mut self) {
        let now = self.now();
        let checks = Check::all();
        let days = checks
            .into_iter()
            .filter(|check| check.name() == name::DAYS);
        for check in days {
            let mut after = None;
            loop {
                let step = self.store.look(StepCheck { check, after, now }).0;
                assert_eq!(step.broken, []);
                after = step.next;
                if after.is_none() {
                    break;
                }
            }
        }
    }

    /// Lets the driver and the purges come to rest.
    fn settle(&mut self) {
        self.require_days_right();
        while self.store.step_in_house() {}
        let rounds = (0..ROUNDS_MAX).take_while(|_| self.step()).count();
        assert!(rounds < ROUNDS_MAX, "the driver never comes to rest");
        let commit = self.store.look(ReadTotals).1;
        assert!(!self.step());
        assert_eq!(self.store.look(ReadTotals).1, commit, "it writes at rest");
    }

    /// The dates that the instance has lived through.
    fn dates(&self) -> Vec<Date> {
        let first = date_of(self.log.accounts[0].0.time(), &self.zone);
        let today = date_of(self.now(), &self.zone);
        first
            .series(jiff::Span::new().days(1))
            .take_while(|date| *date <= today)
            .collect()
    }

    fn shares_of(&mut self, date: Date, dimension: Dimension) -> Vec<Share> {
        let day: Day = date.to_string().parse().unwrap();
        let shares = ReadShares {
            dimension,
            from: day,
            until: day,
            active_min: 0,
            limit: 20,
        };
        self.store.look(shares).0
    }

    /// Compares what is kept with a naive count.
    fn check(&mut self) {
        self.require_days_right();
        let zone = self.zone.clone();
        let dates = self.dates();
        let (from, until) = (FROM, UNTIL);
        let series = ReadInstanceSeries {
            from,
            until,
            zone: zone.clone(),
        };
        let series: Vec<InstanceDay> = self
            .store
            .look(series)
            .0
            .into_iter()
            .map(|(day, _)| day)
            .collect();
        let today: Day = dates.last().unwrap().to_string().parse().unwrap();
        let lived: Vec<InstanceDay> = series.into_iter().filter(|day| day.day <= today).collect();
        let counted: Vec<InstanceDay> = dates
            .iter()
            .map(|date| self.log.instance_day(&zone, *date))
            .collect();
        assert_eq!(lived, counted);
        for date in &dates {
            for dimension in Dimension::ALL {
                let counted = self.log.shares(&zone, *date, dimension);
                assert_eq!(
                    self.shares_of(*date, dimension),
                    counted,
                    "{date} {dimension:?}"
                );
            }
        }
        for (account, ..) in self.log.accounts.clone() {
            let series = ReadAccountSeries {
                account,
                from,
                until,
            };
            let kept = self.store.look(series).0;
            let counted: Vec<(Day, AccountDay)> = dates
                .iter()
                .map(|date| {
                    (
                        date.to_string().parse().unwrap(),
                        self.log.account_day(&zone, *date, account),
                    )
                })
                .filter(|(_, figures)| *figures != AccountDay::default())
                .collect();
            assert_eq!(kept, counted, "account {account}");
        }
    }

    /// All that strangers and members can be shown.
    fn shown(&mut self, audience: Audience) -> String {
        let (from, until) = (FROM, UNTIL);
        let zone = self.zone.clone();
        let mut shown = String::new();
        for (day, measured) in self.store.look(ReadInstanceSeries { from, until, zone }).0 {
            let figures = audience.figures(&day);
            shown += &format!(
                "{} {figures:?} {:?}\n",
                day.day,
                audience.measured(measured)
            );
        }
        let (totals, measured) = self.store.look(ReadTotals).0;
        shown += &format!(
            "{:?} {:?}\n",
            audience.totals(&totals),
            audience.measured(measured)
        );
        for dimension in Dimension::ALL
            .into_iter()
            .filter(|dimension| audience.may_see(*dimension))
        {
            let active_min = audience.active_min();
            let shares = ReadShares {
                dimension,
                from,
                until,
                active_min,
                limit: 20,
            };
            shown += &format!("{:?}\n", self.store.look(shares).0);
        }
        shown
    }
}

fn tags_of(text: &PreparedText) -> BTreeSet<&'static str> {
    let carries = |tag: &&'static str| text.tags.iter().any(|carried| carried == tag);
    TAGS.into_iter().filter(carries).collect()
}

fn language_of(text: &PreparedText) -> Option<&'static str> {
    let is_it = |language: &&'static str| text.language.as_deref() == Some(language);
    LANGUAGES.into_iter().flatten().find(is_it)
}

const WIPE: &str = "DELETE FROM instance_days; DELETE FROM account_days; DELETE FROM day_shares;
     DELETE FROM stale_quarters; DELETE FROM stale_accounts; DELETE FROM meta WHERE name = 'statistics_zone'";

const FALSIFY: &str =
    "UPDATE instance_days SET posts = 99, public_active_week = 98, hours = public_hours;
     UPDATE account_days SET reach = 97; DELETE FROM day_shares";

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_kept_equals_a_naive_count_and_what_is_computed_anew(
        start in 0..STARTS.len(),
        first_zone in 0..ZONES.len(),
        acts in proptest::collection::vec(act(), 1..120),
    ) {
        let mut world = World::new(STARTS[start], ZONES[first_zone]);
        for act in &acts {
            world.act(act);
        }
        world.settle();
        world.check();

        world.store.apply(Tamper(WIPE)).unwrap();
        world.settle();
        world.check();
        world.store.apply(Tamper(FALSIFY)).unwrap();
        let all = ReopenDays { from: FROM, until: UNTIL };
        world.store.apply(all).unwrap();
        world.settle();
        world.check();
    }

    #[test]
    fn direct_posts_change_nothing_that_others_are_shown(
        acts in proptest::collection::vec(act(), 1..80),
        direct in proptest::collection::vec(any::<(u8, u8, Option<u8>, u8)>(), 1..20),
    ) {
        let mut world = World::new(STARTS[0], ZONES[1]);
        for act in &acts {
            world.act(act);
        }
        world.settle();
        let before = [Audience::Strangers, Audience::Members].map(|audience| world.shown(audience));
        for (who, text, reply_to, favours) in direct {
            let reply_to = reply_to.and_then(|post| world.which(post));
            world.publish(world.who(who), Visibility::Direct, reply_to, text);
            if let Some(post) = world.log.posts.last().map(|post| post.id)
                && world.log.post(post).visibility == Visibility::Direct
            {
                world.favour(world.who(favours), post, true);
            }
        }
        world.settle();
        world.check();
        let after = [Audience::Strangers, Audience::Members].map(|audience| world.shown(audience));
        prop_assert_eq!(before, after);
    }
}

#[test]
fn an_idle_instance_writes_nothing() {
    let mut world = World::new(STARTS[0], ZONES[3]);
    world.publish(world.who(0), Visibility::Public, None, 7);
    world.store.clock.advance_millis(3 * 86_400_000);
    world.settle();
    let commit = world.store.look(ReadTotals).1;
    for _ in 0..20 {
        world.store.clock.advance_millis(60_000);
        assert!(!world.step());
    }
    assert_eq!(world.store.look(ReadTotals).1, commit);
}

#[test]
fn whoever_is_let_in_signed_up_on_the_day_of_asking() {
    let mut world = World::new(STARTS[0], ZONES[0]);
    world.sign_up(true);
    world.store.clock.advance_millis(3 * 86_400_000);
    world.settle();
    world.check();
    world.act(&Act::Approve { who: 4 });
    world.settle();
    world.check();
    let first = world.dates()[0];
    let figures = world.log.instance_day(&world.zone, first).all;
    assert_eq!(figures.get(Measure::SignUps), 5);
}

#[test]
fn a_deleted_account_has_no_days_whoever_answered_it() {
    let mut world = World::new(STARTS[0], ZONES[0]);
    let (one, other) = (world.who(0), world.who(1));
    world.publish(one, Visibility::Public, None, 0);
    let post = world.which(0);
    world.publish(other, Visibility::Public, post, 0);
    world.delete_account(one);
    world.store.clock.advance_millis(3 * 86_400_000);
    world.settle();
    world.check();
}

#[test]
fn what_an_import_brought_from_before_the_instance_opens_no_day_when_it_goes() {
    let mut world = World::new(STARTS[0], ZONES[0]);
    let who = world.who(0);
    let entry = |number: u64, days: i64| ImportedEntry {
        reference: Reference {
            origin: Origin::of(&format!("https://old.example/{number}")),
            here: None,
        },
        published: moment(STARTS[0]).plus_millis(-days * 86_400_000),
        visibility: Visibility::Public,
        what: ImportedKind::Post {
            text: PreparedText::default(),
            reply_to: None,
            edited_at: None,
        },
    };
    let import = ImportEntries {
        account: who,
        entries: vec![entry(1, 3000), entry(2, 400)],
    };
    world.store.apply(import).unwrap();
    world.store.clock.advance_millis(3 * 86_400_000);
    world.settle();
    world.check();
    let imported = world.store.find(OldestEntry { author: who });
    let delete = DeletePost {
        author: who,
        post: imported,
    };
    world.store.apply(delete).unwrap();
    // And all that it did changes.
    let by = Authority::Operator;
    world
        .store
        .apply(SuspendAccount { by, account: who })
        .unwrap();
    world
        .store
        .apply(UnsuspendAccount { by, account: who })
        .unwrap();
    while world.store.step_in_house() {}
    world.settle();
    world.check();
    assert_eq!(world.store.find(CheckInvariants), []);
    assert_eq!(world.store.find(CountStale), 0);
}

#[test]
fn a_day_changed_while_it_is_computed_is_computed_again() {
    let mut world = World::new(STARTS[0], ZONES[0]);
    world.publish(world.who(0), Visibility::Public, None, 7);
    world.publish(world.who(1), Visibility::Public, None, 7);
    world.store.clock.advance_millis(3 * 86_400_000);
    world.settle();
    world.act(&Act::Delete { post: 0 });
    while world.store.step_in_house() {}
    let day = Day::of(moment(STARTS[0]), &world.zone);
    let zone = world.zone.clone();
    let query = ComputeDay {
        day,
        zone,
        is_closed: true,
        since_commit: None,
    };
    let record = world.store.look(query).0.expect("the deletion is seen");
    world.act(&Act::Delete { post: 0 });
    while world.store.step_in_house() {}
    assert!(world.store.apply(record.clone()).unwrap());
    world.settle();
    world.check();
    assert!(
        !world.store.apply(record).unwrap(),
        "what was read before is refused"
    );
    world.check();
}

#[test]
fn what_was_measured_is_told_of_its_day() {
    let mut world = World::new("2026-03-01T18:00:00Z", "Asia/Kathmandu");
    let measure = |world: &mut World, database_bytes, outcome, letters| {
        world
            .store
            .apply(MeasureDatabase { database_bytes })
            .unwrap();
        world.store.apply(CountMail { outcome, letters }).unwrap();
    };
    measure(&mut world, 100, MailOutcome::Sent, 2);
    world.store.clock.set(moment("2026-03-01T18:14:59Z"));
    measure(&mut world, 110, MailOutcome::Sent, 3);
    world.store.clock.set(moment("2026-03-01T18:15:00Z"));
    measure(&mut world, 90, MailOutcome::Failed, 1);
    world.settle();
    let series = ReadInstanceSeries {
        from: FROM,
        until: UNTIL,
        zone: world.zone.clone(),
    };
    let told: Vec<(String, Option<i64>, i64, i64)> = world
        .store
        .look(series)
        .0
        .into_iter()
        .map(|(day, m)| {
            (
                day.day.to_string(),
                m.database_bytes,
                m.mail_sent,
                m.mail_failed,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("2026-03-01".to_owned(), Some(110), 5, 0),
            ("2026-03-02".to_owned(), Some(90), 0, 1),
        ]
    );
}

#[test]
fn days_of_accounts_are_forgotten_and_the_instance_s_stay() {
    let mut world = World::new(STARTS[0], ZONES[0]);
    world.publish(world.who(0), Visibility::Public, None, 7);
    world.settle();
    let author = world.who(0);
    let series = ReadAccountSeries {
        account: author,
        from: FROM,
        until: UNTIL,
    };
    assert_eq!(world.store.look(series).0.len(), 1);
    world.store.clock.advance_millis(401 * 86_400_000);
    world.settle();
    assert_eq!(world.store.look(series).0, []);
    // An old day is computed again without them.
    world.act(&Act::Delete { post: 0 });
    world.settle();
    assert_eq!(world.store.look(series).0, []);
    let first = world.dates()[0];
    let zone = world.zone.clone();
    let kept = ReadInstanceSeries {
        from: FROM,
        until: UNTIL,
        zone: zone.clone(),
    };
    assert_eq!(
        world.store.look(kept).0[0].0,
        world.log.instance_day(&zone, first)
    );
}
