//! What can be written on the command line. No secret is ever a flag: other users of a machine see
//! the arguments of every process.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use super::completions::Completions;
use super::debug::Debug;
pub use super::dev::Dev;
pub use super::export::Export;
use super::health::Health;
pub use super::import::Import;
use super::man_pages::ManPages;
use super::profile::Profile;
pub use super::token::{Token, TokenCreate};
use crate::config::{ListenAddresses, Override, Sources};
use crate::control::protocol::STATISTICS_DAYS_MAX;
use crate::domain::statistics::Day;

/// Sign-ups that one invitation may admit.
pub const INVITE_USES_MAX: u32 = 1000;

/// Days that an invitation may be good for.
pub const INVITE_DAYS_MAX: u32 = 365;

/// The command line of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cli {
    /// Options that every command takes.
    pub global: Global,
    /// What is asked for; `serve` where nothing was.
    pub command: Command,
}

/// The command line as it is written.
#[derive(Parser)]
#[command(
    name = "kinglet",
    bin_name = "kinglet",
    version,
    about = "A complete microblog server in one binary",
    after_help = "\
Examples:
  kinglet                                    serve what is in ./data
  kinglet --data /srv/kinglet serve          serve another directory
  kinglet user create alice --email alice@example.org --role owner
  kinglet --config /etc/kinglet/config.toml check

Without a command kinglet serves. Commands that need the data reach the server that runs on it, or
open it themselves when none runs. Exit codes: 0 done, 1 failed, 2 wrong command line,
78 wrong configuration.",
    disable_help_subcommand = true
)]
struct Line {
    #[command(flatten)]
    global: Global,

    // For `kinglet --listen ADDR`, which names no command.
    #[command(flatten)]
    serve: Serve,

    #[command(subcommand)]
    command: Option<Command>,
}

/// Options that every command takes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct Global {
    /// Directory of everything that kinglet stores [setting: storage.data_dir]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Configuration file, instead of the one that would be found
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Whether the answer is for a script.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What kinglet is asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Run the server (also without any command)
    #[command(after_help = "\
Examples:
  kinglet serve
  kinglet serve --listen 0.0.0.0:8420")]
    Serve(Serve),

    /// Run a throwaway instance on this machine, with people and posts in it, to develop a client with
    #[command(after_help = "\
Examples:
  kinglet dev
  kinglet dev --listen 127.0.0.1:8420 --seed 1
  kinglet dev --allow-origin https://elk.zone
  kinglet dev --json | jq -r '.people[0].token'

The pages at /dev show each request and what was wrong with it. Programs find the same, a clock,
faults, snapshots and a reset under /api/kinglet/v1/dev/. None of it is part of `kinglet serve`.")]
    Dev(Dev),

    /// Make and change accounts
    #[command(subcommand)]
    User(User),

    /// Invite people
    #[command(subcommand)]
    Invite(Invite),

    /// Make access tokens
    #[command(subcommand)]
    Token(Token),

    /// See whether mail leaves
    #[command(subcommand)]
    Mail(Mail),

    /// Check every invariant of the stored data; exit code 1 and a list when one is broken
    #[command(after_help = super::check::EXAMPLES)]
    Check(super::check::Check),

    /// Make anew what is derived and wrong: counters, the search index, statistics, kept timelines, and nothing else
    #[command(after_help = super::repair::EXAMPLES)]
    Repair(super::repair::Repair),

    /// Show what the instance does by itself: queues, schedule, failed and dead jobs
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "\
Examples:
  kinglet tasks
  kinglet tasks --json | jq '.queues[]'
  kinglet tasks run statistics
  kinglet tasks pause mail
  kinglet tasks retry --all

