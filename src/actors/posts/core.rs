//! What the Posts actor keeps in memory: posts, their authors, and what viewers have done with them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::actors::cache::EventedCache;
use crate::domain::account::Account;
use crate::domain::event::Event;
use crate::domain::post::{Authored, Marks, Post, PostView};
use crate::domain::rendered::Rendered;
use crate::domain::visibility::{Onlooker, may_see};
use crate::ids::{AccountId, PostId};
use crate::store::queries::posts::{LoadPosts, LoadedPosts};

/// How many posts are kept.
const POSTS_MAX: usize = 20_000;
/// How many accounts are kept.
const ACCOUNTS_MAX: usize = 10_000;
/// How many pairs of a viewer and a post are kept.
const MARKS_MAX: usize = 100_000;

/// The caches, and the rule by which a page is put together from them.
#[derive(Debug)]
pub(super) struct Shelf {
    posts: EventedCache<PostId, Arc<Rendered<Post>>>,
    accounts: EventedCache<AccountId, Arc<Rendered<Account>>>,
    marks: EventedCache<(AccountId, PostId), Marks>,
}

impl Default for Shelf {
    fn default() -> Self {
        Self {
            posts: EventedCache::new(POSTS_MAX),
            accounts: EventedCache::new(ACCOUNTS_MAX),
            marks: EventedCache::new(MARKS_MAX),
        }
    }
}

/// What a page is put together from: the shelf, then what was loaded for this page.
struct Sources<'a> {
    shelf: &'a mut Shelf,
    posts: HashMap<PostId, Arc<Rendered<Post>>>,
    accounts: HashMap<AccountId, Arc<Rendered<Account>>>,
    marks: HashMap<PostId, Marks>,
}

impl Shelf {
    /// Forgets everything: events up to `commit` were lost.
    pub(super) fn forget_all(&mut self, commit: i64) {
        self.posts.clear(commit);
        self.accounts.clear(commit);
        self.marks.clear(commit);
    }

    /// Takes in a committed event.
    pub(super) fn take_in(&mut self, event: &Event, commit: i64) {
        match event {
            Event::PostEdited { post, .. } => self.posts.change(post.id, commit),
            Event::PostDeleted(post) | Event::BoostRemoved(post) => {
                self.posts.change(post.id, commit)
            }
            Event::PostCountsChanged(post) => self.posts.change(*post, commit),
            Event::MarksChanged { account, post } => self.marks.change((*account, *post), commit),
            Event::AccountChanged(account) => self.accounts.change(*account, commit),
            // Whether the author is hidden is part of every post of it.
            Event::AccountVisibilityChanged(account) => {
                self.accounts.change(*account, commit);
                self.posts.clear(commit);
            }
            Event::PostPublished { .. }
            | Event::RelationsChanged { .. }
            | Event::TokenRevoked(_)
            | Event::TokenUsed(_)
            | Event::CredentialsChanged(_) => {}
        }
    }

    /// The entries as the viewer gets them, or what has to be loaded first.
    pub(super) fn show(
        &mut self,
        onlooker: &Onlooker,
        ids: &[PostId],
    ) -> Result<Vec<PostView>, LoadPosts> {
        let mut missing = LoadPosts::default();
        let mut marks_missing = Vec::new();
        for id in ids {
            let Some(post) = self.posts.get(id).cloned() else {
                missing.posts.push(*id);
                continue;
            };
            let boosted = post.facts.boost_of;
            let shown = post.facts.shown_post();
            if let Some(boosted) = boosted
                && self.posts.get(&boosted.post).is_none()
            {
                missing.posts.push(boosted.post);
            }
            for account in [
                Some(post.facts.author),
                boosted.map(|boosted| boosted.author),
            ] {
                if let Some(account) = account
                    && self.accounts.get(&account).is_none()
                {
                    missing.accounts.push(account);
                }
            }
            if let Some(viewer) = onlooker.account
                && self.marks.get(&(viewer, shown)).is_none()
            {
                marks_missing.push(shown);
            }
        }
        if missing.posts.is_empty() && missing.accounts.is_empty() && marks_missing.is_empty() {
            let sources = Sources {
                shelf: self,
                posts: HashMap::new(),
                accounts: HashMap::new(),
                marks: HashMap::new(),
            };
            return Ok(sources.assemble(onlooker, ids));
        }
        missing.marks = onlooker.account.map(|viewer| (viewer, marks_missing));
        Err(missing)
    }

    /// Keeps what was loaded out of the snapshot of `commit`, as far as no event overtook it, and puts the page
    /// together.
    pub(super) fn fill_and_show(
        &mut self,
        onlooker: &Onlooker,
        ids: &[PostId],
        loaded: LoadedPosts,
        commit: i64,
    ) -> Vec<PostView> {
        let posts: HashMap<_, _> = loaded
            .posts
            .into_iter()
            .map(|(id, post)| (id, Arc::new(Rendered::new(post))))
            .collect();
        let accounts: HashMap<_, _> = loaded
            .accounts
            .into_iter()
            .map(|(id, account)| (id, Arc::new(Rendered::new(account))))
            .collect();
        for (id, post) in &posts {
            self.posts.fill(*id, Arc::clone(post), commit);
        }
        for (id, account) in &accounts {
            self.accounts.fill(*id, Arc::clone(account), commit);
        }
        if let Some(viewer) = onlooker.account {
            for (post, marks) in &loaded.marks {
                self.marks.fill((viewer, *post), *marks, commit);
            }
        }
        Sources {
            shelf: self,
            posts,
            accounts,
            marks: loaded.marks,
        }
        .assemble(onlooker, ids)
    }
}

impl Sources<'_> {
    fn post(&mut self, id: PostId) -> Option<Arc<Rendered<Post>>> {
        self.shelf
            .posts
            .get(&id)
            .or_else(|| self.posts.get(&id))
            .cloned()
    }

    fn account(&mut self, id: AccountId) -> Option<Arc<Rendered<Account>>> {
        self.shelf
            .accounts
            .get(&id)
            .or_else(|| self.accounts.get(&id))
            .cloned()
    }

    fn marks(&mut self, viewer: AccountId, post: PostId) -> Marks {
        let known = self
            .shelf
            .marks
            .get(&(viewer, post))
            .or_else(|| self.marks.get(&post));
        known.copied().unwrap_or_default()
    }

    fn assemble(mut self, onlooker: &Onlooker, ids: &[PostId]) -> Vec<PostView> {
        let mut seen = HashSet::new();
        ids.iter()
            .filter(|id| seen.insert(**id))
            .filter_map(|id| self.view(onlooker, *id))
            .collect()
    }

    fn view(&mut self, onlooker: &Onlooker, id: PostId) -> Option<PostView> {
        let (post, author) = self.seen(onlooker, id)?;
        let boosted = match post.facts.boost_of {
            None => None,
            Some(boosted) => Some(self.seen(onlooker, boosted.post)?),
        };
        let marks = match onlooker.account {
            None => Marks::default(),
            Some(viewer) => self.marks(viewer, post.facts.shown_post()),
        };
        Some(PostView {
            post,
            author,
            marks,
            boosted,
        })
    }

    fn seen(&mut self, onlooker: &Onlooker, id: PostId) -> Option<Authored> {
        let post = self.post(id)?;
        let author = self.account(post.facts.author)?;
        may_see(onlooker.viewer(), &post.facts).then_some((post, author))
    }
}
