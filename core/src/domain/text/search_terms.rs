//! From a text to the terms under which it is found.
//!
//! Words are folded (case, width, accents); scripts without spaces between words are cut into
//! overlapping pairs of characters, so that 東京 is found in 日本語の東京です. The result is for
//! FTS5 with `tokenize = 'ascii'`, which takes our terms as they are; `unicode61` works too, but cuts
//! words in scripts younger than its tables into pieces.
//!
//! What is stored is held against these terms by `kinglet check`. So whoever changes them adds a migration that has the index made
//! anew: it sets `search_index` in `meta` to `partial` and empties the index.

use super::characters::is_unspaced;
use crate::features;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

/// Longest term, characters; the rest of a longer word is not searched.
pub const TERM_CHARS_MAX: usize = 40;

/// The terms of `text`, separated by single spaces: only letters, marks and numbers, in lower case.
///
/// A run of n characters without spaces gives its n-1 pairs and then its last character alone, which
/// lets a single character be looked up as a prefix wherever it stands.
#[must_use]
pub fn index_terms(text: &str) -> String {
    let mut line = String::with_capacity(text.len() * 2);
    // No term reaches across white space, and most of what people write is quickly folded.
    for piece in text.split_ascii_whitespace() {
        if piece.is_ascii() {
            push_ascii(piece.as_bytes(), &mut line);
            continue;
        }
        for term in terms(piece) {
            begin_term(&mut line);
            line.push_str(&term.text);
        }
    }
    line
}

fn begin_term(line: &mut String) {
    if !line.is_empty() {
        line.push(' ');
    }
}

/// The terms of ASCII characters, as [`terms`] finds them.
fn push_ascii(piece: &[u8], line: &mut String) {
    // How many characters the term at the end of the line has; none between terms.
    let mut chars = None;
    for (place, byte) in piece.iter().enumerate() {
        if byte.is_ascii_alphanumeric() {
            let chars = chars.get_or_insert_with(|| {
                begin_term(line);
                0
            });
            if *chars < TERM_CHARS_MAX {
                line.push(char::from(byte.to_ascii_lowercase()));
                *chars += 1;
            }
        } else if !(*byte == b'\'' && chars.is_some() && joins(piece, place)) {
            chars = None;
        }
    }
}

/// Whether an apostrophe stands within a word or a number: rules WB6, WB7, WB11 and WB12 of Unicode's annex 29.
fn joins(piece: &[u8], place: usize) -> bool {
    match (piece.get(place.wrapping_sub(1)), piece.get(place + 1)) {
        (Some(before), Some(after)) => {
            (before.is_ascii_alphabetic() && after.is_ascii_alphabetic())
                || (before.is_ascii_digit() && after.is_ascii_digit())
        }
        _ => false,
    }
}

/// The terms of a post: of its warning and its text. None when this kinglet can't search posts.
#[must_use]
pub fn post_terms(spoiler: &str, text: &str) -> String {
    if !features::SEARCH {
        return String::new();
    }
    indexed_terms(spoiler, text)
}

/// The terms that a post with this warning and this text was indexed by, whether this kinglet can search or not.
///
/// They are what it is taken out of the index by, so for a text that is stored they must never change: other terms need a
/// migration that builds the index anew.
#[must_use]
pub fn indexed_terms(spoiler: &str, text: &str) -> String {
    index_terms(&format!("{spoiler}\n{text}"))
}

/// The terms that an account is found by and, as [`indexed_terms`], taken out of the index by.
#[must_use]
pub fn name_terms(name: &str, display_name: &str) -> String {
    index_terms(&format!("{name} {display_name}"))
}

/// A term and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    pub text: String,
    pub kind: TermKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TermKind {
    Word,
    Pair,
    /// The last character of a run; `alone` if it is also its first.
    Tail {
        alone: bool,
    },
}

/// The terms of `text` in order.
pub(super) fn terms(text: &str) -> Vec<Term> {
    let folded = fold(text);
    let mut terms = Vec::new();
    let mut rest = folded.as_str();
    while let Some(first) = rest.chars().next() {
        let unspaced = is_pairable(first);
        let end = rest
            .find(|c| is_pairable(c) != unspaced)
            .unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        if unspaced {
            push_pairs(run, &mut terms)
        } else {
            push_words(run, &mut terms)
        }
        rest = after;
    }
    terms
}

fn push_pairs(run: &str, terms: &mut Vec<Term>) {
    let chars: Vec<char> = run.chars().collect();
    for pair in chars.windows(2) {
        terms.push(Term {
            text: pair.iter().collect(),
            kind: TermKind::Pair,
        });
    }
    if let Some(last) = chars.last() {
        let kind = TermKind::Tail {
            alone: chars.len() == 1,
        };
        terms.push(Term {
            text: last.to_string(),
            kind,
        });
    }
}

