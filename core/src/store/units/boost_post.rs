//! A post is boosted: an entry of its own that spreads another's post.

use std::sync::Arc;

use rusqlite::Connection;

use super::mark_stale::mark_stale;
use super::rules::{count, notify, require_active, require_visible_post, take_back};
use crate::domain::event::{Boosting, Event};
use crate::domain::home;
use crate::domain::notification::NotificationKind;
use crate::domain::post::{Boosted, PostCounter, PostFacts, PostMark};
use crate::domain::refusal::Refusal;
use crate::domain::visibility::Visibility;
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;
use crate::store::tables::posts::NewPost;
use crate::store::tables::{accounts, meta, posts};
use crate::store::writer::{Unit, UnitError, Write};

/// The most other boosts that are told with one.
const BOOSTS_TOLD_MAX: usize = 64;

/// Boosts a post. Followers-only posts can be boosted by their own author only, direct ones by nobody.
#[derive(Debug, Clone)]
pub struct BoostPost {
    /// Who boosts.
    pub author: AccountId,
    /// Which post.
    pub post: PostId,
    /// For whom the boost is meant; a followers-only post's boost is never wider.
    pub visibility: Visibility,
}

impl Unit for BoostPost {
    /// The boost, the one that stood already if there was one.
    type Answer = PostId;

    fn apply(&self, write: &mut Write<'_>) -> Result<PostId, UnitError> {
        let connection = write.connection;
        require_active(connection, self.author)?;
        let post = require_visible_post(connection, self.author, self.post)?;
        let allowed = match post.visibility {
            Visibility::Public | Visibility::Unlisted => true,
            Visibility::Followers => post.author == self.author,
            Visibility::Direct => false,
        };
        if !allowed {
            return Err(Refusal::forbidden("This post may not be boosted").into());
        }
        if let Some(boost) = posts::boost_by(connection, self.author, post.id)? {
            return Ok(boost);
        }
        let visibility = match (post.visibility, self.visibility) {
            (Visibility::Followers, _) | (_, Visibility::Direct) => Visibility::Followers,
            (_, wanted) => wanted,
        };
        let id = PostId(write.next_id());
        let boost_of = Some(Boosted {
            post: post.id,
            author: post.author,
        });
        posts::insert(
            connection,
            &NewPost {
                id,
                author: self.author,
                visibility,
                boost_of,
                reply_to: None,
                sensitive: false,
                spoiler: "",
                text: "",
                language: None,
                app: None,
            },
        )?;
        accounts::add_entry(connection, self.author, id, visibility.is_open())?;
        count(write, post.id, PostCounter::Boosts, 1)?;
        notify(
            write,
            post.author,
            NotificationKind::Boost,
            self.author,
            Some(post.id),
        )?;
        write.tell(Event::PostMarked {
            account: self.author,
            post: post.id,
            mark: PostMark::Boost,
            stands: true,
        });
        let entry = Arc::new(PostFacts {
            id,
            author: self.author,
            author_hidden: false,
            visibility,
            boost_of,
            reply_to: None,
            mentions: Vec::new(),
        });
        let boosting = boosting(connection, id, post)?;
        write.tell(Event::PostPublished {
            entry,
            wording: None,
            boosting: Some(Arc::new(boosting)),
        });
        Ok(id)
    }
}

fn boosting(
    connection: &Connection,
    boost: PostId,
    post: PostFacts,
) -> Result<Boosting, StoreError> {
    let above = home::collapse_horizon(boost);
    let limit = BOOSTS_TOLD_MAX + 1;
    let mut lately = posts::boosts_between(connection, post.id, above, boost, limit)?;
    let are_all_told = lately.len() < limit;
    lately.truncate(BOOSTS_TOLD_MAX);
    Ok(Boosting {
        post,
        lately,
        are_all_told,
    })
}

/// Takes a boost back; nothing happens when there is none.
#[derive(Debug, Clone)]
pub struct UnboostPost {
    /// Who boosted.
    pub author: AccountId,
    /// Which post.
    pub post: PostId,
}

impl Unit for UnboostPost {
    /// The boosted post.
    type Answer = PostId;

    fn apply(&self, write: &mut Write<'_>) -> Result<PostId, UnitError> {
        let connection = write.connection;
        require_active(connection, self.author)?;
        let post = require_visible_post(connection, self.author, self.post)?;
        if let Some(boost) = posts::boost_by(connection, self.author, post.id)?
            && let Some(boost) = posts::facts(connection, boost)?
        {
            remove_boost(write, boost)?;
        }
        Ok(post.id)
    }
}

/// Removes a boost and what it counted.
pub(super) fn remove_boost(write: &mut Write<'_>, boost: PostFacts) -> Result<(), StoreError> {
    let connection = write.connection;
    let Some(boosted) = boost.boost_of else {
        return Ok(());
    };
    posts::delete(connection, boost.id)?;
    mark_stale(write, boost.id.0)?;
    // Boosts that this one collapsed show again, in homes that nobody counts.
    meta::touch_timelines(connection, write.commit)?;
    accounts::remove_entry(
        connection,
        boost.author,
        boost.id,
        boost.visibility.is_open(),
    )?;
    count(write, boosted.post, PostCounter::Boosts, -1)?;
    take_back(
        write,
        boosted.author,
        NotificationKind::Boost,
        boost.author,
        Some(boosted.post),
    )?;
    write.tell(Event::AccountChanged(boost.author));
    write.tell(Event::PostMarked {
        account: boost.author,
        post: boosted.post,
        mark: PostMark::Boost,
        stands: false,
    });
    write.tell(Event::BoostRemoved(Arc::new(boost)));
    Ok(())
}
