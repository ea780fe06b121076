//! The slow, obvious microblog: every question is answered by looking at everything.
//!
//! The model keeps facts and no derived state: no window, no counter, no index. Ids are chosen by the server and
//! told to the model, so both speak of the same entries.
//!
//! Where the rules leave room, the model decides so:
//! - What may not be seen isn't there: naming such a post is refused as [`Refused::NotFound`], also to take back
//!   one's own favourite, bookmark or boost of it. The same holds for a suspended account.
//! - Whoever is suspended can do nothing.
//! - A mention is recorded whatever blocks stand between the two; a block only keeps the notification away and the
//!   post unseen while it stands. Naming a suspended account is mere text.
//! - An edit replaces the mentions: who is no longer named may no longer see a direct post.
//! - A follow is refused while a block stands in either direction.
//! - Requests that wait when an account is unlocked go on waiting.
//! - Taking back what isn't there is accepted and changes nothing; answering a request that isn't there is refused.
//! - Whatever names a boost means the boosted post, save for deleting it.

use std::collections::{BTreeMap, BTreeSet};

use kinglet::domain::visibility::Visibility;
use kinglet::ids::{AccountId, PostId};

/// A boost this soon after an older candidate for the same post is left out of a home.
const ONE_DAY_MILLIS: i64 = 86_400_000;

/// Why an operation is refused. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Not there, or not for whoever asks.
    NotFound,
    /// Whoever asks may see it, but not do this to it.
    Forbidden,
    /// It makes no sense, whoever asks.
    Invalid,
}

/// What came of a follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// It stands.
    Following,
    /// It waits for the followee's consent.
    Requested,
}

/// A post to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Who writes.
    pub author: AccountId,
    /// For whom.
    pub visibility: Visibility,
    /// Who is named.
    pub mentions: BTreeSet<AccountId>,
    /// What it answers.
    pub reply_to: Option<PostId>,
    /// The text; its words that begin with `#` are its tags.
    pub text: String,
}

/// Which replies a public timeline has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replies {
    /// All.
    All,
    /// Only those to their own authors.
    ToOneself,
}

/// The posts around a post, each one seen by whoever asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// What it answers, and what that answers: the beginning first. A deleted post ends the chain, an unseen one is
    /// passed over.
    pub ancestors: Vec<PostId>,
    /// What answers it: each reply is followed by its own replies, siblings oldest first.
    pub descendants: Vec<PostId>,
}

#[derive(Debug, Clone, Default)]
struct Account {
    locked: bool,
    suspended: bool,
}

#[derive(Debug, Clone)]
struct Entry {
    author: AccountId,
    visibility: Visibility,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Post {
        text: String,
        mentions: BTreeSet<AccountId>,
        reply_to: Option<Parent>,
    },
    Boost {
        of: PostId,
    },
}

/// The author is kept, as the post itself may go.
#[derive(Debug, Clone, Copy)]
struct Parent {
    post: PostId,
    author: AccountId,
}

impl Entry {
    fn mentions(&self, account: AccountId) -> bool {
        match &self.content {
            Content::Post { mentions, .. } => mentions.contains(&account),
            Content::Boost { .. } => false,
        }
    }

    fn boost_of(&self) -> Option<PostId> {
        match self.content {
            Content::Post { .. } => None,
            Content::Boost { of } => Some(of),
        }
    }

    fn parent(&self) -> Option<Parent> {
        match self.content {
            Content::Post { reply_to, .. } => reply_to,
            Content::Boost { .. } => None,
        }
    }

    fn has_tag(&self, tag: &str) -> bool {
        match &self.content {
            Content::Post { text, .. } => text.split_whitespace().any(|word| {
                word.strip_prefix('#')
                    .is_some_and(|name| name.to_lowercase() == tag.to_lowercase())
            }),
            Content::Boost { .. } => false,
        }
    }
}

/// All that a microblog knows.
#[derive(Debug, Clone, Default)]
pub struct Model {
    accounts: BTreeMap<AccountId, Account>,
    /// (follower, followee) -> whether the followee's boosts are shown.
    follows: BTreeMap<(AccountId, AccountId), bool>,
    /// (who asks, who is asked) -> whether boosts shall be shown.
    requests: BTreeMap<(AccountId, AccountId), bool>,
    /// (who blocks, who is blocked).
    blocks: BTreeSet<(AccountId, AccountId)>,
    /// (who mutes, who is muted).
    mutes: BTreeSet<(AccountId, AccountId)>,
    entries: BTreeMap<PostId, Entry>,
    deleted: BTreeSet<PostId>,
    /// In the order in which they were made.
    favourites: Vec<(AccountId, PostId)>,
    /// In the order in which they were made.
    bookmarks: Vec<(AccountId, PostId)>,
}

