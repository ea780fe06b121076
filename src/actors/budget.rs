//! Memory as a budget: what all caches together may hold, and which of them makes room.
//!
//! Each cache is a part. It says what it holds and when its least recently used entry was last used. While the sum is over the
//! budget, the part lets go whose entry went unused for the longest time, so that no cache keeps what nobody wants because it
//! was there first. Parts share only these numbers, and one makes room when it is next used. Those that aren't used meanwhile are
//! passed over, until they are: who grows doesn't wait for them. Beyond the budget itself each part lets go of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::readers::READERS;
use crate::store::open::MemoryUse;

/// A MiB, in bytes.
const MIB: usize = 1024 * 1024;
/// Of all memory for caches the writing connection's pages get so much, as a divisor.
const WRITER_DIVISOR: usize = 16;
/// And those of all readers together, and the snapshots of homes.
const READERS_DIVISOR: usize = 32;
const SNAPSHOTS_DIVISOR: usize = 32;
/// The least and the most statements that a connection keeps prepared, and how many for each MiB.
const STATEMENTS_MIN: usize = 64;
const STATEMENTS_MAX: usize = 256;
const STATEMENTS_PER_MIB: usize = 4;

/// What becomes of the memory for caches: an eighth is the store's, which bounds it by itself, the rest is shared by those who
/// need it.
#[derive(Debug, Clone)]
pub struct Division {
    /// For what owners keep.
    pub caches: Budget,
    /// For the connection that writes.
    pub writer: MemoryUse,
    /// For each of the readers.
    pub reader: MemoryUse,
    /// For the snapshots of homes, in bytes.
    pub snapshots_bytes: usize,
}

impl Division {
    /// Of so many MiB.
    pub fn of(mib: u64) -> Self {
        let mib = usize::try_from(mib).unwrap_or(usize::MAX / MIB);
        let bytes = mib.saturating_mul(MIB);
        let statements = mib.saturating_mul(STATEMENTS_PER_MIB);
        let connection = |bytes: usize| MemoryUse {
            pages_kib: u32::try_from(bytes / 1024).unwrap_or(u32::MAX),
            statements: statements.clamp(STATEMENTS_MIN, STATEMENTS_MAX),
        };
        let (writer, readers) = (bytes / WRITER_DIVISOR, bytes / READERS_DIVISOR);
        let snapshots_bytes = bytes / SNAPSHOTS_DIVISOR;
        Self {
            caches: Budget::new(bytes - writer - readers - snapshots_bytes),
            writer: connection(writer),
            reader: connection(readers / READERS),
            snapshots_bytes,
        }
    }
}

/// Of the budget so much is kept free, as a divisor, for what a part takes in until those with older entries have let go.
const SLACK_DIVISOR: usize = 8;
/// And whoever has older entries lets go of so much more, as a divisor: else those who take something in would find nothing free,
/// and give it up again before the others are next used.
const HEADROOM_DIVISOR: usize = 16;

/// What holds a part of the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Tokens and sessions.
    Accesses,
    /// Accounts, as far as it matters what they may do.
    Members,
    /// What stands between an account and others.
    Relations,
    /// Posts with their renderings.
    Posts,
    /// The newest entries of lists that many read.
    Lists,
    /// Which posts answer which.
    Threads,
    /// Accounts with their renderings.
    Accounts,
    /// What viewers did with posts.
    Marks,
    /// Homes.
    Windows,
    /// Callers who were let in lately.
    Guests,
    /// What pages show of whoever reads them.
    Readers,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Accesses,
        Self::Members,
        Self::Relations,
        Self::Posts,
        Self::Lists,
        Self::Threads,
        Self::Accounts,
        Self::Marks,
        Self::Windows,
        Self::Guests,
        Self::Readers,
    ];

    /// As metrics call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accesses => "accesses",
            Self::Members => "members",
            Self::Relations => "relations",
            Self::Posts => "posts",
            Self::Lists => "lists",
            Self::Threads => "threads",
            Self::Accounts => "accounts",
            Self::Marks => "marks",
            Self::Windows => "windows",
            Self::Guests => "guests",
            Self::Readers => "readers",
        }
    }
}

/// When something was last used: the budget's own time, which goes on whenever a part takes something in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use(u64);

/// A part that holds nothing has nothing that is older than anything.
const NOTHING: u64 = u64::MAX;

#[derive(Debug)]
struct Holding {
    bytes: AtomicUsize,
    oldest: AtomicU64,
}

