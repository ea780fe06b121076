//! Backups by the clock: one set after the other in `backup.directory`, each shipped, the old ones removed.

use std::path::{Path, PathBuf};

use super::{Backups, BackupsError, blocking, is_whole};
use crate::store::backup::{self, BackupError, ListedSet, SetState};

/// What a run of the task has to do.
#[derive(Debug, PartialEq, Eq)]
enum Work {
    /// Make a set and ship it.
    Make,
    /// Ship the newest, which wasn't yet.
    Ship(PathBuf),
}

impl Backups {
    /// A run of the task: removes what a crash left, makes a set, ships it, removes those that are too old. After a failure to
    /// ship only that is tried again.
    ///
    /// # Errors
    /// What failed.
    pub async fn run_scheduled(&self) -> Result<(), BackupsError> {
        let Some(directory) = self.config.backup.directory.clone() else {
            return Ok(());
        };
        let work = self.look_around(directory.clone()).await?;
        let set = match work {
            Work::Ship(set) => set,
            Work::Make => {
                let set = directory.join(backup::name_at(self.clock.now()));
                self.make(set.clone()).await?;
                set
            }
        };
        // What is too old goes whether the new one can be shipped or not: the disk is bounded.
        let shipped = self.ship(&set).await;
        let keep = usize::try_from(self.config.backup.keep).unwrap_or(usize::MAX);
        blocking(move || remove_old(&directory, keep)).await??;
        shipped
    }

    /// Makes the directory, removes what a crash left in it, and looks what is to be done.
    async fn look_around(&self, directory: PathBuf) -> Result<Work, BackupsError> {
        let sets = blocking(move || {
            make_directory(&directory)?;
            let sets = backup::list(&directory)?;
            for set in &sets {
                if set.state == SetState::Unfinished {
                    remove(set)?;
                }
            }
            Ok::<_, BackupsError>(sets)
        })
        .await??;
        let is_due = |set: &ListedSet| {
            let made = match &set.state {
                SetState::Whole { manifest, .. } => manifest.made(),
                _ => None,
            };
            let schedule = self.config.schedule.backups.as_ref();
            let (Some(made), Some(schedule)) = (made, schedule) else {
                return true;
            };
            let next = schedule.next_after(made, &self.config.instance.time_zone);
            next.is_some_and(|next| next <= self.clock.now())
        };
        let ships = !self.config.backup.after_command.is_empty();
        Ok(work(&sets, ships, is_due))
    }
}

/// What is to be done, given the sets from the newest on.
fn work(sets: &[ListedSet], ships: bool, is_due: impl Fn(&ListedSet) -> bool) -> Work {
    match sets.iter().find(|set| is_whole(set)) {
        Some(newest)
            if ships
                && matches!(
                    newest.state,
                    SetState::Whole {
                        is_shipped: false,
                        ..
                    }
                )
                && !is_due(newest) =>
        {
            Work::Ship(newest.path.clone())
        }
        _ => Work::Make,
    }
}

fn make_directory(directory: &Path) -> Result<(), BackupsError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|source| {
            let path = directory.to_owned();
            crate::store::error::StoreError::File {
                action: "can't be made",
                path,
                source,
            }
        })?;
    Ok(())
}

/// Removes a set that nobody works on.
fn remove(set: &ListedSet) -> Result<(), BackupsError> {
    match backup::remove(&set.path) {
        Err(BackupError::InUse(_)) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(()) => {
            tracing::info!(target: "kinglet::actors::backups::scheduled", directory = %set.path.display(), "an old or unfinished backup was removed");
            Ok(())
        }
    }
}

fn remove_old(directory: &Path, keep: usize) -> Result<(), BackupsError> {
    for set in backup::list(directory)?
        .iter()
        .filter(|set| is_whole(set))
        .skip(keep)
    {
        remove(set)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::backup::Manifest;

    fn set(name: &str, is_shipped: bool) -> ListedSet {
        let manifest = Manifest {
            format: 1,
            kinglet: String::new(),
            made_at: "2026-11-23T04:00:00Z".to_owned(),
            schema: 1,
            commit: 1,
            identity: String::new(),
            url: None,
            same_disk: false,
            files: Vec::new(),
            left_out: Vec::new(),
        };
        ListedSet {
            path: name.into(),
            state: SetState::Whole {
                manifest: Box::new(manifest),
                is_shipped,
            },
        }
    }

    #[test]
    fn only_shipping_is_repeated_until_the_next_set_is_due() {
        let sets = [set("new", false), set("old", false)];
        assert_eq!(work(&sets, true, |_| false), Work::Ship("new".into()));
        assert_eq!(work(&sets, true, |_| true), Work::Make);
        assert_eq!(work(&sets, false, |_| false), Work::Make);
        // A set that somebody asks for between two runs.
        assert_eq!(work(&[set("new", true)], true, |_| false), Work::Make);
        assert_eq!(work(&[], true, |_| false), Work::Make);
    }
}
