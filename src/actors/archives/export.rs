//! What an account takes along, in the form that Mastodon gives it today: a ZIP with the actor, the outbox, what was favoured
//! and kept; and beside them the lists that Mastodon hands out one by one.
//!
//! It is read page by page and written as it is read, so that an account of any size takes the same memory.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::bounds::{ACTOR, BLOCKED, BOOKMARKED, BOOKMARKS, FOLLOWING, LIKES, MUTED, OUTBOX};
use super::csv::write_line;
use super::error::ArchiveError;
use super::zip::write::ZipWriter;
use crate::clock::Timestamp;
use crate::config::InstanceUrl;
use crate::domain::account::Account;
use crate::domain::text::render::to_html;
use crate::domain::text::tokens::{TokenKind, tokenize};
use crate::domain::visibility::Visibility;
use crate::ids::{AccountId, PostId};
use crate::store::queries::archive::{
    Addressed, ArchivedEntry, ReadArchivedAccount, ReadArchivedEntries, ReadArchivedMarks,
    ReadArchivedRelations,
};
use crate::store::reader::Reader;
use crate::store::units::Mark;

/// The context of ActivityStreams.
const CONTEXT: &str = "https://www.w3.org/ns/activitystreams";
const PUBLIC: &str = "https://www.w3.org/ns/activitystreams#Public";

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// Posts and boosts.
    pub entries: usize,
    /// Posts that were favoured.
    pub favourites: usize,
    /// Posts that were kept.
    pub bookmarks: usize,
    /// Whom the account follows.
    pub follows: usize,
    /// Whom it blocks.
    pub blocks: usize,
    /// Whom it mutes.
    pub mutes: usize,
    /// The size of the file, in bytes.
    pub bytes: u64,
}

/// Writes an account's archive into a file that is made for it, for its owner alone. It blocks for as long as that takes.
///
/// # Errors
/// Why there is no archive; what was begun is removed.
pub fn export_account(
    database: &Path,
    account: AccountId,
    url: &InstanceUrl,
    path: &Path,
    now: Timestamp,
) -> Result<Exported, ArchiveError> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let written = Reader::open(database)
        .map_err(ArchiveError::from)
        .and_then(|mut reader| write(&mut reader, account, url, &file, now));
    if written.is_err()
        && let Err(error) = std::fs::remove_file(path)
    {
        tracing::warn!(target: "kinglet::actors::archives::export", %error, path = %path.display(), "an unfinished archive can't be removed");
    }
    written
}

fn write(
    reader: &mut Reader,
    account: AccountId,
    url: &InstanceUrl,
    file: &File,
    now: Timestamp,
) -> Result<Exported, ArchiveError> {
    let account = reader
        .run(&ReadArchivedAccount { account })?
        .0
        .ok_or_else(|| ArchiveError::Gone("there is no such account".to_owned()))?;
    let mut zip = ZipWriter::new(BufWriter::new(file), now);
    let mut export = Export {
        reader,
        url,
        account: &account,
    };
    let mut entries = 0;
    zip.file(OUTBOX, |out| {
        entries = export.write_outbox(out)?;
        Ok::<(), ArchiveError>(())
    })?;
    let mut marked = [0, 0];
    for (count, (name, mark)) in marked
        .iter_mut()
        .zip([(LIKES, Mark::Favourite), (BOOKMARKS, Mark::Bookmark)])
    {
        zip.file(name, |out| {
            write_collection(out, name, |items| {
                *count = export.marks(mark, |uri| items.add(&uri))?;
                Ok(())
            })
        })?;
    }
    zip.file(ACTOR, |out| {
        serde_json::to_writer(&mut *out, &export.actor()).map_err(io::Error::from)?;
        Ok::<(), ArchiveError>(())
    })?;
    let id = account.id;
    let relations = export.reader.run(&ReadArchivedRelations { account: id })?.0;
    let host = url.authority();
    zip.file(FOLLOWING, |out| {
        let heading = [
            "Account address",
            "Show boosts",
            "Notify on new posts",
            "Languages",
        ];
        write_line(out, &heading)?;
        for (name, options) in &relations.follows {
            let address = format!("{name}@{host}");
            let cells = [
                &address,
                word(options.shows_boosts),
                word(options.notifies),
                "",
            ];
            write_line(out, &cells)?;
        }
        Ok::<(), ArchiveError>(())
    })?;
    zip.file(BLOCKED, |out| {
        for name in &relations.blocks {
            write_line(out, &[&format!("{name}@{host}")])?;
        }
        Ok::<(), ArchiveError>(())
    })?;
    zip.file(MUTED, |out| {
        write_line(out, &["Account address", "Hide notifications"])?;
        for (name, options) in &relations.mutes {
            let address = format!("{name}@{host}");
            write_line(out, &[&address, word(options.hides_notifications)])?;
        }
        Ok::<(), ArchiveError>(())
    })?;
    zip.file(BOOKMARKED, |out| {
        export.marks(Mark::Bookmark, |uri| Ok(write_line(out, &[&uri])?))?;
        Ok::<(), ArchiveError>(())
    })?;
    let mut out = zip.finish()?;
    out.flush()?;
    file.sync_all()?;
    let [favourites, bookmarks] = marked;
    Ok(Exported {
        entries,
        favourites,
        bookmarks,
        follows: relations.follows.len(),
        blocks: relations.blocks.len(),
        mutes: relations.mutes.len(),
        bytes: file.metadata()?.len(),
    })
}

