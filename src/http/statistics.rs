//! The statistics as answers: who is told them, of which days, as JSON and as CSV.

use http::header::{CONTENT_DISPOSITION, HeaderValue};
use jiff::tz::TimeZone;

use super::context::Context;
use super::csv::Csv;
use super::extract::auth::Guest;
use super::extract::form::Form;
use super::problem::Problem;
use super::reply::{self, Response};
use crate::actors::tasks::overview::{Span, read_account_overview, read_overview};
use crate::domain::overview::{AccountOverview, DAYS_SHOWN, Material, Overview};
use crate::domain::statistics::{Audience, Day, Measure};

/// The most days of one answer: three years.
pub const DAYS_PER_ANSWER_MAX: i32 = 1100;
/// What an owner's token has to cover so that it is told what only the owner is.
pub const ADMIN_SCOPE: &str = "admin:read";

/// For whom the figures are that somebody asks for; `None` for strangers where they aren't public.
pub fn audience(app: &Context, guest: &Guest) -> Option<Audience> {
    let caller = guest.caller.as_ref();
    let may_administer = caller.is_some_and(|caller| caller.allows(ADMIN_SCOPE));
    let role = guest.member_if_any().map(|member| member.role);
    let is_public = app.instance.config.statistics.public;
    Audience::of(role, may_administer, is_public)
}

/// As [`audience`], for who has to log in where the figures aren't public.
///
/// # Errors
/// Unauthenticated.
pub fn required_audience(app: &Context, guest: &Guest) -> Result<Audience, Problem> {
    audience(app, guest)
        .ok_or_else(|| Problem::unauthenticated("The statistics are for members: please log in"))
}

/// The days that are asked for: `from` and `until`, both included, or the last `days`.
///
/// # Errors
/// Invalid when they aren't dates, turned around, or more than [`DAYS_PER_ANSWER_MAX`].
pub fn span(app: &Context, form: &Form) -> Result<Span, Problem> {
    let zone = zone(app);
    let days = form.integer("days")?.unwrap_or_else(|| DAYS_SHOWN.into());
    let days = i32::try_from(days).ok().filter(|days| *days > 0);
    let days = days.ok_or_else(|| Problem::invalid("The parameter \"days\" must be above zero"))?;
    let last = Span::last(
        days.min(DAYS_PER_ANSWER_MAX + 1),
        app.instance.clock.now(),
        &zone,
    );
    let from: Option<Day> = form.parsed("from", "a date, YYYY-MM-DD")?;
    let until: Option<Day> = form.parsed("until", "a date, YYYY-MM-DD")?;
    let until = until.unwrap_or(last.until);
    let span = Span {
        from: from.unwrap_or_else(|| until.plus(1 - last.days())),
        until,
        zone,
    };
    bounded(span)
}

/// The days, if they are in order and not too many.
///
/// # Errors
/// Invalid otherwise.
pub fn bounded(span: Span) -> Result<Span, Problem> {
    if span.days() < 1 {
        return Err(Problem::invalid("The first day is after the last"));
    }
    if span.days() > DAYS_PER_ANSWER_MAX {
        return Err(Problem::invalid(format!(
            "At most {DAYS_PER_ANSWER_MAX} days are told at once"
        )));
    }
    Ok(span)
}

/// The zone that days are cut by.
pub fn zone(app: &Context) -> TimeZone {
    app.instance.config.instance.time_zone.clone()
}

/// What an audience is told.
///
/// # Errors
/// When an actor can't be asked.
pub async fn material(app: &Context, audience: Audience, span: &Span) -> Result<Material, Problem> {
    Ok(read_overview(&app.actors, audience, span).await?)
}

/// What somebody is told of their own account.
///
/// # Errors
/// Unauthenticated for nobody; when an actor can't be asked.
pub async fn own(app: &Context, guest: &Guest, span: &Span) -> Result<AccountOverview, Problem> {
    let account = guest.member()?.id;
    Ok(read_account_overview(&app.actors, account, span).await?)
}

/// The days of the instance as a table.
pub fn csv(overview: &Overview) -> Response {
    const MEASURED: [&str; 3] = ["database_bytes", "mail_sent", "mail_failed"];
    let is_measured = overview.measured.is_some();
    let names = Measure::ALL.into_iter().map(Measure::name);
    let measured = MEASURED.into_iter().filter(|_| is_measured);
    let mut table = Csv::new(["day"].into_iter().chain(names).chain(measured));
    for day in &overview.days {
        let mut cells = vec![day.day.to_string()];
        cells.extend(Measure::ALL.map(|measure| day.figures.get(measure).to_string()));
        if let Some(measured) = day.measured.filter(|_| is_measured) {
            let size = measured.database_bytes.map(|bytes| bytes.to_string());
            cells.push(size.unwrap_or_default());
            cells.push(measured.mail_sent.to_string());
            cells.push(measured.mail_failed.to_string());
        }
        table.row(cells);
    }
    file(table, "kinglet-stats")
}

/// The days of an account as a table.
pub fn account_csv(overview: &AccountOverview) -> Response {
    let mut table = Csv::new([
        "day",
        "posts",
        "replies",
        "boosts",
        "boosts_received",
        "favourites_received",
        "replies_received",
        "mentions_received",
        "reach",
        "new_followers",
    ]);
    for day in &overview.days {
        let figures = day.figures;
        let counts = [
            figures.posts,
            figures.replies,
            figures.boosts,
            figures.boosts_received,
            figures.favourites_received,
            figures.replies_received,
            figures.mentions_received,
            figures.reach,
            figures.new_followers,
        ];
        let cells = [day.day.to_string()].into_iter();
        table.row(cells.chain(counts.map(|count| count.to_string())));
    }
    file(table, "kinglet-own-stats")
}

fn file(table: Csv, name: &str) -> Response {
    let mut response = reply::typed("text/csv; charset=utf-8; header=present", table.into_text());
    let disposition = format!("attachment; filename=\"{name}.csv\"");
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        response
            .headers_mut()
            .insert(CONTENT_DISPOSITION, disposition);
    }
    response
}
