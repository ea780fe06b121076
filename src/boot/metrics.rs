//! The listener for metrics alone.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{BootError, bounds, listen};
use crate::config::FileMode;
use crate::http::metrics;
use crate::http::request_log::RequestIds;
use crate::http::serve::{Bounds, serve};
use crate::instance::Instance;
use crate::net::listener::Listener;

/// Connections at once: whoever scrapes needs one.
const CONNECTIONS_MAX: usize = 16;
/// Whoever can connect reads the figures: a socket in the file system is for this user alone, whatever `http.socket_mode`
/// says of the other ones.
const SOCKET_MODE: FileMode = FileMode::new(0o600);
/// How long a scrape may take to end at a stop.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(1);

/// Answers `GET /metrics` until it is stopped.
pub(super) struct MetricsListener {
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl MetricsListener {
    /// Listens where the settings say; `None` where they say nowhere.
    ///
    /// # Errors
    /// [`BootError::Listen`].
    pub(super) async fn start(instance: &Instance) -> Result<Option<Self>, BootError> {
        let mut listeners = Vec::new();
        for wanted in instance.config.metrics.listen.iter() {
            let listener = listen(wanted, SOCKET_MODE).await?;
            let address = listener.address().map_err(|source| BootError::Listen {
                address: wanted.clone(),
                source,
            })?;
            tracing::info!(%address, "telling metrics");
            listeners.push(listener);
        }
        Ok((!listeners.is_empty()).then(|| Self::serve(listeners, instance)))
    }

    fn serve(listeners: Vec<Listener>, instance: &Instance) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let served = serve(
            listeners,
            metrics::filter(instance),
            Bounds {
                connections_max: CONNECTIONS_MAX,
                drain_timeout: DRAIN_TIME_MAX,
                ..bounds(&instance.config)
            },
            Arc::clone(&instance.clock),
            Arc::clone(&instance.telemetry),
            Arc::new(RequestIds::seeded(
                instance.randomness.branch("metrics").rng().next_u64(),
            )),
            // A dropped sender stops as well as a signal.
            async move { drop(stopped.await) },
        );
        Self {
            stop,
            served: tokio::spawn(async move {
                served.await;
            }),
        }
    }

    /// Stops it.
    pub(super) async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.served.await {
            tracing::error!(%error, "the listener for metrics failed");
        }
    }
}
