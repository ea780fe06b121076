//! What is wrong around an instance, and how it is put right: each finding names the setting or the command.
//!
//! Nothing is changed by looking. Every subject has its deadline, so that a dead mail server or a hanging disk delays only
//! its own findings; a server that runs is asked over its control socket, without one the rest is looked at all the same.

mod address;
mod clock;
mod configuration;
mod disk;
mod mail;
mod mounts;
mod permissions;
mod proxy;
mod visit;

use std::fmt;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::clock::SharedClock;
use crate::config::{Fault, InstanceUrl, Loaded};
use crate::control::client;
use crate::control::probe::Standing;
use crate::control::protocol::{Answer, Request};
use crate::secret::Secret;

/// How long the running server may take to say how it stands.
const SERVER_TIME_MAX: Duration = Duration::from_secs(5);
/// How long looking at files may take.
const FILES_TIME_MAX: Duration = Duration::from_secs(5);
/// How long the disk may take, measurements included.
const DISK_TIME_MAX: Duration = Duration::from_secs(15);
/// How long each of the subjects that reach over a network may take.
const NETWORK_TIME_MAX: Duration = Duration::from_secs(20);

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Settings, and what they ask of this machine.
    Configuration,
    /// The machine's time.
    Clock,
    /// Where the data lies.
    Disk,
    /// Who may read and write what.
    Permissions,
    /// `instance.url`: name, certificate, whether it leads here.
    Address,
    /// What stands between visitors and the server.
    Proxy,
    /// The mail server.
    Mail,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configuration => "configuration",
            Self::Clock => "clock",
            Self::Disk => "disk",
            Self::Permissions => "permissions",
            Self::Address => "address",
            Self::Proxy => "proxy",
            Self::Mail => "mail",
        })
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Good,
    /// It works, but something is to be known or had better be changed.
    Warning,
    /// It doesn't work, or lets somebody in.
    Fault,
    /// It couldn't be found out.
    Unknown,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub subject: Subject,
    /// How bad it is.
    pub state: State,
    /// What was found: a sentence.
    pub what: String,
    /// What puts it right: a sentence with the setting or the command.
    pub fix: Option<String>,
}

impl Subject {
    fn good(self, what: impl Into<String>) -> Finding {
        self.finding(State::Good, what, None)
    }

    fn warning(self, what: impl Into<String>, fix: impl Into<String>) -> Finding {
        self.finding(State::Warning, what, Some(fix.into()))
    }

    fn fault(self, what: impl Into<String>, fix: impl Into<String>) -> Finding {
        self.finding(State::Fault, what, Some(fix.into()))
    }

    fn unknown(self, what: impl Into<String>, fix: Option<String>) -> Finding {
        self.finding(State::Unknown, what, fix)
    }

    fn finding(self, state: State, what: impl Into<String>, fix: Option<String>) -> Finding {
        Finding {
            subject: self,
            state,
            what: what.into(),
            fix,
        }
    }
}

/// What is looked at.
pub struct Case {
    /// The configuration, as far as it could be understood.
    pub loaded: Loaded,
    /// What of it could not.
    pub faults: Vec<Fault>,
    /// The time.
    pub clock: SharedClock,
}

impl Case {
    /// Whether nothing that is configured in this section is in doubt.
    fn is_sound(&self, section: &str) -> bool {
        self.faults.iter().all(|fault| {
            let setting = fault.setting.as_deref();
            setting.is_some_and(|setting| setting.split('.').next() != Some(section))
        })
    }

    /// The public address that follows from the settings.
    fn url(&self) -> InstanceUrl {
        let (listen, is_https) = self.loaded.config.main_address();
        self.loaded.config.public_url(listen, is_https)
    }
}

/// Whether a server runs on the data directory.
enum Server {
    /// It does, and waits for the request with this in its address.
    Runs {
        nonce: Secret<String>,
        standing: Standing,
    },
    /// None does.
    Absent,
    /// Something is there, but no understanding.
    Silent(String),
}

/// Looks at everything.
///
/// # Errors
/// When there are no threads or timers to do it with.
pub fn examine(case: Case) -> io::Result<Vec<Finding>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let findings = runtime.block_on(examine_all(case));
    // What hangs is left behind.
    runtime.shutdown_background();
    Ok(findings)
}

