//! What the Posts actor keeps in memory: posts, their authors, and what viewers have done with them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use hashlink::LruCache;

use crate::budget::{Budget, Part};
use crate::cache::{CacheFigures, EventedCache};
use crate::domain::account::{Account, AccountCounts};
use crate::domain::event::Event;
use crate::domain::post::{Authored, Marks, Post, PostApp, PostFacts, PostMark, PostView, Wording};
use crate::domain::rendered::Rendered;
use crate::domain::visibility::{Onlooker, may_see};
use crate::ids::{AccountId, AppId, PostId};
use crate::store::queries::posts::{LoadPosts, LoadedPosts};

/// How many pairs of a viewer and a new post, with which the viewer has done something, are kept.
const NEW_MARKS_MAX: usize = 50_000;
/// Of the budget they get so much at most, as a divisor.
const NEW_MARKS_DIVISOR: usize = 16;
/// About what each takes, in bytes: nodes of the tree are two thirds full.
const NEW_MARK_BYTES: usize = 36;
/// How many clients are kept.
const APPS_MAX: usize = 256;

/// The caches, and the rule by which a page is put together from them.
#[derive(Debug)]
pub(super) struct Shelf {
    posts: EventedCache<PostId, Arc<Rendered<Post>>>,
    accounts: EventedCache<AccountId, Arc<Rendered<Account>>>,
    marks: EventedCache<(AccountId, PostId), Marks>,
    new_marks: NewMarks,
    /// Who wrote posts lately, with what: clients never change.
    apps: LruCache<AppId, PostApp>,
}

/// The marks on posts that were published since events are listened to. As all of these marks were told, whoever isn't in
/// here has done nothing with them.
#[derive(Debug)]
struct NewMarks {
    /// All that is known is about later posts.
    above: PostId,
    /// The oldest post first.
    marks: BTreeMap<(PostId, AccountId), Marks>,
    marks_max: usize,
}

impl NewMarks {
    fn new(marks_max: usize) -> Self {
        Self {
            above: PostId(i64::MAX),
            marks: BTreeMap::new(),
            marks_max,
        }
    }

    /// Events were lost.
    fn forget_all(&mut self) {
        self.marks.clear();
        self.above = PostId(i64::MAX);
    }

    /// An entry is new.
    fn begin(&mut self, entry: PostId) {
        // Ids grow, so whatever comes from now on lies above the one before this.
        self.above = self.above.min(PostId(entry.0 - 1));
    }

    fn get(&self, viewer: AccountId, post: PostId) -> Option<Marks> {
        let marks = || self.marks.get(&(post, viewer)).copied();
        (post > self.above).then(|| marks().unwrap_or_default())
    }

    /// False for a post that it knows nothing about.
    fn set(&mut self, viewer: AccountId, post: PostId, mark: PostMark, stands: bool) -> bool {
        if post <= self.above {
            return false;
        }
        let marks = self.marks.entry((post, viewer)).or_default();
        marks.set(mark, stands);
        if *marks == Marks::default() {
            self.marks.remove(&(post, viewer));
        }
        while self.marks.len() > self.marks_max
            && let Some(((oldest, _), _)) = self.marks.pop_first()
        {
            self.above = self.above.max(oldest);
        }
        true
    }

    fn figures(&self) -> CacheFigures {
        let entries = self.marks.len();
        CacheFigures {
            name: "new_marks",
            entries,
            bytes: entries * NEW_MARK_BYTES,
            bytes_max: self.marks_max * NEW_MARK_BYTES,
        }
    }
}

/// About how long the rendering of a post is besides its text, and that of an account besides its note, in bytes.
const RENDERING_BYTES: usize = 1000;
/// About what a tag, a name or an address takes more in a rendering than in the text, in bytes.
const LINK_BYTES: usize = 80;
/// So many are weighed: not every sign is a link, least of all in long texts.
const LINKS_WEIGHED_MAX: usize = 64;

