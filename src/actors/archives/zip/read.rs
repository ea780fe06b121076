//! Reads single files out of a ZIP that anybody may have made. Nothing is ever unpacked to the disk.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::{
    CENTRAL_HEADER, CENTRAL_HEADER_BYTES, DEFLATED, END, END_64, END_64_BYTES, END_BYTES,
    LOCAL_HEADER, LOCAL_HEADER_BYTES, LOCATOR_64, LOCATOR_64_BYTES, STORED,
};
use crate::archives::bounds::{
    ENTRIES_MAX, ENTRY_BYTES_MAX, NAME_BYTES_MAX, TOTAL_BYTES_MAX, check_name, check_ratio,
    wanted_name,
};
use crate::archives::error::ArchiveError;

/// The longest comment at the end.
const COMMENT_BYTES_MAX: u64 = u16::MAX as u64;
/// The file's kind in its mode, and that of a symbolic link.
const KIND: u32 = 0o170_000;
const SYMBOLIC_LINK: u32 = 0o120_000;
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;

/// An archive whose directory was looked through.
#[derive(Debug)]
pub struct ZipArchive {
    file: File,
    wanted: HashMap<&'static str, Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    offset: u64,
    packed: u64,
    bytes: u64,
    crc: u32,
    method: u16,
}

/// Where the directory lies.
struct Directory {
    entries: u64,
    bytes: u64,
    offset: u64,
}

fn broken(what: &str) -> ArchiveError {
    ArchiveError::refused(format!("it is no sound ZIP: {what}"))
}

impl ZipArchive {
    /// Looks through the directory of a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open(mut file: File) -> Result<Self, ArchiveError> {
        let end = file.seek(SeekFrom::End(0))?;
        let directory = find_directory(&mut file, end)?;
        if directory.entries > ENTRIES_MAX {
            return Err(ArchiveError::too_many_entries());
        }
        if directory
            .offset
            .checked_add(directory.bytes)
            .is_none_or(|at| at > end)
        {
            return Err(broken("its directory lies outside of it"));
        }
        file.seek(SeekFrom::Start(directory.offset))?;
        let mut reader = BufReader::new((&mut file).take(directory.bytes));
        let mut wanted = HashMap::new();
        let mut total = 0_u64;
        for _ in 0..directory.entries {
            let (name, entry) = next_entry(&mut reader)?;
            total = total.saturating_add(entry.bytes);
            if total > TOTAL_BYTES_MAX {
                return Err(ArchiveError::too_large());
            }
            check_ratio(entry.packed, entry.bytes)?;
            let Some(name) = wanted_name(&name) else {
                continue;
            };
            if entry.bytes > ENTRY_BYTES_MAX {
                return Err(ArchiveError::too_large());
            }
            if wanted.insert(name, entry).is_some() {
                return Err(ArchiveError::twice(name));
            }
        }
        Ok(Self { file, wanted })
    }

    /// Whether the file is in it.
    pub fn has(&self, name: &str) -> bool {
        self.wanted.contains_key(name)
    }

    /// The content of a file; `None` when it isn't in it. What differs from what the directory says is an error when the
    /// end is reached.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(&self, name: &str) -> Result<Option<impl Read + use<>>, ArchiveError> {
        let Some(entry) = self.wanted.get(name).copied() else {
            return Ok(None);
        };
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(entry.offset))?;
        let mut header = [0; LOCAL_HEADER_BYTES];
        file.read_exact(&mut header)
            .map_err(|_| broken("a file lies outside of it"))?;
        if long(&header, 0) != LOCAL_HEADER {
            return Err(broken("a file isn't where the directory says"));
        }
        let skipped = i64::from(short(&header, 26)) + i64::from(short(&header, 28));
        file.seek(SeekFrom::Current(skipped))?;
        let packed = BufReader::new(file.take(entry.packed));
        let content: Box<dyn Read + Send> = match entry.method {
            STORED => Box::new(packed),
            DEFLATED => Box::new(DeflateDecoder::new(packed)),
            _ => return Err(broken("a file is packed in a way that isn't known")),
        };
        Ok(Some(Verified {
            content,
            entry,
            crc: Crc::new(),
            bytes: 0,
        }))
    }
}

