//! What isn't built yet and would have to remember something: 404 with a sentence, never a success that forgets.

use http::Method;

use crate::context::Context;
use crate::domain::error_code::ErrorCode;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::problem::Problem;
use crate::reply::Response;
use crate::routing::{Access, Family};

const ANNOUNCEMENTS: &str = "This instance has no announcements";
const CONVERSATIONS: &str = "This instance keeps no list of conversations yet";
const DOMAINS: &str = "This instance doesn't talk to other servers, so there are none to block";
const ENDORSEMENTS: &str = "Accounts can't be featured on profiles here yet";
const FEATURED_TAGS: &str = "Tags can't be featured on profiles here yet";
const FILTERS: &str = "This instance has no filters yet";
const LISTS: &str = "This instance has no lists yet";
const MEDIA: &str = "Media can't be attached to posts here yet";
const NOTES: &str = "Private notes on accounts can't be kept here yet";
const POLICY: &str = "Notifications can't be held back by a policy here yet";
const POLLS: &str = "This instance has no polls yet";
const PROFILE_PICTURES: &str =
    "Pictures can't be changed here yet: every account has a generated one";
const PUSH: &str = "This instance doesn't push notifications to devices yet";
const REPORTS: &str = "Reports can't be sent to the moderators here yet";
const SCHEDULED: &str = "Posts can't be scheduled here yet";
const SUGGESTIONS: &str = "This instance suggests nobody yet";
const TAGS: &str = "Tags can't be followed here yet";

/// What isn't there, with the sentence that says so.
const MISSING: &[(Method, &str, &str)] = &[
    (Method::POST, "/api/v1/accounts/:id/endorse", ENDORSEMENTS),
    (Method::POST, "/api/v1/accounts/:id/note", NOTES),
    (Method::POST, "/api/v1/accounts/:id/pin", ENDORSEMENTS),
    (Method::POST, "/api/v1/accounts/:id/unendorse", ENDORSEMENTS),
    (Method::POST, "/api/v1/accounts/:id/unpin", ENDORSEMENTS),
    (
        Method::POST,
        "/api/v1/announcements/:id/dismiss",
        ANNOUNCEMENTS,
    ),
    (
        Method::PUT,
        "/api/v1/announcements/:id/reactions/:name",
        ANNOUNCEMENTS,
    ),
    (
        Method::DELETE,
        "/api/v1/announcements/:id/reactions/:name",
        ANNOUNCEMENTS,
    ),
    (Method::DELETE, "/api/v1/conversations/:id", CONVERSATIONS),
    (
        Method::POST,
        "/api/v1/conversations/:id/read",
        CONVERSATIONS,
    ),
    (Method::POST, "/api/v1/domain_blocks", DOMAINS),
    (Method::DELETE, "/api/v1/domain_blocks", DOMAINS),
    (Method::POST, "/api/v1/featured_tags", FEATURED_TAGS),
    (Method::DELETE, "/api/v1/featured_tags/:id", FEATURED_TAGS),
    (Method::POST, "/api/v1/filters", FILTERS),
    (Method::GET, "/api/v1/filters/:id", FILTERS),
    (Method::PUT, "/api/v1/filters/:id", FILTERS),
    (Method::DELETE, "/api/v1/filters/:id", FILTERS),
    (Method::POST, "/api/v1/lists", LISTS),
    (Method::GET, "/api/v1/lists/:id", LISTS),
    (Method::PUT, "/api/v1/lists/:id", LISTS),
    (Method::DELETE, "/api/v1/lists/:id", LISTS),
    (Method::GET, "/api/v1/lists/:id/accounts", LISTS),
    (Method::POST, "/api/v1/lists/:id/accounts", LISTS),
    (Method::DELETE, "/api/v1/lists/:id/accounts", LISTS),
    (Method::POST, "/api/v1/media", MEDIA),
    (Method::GET, "/api/v1/media/:id", MEDIA),
    (Method::PUT, "/api/v1/media/:id", MEDIA),
    (Method::DELETE, "/api/v1/media/:id", MEDIA),
    (Method::GET, "/api/v1/polls/:id", POLLS),
    (Method::POST, "/api/v1/polls/:id/votes", POLLS),
    (Method::DELETE, "/api/v1/profile/avatar", PROFILE_PICTURES),
    (Method::DELETE, "/api/v1/profile/header", PROFILE_PICTURES),
    (Method::GET, "/api/v1/push/subscription", PUSH),
    (Method::POST, "/api/v1/push/subscription", PUSH),
    (Method::PUT, "/api/v1/push/subscription", PUSH),
    (Method::DELETE, "/api/v1/push/subscription", PUSH),
    (Method::POST, "/api/v1/reports", REPORTS),
    (Method::GET, "/api/v1/scheduled_statuses/:id", SCHEDULED),
    (Method::PUT, "/api/v1/scheduled_statuses/:id", SCHEDULED),
    (Method::DELETE, "/api/v1/scheduled_statuses/:id", SCHEDULED),
    (Method::DELETE, "/api/v1/suggestions/:id", SUGGESTIONS),
    (Method::POST, "/api/v1/tags/:name/feature", FEATURED_TAGS),
    (Method::POST, "/api/v1/tags/:name/follow", TAGS),
    (Method::POST, "/api/v1/tags/:name/unfeature", FEATURED_TAGS),
    (Method::POST, "/api/v1/tags/:name/unfollow", TAGS),
    (Method::POST, "/api/v2/filters", FILTERS),
    (Method::GET, "/api/v2/filters/:id", FILTERS),
    (Method::PUT, "/api/v2/filters/:id", FILTERS),
    (Method::DELETE, "/api/v2/filters/:id", FILTERS),
    (Method::POST, "/api/v2/filters/:id/keywords", FILTERS),
    (Method::POST, "/api/v2/filters/:id/statuses", FILTERS),
    (Method::POST, "/api/v2/media", MEDIA),
    (Method::PATCH, "/api/v2/notifications/policy", POLICY),
    (Method::PUT, "/api/v2/notifications/policy", POLICY),
];

/// The family's routes: each answers 404 with its sentence, to anybody.
pub fn family() -> Family<Context> {
    MISSING.iter().fold(
        Family::new("missing"),
        |family, (method, pattern, sentence)| {
            family.route(
                method.clone(),
                pattern,
                Access::Public,
                move |_: Context, _: Guest, _: Call| async move {
                    Err::<Response, _>(no_such(sentence))
                },
            )
        },
    )
}

/// 404 with a sentence about what isn't there.
pub(super) fn no_such(sentence: &'static str) -> Problem {
    Problem::new(ErrorCode::NotFound, sentence)
}
