//! The levels of the running server's log.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::protocol::{Answer, Failure};
use super::sentence;
use crate::clock::Timestamp;
use crate::config::LogLevel;
use crate::instance::Instance;
use crate::logging::{Levels, LogControl, LogSetting, LogTarget};

/// The longest that a level is set for, in seconds: a week. What shall last longer belongs into the configuration.
pub const LOG_LEVEL_SECONDS_MAX: u64 = 7 * 24 * 60 * 60;

/// Which records a server writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogReport {
    /// The level of the configuration.
    pub configured: String,
    /// `text` or `json`.
    pub format: String,
    /// What is set over it, in the order in which it was set; a restart forgets it.
    pub set: Vec<SetLine>,
}

/// A level that is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetLine {
    /// Whose records, with all that begin so; none for everybody's.
    pub target: Option<String>,
    /// The least important that are written.
    pub level: String,
    /// Until when, RFC 3339; none for as long as the server runs.
    pub until: Option<String>,
    /// Whether it holds; a later one of the same target may hide it for a while.
    pub holds: bool,
}

pub(super) fn read(instance: &Instance) -> Result<Answer, Failure> {
    report(instance, &control(instance)?.levels(&instance.clock))
}

pub(super) fn set(
    instance: &Instance,
    target: Option<&str>,
    level: &str,
    seconds: Option<u64>,
) -> Result<Answer, Failure> {
    let control = control(instance)?;
    let target = target.map(parsed).transpose()?;
    let level: LogLevel = level.parse().map_err(sentence)?;
    if seconds.is_some_and(|seconds| !(1..=LOG_LEVEL_SECONDS_MAX).contains(&seconds)) {
        return Err(Failure::new("a level is set for a second to seven days"));
    }
    let whose = target.as_ref().map_or("all", LogTarget::as_str).to_owned();
    let setting = LogSetting {
        target,
        level,
        lasts: seconds.map(Duration::from_secs),
    };
    control.set(setting, &instance.clock).map_err(sentence)?;
    tracing::info!(whose, %level, seconds, "a log level was set");
    report(instance, &control.levels(&instance.clock))
}

pub(super) fn reset(instance: &Instance, target: Option<&str>) -> Result<Answer, Failure> {
    let control = control(instance)?;
    let target = target.map(parsed).transpose()?;
    control.reset(target.as_ref(), &instance.clock);
    let whose = target.as_ref().map_or("all", LogTarget::as_str);
    tracing::info!(whose, "log levels were reset");
    report(instance, &control.levels(&instance.clock))
}

fn control(instance: &Instance) -> Result<&LogControl, Failure> {
    instance.log.as_ref().ok_or_else(|| {
        Failure::new(
            "this server runs inside another program, which decides what is logged: kinglet can't change it",
        )
    })
}

fn parsed(target: &str) -> Result<LogTarget, Failure> {
    target
        .parse()
        .map_err(|error| Failure::new(format!("{target:?} {error}")))
}

fn report(instance: &Instance, levels: &Levels) -> Result<Answer, Failure> {
    let zone = &instance.config.instance.time_zone;
    let moment = |at: Timestamp| super::tasks::moment(at, zone);
    let lines = levels.set_levels().iter().enumerate();
    let set = lines.map(|(index, set)| SetLine {
        target: set.target.as_ref().map(ToString::to_string),
        level: set.level.to_string(),
        until: set.until.map(moment),
        holds: !levels.is_hidden(index),
    });
    let report = LogReport {
        configured: levels.configured().to_string(),
        format: instance.config.log.format.to_string(),
        set: set.collect(),
    };
    Ok(Answer::Log { report })
}
