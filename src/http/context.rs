//! What handlers work with, and the rule who is let in.

use std::ops::Deref;
use std::sync::Arc;

use http::Method;

use super::entities::Renderer;
use super::extract::auth::{self, Guest};
use super::extract::call::Call;
use super::extract::peer::{AddressGroup, client_address};
use super::extract::upload::Uploads;
use super::limits::{Kind, Limiter, PasswordGuard, Standing, Subject};
use super::problem::Problem;
use super::routing::{Access, Admission, Facade, RouteInfo};
use crate::actors::Actors;
use crate::instance::Instance;
use crate::net::peer::TrustedProxies;

/// One for all requests; clones share it.
#[derive(Clone)]
pub struct Context(Arc<Shared>);

/// What requests share.
pub struct Shared {
    /// The instance that is served.
    pub instance: Instance,
    /// Its owners of state.
    pub actors: Actors,
    /// Makes entities.
    pub renderer: Renderer,
    /// Slows down whoever guesses passwords.
    pub passwords: PasswordGuard,
    /// Whether a client may trade a person's password for a token (RFC 6749, section 4.3): for prototypes, never in
    /// earnest, since a client should not get to know passwords.
    pub password_grant: bool,
    /// Who is uploading a file.
    pub uploads: Uploads,
    limiter: Limiter,
    proxies: TrustedProxies,
}

impl Deref for Context {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Context {
    /// What handlers of an instance work with.
    pub fn new(instance: &Instance) -> Self {
        Self::with(instance, false)
    }

    /// As [`Context::new`], with the password grant.
    pub fn for_developers(instance: &Instance) -> Self {
        Self::with(instance, true)
    }

    fn with(instance: &Instance, password_grant: bool) -> Self {
        let config = &instance.config;
        let clock = || Arc::clone(&instance.clock);
        Self(Arc::new(Shared {
            instance: instance.clone(),
            actors: instance.actors.clone(),
            renderer: Renderer::new((*instance.url).clone()),
            passwords: PasswordGuard::new(clock()),
            password_grant,
            uploads: Uploads::default(),
            limiter: Limiter::new(clock(), config.limits.rate_limits),
            proxies: TrustedProxies::new(config.http.trusted_proxies.clone()),
        }))
    }

    /// Where a request comes from, as limits see it.
    pub fn address(&self, call: &Call) -> AddressGroup {
        client_address(&self.proxies, call.context.peer, &call.headers).into()
    }

    /// Counts one of something that is limited beside the route's own limit.
    ///
    /// # Errors
    /// Too many.
    pub fn count(&self, kind: Kind, subject: Subject) -> Result<Option<Standing>, Problem> {
        self.limiter.take(kind, subject).map_err(Problem::from)
    }
}

impl Facade for Context {
    type Caller = Guest;

    async fn admit(&self, route: &RouteInfo, call: &Call) -> Result<Admission<Guest>, Problem> {
        let address = self.address(call);
        if route.access == Access::Public && route.limit.is_none() {
            let caller = Guest {
                caller: None,
                address,
            };
            return Ok(Admission {
                caller,
                account: None,
                standing: None,
            });
        }
        let is_api = matches!(
            route.access,
            Access::User(_) | Access::Anyone(_) | Access::Client
        );
        let now = self.instance.clock.now();
        let identified = auth::identify(&self.actors, now, route.access, &call.headers).await;
        if is_api && identified.is_err() {
            // Tokens are guessed no faster than anything else is asked.
            self.count(Kind::Api, Subject::Address(address))?;
        }
        let guest = Guest {
            caller: identified?,
            address,
        };
        let account = guest.account();
        let subject = account.map_or(Subject::Address(address), Subject::Account);
        let acts_on_website = route.access == Access::Session && call.method == Method::POST;
        let mut standing = if is_api || acts_on_website {
            self.count(Kind::Api, subject)?
        } else {
            None
        };
        if let Some(kind) = route.limit {
            standing = self.count(kind, subject)?.or(standing);
        }
        Ok(Admission {
            caller: guest,
            account,
            standing,
        })
    }

    async fn ailment(&self) -> Option<String> {
        self.instance
            .ailment()
            .await
            .map(|ailment| ailment.to_string())
    }
}
