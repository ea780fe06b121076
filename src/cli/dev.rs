//! `kinglet dev`: a throwaway instance with people in it, until it is told to stop.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;

use clap::Args;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::{CliError, install_log, print};
use crate::boot::{self, BootError};
use crate::config::{Log, LogLevel};
use crate::dev::{self, Settings};
use crate::http::dev::About;
use crate::http::dev::origin::Origin;

/// Options of `dev`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct Dev {
    /// Loopback address and port to listen on; a free port of 127.0.0.1 unless given
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,

    /// Number that clock, ids and tokens follow from: the same requests get the same answers, byte for byte
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Let pages of another site use it, such as a client at https://elk.zone; may be given several times. Pages of this
    /// machine may always, those of all other sites may not
    #[arg(long, value_name = "URL")]
    pub allow_origin: Vec<Origin>,

    /// Print one line of JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

pub(super) fn run(options: &Dev) -> Result<(), CliError> {
    // The configuration that happens to lie around is another instance's.
    install_log(&Log {
        level: LogLevel::Warn,
        ..Log::default()
    })?;
    let settings = Settings {
        listen: options.listen.unwrap_or(Settings::default().listen),
        seed: options.seed,
        allow_origins: options.allow_origin.clone(),
    };
    let mut printed = Ok(());
    let served = boot::run(async {
        let stop = stop_signal().map_err(|error| BootError::Broken(error.to_string()))?;
        let ready = |about: &About| {
            printed = if options.json {
                print(&json!(about).to_string())
            } else {
                print(&table(about))
            };
        };
        dev::serve(settings, ready, stop).await
    });
    served?;
    printed
}

/// Ready when the process is told to end.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// What a person needs to begin: where it is, and as whom to log in.
fn table(about: &About) -> String {
    let mut text = format!(
        "kinglet answers at {0}\n\n  requests, clock, faults   {0}/dev\n  mail                      {0}/dev/mail\n",
        about.url
    );
    let mut line = |name: &str, password: &str, token: &str| {
        // A String takes every write.
        let _ = write!(text, "\n  {name:<9} {password:<26} {token}");
    };
    line("NAME", "PASSWORD", "TOKEN");
    for person in &about.people {
        line(&person.name, &person.password, &person.token);
    }
    text.push_str(
        "\n\nThe password grant is on, limits are off, and everything is gone when this ends (Ctrl-C).",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::dev::CastMember;

    #[test]
    fn the_table_stands_in_columns() {
        let person = |name: &str| CastMember {
            name: name.to_owned(),
            display_name: String::new(),
            role: "user",
            id: "1".to_owned(),
            email: String::new(),
            password: format!("the password of {name}"),
            token: format!("token-{name}"),
            about: "",
        };
        let text = table(&About {
            url: "http://127.0.0.1:8420".to_owned(),
            seed: None,
            data_dir: String::new(),
            people: vec![person("alice"), person("mallory")],
        });
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "kinglet answers at http://127.0.0.1:8420");
        assert_eq!(lines[5], "  NAME      PASSWORD                   TOKEN");
        assert_eq!(
            lines[6],
            "  alice     the password of alice      token-alice"
        );
        assert_eq!(
            lines[7],
            "  mallory   the password of mallory    token-mallory"
        );
    }
}
