//! Jobs from the asking to the end: leases, failures, breakers, the operator's hand, and which mail leaves.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::enqueue::enqueue_at;
use super::settle_job::Setback;
use super::*;
use crate::clock::Timestamp;
use crate::domain::access::Authority;
use crate::domain::account::Role;
use crate::domain::event::Event;
use crate::domain::job::{
    ATTEMPTS_MAX, FAILURES_MAX, Job, JobState, LEASE_MILLIS, Lane, LeasedJob, MAIL_AGE_MILLIS_MAX,
};
use crate::domain::refusal::Refusal;
use crate::domain::relationship::MuteOptions;
use crate::domain::visibility::Visibility;
use crate::ids::{AccountId, JobId, PostId};
use crate::secret::TokenHash;
use crate::store::queries::jobs::{FindJob, FindNextDue, JobRow, ListJobs, Queue, ReadQueues};
use crate::store::testing::TestStore;
use crate::store::writer::{Unit, UnitError, Write, WriteError};

const OPERATOR: Authority = Authority::Operator;
const MINUTE: i64 = 60 * 1000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// The longest pause after a failure, and more.
const LONG_PAUSE: i64 = 4 * HOUR;

/// Asks for a job; its number when it is new.
#[derive(Clone)]
struct Ask(Job, i64);

impl Unit for Ask {
    type Answer = Option<JobId>;

    fn apply(&self, write: &mut Write<'_>) -> Result<Option<JobId>, UnitError> {
        const NEWEST: &str = "SELECT coalesce(max(id), 0) FROM jobs";
        let before: i64 = write.connection.query_row(NEWEST, (), |row| row.get(0))?;
        enqueue_at(write, &self.0, write.now.plus_millis(self.1))?;
        // Mail to nobody isn't kept once it failed.
        write.connection.execute(
            "INSERT OR IGNORE INTO accounts (id, name)
             SELECT CAST(payload ->> 'account' AS INTEGER), 'member' || (payload ->> 'account') FROM jobs
             WHERE payload ->> 'account' IS NOT NULL",
            (),
        )?;
        let after: i64 = write.connection.query_row(NEWEST, (), |row| row.get(0))?;
        Ok((after > before).then_some(JobId(after)))
    }
}

fn mention(account: i64) -> Job {
    Job::MentionMail {
        account: AccountId(account),
        post: PostId(1),
    }
}

const fn digest(account: i64) -> Job {
    Job::DigestMail {
        account: AccountId(account),
        until: None,
    }
}

