//! Somebody brings entries along from elsewhere: with the dates that they had, and without telling anybody.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::mark_stale::mark_stale;
use super::publish_post::PreparedText;
use super::rules::{count, require_active, require_visible_post};
use crate::clock::Timestamp;
use crate::domain::arrival::{DATE_MIN, Fate, Origin, Reference};
use crate::domain::event::Event;
use crate::domain::post::{Boosted, PostCounter, PostFacts, PostMark, RepliedTo};
use crate::domain::refusal::Refusal;
use crate::domain::visibility::Visibility;
use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;
use crate::store::tables::posts::NewPost;
use crate::store::tables::terms::IndexChange;
use crate::store::tables::{accounts, imports, meta, posts, tags};
use crate::store::writer::{Unit, UnitError, Write};

/// The most entries of one unit: others wait for so many at the most.
pub const ENTRIES_PER_IMPORT_MAX: usize = 32;

/// Takes in entries that an account made elsewhere, in the order in which it made them. What came in before is left as it
/// is. Nobody is named by them, whatever their texts say: the people of another instance are others.
#[derive(Debug, Clone)]
pub struct ImportEntries {
    /// Whose they are.
    pub account: AccountId,
    /// They; at most [`ENTRIES_PER_IMPORT_MAX`].
    pub entries: Vec<ImportedEntry>,
}

/// One entry.
#[derive(Debug, Clone)]
pub struct ImportedEntry {
    /// What it is known by.
    pub reference: Reference,
    /// When it was made.
    pub published: Timestamp,
    /// For whom it is meant.
    pub visibility: Visibility,
    /// What it is.
    pub what: ImportedKind,
}

/// What an entry is.
#[derive(Debug, Clone)]
pub enum ImportedKind {
    /// A post.
    Post {
        /// What it says.
        text: PreparedText,
        /// What it answers.
        reply_to: Option<Reference>,
        /// When it was last edited.
        edited_at: Option<Timestamp>,
    },
    /// A boost.
    Boost {
        /// Of which post.
        of: Reference,
    },
}

impl Unit for ImportEntries {
    /// What became of each.
    type Answer = Vec<Fate>;

    fn apply(&self, write: &mut Write<'_>) -> Result<Vec<Fate>, UnitError> {
        require_active(write.connection, self.account)?;
        if self.entries.len() > ENTRIES_PER_IMPORT_MAX {
            return Err(Refusal::invalid("Too many entries at once").into());
        }
        let mut course = Course {
            account: self.account,
            newest: None,
            tags: BTreeSet::new(),
        };
        let mut fates = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            fates.push(course.take(write, entry)?);
        }
        if let Some(newest) = course.newest {
            // Where they lie among others no home that was kept can tell.
            meta::touch_timelines(write.connection, write.commit)?;
            write.tell(Event::AccountChanged(self.account));
            write.tell(Event::EntriesImported {
                author: self.account,
                newest,
                tags: course.tags.into_iter().collect(),
            });
        }
        Ok(fates)
    }
}

/// How far a unit is.
struct Course {
    account: AccountId,
    newest: Option<PostId>,
    tags: BTreeSet<String>,
}

impl Course {
    fn take(&mut self, write: &mut Write<'_>, entry: &ImportedEntry) -> Result<Fate, UnitError> {
        let connection = write.connection;
        if is_known(connection, self.account, entry.reference)? {
            return Ok(Fate::Known);
        }
        if entry.published >= write.now {
            return Ok(Fate::Future);
        }
        if entry.published < DATE_MIN {
            return Err(Refusal::invalid("An entry is older than any can be").into());
        }
        let Some(id) = self.free_id(connection, entry)? else {
            return Ok(Fate::Crowded);
        };
        let fate = match &entry.what {
            ImportedKind::Boost { of } => self.boost(write, id, entry.visibility, *of)?,
            ImportedKind::Post {
                text,
                reply_to,
                edited_at,
            } => self.post(write, id, entry.visibility, text, *reply_to, *edited_at)?,
        };
        if fate.is_new() {
            let open = entry.visibility.is_open();
            accounts::add_entry(connection, self.account, id, open)?;
            imports::insert(connection, self.account, entry.reference.origin, id)?;
            mark_stale(write, id.0)?;
            write.raise_ids(id.0);
            self.newest = self.newest.max(Some(id));
        }
        Ok(fate)
    }

