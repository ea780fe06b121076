//! `Application`, as the author of a status and as its own description.
//!
//! Source: <https://docs.joinmastodon.org/entities/Application/>.

use serde::Serialize;

use crate::domain::access::App;
use crate::domain::post::PostApp;
use crate::ids::AppId;
use crate::secret::Secret;

/// What stands where the key for push messages belongs: clients crash on an empty one. No push message is sent yet, and
/// no subscription taken, so this is nobody's key: the base point of the curve P-256 (SEC 2, section 2.4.2).
const VAPID_KEY: &str =
    "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU=";

/// The client that a status was written with.
#[derive(Debug, Clone, Serialize)]
pub struct StatusApplication {
    /// Its name.
    pub name: String,
    /// Its website.
    pub website: Option<String>,
}

impl StatusApplication {
    /// As the readers of a post see it.
    pub fn of(app: &PostApp) -> Self {
        Self {
            name: app.name.clone(),
            website: app.website.clone(),
        }
    }
}

/// A client, as it sees itself.
#[derive(Debug, Clone, Serialize)]
pub struct Application {
    /// Its id.
    pub id: AppId,
    /// Its name.
    pub name: String,
    /// Its website.
    pub website: Option<String>,
    /// The most that it may ask for.
    pub scopes: Vec<&'static str>,
    /// Where codes may be sent to.
    pub redirect_uris: Vec<String>,
    /// The same in one text, a line each.
    pub redirect_uri: String,
    /// The key for push messages.
    pub vapid_key: &'static str,
}

/// A client that was just registered.
#[derive(Debug, Clone, Serialize)]
pub struct CredentialApplication {
    /// What it is.
    #[serde(flatten)]
    pub application: Application,
    /// Its name in OAuth.
    pub client_id: String,
    /// Its secret, shown this once.
    pub client_secret: String,
    /// When the secret ends; 0 for never.
    pub client_secret_expires_at: i64,
}

impl Application {
    /// A client as it sees itself.
    pub fn of(app: &App) -> Self {
        Self {
            id: app.id,
            name: app.name.clone(),
            website: app.website.clone(),
            scopes: app.scopes.iter().collect(),
            redirect_uris: app.redirect_uris.clone(),
            redirect_uri: app.redirect_uris.join("\n"),
            vapid_key: VAPID_KEY,
        }
    }
}

impl CredentialApplication {
    /// A client that was just registered.
    pub fn of(app: &App, secret: Secret<String>) -> Self {
        Self {
            application: Application::of(app),
            client_id: app.client_id.clone(),
            client_secret: secret.into_exposed(),
            client_secret_expires_at: 0,
        }
    }
}
