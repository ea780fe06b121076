//! Pages of what a viewer gets to see: candidates are asked for and shown until the page is full.
//!
//! Every list of posts and of notifications leaves the actors through here, so no list can forget a rule: what may not be
//! seen is taken out by [`ShowPosts`], what is muted where somebody strolls is taken out by [`ReadPosts`].

use super::{ReadPosts, ReadPostsBy, ReadThread, ShowPosts, ThreadViews};
use crate::Actors;
use crate::domain::notification::{NotificationKind, NotificationView};
use crate::domain::page::{Filled, Filling, Page};
use crate::domain::post::PostView;
use crate::domain::visibility::Onlooker;
use crate::error::AskError;
use crate::ids::{AccountId, NotificationId, PostId};
use crate::store::queries::lists::{AuthorChoice, PostList};
use crate::store::queries::notifications::{
    FindNotification, ListNotifications, NotificationCandidate,
};

/// Where the posts of a page come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostSource {
    /// The onlooker's own home timeline; empty for somebody without an account.
    Home,
    /// A list that the store keeps.
    List(PostList),
}

impl PostSource {
    /// Whether posts of muted accounts are left out: where they come by themselves, not where they were looked for.
    pub(super) fn leaves_out_muted(&self) -> bool {
        match self {
            Self::Home => true,
            Self::List(list) => match list {
                PostList::Public | PostList::Tagged(_) | PostList::Matching { .. } => true,
                PostList::By(_) | PostList::FavouritesOf(_) | PostList::BookmarksOf(_) => false,
            },
        }
    }
}

/// A page of posts as the onlooker gets them. The page is full as long as there are further posts (within the bound of
/// [`Filling`]).
///
/// # Errors
/// When an actor can't be asked.
pub async fn read_posts(
    actors: &Actors,
    onlooker: &Onlooker,
    source: &PostSource,
    page: Page,
) -> Result<Filled<PostView>, AskError> {
    let message = ReadPosts {
        onlooker: onlooker.clone(),
        source: source.clone(),
        page,
    };
    actors.posts.send(message).await?
}

/// A page of an account's entries as the onlooker gets them; `None` when there is no such account for others.
///
/// # Errors
/// When an actor can't be asked.
pub async fn read_posts_by(
    actors: &Actors,
    onlooker: &Onlooker,
    choice: AuthorChoice,
    page: Page,
) -> Result<Option<Filled<PostView>>, AskError> {
    let message = ReadPostsBy {
        onlooker: onlooker.clone(),
        choice,
        page,
    };
    actors.posts.send(message).await?
}

/// Posts by their ids as the onlooker gets them.
///
/// # Errors
/// When Posts can't be asked.
pub async fn show_posts(
    actors: &Actors,
    onlooker: &Onlooker,
    ids: Vec<PostId>,
) -> Result<Vec<PostView>, AskError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let onlooker = onlooker.clone();
    actors.posts.send(ShowPosts { onlooker, ids }).await?
}

/// One post as the onlooker gets it; `None` when it isn't there for this onlooker.
///
/// # Errors
/// When Posts can't be asked.
pub async fn show_post(
    actors: &Actors,
    onlooker: &Onlooker,
    id: PostId,
) -> Result<Option<PostView>, AskError> {
    Ok(show_posts(actors, onlooker, vec![id]).await?.pop())
}

/// What stands above and below a post, as the onlooker gets it. Whether the onlooker may see the post itself is asked before.
///
/// # Errors
/// When Posts can't be asked.
pub async fn read_thread(
    actors: &Actors,
    onlooker: &Onlooker,
    post: PostId,
) -> Result<ThreadViews, AskError> {
    let onlooker = onlooker.clone();
    actors.posts.send(ReadThread { onlooker, post }).await?
}

pub(super) fn is_muted(onlooker: &Onlooker, view: &PostView) -> bool {
    let viewer = onlooker.viewer();
    let boosted = view.boosted.as_ref().map(|(_, author)| author.id);
    viewer.mutes(view.author.id) || boosted.is_some_and(|author| viewer.mutes(author))
}

/// Which notifications are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationChoice {
    /// Which kinds.
    pub kinds: Vec<NotificationKind>,
    /// Only from this account.
    pub from: Option<AccountId>,
}

impl Default for NotificationChoice {
    fn default() -> Self {
        Self {
            kinds: NotificationKind::ALL.to_vec(),
            from: None,
        }
    }
}

/// A page of the reader's notifications. Those of blocked, muted and hidden accounts are left out, and those about a post
/// that is gone or that the reader may no longer see.
///
/// # Errors
/// When an actor can't be asked.
pub async fn read_notifications(
    actors: &Actors,
    reader: &Onlooker,
    choice: &NotificationChoice,
    page: Page,
) -> Result<Filled<NotificationView>, AskError> {
    let mut filling = Filling::new(page);
    while let Some(round) = filling.next_round() {
        let candidates = actors
            .find(ListNotifications {
                reader: reader.clone(),
                page: round,
                kinds: choice.kinds.clone(),
                from: choice.from,
            })
            .await?;
        let cursors: Vec<i64> = candidates
            .iter()
            .map(|candidate| candidate.notification.id.0)
            .collect();
        let kept = show_notifications(actors, reader, candidates).await?;
        let kept = kept.into_iter().map(|view| (view.notification.id.0, view));
        filling.take(&round, cursors, kept);
    }
    Ok(filling.finish())
}

/// One of the reader's notifications, by the same rules.
///
/// # Errors
/// When an actor can't be asked.
pub async fn read_notification(
    actors: &Actors,
    reader: &Onlooker,
    id: NotificationId,
) -> Result<Option<NotificationView>, AskError> {
    let reader = reader.clone();
    let found = actors
        .find(FindNotification {
            reader: reader.clone(),
            id,
        })
        .await?;
    let found = found.into_iter().collect();
    Ok(show_notifications(actors, &reader, found).await?.pop())
}

async fn show_notifications(
    actors: &Actors,
    reader: &Onlooker,
    candidates: Vec<NotificationCandidate>,
) -> Result<Vec<NotificationView>, AskError> {
    let told = || {
        candidates
            .iter()
            .filter(|candidate| candidate.from.is_some())
    };
    let posts: Vec<PostId> = told()
        .filter_map(|candidate| candidate.notification.post)
        .collect();
    let posts: std::collections::HashMap<PostId, PostView> = show_posts(actors, reader, posts)
        .await?
        .into_iter()
        .map(|view| (view.post.facts.id, view))
        .collect();
    let views = candidates.into_iter().filter_map(|candidate| {
        let notification = candidate.notification;
        let post = notification.post.and_then(|id| posts.get(&id).cloned());
        // Clients break on such an entry without its post.
        if post.is_none() && (notification.kind.needs_post() || notification.post.is_some()) {
            return None;
        }
        Some(NotificationView {
            notification,
            from: candidate.from?,
            post,
        })
    });
    Ok(views.collect())
}
