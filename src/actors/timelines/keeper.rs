//! Persists windows and brings them back: sled's file I/O on a thread of its own.

use std::path::PathBuf;
use std::sync::Arc;

use actix::{Actor, Handler, Message, SyncContext};

use crate::door::{Door, opens_door};
use crate::features;
use crate::ids::AccountId;
use crate::pool::{self, PoolEnd};
use crate::store::check::{HOMES_PER_STEP_MAX, Kept};
use crate::store::snapshots::{Snapshots, WindowSnapshot};
use crate::telemetry::Telemetry;
use crate::telemetry::mailbox::{ActorName, Watch};

/// The keeper of snapshots. What it can't do is logged and does no harm: a window is then merged anew.
pub struct SnapshotKeeper {
    directory: PathBuf,
    store_identity: String,
    /// Opened by the first message, so that nobody waits for it at the start.
    /// What is kept in memory of them, in bytes.
    cache_bytes: usize,
    snapshots: Option<Snapshots>,
    watch: Watch,
}

impl SnapshotKeeper {
    /// Starts the one keeper of a directory, unless this kinglet was built without snapshots.
    pub fn start_in(
        directory: PathBuf,
        store_identity: String,
        cache_bytes: usize,
        telemetry: &Arc<Telemetry>,
    ) -> (Option<Door<Self>>, PoolEnd) {
        if !features::SNAPSHOTS {
            return (None, PoolEnd::of_none());
        }
        let name = ActorName::Snapshots;
        let watched = Arc::clone(telemetry);
        let (keeper, end) = pool::start("kinglet-keeper", 1, move || Self {
            directory: directory.clone(),
            store_identity: store_identity.clone(),
            cache_bytes,
            snapshots: None,
            watch: watched.watch(name),
        });
        (Some(Door::new(keeper, telemetry, name)), end)
    }

    fn snapshots(&mut self) -> Option<&Snapshots> {
        if self.snapshots.is_none() {
            match Snapshots::open(&self.directory, &self.store_identity, self.cache_bytes) {
                Ok(snapshots) => self.snapshots = Some(snapshots),
                Err(error) => {
                    tracing::warn!(target: "kinglet::actors::timelines::keeper", %error, "no timeline snapshots")
                }
            }
        }
        self.snapshots.as_ref()
    }
}

impl Actor for SnapshotKeeper {
    type Context = SyncContext<Self>;
}

opens_door!(pool SnapshotKeeper);

/// Keeps these; answered when they are on disk or can't be.
pub(super) struct SaveWindows(pub(super) Vec<WindowSnapshot>);

impl Message for SaveWindows {
    type Result = ();
}

impl Handler<SaveWindows> for SnapshotKeeper {
    type Result = ();

    fn handle(&mut self, SaveWindows(windows): SaveWindows, _: &mut SyncContext<Self>) {
        if windows.is_empty() {
            return;
        }
        if let Some(snapshots) = self.snapshots()
            && let Err(error) = snapshots.save(&windows)
        {
            tracing::warn!(target: "kinglet::actors::timelines::keeper", %error, "timeline snapshots were not kept");
        }
    }
}

/// Removes what is kept of a reader; answered when it is gone from the disk or can't be.
pub(super) struct RemoveWindow(pub(super) AccountId);

impl Message for RemoveWindow {
    type Result = ();
}

impl Handler<RemoveWindow> for SnapshotKeeper {
    type Result = ();

    fn handle(&mut self, RemoveWindow(reader): RemoveWindow, _: &mut SyncContext<Self>) {
        if let Some(snapshots) = self.snapshots()
            && let Err(error) = snapshots.remove(reader)
        {
            tracing::warn!(target: "kinglet::actors::timelines::keeper", %error, "a timeline snapshot can't be removed");
        }
    }
}

/// Lists the windows that are kept, above a reader.
pub(super) struct ListKept(pub(super) AccountId);

impl Message for ListKept {
    type Result = Option<Vec<Kept>>;
}

impl Handler<ListKept> for SnapshotKeeper {
    type Result = Option<Vec<Kept>>;

    fn handle(&mut self, ListKept(after): ListKept, _: &mut SyncContext<Self>) -> Self::Result {
        match self.snapshots()?.page(after, HOMES_PER_STEP_MAX) {
            Ok(kept) => Some(kept),
            Err(error) => {
                tracing::warn!(target: "kinglet::actors::timelines::keeper", %error, "timeline snapshots can't be listed");
                None
            }
        }
    }
}

/// Brings back a reader's window, as it was.
pub(super) struct LoadWindow(pub(super) AccountId);

impl Message for LoadWindow {
    type Result = Option<WindowSnapshot>;
}

impl Handler<LoadWindow> for SnapshotKeeper {
    type Result = Option<WindowSnapshot>;

    fn handle(
        &mut self,
        LoadWindow(reader): LoadWindow,
        _: &mut SyncContext<Self>,
    ) -> Self::Result {
        match self.snapshots()?.load(reader) {
            Ok(snapshot) => snapshot,
            Err(error) => {
                tracing::warn!(target: "kinglet::actors::timelines::keeper", %error, "a timeline snapshot can't be loaded");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::DoorError;
    use crate::ids::PostId;
    use crate::store::queries::home::HomeEntry;

    /// Snapshots that panics come between.
    const ROUNDS: i64 = 20;

    /// What no sound program does.
    struct Fall;

    impl Message for Fall {
        type Result = Option<()>;
    }

    impl Handler<Fall> for SnapshotKeeper {
        type Result = Option<()>;

        fn handle(&mut self, _: Fall, _: &mut SyncContext<Self>) -> Option<()> {
            // In the midst of its work, with the snapshots open.
            assert!(self.snapshots().is_none(), "a handler panics");
            None
        }
    }

    fn window(reader: i64) -> WindowSnapshot {
        let entry = |id| HomeEntry {
            id: PostId(id),
            shows: PostId(id),
            is_shown: true,
        };
        WindowSnapshot {
            reader: AccountId(reader),
            commit: reader,
            is_complete: false,
            entries: (1..=reader).rev().map(entry).collect(),
        }
    }

    #[test]
    fn a_keeper_that_panics_fails_one_message_and_keeps_what_it_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("timelines");
        let telemetry = Arc::new(Telemetry::new(1000));
        actix::System::new().block_on(async {
            let start = || {
                let identity = "store".to_owned();
                SnapshotKeeper::start_in(path.clone(), identity, 1 << 20, &telemetry)
            };
            let (Some(keeper), end) = start() else {
                return;
            };
            for reader in 1..=ROUNDS {
                assert_eq!(keeper.send(Fall).await, Err(DoorError::Closed));
                let save = SaveWindows(vec![window(reader)]);
                keeper.send(save).await.expect("it lives");
                assert_eq!(keeper.send(Fall).await, Err(DoorError::Closed));
                // None is lost, and none is another reader's.
                for known in 1..=reader {
                    let found = keeper.send(LoadWindow(AccountId(known))).await;
                    assert_eq!(found.expect("it lives"), Some(window(known)));
                }
            }
            let figures = telemetry.actor(ActorName::Snapshots);
            assert_eq!(figures.depth(), 0);
            drop(keeper);
            end.wait().await;
            // Nor with the thread.
            let (keeper, end) = start();
            let keeper = keeper.expect("it was started before");
            let found = keeper.send(LoadWindow(AccountId(ROUNDS))).await;
            assert_eq!(found.expect("it lives"), Some(window(ROUNDS)));
            drop(keeper);
            end.wait().await;
        });
    }
}
