//! Signing up through a client.
//!
//! Source: <https://docs.joinmastodon.org/methods/accounts/#create>.

use serde::Serialize;

use crate::actors::error::AskError;
use crate::actors::users::{GrantUserToken, SignUp, Typed};
use crate::context::Context;
use crate::domain::account_name::{
    EmailFault, PasswordFault, UsernameFault, check_password, check_username, clean_email,
};
use crate::domain::refusal::Refusal;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::extract::form::Form;
use crate::limits::Kind;
use crate::oauth::token::TokenEntity;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::routing::{Access, Family};
use crate::secret::Secret;
use crate::store::units::{EMAIL_TAKEN, USERNAME_TAKEN};

/// The family's routes.
pub fn family() -> Family<Context> {
    Family::new("sign_up")
        .post("/api/v1/accounts", Access::Client, sign_up)
        .limited(Kind::SignUp)
}

/// `POST /api/v1/accounts`: makes an account, as far as the instance lets people in, and a token for the client that
/// asks. Whoever has to wait for approval can use it afterwards.
async fn sign_up(context: Context, guest: Guest, mut call: Call) -> Result<Response, Problem> {
    let client = guest
        .caller
        .as_ref()
        .filter(|caller| caller.member.is_none());
    let (Some(client), Some(app)) = (client, guest.app()) else {
        return Err(Problem::forbidden(
            "This method requires a client's own token",
        ));
    };
    if !client.allows("write:accounts") {
        return Err(Problem::forbidden(
            "This action is outside the authorized scopes",
        ));
    }
    let form = call.form().await?;
    let wrong = faults(&form)?;
    if !wrong.0.is_empty() {
        return wrong.into_response();
    }
    let signing_up = context.actors.users.send(SignUp {
        typed: Typed {
            name: text(&form, "username")?,
            email: text(&form, "email")?,
            password: Secret::new(text(&form, "password")?),
        },
        invitation: form
            .text("invite_code")?
            .filter(|code| !code.is_empty())
            .map(|code| Secret::new(code.to_owned())),
        reason: form
            .text("reason")?
            .filter(|reason| !reason.trim().is_empty())
            .map(str::to_owned),
    });
    let registered = match signing_up.await? {
        Ok(registered) => registered,
        Err(AskError::Refused(Refusal::Invalid(sentence))) if sentence == USERNAME_TAKEN => {
            return Faults::one("username", "ERR_TAKEN", "has already been taken").into_response();
        }
        Err(AskError::Refused(Refusal::Invalid(sentence))) if sentence == EMAIL_TAKEN => {
            return Faults::one("email", "ERR_TAKEN", "has already been taken").into_response();
        }
        Err(error) => return Err(error.into()),
    };
    let granting = context.actors.users.send(GrantUserToken {
        account: registered.account,
        app: Some(app),
        scopes: client.scopes().cloned().unwrap_or_default(),
    });
    TokenEntity::answer(granting.await??)
}

fn text(form: &Form, name: &str) -> Result<String, Problem> {
    Ok(form.text(name)?.unwrap_or_default().to_owned())
}

/// What is wrong with which field.
struct Faults(Vec<(&'static str, Fault)>);

#[derive(Serialize)]
struct Fault {
    error: &'static str,
    description: String,
}

#[derive(Serialize)]
struct FaultsEntity {
    error: String,
    details: serde_json::Map<String, serde_json::Value>,
}

impl Faults {
    fn one(field: &'static str, error: &'static str, description: impl Into<String>) -> Self {
        let description = description.into();
        Self(vec![(field, Fault { error, description })])
    }

    /// As Mastodon tells it: one sentence for people, and each fault for programs.
    fn into_response(self) -> Result<Response, Problem> {
        let mut sentences = Vec::new();
        let mut details = serde_json::Map::new();
        for (field, fault) in self.0 {
            let mut label = field.to_owned();
            if let Some(first) = label.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            sentences.push(format!("{label} {}", fault.description));
            let fault = serde_json::json!([fault]);
            details.insert(field.to_owned(), fault);
        }
        let error = format!("Validation failed: {}", sentences.join(", "));
        let problem = Problem::invalid(error.clone());
        let mut response = reply::json(&FaultsEntity { error, details })?;
        problem.dress(&mut response);
        Ok(response)
    }
}

fn faults(form: &Form) -> Result<Faults, Problem> {
    let mut faults = Faults(Vec::new());
    let mut add = |field, error, description: &str| {
        let description = description.to_owned();
        faults.0.push((field, Fault { error, description }));
    };
    let (name, email) = (text(form, "username")?, text(form, "email")?);
    if let Err(fault) = check_username(&name) {
        match fault {
            UsernameFault::Empty => add("username", "ERR_BLANK", "can't be blank"),
            UsernameFault::TooLong => add("username", "ERR_TOO_LONG", "is too long"),
            UsernameFault::ForbiddenCharacter => add(
                "username",
                "ERR_INVALID",
                "must contain only letters, numbers and underscores",
            ),
            UsernameFault::Reserved => add("username", "ERR_RESERVED", "is reserved"),
        }
    }
    if let Err(fault) = clean_email(&email) {
        match fault {
            EmailFault::Empty => add("email", "ERR_BLANK", "can't be blank"),
            EmailFault::TooLong => add("email", "ERR_TOO_LONG", "is too long"),
            EmailFault::Malformed => add("email", "ERR_INVALID", "is not a mail address"),
        }
    }
    if let Err(fault) = check_password(&text(form, "password")?, &name, &email) {
        match fault {
            PasswordFault::TooShort => add("password", "ERR_TOO_SHORT", "is too short"),
            PasswordFault::TooLong => add("password", "ERR_TOO_LONG", "is too long"),
            PasswordFault::Repetitive => {
                add(
                    "password",
                    "ERR_INVALID",
                    "must not be one character repeated",
                );
            }
            PasswordFault::SameAsName => add(
                "password",
                "ERR_INVALID",
                "must not be the user name or the mail address",
            ),
        }
    }
    if form.flag("agreement")? != Some(true) {
        add("agreement", "ERR_ACCEPTED", "must be accepted");
    }
    Ok(faults)
}
