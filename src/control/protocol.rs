//! What is said over the control socket: one line of JSON each way, with a version, and no longer than a bound.

use serde::{Deserialize, Serialize, Serializer};

use super::check;
use super::debug::{Part, Told};
use super::log::LogReport;
use super::probe::Standing;
use super::tasks::TasksReport;
use crate::archives::export::Exported;
use crate::archives::{ArchiveError, Batch};
use crate::domain::account::Role;
use crate::domain::arrival::Fate;
use crate::domain::live::LiveFigures;
use crate::domain::overview::Overview;
use crate::domain::statistics::Day;
use crate::instance::probes::Seen;
use crate::profiling::Profile;
use crate::secret::Secret;
use crate::store::backup::Manifest;
use crate::store::check::Rows;
use crate::store::invariants::Finding;
use crate::store::portable::PortableManifest;

/// The version of this language. A server answers only its own.
pub const VERSION: u32 = 1;
/// The longest request, in bytes.
pub const REQUEST_BYTES_MAX: usize = 1024 * 1024;
/// The longest answer, in bytes.
pub const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// The most accounts in one answer; the next ones are asked for by the last one's id.
pub const ACCOUNTS_PER_ANSWER_MAX: usize = 500;

/// The most days of statistics in one answer: half a mebibyte.
pub const STATISTICS_DAYS_MAX: i32 = 1000;
/// The most steps that one request has done, so that whoever waits sees them go on.
pub const STATISTICS_STEPS_MAX: usize = 32;

/// A request as it is sent.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ask {
    /// [`VERSION`] of whoever asks.
    pub version: u32,
    /// What is asked.
    pub request: Request,
}

/// An answer as it is sent.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reply {
    /// [`VERSION`] of the server.
    pub version: u32,
    /// What came of it.
    pub outcome: Result<Answer, Failure>,
}

// Requests and answers have their names around them: a tag inside would have all they hold compiled for a second form.

