//! Where the time of one request went.

use std::borrow::Cow;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::clock::{Tick, Timestamp};

/// The most spans of a trace; what comes later is only counted.
pub const SPANS_MAX: usize = 64;
/// So many have their place in the trace itself; more take a further allocation.
const SPANS_INLINE: usize = 16;

thread_local! {
    /// Whom this thread works for at the moment.
    static CURRENT: Cell<Option<Trace>> = const { Cell::new(None) };
    /// The room of a trace that nobody looks at any more, for the next one that begins on this thread.
    static SPARE: Cell<Option<Arc<Inner>>> = const { Cell::new(None) };
}

/// A part of a request's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// Letting in: who asks, what they may, limits.
    Gate,
    /// A message waits for its actor; the detail is the actor.
    Mailbox,
    /// An actor works on a message or waits for others; the detail is the message.
    Handler,
    /// A reader looks something up; the detail is the query.
    Reader,
    /// A password is hashed.
    Hasher,
    /// A home is saved or loaded; the detail is the message.
    Snapshot,
    /// A unit waits in the writer's lane; the detail is the unit.
    Queue,
    /// The writer applies a unit; the detail is the unit.
    Apply,
    /// The writer commits the batch that the unit is in, for which the disk is waited for.
    Commit,
    /// The answer is written as JSON or HTML.
    Render,
}

impl Span {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Mailbox => "mailbox",
            Self::Handler => "handler",
            Self::Reader => "reader",
            Self::Hasher => "hasher",
            Self::Snapshot => "snapshot",
            Self::Queue => "queue",
            Self::Apply => "apply",
            Self::Commit => "commit",
            Self::Render => "render",
        }
    }
}

/// A span as it is kept: microseconds since the request's head was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// Which part.
    pub kind: Span,
    /// Of what, such as an actor's or a unit's name; a word of the program, never of a person.
    pub detail: Cow<'static, str>,
    /// When it began.
    pub start_us: u32,
    /// How long it took.
    pub length_us: u32,
}

/// What a trace came to, for those who show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The request's id, as in the log and in `X-Request-Id`.
    pub id: String,
    /// When its head was read.
    pub at: i64,
    /// Its method; "-" when that is none that is known.
    pub method: Cow<'static, str>,
    /// The pattern of its route; `None` for what has none.
    pub route: Option<Cow<'static, str>>,
    /// The answer's status; 0 while there is none.
    pub status: u16,
    /// From the head's end to the answer's beginning; to now while there is none.
    pub total_us: u64,
    /// Its spans, by their beginnings. They overlap: what an actor asks of others is within its own span.
    pub spans: Vec<Slice>,
    /// Spans that didn't fit.
    pub spans_lost: u32,
}

#[derive(Debug, Clone, Copy)]
struct Kept {
    kind: Span,
    detail: &'static str,
    start_us: u32,
    length_us: u32,
}

#[derive(Debug)]
struct Course {
    method: &'static str,
    route: Option<&'static str>,
    status: u16,
    total_us: Option<u64>,
    lost: u32,
    count: usize,
    further: Vec<Kept>,
    inline: [Kept; SPANS_INLINE],
}

#[derive(Debug)]
struct Inner {
    id: [u8; 16],
    at: Timestamp,
    begun: Tick,
    course: Mutex<Course>,
}

/// What is kept of a request that was answered: a copy in a place of its own. Its trace goes to the next request at once, which
/// finds it in the processor's nearest memory.
#[derive(Debug)]
pub(super) struct Past {
    id: [u8; 16],
    at: Timestamp,
    course: Course,
}

/// One request on its way; clones are the same request.
#[derive(Debug, Clone)]
pub struct Trace(Arc<Inner>);

/// The method of a request that wasn't answered yet.
const NO_METHOD: &str = "-";

const NOTHING: Kept = Kept {
    kind: Span::Gate,
    detail: "",
    start_us: 0,
    length_us: 0,
};

