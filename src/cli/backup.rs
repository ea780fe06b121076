//! `kinglet backup`: a checked copy of the stored data, and whether one is still sound.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::args::Output;
use super::{Beginning, CliError, ask, print, print_json};
use crate::config::Loaded;
use crate::control::protocol::{Answer, Request};
use crate::store::backup::{self, Manifest};

/// What `--help` shows after the options.
pub(super) const EXAMPLES: &str = "\
Examples:
  kinglet backup /var/backups/kinglet/monday
  kinglet backup verify /var/backups/kinglet/monday

docs/operations.md tells how backups are scheduled, shipped and restored.";

/// `backup` and what it does beside making one.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// What to do instead of making one.
    #[command(subcommand)]
    pub command: Option<BackupCommand>,

    /// Directory to make the copy in
    #[arg(value_name = "DIR", required = true)]
    pub directory: Option<PathBuf>,

    /// Whether the answer is for a script.
    #[command(flatten)]
    pub output: Output,
}

/// `backup ...`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum BackupCommand {
    /// Check a backup: each file by its hash, the database by every invariant; needs no server and changes nothing
    #[command(after_help = "\
Examples:
  kinglet backup verify /var/backups/kinglet/monday
  kinglet backup verify monday --json | jq .manifest.made_at")]
    Verify(BackupVerify),
}

/// Options of `backup verify`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct BackupVerify {
    /// Directory of the backup
    #[arg(value_name = "SET")]
    pub set: PathBuf,

    /// Whether the answer is for a script.
    #[command(flatten)]
    pub output: Output,
}

pub(super) fn run(options: &Backup, loaded: &Loaded) -> Result<(), CliError> {
    match (&options.command, &options.directory) {
        (Some(BackupCommand::Verify(asked)), _) => verify(asked),
        (None, Some(directory)) => make(directory, options.output.json, loaded),
        (None, None) => Err(CliError::Unusable("a backup needs a directory".to_owned())),
    }
}

fn make(directory: &Path, json: bool, loaded: &Loaded) -> Result<(), CliError> {
    // The server has another current directory.
    let directory = absolute(directory)?;
    let settings = loaded.file.as_deref().map(absolute).transpose()?;
    let request = Request::BackUp {
        directory: directory.clone(),
        settings,
    };
    let Answer::BackedUp { manifest } = ask(&loaded.config, request, Beginning::Refused)? else {
        return Err(CliError::Mismatch);
    };
    if json {
        return print_json(&serde_json::json!({"directory": directory, "manifest": manifest}));
    }
    print(&told(&directory, &manifest, "checked"))
}

fn verify(asked: &BackupVerify) -> Result<(), CliError> {
    let manifest = backup::verify(&asked.set)?;
    let directory = asked.set.display().to_string();
    if asked.output.json {
        return print_json(&serde_json::json!({"directory": directory, "manifest": manifest}));
    }
    print(&told(&directory, &manifest, "sound"))
}

fn told(directory: &str, manifest: &Manifest, state: &str) -> String {
    let mut text = format!(
        "{directory}: {} bytes, {state}, up to commit {}",
        manifest.bytes(),
        manifest.commit
    );
    if manifest.same_disk {
        text.push_str(
            "\nIt was made on the same disk as the data: what breaks the disk takes both. Take it elsewhere.",
        );
    }
    text
}

fn absolute(path: &Path) -> Result<String, CliError> {
    let absolute = std::path::absolute(path).map_err(|source| CliError::Io {
        what: path.display().to_string(),
        source,
    })?;
    absolute
        .into_os_string()
        .into_string()
        .map_err(|path| CliError::Unusable(format!("{}: has to be UTF-8", path.to_string_lossy())))
}
