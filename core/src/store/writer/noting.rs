//! What the telemetry is told of units.

use super::{Pending, WriteError, WriterThread};
use crate::clock::Tick;
use crate::telemetry::Span;

impl WriterThread {
    /// Notes what became of a unit, and in its request's course where the time went. Whoever waits has no answer yet.
    pub(super) fn note(
        &self,
        pending: &mut dyn Pending,
        outcome: &Result<(), WriteError>,
        committed: Option<(Tick, Tick)>,
    ) {
        let Some(figures) = &self.figures else {
            return;
        };
        match outcome {
            Ok(()) => figures.committed.count(),
            Err(WriteError::Refused(_)) => figures.refused.count(),
            Err(_) => figures.failed.count(),
        }
        let kind = pending.kind();
        let Some(submission) = pending.submission() else {
            return;
        };
        let Some((begun, ended)) = submission.applied else {
            return;
        };
        let submitted = submission.submitted;
        figures.lane.observe(begun.nanos_since(submitted));
        figures.apply.observe(ended.nanos_since(begun));
        let Some(trace) = &submission.trace else {
            return;
        };
        trace.add_all([
            (Span::Queue, kind, submitted, begun),
            (Span::Apply, kind, begun, ended),
        ]);
        if let Some((begun, ended)) = committed {
            trace.add(Span::Commit, "", begun, ended);
        }
    }
}
