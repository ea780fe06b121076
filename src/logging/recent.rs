//! The last records of the log, kept in memory for a bug report.
//!
//! Kept is what was written, without what concerns people: fields that name somebody are left empty, addresses and keys are
//! taken out of the rest.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use crate::clock::{Clock as _, SystemClock};
use crate::redact::redact;

/// How many records are kept.
pub const RECORDS_MAX: usize = 400;
/// The longest record, in bytes; the rest is cut off.
const RECORD_BYTES_MAX: usize = 1000;
/// Who writes a record for each request.
const REQUESTS_TARGET: &str = "kinglet::http";
/// Fields that say who somebody is or where somebody's things lie, whatever their value looks like.
const PERSONAL_FIELDS: &[&str] = &[
    "name",
    "login",
    "account",
    "address",
    "email",
    "mail",
    "peer",
    "path",
    "user_agent",
    "to",
    "from",
];

/// The last records. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct RecentRecords(Arc<Mutex<VecDeque<String>>>);

impl RecentRecords {
    /// They, the oldest first, one line each.
    #[must_use]
    pub fn read(&self) -> Vec<String> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<String>> {
        // A record is pushed whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Layer<S> for RecentRecords {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        // The last requests are remembered elsewhere, and in more detail (`telemetry::slow`); there are too many of them to
        // write each down twice.
        if metadata.target() == REQUESTS_TARGET && *metadata.level() > Level::WARN {
            return;
        }
        let mut line = Line(format!(
            "{} {:>5} {}:",
            SystemClock.now(),
            metadata.level(),
            metadata.target()
        ));
        event.record(&mut line);
        let Line(mut line) = line;
        if line.len() > RECORD_BYTES_MAX {
            line.truncate(line.floor_char_boundary(RECORD_BYTES_MAX));
        }
        let mut records = self.lock();
        if records.len() == RECORDS_MAX {
            records.pop_front();
        }
        records.push_back(line);
    }
}

/// A record as it grows.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let name = field.name();
        let written = if PERSONAL_FIELDS.contains(&name) {
            write!(self.0, " {name}=[left out]")
        } else {
            // A value may hold ends of lines; a record is one line.
            let text = redact(&format!("{value:?}")).replace(char::is_control, " ");
            match name {
                "message" => write!(self.0, " {text}"),
                _ => write!(self.0, " {name}={text}"),
            }
        };
        written.expect("a text takes all");
    }
}

#[cfg(test)]
mod tests {
    use tracing::{dispatcher, info, warn};

    use super::*;
    use crate::config::Log;
    use crate::logging::{LogSink, controlled};

    #[test]
    fn the_last_records_are_kept_without_people() {
        let (subscriber, control) = controlled(&Log::default(), LogSink::new());
        dispatcher::with_default(&subscriber, || {
            info!(number = 0, "the oldest");
            for number in 1..RECORDS_MAX {
                info!(number, "one of many");
            }
            warn!(
                status = 503,
                name = "ada",
                error = "550 no such user: ada@example.org\n[203.0.113.7]",
                "a mail was refused"
            );
            tracing::debug!("below the level");
            info!(target: REQUESTS_TARGET, status = 200, "request");
        });
        let records = control.recent().read();
        assert_eq!(records.len(), RECORDS_MAX);
        assert!(
            records[0].ends_with("one of many number=1"),
            "{}",
            records[0]
        );
        let last = records.last().expect("there are some");
        assert!(
            last.contains(" WARN kinglet::logging::recent::tests: a mail was refused status=503 name=[left out]"),
            "{last}"
        );
        assert!(
            !last.contains("ada") && !last.contains("203.") && !last.contains('\n'),
            "{last}"
        );
    }

    #[test]
    fn a_record_is_bounded() {
        let (subscriber, control) = controlled(&Log::default(), LogSink::new());
        dispatcher::with_default(&subscriber, || info!(text = "é ".repeat(5000), "long"));
        assert!(control.recent().read()[0].len() <= RECORD_BYTES_MAX);
    }
}
