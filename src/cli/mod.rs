//! The command line: one file per command.
//!
//! Commands that need the data ask the server that runs on it, over its control socket; when none runs, they open the
//! store themselves and ask the same function that the server would have asked.

pub mod args;
pub mod backup;
mod bar;
pub mod bench;
pub mod check;
mod columns;
mod completions;
mod config;
mod conversation;
pub mod debug;
mod dev;
mod doctor;
mod export;
mod health;
mod import;
pub mod instance;
mod invite;
pub mod log;
mod mail;
mod man_pages;
pub mod profile;
pub mod repair;
pub mod restore;
mod serve;
mod setup_link;
mod stats;
mod tasks;
mod token;
pub mod top;
pub mod upgrade;
mod user;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::Value as Json;

use self::args::{Cli, Command};
use crate::archives::ArchiveError;
use crate::boot::{self, BootError, Opened, Plan};
use crate::clock::SystemClock;
use crate::config::{Config, EXIT_CONFIG, Faults, Log, LogLevel};
use crate::control;
use crate::control::client::{self, ClientError};
use crate::control::protocol::{Answer, Failure, Request};
use crate::logging::{self, LogControl};
use crate::randomness::Randomness;
use crate::store::backup::BackupError;
use crate::store::error::StoreError;
use crate::store::open::database_in;
use crate::store::repair::RepairError;
use crate::store::upgrade::UpgradeError;

/// A command that failed, or found something.
const EXIT_FAILED: u8 = 1;
/// A command line that makes no sense; clap's own number.
const EXIT_USAGE: u8 = 2;

/// Why a command wasn't done.
#[derive(Debug, thiserror::Error)]
enum CliError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] Faults),
    /// The instance can't be opened, or stopped by itself.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// The running server can't be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// It was refused.
    #[error(transparent)]
    Refused(#[from] Failure),
    /// There is no backup, or none that can be used.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// A repair broke off.
    #[error(transparent)]
    Repair(#[from] RepairError),
    /// The stored data wasn't upgraded, or not taken back.
    #[error(transparent)]
    Upgrade(#[from] UpgradeError),
    /// There is nothing there to work with.
    #[error("{0}: there is no instance in this directory")]
    NoInstance(PathBuf),
    /// Only a running server can be asked for it.
    #[error("{0}: no server runs on this directory")]
    NoServer(PathBuf),
    /// What was read or asked for can't be used.
    #[error("{0}")]
    Unusable(String),
    /// An archive can't be taken in.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A file or the standard streams can't be used.
    #[error("{what}")]
    Io {
        /// Which.
        what: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The answer is not the one to this request.
    #[error("the running server answered something else: use the same kinglet for both")]
    Mismatch,
    /// The command was done, and found something wrong; it is printed already.
    #[error("something is wrong")]
    Findings,
}

impl CliError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => EXIT_CONFIG,
            Self::Boot(error) => error.exit_code(),
            _ => EXIT_FAILED,
        }
    }
}

/// Does what a command line asks for; the name of the program comes first.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> ExitCode {
    let cli = match Cli::from_args(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody is left to be told when the terminal is gone.
            drop(error.print());
            return u8::try_from(error.exit_code()).unwrap_or(EXIT_USAGE).into();
        }
    };
    match dispatch(&cli, environment) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !matches!(error, CliError::Findings) {
                report(&error);
            }
            error.exit_code().into()
        }
    }
}

