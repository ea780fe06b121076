//! Takes in an archive: looks through all of it first, then hands it over in small batches, one after the other.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::activity::{Activity, Reading, Uri};
use super::bounds::{
    ACTOR, BLOCKED, BOOKMARKED, BOOKMARKS, FOLLOWING, ITEM_BYTES_MAX, LIKES, MUTED, OUTBOX, WANTED,
};
use super::collection::read_items;
use super::container::Container;
use super::csv::read_lines;
use super::error::ArchiveError;
use super::{
    ArrivedProfile, ArrivedRelation, BATCH_BYTES_MAX, Batch, ENTRIES_PER_BATCH_MAX,
    RELATIONS_PER_BATCH_MAX, RelationKind,
};
use crate::clock::Timestamp;
use crate::domain::arrival::{Arrived, ArrivedEntry, Fate, URI_BYTES_MAX};
use crate::domain::text::from_html::from_html;

/// The most things of one part and fate that a report names.
pub const NAMED_MAX: usize = 10;
/// What a list of accounts begins with.
const HEADING: &str = "account address";

/// Takes batches into the store.
pub trait Taker {
    /// Takes one in; what became of each thing in it.
    ///
    /// # Errors
    /// Why nothing of it was.
    fn take(&mut self, batch: Batch) -> Result<Vec<Fate>, ArchiveError>;
}

/// A part of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// What the account says of itself.
    Profile,
    /// Posts and boosts.
    Entries,
    /// Whom it follows.
    Follows,
    /// Whom it blocks.
    Blocks,
    /// Whom it mutes.
    Mutes,
    /// What it favoured.
    Favourites,
    /// What it kept.
    Bookmarks,
}

impl Part {
    /// For a person.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Entries => "posts and boosts",
            Self::Follows => "follows",
            Self::Blocks => "blocks",
            Self::Mutes => "mutes",
            Self::Favourites => "favourites",
            Self::Bookmarks => "bookmarks",
        }
    }
}

/// What became of an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// By part and fate.
    pub lines: BTreeMap<(Part, Fate), Line>,
    /// How many pictures and other files were left out.
    pub attachments: usize,
}

/// The things of one part that fared alike.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Line {
    /// How many.
    pub count: usize,
    /// The addresses of the first of those that weren't taken in, at most [`NAMED_MAX`].
    pub named: Vec<String>,
}

impl Report {
    fn add(&mut self, part: Part, fate: Fate, address: &str) {
        let line = self.lines.entry((part, fate)).or_default();
        line.count += 1;
        if !fate.is_new() && fate != Fate::Known && line.named.len() < NAMED_MAX {
            line.named.push(address.to_owned());
        }
    }

    /// How many things are here because of it.
    pub fn imported(&self) -> usize {
        let new = self.lines.iter().filter(|((_, fate), _)| fate.is_new());
        new.map(|(_, line)| line.count).sum()
    }

    /// One line for each part and fate.
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        for ((part, fate), line) in &self.lines {
            let what = part.name();
            sentences.push(format!("{what}: {} {}", line.count, fate.sentence()));
            sentences.extend(line.named.iter().map(|address| format!("  {address}")));
            if !line.named.is_empty() && line.count > line.named.len() {
                sentences.push(format!("  and {} more", line.count - line.named.len()));
            }
        }
        if self.attachments > 0 {
            sentences.push(format!(
                "attachments: {} left out, since kinglet keeps no media",
                self.attachments
            ));
        }
        sentences
    }
}

/// For whom an archive is read.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The host of the instance that takes it in: its names need none.
    pub local_host: String,
    /// The present moment.
    pub now: Timestamp,
}

/// An archive that was looked through as a whole.
#[derive(Debug)]
pub struct Archive {
    container: Container,
    arrival: Arrival,
    things: usize,
}

impl Archive {
    /// Looks through a file. Nothing is written anywhere, however bad it is.
    ///
    /// # Errors
    /// Why it can't be taken in.
    pub fn open(path: &Path, arrival: Arrival) -> Result<Self, ArchiveError> {
        let container = Container::open(path)?;
        if !WANTED.iter().any(|wanted| container.has(wanted)) {
            return Err(ArchiveError::refused(format!(
                "none of these is in it: {}",
                WANTED.join(", ")
            )));
        }
        let mut archive = Self {
            container,
            arrival,
            things: 0,
        };
        let mut things = 0;
        archive.walk(&mut |_| {
            things += 1;
            Ok(())
        })?;
        archive.things = things;
        Ok(archive)
    }

