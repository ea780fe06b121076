//! Reads single files out of a compressed tar, as Mastodon made archives until 4.1. Nothing is ever unpacked to the disk.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::read::GzDecoder;
use tar::{Archive, EntryType};

use super::bounds::{
    ENTRIES_MAX, ENTRY_BYTES_MAX, RATIO_FREE_BYTES, RATIO_MAX, TOTAL_BYTES_MAX, check_name,
    wanted_name,
};
use super::error::ArchiveError;

/// An archive that was looked through.
#[derive(Debug)]
pub struct TarArchive {
    file: File,
    wanted: HashSet<&'static str>,
}

impl TarArchive {
    /// Looks through a file, all of it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open(file: File) -> Result<Self, ArchiveError> {
        let mut wanted = HashSet::new();
        let mut entries_seen = 0;
        let mut archive = unpacked(&file)?;
        for entry in raw_entries(&mut archive)? {
            let (name, entry) = entry?;
            entries_seen += 1;
            if entries_seen > ENTRIES_MAX {
                return Err(ArchiveError::too_many_entries());
            }
            match entry.header().entry_type() {
                EntryType::Regular | EntryType::Continuous | EntryType::Directory => {
                    check_name(&name)?;
                }
                EntryType::Symlink | EntryType::Link => return Err(ArchiveError::link(&name)),
                // Names that are too long for a header, and dates: they concern pictures, and nothing is named by them here.
                EntryType::GNULongName | EntryType::XHeader | EntryType::XGlobalHeader => continue,
                _ => return Err(ArchiveError::special(&name)),
            }
            let Some(name) = wanted_name(&name) else {
                continue;
            };
            if entry.size() > ENTRY_BYTES_MAX {
                return Err(ArchiveError::too_large());
            }
            if !wanted.insert(name) {
                return Err(ArchiveError::twice(name));
            }
        }
        Ok(Self { file, wanted })
    }

    /// Whether the file is in it.
    pub fn has(&self, name: &str) -> bool {
        self.wanted.contains(name)
    }

    /// Reads a file, if it is in it.
    ///
    /// # Errors
    /// What is wrong with it, or what `read` says.
    pub fn read<T>(
        &self,
        name: &str,
        read: impl FnOnce(&mut dyn Read) -> Result<T, ArchiveError>,
    ) -> Result<Option<T>, ArchiveError> {
        if !self.has(name) {
            return Ok(None);
        }
        let mut archive = unpacked(&self.file)?;
        for entry in raw_entries(&mut archive)? {
            let (found, mut entry) = entry?;
            if entry.header().entry_type().is_file() && wanted_name(&found) == Some(name) {
                return read(&mut entry).map(Some);
            }
        }
        Ok(None)
    }
}

type Unpacked = Archive<Bounded<GzDecoder<BufReader<File>>>>;

fn unpacked(file: &File) -> Result<Unpacked, ArchiveError> {
    let mut file = file.try_clone()?;
    let packed = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    let bytes_max = packed
        .saturating_mul(RATIO_MAX)
        .clamp(RATIO_FREE_BYTES, TOTAL_BYTES_MAX);
    Ok(Archive::new(Bounded {
        content: GzDecoder::new(BufReader::new(file)),
        left: bytes_max,
    }))
}

/// The entries as they stand there: what the format has for long names would be read into memory.
fn raw_entries<R: Read>(
    archive: &mut Archive<R>,
) -> Result<impl Iterator<Item = Result<(String, tar::Entry<'_, R>), ArchiveError>>, ArchiveError> {
    let entries = archive.entries().map_err(unsound)?.raw(true);
    Ok(entries.map(|entry| {
        let entry = entry.map_err(unsound)?;
        let name = String::from_utf8_lossy(&entry.header().path_bytes()).into_owned();
        Ok((name, entry))
    }))
}

fn unsound(error: io::Error) -> ArchiveError {
    let why = error
        .get_ref()
        .map_or_else(|| error.to_string(), ToString::to_string);
    ArchiveError::refused(format!("it is no sound tar.gz: {why}"))
}

/// Ends with an error where an archive unpacks to more than it may.
struct Bounded<R> {
    content: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(bytes)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => {
                return Err(io::Error::other(format!(
                    "it unpacks to more than {RATIO_MAX} times its size"
                )));
            }
        }
        Ok(read)
    }
}
