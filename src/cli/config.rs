//! `kinglet config`: what is in force, and a file to start from.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

use super::args::{ConfigInit, Output};
use super::{CliError, print, print_json};
use crate::config::{Config, Loaded};

pub(super) fn show(loaded: &Loaded, output: Output) -> Result<(), CliError> {
    if output.json {
        print_json(&loaded.to_json())
    } else {
        print(loaded.to_toml().trim_end())
    }
}

pub(super) fn init(init: &ConfigInit) -> Result<(), CliError> {
    let template = Config::template();
    let Some(path) = &init.file else {
        return print(template.trim_end());
    };
    OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(template.as_bytes()))
        .map_err(|source| CliError::Io {
            what: path.display().to_string(),
            source,
        })
}
