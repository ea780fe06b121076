//! `kinglet serve`: runs the server until it is told to stop.

use std::convert::Infallible;
use std::future::pending;
use std::io::{self, IsTerminal, Write};

use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, timeout};

use super::{CliError, install_log};
use crate::actors::Actors;
use crate::config::Config;
use crate::control;
use crate::control::protocol::{Answer, Request};
use crate::logging::LogControl;
use crate::net::inherited::Inherited;
use crate::net::service_manager::ServiceManager;
use crate::server::{Server, ServerBuilder};
use crate::store::queries::access::HasOwner;

/// The share of the watchdog's interval that an answer of everybody may take.
const PROBE_SHARE: u32 = 2;

pub(super) fn run(config: Config) -> Result<(), CliError> {
    let log = install_log(&config.log)?;
    // Before there are other threads.
    let inherited = Inherited::from_environment().map_err(|source| CliError::Io {
        what: "can't take the service manager's sockets over".to_owned(),
        source,
    })?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| no_signals("can't start", source))?;
    runtime.block_on(serve(config, inherited, log))
}

async fn serve(config: Config, inherited: Inherited, log: LogControl) -> Result<(), CliError> {
    // Before the start: a signal that comes meanwhile must not be lost.
    let mut terminate = signal(SignalKind::terminate())
        .map_err(|source| no_signals("can't wait for SIGTERM", source))?;
    let mut interrupt = signal(SignalKind::interrupt())
        .map_err(|source| no_signals("can't wait for Ctrl-C", source))?;
    let manager = ServiceManager::from_environment();
    let mut server = ServerBuilder::default()
        .config(config)
        .inherit(inherited)
        .log_control(log)
        .start()
        .await?;
    greet(&server).await;
    manager.ready(server.url());
    let actors = server.instance().actors.clone();
    tokio::select! {
        ended = server.ended() => return Ok(ended?),
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        never = watch(manager, actors) => match never {},
    }
    manager.stopping();
    Ok(server.shutdown().await?)
}

/// Tells the watchdog that the server is well as long as all that state hangs on answers in time. Without a watchdog it
/// sleeps for ever.
async fn watch(manager: ServiceManager, actors: Actors) -> Infallible {
    let Some(interval) = manager.watchdog_interval() else {
        return pending().await;
    };
    let mut was_well = true;
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let probed = timeout(interval / PROBE_SHARE, actors.probe()).await;
        let is_well = matches!(probed, Ok(Ok(())));
        if is_well {
            manager.alive();
        } else {
            tracing::error!("not everybody answers: the watchdog isn't told that all is well");
        }
        if is_well != was_well {
            manager.status(if is_well { "answers again" } else { "hangs" });
        }
        was_well = is_well;
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