#[derive(Debug)]
struct Shared {
    bytes_max: usize,
    /// The sum of what the parts hold.
    bytes: AtomicUsize,
    time: AtomicU64,
    /// Whatever was last used up to here has to go, as long as it is too much.
    cutoff: AtomicU64,
    holdings: [Holding; Part::ALL.len()],
}

impl Shared {
    /// Above this somebody has to let go of something.
    fn bytes_wanted(&self) -> usize {
        self.bytes_max - self.bytes_max / SLACK_DIVISOR
    }

    /// Above this whoever has something that is too old lets go of it.
    fn bytes_kept(&self) -> usize {
        self.bytes_wanted() - self.bytes_max / HEADROOM_DIVISOR
    }
}

/// The memory that caches share; clones are the same.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Shared>);

impl Budget {
    /// A budget of so many bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self(Arc::new(Shared {
            bytes_max,
            bytes: AtomicUsize::new(0),
            time: AtomicU64::new(1),
            cutoff: AtomicU64::new(0),
            holdings: Part::ALL.map(|_| Holding {
                bytes: AtomicUsize::new(0),
                oldest: AtomicU64::new(NOTHING),
            }),
        }))
    }

    /// How large it is, in bytes.
    pub fn bytes_max(&self) -> usize {
        self.0.bytes_max
    }

    /// A share for a part. Two of one part are one to the others.
    pub fn share(&self, part: Part) -> Share {
        Share {
            shared: Arc::clone(&self.0),
            part,
            bytes: 0,
        }
    }
}

/// A part's hold on the budget; what it holds is given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    shared: Arc<Shared>,
    part: Part,
    bytes: usize,
}

impl Share {
    /// Whose it is.
    pub fn part(&self) -> Part {
        self.part
    }

    /// What the part holds, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What all parts together may hold, in bytes.
    pub fn bytes_max(&self) -> usize {
        self.shared.bytes_max
    }

    /// The present, for something that is used.
    pub fn now(&self) -> Use {
        Use(self.shared.time.load(Ordering::Relaxed))
    }

    /// The part takes in something of so many bytes; the use that it was taken in for.
    pub fn take(&mut self, bytes: usize) -> Use {
        self.bytes += bytes;
        self.holding().bytes.fetch_add(bytes, Ordering::Relaxed);
        self.shared.bytes.fetch_add(bytes, Ordering::Relaxed);
        Use(self.shared.time.fetch_add(1, Ordering::Relaxed))
    }

