//! The log: structured records on standard error, as text or as JSON.
//!
//! A program that embeds kinglet has a subscriber of its own or wants none, so nothing here is
//! installed unless somebody calls [`install`]; only the binary does.

mod control;
mod levels;
mod recent;

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::Dispatch;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::{registry, reload};

use crate::config::{Log, LogFormat};
use crate::telemetry::log::CountRecords;

pub use control::{LogControl, LogSetting};
pub use levels::{LEVELS_SET_MAX, LevelError, Levels, LogTarget, LogTargetError, ROOMS, SetLevel};
pub use recent::{RECORDS_MAX, RecentRecords};

/// Bytes that a [`LogSink`] keeps.
pub const LOG_SINK_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The process has a subscriber already.
#[derive(Debug, thiserror::Error)]
#[error("the log can't be set up: the process has a subscriber already")]
pub struct AlreadyInstalled(#[source] tracing::dispatcher::SetGlobalDefaultError);

/// Makes standard error the log of the whole process; what comes back changes its levels while it runs.
///
/// # Errors
///
/// When the process has a subscriber already, which then stays.
pub fn install(log: &Log) -> Result<LogControl, AlreadyInstalled> {
    let (subscriber, control) = controlled(log, io::stderr);
    tracing::dispatcher::set_global_default(subscriber).map_err(AlreadyInstalled)?;
    Ok(control)
}

/// A subscriber that writes to `writer`, to be used for the process or for one thread
/// ([`tracing::dispatcher::set_global_default`], [`tracing::dispatcher::with_default`]).
#[must_use]
pub fn subscriber<W>(log: &Log, writer: W) -> Dispatch
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    controlled(log, writer).0
}

/// As [`subscriber`], with what changes its levels; hand that to
/// [`ServerBuilder::log_control`](crate::ServerBuilder::log_control), so that `kinglet log` reaches it.
#[must_use]
pub fn controlled<W>(log: &Log, writer: W) -> (Dispatch, LogControl)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = fmt::layer()
        .with_writer(writer)
        .with_ansi(false)
        // The library would report a failed write with `eprintln!`, which panics when standard error
        // is what failed: a reader of the log that goes away must not take the server with it.
        .log_internal_errors(false);
    let layer = match log.format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed(),
    };
    let levels = Levels::new(log.level);
    let (filter, handle) = reload::Layer::new(levels.filter());
    let recent = RecentRecords::default();
    let subscriber = registry()
        .with(filter)
        .with(layer)
        .with(CountRecords)
        .with(recent.clone());
    (
        Dispatch::new(subscriber),
        LogControl::new(levels, handle, recent),
    )
}

/// A writer that keeps what is logged, so that a test can read it. Clones share one content.
///
/// It holds [`LOG_SINK_BYTES_MAX`] bytes; a record beyond that is refused and [`LogSink::is_full`]
/// says so, since a test that searches the log must not take a part of it for the whole.
#[derive(Clone, Debug, Default)]
pub struct LogSink(Arc<Mutex<Sink>>);

#[derive(Debug, Default)]
struct Sink {
    bytes: Vec<u8>,
    is_full: bool,
}

impl LogSink {
    /// An empty sink.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All that was logged so far.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock().bytes).into_owned()
    }

    /// All that was logged since the last time, which is forgotten.
    #[must_use]
    pub fn take(&self) -> String {
        let bytes = std::mem::take(&mut self.lock().bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether a record found no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.lock().is_full
    }

    fn lock(&self) -> MutexGuard<'_, Sink> {
        // Whoever panicked while writing left whole bytes behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for LogSink {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let mut sink = self.lock();
        if sink.bytes.len() + record.len() > LOG_SINK_BYTES_MAX {
            sink.is_full = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        sink.bytes.extend_from_slice(record);
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogSink {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LogLevel;
    use serde_json::Value as Json;
    use tracing::{debug, dispatcher, error, info, info_span, trace, warn};

    /// What is logged while `act` runs on this thread.
    fn logged(level: LogLevel, format: LogFormat, act: impl FnOnce()) -> String {
        let sink = LogSink::new();
        let log = Log {
            level,
            format,
            ..Log::default()
        };
        dispatcher::with_default(&subscriber(&log, sink.clone()), act);
        assert!(!sink.is_full());
        sink.text()
    }

    #[test]
    fn text_has_one_line_a_record_without_colours() {
        let text = logged(LogLevel::Info, LogFormat::Text, || {
            info!(target: "kinglet::http", status = 200, route = "/health", "answered");
            warn!(name = ?"two\nlines\x1b[31m", "odd");
        });
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].contains("INFO kinglet::http"), "{text}");
        assert!(
            lines[0].ends_with("answered status=200 route=\"/health\""),
            "{text}"
        );
        assert!(!text.contains('\x1b'), "{text}");
    }

    #[test]
    fn json_has_one_object_a_record_with_the_fields_of_its_span() {
        let text = logged(LogLevel::Info, LogFormat::Json, || {
            info_span!("request", id = "r1").in_scope(|| info!(status = 200, "answered"));
        });
        let record: Json = serde_json::from_str(text.trim_end()).expect("one JSON object");
        assert_eq!(record["message"], "answered");
        assert_eq!(record["status"], 200);
        assert_eq!(record["level"], "INFO");
        assert_eq!(record["span"]["id"], "r1");
        assert!(record["timestamp"].is_string());
    }

    #[test]
    fn the_level_is_kept_to() {
        for (level, count) in [
            (LogLevel::Off, 0),
            (LogLevel::Error, 1),
            (LogLevel::Warn, 2),
            (LogLevel::Info, 3),
            (LogLevel::Debug, 4),
            (LogLevel::Trace, 5),
        ] {
            let text = logged(level, LogFormat::Text, || {
                error!("e");
                warn!("w");
                info!("i");
                debug!("d");
                trace!("t");
            });
            assert_eq!(text.lines().count(), count, "{level}: {text}");
        }
    }

    #[test]
    fn libraries_never_say_more_than_warnings() {
        let text = logged(LogLevel::Trace, LogFormat::Text, || {
            trace!(target: "hyper::proto", "authorization: Bearer abc");
            info!(target: "warp::server", "chatter");
            warn!(target: "warp::server", "trouble");
            trace!(target: "kinglet::http", "own");
        });
        assert!(
            !text.contains("Bearer") && !text.contains("chatter"),
            "{text}"
        );
        assert!(text.contains("trouble") && text.contains("own"), "{text}");
        let text = logged(LogLevel::Error, LogFormat::Text, || {
            warn!(target: "warp::server", "trouble");
        });
        assert_eq!(text, "", "a coarse level holds for libraries as well");
    }

    #[test]
    fn a_log_nobody_can_write_to_harms_nobody() {
        struct Broken;
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let broken = subscriber(&Log::default(), || Broken);
        dispatcher::with_default(&broken, || info!("into the void"));
    }

    #[test]
    fn a_sink_says_when_it_is_full() {
        let mut sink = LogSink::new();
        sink.write_all(b"kept").expect("room");
        sink.lock().bytes.resize(LOG_SINK_BYTES_MAX, b'.');
        assert!(sink.write_all(b"!").is_err());
        assert!(sink.is_full());
        assert!(sink.take().starts_with("kept"));
        assert_eq!(sink.text(), "");
    }
}
