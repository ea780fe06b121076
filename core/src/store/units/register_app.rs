//! A client introduces itself.

use super::sweep::forget_unused_apps;
use crate::domain::access::App;
use crate::domain::oauth::{REDIRECT_URIS_MAX, check_redirect_uri};
use crate::domain::refusal::Refusal;
use crate::domain::scope::Scopes;
use crate::secret::TokenHash;
use crate::store::tables::apps::{self, NewApp};
use crate::store::writer::{Unit, UnitError, Write};

/// The longest name of a client, in characters.
pub const APP_NAME_CHARS_MAX: usize = 60;
/// The longest address of a client's website, in bytes.
pub const APP_WEBSITE_BYTES_MAX: usize = 2000;

/// The most clients that nobody ever wrote with; one more takes the place of the oldest that nobody uses.
pub const APPS_UNUSED_MAX: usize = 10_000;
/// The most clients that make room for one.
const APPS_PER_UNIT_MAX: usize = 10;

/// Registers a client.
#[derive(Debug, Clone)]
pub struct RegisterApp {
    /// Its name in OAuth, random.
    pub client_id: String,
    /// The hash of its secret.
    pub secret: TokenHash,
    /// What people know it by.
    pub name: String,
    /// Where people read about it.
    pub website: Option<String>,
    /// Where codes may be sent to.
    pub redirect_uris: Vec<String>,
    /// The most that it may ask for.
    pub scopes: Scopes,
}

impl Unit for RegisterApp {
    type Answer = App;

    fn apply(&self, write: &mut Write<'_>) -> Result<App, UnitError> {
        self.check()?;
        if apps::are_unused_at_least(write.connection, APPS_UNUSED_MAX)? {
            forget_unused_apps(write, write.now, APPS_PER_UNIT_MAX)?;
        }
        let id = apps::insert(
            write.connection,
            &NewApp {
                client_id: &self.client_id,
                secret: self.secret,
                name: &self.name,
                website: self.website.as_deref(),
                redirect_uris: &self.redirect_uris,
                scopes: &self.scopes,
                made_at: write.now,
            },
        )?;
        Ok(App {
            id,
            client_id: self.client_id.clone(),
            name: self.name.clone(),
            website: self.website.clone(),
            redirect_uris: self.redirect_uris.clone(),
            scopes: self.scopes.clone(),
            made_at: write.now,
        })
    }
}

impl RegisterApp {
    fn check(&self) -> Result<(), Refusal> {
        if self.name.trim().is_empty() {
            return Err(Refusal::invalid(
                "Validation failed: Application name can't be blank",
            ));
        }
        if self.name.chars().count() > APP_NAME_CHARS_MAX {
            return Err(Refusal::invalid(format!(
                "Validation failed: Application name is too long (at most {APP_NAME_CHARS_MAX} characters)"
            )));
        }
        if let Some(website) = &self.website {
            let is_web = website.starts_with("https://") || website.starts_with("http://");
            if !is_web || website.len() > APP_WEBSITE_BYTES_MAX {
                return Err(Refusal::invalid(
                    "Validation failed: Application website must be a web address",
                ));
            }
        }
        if self.redirect_uris.is_empty() {
            return Err(Refusal::invalid(
                "Validation failed: Redirect URI can't be blank",
            ));
        }
        if self.redirect_uris.len() > REDIRECT_URIS_MAX {
            return Err(Refusal::invalid(format!(
                "Validation failed: There can be at most {REDIRECT_URIS_MAX} redirect URIs"
            )));
        }
        for uri in &self.redirect_uris {
            check_redirect_uri(uri)
                .map_err(|fault| Refusal::invalid(format!("Validation failed: {fault}")))?;
        }
        Ok(())
    }
}
