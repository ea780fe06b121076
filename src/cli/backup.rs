//! `kinglet backup`: a checked copy of the stored data.

use super::args::Backup;
use super::{Beginning, CliError, ask, print, print_json};
use crate::config::Config;
use crate::control::protocol::{Answer, Request};

pub(super) fn run(backup: &Backup, config: &Config) -> Result<(), CliError> {
    // The server has another current directory.
    let absolute = std::path::absolute(&backup.directory).map_err(|source| CliError::Io {
        what: backup.directory.display().to_string(),
        source,
    })?;
    let directory = absolute.into_os_string().into_string().map_err(|path| {
        CliError::Unusable(format!("{}: has to be UTF-8", path.to_string_lossy()))
    })?;
    let request = Request::BackUp {
        directory: directory.clone(),
    };
    let Answer::BackedUp { manifest } = ask(config, request, Beginning::Refused)? else {
        return Err(CliError::Mismatch);
    };
    if backup.output.json {
        return print_json(&serde_json::json!({"directory": directory, "manifest": manifest}));
    }
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    print(&format!(
        "{directory}: {bytes} bytes, checked, up to commit {}",
        manifest.commit
    ))
}
