//! Passwords: logging in with one, replacing one.

use actix::{Context, Handler, Message, ResponseFuture};

use super::Users;
use crate::domain::account::AccountState;
use crate::domain::account_name::{check_password, clean_email};
use crate::domain::refusal::Refusal;
use crate::error::AskError;
use crate::hasher::Hashers;
use crate::ids::{AccountId, SessionId};
use crate::secret::{Secret, TokenHash};
use crate::store::queries::access::{CheckLink, FindLogin, LinkUse, Login, ReadEmail, ReadLogin};
use crate::store::units::{
    AddressChange, AdmitArrival, AskArchive, AskConfirmation, ChangeAddress, ChangePassword,
    DEAD_LINK, OpenSession, ResetPassword,
};

/// Somebody logs in on the website.
#[derive(Debug, Clone)]
pub struct LogIn {
    /// A name or a mail address.
    pub login: String,
    /// The password.
    pub password: Secret<String>,
    /// What the browser calls itself.
    pub agent: String,
    /// The cookie that the browser had before, which ends.
    pub replaces: Option<Secret<String>>,
}

/// Somebody who is in.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    /// Who.
    pub account: AccountId,
    /// The new cookie's value.
    pub session: Secret<String>,
}

impl Message for LogIn {
    type Result = Result<LoggedIn, AskError>;
}

impl Handler<LogIn> for Users {
    type Result = ResponseFuture<Result<LoggedIn, AskError>>;

    fn handle(&mut self, message: LogIn, _: &mut Context<Self>) -> Self::Result {
        let finding = self.store.find(FindLogin {
            login: message.login,
        });
        let session = self.new_token();
        let (store, hashers) = (self.store.clone(), self.hashers.clone());
        Box::pin(async move {
            let wrong = Refusal::Unauthenticated("Wrong name, mail address or password".into());
            let login = require_password(hashers, finding.await?, message.password, wrong).await?;
            // Only whoever knows the password learns how the account stands.
            match login.member.state {
                AccountState::Active => {}
                AccountState::Pending => {
                    return Err(Refusal::forbidden(
                        "Your account waits for a moderator's approval",
                    )
                    .into());
                }
                AccountState::Unconfirmed => {
                    // Who knows the password asks for the mail by trying to log in: there is no other way in yet.
                    let (account, email) = (login.member.id, None);
                    match store.perform(AskConfirmation { account, email }).await {
                        Ok(_) => {}
                        Err(AskError::Refused(_)) => {
                            return Err(Refusal::forbidden(
                                "Your mail address isn't confirmed, and no mail is sent at the moment: \
                                 ask whoever runs this site to let you in",
                            )
                            .into());
                        }
                        Err(error) => return Err(error),
                    }
                    return Err(Refusal::forbidden(
                        "Confirm your mail address first: the link is in the mail that was sent to it",
                    )
                    .into());
                }
                AccountState::Suspended | AccountState::Deleted => {
                    return Err(Refusal::forbidden("Your account is suspended").into());
                }
            }
            store
                .perform(OpenSession {
                    account: login.member.id,
                    password_hash: login.password_hash,
                    session: TokenHash::of(session.expose()),
                    replaces: message.replaces.map(|old| TokenHash::of(old.expose())),
                    agent: message.agent,
                })
                .await?;
            Ok(LoggedIn {
                account: login.member.id,
                session,
            })
        })
    }
}

/// The login whose password this is; else what whoever typed it is told. It takes as long when there is no such account.
pub(super) async fn require_password(
    hashers: Hashers,
    login: Option<Login>,
    password: Secret<String>,
    wrong: Refusal,
) -> Result<Login, AskError> {
    let hash = login.as_ref().and_then(|login| login.password_hash.clone());
    match (hashers.verify(password, hash).await?, login) {
        (true, Some(login)) => Ok(login),
        _ => Err(wrong.into()),
    }
}

/// As [`require_password`], of a member that is known already.
pub(super) async fn require_own_password(
    hashers: Hashers,
    login: Option<Login>,
    password: Secret<String>,
) -> Result<Login, AskError> {
    let wrong = Refusal::forbidden("The password is wrong");
    require_password(hashers, login, password, wrong).await
}

/// Opens a session for an account that was just made: by sign-up or set-up, which know that it is the same person.
#[derive(Debug, Clone)]
pub struct OpenFirstSession {
    /// Whose.
    pub account: AccountId,
    /// What the browser calls itself.
    pub agent: String,
    /// The cookie that the browser had before, which ends.
    pub replaces: Option<Secret<String>>,
}

impl Message for OpenFirstSession {
    type Result = Result<LoggedIn, AskError>;
}

impl Handler<OpenFirstSession> for Users {
    type Result = ResponseFuture<Result<LoggedIn, AskError>>;

    fn handle(&mut self, message: OpenFirstSession, _: &mut Context<Self>) -> Self::Result {
        let session = self.new_token();
        let account = message.account;
        let opening = self.store.perform(OpenSession {
            account,
            password_hash: None,
            session: TokenHash::of(session.expose()),
            replaces: message.replaces.map(|old| TokenHash::of(old.expose())),
            agent: message.agent,
        });
        Box::pin(async move {
            opening.await?;
            Ok(LoggedIn { account, session })
        })
    }
}