fn find_directory(file: &mut File, end: u64) -> Result<Directory, ArchiveError> {
    let tail_bytes = end.min(COMMENT_BYTES_MAX + END_BYTES as u64);
    let from = end - tail_bytes;
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(tail_bytes).read_to_end(&mut tail)?;
    let found = (0..=tail.len().saturating_sub(END_BYTES))
        .rev()
        .find(|at| tail.len() >= at + END_BYTES && long(&tail[*at..], 0) == END)
        .ok_or_else(|| broken("it has no directory"))?;
    let record = &tail[found..];
    let directory = Directory {
        entries: short(record, 10).into(),
        bytes: long(record, 12).into(),
        offset: long(record, 16).into(),
    };
    let is_64 = directory.entries == u64::from(u16::MAX)
        || directory.bytes == u64::from(u32::MAX)
        || directory.offset == u64::from(u32::MAX);
    let at = from + found as u64;
    if !is_64 || at < LOCATOR_64_BYTES as u64 {
        return Ok(directory);
    }
    let mut locator = [0; LOCATOR_64_BYTES];
    file.seek(SeekFrom::Start(at - LOCATOR_64_BYTES as u64))?;
    file.read_exact(&mut locator)?;
    if long(&locator, 0) != LOCATOR_64 {
        return Ok(directory);
    }
    let at = huge(&locator, 8);
    if at
        .checked_add(END_64_BYTES as u64)
        .is_none_or(|to| to > end)
    {
        return Err(broken("its directory lies outside of it"));
    }
    let mut record = [0; END_64_BYTES];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut record)?;
    if long(&record, 0) != END_64 {
        return Err(broken("its directory isn't where it says"));
    }
    Ok(Directory {
        entries: huge(&record, 32),
        bytes: huge(&record, 40),
        offset: huge(&record, 48),
    })
}

/// The next entry of the directory, whose name keeps to the rules.
fn next_entry(reader: &mut impl Read) -> Result<(String, Entry), ArchiveError> {
    let cut = |_| broken("its directory is cut off");
    let mut header = [0; CENTRAL_HEADER_BYTES];
    reader.read_exact(&mut header).map_err(cut)?;
    if long(&header, 0) != CENTRAL_HEADER {
        return Err(broken("its directory isn't one"));
    }
    let name_bytes = usize::from(short(&header, 28));
    if name_bytes > NAME_BYTES_MAX {
        return Err(broken("a name in it is too long"));
    }
    let mut name = vec![0; name_bytes];
    reader.read_exact(&mut name).map_err(cut)?;
    let mut extra = vec![0; short(&header, 30).into()];
    reader.read_exact(&mut extra).map_err(cut)?;
    let comment = u64::from(short(&header, 32));
    let skipped = io::copy(&mut reader.by_ref().take(comment), &mut io::sink())?;
    if skipped < comment {
        return Err(broken("its directory is cut off"));
    }
    let name = String::from_utf8_lossy(&name).into_owned();
    check_name(&name)?;
    let mode = long(&header, 38) >> 16;
    match mode & KIND {
        SYMBOLIC_LINK => return Err(ArchiveError::link(&name)),
        0 | REGULAR | DIRECTORY => {}
        _ => return Err(ArchiveError::special(&name)),
    }
    if short(&header, 8) & 1 != 0 {
        return Err(ArchiveError::refused("it is encrypted"));
    }
    let mut entry = Entry {
        method: short(&header, 10),
        crc: long(&header, 16),
        packed: long(&header, 20).into(),
        bytes: long(&header, 24).into(),
        offset: long(&header, 42).into(),
    };
    widen(&mut entry, &extra)?;
    Ok((name, entry))
}

/// Takes sizes that have no room in the header from where ZIP64 has them, in a fixed order.
fn widen(entry: &mut Entry, extra: &[u8]) -> Result<(), ArchiveError> {
    let mut rest = extra;
    while rest.len() >= 4 {
        let (id, bytes) = (short(rest, 0), usize::from(short(rest, 2)));
        let Some(field) = rest.get(4..4 + bytes) else {
            return Err(broken("a field of its directory is cut off"));
        };
        if id == 1 {
            let mut numbers = field.chunks_exact(8).map(|number| huge(number, 0));
            for place in [&mut entry.bytes, &mut entry.packed, &mut entry.offset] {
                if *place == u64::from(u32::MAX) {
                    *place = numbers
                        .next()
                        .ok_or_else(|| broken("a field of its directory is cut off"))?;
                }
            }
        }
        rest = &rest[4 + bytes..];
    }
    Ok(())
}

/// Holds what is read against what the directory says.
struct Verified {
    content: Box<dyn Read + Send>,
    entry: Entry,
    crc: Crc,
    bytes: u64,
}

impl Read for Verified {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(bytes)?;
        self.bytes += read as u64;
        self.crc.update(&bytes[..read]);
        let is_end = read == 0 && !bytes.is_empty();
        if self.bytes > self.entry.bytes
            || is_end && (self.bytes < self.entry.bytes || self.crc.sum() != self.entry.crc)
        {
            return Err(io::Error::other(
                "a file in it isn't what its directory says",
            ));
        }
        Ok(read)
    }
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from(short(bytes, at)) | u32::from(short(bytes, at + 2)) << 16
}

fn huge(bytes: &[u8], at: usize) -> u64 {
    u64::from(long(bytes, at)) | u64::from(long(bytes, at + 4)) << 32
}
