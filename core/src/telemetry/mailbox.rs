//! What actors note of their messages.

use std::any::{TypeId, type_name};
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::hashing::PlainHasher;
use super::metrics::{Counter, Histogram, INNER_TIME, Seen};
use super::panics::Panics;
use super::trace::{Span, Trace};
use crate::clock::Tick;

/// The most kinds of messages of one actor that are told apart. There are as many as the program has types of them.
const KINDS_MAX: usize = 256;

/// An actor, or a pool of actors with one mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActorName {
    /// Owns accounts and access.
    Users,
    /// Owns posts.
    Posts,
    /// Owns homes.
    Timelines,
    /// Owns jobs, schedules and statistics.
    Tasks,
    /// The pool of readers.
    Readers,
    /// The pool that hashes passwords.
    Hashers,
    /// The keeper of snapshots.
    Snapshots,
}

impl ActorName {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Users,
        Self::Posts,
        Self::Timelines,
        Self::Tasks,
        Self::Readers,
        Self::Hashers,
        Self::Snapshots,
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Posts => "posts",
            Self::Timelines => "timelines",
            Self::Tasks => "tasks",
            Self::Readers => "readers",
            Self::Hashers => "hashers",
            Self::Snapshots => "snapshots",
        }
    }

    /// What its work on a message is in a request's course.
    fn span(self) -> Span {
        match self {
            Self::Users | Self::Posts | Self::Timelines | Self::Tasks => Span::Handler,
            Self::Readers => Span::Reader,
            Self::Hashers => Span::Hasher,
            Self::Snapshots => Span::Snapshot,
        }
    }
}

/// What one actor of those with this name notes; it alone writes.
#[derive(Debug)]
struct Notes {
    wait: Histogram,
    handling: Histogram,
    kinds: Mutex<BTreeMap<&'static str, Arc<Counter>>>,
}

impl Default for Notes {
    fn default() -> Self {
        Self {
            wait: Histogram::new(&INNER_TIME),
            handling: Histogram::new(&INNER_TIME),
            kinds: Mutex::default(),
        }
    }
}

/// Nobody who panicked half-way leaves more behind than a count too few.
fn open<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Notes {
    /// The counter of a kind; beyond [`KINDS_MAX`] one for all others.
    fn counter(&self, kind: &'static str) -> Arc<Counter> {
        let mut kinds = open(&self.kinds);
        let is_told = kinds.len() < KINDS_MAX || kinds.contains_key(kind);
        Arc::clone(
            kinds
                .entry(if is_told { kind } else { "other" })
                .or_default(),
        )
    }

    fn absorb(&self, other: &Self) {
        self.wait.absorb(&other.wait);
        self.handling.absorb(&other.handling);
        for (kind, count) in open(&other.kinds).iter() {
            self.counter(kind).add(count.get());
        }
    }
}

/// A number in a stretch of memory of its own: whoever writes it doesn't take a neighbour away from another processor.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Apart(AtomicUsize);

/// The figures of an actor.
#[derive(Debug)]
pub struct ActorFigures {
    name: ActorName,
    sent: Apart,
    taken: Apart,
    /// Work for it that panicked, and failed alone.
    pub panics: Panics,
    /// What those noted who are gone.
    gone: Notes,
    at_work: Mutex<Vec<Arc<Notes>>>,
}

impl ActorFigures {
    /// The figures of an actor that got no message yet.
    pub fn new(name: ActorName) -> Self {
        Self {
            name,
            sent: Apart::default(),
            taken: Apart::default(),
            panics: Panics::default(),
            gone: Notes::default(),
            at_work: Mutex::default(),
        }
    }

    /// Whose they are.
    pub fn name(&self) -> ActorName {
        self.name
    }

    /// How many messages wait for it.
    pub fn depth(&self) -> usize {
        let taken = self.taken.0.load(Ordering::Relaxed);
        let sent = self.sent.0.load(Ordering::Relaxed);
        waiting(sent, taken)
    }

    /// From sending to the beginning of the handler, in nanoseconds.
    pub fn wait(&self) -> Seen {
        self.seen(|notes| &notes.wait)
    }

    /// How long a message's handler kept the actor's thread, in nanoseconds. What a handler waits for afterwards doesn't.
    pub fn handling(&self) -> Seen {
        self.seen(|notes| &notes.handling)
    }

