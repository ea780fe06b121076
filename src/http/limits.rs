//! How often is too often: counters per account and per address in bounded memory, and the guard on wrong passwords.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashlink::LruCache;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use super::extract::peer::AddressGroup;
use super::problem::Problem;
use crate::clock::{SharedClock, Timestamp};
use crate::ids::AccountId;

/// Parts of the counters that are locked apart from each other.
const SHARDS: usize = 16;
/// Counters kept at once; beyond it those go that were not used for longest.
pub const KEYS_MAX: usize = 65_536;
/// Entries of the guard on passwords kept at once.
pub const GUARD_KEYS_MAX: usize = 16_384;
/// Wrong passwords without a delay.
const FREE_TRIES: u32 = 5;
/// The longest delay for one account's name, in milliseconds. Short, because a stranger can cause it.
const LOGIN_DELAY_MS_MAX: i64 = 60_000;
/// The longest delay for one address, in milliseconds.
const ADDRESS_DELAY_MS_MAX: i64 = 15 * 60_000;
/// Failures are forgotten when none came for this long, in milliseconds.
const FAILURES_FORGOTTEN_MS: i64 = 24 * 3_600_000;
/// Where somebody logged in stays known for this long, in milliseconds.
const KNOWN_PLACE_MS: i64 = 30 * 24 * 3_600_000;

const X_RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const X_RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const X_RATELIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Any request to the API.
    Api,
    /// Log-in forms sent.
    LogIn,
    /// Set-up codes tried.
    SetupCode,
    /// Accounts asked for.
    SignUp,
    /// Mails asked for: links to a new password or to confirm an address.
    MailAsked,
    /// Applications registered.
    AppRegistration,
    /// Tokens asked for.
    Token,
    /// Searches.
    Search,
    /// Posts and boosts.
    Posting,
}

/// One row of the table of limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How many in one window.
    pub requests_max: u32,
    /// The window's length in seconds.
    pub window_s: u32,
}

impl Kind {
    /// The table of limits.
    pub const fn limit(self) -> Limit {
        let (requests_max, window_s) = match self {
            Self::Api => (300, 300),
            Self::LogIn => (25, 300),
            Self::SetupCode => (10, 300),
            Self::SignUp => (10, 1800),
            Self::MailAsked => (10, 1800),
            Self::AppRegistration => (30, 600),
            Self::Token => (60, 300),
            Self::Search => (60, 300),
            Self::Posting => (300, 10_800),
        };
        Limit {
            requests_max,
            window_s,
        }
    }
}

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An account, wherever it comes from.
    Account(AccountId),
    /// Anybody behind an address.
    Address(AddressGroup),
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began: Timestamp,
    used: u32,
}

/// How much of a limit is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The whole.
    pub limit: u32,
    /// What is left of it.
    pub remaining: u32,
    /// When all of it is back.
    pub reset: Timestamp,
}

impl Standing {
    /// Writes Mastodon's three headers; the reset is an ISO 8601 date.
    pub fn write(&self, headers: &mut HeaderMap) {
        headers.insert(X_RATELIMIT_LIMIT, self.limit.into());
        headers.insert(X_RATELIMIT_REMAINING, self.remaining.into());
        headers.insert(X_RATELIMIT_RESET, self.reset_header());
    }

    fn reset_header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.reset.to_string()).expect("a date is ASCII")
    }
}

/// Used up, with what is left and when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    /// The state of the limit.
    pub standing: Standing,
    /// Seconds until the next try can succeed; at least 1.
    pub retry_after_s: u32,
}

impl From<Exceeded> for Problem {
    fn from(exceeded: Exceeded) -> Self {
        let standing = exceeded.standing;
        Self::too_many_requests(exceeded.retry_after_s)
            .with_header(X_RATELIMIT_LIMIT, standing.limit.into())
            .with_header(X_RATELIMIT_REMAINING, standing.remaining.into())
            .with_header(X_RATELIMIT_RESET, standing.reset_header())
    }
}

