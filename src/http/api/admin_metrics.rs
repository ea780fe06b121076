//! Figures for those who run the instance, in Mastodon's shapes.
//!
//! Sources: <https://docs.joinmastodon.org/methods/admin/measures/>,
//! <https://docs.joinmastodon.org/methods/admin/dimensions/>. What kinglet doesn't count is left out of the answer.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::actors::tasks::overview::{Span, read_shares};
use crate::clock::Timestamp;
use crate::context::Context;
use crate::domain::account::Role;
use crate::domain::overview::{DAYS_SHOWN, Material, SHARES_SHOWN_MAX, ToldFigures};
use crate::domain::statistics::{
    Audience, Day, Dimension, MONTH_DAYS, Measure, MeasuredDay, SHARES_PER_DAY_MAX, WEEK_DAYS,
};
use crate::domain::text::numbers::bytes;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::extract::form::Form;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::routing::{Access, Family};
use crate::statistics::{ADMIN_SCOPE, bounded, material, required_audience, zone};
use crate::store::queries::series::ReadDatabaseSize;

/// The family's routes.
pub fn family() -> Family<Context> {
    const ADMIN: Access = Access::User(ADMIN_SCOPE);
    Family::new("admin metrics")
        .post("/api/v1/admin/measures", ADMIN, measures)
        .post("/api/v1/admin/dimensions", ADMIN, dimensions)
}

/// For whom the figures are, if they run the instance.
fn staff(app: &Context, guest: &Guest) -> Result<Audience, Problem> {
    match guest.member()?.role {
        Role::Owner | Role::Moderator => required_audience(app, guest),
        Role::User => Err(Problem::forbidden("This action is not allowed")),
    }
}

/// A day out of a date or a moment, whose time doesn't count.
fn day(form: &Form, name: &str) -> Result<Option<Day>, Problem> {
    let Some(text) = form
        .text(name)?
        .map(str::trim)
        .filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    let date = text.get(..10).and_then(|date| date.parse().ok());
    date.map(Some)
        .ok_or_else(|| Problem::invalid(format!("The parameter \"{name}\" must be a date")))
}

fn keys(form: &Form) -> Result<BTreeSet<&str>, Problem> {
    Ok(form.list("keys")?.into_iter().collect())
}

/// A figure with its course, as Mastodon tells it.
#[derive(Debug, Serialize)]
struct MeasureEntity {
    key: &'static str,
    unit: Option<&'static str>,
    total: String,
    previous_total: String,
    data: Vec<MeasurePoint>,
}

#[derive(Debug, Serialize)]
struct MeasurePoint {
    date: Timestamp,
    value: String,
}

/// How a figure is made of ours.
struct Counted {
    key: &'static str,
    /// Of one day.
    of_day: fn(&ToldFigures) -> i64,
    /// Of so many days together.
    of_span: fn(&ToldFigures, i32) -> i64,
}

const COUNTED: [Counted; 3] = [
    Counted {
        key: "active_users",
        of_day: |day| count(day, Measure::ActiveDay),
        of_span: |span, days| count(span, active_within(days)),
    },
    Counted {
        key: "new_users",
        of_day: |day| count(day, Measure::SignUps),
        of_span: |span, _| count(span, Measure::SignUps),
    },
    Counted {
        key: "interactions",
        of_day: interactions,
        of_span: |span, _| interactions(span),
    },
];

/// The widest window that ends with the last day and isn't longer than the span: accounts of several days can't be
/// added up.
const fn active_within(days: i32) -> Measure {
    if days >= MONTH_DAYS {
        Measure::ActiveMonth
    } else if days >= WEEK_DAYS {
        Measure::ActiveWeek
    } else {
        Measure::ActiveDay
    }
}

fn count(figures: &ToldFigures, measure: Measure) -> i64 {
    figures.get(measure).exact().unwrap_or(0)
}

fn interactions(figures: &ToldFigures) -> i64 {
    let parts = [Measure::Favourites, Measure::Boosts, Measure::Replies];
    parts
        .into_iter()
        .map(|measure| count(figures, measure))
        .sum()
}

