//! Keeps the daily statistics true.
//!
//! What is to be done follows from what is stored: days that are over are computed once, and again when something of
//! them was changed or when somebody asked for it; the present day is computed at every run.

use jiff::tz::TimeZone;

use crate::Actors;
use crate::clock::{SharedClock, Timestamp};
use crate::config::Config;
use crate::domain::statistics::Day;
use crate::error::AskError;
use crate::ids::AccountId;
use crate::store::queries::series::ReadDatabaseSize;
use crate::store::queries::statistics::{
    ComputeAccountDays, ComputeDay, ComputeWindows, ComputedDay, PlanStatistics, StatisticsStep,
};
use crate::store::units::{ForgetAccountDays, MarkAccountsStale, MeasureDatabase};

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatisticsProgress {
    /// A day that is over was computed.
    Day(Day),
    /// Something else was done, and more may be left.
    Other,
    /// What isn't over was computed; nothing is left.
    Rest,
}

/// One round; whether more may be left.
///
/// # Errors
/// When the store can't be reached.
pub(super) async fn run_once(
    actors: &Actors,
    config: &Config,
    clock: &SharedClock,
) -> Result<bool, AskError> {
    let progress = step_statistics(actors, clock.now(), &config.instance.time_zone).await?;
    Ok(progress != StatisticsProgress::Rest)
}

/// Takes one step: at most one day that is over, or else what is left of the present.
///
/// # Errors
/// When the store can't be reached.
pub async fn step_statistics(
    actors: &Actors,
    now: Timestamp,
    zone: &TimeZone,
) -> Result<StatisticsProgress, AskError> {
    let plan = PlanStatistics {
        now,
        zone: zone.clone(),
    };
    match actors.find(plan).await? {
        StatisticsStep::Begin(begin) => actors.perform(begin).await?,
        StatisticsStep::MarkAccounts => {
            actors.perform(MarkAccountsStale).await?;
        }
        StatisticsStep::Close(day) => {
            compute(actors, day, zone).await?;
            return Ok(StatisticsProgress::Day(day.day));
        }
        StatisticsStep::CountWindows(day) => {
            let zone = zone.clone();
            let windows = actors.find(ComputeWindows { day, zone }).await?;
            actors.perform(windows).await?;
        }
        StatisticsStep::Forget(before) => {
            actors.perform(ForgetAccountDays { before }).await?;
        }
        StatisticsStep::Open(days) => {
            for day in days {
                compute(actors, day, zone).await?;
            }
            let database_bytes = actors.find(ReadDatabaseSize).await?;
            actors.perform(MeasureDatabase { database_bytes }).await?;
            return Ok(StatisticsProgress::Rest);
        }
    }
    Ok(StatisticsProgress::Other)
}

/// Computes a day and records what differs from what is kept. When somebody else recorded something meanwhile, the day
/// stays as it is, and stays to be done.
async fn compute(actors: &Actors, day: ComputedDay, zone: &TimeZone) -> Result<(), AskError> {
    let ComputedDay {
        day,
        is_closed,
        has_accounts,
    } = day;
    let mut since_commit = None;
    let mut after = Some(AccountId(0)).filter(|_| has_accounts);
    while let Some(account) = after {
        let page = actors
            .find(ComputeAccountDays {
                day,
                zone: zone.clone(),
                after: account,
            })
            .await?;
        since_commit = since_commit.or(Some(page.record.read_commit));
        after = page.next;
        if !page.record.changes.is_empty() && !actors.perform(page.record).await? {
            return Ok(());
        }
    }
    let figures = ComputeDay {
        day,
        zone: zone.clone(),
        is_closed,
        since_commit,
    };
    if let Some(record) = actors.find(figures).await? {
        actors.perform(record).await?;
    }
    Ok(())
}