const fn nobodys_reset() -> Job {
    Job::ResetMail { account: None }
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, WriteError>) -> Refusal {
    match outcome {
        Err(WriteError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

const fn run_now(job: JobId) -> RunJobNow {
    RunJobNow { by: OPERATOR, job }
}

const fn drop_job(job: JobId) -> DropJob {
    DropJob { by: OPERATOR, job }
}

fn run_task_now(task: &str) -> RunTaskNow {
    RunTaskNow {
        by: OPERATOR,
        task: task.to_owned(),
    }
}

impl TestStore {
    fn ask(&self, job: Job) -> Option<JobId> {
        self.apply(Ask(job, 0)).expect("no refusal")
    }

    fn lease(&self, lane: Lane, limit: usize) -> Vec<LeasedJob> {
        self.apply(LeaseJobs { lane, limit }).expect("no refusal")
    }

    fn lease_mail(&self, limit: usize) -> Vec<JobId> {
        let leased = self.lease(Lane::Mail, limit);
        leased.into_iter().map(|job| job.id).collect()
    }

    fn finish(&self, job: JobId) {
        self.apply(FinishJob { job }).expect("no refusal");
    }

    fn fail(&self, job: JobId, setback: Setback) {
        let unit = RetryJob {
            job,
            setback,
            reason: "nobody is there".into(),
            chance: u16::MAX,
        };
        self.apply(unit).expect("no refusal");
    }

    fn bury(&self, job: JobId) {
        let unit = BuryJob {
            job,
            reason: "no such mailbox".into(),
            bounced: None,
        };
        self.apply(unit).expect("no refusal");
    }

    fn job(&mut self, job: JobId) -> Option<JobRow> {
        self.find(FindJob { job })
    }

    fn state_of(&mut self, job: JobId) -> Option<JobState> {
        self.job(job).map(|row| row.state)
    }

    fn queue(&mut self, name: &str) -> Queue {
        let queues = self.find(ReadQueues).queues;
        let found = queues.into_iter().find(|q| q.destination.name == name);
        found.expect("a destination of the schema")
    }

    fn next_mail(&mut self) -> Option<i64> {
        let due = self.find(FindNextDue { lane: Lane::Mail });
        due.map(Timestamp::millis)
    }

    fn now(&self) -> i64 {
        use crate::clock::Clock;
        self.clock.now().millis()
    }
}

#[test]
fn a_leased_job_is_nobody_elses_until_the_lease_ends() {
    let mut store = TestStore::open();
    let job = store.ask(mention(1)).expect("new");
    let leased = store.lease(Lane::Mail, 4);
    assert_eq!(leased.len(), 1);
    assert_eq!((leased[0].id, leased[0].attempt), (job, 1));
    assert_eq!(leased[0].job, mention(1));
    assert_eq!(store.next_mail(), Some(store.now() + LEASE_MILLIS));
    store.clock.advance_millis(LEASE_MILLIS - 1);
    assert!(store.lease_mail(4).is_empty());
    store.clock.advance_millis(1);
    let again = store.lease(Lane::Mail, 4);
    assert_eq!((again[0].id, again[0].attempt), (job, 2));
    store.finish(job);
    assert_eq!(store.state_of(job), None);
    assert_eq!(store.next_mail(), None);
}

#[test]
fn a_restart_gives_the_jobs_of_the_lane_out_again_at_once() {
    let store = TestStore::open();
    let mail = store.ask(mention(1)).expect("new");
    let purge = store.ask(Job::PurgePost { post: PostId(1) }).expect("new");
    assert_eq!(store.lease_mail(1), [mail]);
    assert_eq!(store.lease(Lane::House, 1).len(), 1);
    let end = EndLeases {
        lane: Lane::House,
        ending: Ending::Restarted,
    };
    store.apply(end).expect("no refusal");
    assert_eq!(store.lease(Lane::House, 1)[0].id, purge);
    assert!(
        store.lease_mail(1).is_empty(),
        "the other lane's lease holds"
    );
}

#[test]
fn the_same_work_is_asked_for_once_while_it_waits_or_runs() {
    let store = TestStore::open();
    let first = store.ask(mention(1)).expect("new");
    assert_eq!(store.ask(mention(1)), None);
    store.lease_mail(1);
    assert_eq!(store.ask(mention(1)), None);
    store.finish(first);
    let second = store.ask(mention(1)).expect("another one after the first");
    assert!(second > first, "a number is never used twice");
    store.lease_mail(1);
    store.bury(second);
    assert!(store.ask(mention(1)).is_some(), "a dead one is no obstacle");
    assert!(store.ask(nobodys_reset()).is_some());
    assert!(
        store.ask(nobodys_reset()).is_some(),
        "each counts without a key"
    );
}

#[test]
fn what_somebody_waits_for_goes_first() {
    let store = TestStore::open();
    let low = store.ask(digest(1)).expect("new");
    let later = store
        .apply(Ask(mention(2), 5))
        .expect("asked")
        .expect("new");
    let normal = store.ask(mention(1)).expect("new");
    let urgent = store.ask(nobodys_reset()).expect("new");
    let future = store.apply(Ask(nobodys_reset(), HOUR)).expect("asked");
    store.clock.advance_millis(10);
    assert_eq!(store.lease_mail(2), [urgent, normal]);
    assert_eq!(store.lease_mail(9), [later, low]);
    assert!(
        future.is_some() && store.lease_mail(9).is_empty(),
        "not yet"
    );
}

#[test]
fn unused_pages_are_given_back_step_by_step() {
    let store = TestStore::open();
    store.tamper(
        "CREATE TABLE ballast (bytes BLOB);
         WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted LIMIT 600)
         INSERT INTO ballast SELECT zeroblob(4000) FROM counted;
         DROP TABLE ballast;",
    );
    let unused = || store.number("PRAGMA freelist_count");
    let mut before = unused();
    assert!(before >= 600, "{before}");
    let mut units = 0;
    while store.apply(TidyDatabase).expect("no refusal") {
        assert!(unused() < before, "each unit gives something back");
        before = unused();
        units += 1;
        assert!(units <= 10, "in large steps");
    }
    assert_eq!(unused(), 0);
}

#[test]
fn a_failure_waits_longer_each_time_and_ends_in_death() {
    let mut store = TestStore::open();
    let job = store.ask(mention(1)).expect("new");
    let mut pauses = Vec::new();
    for attempt in 1..=ATTEMPTS_MAX {
        let leased = store.lease(Lane::Mail, 1);
        assert_eq!(leased[0].attempt, attempt);
        store.fail(job, Setback::Deferred);
        let row = store.job(job).expect("it waits");
        assert_eq!(
            (row.state, row.attempts, row.last_error.as_deref()),
            (JobState::Waiting, attempt, Some("nobody is there"))
        );
        pauses.push(row.run_at.millis() - store.now());
        store.clock.set(row.run_at);
    }
    assert_eq!(pauses[..3], [MINUTE, 2 * MINUTE, 4 * MINUTE]);
    assert!(pauses.is_sorted());
    assert!(store.lease(Lane::Mail, 1).is_empty());
    let row = store.job(job).expect("it is dead");
    assert_eq!(row.state, JobState::Dead);
    assert_eq!(
        row.last_error.as_deref(),
        Some("given up after 16 attempts: nobody is there")
    );
    let dead = ListJobs {
        state: JobState::Dead,
    };
    assert_eq!(store.find(dead).len(), 1);
    assert_eq!(store.find(ReadQueues).dead, 1);
}

#[test]
fn what_must_be_removed_is_never_given_up() {
    let mut store = TestStore::open();
    let job = store.ask(Job::PurgePost { post: PostId(1) }).expect("new");
    for attempt in 1..=2 * ATTEMPTS_MAX {
        assert_eq!(store.lease(Lane::House, 1)[0].attempt, attempt);
        store.fail(job, Setback::Deferred);
        let row = store.job(job).expect("it waits");
        store.clock.set(row.run_at);
    }
    store.tamper("UPDATE jobs SET kind = 'fax'");
    assert!(store.lease(Lane::House, 1).is_empty());
    assert_eq!(store.state_of(job), Some(JobState::Waiting));
}

#[test]
fn a_job_that_yields_is_due_at_once_and_has_lost_nothing() {
    let mut store = TestStore::open();
    let job = store.ask(Job::PurgePost { post: PostId(1) }).expect("new");
    let other = store.ask(Job::PurgePost { post: PostId(2) }).expect("new");
    assert_eq!(store.lease(Lane::House, 1)[0].id, job);
    store.clock.advance_millis(1);
    store
        .apply(YieldJob {
            job,
            pause_millis: 0,
        })
        .expect("no refusal");
    assert_eq!(store.job(job).map(|row| row.attempts), Some(0));
    assert_eq!(store.lease(Lane::House, 1)[0].id, other, "others go first");
    assert_eq!(store.lease(Lane::House, 1)[0].id, job);
}

#[test]
fn a_dead_destination_is_tried_by_one_job_at_a_time_until_it_answers() {
    let mut store = TestStore::open();
    let jobs: Vec<JobId> = (1..=6).filter_map(|n| store.ask(mention(n))).collect();
    assert_eq!(store.lease_mail(3), jobs[..3]);
    for (failures, job) in (1..).zip(&jobs[..3]) {
        assert!(store.queue("mail").destination.breaker.open_until == 0);
        store.fail(*job, Setback::Unreachable);
        let row = store.job(*job).expect("it waits");
        assert_eq!(row.attempts, 0, "it is not the job's fault");
        let destination = store.queue("mail").destination;
        assert_eq!(destination.breaker.failures, failures);
        assert_eq!(destination.last_error.as_deref(), Some("nobody is there"));
    }
    let open_until = store.queue("mail").destination.breaker.open_until;
    assert!(open_until > store.now());
    assert!(store.lease_mail(4).is_empty(), "the others aren't tried");
    assert_eq!(store.next_mail(), Some(open_until));
    // Another lane doesn't feel it.
    store.ask(Job::PurgePost { post: PostId(1) });
    assert_eq!(store.lease(Lane::House, 1).len(), 1);

    store.clock.set(Timestamp::from_millis(open_until));
    let probe = store.lease_mail(4);
    assert_eq!(probe, [jobs[3]], "one finds out");
    assert!(store.lease_mail(4).is_empty(), "while it is under way");
    store.fail(probe[0], Setback::Unreachable);
    let later = store.queue("mail").destination.breaker.open_until;
    assert!(later - store.now() > open_until - store.now(), "and longer");
    store.clock.set(Timestamp::from_millis(later));
    let probe = store.lease_mail(4);
    assert_eq!(probe.len(), 1);
    store.finish(probe[0]);
    let destination = store.queue("mail").destination;
    assert_eq!(destination.breaker.failures, 0);
    assert_eq!(destination.last_error, None);
    assert_eq!(store.lease_mail(9).len(), 5, "all of them");
}

#[test]
fn only_failures_in_a_row_open_the_breaker() {
    let mut store = TestStore::open();
    for number in 1..=3 * FAILURES_MAX {
        store.ask(mention(number));
        let job = store.lease_mail(1)[0];
        let setback = match number % FAILURES_MAX {
            0 => Setback::Deferred,
            _ => Setback::Unreachable,
        };
        store.fail(job, setback);
        assert_eq!(store.queue("mail").destination.breaker.open_until, 0);
    }
}

#[test]
fn mail_that_is_too_late_is_given_up_with_its_last_words() {
    let mut store = TestStore::open();
    let old = store.ask(mention(1)).expect("new");
    store.lease_mail(1);
    store.fail(old, Setback::Deferred);
    let reset = store.ask(nobodys_reset()).expect("new");
    let purge = store.ask(Job::PurgePost { post: PostId(1) }).expect("new");
    store.clock.advance_millis(MAIL_AGE_MILLIS_MAX + 1);
    let young = store.ask(mention(2)).expect("new");
    assert_eq!(store.lease_mail(9), [young]);
    let reason = |store: &mut TestStore, job| store.job(job).and_then(|row| row.last_error);
    assert_eq!(
        reason(&mut store, old).as_deref(),
        Some("too late: nobody is there")
    );
    assert_eq!(
        reason(&mut store, reset).as_deref(),
        Some("too late: it was never tried")
    );
    assert_eq!(
        store.lease(Lane::House, 1)[0].id,
        purge,
        "never too late for what must be done"
    );
}

#[test]
fn the_sweep_gives_up_late_mail_behind_any_number_of_old_purges() {
    let mut store = TestStore::open();
    for post in 0..=ROWS_PER_SWEEP_MAX as i64 {
        store.ask(Job::PurgePost { post: PostId(post) });
    }
    let mail = store.ask(mention(1)).expect("new");
    store.clock.advance_millis(MAIL_AGE_MILLIS_MAX + 1);
    assert!(!store.apply(SweepJobs).expect("no refusal"));
    assert_eq!(store.state_of(mail), Some(JobState::Dead));
    assert_eq!(store.queue("house").waiting, ROWS_PER_SWEEP_MAX + 1);
    store.clock.advance_millis(14 * DAY);
    store.apply(SweepJobs).expect("no refusal");
    assert_eq!(store.state_of(mail), None, "forgotten after its time");
}

#[test]
fn work_that_this_kinglet_does_not_know_dies_with_a_reason_and_blocks_nothing() {
    let mut store = TestStore::open();
    let unknown = store.ask(mention(1)).expect("new");
    let newer = store.ask(mention(2)).expect("new");
    let broken = store.ask(mention(3)).expect("new");
    let sound = store.ask(mention(4)).expect("new");
    store.tamper(&format!(
        "UPDATE jobs SET kind = 'fax' WHERE id = {unknown};
         UPDATE jobs SET version = 99 WHERE id = {newer};
         UPDATE jobs SET payload = '{{' WHERE id = {broken};"
    ));
    store.events();
    let mut leased = Vec::new();
    // A worker with one free hand: each time something is given up it is called again.
    for _ in 0..4 {
        let jobs = store.lease_mail(1);
        let rings = store.events();
        assert_eq!(
            jobs.is_empty(),
            rings
                .iter()
                .any(|event| matches!(event, Event::JobAdded(Lane::Mail))),
            "{rings:?}"
        );
        leased.extend(jobs);
    }
    assert_eq!(leased, [sound]);
    for (job, word) in [(unknown, "fax"), (newer, "version 99"), (broken, "EOF")] {
        let row = store.job(job).expect("it is kept");
        let reason = row.last_error.expect("a reason");
        assert_eq!(row.state, JobState::Dead);
        assert!(reason.contains(word), "{reason}");
        assert!(row.job.is_err());
    }
}

#[test]
fn mail_to_an_account_that_was_deleted_meanwhile_leaves_no_words() {
    let mut store = TestStore::open();
    for state in ["UPDATE accounts SET state = 3", "DELETE FROM accounts"] {
        let put_off = store.ask(mention(1)).expect("it is new");
        let given_up = store.ask(mention(2)).expect("it is new");
        let purge = Job::PurgeAccount {
            account: AccountId(1),
        };
        let purge = store.ask(purge).expect("it is new");
        assert_eq!(store.lease_mail(2), [put_off, given_up]);
        assert_eq!(store.lease(Lane::House, 1).len(), 1);
        store.tamper(state);
        store.fail(put_off, Setback::Deferred);
        store.bury(given_up);
        store.fail(purge, Setback::Deferred);
        assert_eq!(store.job(put_off), None);
        assert_eq!(store.job(given_up), None);
        assert_eq!(store.state_of(purge), Some(JobState::Waiting));
        store.tamper("DELETE FROM jobs");
    }
}

#[test]
fn who_comes_late_with_bad_news_changes_nothing() {
    let mut store = TestStore::open();
    let job = store.ask(mention(1)).expect("new");
    store.lease_mail(1);
    store.bury(job);
    store.fail(job, Setback::Deferred);
    store
        .apply(YieldJob {
            job,
            pause_millis: 0,
        })
        .expect("no refusal");
    assert_eq!(store.state_of(job), Some(JobState::Dead));
    assert!(store.lease_mail(1).is_empty());
    store.finish(job);
    assert_eq!(store.state_of(job), None, "what is done is done");
}

#[test]
fn a_paused_destination_rests_and_goes_on_as_if_nothing_had_failed() {
    let mut store = TestStore::open();
    let pause = |store: &TestStore, paused| {
        let (by, name) = (OPERATOR, "mail".to_owned());
        store.apply(PauseDestination { by, name, paused })
    };
    for number in 1..=4 {
        store.ask(mention(number));
    }
    for job in store.lease_mail(3) {
        store.fail(job, Setback::Unreachable);
    }
    pause(&store, true).expect("a destination");
    store.clock.advance_millis(LONG_PAUSE);
    assert!(store.lease_mail(9).is_empty());
    assert_eq!(store.next_mail(), None, "nobody is called for nothing");
    assert!(store.queue("mail").destination.paused);
    pause(&store, false).expect("a destination");
    assert_eq!(store.lease_mail(9).len(), 4, "no breaker is left");
    let name = "fax".to_owned();
    let unknown = store.apply(PauseDestination {
        by: OPERATOR,
        name,
        paused: true,
    });
    assert_eq!(refused(unknown), Refusal::NotFound);
}

#[test]
fn the_operator_has_jobs_run_now_again_or_never() {
    let mut store = TestStore::open();
    let job = store.ask(mention(1)).expect("new");
    store.lease_mail(1);
    for unit in [store.apply(run_now(job)), store.apply(drop_job(job))] {
        assert!(matches!(refused(unit), Refusal::Conflict(_)), "it runs");
    }
    store.fail(job, Setback::Deferred);
    assert!(store.lease_mail(1).is_empty());
    store.apply(run_now(job)).expect("it waits");
    assert_eq!(store.lease_mail(1), [job]);
    store.bury(job);
    store.clock.advance_millis(MAIL_AGE_MILLIS_MAX + 1);
    store.apply(run_now(job)).expect("it is dead");
    assert_eq!(store.lease_mail(1), [job], "a new life, a new age");
    store.bury(job);
    // What took its place meanwhile does its work.
    let twin = store.ask(mention(1)).expect("new");
    assert!(matches!(
        refused(store.apply(run_now(job))),
        Refusal::Conflict(_)
    ));
    assert_eq!(
        store
            .apply(ReviveDeadJobs { by: OPERATOR })
            .expect("no refusal"),
        0
    );
    store.apply(drop_job(twin)).expect("it waits");
    assert_eq!(
        store
            .apply(ReviveDeadJobs { by: OPERATOR })
            .expect("no refusal"),
        1
    );
    assert_eq!(store.state_of(job), Some(JobState::Waiting));
    store.apply(drop_job(job)).expect("it waits");
    assert_eq!(refused(store.apply(drop_job(job))), Refusal::NotFound);
    assert_eq!(refused(store.apply(run_now(job))), Refusal::NotFound);
    let purge = store.ask(Job::PurgePost { post: PostId(1) }).expect("new");
    let kept = refused(store.apply(drop_job(purge)));
    assert!(kept.to_string().contains("must be removed"), "{kept}");
}

#[test]
fn only_owners_look_after_jobs() {
    let store = TestStore::open();
    let [owner, moderator] = [Role::Owner, Role::Moderator].map(|role| {
        let unit = RegisterAccount {
            member: NewMember {
                name: role.name().into(),
                email: format!("{}@birds.example", role.name()),
                password_hash: "none".into(),
            },
            admission: Admission::Operator(role),
        };
        Authority::Member(store.apply(unit).expect("a free name").account)
    });
    let job = store.ask(mention(1)).expect("new");
    let pause = |by| PauseDestination {
        by,
        name: "mail".into(),
        paused: true,
    };
    let is_forbidden = |refusal| matches!(refusal, Refusal::Forbidden(_));
    let by = moderator;
    assert!(is_forbidden(refused(store.apply(pause(by)))));
    assert!(is_forbidden(refused(store.apply(DropJob { by, job }))));
    assert!(is_forbidden(refused(store.apply(RunJobNow { by, job }))));
    assert!(is_forbidden(refused(store.apply(ReviveDeadJobs { by }))));
    let task = || "codes".to_owned();
    assert!(is_forbidden(refused(
        store.apply(RunTaskNow { by, task: task() })
    )));
    let pause_task = PauseTask {
        by,
        task: task(),
        paused: true,
    };
    assert!(is_forbidden(refused(store.apply(pause_task))));
    store.apply(pause(owner)).expect("an owner may");
    store
        .apply(DropJob { by: owner, job })
        .expect("an owner may");
}

#[test]
fn a_task_is_paused_and_run_by_hand() {
    use crate::store::queries::jobs::ListSchedules;
    let mut store = TestStore::open();
    let task = || "codes".to_owned();
    assert_eq!(
        refused(store.apply(run_task_now("coffee"))),
        Refusal::NotFound
    );
    let due_at = Timestamp::from_millis(store.now() + HOUR);
    let plan = PlanTask {
        task: task(),
        expression: "10 * * * *".into(),
        due_at,
    };
    store.apply(plan).expect("planned");
    let pause = |paused| PauseTask {
        by: OPERATOR,
        task: task(),
        paused,
    };
    store.apply(pause(true)).expect("a task");
    let held = refused(store.apply(run_task_now(&task())));
    assert!(held.to_string().contains("paused"), "{held}");
    store.apply(pause(false)).expect("a task");
    store.apply(run_task_now(&task())).expect("a task");
    let rows = store.find(ListSchedules);
    assert_eq!(rows[0].due_at.millis(), store.now());
}

#[test]
fn a_task_that_was_asked_for_before_it_was_planned_is_due() {
    use crate::store::queries::jobs::ListSchedules;
    let mut store = TestStore::open();
    let plan = |task: &str, due_at| PlanTask {
        task: task.into(),
        expression: "10 * * * *".into(),
        due_at: Timestamp::from_millis(due_at),
    };
    let now = store.now();
    store.apply(run_task_now("codes")).expect("a task");
    let pause = PauseTask {
        by: OPERATOR,
        task: "statistics".into(),
        paused: true,
    };
    store.apply(pause).expect("a task");
    for task in ["codes", "statistics"] {
        store.apply(plan(task, now + HOUR)).expect("planned");
    }
    let rows = store.find(ListSchedules);
    let found: Vec<_> = rows
        .iter()
        .map(|row| (row.task.as_str(), row.due_at.millis() - now, row.paused))
        .collect();
    assert_eq!(found, [("codes", 0, false), ("statistics", HOUR, true)]);
    assert!(rows.iter().all(|row| row.expression == "10 * * * *"));
    // From then on each plan counts.
    store.apply(plan("codes", now + HOUR)).expect("planned");
    assert_eq!(store.find(ListSchedules)[0].due_at.millis() - now, HOUR);
}

// Which mail leaves, and what it says.

/// alice, who writes, and bob, whose address is confirmed.
struct Town {
    store: TestStore,
    alice: AccountId,
    bob: AccountId,
}

impl Town {
    fn new() -> Self {
        Self::of(TestStore::open_with_mail())
    }

    fn of(store: TestStore) -> Self {
        let [alice, bob] = ["alice", "bob"].map(|name| {
            let unit = RegisterAccount {
                member: NewMember {
                    name: name.into(),
                    email: format!("{name}@birds.example"),
                    password_hash: "none".into(),
                },
                admission: Admission::Operator(Role::User),
            };
            store.apply(unit).expect("a free name").account
        });
        store.tamper("UPDATE accounts SET email_confirmed = 1 WHERE name = 'bob'");
        Self { store, alice, bob }
    }

    /// bob's settings for mentions (0 at once, 1 daily, 2 never) and quiet minutes of the day.
    fn prefer(&self, mentions: u8, quiet: Option<(i64, i64)>) {
        let (from, until) = match quiet {
            Some((from, until)) => (from.to_string(), until.to_string()),
            None => ("NULL".to_owned(), "NULL".to_owned()),
        };
        self.store.tamper(&format!(
            "INSERT OR REPLACE INTO mail_settings
                 (account, mentions, follow_requests, sign_ups, log_ins, quiet_from, quiet_until)
             VALUES ({}, {mentions}, 1, 1, 1, {from}, {until})",
            self.bob
        ));
    }

    fn text(text: &str, names: &[&str]) -> PreparedText {
        PreparedText {
            text: text.into(),
            mentioned_names: names.iter().map(|name| (*name).to_owned()).collect(),
            ..PreparedText::default()
        }
    }

    fn write(&self, visibility: Visibility, text: PreparedText) -> PostId {
        let unit = PublishPost {
            author: self.alice,
            text,
            visibility: Some(visibility),
            reply_to: None,
            app: None,
            idempotency_key: None,
        };
        self.store.apply(unit).expect("a post")
    }

    /// A public post that names bob.
    fn name_bob(&self, text: &str) -> PostId {
        self.write(Visibility::Public, Self::text(text, &["bob"]))
    }

    fn admit(&self, job: JobId) -> Option<Dispatch> {
        let unit = AdmitMail {
            job,
            link: TokenHash::of("link"),
            zone: TimeZone::UTC,
            per_hour_max: 3,
        };
        self.store.apply(unit).expect("no refusal")
    }

    /// The next mail that a worker would be given: whether it leaves, and what it says.
    fn next(&self) -> Option<(JobId, Option<Dispatch>)> {
        let job = *self.store.lease_mail(1).first()?;
        Some((job, self.admit(job)))
    }

    /// All mails that leave now, each delivered.
    fn deliver_all(&self) -> Vec<Letter> {
        let mut letters = Vec::new();
        while let Some((job, dispatch)) = self.next() {
            if let Some(dispatch) = dispatch {
                self.store.finish(job);
                letters.push(dispatch.letter);
            }
        }
        letters
    }

    fn items(&self) -> i64 {
        self.store.number("SELECT count(*) FROM digest_items")
    }

    fn waiting(&self) -> i64 {
        self.store.number("SELECT count(*) FROM jobs")
    }
}

fn only_mention(letters: &[Letter]) -> &Mentioned {
    match letters {
        [Letter::Mention(mentioned)] => mentioned,
        other => panic!("not one mention: {other:?}"),
    }
}

/// The posts that a digest tells of.
fn posts_of(letter: &Letter) -> Vec<PostId> {
    match letter {
        Letter::Digest { mentions, .. } => mentions.iter().map(|told| told.post).collect(),
        other => panic!("no digest: {other:?}"),
    }
}

#[test]
fn a_mention_is_mailed_once_with_its_text() {
    let town = Town::new();
    let post = town.name_bob("hello @bob");
    let (job, dispatch) = town.next().expect("a job");
    let dispatch = dispatch.expect("it may leave");
    assert_eq!(dispatch.email, "bob@birds.example");
    assert_eq!(
        (dispatch.account, dispatch.name.as_str()),
        (town.bob, "bob")
    );
    let told = only_mention(std::slice::from_ref(&dispatch.letter)).clone();
    assert_eq!((told.post, told.thread), (post, post));
    assert_eq!(told.text.as_deref(), Some("hello @bob"));
    assert_eq!(told.sender.name, "alice");
    // The same job again, as after a crash: the same letter.
    let end = EndLeases {
        lane: Lane::Mail,
        ending: Ending::Restarted,
    };
    town.store.apply(end).expect("no refusal");
    let (again, repeated) = town.next().expect("the job");
    assert_eq!((again, repeated), (job, Some(dispatch)));
    town.store.finish(job);
    assert!(town.next().is_none());
}

#[test]
fn mail_needs_a_confirmed_address_and_a_wish() {
    let town = Town::new();
    let post = Town::text("hello", &["alice", "bob"]);
    town.prefer(2, None);
    town.write(Visibility::Public, post.clone());
    assert_eq!(town.waiting(), 0, "bob wants none, alice is the author");
    town.prefer(0, None);
    let unconfirm = "UPDATE accounts SET email_confirmed = 0 WHERE name = 'bob'";
    town.write(Visibility::Public, post);
    town.store.tamper(unconfirm);
    assert_eq!(town.deliver_all(), [], "it was withdrawn meanwhile");
    assert_eq!(town.waiting(), 0);
}

#[test]
fn an_instance_without_mail_asks_for_none() {
    let town = Town::of(TestStore::open());
    town.name_bob("hello");
    assert_eq!(town.waiting(), 0);
}

#[test]
fn no_mail_tells_what_is_not_for_every_hand() {
    for (visibility, spoiler, sensitive, is_told) in [
        (Visibility::Public, "", None, true),
        (Visibility::Unlisted, "", None, true),
        (Visibility::Followers, "", None, false),
        (Visibility::Direct, "", None, false),
        (Visibility::Public, "the ending", None, false),
        (Visibility::Public, "", Some(true), false),
    ] {
        let town = Town::new();
        let text = PreparedText {
            spoiler: spoiler.into(),
            sensitive,
            ..Town::text("the butler did it", &["bob"])
        };
        town.write(visibility, text);
        let letters = town.deliver_all();
        let told = only_mention(&letters);
        assert_eq!(told.text.is_some(), is_told, "{visibility:?} {spoiler:?}");
        assert_eq!(told.sender.name, "alice", "who and where is always told");
    }
}

#[test]
fn what_changed_before_the_mail_left_keeps_it_from_leaving() {
    type Change = fn(&Town, PostId);
    let changes: [(&str, Change); 6] = [
        ("blocked", |town, _| {
            let (account, target) = (town.bob, town.alice);
            let unit = BlockAccount { account, target };
            town.store.apply(unit).expect("blocks");
        }),
        ("muted", |town, _| {
            let unit = MuteAccount {
                account: town.bob,
                target: town.alice,
                options: MuteOptions {
                    hides_notifications: false,
                },
            };
            town.store.apply(unit).expect("mutes");
        }),
        ("deleted", |town, post| {
            let author = town.alice;
            let unit = DeletePost { author, post };
            town.store.apply(unit).expect("deletes");
        }),
        ("edited away", |town, post| {
            let unit = EditPost {
                author: town.alice,
                post,
                text: Town::text("hello nobody", &[]),
            };
            town.store.apply(unit).expect("edits");
        }),
        ("author suspended", |town, _| {
            let unit = SuspendAccount {
                by: Authority::Operator,
                account: town.alice,
            };
            town.store.apply(unit).expect("suspends");
        }),
        ("recipient suspended", |town, _| {
            let unit = SuspendAccount {
                by: Authority::Operator,
                account: town.bob,
            };
            town.store.apply(unit).expect("suspends");
        }),
    ];
    for mentions in [0, 1] {
        for (name, change) in &changes {
            let town = Town::new();
            let post = town.name_bob("hello");
            if mentions == 1 {
                // It waits in the digest already.
                town.prefer(1, None);
                assert_eq!(town.deliver_all(), []);
                let after = AccountId(0);
                town.store.apply(SendDigests { after }).expect("no refusal");
            }
            change(&town, post);
            assert_eq!(town.deliver_all(), [], "{name}, mentions {mentions}");
            let mail = "SELECT count(*) FROM jobs WHERE destination = 'mail'";
            assert_eq!(town.store.number(mail), 0, "{name}: the job is settled");
        }
    }
}

#[test]
fn quiet_hours_put_mail_off_and_forget_nothing() {
    // It is 14:13 in UTC.
    let mut town = Town::new();
    town.prefer(0, Some((14 * 60, 15 * 60)));
    town.name_bob("psst");
    assert_eq!(town.deliver_all(), []);
    let fifteen = town.store.now() + 46 * MINUTE + 40 * 1000;
    assert_eq!(town.store.next_mail(), Some(fifteen));
    town.store.clock.set(Timestamp::from_millis(fifteen));
    let (job, dispatch) = town.next().expect("it is due");
    assert!(dispatch.is_some());
    let row = town.store.job(job).expect("it runs");
    assert_eq!(row.attempts, 1, "being put off was no attempt");
}

#[test]
fn more_than_a_few_mails_an_hour_become_a_digest() {
    let mut town = Town::new();
    let posts: Vec<PostId> = (0..5)
        .map(|n| town.name_bob(&format!("number {n}")))
        .collect();
    assert_eq!(town.deliver_all().len(), 3);
    assert_eq!(town.items(), 2);
    let next_hour = (town.store.now() / HOUR + 1) * HOUR;
    assert_eq!(town.store.next_mail(), Some(next_hour));
    town.store.clock.set(Timestamp::from_millis(next_hour));
    // A new hour has room for what is new.
    let fresh = town.name_bob("fresh");
    let letters = town.deliver_all();
    assert_eq!(letters.len(), 2);
    assert_eq!(only_mention(&letters[..1]).post, fresh);
    assert_eq!(posts_of(&letters[1]), posts[3..]);
    assert_eq!((town.items(), town.waiting()), (0, 0));
}

#[test]
fn a_mail_that_reaches_nobody_counts_once_an_hour() {
    let town = Town::new();
    town.name_bob("hello");
    // More often than mails an hour.
    for _ in 0..2 {
        let (job, dispatch) = town.next().expect("it is due");
        assert!(dispatch.is_some());
        town.store.fail(job, Setback::Unreachable);
        town.store.clock.advance_millis(MINUTE);
    }
    let sent = "SELECT sent FROM mail_standing";
    assert_eq!(town.store.number(sent), 1);
}

#[test]
fn the_daily_choice_gathers_until_its_hour() {
    let town = Town::new();
    town.prefer(1, None);
    let posts: Vec<PostId> = (0..2)
        .map(|n| town.name_bob(&format!("number {n}")))
        .collect();
    assert_eq!(town.deliver_all(), []);
    assert_eq!((town.items(), town.waiting()), (2, 0));
    let after = AccountId(0);
    let send = SendDigests { after };
    assert_eq!(town.store.apply(send).expect("no refusal"), None);
    town.store.apply(send).expect("twice asked is once sent");
    let letters = town.deliver_all();
    assert_eq!(letters.len(), 1);
    assert_eq!(posts_of(&letters[0]), posts);
    assert_eq!((town.items(), town.waiting()), (0, 0));
}

#[test]
fn a_repeated_digest_says_the_same_and_the_rest_makes_the_next() {
    let mut town = Town::new();
    town.prefer(1, None);
    let first = town.name_bob("first");
    assert_eq!(town.deliver_all(), []);
    let after = AccountId(0);
    town.store.apply(SendDigests { after }).expect("no refusal");
    let (job, dispatch) = town.next().expect("the digest");
    let told = dispatch.expect("it may leave").letter;
    assert_eq!(posts_of(&told), [first]);
    // More gathers before the mail server took the first.
    town.store.fail(job, Setback::Deferred);
    let second = town.name_bob("second");
    assert_eq!(town.deliver_all(), []);
    town.store.clock.advance_millis(LONG_PAUSE);
    let (again, dispatch) = town.next().expect("the digest");
    assert_eq!(again, job, "so whoever got both knows");
    assert_eq!(dispatch.expect("it may leave").letter, told);
    town.store.finish(job);
    assert_eq!((town.items(), town.waiting()), (1, 0), "tomorrow's");
    town.prefer(0, None);
    town.store.apply(SendDigests { after }).expect("no refusal");
    assert_eq!(posts_of(&town.deliver_all()[0]), [second]);
    assert_eq!(town.store.next_mail(), None);
}

#[test]
fn a_digest_has_bounds_and_old_lines_are_forgotten() {
    let town = Town::new();
    town.prefer(1, None);
    for number in 0..=ITEMS_PER_ACCOUNT_MAX {
        town.name_bob(&format!("number {number}"));
    }
    assert_eq!(town.deliver_all(), []);
    assert_eq!(town.items(), ITEMS_PER_ACCOUNT_MAX as i64);
    let after = AccountId(0);
    town.store.apply(SendDigests { after }).expect("no refusal");
    let letters = town.deliver_all();
    assert_eq!(posts_of(&letters[0]).len(), ITEMS_PER_DIGEST_MAX);
    assert_eq!(letters.len(), 1, "a daily one goes on the next day");
    assert!(!town.store.apply(SweepDigestItems).expect("no refusal"));
    assert!(town.items() > 0);
    town.store.clock.advance_millis(7 * DAY);
    town.store.apply(SweepDigestItems).expect("no refusal");
    assert_eq!(town.items(), 0);
}

#[test]
fn an_address_that_bounces_gets_nothing_more() {
    let town = Town::new();
    town.name_bob("hello");
    let (job, dispatch) = town.next().expect("a job");
    let email = dispatch.expect("it may leave").email;
    let unit = BuryJob {
        job,
        reason: "550 no such user".into(),
        bounced: Some(Bounced {
            account: town.bob,
            email,
        }),
    };
    town.store.apply(unit).expect("no refusal");
    town.name_bob("hello again");
    assert!(town.next().is_none());
}

// Any history at all.

/// What happens to the jobs; numbers choose among those that there are.
#[derive(Debug, Clone)]
enum Step {
    Ask { kind: u8, who: i64, delay: i64 },
    Lease { mail: bool, limit: usize },
    Finish(usize),
    Fail { which: usize, unreachable: bool },
    Bury(usize),
    Yield(usize),
    Crash,
    Pass(i64),
    Sweep,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..4_u8, 0..4_i64, prop_oneof![Just(0), Just(HOUR)])
            .prop_map(|(kind, who, delay)| Step::Ask { kind, who, delay }),
        6 => (any::<bool>(), 1..4_usize).prop_map(|(mail, limit)| Step::Lease { mail, limit }),
        3 => any::<usize>().prop_map(Step::Finish),
        4 => (any::<usize>(), any::<bool>())
            .prop_map(|(which, unreachable)| Step::Fail { which, unreachable }),
        1 => any::<usize>().prop_map(Step::Bury),
        1 => any::<usize>().prop_map(Step::Yield),
        1 => Just(Step::Crash),
        4 => prop_oneof![
            Just(1), Just(MINUTE), Just(LEASE_MILLIS), Just(LONG_PAUSE), Just(2 * DAY)
        ].prop_map(Step::Pass),
        1 => Just(Step::Sweep),
    ];
    prop::collection::vec(step, 1..60)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Waiting,
    /// Until then it is one worker's alone.
    Running(i64),
    Dead,
}