// Accounts.
impl Model {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn add_account(&mut self, id: AccountId) {
        let before = self.accounts.insert(id, Account::default());
        assert!(before.is_none(), "{id:?} was handed out twice");
    }

    pub fn accounts(&self) -> Vec<AccountId> {
        self.accounts.keys().copied().collect()
    }

    pub fn is_suspended(&self, account: AccountId) -> bool {
        self.accounts[&account].suspended
    }

    pub fn is_locked(&self, account: AccountId) -> bool {
        self.accounts[&account].locked
    }

    pub fn set_locked(&mut self, account: AccountId, locked: bool) -> Result<(), Refused> {
        self.must_act(account)?;
        self.account(account)?.locked = locked;
        Ok(())
    }

    /// By the instance's owner, who is none of the model's accounts.
    pub fn set_suspended(&mut self, account: AccountId, suspended: bool) -> Result<(), Refused> {
        self.account(account)?.suspended = suspended;
        Ok(())
    }

    fn account(&mut self, id: AccountId) -> Result<&mut Account, Refused> {
        self.accounts.get_mut(&id).ok_or(Refused::NotFound)
    }

    fn is_there(&self, id: AccountId) -> bool {
        self.accounts
            .get(&id)
            .is_some_and(|account| !account.suspended)
    }

    fn must_act(&self, actor: AccountId) -> Result<(), Refused> {
        if self.is_there(actor) {
            Ok(())
        } else {
            Err(Refused::Forbidden)
        }
    }

    fn must_meet(&self, actor: AccountId, other: AccountId) -> Result<(), Refused> {
        self.must_act(actor)?;
        if actor == other {
            Err(Refused::Invalid)
        } else if self.is_there(other) {
            Ok(())
        } else {
            Err(Refused::NotFound)
        }
    }
}

// What stands between two accounts.
impl Model {
    pub fn follows(&self, follower: AccountId, followee: AccountId) -> bool {
        self.follows.contains_key(&(follower, followee))
    }

    pub fn shows_boosts(&self, follower: AccountId, followee: AccountId) -> bool {
        self.follows.get(&(follower, followee)) == Some(&true)
    }

    pub fn has_requested(&self, follower: AccountId, followee: AccountId) -> bool {
        self.requests.contains_key(&(follower, followee))
    }

    pub fn blocks(&self, blocker: AccountId, blocked: AccountId) -> bool {
        self.blocks.contains(&(blocker, blocked))
    }

    pub fn blocks_either_way(&self, one: AccountId, other: AccountId) -> bool {
        self.blocks(one, other) || self.blocks(other, one)
    }

    pub fn mutes(&self, muter: AccountId, muted: AccountId) -> bool {
        self.mutes.contains(&(muter, muted))
    }

    /// Every (who asks, who is asked).
    pub fn waiting_requests(&self) -> Vec<(AccountId, AccountId)> {
        self.requests.keys().copied().collect()
    }

    /// Every (who blocks, who is blocked).
    pub fn standing_blocks(&self) -> Vec<(AccountId, AccountId)> {
        self.blocks.iter().copied().collect()
    }

    /// Every (who mutes, who is muted).
    pub fn standing_mutes(&self) -> Vec<(AccountId, AccountId)> {
        self.mutes.iter().copied().collect()
    }

    /// Following again, or asking again, only changes whether boosts are shown.
    pub fn follow(
        &mut self,
        follower: AccountId,
        followee: AccountId,
        shows_boosts: bool,
    ) -> Result<Followed, Refused> {
        self.must_meet(follower, followee)?;
        if self.blocks_either_way(follower, followee) {
            return Err(Refused::Forbidden);
        }
        let pair = (follower, followee);
        if self.accounts[&followee].locked && !self.follows.contains_key(&pair) {
            self.requests.insert(pair, shows_boosts);
            return Ok(Followed::Requested);
        }
        self.requests.remove(&pair);
        self.follows.insert(pair, shows_boosts);
        Ok(Followed::Following)
    }

    /// Takes back a request too.
    pub fn unfollow(&mut self, follower: AccountId, followee: AccountId) -> Result<(), Refused> {
        self.must_meet(follower, followee)?;
        self.follows.remove(&(follower, followee));
        self.requests.remove(&(follower, followee));
        Ok(())
    }

