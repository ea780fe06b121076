//! Reads an OrderedCollection item by item: however long it is, one item is in memory.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufReader, Read};
use std::marker::PhantomData;
use std::rc::Rc;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::bounds::{ITEM_BYTES_MAX, ITEMS_MAX};
use super::error::ArchiveError;

/// Reads the `orderedItems` of a collection and hands each to `take`; answers how many there were.
///
/// # Errors
/// When it is no such collection, or what `take` says; with the number of the item.
pub fn read_items<T: for<'de> Deserialize<'de>>(
    content: impl Read,
    name: &str,
    mut take: impl FnMut(T) -> Result<(), ArchiveError>,
) -> Result<usize, ArchiveError> {
    let room = Rc::new(Cell::new(ITEM_BYTES_MAX));
    let course = Rc::new(Course::default());
    let reader = Rationed {
        content: BufReader::new(content),
        room: Rc::clone(&room),
    };
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let mut failure = None;
    let mut hand_over = |item| {
        course.items.set(course.items.get() + 1);
        room.set(ITEM_BYTES_MAX);
        take(item).map_err(|error| failure = Some(error)).is_ok()
    };
    let seed = Collection {
        take: &mut hand_over,
        found: &course.found,
        kind: PhantomData::<T>,
    };
    let read = seed
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
    let items = course.items.get();
    match (failure, read) {
        (Some(ArchiveError::Refused(why)), _) => Err(ArchiveError::refused(format!(
            "{name}, item {items}: {why}"
        ))),
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(ArchiveError::refused(format!(
            "{name}, item {}: {error}",
            items + 1
        ))),
        (None, Ok(())) if !course.found.get() => {
            Err(ArchiveError::refused(format!("{name} has no orderedItems")))
        }
        (None, Ok(())) => Ok(items),
    }
}

/// How far the reading is.
#[derive(Default)]
struct Course {
    items: Cell<usize>,
    found: Cell<bool>,
}

/// The object around the items.
struct Collection<'a, T, F> {
    take: &'a mut F,
    found: &'a Cell<bool>,
    kind: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, F: FnMut(T) -> bool> DeserializeSeed<'de> for Collection<'_, T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T) -> bool> Visitor<'de> for Collection<'_, T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an OrderedCollection")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "orderedItems" {
                if self.found.replace(true) {
                    return Err(de::Error::custom("there are orderedItems twice"));
                }
                map.next_value_seed(Items {
                    take: self.take,
                    kind: PhantomData::<T>,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// The items.
struct Items<'a, T, F> {
    take: &'a mut F,
    kind: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, F: FnMut(T) -> bool> DeserializeSeed<'de> for Items<'_, T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T) -> bool> Visitor<'de> for Items<'_, T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut items = 0;
        while let Some(item) = seq.next_element()? {
            items += 1;
            if items > ITEMS_MAX {
                return Err(de::Error::custom("there are too many items"));
            }
            if !(self.take)(item) {
                // Why, the taker knows.
                return Err(de::Error::custom("refused"));
            }
        }
        Ok(())
    }
}

/// Hands out so many bytes for one item and no more.
struct Rationed<R> {
    content: R,
    room: Rc<Cell<u64>>,
}

impl<R: Read> Read for Rationed<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let room = self.room.get();
        if room == 0 {
            return Err(io::Error::other(format!(
                "it has more than {ITEM_BYTES_MAX} bytes"
            )));
        }
        let most = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        let read = self.content.read(&mut bytes[..most])?;
        self.room.set(room - read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(json: &str) -> Result<Vec<String>, ArchiveError> {
        let mut items = Vec::new();
        read_items(json.as_bytes(), "likes.json", |item| {
            items.push(item);
            Ok(())
        })?;
        Ok(items)
    }

    #[test]
    fn items_come_one_by_one() {
        let json =
            r#"{"@context":["x",{"y":1}],"totalItems":2,"orderedItems":["a","b"],"more":{}}"#;
        assert_eq!(items(json).expect("a collection"), ["a", "b"]);
    }

    #[test]
    fn what_is_no_collection_is_refused_with_its_item() {
        let deep = format!(
            "{{\"orderedItems\":[{}{}]}}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        let long = format!("{{\"orderedItems\":[\"{}\"]}}", "x".repeat(2 << 20));
        for (json, item) in [
            ("", 1),
            ("[]", 1),
            ("{\"orderedItems\":{}}", 1),
            ("{\"orderedItems\":[\"a\",2]}", 2),
            ("{\"orderedItems\":[\"a\"", 2),
            ("{\"orderedItems\":[]} x", 1),
            (&deep, 1),
            (&long, 1),
        ] {
            let error = items(json).expect_err("no collection").to_string();
            assert!(
                error.contains(&format!("likes.json, item {item}:")),
                "{error}"
            );
        }
        let error = items("{}").expect_err("no collection").to_string();
        assert!(error.contains("no orderedItems"), "{error}");
    }
}