Times are those of instance.time_zone; in JSON with their offset from UTC."
    )]
    Tasks(Tasks),

    /// Make a checked copy of the data, also while the server runs
    #[command(
        args_conflicts_with_subcommands = true,
        subcommand_negates_reqs = true,
        after_help = super::backup::EXAMPLES
    )]
    Backup(super::backup::Backup),

    /// Make an instance of a backup, in a data directory that has none; what is there is never written over
    #[command(after_help = super::restore::EXAMPLES)]
    Restore(super::restore::Restore),

    /// Rewrite what is stored for this version, where that is needed, after a verified snapshot
    #[command(after_help = super::upgrade::UPGRADE_EXAMPLES)]
    Upgrade(super::upgrade::Upgrade),

    /// Go back to before the last upgrade; the newer database is kept aside
    #[command(after_help = super::upgrade::ROLLBACK_EXAMPLES)]
    Rollback(super::upgrade::Rollback),

    /// Write an archive of an account in Mastodon's form, or the whole instance into one file
    #[command(after_help = super::export::EXAMPLES)]
    Export(Export),

    /// Take in an archive from Mastodon or another kinglet with its original dates, or a whole instance
    #[command(after_help = super::import::EXAMPLES)]
    Import(Import),

    /// Show or make the configuration
    #[command(subcommand)]
    Config(Config),

    /// Print a new link for making the owner's account, as long as there is no owner
    #[command(after_help = "\
Examples:
  kinglet setup-link")]
    SetupLink(Output),

    /// Watch the running server: requests, writer, actors, caches, slow requests
    #[command(after_help = "\
Examples:
  kinglet top
  kinglet top --once
  kinglet top --json | jq '.traffic.p99_ms'

Ends with q or Ctrl-C. The website shows the same at /admin/live.")]
    Top(super::top::Top),

    /// Show or change which records the running server writes
    #[command(subcommand)]
    Log(super::log::Log),

    /// Change what the instance is
    #[command(subcommand)]
    Instance(super::instance::Instance),

    /// Draw the statistics in the terminal, or compute them again
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "\
Examples:
  kinglet stats
  kinglet stats --days 90
  kinglet stats --json | jq '.days[-1].posts'"
    )]
    Stats(Stats),

    /// Look for a fault in the running server: its actors, its statements, the course of a request
    #[command(subcommand)]
    Debug(Debug),

    /// Look at the running server for a while and draw where its threads spend their time: a flame graph
    #[command(after_help = "\
Examples:
  kinglet profile
  kinglet profile --seconds 30 --output slow-evening.svg")]
    Profile(Profile),
    /// Measure how fast and how small a server is: a throwaway instance, or any with the Mastodon API
    #[command(args_conflicts_with_subcommands = true, after_help = super::bench::EXAMPLES)]
    Bench(Box<super::bench::Bench>),
    /// Find out what is wrong around the instance, and what puts it right; exit code 1 when something is
    #[command(after_help = "\
Examples:
  kinglet doctor
  kinglet doctor --json | jq '.findings[] | select(.state == \"fault\")'

It looks at the configuration, the clock, the disk, permissions, the public address with its
certificate, what proxies do with headers, and the mail server, and changes nothing. Ask it as the
user of the server, best while that runs.")]
    Doctor(Output),

    /// Ask the running server whether it answers; exit code 1 when it doesn't
    #[command(after_help = "\
Examples:
  kinglet health
  kinglet health --address 127.0.0.1:8420")]
    Health(Health),

    /// Print what a shell needs to complete the commands of kinglet
    #[command(after_help = "\
Examples:
  kinglet completions bash > ~/.local/share/bash-completion/completions/kinglet
  kinglet completions zsh > ~/.zfunc/_kinglet
  kinglet completions fish > ~/.config/fish/completions/kinglet.fish")]
    Completions(Completions),

    /// Write the manual: a page for each command, one for the settings
    #[command(after_help = "\
Examples:
  kinglet man-pages ~/.local/share/man/man1")]
    ManPages(ManPages),
}

/// `stats` and what it does beside drawing.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// What to do instead of drawing.
    #[command(subcommand)]
    pub command: Option<StatsCommand>,

    /// Days to draw, today included, up to 1000
    #[arg(long, value_name = "N", default_value_t = 30,
          value_parser = clap::value_parser!(i32).range(1..=i64::from(STATISTICS_DAYS_MAX)))]
    pub days: i32,

    /// Draw with plain ASCII
    #[arg(long)]
    pub ascii: bool,

    /// Whether the answer is for a script.
    #[command(flatten)]
    pub output: Output,
}

/// `stats ...`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum StatsCommand {
    /// Compute days again from posts and follows, whatever is kept of them
    #[command(after_help = "\
Examples:
  kinglet stats rebuild
  kinglet stats rebuild --from 2026-11-01 --until 2026-11-07")]
    Rebuild(StatsRebuild),
}