    fn seen(&self, of: fn(&Notes) -> &Histogram) -> Seen {
        // Who goes moves what was noted while this is locked.
        let at_work = open(&self.at_work);
        let gone = of(&self.gone).read();
        at_work
            .iter()
            .fold(gone, |seen, notes| seen.and(&of(notes).read()))
    }

    /// How many messages of each kind were worked on, by name.
    pub fn messages(&self) -> Vec<(&'static str, u64)> {
        let mut counts = BTreeMap::new();
        let at_work = open(&self.at_work);
        let all = at_work.iter().map(Arc::as_ref).chain([&self.gone]);
        for notes in all {
            for (kind, count) in open(&notes.kinds).iter() {
                *counts.entry(*kind).or_insert(0) += count.get();
            }
        }
        counts.into_iter().collect()
    }

    /// A message sets out, unless as many as `waiting_max` wait already.
    pub fn admit(&self, waiting_max: usize) -> bool {
        let sent = self.sent.0.fetch_add(1, Ordering::Relaxed);
        let is_admitted = waiting(sent, self.taken.0.load(Ordering::Relaxed)) < waiting_max;
        if !is_admitted {
            self.sent.0.fetch_sub(1, Ordering::Relaxed);
        }
        is_admitted
    }

    /// A message that was admitted is taken out of the mailbox, to be worked on or not.
    pub fn take(&self) {
        self.taken.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Both numbers are read at slightly different moments.
fn waiting(sent: usize, taken: usize) -> usize {
    let waiting = sent.wrapping_sub(taken);
    if waiting > usize::MAX / 2 { 0 } else { waiting }
}

/// What a message carries to its actor.
#[derive(Debug)]
pub struct Ticket {
    sent: Tick,
    trace: Option<Trace>,
}

impl Ticket {
    /// A message is sent now; the request that is worked for comes along.
    pub fn now() -> Self {
        Self {
            sent: Tick::now(),
            trace: Trace::current(),
        }
    }
}

/// What tells messages of one type from those of others.
#[derive(Debug, Clone, Copy)]
pub struct MessageKind {
    id: TypeId,
    type_name: &'static str,
}

impl MessageKind {
    /// Messages of type `M`.
    pub fn of<M: 'static>() -> Self {
        Self {
            id: TypeId::of::<M>(),
            type_name: type_name::<M>(),
        }
    }

    /// What it is called.
    pub fn name(&self) -> &'static str {
        kind_name(self.type_name)
    }
}

/// An actor's own notebook: kinds of messages are looked up without a lock, and nobody else writes in it.
#[derive(Debug)]
pub struct Watch {
    figures: Arc<ActorFigures>,
    /// `None` where nothing is measured.
    notes: Option<Arc<Notes>>,
    kinds: HashMap<TypeId, Kind, BuildHasherDefault<PlainHasher>>,
}

#[derive(Debug)]
struct Kind {
    name: &'static str,
    count: Arc<Counter>,
}

impl Watch {
    /// A notebook for these figures; an empty one unless something is measured.
    pub fn new(figures: Arc<ActorFigures>, is_on: bool) -> Self {
        let notes = is_on.then(Arc::<Notes>::default);
        open(&figures.at_work).extend(notes.clone());
        Self {
            figures,
            notes,
            kinds: HashMap::default(),
        }
    }

    /// Whose it is.
    pub fn figures(&self) -> &ActorFigures {
        &self.figures
    }

    /// The actor begins to work on a message.
    pub fn begin(&mut self, message: MessageKind, ticket: Ticket) -> Option<Work> {
        let notes = self.notes.as_ref()?;
        let begun = Tick::now();
        notes.wait.observe_alone(begun.nanos_since(ticket.sent));
        let kind = self.kinds.entry(message.id).or_insert_with(|| {
            let name = kind_name(message.type_name);
            let count = notes.counter(name);
            Kind { name, count }
        });
        kind.count.count_alone();
        Some(Work {
            trace: ticket.trace,
            sent: ticket.sent,
            begun,
            actor: self.figures.name,
            kind: kind.name,
        })
    }

    /// Work of this kind panicked, and failed alone.
    pub fn panicked(&self, kind: &'static str) {
        self.figures.panics.note(kind);
    }

