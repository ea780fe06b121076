//! Changes the levels of a log that is being written, and takes back what was set for a while.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::sleep;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::Registry;
use tracing_subscriber::reload;

use super::levels::{LevelError, Levels, LogTarget, SetLevel};
use super::recent::RecentRecords;
use crate::clock::{SharedClock, Timestamp};
use crate::config::LogLevel;

/// What is set, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSetting {
    /// Whose records; everybody's where it is left out.
    pub target: Option<LogTarget>,
    /// How much of them is written.
    pub level: LogLevel,
    /// For how long; until the process ends where it is left out.
    pub lasts: Option<Duration>,
}

/// The hand on a log's levels. Clones are the same hand.
#[derive(Clone, Debug)]
pub struct LogControl(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    filter: reload::Handle<Targets, Registry>,
    state: Mutex<State>,
    recent: RecentRecords,
}

#[derive(Debug)]
struct State {
    levels: Levels,
    /// What waits for the next end; one at most.
    ender: Option<AbortHandle>,
}

impl LogControl {
    pub(super) fn new(
        levels: Levels,
        filter: reload::Handle<Targets, Registry>,
        recent: RecentRecords,
    ) -> Self {
        let state = Mutex::new(State {
            levels,
            ender: None,
        });
        Self(Arc::new(Shared {
            filter,
            state,
            recent,
        }))
    }

    /// The last records.
    #[must_use]
    pub fn recent(&self) -> &RecentRecords {
        &self.0.recent
    }

    /// Sets a level. What is set for a while ends by itself; that needs the tokio runtime this is called in.
    ///
    /// # Errors
    /// When it may not be set, or too many are.
    pub fn set(&self, setting: LogSetting, clock: &SharedClock) -> Result<(), LevelError> {
        let now = clock.now();
        let mut state = self.lock();
        state.levels.expire(now);
        let until = setting.lasts.map(|lasts| {
            let millis = i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX);
            now.plus_millis(millis)
        });
        let set = state.levels.set(SetLevel {
            target: setting.target,
            level: setting.level,
            until,
        });
        self.apply(&mut state, clock);
        set
    }

    /// Takes back what was set for a target, or all of it.
    pub fn reset(&self, target: Option<&LogTarget>, clock: &SharedClock) {
        let mut state = self.lock();
        state.levels.expire(clock.now());
        state.levels.reset(target);
        self.apply(&mut state, clock);
    }

    /// The levels in force.
    #[must_use]
    pub fn levels(&self, clock: &SharedClock) -> Levels {
        let mut state = self.lock();
        if state.levels.expire(clock.now()) {
            self.apply(&mut state, clock);
        }
        state.levels.clone()
    }

    /// Holds the subscriber to the levels, and has the next end waited for.
    fn apply(&self, state: &mut State, clock: &SharedClock) {
        // The only error is that the subscriber is gone; then there is no log to be changed.
        drop(self.0.filter.reload(state.levels.filter()));
        if let Some(ender) = state.ender.take() {
            ender.abort();
        }
        if let Some(end) = state.levels.next_end() {
            let (control, clock) = (self.clone(), Arc::clone(clock));
            let waiting = tokio::spawn(async move { control.wait_for(end, clock).await });
            state.ender = Some(waiting.abort_handle());
        }
    }

    async fn wait_for(self, end: Timestamp, clock: SharedClock) {
        loop {
            let millis = end.millis().saturating_sub(clock.now().millis());
            match u64::try_from(millis) {
                Ok(millis @ 1..) => sleep(Duration::from_millis(millis)).await,
                _ => break,
            }
        }
        // Whoever looks has what has ended taken back.
        drop(self.levels(&clock));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The levels are replaced as a whole, never left half done.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tracing::{debug, dispatcher};

    use super::*;
    use crate::clock::ManualClock;
    use crate::config::{Log, LogFormat};
    use crate::logging::{LogSink, controlled};

    fn setting(target: &str, level: LogLevel, lasts: Option<u64>) -> LogSetting {
        LogSetting {
            target: Some(target.parse().expect("a target")),
            level,
            lasts: lasts.map(Duration::from_secs),
        }
    }

    #[tokio::test]
    async fn a_running_log_tells_more_for_a_while() {
        let sink = LogSink::new();
        let (subscriber, control) = controlled(&Log::default(), sink.clone());
        // What call sites remember is asked of the subscriber that is in force when levels change.
        let _in_force = dispatcher::set_default(&subscriber);
        let manual = ManualClock::at(Timestamp::from_millis(1_000_000));
        let clock: SharedClock = manual.clone();
        let logs = || {
            debug!(target: "kinglet::http", "detail");
            !sink.take().is_empty()
        };
        assert!(!logs());
        let set = |setting| control.set(setting, &clock).expect("it may be set");
        set(setting("kinglet::http", LogLevel::Debug, Some(600)));
        assert!(logs());
        set(setting("kinglet::http", LogLevel::Error, Some(60)));
        assert!(!logs());
        manual.advance_millis(60_000);
        assert_eq!(control.levels(&clock).set_levels().len(), 1);
        assert!(logs(), "the longer one is back");
        manual.advance_millis(540_000);
        assert!(control.levels(&clock).set_levels().is_empty());
        assert!(!logs());
        set(setting("kinglet::http", LogLevel::Trace, None));
        manual.advance_millis(i64::MAX / 4);
        assert_eq!(control.levels(&clock).set_levels().len(), 1);
        assert!(logs());
        control.reset(None, &clock);
        assert!(!logs());
    }

    #[tokio::test]
    async fn what_has_ended_is_taken_back_without_being_asked_for() {
        let log = Log {
            format: LogFormat::Json,
            ..Log::default()
        };
        let (_subscriber, control) = controlled(&log, LogSink::new());
        let manual = ManualClock::at(Timestamp::from_millis(1_000_000));
        let clock: SharedClock = manual.clone();
        let for_a_while = setting("kinglet::http", LogLevel::Debug, Some(60));
        control.set(for_a_while, &clock).expect("it may be set");
        manual.advance_millis(60_000);
        let end = Timestamp::from_millis(1_060_000);
        control.clone().wait_for(end, clock).await;
        assert!(control.lock().levels.set_levels().is_empty());
    }

    #[tokio::test]
    async fn one_task_at_most_waits_however_often_levels_are_set() {
        let (_subscriber, control) = controlled(&Log::default(), LogSink::new());
        let clock: SharedClock = ManualClock::at(Timestamp::from_millis(0));
        let metrics = tokio::runtime::Handle::current().metrics();
        for _ in 0..100 {
            let hour = setting("kinglet::http", LogLevel::Debug, Some(3600));
            control.set(hour, &clock).expect("it may be set");
            tokio::task::yield_now().await;
        }
        assert_eq!(metrics.num_alive_tasks(), 1);
        control.reset(None, &clock);
        tokio::task::yield_now().await;
        assert_eq!(metrics.num_alive_tasks(), 0);
    }
}
