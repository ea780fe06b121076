//! A certificate and its key in files that somebody else keeps fresh: read at the start, and again when they change.
//!
//! They are looked at when somebody connects, so that an idle server sleeps.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::spawn_blocking;
use tokio_rustls::rustls::sign::CertifiedKey;

use super::TlsSetupError;
use super::certificates::{Certificates, PemFault, read_pem};
use crate::clock::{SharedClock, Timestamp};

/// How long files that were looked at are taken for unchanged, in milliseconds.
const LOOK_PAUSE_MS: i64 = 5_000;
/// The largest file that is read, in bytes.
const PEM_BYTES_MAX: u64 = 1024 * 1024;

/// What tells that a file was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

/// Where certificate and key lie.
#[derive(Debug, Clone)]
struct Paths {
    certificate: PathBuf,
    key: PathBuf,
}

/// The files, and when they were read.
pub struct CertificateFiles {
    paths: Paths,
    clock: SharedClock,
    seen: Mutex<Seen>,
}

struct Seen {
    looked_at: Timestamp,
    stamps: [Option<Stamp>; 2],
}

impl CertificateFiles {
    /// Reads them.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn open(
        certificate: &Path,
        key: &Path,
        clock: SharedClock,
    ) -> Result<(Self, Arc<CertifiedKey>), TlsSetupError> {
        let paths = Paths {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        };
        let stamps = paths.stamps();
        let certified = paths.load()?;
        if fs::metadata(key).is_ok_and(|found| found.mode() & 0o004 != 0) {
            tracing::warn!(target: "kinglet::net::tls::files", path = %key.display(), "everybody on this machine can read the private key");
        }
        let seen = Mutex::new(Seen {
            looked_at: clock.now(),
            stamps,
        });
        Ok((Self { paths, clock, seen }, certified))
    }

    /// Exchanges the certificate when the files have changed. Those that can't be used are told of once, and the one in
    /// use stays.
    pub async fn refresh(&self, certificates: &Arc<Certificates>) {
        let now = self.clock.now();
        let before = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            // A clock that was set back doesn't make the files unchanged.
            if (now.millis() - seen.looked_at.millis()).abs() < LOOK_PAUSE_MS {
                return;
            }
            seen.looked_at = now;
            seen.stamps
        };
        let paths = self.paths.clone();
        let looked = spawn_blocking(move || {
            let stamps = paths.stamps();
            (stamps != before).then(|| (stamps, paths.load()))
        });
        let Ok(Some((stamps, loaded))) = looked.await else {
            return;
        };
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .stamps = stamps;
        match loaded {
            Ok(certified) => {
                certificates.exchange(certified);
                tracing::info!(target: "kinglet::net::tls::files", path = %self.paths.certificate.display(), "a new certificate is in use");
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(target: "kinglet::net::tls::files", %error, cause, "the changed certificate can't be used, the old one stays");
            }
        }
    }
}

impl Paths {
    fn stamps(&self) -> [Option<Stamp>; 2] {
        [&self.certificate, &self.key].map(|path| {
            let found = fs::metadata(path).ok()?;
            Some(Stamp {
                inode: found.ino(),
                length: found.len(),
                modified: (found.mtime(), found.mtime_nsec()),
            })
        })
    }

    fn load(&self) -> Result<Arc<CertifiedKey>, TlsSetupError> {
        let chain = read(&self.certificate)?;
        let key = read(&self.key)?;
        read_pem(&chain, &key).map_err(|fault| match fault {
            PemFault::Certificate(what) => TlsSetupError::Unusable {
                path: self.certificate.clone(),
                what,
            },
            PemFault::Key(what) => TlsSetupError::Unusable {
                path: self.key.clone(),
                what: what.to_owned(),
            },
            PemFault::Mismatch => TlsSetupError::Mismatch {
                certificate: self.certificate.clone(),
                key: self.key.clone(),
            },
        })
    }
}

/// A file's content, as long as that is short enough to be meant.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, TlsSetupError> {
    let unreadable = |source: io::Error| TlsSetupError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = fs::File::open(path).map_err(unreadable)?;
    let mut content = Vec::new();
    file.take(PEM_BYTES_MAX + 1)
        .read_to_end(&mut content)
        .map_err(unreadable)?;
    if content.len() as u64 > PEM_BYTES_MAX {
        return Err(TlsSetupError::Unusable {
            path: path.to_owned(),
            what: format!("is longer than {PEM_BYTES_MAX} bytes"),
        });
    }
    Ok(content)
}
