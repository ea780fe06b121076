//! Links: `http` and `https` URLs written into a post.

use super::characters::is_unspaced;
use super::mentions::port_prefix;
use super::tokens::{Token, TokenKind};
use unicode_normalization::char::is_combining_mark;
use url::Url;

/// Longest URL that becomes a link, bytes; a longer one stays plain text and counts in full.
pub const LINK_BYTES_MAX: usize = 2048;

/// How many different links of one post are collected (to look at what they lead to); further ones
/// are links all the same.
pub const LINKS_PER_POST_MAX: usize = 50;

/// Longest host name, bytes (RFC 1035, section 2.3.4, in text form).
const HOST_BYTES_MAX: usize = 253;

/// A URL found in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The address in the form machines use: host in Punycode, the rest percent-encoded.
    pub href: String,
}

/// The addresses among `tokens`, in order, each once. At most [`LINKS_PER_POST_MAX`].
#[must_use]
pub fn hrefs(tokens: &[Token<'_>]) -> Vec<String> {
    let mut hrefs: Vec<String> = Vec::new();
    for token in tokens {
        if let TokenKind::Link(link) = &token.kind
            && hrefs.len() < LINKS_PER_POST_MAX
            && !hrefs.contains(&link.href)
        {
            hrefs.push(link.href.clone());
        }
    }
    hrefs
}

/// Length in bytes of the scheme with its slashes at the start of `text`, 0 if there is none.
pub(super) fn scheme_prefix(text: &str) -> usize {
    ["https://", "http://"]
        .into_iter()
        .find(|scheme| {
            text.as_bytes()
                .get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
        })
        .map_or(0, str::len)
}

/// The link at the start of `rest`, and its length in bytes.
pub(super) fn link_at(rest: &str, before: Option<char>) -> Option<(usize, Link)> {
    if before.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '@' | '#' | '$')) {
        return None;
    }
    let scheme = scheme_prefix(rest);
    if scheme == 0 {
        return None;
    }
    let authority = &rest[scheme..];
    // `https://bank.example@evil.example` reads as one host and leads to another.
    let has_user = authority
        .bytes()
        .take(HOST_BYTES_MAX)
        .take_while(|b| b.is_ascii_graphic() && !matches!(b, b'/' | b'?' | b'#' | b'<' | b'"'))
        .any(|b| b == b'@');
    let host = host_prefix(authority);
    if has_user || host == 0 {
        return None;
    }
    let site = scheme + host + port_prefix(&authority[host..]);
    let end = site + tail_prefix(&rest[site..])?;
    if end > LINK_BYTES_MAX {
        return None;
    }
    let url = Url::parse(&rest[..end]).ok()?;
    Some((end, Link { href: url.into() }))
}

/// Length in bytes of the host name at the start of `text`, 0 if there is none.
///
/// A host ends at the first character that no host has. Its last label is of one kind, ASCII or
/// not, so that Japanese or Chinese text may follow a host without a space.
pub(super) fn host_prefix(text: &str) -> usize {
    let mut end = 0;
    let mut last = '.';
    for (at, c) in text.char_indices() {
        let in_label =
            c.is_alphanumeric() || matches!(c, '-' | '_') || (at > 0 && is_combining_mark(c));
        if !in_label && (c != '.' || last == '.') {
            break;
        }
        end = at + c.len_utf8();
        last = c;
        if end > HOST_BYTES_MAX {
            return 0;
        }
    }
    let mut host = text[..end].trim_end_matches(['.', '-', '_']);
    let label = &host[host.rfind('.').map_or(0, |dot| dot + 1)..];
    if label.starts_with(|c: char| c.is_ascii())
        && let Some((at, c)) = label.char_indices().find(|(_, c)| !c.is_ascii())
    {
        if !is_unspaced(c) {
            return 0;
        }
        host = host[..host.len() - label.len() + at].trim_end_matches(['-', '_']);
    }
    if host.starts_with(['-', '_']) {
        0
    } else {
        host.len()
    }
}