/// What the server is asked to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Make an account.
    CreateAccount {
        /// Its name.
        name: String,
        /// Its mail address.
        email: String,
        /// What it may do.
        role: Role,
        /// Its password; one is made when it is left out.
        #[serde(default, serialize_with = "exposed", deserialize_with = "hidden")]
        password: Option<Secret<String>>,
    },
    /// List accounts in the order of their ids.
    ListAccounts {
        /// The id after which the list begins.
        after: i64,
    },
    /// Hide an account.
    Suspend {
        /// Which.
        name: String,
    },
    /// Lets somebody in who signed up and waits.
    Approve {
        /// The account that waits.
        name: String,
    },
    /// Turns somebody away who signed up and waits.
    Reject {
        /// The account that waits.
        name: String,
    },
    /// Undoes a suspension.
    Unsuspend {
        /// Which.
        name: String,
    },
    /// Delete an account for ever.
    DeleteAccount {
        /// Which.
        name: String,
    },
    /// Change what an account may do.
    SetRole {
        /// Which.
        name: String,
        /// What it may do from now on.
        role: Role,
    },
    /// Make a link that changes an account's password once.
    CreateResetLink {
        /// Which.
        name: String,
    },
    /// Make a link that admits new accounts.
    CreateInvite {
        /// How many.
        uses: u32,
        /// For how long.
        days: u32,
    },
    /// Make a link that makes the owner's account.
    CreateSetupLink,
    /// Make an access token.
    CreateToken {
        /// Whose.
        name: String,
        /// What it is good for, separated by spaces.
        scopes: String,
    },
    /// Send a mail at once, to see whether it leaves.
    SendTestMail {
        /// Where to.
        address: String,
    },
    /// Check every invariant at once.
    Check,
    /// Tell what a check consists of.
    BeginCheck,
    /// Take one step of a check.
    CheckPart {
        /// Which part, by its place.
        number: usize,
        /// Where the last step ended; nowhere to begin.
        after: Option<i64>,
    },
    /// Tell what helps to find a fault.
    Tell {
        /// What of it.
        part: Part,
    },
    /// Look where the server's threads spend their time.
    Profile {
        /// For how long.
        seconds: u32,
        /// How often in each second of processor time.
        frequency: u32,
    },
    /// Make a backup.
    BackUp {
        /// An absolute path.
        directory: String,
        /// The settings' file that goes along where the server was started without one; an absolute path.
        #[serde(default)]
        settings: Option<String>,
    },
    /// Write an account's archive.
    ExportAccount {
        /// Whose.
        name: String,
        /// An absolute path, where nothing lies.
        file: String,
    },
    /// Write the whole instance into one file.
    ExportInstance {
        /// An absolute path, where nothing lies.
        file: String,
        /// Whether passwords, sessions, tokens and mail addresses are left out.
        without_secrets: bool,
    },
    /// Tell what has to be known to read an archive for an account.
    BeginImport {
        /// Whose.
        name: String,
    },
    /// Take in a part of an archive.
    Import {
        /// For which account.
        name: String,
        /// It.
        batch: Box<Batch>,
    },
    /// Read the statistics.
    ReadStatistics {
        /// Of how many days, today included; at most [`STATISTICS_DAYS_MAX`].
        days: i32,
    },
    /// Make days be computed again; the steps are asked for one by one.
    ReopenDays {
        /// The first day; the first of all where it is left out.
        from: Option<Day>,
        /// The last day; the present one where it is left out.
        until: Option<Day>,
    },
    /// Compute a few of the days that are to be computed.
    StepStatistics,
    /// Remember another public address.
    SetUrl {
        /// Which.
        url: String,
    },
    /// Tell of tasks and jobs.
    ReadTasks,
    /// Have a task of the schedule run now.
    RunTask {
        /// Which.
        name: String,
    },
    /// Stop a task or a queue, or let it go on.
    PauseTasks {
        /// Which.
        name: String,
        /// Whether it stops.
        paused: bool,
    },
    /// Have a job tried now.
    RetryJob {
        /// Its number.
        id: i64,
    },
    /// Have every dead job tried again.
    RetryDeadJobs,
    /// Forget a job.
    DropJob {
        /// Its number.
        id: i64,
    },
    /// Wait for a request that shows how requests arrive, and tell how the server stands in the world.
    BeginProbe,
    /// Tell how that request arrived.
    EndProbe {
        /// What was in its address.
        #[serde(serialize_with = "exposed_one", deserialize_with = "hidden_one")]
        nonce: Secret<String>,
    },
    /// Tell what the instance is about at this moment.
    ReadLive,
    /// Tell which records are written.
    ReadLog,
    /// Write more or fewer records.
    SetLog {
        /// The least important that are written.
        level: String,
        /// Whose, with all that begin so; everybody's where it is left out.
        target: Option<String>,
        /// For how long; until the server stops where it is left out.
        seconds: Option<u64>,
    },
    /// Write again what was configured.
    ResetLog {
        /// Whose; everybody's where it is left out.
        target: Option<String>,
    },
}

