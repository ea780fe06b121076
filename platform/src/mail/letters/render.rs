//! From blocks to the two parts of a letter.

use askama::Template;

use super::{
    Block, Content, EXCERPT_CHARACTERS_MAX, EXCERPT_LINES_MAX, Footer, NAME_CHARACTERS_MAX, Person,
    Site,
};
use crate::mail::one_line;

/// The most characters of a line of plain text, addresses apart (RFC 3676, section 4.2 asks for less than 80).
const COLUMNS_MAX: usize = 72;

/// The most characters of a subject.
const SUBJECT_CHARACTERS_MAX: usize = 160;

#[derive(Template)]
#[template(path = "letter.txt", escape = "none", whitespace = "preserve")]
struct TextPart<'a> {
    blocks: &'a [String],
    footer: &'a str,
}

#[derive(Template)]
#[template(path = "letter.html", whitespace = "preserve")]
struct HtmlPart<'a> {
    subject: &'a str,
    blocks: &'a [Block],
    footer: &'a Footer,
}

/// Both parts.
pub(super) fn content(subject: &str, blocks: &[Block], footer: &Footer) -> Content {
    let subject = one_line(subject, SUBJECT_CHARACTERS_MAX);
    let texts: Vec<String> = blocks.iter().map(text_of).collect();
    let text = TextPart {
        blocks: &texts,
        footer: &footer_text(footer),
    };
    let html = HtmlPart {
        subject: &subject,
        blocks,
        footer,
    };
    let because = "templates of texts alone can't fail";
    Content {
        text: text.render().expect(because) + "\n",
        html: html.render().expect(because) + "\n",
        subject,
    }
}

/// The instance's name.
pub(super) fn site_title(site: &Site) -> String {
    one_line(&site.title, NAME_CHARACTERS_MAX)
}

/// `Display Name (@name)`, or `@name`.
pub(super) fn who(person: &Person) -> String {
    let name = one_line(&person.name, NAME_CHARACTERS_MAX);
    let display_name = one_line(&person.display_name, NAME_CHARACTERS_MAX);
    if display_name.is_empty() || display_name == name {
        format!("@{name}")
    } else {
        format!("{display_name} (@{name})")
    }
}

/// Somebody's text with its lines, cut where it is long.
pub(super) fn excerpt(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut left = EXCERPT_CHARACTERS_MAX;
    for line in text.trim().lines() {
        if left == 0 || lines.len() == EXCERPT_LINES_MAX {
            lines.push("…".to_owned());
            break;
        }
        let line = one_line(line, left);
        left -= line.chars().count();
        lines.push(line);
    }
    lines.join("\n")
}

fn text_of(block: &Block) -> String {
    match block {
        Block::Paragraph(text) => wrapped(text, ""),
        Block::Quote(text) => {
            let lines: Vec<String> = text.lines().map(|line| wrapped(line, "> ")).collect();
            lines.join("\n")
        }
        Block::Button { label, url } => format!("{label}:\n{url}"),
        Block::Link { label, url } => format!("{}\n{url}", wrapped(label, "")),
    }
}

fn footer_text(footer: &Footer) -> String {
    let why = wrapped(&footer.why, "");
    match &footer.unsubscribe {
        Some(url) => format!(
            "{why}\nUnsubscribe from mail about {}:\n{url}",
            footer.about
        ),
        None => why,
    }
}

/// The text in lines of at most [`COLUMNS_MAX`] characters, each with `prefix`; longer words stay whole.
fn wrapped(text: &str, prefix: &str) -> String {
    let mut lines = String::from(prefix);
    let mut column = prefix.chars().count();
    let start = column;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > start && column + 1 + length > COLUMNS_MAX {
            lines.push('\n');
            lines.push_str(prefix);
            column = start;
        } else if column > start {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
    }
    lines
}