/// Has what was current before come back, also after a panic.
struct Lent<'a>(&'a mut Option<Trace>);

impl Lent<'_> {
    fn exchange(&mut self) {
        // A thread that is ending works for nobody.
        let before = CURRENT.try_with(|current| current.replace(self.0.take()));
        *self.0 = before.unwrap_or_default();
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.exchange();
    }
}

impl Trace {
    /// Begins now; the calendar's time is for people.
    pub fn begin(id: [u8; 16], at: Timestamp) -> Self {
        let begun = Tick::now();
        let spare = SPARE.try_with(Cell::take).ok().flatten();
        if let Some(mut spare) = spare
            && let Some(inner) = Arc::get_mut(&mut spare)
        {
            (inner.id, inner.at, inner.begun) = (id, at, begun);
            let course = inner.course.get_mut();
            course.unwrap_or_else(PoisonError::into_inner).clear();
            return Self(spare);
        }
        Self(Arc::new(Inner {
            id,
            at,
            begun,
            course: Mutex::new(Course::new()),
        }))
    }

    /// Leaves its room to the next trace that begins on this thread, if nobody else has this one.
    pub(super) fn recycle(mut self) {
        if Arc::get_mut(&mut self.0).is_some() {
            // Where there is one already, or the thread is ending, this one is freed.
            drop(SPARE.try_with(|spare| spare.replace(Some(self.0))));
        }
    }

    /// The request that this task or this handler works for.
    pub fn current() -> Option<Self> {
        Self::with_current(Clone::clone)
    }

    fn with_current<T>(look: impl FnOnce(&Self) -> T) -> Option<T> {
        let looked = CURRENT.try_with(|current| {
            let trace = current.take()?;
            let seen = look(&trace);
            current.set(Some(trace));
            Some(seen)
        });
        looked.ok().flatten()
    }

    /// Works for a request, or for none; whoever lends its trace has it back whenever the work waits.
    pub async fn follow<F: Future>(trace: &mut Option<Self>, work: F) -> F::Output {
        let mut work = pin!(work);
        poll_fn(|task| Self::lend(trace, || work.as_mut().poll(task))).await
    }

    /// Works for a request, or for none, without waiting.
    pub fn within<T>(mut trace: Option<Self>, work: impl FnOnce() -> T) -> T {
        Self::lend(&mut trace, work)
    }

    /// As [`Trace::within`], and gives the trace back.
    pub fn lend<T>(trace: &mut Option<Self>, work: impl FnOnce() -> T) -> T {
        let mut lent = Lent(trace);
        lent.exchange();
        work()
    }

    /// The request's id.
    pub fn id(&self) -> &str {
        id_as_text(&self.0.id)
    }

    /// When it began.
    pub fn begun(&self) -> Tick {
        self.0.begun
    }

