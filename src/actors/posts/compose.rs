//! From what a person wrote to what a unit can publish: everything that needs no transaction.

use crate::domain::account;
use crate::domain::refusal::Refusal;
use crate::domain::text::{characters, count, hashtags, mentions, search_terms, tokens};
use crate::store::units::PreparedText;

/// The rules that a text must keep.
#[derive(Debug, Clone)]
pub struct TextRules {
    /// The most characters, as Mastodon's clients count them.
    pub characters_max: usize,
    /// This instance's host: `@name@host` means a member of it.
    pub local_host: String,
}

/// A text as a person wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// The text.
    pub text: String,
    /// The content warning; empty for none.
    pub spoiler: String,
    /// Whether it is sensitive; `None` leaves it to the author's preferences.
    pub sensitive: Option<bool>,
    /// ISO 639 code of its language; `None` leaves it to the author's preferences.
    pub language: Option<String>,
}

/// Cleans a text, holds it against the rules and finds what is in it.
///
/// # Errors
/// An empty or over-long text, or a language that is no code.
pub fn prepare(draft: &Draft, rules: &TextRules) -> Result<PreparedText, Refusal> {
    if draft.text.len() + draft.spoiler.len() > count::POST_BYTES_MAX {
        return Err(too_long(rules));
    }
    let mut text = characters::clean_lines(&draft.text);
    let mut spoiler = characters::clean_line(&draft.spoiler);
    // A warning about nothing is the text itself.
    if text.is_empty() {
        text = std::mem::take(&mut spoiler);
    }
    if text.chars().all(characters::is_blank) {
        return Err(Refusal::invalid("Validation failed: Text can't be blank"));
    }
    if count::post_chars(&text, &spoiler) > rules.characters_max {
        return Err(too_long(rules));
    }
    let tokens = tokens::tokenize(&text);
    Ok(PreparedText {
        mentioned_names: mentions::local_names(&tokens, &rules.local_host),
        tags: hashtags::names(&tokens),
        terms: search_terms::post_terms(&spoiler, &text),
        sensitive: draft.sensitive.or((!spoiler.is_empty()).then_some(true)),
        language: language(draft.language.as_deref())?,
        spoiler,
        text,
    })
}

fn too_long(rules: &TextRules) -> Refusal {
    Refusal::invalid(format!(
        "Validation failed: Text character limit of {} exceeded",
        rules.characters_max
    ))
}

fn language(code: Option<&str>) -> Result<Option<String>, Refusal> {
    match code.map(str::trim) {
        None | Some("") => Ok(None),
        Some(code) => account::language_code(code)
            .map(Some)
            .ok_or_else(|| Refusal::invalid("Validation failed: Language is not a language code")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(text: &str, spoiler: &str) -> Result<PreparedText, Refusal> {
        let rules = TextRules {
            characters_max: 20,
            local_host: "birds.example".to_owned(),
        };
        let draft = Draft {
            text: text.into(),
            spoiler: spoiler.into(),
            ..Draft::default()
        };
        prepare(&draft, &rules)
    }

    #[test]
    fn blank_texts_are_refused_whatever_they_are_blank_with() {
        for blank in ["", "  \n ", "\u{200b}\u{200b}", "\0"] {
            assert!(prepared(blank, "").is_err(), "{blank:?}");
        }
        assert_eq!(
            prepared("", "only a warning").expect("has text").text,
            "only a warning"
        );
    }

    #[test]
    fn the_limit_counts_text_and_warning() {
        assert!(prepared(&"x".repeat(20), "").is_ok());
        assert!(prepared(&"x".repeat(21), "").is_err());
        assert!(prepared(&"x".repeat(15), "warning").is_err());
    }

    #[test]
    fn names_and_tags_are_found() {
        let text = prepared("@Ada @b@birds.example #Tit", "").expect("a good text");
        assert_eq!(text.mentioned_names, ["ada", "b"]);
        assert_eq!(text.tags, ["tit"]);
    }

    #[test]
    fn a_warning_marks_a_text_sensitive_unless_the_author_says_otherwise() {
        assert_eq!(
            prepared("text", "cw").expect("a good text").sensitive,
            Some(true)
        );
        assert_eq!(prepared("text", "").expect("a good text").sensitive, None);
    }
}
