//! `kinglet top`: what the running server is about, drawn anew each second.

pub(super) mod draw;
mod screen;

use std::io::{self, IsTerminal};
use std::time::Duration;

use clap::Args;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use self::draw::draw;
use self::screen::{Key, Screen};
use super::stats::{ASCII, UNICODE};
use super::{CliError, ask_server, print, print_json};
use crate::config::Config;
use crate::control::protocol::{Answer, Request};
use crate::domain::live::LiveFigures;

/// How often it is drawn.
const PACE: Duration = Duration::from_secs(1);
/// Lines and columns where nobody tells: all that there is to say.
const LINES_MAX: usize = 10_000;
const COLUMNS: usize = 100;

/// Options of `top`.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Top {
    /// Print the figures once and end
    #[arg(long)]
    pub once: bool,

    /// Print the figures once as JSON and end
    #[arg(long)]
    pub json: bool,

    /// Draw with plain ASCII
    #[arg(long)]
    pub ascii: bool,
}

pub(super) fn run(options: &Top, config: &Config) -> Result<(), CliError> {
    let pen = if options.ascii { &ASCII } else { &UNICODE };
    if options.json {
        return print_json(&serde_json::json!(read(config)?));
    }
    if options.once {
        return print(&draw(&read(config)?, pen, COLUMNS, LINES_MAX).join("\n"));
    }
    if !io::stdout().is_terminal() {
        return Err(CliError::Unusable(
            "standard output is no terminal: use --once or --json".to_owned(),
        ));
    }
    // A server that isn't there is told before the screen is taken.
    let first = read(config)?;
    let failed = |source| CliError::Io {
        what: "can't use the terminal".to_owned(),
        source,
    };
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let watched = runtime.block_on(async {
        let mut screen = Screen::take()?;
        let mut show = |figures: Result<&LiveFigures, &CliError>| {
            let (columns, lines) = screen.size();
            let drawn = match figures {
                Ok(figures) => draw(figures, pen, columns, lines),
                Err(error) => vec![format!("kinglet: {error}"), "Trying again ...".to_owned()],
            };
            screen.show(&drawn)
        };
        show(Ok(&first))?;
        watch(config, show).await
    });
    // A read that hangs must not keep whoever wants to leave.
    runtime.shutdown_background();
    watched.map_err(failed)
}

fn read(config: &Config) -> Result<LiveFigures, CliError> {
    match ask_server(config, Request::ReadLive)? {
        Answer::Live { figures } => Ok(*figures),
        _ => Err(CliError::Mismatch),
    }
}

/// Shows the figures each second until somebody ends it.
async fn watch(
    config: &Config,
    mut show: impl FnMut(Result<&LiveFigures, &CliError>) -> io::Result<()>,
) -> io::Result<()> {
    let mut keys = screen::keys();
    let mut ends = [
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
        signal(SignalKind::hangup())?,
    ];
    let mut resized = signal(SignalKind::window_change())?;
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pace.tick().await;
    let [interrupt, terminate, hang_up] = &mut ends;
    loop {
        tokio::select! {
            key = keys.recv() => match key {
                Some(Key::End) => return Ok(()),
                Some(Key::Other) => continue,
                // Whose keyboard is gone ends it by a signal.
                None => { pace.tick().await; }
            },
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            _ = hang_up.recv() => return Ok(()),
            _ = resized.recv() => {}
            _ = pace.tick() => {}
        }
        let asked = {
            let config = config.clone();
            tokio::task::spawn_blocking(move || read(&config))
        };
        let figures = tokio::select! {
            figures = asked => figures.map_err(io::Error::other)?,
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            _ = hang_up.recv() => return Ok(()),
            Some(Key::End) = keys.recv() => return Ok(()),
        };
        show(figures.as_ref())?;
    }
}