/// Prints an error with its causes, in one line each.
fn report(error: &CliError) {
    let mut text = format!("kinglet: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    // As above.
    drop(writeln!(io::stderr(), "{text}"));
}

fn dispatch(
    cli: &Cli,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<(), CliError> {
    if let Command::Config(args::Config::Init(init)) = &cli.command {
        return config::init(init);
    }
    if let Command::Dev(options) = &cli.command {
        return dev::run(options);
    }
    if let Command::Bench(options) = &cli.command {
        return bench::run(options);
    }
    if let Command::Completions(asked) = cli.command {
        return completions::run(asked);
    }
    if let Command::ManPages(asked) = &cli.command {
        return man_pages::run(asked);
    }
    let sources = cli.sources(environment);
    if let Command::Doctor(output) = cli.command {
        return doctor::run(output, &sources);
    }
    let loaded = sources.load()?;
    if let Command::Config(args::Config::Show(output)) = &cli.command {
        return config::show(&loaded, *output);
    }
    let config = loaded.config.clone();
    if let Command::Serve(_) = &cli.command {
        return serve::run(&loaded);
    }
    // A command says itself what it did; its store's log is for what goes wrong.
    install_log(&Log {
        level: config.log.level.min(LogLevel::Warn),
        ..config.log
    })?;
    match &cli.command {
        Command::Serve(_)
        | Command::Bench(_)
        | Command::Dev(_)
        | Command::Doctor(_)
        | Command::Config(_)
        | Command::Completions(_)
        | Command::ManPages(_) => Ok(()),
        Command::Health(asked) => health::run(asked.clone(), &config),
        Command::User(command) => user::run(command, &config),
        Command::Invite(args::Invite::Create(create)) => invite::create(*create, &config),
        Command::Token(args::Token::Create(create)) => token::create(create, &config),
        Command::Mail(args::Mail::Test(test)) => mail::test(test, &config),
        Command::Check(options) => check::run(options, &config),
        Command::Repair(options) => repair::run(*options, &config),
        Command::Backup(backup) => backup::run(backup, &loaded),
        Command::Upgrade(options) => upgrade::upgrade(*options, &config),
        Command::Rollback(options) => upgrade::rollback(*options, &config),
        Command::Restore(options) => restore::run(options, &config),
        Command::Export(options) => export::run(options, &config),
        Command::Import(options) => import::run(options, &config),
        Command::Tasks(command) => tasks::run(command, &config),
        Command::Debug(command) => debug::run(command, &loaded),
        Command::Top(options) => top::run(options, &config),
        Command::Log(command) => log::run(command, &config),
        Command::Profile(options) => profile::run(options, &config),
        Command::SetupLink(output) => setup_link::run(*output, &config),
        Command::Stats(options) => stats::run(options, &config),
        Command::Instance(instance::Instance::SetUrl(set)) => instance::set_url(set, &config),
    }
}

fn install_log(log: &Log) -> Result<LogControl, CliError> {
    logging::install(log).map_err(|error| CliError::Unusable(error.to_string()))
}

/// Whether a command may begin an instance where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beginning {
    /// It may.
    Allowed,
    /// Without an instance it makes no sense.
    Refused,
}

/// Has a request done by the server that runs on the data directory, else by this process alone.
fn ask(config: &Config, request: Request, beginning: Beginning) -> Result<Answer, CliError> {
    let data_dir = &config.storage.data_dir;
    if let Some(outcome) = client::ask(data_dir, &request)? {
        return Ok(outcome?);
    }
    if beginning == Beginning::Refused && !database_in(data_dir).exists() {
        return Err(CliError::NoInstance(data_dir.clone()));
    }
    match alone(config, request.clone()) {
        Err(BootError::Store(StoreError::Locked(path))) => {
            // Somebody held the directory all the time: a server that was still starting answers by now.
            match client::ask(data_dir, &request)? {
                Some(outcome) => Ok(outcome?),
                None => Err(BootError::Store(StoreError::Locked(path)).into()),
            }
        }
        Err(error) => Err(error.into()),
        Ok(outcome) => Ok(outcome?),
    }
}

/// Asks the server that runs on the data directory: for what makes no sense without one.
fn ask_server(config: &Config, request: Request) -> Result<Answer, CliError> {
    let data_dir = &config.storage.data_dir;
    match client::ask(data_dir, &request)? {
        Some(outcome) => Ok(outcome?),
        None => Err(CliError::NoServer(data_dir.clone())),
    }
}

/// Has a request done by actors of this process.
fn alone(config: &Config, request: Request) -> Result<Result<Answer, Failure>, BootError> {
    let plan = plan(config)?;
    boot::run(async move {
        let data_dir = boot::own_data_dir(&plan.config.storage.data_dir).await?;
        let opened = Opened::for_command(data_dir, plan).await?;
        let outcome = control::handle(request, &opened.instance).await;
        opened.close().await?;
        Ok(outcome)
    })
}

/// How this process opens an instance for a command.
fn plan(config: &Config) -> Result<Plan, BootError> {
    Ok(Plan {
        config: config.clone(),
        settings_file: None,
        clock: Arc::new(SystemClock),
        randomness: Randomness::from_system()?,
        log: None,
        telemetry: false,
        caches_bytes_max: None,
        in_bulk: false,
        repeats: false,
        letter_box: None,
    })
}

/// Prints to standard output.
fn print(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.write_all(b"\n"))
        .and_then(|()| stdout.flush())
        .map_err(|source| CliError::Io {
            what: "can't write to standard output".to_owned(),
            source,
        })
}

/// Prints a value for a script.
fn print_json(value: &Json) -> Result<(), CliError> {
    print(&format!("{value:#}"))
}

/// Prints a link that a person opens.
fn print_link(answer: Answer, output: args::Output) -> Result<(), CliError> {
    let Answer::Link { url, expires_at } = answer else {
        return Err(CliError::Mismatch);
    };
    if output.json {
        print_json(&serde_json::json!({"url": url.expose(), "expires_at": expires_at}))
    } else {
        print(url.expose())
    }
}
