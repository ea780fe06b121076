//! Letters about the recipient's own account.

use super::render::{content, site_title};
use super::{Block, Content, Footer, Letter, Site};
use crate::domain::mail::MailKind;
use crate::mail::one_line;

/// The most characters of a browser's name.
const BROWSER_CHARACTERS_MAX: usize = 120;

fn paragraph(text: impl Into<String>) -> Block {
    Block::Paragraph(text.into())
}

/// Asks whether an address is the recipient's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    /// Name of the account, without `@`.
    pub recipient: String,
    /// Opening it confirms the address.
    pub link: String,
}

impl Letter for Confirm {
    fn content(&self, site: &Site) -> Content {
        let title = site_title(site);
        let blocks = [
            paragraph(format!("Hello @{},", self.recipient)),
            paragraph(format!(
                "please confirm that this address is yours. Until then, {title} sends no other mail to it."
            )),
            Block::Button {
                label: "Confirm this address",
                url: self.link.clone(),
            },
            paragraph("If you didn't ask for this, do nothing: somebody mistyped their address."),
        ];
        content(
            &format!("Confirm your address for {title}"),
            &blocks,
            &Footer::required(site),
        )
    }
}

/// Brings the link with which a forgotten password is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reset {
    /// Name of the account, without `@`.
    pub recipient: String,
    /// Where the new password is chosen.
    pub link: String,
}

impl Letter for Reset {
    fn content(&self, site: &Site) -> Content {
        let title = site_title(site);
        let blocks = [
            paragraph(format!("Hello @{},", self.recipient)),
            paragraph(format!(
                "somebody, hopefully you, asked for a new password on {title}."
            )),
            Block::Button {
                label: "Choose a new password",
                url: self.link.clone(),
            },
            paragraph("The link works for one hour, and once."),
            paragraph("If you didn't ask for this, do nothing: your password stays as it is."),
        ];
        content(
            &format!("Choose a new password for {title}"),
            &blocks,
            &Footer::required(site),
        )
    }
}

/// Warns of a log-in from somewhere new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogIn {
    /// Name of the account, without `@`.
    pub recipient: String,
    /// When, in the account's time zone, as people write it.
    pub when: String,
    /// The browser or application, as people call it.
    pub browser: String,
    /// Where sessions are ended and the password is changed.
    pub link: String,
    /// Where mail of this kind is turned off.
    pub unsubscribe: String,
}

impl Letter for LogIn {
    fn content(&self, site: &Site) -> Content {
        let title = site_title(site);
        let browser = one_line(&self.browser, BROWSER_CHARACTERS_MAX);
        let blocks = [
            paragraph(format!("Hello @{},", self.recipient)),
            paragraph(format!(
                "somebody logged in to your account on {title}: {}, with {browser}.",
                one_line(&self.when, BROWSER_CHARACTERS_MAX)
            )),
            paragraph("If that was you, all is well."),
            paragraph("If not, end that session and change your password at once."),
            Block::Button {
                label: "See your sessions",
                url: self.link.clone(),
            },
        ];
        let footer = Footer::optional(site, MailKind::LogIn, &self.unsubscribe);
        content(&format!("New log-in to {title}"), &blocks, &footer)
    }
}

/// Tells that a sign-up was approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// Name of the account, without `@`.
    pub recipient: String,
    /// Where to log in.
    pub link: String,
}

impl Letter for Approved {
    fn content(&self, site: &Site) -> Content {
        let title = site_title(site);
        let blocks = [
            paragraph(format!("Hello @{},", self.recipient)),
            paragraph(format!(
                "your account on {title} was approved. Welcome! You can log in now."
            )),
            Block::Button {
                label: "Log in",
                url: self.link.clone(),
            },
        ];
        content(
            &format!("Welcome to {title}"),
            &blocks,
            &Footer::required(site),
        )
    }
}

/// Shows whoever runs the instance that mail works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Test;

impl Letter for Test {
    fn content(&self, site: &Site) -> Content {
        let title = site_title(site);
        let blocks = [paragraph(format!(
            "This is a test: mail from {title} reaches you."
        ))];
        content(
            &format!("Mail from {title} works"),
            &blocks,
            &Footer::required(site),
        )
    }
}
