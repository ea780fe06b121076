//! A letter with its headers, as it goes over the wire.

use std::fmt;
use std::time::{Duration, SystemTime};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};
use lettre::{Address, address::Envelope};
use sha2::{Digest as _, Sha256};
use url::Host;

use super::letters::{Content, NAME_CHARACTERS_MAX};
use super::one_line;
use crate::clock::Timestamp;

/// The longest mail address in bytes (RFC 5321, section 4.5.3.1.3, without the angle brackets).
pub const ADDRESS_BYTES_MAX: usize = 254;

/// The most characters of a subject.
const SUBJECT_CHARACTERS_MAX: usize = 160;

/// The most characters of an address to unsubscribe at, so that its header is one line (RFC 5322, section 2.1.1).
const UNSUBSCRIBE_CHARACTERS_MAX: usize = 900;

/// The most characters of each part of a [`MessageId`].
const ID_PART_CHARACTERS_MAX: usize = 64;

/// What tells a mail from every other (RFC 5322, section 3.6.4).
///
/// It follows from the job that sends the mail, so what is sent twice, after a crash between sending and remembering
/// it, can be seen to be the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageId(String);

impl MessageId {
    /// Of the mail that a job sends. `identity` is the store's own random text, so that two instances of one name never
    /// give the same id; `written_at` is the same for every attempt, `host` the instance's.
    #[must_use]
    pub fn of_job(job: i64, written_at: Timestamp, identity: &str, host: &str) -> Self {
        // A copy that was restored counts its jobs on from where the backup was made.
        let number = format!("{job}-{}", written_at.millis());
        Self::new("job", &number, identity, host)
    }

    /// Of a thread, which no mail has: all mail about the thread refers to it, so that programs show it together.
    /// `root` is the number of the post that the thread began with.
    #[must_use]
    pub fn of_thread(root: i64, identity: &str, host: &str) -> Self {
        // The recipient may not be allowed to know that post, so not even its number is told.
        let hash = Sha256::new()
            .chain_update(identity)
            .chain_update(root.to_le_bytes())
            .finalize();
        let digits: String = hash
            .iter()
            .take(12)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self::new("thread", &digits, identity, host)
    }

    fn new(kind: &str, number: &str, identity: &str, host: &str) -> Self {
        let (identity, host) = (id_part(identity), id_part(host));
        Self(format!("{kind}-{number}.{identity}@{host}"))
    }

    /// The id without angle brackets; letters, digits, `.`, `-` and one `@`, so it serves as a file's name as well.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

/// What may stand in an id: a host's port or the brackets of an address become dashes.
fn id_part(text: &str) -> String {
    let part: String = text
        .chars()
        .take(ID_PART_CHARACTERS_MAX)
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    // Dots only between other characters.
    let dots: Vec<char> = text.chars().take(ID_PART_CHARACTERS_MAX).collect();
    let with_dots: String = part
        .char_indices()
        .map(|(place, c)| {
            let inner = place > 0 && place + 1 < dots.len();
            if inner && dots[place] == '.' && dots[place - 1] != '.' {
                '.'
            } else {
                c
            }
        })
        .collect();
    if with_dots.is_empty() {
        "none".to_owned()
    } else {
        with_dots
    }
}

/// An address that no mail can be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an address that mail can be sent to")]
pub struct BadAddress;

/// A mail that is ready to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The same for every attempt to send it.
    pub id: MessageId,
    /// The thread that it is about.
    pub thread: Option<MessageId>,
    /// The recipient's address.
    pub to: String,
    /// The recipient's name; empty for none.
    pub to_name: String,
    /// The sender's address.
    pub from: String,
    /// The instance's name, which is the sender's.
    pub site_title: String,
    /// When it was written; every attempt tells the same.
    pub date: Timestamp,
    /// What it says.
    pub content: Content,
    /// The `https` address that turns this kind of mail off by one `POST` (RFC 8058).
    pub unsubscribe: Option<String>,
}