    pub fn remove_follower(
        &mut self,
        followee: AccountId,
        follower: AccountId,
    ) -> Result<(), Refused> {
        self.must_meet(followee, follower)?;
        self.follows.remove(&(follower, followee));
        Ok(())
    }

    pub fn accept_request(
        &mut self,
        followee: AccountId,
        follower: AccountId,
    ) -> Result<(), Refused> {
        self.must_meet(followee, follower)?;
        let pair = (follower, followee);
        let shows_boosts = self.requests.remove(&pair).ok_or(Refused::NotFound)?;
        self.follows.insert(pair, shows_boosts);
        Ok(())
    }

    pub fn reject_request(
        &mut self,
        followee: AccountId,
        follower: AccountId,
    ) -> Result<(), Refused> {
        self.must_meet(followee, follower)?;
        let request = self.requests.remove(&(follower, followee));
        request.map(|_| ()).ok_or(Refused::NotFound)
    }

    pub fn block(&mut self, blocker: AccountId, blocked: AccountId) -> Result<(), Refused> {
        self.must_meet(blocker, blocked)?;
        self.blocks.insert((blocker, blocked));
        for pair in [(blocker, blocked), (blocked, blocker)] {
            self.follows.remove(&pair);
            self.requests.remove(&pair);
        }
        Ok(())
    }

    pub fn unblock(&mut self, blocker: AccountId, blocked: AccountId) -> Result<(), Refused> {
        self.must_meet(blocker, blocked)?;
        self.blocks.remove(&(blocker, blocked));
        Ok(())
    }

    pub fn mute(&mut self, muter: AccountId, muted: AccountId) -> Result<(), Refused> {
        self.must_meet(muter, muted)?;
        self.mutes.insert((muter, muted));
        Ok(())
    }

    pub fn unmute(&mut self, muter: AccountId, muted: AccountId) -> Result<(), Refused> {
        self.must_meet(muter, muted)?;
        self.mutes.remove(&(muter, muted));
        Ok(())
    }
}

// Posts and what is done to them.
impl Model {
    /// Publishes under the id that the server chose; answers who is told of being mentioned.
    pub fn publish(&mut self, draft: &Draft, id: PostId) -> Result<BTreeSet<AccountId>, Refused> {
        self.must_act(draft.author)?;
        let reply_to = match draft.reply_to {
            None => None,
            Some(parent) => {
                let post = self.visible_post(draft.author, parent)?;
                let author = self.entries[&post].author;
                Some(Parent { post, author })
            }
        };
        let mentions = self.known(&draft.mentions);
        self.insert(
            id,
            Entry {
                author: draft.author,
                visibility: draft.visibility,
                content: Content::Post {
                    text: draft.text.clone(),
                    mentions: mentions.clone(),
                    reply_to,
                },
            },
        );
        let told = mentions.into_iter().filter(|&mentioned| {
            mentioned != draft.author
                && self.may_see(Some(mentioned), id)
                && !self.mutes(mentioned, draft.author)
        });
        Ok(told.collect())
    }

    pub fn edit(
        &mut self,
        actor: AccountId,
        post: PostId,
        new_text: &str,
        new_mentions: &BTreeSet<AccountId>,
    ) -> Result<(), Refused> {
        self.must_act(actor)?;
        let post = self.visible_post(actor, post)?;
        let known = self.known(new_mentions);
        let Some(entry) = self.entries.get_mut(&post) else {
            return Err(Refused::NotFound);
        };
        if entry.author != actor {
            return Err(Refused::Forbidden);
        }
        if let Content::Post { text, mentions, .. } = &mut entry.content {
            *text = new_text.to_owned();
            *mentions = known;
        }
        Ok(())
    }

    /// Deletes a post with every boost of it, or one boost.
    pub fn delete(&mut self, actor: AccountId, id: PostId) -> Result<(), Refused> {
        self.must_act(actor)?;
        let entry = self.entries.get(&id).ok_or(Refused::NotFound)?;
        if entry.author != actor {
            return Err(if self.may_see(Some(actor), id) {
                Refused::Forbidden
            } else {
                Refused::NotFound
            });
        }
        let gone: Vec<PostId> = self
            .entries
            .iter()
            .filter(|&(&other, entry)| other == id || entry.boost_of() == Some(id))
            .map(|(&other, _)| other)
            .collect();
        for gone in gone {
            self.remove(gone);
        }
        Ok(())
    }

