//! The JSON shapes of Mastodon's API. Nothing else serialises.
//!
//! Clients crash on what is null or missing against expectation, so an entity's fields are always there: texts are "",
//! lists are `[]`, and only what Mastodon itself documents as nullable may be null. No address of this instance is
//! stored anywhere: the [`Renderer`] builds them.

pub mod account;
pub mod application;
pub mod fragments;
pub mod instance;
pub mod marker;
pub mod notification;
pub mod preferences;
pub mod relationship;
pub mod search;
pub mod status;
pub mod tag;

#[cfg(test)]
mod samples;

use crate::config::InstanceUrl;
use crate::ids::{AccountId, PostId};
use crate::pictures;

/// Turns what the actors answer into entities.
#[derive(Debug, Clone)]
pub struct Renderer {
    url: InstanceUrl,
}

impl Renderer {
    /// A renderer for the instance at `url`.
    pub fn new(url: InstanceUrl) -> Self {
        Self { url }
    }

    /// The instance's address, without a slash at its end.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The instance's host, with its port if there is one.
    pub fn host(&self) -> &str {
        self.url.authority()
    }

    /// An account's page.
    pub fn profile_url(&self, name: &str) -> String {
        self.url.profile_url(name)
    }

    /// An account's lasting identifier.
    pub fn account_uri(&self, name: &str) -> String {
        self.url.account_uri(name)
    }

    /// A post's page.
    pub fn post_url(&self, name: &str, post: PostId) -> String {
        self.url.post_url(name, post)
    }

    /// A post's lasting identifier.
    pub fn post_uri(&self, name: &str, post: PostId) -> String {
        self.url.post_uri(name, post)
    }

    /// A tag's page.
    pub fn tag_url(&self, name: &str) -> String {
        self.url.tag_url(name)
    }

    /// An account's avatar.
    pub fn avatar_url(&self, account: AccountId) -> String {
        format!("{}{}", self.url(), pictures::avatar_path(account))
    }

    /// An account's header.
    pub fn header_url(&self, account: AccountId) -> String {
        format!("{}{}", self.url(), pictures::header_path(account))
    }
}
