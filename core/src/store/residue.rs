//! What SQLite leaves of rows that are gone: copies in the unused part of pages.
//!
//! `PRAGMA secure_delete` overwrites a row that is deleted where it stands. But when a tree is balanced, rows move to other
//! pages, and the page that they came from keeps their bytes between its pointers and its content, where nobody looks until
//! something new is written there. What is deleted afterwards is deleted where it stands now. Of 900 posts deleted in turn with
//! 2,800 written, one to five stood in such a place. So these parts are overwritten, too, page by page.
//!
//! A page is changed only when three things say that it is one of a tree: the database's own map of pages, its first byte,
//! and its pointers, none of which may lead into the part that is overwritten.

use std::ops::Range;

/// How a page of a tree begins: inner and outer ones, of indexes and of tables.
const TREE_PAGES: [u8; 4] = [2, 5, 10, 13];
/// What the map of pages says of roots and of other pages of trees.
const MAPPED_TREES: [u8; 2] = [1, 5];
/// Bytes of an entry of the map.
const MAP_ENTRY_BYTES: usize = 5;
/// Where the first page has its own header, behind that of the database.
const DATABASE_HEADER_BYTES: usize = 100;
/// Where the database's header says how many bytes of each page SQLite leaves alone.
const RESERVED_AT: usize = 20;
/// Where it says whether there is a map of pages: the largest root, which isn't kept without.
const LARGEST_ROOT_AT: usize = 52;
/// Two bytes of a text, of which none is a control character, make no number below this one.
const POINTER_BELOW_LETTERS: usize = 0x2020;
/// No page of SQLite's holds the byte that locks are taken on.
const LOCK_BYTE: usize = 0x4000_0000;

/// What has to be known of a database to read its pages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    page_bytes: usize,
    usable_bytes: usize,
}

impl Layout {
    /// By the first page; `None` for a database without a map of pages, which kinglet makes none of.
    pub(super) fn of(first: &[u8]) -> Option<Self> {
        let has_map = first.get(LARGEST_ROOT_AT..LARGEST_ROOT_AT + 4)? != [0; 4];
        let usable_bytes = first.len() - usize::from(*first.get(RESERVED_AT)?);
        has_map.then_some(Self {
            page_bytes: first.len(),
            usable_bytes,
        })
    }

    /// The page of the map that tells of a page, and where; `None` for what the map doesn't tell of.
    pub(super) fn map_of(self, page: u32) -> Option<(u32, usize)> {
        let lock_page = u32::try_from(LOCK_BYTE / self.page_bytes).ok()? + 1;
        if page < 3 || page == lock_page {
            return None;
        }
        let pages_per_map = u32::try_from(self.usable_bytes / MAP_ENTRY_BYTES).ok()? + 1;
        let mut map = (page - 2) / pages_per_map * pages_per_map + 2;
        if map == lock_page {
            map += 1;
        }
        let place = usize::try_from(page.checked_sub(map + 1)?).ok()? * MAP_ENTRY_BYTES;
        Some((map, place))
    }

    /// The part of a page of a tree that nothing stands in, if something is left there. `map` is the map's page for it; the
    /// first page needs none.
    pub(super) fn residue(self, number: u32, page: &[u8], map: &[u8]) -> Option<Range<usize>> {
        let begin = if number == 1 {
            DATABASE_HEADER_BYTES
        } else {
            let (_, place) = self.map_of(number)?;
            if !MAPPED_TREES.contains(map.get(place)?) {
                return None;
            }
            0
        };
        let kind = *page.get(begin)?;
        if !TREE_PAGES.contains(&kind) || page.len() != self.page_bytes {
            return None;
        }
        let number_at = |at: usize| {
            let bytes = page.get(at..at + 2)?;
            Some(usize::from(u16::from_be_bytes([bytes[0], bytes[1]])))
        };
        let cells = number_at(begin + 3)?;
        // The content of a page of 64 KiB may begin where two bytes can't tell.
        let content = match number_at(begin + 5)? {
            0 => 0x1_0000,
            at => at,
        };
        // Inner pages have one more pointer, in their header.
        let pointers = begin + if kind < 8 { 12 } else { 8 };
        let unused = pointers + 2 * cells..content;
        let leads_there = |cell: usize| {
            number_at(pointers + 2 * cell).is_none_or(|at| at < content || at >= self.usable_bytes)
        };
        if unused.start > unused.end || content > self.usable_bytes || (0..cells).any(leads_there) {
            return None;
        }
        // Pointers to cells that are gone say nothing, and are on every other page. In a page of this size a letter would make
        // a number too large for one.
        let is_pointer = |at: &usize| {
            self.usable_bytes <= POINTER_BELOW_LETTERS
                && number_at(*at).is_some_and(|to| to > 0 && to < self.usable_bytes)
        };
        let pointers = (unused.start..unused.end.saturating_sub(1)).step_by(2);
        let left = unused.start + 2 * pointers.take_while(is_pointer).count();
        let is_left = page[left..unused.end].iter().any(|byte| *byte != 0);
        is_left.then_some(unused)
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};
    use rusqlite::Connection;

    use super::*;
    use crate::store::tables::pages;

    fn page(connection: &Connection, number: u32) -> Vec<u8> {
        let page = pages::read(connection, number).expect("it can be read");
        page.expect("it is there")
    }

