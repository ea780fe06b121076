//! Accounts: the person behind posts, and what the instance lets that person do.

use serde::{Deserialize, Serialize};

use super::account_name::{ProfileFault, clean_bio, clean_display_name, clean_fields};
use super::rendered::Counted;
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
    /// Signed up, has not shown yet that the mail address is its own.
    Unconfirmed,
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
    /// What is counted of it.
    pub counts: AccountCounts,
}

/// What is counted of an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountCounts {
    /// How many accounts follow it.
    pub followers: i64,
    /// How many accounts it follows.
    pub following: i64,
    /// How many of its public and unlisted posts and boosts there are; what strangers can't see is not counted.
    pub posts: i64,
    /// Its newest public or unlisted entry.
    pub last_open_post: Option<PostId>,
}

impl AccountCounts {
    /// Counts a new public or unlisted entry.
    pub fn add_open_entry(&mut self, entry: PostId) {
        self.posts += 1;
        self.last_open_post = self.last_open_post.max(Some(entry));
    }
}

impl Counted for Account {
    type Counts = AccountCounts;

    fn counts_mut(&mut self) -> &mut AccountCounts {
        &mut self.counts
    }
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

/// An account as its holder sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAccount {
    /// What everybody sees.
    pub account: Account,
    /// What its posts start with.
    pub preferences: Preferences,
    /// How many ask to follow it.
    pub follow_requests_count: i64,
}

/// Changes of an account by its holder. What is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileChanges {
    /// The name that people read.
    pub display_name: Option<String>,
    /// The bio.
    pub note: Option<String>,
    /// The profile's table.
    pub fields: Option<Vec<ProfileField>>,
    /// Whether followers are asked for approval.
    pub locked: Option<bool>,
    /// Whether it posts by itself.
    pub bot: Option<bool>,
    /// Whether it wants to be found in directories.
    pub discoverable: Option<bool>,
    /// The visibility a new post starts with.
    pub post_visibility: Option<Visibility>,
    /// Whether a new post is marked sensitive.
    pub post_sensitive: Option<bool>,
    /// The language a new post starts with; the inner `None` for no particular one.
    pub post_language: Option<Option<String>>,
}

/// The longest language code, in bytes.
pub const LANGUAGE_BYTES_MAX: usize = 35;

impl ProfileChanges {
    /// The changes as they are stored: texts without what can't be seen.
    ///
    /// # Errors
    /// What is too long or too much.
    pub fn cleaned(self) -> Result<Self, ProfileFault> {
        let fields = match &self.fields {
            None => None,
            Some(fields) => {
                let pairs = fields
                    .iter()
                    .map(|field| (field.name.as_str(), field.value.as_str()));
                let clean = clean_fields(pairs)?.into_iter();
                Some(
                    clean
                        .map(|(name, value)| ProfileField { name, value })
                        .collect(),
                )
            }
        };
        Ok(Self {
            display_name: self
                .display_name
                .as_deref()
                .map(clean_display_name)
                .transpose()?,
            note: self.note.as_deref().map(clean_bio).transpose()?,
            fields,
            ..self
        })
    }
}

/// A language's code as it is stored, or `None` when the text is none: the form of BCP 47, letters and
/// digits in parts of at most eight.
pub fn language_code(text: &str) -> Option<String> {
    let is_part = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let mut parts = text.split('-');
    let first = parts.next()?;
    let has_language =
        (2..=3).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_alphabetic());
    (text.len() <= LANGUAGE_BYTES_MAX && has_language && parts.all(is_part))
        .then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_codes_have_the_form_of_bcp_47() {
        for good in ["en", "de-AT", "zh-Hant-TW", "nds"] {
            assert_eq!(language_code(good).as_deref(), Some(good));
        }
        for bad in [
            "",
            "e",
            "english",
            "en-",
            "en--US",
            "12",
            "en_US",
            "<b>",
            "en-waytoolongpart",
        ] {
            assert_eq!(language_code(bad), None, "{bad}");
        }
    }

    #[test]
    fn changes_are_cleaned_or_refused() {
        let changes = ProfileChanges {
            display_name: Some("  A\u{202e}da  ".to_owned()),
            fields: Some(vec![ProfileField {
                name: String::new(),
                value: String::new(),
            }]),
            ..ProfileChanges::default()
        };
        let clean = changes.cleaned().expect("within bounds");
        assert_eq!(clean.display_name.as_deref(), Some("Ada"));
        assert_eq!(clean.fields, Some(Vec::new()), "empty rows are left out");
        let long = ProfileChanges {
            note: Some("x".repeat(501)),
            ..ProfileChanges::default()
        };
        assert_eq!(long.cleaned(), Err(ProfileFault::BioTooLong));
    }
}
