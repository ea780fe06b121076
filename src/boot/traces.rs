//! Sends the traces of requests to a collector, where one is configured.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::BootError;
use crate::instance::Instance;
use crate::telemetry::otlp::{Exporter, Origin};

/// How long a stop waits for the collector to take what is left.
const LAST_BATCH_TIME_MAX: Duration = Duration::from_secs(2);

/// The task that sends; none where there is no collector.
pub(super) struct Traces(Option<(oneshot::Sender<()>, JoinHandle<()>)>);

impl Traces {
    pub(super) fn start(instance: &Instance) -> Result<Self, BootError> {
        let Some(url) = &instance.config.otlp.url else {
            return Ok(Self(None));
        };
        let origin = Origin {
            host: instance.url.authority().to_owned(),
            salt: instance.randomness.rng().next_u64().max(1),
        };
        let exporter = Exporter::new(url.as_str(), &origin)
            .map_err(|error| BootError::Broken(format!("{url}: can't send traces: {error}")))?;
        let telemetry = Arc::clone(&instance.telemetry);
        let Some(traces) = telemetry.otlp.open() else {
            return Ok(Self(None));
        };
        let (stop, stopped) = oneshot::channel();
        let sending = tokio::spawn(async move {
            // A dropped sender stops as well as a signal.
            let stopped = async { drop(stopped.await) };
            exporter.run(traces, &telemetry.otlp, stopped).await;
        });
        Ok(Self(Some((stop, sending))))
    }

    /// Sends what is left, and ends.
    pub(super) async fn stop(self) {
        let Some((stop, mut sending)) = self.0 else {
            return;
        };
        drop(stop);
        if timeout(LAST_BATCH_TIME_MAX, &mut sending).await.is_err() {
            tracing::warn!("the collector didn't take the last traces in time");
            sending.abort();
        }
    }
}