async fn examine_all(case: Case) -> Vec<Finding> {
    let config = case.loaded.config.clone();
    let data_dir = config.storage.data_dir.clone();
    let storage_is_sound = case.is_sound("storage");
    let server = if storage_is_sound {
        find_server(&data_dir).await
    } else {
        Server::Absent
    };
    let url = match &server {
        Server::Runs { standing, .. } => standing.url.parse().unwrap_or_else(|_| case.url()),
        _ => case.url(),
    };
    let address_is_sound = ["instance", "http", "tls"]
        .iter()
        .all(|section| case.is_sound(section));

    let mut findings = configuration::look(&case, &server);
    let now = case.clock.now();
    let directory = data_dir.clone();
    let clock = aside(Subject::Clock, FILES_TIME_MAX, move || {
        clock::look(&directory, now)
    });
    let directory = data_dir.clone();
    let disk = async {
        if !storage_is_sound {
            return doubtful(Subject::Disk, "storage");
        }
        let profile = config.storage.profile;
        aside(Subject::Disk, DISK_TIME_MAX, move || {
            disk::look(&directory, profile)
        })
        .await
    };
    let socket = match &server {
        Server::Runs { .. } => Ok(true),
        Server::Absent => Ok(false),
        Server::Silent(reason) => Err(reason.clone()),
    };
    let permissions = async {
        if !storage_is_sound {
            return doubtful(Subject::Permissions, "storage");
        }
        aside(Subject::Permissions, FILES_TIME_MAX, move || {
            permissions::look(&data_dir, socket)
        })
        .await
    };
    let address = async {
        if !address_is_sound {
            return doubtful(Subject::Address, "instance, http or tls");
        }
        within(
            Subject::Address,
            NETWORK_TIME_MAX,
            address::look(&url, &config, now, &server),
        )
        .await
    };
    let proxy = async {
        if !address_is_sound {
            return doubtful(Subject::Proxy, "instance, http or tls");
        }
        let looked = proxy::look(&url, &server, &config.storage.data_dir);
        within(Subject::Proxy, NETWORK_TIME_MAX, looked).await
    };
    let mail = async {
        if !case.is_sound("mail") {
            return doubtful(Subject::Mail, "mail");
        }
        within(
            Subject::Mail,
            NETWORK_TIME_MAX,
            mail::look(&config.mail, &url),
        )
        .await
    };
    let (clock, disk, permissions, address, proxy, mail) =
        tokio::join!(clock, disk, permissions, address, proxy, mail);
    for found in [clock, disk, permissions, address, proxy, mail] {
        findings.extend(found);
    }
    findings
}

async fn find_server(data_dir: &Path) -> Server {
    match ask(data_dir, Request::BeginProbe).await {
        Ok(Some(Answer::Probing { nonce, standing })) => Server::Runs { nonce, standing },
        Ok(None) => Server::Absent,
        Ok(Some(_)) => Server::Silent("it answers something else".to_owned()),
        Err(reason) => Server::Silent(reason),
    }
}

/// Asks the running server; `None` when none runs.
async fn ask(data_dir: &Path, request: Request) -> Result<Option<Answer>, String> {
    let data_dir = data_dir.to_owned();
    let asked = timeout(
        SERVER_TIME_MAX,
        spawn_blocking(move || client::ask(&data_dir, &request)),
    );
    match asked.await {
        Err(_) => Err("it gives no answer".to_owned()),
        Ok(Err(_)) => Err("the question broke off".to_owned()),
        Ok(Ok(Err(error))) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            Err(format!("{error}{}", cause.unwrap_or_default()))
        }
        Ok(Ok(Ok(None))) => Ok(None),
        Ok(Ok(Ok(Some(Err(failure))))) => Err(failure.to_string()),
        Ok(Ok(Ok(Some(Ok(answer))))) => Ok(Some(answer)),
    }
}

/// What can't be looked at before the configuration is right.
fn doubtful(subject: Subject, sections: &str) -> Vec<Finding> {
    vec![subject.unknown(
        format!("not looked at, since the settings of {sections} are wrong"),
        None,
    )]
}

async fn within(
    subject: Subject,
    time_max: Duration,
    looked: impl Future<Output = Vec<Finding>>,
) -> Vec<Finding> {
    let found = timeout(time_max, looked).await;
    found.unwrap_or_else(|_| vec![late(subject, time_max)])
}

/// Looks on a thread of its own, at what may hang in the kernel.
async fn aside(
    subject: Subject,
    time_max: Duration,
    look: impl FnOnce() -> Vec<Finding> + Send + 'static,
) -> Vec<Finding> {
    match timeout(time_max, spawn_blocking(look)).await {
        Ok(Ok(found)) => found,
        Ok(Err(_)) => vec![subject.unknown("looking at it broke off", None)],
        Err(_) => vec![late(subject, time_max)],
    }
}

fn late(subject: Subject, time_max: Duration) -> Finding {
    let what = format!("not found out within {} seconds", time_max.as_secs());
    subject.unknown(what, None)
}
