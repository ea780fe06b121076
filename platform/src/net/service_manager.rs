//! What the service manager is told (`sd_notify(3)`): that the server answers, that it stops, that it is well.
//!
//! Without one nothing is sent and nothing wakes up.

use std::time::Duration;

use sd_notify::NotifyState;

/// The service manager that started this process, if one did that wants to know.
#[derive(Debug, Clone, Copy)]
pub struct ServiceManager {
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The one that the environment tells of.
    #[must_use]
    pub fn from_environment() -> Self {
        Self {
            watchdog: sd_notify::watchdog_enabled().filter(|interval| !interval.is_zero()),
        }
    }

    /// How long it waits at most to hear that the server is well; `None` when it doesn't watch.
    #[must_use]
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// The server answers.
    pub fn ready(&self, url: &str) {
        tell(&[
            NotifyState::Ready,
            NotifyState::Status(&format!("answers at {url}")),
        ]);
    }

    /// The server is well.
    pub fn alive(&self) {
        tell(&[NotifyState::Watchdog]);
    }

    /// What is wrong, for whoever asks for the service's status.
    pub fn status(&self, text: &str) {
        tell(&[NotifyState::Status(text)]);
    }

    /// The server stops.
    pub fn stopping(&self) {
        tell(&[
            NotifyState::Stopping,
            NotifyState::Status("stops when the requests at work are answered"),
        ]);
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(target: "kinglet::net::service_manager", %error, "the service manager can't be told");
    }
}
