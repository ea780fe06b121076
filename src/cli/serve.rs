//! `kinglet serve`: runs the server until it is told to stop.

use std::io::{self, Write};

use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::{CliError, install_log};
use crate::config::Config;
use crate::control;
use crate::control::protocol::{Answer, Request};
use crate::logging::LogControl;
use crate::server::{Server, ServerBuilder};
use crate::store::queries::access::HasOwner;

pub(super) fn run(config: Config) -> Result<(), CliError> {
    let log = install_log(&config.log)?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| no_signals("can't start", source))?;
    runtime.block_on(serve(config, log))
}

async fn serve(config: Config, log: LogControl) -> Result<(), CliError> {
    // Before the start: a signal that comes meanwhile must not be lost.
    let mut terminate = signal(SignalKind::terminate())
        .map_err(|source| no_signals("can't wait for SIGTERM", source))?;
    let mut interrupt = signal(SignalKind::interrupt())
        .map_err(|source| no_signals("can't wait for Ctrl-C", source))?;
    let mut server = ServerBuilder::default()
        .config(config)
        .log_control(log)
        .start()
        .await?;
    greet(&server).await;
    tokio::select! {
        ended = server.ended() => return Ok(ended?),
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(server.shutdown().await?)
}

fn no_signals(what: &str, source: io::Error) -> CliError {
    CliError::Io {
        what: what.to_owned(),
        source,
    }
}

/// Says where the server is, and how its first account is made. On standard error and not in the log: the link is a
/// key to the instance, and logs are kept and read by others.
async fn greet(server: &Server) {
    let mut text = format!("kinglet answers at {}\n", server.url());
    let instance = server.instance();
    match instance.actors.find(HasOwner).await {
        Ok(true) => {}
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
