//! Classes of characters that the other modules of text agree on.

use unicode_normalization::char::is_combining_mark;

/// Whether `c` belongs to a script that is written without spaces between words, or (Korean) with
/// particles glued to them, so that a word may start or end next to any other letter.
#[must_use]
pub fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0E01}'..='\u{0E4E}'   // Thai
        | '\u{0E81}'..='\u{0EDF}' // Lao
        | '\u{1000}'..='\u{103F}' | '\u{1050}'..='\u{108F}' // Myanmar
        | '\u{1780}'..='\u{17D3}' // Khmer
        | '\u{1100}'..='\u{11FF}' | '\u{A960}'..='\u{A97C}' | '\u{AC00}'..='\u{D7FB}' // Hangul
        | '\u{3130}'..='\u{318E}' | '\u{FFA0}'..='\u{FFDC}' // Hangul, compatibility forms
        | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3031}'..='\u{3035}'
        | '\u{3038}'..='\u{303C}' // ideographic iteration marks, numerals
        | '\u{3041}'..='\u{309F}' // Hiragana
        | '\u{30A1}'..='\u{30FA}' | '\u{30FC}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' // Katakana
        | '\u{FF66}'..='\u{FF9F}' // Katakana, half width
        | '\u{3105}'..='\u{312F}' | '\u{31A0}'..='\u{31BF}' // Bopomofo
        | '\u{2E80}'..='\u{2FD5}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAD9}' | '\u{1B000}'..='\u{1B16F}' | '\u{20000}'..='\u{323AF}' // Han
    )
}

/// Whether `c` may be part of a word: letters and numbers of any script, the underscore, and marks
/// that combine with the letter before them (but not the selectors that make an emoji of it).
#[must_use]
pub fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric() || (is_combining_mark(c) && !is_emoji_mark(c))
}

/// Variation selectors and the enclosing keycap.
fn is_emoji_mark(c: char) -> bool {
    matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{20E3}' | '\u{E0100}'..='\u{E01EF}')
}

/// Whether `c` overrides or embeds a writing direction. Left open, such a character turns round
/// whatever the page shows after it, so it can make a name or a link read as another.
///
/// The plain direction marks (U+200E, U+200F, U+061C) are not among them: they move only their
/// neighbours and are needed to write mixed text.
#[must_use]
pub fn is_direction_override(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Whether `c` shows nothing by itself: white space, zero-width and filler characters, marks that
/// have no letter to stand on.
#[must_use]
pub fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || is_direction_override(c)
        || is_emoji_mark(c)
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2065}'
            | '\u{206A}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{E0000}'..='\u{E007F}')
}

/// Several lines as they may be stored: line ends become `\n`, other control characters (NUL
/// among them) are left out except the tab, white space at the end and blank lines at the start
/// go away.
#[must_use]
pub fn clean_lines(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                clean.push('\n');
            }
            '\n' | '\t' => clean.push(c),
            c if c.is_control() => {}
            c => clean.push(c),
        }
    }
    clean.truncate(clean.trim_end().len());
    let blank_lines = clean.len() - clean.trim_start().len();
    let first_line = clean[..blank_lines].rfind('\n').map_or(0, |at| at + 1);
    clean.drain(..first_line);
    clean
}

/// One line as it may be stored: white space of any kind and length becomes one space, control
/// characters and direction overrides are left out, both ends are trimmed.
#[must_use]
pub fn clean_line(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_whitespace() {
            if !clean.is_empty() && !clean.ends_with(' ') {
                clean.push(' ');
            }
        } else if !c.is_control() && !is_direction_override(c) {
            clean.push(c);
        }
    }
    clean.truncate(clean.trim_end().len());
    clean
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_keep_their_shape_and_lose_what_is_invisible() {
        assert_eq!(clean_lines("\r\n \r\n  a\rb\0\tc\u{7f}\n\n"), "  a\nb\tc");
        assert_eq!(clean_lines(" \n\t"), "");
    }

    #[test]
    fn a_line_is_one_line_and_can_not_turn_its_neighbours() {
        assert_eq!(clean_line("  a \n\n b\u{202E}c\u{0}  "), "a bc");
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing(text in "(\\PC|[\\n\\r\\t\\x00 \u{202e}]){0,60}") {
            let lines = clean_lines(&text);
            prop_assert_eq!(clean_lines(&lines), lines.clone());
            let line = clean_line(&text);
            prop_assert_eq!(clean_line(&line), line);
        }
    }
}