/// Options of `stats rebuild`.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatsRebuild {
    /// First day, YYYY-MM-DD; the first of all unless given
    #[arg(long, value_name = "DAY")]
    pub from: Option<Day>,

    /// Last day, YYYY-MM-DD; today unless given
    #[arg(long, value_name = "DAY")]
    pub until: Option<Day>,
}

/// Options of `serve`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct Serve {
    /// Addresses and ports or unix sockets to listen on [setting: http.listen]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<ListenAddresses>,
}

/// `user ...`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum User {
    /// Make an account; prints a password once, unless one is given on standard input
    #[command(after_help = "\
Examples:
  kinglet user create alice --email alice@example.org
  kinglet user create bob --email bob@example.org --role moderator --password-stdin < password")]
    Create(UserCreate),

    /// List the accounts
    #[command(after_help = "\
Examples:
  kinglet user list
  kinglet user list --json | jq -r '.[].name'")]
    List(Output),

    /// Let somebody in who signed up and waits (registration.mode = "approval")
    #[command(after_help = "\
Examples:
  kinglet user approve bob")]
    Approve(UserName),

    /// Turn somebody away who signed up and waits
    #[command(after_help = "\
Examples:
  kinglet user reject mallory")]
    Reject(UserName),

    /// Hide everything of an account, end its sessions and tokens; undone by unsuspend
    #[command(after_help = "\
Examples:
  kinglet user suspend mallory")]
    Suspend(UserName),

    /// Undo a suspension; log-ins and tokens have to be made anew
    #[command(after_help = "\
Examples:
  kinglet user unsuspend mallory")]
    Unsuspend(UserName),

    /// Delete an account and all it wrote, for ever
    #[command(after_help = "\
Examples:
  kinglet user delete mallory --yes")]
    Delete(UserDelete),

    /// Change what an account may do
    #[command(after_help = "\
Examples:
  kinglet user role bob moderator")]
    Role(UserRole),

    /// Print a link with which an account's password can be changed once
    #[command(after_help = "\
Examples:
  kinglet user reset-link alice")]
    ResetLink(UserResetLink),
}

/// Options of `user create`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct UserCreate {
    /// Name of the account, without the @
    pub name: String,

    /// Mail address of whoever uses it
    #[arg(long, value_name = "E")]
    pub email: String,

    /// What the account may do
    #[arg(long, value_enum, default_value_t = Role::User)]
    pub role: Role,

    /// Read the password from standard input: one line, its end is dropped
    #[arg(long)]
    pub password_stdin: bool,

    /// Whether the answer is for a script.
    #[command(flatten)]
    pub output: Output,
}

/// An account as an argument.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct UserName {
    /// Name of the account, without the @
    pub name: String,
}

/// Options of `user delete`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct UserDelete {
    /// Name of the account, without the @
    pub name: String,

    /// Say that it is meant: this can't be undone
    #[arg(long, required = true)]
    pub yes: bool,
}

/// Options of `user role`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct UserRole {
    /// Name of the account, without the @
    pub name: String,

    /// What it may do from now on
    #[arg(value_enum)]
    pub role: Role,
}

/// Options of `user reset-link`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct UserResetLink {
    /// Name of the account, without the @
    pub name: String,

    /// Whether the answer is for a script.
    #[command(flatten)]
    pub output: Output,
}

/// What an account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Everything
    Owner,
    /// Decide about other people's accounts
    Moderator,
    /// Post, follow, read
    User,
}

/// `mail ...`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Mail {
    /// Send a mail at once with the settings in force, and say why when it doesn't leave
    #[command(after_help = "\
Examples:
  kinglet mail test me@example.org
  KINGLET_MAIL__URL=console: kinglet mail test me@example.org")]
    Test(MailTest),
}

/// Options of `mail test`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct MailTest {
    /// Where to
    #[arg(value_name = "ADDRESS")]
    pub address: String,
}

/// `invite ...`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Invite {
    /// Print a link with which people can make an account
    #[command(after_help = "\
Examples:
  kinglet invite create
  kinglet invite create --uses 10 --days 30")]
    Create(InviteCreate),
}