    /// How many things are in it.
    pub fn things(&self) -> usize {
        self.things
    }

    /// Hands everything over, and tells after each batch how many things are done. What was taken in before stays as it is,
    /// so an import that broke off is begun again.
    ///
    /// # Errors
    /// Why it broke off.
    pub fn import(
        &self,
        taker: &mut dyn Taker,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Report, ArchiveError> {
        let mut hand = Hand {
            taker,
            progress,
            gathered: Vec::new(),
            bytes: 0,
            done: 0,
            report: Report::default(),
        };
        self.walk(&mut |thing| hand.take(thing))?;
        hand.pass_on()?;
        Ok(hand.report)
    }

    /// Reads every part, in an order in which nothing refers to what comes later.
    fn walk(
        &self,
        take: &mut dyn FnMut(Thing) -> Result<(), ArchiveError>,
    ) -> Result<(), ArchiveError> {
        let container = &self.container;
        container.read(ACTOR, |content| match Thing::profile(content)? {
            Some(thing) => take(thing),
            None => Ok(()),
        })?;
        let Arrival { local_host, now } = &self.arrival;
        container.read(OUTBOX, |content| {
            read_items(content, OUTBOX, |activity: Activity| {
                let reading = activity.read(local_host, *now);
                take(Thing::Entry(reading.map_err(ArchiveError::refused)?))
            })
        })?;
        for (name, part) in [
            (FOLLOWING, Part::Follows),
            (BLOCKED, Part::Blocks),
            (MUTED, Part::Mutes),
        ] {
            container.read(name, |content| {
                read_lines(content, name, |cells| match Thing::relation(part, &cells) {
                    None => Ok(()),
                    Some(thing) => take(thing),
                })
            })?;
        }
        for (name, part) in [(LIKES, Part::Favourites), (BOOKMARKS, Part::Bookmarks)] {
            container.read(name, |content| {
                read_items(content, name, |uri: Uri| take(Thing::mark(part, uri.0)?))
            })?;
        }
        if !container.has(BOOKMARKS) {
            container.read(BOOKMARKED, |content| {
                read_lines(content, BOOKMARKED, |cells| {
                    take(Thing::mark(Part::Bookmarks, cells.into_iter().next())?)
                })
            })?;
        }
        Ok(())
    }
}

/// One thing of an archive.
enum Thing {
    Profile(ArrivedProfile),
    Entry(Reading),
    Relation(Part, ArrivedRelation),
    Mark(Part, String),
}

#[derive(Deserialize)]
struct Actor {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    attachment: Option<Vec<Property>>,
}

#[derive(Deserialize)]
struct Property {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    value: Option<String>,
}

impl Thing {
    /// What the account says of itself; none where it says nothing.
    fn profile(content: &mut dyn Read) -> Result<Option<Self>, ArchiveError> {
        let mut json = Vec::new();
        content.take(ITEM_BYTES_MAX + 1).read_to_end(&mut json)?;
        let wrong = |why: String| ArchiveError::refused(format!("{ACTOR}: {why}"));
        if json.len() as u64 > ITEM_BYTES_MAX {
            return Err(wrong("it is too long".to_owned()));
        }
        // A list would do for the fields of an object, in their order.
        if !json.trim_ascii_start().starts_with(b"{") {
            return Err(wrong("it is no actor".to_owned()));
        }
        let actor: Actor =
            serde_json::from_slice(&json).map_err(|error| wrong(error.to_string()))?;
        let properties = actor.attachment.unwrap_or_default().into_iter();
        let fields = properties
            .filter_map(|property| Some((property.name?, from_html(&property.value?, ""))))
            .collect();
        let profile = ArrivedProfile {
            display_name: actor.name.unwrap_or_default(),
            note: from_html(&actor.summary.unwrap_or_default(), ""),
            fields,
        };
        Ok((profile != ArrivedProfile::default()).then_some(Self::Profile(profile)))
    }

    /// A line of a list of accounts; none of its heading.
    fn relation(part: Part, cells: &[String]) -> Option<Self> {
        let address = cells.first()?.trim();
        if address.is_empty() || address.eq_ignore_ascii_case(HEADING) {
            return None;
        }
        let is_set = |at: usize, default: bool| match cells.get(at).map(|cell| cell.trim()) {
            Some(cell) if cell.eq_ignore_ascii_case("true") => true,
            Some(cell) if cell.eq_ignore_ascii_case("false") => false,
            _ => default,
        };
        let kind = match part {
            Part::Blocks => RelationKind::Block,
            Part::Mutes => RelationKind::Mute {
                hides_notifications: is_set(1, true),
            },
            _ => RelationKind::Follow {
                shows_boosts: is_set(1, true),
                notifies: is_set(2, false),
            },
        };
        let address = address.to_owned();
        Some(Self::Relation(part, ArrivedRelation { address, kind }))
    }

