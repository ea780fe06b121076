//! How long a post is, counted as Mastodon's clients count it.

use super::tokens::{TokenKind, tokenize};
use unicode_segmentation::UnicodeSegmentation;

/// What a link counts, whatever its length.
pub const LINK_CHARS: usize = 23;

/// Longest text and warning of a post together, bytes. Since one character can be piled up from
/// any number of marks, a limit in characters alone bounds nothing.
pub const POST_BYTES_MAX: usize = 65_536;

/// The length of a post with the content warning `warning` (empty if there is none): characters
/// as a person sees them (grapheme clusters, UAX #29), a link as [`LINK_CHARS`], a mention
/// without its host.
#[must_use]
pub fn post_chars(text: &str, warning: &str) -> usize {
    let mut countable = String::with_capacity(text.len() + warning.len());
    countable.push_str(warning);
    for token in tokenize(text) {
        match token.kind {
            TokenKind::Link(_) => countable.extend(std::iter::repeat_n('x', LINK_CHARS)),
            TokenKind::Mention(mention) => {
                countable.push('@');
                countable.push_str(mention.name);
            }
            _ => countable.push_str(&text[token.range]),
        }
    }
    countable.graphemes(true).count()
}

/// The number of characters of `text` as a person sees them, with nothing abbreviated.
#[must_use]
pub fn graphemes(text: &str) -> usize {
    text.graphemes(true).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_graphemes() {
        assert_eq!(post_chars("e\u{301}👩‍👩‍👧🇯🇵日", ""), 4);
        assert_eq!(post_chars("a\r\nb", ""), 3);
        assert_eq!(post_chars("", ""), 0);
    }

    #[test]
    fn links_count_the_same_and_hosts_nothing() {
        assert_eq!(post_chars("https://example.org", ""), 23);
        assert_eq!(
            post_chars(&format!("https://e.org/{}!", "a".repeat(300)), ""),
            24
        );
        assert_eq!(post_chars("@ann@example.org hi", ""), 7);
        assert_eq!(post_chars("#tag @ann", ""), 9);
    }

    #[test]
    fn the_warning_counts_in_full() {
        assert_eq!(post_chars("abc", "https://example.org"), 22);
    }
}
