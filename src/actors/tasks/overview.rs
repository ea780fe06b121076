//! Reads the statistics for whoever looks at them.

use jiff::tz::TimeZone;

use crate::Actors;
use crate::clock::Timestamp;
use crate::domain::overview::{AccountOverview, Material, SHARES_SHOWN_MAX};
use crate::domain::statistics::{Audience, Day, Dimension, Share};
use crate::error::AskError;
use crate::ids::AccountId;
use crate::store::queries::series::{
    ReadAccountSeries, ReadInstanceSeries, ReadShares, ReadTotals, SERIES_DAYS_MAX,
};

/// The days that somebody looks at, both included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The first day.
    pub from: Day,
    /// The last day.
    pub until: Day,
    /// The zone that days are cut by.
    pub zone: TimeZone,
}

impl Span {
    /// The last days up to a moment, that day included; at most [`SERIES_DAYS_MAX`].
    pub fn last(days: i32, now: Timestamp, zone: &TimeZone) -> Self {
        let until = Day::of(now, zone);
        Self {
            from: until.plus(1 - days.clamp(1, SERIES_DAYS_MAX)),
            until,
            zone: zone.clone(),
        }
    }

    /// How many days there are.
    pub const fn days(&self) -> i32 {
        self.until.0.saturating_sub(self.from.0).saturating_add(1)
    }

    fn zone_name(&self) -> String {
        self.zone.iana_name().unwrap_or("UTC").to_owned()
    }
}

/// The statistics of the instance in some days, for an audience.
///
/// # Errors
/// When the store can't be reached.
pub async fn read_overview(
    actors: &Actors,
    audience: Audience,
    span: &Span,
) -> Result<Material, AskError> {
    let series = ReadInstanceSeries {
        from: span.from,
        until: span.until,
        zone: span.zone.clone(),
    };
    let (totals, _) = actors.find(ReadTotals).await?;
    Ok(Material {
        audience,
        days: (span.from, span.until),
        time_zone: span.zone_name(),
        series: actors.find(series).await?,
        totals,
        tags: read_shares(actors, audience, Dimension::Tag, span, SHARES_SHOWN_MAX).await?,
        languages: read_shares(
            actors,
            audience,
            Dimension::Language,
            span,
            SHARES_SHOWN_MAX,
        )
        .await?,
        clients: read_shares(actors, audience, Dimension::App, span, SHARES_SHOWN_MAX).await?,
    })
}

/// The first tags, languages or clients of some days; none of those that the audience may not see.
///
/// # Errors
/// When the store can't be reached.
pub async fn read_shares(
    actors: &Actors,
    audience: Audience,
    dimension: Dimension,
    span: &Span,
    limit: usize,
) -> Result<Vec<Share>, AskError> {
    if !audience.may_see(dimension) {
        return Ok(Vec::new());
    }
    let shares = ReadShares {
        dimension,
        from: span.from,
        until: span.until,
        active_min: audience.active_min(),
        limit,
    };
    actors.find(shares).await
}

/// The statistics of an account in some days, for the account itself.
///
/// # Errors
/// When the store can't be reached.
pub async fn read_account_overview(
    actors: &Actors,
    account: AccountId,
    span: &Span,
) -> Result<AccountOverview, AskError> {
    let series = ReadAccountSeries {
        account,
        from: span.from,
        until: span.until,
    };
    let joined = Day::of(account.time(), &span.zone);
    let series = actors.find(series).await?;
    let days = (span.from, span.until);
    Ok(AccountOverview::new(
        days,
        joined,
        span.zone_name(),
        &series,
    ))
}
