//! What keeps an instance well while it serves: purges by themselves, backups under load.

mod support;

use std::time::Duration;

use kinglet::control;
use kinglet::control::protocol::{Answer, Request};
use kinglet::domain::job::JobState;
use kinglet::domain::visibility::Visibility;
use kinglet::instance::Instance;
use kinglet::store::queries::jobs::{ListJobs, ReadQueues};
use kinglet::store::units::{BoostPost, DeletePost};
use support::server::Rig;
use support::writing::write;

/// How long a purge may take to begin and end.
const PURGE_TIME_MAX: Duration = Duration::from_secs(10);
/// Backups that are made while somebody writes.
const BACKUPS: usize = 5;

async fn until_purged(instance: &Instance) {
    let is_waiting = async || {
        let queues = instance.actors.find(ReadQueues).await.expect("an answer");
        let running = ListJobs {
            state: JobState::Running,
        };
        let running = instance.actors.find(running).await.expect("an answer");
        queues.queues.iter().any(|queue| queue.waiting > 0) || !running.is_empty()
    };
    let purged = async {
        while is_waiting().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let purged = tokio::time::timeout(PURGE_TIME_MAX, purged).await;
    purged.expect("what is deleted is purged without being asked for");
}

#[expect(
    clippy::panic,
    reason = "clippy takes only the test functions themselves for tests"
)]
async fn broken(instance: &Instance) -> usize {
    match control::handle(Request::Check, instance).await {
        Ok(Answer::Checked { broken }) => broken.len(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_deleted_is_purged_by_itself() {
    let rig = Rig::start(&["alice", "bob"]).await;
    let instance = rig.server.instance();
    let (alice, bob) = (rig.person("alice").id, rig.person("bob").id);
    let post = write(instance, alice, "soon gone".to_owned()).await;
    let boost = BoostPost {
        author: bob,
        post,
        visibility: Visibility::Public,
    };
    instance.actors.perform(boost).await.expect("a boost");
    let delete = DeletePost {
        author: alice,
        post,
    };
    instance
        .actors
        .perform(delete)
        .await
        .expect("it is deleted");
    until_purged(instance).await;
    assert_eq!(broken(instance).await, 0);

    // More than one unit's worth of entries.
    for number in 0..250 {
        write(instance, bob, format!("number {number}")).await;
    }
    let name = "bob".to_owned();
    let deleted = control::handle(Request::DeleteAccount { name }, instance).await;
    assert!(matches!(deleted, Ok(Answer::Done)), "{deleted:?}");
    until_purged(instance).await;
    assert_eq!(broken(instance).await, 0);
}

#[tokio::test]
async fn backups_are_consistent_while_somebody_writes() {
    let rig = Rig::start(&["alice"]).await;
    let instance = rig.server.instance().clone();
    let alice = rig.person("alice").id;
    let writing = tokio::spawn({
        let instance = instance.clone();
        async move {
            for number in 0.. {
                write(&instance, alice, format!("number {number}")).await;
            }
        }
    });
    let parent = tempfile::tempdir().expect("a directory");
    let mut last_commit = 0;
    for number in 0..BACKUPS {
        let directory = parent.path().join(number.to_string());
        let directory = directory.to_str().expect("UTF-8").to_owned();
        let made = control::handle(
            Request::BackUp {
                directory,
                settings: None,
            },
            &instance,
        )
        .await;
        let Ok(Answer::BackedUp { manifest }) = made else {
            panic!("{made:?}");
        };
        assert!(manifest.commit > last_commit, "somebody writes meanwhile");
        last_commit = manifest.commit;
    }
    assert!(!writing.is_finished(), "every write was answered");
    writing.abort();
    assert_eq!(broken(&instance).await, 0);
}
