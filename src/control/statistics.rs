//! The statistics, for the operator.

use super::protocol::{Answer, Failure, STATISTICS_DAYS_MAX, STATISTICS_STEPS_MAX};
use super::told;
use crate::actors::tasks::overview::{Span, read_overview};
use crate::actors::tasks::{StatisticsProgress, step_statistics};
use crate::domain::statistics::{Audience, Day};
use crate::instance::Instance;
use crate::store::units::ReopenDays;

/// Reads the last days.
pub(super) async fn read(instance: &Instance, days: i32) -> Result<Answer, Failure> {
    let days = days.clamp(1, STATISTICS_DAYS_MAX);
    let zone = &instance.config.instance.time_zone;
    let span = Span::last(days, instance.clock.now(), zone);
    let read = read_overview(&instance.actors, Audience::Owner, &span).await;
    let overview = Box::new(read.map_err(told)?.overview());
    Ok(Answer::Statistics { overview })
}

/// Marks days as to be computed again.
pub(super) async fn reopen(
    instance: &Instance,
    from: Option<Day>,
    until: Option<Day>,
) -> Result<Answer, Failure> {
    let today = Day::of(instance.clock.now(), &instance.config.instance.time_zone);
    let days = ReopenDays {
        from: from.unwrap_or(Day(i32::MIN)),
        until: until.unwrap_or(today).min(today),
    };
    if days.from > days.until {
        return Err(Failure::new("the first day is after the last"));
    }
    let days = instance.actors.perform(days).await.map_err(told)?;
    Ok(Answer::DaysReopened { days })
}

/// Takes some steps, as the periodic task would.
pub(super) async fn step(instance: &Instance) -> Result<Answer, Failure> {
    let zone = &instance.config.instance.time_zone;
    let mut days = Vec::new();
    for _ in 0..STATISTICS_STEPS_MAX {
        let now = instance.clock.now();
        let stepped = step_statistics(&instance.actors, now, zone).await;
        match stepped.map_err(told)? {
            StatisticsProgress::Day(day) => days.push(day),
            StatisticsProgress::Other => {}
            StatisticsProgress::Rest => {
                let is_more = false;
                return Ok(Answer::StatisticsStepped { days, is_more });
            }
        }
    }
    let is_more = true;
    Ok(Answer::StatisticsStepped { days, is_more })
}