    /// The handler is through with what was begun then, whether there is an answer yet or not; answers when.
    pub fn handled(&self, begun: Tick) -> Tick {
        let now = Tick::now();
        if let Some(notes) = &self.notes {
            notes.handling.observe_alone(now.nanos_since(begun));
        }
        now
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(notes) = self.notes.take() {
            let mut at_work = open(&self.figures.at_work);
            at_work.retain(|other| !Arc::ptr_eq(other, &notes));
            self.figures.gone.absorb(&notes);
        }
    }
}

/// A message that is worked on.
#[derive(Debug)]
pub struct Work {
    trace: Option<Trace>,
    sent: Tick,
    begun: Tick,
    actor: ActorName,
    kind: &'static str,
}

impl Work {
    /// The request that it is for.
    pub fn trace(&self) -> Option<Trace> {
        self.trace.clone()
    }

    /// When it was begun.
    pub fn begun(&self) -> Tick {
        self.begun
    }

    /// Works for the request that it is for.
    pub fn within<T>(&mut self, work: impl FnOnce() -> T) -> T {
        Trace::lend(&mut self.trace, work)
    }

    /// There is an answer, since `ended` or since now; nothing is left to note where it is for no request.
    pub fn end(self, ended: Option<Tick>) -> Option<Done> {
        let trace = self.trace?;
        let (actor, kind) = (self.actor, self.kind);
        Some(Done {
            trace,
            actor,
            kind,
            sent: self.sent,
            begun: self.begun,
            ended: ended.unwrap_or_else(Tick::now),
        })
    }
}

/// A message that was worked on for a request. It goes to the asker with the answer, who notes it: so a trace stays with the
/// processor that works for it.
#[derive(Debug)]
pub struct Done {
    trace: Trace,
    actor: ActorName,
    kind: &'static str,
    sent: Tick,
    begun: Tick,
    ended: Tick,
}

impl Done {
    /// Notes it in the request's course.
    pub fn note(self) {
        self.trace.add_all([
            (Span::Mailbox, self.actor.name(), self.sent, self.begun),
            (self.actor.span(), self.kind, self.begun, self.ended),
        ]);
    }
}

/// The last word of a type's name, of its innermost parameter if it has one: a wrapper says less than what it wraps.
pub fn kind_name(type_name: &'static str) -> &'static str {
    let innermost = type_name.trim_end_matches('>');
    innermost
        .rsplit([':', '<', ' '])
        .next()
        .unwrap_or(innermost)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Wrapped<T>(std::marker::PhantomData<T>);
    struct FollowSomebody;

    #[test]
    fn a_message_is_called_what_it_wraps() {
        assert_eq!(kind_name(type_name::<FollowSomebody>()), "FollowSomebody");
        assert_eq!(
            kind_name(type_name::<Wrapped<FollowSomebody>>()),
            "FollowSomebody"
        );
    }

    #[test]
    fn a_message_waits_until_it_is_taken_and_no_more_than_so_many_do() {
        let figures = ActorFigures::new(ActorName::Posts);
        assert!(figures.admit(2) && figures.admit(2));
        assert!(!figures.admit(2));
        assert_eq!(figures.depth(), 2);
        figures.take();
        assert_eq!(figures.depth(), 1);
        assert!(figures.admit(2));
    }

    #[test]
    fn what_all_of_a_pool_noted_is_told_also_when_one_is_gone() {
        let figures = Arc::new(ActorFigures::new(ActorName::Readers));
        let kind = MessageKind::of::<FollowSomebody>();
        let mut pool = [(); 2].map(|()| Watch::new(Arc::clone(&figures), true));
        for watch in &mut pool {
            let work = watch.begin(kind, Ticket::now());
            let work = work.expect("it is watched");
            watch.handled(work.begun());
            assert!(work.end(None).is_none(), "it was for no request");
        }
        let told = || {
            let counts = (figures.wait().count(), figures.handling().count());
            (figures.messages(), counts)
        };
        let expected = (vec![("FollowSomebody", 2)], (2, 2));
        assert_eq!(told(), expected);
        let [one, mut other] = pool;
        drop(one);
        assert_eq!(told(), expected);
        other.begin(kind, Ticket::now());
        assert_eq!(figures.messages(), [("FollowSomebody", 3)]);
        drop(other);
        assert_eq!(figures.wait().count(), 3);
        assert!(open(&figures.at_work).is_empty());
        let mut nobody = Watch::new(Arc::clone(&figures), false);
        assert!(nobody.begin(kind, Ticket::now()).is_none());
        assert_eq!(figures.wait().count(), 3);
    }
}