impl Mail {
    /// The message; the same bytes each time.
    ///
    /// Names and subjects are cleaned and shortened, whatever they hold; all of it is ASCII.
    ///
    /// # Errors
    ///
    /// When the sender's or the recipient's address is none, or has other than ASCII characters before the `@`.
    pub fn message(&self) -> Result<Message, BadAddress> {
        let from = address(&self.from)?;
        let to = address(&self.to)?;
        let envelope = Envelope::new(Some(from.clone()), vec![to.clone()]);
        let mut builder = Message::builder()
            .envelope(envelope.map_err(|_| BadAddress)?)
            .from(Mailbox::new(name(&self.site_title), from))
            .to(Mailbox::new(name(&self.to_name), to))
            .subject(one_line(&self.content.subject, SUBJECT_CHARACTERS_MAX))
            .date(system_time(self.date))
            .message_id(Some(self.id.to_string()))
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .raw_header(header("X-Auto-Response-Suppress", "All"))
            .raw_header(header("Precedence", "bulk"));
        if let Some(thread) = &self.thread {
            builder = builder
                .in_reply_to(thread.to_string())
                .references(thread.to_string());
        }
        if let Some(url) = self.unsubscribe.as_deref().filter(|url| is_plain_url(url)) {
            builder = builder
                .raw_header(header("List-Unsubscribe", &format!("<{url}>")))
                .raw_header(header(
                    "List-Unsubscribe-Post",
                    "List-Unsubscribe=One-Click",
                ));
        }
        let parts = MultiPart::alternative()
            .boundary(self.boundary())
            .singlepart(SinglePart::plain(body(&self.content.text)))
            .singlepart(SinglePart::html(body(&self.content.html)));
        builder.multipart(parts).map_err(|_| BadAddress)
    }

