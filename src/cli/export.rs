//! `kinglet export`: what an account takes along.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};

use super::args::Output;
use super::{Beginning, CliError, ask, print, print_json};
use crate::config::Config;
use crate::control::protocol::{Answer, Request};
use crate::domain::text::numbers;

/// What its help ends with.
pub(super) const EXAMPLES: &str = "\
Examples:
  kinglet export --account alice alice.zip
  kinglet export --account alice alice.zip --json | jq .entries
  kinglet export --instance kinglet.tar.gz
  kinglet export --instance shared.tar.gz --without-secrets

The archive of an account is a ZIP with actor.json, outbox.json, likes.json and bookmarks.json, and beside them the
lists that Mastodon hands out one by one: following_accounts.csv, blocked_accounts.csv,
muted_accounts.csv and bookmarks.csv. The file of an instance is a tar.gz that `kinglet import --instance`
takes in on another machine; to make it, there has to be room for a copy of the database beside it. Without
secrets it has no passwords, sessions, tokens and mail addresses, but all posts, also those for a few.
Only its owner may read the file.";

/// Options of `export`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(group = ArgGroup::new("whose").required(true).args(["account", "instance"]))]
pub struct Export {
    /// Account whose archive is made
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,

    /// Write the whole instance
    #[arg(long)]
    pub instance: bool,

    /// Leave out passwords, sessions, tokens and mail addresses
    #[arg(long, requires = "instance")]
    pub without_secrets: bool,

    /// File to make, where nothing lies yet
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Whether the answer is for a script.
    #[command(flatten)]
    pub output: Output,
}

pub(super) fn run(options: &Export, config: &Config) -> Result<(), CliError> {
    let file = absolute(&options.file)?;
    let Some(name) = options.account.clone() else {
        return whole(options, file, config);
    };
    let request = Request::ExportAccount {
        name,
        file: file.clone(),
    };
    let Answer::Exported { exported } = ask(config, request, Beginning::Refused)? else {
        return Err(CliError::Mismatch);
    };
    if options.output.json {
        let json = serde_json::to_value(&exported)
            .map_err(|error| CliError::Unusable(error.to_string()))?;
        return print_json(&json);
    }
    print(&format!(
        "{file}: {}, {} posts and boosts, {} favourites, {} bookmarks, {} follows, {} blocks, {} mutes",
        numbers::bytes(i64::try_from(exported.bytes).unwrap_or(i64::MAX)),
        exported.entries,
        exported.favourites,
        exported.bookmarks,
        exported.follows,
        exported.blocks,
        exported.mutes
    ))
}

/// The whole instance.
fn whole(options: &Export, file: String, config: &Config) -> Result<(), CliError> {
    let request = Request::ExportInstance {
        file: file.clone(),
        without_secrets: options.without_secrets,
    };
    let Answer::InstanceExported { manifest } = ask(config, request, Beginning::Refused)? else {
        return Err(CliError::Mismatch);
    };
    if options.output.json {
        let json = serde_json::to_value(&manifest)
            .map_err(|error| CliError::Unusable(error.to_string()))?;
        return print_json(&json);
    }
    print(&format!(
        "{file}: a database of {} bytes, checked, up to commit {}{}",
        manifest.bytes,
        manifest.commit,
        match manifest.without_secrets {
            true => ", without passwords, sessions, tokens and mail addresses",
            false => "",
        }
    ))
}

/// A path as the server takes it, which has another current directory.
pub(super) fn absolute(path: &Path) -> Result<String, CliError> {
    let absolute = std::path::absolute(path).map_err(|source| CliError::Io {
        what: path.display().to_string(),
        source,
    })?;
    absolute
        .into_os_string()
        .into_string()
        .map_err(|path| CliError::Unusable(format!("{}: has to be UTF-8", path.to_string_lossy())))
}
