//! Takes in what is read out of an archive, batch by batch, whoever reads it.

use super::{ArrivedProfile, ArrivedRelation, Batch, RelationKind};
use crate::Actors;
use crate::clock::Timestamp;
use crate::config::{Config, InstanceUrl};
use crate::domain::account::{ProfileChanges, ProfileField};
use crate::domain::arrival::{Arrived, ArrivedEntry, Fate, Origin, Reference};
use crate::domain::relationship::{FollowOptions, MuteOptions};
use crate::domain::text::count::POST_BYTES_MAX;
use crate::error::AskError;
use crate::ids::{AccountId, PostId};
use crate::instance::Instance;
use crate::posts::{Draft, TextRules, prepare};
use crate::store::queries::accounts::FindOwnAccount;
use crate::store::units::{
    ImportEntries, ImportMarks, ImportRelations, ImportedEntry, ImportedKind, Mark, Relation,
    UpdateProfile,
};

/// Takes batches in, whoever reads the archive.
#[derive(Clone)]
pub struct Importer {
    actors: Actors,
    url: InstanceUrl,
    follows_max: i64,
}

impl Importer {
    /// For an instance.
    pub fn of(instance: &Instance) -> Self {
        Self::new(&instance.actors, &instance.config, &instance.url)
    }

    /// By these actors, for an instance with these settings and this address.
    pub fn new(actors: &Actors, config: &Config, url: &InstanceUrl) -> Self {
        Self {
            actors: actors.clone(),
            url: url.clone(),
            follows_max: i64::from(config.limits.follows_per_account_max),
        }
    }

    /// The host of the instance.
    pub fn host(&self) -> &str {
        self.url.authority()
    }

    /// Takes a batch in; what became of each of its things.
    ///
    /// # Errors
    /// Why nothing of it was.
    pub async fn take(&self, account: AccountId, batch: Batch) -> Result<Vec<Fate>, AskError> {
        match batch {
            Batch::Profile(profile) => self.profile(account, profile).await.map(|fate| vec![fate]),
            Batch::Entries(entries) => self.entries(account, entries).await,
            Batch::Relations(relations) => {
                let relations = relations.iter();
                let unit = ImportRelations {
                    account,
                    relations: relations.map(|relation| self.relation(relation)).collect(),
                    follows_max: self.follows_max,
                };
                self.actors.perform(unit).await
            }
            Batch::Favourites(uris) => self.marks(account, Mark::Favourite, &uris).await,
            Batch::Bookmarks(uris) => self.marks(account, Mark::Bookmark, &uris).await,
        }
    }

    async fn entries(
        &self,
        account: AccountId,
        entries: Vec<ArrivedEntry>,
    ) -> Result<Vec<Fate>, AskError> {
        let mut fates = vec![None; entries.len()];
        let mut good = Vec::with_capacity(entries.len());
        for (fate, entry) in fates.iter_mut().zip(entries) {
            match self.entry(entry) {
                Ok(entry) => good.push(entry),
                Err(refused) => *fate = Some(refused),
            }
        }
        let unit = ImportEntries {
            account,
            entries: good,
        };
        let mut taken = self.actors.perform(unit).await?.into_iter();
        let fate = |fate: Option<Fate>| fate.or_else(|| taken.next()).unwrap_or(Fate::Unknown);
        Ok(fates.into_iter().map(fate).collect())
    }

    fn entry(&self, entry: ArrivedEntry) -> Result<ImportedEntry, Fate> {
        let what = match entry.what {
            Arrived::Boost(of) => ImportedKind::Boost {
                of: self.reference(&of),
            },
            Arrived::Post(post) => {
                if post.text.len() + post.spoiler.len() > POST_BYTES_MAX {
                    return Err(Fate::TooLong);
                }
                // What others allow to be longer is taken in as it is.
                let rules = TextRules {
                    characters_max: usize::MAX,
                    local_host: self.url.authority().to_owned(),
                };
                let draft = Draft {
                    text: post.text,
                    spoiler: post.spoiler,
                    sensitive: Some(post.sensitive),
                    language: post.language,
                };
                let mut text = prepare(&draft, &rules).map_err(|_| Fate::Empty)?;
                text.mentioned_names.clear();
                ImportedKind::Post {
                    text,
                    reply_to: post.reply_to.map(|parent| self.reference(&parent)),
                    edited_at: post.edited.map(Timestamp::from_millis),
                }
            }
        };
        Ok(ImportedEntry {
            reference: self.reference(&entry.uri),
            published: Timestamp::from_millis(entry.published),
            visibility: entry.visibility,
            what,
        })
    }

