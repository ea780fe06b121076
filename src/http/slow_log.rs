//! One record for each slow request: where its time went.

use std::fmt::{self, Write as _};

use crate::ids::AccountId;
use crate::telemetry::{Report, Slice};

/// Writes the record of a request that took as long as `log.slow_ms` or longer. It names the route's pattern, never what
/// was asked for.
pub(super) fn record(report: &Report, account: Option<AccountId>) {
    if !tracing::enabled!(target: "kinglet::slow", tracing::Level::WARN) {
        return;
    }
    let id = report.id.as_str();
    let method = &*report.method;
    let route = report.route.as_deref().unwrap_or("-");
    let status = report.status;
    let account = account.map(|account| account.0);
    let total_ms = report.total_us as f64 / 1000.0;
    let spans = spans(&report.spans);
    let spans_lost = (report.spans_lost > 0).then_some(report.spans_lost);
    tracing::warn!(target: "kinglet::slow", id, method, route, status, account, total_ms, spans, spans_lost, "slow request");
}

/// `KIND [DETAIL] BEGIN+LENGTH` of each span, in milliseconds, in the order of their beginnings.
fn spans(slices: &[Slice]) -> String {
    let mut text = String::new();
    for slice in slices {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(slice.kind.name());
        if !slice.detail.is_empty() {
            text.push(' ');
            text.push_str(&slice.detail);
        }
        let (start, length) = (Millis(slice.start_us), Millis(slice.length_us));
        write!(text, " {start}+{length}").expect("a String takes every write");
    }
    text
}

/// Microseconds, told in milliseconds.
struct Millis(u32);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::telemetry::Span;

    #[test]
    fn spans_are_told_in_milliseconds() {
        let slice = |kind, detail, start_us, length_us| Slice {
            kind,
            detail: Cow::Borrowed(detail),
            start_us,
            length_us,
        };
        let slices = [
            slice(Span::Gate, "", 0, 40),
            slice(Span::Commit, "PublishPost", 1_002, 490_000),
        ];
        assert_eq!(
            spans(&slices),
            "gate 0.000+0.040, commit PublishPost 1.002+490.000"
        );
        assert_eq!(spans(&[]), "");
    }
}
