//! Accounts: the person behind posts, and what the instance lets that person do.

use serde::{Deserialize, Serialize};

use super::visibility::Visibility;
use crate::ids::{AccountId, PostId};

/// What an account may do on the instance beside posting. Asked at every request, whatever a token claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A member.
    User,
    /// Looks after members.
    Moderator,
    /// Decides everything; there is always at least one.
    Owner,
}

impl Role {
    /// The role's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Moderator => "moderator",
            Self::Owner => "owner",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::User, Self::Moderator, Self::Owner]
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or_else(|| format!("{text:?} is not a role: owner, moderator or user"))
    }
}

/// Where an account is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountState {
    /// In use.
    Active,
    /// Signed up, waits for a moderator.
    Pending,
    /// Hidden on every road, undone without loss.
    Suspended,
    /// Hidden for ever; its rows are being removed, its name stays taken.
    Deleted,
}

impl AccountState {
    /// Whether others see nothing of the account.
    pub const fn is_hidden(self) -> bool {
        !matches!(self, Self::Active)
    }
}

/// A row of the table on a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileField {
    /// What it is.
    pub name: String,
    /// Plain text or a link.
    pub value: String,
}

/// An account as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name, in the case it was chosen; unique whatever the case.
    pub name: String,
    /// The name that people read; may be empty.
    pub display_name: String,
    /// The bio's source text.
    pub note: String,
    /// The profile's table.
    pub fields: Vec<ProfileField>,
    /// Whether followers are asked for approval.
    pub locked: bool,
    /// Whether it posts by itself.
    pub bot: bool,
    /// Whether it wants to be found in directories.
    pub discoverable: bool,
    /// Where it is in its life.
    pub state: AccountState,
    /// Its role.
    pub role: Role,
    /// How many accounts follow it.
    pub followers_count: i64,
    /// How many accounts it follows.
    pub following_count: i64,
    /// How many of its public and unlisted posts and boosts there are; what strangers can't see is not counted.
    pub posts_count: i64,
    /// Its newest public or unlisted entry.
    pub last_open_post: Option<PostId>,
}

/// What only its holder knows of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferences {
    /// The visibility a new post starts with.
    pub visibility: Visibility,
    /// Whether a new post is marked sensitive.
    pub sensitive: bool,
    /// The language a new post starts with.
    pub language: Option<String>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            visibility: Visibility::Public,
            sensitive: false,
            language: None,
        }
    }
}
