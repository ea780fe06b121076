//! The stage: holds the instance that is served, and exchanges it.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::cast;
use super::data_dir;
use crate::boot::{self, BootError, Opened, Plan};
use crate::clock::{Clock as _, SharedClock, Timestamp};
use crate::config::Config;
use crate::control::socket::ControlSocket;
use crate::http::dev::clock::{DevClock, Setting};
use crate::http::dev::orders::{Order, OrderError, Placed, SNAPSHOTS_MAX, SnapshotName};
use crate::http::dev::{CastMember, Desk, Play};
use crate::http::routes;
use crate::letter_box::LetterBox;
use crate::randomness::Randomness;
use crate::store::backup::{self, DATABASE_NAME, back_up};
use crate::store::open::database_in;

/// How long requests at work may hold up an exchange of the instance; what takes longer fails it.
const EXCHANGE_WAIT_MAX: Duration = Duration::from_secs(10);

/// What is needed to open instances, again and again alike.
pub(super) struct Stage {
    pub(super) directory: PathBuf,
    pub(super) address: SocketAddr,
    pub(super) config: Config,
    /// What the clock showed at the start.
    pub(super) begins_at: Timestamp,
    /// How the clock was set at the start.
    pub(super) begins_as: Setting,
    pub(super) clock: Arc<DevClock>,
    pub(super) randomness: Randomness,
    pub(super) letter_box: LetterBox,
    /// Restores up to now: each draws numbers of its own, so that no token is made twice.
    pub(super) restores: u64,
}

/// An instance that is open, with its door for commands.
pub(super) struct Open {
    pub(super) instance: crate::instance::Instance,
    opened: Opened,
    stop_commands: oneshot::Sender<()>,
    commands: JoinHandle<()>,
}

impl Open {
    /// Stops it.
    ///
    /// # Errors
    /// When something doesn't stop in time.
    pub(super) async fn close(self) -> Result<(), BootError> {
        drop(self.stop_commands);
        if let Err(error) = self.commands.await {
            tracing::error!(%error, "the control socket failed");
        }
        drop(self.instance);
        self.opened.close().await
    }
}

/// What begins.
type Begun = (Open, Vec<CastMember>, Play);

impl Stage {
    /// Opens a new instance and lets the cast come in: alike each time.
    ///
    /// # Errors
    /// Why it can't be opened.
    pub(super) async fn begin(&self) -> Result<Begun, BootError> {
        self.letter_box.clear();
        let mut opened = self.open("beginning").await?;
        let seeding = cast::come_in(&opened.instance, &self.clock, self.begins_at);
        let people = seeding
            .await
            .map_err(|error| BootError::Broken(format!("the cast can't come in: {error}")))?;
        self.clock.put(self.begins_as);
        opened.begin_work();
        let (open, play) = self.show(opened)?;
        Ok((open, people, play))
    }

    async fn open(&self, act: &str) -> Result<Opened, BootError> {
        let data_dir = boot::own_data_dir(&self.config.storage.data_dir).await?;
        let plan = Plan {
            config: self.config.clone(),
            settings_file: None,
            clock: Arc::clone(&self.clock) as SharedClock,
            randomness: self.randomness.branch(act),
            letter_box: Some(self.letter_box.clone()),
            log: None,
            telemetry: false,
            caches_bytes_max: None,
            in_bulk: false,
            // Each act has a branch of its own.
            repeats: false,
        };
        Opened::for_server(data_dir, plan, (self.address, false)).await
    }

    fn show(&self, opened: Opened) -> Result<(Open, Play), BootError> {
        let instance = opened.instance.clone();
        let (routes, context) = routes::for_developers(&instance).map_err(|error| {
            BootError::Broken(format!("the routes don't fit together: {error}"))
        })?;
        let socket =
            ControlSocket::bind(&instance.data_dir).map_err(|source| BootError::ControlSocket {
                path: instance.data_dir.to_path_buf(),
                source,
            })?;
        let (stop_commands, commands_stopped) = oneshot::channel::<()>();
        let commands = tokio::spawn(socket.serve(instance.clone(), async move {
            // A dropped sender stops as well as a signal.
            drop(commands_stopped.await);
        }));
        let open = Open {
            instance,
            opened,
            stop_commands,
            commands,
        };
        let play = Play {
            routes: Arc::new(routes),
            context,
        };
        Ok((open, play))
    }

