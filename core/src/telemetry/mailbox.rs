//! What actors note of their messages.

use std::any::{TypeId, type_name};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use super::metrics::{Counter, Histogram, INNER_TIME};
use super::panics::Panics;
use super::trace::{Span, Trace};
use crate::clock::Moment;

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

/// The figures of an actor.
#[derive(Debug)]
pub struct ActorFigures {
    name: ActorName,
    /// Each message that waits holds one more.
    waiting: Arc<()>,
    /// From sending to the beginning of the handler, in nanoseconds.
    pub wait: Histogram,
    /// How long a message's handler kept the actor's thread, in nanoseconds. What a handler waits for afterwards doesn't.
    pub handling: Histogram,
    /// Work for it that panicked, and failed alone.
    pub panics: Panics,
    kinds: Mutex<BTreeMap<&'static str, Arc<Counter>>>,
}

impl ActorFigures {
    /// The figures of an actor that got no message yet.
    pub fn new(name: ActorName) -> Self {
        Self {
            name,
            waiting: Arc::new(()),
            wait: Histogram::new(&INNER_TIME),
            handling: Histogram::new(&INNER_TIME),
            panics: Panics::default(),
            kinds: Mutex::default(),
        }
    }

    /// Whose they are.
    pub fn name(&self) -> ActorName {
        self.name
    }

    /// How many messages wait for it.
    pub fn depth(&self) -> usize {
        Arc::strong_count(&self.waiting).saturating_sub(1)
    }

    /// How many messages of each kind were worked on, by name.
    pub fn messages(&self) -> Vec<(&'static str, u64)> {
        let kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        kinds
            .iter()
            .map(|(kind, count)| (*kind, count.get()))
            .collect()
    }

    /// A message sets out; the request that is worked for comes along.
    pub fn ticket(&self) -> Ticket {
        Ticket {
            sent: Moment::now(),
            trace: Trace::current(),
            _waiting: Arc::clone(&self.waiting),
        }
    }

    fn counter(&self, kind: &'static str) -> Arc<Counter> {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = if kinds.len() < KINDS_MAX {
            kind
        } else {
            "other"
        };
        Arc::clone(kinds.entry(kind).or_default())
    }
}

/// What a message carries to its actor.
#[derive(Debug)]
pub struct Ticket {
    sent: Moment,
    trace: Option<Trace>,
    _waiting: Arc<()>,
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
}

/// An actor's own notebook: kinds of messages are looked up without a lock.
#[derive(Debug)]
pub struct Watch {
    figures: Option<Arc<ActorFigures>>,
    kinds: HashMap<TypeId, Kind, BuildHasherDefault<TypeIdHasher>>,
}

#[derive(Debug)]
struct Kind {
    name: &'static str,
    count: Arc<Counter>,
}

impl Watch {
    /// A notebook for these figures, or for none.
    pub fn new(figures: Option<Arc<ActorFigures>>) -> Self {
        Self {
            figures,
            kinds: HashMap::default(),
        }
    }

    /// The actor begins to work on a message.
    pub fn begin(&mut self, message: MessageKind, ticket: Ticket) -> Option<Work> {
        let figures = self.figures.as_ref()?;
        let begun = Moment::now();
        figures.wait.observe(begun.nanos_since(ticket.sent));
        let kind = self.kinds.entry(message.id).or_insert_with(|| {
            let name = kind_name(message.type_name);
            let count = figures.counter(name);
            Kind { name, count }
        });
        kind.count.count();
        Some(Work {
            trace: ticket.trace,
            sent: ticket.sent,
            begun,
            actor: figures.name,
            kind: kind.name,
        })
    }

    /// Work of this kind panicked, and failed alone.
    pub fn panicked(&self, kind: &'static str) {
        if let Some(figures) = &self.figures {
            figures.panics.note(kind);
        }
    }

    /// The handler is through, whether there is an answer yet or not.
    pub fn handled(&self, begun: Moment) {
        if let Some(figures) = &self.figures {
            figures.handling.observe(begun.elapsed_nanos());
        }
    }
}

/// A message that is worked on.
#[derive(Debug)]
pub struct Work {
    trace: Option<Trace>,
    sent: Moment,
    begun: Moment,
    actor: ActorName,
    kind: &'static str,
}

impl Work {
    /// The request that it is for.
    pub fn trace(&self) -> Option<Trace> {
        self.trace.clone()
    }

    /// When it was begun.
    pub fn begun(&self) -> Moment {
        self.begun
    }

    /// There is an answer, which nobody has got yet.
    pub fn end(self) {
        if let Some(trace) = &self.trace {
            trace.add_all([
                (Span::Mailbox, self.actor.name(), self.sent, self.begun),
                (self.actor.span(), self.kind, self.begun, Moment::now()),
            ]);
        }
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

/// The compiler has hashed types already.
#[derive(Debug, Default)]
struct TypeIdHasher(u64);

impl Hasher for TypeIdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut number = [0; 8];
            number[..part.len()].copy_from_slice(part);
            self.0 ^= u64::from_le_bytes(number);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 ^= number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
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
    fn a_message_waits_until_it_is_begun_or_lost() {
        let figures = Arc::new(ActorFigures::new(ActorName::Posts));
        let mut watch = Watch::new(Some(Arc::clone(&figures)));
        let (one, two) = (figures.ticket(), figures.ticket());
        assert_eq!(figures.depth(), 2);
        drop(two);
        let kind = MessageKind::of::<FollowSomebody>();
        let work = watch.begin(kind, one).expect("it is watched");
        assert_eq!(figures.depth(), 0);
        watch.handled(work.begun());
        work.end();
        let second = figures.ticket();
        watch.begin(kind, second);
        assert_eq!(figures.messages(), [("FollowSomebody", 2)]);
        assert_eq!(figures.wait.read().count(), 2);
        assert_eq!(figures.handling.read().count(), 1);
    }
}
