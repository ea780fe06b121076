//! Which records are written: the configured level, and what an operator set over it for a while.
//!
//! Plain values; time is passed in. [`super::LogControl`] holds them to the subscriber.

use std::fmt;
use std::str::FromStr;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

use crate::clock::Timestamp;
use crate::config::LogLevel;

/// The target that all records of kinglet start with.
const OWN_TARGET: &str = "kinglet";

/// What follows `kinglet::` in the targets of kinglet's own records: its rooms, and `slow` for slow requests.
pub const ROOMS: &[&str] = &[
    "actors",
    "backups",
    "boot",
    "cli",
    "control",
    "dev",
    "http",
    "logging",
    "mail",
    "net",
    "server",
    "slow",
    "store",
    "telemetry",
    "threads",
];

/// The most that libraries may write, whatever level is set: what they print at finer levels
/// (headers, queries, bodies) is not kinglet's to vouch for.
const LIBRARY_LEVEL_MAX: LogLevel = LogLevel::Warn;

/// Levels that are set over the configured one at once, those included that a later one hides.
pub const LEVELS_SET_MAX: usize = 32;

/// Bytes of a target.
const TARGET_BYTES_MAX: usize = 64;

/// Whose records are meant: a target and all that begin with it, such as `kinglet::http`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTarget(String);

impl LogTarget {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is_library(&self) -> bool {
        self.0 != OWN_TARGET && !self.0.starts_with("kinglet::")
    }
}

impl fmt::Display for LogTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text names nobody who writes records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogTargetError {
    /// It can't be a target.
    #[error(
        "is no target: names of lower-case letters, digits and _ with :: between them, such as kinglet::http, {TARGET_BYTES_MAX} bytes at most"
    )]
    Malformed,
    /// Nothing in kinglet is called so.
    #[error("is nothing that writes records; there are {}", own_targets())]
    Unknown,
}

fn own_targets() -> String {
    let targets: Vec<_> = ROOMS
        .iter()
        .map(|room| format!("kinglet::{room}"))
        .collect();
    targets.join(", ")
}

impl FromStr for LogTarget {
    type Err = LogTargetError;

    fn from_str(text: &str) -> Result<Self, LogTargetError> {
        let is_name = |name: &str| {
            let mut bytes = name.bytes();
            let begins = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
            begins && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if text.len() > TARGET_BYTES_MAX || !text.split("::").all(is_name) {
            return Err(LogTargetError::Malformed);
        }
        match text.split("::").collect::<Vec<_>>()[..] {
            [OWN_TARGET, room, ..] if !ROOMS.contains(&room) => Err(LogTargetError::Unknown),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

/// A level that was set over the configured one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetLevel {
    /// Whose; everybody's where it is left out.
    pub target: Option<LogTarget>,
    /// How much is written.
    pub level: LogLevel,
    /// When it ends; none when it holds until the process ends.
    pub until: Option<Timestamp>,
}

/// Why a level can't be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LevelError {
    /// Libraries are kept from telling secrets.
    #[error(
        "a library's records are written up to \"{LIBRARY_LEVEL_MAX}\": finer ones may hold what requests carry, passwords and tokens too"
    )]
    Library,
    /// There are as many already as are kept.
    #[error("{LEVELS_SET_MAX} levels are set already: reset some")]
    Full,
}

/// The levels in force.
#[derive(Clone, Debug)]
pub struct Levels {
    configured: LogLevel,
    /// Of the same target the later hides the earlier, and ends before it.
    set: Vec<SetLevel>,
}

impl Levels {
    /// The configured level alone.
    #[must_use]
    pub const fn new(configured: LogLevel) -> Self {
        Self {
            configured,
            set: Vec::new(),
        }
    }

    /// The level of the configuration.
    #[must_use]
    pub const fn configured(&self) -> LogLevel {
        self.configured
    }

    /// What is set, in the order in which it was set.
    #[must_use]
    pub fn set_levels(&self) -> &[SetLevel] {
        &self.set
    }

    /// Whether a later level of the same target hides this one of [`set_levels`](Self::set_levels).
    #[must_use]
    pub fn is_hidden(&self, index: usize) -> bool {
        let Some(level) = self.set.get(index) else {
            return true;
        };
        let mut later = self.set[index + 1..].iter();
        later.any(|later| later.target == level.target)
    }