const fn word(is_so: bool) -> &'static str {
    if is_so { "true" } else { "false" }
}

/// The items of a collection that is being written.
struct Items<'a> {
    out: &'a mut dyn Write,
    count: usize,
}

impl Items<'_> {
    fn add<T: Serialize>(&mut self, item: &T) -> Result<(), ArchiveError> {
        if self.count > 0 {
            self.out.write_all(b",")?;
        }
        self.count += 1;
        serde_json::to_writer(&mut *self.out, item).map_err(io::Error::from)?;
        Ok(())
    }
}

/// Writes an OrderedCollection around items. How many there are is known at the end, and stands there.
fn write_collection(
    out: &mut dyn Write,
    id: &str,
    write: impl FnOnce(&mut Items<'_>) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let head = json!({"@context": CONTEXT, "id": id, "type": "OrderedCollection"}).to_string();
    let head = head.strip_suffix('}').unwrap_or(&head);
    write!(out, "{head},\"orderedItems\":[")?;
    let mut items = Items { out, count: 0 };
    write(&mut items)?;
    let count = items.count;
    write!(items.out, "],\"totalItems\":{count}}}")?;
    Ok(())
}

struct Export<'a> {
    reader: &'a mut Reader,
    url: &'a InstanceUrl,
    account: &'a Account,
}