    fn mark(part: Part, uri: Option<String>) -> Result<Self, ArchiveError> {
        let uri = uri.filter(|uri| !uri.is_empty() && uri.len() <= URI_BYTES_MAX);
        uri.map(|uri| Self::Mark(part, uri))
            .ok_or_else(|| ArchiveError::refused("it is no address"))
    }

    fn part(&self) -> Part {
        match self {
            Self::Profile(_) => Part::Profile,
            Self::Entry(_) => Part::Entries,
            Self::Relation(part, _) | Self::Mark(part, _) => *part,
        }
    }

    fn address(&self) -> &str {
        match self {
            Self::Entry(Reading {
                entry: Ok(entry), ..
            }) => &entry.uri,
            Self::Profile(_) | Self::Entry(_) => "",
            Self::Relation(_, relation) => &relation.address,
            Self::Mark(_, uri) => uri,
        }
    }

    /// About how much room it takes in a batch, in bytes.
    fn bytes(&self) -> usize {
        match self {
            Self::Entry(Reading {
                entry: Ok(ArrivedEntry { what, .. }),
                ..
            }) => match what {
                Arrived::Post(post) => post.text.len() + post.spoiler.len(),
                Arrived::Boost(of) => of.len(),
            },
            _ => self.address().len(),
        }
    }
}

/// Gathers things of one part, and hands them over.
struct Hand<'a> {
    taker: &'a mut dyn Taker,
    progress: &'a mut dyn FnMut(usize),
    gathered: Vec<Thing>,
    bytes: usize,
    done: usize,
    report: Report,
}

impl Hand<'_> {
    fn take(&mut self, thing: Thing) -> Result<(), ArchiveError> {
        if let Thing::Entry(reading) = &thing {
            self.report.attachments += reading.attachments;
            if let Err(fate) = reading.entry {
                self.report.add(Part::Entries, fate, &reading.address);
                self.done += 1;
                return Ok(());
            }
        }
        let part = thing.part();
        let things_max = match part {
            Part::Profile => 1,
            Part::Entries => ENTRIES_PER_BATCH_MAX,
            _ => RELATIONS_PER_BATCH_MAX,
        };
        if self
            .gathered
            .first()
            .is_some_and(|first| first.part() != part)
        {
            self.pass_on()?;
        }
        self.bytes += thing.bytes();
        self.gathered.push(thing);
        if self.gathered.len() >= things_max || self.bytes >= BATCH_BYTES_MAX {
            self.pass_on()?;
        }
        Ok(())
    }

    /// Hands over what is gathered.
    fn pass_on(&mut self) -> Result<(), ArchiveError> {
        let things = std::mem::take(&mut self.gathered);
        self.bytes = 0;
        let Some(first) = things.first() else {
            return Ok(());
        };
        let part = first.part();
        let addresses: Vec<String> = things
            .iter()
            .map(|thing| thing.address().to_owned())
            .collect();
        let batch = batch_of(part, things);
        let fates = self.taker.take(batch)?;
        if fates.len() != addresses.len() {
            return Err(ArchiveError::Gone(
                "the running server answered something else: use the same kinglet for both"
                    .to_owned(),
            ));
        }
        for (fate, address) in fates.into_iter().zip(&addresses) {
            self.report.add(part, fate, address);
        }
        self.done += addresses.len();
        (self.progress)(self.done);
        Ok(())
    }
}

/// Things of one part as a batch.
fn batch_of(part: Part, things: Vec<Thing>) -> Batch {
    let mut profile = ArrivedProfile::default();
    let (mut entries, mut relations, mut marks) = (Vec::new(), Vec::new(), Vec::new());
    for thing in things {
        match thing {
            Thing::Profile(found) => profile = found,
            Thing::Entry(reading) => entries.extend(reading.entry),
            Thing::Relation(_, relation) => relations.push(relation),
            Thing::Mark(_, uri) => marks.push(uri),
        }
    }
    match part {
        Part::Profile => Batch::Profile(profile),
        Part::Entries => Batch::Entries(entries),
        Part::Follows | Part::Blocks | Part::Mutes => Batch::Relations(relations),
        Part::Favourites => Batch::Favourites(marks),
        Part::Bookmarks => Batch::Bookmarks(marks),
    }
}