    /// An id of the entry's millisecond that nothing has or had.
    fn free_id(
        &self,
        connection: &Connection,
        entry: &ImportedEntry,
    ) -> Result<Option<PostId>, StoreError> {
        // What was written at this address before the account was made here belongs to an earlier life of the instance: its
        // links stay true, and the id is nobody's.
        if let Some(before) = entry.reference.here
            && before.0 < self.account.0
            && before.time() == entry.published
            && posts::key(connection, before)?.is_none()
            && imports::largest_between(connection, before, PostId(before.0 + 1))?.is_none()
        {
            return Ok(Some(before));
        }
        let (first, end) = PostId::range_of_imported(entry.published);
        let largest = imports::largest_between(connection, first, end)?;
        let next = largest.map_or(first, |largest| PostId(largest.0 + 1));
        Ok((next < end).then_some(next))
    }

    fn post(
        &mut self,
        write: &mut Write<'_>,
        id: PostId,
        visibility: Visibility,
        text: &PreparedText,
        reply_to: Option<Reference>,
        edited_at: Option<Timestamp>,
    ) -> Result<Fate, UnitError> {
        let connection = write.connection;
        let parent = match reply_to {
            None => None,
            // An answer is younger than what it answers, or it is none.
            Some(parent) => {
                resolve(connection, self.account, parent)?.filter(|parent| parent.id < id)
            }
        };
        let key = posts::insert_imported(
            connection,
            &NewPost {
                id,
                author: self.account,
                visibility,
                boost_of: None,
                reply_to: parent.as_ref().map(|parent| RepliedTo {
                    post: parent.id,
                    author: parent.author,
                }),
                sensitive: text.sensitive.unwrap_or(false),
                spoiler: &text.spoiler,
                text: &text.text,
                language: text.language.as_deref(),
                app: None,
            },
            edited_at.filter(|edited| *edited > id.time() && *edited < write.now),
        )?;
        write.index(IndexChange::Add {
            key,
            terms: text.terms.clone(),
        });
        for tag in &text.tags {
            tags::insert(connection, id, tag)?;
        }
        if let Some(parent) = &parent
            && visibility.is_open()
        {
            count(write, parent.id, PostCounter::Replies, 1)?;
        }
        if visibility == Visibility::Public {
            self.tags.extend(text.tags.iter().cloned());
        }
        Ok(if reply_to.is_some() && parent.is_none() {
            Fate::ImportedAlone
        } else {
            Fate::Imported
        })
    }

    fn boost(
        &self,
        write: &mut Write<'_>,
        id: PostId,
        visibility: Visibility,
        of: Reference,
    ) -> Result<Fate, UnitError> {
        let connection = write.connection;
        let Some(post) = resolve(connection, self.account, of)?.filter(|post| post.id < id) else {
            return Ok(Fate::Elsewhere);
        };
        let allowed = match post.visibility {
            Visibility::Public | Visibility::Unlisted => true,
            Visibility::Followers => post.author == self.account && !visibility.is_open(),
            Visibility::Direct => false,
        };
        if !allowed || visibility == Visibility::Direct {
            return Ok(Fate::Elsewhere);
        }
        if posts::boost_by(connection, self.account, post.id)?.is_some() {
            return Ok(Fate::Known);
        }
        let boost_of = Some(Boosted {
            post: post.id,
            author: post.author,
        });
        posts::insert_imported(
            connection,
            &NewPost {
                id,
                author: self.account,
                visibility,
                boost_of,
                reply_to: None,
                sensitive: false,
                spoiler: "",
                text: "",
                language: None,
                app: None,
            },
            None,
        )?;
        count(write, post.id, PostCounter::Boosts, 1)?;
        write.tell(Event::PostMarked {
            account: self.account,
            post: post.id,
            mark: PostMark::Boost,
            stands: true,
        });
        Ok(Fate::Imported)
    }
}

/// Whether an entry is here, or was.
fn is_known(
    connection: &Connection,
    account: AccountId,
    reference: Reference,
) -> Result<bool, StoreError> {
    if imports::find(connection, account, reference.origin)?.is_some() {
        return Ok(true);
    }
    Ok(match reference.here {
        None => false,
        Some(id) => posts::facts(connection, id)?.is_some_and(|found| found.author == account),
    })
}

/// The post that is meant, if it is here and the account may see it.
pub(super) fn resolve(
    connection: &Connection,
    account: AccountId,
    reference: Reference,
) -> Result<Option<PostFacts>, UnitError> {
    let Reference { origin, here } = reference;
    let known = imports::find(connection, account, origin)?;
    let Some(id) = known.or(here) else {
        return Ok(None);
    };
    match require_visible_post(connection, account, id) {
        Ok(post) => Ok(Some(post)),
        Err(UnitError::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Reference {
    /// A post that is known by an address elsewhere only.
    pub fn elsewhere(uri: &str) -> Self {
        Self {
            origin: Origin::of(uri),
            here: None,
        }
    }
}
