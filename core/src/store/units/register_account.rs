//! Somebody gets an account: by sign-up as far as the instance lets people in, or made by the operator.

use super::access_rules::credentials_changed;
use super::enqueue::{enqueue, takes_mail};
use super::rules::notify;
use crate::domain::access::Registration;
use crate::domain::account::{AccountState, Role};
use crate::domain::event::Event;
use crate::domain::job::Job;
use crate::domain::mail::MailKind;
use crate::domain::notification::NotificationKind;
use crate::domain::refusal::Refusal;
use crate::domain::text::search_terms::name_terms;
use crate::ids::AccountId;
use crate::secret::TokenHash;
use crate::store::tables::accounts::NewAccount;
use crate::store::tables::links::LinkKind;
use crate::store::tables::{accounts, credentials, links, mail_standing, terms};
use crate::store::writer::{Unit, UnitError, Write};

/// The most people who wait for approval at once: a queue that nobody can look through is no queue.
pub const PENDING_SIGN_UPS_MAX: usize = 1000;
/// The most moderators who are told of one sign-up.
const MODERATORS_TOLD_MAX: usize = 50;

/// Name and way in of a new account, checked for their form already.
#[derive(Debug, Clone)]
pub struct NewMember {
    /// Its name.
    pub name: String,
    /// Its mail address, in the form in which it is compared.
    pub email: String,
    /// The hash of its password.
    pub password_hash: String,
}

/// By what right an account is made.
#[derive(Debug, Clone)]
pub enum Admission {
    /// The operator makes it: always, with any role.
    Operator(Role),
    /// By sign-up, as the instance allows it.
    SignUp {
        /// What the configuration says.
        registration: Registration,
        /// The code of an invitation.
        invitation: Option<TokenHash>,
        /// What the person wrote to the moderators.
        reason: Option<String>,
    },
}

/// Makes an account.
#[derive(Debug, Clone)]
pub struct RegisterAccount {
    /// Whose.
    pub member: NewMember,
    /// By what right.
    pub admission: Admission,
}

/// What became of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registered {
    /// The new account.
    pub account: AccountId,
    /// Active, or waiting for approval or for its mail address to be confirmed.
    pub state: AccountState,
}

impl Unit for RegisterAccount {
    type Answer = Registered;

    fn apply(&self, write: &mut Write<'_>) -> Result<Registered, UnitError> {
        let (registration, invitation, reason) = match &self.admission {
            Admission::Operator(role) => {
                let account = insert_member(write, &self.member, &Start::trusted(*role))?;
                let state = AccountState::Active;
                return Ok(Registered { account, state });
            }
            Admission::SignUp {
                registration,
                invitation,
                reason,
            } => (*registration, *invitation, reason.as_deref()),
        };
        let admitted = admit(write, registration, invitation)?;
        let (state, confirms_to) = if write.sends_mail {
            (AccountState::Unconfirmed, Some(admitted))
        } else {
            (admitted, None)
        };
        let start = Start {
            role: Role::User,
            state,
            is_email_confirmed: false,
            confirms_to,
            reason,
        };
        let account = insert_member(write, &self.member, &start)?;
        match state {
            AccountState::Unconfirmed => {
                mail_standing::ask_confirmation(write.connection, account, write.now, write.now)?;
                enqueue(write, &Job::ConfirmationMail { account })?;
            }
            AccountState::Pending => tell_moderators(write, account)?,
            _ => {}
        }
        Ok(Registered { account, state })
    }
}

/// Tells moderators that somebody waits for approval.
pub(super) fn tell_moderators(
    write: &mut Write<'_>,
    applicant: AccountId,
) -> Result<(), UnitError> {
    for account in credentials::moderators(write.connection, MODERATORS_TOLD_MAX)? {
        notify(write, account, NotificationKind::SignUp, applicant, None)?;
        if takes_mail(write, account, MailKind::SignUp)? {
            enqueue(write, &Job::SignUpMail { account, applicant })?;
        }
    }
    Ok(())
}

/// Whether somebody may sign up, and as what.
fn admit(
    write: &mut Write<'_>,
    registration: Registration,
    invitation: Option<TokenHash>,
) -> Result<AccountState, UnitError> {
    if registration == Registration::Closed {
        return Err(Refusal::forbidden("Registrations are closed on this instance").into());
    }
    // Whoever was invited is known to somebody: an invitation stands for the approval.
    if let Some(invitation) = invitation {
        return match links::take(write.connection, invitation, LinkKind::Invite, write.now)? {
            Some(_) => Ok(AccountState::Active),
            None => {
                Err(Refusal::forbidden("This invitation is unknown, used up or expired").into())
            }
        };
    }
    match registration {
        Registration::Open => Ok(AccountState::Active),
        Registration::Approval => {
            let waiting = credentials::pending(write.connection, PENDING_SIGN_UPS_MAX)?.len()
                + credentials::unconfirmed_until(
                    write.connection,
                    AccountId(i64::MAX),
                    PENDING_SIGN_UPS_MAX,
                )?
                .len();
            if waiting >= PENDING_SIGN_UPS_MAX {
                return Err(Refusal::forbidden(
                    "Too many people wait for approval already: try again in a few days",
                )
                .into());
            }
            Ok(AccountState::Pending)
        }
        Registration::Invite | Registration::Closed => {
            Err(Refusal::forbidden("Signing up on this instance needs an invitation").into())
        }
    }
}

/// What a new account starts with, beside its name and its way in.
pub(super) struct Start<'a> {
    role: Role,
    state: AccountState,
    is_email_confirmed: bool,
    confirms_to: Option<AccountState>,
    reason: Option<&'a str>,
}

impl Start<'_> {
    /// An account that the operator stands up for, and so for its mail address.
    pub(super) const fn trusted(role: Role) -> Self {
        Self {
            role,
            state: AccountState::Active,
            is_email_confirmed: true,
            confirms_to: None,
            reason: None,
        }
    }
}

/// Adds an account, unless its name or its mail address is taken.
pub(super) fn insert_member(
    write: &mut Write<'_>,
    member: &NewMember,
    start: &Start<'_>,
) -> Result<AccountId, UnitError> {
    let connection = write.connection;
    if accounts::is_name_taken(connection, &member.name)? {
        return Err(Refusal::invalid(USERNAME_TAKEN).into());
    }
    if credentials::id_by_email(connection, &member.email)?.is_some() {
        return Err(Refusal::invalid(EMAIL_TAKEN).into());
    }
    let id = AccountId(write.next_id());
    accounts::insert(
        connection,
        &NewAccount {
            id,
            name: &member.name,
            email: Some(&member.email),
            email_confirmed: start.is_email_confirmed,
            password_hash: Some(&member.password_hash),
            role: start.role,
            state: start.state,
            confirms_to: start.confirms_to,
            signup_reason: start.reason,
        },
    )?;
    terms::add_account(connection, id, &name_terms(&member.name, ""))?;
    write.tell(Event::AccountChanged(id));
    credentials_changed(write, id)?;
    Ok(id)
}

/// The sentence for a name that somebody has or had.
pub const USERNAME_TAKEN: &str = "Validation failed: Username has already been taken";
/// The sentence for a mail address that another account has.
pub const EMAIL_TAKEN: &str = "Validation failed: Email has already been taken";
