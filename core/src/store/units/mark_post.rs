//! A post is favoured or kept as a bookmark, or no longer.

use super::mark_stale::mark_stale;
use super::rules::{count, notify, require_active, require_visible_post, take_back};
use crate::domain::event::Event;
use crate::domain::notification::NotificationKind;
use crate::domain::post::{PostCounter, PostMark};
use crate::ids::{AccountId, PostId};
use crate::store::tables::{bookmarks, favourites};
use crate::store::writer::{Unit, UnitError, Write};

/// What an account can put on a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Seen and counted by everybody.
    Favourite,
    /// Seen by its owner only.
    Bookmark,
}

/// Puts a mark on a post or takes it off; doing it twice changes nothing.
#[derive(Debug, Clone)]
pub struct MarkPost {
    /// Who.
    pub account: AccountId,
    /// Which post.
    pub post: PostId,
    /// Which mark.
    pub mark: Mark,
    /// Whether it shall stand.
    pub on: bool,
}

impl Unit for MarkPost {
    /// The marked post.
    type Answer = PostId;

    fn apply(&self, write: &mut Write<'_>) -> Result<PostId, UnitError> {
        let connection = write.connection;
        require_active(connection, self.account)?;
        let post = require_visible_post(connection, self.account, self.post)?;
        let changed = match (self.mark, self.on) {
            (Mark::Favourite, true) => {
                favourites::insert(connection, write.next_id(), self.account, post.id)?
            }
            (Mark::Favourite, false) => {
                let favourite = favourites::delete(connection, self.account, post.id)?;
                if let Some(id) = favourite {
                    mark_stale(write, id)?;
                }
                favourite.is_some()
            }
            (Mark::Bookmark, true) => bookmarks::insert(connection, self.account, post.id)?,
            (Mark::Bookmark, false) => bookmarks::delete(connection, self.account, post.id)?,
        };
        if !changed {
            return Ok(post.id);
        }
        if self.mark == Mark::Favourite {
            let kind = NotificationKind::Favourite;
            if self.on {
                notify(write, post.author, kind, self.account, Some(post.id))?;
            } else {
                take_back(write, post.author, kind, self.account, Some(post.id))?;
            }
            let by = if self.on { 1 } else { -1 };
            count(write, post.id, PostCounter::Favourites, by)?;
        }
        write.tell(Event::PostMarked {
            account: self.account,
            post: post.id,
            mark: match self.mark {
                Mark::Favourite => PostMark::Favourite,
                Mark::Bookmark => PostMark::Bookmark,
            },
            stands: self.on,
        });
        Ok(post.id)
    }
}
