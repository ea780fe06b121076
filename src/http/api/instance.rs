//! What the instance tells of itself to clients.

use std::sync::Arc;

use serde::Serialize;

use crate::actors::tasks::overview::Span;
use crate::actors::users::ReadInstance;
use crate::clock::Timestamp;
use crate::context::Context;
use crate::domain::statistics::Day;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::routing::{Access, Family};
use crate::statistics;
use crate::store::queries::instance::InstanceFacts;

/// How many weeks of activity are told.
const ACTIVITY_WEEKS: i32 = 12;

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
            "/api/v1/instance/activity",
            Access::Anyone("read"),
            activity,
        )
        .get(
            "/api/v1/instance/privacy_policy",
            Access::Public,
            privacy_policy,
        )
}

/// What the instance is made of at this moment.
pub(super) async fn facts(app: &Context) -> Result<Arc<InstanceFacts>, Problem> {
    Ok(app.actors.users.send(ReadInstance).await??)
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

/// A week of the instance; clients expect texts.
#[derive(Debug, Serialize)]
struct WeekEntity {
    /// When it began, in seconds since 1970.
    week: String,
    statuses: String,
    logins: String,
    registrations: String,
}

/// `GET /api/v1/instance/activity`: the last twelve weeks, the present one first. Weeks of which the caller isn't told are
/// left out, all of them where the statistics aren't public and nobody is logged in.
async fn activity(app: Context, guest: Guest, _: Call) -> Result<Response, Problem> {
    let Some(audience) = statistics::audience(&app, &guest) else {
        return reply::json(&[(); 0]);
    };
    let zone = statistics::zone(&app);
    let today = Day::of(app.instance.clock.now(), &zone);
    let span = Span {
        from: today.monday().plus(-7 * (ACTIVITY_WEEKS - 1)),
        until: today,
        zone,
    };
    let weeks = statistics::material(&app, audience, &span)
        .await?
        .calendar_weeks();
    let weeks = weeks.iter().rev().filter_map(|week| {
        Some(WeekEntity {
            week: (week.day.bounds(&span.zone).0.millis() / 1000).to_string(),
            statuses: week.figures.posts.exact()?.to_string(),
            logins: week.figures.active_week.exact()?.to_string(),
            registrations: week.figures.sign_ups.exact()?.to_string(),
        })
    });
    reply::json(&weeks.collect::<Vec<_>>())
}

/// `GET /api/v1/instance/privacy_policy`: there is none; 404 with a sentence.
async fn privacy_policy(_: Context, _: Guest, _: Call) -> Result<Response, Problem> {
    Err(super::missing::no_such(
        "This instance has published no privacy policy",
    ))
}