/// Options of `invite create`.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
pub struct InviteCreate {
    /// Accounts that it admits, up to 1000
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(INVITE_USES_MAX)))]
    pub uses: u32,

    /// Days that it is good for, up to 365
    #[arg(long, value_name = "N", default_value_t = 7,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(INVITE_DAYS_MAX)))]
    pub days: u32,

    /// Whether the answer is for a script.
    #[command(flatten)]
    pub output: Output,
}

/// `tasks ...`
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Tasks {
    /// Whether the answer is for a script.
    #[command(flatten)]
    pub output: Output,

    /// What is to be done; the overview where nothing is.
    #[command(subcommand)]
    pub command: Option<TasksCommand>,
}

/// What `tasks` can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum TasksCommand {
    /// Run a task of the schedule now, or with the next start when no server runs
    #[command(after_help = "\
Examples:
  kinglet tasks run digests")]
    Run(TaskName),

    /// Stop a queue or a task of the schedule until it is resumed; what waits is kept
    #[command(after_help = "\
Examples:
  kinglet tasks pause mail
  kinglet tasks pause statistics")]
    Pause(QueueOrTask),

    /// Let a queue or a task go on; a queue is tried at once, whatever failed before
    #[command(after_help = "\
Examples:
  kinglet tasks resume mail")]
    Resume(QueueOrTask),

    /// List the jobs that were given up, the latest first, at most 100
    #[command(after_help = "\
Examples:
  kinglet tasks dead
  kinglet tasks dead --json | jq '.dead[].id'")]
    Dead(Output),

    /// Try a job now that failed or was given up, or all that were given up
    #[command(after_help = "\
Examples:
  kinglet tasks retry 17
  kinglet tasks retry --all")]
    Retry(JobRetry),

    /// Forget a job that waits or was given up; what has to be removed from the store can't be
    #[command(after_help = "\
Examples:
  kinglet tasks drop 17")]
    Drop(JobNumber),
}

/// A task as an argument.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct TaskName {
    /// Name of the task, as the overview lists it
    pub name: String,
}

/// A queue or a task as an argument.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct QueueOrTask {
    /// Name of the queue or the task, as the overview lists it
    pub name: String,
}

/// A job as an argument.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobNumber {
    /// Number of the job, as the overview lists it
    pub id: i64,
}

/// Options of `tasks retry`.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobRetry {
    /// Number of the job, as the overview lists it
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub id: Option<i64>,

    /// Try every job again that was given up
    #[arg(long)]
    pub all: bool,
}

/// `config ...`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Config {
    /// Print every setting in force and where it comes from; secrets as ***
    #[command(after_help = "\
Examples:
  kinglet config show
  kinglet config show --json | jq -r .http.listen")]
    Show(Output),

    /// Print the commented default configuration, or write it to a new file
    #[command(after_help = "\
Examples:
  kinglet config init
  kinglet config init /etc/kinglet/config.toml")]
    Init(ConfigInit),
}

/// Options of `config init`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct ConfigInit {
    /// File to write; one that exists is left alone [default: standard output]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// What can be written on the command line, for whoever describes it: shells, the manual.
pub(super) fn grammar() -> clap::Command {
    Line::command()
}

