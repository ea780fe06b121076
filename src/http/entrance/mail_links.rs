//! Where links in mails lead, and where one is asked for: a new password, a confirmed address, no more mail.
//!
//! Mail scanners follow every link, so opening one changes nothing: a button does.

use super::entry::{is_good_link, typed};
use super::frame::{Visit, answer, plain_frame};
use super::session::Notice;
use super::views::Nav;
use super::views::entry::NoticePage;
use super::views::mail::{ConfirmPage, ForgotPage, UnsubscribePage};
use crate::context::Context;
use crate::domain::account::AccountState;
use crate::domain::error_code::ErrorCode;
use crate::domain::mail::MailKind;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::features;
use crate::ids::AccountId;
use crate::problem::Problem;
use crate::reply::Response;
use crate::secret::TokenHash;
use crate::store::queries::access::LinkUse;
use crate::store::units::{AskReset, ConfirmAddress, Unsubscribe};

const DEAD_CONFIRM_LINK: &str = "This link is unknown, used or expired. If your address isn't confirmed yet, log in to get another";
const BAD_UNSUBSCRIBE_LINK: &str =
    "This link isn't whole. Copy all of it out of the mail, or log in and choose what is mailed";

/// Where people choose what is mailed to them: on the website.
const MAIL_SETTINGS: &str = if features::WEB { "/settings/mail" } else { "/" };

/// `GET /forgot`: the form.
pub(crate) async fn forgot_page(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let page = ForgotPage {
        frame: visit.form_frame().await?,
        is_on: visit.sends_mail(),
    };
    visit.page(&page)
}

/// `POST /forgot`: asks for a link to a new password. The answer is the same whether there is such an account or not.
pub(crate) async fn forgot(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let form = visit.form().await?;
    if !visit.sends_mail() {
        return visit.go("/forgot", None);
    }
    let login = typed(&form, "login")?;
    visit.context.actors.perform(AskReset { login }).await?;
    let page = NoticePage {
        frame: visit.form_frame().await?,
        heading: "Look into your mailbox".to_owned(),
        text: "If there is an account of this name or address, a mail with a link is on its way. The link works for an hour."
            .to_owned(),
        link_path: "/login".to_owned(),
        link_label: "Back to log-in".to_owned(),
    };
    visit.page(&page)
}

/// `GET /confirm/:code`: a button, if the link is good.
pub(crate) async fn confirm_page(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let code = visit.call.param("code").to_owned();
    if !is_good_link(&visit, LinkUse::Confirm, &code).await? {
        return Err(Problem::forbidden(DEAD_CONFIRM_LINK));
    }
    let page = ConfirmPage {
        frame: visit.form_frame().await?,
        code,
    };
    visit.page(&page)
}

/// `POST /confirm/:code`: confirms the address, and lets a sign-up in that waited for it.
pub(crate) async fn confirm(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    visit.form().await?;
    let code = TokenHash::of(visit.call.param("code").trim());
    let reader = visit.reader();
    let confirming = ConfirmAddress { code, reader };
    let confirmed = visit.context.actors.perform(confirming).await;
    let confirmed = match confirmed.map_err(Problem::from) {
        Err(problem) if problem.code() == ErrorCode::Forbidden => {
            return Err(Problem::forbidden(DEAD_CONFIRM_LINK));
        }
        other => other?,
    };
    if confirmed.state == AccountState::Pending {
        let page = NoticePage {
            frame: visit.form_frame().await?,
            heading: "Thank you".to_owned(),
            text: "Your address is confirmed. A moderator looks at your request: a mail tells you when it is accepted."
                .to_owned(),
            link_path: "/".to_owned(),
            link_label: "Read on".to_owned(),
        };
        return visit.page(&page);
    }
    let next = match visit.reader() {
        Some(reader) if reader == confirmed.account => MAIL_SETTINGS,
        Some(_) => "/",
        None => "/login",
    };
    visit.go(next, Some(Notice::AddressConfirmed))
}

/// Whose mail of which kind a link is about, if this instance signed it.
fn signed(context: &Context, call: &Call) -> Result<(AccountId, MailKind), Problem> {
    let key = &context.instance.unsubscribe_key;
    let found = key.verify(call.param("token"));
    found.ok_or_else(|| Problem::forbidden(BAD_UNSUBSCRIBE_LINK))
}

/// `GET /unsubscribe/:token`: a button, and what it does.
pub(crate) async fn unsubscribe_page(
    context: Context,
    _: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let (_, kind) = signed(&context, &call)?;
    let page = UnsubscribePage {
        frame: plain_frame(&context, Nav::Elsewhere, "/"),
        token: call.param("token").to_owned(),
        about: kind.label().to_owned(),
    };
    answer(&context, &page, false)
}

/// `POST /unsubscribe/:token`: turns that mail off, for a person or a mail program (RFC 8058): without log-in, without
/// cookies, whatever the body says, and without a redirect.
pub(crate) async fn unsubscribe(
    context: Context,
    _: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let (account, kind) = signed(&context, &call)?;
    context
        .actors
        .perform(Unsubscribe { account, kind })
        .await?;
    let (again, label) = if features::WEB {
        (" You can have it again in your settings.", "Mail settings")
    } else {
        ("", "Front page")
    };
    let page = NoticePage {
        frame: plain_frame(&context, Nav::Elsewhere, "/"),
        heading: "Done".to_owned(),
        text: format!(
            "Nothing about {} is mailed to you any more.{again}",
            kind.label()
        ),
        link_path: MAIL_SETTINGS.to_owned(),
        link_label: label.to_owned(),
    };
    answer(&context, &page, false)
}
