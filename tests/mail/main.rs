//! Mail to people who are named, through a real server, its API, and a mail server that others wrote.
//!
//! Time stands still until a test moves it: no test waits for a pause to end.

mod content;
mod limits;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod trouble;
mod unsubscribe;
mod unwanted;

use std::time::Duration;

use kinglet::config::Config;
use kinglet::domain::job::{JobState, Lane};
use kinglet::domain::mail::MailPreferences;
use kinglet::store::queries::jobs::{Destination, JobRow, ListJobs, ReadQueues};
use kinglet::store::units::SetMailPreferences;
use serde_json::{Value as Json, json};
use tokio::time::{sleep, timeout};

use support::server::{Client, Rig};
use support::smtp::MailServer;

/// How long a test waits for the task manager to come to rest.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it looks meanwhile.
const LOOK_INTERVAL: Duration = Duration::from_millis(3);

/// In milliseconds.
const MINUTE: i64 = 60 * 1000;
/// In milliseconds.
const HOUR: i64 = 60 * MINUTE;

/// A server with people, and the mail server that it sends to.
struct Office {
    rig: Rig,
    smtp: MailServer,
}

impl Office {
    async fn open(names: &[&str]) -> Self {
        Self::open_with(MailServer::start().await, names, |_| {}).await
    }

    async fn open_with(smtp: MailServer, names: &[&str], change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        config.http.listen = "127.0.0.1:0".parse().expect("an address");
        config.limits.rate_limits = false;
        config.mail.url = smtp.url().parse().expect("a mail URL");
        change(&mut config);
        let rig = Rig::start_configured(config, names, |builder| builder).await;
        Self { rig, smtp }
    }

    fn client(&self, name: &str) -> &Client {
        self.rig.client(name)
    }

    /// Publishes a public post; its id.
    async fn say(&self, author: &str, text: &str) -> String {
        self.publish(author, json!({"status": text})).await
    }

    /// Publishes a post; its id.
    async fn publish(&self, author: &str, post: Json) -> String {
        let answer = self.client(author).post("/api/v1/statuses", post).await;
        answer.ok()["id"].as_str().expect("an id").to_owned()
    }

    /// Waits until no mail is under way and none could leave now.
    async fn at_rest(&self) {
        let rest = async {
            while !self.is_at_rest().await {
                sleep(LOOK_INTERVAL).await;
            }
        };
        let rested = timeout(PATIENCE, rest).await;
        rested.expect("the task manager comes to rest");
    }

    async fn is_at_rest(&self) -> bool {
        let actors = &self.rig.server.instance().actors;
        // Those that wait first: what stops to run between the two questions waits for later.
        let queues = actors.find(ReadQueues).await.expect("the store answers");
        let now = self.rig.server.instance().clock.now();
        for queue in queues.queues {
            let breaker = queue.destination.breaker;
            let is_due = queue.next_due.is_some_and(|due| due <= now);
            let is_open = !queue.destination.paused && breaker.open_until <= now.millis();
            if queue.destination.lane == Lane::Mail && is_due && is_open {
                return false;
            }
        }
        let running = self.jobs(JobState::Running).await;
        running.iter().all(|job| job.destination != "mail")
    }

    /// Jobs that run, are dead, or wait after a failure.
    async fn jobs(&self, state: JobState) -> Vec<JobRow> {
        let actors = &self.rig.server.instance().actors;
        let jobs = actors.find(ListJobs { state }).await;
        jobs.expect("the store answers")
    }

    /// The only job of a state.
    async fn job(&self, state: JobState) -> JobRow {
        let mut jobs = self.jobs(state).await;
        assert_eq!(jobs.len(), 1, "{jobs:?}");
        jobs.remove(0)
    }

    /// How many jobs wait for the mail server, and how it fares.
    async fn queue(&self) -> (usize, Destination) {
        let actors = &self.rig.server.instance().actors;
        let queues = actors.find(ReadQueues).await.expect("the store answers");
        let mut queues = queues.queues.into_iter();
        let queue = queues.find(|queue| queue.destination.lane == Lane::Mail);
        let queue = queue.expect("mail has a queue");
        (queue.waiting, queue.destination)
    }

    /// Moves the clock, and waits until what is due then has been tried.
    async fn pass(&self, millis: i64) {
        self.rig.clock.advance_millis(millis);
        self.rig.server.instance().wakes.ring_all();
        self.at_rest().await;
    }

    /// Waits until everything has left; what the mail server took that no test asked for.
    async fn leftover(&mut self) -> Vec<String> {
        self.at_rest().await;
        let rest = self.smtp.rest();
        rest.into_iter().map(|mail| mail.to).collect()
    }

    /// No more mail comes, and none waits.
    async fn nothing_is_left(&mut self) {
        assert_eq!(self.leftover().await, [""; 0]);
        assert_eq!(self.queue().await.0, 0);
    }

    /// Gives an account other preferences, as its settings do.
    async fn prefer(&self, name: &str, change: impl FnOnce(&mut MailPreferences)) {
        let mut preferences = MailPreferences::default();
        change(&mut preferences);
        let set = SetMailPreferences {
            account: self.rig.person(name).id,
            preferences,
        };
        let actors = &self.rig.server.instance().actors;
        actors.perform(set).await.expect("sound preferences");
    }
}