    /// Carries out orders until `stop` is ready; gives back what is open then.
    pub(super) async fn run(
        &mut self,
        open: Open,
        desk: &Desk,
        mut placed: mpsc::Receiver<Placed>,
        stop: impl Future<Output = ()>,
    ) -> (Option<Open>, Result<(), BootError>) {
        let mut stop = std::pin::pin!(stop);
        let mut open = open;
        loop {
            let order = tokio::select! {
                () = &mut stop => return (Some(open), Ok(())),
                name = open.opened.died() => {
                    tracing::error!(owner = name, "an owner of state died: stopping");
                    return (Some(open), Err(BootError::Died(name)));
                }
                Some(order) = placed.recv() => order,
            };
            let outcome = match order.order {
                Order::Snapshot(name) => self.remember(&open, desk, name).await,
                Order::Reset => match self.exchange(open, desk, None).await {
                    Exchanged::Done(now) => {
                        open = now;
                        desk.faults.clear();
                        Ok(())
                    }
                    Exchanged::Kept(now, error) => {
                        open = now;
                        Err(error)
                    }
                    Exchanged::Lost(error) => return (None, Err(error)),
                },
                Order::Restore(name) => {
                    let snapshot = desk
                        .snapshots()
                        .iter()
                        .find(|(known, ..)| *known == name)
                        .cloned();
                    match snapshot {
                        None => Err(OrderError::Unknown(name.as_str().to_owned())),
                        Some(snapshot) => match self.exchange(open, desk, Some(snapshot)).await {
                            Exchanged::Done(now) => {
                                open = now;
                                Ok(())
                            }
                            Exchanged::Kept(now, error) => {
                                open = now;
                                Err(error)
                            }
                            Exchanged::Lost(error) => return (None, Err(error)),
                        },
                    }
                }
            };
            // Whoever asked may have gone.
            drop(order.done.send(outcome));
        }
    }

    fn folder_of(&self, name: &SnapshotName) -> PathBuf {
        self.directory.join("snapshots").join(name.as_str())
    }

    /// Makes a snapshot, once the requests at work are answered.
    async fn remember(
        &self,
        open: &Open,
        desk: &Desk,
        name: SnapshotName,
    ) -> Result<(), OrderError> {
        let is_known = desk.snapshots().iter().any(|(known, _)| *known == name);
        if !is_known && desk.snapshots().len() >= SNAPSHOTS_MAX {
            return Err(OrderError::TooMany);
        }
        let _quiet = timeout(EXCHANGE_WAIT_MAX, desk.play.write())
            .await
            .map_err(|_| busy())?;
        let now = self.clock.now();
        let database = database_in(&open.instance.data_dir);
        let folder = self.folder_of(&name);
        let copying = tokio::task::spawn_blocking(move || copy_into(&database, &folder, now));
        let copied = copying.await.unwrap_or_else(|error| Err(error.to_string()));
        copied.map_err(OrderError::Failed)?;
        let mut snapshots = desk.snapshots();
        snapshots.retain(|(known, _)| *known != name);
        snapshots.push((name, now));
        Ok(())
    }

    /// Exchanges what is served, once the requests at work are answered; new ones wait meanwhile. Without a snapshot the
    /// beginning is played again.
    async fn exchange(
        &mut self,
        open: Open,
        desk: &Desk,
        snapshot: Option<(SnapshotName, Timestamp)>,
    ) -> Exchanged {
        let Ok(mut play) = timeout(EXCHANGE_WAIT_MAX, desk.play.write()).await else {
            return Exchanged::Kept(open, busy());
        };
        // It holds the old instance's actors.
        play.take();
        if let Err(error) = open.close().await {
            return Exchanged::Lost(error);
        }
        let begun = match snapshot {
            None => self.begin_again().await,
            Some((name, at)) => self.go_back(&name, at).await,
        };
        match begun {
            Ok((open, new)) => {
                *play = Some(new);
                Exchanged::Done(open)
            }
            Err(error) => Exchanged::Lost(error),
        }
    }

