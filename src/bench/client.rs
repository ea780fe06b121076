//! An HTTP client that costs little, so that the server has the machine: one connection that stays open, one request at
//! a time, plain HTTP/1.1 as servers speak it behind a proxy.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The longest answer, head and body, in bytes.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What the first answer finds room in, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;
/// How long an answer may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// How much of an answer that is no 200 is told, in bytes.
const TOLD_BYTES_MAX: usize = 300;
const HEAD_END: &[u8] = b"\r\n\r\n";

/// A connection, opened anew when the server closed it.
#[derive(Debug)]
pub struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
    /// How often the server closed it.
    pub reopened: u64,
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<'b> {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: &'b [u8],
}

impl Answer<'_> {
    /// Whether it was done.
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The beginning of it, for people.
    pub fn told(&self) -> String {
        let body = &self.body[..self.body.len().min(TOLD_BYTES_MAX)];
        format!("{}: {}", self.status, String::from_utf8_lossy(body).trim())
    }
}

/// How the end of a body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    /// The server closes the connection.
    Close,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    status: u16,
    framing: Framing,
    stays_open: bool,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let mut connection = Self {
            address,
            stream: None,
            buffer: vec![0; BUFFER_BYTES],
            reopened: 0,
        };
        connection.stream = Some(connection.connect().await?);
        Ok(connection)
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Sends a whole request and waits for its answer.
    ///
    /// # Errors
    /// When the connection breaks, or the answer is no HTTP, too long, or takes longer than 30 s.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                self.reopened += 1;
                self.connect().await?
            }
        };
        let exchange = exchange(&mut stream, &mut self.buffer, request);
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no answer within 30 s");
        let (head, start, end) = timeout(ANSWER_TIME_MAX, exchange).await.map_err(late)??;
        if head.stays_open {
            self.stream = Some(stream);
        }
        Ok(Answer {
            status: head.status,
            body: &self.buffer[start..end],
        })
    }
}

/// Gives back where the body begins and ends in the buffer.
async fn exchange(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    request: &[u8],
) -> io::Result<(Head, usize, usize)> {
    stream.write_all(request).await?;
    let mut filled = 0;
    let start = loop {
        // The head is at the start, so looking there again costs next to nothing.
        if read_more(stream, buffer, &mut filled).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(end) = find(&buffer[..filled], HEAD_END) {
            break end + HEAD_END.len();
        }
    };
    let mut head = parse_head(&buffer[..start]).ok_or_else(|| invalid("an answer is no HTTP"))?;
    let end = match head.framing {
        Framing::Length(length) => {
            let end = start.saturating_add(length);
            while filled < end {
                if read_more(stream, buffer, &mut filled).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            end
        }
        Framing::Chunked => loop {
            if let Some(end) = unchunk(&mut buffer[start..filled])? {
                break start + end;
            }
            if read_more(stream, buffer, &mut filled).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        },
        Framing::Close => {
            while read_more(stream, buffer, &mut filled).await? > 0 {}
            head.stays_open = false;
            filled
        }
    };
    Ok((head, start, end))
}

async fn read_more(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    filled: &mut usize,
) -> io::Result<usize> {
    if *filled == buffer.len() {
        if buffer.len() >= ANSWER_BYTES_MAX {
            return Err(invalid("an answer is longer than 4 MiB"));
        }
        buffer.resize(buffer.len() * 2, 0);
    }
    let read = stream.read(&mut buffer[*filled..]).await?;
    *filled += read;
    Ok(read)
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

fn parse_head(head: &[u8]) -> Option<Head> {
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.split("\r\n");
    let first = lines.next()?;
    let is_old = first.starts_with("HTTP/1.0 ");
    let status = first
        .strip_prefix("HTTP/1.1 ")
        .or_else(|| first.strip_prefix("HTTP/1.0 "))?;
    let status = status.get(..3)?.parse().ok()?;
    let mut length = None;
    let mut is_chunked = false;
    let mut closes = is_old;
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.parse().ok()?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            is_chunked = value.eq_ignore_ascii_case("chunked");
        } else if name.eq_ignore_ascii_case("connection") {
            closes = value.eq_ignore_ascii_case("close")
                || (is_old && !value.eq_ignore_ascii_case("keep-alive"));
        }
    }
    let framing = match length {
        _ if is_chunked => Framing::Chunked,
        Some(length) => Framing::Length(length),
        None if status == 204 || status == 304 => Framing::Length(0),
        None => Framing::Close,
    };
    Some(Head {
        status,
        framing,
        stays_open: !closes,
    })
}

/// Joins the chunks of a body that is there whole, in place, and gives back its length; `None` while some of it is missing,
/// and then nothing is moved.
fn unchunk(body: &mut [u8]) -> io::Result<Option<usize>> {
    let mut chunks = Vec::new();
    let mut at = 0;
    loop {
        let Some(line) = find(&body[at..], b"\r\n") else {
            return Ok(None);
        };
        let size = &body[at..at + line];
        let size = size.split(|byte| *byte == b';').next().unwrap_or_default();
        let size = std::str::from_utf8(size)
            .ok()
            .and_then(|size| usize::from_str_radix(size.trim(), 16).ok())
            .filter(|size| *size <= ANSWER_BYTES_MAX);
        let size = size.ok_or_else(|| invalid("a chunk without a size"))?;
        let begin = at + line + 2;
        at = begin + size + 2;
        if body.len() < at {
            return Ok(None);
        }
        if size == 0 {
            break;
        }
        chunks.push(begin..begin + size);
    }
    let mut end = 0;
    for chunk in chunks {
        let length = chunk.len();
        body.copy_within(chunk, end);
        end += length;
    }
    Ok(Some(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_say_how_long_a_body_is_and_whether_the_connection_stays() {
        for (head, status, framing, stays_open) in [
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n",
                200,
                Framing::Length(12),
                true,
            ),
            (
                "HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n",
                404,
                Framing::Chunked,
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
                200,
                Framing::Close,
                false,
            ),
            (
                "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n",
                200,
                Framing::Length(1),
                false,
            ),
            ("HTTP/1.1 204 None\r\n\r\n", 204, Framing::Length(0), true),
        ] {
            let expected = Head {
                status,
                framing,
                stays_open,
            };
            assert_eq!(parse_head(head.as_bytes()), Some(expected), "{head}");
        }
        assert_eq!(parse_head(b"SSH-2.0\r\n\r\n"), None);
        assert_eq!(
            parse_head(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
            None
        );
    }

    #[test]
    fn chunks_are_joined_when_the_last_one_is_there() {
        let whole = b"4\r\nabcd\r\n2;x=1\r\nef\r\n0\r\n\r\n";
        for end in 0..whole.len() {
            let mut part = whole[..end].to_vec();
            assert_eq!(unchunk(&mut part).expect("it is sound"), None, "{end}");
            assert_eq!(part, whole[..end]);
        }
        let mut body = whole.to_vec();
        assert_eq!(unchunk(&mut body).expect("it is sound"), Some(6));
        assert_eq!(&body[..6], b"abcdef");
        assert!(unchunk(&mut b"zz\r\n".to_vec()).is_err());
    }
}
