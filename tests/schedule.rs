//! What runs by the clock: planned at the first start, caught up once after a pause, never while it is stopped.

mod support;

use std::sync::Arc;
use std::time::Duration;

use kinglet::Server;
use kinglet::clock::{ManualClock, Timestamp};
use kinglet::config::Config;
use kinglet::domain::access::Authority;
use kinglet::domain::schedule::PeriodicTask;
use kinglet::store::queries::jobs::{ListSchedules, ScheduleRow};
use kinglet::store::units::{PauseTask, RunTaskNow};
use tempfile::TempDir;

/// How long something that should happen at once may take.
const SOON: Duration = Duration::from_secs(20);
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// As far as a run may be moved from what its expression says, in milliseconds.
const JITTER_MILLIS_MAX: i64 = 20_000;

struct House {
    directory: TempDir,
    clock: Arc<ManualClock>,
}

impl House {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().expect("a directory"),
            clock: ManualClock::at(support::server::START),
        }
    }

    async fn open(&self, change: impl FnOnce(&mut Config)) -> Server {
        let mut config = Config::default();
        config.http.listen = "127.0.0.1:0".parse().expect("an address");
        change(&mut config);
        Server::builder()
            .config(config)
            .data_dir(self.directory.path())
            .clock(self.clock.clone())
            .seed(7)
            .start()
            .await
            .expect("the server starts")
    }
}

async fn schedules(server: &Server) -> Vec<ScheduleRow> {
    let found = server.instance().actors.find(ListSchedules).await;
    found.expect("an answer")
}

async fn row(server: &Server, task: PeriodicTask) -> ScheduleRow {
    let rows = schedules(server).await;
    let found = rows.into_iter().find(|row| row.task == task.name());
    found.expect("it is planned")
}

/// Waits until the schedule looks as wanted.
async fn until(server: &Server, wanted: impl Fn(&[ScheduleRow]) -> bool) -> Vec<ScheduleRow> {
    let looking = async {
        loop {
            let rows = schedules(server).await;
            if wanted(&rows) {
                return rows;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, looking)
        .await
        .expect("it happens soon")
}

fn is_planned(rows: &[ScheduleRow]) -> bool {
    rows.len() == PeriodicTask::ALL.len()
}

#[tokio::test]
async fn every_task_is_planned_within_its_jitter_and_none_runs_before_it_is_due() {
    let house = House::new();
    let server = house.open(|_| {}).await;
    let config = Config::default();
    let now = support::server::START;
    for row in until(&server, is_planned).await {
        let task = PeriodicTask::from_name(&row.task).expect("a task");
        let expression = config.schedule.of(task).expect("on by default");
        let zone = &config.instance.time_zone;
        let next = expression.next_after(now, zone).expect("it comes");
        let late = row.due_at.millis() - next.millis();
        assert!((0..=JITTER_MILLIS_MAX).contains(&late), "{row:?}");
        assert_eq!(row.started_at, None, "{row:?}");
    }
    server.shutdown().await.expect("it stops");
}

#[tokio::test]
async fn what_was_missed_is_caught_up_once() {
    let house = House::new();
    let server = house.open(|_| {}).await;
    until(&server, is_planned).await;
    server.shutdown().await.expect("it stops");
    house.clock.advance_millis(8 * DAY_MILLIS);
    let back_at = Timestamp::from_millis(support::server::START.millis() + 8 * DAY_MILLIS);
    let server = house.open(|_| {}).await;
    let rows = until(&server, |rows| {
        rows.iter().all(|row| row.finished_at.is_some())
    })
    .await;
    for row in &rows {
        assert_eq!(row.started_at, Some(back_at), "{row:?}");
        assert_eq!(row.last_error, None, "{row:?}");
        assert!(row.due_at > back_at, "the next run is ahead: {row:?}");
    }
    // Whatever wakes it, nothing is due any more.
    house.clock.advance_millis(1);
    server.instance().wakes.ring_all();
    let task = PeriodicTask::Codes.name().to_owned();
    let ran = server
        .instance()
        .actors
        .perform(RunTaskNow {
            by: Authority::Operator,
            task,
        })
        .await;
    ran.expect("it is known");
    until(&server, |rows| {
        rows.iter()
            .any(|row| row.task == "codes" && row.started_at > Some(back_at))
    })
    .await;
    for row in schedules(&server).await {
        if row.task != "codes" {
            assert_eq!(row.started_at, Some(back_at), "{row:?}");
        }
    }
    server.shutdown().await.expect("it stops");
}

#[tokio::test]
async fn another_expression_plans_anew_and_none_plans_nothing() {
    let house = House::new();
    let server = house.open(|_| {}).await;
    until(&server, is_planned).await;
    let before = row(&server, PeriodicTask::Database).await;
    server.shutdown().await.expect("it stops");
    let server = house
        .open(|config| {
            config.schedule.database = Some("0 0 1 1 *".parse().expect("new year"));
            config.schedule.codes = None;
        })
        .await;
    until(&server, |rows| {
        rows.iter()
            .any(|row| row.task == "database" && row.expression == "0 0 1 1 *")
    })
    .await;
    let after = row(&server, PeriodicTask::Database).await;
    assert!(after.due_at > before.due_at);
    house.clock.advance_millis(2 * DAY_MILLIS);
    server.instance().wakes.ring_all();
    let rows = until(&server, |rows| {
        rows.iter()
            .any(|row| row.task == "sessions" && row.finished_at.is_some())
    })
    .await;
    let codes = rows.iter().find(|row| row.task == "codes");
    assert_eq!(codes.expect("it was planned once").started_at, None);
    server.shutdown().await.expect("it stops");
}

#[tokio::test]
async fn a_paused_task_waits_until_it_may_go_on() {
    let house = House::new();
    let server = house.open(|_| {}).await;
    until(&server, is_planned).await;
    let actors = &server.instance().actors;
    let pause = |paused| PauseTask {
        by: Authority::Operator,
        task: "sessions".to_owned(),
        paused,
    };
    actors.perform(pause(true)).await.expect("it is known");
    let refused = actors
        .perform(RunTaskNow {
            by: Authority::Operator,
            task: "sessions".to_owned(),
        })
        .await;
    assert!(refused.is_err(), "it says that it is paused");
    house.clock.advance_millis(8 * DAY_MILLIS);
    server.instance().wakes.ring_all();
    let rows = until(&server, |rows| {
        let others = rows.iter().filter(|row| row.task != "sessions");
        others.into_iter().all(|row| row.finished_at.is_some())
    })
    .await;
    let sessions = rows.iter().find(|row| row.task == "sessions");
    assert_eq!(sessions.expect("it is planned").started_at, None);
    actors.perform(pause(false)).await.expect("it is known");
    until(&server, |rows| {
        rows.iter().all(|row| row.finished_at.is_some())
    })
    .await;
    server.shutdown().await.expect("it stops");
}
