//! `kinglet backup`: a checked copy of the stored data, and whether one is still sound.

use std::path::Path;

use super::args::{Backup, BackupCommand, BackupVerify};
use super::{Beginning, CliError, ask, print, print_json};
use crate::config::Loaded;
use crate::control::protocol::{Answer, Request};
use crate::store::backup::{self, Manifest};

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
