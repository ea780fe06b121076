//! Takes in an archive: looks through all of it first, then hands it over in small batches, one after the other.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Read;
use std::ops::ControlFlow;
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
use super::order::{Dates, Order};
use super::{
    ArrivedProfile, ArrivedRelation, BATCH_BYTES_MAX, Batch, ENTRIES_PER_BATCH_MAX,
    RELATIONS_PER_BATCH_MAX, RelationKind,
};
use crate::clock::Timestamp;
use crate::domain::arrival::{Arrived, ArrivedEntry, Fate, URI_BYTES_MAX};
use crate::domain::text::from_html::from_html;

/// The most things of one part and fate that a report names.
pub const NAMED_MAX: usize = 10;
/// The most characters of an address that a kept report names.
const KEPT_ADDRESS_CHARS_MAX: usize = 300;
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

/// How far an archive is taken in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Course {
    /// How many of its things are done, in the order in which they are read.
    pub done: usize,
    /// What became of those.
    pub report: Report,
}

/// A report as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptReport {
    lines: Vec<(Part, Fate, Line)>,
    attachments: usize,
}

/// What a report says of some things, for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// How many of which part fared how.
    pub sentence: String,
    /// The addresses of the first of those that weren't taken in.
    pub named: Vec<String>,
    /// How many more there are.
    pub more: usize,
}

/// The things of one part that fared alike.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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

    /// What it says, part by part and fate by fate.
    pub fn told(&self) -> Vec<Told> {
        let of_lines = self.lines.iter().map(|((part, fate), line)| Told {
            sentence: format!("{}: {} {}", part.name(), line.count, fate.sentence()),
            named: line.named.clone(),
            more: match line.named.len() {
                0 => 0,
                named => line.count - named,
            },
        });
        let left_out = (self.attachments > 0).then(|| Told {
            sentence: format!(
                "attachments: {} left out, since kinglet keeps no media",
                self.attachments
            ),
            named: Vec::new(),
            more: 0,
        });
        of_lines.chain(left_out).collect()
    }

    /// One line for each part and fate.
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        for told in self.told() {
            sentences.push(told.sentence);
            sentences.extend(told.named.iter().map(|address| format!("  {address}")));
            if told.more > 0 {
                sentences.push(format!("  and {} more", told.more));
            }
        }
        sentences
    }

    /// As it is kept; of addresses, as much as people read.
    pub fn to_json(&self) -> String {
        let shortened = |line: &Line| Line {
            count: line.count,
            named: line
                .named
                .iter()
                .map(|address| address.chars().take(KEPT_ADDRESS_CHARS_MAX).collect())
                .collect(),
        };
        let lines = self.lines.iter();
        let kept = KeptReport {
            lines: lines
                .map(|((part, fate), line)| (*part, *fate, shortened(line)))
                .collect(),
            attachments: self.attachments,
        };
        // Numbers and texts can always be written.
        serde_json::to_string(&kept).unwrap_or_default()
    }

    /// What was kept; `None` for something else.
    pub fn from_json(json: &str) -> Option<Self> {
        let kept: KeptReport = serde_json::from_str(json).ok()?;
        let lines = kept.lines.into_iter();
        Some(Self {
            lines: lines
                .map(|(part, fate, line)| ((part, fate), line))
                .collect(),
            attachments: kept.attachments,
        })
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
    /// Where the entries belong that aren't in order.
    order: Option<Order>,
}

impl Archive {
    /// Looks through a file. Nothing is written anywhere, however bad it is.
    ///
    /// # Errors
    /// Why it can't be taken in.
    pub fn open(path: &Path, arrival: Arrival) -> Result<Self, ArchiveError> {
        let name = path.file_name().and_then(|name| name.to_str());
        Self::open_named(path, name.unwrap_or_default(), arrival)
    }

