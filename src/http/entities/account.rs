//! `Account` and `CredentialAccount`.
//!
//! Source: <https://docs.joinmastodon.org/entities/Account/>.

use serde::Serialize;

use super::Renderer;
use crate::clock::Timestamp;
use crate::domain::account::{self, OwnAccount, Role};
use crate::domain::text::render::{escape, to_html};
use crate::ids::AccountId;

/// An account as everybody sees it.
#[derive(Debug, Clone, Serialize)]
pub struct Account {
    /// What it is.
    #[serde(flatten)]
    pub body: AccountBody,
    /// What is counted of it.
    #[serde(flatten)]
    pub counts: AccountCounts,
}

/// The part of an account that is written once for as long as its profile stays.
#[derive(Debug, Clone, Serialize)]
pub struct AccountBody {
    /// Its id.
    pub id: AccountId,
    /// Its name.
    pub username: String,
    /// Its name, with the host where that is another's.
    pub acct: String,
    /// The name that people read; may be empty.
    pub display_name: String,
    /// Whether followers are asked for approval.
    pub locked: bool,
    /// Whether it posts by itself.
    pub bot: bool,
    /// Whether it wants to be found in directories.
    pub discoverable: bool,
    /// Whether its posts may be found by search.
    pub indexable: bool,
    /// Whether it is a group.
    pub group: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// The bio as HTML.
    pub note: String,
    /// Its page.
    pub url: String,
    /// Its lasting identifier.
    pub uri: String,
    /// Its picture.
    pub avatar: String,
    /// Its picture, standing still.
    pub avatar_static: String,
    /// Its banner.
    pub header: String,
    /// Its banner, standing still.
    pub header_static: String,
    /// Custom emoji in its texts.
    pub emojis: [(); 0],
    /// Roles that it shows.
    pub roles: [(); 0],
    /// The profile's table, as HTML.
    pub fields: Vec<Field>,
}

/// What is counted of an account.
#[derive(Debug, Clone, Serialize)]
pub struct AccountCounts {
    /// How many follow it.
    pub followers_count: i64,
    /// How many it follows.
    pub following_count: i64,
    /// How many open posts it has.
    pub statuses_count: i64,
    /// The day of its newest open post.
    pub last_status_at: Option<String>,
}

/// A row of a profile's table.
#[derive(Debug, Clone, Serialize)]
pub struct Field {
    /// What it is.
    pub name: String,
    /// What it says.
    pub value: String,
    /// When a link to a page was found to link back; never looked at here.
    pub verified_at: Option<Timestamp>,
}

/// An account as its holder sees it.
#[derive(Debug, Clone, Serialize)]
pub struct CredentialAccount {
    /// What everybody sees.
    #[serde(flatten)]
    pub account: Account,
    /// What it was written as.
    pub source: Source,
    /// What it may do on the instance.
    pub role: RoleEntity,
}

/// A profile's source texts and what posts start with.
#[derive(Debug, Clone, Serialize)]
pub struct Source {
    /// The visibility a new post starts with.
    pub privacy: &'static str,
    /// Whether a new post is marked sensitive.
    pub sensitive: bool,
    /// The language a new post starts with.
    pub language: Option<String>,
    /// The bio's source.
    pub note: String,
    /// The table's source.
    pub fields: Vec<Field>,
    /// How many ask to follow.
    pub follow_requests_count: i64,
    /// Whether it wants to be found in directories.
    pub discoverable: bool,
    /// Whether its posts may be found by search.
    pub indexable: bool,
    /// Whether its lists of followers are hidden.
    pub hide_collections: bool,
}

/// A role. The API for moderators isn't there, so no role gives a client a permission.
#[derive(Debug, Clone, Serialize)]
pub struct RoleEntity {
    /// Its id; Mastodon's number for everybody is -99.
    pub id: &'static str,
    /// Its name; empty for everybody.
    pub name: &'static str,
    /// Bits as a number in a text.
    pub permissions: &'static str,
    /// Its colour; empty for none.
    pub color: &'static str,
    /// Whether it is shown on profiles.
    pub highlighted: bool,
}

impl Renderer {
    /// An account as everybody sees it.
    pub fn account(&self, account: &account::Account) -> Account {
        let counts = account.counts;
        Account {
            body: self.account_body(account),
            counts: AccountCounts {
                followers_count: counts.followers,
                following_count: counts.following,
                statuses_count: counts.posts,
                last_status_at: counts.last_open_post.map(|post| post.time().date()),
            },
        }
    }