/// Whole seconds, rounded up, at least 1.
fn seconds_to_wait(millis: i64) -> u32 {
    u32::try_from(millis.max(1).saturating_add(999) / 1000).unwrap_or(u32::MAX)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Counters stay usable after a panic: at worst one request is counted or not.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type Counters = LruCache<(Kind, Subject), Window>;

/// Counts requests in windows that begin with the first of them.
pub struct Limiter {
    shards: Vec<Mutex<Counters>>,
    clock: SharedClock,
    on: bool,
}

impl Limiter {
    /// A limiter; with `on` false it lets everything pass.
    pub fn new(clock: SharedClock, on: bool) -> Self {
        let shard = || Mutex::new(LruCache::new(KEYS_MAX / SHARDS));
        Self {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            clock,
            on,
        }
    }

    /// Counts one request. `None` when limits are off.
    ///
    /// # Errors
    /// The limit is used up; nothing was counted.
    pub fn take(&self, kind: Kind, subject: Subject) -> Result<Option<Standing>, Exceeded> {
        if !self.on {
            return Ok(None);
        }
        let limit = kind.limit();
        let now = self.clock.now();
        let mut counters = locked(self.shard((kind, subject)));
        let length_ms = i64::from(limit.window_s) * 1000;
        let over = |window: &Window| {
            // A clock that was set back must not lengthen a window.
            now < window.began || now >= window.began.plus_millis(length_ms)
        };
        let mut window = match counters.get(&(kind, subject)) {
            Some(window) if !over(window) => *window,
            _ => Window {
                began: now,
                used: 0,
            },
        };
        let reset = window.began.plus_millis(length_ms);
        if window.used >= limit.requests_max {
            return Err(Exceeded {
                standing: Standing {
                    limit: limit.requests_max,
                    remaining: 0,
                    reset,
                },
                retry_after_s: seconds_to_wait(reset.millis() - now.millis()),
            });
        }
        window.used += 1;
        counters.insert((kind, subject), window);
        Ok(Some(Standing {
            limit: limit.requests_max,
            remaining: limit.requests_max - window.used,
            reset,
        }))
    }

    /// Counters held at the moment.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| locked(shard).len()).sum()
    }

    /// Whether nothing is counted.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard(&self, key: (Kind, Subject)) -> &Mutex<Counters> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        &self.shards[hasher.finish() as usize % SHARDS]
    }
}

/// A log-in name as the guard keeps it: a digest, so that memory is bounded and holds no mail addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct LoginDigest(u64);

