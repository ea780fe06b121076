//! `kinglet dev`: a throwaway instance with people in it, for whoever develops a client.
//!
//! It is an instance like any other, with a clock that can be moved, a door that records every request, and a stage that
//! can exchange what is served: a reset plays the same beginning again, a restore continues from a snapshot.

pub mod cast;
mod stage;
mod throwaway;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::Rng;
use tokio::sync::oneshot;

use self::stage::Stage;
use self::throwaway::Throwaway;
use crate::boot::{self, BootError};
use crate::clock::{Clock as _, SharedClock, Timestamp};
use crate::config::{Config, ListenAddress, MailUrl, RegistrationMode, Synchronous};
use crate::http::dev::clock::{DevClock, Setting};
use crate::http::dev::orders::Orders;
use crate::http::dev::origin::Origin;
use crate::http::dev::{About, Desk};
use crate::http::request_log::RequestIds;
use crate::http::serve::Bounds;
use crate::letter_box::LetterBox;
use crate::randomness::Randomness;
use crate::telemetry::Telemetry;

/// What the clock of a seeded instance shows at the start: 2026-01-01T12:00:00Z.
const SEEDED_START: Timestamp = Timestamp::from_millis(1_767_268_800_000);

/// How the instance shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where it listens: a loopback address.
    pub listen: SocketAddr,
    /// The number that clock, ids and tokens follow from; without one they are others at each start.
    pub seed: Option<u64>,
    /// Whose pages may use it beside those of this machine.
    pub allow_origins: Vec<Origin>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0),
            seed: None,
            allow_origins: Vec::new(),
        }
    }
}

/// Serves until `stop` is ready; tells `ready` once requests are answered. Has to be called within [`boot::run`].
///
/// # Errors
/// Why it can't start, or what made it stop by itself.
pub async fn serve(
    settings: Settings,
    ready: impl FnOnce(&About),
    stop: impl Future<Output = ()>,
) -> Result<(), BootError> {
    if !settings.listen.ip().to_canonical().is_loopback() {
        return Err(BootError::Broken(format!(
            "kinglet dev listens on loopback addresses only, for whoever reaches it may do anything: {} is none",
            settings.listen.ip()
        )));
    }
    let making = tokio::task::spawn_blocking(Throwaway::make).await;
    let directory = making.map_err(|error| BootError::Broken(error.to_string()))??;
    let listen = ListenAddress::Tcp(settings.listen);
    let listener = boot::listen(&listen, Config::default().http.socket_mode).await?;
    let address = match listener.address() {
        Ok(ListenAddress::Tcp(address)) => address,
        Ok(address) => {
            return Err(BootError::Broken(format!(
                "{address} is no address of the network"
            )));
        }
        Err(source) => {
            let address = listen;
            return Err(BootError::Listen { address, source });
        }
    };
    let (randomness, clock) = match settings.seed {
        Some(seed) => (Randomness::seeded(seed), Setting::Stands(SEEDED_START)),
        None => (Randomness::from_system()?, Setting::Ahead(0)),
    };
    let clock = Arc::new(DevClock::new(clock));
    let config = config(settings.listen, directory.path());
    let bounds = Bounds {
        dates_by_clock: true,
        ..boot::bounds(&config)
    };
    let ids = RequestIds::seeded(randomness.branch("requests").rng().next_u64());
    let letter_box = LetterBox::default();
    let mut stage = Stage {
        directory: directory.path().to_owned(),
        address,
        config,
        begins_at: clock.now(),
        begins_as: clock.setting(),
        clock: Arc::clone(&clock),
        randomness,
        letter_box: letter_box.clone(),
        restores: 0,
    };
    let (opened, people, play) = stage.begin().await?;
    let (orders, placed) = Orders::channel();
    let about = About {
        url: opened.instance.url.to_string(),
        seed: settings.seed,
        data_dir: opened.instance.data_dir.display().to_string(),
        people,
    };
    let desk = Desk::new(
        about,
        settings.allow_origins,
        Arc::clone(&clock),
        letter_box,
        orders,
        play,
    );
    let filter = crate::http::dev::filter(desk.clone())
        .map_err(|error| BootError::Broken(format!("the routes don't fit together: {error}")))?;
    let (stop_http, http_stopped) = oneshot::channel::<()>();
    let http = tokio::spawn(crate::http::serve::serve(
        vec![listener],
        filter,
        bounds,
        clock as SharedClock,
        // What a request took is of no use under a clock that stands.
        Telemetry::disabled(),
        Arc::new(ids),
        // A dropped sender stops as well as a signal.
        async move { drop(http_stopped.await) },
    ));
    ready(&desk.about);
    let (opened, outcome) = stage.run(opened, &desk, placed, stop).await;
    drop(stop_http);
    if let Err(error) = http.await {
        tracing::error!(%error, "the listener failed");
    }
    desk.play.write().await.take();
    let closed = match opened {
        Some(opened) => opened.close().await,
        None => Ok(()),
    };
    outcome.and(closed)
}

/// The directory of the instance's data.
fn data_dir(directory: &Path) -> PathBuf {
    directory.join("data")
}

/// Settings under which nothing stands in a developer's way.
fn config(listen: SocketAddr, directory: &Path) -> Config {
    let mut config = Config::default();
    config.instance.title = "kinglet dev".to_owned();
    config.instance.description =
        "A throwaway instance for developers. What happens here is gone when it stops.".to_owned();
    config.http.listen = listen.into();
    config.storage.data_dir = data_dir(directory);
    config.storage.synchronous = Synchronous::Normal;
    config.registration.mode = RegistrationMode::Open;
    config.limits.rate_limits = false;
    // Mail is on, and kept in the letter box.
    config.mail.url = MailUrl::Console;
    config
}