/// `POST /api/v1/admin/measures`: the course of `active_users`, `new_users` and `interactions`. Other keys are left out.
async fn measures(app: Context, guest: Guest, mut call: Call) -> Result<Response, Problem> {
    let audience = staff(&app, &guest)?;
    let form = call.form().await?;
    let missing = |name| Problem::invalid(format!("The parameter \"{name}\" is missing"));
    let span = bounded(Span {
        from: day(&form, "start_at")?.ok_or_else(|| missing("start_at"))?,
        until: day(&form, "end_at")?.ok_or_else(|| missing("end_at"))?,
        zone: zone(&app),
    })?;
    let before = Span {
        from: span.from.plus(-span.days()),
        until: span.from.plus(-1),
        zone: span.zone.clone(),
    };
    let keys = keys(&form)?;
    let now = material(&app, audience, &span).await?.overview();
    let earlier = material(&app, audience, &before).await?.overview();
    let told = COUNTED.iter().filter(|counted| keys.contains(counted.key));
    let told = told.map(|counted| MeasureEntity {
        key: counted.key,
        unit: None,
        total: (counted.of_span)(&now.span, span.days()).to_string(),
        previous_total: (counted.of_span)(&earlier.span, span.days()).to_string(),
        data: (span.from.0..=span.until.0)
            .map(|number| {
                let day = Day(number);
                let known = now.days.iter().find(|told| told.day == day);
                MeasurePoint {
                    date: day.bounds(&span.zone).0,
                    value: known
                        .map_or(0, |told| (counted.of_day)(&told.figures))
                        .to_string(),
                }
            })
            .collect(),
    });
    reply::json(&told.collect::<Vec<_>>())
}

/// What something is made of, as Mastodon tells it.
#[derive(Debug, Serialize)]
struct DimensionEntity {
    key: &'static str,
    data: Vec<DimensionPart>,
}

#[derive(Debug, Serialize)]
struct DimensionPart {
    key: String,
    human_key: String,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    human_value: Option<String>,
}

impl DimensionPart {
    fn new(key: impl Into<String>, human_key: impl Into<String>, value: i64) -> Self {
        Self {
            key: key.into(),
            human_key: human_key.into(),
            value: value.to_string(),
            unit: None,
            human_value: None,
        }
    }
}

/// `POST /api/v1/admin/dimensions`: `languages`, `sources`, `servers`, `space_usage` and `software_versions`, of those
/// that the caller may see. Other keys are left out.
async fn dimensions(app: Context, guest: Guest, mut call: Call) -> Result<Response, Problem> {
    let audience = staff(&app, &guest)?;
    let form = call.form().await?;
    let last = Span::last(DAYS_SHOWN, app.instance.clock.now(), &zone(&app));
    let until = day(&form, "end_at")?.unwrap_or(last.until);
    let span = bounded(Span {
        from: day(&form, "start_at")?.unwrap_or_else(|| until.plus(1 - DAYS_SHOWN)),
        until,
        zone: last.zone,
    })?;
    let limit = form
        .integer("limit")?
        .and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.unwrap_or(SHARES_SHOWN_MAX).min(SHARES_PER_DAY_MAX);
    let mut told = Vec::new();
    for key in keys(&form)? {
        let found = match key {
            "languages" => shares(&app, audience, Dimension::Language, &span, limit).await?,
            "sources" => shares(&app, audience, Dimension::App, &span, limit).await?,
            "servers" => Some(servers(&app, &material(&app, audience, &span).await?)),
            "space_usage" => space(&app, audience).await?,
            "software_versions" => Some(versions()),
            _ => None,
        };
        told.extend(found);
    }
    reply::json(&told)
}

async fn shares(
    app: &Context,
    audience: Audience,
    dimension: Dimension,
    span: &Span,
    limit: usize,
) -> Result<Option<DimensionEntity>, Problem> {
    if !audience.may_see(dimension) {
        return Ok(None);
    }
    let (key, none, nothing) = match dimension {
        Dimension::Language => ("languages", "und", "Unknown"),
        Dimension::App => ("sources", "web", "Website"),
        Dimension::Tag => return Ok(None),
    };
    let shares = read_shares(&app.actors, audience, dimension, span, limit).await?;
    let data = shares.into_iter().map(|share| match &*share.label {
        "" => DimensionPart::new(none, nothing, share.posts),
        label => DimensionPart::new(label, label, share.posts),
    });
    let data = data.collect();
    Ok(Some(DimensionEntity { key, data }))
}

/// This server alone: kinglet hears from no other.
fn servers(app: &Context, material: &Material) -> DimensionEntity {
    let host = app.instance.url.authority();
    let posts = count(&material.overview().span, Measure::Posts);
    DimensionEntity {
        key: "servers",
        data: vec![DimensionPart::new(host, host, posts)],
    }
}

async fn space(app: &Context, audience: Audience) -> Result<Option<DimensionEntity>, Problem> {
    let measured = MeasuredDay {
        database_bytes: Some(app.actors.find(ReadDatabaseSize).await?),
        ..MeasuredDay::default()
    };
    let told = audience
        .measured(measured)
        .and_then(|day| day.database_bytes);
    Ok(told.map(|size| DimensionEntity {
        key: "space_usage",
        data: vec![DimensionPart {
            unit: Some("bytes"),
            human_value: Some(bytes(size)),
            ..DimensionPart::new("database", "Database", size)
        }],
    }))
}

fn versions() -> DimensionEntity {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    DimensionEntity {
        key: "software_versions",
        data: vec![DimensionPart {
            key: "kinglet".to_owned(),
            human_key: "kinglet".to_owned(),
            value: version.clone(),
            unit: None,
            human_value: Some(version),
        }],
    }
}