/// With its renderings, which most of them get: the text stands in each of them once more.
fn post_bytes(post: &Arc<Rendered<Post>>) -> usize {
    let texts = post.text.len() + post.spoiler.len();
    let links = post.text.bytes().filter(|byte| b"#@:".contains(byte));
    let links = links.take(LINKS_WEIGHED_MAX).count() * 2 * LINK_BYTES;
    size_of::<Rendered<Post>>() + 3 * texts + links + 48 * post.mentions.len() + RENDERING_BYTES
}

fn account_bytes(account: &Arc<Rendered<Account>>) -> usize {
    let fields = account.fields.iter();
    let fields: usize = fields
        .map(|field| field.name.len() + field.value.len())
        .sum();
    let texts = account.name.len() + account.display_name.len() + account.note.len() + fields;
    size_of::<Rendered<Account>>() + 2 * texts + RENDERING_BYTES
}

/// What a page may be put together from besides the shelf: what the shelf had when the page was asked for, and what was
/// loaded for it. An event that comes between the two takes things off the shelf, but nothing off a page.
#[derive(Debug, Default)]
pub(super) struct Hand {
    posts: HashMap<PostId, Arc<Rendered<Post>>>,
    accounts: HashMap<AccountId, Arc<Rendered<Account>>>,
    marks: HashMap<PostId, Marks>,
}

/// What memory says of a page.
#[derive(Debug)]
pub(super) enum Shown {
    /// The entries as the viewer gets them.
    Ready(Vec<PostView>),
    /// Only the store knows. What is at hand already comes along.
    Missing(LoadPosts, Hand),
}

/// The shelf, then the hand.
struct Sources<'a> {
    shelf: &'a mut Shelf,
    hand: &'a Hand,
}

/// Neither on the shelf nor at hand.
pub(super) struct Absent;

impl Shelf {
    /// An empty shelf.
    pub(super) fn new(budget: &Budget) -> Self {
        let marks_max = budget.bytes_max() / NEW_MARKS_DIVISOR / NEW_MARK_BYTES;
        Self {
            posts: EventedCache::new(budget, Part::Posts, post_bytes),
            accounts: EventedCache::new(budget, Part::Accounts, account_bytes),
            marks: EventedCache::new(budget, Part::Marks, |_| size_of::<Marks>()),
            new_marks: NewMarks::new(NEW_MARKS_MAX.min(marks_max)),
            apps: LruCache::new(APPS_MAX),
        }
    }

    /// Forgets everything: events up to `commit` were lost.
    pub(super) fn forget_all(&mut self, commit: i64) {
        self.posts.clear(commit);
        self.accounts.clear(commit);
        self.marks.clear(commit);
        self.new_marks.forget_all();
    }

    /// What its caches hold.
    pub(super) fn figures(&self) -> Vec<CacheFigures> {
        vec![
            self.posts.figures(),
            self.accounts.figures(),
            self.marks.figures(),
            self.new_marks.figures(),
        ]
    }

    /// Takes in a committed event.
    pub(super) fn take_in(&mut self, event: &Event, commit: i64) {
        match event {
            Event::PostEdited { post, .. } => self.posts.change(post.id, commit),
            Event::PostDeleted(post) | Event::BoostRemoved(post) => {
                self.posts.change(post.id, commit)
            }
            Event::PostPublished { entry, wording, .. } => {
                self.publish(entry, wording.as_deref(), commit);
            }
            Event::PostChanged(post) => self.posts.change(*post, commit),
            Event::PostCounted { post, counter, by } => {
                self.posts.amend(*post, commit, |post| {
                    Arc::make_mut(post).counts_mut().count(*counter, *by);
                });
            }
            Event::PostMarked {
                account,
                post,
                mark,
                stands,
            } => {
                if !self.new_marks.set(*account, *post, *mark, *stands) {
                    let marked = |marks: &mut Marks| marks.set(*mark, *stands);
                    self.marks.amend((*account, *post), commit, marked);
                }
            }
            Event::FollowCounted {
                follower,
                followee,
                by,
            } => {
                self.recount(*follower, commit, |counts| counts.following += by);
                self.recount(*followee, commit, |counts| counts.followers += by);
            }
            Event::AccountChanged(account) => self.accounts.change(*account, commit),
            // Whether the author is hidden is part of every post of it.
            Event::AccountVisibilityChanged(account) => {
                self.accounts.change(*account, commit);
                self.posts.clear(commit);
            }
            Event::EntriesImported { .. }
            | Event::RelationsChanged { .. }
            | Event::TokenRevoked(_)
            | Event::TokenUsed(_)
            | Event::CredentialsChanged(_)
            | Event::ReaderChanged(_)
            | Event::JobAdded(_)
            | Event::SchedulesChanged => {}
        }
    }

