//! A socket in the file system that listens: made with its mode, in place of one that a dead process left, removed at
//! the end.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use crate::config::FileMode;

/// What the name of a socket ends with that isn't ready yet.
const UNREADY_SUFFIX: &str = ".new";

/// The file of a socket that listens; it is removed with this value, unless somebody else has put another in its place.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    /// Listens at a path.
    ///
    /// # Errors
    /// [`io::ErrorKind::AddrInUse`] when somebody listens there, [`io::ErrorKind::AlreadyExists`] when what lies there is
    /// no socket, else why the socket can't be made.
    pub async fn listen(path: &Path, mode: FileMode) -> io::Result<(UnixListener, Self)> {
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "what lies there is no socket",
                ));
            }
            Ok(_) => require_dead(path).await?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        // Under its own name only once its mode is right: nobody connects who may not.
        let mut unready = OsString::from(path);
        unready.push(UNREADY_SUFFIX);
        let unready = PathBuf::from(unready);
        remove_if_there(&unready)?;
        let listener = UnixListener::bind(&unready)?;
        fs::set_permissions(&unready, Permissions::from_mode(mode.bits()))?;
        let metadata = fs::symlink_metadata(&unready)?;
        fs::rename(&unready, path)?;
        let file = Self {
            path: path.to_owned(),
            device: metadata.dev(),
            inode: metadata.ino(),
        };
        Ok((listener, file))
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let own = fs::symlink_metadata(&self.path)
            .is_ok_and(|found| found.dev() == self.device && found.ino() == self.inode);
        if own && let Err(error) = remove_if_there(&self.path) {
            tracing::warn!(target: "kinglet::net::socket_file", %error, path = %self.path.display(), "the socket can't be removed");
        }
    }
}

/// Whether a socket was left by a process that died: only then nobody may miss it.
async fn require_dead(path: &Path) -> io::Result<()> {
    use io::ErrorKind::{AddrInUse, ConnectionRefused, NotFound, WouldBlock};
    match UnixStream::connect(path).await {
        Ok(_) => Err(AddrInUse.into()),
        Err(error) => match error.kind() {
            ConnectionRefused | NotFound => Ok(()),
            // Somebody listens who is too busy for one more.
            WouldBlock => Err(AddrInUse.into()),
            _ => Err(error),
        },
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_has_its_mode_takes_a_dead_ones_place_and_goes_with_its_value() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("http.sock");
        let (listener, file) = SocketFile::listen(&path, FileMode::new(0o600))
            .await
            .expect("listens");
        let mode = fs::metadata(&path).expect("it is there").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        let taken = SocketFile::listen(&path, FileMode::new(0o600))
            .await
            .expect_err("taken");
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        // The file outlives its listener, as after a crash.
        let (_listener, second) = SocketFile::listen(&path, FileMode::new(0o660))
            .await
            .expect("again");
        drop(file);
        assert!(path.exists(), "it is the second one's");
        drop(second);
        assert!(!path.exists());
        assert_eq!(fs::read_dir(directory.path()).expect("a folder").count(), 0);
    }

    #[tokio::test]
    async fn a_file_is_never_replaced() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("precious");
        fs::write(&path, "text").expect("it is written");
        let refused = SocketFile::listen(&path, FileMode::new(0o600))
            .await
            .expect_err("no socket");
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).expect("it is there"), b"text");
    }

    #[tokio::test]
    async fn a_socket_that_may_be_somebodys_is_never_replaced() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("busy.sock");
        let socket = tokio::net::UnixSocket::new_stream().expect("a socket");
        socket.bind(&path).expect("it is bound");
        let _busy = socket.listen(1).expect("it listens");
        let mut queue = Vec::new();
        let full = loop {
            match UnixStream::connect(&path).await {
                Ok(stream) => queue.push(stream),
                Err(error) => break error,
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
        let refused = SocketFile::listen(&path, FileMode::new(0o600)).await;
        let refused = refused.expect_err("somebody listens");
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        // Of another kind: it can't be asked whether anybody listens.
        let path = directory.path().join("datagrams.sock");
        let _datagrams = tokio::net::UnixDatagram::bind(&path).expect("it is bound");
        let refused = SocketFile::listen(&path, FileMode::new(0o600)).await;
        refused.expect_err("it is somebody's");
        assert!(
            tokio::net::UnixDatagram::unbound()
                .expect("a socket")
                .connect(&path)
                .is_ok()
        );
    }
}