    /// The pages that something is left on.
    fn dirty(connection: &Connection) -> Vec<(u32, Range<usize>)> {
        let layout = Layout::of(&page(connection, 1)).expect("there is a map");
        let count: u32 = connection
            .query_row("PRAGMA page_count", (), |row| row.get(0))
            .expect("a number");
        let found = (1..=count).filter_map(|number| {
            let map = match layout.map_of(number) {
                Some((map, _)) => page(connection, map),
                None => Vec::new(),
            };
            let residue = layout.residue(number, &page(connection, number), &map)?;
            Some((number, residue))
        });
        found.collect()
    }

    #[test]
    fn what_is_overwritten_is_what_nothing_stands_in() {
        for (page_bytes, seed) in [(512, 1), (1024, 2), (4096, 3), (65_536, 4)] {
            let mut random = StdRng::seed_from_u64(seed);
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join("pages.db");
            let connection = Connection::open(&path).expect("it opens");
            connection
                .execute_batch(&format!(
                    "PRAGMA page_size = {page_bytes}; PRAGMA auto_vacuum = incremental;
                     PRAGMA secure_delete = on; PRAGMA journal_mode = wal;
                     CREATE TABLE rows (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, text TEXT NOT NULL);
                     CREATE TABLE others (name TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID;"
                ))
                .expect("it is made");
            let mut dirty_pages = 0;
            for round in 0..40 {
                connection.execute_batch("BEGIN").expect("begun");
                for _ in 0..40 {
                    let name = format!("{:016x}", random.random::<u64>());
                    let bytes = random.random_range(1..page_bytes / 2);
                    let text = "x".repeat(bytes);
                    connection
                        .execute(
                            "INSERT INTO rows (name, text) VALUES (?1, ?2)",
                            (&name, &text),
                        )
                        .expect("a row");
                    connection
                        .execute(
                            "INSERT INTO others VALUES (?1, ?2)",
                            (&name, &text[..bytes / 4]),
                        )
                        .expect("a row");
                }
                connection
                    .execute("DELETE FROM rows WHERE id % 7 = ?1", [round % 7])
                    .expect("deleted");
                connection
                    .execute(
                        "DELETE FROM others WHERE name LIKE ?1",
                        [format!("{:x}%", round % 16)],
                    )
                    .expect("deleted");
                connection.execute_batch("COMMIT").expect("committed");
                if round % 8 < 7 {
                    continue;
                }
                let sums = || -> (i64, i64) {
                    let sql = "SELECT (SELECT sum(id + length(text) + unicode(name)) FROM rows),
                                      (SELECT sum(length(text) + unicode(name)) FROM others)";
                    connection
                        .query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?)))
                        .expect("sums")
                };
                let before = sums();
                let found = dirty(&connection);
                dirty_pages += found.len();
                for (number, residue) in found {
                    let mut page = page(&connection, number);
                    // Whatever stood there, nothing of it was anybody's.
                    page[residue].fill(0);
                    pages::write(&connection, number, &page).expect("it is written");
                }
                assert_eq!(dirty(&connection), [], "pages of {page_bytes} bytes");
                let sound: String = connection
                    .query_row("PRAGMA integrity_check", (), |row| row.get(0))
                    .expect("an answer");
                assert_eq!((sound.as_str(), sums()), ("ok", before));
            }
            assert!(
                dirty_pages > 0,
                "pages of {page_bytes} bytes: nothing was left"
            );
        }
    }

    #[test]
    fn what_is_no_page_of_a_tree_is_left_alone() {
        let layout = Layout {
            page_bytes: 512,
            usable_bytes: 512,
        };
        let mut leaf = vec![0; 512];
        leaf[0] = 13;
        leaf[5..7].copy_from_slice(&512_u16.to_be_bytes());
        leaf[300] = 7;
        let mapped = |kind: u8| [vec![kind], vec![0; 511]].concat();
        assert_eq!(layout.residue(3, &leaf, &mapped(5)), Some(8..512));
        for kind in [0, 2, 3, 4] {
            assert_eq!(layout.residue(3, &leaf, &mapped(kind)), None, "{kind}");
        }
        // The map itself.
        assert_eq!(layout.residue(2, &leaf, &mapped(5)), None);
        // Pointers to cells that are gone, alone and before a letter.
        leaf[300] = 0;
        leaf[8..12].copy_from_slice(&[1, 44, 1, 46]);
        assert_eq!(layout.residue(3, &leaf, &mapped(5)), None);
        leaf[12] = b'a';
        assert_eq!(layout.residue(3, &leaf, &mapped(5)), Some(8..512));
        leaf[300] = 7;
        // A pointer into what should be unused.
        leaf[3..5].copy_from_slice(&1_u16.to_be_bytes());
        leaf[8..10].copy_from_slice(&300_u16.to_be_bytes());
        assert_eq!(layout.residue(3, &leaf, &mapped(5)), None);
        // Not so many pointers fit before the content.
        leaf[3..5].copy_from_slice(&400_u16.to_be_bytes());
        assert_eq!(layout.residue(3, &leaf, &mapped(5)), None);
        assert_eq!(layout.residue(3, &leaf[..100], &mapped(5)), None);
    }
}
