//! Letting a client in: the page that asks, and what becomes of the answer.

use super::frame::Visit;
use super::views::entry::{LoginPage, NoticePage};
use super::views::oauth::{Carried, CodePage, ConsentPage, ScopeLine};
use super::views::{FormErrors, Nav};
use crate::actors::users::GrantCode;
use crate::context::Context;
use crate::cors;
use crate::domain::access::CODE_MILLIS_MAX;
use crate::domain::oauth::{OauthFault, csp_source};
use crate::domain::scope::{in_words, is_writing};
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::extract::form::Form;
use crate::oauth::authorize::{AuthorizeRequest, CARRIED};
use crate::problem::Problem;
use crate::reply::Response;
use crate::secret::Secret;

const MINUTE_MILLIS: i64 = 60 * 1000;

/// `GET /oauth/authorize`: asks whether a client may act in the reader's name. Nothing of the request is shown before it
/// is checked; whoever isn't logged in, or shall be asked again, logs in first.
pub(crate) async fn ask(context: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let query = visit.call.query()?;
    let request = AuthorizeRequest::read(&visit.context.actors, &query).await?;
    let logs_in_again = query.flag("force_login")?.unwrap_or(false);
    if visit.reader().is_none() || logs_in_again {
        let page = LoginPage {
            frame: visit.form_frame().await?,
            return_to: without_force_login(visit.call.target().as_str()),
            login: String::new(),
            can_reset: visit.sends_mail(),
            errors: FormErrors::default(),
        };
        return visit.page(&page);
    }
    let page = ConsentPage {
        frame: visit.frame(Nav::Elsewhere).await?,
        app_name: request.app.name.clone(),
        website: request.app.website.clone(),
        target: target_in_words(&request),
        scopes: request
            .scopes
            .iter()
            .map(|scope| ScopeLine {
                scope: scope.to_owned(),
                words: in_words(scope).unwrap_or(scope).to_owned(),
                writes: is_writing(scope),
            })
            .collect(),
        carried: carried(&query)?,
    };
    let https = visit.context.instance.url.is_https();
    let mut response = visit.page(&page)?;
    // Browsers hold the redirect after the form against form-action: it has to admit the target, and nothing else.
    let target = csp_source(&request.redirect_uri);
    cors::protect_page(response.headers_mut(), https, target.as_deref());
    Ok(response)
}

/// `POST /oauth/authorize`: the reader's answer. The request is checked anew: the form may say anything.
pub(crate) async fn decide(
    context: Context,
    guest: Guest,
    call: Call,
) -> Result<Response, Problem> {
    let mut visit = Visit::new(context, guest, call);
    let form = visit.form().await?;
    let request = AuthorizeRequest::read(&visit.context.actors, &form).await?;
    match form.text("decision")? {
        Some("allow") => allow(visit, request).await,
        Some("deny") => deny(visit, request).await,
        _ => Err(Problem::invalid("The form has no answer")),
    }
}

async fn allow(mut visit: Visit, request: AuthorizeRequest) -> Result<Response, Problem> {
    let granting = visit.context.actors.users.send(GrantCode {
        client_id: request.app.client_id.clone(),
        account: visit.member()?,
        redirect_uri: request.redirect_uri.clone(),
        scopes: request.scopes.clone(),
        challenge: request.challenge,
    });
    let code: Secret<String> = granting.await???;
    if !request.is_out_of_band() {
        return visit.go(&request.answer(&[("code", code.expose())]), None);
    }
    let page = CodePage {
        frame: visit.frame(Nav::Elsewhere).await?,
        app_name: request.app.name,
        code: code.into_exposed(),
        minutes: u32::try_from(CODE_MILLIS_MAX / MINUTE_MILLIS).unwrap_or(u32::MAX),
    };
    visit.page(&page)
}

async fn deny(mut visit: Visit, request: AuthorizeRequest) -> Result<Response, Problem> {
    if !request.is_out_of_band() {
        let fault = OauthFault::AccessDenied;
        let description = fault.to_string();
        let parameters = [("error", fault.code()), ("error_description", &description)];
        return visit.go(&request.answer(&parameters), None);
    }
    let page = NoticePage {
        frame: visit.frame(Nav::Elsewhere).await?,
        heading: "Denied".to_owned(),
        text: format!("{} can't use your account.", request.app.name),
        link_path: "/".to_owned(),
        link_label: "Home".to_owned(),
    };
    visit.page(&page)
}

/// What the form carries from one request to the next.
fn carried(query: &Form) -> Result<Vec<Carried>, Problem> {
    let mut carried = Vec::new();
    for name in CARRIED {
        if let Some(value) = query.text(name)? {
            let value = value.to_owned();
            carried.push(Carried { name, value });
        }
    }
    Ok(carried)
}

/// The address of this request without the wish to log in again, which is granted by then.
fn without_force_login(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else {
        return target.to_owned();
    };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| pair.split('=').next() != Some("force_login"))
        .collect();
    format!("{path}?{}", kept.join("&"))
}

/// Where the answer goes, as a person reads it.
fn target_in_words(request: &AuthorizeRequest) -> String {
    if request.is_out_of_band() {
        return "a code that you copy".to_owned();
    }
    match csp_source(&request.redirect_uri) {
        Some(source) if source.contains("://") => {
            source.split("://").nth(1).unwrap_or_default().to_owned()
        }
        Some(scheme) => format!("the program that opens {scheme} links"),
        None => request.redirect_uri.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_from_the_log_in_keeps_all_else() {
        assert_eq!(
            without_force_login("/oauth/authorize?a=%2F&force_login=true&state=x%26y"),
            "/oauth/authorize?a=%2F&state=x%26y"
        );
        assert_eq!(
            without_force_login("/oauth/authorize/?force_login=1"),
            "/oauth/authorize/?"
        );
        assert_eq!(without_force_login("/x"), "/x");
    }
}
