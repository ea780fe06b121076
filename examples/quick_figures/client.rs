//! A small HTTP client that costs little: one connection that stays open, one request at a time.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The longest answer, head and body, in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
const HEAD_END: &[u8] = b"\r\n\r\n";
const LENGTH: &[u8] = b"content-length:";

/// A connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: vec![0; ANSWER_BYTES_MAX],
        })
    }

    /// Sends a whole request and answers the body of its answer, which has to be a 200 with a length.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<&[u8]> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        let body_start = loop {
            // The head is at the start, so looking there again costs next to nothing.
            filled += self.read_more(filled).await?;
            if let Some(end) = find(&self.buffer[..filled], HEAD_END) {
                break end + HEAD_END.len();
            }
        };
        let head = &self.buffer[..body_start];
        if !head.starts_with(b"HTTP/1.1 200 ") {
            let text = String::from_utf8_lossy(&self.buffer[..filled]).into_owned();
            return Err(io::Error::other(format!("not answered 200: {text}")));
        }
        let length = content_length(head)
            .ok_or_else(|| io::Error::other("an answer without Content-Length"))?;
        let end = body_start + length;
        while filled < end {
            filled += self.read_more(filled).await?;
        }
        Ok(&self.buffer[body_start..end])
    }

    async fn read_more(&mut self, filled: usize) -> io::Result<usize> {
        match self.stream.read(&mut self.buffer[filled..]).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

fn content_length(head: &[u8]) -> Option<usize> {
    let line = head.split(|byte| *byte == b'\n').find(|line| {
        line.len() > LENGTH.len() && line[..LENGTH.len()].eq_ignore_ascii_case(LENGTH)
    })?;
    std::str::from_utf8(&line[LENGTH.len()..])
        .ok()?
        .trim()
        .parse()
        .ok()
}