    /// Sets a level. It hides what was set for the same target: what would end no later is forgotten, what lasts longer
    /// comes back.
    ///
    /// # Errors
    /// When it may not be set, or too many are.
    pub fn set(&mut self, level: SetLevel) -> Result<(), LevelError> {
        let is_library = level.target.as_ref().is_some_and(LogTarget::is_library);
        if is_library && level.level > LIBRARY_LEVEL_MAX {
            return Err(LevelError::Library);
        }
        let end = |level: &SetLevel| level.until.map_or(i64::MAX, Timestamp::millis);
        let stays = |old: &SetLevel| old.target != level.target || end(old) > end(&level);
        if self.set.iter().filter(|old| stays(old)).count() >= LEVELS_SET_MAX {
            return Err(LevelError::Full);
        }
        self.set.retain(stays);
        self.set.push(level);
        Ok(())
    }

    /// Forgets what was set for a target, or all of it.
    pub fn reset(&mut self, target: Option<&LogTarget>) {
        match target {
            None => self.set.clear(),
            target => self.set.retain(|level| level.target.as_ref() != target),
        }
    }

    /// Forgets what has ended; whether anything had.
    pub fn expire(&mut self, now: Timestamp) -> bool {
        let before = self.set.len();
        let lasts = |level: &SetLevel| level.until.is_none_or(|until| until > now);
        self.set.retain(lasts);
        self.set.len() < before
    }

    /// When something ends next.
    #[must_use]
    pub fn next_end(&self) -> Option<Timestamp> {
        self.set.iter().filter_map(|level| level.until).min()
    }

    /// What passes: kinglet's own records up to the level, those of libraries up to
    /// [`LIBRARY_LEVEL_MAX`] at most.
    pub(super) fn filter(&self) -> Targets {
        let everybody = self.set.iter().rfind(|level| level.target.is_none());
        let everybody = everybody.map_or(self.configured, |level| level.level);
        let whole = Targets::new()
            .with_default(of(everybody.min(LIBRARY_LEVEL_MAX)))
            .with_target(OWN_TARGET, of(everybody));
        let single = self.set.iter().filter_map(|level| {
            let target = level.target.as_ref()?;
            let most = match target.is_library() {
                true => LIBRARY_LEVEL_MAX,
                false => LogLevel::Trace,
            };
            Some((target.as_str(), of(level.level.min(most))))
        });
        // A later one of the same target replaces the earlier.
        single.fold(whole, |targets, (target, level)| {
            targets.with_target(target, level)
        })
    }
}

