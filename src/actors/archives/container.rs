//! The files of an archive, whatever it is packed with.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::bounds::{ENTRY_BYTES_MAX, WANTED};
use super::error::ArchiveError;
use super::tar::TarArchive;
use super::zip::read::ZipArchive;

/// An archive that keeps to the bounds, or one of its lists by itself.
#[derive(Debug)]
pub struct Container(Kind);

#[derive(Debug)]
enum Kind {
    Zip(ZipArchive),
    Tar(TarArchive),
    Single(&'static str, File),
}

impl Container {
    /// Opens a file and looks through it; one of the lists is known by this name.
    ///
    /// # Errors
    /// When it can't be read, or what is wrong with it.
    pub fn open(path: &Path, name: &str) -> Result<Self, ArchiveError> {
        let mut file = File::open(path)?;
        if !file.metadata()?.is_file() {
            return Err(ArchiveError::refused("it is no file"));
        }
        let mut beginning = Vec::new();
        (&mut file).take(4).read_to_end(&mut beginning)?;
        file.seek(SeekFrom::Start(0))?;
        if beginning.starts_with(b"PK") {
            return ZipArchive::open(file).map(|archive| Self(Kind::Zip(archive)));
        }
        if beginning.starts_with(&[0x1f, 0x8b]) {
            return TarArchive::open(file).map(|archive| Self(Kind::Tar(archive)));
        }
        match WANTED.into_iter().find(|wanted| *wanted == name) {
            Some(_) if file.metadata()?.len() > ENTRY_BYTES_MAX => Err(ArchiveError::too_large()),
            Some(name) => Ok(Self(Kind::Single(name, file))),
            None => Err(ArchiveError::refused(format!(
                "it is neither a ZIP nor a tar.gz, nor named like one of the files in one: {}",
                WANTED.join(", ")
            ))),
        }
    }

    /// Whether a file is in it.
    pub fn has(&self, name: &str) -> bool {
        match &self.0 {
            Kind::Zip(archive) => archive.has(name),
            Kind::Tar(archive) => archive.has(name),
            Kind::Single(single, _) => *single == name,
        }
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
        match &self.0 {
            Kind::Zip(archive) => match archive.read(name)? {
                None => Ok(None),
                Some(mut content) => read(&mut content).map(Some),
            },
            Kind::Tar(archive) => archive.read(name, read),
            Kind::Single(single, file) if *single == name => {
                let mut file = file.try_clone()?;
                file.seek(SeekFrom::Start(0))?;
                read(&mut BufReader::new(file)).map(Some)
            }
            Kind::Single(..) => Ok(None),
        }
    }
}