    /// The part of an account that is written once for as long as its profile stays.
    pub(super) fn account_body(&self, account: &account::Account) -> AccountBody {
        let avatar = self.avatar_url(account.id);
        let header = self.header_url(account.id);
        AccountBody {
            id: account.id,
            username: account.name.clone(),
            acct: account.name.clone(),
            display_name: account.display_name.clone(),
            locked: account.locked,
            bot: account.bot,
            discoverable: account.discoverable,
            indexable: true,
            group: false,
            created_at: account.id.time(),
            note: self.bio_html(&account.note),
            url: self.profile_url(&account.name),
            uri: self.account_uri(&account.name),
            avatar_static: avatar.clone(),
            avatar,
            header_static: header.clone(),
            header,
            emojis: [],
            roles: [],
            fields: account
                .fields
                .iter()
                .map(|field| Field {
                    name: escape(&field.name),
                    value: self.field_html(&field.value),
                    verified_at: None,
                })
                .collect(),
        }
    }

    /// An account as its holder sees it.
    pub fn credential_account(&self, own: &OwnAccount) -> CredentialAccount {
        let account = &own.account;
        CredentialAccount {
            account: self.account(account),
            source: Source {
                privacy: own.preferences.visibility.api_name(),
                sensitive: own.preferences.sensitive,
                language: own.preferences.language.clone(),
                note: account.note.clone(),
                fields: account
                    .fields
                    .iter()
                    .map(|field| Field {
                        name: field.name.clone(),
                        value: field.value.clone(),
                        verified_at: None,
                    })
                    .collect(),
                follow_requests_count: own.follow_requests_count,
                discoverable: account.discoverable,
                indexable: true,
                hide_collections: false,
            },
            role: RoleEntity::of(account.role),
        }
    }

    /// A bio as HTML. Names in it stay text: whether they belong to somebody isn't known here.
    pub fn bio_html(&self, note: &str) -> String {
        to_html(note, self.url(), |_| None)
    }

    /// A value of a profile's table as HTML: one line, so without a paragraph around it.
    pub fn field_html(&self, value: &str) -> String {
        let html = self.bio_html(value);
        let inner = html
            .strip_prefix("<p>")
            .and_then(|html| html.strip_suffix("</p>"));
        inner.map(str::to_owned).unwrap_or(html)
    }
}

impl RoleEntity {
    fn of(role: Role) -> Self {
        let (id, name) = match role {
            Role::User => ("-99", ""),
            Role::Moderator => ("1", "Moderator"),
            Role::Owner => ("3", "Owner"),
        };
        Self {
            id,
            name,
            permissions: "0",
            color: "",
            highlighted: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{ada, renderer};
    use super::*;
    use crate::domain::account::{Preferences, ProfileField};
    use crate::ids::PostId;
    use serde_json::json;

    #[test]
    fn an_account_has_every_field_that_clients_need() {
        let account = serde_json::to_value(renderer().account(&ada())).expect("JSON");
        assert_eq!(
            account,
            json!({
                "id": "100000000000000001",
                "username": "ada",
                "acct": "ada",
                "display_name": "Ada <3",
                "locked": false,
                "bot": false,
                "discoverable": true,
                "indexable": true,
                "group": false,
                "created_at": "2018-05-09T15:15:06.250Z",
                "note": "<p>Numbers &amp; looms</p>",
                "url": "https://kinglet.example/@ada",
                "uri": "https://kinglet.example/users/ada",
                "avatar": "https://kinglet.example/pictures/1/avatars/100000000000000001.png",
                "avatar_static": "https://kinglet.example/pictures/1/avatars/100000000000000001.png",
                "header": "https://kinglet.example/pictures/1/headers/100000000000000001.png",
                "header_static": "https://kinglet.example/pictures/1/headers/100000000000000001.png",
                "followers_count": 2,
                "following_count": 1,
                "statuses_count": 3,
                "last_status_at": null,
                "emojis": [],
                "roles": [],
                "fields": []
            })
        );
    }

    #[test]
    fn what_people_typed_is_escaped_but_not_in_the_source() {
        let mut account = ada();
        account.note = String::new();
        account.counts.last_open_post = Some(PostId(100_000_000_000_000_001));
        account.fields = vec![ProfileField {
            name: "<b>".to_owned(),
            value: "a & https://e.org".to_owned(),
        }];
        let own = OwnAccount {
            account,
            preferences: Preferences::default(),
            follow_requests_count: 4,
        };
        let json = serde_json::to_value(renderer().credential_account(&own)).expect("JSON");
        assert_eq!(json["note"], "");
        assert_eq!(json["last_status_at"], "2018-05-09");
        assert_eq!(json["fields"][0]["name"], "&lt;b&gt;");
        let value = json["fields"][0]["value"].as_str().expect("a text");
        assert!(value.starts_with("a &amp; <a href=\"https://e.org/\"") && !value.contains("<p>"));
        assert_eq!(
            json["source"],
            json!({
                "privacy": "public",
                "sensitive": false,
                "language": null,
                "note": "",
                "fields": [{"name": "<b>", "value": "a & https://e.org", "verified_at": null}],
                "follow_requests_count": 4,
                "discoverable": true,
                "indexable": true,
                "hide_collections": false
            })
        );
        assert_eq!(json["role"]["permissions"], "0");
    }
}
