//! Hashtags: `#tag` in a post, and the form under which tags are equal.

use super::characters::is_word;
use super::tokens::{Token, TokenKind};
use unicode_normalization::UnicodeNormalization;

/// How many different hashtags one post can have; further ones stay plain text.
pub const TAGS_PER_POST_MAX: usize = 50;

/// Longest hashtag without its `#`, characters; a longer one stays plain text.
pub const TAG_CHARS_MAX: usize = 100;

/// Longest normalised hashtag, bytes. NFKC can make eighteen characters of one.
pub const TAG_BYTES_MAX: usize = 800;

/// A hashtag found in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hashtag {
    /// The normalised name without `#`, as [`normalize`] makes it.
    pub name: String,
}

/// The name under which the tag `text` (without `#`) is stored and found: NFKC in lower case.
///
/// `None` if it is no tag: empty, too long, only digits, only underscores, or with characters that
/// no tag has.
#[must_use]
pub fn normalize(text: &str) -> Option<String> {
    let mut chars = 0;
    for c in text.chars() {
        chars += 1;
        if chars > TAG_CHARS_MAX || !is_tag(c) {
            return None;
        }
    }
    // Compatibility forms can decompose into what no tag has: `⑴` is `(1)`. Composing once more
    // makes the result its own normal form, as lower case may leave a letter and a mark apart.
    let folded: String = text.nfkc().collect::<String>().to_lowercase();
    let name: String = folded.nfkc().filter(|c| is_tag(*c)).collect();
    let starts = name
        .chars()
        .next()
        .is_some_and(|c| c == '_' || c.is_alphanumeric());
    let means_something = name.chars().any(|c| !c.is_numeric()) && name.chars().any(|c| c != '_');
    (starts && means_something && name.len() <= TAG_BYTES_MAX).then_some(name)
}

/// The normalised hashtags among `tokens`, each once, in the order of appearance. At most
/// [`TAGS_PER_POST_MAX`].
#[must_use]
pub fn names(tokens: &[Token<'_>]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for token in tokens {
        if let TokenKind::Hashtag(tag) = &token.kind
            && !names.contains(&tag.name)
        {
            names.push(tag.name.clone());
        }
    }
    names
}

/// The hashtag at the start of `rest`, which begins with `#` or `＃`, and its length in bytes.
pub(super) fn hashtag_at(rest: &str, before: Option<char>) -> Option<(usize, Hashtag)> {
    // `a#b`, `/page#part`, `?q=#x`, `&#39;` are no tags.
    if before.is_some_and(|c| is_word(c) || matches!(c, '/' | '=' | ')' | '&')) {
        return None;
    }
    let text = rest.strip_prefix(['#', '＃'])?;
    let sign = rest.len() - text.len();
    let mut end = 0;
    for (chars, (at, c)) in text.char_indices().enumerate() {
        if !is_tag(c) {
            break;
        }
        if chars >= TAG_CHARS_MAX {
            return None;
        }
        // A joiner or a middle dot belongs to the tag only when more of it follows.
        if !is_joint(c) {
            end = at + c.len_utf8();
        }
    }
    let name = normalize(&text[..end])?;
    Some((sign + end, Hashtag { name }))
}

fn is_tag(c: char) -> bool {
    is_word(c) || is_joint(c)
}

/// What joins the parts of a word in Catalan (`·`), Japanese (`・`) and Persian (the zero-width
/// non-joiner).
fn is_joint(c: char) -> bool {
    matches!(c, '\u{00B7}' | '\u{30FB}' | '\u{200C}')
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokenize;
    use super::*;
    use proptest::prelude::*;

    fn tags(text: &str) -> Vec<String> {
        names(&tokenize(text))
    }

    #[test]
    fn tags_of_many_languages_are_found() {
        assert_eq!(
            tags("#Rust and (#Straße), ＃日本 #हिन्दी #一年生"),
            ["rust", "straße", "日本", "हिन्दी", "一年生"]
        );
        assert_eq!(tags("#col·lecció. #a·"), ["col·lecció", "a"]);
        assert_eq!(tags("##double"), ["double"]);
    }

    #[test]
    fn equal_tags_have_one_name() {
        assert_eq!(
            tags("#Ｒust #RUST #rust #CAFÉ #cafe\u{301}"),
            ["rust", "café"]
        );
    }

    #[test]
    fn numbers_and_fragments_are_no_tags() {
        for text in [
            "#1", "#2024", "#①", "#__", "#", "# a", "C#x", "a_#b", "&#39;", "/#a", "#-a",
        ] {
            assert!(tags(text).is_empty(), "{text}");
        }
        assert_eq!(tags("#1st #2024_05"), ["1st", "2024_05"]);
        assert!(tags("see https://example.org/page#part").is_empty());
        assert!(tags("#\u{FE0F}\u{20E3}").is_empty());
    }

    #[test]
    fn tags_have_bounds() {
        assert!(tags(&format!("#{}", "a".repeat(101))).is_empty());
        assert_eq!(tags(&format!("#{}", "a".repeat(100))).len(), 1);
        let many: String = (0..80).map(|n| format!("#t{n} ")).collect();
        assert_eq!(tags(&many).len(), TAGS_PER_POST_MAX);
    }

    proptest! {
        #[test]
        fn a_name_is_its_own_normal_form(text in "\\PC{1,8}") {
            if let Some(name) = normalize(&text)
                && name.chars().count() <= TAG_CHARS_MAX
            {
                prop_assert_eq!(normalize(&name), Some(name.clone()));
            }
        }

        #[test]
        fn what_is_normal_is_found_again(text in "[\\p{L}\\p{N}_]{1,12}") {
            if let Some(name) = normalize(&text) {
                prop_assert_eq!(tags(&format!("x #{text}")), vec![name]);
            }
        }
    }
}
