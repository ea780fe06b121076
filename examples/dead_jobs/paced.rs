//! A load that comes at its own pace, however long the answers take, and how long they took.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::Failure;
use super::load::{CONNECTIONS, Village, now};

/// Posts that are published in a second.
pub const POSTS_PER_SECOND: u32 = 200;
/// Homes that are read in a second.
pub const HOMES_PER_SECOND: u32 = 1000;

/// How long the answers of a load took, shortest first.
pub struct Latencies(Vec<Duration>);

impl Latencies {
    /// The time within which `percent` of the answers came, in milliseconds.
    pub fn percentile_ms(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100);
        let time = self.0.get(rank.saturating_sub(1));
        time.copied().unwrap_or_default().as_secs_f64() * 1e3
    }
}

/// What both loads came to.
pub struct Paced {
    /// Publishing posts.
    pub posts: Latencies,
    /// Reading homes.
    pub homes: Latencies,
}

/// Publishes posts and reads homes for a while, each on [`CONNECTIONS`] connections.
pub async fn run(village: &Village, time: Duration) -> Result<Paced, Failure> {
    let begin = now();
    let (mut posts, mut homes) = (JoinSet::new(), JoinSet::new());
    for number in 0..CONNECTIONS as u32 {
        let mut writer = village.writer(number as usize).await?;
        let mut beat = Beat::new(begin, number, POSTS_PER_SECOND);
        posts.spawn(async move {
            let mut took = Vec::new();
            while beat.next < begin + time {
                let asked = beat.wait().await;
                writer.write().await?;
                took.push(asked.elapsed());
            }
            Ok(took)
        });
        let mut reader = village.reader().await?;
        let mut beat = Beat::new(begin, number, HOMES_PER_SECOND);
        homes.spawn(async move {
            let mut took = Vec::new();
            while beat.next < begin + time {
                let asked = beat.wait().await;
                reader.read().await?;
                took.push(asked.elapsed());
            }
            Ok(took)
        });
    }
    Ok(Paced {
        posts: gather(posts).await?,
        homes: gather(homes).await?,
    })
}

async fn gather(mut tasks: JoinSet<Result<Vec<Duration>, Failure>>) -> Result<Latencies, Failure> {
    let mut all = Vec::new();
    while let Some(took) = tasks.join_next().await {
        all.append(&mut took??);
    }
    all.sort();
    Ok(Latencies(all))
}

/// When a connection asks next.
struct Beat {
    next: Instant,
    period: Duration,
}

impl Beat {
    /// The pace of one of [`CONNECTIONS`] connections that ask so often together, in turn.
    fn new(begin: Instant, number: u32, per_second: u32) -> Self {
        let between = Duration::from_secs(1) / per_second;
        Self {
            next: begin + between * number,
            period: between * CONNECTIONS as u32,
        }
    }

    /// Waits for the moment to ask; answers the one from which the answer's time counts. It is the planned one when the
    /// last answer came too late for it, so that one slow answer isn't hidden by what it kept from being asked. Else it
    /// is the present one: that this process woke up late is no fault of the server.
    async fn wait(&mut self) -> Instant {
        let planned = self.next;
        self.next += self.period;
        if now() >= planned {
            return planned;
        }
        tokio::time::sleep_until(planned.into()).await;
        now()
    }
}
