//! Mastodon's client API, one family of routes per file.

pub mod accounts;
pub mod discovery;
pub mod empty;
pub mod instance;
pub mod lists_of_accounts;
pub mod missing;
pub mod notifications;
pub mod profile;
pub mod relationships;
pub mod search;

use crate::actors::Actors;
use crate::domain::visibility::Onlooker;
use crate::http::entities::Renderer;
use crate::http::problem::Problem;
use crate::http::routes::Context;
use crate::http::routing::{Facade, Family};
use crate::ids::AccountId;

/// Who asks.
pub type Caller = <Context as Facade>::Caller;

/// The families of this module.
pub fn families() -> impl Iterator<Item = Family<Context>> {
    [
        accounts::family(),
        lists_of_accounts::family(),
        profile::family(),
        relationships::family(),
        notifications::family(),
        search::family(),
        instance::family(),
        discovery::family(),
        empty::family(),
        missing::family(),
    ]
    .into_iter()
}

impl Context {
    /// The owners of the state.
    pub fn actors(&self) -> &Actors {
        &self.instance.actors
    }

    /// Makes entities of what the actors answer.
    pub fn renderer(&self) -> Renderer {
        Renderer::new(self.instance.url.clone())
    }
}

/// Who looks, for the rules of visibility.
pub fn onlooker(_caller: &Caller) -> Onlooker {
    Onlooker::default()
}

/// The account on whose behalf is asked.
///
/// # Errors
/// Forbidden for a client's own token, which reaches no user's route.
pub fn member(caller: &Caller) -> Result<AccountId, Problem> {
    onlooker(caller)
        .account
        .ok_or_else(|| Problem::forbidden("This method requires an authenticated user"))
}
