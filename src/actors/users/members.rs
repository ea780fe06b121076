//! New accounts: what was typed is checked, the password hashed, and the unit decides.

use actix::{Context, Handler, Message, ResponseFuture};

use super::Users;
use crate::domain::account::Role;
use crate::domain::account_name::{
    check_password, check_username, check_username_form, clean_email,
};
use crate::domain::refusal::Refusal;
use crate::error::AskError;
use crate::hasher::{Effort, Hashers};
use crate::ids::AccountId;
use crate::secret::{Secret, TokenHash};
use crate::store::queries::access::{CheckLink, LinkUse};
use crate::store::units::{
    Admission, DEAD_LINK, NewMember, RegisterAccount, Registered, SetUpOwner,
};

/// The longest word to the moderators, in characters.
pub const SIGNUP_REASON_CHARS_MAX: usize = 1000;

/// What somebody typed to get an account.
#[derive(Debug, Clone)]
pub struct Typed {
    /// The name.
    pub name: String,
    /// The mail address.
    pub email: String,
    /// The password.
    pub password: Secret<String>,
}

/// Whose choice of a name it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chooser {
    /// Anybody: names that sound official are refused.
    Anybody,
    /// Whoever runs the instance.
    Operator,
}

impl Typed {
    /// Holds it against the rules; the mail address comes back in the form in which it is compared.
    fn check(&self, chooser: Chooser) -> Result<String, Refusal> {
        let name = match chooser {
            Chooser::Anybody => check_username(&self.name),
            Chooser::Operator => check_username_form(&self.name),
        };
        name.map_err(|fault| Refusal::invalid(fault.to_string()))?;
        let email =
            clean_email(&self.email).map_err(|fault| Refusal::invalid(fault.to_string()))?;
        check_password(self.password.expose(), &self.name, &email)
            .map_err(|fault| Refusal::invalid(fault.to_string()))?;
        Ok(email)
    }

    async fn hashed(
        self,
        chooser: Chooser,
        hashers: Hashers,
        salt: [u8; 16],
    ) -> Result<NewMember, AskError> {
        self.hashed_with(chooser, hashers, salt, Effort::Full).await
    }

    async fn hashed_with(
        self,
        chooser: Chooser,
        hashers: Hashers,
        salt: [u8; 16],
        effort: Effort,
    ) -> Result<NewMember, AskError> {
        let email = self.check(chooser)?;
        Ok(NewMember {
            name: self.name,
            email,
            password_hash: hashers.hash_with(self.password, salt, effort).await?,
        })
    }
}

/// Somebody signs up, as far as the instance lets people in.
#[derive(Debug, Clone)]
pub struct SignUp {
    /// Who.
    pub typed: Typed,
    /// The code of an invitation.
    pub invitation: Option<Secret<String>>,
    /// What the person wrote to the moderators.
    pub reason: Option<String>,
}

impl Message for SignUp {
    type Result = Result<Registered, AskError>;
}

impl Handler<SignUp> for Users {
    type Result = ResponseFuture<Result<Registered, AskError>>;

    fn handle(&mut self, message: SignUp, _: &mut Context<Self>) -> Self::Result {
        let admission = Admission::SignUp {
            registration: self.registration,
            invitation: message
                .invitation
                .map(|code| TokenHash::of(code.expose().trim())),
            reason: message
                .reason
                .map(|reason| reason.chars().take(SIGNUP_REASON_CHARS_MAX).collect()),
        };
        let (store, hashers, salt) = (self.store.clone(), self.hashers.clone(), self.new_salt());
        Box::pin(async move {
            let member = message
                .typed
                .hashed(Chooser::Anybody, hashers, salt)
                .await?;
            store.perform(RegisterAccount { member, admission }).await
        })
    }
}

/// The operator makes an account.
#[derive(Debug, Clone)]
pub struct CreateMember {
    /// Who.
    pub typed: Typed,
    /// With which role.
    pub role: Role,
}

impl Message for CreateMember {
    type Result = Result<Registered, AskError>;
}

impl Handler<CreateMember> for Users {
    type Result = ResponseFuture<Result<Registered, AskError>>;

    fn handle(&mut self, message: CreateMember, _: &mut Context<Self>) -> Self::Result {
        let admission = Admission::Operator(message.role);
        let (store, hashers, salt) = (self.store.clone(), self.hashers.clone(), self.new_salt());
        Box::pin(async move {
            let member = message
                .typed
                .hashed(Chooser::Operator, hashers, salt)
                .await?;
            store.perform(RegisterAccount { member, admission }).await
        })
    }
}

/// A made-up person comes to an instance that is filled for a test or a demonstration.
#[derive(Debug, Clone)]
pub struct SeedMember {
    /// Who.
    pub typed: Typed,
    /// By what right.
    pub admission: Admission,
    /// How hard the password's hash makes it to try passwords out.
    pub effort: Effort,
}

impl Message for SeedMember {
    type Result = Result<Registered, AskError>;
}

impl Handler<SeedMember> for Users {
    type Result = ResponseFuture<Result<Registered, AskError>>;

    fn handle(&mut self, message: SeedMember, _: &mut Context<Self>) -> Self::Result {
        let (store, hashers, salt) = (self.store.clone(), self.hashers.clone(), self.new_salt());
        let SeedMember {
            typed,
            admission,
            effort,
        } = message;
        Box::pin(async move {
            let member = typed
                .hashed_with(Chooser::Operator, hashers, salt, effort)
                .await?;
            store.perform(RegisterAccount { member, admission }).await
        })
    }
}

/// Whoever holds the set-up link makes the owner's account.
#[derive(Debug, Clone)]
pub struct SetUp {
    /// The link's code.
    pub code: Secret<String>,
    /// Who.
    pub typed: Typed,
}

impl Message for SetUp {
    type Result = Result<AccountId, AskError>;
}

impl Handler<SetUp> for Users {
    type Result = ResponseFuture<Result<AccountId, AskError>>;

    fn handle(&mut self, message: SetUp, _: &mut Context<Self>) -> Self::Result {
        let code = TokenHash::of(message.code.expose().trim());
        let (store, hashers, salt) = (self.store.clone(), self.hashers.clone(), self.new_salt());
        let link_use = LinkUse::SetUp;
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
            let member = message
                .typed
                .hashed(Chooser::Operator, hashers, salt)
                .await?;
            store.perform(SetUpOwner { code, member }).await
        })
    }
}
