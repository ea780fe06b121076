//! OAuth 2 for clients: tokens, their end, what the server can do, who a token's person is.
//!
//! Sources: RFC 6749, RFC 7009, RFC 7636, RFC 8414, <https://docs.joinmastodon.org/methods/oauth/>.

pub mod authorize;
pub mod client;
pub mod metadata;
pub mod revoke;
pub mod token;
pub mod userinfo;

use super::context::Context;
use super::limits::Kind;
use super::problem::Problem;
use super::routing::{Access, Family};
use crate::domain::oauth::OauthFault;

/// The routes for programs; the consent page is the website's.
pub fn family() -> Family<Context> {
    Family::new("oauth")
        .post("/oauth/token", Access::Public, token::token)
        .limited(Kind::Token)
        .post("/oauth/revoke", Access::Public, revoke::revoke)
        .limited(Kind::Token)
        .get(
            "/oauth/userinfo",
            Access::User("profile read:accounts"),
            userinfo::userinfo,
        )
        .post(
            "/oauth/userinfo",
            Access::User("profile read:accounts"),
            userinfo::userinfo,
        )
        .get(
            "/.well-known/oauth-authorization-server",
            Access::Public,
            metadata::metadata,
        )
}

impl From<OauthFault> for Problem {
    fn from(fault: OauthFault) -> Self {
        Self::oauth(fault.code(), fault.to_string())
    }
}
