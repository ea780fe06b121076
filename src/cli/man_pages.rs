//! `kinglet man-pages`: the manual, a page for each command and one for the settings.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::{CliError, args};
use crate::config::Config;

/// What the manual calls itself at the head of each page.
const MANUAL: &str = "The manual of kinglet";
/// The page of the settings.
const SETTINGS_PAGE: &str = "kinglet-settings";
/// What the paragraph of examples in a command's help begins with.
const EXAMPLES_HEAD: &str = "Examples:\n";

/// Options of `man-pages`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct ManPages {
    /// Directory to write the pages in, made if need be; pages that are there are replaced
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
}

pub(super) fn run(asked: &ManPages) -> Result<(), CliError> {
    write_all(&asked.directory).map_err(|source| CliError::Io {
        what: asked.directory.display().to_string(),
        source,
    })
}

fn write_all(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let mut grammar = args::grammar();
    grammar.build();
    write_pages(&grammar, directory)?;
    let page = format!("{SETTINGS_PAGE}.5");
    fs::write(directory.join(page), settings_page())
}

/// Writes the page of a command and those of its inner commands.
fn write_pages(command: &clap::Command, directory: &Path) -> io::Result<()> {
    for inner in command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set())
    {
        write_pages(inner, directory)?;
    }
    let man = Man::new(command.clone());
    fs::write(directory.join(man.get_filename()), page(&man, command)?)
}

/// The head of a page. It has no date, so that the same source makes the same pages; `roff` would leave out the empty
/// place of it.
fn head(page: &str, section: u8) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(".TH \"{page}\" \"{section}\" \"\" \"kinglet {version}\" \"{MANUAL}\"\n")
}

fn page(man: &Man, command: &clap::Command) -> io::Result<Vec<u8>> {
    let name = command.get_display_name();
    let mut page = head(name.unwrap_or_else(|| command.get_name()), 1).into_bytes();
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if command
        .get_arguments()
        .any(|argument| !argument.is_hide_set())
    {
        man.render_options_section(&mut page)?;
    }
    if command.get_subcommands().any(|inner| !inner.is_hide_set()) {
        man.render_subcommands_section(&mut page)?;
    }
    // What is said after the help is examples, which keep their lines, and paragraphs, which needn't.
    let rest = command.get_after_help().map(ToString::to_string);
    let rest = rest.unwrap_or_default();
    let mut roff = Roff::new();
    let mut notes = Vec::new();
    for paragraph in rest.trim().split("\n\n") {
        match paragraph.strip_prefix(EXAMPLES_HEAD) {
            Some(examples) => {
                roff.control("SH", ["EXAMPLES"]);
                roff.control("nf", []);
                for line in examples.lines() {
                    roff.text([roman(line.trim_start())]);
                }
                roff.control("fi", []);
            }
            None if !paragraph.is_empty() => notes.push(paragraph),
            None => {}
        }
    }
    for (index, paragraph) in notes.iter().enumerate() {
        if index == 0 {
            roff.control("SH", ["NOTES"]);
        } else {
            roff.control("PP", []);
        }
        roff.text([roman(paragraph.replace('\n', " "))]);
    }
    roff.control("SH", ["SEE ALSO"]);
    let others = format!("(1), {SETTINGS_PAGE}(5)");
    roff.text([bold("kinglet"), roman(others)]);
    roff.to_writer(&mut page)?;
    Ok(page)
}

/// The settings: name, environment variable, meaning, and the file that shows their defaults.
fn settings_page() -> String {
    let mut roff = Roff::new();
    roff.control("SH", ["NAME"]);
    roff.text([roman(format!(
        "{SETTINGS_PAGE} - the configuration of kinglet"
    ))]);
    roff.control("SH", ["SETTINGS"]);
    roff.text([roman(
        "A variable of the environment goes before the file, a flag before both.",
    )]);
    for (name, variable, meaning) in Config::settings() {
        roff.control("TP", []);
        roff.text([bold(name), roman(format!(" ({variable})"))]);
        roff.text([roman(meaning.trim())]);
    }
    roff.control("SH", ["THE FILE WITH EVERY DEFAULT"]);
    roff.control("nf", []);
    for line in Config::template().lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff.control("SH", ["SEE ALSO"]);
    roff.text([bold("kinglet-config"), roman("(1)")]);
    head(SETTINGS_PAGE, 5) + &roff.render()
}
