//! Somebody brings along what stood between it and others: follows, blocks, mutes, and marks on posts. Nobody is told.

use super::follow_account::{follow_silently, unfollow};
use super::import_entries::resolve;
use super::rules::{count, require_active, require_other};
use crate::domain::arrival::{Fate, Reference};
use crate::domain::event::Event;
use crate::domain::post::{PostCounter, PostMark};
use crate::domain::refusal::Refusal;
use crate::domain::relationship::{FollowOptions, MuteOptions};
use crate::ids::AccountId;
use crate::store::tables::{
    accounts, blocks, bookmarks, favourites, follow_requests, follows, mutes,
};
use crate::store::units::Mark;
use crate::store::writer::{Unit, UnitError, Write};

/// The most things of one unit.
pub const RELATIONS_PER_IMPORT_MAX: usize = 100;

/// What an account had to do with another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// It followed.
    Follow(FollowOptions),
    /// It blocked.
    Block,
    /// It muted.
    Mute(MuteOptions),
}

/// Takes in what stood between an account and others. What stands already is left as it is.
#[derive(Debug, Clone)]
pub struct ImportRelations {
    /// Whose they are.
    pub account: AccountId,
    /// With which names of this instance; `None` for an account that is none of it. At most
    /// [`RELATIONS_PER_IMPORT_MAX`].
    pub relations: Vec<(Option<String>, Relation)>,
    /// The most accounts that one may follow.
    pub follows_max: i64,
}

impl Unit for ImportRelations {
    /// What became of each.
    type Answer = Vec<Fate>;

    fn apply(&self, write: &mut Write<'_>) -> Result<Vec<Fate>, UnitError> {
        require_active(write.connection, self.account)?;
        bounded(self.relations.len())?;
        let mut fates = Vec::with_capacity(self.relations.len());
        for (name, relation) in &self.relations {
            fates.push(match name {
                None => Fate::Stranger,
                Some(name) => self.take(write, name, *relation)?,
            });
        }
        Ok(fates)
    }
}

impl ImportRelations {
    fn take(
        &self,
        write: &mut Write<'_>,
        name: &str,
        relation: Relation,
    ) -> Result<Fate, UnitError> {
        let connection = write.connection;
        let account = self.account;
        let Some(other) = accounts::id_by_name(connection, name)? else {
            return Ok(Fate::Stranger);
        };
        match require_other(connection, account, other) {
            Ok(()) => {}
            Err(UnitError::Refused(Refusal::NotFound)) => return Ok(Fate::Stranger),
            Err(UnitError::Refused(_)) => return Ok(Fate::Forbidden),
            Err(error) => return Err(error),
        }
        match relation {
            Relation::Follow(options) => {
                if follows::find(connection, account, other)?.is_some() {
                    return Ok(Fate::Known);
                }
                // A block is not told: whoever is blocked finds nobody there.
                if blocks::stands(connection, other, account)? {
                    return Ok(Fate::Stranger);
                }
                if blocks::stands(connection, account, other)? {
                    return Ok(Fate::Forbidden);
                }
                if accounts::is_locked(connection, other)? {
                    return Ok(Fate::WantsToBeAsked);
                }
                if accounts::following_count(connection, account)?
                    + follow_requests::count_by(connection, account)?
                    >= self.follows_max
                {
                    return Ok(Fate::TooMany);
                }
                follow_silently(write, account, other, options)?;
            }
            Relation::Block => {
                if !blocks::insert(connection, account, other)? {
                    return Ok(Fate::Known);
                }
                unfollow(write, account, other)?;
                unfollow(write, other, account)?;
                accounts::touch_sources(connection, account, write.commit)?;
                accounts::touch_sources(connection, other, write.commit)?;
                self.tell(write, other);
            }
            Relation::Mute(options) => {
                if mutes::find(connection, account, other)?.is_some() {
                    return Ok(Fate::Known);
                }
                mutes::upsert(connection, account, other, options)?;
                accounts::touch_sources(connection, account, write.commit)?;
                self.tell(write, other);
            }
        }
        Ok(Fate::Imported)
    }

    fn tell(&self, write: &mut Write<'_>, other: AccountId) {
        write.tell(Event::RelationsChanged {
            from: self.account,
            to: other,
        });
    }
}

/// Takes in marks that an account had put on posts, as far as these are here. What stands already is left as it is.
#[derive(Debug, Clone)]
pub struct ImportMarks {
    /// Whose they are.
    pub account: AccountId,
    /// Which.
    pub mark: Mark,
    /// On what; at most [`RELATIONS_PER_IMPORT_MAX`].
    pub posts: Vec<Reference>,
}

impl Unit for ImportMarks {
    /// What became of each.
    type Answer = Vec<Fate>;

    fn apply(&self, write: &mut Write<'_>) -> Result<Vec<Fate>, UnitError> {
        require_active(write.connection, self.account)?;
        bounded(self.posts.len())?;
        let mut fates = Vec::with_capacity(self.posts.len());
        for reference in &self.posts {
            fates.push(self.take(write, *reference)?);
        }
        Ok(fates)
    }
}

impl ImportMarks {
    fn take(&self, write: &mut Write<'_>, reference: Reference) -> Result<Fate, UnitError> {
        let connection = write.connection;
        let account = self.account;
        let Some(post) = resolve(connection, account, reference)? else {
            return Ok(Fate::Elsewhere);
        };
        let post = post.id;
        let mark = match self.mark {
            Mark::Favourite => {
                // Not before it is known to be new: no id is taken for nothing, so that a second import changes nothing.
                if favourites::stands(connection, account, post)? {
                    return Ok(Fate::Known);
                }
                favourites::insert(connection, write.next_id(), account, post)?;
                count(write, post, PostCounter::Favourites, 1)?;
                PostMark::Favourite
            }
            Mark::Bookmark => {
                if !bookmarks::insert(connection, account, post)? {
                    return Ok(Fate::Known);
                }
                PostMark::Bookmark
            }
        };
        write.tell(Event::PostMarked {
            account,
            post,
            mark,
            stands: true,
        });
        Ok(Fate::Imported)
    }
}

fn bounded(things: usize) -> Result<(), Refusal> {
    if things > RELATIONS_PER_IMPORT_MAX {
        return Err(Refusal::invalid("Too many relations at once"));
    }
    Ok(())
}
