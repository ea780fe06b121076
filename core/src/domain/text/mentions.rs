//! Mentions: `@name` and `@name@host` in a post.

use super::links::host_prefix;
use super::tokens::{Token, TokenKind};
use crate::domain::account_name::USERNAME_CHARS_MAX;
use crate::domain::text::characters::{is_unspaced, is_word};

/// How many different accounts one post can mention; further ones stay plain text.
pub const MENTIONS_PER_POST_MAX: usize = 50;

/// Longest name of an account on another server, bytes. Ours are shorter
/// ([`USERNAME_CHARS_MAX`]), but a foreign mention is still recognised as one.
const FOREIGN_NAME_BYTES_MAX: usize = 128;

/// A mention as it was written. Whether the account exists is not known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mention<'t> {
    /// The name in the letter case that was typed.
    pub name: &'t str,
    /// The host after the second `@`, with its port if there was one.
    pub host: Option<&'t str>,
}

impl Mention<'_> {
    /// The name as accounts are looked up: in lower case.
    #[must_use]
    pub fn key(&self) -> String {
        self.name.to_ascii_lowercase()
    }

    /// Whether the mention means an account of the instance at `local_host`
    /// (as in `example.org` or `localhost:3000`).
    #[must_use]
    pub fn is_local(&self, local_host: &str) -> bool {
        self.name.len() <= USERNAME_CHARS_MAX
            && self.name.bytes().all(is_name_byte)
            && self
                .host
                .is_none_or(|host| host.to_lowercase() == local_host.to_lowercase())
    }
}

/// The local accounts that `tokens` mention: keys (lower case), each once, in the order of
/// appearance. At most [`MENTIONS_PER_POST_MAX`].
#[must_use]
pub fn local_names(tokens: &[Token<'_>], local_host: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for token in tokens {
        if let TokenKind::Mention(mention) = &token.kind
            && mention.is_local(local_host)
        {
            let key = mention.key();
            if !names.contains(&key) {
                names.push(key);
            }
        }
    }
    names
}

/// The mention at the start of `rest`, which begins with `@`, and its length in bytes.
pub(super) fn mention_at<'t>(rest: &'t str, before: Option<char>) -> Option<(usize, Mention<'t>)> {
    // An address of mail (`me@example.org`) or a path (`/@name`) is not a mention.
    if before.is_some_and(|c| is_word(c) || matches!(c, '/' | '=')) {
        return None;
    }
    let text = rest.strip_prefix('@')?;
    if let Some((name, host)) = with_host(text) {
        return Some((
            1 + name.len() + 1 + host.len(),
            Mention {
                name,
                host: Some(host),
            },
        ));
    }
    let end = text
        .bytes()
        .position(|b| !is_name_byte(b))
        .unwrap_or(text.len());
    let follows = text[end..].chars().next();
    // `@joé` is nobody's name; but Japanese follows a name without a space.
    let ends_here = follows.is_none_or(|c| !is_word(c) || is_unspaced(c));
    if end == 0 || end > USERNAME_CHARS_MAX || !ends_here {
        return None;
    }
    Some((
        1 + end,
        Mention {
            name: &text[..end],
            host: None,
        },
    ))
}

/// Splits `name@host` from the start of `text`. Names elsewhere may have dots and dashes inside.
fn with_host(text: &str) -> Option<(&str, &str)> {
    let end = text
        .bytes()
        .take(FOREIGN_NAME_BYTES_MAX + 1)
        .position(|b| !is_name_byte(b) && !matches!(b, b'.' | b'-'))?;
    let name = &text[..end];
    let inner = |c: char| matches!(c, '.' | '-');
    if name.is_empty() || name.starts_with(inner) || name.ends_with(inner) {
        return None;
    }
    let host_and_more = text[end..].strip_prefix('@')?;
    let mut host_len = host_prefix(host_and_more);
    if host_len == 0 {
        return None;
    }
    host_len += port_prefix(&host_and_more[host_len..]);
    Some((name, &host_and_more[..host_len]))
}

/// Length in bytes of a `:port` at the start of `text`, 0 if there is none.
pub(super) fn port_prefix(text: &str) -> usize {
    let Some(port) = text.strip_prefix(':') else {
        return 0;
    };
    let digits = port.bytes().take_while(u8::is_ascii_digit).take(6).count();
    if (1..=5).contains(&digits) {
        1 + digits
    } else {
        0
    }
}

const fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokenize;
    use super::*;

    fn found(text: &str) -> Vec<String> {
        tokenize(text)
            .into_iter()
            .filter(|token| matches!(token.kind, TokenKind::Mention(_)))
            .map(|token| text[token.range].to_owned())
            .collect()
    }

    #[test]
    fn names_are_found_where_people_put_them() {
        assert_eq!(
            found("@ann, (@bob) and\n@Cy_3's"),
            ["@ann", "@bob", "@Cy_3"]
        );
        assert_eq!(found("@ann.\n.@bob: hi"), ["@ann", "@bob"]);
        assert_eq!(found("@annさんと @bob.smith"), ["@ann", "@bob"]);
    }

    #[test]
    fn what_only_looks_like_a_name_is_left_alone() {
        for text in [
            "me@example.org",
            "a/@ann",
            "?u=@ann",
            "@",
            "@@",
            "@ ann",
            "@joé",
            "é@ann",
        ] {
            assert!(found(text).is_empty(), "{text}");
        }
        assert!(found(&format!("@{}", "a".repeat(31))).is_empty());
        assert_eq!(found(&format!("@{}", "a".repeat(30))).len(), 1);
    }

    #[test]
    fn hosts_belong_to_the_mention() {
        assert_eq!(
            found("@ann@example.org. @b.c@bücher.example"),
            ["@ann@example.org", "@b.c@bücher.example"]
        );
        assert_eq!(found("@ann@localhost:3000/x"), ["@ann@localhost:3000"]);
        assert_eq!(found("@ann@ @bob"), ["@ann", "@bob"]);
    }

    #[test]
    fn only_local_names_are_collected_and_each_once() {
        let tokens = tokenize("@Ann @bob@there.example @ann @ANN@Here.Example @b.c@here.example");
        assert_eq!(local_names(&tokens, "here.example"), ["ann"]);
    }

    #[test]
    fn mentions_have_a_bound_but_repeats_are_free() {
        let many: String = (0..60).map(|n| format!("@n{n} ")).collect();
        let text = format!("{many}@n0 @N1");
        assert_eq!(found(&text).len(), MENTIONS_PER_POST_MAX + 2);
        assert_eq!(
            local_names(&tokenize(&text), "h").len(),
            MENTIONS_PER_POST_MAX
        );
    }
}