    /// As [`Archive::open`], for a file that has this name where it comes from: that is how a list by itself is known.
    ///
    /// # Errors
    /// Why it can't be taken in.
    pub fn open_named(path: &Path, name: &str, arrival: Arrival) -> Result<Self, ArchiveError> {
        let container = Container::open(path, name)?;
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
            order: None,
        };
        let mut things = 0;
        let mut dates = Dates::default();
        archive.walk(&Cell::new(0), &mut |met| {
            let Met::Thing(thing) = met else {
                return Ok(());
            };
            things += 1;
            if let Thing::Entry(reading) = &thing {
                let entry = reading.entry.as_ref().ok();
                dates.note(entry.map(|entry| entry.published), thing.bytes());
            }
            Ok(())
        })?;
        archive.things = things;
        archive.order = dates.order();
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
        let mut shown = 0;
        let mut look = |course: &Course| {
            if course.done != shown {
                shown = course.done;
                progress(shown);
            }
            ControlFlow::Continue(())
        };
        let whole = self.go_on(Course::default(), taker, &mut look)?;
        whole.map(|course| course.report).ok_or(ArchiveError::Later)
    }

    /// Hands over what isn't done yet, and asks whether to go on after each batch and for each thing that is only passed over: then
    /// no more is done than when it asked before. `None` when it broke off because of that.
    ///
    /// # Errors
    /// Why it broke off.
    pub fn go_on(
        &self,
        course: Course,
        taker: &mut dyn Taker,
        look: &mut dyn FnMut(&Course) -> ControlFlow<()>,
    ) -> Result<Option<Course>, ArchiveError> {
        let passed_over = Cell::new(course.done);
        let mut hand = Hand {
            taker,
            look,
            gathered: Vec::new(),
            bytes: 0,
            passed_over: &passed_over,
            course,
        };
        let walked = self.walk(&passed_over, &mut |met| match met {
            Met::Thing(thing) => hand.take(thing),
            // What is gathered and what couldn't be taken may lie mixed: only all of both is a beginning that is done.
            Met::Other => hand.pass_on().and_then(|()| hand.ask()),
        });
        match walked.and_then(|()| hand.pass_on()) {
            Ok(()) => Ok(Some(hand.course)),
            Err(ArchiveError::Later) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the entries, the oldest first as soon as their order is known; not the parts of which all is to be passed over.
    fn walk_entries(
        &self,
        passed_over: &Cell<usize>,
        take: &mut dyn FnMut(Met) -> Result<(), ArchiveError>,
    ) -> Result<(), ArchiveError> {
        let Arrival { local_host, now } = &self.arrival;
        let read = |take: &mut dyn FnMut(Thing) -> Result<(), ArchiveError>| {
            self.container.read(OUTBOX, |content| {
                read_items(content, OUTBOX, |activity: Activity| {
                    let reading = activity.read(local_host, *now);
                    take(Thing::Entry(reading.map_err(ArchiveError::refused)?))
                })
            })
        };
        let Some(order) = &self.order else {
            return read(&mut |thing| take(Met::Thing(thing))).map(drop);
        };
        for part in order.parts() {
            if let Some(left) = passed_over.get().checked_sub(part.len()) {
                passed_over.set(left);
                continue;
            }
            let mut things: Vec<Option<Thing>> = part.clone().map(|_| None).collect();
            let mut entry = 0;
            read(&mut |thing| {
                let place = order.place(entry);
                let place = place.ok_or_else(|| ArchiveError::refused("it has changed"))?;
                entry += 1;
                if let Some(slot) = place
                    .checked_sub(part.start)
                    .and_then(|place| things.get_mut(place))
                {
                    *slot = Some(thing);
                }
                take(Met::Other)
            })?;
            for thing in things.into_iter().flatten() {
                take(Met::Thing(thing))?;
            }
        }
        Ok(())
    }

    /// Reads every part, in an order in which nothing refers to what comes later.
    fn walk(
        &self,
        passed_over: &Cell<usize>,
        take: &mut dyn FnMut(Met) -> Result<(), ArchiveError>,
    ) -> Result<(), ArchiveError> {
        let container = &self.container;
        container.read(ACTOR, |content| match Thing::profile(content)? {
            Some(thing) => take(Met::Thing(thing)),
            None => Ok(()),
        })?;
        self.walk_entries(passed_over, take)?;
        let mut take = |thing| take(Met::Thing(thing));
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

/// What is met on the way through an archive.
enum Met {
    /// The next thing.
    Thing(Thing),
    /// One that isn't next.
    Other,
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
    look: &'a mut dyn FnMut(&Course) -> ControlFlow<()>,
    gathered: Vec<Thing>,
    bytes: usize,
    /// How many are left to be passed over because they are done.
    passed_over: &'a Cell<usize>,
    course: Course,
}

impl Hand<'_> {
    fn take(&mut self, thing: Thing) -> Result<(), ArchiveError> {
        if let Some(left) = self.passed_over.get().checked_sub(1) {
            self.passed_over.set(left);
            return self.ask();
        }
        let Course { done, report } = &mut self.course;
        if let Thing::Entry(reading) = &thing {
            report.attachments += reading.attachments;
            if let Err(fate) = reading.entry {
                report.add(Part::Entries, fate, &reading.address);
                *done += 1;
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
            self.course.report.add(part, fate, address);
        }
        self.course.done += addresses.len();
        self.ask()
    }

    /// Asks whether to go on.
    fn ask(&mut self) -> Result<(), ArchiveError> {
        match (self.look)(&self.course) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ArchiveError::Later),
        }
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;
    use std::rc::Rc;

    use super::super::order::ENTRY_BYTES;
    use super::*;

    const POSTS: usize = 100;

    /// An outbox, whose dates rise or fall, of posts that say something.
    fn outbox(directory: &Path, falls: bool) -> Archive {
        outbox_of(directory, falls, |_| "<p>A wren</p>")
    }

    fn outbox_of(directory: &Path, falls: bool, said: fn(usize) -> &'static str) -> Archive {
        let address = |id: usize| format!("https://there.example/users/ada/statuses/{id}");
        let mut ids: Vec<usize> = (0..POSTS).collect();
        if falls {
            ids.reverse();
        }
        let items = ids.iter().map(|id| {
            let minute = id % 60;
            let hour = id / 60;
            serde_json::json!({
                "type": "Create",
                "published": format!("2023-04-05T{hour:02}:{minute:02}:00Z"),
                "to": ["https://www.w3.org/ns/activitystreams#Public"],
                "object": {
                    "id": address(*id),
                    "type": "Note",
                    "published": format!("2023-04-05T{hour:02}:{minute:02}:00Z"),
                    "to": ["https://www.w3.org/ns/activitystreams#Public"],
                    "content": said(*id),
                },
            })
        });
        let outbox = serde_json::json!({
            "type": "OrderedCollection",
            "orderedItems": items.collect::<Vec<_>>(),
        });
        let path = directory.join("outbox.json");
        std::fs::write(&path, outbox.to_string()).expect("it is written");
        let arrival = Arrival {
            local_host: "here.example".to_owned(),
            now: Timestamp::from_millis(1_790_000_000_000),
        };
        Archive::open(&path, arrival).expect("an archive")
    }

    /// Counts what it is handed.
    #[derive(Default)]
    struct Counter(usize);

    impl Taker for Counter {
        fn take(&mut self, batch: Batch) -> Result<Vec<Fate>, ArchiveError> {
            let Batch::Entries(entries) = batch else {
                panic!("there are only entries");
            };
            self.0 += entries.len();
            Ok(vec![Fate::Known; entries.len()])
        }
    }

    /// Remembers what it is handed.
    #[derive(Default)]
    struct Shelf(Rc<RefCell<BTreeSet<String>>>);

    impl Taker for Shelf {
        fn take(&mut self, batch: Batch) -> Result<Vec<Fate>, ArchiveError> {
            let Batch::Entries(entries) = batch else {
                panic!("there are only entries");
            };
            let fates = vec![Fate::Imported; entries.len()];
            let addresses = entries.into_iter().map(|entry| entry.uri);
            self.0.borrow_mut().extend(addresses);
            Ok(fates)
        }
    }

    #[test]
    fn whatever_was_noted_last_nothing_is_missing_after_it_goes_on() {
        let directory = tempfile::tempdir().expect("a directory");
        // Some have nothing that could be taken, and the order has several parts.
        let said = |id: usize| if id % 7 == 5 { "" } else { "<p>A wren</p>" };
        let mut archive = outbox_of(directory.path(), true, said);
        let mut dates = Dates::default();
        for id in (0..POSTS).rev() {
            dates.note(i64::try_from(id).ok(), 0);
        }
        archive.order = dates.order_in_parts(20 * ENTRY_BYTES);
        let taken = Shelf::default();
        let stored = Rc::clone(&taken.0);
        let mut noted = Vec::new();
        let mut look = |course: &Course| {
            noted.push((course.clone(), stored.borrow().clone()));
            ControlFlow::Continue(())
        };
        let mut taker = taken;
        let whole = archive.go_on(Course::default(), &mut taker, &mut look);
        let whole = whole.expect("it goes").expect("all of it");
        let all = taker.0.borrow().clone();
        assert_eq!(all.len(), (0..POSTS).filter(|id| id % 7 != 5).count());
        assert!(noted.len() > POSTS, "while the second part is read as well");
        noted.dedup_by_key(|(course, _)| course.done);
        for (course, before) in noted {
            let rest = Shelf::default();
            let stored = Rc::clone(&rest.0);
            let mut taker = rest;
            let again = archive.go_on(course, &mut taker, &mut |_| ControlFlow::Continue(()));
            let again = again.expect("it goes").expect("all of it");
            assert_eq!(&before | &*stored.borrow(), all);
            assert_eq!(again.report, whole.report);
        }
    }

    fn half_done() -> Course {
        Course {
            done: POSTS / 2,
            ..Course::default()
        }
    }

    #[test]
    fn what_is_passed_over_is_asked_about_and_is_no_progress() {
        let directory = tempfile::tempdir().expect("a directory");
        for falls in [false, true] {
            let archive = outbox(directory.path(), falls);
            assert_eq!(archive.things(), POSTS);
            let (mut passed_over, mut batches) = (0, 0);
            let mut done = POSTS / 2;
            let mut taken = Counter::default();
            let mut look = |course: &Course| {
                if course.done == done {
                    passed_over += 1;
                } else {
                    batches += 1;
                }
                done = course.done;
                ControlFlow::Continue(())
            };
            let whole = archive.go_on(half_done(), &mut taken, &mut look);
            assert_eq!(whole.expect("it goes").expect("all of it").done, POSTS);
            assert_eq!(taken.0, POSTS / 2);
            assert!(passed_over >= POSTS / 2, "{falls}: {passed_over}");
            assert!(batches > 0);
        }
    }

    #[test]
    fn nothing_is_handed_over_once_nobody_wants_it() {
        let directory = tempfile::tempdir().expect("a directory");
        for falls in [false, true] {
            let archive = outbox(directory.path(), falls);
            let mut taken = Counter::default();
            let mut look = |_: &Course| ControlFlow::Break(());
            let broken = archive.go_on(half_done(), &mut taken, &mut look);
            assert_eq!(broken.expect("no fault"), None);
            assert_eq!(taken.0, 0);
        }
    }
}