    /// Whoever reads a new entry first finds it here.
    fn publish(&mut self, entry: &Arc<PostFacts>, wording: Option<&Wording>, commit: i64) {
        self.new_marks.begin(entry.id);
        if entry.visibility.is_open() {
            self.recount(entry.author, commit, |counts| {
                counts.add_open_entry(entry.id);
            });
        }
        let facts = PostFacts::clone(entry);
        let post = match wording {
            None => Post::boost(facts),
            Some(wording) => {
                let app = match wording.app {
                    None => None,
                    Some(app) => match self.apps.get(&app) {
                        Some(app) => Some(app.clone()),
                        // The first post by a client has to be loaded.
                        None => return,
                    },
                };
                Post::published(facts, wording, app)
            }
        };
        let post = Arc::new(Rendered::new(post));
        self.posts.begin(entry.id, post, commit);
    }

    /// Whether an account is there for others; `None` when only the store knows.
    pub(super) fn is_visible(&mut self, account: AccountId) -> Option<bool> {
        let account = self.accounts.get(&account)?;
        Some(!account.state.is_hidden())
    }

    fn recount(
        &mut self,
        account: AccountId,
        commit: i64,
        recount: impl FnOnce(&mut AccountCounts),
    ) {
        self.accounts.amend(account, commit, |account| {
            recount(Arc::make_mut(account).counts_mut());
        });
    }

    fn marks(&mut self, viewer: AccountId, post: PostId) -> Option<Marks> {
        let new = self.new_marks.get(viewer, post);
        new.or_else(|| self.marks.get(&(viewer, post)).copied())
    }

    /// The entries as the viewer gets them, or what has to be loaded first.
    pub(super) fn show(&mut self, onlooker: &Onlooker, ids: &[PostId]) -> Shown {
        let hand = Hand::default();
        let mut sources = Sources {
            shelf: self,
            hand: &hand,
        };
        let mut views = Vec::with_capacity(ids.len());
        for id in without_repeats(ids) {
            match sources.view(onlooker, id) {
                Ok(view) => views.extend(view),
                Err(Absent) => return self.look_for(onlooker, ids),
            }
        }
        Shown::Ready(views)
    }

    fn look_for(&mut self, onlooker: &Onlooker, ids: &[PostId]) -> Shown {
        let (mut missing, mut hand) = (LoadPosts::default(), Hand::default());
        let mut marks_missing = Vec::new();
        for id in ids {
            let Some(post) = self.posts.get(id).cloned() else {
                missing.posts.push(*id);
                continue;
            };
            let boosted = post.facts.boost_of;
            let shown = post.facts.shown_post();
            hand.posts.insert(*id, Arc::clone(&post));
            if let Some(boosted) = boosted {
                match self.posts.get(&boosted.post) {
                    Some(post) => drop(hand.posts.insert(boosted.post, Arc::clone(post))),
                    None => missing.posts.push(boosted.post),
                }
            }
            for account in [
                Some(post.facts.author),
                boosted.map(|boosted| boosted.author),
            ] {
                let Some(account) = account else { continue };
                match self.accounts.get(&account) {
                    Some(known) => drop(hand.accounts.insert(account, Arc::clone(known))),
                    None => missing.accounts.push(account),
                }
            }
            if let Some(viewer) = onlooker.account {
                match self.marks(viewer, shown) {
                    Some(marks) => drop(hand.marks.insert(shown, marks)),
                    None => marks_missing.push(shown),
                }
            }
        }
        missing.marks = onlooker.account.map(|viewer| (viewer, marks_missing));
        Shown::Missing(missing, hand)
    }