    /// Nobody who panicked half-way leaves more behind than a span too few.
    fn course(&self) -> MutexGuard<'_, Course> {
        self.0.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self, kind: Span, detail: &'static str, begun: Tick, ended: Tick) -> Kept {
        let micros = |nanos: u64| u32::try_from(nanos / 1000).unwrap_or(u32::MAX);
        Kept {
            kind,
            detail,
            start_us: micros(begun.nanos_since(self.0.begun)),
            length_us: micros(ended.nanos_since(begun)),
        }
    }

    /// Adds a span.
    pub fn add(&self, kind: Span, detail: &'static str, begun: Tick, ended: Tick) {
        let kept = self.kept(kind, detail, begun, ended);
        self.course().push(kept);
    }

    /// Adds several spans at once: kind, detail, begin and end of each.
    pub fn add_all<const N: usize>(&self, spans: [(Span, &'static str, Tick, Tick); N]) {
        let kept = spans.map(|(kind, detail, begun, ended)| self.kept(kind, detail, begun, ended));
        let mut course = self.course();
        for kept in kept {
            course.push(kept);
        }
    }

    /// Says how the request was answered; answers how long it took, in nanoseconds.
    pub fn finish(&self, method: &'static str, route: Option<&'static str>, status: u16) -> u64 {
        let nanos = self.0.begun.elapsed_nanos();
        let mut course = self.course();
        course.method = method;
        course.route = route;
        course.status = status;
        course.total_us = Some(nanos / 1000);
        nanos
    }

    /// What it came to so far.
    pub fn report(&self) -> Report {
        let elapsed_us = || self.0.begun.elapsed_nanos() / 1000;
        self.course().report(&self.0.id, self.0.at, elapsed_us)
    }
}

fn id_as_text(id: &[u8; 16]) -> &str {
    std::str::from_utf8(id).unwrap_or_default()
}

impl Past {
    /// An empty place.
    pub(super) fn new() -> Self {
        Self {
            id: [0; 16],
            at: Timestamp::default(),
            course: Course::new(),
        }
    }

    /// Takes in a request that was answered, instead of the one before.
    pub(super) fn take_in(&mut self, trace: &Trace) {
        (self.id, self.at) = (trace.0.id, trace.0.at);
        self.course.copy(&trace.course());
    }

    /// The request's id.
    pub(super) fn id(&self) -> &str {
        id_as_text(&self.id)
    }

    /// What it came to.
    pub(super) fn report(&self) -> Report {
        self.course.report(&self.id, self.at, || 0)
    }
}

impl Course {
    fn new() -> Self {
        Self {
            method: NO_METHOD,
            route: None,
            status: 0,
            total_us: None,
            lost: 0,
            count: 0,
            further: Vec::new(),
            inline: [NOTHING; SPANS_INLINE],
        }
    }

    fn inline(&self) -> &[Kept] {
        &self.inline[..self.count.min(SPANS_INLINE)]
    }

    /// Becomes like another one; spans that don't count aren't copied.
    fn copy(&mut self, other: &Self) {
        self.method = other.method;
        self.route = other.route;
        self.status = other.status;
        self.total_us = other.total_us;
        self.lost = other.lost;
        self.count = other.count;
        let inline = other.inline();
        self.inline[..inline.len()].copy_from_slice(inline);
        self.further.clone_from(&other.further);
    }

    fn report(&self, id: &[u8; 16], at: Timestamp, elapsed_us: impl FnOnce() -> u64) -> Report {
        let spans = self.inline().iter().chain(&self.further);
        let mut spans: Vec<Slice> = spans
            .map(|kept| Slice {
                kind: kept.kind,
                detail: Cow::Borrowed(kept.detail),
                start_us: kept.start_us,
                length_us: kept.length_us,
            })
            .collect();
        // Of those that begin together, the one that ends last holds the others.
        spans.sort_by_key(|span| (span.start_us, u32::MAX - span.length_us));
        Report {
            id: id_as_text(id).to_owned(),
            at: at.millis(),
            method: Cow::Borrowed(self.method),
            route: self.route.map(Cow::Borrowed),
            status: self.status,
            total_us: self.total_us.unwrap_or_else(elapsed_us),
            spans,
            spans_lost: self.lost,
        }
    }

    /// As at the beginning, but for spans that don't count.
    fn clear(&mut self) {
        self.method = NO_METHOD;
        self.route = None;
        self.status = 0;
        self.total_us = None;
        self.count = 0;
        self.further = Vec::new();
        self.lost = 0;
    }

    fn push(&mut self, kept: Kept) {
        if self.count == SPANS_MAX {
            self.lost += 1;
            return;
        }
        match self.inline.get_mut(self.count) {
            Some(place) => *place = kept,
            None => self.further.push(kept),
        }
        self.count += 1;
    }
}

/// A span of the current request that ends when this is dropped. Outside of a request it is nothing.
#[derive(Debug)]
#[must_use = "the span ends when this is dropped"]
pub struct Stretch {
    begun: Option<Tick>,
    kind: Span,
    detail: &'static str,
}

impl Stretch {
    /// Begins a span.
    pub fn begin(kind: Span, detail: &'static str) -> Self {
        Self {
            begun: Trace::with_current(|_| Tick::now()),
            kind,
            detail,
        }
    }

    /// A span that began with the request itself.
    pub fn since_begun(kind: Span, detail: &'static str) -> Self {
        Self {
            begun: Trace::with_current(Trace::begun),
            kind,
            detail,
        }
    }

    /// Ends it here.
    pub fn end(mut self) {
        self.note();
    }

    fn note(&mut self) {
        if let Some(begun) = mem::take(&mut self.begun) {
            let note = |trace: &Trace| trace.add(self.kind, self.detail, begun, Tick::now());
            Trace::with_current(note);
        }
    }
}

impl Drop for Stretch {
    fn drop(&mut self) {
        self.note();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace() -> Trace {
        Trace::begin(*b"0123456789abcdef", Timestamp::from_millis(7))
    }

    #[test]
    fn spans_beyond_the_bound_are_counted_alone() {
        let trace = trace();
        for _ in 0..SPANS_MAX + 3 {
            trace.add(Span::Gate, "", trace.begun(), Tick::now());
        }
        let report = trace.report();
        assert_eq!(report.spans.len(), SPANS_MAX);
        assert_eq!(report.spans_lost, 3);
    }

    #[test]
    fn a_trace_in_the_room_of_another_knows_nothing_of_it() {
        let before = trace();
        for _ in 0..SPANS_MAX + 1 {
            before.add(Span::Gate, "", before.begun(), Tick::now());
        }
        before.finish("GET", Some("/health"), 200);
        let seen = before.clone();
        before.recycle();
        assert_eq!(
            Trace::begin(*b"................", Timestamp::default()).id(),
            "................"
        );
        assert_eq!(seen.id(), "0123456789abcdef", "somebody looks at it still");
        let room = Arc::as_ptr(&seen.0);
        seen.recycle();
        let after = Trace::begin(*b"fedcba9876543210", Timestamp::from_millis(8));
        assert_eq!(Arc::as_ptr(&after.0), room);
        let report = after.report();
        assert_eq!((report.id.as_str(), report.at), ("fedcba9876543210", 8));
        assert_eq!(
            (&*report.method, report.route, report.status),
            ("-", None, 0)
        );
        assert_eq!((report.spans, report.spans_lost), (Vec::new(), 0));
    }

    #[test]
    fn a_panic_ends_the_work_for_a_request() {
        let mut lent = Some(trace());
        let work = std::panic::AssertUnwindSafe(|| {
            Trace::lend(&mut lent, || panic!("an accident"));
        });
        assert!(std::panic::catch_unwind(work).is_err());
        assert!(Trace::current().is_none());
        assert!(lent.is_some());
    }

    #[test]
    fn a_span_belongs_to_the_request_that_is_worked_for() {
        assert!(Trace::current().is_none());
        Stretch::begin(Span::Render, "nobody's").end();
        let trace = trace();
        Trace::within(Some(trace.clone()), || {
            let outer = Stretch::begin(Span::Gate, "");
            Trace::within(None, || Stretch::begin(Span::Render, "nobody's").end());
            Stretch::begin(Span::Render, "json").end();
            drop(outer);
        });
        let nanos = trace.finish("GET", Some("/health"), 200);
        let report = trace.report();
        let kinds: Vec<_> = report.spans.iter().map(|span| span.kind).collect();
        assert_eq!(kinds, [Span::Gate, Span::Render]);
        assert_eq!((report.id.as_str(), report.at), ("0123456789abcdef", 7));
        assert_eq!(report.total_us, nanos / 1000);
        assert_eq!(report.route.as_deref(), Some("/health"));
        let json = serde_json::to_string(&report).expect("JSON");
        let read: Report = serde_json::from_str(&json).expect("the same");
        assert_eq!(read, report);
    }
}
