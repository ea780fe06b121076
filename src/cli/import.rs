//! `kinglet import`: takes in what somebody brings along.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use serde_json::json;

use super::args::Output;
use super::bar::Bar;
use super::conversation::{Listener, converse};
use super::{CliError, print, print_json};
use crate::archives::import::{Archive, Arrival, Report, Taker};
use crate::archives::instance::import_instance;
use crate::archives::{ArchiveError, Batch};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::control::protocol::{Answer, Request};
use crate::domain::arrival::Fate;

/// What its help ends with.
pub(super) const EXAMPLES: &str = "\
Examples:
  kinglet import --account alice archive-20261123-8d1f.zip
  kinglet import --account alice following_accounts.csv
  kinglet --data /srv/kinglet import --instance kinglet.tar.gz

The file for an account is an archive as Mastodon makes it, a ZIP or a tar.gz, or one of the lists that it hands out.
It is looked through as a whole first; nothing of a bad one is taken in. Nobody is notified of anything,
nobody is mentioned, and what was imported before is left as it is: an import that broke off is begun
again. A whole instance is taken in where there is none yet, and no server runs.";

/// Options of `import`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(group = ArgGroup::new("whose").required(true).args(["account", "instance"]))]
pub struct Import {
    /// Account that gets what is in the archive
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,

    /// Take in a whole instance
    #[arg(long)]
    pub instance: bool,

    /// Archive, or one of the lists
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Whether the answer is for a script.
    #[command(flatten)]
    pub output: Output,
}

pub(super) fn run(options: &Import, config: &Config) -> Result<(), CliError> {
    let Import {
        account,
        file,
        output,
        ..
    } = options.clone();
    let Some(account) = account else {
        return whole(options, config);
    };
    let first = Request::BeginImport {
        name: account.clone(),
    };
    let report = converse(config, first, move |answer, listener| {
        let Answer::ImportBegun { host } = answer else {
            return Err(CliError::Mismatch);
        };
        let arrival = Arrival {
            local_host: host,
            now: SystemClock.now(),
        };
        let archive = Archive::open(&file, arrival)?;
        let mut taker = ByRequest { account, listener };
        let bar = Bar::of(archive.things());
        let report = archive.import(&mut taker, &mut |done| bar.show(done));
        bar.end();
        Ok(report?)
    })?;
    tell(&report, output.json)
}

/// A whole instance, by this process: where there is none, no server can run.
fn whole(options: &Import, config: &Config) -> Result<(), CliError> {
    let data_dir = &config.storage.data_dir;
    let manifest = import_instance(&options.file, data_dir)?;
    if options.output.json {
        let json = serde_json::to_value(&manifest)
            .map_err(|error| CliError::Unusable(error.to_string()))?;
        return print_json(&json);
    }
    let url = manifest.url.as_deref();
    print(&format!(
        "{}: the instance of {}, up to commit {}{}",
        data_dir.display(),
        url.unwrap_or("an address that was not remembered"),
        manifest.commit,
        match manifest.without_secrets {
            true =>
                "; nobody has a password: kinglet user reset-link NAME makes a link to a new one",
            false => "",
        }
    ))
}

fn tell(report: &Report, as_json: bool) -> Result<(), CliError> {
    if as_json {
        let lines = report.lines.iter().map(|((part, fate), line)| {
            json!({"part": part, "fate": fate, "count": line.count, "named": line.named})
        });
        return print_json(&json!({
            "imported": report.imported(),
            "attachments_left_out": report.attachments,
            "lines": lines.collect::<Vec<_>>(),
        }));
    }
    for sentence in report.sentences() {
        print(&sentence)?;
    }
    print(&format!("{} imported", report.imported()))
}

/// Hands batches over to whoever has the store.
struct ByRequest<'a> {
    account: String,
    listener: &'a mut dyn Listener,
}

impl Taker for ByRequest<'_> {
    fn take(&mut self, batch: Batch) -> Result<Vec<Fate>, ArchiveError> {
        let request = Request::Import {
            name: self.account.clone(),
            batch: Box::new(batch),
        };
        match self.listener.ask(request) {
            Ok(Answer::Imported { fates }) => Ok(fates),
            Ok(_) => Err(ArchiveError::Gone(CliError::Mismatch.to_string())),
            Err(CliError::Refused(failure)) => Err(failure.into()),
            Err(error) => Err(ArchiveError::Gone(error.to_string())),
        }
    }
}