    /// Boosts under the id that the server chose; a second boost of the same post by the same account is the first.
    /// Without `visibility` a boost is public; one of a followers-only post is always for followers.
    pub fn boost(
        &mut self,
        actor: AccountId,
        post: PostId,
        visibility: Option<Visibility>,
        id: PostId,
    ) -> Result<PostId, Refused> {
        self.must_act(actor)?;
        let post = self.visible_post(actor, post)?;
        let boosted = &self.entries[&post];
        let visibility = match boosted.visibility {
            Visibility::Public | Visibility::Unlisted => visibility.unwrap_or(Visibility::Public),
            Visibility::Followers if boosted.author == actor => Visibility::Followers,
            Visibility::Followers | Visibility::Direct => return Err(Refused::Forbidden),
        };
        if visibility == Visibility::Direct {
            return Err(Refused::Invalid);
        }
        if let Some(first) = self.boost_by(actor, post) {
            return Ok(first);
        }
        self.insert(
            id,
            Entry {
                author: actor,
                visibility,
                content: Content::Boost { of: post },
            },
        );
        Ok(id)
    }

    pub fn unboost(&mut self, actor: AccountId, post: PostId) -> Result<(), Refused> {
        self.must_act(actor)?;
        let post = self.visible_post(actor, post)?;
        if let Some(boost) = self.boost_by(actor, post) {
            self.remove(boost);
        }
        Ok(())
    }

    pub fn favourite(&mut self, actor: AccountId, post: PostId) -> Result<(), Refused> {
        self.must_act(actor)?;
        let mark = (actor, self.visible_post(actor, post)?);
        if !self.favourites.contains(&mark) {
            self.favourites.push(mark);
        }
        Ok(())
    }

    pub fn unfavourite(&mut self, actor: AccountId, post: PostId) -> Result<(), Refused> {
        self.must_act(actor)?;
        let mark = (actor, self.visible_post(actor, post)?);
        self.favourites.retain(|&other| other != mark);
        Ok(())
    }

    pub fn bookmark(&mut self, actor: AccountId, post: PostId) -> Result<(), Refused> {
        self.must_act(actor)?;
        let mark = (actor, self.visible_post(actor, post)?);
        if !self.bookmarks.contains(&mark) {
            self.bookmarks.push(mark);
        }
        Ok(())
    }

    pub fn unbookmark(&mut self, actor: AccountId, post: PostId) -> Result<(), Refused> {
        self.must_act(actor)?;
        let mark = (actor, self.visible_post(actor, post)?);
        self.bookmarks.retain(|&other| other != mark);
        Ok(())
    }

    fn insert(&mut self, id: PostId, entry: Entry) {
        assert!(!self.deleted.contains(&id), "{id:?} was handed out again");
        let before = self.entries.insert(id, entry);
        assert!(before.is_none(), "{id:?} was handed out twice");
    }

    fn remove(&mut self, id: PostId) {
        self.entries.remove(&id);
        self.deleted.insert(id);
        self.favourites.retain(|&(_, post)| post != id);
        self.bookmarks.retain(|&(_, post)| post != id);
    }

    fn known(&self, mentions: &BTreeSet<AccountId>) -> BTreeSet<AccountId> {
        let known = mentions.iter().filter(|&&account| self.is_there(account));
        known.copied().collect()
    }

    /// The post that is meant by an id: the boosted one for a boost.
    fn visible_post(&self, viewer: AccountId, id: PostId) -> Result<PostId, Refused> {
        if !self.may_see(Some(viewer), id) {
            return Err(Refused::NotFound);
        }
        Ok(self.shown_post(id))
    }
}

// Questions about single entries.
impl Model {
    /// Every post that is not a boost, oldest first.
    pub fn posts(&self) -> Vec<PostId> {
        let posts = self.entries.iter().filter(|(_, e)| e.boost_of().is_none());
        posts.map(|(&id, _)| id).collect()
    }

    /// Every post and boost, oldest first.
    pub fn entries(&self) -> Vec<PostId> {
        self.entries.keys().copied().collect()
    }

    /// The ids of deleted posts and boosts, oldest first.
    pub fn deleted(&self) -> Vec<PostId> {
        self.deleted.iter().copied().collect()
    }

    pub fn author(&self, id: PostId) -> Option<AccountId> {
        self.entries.get(&id).map(|entry| entry.author)
    }

    pub fn visibility(&self, id: PostId) -> Option<Visibility> {
        self.entries.get(&id).map(|entry| entry.visibility)
    }

