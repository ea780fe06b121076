//! What programs that measure a server need of HTTP, and of time.

use std::error::Error;
use std::time::Instant;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// Why a program ends early.
pub type Failure = Box<dyn Error + Send + Sync>;

/// The present point in time.
#[expect(clippy::disallowed_methods, reason = "this program measures time")]
pub fn now() -> Instant {
    Instant::now()
}

/// Reads one answer, which has to be 200 with a length.
pub async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<(), Failure> {
    buffer.clear();
    let mut whole = None;
    while whole.is_none_or(|length| buffer.len() < length) {
        if stream.read_buf(buffer).await? == 0 {
            return Err("the server closed the connection".into());
        }
        if whole.is_none()
            && let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n")
        {
            let head = std::str::from_utf8(&buffer[..end])?.to_ascii_lowercase();
            if !head.starts_with("http/1.1 200") {
                return Err(head.into());
            }
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .ok_or("an answer without a length")?;
            whole = Some(end + 4 + length.trim().parse::<usize>()?);
        }
    }
    Ok(())
}