/// What came of a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is done.
    Done,
    /// An account is made.
    AccountCreated {
        /// Its name.
        name: String,
        /// What it may do.
        role: Role,
        /// The password, where it was made.
        #[serde(default, serialize_with = "exposed", deserialize_with = "hidden")]
        password: Option<Secret<String>>,
    },
    /// A part of the accounts.
    Accounts {
        /// They.
        accounts: Vec<AccountLine>,
        /// The id to ask on with; none at the end.
        after: Option<i64>,
    },
    /// A link that works a limited number of times.
    Link {
        /// The link.
        #[serde(serialize_with = "exposed_one", deserialize_with = "hidden_one")]
        url: Secret<String>,
        /// Until when it works, RFC 3339.
        expires_at: String,
    },
    /// A token.
    Token {
        /// The token.
        #[serde(serialize_with = "exposed_one", deserialize_with = "hidden_one")]
        token: Secret<String>,
    },
    /// What there is to check.
    CheckBegun {
        /// In which order.
        parts: Vec<check::Part>,
        /// How much of it there is.
        rows: Rows,
    },
    /// One step of a check is taken.
    PartChecked {
        /// What breaks which invariant.
        broken: Vec<Finding>,
        /// Where to go on; nowhere at the end of the part.
        next: Option<i64>,
    },
    /// What is wrong with the store; nothing, if all is well.
    Checked {
        /// What breaks which invariant.
        broken: Vec<Finding>,
    },
    /// What helps to find a fault.
    Told {
        /// It.
        told: Told,
    },
    /// What was seen of the server at work.
    Profiled {
        /// It.
        profile: Profile,
    },
    /// A backup is made.
    BackedUp {
        /// What it is.
        manifest: Manifest,
    },
    /// An archive is written.
    Exported {
        /// What is in it.
        exported: Exported,
    },
    /// The whole instance is written.
    InstanceExported {
        /// What is in the file.
        manifest: PortableManifest,
    },
    /// An archive may be read.
    ImportBegun {
        /// The host of this instance, with its port if it has one.
        host: String,
    },
    /// A part of an archive is taken in.
    Imported {
        /// What became of each of its things.
        fates: Vec<Fate>,
    },
    /// The statistics, as the operator sees them.
    Statistics {
        /// They.
        overview: Box<Overview>,
    },
    /// Days will be computed again.
    DaysReopened {
        /// How many.
        days: usize,
    },
    /// Days were computed.
    StatisticsStepped {
        /// Which, in the order in which they were; the present one is not told of.
        days: Vec<Day>,
        /// Whether more is left.
        is_more: bool,
    },
    /// Another public address is remembered.
    UrlSet {
        /// The one before.
        before: Option<String>,
        /// The one from the next start on.
        now: String,
    },
    /// What the instance does by itself.
    Tasks {
        /// All of it.
        report: TasksReport,
    },
    /// Dead jobs are tried again.
    Revived {
        /// How many.
        jobs: usize,
    },
    /// What the instance is about at this moment.
    Live {
        /// All of it.
        figures: Box<LiveFigures>,
    },
    /// A request is waited for.
    Probing {
        /// What its address has to hold.
        #[serde(serialize_with = "exposed_one", deserialize_with = "hidden_one")]
        nonce: Secret<String>,
        /// How the server stands in the world.
        standing: Standing,
    },
    /// How a request arrived.
    Probed {
        /// It; none when it didn't arrive.
        seen: Option<Seen>,
    },
    /// Which records are written.
    Log {
        /// All of it.
        report: LogReport,
    },
}

/// An account in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountLine {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its mail address.
    pub email: Option<String>,
    /// What it may do.
    pub role: Role,
    /// Where it is in its life: `active`, `pending`, `suspended` or `deleted`.
    pub state: String,
    /// When it was made, RFC 3339.
    pub made_at: String,
    /// How many posts strangers can count.
    pub posts_count: i64,
}

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{sentence}")]
pub struct Failure {
    /// For a person.
    pub sentence: String,
}

impl Failure {
    /// A failure with this sentence.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self {
            sentence: sentence.into(),
        }
    }
}

impl From<Failure> for ArchiveError {
    fn from(failure: Failure) -> Self {
        Self::Taker(failure.sentence)
    }
}

// A secret has no way into a message but these: whoever reads the socket is its owner.

fn exposed<S: Serializer>(
    secret: &Option<Secret<String>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(Secret::expose).serialize(serializer)
}

fn hidden<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Secret<String>>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
}

fn exposed_one<S: Serializer>(secret: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.expose().serialize(serializer)
}

fn hidden_one<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Secret<String>, D::Error> {
    Ok(Secret::new(String::deserialize(deserializer)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_travels_but_does_not_print() {
        let ask = Ask {
            version: VERSION,
            request: Request::CreateAccount {
                name: "alice".to_owned(),
                email: "alice@example.org".to_owned(),
                role: Role::Owner,
                password: Some(Secret::new("correct horse".to_owned())),
            },
        };
        let line = serde_json::to_string(&ask).expect("JSON");
        assert!(!format!("{ask:?}").contains("correct horse"));
        let read: Ask = serde_json::from_str(&line).expect("the same language");
        let Request::CreateAccount { password, .. } = read.request else {
            panic!("another request");
        };
        assert_eq!(password, Some(Secret::new("correct horse".to_owned())));
    }

    #[test]
    fn an_unknown_request_is_no_request() {
        for line in [
            r#"{"version":1,"request":"format_disk"}"#,
            r#"{"version":1}"#,
            r#"{"request":"check"}"#,
            "[]",
            "",
        ] {
            assert!(serde_json::from_str::<Ask>(line).is_err(), "{line}");
        }
    }
}