    /// Keeps what was loaded out of the snapshot of `commit`, as far as no event overtook it, and puts the page
    /// together.
    pub(super) fn fill_and_show(
        &mut self,
        onlooker: &Onlooker,
        ids: &[PostId],
        mut hand: Hand,
        loaded: LoadedPosts,
        commit: i64,
    ) -> Vec<PostView> {
        for (id, post) in loaded.posts {
            if let Some(app) = &post.app {
                self.apps.insert(app.id, app.clone());
            }
            let post = Arc::new(Rendered::new(post));
            self.posts.fill(id, Arc::clone(&post), commit);
            hand.posts.insert(id, post);
        }
        for (id, account) in loaded.accounts {
            let account = Arc::new(Rendered::new(account));
            self.accounts.fill(id, Arc::clone(&account), commit);
            hand.accounts.insert(id, account);
        }
        for (post, marks) in loaded.marks {
            if let Some(viewer) = onlooker.account {
                self.marks.fill((viewer, post), marks, commit);
            }
            hand.marks.insert(post, marks);
        }
        let mut sources = Sources {
            shelf: self,
            hand: &hand,
        };
        // What was looked for and not found isn't there.
        without_repeats(ids)
            .filter_map(|id| sources.view(onlooker, id).unwrap_or(None))
            .collect()
    }
}

/// Lists are short and seldom repeat anything: looking back is cheaper than remembering.
fn without_repeats(ids: &[PostId]) -> impl Iterator<Item = PostId> + '_ {
    ids.iter()
        .enumerate()
        .filter(|(at, id)| !ids[..*at].contains(id))
        .map(|(_, id)| *id)
}