/// Whether `c` is a letter of a script without spaces, and not one of its signs or radicals.
fn is_pairable(c: char) -> bool {
    is_unspaced(c) && is_term(c)
}

fn push_words(run: &str, terms: &mut Vec<Term>) {
    for word in run.unicode_words() {
        // Within a word the segmentation leaves dots, underscores and apostrophes. A part that
        // begins with a mark would have lost the letter that it belongs to.
        for part in word.split(|c: char| !is_term(c) && !is_apostrophe(c)) {
            let text: String = part
                .chars()
                .filter(|c| is_term(*c))
                .take(TERM_CHARS_MAX)
                .collect();
            if text.chars().any(char::is_alphanumeric) {
                terms.push(Term {
                    text,
                    kind: TermKind::Word,
                });
            }
        }
    }
}

fn is_term(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | 'ʼ')
}

/// Compatibility forms, accents and case taken away.
fn fold(text: &str) -> String {
    let bare: String = text.nfkd().filter(|c| !is_accent(*c)).collect();
    let mut folded = String::with_capacity(bare.len());
    // Lower case can bring an accent back: `İ` gives an `i` with a dot above.
    for c in bare.to_lowercase().nfkc().filter(|c| !is_accent(*c)) {
        match c {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            'ø' => folded.push('o'),
            'ð' | 'đ' => folded.push('d'),
            'ł' => folded.push('l'),
            'ħ' => folded.push('h'),
            'ı' => folded.push('i'),
            'ς' => folded.push('σ'),
            c => folded.push(c),
        }
    }
    folded
}

/// Marks that people leave out when they search: accents of Latin, Greek and Cyrillic, the points
/// of Hebrew and Arabic. The vowel signs of Indic scripts and the sound marks of Kana are letters
/// to those who read them and stay.
fn is_accent(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036F}' | '\u{0483}'..='\u{0487}' | '\u{0591}'..='\u{05BD}' | '\u{05BF}'
        | '\u{05C1}' | '\u{05C2}' | '\u{05C4}' | '\u{05C5}' | '\u{05C7}'
        | '\u{0610}'..='\u{061A}' | '\u{0640}' | '\u{064B}'..='\u{065F}' | '\u{0670}'
        | '\u{1AB0}'..='\u{1ACE}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20F0}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FE20}'..='\u{FE2F}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_folded() {
        assert_eq!(
            index_terms("Café ÅNGSTRÖM, Straße! ＡＢＣ"),
            "cafe angstrom strasse abc"
        );
        assert_eq!(index_terms("İstanbul Ёлка ΟΔΌΣ"), "istanbul елка οδοσ");
        assert_eq!(
            index_terms("don’t snake_case v1.2 #Tag @ann"),
            "dont snake case v1 2 tag ann"
        );
        assert_eq!(index_terms("https://example.org/a"), "https example org a");
        assert_eq!(index_terms(" \n-\"*:^ "), "");
    }

    #[test]
    fn scripts_without_spaces_become_pairs() {
        assert_eq!(index_terms("東京です"), "東京 京で です す");
        assert_eq!(index_terms("A東b"), "a 東 b");
        assert_eq!(index_terms("ｶﾞｷﾞ"), "ガギ ギ");
        assert_eq!(index_terms("⺀東"), "東");
        assert_eq!(index_terms("서울"), "서울 울");
    }

    #[test]
    fn terms_are_bounded() {
        assert_eq!(index_terms(&"x".repeat(500)).len(), TERM_CHARS_MAX);
    }

    proptest! {
        #[test]
        fn terms_hold_nothing_that_sqlite_could_read(text in any::<String>()) {
            let line = index_terms(&text);
            for term in line.split(' ').filter(|_| !line.is_empty()) {
                prop_assert!(!term.is_empty());
                prop_assert!(term.chars().count() <= TERM_CHARS_MAX);
                prop_assert!(term.chars().all(|c| is_term(c) && !c.is_ascii_uppercase()), "{term}");
            }
        }

        #[test]
        fn the_quick_way_finds_what_the_thorough_one_finds(
            text in prop_oneof![
                any::<String>(),
                "[ -~\t\n]{0,60}",
                "[a-c1-3'’._:,;@#/ \né\u{308}東Σ-]{0,40}",
            ],
        ) {
            let thorough: Vec<String> = terms(&text).into_iter().map(|term| term.text).collect();
            prop_assert_eq!(index_terms(&text), thorough.join(" "));
        }

        #[test]
        fn terms_are_stable(text in "[\\p{L}\\p{N}\\p{P} ]{0,20}") {
            let words: String = text.chars().filter(|c| !is_unspaced(*c)).collect();
            let once = index_terms(&words);
            prop_assume!(!once.chars().any(is_unspaced));
            prop_assert_eq!(index_terms(&once), once);
        }
    }
}
