//! From what somebody typed into the search box to an expression for SQLite's FTS5.
//!
//! Nothing that is typed is an error: what has no meaning here is searched as words, and every
//! term reaches SQLite within quotes and made of letters and numbers only.

use super::search_terms::{Term, TermKind, terms};
use crate::domain::account_name::USERNAME_CHARS_MAX;
use std::fmt::Write as _;

/// How much of a query is read, bytes.
pub const QUERY_BYTES_MAX: usize = 1024;

/// How many words and phrases of a query are used; the others are ignored.
pub const QUERY_PHRASES_MAX: usize = 16;

/// How many terms of one word or phrase are used; the others are ignored.
pub const PHRASE_TERMS_MAX: usize = 64;

/// A last word this short, characters, is not completed: it would match too much.
pub const PREFIX_CHARS_MIN: usize = 2;

/// A query, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchQuery {
    /// What to ask the index that holds [`index_terms`](super::search_terms::index_terms):
    /// the right side of `MATCH`. `None` if no word is asked for.
    pub matches: Option<String>,
    /// Whose posts: the name after `from:`, in lower case; `me` means the reader.
    pub from: Option<String>,
}

/// Takes `text` apart; `None` if it asks for nothing.
///
/// - words must all be there, in any order; the last one may be the beginning of a word
/// - `"several words"` must be there as they are
/// - `-word` and `-"words"` must not be there (only together with words that must)
/// - `from:name` or `from:@name`: only posts by that account; of several, the last counts
#[must_use]
pub fn parse(text: &str) -> Option<SearchQuery> {
    let mut query = SearchQuery::default();
    let mut wanted: Vec<String> = Vec::new();
    let mut unwanted: Vec<String> = Vec::new();
    let mut rest = text[..text.floor_char_boundary(QUERY_BYTES_MAX)].trim();
    while !rest.is_empty() && wanted.len() + unwanted.len() < QUERY_PHRASES_MAX {
        let (piece, after) = next_piece(rest);
        rest = after.trim_start();
        if let Some(name) = author(&piece) {
            query.from = Some(name);
            continue;
        }
        let completes = rest.is_empty() && !piece.quoted && !piece.excluded;
        let Some(phrase) = phrase(&terms(piece.words), completes) else {
            continue;
        };
        if piece.excluded {
            unwanted.push(phrase)
        } else {
            wanted.push(phrase)
        }
    }
    if !wanted.is_empty() {
        let mut expression = wanted.join(" AND ");
        if !unwanted.is_empty() {
            expression = format!("({expression})");
            for phrase in unwanted {
                // Writing to a string can't fail.
                let _ = write!(expression, " NOT {phrase}");
            }
        }
        query.matches = Some(expression);
    }
    (query != SearchQuery::default()).then_some(query)
}

/// A word or a quoted phrase of the query.
struct Piece<'q> {
    words: &'q str,
    quoted: bool,
    excluded: bool,
}

/// Splits the first piece from `text`, which does not begin with white space.
fn next_piece(text: &str) -> (Piece<'_>, &str) {
    let bare = text.strip_prefix('-');
    let excluded = bare.is_some();
    let text = bare.unwrap_or(text);
    if let Some(inner) = text.strip_prefix(is_quote) {
        // A phrase that is not closed goes on to the end.
        let (words, after) = inner.split_once(is_quote).unwrap_or((inner, ""));
        return (
            Piece {
                words,
                quoted: true,
                excluded,
            },
            after,
        );
    }
    let end = text
        .find(|c: char| c.is_whitespace() || is_quote(c))
        .unwrap_or(text.len());
    let (words, after) = text.split_at(end);
    (
        Piece {
            words,
            quoted: false,
            excluded,
        },
        after,
    )
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '«' | '»' | '＂')
}

/// The name in `from:name`, in lower case.
fn author(piece: &Piece<'_>) -> Option<String> {
    if piece.quoted || piece.excluded {
        return None;
    }
    let (operator, name) = piece.words.split_once(':')?;
    let name = name.strip_prefix('@').unwrap_or(name);
    let is_name = (1..=USERNAME_CHARS_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    (operator.eq_ignore_ascii_case("from") && is_name).then(|| name.to_ascii_lowercase())
}

/// The FTS5 phrase that finds `terms` one after the other; `None` if there are none.
fn phrase(terms: &[Term], completes: bool) -> Option<String> {
    let mut terms = &terms[..terms.len().min(PHRASE_TERMS_MAX)];
    let mut is_prefix = false;
    match terms.last()?.kind {
        // In the text more characters may follow the last pair.
        TermKind::Tail { alone: false } => terms = &terms[..terms.len() - 1],
        // A single character is the beginning of a pair, or a tail.
        TermKind::Tail { alone: true } => is_prefix = true,
        TermKind::Word if completes => {
            is_prefix = terms.last()?.text.chars().count() >= PREFIX_CHARS_MIN;
        }
        TermKind::Word | TermKind::Pair => {}
    }
    let words: Vec<&str> = terms.iter().map(|term| term.text.as_str()).collect();
    Some(format!(
        "\"{}\"{}",
        words.join(" "),
        if is_prefix { " *" } else { "" }
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(text: &str) -> Option<String> {
        parse(text).and_then(|query| query.matches)
    }

    #[test]
    fn words_phrases_and_exclusions_become_an_expression() {
        for (text, expression) in [
            ("Café", "\"cafe\" *"),
            ("red green", "\"red\" AND \"green\" *"),
            ("\"red green\"", "\"red green\""),
            ("a -b -\"c d\"", "(\"a\") NOT \"b\" NOT \"c d\""),
            ("red \"open", "\"red\" AND \"open\""),
            ("e-mail x", "\"e mail\" AND \"x\""),
            ("東京", "\"東京\""),
            ("日本語", "\"日本 本語\""),
            ("語", "\"語\" *"),
            ("東京tower", "\"東京 京 tower\" *"),
            (
                "OR AND NEAR(a b)",
                "\"or\" AND \"and\" AND \"near a\" AND \"b\"",
            ),
            ("name:x* ^y", "\"name x\" AND \"y\""),
        ] {
            assert_eq!(matches(text).as_deref(), Some(expression), "{text}");
        }
    }

    #[test]
    fn the_author_is_taken_out() {
        let query = parse("from:@Ann cats").expect("it asks for something");
        assert_eq!(query.from.as_deref(), Some("ann"));
        assert_eq!(query.matches.as_deref(), Some("\"cats\" *"));
        let query = parse("FROM:me").expect("it asks for something");
        assert_eq!((query.matches, query.from.as_deref()), (None, Some("me")));
        assert_eq!(matches("from:a.b").as_deref(), Some("\"from a b\""));
    }

    #[test]
    fn nothing_asks_for_nothing() {
        for text in [
            "", "  ", "-", "\"\"", "*", "-x", "\u{0}", "()", "^\"\"-\"", "👍",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn queries_are_bounded() {
        let long = "ab ".repeat(10_000);
        let expression = matches(&long).expect("it asks for something");
        assert_eq!(expression.matches("AND").count(), QUERY_PHRASES_MAX - 1);
        let dots = format!("\"{}\"", "a ".repeat(400));
        let expression = matches(&dots).expect("it asks for something");
        assert_eq!(expression.matches('a').count(), PHRASE_TERMS_MAX);
    }
}
