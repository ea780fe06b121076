//! What isn't built yet and is asked for all the same: valid answers with nothing in them, as clients need them at log-in.

use crate::context::Context;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::routing::{Access, Family};

/// Lists that are always empty.
const EMPTY_LISTS: &[(&str, Access)] = &[
    (
        "/api/v1/accounts/:id/endorsements",
        Access::Anyone("read:accounts"),
    ),
    (
        "/api/v1/accounts/:id/featured_tags",
        Access::Anyone("read:accounts"),
    ),
    (
        "/api/v1/accounts/:id/identity_proofs",
        Access::Anyone("read:accounts"),
    ),
    ("/api/v1/accounts/:id/lists", Access::User("read:lists")),
    (
        "/api/v1/accounts/familiar_followers",
        Access::User("read:follows"),
    ),
    ("/api/v1/announcements", Access::User("read")),
    ("/api/v1/conversations", Access::User("read:statuses")),
    ("/api/v1/custom_emojis", Access::Public),
    ("/api/v1/directory", Access::Public),
    ("/api/v1/domain_blocks", Access::User("read:blocks")),
    ("/api/v1/endorsements", Access::User("read:accounts")),
    ("/api/v1/featured_tags", Access::User("read:accounts")),
    (
        "/api/v1/featured_tags/suggestions",
        Access::User("read:accounts"),
    ),
    ("/api/v1/filters", Access::User("read:filters")),
    ("/api/v1/followed_tags", Access::User("read:follows")),
    ("/api/v1/instance/domain_blocks", Access::Public),
    ("/api/v1/instance/peers", Access::Public),
    ("/api/v1/instance/rules", Access::Public),
    ("/api/v1/lists", Access::User("read:lists")),
    (
        "/api/v1/notifications/requests",
        Access::User("read:notifications"),
    ),
    ("/api/v1/scheduled_statuses", Access::User("read:statuses")),
    ("/api/v1/suggestions", Access::User("read")),
    ("/api/v1/trends", Access::Public),
    ("/api/v1/trends/links", Access::Public),
    ("/api/v1/trends/statuses", Access::Public),
    ("/api/v1/trends/tags", Access::Public),
    ("/api/v2/filters", Access::User("read:filters")),
    ("/api/v2/suggestions", Access::User("read")),
];

/// The family's routes: `GET` of each list above answers `[]`, and of translation's languages `{}`.
pub fn family() -> Family<Context> {
    let lists = EMPTY_LISTS
        .iter()
        .fold(Family::new("empty"), |family, (pattern, access)| {
            family.get(pattern, *access, empty_list)
        });
    lists.get(
        "/api/v1/instance/translation_languages",
        Access::Public,
        empty_object,
    )
}

async fn empty_list(_: Context, _: Guest, _: Call) -> Result<Response, Problem> {
    reply::json(&[(); 0])
}

/// `GET /api/v1/instance/translation_languages`: nothing is translated.
async fn empty_object(_: Context, _: Guest, _: Call) -> Result<Response, Problem> {
    reply::json(&serde_json::Map::new())
}
