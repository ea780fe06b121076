//! `kinglet completions`: what a shell needs to complete kinglet's command line.

use clap::{Args, ValueEnum};
use clap_complete::Shell as Dialect;

use super::{CliError, args, print};

/// Options of `completions`.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// A shell that completions are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash, with bash-completion
    Bash,
    /// Z shell
    Zsh,
    /// fish
    Fish,
}

impl From<Shell> for Dialect {
    fn from(shell: Shell) -> Self {
        match shell {
            Shell::Bash => Self::Bash,
            Shell::Zsh => Self::Zsh,
            Shell::Fish => Self::Fish,
        }
    }
}

pub(super) fn run(asked: Completions) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(
        Dialect::from(asked.shell),
        &mut args::grammar(),
        "kinglet",
        &mut script,
    );
    print(String::from_utf8_lossy(&script).trim_end())
}