    /// The post's text as it is now; none for a boost.
    pub fn text(&self, id: PostId) -> Option<&str> {
        match &self.entries.get(&id)?.content {
            Content::Post { text, .. } => Some(text),
            Content::Boost { .. } => None,
        }
    }

    /// The post that a boost spreads.
    pub fn boost_of(&self, id: PostId) -> Option<PostId> {
        self.entries.get(&id)?.boost_of()
    }

    pub fn boost_by(&self, account: AccountId, post: PostId) -> Option<PostId> {
        let mut entries = self.entries.iter();
        entries
            .find(|(_, entry)| entry.author == account && entry.boost_of() == Some(post))
            .map(|(&id, _)| id)
    }

    pub fn favourited_by(&self, post: PostId) -> BTreeSet<AccountId> {
        let marks = self.favourites.iter().filter(|(_, other)| *other == post);
        marks.map(|&(account, _)| account).collect()
    }

    /// Whether the viewer (none: somebody without an account) may see the entry; of a boost, also the boosted post.
    pub fn may_see(&self, viewer: Option<AccountId>, id: PostId) -> bool {
        let Some(entry) = self.entries.get(&id) else {
            return false;
        };
        self.may_see_alone(viewer, entry)
            && entry
                .boost_of()
                .is_none_or(|boosted| self.may_see_alone(viewer, &self.entries[&boosted]))
    }

    fn may_see_alone(&self, viewer: Option<AccountId>, entry: &Entry) -> bool {
        if self.is_suspended(entry.author) {
            return false;
        }
        let Some(viewer) = viewer else {
            return matches!(entry.visibility, Visibility::Public | Visibility::Unlisted);
        };
        if viewer == entry.author {
            return true;
        }
        if self.blocks_either_way(viewer, entry.author) {
            return false;
        }
        match entry.visibility {
            Visibility::Public | Visibility::Unlisted => true,
            Visibility::Followers => self.follows(viewer, entry.author) || entry.mentions(viewer),
            Visibility::Direct => entry.mentions(viewer),
        }
    }

    fn shown_post(&self, id: PostId) -> PostId {
        self.entries[&id].boost_of().unwrap_or(id)
    }

    fn has_muted_part(&self, viewer: Option<AccountId>, id: PostId) -> bool {
        let Some(viewer) = viewer else {
            return false;
        };
        let authors = [id, self.shown_post(id)].map(|id| self.entries[&id].author);
        authors.iter().any(|&author| self.mutes(viewer, author))
    }
}

// Lists, newest first.
impl Model {
    /// The reader's home.
    pub fn home(&self, reader: AccountId) -> Vec<PostId> {
        let candidates = self.home_candidates(reader);
        let mut home: Vec<PostId> = candidates
            .iter()
            .copied()
            .filter(|&id| !self.is_collapsed(&candidates, id))
            .filter(|&id| self.may_see(Some(reader), id))
            .filter(|&id| !self.has_muted_part(Some(reader), id))
            .collect();
        home.reverse();
        home
    }

    /// What a home is made of, oldest first, before anything is taken out of it.
    pub fn home_candidates(&self, reader: AccountId) -> Vec<PostId> {
        let candidates = self.entries.iter().filter(|(_, entry)| {
            if entry.author == reader {
                return true;
            }
            if !self.follows(reader, entry.author) {
                return false;
            }
            if entry.boost_of().is_some() {
                return self.shows_boosts(reader, entry.author);
            }
            if entry.visibility == Visibility::Direct && !entry.mentions(reader) {
                return false;
            }
            match entry.parent() {
                None => true,
                Some(parent) => {
                    parent.author == reader
                        || parent.author == entry.author
                        || self.follows(reader, parent.author)
                }
            }
        });
        candidates.map(|(&id, _)| id).collect()
    }

    /// Whether the entry is a boost that comes too soon after an older candidate for the same post.
    fn is_collapsed(&self, candidates: &[PostId], id: PostId) -> bool {
        let Some(boosted) = self.entries[&id].boost_of() else {
            return false;
        };
        candidates.iter().any(|&older| {
            older < id
                && self.shown_post(older) == boosted
                && millis_of(id) - millis_of(older) < ONE_DAY_MILLIS
        })
    }

    /// Public posts, without boosts.
    pub fn public_timeline(&self, viewer: Option<AccountId>, replies: Replies) -> Vec<PostId> {
        self.newest_first(|id, entry| {
            self.is_listed(viewer, id, entry)
                && (replies == Replies::All
                    || entry
                        .parent()
                        .is_none_or(|parent| parent.author == entry.author))
        })
    }

