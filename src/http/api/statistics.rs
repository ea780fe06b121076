//! The statistics as JSON and CSV: what Mastodon's API has no word for.

use crate::context::Context;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::routing::{Access, Family};
use crate::statistics::{account_csv, csv, material, own, required_audience, span};

/// The family's routes.
pub fn family() -> Family<Context> {
    const OWN: Access = Access::User("read:accounts");
    Family::new("statistics")
        .get("/api/kinglet/v1/stats", Access::Anyone("read"), stats)
        .get(
            "/api/kinglet/v1/stats.csv",
            Access::Anyone("read"),
            stats_csv,
        )
        .get("/api/kinglet/v1/accounts/stats", OWN, own_stats)
        .get("/api/kinglet/v1/accounts/stats.csv", OWN, own_stats_csv)
}

/// `GET /api/kinglet/v1/stats?from=&until=&days=`: the statistics of the instance, as far as the caller may see them.
async fn stats(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let audience = required_audience(&app, &guest)?;
    let span = span(&app, &call.query()?)?;
    reply::json(&material(&app, audience, &span).await?.overview())
}

/// `GET /api/kinglet/v1/stats.csv?from=&until=&days=`: the same days as a table.
async fn stats_csv(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let audience = required_audience(&app, &guest)?;
    let span = span(&app, &call.query()?)?;
    Ok(csv(&material(&app, audience, &span).await?.overview()))
}

/// `GET /api/kinglet/v1/accounts/stats?from=&until=&days=`: the statistics of the caller's own account.
async fn own_stats(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let span = span(&app, &call.query()?)?;
    reply::json(&own(&app, &guest, &span).await?)
}

/// `GET /api/kinglet/v1/accounts/stats.csv?from=&until=&days=`: the same days as a table.
async fn own_stats_csv(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let span = span(&app, &call.query()?)?;
    Ok(account_csv(&own(&app, &guest, &span).await?))
}
