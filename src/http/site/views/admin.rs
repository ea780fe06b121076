//! What owners and moderators look after: tasks and sign-ups.

use askama::Template;

use super::{Frame, Moment, filters};

/// How something stands: a word and a picture, so that colour isn't needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Good,
    /// Nothing to be done, but to be known.
    Calm,
    /// Somebody should look.
    Bad,
}

impl Tone {
    /// The class that colours it.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Good => "is-good",
            Self::Calm => "is-calm",
            Self::Bad => "is-danger",
        }
    }

    /// The picture beside the word.
    #[must_use]
    pub const fn icon(self) -> &'static str {
        match self {
            Self::Good => "check",
            Self::Calm => "moon",
            Self::Bad => "alert",
        }
    }
}

/// A word about how something stands.
#[derive(Debug, Clone)]
pub struct Status {
    /// How to feel about it.
    pub tone: Tone,
    /// The word.
    pub word: String,
}

/// A destination of jobs and what waits for it.
#[derive(Debug, Clone)]
pub struct QueueRow {
    /// What `/admin/queues/NAME/pause` takes.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Whether it works.
    pub status: Status,
    /// How many jobs wait, in words.
    pub waiting: String,
    /// Until when nothing is tried, or what is done about failures; a sentence.
    pub breaker: Option<String>,
    /// Why it failed last.
    pub last_error: Option<String>,
    /// Whether somebody stopped it.
    pub paused: bool,
}

/// A task that runs by the clock.
#[derive(Debug, Clone)]
pub struct TaskRow {
    /// What `/admin/tasks/NAME/run` takes.
    pub name: String,
    /// What it does.
    pub label: String,
    /// When it runs, as crontab writes it; `None` when it is turned off.
    pub expression: Option<String>,
    /// How its last run ended, or why there is none.
    pub status: Status,
    /// When it runs next, and how long that is: `in 12 min`.
    pub next: Option<(Moment, String)>,
    /// When its last run began, and how long it took.
    pub last: Option<(Moment, String)>,
    /// Why its last run failed.
    pub error: Option<String>,
    /// Whether somebody stopped it.
    pub paused: bool,
}

/// A job that runs, waits for another attempt, or is dead.
#[derive(Debug, Clone)]
pub struct JobLine {
    /// What `/admin/jobs/ID/retry` takes.
    pub id: String,
    /// What it is about.
    pub words: String,
    /// When it was asked for.
    pub made: Moment,
    /// How often it was tried, in words.
    pub attempts: String,
    /// When it is tried again, or when it died.
    pub when: Moment,
    /// How long it is until then; empty for what has happened.
    pub until: String,
    /// Why it failed last.
    pub reason: Option<String>,
    /// Whether it may be dropped.
    pub can_drop: bool,
}

/// How scheduled backups stand.
#[derive(Debug, Clone)]
pub struct BackupsPart {
    /// Where they are made.
    pub directory: String,
    /// What is to be known about that place, or done about it; a sentence.
    pub warning: Option<String>,
    /// The newest sets.
    pub sets: Vec<BackupRow>,
    /// How many there are beside those, in words.
    pub more: Option<String>,
    /// How the last restore drill went.
    pub drill: Option<DrillRow>,
}

/// A backup.
#[derive(Debug, Clone)]
pub struct BackupRow {
    /// Its name in the directory.
    pub name: String,
    /// Whether it can be used.
    pub status: Status,
    /// When it was made.
    pub made: Option<Moment>,
    /// Its size, where it lies and whether it was shipped; in words.
    pub about: String,
}

/// A restore drill.
#[derive(Debug, Clone)]
pub struct DrillRow {
    /// Which backup was restored.
    pub set: String,
    /// Whether it could be.
    pub status: Status,
    /// When.
    pub at: Option<Moment>,
    /// How long that took.
    pub took: String,
    /// Why it failed.
    pub error: Option<String>,
}

/// `GET /admin/tasks`.
#[derive(Debug, Clone, Template)]
#[template(path = "admin_tasks.html")]
pub struct TasksPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The zone that times are given in.
    pub zone: String,
    /// Where jobs lead to.
    pub queues: Vec<QueueRow>,
    /// What runs by the clock.
    pub schedule: Vec<TaskRow>,
    /// What is worked on.
    pub running: Vec<JobLine>,
    /// What failed and is tried again.
    pub retrying: Vec<JobLine>,
    /// What was given up, the latest first.
    pub dead: Vec<JobLine>,
    /// How many are dead, in words, when the list doesn't hold them all.
    pub dead_total: Option<String>,
    /// Days that the dead are kept.
    pub dead_days: i64,
    /// Scheduled backups; none where none are made.
    pub backups: Option<BackupsPart>,
}

/// Somebody who waits for approval.
#[derive(Debug, Clone)]
pub struct SignUpRow {
    /// What `/admin/sign-ups/ID/approve` takes.
    pub id: String,
    /// The name.
    pub name: String,
    /// When the person signed up.
    pub asked: Moment,
    /// What the person wrote; empty for nothing.
    pub reason: String,
}

/// `GET /admin/sign-ups`.
#[derive(Debug, Clone, Template)]
#[template(path = "admin_sign_ups.html")]
pub struct SignUpsPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// Who waits, the longest first.
    pub waiting: Vec<SignUpRow>,
    /// Whether more wait than are shown.
    pub is_more: bool,
}
