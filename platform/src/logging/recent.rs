//! The last records of the log, kept in memory for a bug report.
//!
//! Kept is what the program itself says: messages, numbers, and the fields that hold its own words. Of all other texts,
//! such as errors, which may quote what people wrote or a mail server's answer, only the class is kept. Addresses and keys are
//! taken out of the rest as well.

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

/// Fields that hold the program's own words, or what its operator configured.
const OWN_FIELDS: &[&str] = &[
    "message", "id", "method", "route", "usage", "url", "owner", "mode", "lane", "task", "thread",
    "level", "job", "outcome", "number",
];
/// What errors of kinglet, SQLite and the machine say whatever they are about; that much of an error is kept.
const CLASSES: &[&str] = &[
    "panicked",
    "a unit failed",
    "an actor took too long",
    "an actor or the store is not there",
    "too much waits",
    "no answer in time",
    "took too long",
    "the store can't be reached",
    "the database refused",
    "which nothing writes",
    "database is locked",
    "database or disk is full",
    "disk I/O error",
    "database disk image is malformed",
    "readonly database",
    "constraint failed",
    "query returned no rows",
    "out of memory",
    "no header of the PROXY protocol",
    "no TLS",
    "deadline has elapsed",
    "broken pipe",
    "connection refused",
    "connection reset",
    "timed out",
];
/// How the machine's own number of an error is introduced.
const OS_ERROR: &str = "os error ";

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
        } else if !OWN_FIELDS.contains(&name) {
            let text = format!("{value:?}");
            // Numbers and such are what they are.
            let is_plain = text.parse::<f64>().is_ok() || text == "true" || text == "false";
            let kept = if is_plain { text } else { class_of(&text) };
            write!(self.0, " {name}={kept}")
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

/// What may be kept of a text that others may have a part in: which errors it tells of, and a mail server's code.
fn class_of(text: &str) -> String {
    let lower = text.to_lowercase();
    let told = CLASSES
        .iter()
        .filter(|class| lower.contains(&class.to_lowercase()));
    let mut classes: Vec<String> = told.map(|class| (*class).to_owned()).collect();
    if let Some((_, number)) = lower.split_once(OS_ERROR) {
        let digits = number.find(|letter: char| !letter.is_ascii_digit());
        classes.push(format!(
            "{OS_ERROR}{}",
            &number[..digits.unwrap_or(number.len())]
        ));
    }
    let is_code = |word: &&str| {
        word.len() == 3 && word.starts_with(['4', '5']) && word.bytes().all(|b| b.is_ascii_digit())
    };
    let mut words = lower.split(|letter: char| !letter.is_ascii_alphanumeric());
    classes.extend(words.find(is_code).map(str::to_owned));
    if classes.is_empty() {
        "[left out]".to_owned()
    } else {
        format!("[{}]", classes.join(", "))
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
            last.contains(" WARN kinglet_platform::logging::recent::tests: a mail was refused status=503 name=[left out] error=[550]"),
            "{last}"
        );
        assert!(
            !last.contains("ada") && !last.contains("203.") && !last.contains('\n'),
            "{last}"
        );
    }

    #[test]
    fn of_errors_only_the_class_is_kept() {
        let (subscriber, control) = controlled(&Log::default(), LogSink::new());
        dispatcher::with_default(&subscriber, || {
            tracing::error!(
                target: REQUESTS_TARGET,
                route = "/api/v1/statuses",
                status = 500,
                failure = "the handler panicked: no room for \"a robin sang\" of ada",
                "request"
            );
            warn!(
                error = "posts.text holds a robin sang, which nothing writes",
                is_late = true,
                "odd"
            );
            warn!(
                reason = "451 4.2.0 ada lovelace's box is full",
                "a mail waits"
            );
            warn!(error = %std::io::Error::from_raw_os_error(28), "can't commit");
            warn!(detail = "ada", "odd");
        });
        let records = control.recent().read();
        let expected = [
            "request route=\"/api/v1/statuses\" status=500 failure=[panicked]",
            "odd error=[which nothing writes] is_late=true",
            "a mail waits reason=[451]",
            "can't commit error=[os error 28]",
            "odd detail=[left out]",
        ];
        assert_eq!(records.len(), expected.len());
        for (record, end) in records.iter().zip(expected) {
            assert!(record.ends_with(end), "{record}");
        }
    }

    #[test]
    fn a_record_is_bounded() {
        let (subscriber, control) = controlled(&Log::default(), LogSink::new());
        dispatcher::with_default(&subscriber, || info!("{}", "é ".repeat(5000)));
        assert!(control.recent().read()[0].len() <= RECORD_BYTES_MAX);
    }
}