impl Sources<'_> {
    fn post(&mut self, id: PostId) -> Result<Arc<Rendered<Post>>, Absent> {
        let post = self.shelf.posts.get(&id);
        post.or_else(|| self.hand.posts.get(&id))
            .cloned()
            .ok_or(Absent)
    }

    fn account(&mut self, id: AccountId) -> Result<Arc<Rendered<Account>>, Absent> {
        let account = self.shelf.accounts.get(&id);
        account
            .or_else(|| self.hand.accounts.get(&id))
            .cloned()
            .ok_or(Absent)
    }

    fn marks(&mut self, viewer: AccountId, post: PostId) -> Result<Marks, Absent> {
        let marks = self.shelf.marks(viewer, post);
        marks
            .or_else(|| self.hand.marks.get(&post).copied())
            .ok_or(Absent)
    }

    /// `None` for what the viewer may not see.
    fn view(&mut self, onlooker: &Onlooker, id: PostId) -> Result<Option<PostView>, Absent> {
        let Some((post, author)) = self.seen(onlooker, id)? else {
            return Ok(None);
        };
        let boosted = match post.facts.boost_of {
            None => None,
            Some(boosted) => match self.seen(onlooker, boosted.post)? {
                None => return Ok(None),
                seen => seen,
            },
        };
        let marks = match onlooker.account {
            None => Marks::default(),
            Some(viewer) => self.marks(viewer, post.facts.shown_post())?,
        };
        Ok(Some(PostView {
            post,
            author,
            marks,
            boosted,
        }))
    }

    fn seen(&mut self, onlooker: &Onlooker, id: PostId) -> Result<Option<Authored>, Absent> {
        let post = self.post(id)?;
        let author = self.account(post.facts.author)?;
        Ok(may_see(onlooker.viewer(), &post.facts).then_some((post, author)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::{AccountState, Role};
    use crate::domain::post::{PostCounter, PostCounts};
    use crate::domain::visibility::Visibility;

    const ADA: AccountId = AccountId(1);
    const BOB: AccountId = AccountId(2);
    const FAVOURED: Marks = Marks {
        favourited: true,
        boosted: false,
        bookmarked: false,
    };

    fn account(id: AccountId) -> Account {
        Account {
            id,
            name: format!("person{}", id.0),
            display_name: String::new(),
            note: String::new(),
            fields: Vec::new(),
            locked: false,
            bot: false,
            discoverable: false,
            state: AccountState::Active,
            role: Role::User,
            counts: AccountCounts::default(),
        }
    }

    fn post(id: i64, author: AccountId) -> Post {
        Post {
            facts: PostFacts {
                id: PostId(id),
                author,
                author_hidden: false,
                visibility: Visibility::Public,
                boost_of: None,
                reply_to: None,
                mentions: Vec::new(),
            },
            text: String::new(),
            spoiler: String::new(),
            sensitive: false,
            language: None,
            mentions: Vec::new(),
            app: None,
            edited_at: None,
            counts: PostCounts::default(),
        }
    }

    fn loaded(entries: &[(i64, AccountId)]) -> LoadedPosts {
        let posts = entries
            .iter()
            .map(|(id, author)| (PostId(*id), post(*id, *author)));
        let accounts = entries.iter().map(|(_, id)| (*id, account(*id)));
        let marks = entries.iter().map(|(id, _)| (PostId(*id), FAVOURED));
        LoadedPosts {
            posts: posts.collect(),
            accounts: accounts.collect(),
            marks: marks.collect(),
        }
    }

    fn ids(views: &[PostView]) -> Vec<i64> {
        views.iter().map(|view| view.post.facts.id.0).collect()
    }

    #[test]
    fn what_changes_while_a_page_is_loaded_does_not_fall_out_of_it() {
        let onlooker = Onlooker {
            account: Some(BOB),
            ..Onlooker::default()
        };
        let mut shelf = Shelf::new(&Budget::new(1 << 24));
        let first = [PostId(10)];
        let Shown::Missing(_, hand) = shelf.show(&onlooker, &first) else {
            panic!("nothing is on the shelf");
        };
        shelf.fill_and_show(&onlooker, &first, hand, loaded(&[(10, ADA)]), 1);
        let page = [PostId(20), PostId(10), PostId(10)];
        let Shown::Missing(missing, hand) = shelf.show(&onlooker, &page) else {
            panic!("one post is not on the shelf");
        };
        assert_eq!(missing.posts, [PostId(20)]);
        assert!(missing.accounts.is_empty());
        shelf.take_in(&Event::AccountChanged(ADA), 2);
        shelf.take_in(&Event::PostChanged(PostId(10)), 3);
        let views = shelf.fill_and_show(&onlooker, &page, hand, loaded(&[(20, BOB)]), 1);
        assert_eq!(ids(&views), [20, 10]);
        assert_eq!(views[1].marks, FAVOURED);
        let Shown::Missing(missing, _) = shelf.show(&onlooker, &page) else {
            panic!("what changed has to be loaded anew");
        };
        assert_eq!(missing.posts, [PostId(10), PostId(10)]);
    }

    #[test]
    fn what_is_published_and_marked_is_known_without_the_store() {
        let onlooker = Onlooker {
            account: Some(BOB),
            ..Onlooker::default()
        };
        let mut shelf = Shelf::new(&Budget::new(1 << 24));
        let page = [PostId(20), PostId(10)];
        let entries = loaded(&[(10, ADA), (9, BOB)]);
        shelf.fill_and_show(&onlooker, &page, Hand::default(), entries, 1);
        let published = Event::PostPublished {
            entry: Arc::new(post(20, ADA).facts),
            wording: Some(Arc::new(Wording {
                text: "new".to_owned(),
                ..Wording::default()
            })),
            boosting: None,
        };
        shelf.take_in(&published, 2);
        let favoured = |shelf: &mut Shelf, id, stands, commit| {
            let post = PostId(id);
            let marked = Event::PostMarked {
                account: BOB,
                post,
                mark: PostMark::Favourite,
                stands,
            };
            shelf.take_in(&marked, commit);
            let counted = Event::PostCounted {
                post,
                counter: PostCounter::Favourites,
                by: if stands { 1 } else { -1 },
            };
            shelf.take_in(&counted, commit);
        };
        let seen = |shelf: &mut Shelf| {
            let Shown::Ready(views) = shelf.show(&onlooker, &page) else {
                panic!("everything is on the shelf");
            };
            assert_eq!(views[0].author.counts.posts, 1);
            assert_eq!(views[0].author.counts.last_open_post, Some(PostId(20)));
            assert_eq!(views[0].post.text, "new");
            [0, 1].map(|at| (views[at].marks.favourited, views[at].post.counts.favourites))
        };
        assert_eq!(seen(&mut shelf), [(false, 0), (true, 0)]);
        favoured(&mut shelf, 20, true, 3);
        favoured(&mut shelf, 10, false, 3);
        assert_eq!(seen(&mut shelf), [(true, 1), (false, -1)]);
        favoured(&mut shelf, 20, false, 4);
        assert_eq!(seen(&mut shelf), [(false, 0), (false, -1)]);
        let mut entries = loaded(&[(20, ADA)]);
        entries.accounts.clear();
        shelf.fill_and_show(&onlooker, &page, Hand::default(), entries, 3);
        assert_eq!(seen(&mut shelf)[0], (false, 0), "commit 3 is the past");
    }

    #[test]
    fn new_marks_are_bounded_and_what_was_dropped_is_not_guessed() {
        let mut marks = NewMarks::new(2);
        assert_eq!(marks.get(BOB, PostId(5)), None);
        marks.begin(PostId(5));
        marks.begin(PostId(9));
        assert_eq!(marks.get(BOB, PostId(4)), None);
        assert_eq!(marks.get(BOB, PostId(5)), Some(Marks::default()));
        let mut favour = |viewer, post| marks.set(viewer, PostId(post), PostMark::Favourite, true);
        assert!(!favour(BOB, 4));
        assert!(favour(BOB, 5) && favour(ADA, 5) && favour(BOB, 9));
        for viewer in [ADA, BOB] {
            assert_eq!(marks.get(viewer, PostId(5)), None);
        }
        assert_eq!(marks.get(BOB, PostId(9)), Some(FAVOURED));
        assert_eq!(marks.get(ADA, PostId(9)), Some(Marks::default()));
        marks.forget_all();
        assert_eq!(marks.get(BOB, PostId(9)), None);
    }

    #[test]
    fn a_warm_page_needs_no_store_and_shows_each_entry_once() {
        let mut shelf = Shelf::new(&Budget::new(1 << 24));
        let onlooker = Onlooker::default();
        let page = [PostId(20), PostId(10), PostId(20)];
        let hand = Hand::default();
        let entries = loaded(&[(10, ADA), (20, BOB)]);
        shelf.fill_and_show(&onlooker, &page, hand, entries, 1);
        let Shown::Ready(views) = shelf.show(&onlooker, &page) else {
            panic!("everything is on the shelf");
        };
        assert_eq!(ids(&views), [20, 10]);
    }

    #[test]
    fn what_the_store_does_not_have_is_left_out() {
        let mut shelf = Shelf::new(&Budget::new(1 << 24));
        let onlooker = Onlooker::default();
        let page = [PostId(20), PostId(10)];
        let Shown::Missing(_, hand) = shelf.show(&onlooker, &page) else {
            panic!("nothing is on the shelf");
        };
        let views = shelf.fill_and_show(&onlooker, &page, hand, loaded(&[(10, ADA)]), 1);
        assert_eq!(ids(&views), [10]);
    }
}
