//! `kinglet serve`: runs the server until it is told to stop.

use std::convert::Infallible;
use std::future::pending;
use std::io::{self, IsTerminal, Write};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};

use super::{CliError, install_log};
use crate::actors::Actors;
use crate::config::Loaded;
use crate::control;
use crate::control::protocol::{Answer, Request};
use crate::logging::LogControl;
use crate::net::inherited::Inherited;
use crate::net::service_manager::ServiceManager;
use crate::server::{Server, ServerBuilder};
use crate::store::queries::access::HasOwner;
use crate::telemetry::writer::Pulse;

/// How often everybody is asked in the time that the watchdog waits.
const PROBES_PER_WATCH: u32 = 4;
/// How many times as long as the watchdog waits the writer may be at one step, such as a checkpoint on a slow card.
const WATCHES_PER_STEP: u32 = 4;

pub(super) fn run(loaded: &Loaded) -> Result<(), CliError> {
    let log = install_log(&loaded.config.log)?;
    // Before there are other threads.
    let inherited = Inherited::from_environment().map_err(|source| CliError::Io {
        what: "can't take the service manager's sockets over".to_owned(),
        source,
    })?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| no_signals("can't start", source))?;
    runtime.block_on(serve(loaded, inherited, log))
}

async fn serve(loaded: &Loaded, inherited: Inherited, log: LogControl) -> Result<(), CliError> {
    // Before the start: a signal that comes meanwhile must not be lost.
    let mut terminate = signal(SignalKind::terminate())
        .map_err(|source| no_signals("can't wait for SIGTERM", source))?;
    let mut interrupt = signal(SignalKind::interrupt())
        .map_err(|source| no_signals("can't wait for Ctrl-C", source))?;
    let manager = ServiceManager::from_environment();
    let settings_file = loaded.absolute_file().map_err(|source| CliError::Io {
        what: "can't tell where the configuration file lies".to_owned(),
        source,
    })?;
    let mut server = ServerBuilder::default()
        .config(loaded.config.clone())
        .settings_file(settings_file)
        .inherit(inherited)
        .log_control(log)
        .start()
        .await?;
    greet(&server).await;
    manager.ready(server.url());
    let actors = server.instance().actors.clone();
    let pulse = Arc::clone(&server.instance().telemetry.writer.pulse);
    tokio::select! {
        ended = server.ended() => return Ok(ended?),
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        never = watch(manager, actors, &pulse) => match never {},
    }
    manager.stopping();
    Ok(server.shutdown().await?)
}

/// Tells the watchdog that the server is well as long as all that state hangs on answers. Without a watchdog it sleeps for
/// ever.
async fn watch(manager: ServiceManager, actors: Actors, pulse: &Pulse) -> Infallible {
    let Some(patience) = manager.watchdog() else {
        return pending().await;
    };
    let pause = patience / PROBES_PER_WATCH;
    let mut was_well = true;
    let mut tell = |is_well: bool| {
        if is_well {
            manager.alive();
        } else {
            tracing::error!("not everybody answers: the watchdog isn't told that all is well");
        }
        if is_well != was_well {
            manager.status(if is_well { "answers again" } else { "hangs" });
        }
        was_well = is_well;
    };
    loop {
        // Over already when somebody was slow: then all are asked again at once.
        let rest = sleep(pause);
        let mut answers = pin!(actors.probe());
        let answered = loop {
            match timeout(pause, &mut answers).await {
                Ok(answered) => break answered.is_ok(),
                // Whoever is behind with its work comes to the question in the end, and is believed at that moment.
                Err(_) => tell(false),
            }
        };
        let is_well = answered && {
            let passed = timeout(pause, actors.probe_writer()).await;
            let passed = passed.ok().map(|answered| answered.is_ok());
            writes(passed, pulse.at_work_for(), patience * WATCHES_PER_STEP)
        };
        tell(is_well);
        rest.await;
    }
}

/// Whether the writer is well: it answers, unless it is gone, or it is at a step that doesn't take too long. One that is
/// stuck may have a full lane, which answers at once.
fn writes(answered: Option<bool>, at_work_for: Option<Duration>, step_max: Duration) -> bool {
    match at_work_for {
        Some(step) if step >= step_max => false,
        at_work => answered.unwrap_or(at_work.is_some()),
    }
}

fn no_signals(what: &str, source: io::Error) -> CliError {
    CliError::Io {
        what: what.to_owned(),
        source,
    }
}

/// Says where the server is, and how its first account is made. The link is a key to the instance: it is shown to
/// somebody at a terminal alone. Whatever else standard error leads to (a journal, a container's log, a file) is kept
/// and read by others.
async fn greet(server: &Server) {
    let mut text = format!("kinglet answers at {}\n", server.url());
    let instance = server.instance();
    match instance.actors.find(HasOwner).await {
        Ok(true) => {}
        Ok(false) if !io::stderr().is_terminal() => text.push_str(
            "There is no owner yet. `kinglet setup-link` prints a link for making the owner's account.\n",
        ),
        Ok(false) => match control::handle(Request::CreateSetupLink, instance).await {
            Ok(Answer::Link { url, .. }) => {
                text.push_str(
                    "There is no owner yet. Make the owner's account within 24 hours:\n  ",
                );
                text.push_str(url.expose());
                text.push('\n');
            }
            Ok(_) => {}
            Err(failure) => tracing::warn!(%failure, "no set-up link"),
        },
        Err(error) => tracing::warn!(%error, "can't look for an owner"),
    }
    // Without a terminal the server serves all the same.
    drop(io::stderr().write_all(text.as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_that_is_busy_is_well_and_one_that_is_stuck_or_gone_is_not() {
        let step_max = Duration::from_secs(120);
        let [short, long] = [90, 120].map(|seconds| Some(Duration::from_secs(seconds)));
        for (answered, at_work_for, is_well) in [
            (Some(true), None, true),
            (Some(true), short, true),
            (None, short, true),
            (None, None, false),
            (None, long, false),
            // "No room", at once.
            (Some(true), long, false),
            (Some(false), None, false),
            (Some(false), short, false),
        ] {
            let found = writes(answered, at_work_for, step_max);
            assert_eq!(found, is_well, "{answered:?} {at_work_for:?}");
        }
    }
}