/// What is known of every job that isn't done, by nothing but what was asked and answered.
#[derive(Default)]
struct Ledger {
    jobs: BTreeMap<JobId, (Job, Life, i64)>,
}

impl Ledger {
    fn running(&self) -> Vec<JobId> {
        let is_running = |life: &Life| matches!(life, Life::Running(_));
        let jobs = self
            .jobs
            .iter()
            .filter(|(_, (_, life, _))| is_running(life));
        jobs.map(|(id, _)| *id).collect()
    }

    fn set(&mut self, job: JobId, to: Life) {
        if let Some((_, life, _)) = self.jobs.get_mut(&job) {
            *life = to;
        }
    }

    /// Whether a job of this key waits or runs.
    fn knows(&self, job: &Job) -> bool {
        job.dedup_key().is_some()
            && self
                .jobs
                .values()
                .any(|(known, life, _)| *life != Life::Dead && known.dedup_key() == job.dedup_key())
    }

    fn lease(&mut self, leased: &[LeasedJob], limit: usize, lane: Lane, now: i64) {
        assert!(leased.len() <= limit);
        for job in leased {
            let (known, life, _) = &self.jobs[&job.id];
            assert_eq!(*known, job.job);
            assert_eq!(job.job.lane(), lane);
            match life {
                Life::Waiting => {}
                Life::Running(until) => assert!(*until <= now, "two at once: {job:?}"),
                Life::Dead => panic!("a dead one came back: {job:?}"),
            }
            self.set(job.id, Life::Running(now + LEASE_MILLIS));
        }
    }