    async fn marks(
        &self,
        account: AccountId,
        mark: Mark,
        uris: &[String],
    ) -> Result<Vec<Fate>, AskError> {
        let posts = uris.iter().map(|uri| self.reference(uri)).collect();
        let unit = ImportMarks {
            account,
            mark,
            posts,
        };
        self.actors.perform(unit).await
    }

    /// What the account hasn't said of itself here is taken over.
    async fn profile(&self, account: AccountId, profile: ArrivedProfile) -> Result<Fate, AskError> {
        let own = self.actors.find(FindOwnAccount { account }).await?;
        let Some(own) = own.map(|own| own.account) else {
            return Ok(Fate::Stranger);
        };
        let fields = profile.fields.into_iter();
        let wanted = ProfileChanges {
            display_name: Some(profile.display_name).filter(|name| !name.is_empty()),
            note: Some(profile.note).filter(|note| !note.is_empty()),
            fields: Some(
                fields
                    .map(|(name, value)| ProfileField { name, value })
                    .collect::<Vec<_>>(),
            )
            .filter(|fields| !fields.is_empty()),
            ..ProfileChanges::default()
        };
        let is_empty = |changes: &ProfileChanges| *changes == ProfileChanges::default();
        if is_empty(&wanted) {
            return Ok(Fate::Empty);
        }
        let changes = ProfileChanges {
            display_name: wanted.display_name.filter(|_| own.display_name.is_empty()),
            note: wanted.note.filter(|_| own.note.is_empty()),
            fields: wanted.fields.filter(|_| own.fields.is_empty()),
            ..ProfileChanges::default()
        };
        if is_empty(&changes) {
            return Ok(Fate::Known);
        }
        match self
            .actors
            .perform(UpdateProfile { account, changes })
            .await
        {
            Ok(()) => Ok(Fate::Imported),
            Err(AskError::Refused(_)) => Ok(Fate::TooLong),
            Err(error) => Err(error),
        }
    }

    fn relation(&self, relation: &ArrivedRelation) -> (Option<String>, Relation) {
        let address = relation.address.trim_start_matches('@');
        let name = address.split_once('@').and_then(|(name, host)| {
            host.eq_ignore_ascii_case(self.url.authority())
                .then(|| name.to_owned())
        });
        let kind = match relation.kind {
            RelationKind::Follow {
                shows_boosts,
                notifies,
            } => Relation::Follow(FollowOptions {
                shows_boosts,
                notifies,
            }),
            RelationKind::Block => Relation::Block,
            RelationKind::Mute {
                hides_notifications,
            } => Relation::Mute(MuteOptions {
                hides_notifications,
            }),
        };
        (name, kind)
    }

    fn reference(&self, uri: &str) -> Reference {
        Reference {
            origin: Origin::of(uri),
            here: post_at(&self.url, uri),
        }
    }
}

/// The post that an address of this instance names: `/users/NAME/statuses/ID`, `/@NAME/ID`, with `/activity` for a boost.
fn post_at(url: &InstanceUrl, uri: &str) -> Option<PostId> {
    let path = uri.strip_prefix(url.as_str())?.strip_prefix('/')?;
    let path = path.strip_suffix("/activity").unwrap_or(path);
    let parts: Vec<&str> = path.splitn(5, '/').collect();
    match parts[..] {
        ["users", _, "statuses", id] => id.parse().ok(),
        [name, id] if name.starts_with('@') => id.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_this_instance_name_its_posts() {
        let url: InstanceUrl = "https://here.example".parse().expect("a URL");
        for good in [
            "https://here.example/users/ann/statuses/17",
            "https://here.example/users/ann/statuses/17/activity",
            "https://here.example/@ann/17",
        ] {
            assert_eq!(post_at(&url, good), Some(PostId(17)), "{good}");
        }
        for bad in [
            "https://here.example.evil/@ann/17",
            "http://here.example/@ann/17",
            "https://here.example/ann/17",
            "https://here.example/@ann/x",
            "https://here.example/@ann/17/18",
            "17",
        ] {
            assert_eq!(post_at(&url, bad), None, "{bad}");
        }
    }
}
