//! Who is told of whose posts: for each author, the resident readers that follow it.

use std::collections::HashMap;

use crate::domain::relationship::{Relations, Standing};
use crate::ids::AccountId;

/// The place of a resident reader's window.
pub(super) type Place = u32;

/// The most places: the number and one mark share 32 bits.
pub(super) const PLACES_MAX: usize = 1 << 31;

/// A reader of an author: the place of its window, and whether it wants the author's boosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Follow(u32);

impl Follow {
    const BOOSTS: u32 = 1;

    fn new(place: Place, shows_boosts: bool) -> Self {
        Self(place << 1 | u32::from(shows_boosts))
    }

    /// Where the reader's window is.
    pub(super) fn place(self) -> Place {
        self.0 >> 1
    }

    fn shows_boosts(self) -> bool {
        self.0 & Self::BOOSTS != 0
    }
}

/// An author with resident readers.
#[derive(Debug, Default)]
struct Author {
    id: Option<AccountId>,
    /// In the order of their places.
    readers: Vec<Follow>,
}

/// All authors with resident readers.
#[derive(Debug, Default)]
pub(super) struct Audience {
    numbers: HashMap<AccountId, u32>,
    authors: Vec<Author>,
    unused: Vec<u32>,
}

/// What one reader has to do with accounts other than by following them. Most have nothing.
#[derive(Debug, Default)]
struct Aversions {
    /// Blocked in either direction, in order.
    blocked: Box<[AccountId]>,
    /// Muted, in order.
    muted: Box<[AccountId]>,
}

/// A resident reader's relations, as far as its window needs them.
#[derive(Debug)]
pub(super) struct Sources {
    /// The numbers of those that it follows.
    authors: Box<[u32]>,
    aversions: Option<Box<Aversions>>,
}

impl Sources {
    /// How much memory they take with their share of the audience, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let aversions = self.aversions.as_deref().map_or(0, |aversions| {
            size_of::<Aversions>()
                + (aversions.blocked.len() + aversions.muted.len()) * size_of::<AccountId>()
        });
        self.authors.len() * (size_of::<u32>() + size_of::<Follow>()) + aversions
    }
}

impl Audience {
    /// Enters a reader whose window is at this place among the readers of those that it follows.
    pub(super) fn enter(&mut self, place: Place, relations: &Relations) -> Sources {
        let mut authors = Vec::with_capacity(relations.follows.len());
        for (author, options) in &relations.follows {
            let number = self.number(*author);
            let readers = &mut self.authors[number as usize].readers;
            let follow = Follow::new(place, options.shows_boosts);
            let at = readers.partition_point(|reader| reader.place() < place);
            readers.insert(at, follow);
            authors.push(number);
        }
        let mut blocked: Vec<AccountId> = relations.blocks.iter().copied().collect();
        blocked.extend(&relations.blocked_by);
        blocked.sort_unstable();
        let mut muted: Vec<AccountId> = relations.mutes.keys().copied().collect();
        muted.sort_unstable();
        let has_aversions = !blocked.is_empty() || !muted.is_empty();
        Sources {
            authors: authors.into(),
            aversions: has_aversions.then(|| {
                Box::new(Aversions {
                    blocked: blocked.into(),
                    muted: muted.into(),
                })
            }),
        }
    }

    /// Takes a reader out again.
    pub(super) fn leave(&mut self, place: Place, sources: &Sources) {
        for number in &sources.authors {
            let author = &mut self.authors[*number as usize];
            let found = author
                .readers
                .binary_search_by_key(&place, |reader| reader.place());
            if let Ok(at) = found {
                author.readers.remove(at);
            }
            if author.readers.is_empty()
                && let Some(id) = std::mem::take(author).id
            {
                self.numbers.remove(&id);
                self.unused.push(*number);
            }
        }
    }

    /// The resident readers that follow an author, in the order of their places.
    pub(super) fn readers_of(&self, author: AccountId) -> &[Follow] {
        match self.numbers.get(&author) {
            None => &[],
            Some(number) => &self.authors[*number as usize].readers,
        }
    }

    /// Whether the reader at a place follows an author.
    pub(super) fn is_reader(&self, author: AccountId, place: Place) -> bool {
        let readers = self.readers_of(author);
        readers
            .binary_search_by_key(&place, |reader| reader.place())
            .is_ok()
    }

    fn number(&mut self, author: AccountId) -> u32 {
        if let Some(number) = self.numbers.get(&author) {
            return *number;
        }
        let number = self.unused.pop().unwrap_or_else(|| {
            self.authors.push(Author::default());
            u32::try_from(self.authors.len() - 1).expect("accounts are fewer than 2^32")
        });
        self.authors[number as usize].id = Some(author);
        self.numbers.insert(author, number);
        number
    }
}

/// The accounts that an event is about, each looked up once for all readers who are told of it.
pub(super) struct Concerned<'a> {
    accounts: Vec<(AccountId, &'a [Follow])>,
}

impl<'a> Concerned<'a> {
    /// Looks these up.
    pub(super) fn new(
        audience: &'a Audience,
        accounts: impl IntoIterator<Item = AccountId>,
    ) -> Self {
        let accounts = accounts.into_iter();
        Self {
            accounts: accounts
                .map(|account| (account, audience.readers_of(account)))
                .collect(),
        }
    }

    /// How the reader at a place stands to these accounts. `follow` is how it follows the first of them, where that is known.
    pub(super) fn seen_from<'b>(
        &'b self,
        place: Place,
        sources: &'b Sources,
        follow: Option<Follow>,
    ) -> Seen<'b> {
        Seen {
            concerned: self,
            place,
            aversions: sources.aversions.as_deref(),
            follow,
        }
    }
}

/// How one reader stands to the accounts that an event is about.
pub(super) struct Seen<'a> {
    concerned: &'a Concerned<'a>,
    place: Place,
    aversions: Option<&'a Aversions>,
    follow: Option<Follow>,
}

impl Seen<'_> {
    fn follow(&self, other: AccountId) -> Option<Follow> {
        let accounts = &self.concerned.accounts;
        if self.follow.is_some() && accounts.first().is_some_and(|(first, _)| *first == other) {
            return self.follow;
        }
        let (_, readers) = accounts.iter().find(|(account, _)| *account == other)?;
        let found = readers.binary_search_by_key(&self.place, |reader| reader.place());
        found.ok().map(|at| readers[at])
    }
}

impl Standing for Seen<'_> {
    fn follows(&self, other: AccountId) -> bool {
        self.follow(other).is_some()
    }

    fn follows_boosts_of(&self, other: AccountId) -> bool {
        self.follow(other).is_some_and(Follow::shows_boosts)
    }

    fn is_blocked_either_way(&self, other: AccountId) -> bool {
        let is_among = |aversions: &Aversions| aversions.blocked.binary_search(&other).is_ok();
        self.aversions.is_some_and(is_among)
    }

    fn mutes(&self, other: AccountId) -> bool {
        let is_among = |aversions: &Aversions| aversions.muted.binary_search(&other).is_ok();
        self.aversions.is_some_and(is_among)
    }
}