/// Length in bytes of path, query and fragment at the start of `text`; `None` if too long.
fn tail_prefix(text: &str) -> Option<usize> {
    if !text.starts_with(['/', '?', '#']) {
        return Some(0);
    }
    let mut end = 0;
    let mut open = Vec::new();
    for (at, c) in text.char_indices() {
        // A bracket that closes what was opened before the link ends it.
        if !is_tail(c) || (matches!(c, ')' | ']' | '}') && open.pop() != Some(c)) {
            break;
        }
        match c {
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            _ => {}
        }
        end = at + c.len_utf8();
        if end > LINK_BYTES_MAX {
            return None;
        }
    }
    // A sentence goes on after a link; its punctuation is not part of the address.
    Some(text[..end].trim_end_matches(is_punctuation).len())
}

/// What ends sentences and opens brackets, but no address.
fn is_punctuation(c: char) -> bool {
    matches!(
        c,
        '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '’' | '*' | '…' | '(' | '[' | '{'
    )
}

/// Whether `c` may be in a path, query or fragment as people paste them.
fn is_tail(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '\\' | '^' | '`' | '|')
    } else {
        c.is_alphanumeric()
            || is_combining_mark(c)
            || matches!(c, '\u{200C}' | '–' | '—' | '’' | '·' | '…')
    }
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokenize;
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        tokenize(text)
            .into_iter()
            .filter(|token| matches!(token.kind, TokenKind::Link(_)))
            .map(|token| &text[token.range])
            .collect()
    }

    #[test]
    fn sentences_end_outside_of_links() {
        for (text, link) in [
            ("See https://example.org.", "https://example.org"),
            (
                "See https://example.org/a?b=c&d#e, and",
                "https://example.org/a?b=c&d#e",
            ),
            ("(https://example.org/a)", "https://example.org/a"),
            ("https://example.org/a(b](c)", "https://example.org/a(b"),
            ("(https://example.org/a)b)", "https://example.org/a"),
            ("https://example.org/A_(b)", "https://example.org/A_(b)"),
            (
                "(see https://example.org/A_(b))!",
                "https://example.org/A_(b)",
            ),
            ("[https://example.org/a](x", "https://example.org/a"),
            ("\"http://example.org/x\"", "http://example.org/x"),
            ("<HTTP://Example.org/x>", "HTTP://Example.org/x"),
            ("https://example.org/#", "https://example.org/#"),
            ("https://example.org/?", "https://example.org/"),
            ("https://example.org:8080/a", "https://example.org:8080/a"),
            (
                "http://localhost:3000/@ann/#x",
                "http://localhost:3000/@ann/#x",
            ),
            ("**https://example.org/a**", "https://example.org/a"),
        ] {
            assert_eq!(found(text), [link], "{text}");
        }
    }

    #[test]
    fn brackets_inside_stay_together() {
        assert_eq!(
            found("https://example.org/a[1](x"),
            ["https://example.org/a[1](x"]
        );
        assert_eq!(found("https://example.org/a("), ["https://example.org/a"]);
    }

    #[test]
    fn international_hosts_and_texts_are_understood() {
        for (text, link) in [
            ("https://bücher.example/ü", "https://bücher.example/ü"),
            ("https://例え.テスト/パス、次", "https://例え.テスト/パス"),
            ("見てhttps://example.comを見て", "https://example.com"),
            ("「https://example.com/a」と", "https://example.com/a"),
            ("https://example.com。次", "https://example.com"),
        ] {
            assert_eq!(found(text), [link], "{text}");
        }
        let tokens = tokenize("https://bücher.example/ü x");
        assert_eq!(hrefs(&tokens), ["https://xn--bcher-kva.example/%C3%BC"]);
    }

    #[test]
    fn what_only_looks_like_a_link_is_left_alone() {
        for text in [
            "http://",
            "https:// example.org",
            "xhttps://example.org",
            "javascript:alert(1)",
            "ftp://example.org",
            "https://bank.example@evil.example/",
            "https://user:secret@example.org",
            "https://.org",
            "https://-a.org",
            "https://exämple",
            "https://1.2.3.999/",
        ] {
            assert!(found(text).is_empty(), "{text}");
        }
        let long = format!("https://example.org/{}", "a".repeat(LINK_BYTES_MAX));
        assert!(found(&long).is_empty());
    }

    #[test]
    fn a_long_row_of_schemes_is_scanned_in_bounded_time() {
        let text = "http://a/".repeat(20_000);
        assert_eq!(found(&text).len(), 1);
    }
}