impl Export<'_> {
    fn write_outbox(&mut self, out: &mut dyn Write) -> Result<usize, ArchiveError> {
        let mut count = 0;
        write_collection(out, OUTBOX, |items| {
            let mut after = PostId(0);
            loop {
                let account = self.account.id;
                let page = ReadArchivedEntries { account, after };
                let (entries, next) = self.reader.run(&page)?.0;
                for entry in &entries {
                    items.add(&self.activity(entry))?;
                }
                match next {
                    Some(next) => after = next,
                    None => break,
                }
            }
            count = items.count;
            Ok(())
        })?;
        Ok(count)
    }

    /// Tells the address of each marked post; how many there are.
    fn marks(
        &mut self,
        mark: Mark,
        mut tell: impl FnMut(String) -> Result<(), ArchiveError>,
    ) -> Result<usize, ArchiveError> {
        let account = self.account.id;
        let (mut after, mut count) = (0, 0);
        loop {
            let page = ReadArchivedMarks {
                account,
                mark,
                after,
            };
            let (posts, next) = self.reader.run(&page)?.0;
            for post in &posts {
                tell(self.address(post))?;
                count += 1;
            }
            match next {
                Some(next) => after = next,
                None => return Ok(count),
            }
        }
    }

    fn address(&self, of: &Addressed) -> String {
        self.url.post_uri(&of.author, of.post)
    }

    /// To whom something goes.
    fn audience(&self, entry: &ArchivedEntry) -> (Vec<String>, Vec<String>) {
        let followers = format!("{}/followers", self.url.account_uri(&self.account.name));
        let public = PUBLIC.to_owned();
        let mentions = entry.post.mentions.iter();
        let named = mentions.map(|mention| self.url.account_uri(&mention.name));
        match entry.post.facts.visibility {
            Visibility::Public => (vec![public], [followers].into_iter().chain(named).collect()),
            Visibility::Unlisted => (vec![followers], [public].into_iter().chain(named).collect()),
            Visibility::Followers => (vec![followers], named.collect()),
            Visibility::Direct => (named.collect(), Vec::new()),
        }
    }

    fn activity(&self, entry: &ArchivedEntry) -> Json {
        let name = &self.account.name;
        let post = &entry.post;
        let actor = self.url.account_uri(name);
        let uri = self.url.post_uri(name, post.facts.id);
        let published = post.facts.id.time().to_string();
        let (to, cc) = self.audience(entry);
        if let Some(boosted) = &entry.boost_of {
            return json!({
                "id": format!("{uri}/activity"),
                "type": "Announce",
                "actor": actor,
                "published": published,
                "to": to,
                "cc": cc,
                "object": self.address(boosted),
            });
        }
        let mut note = json!({
            "id": uri,
            "type": "Note",
            "summary": Some(&post.spoiler).filter(|spoiler| !spoiler.is_empty()),
            "inReplyTo": entry.reply_to.as_ref().map(|parent| self.address(parent)),
            "published": published,
            "url": self.url.post_url(name, post.facts.id),
            "attributedTo": actor,
            "to": to,
            "cc": cc,
            "sensitive": post.sensitive,
            "content": self.html(entry),
            // The source text comes back as it was typed.
            "source": {"content": post.text, "mediaType": "text/plain"},
            "attachment": [],
            "tag": self.tags(entry),
        });
        if let Some(language) = &post.language {
            note["contentMap"] = json!({language: note["content"]});
        }
        if let Some(edited) = post.edited_at {
            note["updated"] = edited.to_string().into();
        }
        json!({
            "id": format!("{uri}/activity"),
            "type": "Create",
            "actor": actor,
            "published": published,
            "to": to,
            "cc": cc,
            "object": note,
        })
    }

    fn html(&self, entry: &ArchivedEntry) -> String {
        let mentions = &entry.post.mentions;
        to_html(&entry.post.text, self.url.as_str(), |written| {
            let is_local = written.is_local(self.url.authority());
            let known = mentions
                .iter()
                .find(|mention| is_local && mention.name.eq_ignore_ascii_case(written.name));
            known.map(|mention| self.url.profile_url(&mention.name))
        })
    }

    fn tags(&self, entry: &ArchivedEntry) -> Vec<Json> {
        let host = self.url.authority();
        let mentions = entry.post.mentions.iter().map(|mention| {
            json!({
                "type": "Mention",
                "href": self.url.account_uri(&mention.name),
                "name": format!("@{}@{host}", mention.name),
            })
        });
        let tokens = tokenize(&entry.post.text);
        let tags = tokens.iter().filter_map(|token| match &token.kind {
            TokenKind::Hashtag(tag) => Some(json!({
                "type": "Hashtag",
                "href": self.url.tag_url(&tag.name),
                "name": format!("#{}", tag.name),
            })),
            _ => None,
        });
        mentions.chain(tags).collect()
    }

    fn actor(&self) -> Json {
        let account = self.account;
        let uri = self.url.account_uri(&account.name);
        let fields = account.fields.iter().map(|field| {
            json!({
                "type": "PropertyValue",
                "name": field.name,
                "value": to_html(&field.value, self.url.as_str(), |_| None),
            })
        });
        json!({
            "@context": [
                CONTEXT,
                "https://w3id.org/security/v1",
                {
                    "manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
                    "toot": "http://joinmastodon.org/ns#",
                    "discoverable": "toot:discoverable",
                    "schema": "http://schema.org#",
                    "PropertyValue": "schema:PropertyValue",
                    "value": "schema:value",
                },
            ],
            "id": uri,
            "type": if account.bot { "Service" } else { "Person" },
            "following": format!("{uri}/following"),
            "followers": format!("{uri}/followers"),
            "inbox": format!("{uri}/inbox"),
            "outbox": OUTBOX,
            "likes": LIKES,
            "bookmarks": BOOKMARKS,
            "preferredUsername": account.name,
            "name": account.display_name,
            "summary": to_html(&account.note, self.url.as_str(), |_| None),
            "url": self.url.profile_url(&account.name),
            "manuallyApprovesFollowers": account.locked,
            "discoverable": account.discoverable,
            "published": account.id.time().to_string(),
            "attachment": fields.collect::<Vec<_>>(),
            "tag": [],
        })
    }
}