    /// Compares with the store: nothing is lost, nothing comes from nowhere, nobody dies without a reason.
    fn compare(&mut self, store: &mut TestStore) {
        let rows = store.number("SELECT count(*) FROM jobs");
        assert_eq!(
            rows,
            self.jobs.len() as i64,
            "a job is lost or came by itself"
        );
        for (id, (job, life, made_at)) in &mut self.jobs {
            let row = store.job(*id).expect("a job is lost");
            assert_eq!(row.job.as_ref(), Ok(&*job));
            match (row.state, *life) {
                (JobState::Waiting, Life::Waiting) | (JobState::Dead, Life::Dead) => {}
                (JobState::Running, Life::Running(until)) => {
                    assert_eq!(row.run_at.millis(), until);
                }
                // Whose lease ended waits again as soon as somebody looks.
                (JobState::Waiting, Life::Running(until)) => {
                    assert!(until <= store.now(), "a lease was broken");
                    *life = Life::Waiting;
                }
                (JobState::Dead, _) => {
                    let age = store.now() - *made_at;
                    let is_late = job.age_millis_max().is_some_and(|most| age > most);
                    assert!(is_late || row.attempts >= ATTEMPTS_MAX, "{row:?}");
                    assert!(row.last_error.is_some());
                    *life = Life::Dead;
                }
                (state, life) => panic!("{state:?}, though it is {life:?}"),
            }
        }
    }
}