    /// The part let go of something of so many bytes.
    pub fn give(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.holding().bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.shared.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether all parts together hold so much that some of them may have to let go of something.
    pub fn is_short(&self) -> bool {
        self.shared.bytes.load(Ordering::Relaxed) > self.shared.bytes_kept()
    }

    /// Whether the part has to let go of its least recently used entry, which was last used at `oldest`; `None` when it has
    /// no entries. To be asked after each [`Self::take`], until it says no.
    pub fn has_to_give(&self, oldest: Option<Use>) -> bool {
        let Use(own) = oldest.unwrap_or(Use(NOTHING));
        self.holding().oldest.store(own, Ordering::Relaxed);
        let bytes = self.shared.bytes.load(Ordering::Relaxed);
        if oldest.is_none() || bytes <= self.shared.bytes_kept() {
            return false;
        }
        let cutoff = &self.shared.cutoff;
        let told = cutoff.load(Ordering::Relaxed);
        if bytes > self.shared.bytes_max || own <= told {
            return true;
        }
        if bytes <= self.shared.bytes_wanted() {
            return false;
        }
        // Whoever has something older was told before, and wasn't used since.
        let holdings = self.shared.holdings.iter();
        let oldest = holdings.map(|holding| holding.oldest.load(Ordering::Relaxed));
        let next = oldest.filter(|oldest| *oldest > told).min();
        let next = next.unwrap_or(own);
        cutoff.fetch_max(next, Ordering::Relaxed);
        own <= next
    }

    fn holding(&self) -> &Holding {
        &self.shared.holdings[self.part as usize]
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give(self.bytes);
        self.holding().oldest.store(NOTHING, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    /// A cache without contents.
    struct Shelf {
        share: Share,
        entries: VecDeque<(usize, Use)>,
    }

    impl Shelf {
        fn of(budget: &Budget, part: Part) -> Self {
            let (share, entries) = (budget.share(part), VecDeque::new());
            Self { share, entries }
        }

        fn fill(&mut self, bytes: usize) {
            let at = self.share.take(bytes);
            self.entries.push_back((bytes, at));
            self.make_room();
        }

        fn make_room(&mut self) {
            while self
                .share
                .has_to_give(self.entries.front().map(|entry| entry.1))
            {
                let (bytes, _) = self.entries.pop_front().expect("it has one to give");
                self.share.give(bytes);
            }
        }
    }

    #[test]
    fn who_has_what_nobody_wants_makes_room_for_others() {
        let budget = Budget::new(800);
        let mut first = Shelf::of(&budget, Part::Posts);
        let mut second = Shelf::of(&budget, Part::Windows);
        for _ in 0..7 {
            first.fill(100);
        }
        assert_eq!(first.entries.len(), 7);
        second.fill(50);
        assert_eq!(second.entries.len(), 1, "what is older belongs to another");
        first.make_room();
        assert_eq!(first.entries.len(), 6);
        for _ in 0..20 {
            second.fill(50);
            first.make_room();
        }
        assert_eq!(first.share.bytes(), 0, "all of it was older");
        assert_eq!(second.share.bytes(), 700);
        drop(second);
        first.fill(700);
        assert_eq!(first.share.bytes(), 700);
    }

    #[test]
    fn who_comes_late_gets_room_from_those_who_came_first() {
        let budget = Budget::new(16_000);
        let mut first = Shelf::of(&budget, Part::Posts);
        let mut late = Shelf::of(&budget, Part::Windows);
        for _ in 0..140 {
            first.fill(100);
        }
        for _ in 0..200 {
            // Two take in something new before what came first is used, as with readers who come at once.
            late.fill(40);
            late.fill(40);
            if first.share.is_short() {
                first.make_room();
            }
        }
        assert!(late.entries.len() > 100, "{} stay", late.entries.len());
    }

    #[test]
    fn who_is_not_used_any_more_keeps_nobody_from_making_room() {
        let budget = Budget::new(800);
        let mut idle = Shelf::of(&budget, Part::Accesses);
        let mut large = Shelf::of(&budget, Part::Posts);
        let mut new = Shelf::of(&budget, Part::Windows);
        idle.fill(10);
        for _ in 0..15 {
            large.fill(50);
        }
        for _ in 0..100 {
            new.fill(10);
            large.make_room();
        }
        assert!(new.share.bytes() >= 600, "{}", new.share.bytes());
        assert!(large.share.bytes() <= 50);
        new.share.take(100);
        assert!(new.share.is_short());
        idle.make_room();
        assert_eq!(idle.share.bytes(), 0, "it is told as soon as it is used");
    }

    #[test]
    fn all_of_the_memory_is_divided() {
        let Division {
            caches,
            writer,
            reader,
            snapshots_bytes,
        } = Division::of(128);
        assert_eq!((writer, reader), (MemoryUse::WRITER, MemoryUse::READER));
        let readers = READERS * reader.pages_kib as usize;
        let pages = 1024 * (writer.pages_kib as usize + readers);
        assert_eq!(caches.bytes_max() + pages + snapshots_bytes, 128 * MIB);
        assert_eq!(Division::of(16).writer.statements, STATEMENTS_MIN);
    }

    #[test]
    fn something_larger_than_the_budget_is_not_kept() {
        let budget = Budget::new(800);
        let mut shelf = Shelf::of(&budget, Part::Posts);
        shelf.fill(900);
        assert_eq!((shelf.entries.len(), shelf.share.bytes()), (0, 0));
    }

    proptest! {
        #[test]
        fn whatever_is_taken_in_the_sum_stays_within_the_budget(
            fills in proptest::collection::vec((0..3usize, 1..300usize), 1..200),
        ) {
            let budget = Budget::new(1000);
            let parts = [Part::Posts, Part::Marks, Part::Windows];
            let mut shelves = parts.map(|part| Shelf::of(&budget, part));
            for (shelf, bytes) in fills {
                shelves[shelf].fill(bytes);
                let sum: usize = shelves.iter().map(|shelf| shelf.share.bytes()).sum();
                prop_assert!(sum <= 1000, "{sum}");
                prop_assert_eq!(budget.0.bytes.load(Ordering::Relaxed), sum);
            }
            drop(shelves);
            prop_assert_eq!(budget.0.bytes.load(Ordering::Relaxed), 0);
        }
    }
}
