//! The control socket: by it the commands of `kinglet` reach the server that runs on a data directory.
//!
//! It lies in the data directory, for its owner alone (0600 in a directory of 0700), and asks the kernel who is at the
//! other end all the same. The name of a socket can't be long (108 bytes on Linux): where the directory's is too long,
//! the socket lies in the runtime directory, and a symbolic link in the data directory says where.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Take};
use tokio::net::unix::OwnedReadHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::handle;
use super::protocol::{ANSWER_BYTES_MAX, Ask, Failure, REQUEST_BYTES_MAX, Reply, VERSION};
use crate::instance::Instance;

/// The socket's name in the data directory.
pub const SOCKET_NAME: &str = "kinglet.sock";
/// The longest path of a socket, in bytes: Linux takes 107 and a NUL, other systems four fewer.
pub const SOCKET_PATH_BYTES_MAX: usize = 100;
/// The most commands that are worked on at once.
const CONNECTIONS_MAX: usize = 16;
/// How long a command may take to say what it wants, and to take the answer.
const LINE_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a stop waits for the commands at work.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(1);
/// The pause after `accept` failed, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A socket that listens, and is gone with this value.
pub struct ControlSocket {
    listener: UnixListener,
    paths: Vec<PathBuf>,
    own_uid: u32,
}

/// Where the socket of a data directory really lies, for whoever wants to connect.
///
/// # Errors
/// When nothing lies there.
pub fn locate(data_dir: &Path) -> io::Result<PathBuf> {
    let path = data_dir.join(SOCKET_NAME);
    if path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
        return Ok(path);
    }
    fs::read_link(path)
}

impl ControlSocket {
    /// Listens in a data directory, which this process must own.
    ///
    /// # Errors
    /// Why it can't.
    pub fn bind(data_dir: &Path) -> io::Result<Self> {
        let own_uid = own_uid()?;
        let path = data_dir.join(SOCKET_NAME);
        // What lies there was left by a process that died: whoever owns the directory is alone.
        remove_if_there(&path)?;
        let mut paths = Vec::new();
        let listener = if path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
            bind_private(&path)?
        } else {
            let short = runtime_directory(own_uid)?.join(short_name(data_dir)?);
            remove_if_there(&short)?;
            let listener = bind_private(&short)?;
            paths.push(short.clone());
            symlink(short, &path)?;
            listener
        };
        paths.push(path);
        Ok(Self {
            listener,
            paths,
            own_uid,
        })
    }

    /// Answers commands until `stop` is ready.
    pub async fn serve(self, instance: Instance, stop: impl Future<Output = ()>) {
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut commands = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            // Who finds no room waits at the door: the kernel's queue is bounded too.
            let seat = tokio::select! {
                () = &mut stop => break,
                seat = Arc::clone(&room).acquire_owned() => seat,
            };
            let Ok(seat) = seat else {
                break;
            };
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = self.listener.accept() => accepted,
            };
            // What has ended is forgotten here, so that the set stays as small as the room.
            while commands.try_join_next().is_some() {}
            match accepted {
                Ok((stream, _)) => {
                    let (instance, own_uid) = (instance.clone(), self.own_uid);
                    commands.spawn(async move {
                        if let Err(error) = converse(stream, own_uid, &instance).await {
                            tracing::warn!(%error, "a command broke off");
                        }
                        drop(seat);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a command can't be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        let drained = timeout(DRAIN_TIME_MAX, async {
            while commands.join_next().await.is_some() {}
        });
        if drained.await.is_err() {
            tracing::warn!(commands = commands.len(), "commands were cut off");
            commands.shutdown().await;
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        for path in &self.paths {
            if let Err(error) = remove_if_there(path) {
                tracing::warn!(%error, path = %path.display(), "the control socket can't be removed");
            }
        }
    }
}

/// One request, one answer.
async fn converse(stream: UnixStream, own_uid: u32, instance: &Instance) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    if uid != own_uid && uid != 0 {
        tracing::warn!(uid, "a command of another user was turned away");
        return Ok(());
    }
    let (reading, mut writing) = stream.into_split();
    let mut line = Vec::new();
    let mut reading = BufReader::new(reading.take(REQUEST_BYTES_MAX as u64));
    timeout(LINE_TIME_MAX, reading.read_until(b'\n', &mut line)).await??;
    let outcome = match understood(&line) {
        Ok(request) => tokio::select! {
            outcome = handle(request, instance) => outcome,
            // Nobody wants the answer any more; what was handed over to others already is done all the same.
            () = hung_up(reading) => {
                tracing::debug!("whoever gave a command went away");
                return Ok(());
            }
        },
        Err(failure) => Err(failure),
    };
    let answer = written(outcome);
    timeout(LINE_TIME_MAX, writing.write_all(&answer)).await?
}

/// Waits until the other end has closed; what it says until then is read over.
async fn hung_up(reading: BufReader<Take<OwnedReadHalf>>) {
    let mut reading = reading.into_inner().into_inner();
    let mut unread = [0; 64];
    while matches!(reading.read(&mut unread).await, Ok(1..)) {}
}

