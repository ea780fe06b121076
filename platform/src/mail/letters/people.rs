//! Letters about what other people did: mentions, requests to follow, and both in a digest.

use super::render::{content, excerpt, site_title, who};
use super::{Block, Content, Footer, Letter, Person, SignUp, Site};
use crate::domain::mail::MailKind;

/// The most entries that a digest shows; the rest is told as a number.
pub const DIGEST_ENTRIES_MAX: usize = 50;

/// Somebody mentioned the recipient, or replied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// Name of the account that is written to, without `@`.
    pub recipient: String,
    /// Who wrote the post.
    pub sender: Person,
    /// Whether it is a reply to a post of the recipient.
    pub is_reply: bool,
    /// The post's text; `None` when it has to stay on the site: followers-only, direct and warned posts.
    pub excerpt: Option<String>,
    /// The post's address.
    pub link: String,
    /// Where mail of this kind is turned off.
    pub unsubscribe: String,
}

impl Mention {
    fn what(&self) -> String {
        let who = who(&self.sender);
        if self.is_reply {
            format!("{who} replied to you")
        } else {
            format!("{who} mentioned you")
        }
    }

    fn quote(&self) -> Option<Block> {
        let text = self.excerpt.as_deref()?;
        let text = excerpt(text);
        (!text.is_empty()).then_some(Block::Quote(text))
    }
}

impl Letter for Mention {
    fn content(&self, site: &Site) -> Content {
        let what = self.what();
        let mut blocks = vec![
            Block::Paragraph(format!("Hello @{},", self.recipient)),
            Block::Paragraph(format!("{what} on {}.", site_title(site))),
        ];
        blocks.extend(self.quote());
        if self.excerpt.is_none() {
            blocks.push(Block::Paragraph(
                "What it says is not for everyone, so it stays on the site.".to_owned(),
            ));
        }
        blocks.push(Block::Button {
            label: "Read and answer",
            url: self.link.clone(),
        });
        let footer = Footer::optional(site, MailKind::Mention, &self.unsubscribe);
        content(&what, &blocks, &footer)
    }
}

/// Somebody wants to follow the recipient, who decides about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowRequest {
    /// Name of the account that is written to, without `@`.
    pub recipient: String,
    /// Who wants to follow.
    pub sender: Person,
    /// Where the request is answered.
    pub link: String,
    /// Where mail of this kind is turned off.
    pub unsubscribe: String,
}

impl FollowRequest {
    fn what(&self) -> String {
        format!("{} wants to follow you", who(&self.sender))
    }
}

impl Letter for FollowRequest {
    fn content(&self, site: &Site) -> Content {
        let what = self.what();
        let blocks = [
            Block::Paragraph(format!("Hello @{},", self.recipient)),
            Block::Paragraph(format!(
                "{what} on {}. You decide: nobody is told if you say no.",
                site_title(site)
            )),
            Block::Button {
                label: "Accept or reject",
                url: self.link.clone(),
            },
        ];
        let footer = Footer::optional(site, MailKind::FollowRequest, &self.unsubscribe);
        content(&what, &blocks, &footer)
    }
}

/// Several mentions and requests in one letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Name of the account that is written to, without `@`.
    pub recipient: String,
    /// The mentions and replies, oldest first.
    pub mentions: Vec<Mention>,
    /// The requests to follow, oldest first.
    pub follow_requests: Vec<FollowRequest>,
    /// Who waits for approval, oldest first.
    pub sign_ups: Vec<SignUp>,
    /// How many more there are that aren't listed.
    pub more: usize,
    /// Where all of it is read.
    pub link: String,
    /// Which kind of mail the next one turns off.
    pub kind: MailKind,
    /// Where mail of that kind is turned off.
    pub unsubscribe: String,
}

impl Letter for Digest {
    fn content(&self, site: &Site) -> Content {
        let listed = self.mentions.len() + self.follow_requests.len() + self.sign_ups.len();
        let all = listed + self.more;
        let title = site_title(site);
        let news = if all == 1 {
            "one thing".to_owned()
        } else {
            format!("{all} things")
        };
        let mut blocks = vec![
            Block::Paragraph(format!("Hello @{},", self.recipient)),
            Block::Paragraph(format!("{news} happened for you on {title}.")),
        ];
        let mut room = DIGEST_ENTRIES_MAX;
        for mention in self.mentions.iter().take(room) {
            blocks.push(Block::Link {
                label: mention.what(),
                url: mention.link.clone(),
            });
            blocks.extend(mention.quote());
        }
        room -= self.mentions.len().min(room);
        for request in self.follow_requests.iter().take(room) {
            blocks.push(Block::Link {
                label: request.what(),
                url: request.link.clone(),
            });
        }
        room -= self.follow_requests.len().min(room);
        for sign_up in self.sign_ups.iter().take(room) {
            blocks.push(Block::Link {
                label: sign_up.what(),
                url: sign_up.link.clone(),
            });
        }
        let left_out = self.more + listed.saturating_sub(DIGEST_ENTRIES_MAX);
        if left_out > 0 {
            blocks.push(Block::Paragraph(format!("And {left_out} more.")));
        }
        blocks.push(Block::Button {
            label: "See all of it",
            url: self.link.clone(),
        });
        let footer = Footer::optional(site, self.kind, &self.unsubscribe);
        content(&format!("{news} happened on {title}"), &blocks, &footer)
    }
}