impl LoginDigest {
    fn of(login: &str) -> Self {
        let login = login.trim();
        let login = login.strip_prefix('@').unwrap_or(login);
        let digest = Sha256::digest(login.to_lowercase());
        let (first, _) = digest.split_at(8);
        Self(first.iter().fold(0, |sum, b| sum << 8 | u64::from(*b)))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum GuardKey {
    Login(LoginDigest),
    Address(AddressGroup),
    /// The account was logged in from here: others' failures don't delay its owner.
    Known(LoginDigest, AddressGroup),
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Timestamp,
}

/// Slows down guessing of passwords, per name and per address, and locks nobody out for ever: delays are bounded, tries
/// during a delay don't lengthen it, and where the owner logged in before, others' failures don't count.
pub struct PasswordGuard {
    entries: Mutex<LruCache<GuardKey, Failures>>,
    clock: SharedClock,
}

impl PasswordGuard {
    /// A guard that has seen nothing. It is on whatever the configuration says.
    pub fn new(clock: SharedClock) -> Self {
        Self {
            entries: Mutex::new(LruCache::new(GUARD_KEYS_MAX)),
            clock,
        }
    }

    /// Asks to try a password, before it is compared. The try counts as a failure until [`PasswordGuard::succeeded`], so
    /// that many at the same moment can't slip through.
    ///
    /// # Errors
    /// Too many requests, with the seconds to wait; nothing was counted.
    pub fn attempt(&self, login: &str, address: AddressGroup) -> Result<(), Problem> {
        let now = self.clock.now();
        let login = LoginDigest::of(login);
        let mut entries = locked(&self.entries);
        let known = entries
            .get(&GuardKey::Known(login, address))
            .is_some_and(|place| now.millis() - place.last.millis() < KNOWN_PLACE_MS);
        let mut keys = vec![(GuardKey::Address(address), ADDRESS_DELAY_MS_MAX)];
        if !known {
            keys.push((GuardKey::Login(login), LOGIN_DELAY_MS_MAX));
        }
        let waits = keys.iter().map(|(key, delay_ms_max)| {
            let failures = entries.get(key).copied();
            failures.map_or(0, |failures| failures.wait_ms(now, *delay_ms_max))
        });
        let wait_ms = waits.max().unwrap_or(0);
        if wait_ms > 0 {
            return Err(Problem::too_many_requests(seconds_to_wait(wait_ms)));
        }
        for (key, _) in keys {
            let before = entries.get(&key).copied();
            let before = before.filter(|failures| !failures.forgotten(now));
            let count = before
                .map_or(0, |failures| failures.count)
                .saturating_add(1);
            entries.insert(key, Failures { count, last: now });
        }
        Ok(())
    }

    /// The password was right: the name starts afresh, and this place is known from now on.
    pub fn succeeded(&self, login: &str, address: AddressGroup) {
        let now = self.clock.now();
        let login = LoginDigest::of(login);
        let mut entries = locked(&self.entries);
        entries.remove(&GuardKey::Login(login));
        // Only this try is taken back: a guesser may own one account at the same address.
        if let Some(failures) = entries.get_mut(&GuardKey::Address(address)) {
            failures.count = failures.count.saturating_sub(1);
        }
        let place = Failures {
            count: 0,
            last: now,
        };
        entries.insert(GuardKey::Known(login, address), place);
    }
}

impl Failures {
    fn forgotten(&self, now: Timestamp) -> bool {
        now.millis() - self.last.millis() > FAILURES_FORGOTTEN_MS
    }

    fn wait_ms(&self, now: Timestamp, delay_ms_max: i64) -> i64 {
        if self.count < FREE_TRIES || self.forgotten(now) {
            return 0;
        }
        let doublings = (self.count - FREE_TRIES).min(30);
        let delay_ms = (1000_i64 << doublings).min(delay_ms_max);
        // A clock that was set back must not lengthen a delay.
        (self.last.millis() + delay_ms - now.millis()).clamp(0, delay_ms)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};
    use std::sync::Arc;

    use super::*;
    use crate::clock::ManualClock;

    const START: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn address(number: u8) -> AddressGroup {
        IpAddr::from([192, 0, 2, number]).into()
    }

    #[test]
    fn a_limit_is_used_up_told_and_comes_back() {
        let clock = ManualClock::at(START);
        let limiter = Limiter::new(clock.clone(), true);
        let me = Subject::Account(AccountId(1));
        for left in (0..300).rev() {
            let standing = limiter.take(Kind::Api, me).expect("free").expect("on");
            assert_eq!((standing.limit, standing.remaining), (300, left));
        }
        clock.advance_millis(299_500);
        let exceeded = limiter.take(Kind::Api, me).expect_err("used up");
        assert_eq!(exceeded.retry_after_s, 1);
        let answer = Problem::from(exceeded).to_json(None);
        assert_eq!(answer.status(), 429);
        assert_eq!(answer.headers()["retry-after"], "1");
        assert_eq!(answer.headers()["x-ratelimit-remaining"], "0");
        assert_eq!(
            answer.headers()["x-ratelimit-reset"],
            "2026-09-21T14:18:20.000Z"
        );
        assert!(limiter.take(Kind::Search, me).is_ok(), "kinds are apart");
        assert!(
            limiter
                .take(Kind::Api, Subject::Account(AccountId(2)))
                .is_ok()
        );
        clock.advance_millis(500);
        assert!(limiter.take(Kind::Api, me).is_ok());
        clock.set(Timestamp::from_millis(0));
        for _ in 0..300 {
            assert!(limiter.take(Kind::Api, me).is_ok(), "a clock set back");
        }
    }

    #[test]
    fn memory_is_bounded_whoever_comes() {
        let limiter = Limiter::new(ManualClock::at(START), true);
        for number in 0..2 * KEYS_MAX as u128 {
            let address = IpAddr::V6(Ipv6Addr::from(number << 64));
            assert!(
                limiter
                    .take(Kind::Api, Subject::Address(address.into()))
                    .is_ok()
            );
        }
        assert!(limiter.len() <= KEYS_MAX && limiter.len() > KEYS_MAX / 2);
    }

    #[test]
    fn switched_off_nothing_is_counted() {
        let limiter = Limiter::new(ManualClock::at(START), false);
        for _ in 0..1000 {
            assert_eq!(
                limiter.take(Kind::SetupCode, Subject::Address(address(1))),
                Ok(None)
            );
        }
        assert!(limiter.is_empty());
    }

    fn wait_of(problem: Result<(), Problem>) -> Option<u32> {
        let answer = problem.err()?.to_json(None);
        answer.headers()["retry-after"].to_str().ok()?.parse().ok()
    }

    #[test]
    fn guessing_gets_slower_but_never_impossible() {
        let clock = ManualClock::at(START);
        let guard = PasswordGuard::new(clock.clone() as Arc<ManualClock>);
        for number in 0..FREE_TRIES {
            assert!(guard.attempt("ada", address(number as u8)).is_ok());
        }
        assert_eq!(wait_of(guard.attempt("Ada ", address(90))), Some(1));
        let mut longest = 0;
        for round in 0..40 {
            while let Some(wait) = wait_of(guard.attempt("ada", address(100 + round))) {
                longest = longest.max(wait);
                clock.advance_millis(i64::from(wait) * 1000);
            }
        }
        assert_eq!(longest, 60);
        assert!(guard.attempt("eve", address(91)).is_ok(), "others are free");
    }

    #[test]
    fn the_owner_is_not_delayed_by_strangers_where_she_is_known() {
        let clock = ManualClock::at(START);
        let guard = PasswordGuard::new(clock);
        assert!(guard.attempt("ada", address(1)).is_ok());
        guard.succeeded("ada", address(1));
        for number in 0..FREE_TRIES {
            assert!(guard.attempt("ada", address(50 + number as u8)).is_ok());
        }
        assert!(guard.attempt("ada", address(80)).is_err());
        assert!(guard.attempt("ada", address(1)).is_ok());
    }

    #[test]
    fn one_right_password_does_not_pay_for_many_wrong_ones() {
        let guard = PasswordGuard::new(ManualClock::at(START));
        for number in 0..FREE_TRIES - 1 {
            assert!(
                guard
                    .attempt(&format!("victim{number}"), address(1))
                    .is_ok()
            );
        }
        assert!(guard.attempt("mallory", address(1)).is_ok());
        guard.succeeded("mallory", address(1));
        assert!(guard.attempt("victim9", address(1)).is_ok());
        assert!(guard.attempt("victim9", address(1)).is_err());
    }
}