    /// Public posts with the tag (without `#`), in whatever case.
    pub fn tag_timeline(&self, viewer: Option<AccountId>, tag: &str) -> Vec<PostId> {
        self.newest_first(|id, entry| self.is_listed(viewer, id, entry) && entry.has_tag(tag))
    }

    /// The account's posts and boosts; whoever muted it and looks there all the same sees them.
    pub fn account_timeline(&self, viewer: Option<AccountId>, account: AccountId) -> Vec<PostId> {
        self.newest_first(|id, entry| entry.author == account && self.may_see(viewer, id))
    }

    /// What the account favours and may see, newest favourite first.
    pub fn favourites(&self, account: AccountId) -> Vec<PostId> {
        self.marked(&self.favourites, account)
    }

    /// What the account keeps and may see, newest bookmark first.
    pub fn bookmarks(&self, account: AccountId) -> Vec<PostId> {
        self.marked(&self.bookmarks, account)
    }

    /// The posts around a post; refused when the viewer may not see that post.
    pub fn thread(&self, viewer: Option<AccountId>, post: PostId) -> Result<Thread, Refused> {
        if !self.may_see(viewer, post) {
            return Err(Refused::NotFound);
        }
        let post = self.shown_post(post);
        let mut ancestors = Vec::new();
        let mut here = self.parent(post);
        while let Some(ancestor) = here {
            ancestors.push(ancestor);
            here = self.parent(ancestor);
        }
        ancestors.reverse();
        let mut descendants = Vec::new();
        self.push_replies(post, &mut descendants);
        for part in [&mut ancestors, &mut descendants] {
            part.retain(|&id| self.may_see(viewer, id));
        }
        Ok(Thread {
            ancestors,
            descendants,
        })
    }

    /// Whether the entry answers a post, be that there or not.
    pub fn is_reply(&self, id: PostId) -> bool {
        self.entries[&id].parent().is_some()
    }

    /// The post that a post answers, while it is there.
    pub fn parent(&self, post: PostId) -> Option<PostId> {
        let parent = self.entries.get(&post)?.parent()?.post;
        self.entries.contains_key(&parent).then_some(parent)
    }

    fn push_replies(&self, post: PostId, replies: &mut Vec<PostId>) {
        for (&reply, entry) in &self.entries {
            if entry.parent().is_some_and(|parent| parent.post == post) {
                replies.push(reply);
                self.push_replies(reply, replies);
            }
        }
    }

    fn is_listed(&self, viewer: Option<AccountId>, id: PostId, entry: &Entry) -> bool {
        entry.visibility == Visibility::Public
            && entry.boost_of().is_none()
            && self.may_see(viewer, id)
            && !self.has_muted_part(viewer, id)
    }

    fn newest_first(&self, wanted: impl Fn(PostId, &Entry) -> bool) -> Vec<PostId> {
        let entries = self.entries.iter().rev();
        entries
            .filter(|&(&id, entry)| wanted(id, entry))
            .map(|(&id, _)| id)
            .collect()
    }

    fn marked(&self, marks: &[(AccountId, PostId)], account: AccountId) -> Vec<PostId> {
        let own = marks.iter().rev().filter(|(owner, _)| *owner == account);
        own.map(|&(_, post)| post)
            .filter(|&post| self.may_see(Some(account), post))
            .collect()
    }
}

/// When the entry was made: milliseconds since 1970.
pub fn millis_of(id: PostId) -> i64 {
    id.0 >> 16
}

/// A part of a list that is ordered newest first, as Mastodon's API means it: below `max_id`; with `min_id` the
/// oldest above it (then `since_id` counts for nothing), else the newest above `since_id`. The result is newest first.
pub fn page(
    list: &[PostId],
    max_id: Option<PostId>,
    since_id: Option<PostId>,
    min_id: Option<PostId>,
    limit: usize,
) -> Vec<PostId> {
    let below: Vec<PostId> = list
        .iter()
        .copied()
        .filter(|&id| max_id.is_none_or(|max| id < max))
        .collect();
    if let Some(min) = min_id {
        let above: Vec<PostId> = below.into_iter().filter(|&id| id > min).collect();
        let first = above.len().saturating_sub(limit);
        return above[first..].to_vec();
    }
    below
        .into_iter()
        .filter(|&id| since_id.is_none_or(|since| id > since))
        .take(limit)
        .collect()
}
