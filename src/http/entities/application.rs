//! `Application`, as the author of a status and as its own description.
//!
//! Source: <https://docs.joinmastodon.org/entities/Application/>.

use serde::Serialize;

use crate::domain::post::PostApp;

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
