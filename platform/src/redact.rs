//! Takes out of a text what is nobody's business: mail addresses, IP addresses, owners of home directories, and whatever
//! looks like a key.
//!
//! For what leaves the machine with a bug report. It is the second line: what is logged and told of the instance holds no
//! secrets in the first place. It rather takes out too much.

use std::net::{IpAddr, SocketAddr};

/// Shorter words are no key of kinglet's, all of which have 128 bits and more.
const KEY_LETTERS_MIN: usize = 20;
/// Where the home directories of machines lie; the next word is somebody's name.
const HOMES: &[&str] = &["/home/", "/Users/"];
/// The longest that an IP address with a port and a zone is written, in bytes.
const ADDRESS_BYTES_MAX: usize = 80;
/// Of what people call things, at most every fourth letter is a capital one: `SweepIdempotencyKeys`.
const LETTERS_PER_CAPITAL_MIN: usize = 4;

/// The text without them.
pub fn redact(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut word_start = 0;
    for (at, letter) in text.char_indices() {
        if is_between_words(letter) {
            push_word(&mut clean, &text[word_start..at]);
            clean.push(letter);
            word_start = at + letter.len_utf8();
        }
    }
    push_word(&mut clean, &text[word_start..]);
    clean
}

fn is_between_words(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control() || "\"'`()[]{}<>,;=?&|/\\#".contains(letter)
}

/// Whether what comes next is the name of a home directory: of an absolute path, or of one in a volume such as `/var`.
fn is_in_homes(clean: &str) -> bool {
    HOMES.iter().any(|homes| {
        clean.strip_suffix(homes).is_some_and(|before| {
            !before.ends_with(|letter: char| letter.is_alphanumeric()) || before.ends_with("/var")
        })
    })
}

fn push_word(clean: &mut String, word: &str) {
    if !word.is_empty() && is_in_homes(clean) {
        clean.push_str("[user]");
        return;
    }
    let core = word.trim_matches(['.', ':', '!']);
    if core.is_empty() {
        clean.push_str(word);
        return;
    }
    match replacement(core) {
        Some(instead) => {
            // Once: the ends of the word are no part of what is replaced.
            let (before, after) = word.split_once(core).unwrap_or(("", ""));
            clean.push_str(before);
            clean.push_str(instead);
            clean.push_str(after);
        }
        None => push_parts(clean, word),
    }
}

/// A word that is nothing as a whole may be `token:abc` or `ip:203.0.113.7`.
fn push_parts(clean: &mut String, word: &str) {
    let mut rest = word;
    while let Some((part, others)) = rest.split_once(':') {
        push_part(clean, part);
        clean.push(':');
        rest = others;
        if is_foreign_address(rest.trim_matches(['.', ':', '!'])) {
            clean.push_str("[ip]");
            return;
        }
    }
    push_part(clean, rest);
}

fn push_part(clean: &mut String, part: &str) {
    let core = part.trim_matches(['.', '!']);
    if is_foreign_address(core) {
        clean.push_str("[ip]");
    } else if is_key(core) {
        clean.push_str("[key]");
    } else {
        clean.push_str(part);
    }
}

/// What stands for a word that is taken out.
fn replacement(word: &str) -> Option<&'static str> {
    if is_mail_address(word) {
        Some("[mail]")
    } else if is_foreign_address(word) {
        Some("[ip]")
    } else if is_key(word) {
        Some("[key]")
    } else {
        None
    }
}

/// Also as it stands in addresses of pages. What comes before a host, such as `name:password@host`, counts as well.
fn is_mail_address(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    ["@", "%40"].iter().any(|at| {
        lower
            .split_once(at)
            .is_some_and(|(before, host)| !before.is_empty() && !host.is_empty())
    })
}

