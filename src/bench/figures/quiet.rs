//! An instance with two people and no post: its memory, its start, and what it does when nobody asks.

use std::time::Duration;

use tokio::time::sleep;

use super::{Rounds, Series};
use crate::bench::BenchError;
use crate::bench::graph::FollowerGraph;
use crate::bench::report::{Better, Figure};

/// How long a server that has just started is left alone.
const SETTLE_TIME: Duration = Duration::from_secs(3);
/// And one in which passwords were hashed.
const RELAX_TIME: Duration = Duration::from_secs(10);
/// How many: as many as ten log-ins do, one after the other.
const LOG_INS: usize = 10;
/// How long idleness is looked at.
const IDLE_TIME: Duration = Duration::from_secs(10);
/// Goals: memory in megabytes, and how much more after the log-ins; the start in milliseconds; a share of a core in
/// hundredths, and wake-ups in a second.
const IDLE_GOAL_MB: f64 = 12.0;
const KEPT_GOAL_MB: f64 = 2.0;
const START_GOAL_MS: f64 = 50.0;
const CPU_GOAL_PERCENT: f64 = 0.1;
const WAKE_UPS_GOAL: f64 = 1.0;

fn nearly_nobody() -> FollowerGraph {
    FollowerGraph {
        people: 2,
        follows: vec![(0, 1)],
    }
}

pub(super) async fn memory(rounds: &Rounds<'_>) -> Result<Vec<Figure>, BenchError> {
    let [mut idle, mut relaxed, mut kept] = std::array::from_fn(|_| Series::default());
    let mut instance = rounds.directory(&nearly_nobody(), 0).await?;
    for round in 0..rounds.plan.rounds {
        instance.start().await?;
        rounds.begin("memory, idle", round);
        sleep(SETTLE_TIME).await;
        let server = instance.server()?;
        let before = server.usage()?.resident_bytes as f64 / 1e6;
        for number in 0..LOG_INS {
            server.hash_a_password(&format!("visitor{round}_{number}"))?;
        }
        rounds.begin("memory, after log-ins", round);
        sleep(RELAX_TIME).await;
        let after = server.usage()?.resident_bytes as f64 / 1e6;
        idle.push(before);
        relaxed.push(after);
        kept.push(after - before);
        instance.stop().await?;
    }
    Ok(vec![
        idle.figure("memory.idle", "MB", Better::Less, Some(IDLE_GOAL_MB)),
        relaxed.figure("memory.after_log_ins", "MB", Better::Less, None),
        kept.figure("memory.kept", "MB", Better::Less, Some(KEPT_GOAL_MB)),
    ])
}

pub(super) async fn start(rounds: &Rounds<'_>) -> Result<Vec<Figure>, BenchError> {
    let mut started = Series::default();
    let mut instance = rounds.instance(&nearly_nobody(), 0).await?;
    for round in 0..rounds.plan.rounds {
        rounds.begin("start", round);
        instance.stop().await?;
        started.push(instance.start().await?);
    }
    instance.stop().await?;
    let goal = Some(START_GOAL_MS);
    Ok(vec![started.figure(
        "start.empty",
        "ms",
        Better::Less,
        goal,
    )])
}

pub(super) async fn idle(rounds: &Rounds<'_>) -> Result<Vec<Figure>, BenchError> {
    let [mut cpu, mut wake_ups] = std::array::from_fn(|_| Series::default());
    let mut instance = rounds.instance(&nearly_nobody(), 0).await?;
    sleep(SETTLE_TIME).await;
    for round in 0..rounds.plan.rounds {
        rounds.begin("idle", round);
        let before = instance.server()?.usage()?;
        sleep(IDLE_TIME).await;
        let used = instance.server()?.usage()?.since(&before);
        cpu.push(100.0 * used.cpu_seconds / IDLE_TIME.as_secs_f64());
        wake_ups.push(used.wake_ups as f64 / IDLE_TIME.as_secs_f64());
    }
    instance.stop().await?;
    Ok(vec![
        cpu.figure("idle.cpu", "%", Better::Less, Some(CPU_GOAL_PERCENT)),
        wake_ups.figure("idle.wake_ups", "/s", Better::Less, Some(WAKE_UPS_GOAL)),
    ])
}
