//! `kinglet profile`: a flame graph of the running server.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::{CliError, ask_server, print};
use crate::config::Config;
use crate::control::protocol::{Answer, Request};
use crate::profiling::{FREQUENCY_MAX, SECONDS_MAX, flame_graph};

/// Options of `profile`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// How long to look, in seconds, up to 300
    #[arg(long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(SECONDS_MAX)))]
    pub seconds: u32,

    /// How often to look in each second of processor time, up to 1000
    #[arg(long, value_name = "N", default_value_t = 99,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(FREQUENCY_MAX)))]
    pub frequency: u32,

    /// Where to put the picture; no file is overwritten
    #[arg(long, value_name = "FILE.svg", default_value = "kinglet-profile.svg")]
    pub output: PathBuf,
}

pub(super) fn run(options: &Profile, config: &Config) -> Result<(), CliError> {
    // Before the wait: nobody wants to look for ten seconds and have nowhere to put it.
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&options.output)
        .map_err(|source| cant_write(&options.output, source))?;
    let request = Request::Profile {
        seconds: options.seconds,
        frequency: options.frequency,
    };
    let profile = match ask_server(config, request) {
        Ok(Answer::Profiled { profile }) => profile,
        other => {
            drop(file);
            // The empty file is this command's own; that it stays would be the lesser trouble.
            drop(std::fs::remove_file(&options.output));
            return Err(other.err().unwrap_or(CliError::Mismatch));
        }
    };
    file.write_all(flame_graph(&profile).as_bytes())
        .map_err(|source| cant_write(&options.output, source))?;
    if profile.is_nameless() {
        // Without standard error it can't be said.
        drop(writeln!(
            io::stderr(),
            "kinglet: this build holds no names of functions: build it without stripping the symbol table"
        ));
    }
    print(&format!(
        "{}: {} samples in {} s; open it in a browser",
        options.output.display(),
        profile.samples,
        profile.seconds
    ))
}

fn cant_write(path: &Path, source: io::Error) -> CliError {
    CliError::Io {
        what: format!("{}: can't be written", path.display()),
        source,
    }
}
