//! Lists as CSV (RFC 4180), as Mastodon reads and writes them.

use std::io::{BufRead, BufReader, Read, Write};

use super::bounds::{ITEMS_MAX, LINE_BYTES_MAX};
use super::error::ArchiveError;

/// The most cells of a line.
const CELLS_MAX: usize = 16;

/// Writes a line; cells are quoted where they have to be.
///
/// # Errors
/// What the disk says.
pub fn write_line(out: &mut dyn Write, cells: &[&str]) -> std::io::Result<()> {
    for (number, cell) in cells.iter().enumerate() {
        if number > 0 {
            out.write_all(b",")?;
        }
        if cell.contains([',', '"', '\n', '\r']) {
            write!(out, "\"{}\"", cell.replace('"', "\"\""))?;
        } else {
            out.write_all(cell.as_bytes())?;
        }
    }
    out.write_all(b"\n")
}

/// Reads a list line by line. Lines that are empty are left out; no cell has a line's end in it.
///
/// # Errors
/// When it is no such list, or what `take` says.
pub fn read_lines(
    content: impl Read,
    name: &str,
    mut take: impl FnMut(Vec<String>) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let mut content = BufReader::new(content);
    for number in 1.. {
        let mut line = Vec::new();
        let read = (&mut content)
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line);
        let wrong = |why: &str| ArchiveError::refused(format!("{name}, line {number}: {why}"));
        if read.map_err(|error| wrong(&error.to_string()))? == 0 {
            return Ok(());
        }
        if line.len() as u64 >= LINE_BYTES_MAX {
            return Err(wrong("it is too long"));
        }
        if number > ITEMS_MAX {
            return Err(wrong("there are too many"));
        }
        let line = std::str::from_utf8(&line).map_err(|_| wrong("it isn't UTF-8"))?;
        let line = line
            .trim_start_matches('\u{feff}')
            .trim_end_matches(['\n', '\r']);
        if line.is_empty() {
            continue;
        }
        let cells = cells(line).ok_or_else(|| wrong("it is no line of a list"))?;
        take(cells)?;
    }
    Ok(())
}

/// The cells of a line; `None` where quotes don't close or there are too many.
fn cells(line: &str) -> Option<Vec<String>> {
    let mut cells = Vec::new();
    let mut rest = line;
    loop {
        if cells.len() == CELLS_MAX {
            return None;
        }
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut cell = String::new();
            let mut inner = quoted;
            loop {
                let (part, after) = inner.split_once('"')?;
                cell.push_str(part);
                match after.strip_prefix('"') {
                    Some(more) => {
                        cell.push('"');
                        inner = more;
                    }
                    None => {
                        rest = after;
                        break;
                    }
                }
            }
            cells.push(cell);
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None if rest.is_empty() => return Some(cells),
                None => return None,
            }
        } else {
            match rest.split_once(',') {
                Some((cell, more)) => {
                    cells.push(cell.to_owned());
                    rest = more;
                }
                None => {
                    cells.push(rest.to_owned());
                    return Some(cells);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_of_mastodon_are_read() {
        let list =
            "\u{feff}Account address,Show boosts\r\nann@a.example,true\n\n\"b,\"\"@b\",false\n";
        let mut lines = Vec::new();
        read_lines(list.as_bytes(), "list", |cells| {
            lines.push(cells);
            Ok(())
        })
        .expect("a list");
        assert_eq!(
            lines,
            [
                ["Account address", "Show boosts"],
                ["ann@a.example", "true"],
                ["b,\"@b", "false"]
            ]
        );
    }

    #[test]
    fn what_is_no_list_is_refused_with_its_line() {
        let long = "x".repeat(5000);
        for bad in ["ok\n\"open\n", "\"a\"b\n", long.as_str(), &",".repeat(20)] {
            let refused = read_lines(bad.as_bytes(), "list.csv", |_| Ok(()));
            let error = refused.expect_err("no list").to_string();
            assert!(error.contains("list.csv, line"), "{error}");
        }
        assert!(read_lines(&b"\xff\xfe\n"[..], "list.csv", |_| Ok(())).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(cells in prop::collection::vec("[a-z,\"@ ]{1,8}", 1..8)) {
            let mut written = Vec::new();
            let borrowed: Vec<&str> = cells.iter().map(String::as_str).collect();
            write_line(&mut written, &borrowed).expect("memory takes it");
            let mut read = Vec::new();
            read_lines(&written[..], "list", |cells| { read.push(cells); Ok(()) }).expect("a list");
            prop_assert_eq!(read, [cells]);
        }
    }
}
