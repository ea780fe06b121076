//! What the operator has done by commands: one function, whoever calls it.
//!
//! A running server answers it over its control socket; where none runs, the command calls it in its own process.

pub mod archives;
pub mod check;
pub mod client;
pub mod debug;
pub mod log;
#[cfg(feature = "mail")]
mod mail;
#[cfg(not(feature = "mail"))]
#[path = "mail_off.rs"]
mod mail;
pub mod probe;
mod profile;
pub mod protocol;
pub mod socket;
mod statistics;
pub mod tasks;

use std::path::PathBuf;
use std::sync::Arc;

use self::protocol::{ACCOUNTS_PER_ANSWER_MAX, AccountLine, Answer, Failure, Request};
use crate::actors::error::AskError;
use crate::actors::users::{CreateMember, GrantUserToken, MakeLink, Typed};
use crate::config::InstanceUrl;
use crate::domain::access::{Authority, LINK_MILLIS_MAX};
use crate::domain::account::{AccountState, Role};
use crate::domain::refusal::Refusal;
use crate::domain::scope::Scopes;
use crate::ids::AccountId;
use crate::instance::Instance;
use crate::secret::{Secret, random_token};
use crate::store::queries::access::FindMember;
use crate::store::queries::instance::{ListMembers, ListedMember};
use crate::store::units::{
    ApproveAccount, DeleteAccount, RejectAccount, SetInstanceUrl, SetRole, SuspendAccount,
    UnsuspendAccount,
};

/// Random bytes of a password that is made: 128 bits.
const PASSWORD_BYTES: usize = 16;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Does what the operator asks.
///
/// # Errors
/// Why it was not done, in a sentence for the operator.
pub async fn handle(request: Request, instance: &Instance) -> Result<Answer, Failure> {
    instance.telemetry.http.quiet.stir();
    match request {
        Request::CreateAccount {
            name,
            email,
            role,
            password,
        } => create_account(instance, name, email, role, password).await,
        Request::ListAccounts { after } => list_accounts(instance, after).await,
        Request::Suspend { name } => {
            let account = find_account(instance, &name).await?;
            let by = Authority::Operator;
            done(
                instance
                    .actors
                    .perform(SuspendAccount { by, account })
                    .await,
            )
        }
        Request::Unsuspend { name } => {
            let account = find_account(instance, &name).await?;
            let by = Authority::Operator;
            done(
                instance
                    .actors
                    .perform(UnsuspendAccount { by, account })
                    .await,
            )
        }
        Request::Approve { name } => {
            let account = find_account(instance, &name).await?;
            let by = Authority::Operator;
            done(
                instance
                    .actors
                    .perform(ApproveAccount { by, account })
                    .await,
            )
        }
        Request::Reject { name } => {
            let account = find_account(instance, &name).await?;
            let by = Authority::Operator;
            done(instance.actors.perform(RejectAccount { by, account }).await)
        }
        Request::DeleteAccount { name } => {
            let account = find_account(instance, &name).await?;
            let by = Authority::Operator;
            done(instance.actors.perform(DeleteAccount { by, account }).await)
        }
        Request::SetRole { name, role } => {
            let account = find_account(instance, &name).await?;
            let by = Authority::Operator;
            done(instance.actors.perform(SetRole { by, account, role }).await)
        }
        Request::CreateResetLink { name } => {
            let account = find_account(instance, &name).await?;
            let link = MakeLink::Reset { account };
            make_link(instance, link, "/reset/", LINK_MILLIS_MAX).await
        }
        Request::CreateInvite { uses, days } => {
            let link = MakeLink::Invite { uses, days };
            make_link(instance, link, "/invite/", i64::from(days) * DAY_MILLIS).await
        }
        Request::CreateSetupLink => {
            make_link(instance, MakeLink::SetUp, "/setup?code=", LINK_MILLIS_MAX).await
        }
        Request::CreateToken { name, scopes } => create_token(instance, &name, &scopes).await,
        Request::SendTestMail { address } => mail::send_test(instance, &address).await,
        Request::Check => check::whole(instance).await,
        Request::BeginCheck => check::begin(instance).await,
        Request::CheckPart { number, after } => check::step(instance, number, after).await,
        Request::Tell { part } => debug::tell(instance, part).await,
        Request::Profile { seconds, frequency } => profile::profile(seconds, frequency).await,
        Request::BackUp {
            directory,
            settings,
        } => back_up(instance, directory.into(), settings.map(PathBuf::from)).await,
        Request::ExportAccount { name, file } => {
            archives::export(instance, &name, file.into()).await
        }
        Request::ExportInstance {
            file,
            without_secrets,
        } => archives::export_whole(instance, file.into(), without_secrets).await,
        Request::BeginImport { name } => archives::begin(instance, &name).await,
        Request::Import { name, batch } => archives::import(instance, &name, *batch).await,
        Request::ReadStatistics { days } => statistics::read(instance, days).await,
        Request::ReopenDays { from, until } => statistics::reopen(instance, from, until).await,
        Request::StepStatistics => statistics::step(instance).await,
        Request::SetUrl { url } => set_url(instance, &url).await,
        Request::ReadTasks => tasks::read(instance).await,
        Request::RunTask { name } => tasks::run(instance, name).await,
        Request::PauseTasks { name, paused } => tasks::pause(instance, name, paused).await,
        Request::RetryJob { id } => tasks::retry(instance, id).await,
        Request::RetryDeadJobs => tasks::retry_dead(instance).await,
        Request::ReadLive => instance
            .live()
            .await
            .map_err(told)
            .map(|figures| Answer::Live {
                figures: Box::new(figures),
            }),
        Request::ReadLog => log::read(instance),
        Request::SetLog {
            level,
            target,
            seconds,
        } => log::set(instance, target.as_deref(), &level, seconds),
        Request::ResetLog { target } => log::reset(instance, target.as_deref()),
        Request::BeginProbe => probe::begin(instance),
        Request::EndProbe { nonce } => Ok(probe::end(instance, nonce.expose())),
        Request::DropJob { id } => tasks::forget(instance, id).await,
    }
}

