//! `Instance` in its two versions, NodeInfo, and the documents around them.
//!
//! Sources: <https://docs.joinmastodon.org/entities/Instance/>, <https://docs.joinmastodon.org/entities/V1_Instance/>,
//! <https://github.com/jhass/nodeinfo/blob/main/schemas/2.1/schema.json>. They claim only what is built.

use serde::Serialize;

use super::Renderer;
use super::account::Account;
use crate::config::{Config, RegistrationMode};
use crate::domain::account_name::PROFILE_FIELDS_MAX;
use crate::domain::text::render::to_html;
use crate::ids::AccountId;
use crate::store::queries::instance::InstanceFacts;

/// The version of Mastodon's API that is spoken. Clients switch features on by it; 4.3 would promise grouped
/// notifications.
const API_VERSION: &str = "4.2.0";

/// What a URL counts in a post, in characters.
const CHARACTERS_PER_URL: u32 = 23;

/// The version in the form that clients know how to read.
pub fn version() -> String {
    format!(
        "{API_VERSION} (compatible; Kinglet {})",
        env!("CARGO_PKG_VERSION")
    )
}

/// `GET /api/v2/instance`.
#[derive(Debug, Clone, Serialize)]
pub struct Instance {
    /// The host, with its port if there is one.
    pub domain: String,
    /// Its name.
    pub title: String,
    /// See [`version`].
    pub version: String,
    /// What it is about.
    pub description: String,
    /// How many use it.
    pub usage: Usage,
    /// Its picture.
    pub thumbnail: Thumbnail,
    /// Icons; there are none of the kind that is meant.
    pub icon: [(); 0],
    /// Languages of the people there.
    pub languages: [&'static str; 1],
    /// Its bounds.
    pub configuration: Configuration,
    /// Whether and how one can join.
    pub registrations: Registrations,
    /// Whom to turn to.
    pub contact: Contact,
    /// Its rules.
    pub rules: [(); 0],
}

/// How many use an instance.
#[derive(Debug, Clone, Serialize)]
pub struct Usage {
    /// The people.
    pub users: UsageOfUsers,
}

/// How many people use an instance.
#[derive(Debug, Clone, Serialize)]
pub struct UsageOfUsers {
    /// Within four weeks.
    pub active_month: i64,
}

/// An instance's picture.
#[derive(Debug, Clone, Serialize)]
pub struct Thumbnail {
    /// Where it is.
    pub url: String,
}

/// An instance's bounds.
#[derive(Debug, Clone, Serialize)]
pub struct Configuration {
    /// Other addresses.
    pub urls: Urls,
    /// Of accounts.
    pub accounts: AccountBounds,
    /// Of posts.
    pub statuses: StatusBounds,
    /// Of media: none can be sent.
    pub media_attachments: MediaBounds,
    /// Of polls: none can be made.
    pub polls: PollBounds,
    /// Whether posts can be translated.
    pub translation: Translation,
}

/// Addresses beside the API's.
#[derive(Debug, Clone, Serialize)]
pub struct Urls {
    /// Where live updates are.
    pub streaming: String,
}

/// Bounds of accounts.
#[derive(Debug, Clone, Serialize)]
pub struct AccountBounds {
    /// Tags shown on a profile.
    pub max_featured_tags: u32,
    /// Posts pinned to a profile.
    pub max_pinned_statuses: u32,
    /// Rows of a profile's table.
    pub max_profile_fields: usize,
}

/// Bounds of posts.
#[derive(Debug, Clone, Serialize)]
pub struct StatusBounds {
    /// Characters, the warning included.
    pub max_characters: u32,
    /// Media.
    pub max_media_attachments: u32,
    /// What a URL counts.
    pub characters_reserved_per_url: u32,
}

/// Bounds of media.
#[derive(Debug, Clone, Serialize)]
pub struct MediaBounds {
    /// What can be sent.
    pub supported_mime_types: [&'static str; 0],
    /// Characters of a description.
    pub description_limit: u32,
    /// Bytes of a picture.
    pub image_size_limit: u32,
    /// Pixels of a picture.
    pub image_matrix_limit: u32,
    /// Bytes of a film.
    pub video_size_limit: u32,
    /// Pictures a second of a film.
    pub video_frame_rate_limit: u32,
    /// Pixels of a film's picture.
    pub video_matrix_limit: u32,
}

/// Bounds of polls.
#[derive(Debug, Clone, Serialize)]
pub struct PollBounds {
    /// Choices.
    pub max_options: u32,
    /// Characters of a choice.
    pub max_characters_per_option: u32,
    /// Shortest, in seconds.
    pub min_expiration: u32,
    /// Longest, in seconds.
    pub max_expiration: u32,
}

/// Whether posts can be translated.
#[derive(Debug, Clone, Serialize)]
pub struct Translation {
    /// Whether.
    pub enabled: bool,
}

/// Whether and how one can join.
#[derive(Debug, Clone, Serialize)]
pub struct Registrations {
    /// Whether a stranger can ask for an account.
    pub enabled: bool,
    /// Whether somebody has to agree.
    pub approval_required: bool,
    /// Why not.
    pub message: Option<String>,
    /// Where else.
    pub url: Option<String>,
}

/// Whom to turn to.
#[derive(Debug, Clone, Serialize)]
pub struct Contact {
    /// The mail address, "" for none.
    pub email: String,
    /// The account.
    pub account: Option<Account>,
}

/// `GET /api/v1/instance`, which older clients ask.
#[derive(Debug, Clone, Serialize)]
pub struct InstanceV1 {
    /// The bare host, with its port if there is one: no URL.
    pub uri: String,
    /// Its name.
    pub title: String,
    /// What it is about.
    pub short_description: String,
    /// What it is about, as HTML.
    pub description: String,
    /// The mail address, "" for none.
    pub email: String,
    /// See [`version`].
    pub version: String,
    /// Other addresses.
    pub urls: UrlsV1,
    /// Counts.
    pub stats: Stats,
    /// Its picture.
    pub thumbnail: String,
    /// Languages of the people there.
    pub languages: [&'static str; 1],
    /// Whether a stranger can ask for an account.
    pub registrations: bool,
    /// Whether somebody has to agree.
    pub approval_required: bool,
    /// Whether members can invite; they can't by themselves.
    pub invites_enabled: bool,
    /// Its bounds.
    pub configuration: ConfigurationV1,
    /// Whom to turn to.
    pub contact_account: Option<Account>,
    /// Its rules.
    pub rules: [(); 0],
}

/// Addresses beside the API's.
#[derive(Debug, Clone, Serialize)]
pub struct UrlsV1 {
    /// Where live updates are.
    pub streaming_api: String,
}

/// What an instance is made of.
#[derive(Debug, Clone, Serialize)]
pub struct Stats {
    /// Accounts.
    pub user_count: i64,
    /// Open posts.
    pub status_count: i64,
    /// Other instances that are known.
    pub domain_count: i64,
}

/// An instance's bounds, as the first version has them.
#[derive(Debug, Clone, Serialize)]
pub struct ConfigurationV1 {
    /// Of accounts.
    pub accounts: AccountBounds,
    /// Of posts.
    pub statuses: StatusBounds,
    /// Of media.
    pub media_attachments: MediaBounds,
    /// Of polls.
    pub polls: PollBounds,
}

/// NodeInfo 2.0 and 2.1.
#[derive(Debug, Clone, Serialize)]
pub struct NodeInfo {
    /// Of the schema.
    pub version: &'static str,
    /// What runs here.
    pub software: Software,
    /// Protocols between servers: none is spoken.
    pub protocols: [&'static str; 0],
    /// Services that are connected.
    pub services: Services,
    /// Whether a stranger can have an account at once.
    #[serde(rename = "openRegistrations")]
    pub open_registrations: bool,
    /// Counts.
    pub usage: NodeUsage,
    /// Whatever else.
    pub metadata: NodeMetadata,
}

/// What runs here, by its true name.
#[derive(Debug, Clone, Serialize)]
pub struct Software {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// Services that are connected: none.
#[derive(Debug, Clone, Serialize)]
pub struct Services {
    /// Whose posts come here.
    pub inbound: [&'static str; 0],
    /// Where posts go to.
    pub outbound: [&'static str; 0],
}

/// Counts of NodeInfo.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeUsage {
    /// The people.
    pub users: NodeUsers,
    /// Open posts.
    pub local_posts: i64,
}

/// How many people there are.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeUsers {
    /// In all.
    pub total: i64,
    /// Within four weeks.
    pub active_month: i64,
}

/// What NodeInfo leaves open.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeMetadata {
    /// The instance's name.
    pub node_name: String,
    /// What it is about.
    pub node_description: String,
}

impl StatusBounds {
    fn of(config: &Config) -> Self {
        Self {
            max_characters: config.limits.post_characters_max,
            max_media_attachments: 0,
            characters_reserved_per_url: CHARACTERS_PER_URL,
        }
    }
}

const ACCOUNT_BOUNDS: AccountBounds = AccountBounds {
    max_featured_tags: 0,
    max_pinned_statuses: 0,
    max_profile_fields: PROFILE_FIELDS_MAX,
};

const NO_MEDIA: MediaBounds = MediaBounds {
    supported_mime_types: [],
    description_limit: 0,
    image_size_limit: 0,
    image_matrix_limit: 0,
    video_size_limit: 0,
    video_frame_rate_limit: 0,
    video_matrix_limit: 0,
};

const NO_POLLS: PollBounds = PollBounds {
    max_options: 0,
    max_characters_per_option: 0,
    min_expiration: 0,
    max_expiration: 0,
};

const SOFTWARE: Software = Software {
    name: "kinglet",
    version: env!("CARGO_PKG_VERSION"),
};

fn can_ask_to_join(config: &Config) -> bool {
    matches!(
        config.registration.mode,
        RegistrationMode::Open | RegistrationMode::Approval
    )
}

impl Renderer {
    /// The instance's document.
    pub fn instance(&self, config: &Config, facts: &InstanceFacts) -> Instance {
        Instance {
            domain: self.host().to_owned(),
            title: config.instance.title.clone(),
            version: version(),
            description: config.instance.description.clone(),
            usage: Usage {
                users: UsageOfUsers {
                    active_month: facts.active_accounts,
                },
            },
            thumbnail: Thumbnail {
                url: self.thumbnail_url(),
            },
            icon: [],
            languages: ["en"],
            configuration: Configuration {
                urls: Urls {
                    streaming: self.streaming_url(),
                },
                accounts: ACCOUNT_BOUNDS,
                statuses: StatusBounds::of(config),
                media_attachments: NO_MEDIA,
                polls: NO_POLLS,
                translation: Translation { enabled: false },
            },
            registrations: Registrations {
                enabled: can_ask_to_join(config),
                approval_required: config.registration.mode == RegistrationMode::Approval,
                message: None,
                url: None,
            },
            contact: Contact {
                email: contact_email(config),
                account: facts.contact.as_ref().map(|account| self.account(account)),
            },
            rules: [],
        }
    }