impl Cli {
    /// Reads a command line, the name of the program first.
    ///
    /// # Errors
    ///
    /// What is wrong with it; also what `--help` and `--version` print, as clap has it.
    /// [`clap::Error::exit_code`] says which exit code belongs to it.
    pub fn from_args<I, A>(args: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = A>,
        A: Into<OsString> + Clone,
    {
        let line = Line::try_parse_from(args)?;
        if line.command.is_some() && line.serve.listen.is_some() {
            let message = "--listen belongs to serve: write it after the command";
            return Err(Line::command().error(ErrorKind::ArgumentConflict, message));
        }
        Ok(Self {
            global: line.global,
            command: line.command.unwrap_or(Command::Serve(line.serve)),
        })
    }

    /// The settings that flags stand for, which go before those of the environment and the file.
    #[must_use]
    pub fn overrides(&self) -> Vec<Override> {
        let mut overrides = Vec::new();
        if let Some(directory) = &self.global.data {
            overrides.push(Override {
                flag: "--data",
                setting: "storage.data_dir",
                value: directory.clone().into_os_string(),
            });
        }
        if let Command::Serve(Serve {
            listen: Some(listen),
        }) = &self.command
        {
            overrides.push(Override {
                flag: "--listen",
                setting: "http.listen",
                value: listen.to_string().into(),
            });
        }
        overrides
    }

    /// Where the configuration of this command comes from, given the variables of the environment.
    #[must_use]
    pub fn sources(&self, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Sources {
        Sources::new(self.global.config.clone(), environment, self.overrides())
    }
}

#[cfg(test)]
mod tests {
    use super::super::backup::{Backup, BackupCommand, BackupVerify};
    use super::super::instance::{Instance, InstanceSetUrl};
    use super::super::restore::Restore;
    use super::*;

    /// A command line without quoting: words separated by spaces.
    fn parsed(line: &str) -> Result<Cli, clap::Error> {
        Cli::from_args(line.split(' ').filter(|word| !word.is_empty()))
    }

    fn command(line: &str) -> Command {
        parsed(line).expect(line).command
    }

    fn kind(line: &str) -> ErrorKind {
        parsed(line).expect_err(line).kind()
    }

    /// All commands and their inner commands.
    fn all_commands() -> Vec<clap::Command> {
        let mut found = vec![Line::command()];
        let mut next = 0;
        while next < found.len() {
            let inner: Vec<_> = found[next].get_subcommands().cloned().collect();
            found.extend(inner);
            next += 1;
        }
        found
    }

    #[test]
    fn the_definitions_are_sound() {
        Line::command().debug_assert();
    }

    #[test]
    fn kinglet_alone_serves() {
        let serve = |listen: Option<&str>| {
            Command::Serve(Serve {
                listen: listen.map(|listen| listen.parse().expect("an address")),
            })
        };
        assert_eq!(command("kinglet"), serve(None));
        assert_eq!(command("kinglet serve"), serve(None));
        assert_eq!(command("kinglet --listen [::]:80"), serve(Some("[::]:80")));
        assert_eq!(
            command("kinglet serve --listen 127.0.0.1:0"),
            serve(Some("127.0.0.1:0"))
        );
        assert_eq!(
            kind("kinglet --listen 127.0.0.1:0 check"),
            ErrorKind::ArgumentConflict
        );
        assert_eq!(
            kind("kinglet --listen 127.0.0.1:0 serve"),
            ErrorKind::ArgumentConflict
        );
        assert_eq!(
            kind("kinglet serve --listen here"),
            ErrorKind::ValueValidation
        );
    }

    #[test]
    fn global_flags_stand_before_or_after_the_command() {
        for line in [
            "kinglet --data /srv/k --config k.toml user list",
            "kinglet user list --data /srv/k --config k.toml",
            "kinglet --config k.toml user --data /srv/k list",
        ] {
            let cli = parsed(line).expect(line);
            assert_eq!(
                cli.global.data.as_deref(),
                Some("/srv/k".as_ref()),
                "{line}"
            );
            assert_eq!(
                cli.global.config.as_deref(),
                Some("k.toml".as_ref()),
                "{line}"
            );
        }
    }

    #[test]
    fn flags_become_settings() {
        let cli = parsed("kinglet serve --listen 127.0.0.1:7 --data /srv/k").expect("sound");
        let mut sources = cli.sources([("KINGLET_HTTP__LISTEN".into(), "127.0.0.1:8".into())]);
        // Whatever stands around where the tests run is not part of this one.
        let elsewhere = tempfile::TempDir::new().expect("a temporary directory");
        sources.directory = elsewhere.path().to_owned();
        sources.system_file = None;
        let loaded = sources.load().expect("a sound configuration");
        assert_eq!(loaded.config.main_address().0.port(), 7);
        assert_eq!(loaded.config.storage.data_dir, PathBuf::from("/srv/k"));
        assert_eq!(loaded.origin("storage.data_dir").to_string(), "flag --data");
        assert!(parsed("kinglet").expect("sound").overrides().is_empty());
    }

    #[test]
    fn accounts() {
        assert_eq!(
            command("kinglet user create alice --email a@example.org"),
            Command::User(User::Create(UserCreate {
                name: "alice".into(),
                email: "a@example.org".into(),
                role: Role::User,
                password_stdin: false,
                output: Output { json: false },
            }))
        );
        assert_eq!(
            command("kinglet user create alice --role owner --password-stdin --email a@b --json"),
            Command::User(User::Create(UserCreate {
                name: "alice".into(),
                email: "a@b".into(),
                role: Role::Owner,
                password_stdin: true,
                output: Output { json: true },
            }))
        );
        let name = || UserName { name: "bob".into() };
        assert_eq!(
            command("kinglet user suspend bob"),
            Command::User(User::Suspend(name()))
        );
        assert_eq!(
            command("kinglet user approve bob"),
            Command::User(User::Approve(name()))
        );
        assert_eq!(
            command("kinglet user reject bob"),
            Command::User(User::Reject(name()))
        );
        assert_eq!(
            command("kinglet user unsuspend bob"),
            Command::User(User::Unsuspend(name()))
        );
        assert_eq!(
            command("kinglet user role bob moderator"),
            Command::User(User::Role(UserRole {
                name: "bob".into(),
                role: Role::Moderator,
            }))
        );
        assert_eq!(
            command("kinglet user list --json"),
            Command::User(User::List(Output { json: true }))
        );
        assert!(matches!(
            command("kinglet user reset-link bob"),
            Command::User(User::ResetLink(UserResetLink { name, .. })) if name == "bob"
        ));
        assert_eq!(
            kind("kinglet user create alice"),
            ErrorKind::MissingRequiredArgument
        );
        assert_eq!(kind("kinglet user role bob king"), ErrorKind::InvalidValue);
    }

    #[test]
    fn deleting_has_to_be_meant() {
        assert_eq!(
            kind("kinglet user delete bob"),
            ErrorKind::MissingRequiredArgument
        );
        assert!(matches!(
            command("kinglet user delete bob --yes"),
            Command::User(User::Delete(UserDelete { yes: true, .. }))
        ));
    }

    #[test]
    fn the_other_commands() {
        assert_eq!(
            command("kinglet invite create --uses 10 --days 30"),
            Command::Invite(Invite::Create(InviteCreate {
                uses: 10,
                days: 30,
                output: Output::default(),
            }))
        );
        for line in [
            "--uses 0",
            "--uses 1001",
            "--days 0",
            "--days 366",
            "--days x",
        ] {
            assert_eq!(
                kind(&format!("kinglet invite create {line}")),
                ErrorKind::ValueValidation,
                "{line}"
            );
        }
        let Command::Token(Token::Create(token)) = Cli::from_args([
            "kinglet",
            "token",
            "create",
            "bot",
            "--scopes",
            "read write follow",
        ])
        .expect("sound")
        .command
        else {
            panic!("another command");
        };
        assert_eq!((&*token.name, &*token.scopes), ("bot", "read write follow"));
        assert_eq!(
            kind("kinglet token create bot"),
            ErrorKind::MissingRequiredArgument
        );
        assert_eq!(
            command("kinglet check --json"),
            Command::Check(super::super::check::Check {
                set: None,
                output: Output { json: true },
            })
        );
        let tasks = |line: &str| match command(line) {
            Command::Tasks(tasks) => tasks,
            other => panic!("{line}: {other:?}"),
        };
        let overview = tasks("kinglet tasks --json");
        assert_eq!((overview.output.json, overview.command), (true, None));
        let retry = |id, all| Some(TasksCommand::Retry(JobRetry { id, all }));
        assert_eq!(
            tasks("kinglet tasks retry 17").command,
            retry(Some(17), false)
        );
        assert_eq!(
            tasks("kinglet tasks retry --all").command,
            retry(None, true)
        );
        assert_eq!(
            kind("kinglet tasks retry"),
            ErrorKind::MissingRequiredArgument
        );
        assert_eq!(
            kind("kinglet tasks retry 17 --all"),
            ErrorKind::ArgumentConflict
        );
        assert!(matches!(
            command("kinglet backup out"),
            Command::Backup(Backup { directory: Some(directory), command: None, .. }) if directory == *"out"
        ));
        assert!(matches!(
            command("kinglet backup verify out --json"),
            Command::Backup(Backup {
                directory: None,
                command: Some(BackupCommand::Verify(BackupVerify {
                    output: Output { json: true },
                    ..
                })),
                ..
            })
        ));
        assert!(matches!(
            command("kinglet backup ./verify"),
            Command::Backup(Backup { directory: Some(directory), .. }) if directory == *"./verify"
        ));
        for line in ["kinglet backup", "kinglet backup verify", "kinglet restore"] {
            assert_eq!(kind(line), ErrorKind::MissingRequiredArgument, "{line}");
        }
        assert!(matches!(
            command("kinglet restore out --url https://b.example --deletions-from old"),
            Command::Restore(Restore {
                url: Some(_),
                deletions_from: Some(_),
                ..
            })
        ));
        assert_eq!(
            command("kinglet config show"),
            Command::Config(Config::Show(Output::default()))
        );
        assert_eq!(
            command("kinglet config init"),
            Command::Config(Config::Init(ConfigInit { file: None }))
        );
        assert_eq!(
            command("kinglet setup-link"),
            Command::SetupLink(Output::default())
        );
        assert_eq!(
            command("kinglet stats --days 90 --ascii"),
            Command::Stats(Stats {
                command: None,
                days: 90,
                ascii: true,
                output: Output::default(),
            })
        );
        assert_eq!(
            kind("kinglet stats --days 1001"),
            ErrorKind::ValueValidation
        );
        assert!(matches!(
            command("kinglet stats rebuild --from 2026-11-01"),
            Command::Stats(Stats {
                command: Some(StatsCommand::Rebuild(StatsRebuild {
                    from: Some(_),
                    until: None
                })),
                ..
            })
        ));
        assert_eq!(
            kind("kinglet stats rebuild --until yesterday"),
            ErrorKind::ValueValidation
        );
        assert!(matches!(
            command("kinglet instance set-url https://Example.org/"),
            Command::Instance(Instance::SetUrl(InstanceSetUrl { url }))
                if url.as_str() == "https://example.org"
        ));
        let error = parsed("kinglet instance set-url example.org").expect_err("no scheme");
        assert!(
            error
                .to_string()
                .contains("has to start with http:// or https://"),
            "{error}"
        );
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn every_command_has_help_and_those_that_act_have_an_example() {
        for command in all_commands() {
            let name = command.get_name().to_owned();
            assert!(command.get_about().is_some(), "{name}");
            for argument in command.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{name} {}",
                    argument.get_id()
                );
            }
            if !command.has_subcommands() {
                let examples = command.get_after_help().map(ToString::to_string);
                let examples = examples.unwrap_or_default();
                assert!(
                    examples.contains(&format!("{name} "))
                        || examples.contains(&format!("{name}\n"))
                        || examples.ends_with(&name),
                    "{name}"
                );
            }
        }
        assert_eq!(kind("kinglet --help"), ErrorKind::DisplayHelp);
        assert_eq!(kind("kinglet user create --help"), ErrorKind::DisplayHelp);
        assert_eq!(kind("kinglet --version"), ErrorKind::DisplayVersion);
    }

    #[test]
    fn the_examples_are_command_lines() {
        let mut count = 0;
        for command in all_commands() {
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let lines = help.lines().filter_map(|line| {
                let start = line.find("kinglet ").filter(|_| line.starts_with("  "))?;
                // The shell's part of a line, and what is said about it, are not kinglet's.
                let end = line.find(['|', '<', '>', ')']).unwrap_or(line.len());
                let line = &line[start..end];
                Some(line.split("   ").next().unwrap_or(line))
            });
            for line in lines {
                let words: Vec<_> = line
                    .split('"')
                    .enumerate()
                    .flat_map(|(index, part)| match index % 2 {
                        0 => part.split_whitespace().collect(),
                        _ => vec![part],
                    })
                    .collect();
                assert!(Cli::from_args(words).is_ok(), "{line}");
                count += 1;
            }
        }
        assert!(count > 20, "{count} examples were found");
    }

    #[test]
    fn no_flag_takes_a_secret() {
        for command in all_commands() {
            for argument in command.get_arguments() {
                let takes_value = argument.get_action().takes_values();
                let name = argument.get_id().as_str();
                let secret = ["password", "secret", "token", "code", "key"];
                // Where a file lies is no secret.
                let is_path = argument
                    .get_value_names()
                    .is_some_and(|names| names.iter().all(|name| name == "FILE"));
                assert!(
                    !takes_value || is_path || !secret.iter().any(|word| name.contains(word)),
                    "{} {name}",
                    command.get_name()
                );
            }
        }
    }
}
