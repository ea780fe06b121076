//! Asks the server that runs on a data directory.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::protocol::{ANSWER_BYTES_MAX, Answer, Ask, Failure, Reply, Request, VERSION};
use super::socket;

/// How long the request may take to be taken.
const SEND_TIME_MAX: Duration = Duration::from_secs(10);
/// How long an answer may take: copying and checking a large store takes its time.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(3600);

/// Why there is no answer although there is a server.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The connection broke.
    #[error("the running server broke off")]
    Broken(#[source] io::Error),
    /// The answer makes no sense.
    #[error("the running server speaks another language: use the same kinglet for both")]
    Unintelligible,
}

/// What came of a request, or `None` when no server listens there.
///
/// # Errors
/// When the server can't be understood or broke off; then what was asked may have been done.
pub fn ask(
    data_dir: &Path,
    request: &Request,
) -> Result<Option<Result<Answer, Failure>>, ClientError> {
    let Some(stream) = connected(data_dir)? else {
        return Ok(None);
    };
    let line = conversation(stream, request).map_err(ClientError::Broken)?;
    let reply: Reply = serde_json::from_slice(&line).map_err(|_| ClientError::Unintelligible)?;
    Ok(Some(reply.outcome))
}

fn connected(data_dir: &Path) -> Result<Option<UnixStream>, ClientError> {
    match socket::locate(data_dir).and_then(UnixStream::connect) {
        Ok(stream) => Ok(Some(stream)),
        // No directory, no socket, or one that a dead process left.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(ClientError::Broken(error)),
    }
}

fn conversation(mut stream: UnixStream, request: &Request) -> io::Result<Vec<u8>> {
    stream.set_write_timeout(Some(SEND_TIME_MAX))?;
    stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    let ask = Ask {
        version: VERSION,
        request: request.clone(),
    };
    let mut line = serde_json::to_vec(&ask)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = Vec::new();
    BufReader::new(stream.take(ANSWER_BYTES_MAX as u64)).read_until(b'\n', &mut answer)?;
    Ok(answer)
}
