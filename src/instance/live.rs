//! What a running instance is about at this moment, put together for those who look: `/admin/live`, `kinglet top`.

use crate::actors::error::AskError;
use crate::clock::Timestamp;
use crate::domain::live::{
    JobFigures, LiveFigures, ProcessFigures, SLOW_SHOWN_MAX, Traffic, WriterFigures,
};
use crate::instance::Instance;
use crate::store::queries::tasks::ReadTasks;

impl Instance {
    /// The figures of this moment.
    ///
    /// # Errors
    /// When the jobs can't be looked up.
    pub async fn live(&self) -> Result<LiveFigures, AskError> {
        let now = self.clock.now();
        let uptime = now.seconds().saturating_sub(self.started_at.seconds());
        let uptime_seconds = u64::try_from(uptime).unwrap_or(0);
        Ok(LiveFigures {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            url: self.url.to_string(),
            at: self.moment(now),
            uptime_seconds,
            traffic: Traffic::default(),
            writer: WriterFigures::default(),
            actors: Vec::new(),
            caches: Vec::new(),
            jobs: self.jobs().await?,
            process: ProcessFigures::default(),
            slow_ms: self.config.log.slow_ms,
            slow: Vec::new(),
        })
    }

    async fn jobs(&self) -> Result<JobFigures, AskError> {
        let found = self.actors.find(ReadTasks).await?;
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let queues = found.queues.queues.iter();
        Ok(JobFigures {
            waiting: count(queues.map(|queue| queue.waiting).sum()),
            running: count(found.running.len()),
            retrying: count(found.retrying.len()),
            dead: count(found.queues.dead),
        })
    }

    /// RFC 3339 in the instance's zone.
    fn moment(&self, at: Timestamp) -> String {
        let zoned = at.in_zone(self.config.instance.time_zone.clone());
        zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }
}
