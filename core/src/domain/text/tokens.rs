//! The tokenizer: cuts a post into text, mentions, hashtags, links and line ends.

use super::hashtags::{Hashtag, TAGS_PER_POST_MAX, hashtag_at};
use super::links::{Link, link_at};
use super::mentions::{MENTIONS_PER_POST_MAX, Mention, mention_at};
use std::collections::HashSet;
use std::ops::Range;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<'t> {
    /// Where it lies in the text, bytes.
    pub range: Range<usize>,
    /// What it is.
    pub kind: TokenKind<'t>,
}

/// What a piece of a text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenKind<'t> {
    /// Nothing special.
    Text,
    /// `@name` or `@name@host`.
    Mention(Mention<'t>),
    /// `#tag`.
    Hashtag(Hashtag),
    /// A URL.
    Link(Link),
    /// One line end.
    LineBreak,
    /// Two or more line ends with nothing but spaces and tabs between them.
    Paragraph,
}

/// Cuts `text` into tokens. They lie end to end and cover all of it; none is empty, and no two
/// [`TokenKind::Text`] are neighbours.
///
/// Mentions beyond [`MENTIONS_PER_POST_MAX`] different ones and hashtags beyond
/// [`TAGS_PER_POST_MAX`] are plain text.
#[must_use]
pub fn tokenize(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut bounds = Bounds::default();
    let mut plain_from = 0;
    let mut at = 0;
    let mut before = None;
    while let Some(c) = text[at..].chars().next() {
        let special = match c {
            '@' | '#' | '＃' | 'h' | 'H' => bounds.special_at(&text[at..], c, before),
            '\n' | '\r' => Some(line_ends_at(&text[at..])),
            _ => None,
        };
        let end = if let Some((len, kind)) = special {
            if plain_from < at {
                tokens.push(Token {
                    range: plain_from..at,
                    kind: TokenKind::Text,
                });
            }
            tokens.push(Token {
                range: at..at + len,
                kind,
            });
            plain_from = at + len;
            plain_from
        } else {
            at + c.len_utf8()
        };
        before = text[at..end].chars().next_back();
        at = end;
    }
    if plain_from < text.len() {
        tokens.push(Token {
            range: plain_from..text.len(),
            kind: TokenKind::Text,
        });
    }
    tokens
}

/// What has been found so far, to keep the bounds.
#[derive(Default)]
struct Bounds {
    mentions: HashSet<(String, Option<String>)>,
    tags: HashSet<String>,
}

impl Bounds {
    fn special_at<'t>(
        &mut self,
        rest: &'t str,
        first: char,
        before: Option<char>,
    ) -> Option<(usize, TokenKind<'t>)> {
        match first {
            '@' => {
                let (len, mention) = mention_at(rest, before)?;
                let key = (mention.key(), mention.host.map(str::to_lowercase));
                fits(&mut self.mentions, key, MENTIONS_PER_POST_MAX)
                    .then_some((len, TokenKind::Mention(mention)))
            }
            '#' | '＃' => {
                let (len, tag) = hashtag_at(rest, before)?;
                fits(&mut self.tags, tag.name.clone(), TAGS_PER_POST_MAX)
                    .then_some((len, TokenKind::Hashtag(tag)))
            }
            _ => link_at(rest, before).map(|(len, link)| (len, TokenKind::Link(link))),
        }
    }
}

/// Whether `key` was seen before or there is room for one more; remembers it.
fn fits<K: std::hash::Hash + Eq>(seen: &mut HashSet<K>, key: K, max: usize) -> bool {
    if seen.len() < max {
        seen.insert(key);
        return true;
    }
    seen.contains(&key)
}

/// The run of line ends (`\n`, `\r\n` or `\r`) at the start of `rest`. Nobody sees spaces and tabs that stand alone in a
/// line, so they belong to the run.
fn line_ends_at(rest: &str) -> (usize, TokenKind<'static>) {
    let mut lines = 0;
    let mut len = 0;
    let mut line = rest;
    while let Some(next) = line
        .strip_prefix("\r\n")
        .or_else(|| line.strip_prefix(['\r', '\n']))
    {
        lines += 1;
        len = rest.len() - next.len();
        line = next.trim_start_matches([' ', '\t']);
    }
    (
        len,
        if lines > 1 {
            TokenKind::Paragraph
        } else {
            TokenKind::LineBreak
        },
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Texts that are mostly made of what the tokenizer reacts to.
    pub(in super::super) fn tricky() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "\\PC",
            "[a-z0-9_.:/?#@()&<>\"' \\n\\r]{1,6}",
            Just("https://example.org/".to_owned()),
            Just("http://例え.テスト".to_owned()),
            Just("@ann".to_owned()),
            Just("@ann@example.org".to_owned()),
            Just("#tag".to_owned()),
            Just("日本".to_owned()),
            Just("e\u{301}\u{200d}".to_owned()),
        ];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    #[test]
    fn nothing_overlaps() {
        let text = "Hi @ann: https://example.org/@bob#part #tag\r\nnew\n\nend";
        let seen: Vec<_> = tokenize(text)
            .into_iter()
            .map(|token| {
                let name = match token.kind {
                    TokenKind::Text => 't',
                    TokenKind::Mention(_) => '@',
                    TokenKind::Hashtag(_) => '#',
                    TokenKind::Link(_) => 'l',
                    TokenKind::LineBreak => 'b',
                    TokenKind::Paragraph => 'p',
                };
                (name, &text[token.range])
            })
            .collect();
        assert_eq!(
            seen,
            [
                ('t', "Hi "),
                ('@', "@ann"),
                ('t', ": "),
                ('l', "https://example.org/@bob#part"),
                ('t', " "),
                ('#', "#tag"),
                ('b', "\r\n"),
                ('t', "new"),
                ('p', "\n\n"),
                ('t', "end"),
            ]
        );
    }

    #[test]
    fn a_line_of_spaces_is_an_empty_line() {
        for (text, breaks) in [
            ("a\n \t\nb", vec![(TokenKind::Paragraph, 1..5)]),
            ("a\n\n \r\n  b", vec![(TokenKind::Paragraph, 1..6)]),
            ("a \n b", vec![(TokenKind::LineBreak, 2..3)]),
            // Typed on purpose: it is as wide as a letter.
            (
                "a\n\u{3000}\nb",
                vec![(TokenKind::LineBreak, 1..2), (TokenKind::LineBreak, 5..6)],
            ),
        ] {
            let found: Vec<_> = tokenize(text)
                .into_iter()
                .filter(|token| token.kind != TokenKind::Text)
                .map(|token| (token.kind, token.range))
                .collect();
            assert_eq!(found, breaks, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn tokens_cover_the_text(text in tricky()) {
            let mut at = 0;
            let mut was_text = false;
            for token in tokenize(&text) {
                prop_assert_eq!(token.range.start, at);
                prop_assert!(token.range.end > at);
                prop_assert!(text.is_char_boundary(token.range.end));
                let is_text = token.kind == TokenKind::Text;
                prop_assert!(!(is_text && was_text));
                was_text = is_text;
                at = token.range.end;
            }
            prop_assert_eq!(at, text.len());
        }
    }
}