    async fn begin_again(&mut self) -> Result<(Open, Play), BootError> {
        self.empty_data_dir(None).await?;
        let (open, _, play) = self.begin().await?;
        Ok((open, play))
    }

    async fn go_back(
        &mut self,
        name: &SnapshotName,
        at: Timestamp,
    ) -> Result<(Open, Play), BootError> {
        self.empty_data_dir(Some(self.folder_of(name).join(DATABASE_NAME)))
            .await?;
        if self.clock.stands() {
            self.clock.put(Setting::Stands(at));
        }
        self.letter_box.clear();
        self.restores += 1;
        let mut opened = self.open(&format!("restore {}", self.restores)).await?;
        opened.begin_work();
        self.show(opened)
    }

    /// Removes what the instance stored, and puts this database in its place.
    async fn empty_data_dir(&self, database: Option<PathBuf>) -> Result<(), BootError> {
        let folder = data_dir(&self.directory);
        let emptying = tokio::task::spawn_blocking(move || -> io::Result<()> {
            remove_if_there(&folder)?;
            fs::create_dir_all(&folder)?;
            if let Some(database) = database {
                fs::copy(database, database_in(&folder))?;
            }
            Ok(())
        });
        let emptied = emptying.await.map_err(io::Error::other).flatten();
        emptied.map_err(|error| {
            BootError::Broken(format!("the throwaway directory can't be emptied: {error}"))
        })
    }
}

/// Puts a copy of the database into a folder. One that is there already is replaced once the copy is made. Blocks.
fn copy_into(database: &Path, folder: &Path, now: Timestamp) -> Result<(), String> {
    let broken = |error: io::Error| error.to_string();
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).map_err(broken)?;
    }
    // No name of a snapshot has a dot.
    let (new, old) = (folder.with_extension("new"), folder.with_extension("old"));
    remove_if_there(&new).map_err(broken)?;
    remove_if_there(&old).map_err(broken)?;
    back_up(&backup::Plan::new(database.to_owned(), new.clone(), now))
        .map_err(|error| error.to_string())?;
    let has_old = folder.exists();
    if has_old {
        fs::rename(folder, &old).map_err(broken)?;
    }
    if let Err(error) = fs::rename(&new, folder) {
        if has_old {
            fs::rename(&old, folder).map_err(broken)?;
        }
        return Err(broken(error));
    }
    // What is left of the old one takes room, and is removed with the instance.
    if let Err(error) = remove_if_there(&old) {
        tracing::warn!(%error, path = %old.display(), "a replaced snapshot can't be removed");
    }
    Ok(())
}

fn busy() -> OrderError {
    OrderError::Failed("a request is at work that doesn't end".to_owned())
}

fn remove_if_there(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What became of an exchange.
enum Exchanged {
    /// Another instance is served.
    Done(Open),
    /// The same is served as before.
    Kept(Open, OrderError),
    /// None is served any more.
    Lost(BootError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_fails_leaves_the_old_one() {
        let place = tempfile::TempDir::new().expect("a directory");
        let folder = place.path().join("snapshots").join("before");
        let now = Timestamp::from_millis(0);
        fs::create_dir_all(&folder).expect("a new name");
        fs::write(folder.join(DATABASE_NAME), "the old one").expect("it can be written");
        let nothing = place.path().join("nothing.db");
        assert!(copy_into(&nothing, &folder, now).is_err());
        let kept = fs::read_to_string(folder.join(DATABASE_NAME)).expect("it is there");
        assert_eq!(kept, "the old one");
    }
}
