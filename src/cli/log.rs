//! `kinglet log`: which records the running server writes.

use std::str::FromStr;

use clap::{Args, Subcommand};

use super::args::Output;
use super::columns::columns;
use super::{CliError, ask_server, print, print_json};
use crate::config::{Config, LogLevel};
use crate::control::log::{LOG_LEVEL_SECONDS_MAX, LogReport};
use crate::control::protocol::{Answer, Request};
use crate::logging::LogTarget;

/// `log ...`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Log {
    /// Show which records are written
    #[command(after_help = "\
Examples:
  kinglet log show
  kinglet log show --json | jq '.set[]'")]
    Show(Output),

    /// Write more or fewer records, until the server stops or for a while
    #[command(after_help = "\
Examples:
  kinglet log set debug kinglet::http --for 10m
  kinglet log set trace kinglet::store --for 30s
  kinglet log set warn

A target means all that begin with it; a longer one goes before a shorter one. Records of libraries
are written up to \"warn\": finer ones may hold what requests carry, passwords and tokens too.
A restart goes back to log.level.")]
    Set(LogSet),

    /// Go back to what was configured
    #[command(after_help = "\
Examples:
  kinglet log reset
  kinglet log reset kinglet::http")]
    Reset(LogReset),
}

/// Options of `log set`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct LogSet {
    /// Least important record written: off, error, warn, info, debug or trace
    #[arg(value_name = "LEVEL")]
    pub level: LogLevel,

    /// Whose records, such as kinglet::http; everybody's unless given
    #[arg(value_name = "TARGET")]
    pub target: Option<LogTarget>,

    /// For how long, such as 30s, 10m, 2h or 1d, up to 7d; until the server stops unless given
    #[arg(long = "for", value_name = "TIME")]
    pub lasts: Option<Seconds>,
}

/// Options of `log reset`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct LogReset {
    /// Whose records; everybody's unless given
    #[arg(value_name = "TARGET")]
    pub target: Option<LogTarget>,
}

/// A stretch of time as people write it, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub u64);

/// A text is no stretch of time, or too long a one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no time such as 30s, 10m, 2h or 1d, from 1s to 7d")]
pub struct NoStretch;

impl FromStr for Seconds {
    type Err = NoStretch;

    fn from_str(text: &str) -> Result<Self, NoStretch> {
        let end = text.find(|c: char| !c.is_ascii_digit()).ok_or(NoStretch)?;
        let (number, unit) = text.split_at(end);
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            "d" => 24 * 60 * 60,
            _ => return Err(NoStretch),
        };
        let number: u64 = number.parse().map_err(|_| NoStretch)?;
        let seconds = number.checked_mul(unit).ok_or(NoStretch)?;
        match seconds {
            1..=LOG_LEVEL_SECONDS_MAX => Ok(Self(seconds)),
            _ => Err(NoStretch),
        }
    }
}

pub(super) fn run(command: &Log, config: &Config) -> Result<(), CliError> {
    let target = |target: &Option<LogTarget>| target.as_ref().map(ToString::to_string);
    let (request, output) = match command {
        Log::Show(output) => (Request::ReadLog, *output),
        Log::Set(set) => {
            let request = Request::SetLog {
                level: set.level.to_string(),
                target: target(&set.target),
                seconds: set.lasts.map(|Seconds(seconds)| seconds),
            };
            (request, Output::default())
        }
        Log::Reset(reset) => {
            let target = target(&reset.target);
            (Request::ResetLog { target }, Output::default())
        }
    };
    match ask_server(config, request)? {
        Answer::Log { report } if output.json => print_json(&serde_json::json!(report)),
        Answer::Log { report } => print(&text_of(&report)),
        _ => Err(CliError::Mismatch),
    }
}

fn text_of(report: &LogReport) -> String {
    let mut rows = vec![["TARGET", "LEVEL", "UNTIL"].map(str::to_owned)];
    rows.push([
        "all".to_owned(),
        report.configured.clone(),
        "configured".to_owned(),
    ]);
    rows.extend(report.set.iter().map(|set| {
        let until = match &set.until {
            Some(until) => until.replace('T', " "),
            None => "the server stops".to_owned(),
        };
        let hidden = if set.holds { "" } else { " (hidden for now)" };
        [
            set.target.clone().unwrap_or_else(|| "all".to_owned()),
            set.level.clone(),
            format!("{until}{hidden}"),
        ]
    }));
    columns(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::log::SetLine;

    #[test]
    fn stretches_of_time_are_numbers_with_a_unit() {
        for (text, seconds) in [
            ("1s", 1),
            ("10m", 600),
            ("2h", 7200),
            ("7d", LOG_LEVEL_SECONDS_MAX),
        ] {
            assert_eq!(text.parse(), Ok(Seconds(seconds)), "{text}");
        }
        for text in [
            "",
            "0s",
            "10",
            "m",
            "-1s",
            "1.5h",
            "8d",
            "1 m",
            "1w",
            "99999999999999999999s",
            "9999999999999999999d",
        ] {
            assert_eq!(text.parse::<Seconds>(), Err(NoStretch), "{text}");
        }
    }

    #[test]
    fn levels_stand_in_columns() {
        let line = |target: &str, level: &str, until: Option<&str>, holds| SetLine {
            target: Some(target.to_owned()),
            level: level.to_owned(),
            until: until.map(str::to_owned),
            holds,
        };
        let report = LogReport {
            configured: "info".to_owned(),
            format: "text".to_owned(),
            set: vec![
                line("kinglet::http", "debug", None, false),
                line(
                    "kinglet::http",
                    "trace",
                    Some("2026-11-22T17:10:31+01:00"),
                    true,
                ),
            ],
        };
        assert_eq!(
            text_of(&report),
            "TARGET         LEVEL  UNTIL\n\
             all            info   configured\n\
             kinglet::http  debug  the server stops (hidden for now)\n\
             kinglet::http  trace  2026-11-22 17:10:31+01:00"
        );
    }
}
