//! What the instance tells of itself to clients.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::http::context::Context;
use crate::http::extract::auth::Guest;
use crate::http::extract::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::{self, Response};
use crate::http::routing::{Access, Family};
use crate::store::queries::instance::{DescribeInstance, InstanceFacts};

/// The family's routes.
pub fn family() -> Family<Context> {
    Family::new("instance")
        .get("/api/v1/instance", Access::Public, first_version)
        .get("/api/v2/instance", Access::Public, second_version)
        .get(
            "/api/v1/instance/extended_description",
            Access::Public,
            extended_description,
        )
        .get(
            "/api/v1/instance/privacy_policy",
            Access::Public,
            privacy_policy,
        )
}

/// What the instance is made of at this moment.
pub(super) async fn facts(app: &Context) -> Result<InstanceFacts, Problem> {
    let now = app.instance.clock.now();
    Ok(app.actors.find(DescribeInstance { now }).await?)
}

/// `GET /api/v1/instance`: the instance, for older clients.
async fn first_version(app: Context, _: Guest, _: Call) -> Result<Response, Problem> {
    let facts = facts(&app).await?;
    let config = &app.instance.config;
    reply::json(&app.renderer.instance_v1(config, &facts))
}

/// `GET /api/v2/instance`: the instance.
async fn second_version(app: Context, _: Guest, _: Call) -> Result<Response, Problem> {
    let facts = facts(&app).await?;
    let config = &app.instance.config;
    reply::json(&app.renderer.instance(config, &facts))
}

/// A text about the instance.
#[derive(Debug, Serialize)]
struct Document {
    /// Not known: the settings say what is, not since when.
    updated_at: Option<Timestamp>,
    content: String,
}

/// `GET /api/v1/instance/extended_description`: what the instance is about, as HTML.
async fn extended_description(app: Context, _: Guest, _: Call) -> Result<Response, Problem> {
    let config = &app.instance.config;
    reply::json(&Document {
        updated_at: None,
        content: app.renderer.instance_description_html(config),
    })
}

/// `GET /api/v1/instance/privacy_policy`: there is none; 404 with a sentence.
async fn privacy_policy(_: Context, _: Guest, _: Call) -> Result<Response, Problem> {
    Err(super::missing::no_such(
        "This instance has published no privacy policy",
    ))
}