fn understood(line: &[u8]) -> Result<super::protocol::Request, Failure> {
    if line.last() != Some(&b'\n') {
        return Err(Failure::new(format!(
            "the request is not a line of at most {REQUEST_BYTES_MAX} bytes"
        )));
    }
    let speaks: SpokenVersion = serde_json::from_slice(line)
        .map_err(|_| Failure::new("the request is not in the language of this server"))?;
    if speaks.version != VERSION {
        return Err(Failure::new(format!(
            "the running server speaks version {VERSION}, this command version {}: use the same kinglet for both",
            speaks.version
        )));
    }
    let ask: Ask = serde_json::from_slice(line)
        .map_err(|_| Failure::new("the running server doesn't know this request"))?;
    Ok(ask.request)
}

#[derive(serde::Deserialize)]
struct SpokenVersion {
    version: u32,
}

fn written(outcome: Result<super::protocol::Answer, Failure>) -> Vec<u8> {
    let line = |outcome| {
        let reply = Reply {
            version: VERSION,
            outcome,
        };
        let mut line = serde_json::to_vec(&reply).expect("texts and numbers make JSON");
        line.push(b'\n');
        line
    };
    let answer = line(outcome);
    if answer.len() <= ANSWER_BYTES_MAX {
        answer
    } else {
        line(Err(Failure::new("the answer is too long")))
    }
}

fn bind_private(path: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whose process this is, as the kernel says it of a socket.
fn own_uid() -> io::Result<u32> {
    let (one, _other) = UnixStream::pair()?;
    Ok(one.peer_cred()?.uid())
}

/// A directory with a short name that nobody else can write to.
fn runtime_directory(own_uid: u32) -> io::Result<PathBuf> {
    let given: Option<OsString> = std::env::var_os("XDG_RUNTIME_DIR");
    let directory = match given.filter(|given| !given.is_empty()) {
        Some(given) => PathBuf::from(given),
        None => {
            let directory = std::env::temp_dir().join(format!("kinglet-{own_uid}"));
            match DirBuilder::new().mode(0o700).create(&directory) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => directory,
            }
        }
    };
    let found = fs::symlink_metadata(&directory)?;
    if found.is_dir() && found.uid() == own_uid && found.mode() & 0o022 == 0 {
        Ok(directory)
    } else {
        let reason = format!("{} can be written to by others", directory.display());
        Err(io::Error::new(io::ErrorKind::PermissionDenied, reason))
    }
}

/// A name that no other data directory has.
fn short_name(data_dir: &Path) -> io::Result<String> {
    let digest = Sha256::digest(fs::canonicalize(data_dir)?.as_os_str().as_bytes());
    let digits: String = digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(format!("kinglet-{digits}.sock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_line_of_this_language_gets_a_sentence() {
        for (line, sentence) in [
            (&b"{\"version\":1"[..], "not a line"),
            (b"{}\n", "not in the language"),
            (b"\xff\n", "not in the language"),
            (b"{\"version\":2,\"request\":\"new\"}\n", "speaks version 1"),
            (b"{\"version\":1,\"request\":\"new\"}\n", "doesn't know"),
        ] {
            let failure = understood(line).expect_err("no request");
            assert!(failure.sentence.contains(sentence), "{failure}");
        }
        assert!(understood(b"{\"version\":1,\"request\":\"check\"}\n").is_ok());
    }

    #[tokio::test]
    async fn who_goes_away_is_noticed_and_who_waits_is_not_disturbed() {
        let (near, far) = UnixStream::pair().expect("a pair");
        let (reading, _writing) = near.into_split();
        let mut gone = tokio::spawn(hung_up(BufReader::new(reading.take(100))));
        assert!(timeout(Duration::from_millis(50), &mut gone).await.is_err());
        drop(far);
        let noticed = timeout(Duration::from_secs(5), gone).await;
        noticed.expect("it is noticed").expect("no panic");
    }

    #[test]
    fn a_long_directory_has_its_socket_elsewhere_and_says_where() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let _entered = runtime.enter();
        let parent = tempfile::tempdir().expect("a directory");
        for (name, elsewhere) in [("short".to_owned(), false), ("long".repeat(40), true)] {
            let data_dir = parent.path().join(name);
            fs::create_dir(&data_dir).expect("a directory");
            let socket = ControlSocket::bind(&data_dir).expect("binds");
            let located = locate(&data_dir).expect("is there");
            assert_eq!(!located.starts_with(&data_dir), elsewhere);
            let found = fs::metadata(&located).expect("is there");
            assert_eq!(found.mode() & 0o777, 0o600);
            std::os::unix::net::UnixStream::connect(&located).expect("somebody listens");
            drop(socket);
            assert!(!located.exists());
            assert!(fs::symlink_metadata(data_dir.join(SOCKET_NAME)).is_err());
        }
    }
}
