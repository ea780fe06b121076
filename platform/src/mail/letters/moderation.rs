//! Letters to those who run the instance.

use super::render::{content, excerpt, site_title, who};
use super::{Block, Content, Footer, Letter, Person, Site};
use crate::domain::mail::MailKind;

/// Somebody signed up and waits for approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignUp {
    /// Name of the moderator's account, without `@`.
    pub recipient: String,
    /// Who signed up.
    pub person: Person,
    /// Why, in the person's words; empty for none.
    pub reason: String,
    /// Where the sign-up is answered.
    pub link: String,
    /// Where mail of this kind is turned off.
    pub unsubscribe: String,
}

impl SignUp {
    /// It in a line, for a digest.
    pub(super) fn what(&self) -> String {
        format!("{} waits for approval", who(&self.person))
    }
}

impl Letter for SignUp {
    fn content(&self, site: &Site) -> Content {
        let who = who(&self.person);
        let mut blocks = vec![
            Block::Paragraph(format!("Hello @{},", self.recipient)),
            Block::Paragraph(format!(
                "{who} would like to join {} and waits for approval.",
                site_title(site)
            )),
        ];
        let reason = excerpt(&self.reason);
        if reason.is_empty() {
            blocks.push(Block::Paragraph("No reason was given.".to_owned()));
        } else {
            blocks.push(Block::Quote(reason));
        }
        blocks.push(Block::Button {
            label: "Approve or reject",
            url: self.link.clone(),
        });
        let footer = Footer::optional(site, MailKind::SignUp, &self.unsubscribe);
        content(&self.what(), &blocks, &footer)
    }
}