fn job_of(kind: u8, who: i64) -> Job {
    match kind {
        0 => mention(who),
        1 => digest(who),
        2 => nobodys_reset(),
        _ => Job::PurgePost { post: PostId(who) },
    }
}

fn take(store: &TestStore, ledger: &mut Ledger, lane: Lane, limit: usize) -> usize {
    let now = store.now();
    let leased = store.lease(lane, limit);
    ledger.lease(&leased, limit, lane, now);
    leased.len()
}

fn act(store: &TestStore, ledger: &mut Ledger, step: Step) {
    let running = ledger.running();
    let chosen = |which: usize| running.get(which.checked_rem(running.len())?).copied();
    match step {
        Step::Ask { kind, who, delay } => {
            let job = job_of(kind, who);
            let added = store.apply(Ask(job.clone(), delay)).expect("no refusal");
            assert_eq!(added.is_none(), ledger.knows(&job), "{job:?}");
            if let Some(id) = added {
                let known = ledger.jobs.insert(id, (job, Life::Waiting, store.now()));
                assert!(known.is_none(), "a number was used twice");
            }
        }
        Step::Lease { mail, limit } => {
            let lane = if mail { Lane::Mail } else { Lane::House };
            take(store, ledger, lane, limit);
        }
        Step::Finish(which) => {
            if let Some(job) = chosen(which) {
                store.finish(job);
                ledger.jobs.remove(&job);
            }
        }
        Step::Fail { which, unreachable } => {
            if let Some(job) = chosen(which) {
                let setback = match unreachable {
                    true => Setback::Unreachable,
                    false => Setback::Deferred,
                };
                store.fail(job, setback);
                ledger.set(job, Life::Waiting);
            }
        }
        Step::Bury(which) => {
            if let Some(job) = chosen(which) {
                store.bury(job);
                ledger.set(job, Life::Dead);
            }
        }
        Step::Yield(which) => {
            if let Some(job) = chosen(which) {
                store
                    .apply(YieldJob {
                        job,
                        pause_millis: 0,
                    })
                    .expect("no refusal");
                ledger.set(job, Life::Waiting);
            }
        }
        Step::Crash => {
            for lane in Lane::ALL {
                store
                    .apply(EndLeases {
                        lane,
                        ending: Ending::Restarted,
                    })
                    .expect("no refusal");
            }
            for job in running {
                ledger.set(job, Life::Waiting);
            }
        }
        Step::Pass(millis) => store.clock.advance_millis(millis),
        Step::Sweep => {
            store.apply(SweepJobs).expect("no refusal");
            let forgotten = store.now() - crate::domain::job::DEAD_MILLIS_MAX;
            // The dead are kept for longer than any history here lasts, unless it says otherwise.
            ledger.jobs.retain(|id, (_, life, made_at)| {
                *life != Life::Dead
                    || *made_at > forgotten
                    || store.number(&format!("SELECT count(*) FROM jobs WHERE id = {id}")) == 1
            });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_job_is_lost_or_done_by_two_at_once(steps in steps()) {
        let mut store = TestStore::open();
        let mut ledger = Ledger::default();
        for step in steps {
            act(&store, &mut ledger, step);
            ledger.compare(&mut store);
        }
        // Left alone with workers that succeed, everything comes to an end.
        for _ in 0..200 {
            let mut at_work = 0;
            for lane in Lane::ALL {
                at_work += take(&store, &mut ledger, lane, 4);
            }
            for job in ledger.running() {
                store.finish(job);
                ledger.jobs.remove(&job);
            }
            if at_work == 0 {
                store.clock.advance_millis(HOUR);
            }
            ledger.compare(&mut store);
        }
        for (job, life, _) in ledger.jobs.values() {
            prop_assert_eq!(*life, Life::Dead, "{:?} was never done", job);
        }
    }
}
