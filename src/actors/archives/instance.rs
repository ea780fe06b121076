//! A whole instance in one file: a compressed tar with a manifest and the database, in this order.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use tar::{Archive, Builder, EntryType, Header};

use super::error::ArchiveError;
use crate::store::backup::Plan;
use crate::store::open::{DataDir, database_in};
use crate::store::portable::{PortableCopy, PortableError, PortableManifest};

const MANIFEST: &str = "manifest.json";
const DATABASE: &str = "kinglet.db";
/// The longest manifest, in bytes.
const MANIFEST_BYTES_MAX: u64 = 64 * 1024;
/// What has to stay free on the disk beside the database, in bytes.
const SPARE_BYTES: u64 = 64 << 20;

/// Writes a whole instance into a file that is made for it, for its owner alone, also while a server runs on it. Beside the
/// file, the disk has to have room for a copy of the database. It blocks for as long as that takes.
///
/// # Errors
/// Why there is no file; what was begun is removed.
pub fn export_instance(
    mut plan: Plan,
    path: &Path,
    without_secrets: bool,
) -> Result<PortableManifest, ArchiveError> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let mut copy = path.as_os_str().to_owned();
    copy.push(".copy");
    plan.directory = PathBuf::from(copy);
    // Settings are the machine's, which is another one.
    plan.settings = None;
    let written = PortableCopy::make(&plan, without_secrets)
        .map_err(ArchiveError::from)
        .and_then(|copy| write(&copy, file));
    if written.is_err()
        && let Err(error) = fs::remove_file(path)
    {
        tracing::warn!(target: "kinglet::actors::archives::instance", %error, path = %path.display(), "an unfinished export can't be removed");
    }
    written
}

fn write(copy: &PortableCopy, file: File) -> Result<PortableManifest, ArchiveError> {
    let mut manifest = serde_json::to_vec_pretty(&copy.manifest).map_err(io::Error::from)?;
    manifest.push(b'\n');
    let mut archive = Builder::new(GzEncoder::new(BufWriter::new(file), Compression::default()));
    let header = |bytes: u64| {
        let mut header = Header::new_ustar();
        header.set_size(bytes);
        header.set_mode(0o600);
        header.set_entry_type(EntryType::Regular);
        header
    };
    archive.append_data(&mut header(manifest.len() as u64), MANIFEST, &manifest[..])?;
    let database = File::open(copy.database())?;
    archive.append_data(&mut header(copy.manifest.bytes), DATABASE, database)?;
    let mut out = archive.into_inner()?.finish()?;
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok(copy.manifest.clone())
}

/// Takes a whole instance in, where there is none yet. It blocks for as long as that takes.
///
/// # Errors
/// Why it can't be taken in; then the directory is as it was.
pub fn import_instance(path: &Path, data_dir: &Path) -> Result<PortableManifest, ArchiveError> {
    let file = File::open(path)?;
    let owned = DataDir::own(data_dir)?;
    let database = database_in(owned.path());
    if database.exists() {
        return Err(ArchiveError::refused(format!(
            "{} has an instance already: an instance is taken in where there is none",
            data_dir.display()
        )));
    }
    let arriving = Arriving(database.with_extension("arriving"));
    let manifest = unpack(file, &arriving.0, data_dir)?;
    manifest.verify(&arriving.0)?;
    fs::rename(&arriving.0, &database)?;
    File::open(owned.path())?.sync_all()?;
    Ok(manifest)
}

/// A database that is not proved yet; what is left of it goes with this value.
struct Arriving(PathBuf);

impl Drop for Arriving {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            let mut path = self.0.as_os_str().to_owned();
            path.push(suffix);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(target: "kinglet::actors::archives::instance", %error, path = %self.0.display(), "what was refused can't be removed");
                }
                _ => {}
            }
        }
    }
}

fn unsound(error: io::Error) -> ArchiveError {
    ArchiveError::refused(format!("it is no sound tar.gz: {error}"))
}

/// Writes the database to a file. No more is written than the manifest says, and nothing where the disk has no room for it.
fn unpack(file: File, to: &Path, data_dir: &Path) -> Result<PortableManifest, ArchiveError> {
    let other = || ArchiveError::from(PortableError::Unknown);
    let mut archive = Archive::new(GzDecoder::new(BufReader::new(file)));
    let mut entries = archive.entries().map_err(unsound)?.raw(true);
    let mut next = |name: &str| {
        let entry = entries.next().ok_or_else(other)?.map_err(unsound)?;
        let header = entry.header();
        let is_it = *header.path_bytes() == *name.as_bytes() && header.entry_type().is_file();
        if is_it { Ok(entry) } else { Err(other()) }
    };
    let manifest = next(MANIFEST)?;
    if manifest.size() > MANIFEST_BYTES_MAX {
        return Err(other());
    }
    let manifest: PortableManifest = serde_json::from_reader(manifest).map_err(|_| other())?;
    manifest.check()?;
    let mut content = next(DATABASE)?;
    if content.size() != manifest.bytes {
        return Err(PortableError::Damaged.into());
    }
    let space = rustix::fs::statvfs(data_dir).map_err(io::Error::from)?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    if free < manifest.bytes.saturating_add(SPARE_BYTES) {
        return Err(ArchiveError::Gone(format!(
            "{} has no room for it: {} MiB are free, {} MiB are needed",
            data_dir.display(),
            free >> 20,
            (manifest.bytes + SPARE_BYTES) >> 20
        )));
    }
    let mut out = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)?;
    let written =
        io::copy(&mut content.by_ref().take(manifest.bytes), &mut out).map_err(unsound)?;
    if written != manifest.bytes {
        return Err(PortableError::Damaged.into());
    }
    drop(content);
    if entries.next().is_some() {
        return Err(other());
    }
    out.sync_all()?;
    Ok(manifest)
}