async fn create_account(
    instance: &Instance,
    name: String,
    email: String,
    role: Role,
    password: Option<Secret<String>>,
) -> Result<Answer, Failure> {
    let made = match password {
        Some(_) => None,
        None => Some(random_token::<PASSWORD_BYTES>(
            &mut instance.randomness.rng(),
        )),
    };
    let message = CreateMember {
        typed: Typed {
            name: name.clone(),
            email,
            password: password.or_else(|| made.clone()).unwrap_or_default(),
        },
        role,
    };
    let created = instance.actors.users.send(message).await;
    created.map_err(AskError::from).flatten().map_err(told)?;
    Ok(Answer::AccountCreated {
        name,
        role,
        password: made,
    })
}

async fn list_accounts(instance: &Instance, after: i64) -> Result<Answer, Failure> {
    let query = ListMembers {
        after: AccountId(after),
        limit: ACCOUNTS_PER_ANSWER_MAX,
    };
    let found = instance.actors.find(query).await.map_err(told)?;
    let after = match found.len() {
        ACCOUNTS_PER_ANSWER_MAX => found.last().map(|account| account.id.0),
        _ => None,
    };
    let line = |account: ListedMember| AccountLine {
        id: account.id.to_string(),
        name: account.name,
        email: account.email,
        role: account.role,
        state: state_name(account.state).to_owned(),
        made_at: account.id.time().to_string(),
        posts_count: account.posts_count,
    };
    Ok(Answer::Accounts {
        accounts: found.into_iter().map(line).collect(),
        after,
    })
}

fn state_name(state: AccountState) -> &'static str {
    match state {
        AccountState::Active => "active",
        AccountState::Pending => "pending",
        AccountState::Unconfirmed => "unconfirmed",
        AccountState::Suspended => "suspended",
        AccountState::Deleted => "deleted",
    }
}

async fn create_token(instance: &Instance, name: &str, scopes: &str) -> Result<Answer, Failure> {
    let scopes = Scopes::parse(scopes).map_err(sentence)?;
    let account = find_account(instance, name).await?;
    let message = GrantUserToken {
        account,
        app: None,
        scopes,
    };
    let granted = instance.actors.users.send(message).await;
    let granted = granted.map_err(AskError::from).flatten().map_err(told)?;
    Ok(Answer::Token {
        token: granted.token,
    })
}

async fn back_up(
    instance: &Instance,
    directory: PathBuf,
    settings: Option<PathBuf>,
) -> Result<Answer, Failure> {
    if !directory.is_absolute() {
        return Err(Failure::new("the directory of a backup has to be absolute"));
    }
    let mut backups = instance.backups.clone();
    if backups.settings_file.is_none() {
        backups.settings_file = settings.map(Arc::new);
    }
    let manifest = backups.make(directory).await.map_err(sentence)?;
    Ok(Answer::BackedUp { manifest })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Failure::new("the work broke off; the log says why"))
}

async fn set_url(instance: &Instance, url: &str) -> Result<Answer, Failure> {
    let url: InstanceUrl = url
        .parse()
        .map_err(|error| Failure::new(format!("{url} {error}")))?;
    let unit = SetInstanceUrl {
        url: url.to_string(),
    };
    let before = instance.actors.perform(unit).await.map_err(told)?;
    Ok(Answer::UrlSet {
        before,
        now: url.to_string(),
    })
}

async fn find_account(instance: &Instance, name: &str) -> Result<AccountId, Failure> {
    let name = name.strip_prefix('@').unwrap_or(name).to_owned();
    let query = FindMember { name: name.clone() };
    let found = instance.actors.find(query).await.map_err(told)?;
    found
        .filter(|member| member.state != AccountState::Deleted)
        .map(|member| member.id)
        .ok_or_else(|| Failure::new(format!("there is no account {name}")))
}

async fn make_link(
    instance: &Instance,
    link: MakeLink,
    path: &str,
    millis: i64,
) -> Result<Answer, Failure> {
    let expires_at = instance.clock.now().plus_millis(millis);
    let made = instance.actors.users.send(link).await;
    let code = made.map_err(AskError::from).flatten().map_err(told)?;
    Ok(Answer::Link {
        url: Secret::new(format!("{}{path}{}", instance.url, code.expose())),
        expires_at: expires_at.to_string(),
    })
}

fn done(outcome: Result<(), AskError>) -> Result<Answer, Failure> {
    outcome.map(|()| Answer::Done).map_err(told)
}

fn told(error: AskError) -> Failure {
    match error {
        AskError::Refused(Refusal::NotFound) => Failure::new("there is no such account"),
        error => Failure::new(error.to_string()),
    }
}

fn sentence(error: impl std::error::Error) -> Failure {
    Failure::new(error.to_string())
}

fn with_causes(error: &dyn std::error::Error) -> Failure {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    Failure::new(text)
}