    /// Follows from the content, so no content can hold it.
    fn boundary(&self) -> String {
        let mut hash = Sha256::new();
        for part in [self.id.as_str(), &self.content.text, &self.content.html] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hash.finalize()[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// A text whose lines end in one way and that has no other control characters, since a lone CR is no end of a line to
/// one server and one to the next (RFC 5322, section 2.3).
fn body(text: &str) -> String {
    let mut body = text.replace("\r\n", "\n").replace('\r', "\n");
    body.retain(|c| c == '\n' || c == '\t' || !c.is_control());
    body
}

fn name(text: &str) -> Option<String> {
    let name = one_line(text, NAME_CHARACTERS_MAX);
    (!name.is_empty()).then_some(name)
}

fn is_plain_url(url: &str) -> bool {
    url.len() <= UNSUBSCRIBE_CHARACTERS_MAX
        && url
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>'))
}

/// Only hosts can be written in ASCII; a name before the `@` that isn't needs servers that take it (RFC 6531), and few
/// do.
fn address(text: &str) -> Result<Address, BadAddress> {
    let (user, host) = text.rsplit_once('@').ok_or(BadAddress)?;
    if text.len() > ADDRESS_BYTES_MAX || !user.is_ascii() {
        return Err(BadAddress);
    }
    let host = if host.is_ascii() {
        host.to_owned()
    } else {
        Host::parse(host).map_err(|_| BadAddress)?.to_string()
    };
    Address::new(user, host).map_err(|_| BadAddress)
}

fn system_time(moment: Timestamp) -> SystemTime {
    let millis = u64::try_from(moment.millis()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mail() -> Mail {
        Mail {
            id: MessageId::of_job(7, Timestamp::from_millis(5), "k3y", "example.org"),
            thread: Some(MessageId::of_thread(5, "k3y", "example.org")),
            to: "ann@example.net".to_owned(),
            to_name: "Ann".to_owned(),
            from: "kinglet@example.org".to_owned(),
            site_title: "Kinglet".to_owned(),
            date: Timestamp::from_millis(1_790_000_000_007),
            content: Content {
                subject: "Hello".to_owned(),
                text: "Hello\n".to_owned(),
                html: "<p>Hello</p>\n".to_owned(),
            },
            unsubscribe: Some("https://example.org/unsubscribe/1.mention.abc".to_owned()),
        }
    }

    fn formatted(mail: &Mail) -> String {
        let bytes = mail.message().expect("sound addresses").formatted();
        String::from_utf8(bytes).expect("ASCII")
    }

    /// The headers, unfolded, of a message that keeps to RFC 5322.
    fn headers(message: &str) -> Vec<(String, String)> {
        let (head, _) = message.split_once("\r\n\r\n").expect("a head and a body");
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in head.split("\r\n") {
            assert!(!line.contains(['\r', '\n']), "{line:?}");
            assert!(line.len() <= 998, "{} octets", line.len());
            assert!(
                line.bytes()
                    .all(|byte| byte == b'\t' || (32..127).contains(&byte)),
                "{line:?}"
            );
            if line.starts_with([' ', '\t']) {
                assert!(!line.trim().is_empty(), "a folded line of nothing");
                let (_, value) = headers.last_mut().expect("a header before its second line");
                value.push_str(line);
            } else {
                let (name, value) = line.split_once(':').expect("a name");
                assert!(
                    name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'),
                    "{name}"
                );
                headers.push((name.to_owned(), value.trim_start().to_owned()));
            }
        }
        headers
    }

    fn names(headers: &[(String, String)]) -> Vec<&str> {
        let mut names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_header_is_there_once() {
        let headers = headers(&formatted(&mail()));
        for (name, value) in [
            ("From", "Kinglet <kinglet@example.org>"),
            ("To", "Ann <ann@example.net>"),
            ("Subject", "Hello"),
            ("Date", "Mon, 21 Sep 2026 14:13:20 +0000"),
            ("Message-ID", "<job-7-5.k3y@example.org>"),
            (
                "In-Reply-To",
                "<thread-9026f21efaf37b3803c9a300.k3y@example.org>",
            ),
            (
                "References",
                "<thread-9026f21efaf37b3803c9a300.k3y@example.org>",
            ),
            ("Auto-Submitted", "auto-generated"),
            ("X-Auto-Response-Suppress", "All"),
            ("Precedence", "bulk"),
            (
                "List-Unsubscribe",
                "<https://example.org/unsubscribe/1.mention.abc>",
            ),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ("MIME-Version", "1.0"),
        ] {
            let found: Vec<&str> = headers
                .iter()
                .filter(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
                .collect();
            assert_eq!(found, [value], "{name}");
        }
        let multipart = headers.iter().find(|(name, _)| name == "Content-Type");
        let (_, kind) = multipart.expect("a type");
        assert!(kind.starts_with("multipart/alternative;"), "{kind}");
    }

    #[test]
    fn the_same_mail_is_the_same_bytes() {
        assert_eq!(formatted(&mail()), formatted(&mail()));
        let other = Mail {
            id: MessageId::of_job(8, Timestamp::from_millis(5), "k3y", "example.org"),
            ..mail()
        };
        assert_ne!(formatted(&mail()), formatted(&other));
    }

    #[test]
    fn ids_hold_nothing_but_what_an_id_may() {
        for (identity, host, id) in [
            ("ab-1", "example.org", "job-1-5.ab-1@example.org"),
            ("a_b", "localhost:8420", "job-1-5.a-b@localhost-8420"),
            ("", "[::1]:8420", "job-1-5.none@---1--8420"),
            ("x\r\n", ".a..b.", "job-1-5.x--@-a.-b-"),
        ] {
            assert_eq!(
                MessageId::of_job(1, Timestamp::from_millis(5), identity, host).as_str(),
                id
            );
        }
    }

    #[test]
    fn addresses_are_ascii_or_refused() {
        let to = |to: &str| Mail {
            to: to.to_owned(),
            ..mail()
        };
        assert!(formatted(&to("ann@bücher.example")).contains("ann@xn--bcher-kva.example"));
        let long = format!("{}@example.org", "a".repeat(300));
        for bad in [
            "",
            "ann",
            "ü@example.org",
            "a b@example.org",
            "a@b\r\nBcc: c@d",
            "a@example.org>",
            &long,
        ] {
            assert!(to(bad).message().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_address_that_would_break_its_header_is_left_out() {
        let broken = Mail {
            unsubscribe: Some("https://example.org/>\r\nBcc: x@y".to_owned()),
            ..mail()
        };
        assert!(!formatted(&broken).contains("Bcc"));
    }

    /// Texts of strangers: any characters, with those that break headers often among them, up to 10 kB.
    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("\r\nBcc: eve@example.com\r\n".to_owned()),
            Just("\n\n<html>".to_owned()),
            Just("\u{202e}\u{2066}".to_owned()),
            Just("=?utf-8?q?=0D=0ABcc:_x?=".to_owned()),
            Just("\",<eve@example.com>; \\".to_owned()),
            Just("\0\u{7f}\u{85}\u{2028}".to_owned()),
            Just("x".repeat(2500)),
            Just("é👩‍👧".repeat(200)),
            "(?s:.{0,40})",
        ];
        proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_name_and_no_subject_breaks_a_header(
            to_name in hostile(),
            site_title in hostile(),
            subject in hostile(),
            text in hostile(),
        ) {
            let plain = headers(&formatted(&mail()));
            let content = Content { subject, html: text.clone(), text };
            let message = formatted(&Mail { to_name, site_title, content, ..mail() });
            prop_assert!(message.is_ascii());
            for line in message.split("\r\n") {
                prop_assert!(line.len() <= 998 && !line.contains(['\r', '\n']), "{line:?}");
            }
            let headers = headers(&message);
            prop_assert_eq!(names(&headers), names(&plain));
            let of = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
            // However the name is written, the one address is the last thing in the header.
            for (name, address) in [("To", "ann@example.net"), ("From", "kinglet@example.org")] {
                let value = of(name).expect("checked above");
                let bracketed = format!("<{address}>");
                prop_assert!(value.ends_with(&bracketed) || value == address, "{value}");
            }
        }
    }
}
