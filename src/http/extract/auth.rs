//! Who asks: a token or a session turned into a caller, before the handler runs.

use std::sync::Arc;

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};

use super::peer::AddressGroup;
use crate::actors::Actors;
use crate::actors::users::Identify;
use crate::clock::Timestamp;
use crate::domain::access::{Caller, Credential, Member};
use crate::domain::account::AccountState;
use crate::domain::visibility::Onlooker;
use crate::ids::{AccountId, AppId};
use crate::inquiry;
use crate::problem::Problem;
use crate::routing::Access;
use crate::secret::TokenHash;

/// The cookie of a browser's session.
pub const SESSION_COOKIE: &str = "kinglet_session";

/// Who was let in, as handlers see it.
#[derive(Debug, Clone)]
pub struct Guest {
    /// Who showed what; `None` for somebody unknown.
    pub caller: Option<Arc<Caller>>,
    /// Where the request came from, as limits see it.
    pub address: AddressGroup,
}

impl Guest {
    /// What the rules of visibility want to know.
    pub fn onlooker(&self) -> Onlooker {
        self.caller
            .as_ref()
            .map(|caller| caller.onlooker.clone())
            .unwrap_or_default()
    }

    /// The account on whose behalf is asked.
    pub fn account(&self) -> Option<AccountId> {
        self.member_if_any().map(|member| member.id)
    }

    /// The member on whose behalf is asked.
    ///
    /// # Errors
    /// Unauthenticated; on a route for members that can't be.
    pub fn member(&self) -> Result<&Member, Problem> {
        self.member_if_any().ok_or_else(token_required)
    }

    /// The member on whose behalf is asked, if there is one.
    pub fn member_if_any(&self) -> Option<&Member> {
        self.caller.as_ref()?.member.as_deref()
    }

    /// The client that asks.
    pub fn app(&self) -> Option<AppId> {
        self.caller.as_ref()?.app()
    }
}

/// Finds out who asks, and whether a route is open to them.
///
/// # Errors
/// Unauthenticated for a token that doesn't hold or is missing, forbidden for one that doesn't cover the scope or whose
/// account may not act.
pub async fn identify(
    actors: &Actors,
    now: Timestamp,
    access: Access,
    headers: &HeaderMap,
) -> Result<Option<Arc<Caller>>, Problem> {
    match access {
        Access::Public => Ok(None),
        Access::Anyone(scope) => {
            let Some(caller) = token_caller(actors, now, headers).await? else {
                return Ok(None);
            };
            require_scope(&caller, scope)?;
            require_active(&caller)?;
            Ok(Some(caller))
        }
        Access::Client => {
            let caller = token_caller(actors, now, headers).await?;
            Ok(Some(caller.ok_or_else(token_required)?))
        }
        Access::User(scope) => {
            let caller = token_caller(actors, now, headers)
                .await?
                .ok_or_else(token_required)?;
            if caller.member.is_none() {
                return Err(Problem::invalid(
                    "This method requires an authenticated user",
                ));
            }
            require_scope(&caller, scope)?;
            require_active(&caller)?;
            Ok(Some(caller))
        }
        Access::Visitor => session_caller(actors, now, headers).await,
        Access::Session => match session_caller(actors, now, headers).await? {
            Some(caller) => Ok(Some(caller)),
            None => Err(Problem::unauthenticated("Please log in first")),
        },
    }
}

fn token_required() -> Problem {
    Problem::unauthenticated("The access token is invalid")
}

fn require_scope(caller: &Caller, scope: &str) -> Result<(), Problem> {
    // A route may name several scopes that each suffice, as verify_credentials does.
    if scope.split_whitespace().any(|scope| caller.allows(scope)) {
        Ok(())
    } else {
        inquiry::lacks_scope(scope, caller.scopes());
        Err(Problem::forbidden(
            "This action is outside the authorized scopes",
        ))
    }
}

fn require_active(caller: &Caller) -> Result<(), Problem> {
    let Some(member) = &caller.member else {
        return Ok(());
    };
    match member.state {
        AccountState::Active => Ok(()),
        AccountState::Pending => Err(Problem::forbidden(
            "Your login is currently pending approval",
        )),
        AccountState::Unconfirmed => Err(Problem::forbidden(
            "Your login is missing a confirmed e-mail address",
        )),
        AccountState::Suspended => Err(Problem::forbidden("Your login is currently disabled")),
        AccountState::Deleted => Err(token_required()),
    }
}

/// The caller behind the bearer token (RFC 6750, section 2.1); `None` when no token is shown.
async fn token_caller(
    actors: &Actors,
    now: Timestamp,
    headers: &HeaderMap,
) -> Result<Option<Arc<Caller>>, Problem> {
    let Some(header) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let token = header.to_str().ok().and_then(|value| {
        let (scheme, token) = value.trim().split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
    });
    let credential = Credential::Token(TokenHash::of(token.ok_or_else(token_required)?));
    let caller = recognise(actors, now, credential).await?;
    Ok(Some(caller.ok_or_else(token_required)?))
}

/// The caller behind a credential, who may have been here just before.
async fn recognise(
    actors: &Actors,
    now: Timestamp,
    credential: Credential,
) -> Result<Option<Arc<Caller>>, Problem> {
    if let Some(caller) = actors.guests.find(credential, now) {
        return Ok(Some(caller));
    }
    let told = actors.users.send(Identify { credential }).await??;
    if let Some(told) = &told {
        actors.guests.note(credential, told);
    }
    Ok(told.map(|told| told.caller))
}

/// The caller behind the session's cookie; a cookie that doesn't hold is as good as none.
async fn session_caller(
    actors: &Actors,
    now: Timestamp,
    headers: &HeaderMap,
) -> Result<Option<Arc<Caller>>, Problem> {
    let Some(cookie) = cookie(headers, SESSION_COOKIE) else {
        return Ok(None);
    };
    let credential = Credential::Session(TokenHash::of(cookie));
    let caller = recognise(actors, now, credential).await?;
    Ok(caller.filter(|caller| require_active(caller).is_ok()))
}

/// A cookie by its name (RFC 6265, section 4.2).
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(known, value)| (known == name).then_some(value))
}