fn of(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use tracing::Level;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn level(target: &str, level: LogLevel, until: Option<i64>) -> SetLevel {
        SetLevel {
            target: (!target.is_empty()).then(|| target.parse().expect("a target")),
            level,
            until: until.map(at),
        }
    }

    fn levels(set: &[SetLevel]) -> Levels {
        let mut levels = Levels::new(LogLevel::Info);
        for level in set {
            levels.set(level.clone()).expect("it may be set");
        }
        levels
    }

    /// The finest level that a target's records pass at.
    fn finest(levels: &Levels, target: &str) -> Option<Level> {
        let filter = levels.filter();
        let all = [
            Level::TRACE,
            Level::DEBUG,
            Level::INFO,
            Level::WARN,
            Level::ERROR,
        ];
        all.into_iter()
            .find(|level| filter.would_enable(target, level))
    }

    #[test]
    fn a_level_holds_for_its_target_and_what_is_in_it() {
        let levels = levels(&[
            level("kinglet::store", LogLevel::Trace, None),
            level("kinglet::store::writer", LogLevel::Warn, None),
        ]);
        assert_eq!(finest(&levels, "kinglet::store::open"), Some(Level::TRACE));
        assert_eq!(finest(&levels, "kinglet::store::writer"), Some(Level::WARN));
        assert_eq!(finest(&levels, "kinglet::http"), Some(Level::INFO));
        assert_eq!(finest(&levels, "hyper::proto"), Some(Level::WARN));
    }

    #[test]
    fn a_level_for_everybody_holds_for_libraries_up_to_warnings() {
        let everything = levels(&[level("", LogLevel::Trace, None)]);
        assert_eq!(finest(&everything, "kinglet::http"), Some(Level::TRACE));
        assert_eq!(finest(&everything, "hyper::proto"), Some(Level::WARN));
        let nothing = levels(&[level("", LogLevel::Off, None)]);
        assert_eq!(finest(&nothing, "kinglet::http"), None);
        assert_eq!(finest(&nothing, "hyper::proto"), None);
        let quiet = levels(&[level("hyper", LogLevel::Error, None)]);
        assert_eq!(finest(&quiet, "hyper::proto"), Some(Level::ERROR));
        assert_eq!(finest(&quiet, "warp"), Some(Level::WARN));
    }

    #[test]
    fn no_library_is_made_to_tell_secrets() {
        let mut levels = Levels::new(LogLevel::Info);
        for target in [
            "hyper",
            "warp::server",
            "lettre",
            "kingle",
            "kinglets",
            "rustls",
        ] {
            for fine in [LogLevel::Info, LogLevel::Debug, LogLevel::Trace] {
                let refused = levels.set(level(target, fine, None));
                assert_eq!(refused, Err(LevelError::Library), "{target} {fine}");
            }
        }
        assert!(levels.set_levels().is_empty());
    }

    #[test]
    fn the_shorter_hides_the_longer_and_gives_it_back() {
        let http = "kinglet::http";
        let mut levels = levels(&[
            level(http, LogLevel::Warn, None),
            level(http, LogLevel::Debug, Some(60)),
            level("kinglet::mail", LogLevel::Trace, Some(30)),
            level(http, LogLevel::Trace, Some(10)),
        ]);
        assert!(levels.is_hidden(0) && levels.is_hidden(1) && !levels.is_hidden(3));
        assert_eq!(finest(&levels, http), Some(Level::TRACE));
        assert_eq!(levels.next_end(), Some(at(10)));
        assert!(!levels.expire(at(9)));
        assert!(levels.expire(at(10)));
        assert_eq!(finest(&levels, http), Some(Level::DEBUG));
        assert_eq!(levels.next_end(), Some(at(30)));
        assert!(levels.expire(at(60)));
        assert_eq!(finest(&levels, http), Some(Level::WARN));
        assert_eq!(finest(&levels, "kinglet::mail"), Some(Level::INFO));
        assert_eq!(levels.next_end(), None);
    }

    #[test]
    fn what_could_never_be_seen_again_is_forgotten() {
        let mut levels = levels(&[
            level("kinglet::http", LogLevel::Debug, Some(10)),
            level("kinglet::http", LogLevel::Trace, Some(10)),
        ]);
        assert_eq!(levels.set_levels().len(), 1);
        let lasting = level("kinglet::http", LogLevel::Error, None);
        levels.set(lasting.clone()).expect("it may be set");
        assert_eq!(levels.set_levels(), [lasting]);
    }

    #[test]
    fn so_many_levels_and_no_more() {
        let mut levels = Levels::new(LogLevel::Info);
        for number in 0..LEVELS_SET_MAX {
            let target = format!("kinglet::http::part_{number}");
            let set = levels.set(level(&target, LogLevel::Debug, None));
            set.expect("there is room");
        }
        let more = level("kinglet::mail", LogLevel::Debug, None);
        assert_eq!(levels.set(more), Err(LevelError::Full));
        let again = level("kinglet::http::part_0", LogLevel::Trace, None);
        assert_eq!(levels.set(again), Ok(()), "it takes the place of another");
        levels.reset(Some(&"kinglet::http::part_1".parse().expect("a target")));
        assert_eq!(levels.set_levels().len(), LEVELS_SET_MAX - 1);
        levels.reset(None);
        assert!(levels.set_levels().is_empty());
    }

    #[test]
    fn targets_are_names_of_this_program_or_of_libraries() {
        for good in [
            "kinglet",
            "kinglet::http",
            "kinglet::store::writer",
            "hyper_util",
        ] {
            assert!(good.parse::<LogTarget>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "::",
            "kinglet::",
            "kinglet:http",
            "Kinglet",
            "a b",
            "a\n",
            "kinglet::htpp",
        ] {
            assert!(bad.parse::<LogTarget>().is_err(), "{bad:?}");
        }
        assert!("a".repeat(65).parse::<LogTarget>().is_err());
    }

    /// A record whose target can't be set would be out of the operator's reach.
    #[test]
    fn every_room_that_writes_records_is_known() {
        fn look(path: &Path, room: &str, seen: &mut Vec<String>) {
            for entry in fs::read_dir(path).expect("a directory") {
                let path = entry.expect("an entry").path();
                let name = path.file_stem().expect("a name").to_string_lossy();
                let room = if room.is_empty() { &name } else { room };
                if path.is_dir() {
                    look(&path, room, seen);
                    continue;
                }
                let text = fs::read_to_string(&path).unwrap_or_default();
                let code = text.split("#[cfg(test)]\nmod").next().unwrap_or_default();
                let writes = ["error!(", "warn!(", "info!(", "debug!(", "trace!("];
                let writes = writes.map(|name| format!("tracing::{name}"));
                if writes.iter().any(|record| code.contains(record)) {
                    seen.push(room.to_owned());
                }
                for named in code.split("target: \"kinglet::").skip(1) {
                    let target = named.split(['"', ':']).next().unwrap_or_default();
                    seen.push(target.to_owned());
                }
            }
        }
        let mut seen = Vec::new();
        for source in ["src", "../src", "../core/src"] {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
            look(&source, "", &mut seen);
        }
        assert!(seen.len() > 20, "{seen:?}");
        seen.retain(|room| !ROOMS.contains(&room.as_str()));
        assert!(seen.is_empty(), "not in ROOMS: {seen:?}");
    }
}
