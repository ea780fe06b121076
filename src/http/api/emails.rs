//! The mail that confirms an address, asked for again through a client.
//!
//! Source: <https://docs.joinmastodon.org/methods/emails/>.

use serde::Serialize;

use crate::context::Context;
use crate::domain::account_name::clean_email;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::ids::AccountId;
use crate::limits::Kind;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::routing::{Access, Family};
use crate::store::queries::mail::ReadMailSettings;
use crate::store::units::AskConfirmation;

/// The family's routes. They are for accounts that may do nothing else yet, so each looks at its caller itself.
pub fn family() -> Family<Context> {
    Family::new("emails")
        .post(
            "/api/v1/emails/confirmations",
            Access::Client,
            ask_confirmation,
        )
        .limited(Kind::MailAsked)
        .get(
            "/api/v1/emails/check_confirmation",
            Access::Client,
            check_confirmation,
        )
}

#[derive(Serialize)]
struct Empty {}

/// The account of a token that covers the scope, in whatever state.
fn account_with(guest: &Guest, scope: &str) -> Result<AccountId, Problem> {
    let account = guest
        .account()
        .ok_or_else(|| Problem::invalid("This method requires an authenticated user"))?;
    let caller = guest.caller.as_ref();
    if caller.is_some_and(|caller| caller.allows(scope)) {
        Ok(account)
    } else {
        Err(Problem::forbidden(
            "This action is outside the authorized scopes",
        ))
    }
}

/// `POST /api/v1/emails/confirmations`: sends the mail again, to another address if one is given. It is not sent more
/// often than every few minutes; the answer is the same.
async fn ask_confirmation(
    context: Context,
    guest: Guest,
    mut call: Call,
) -> Result<Response, Problem> {
    let account = account_with(&guest, "write:accounts")?;
    let form = call.form().await?;
    let email = match form.text("email")?.filter(|email| !email.is_empty()) {
        None => None,
        Some(email) => {
            let cleaned = clean_email(email);
            Some(cleaned.map_err(|fault| Problem::invalid(fault.to_string()))?)
        }
    };
    let unit = AskConfirmation { account, email };
    context.actors.perform(unit).await?;
    reply::json(&Empty {})
}

/// `GET /api/v1/emails/check_confirmation`: whether the account's address is confirmed.
async fn check_confirmation(context: Context, guest: Guest, _: Call) -> Result<Response, Problem> {
    let account = account_with(&guest, "read:accounts")?;
    let settings = context.actors.find(ReadMailSettings { account }).await?;
    let is_confirmed = settings.address.is_some_and(|address| address.is_confirmed);
    reply::json(&is_confirmed)
}
