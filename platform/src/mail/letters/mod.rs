//! What each letter says.
//!
//! A letter is written once, as a few blocks, and both its parts are made of them, so that the plain text and the HTML
//! can't say different things. Nothing in it is loaded from anywhere and nothing tells whether it was read.

mod account;
mod moderation;
mod people;
mod render;

use crate::config::{Config, InstanceUrl};
use crate::domain::mail::MailKind;

pub use account::{Approved, Confirm, LogIn, Reset, Test};
pub use moderation::SignUp;
pub use people::{DIGEST_ENTRIES_MAX, Digest, FollowRequest, Mention};

/// The most characters of a name in a letter.
pub const NAME_CHARACTERS_MAX: usize = 60;

/// The most characters of somebody's text in a letter.
pub const EXCERPT_CHARACTERS_MAX: usize = 1000;

/// The most lines of somebody's text in a letter.
pub const EXCERPT_LINES_MAX: usize = 40;

/// Who sends the letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The instance's name.
    pub title: String,
    /// Its public address without a slash at the end.
    pub url: String,
}

impl Site {
    /// The instance with these settings at this address.
    pub fn of(config: &Config, url: &InstanceUrl) -> Self {
        Self {
            title: config.instance.title.clone(),
            url: url.to_string(),
        }
    }
}

/// What a letter says, in both forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The subject, in one line.
    pub subject: String,
    /// The plain text, wrapped at 72 columns.
    pub text: String,
    /// The same as a page of HTML.
    pub html: String,
}

/// Any letter.
pub trait Letter {
    /// What it says.
    fn content(&self, site: &Site) -> Content;
}

/// Somebody whom a letter tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The account's name without `@`.
    pub name: String,
    /// What the person calls themself; empty for nothing.
    pub display_name: String,
}

/// A piece of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Block {
    /// Some sentences.
    Paragraph(String),
    /// What somebody wrote.
    Quote(String),
    /// The link that the letter is about.
    Button { label: &'static str, url: String },
    /// Another link.
    Link { label: String, url: String },
}

/// Why the letter was sent, and how to get no more of the kind.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Footer {
    why: String,
    about: &'static str,
    unsubscribe: Option<String>,
}

impl Footer {
    /// Of a letter that somebody asked for, or that has to be sent.
    fn required(site: &Site) -> Self {
        let why = format!("{} ({}) sent this.", render::site_title(site), site.url);
        Self {
            why,
            about: "",
            unsubscribe: None,
        }
    }

    /// Of a letter that may be unsubscribed at `url`.
    fn optional(site: &Site, kind: MailKind, url: &str) -> Self {
        let title = render::site_title(site);
        Self {
            why: format!(
                "{title} ({}) sent this, because you get mail about {}.",
                site.url,
                kind.label()
            ),
            about: kind.label(),
            unsubscribe: Some(url.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
