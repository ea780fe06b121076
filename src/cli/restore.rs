//! `kinglet restore`: an instance is made of a backup.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::args::Output;
use super::{CliError, print, print_json};
use crate::backups::settings_of;
use crate::clock::{SharedClock, SystemClock};
use crate::config::{Config, InstanceUrl};
use crate::randomness::Randomness;
use crate::store::backup::{self, RestorePlan};

/// What `--help` shows after the options.
pub(super) const EXAMPLES: &str = "\
Examples:
  kinglet restore /var/backups/kinglet/monday
  kinglet --data /srv/new restore monday --url https://new.example.org
  kinglet restore monday --deletions-from data.old

The backup is verified first, and what was made of it before it takes its place.";

/// Options of `restore`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Restore {
    /// Directory of the backup
    #[arg(value_name = "SET")]
    pub set: PathBuf,

    /// Public address that the instance has from now on; the one of the backup unless given
    #[arg(long, value_name = "URL")]
    pub url: Option<InstanceUrl>,

    /// Old data directory, moved aside: what was deleted there since the backup is deleted again
    #[arg(long, value_name = "DIR")]
    pub deletions_from: Option<PathBuf>,

    /// Whether the answer is for a script.
    #[command(flatten)]
    pub output: Output,
}

pub(super) fn run(options: &Restore, config: &Config) -> Result<(), CliError> {
    let data_dir = &config.storage.data_dir;
    let plan = RestorePlan {
        set: options.set.clone(),
        data_dir: data_dir.clone(),
        url: options.url.as_ref().map(ToString::to_string),
        deletions_from: options.deletions_from.clone(),
    };
    let clock: SharedClock = Arc::new(SystemClock);
    let mut rng = Randomness::from_system()
        .map_err(|error| CliError::Unusable(error.to_string()))?
        .rng();
    let restored = backup::restore(&plan, &clock, &mut rng)?;
    let manifest = &restored.manifest;
    let settings = settings_of(manifest).map(|name| options.set.join(name));
    let url = plan.url.as_ref().or(manifest.url.as_ref());
    if options.output.json {
        let reapplied = restored.reapplied.map(|deleted| {
            serde_json::json!({
                "posts": deleted.posts,
                "accounts": deleted.accounts,
                "sign_ups": deleted.sign_ups,
            })
        });
        return print_json(&serde_json::json!({
            "data_dir": data_dir,
            "manifest": manifest,
            "url": url,
            "settings": settings,
            "deleted_again": reapplied,
        }));
    }
    let mut lines = vec![format!(
        "{}: restored and checked, as it was on {} (commit {})",
        data_dir.display(),
        manifest.made_at,
        manifest.commit
    )];
    match restored.reapplied {
        Some(deleted) => lines.push(format!(
            "deleted again, as since the backup: {} posts, {} accounts, {} sign-ups",
            deleted.posts, deleted.accounts, deleted.sign_ups
        )),
        None => lines.push(
            "what was deleted since the backup is there again: --deletions-from deletes it where the old data is left".to_owned(),
        ),
    }
    if let Some(url) = url {
        lines.push(format!(
            "it is {url}; instance.url has to say the same, or nothing"
        ));
    }
    if let Some(settings) = settings {
        lines.push(format!(
            "its settings lie in {}: look at them, for this host may be another, and put them where kinglet finds them",
            settings.display()
        ));
    }
    print(&lines.join("\n"))
}