/// An address of another machine, alone or with a port.
fn is_foreign_address(word: &str) -> bool {
    if word.len() > ADDRESS_BYTES_MAX {
        return false;
    }
    let word = word
        .split_once('%')
        .map_or(word, |(address, _zone)| address);
    let address: Option<IpAddr> = word
        .parse()
        .ok()
        .or_else(|| word.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.is_some_and(|address| !address.is_loopback() && !address.is_unspecified())
}

/// Letters, as chance draws them: of all kinds, or many hexadecimal digits.
fn is_key(word: &str) -> bool {
    if word.len() < KEY_LETTERS_MIN {
        return false;
    }
    let drawn = |letter: char| letter.is_ascii_alphanumeric() || "-_+.~%".contains(letter);
    if !word.chars().all(drawn) {
        return false;
    }
    let count = |kind: fn(&char) -> bool| word.chars().filter(kind).count();
    let capitals = count(char::is_ascii_uppercase);
    // One code in forty has no digit.
    let is_drawn =
        count(char::is_ascii_digit) > 0 || capitals * LETTERS_PER_CAPITAL_MIN > word.len();
    let is_mixed = is_drawn && capitals > 0 && count(char::is_ascii_lowercase) > 0;
    let is_hexadecimal = word.len() >= 32 && word.chars().all(|letter| letter.is_ascii_hexdigit());
    // A moment such as 2026-11-22T23:56:18.569147Z has a colon, and is none.
    is_mixed || is_hexadecimal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_keys_are_taken_out() {
        for (text, clean) in [
            ("to ada@example.org: refused", "to [mail]: refused"),
            ("<ada.lovelace+x@mail.example.org>", "<[mail]>"),
            ("login=ada%40example.org&x=1", "login=[mail]&x=1"),
            ("smtps://ada:se-cret@mail.example.org:465", "smtps://[mail]"),
            ("from 203.0.113.7:4711.", "from [ip]."),
            ("[2001:db8::7]", "[[ip]]"),
            ("networks = [\"10.0.0.0/8\"]", "networks = [\"[ip]/8\"]"),
            ("peer=2001:db8::1", "peer=[ip]"),
            ("/reset/mfbNrcYUPxwAXf98ZzvZ1nI43aFotIs4", "/reset/[key]"),
            ("k=0123456789abcdef0123456789abcdef", "k=[key]"),
            ("/setup?code=QzWxEcRvTbYnUmIkOlPaSd", "/setup?code=[key]"),
            ("code AbCdefGHijKLmnopQRstuv.", "code [key]."),
            ("token:mfbNrcYUPxwAXf98ZzvZ1nI43aFotIs4", "token:[key]"),
            ("ip:203.0.113.7 ip:203.0.113.7:4711", "ip:[ip] ip:[ip]"),
            ("peer:2001:db8::7, fe80::1%eth0", "peer:[ip], [ip]"),
            (
                "/home/ada/kinglet/data, sqlite:/home/ada.l",
                "/home/[user]/kinglet/data, sqlite:/home/[user]",
            ),
            (
                "/var/home/ada \"/Users/ada/x\"",
                "/var/home/[user] \"/Users/[user]/x\"",
            ),
        ] {
            assert_eq!(redact(text), clean);
        }
    }

    #[test]
    fn what_helps_stays() {
        for text in [
            "2026-11-22T23:56:18.569147Z  INFO kinglet::http: request id=\"53df8b321cc2b117\" route=\"/api/v1/statuses/:id\" status=200",
            "listening on 127.0.0.1:8420 and [::1]:8420, or 0.0.0.0",
            "SELECT id FROM idempotency_keys WHERE account = ?1 AND made_at < ?2",
            "kinglet::store::writer::WriterThread::commit_batch",
            "ListPosts SweepIdempotencyKeys FindAccountByName::<RecordAccountDays>",
            "/api/v1/timelines/home/more 12:34:56 src/store/unit.rs:12:7",
            "post 1150423985743986688, @ada, version 0.1.0, https://example.org/about",
            "kinglet_http_request_seconds_bucket{route=\"/api/v1/timelines/home\",le=\"0.0025\"} 17",
        ] {
            assert_eq!(redact(text), text);
        }
    }
}