/// A member replaces its password, knowing the old one. Its other sessions end.
#[derive(Debug, Clone)]
pub struct ReplacePassword {
    /// Whose.
    pub account: AccountId,
    /// The session that goes on.
    pub keep: Option<SessionId>,
    /// The old password.
    pub old: Secret<String>,
    /// The new one.
    pub new: Secret<String>,
}

impl Message for ReplacePassword {
    type Result = Result<(), AskError>;
}

impl Handler<ReplacePassword> for Users {
    type Result = ResponseFuture<Result<(), AskError>>;

    fn handle(&mut self, message: ReplacePassword, _: &mut Context<Self>) -> Self::Result {
        let account = message.account;
        let finding = self.store.find(ReadLogin { account });
        let reading = self.store.find(ReadEmail { account });
        let (store, hashers, salt) = (self.store.clone(), self.hashers.clone(), self.new_salt());
        Box::pin(async move {
            let (login, email) = (finding.await?, reading.await?.unwrap_or_default());
            let wrong = Refusal::forbidden("The old password is wrong");
            let login = require_password(hashers.clone(), login, message.old, wrong).await?;
            check_password(message.new.expose(), &login.member.name, &email)
                .map_err(|fault| Refusal::invalid(fault.to_string()))?;
            let new_hash = hashers.hash(message.new, salt).await?;
            store
                .perform(ChangePassword {
                    account,
                    old_hash: login.password_hash.unwrap_or_default(),
                    new_hash,
                    keep: message.keep,
                })
                .await
        })
    }
}

/// A member wishes for another mail address, knowing the password.
#[derive(Debug, Clone)]
pub struct ReplaceAddress {
    /// Whose.
    pub account: AccountId,
    /// The password.
    pub password: Secret<String>,
    /// The address, as typed.
    pub email: String,
}

impl Message for ReplaceAddress {
    type Result = Result<AddressChange, AskError>;
}

impl Handler<ReplaceAddress> for Users {
    type Result = ResponseFuture<Result<AddressChange, AskError>>;

    fn handle(&mut self, message: ReplaceAddress, _: &mut Context<Self>) -> Self::Result {
        let account = message.account;
        let finding = self.store.find(ReadLogin { account });
        let (store, hashers) = (self.store.clone(), self.hashers.clone());
        Box::pin(async move {
            let email =
                clean_email(&message.email).map_err(|fault| Refusal::invalid(fault.to_string()))?;
            let login = require_own_password(hashers, finding.await?, message.password).await?;
            let password_hash = login.password_hash.unwrap_or_default();
            store
                .perform(ChangeAddress {
                    account,
                    password_hash,
                    email,
                })
                .await
        })
    }
}

/// A member asks for an archive of the account, knowing the password.
#[derive(Debug, Clone)]
pub struct AskForArchive {
    /// Whose.
    pub account: AccountId,
    /// The password.
    pub password: Secret<String>,
}

impl Message for AskForArchive {
    type Result = Result<(), AskError>;
}

impl Handler<AskForArchive> for Users {
    type Result = ResponseFuture<Result<(), AskError>>;

    fn handle(&mut self, message: AskForArchive, _: &mut Context<Self>) -> Self::Result {
        let account = message.account;
        let finding = self.store.find(ReadLogin { account });
        let (store, hashers) = (self.store.clone(), self.hashers.clone());
        Box::pin(async move {
            require_own_password(hashers, finding.await?, message.password).await?;
            store.perform(AskArchive { account }).await
        })
    }
}

/// A member wants to upload an archive, knowing the password.
#[derive(Debug, Clone)]
pub struct AskToUpload {
    /// Whose.
    pub account: AccountId,
    /// The password.
    pub password: Secret<String>,
}

impl Message for AskToUpload {
    type Result = Result<(), AskError>;
}

impl Handler<AskToUpload> for Users {
    type Result = ResponseFuture<Result<(), AskError>>;

    fn handle(&mut self, message: AskToUpload, _: &mut Context<Self>) -> Self::Result {
        let account = message.account;
        let finding = self.store.find(ReadLogin { account });
        let (store, hashers) = (self.store.clone(), self.hashers.clone());
        Box::pin(async move {
            require_own_password(hashers, finding.await?, message.password).await?;
            store.perform(AdmitArrival { account }).await
        })
    }
}

/// Sets a new password by a link.
#[derive(Debug, Clone)]
pub struct ResetByLink {
    /// The link's code.
    pub code: Secret<String>,
    /// The new password.
    pub new: Secret<String>,
}

impl Message for ResetByLink {
    type Result = Result<AccountId, AskError>;
}

impl Handler<ResetByLink> for Users {
    type Result = ResponseFuture<Result<AccountId, AskError>>;

    fn handle(&mut self, message: ResetByLink, _: &mut Context<Self>) -> Self::Result {
        let code = TokenHash::of(message.code.expose().trim());
        let (store, hashers, salt) = (self.store.clone(), self.hashers.clone(), self.new_salt());
        let link_use = LinkUse::Reset;
        let now = self.clock.now();
        let checking = self.store.find(CheckLink {
            link_use,
            code,
            now,
        });
        Box::pin(async move {
            // Whoever guesses codes doesn't get to keep the hashers busy.
            if !checking.await? {
                return Err(Refusal::forbidden(DEAD_LINK).into());
            }
            check_password(message.new.expose(), "", "")
                .map_err(|fault| Refusal::invalid(fault.to_string()))?;
            let new_hash = hashers.hash(message.new, salt).await?;
            store.perform(ResetPassword { code, new_hash }).await
        })
    }
}
