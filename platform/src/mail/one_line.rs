//! Texts of strangers as they may stand in a line of a mail.

use unicode_segmentation::UnicodeSegmentation as _;

/// The text in one line of at most `characters_max` characters, cut between graphemes and marked with `…`.
///
/// Ends of lines and other control characters become spaces; marks that turn the direction of writing or can't be seen
/// are left out, since with them a name could pretend to be another or swallow what follows.
#[must_use]
pub fn one_line(text: &str, characters_max: usize) -> String {
    let seen: String = text.chars().filter(|c| !is_unseen(*c)).collect();
    let words = seen.split(|c: char| c.is_control() || c.is_whitespace());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    if line.chars().count() <= characters_max {
        return line;
    }
    let mut cut = String::new();
    // One place is kept for the mark.
    let mut left = characters_max.saturating_sub(1);
    for grapheme in line.graphemes(true) {
        let length = grapheme.chars().count();
        if length > left {
            break;
        }
        left -= length;
        cut.push_str(grapheme);
    }
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

/// Directional formatting (Unicode Standard Annex 9), line and paragraph separators, invisible operators, tags.
const fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{61c}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_joined_and_marks_left_out() {
        assert_eq!(one_line(" Ann\r\nBcc: x@y \t z", 80), "Ann Bcc: x@y z");
        assert_eq!(one_line("a\u{202e}b\u{2066}c\u{0}d", 80), "abc d");
        assert_eq!(one_line("👩‍👧 family", 80), "👩‍👧 family");
        assert_eq!(one_line("\u{202e}\r\n", 80), "");
    }

    #[test]
    fn long_lines_are_cut_and_say_so() {
        assert_eq!(one_line("abcdefgh", 5), "abcd…");
        assert_eq!(one_line("ab 👩‍👧", 5), "ab…");
        let long = one_line(&"é".repeat(10_000), 60);
        assert_eq!(long.chars().count(), 60);
    }

    proptest! {
        #[test]
        fn nothing_ends_the_line_and_the_bound_holds(text in "(?s:.*)", max in 1_usize..90) {
            let line = one_line(&text, max);
            prop_assert!(!line.chars().any(|c| c.is_control() || is_unseen(c)));
            prop_assert!(line.chars().count() <= max);
        }
    }
}