    /// The instance's document for older clients.
    pub fn instance_v1(&self, config: &Config, facts: &InstanceFacts) -> InstanceV1 {
        InstanceV1 {
            uri: self.host().to_owned(),
            title: config.instance.title.clone(),
            short_description: config.instance.description.clone(),
            description: self.instance_description_html(config),
            email: contact_email(config),
            version: version(),
            urls: UrlsV1 {
                streaming_api: self.streaming_url(),
            },
            stats: Stats {
                user_count: facts.accounts,
                status_count: facts.posts,
                domain_count: 0,
            },
            thumbnail: self.thumbnail_url(),
            languages: ["en"],
            registrations: can_ask_to_join(config),
            approval_required: config.registration.mode == RegistrationMode::Approval,
            invites_enabled: false,
            configuration: ConfigurationV1 {
                accounts: ACCOUNT_BOUNDS,
                statuses: StatusBounds::of(config),
                media_attachments: NO_MEDIA,
                polls: NO_POLLS,
            },
            contact_account: facts.contact.as_ref().map(|account| self.account(account)),
            rules: [],
        }
    }

    /// NodeInfo in the given version of its schema; 2.0 and 2.1 have what is told here in common.
    pub fn nodeinfo(
        &self,
        config: &Config,
        facts: &InstanceFacts,
        version: &'static str,
    ) -> NodeInfo {
        NodeInfo {
            version,
            software: SOFTWARE,
            protocols: [],
            services: Services {
                inbound: [],
                outbound: [],
            },
            open_registrations: config.registration.mode == RegistrationMode::Open,
            usage: NodeUsage {
                users: NodeUsers {
                    total: facts.accounts,
                    active_month: facts.active_accounts,
                },
                local_posts: facts.posts,
            },
            metadata: NodeMetadata {
                node_name: config.instance.title.clone(),
                node_description: config.instance.description.clone(),
            },
        }
    }

    /// What the instance is about, as HTML.
    pub fn instance_description_html(&self, config: &Config) -> String {
        to_html(&config.instance.description, self.url(), |_| None)
    }

    /// No account has this id, so the picture is the instance's own.
    fn thumbnail_url(&self) -> String {
        self.header_url(AccountId(0))
    }

    /// Clients append the path themselves.
    fn streaming_url(&self) -> String {
        let scheme = if self.url.is_https() { "wss" } else { "ws" };
        format!("{scheme}://{}", self.host())
    }
}

fn contact_email(config: &Config) -> String {
    let email = config.instance.contact_email.as_ref();
    email.map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::samples::{ada, renderer};
    use super::*;
    use serde_json::{Value, json};

    fn facts(contact: bool) -> InstanceFacts {
        InstanceFacts {
            accounts: 3,
            active_accounts: 2,
            posts: 7,
            contact: contact.then(ada),
        }
    }

    fn json<T: Serialize>(entity: T) -> Value {
        serde_json::to_value(entity).expect("JSON")
    }

    #[test]
    fn what_strict_clients_decode_is_there() {
        let mut instance = json(renderer().instance(&Config::default(), &facts(true)));
        assert_eq!(instance["contact"]["account"]["acct"], "ada");
        instance["contact"]["account"] = Value::Null;
        assert_eq!(
            instance,
            json!({
                "domain": "kinglet.example",
                "title": "Kinglet",
                "version": format!("4.2.0 (compatible; Kinglet {})", env!("CARGO_PKG_VERSION")),
                "description": "A microblog that runs on kinglet.",
                "usage": {"users": {"active_month": 2}},
                "thumbnail": {"url": "https://kinglet.example/pictures/1/headers/0.png"},
                "icon": [],
                "languages": ["en"],
                "configuration": {
                    "urls": {"streaming": "wss://kinglet.example"},
                    "accounts": {"max_featured_tags": 0, "max_pinned_statuses": 0, "max_profile_fields": 4},
                    "statuses": {"max_characters": 500, "max_media_attachments": 0, "characters_reserved_per_url": 23},
                    "media_attachments": {
                        "supported_mime_types": [], "description_limit": 0, "image_size_limit": 0,
                        "image_matrix_limit": 0, "video_size_limit": 0, "video_frame_rate_limit": 0,
                        "video_matrix_limit": 0
                    },
                    "polls": {"max_options": 0, "max_characters_per_option": 0, "min_expiration": 0, "max_expiration": 0},
                    "translation": {"enabled": false}
                },
                "registrations": {"enabled": false, "approval_required": false, "message": null, "url": null},
                "contact": {"email": "", "account": null},
                "rules": []
            })
        );
    }

    #[test]
    fn the_first_version_has_a_bare_host_and_follows_the_settings() {
        let mut config = Config::default();
        for (setting, value) in [
            ("registration.mode", "approval"),
            ("limits.post_characters_max", "1000"),
            ("instance.contact_email", "ada@kinglet.example"),
        ] {
            config.set(setting, value).expect("a setting");
        }
        let instance = json(renderer().instance_v1(&config, &facts(false)));
        assert_eq!(instance["uri"], "kinglet.example");
        assert_eq!(instance["urls"]["streaming_api"], "wss://kinglet.example");
        assert_eq!(instance["email"], "ada@kinglet.example");
        assert_eq!(instance["registrations"], true);
        assert_eq!(instance["approval_required"], true);
        assert_eq!(instance["contact_account"], Value::Null);
        assert_eq!(
            instance["configuration"]["statuses"]["max_characters"],
            1000
        );
        assert_eq!(
            instance["stats"],
            json!({"user_count": 3, "status_count": 7, "domain_count": 0})
        );
        assert_eq!(
            instance["description"],
            "<p>A microblog that runs on kinglet.</p>"
        );
    }

    #[test]
    fn nodeinfo_tells_the_true_name() {
        let info = json(renderer().nodeinfo(&Config::default(), &facts(false), "2.0"));
        assert_eq!(
            info,
            json!({
                "version": "2.0",
                "software": {"name": "kinglet", "version": env!("CARGO_PKG_VERSION")},
                "protocols": [],
                "services": {"inbound": [], "outbound": []},
                "openRegistrations": false,
                "usage": {"users": {"total": 3, "activeMonth": 2}, "localPosts": 7},
                "metadata": {"nodeName": "Kinglet", "nodeDescription": "A microblog that runs on kinglet."}
            })
        );
    }
}
