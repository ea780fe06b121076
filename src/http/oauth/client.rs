//! How a client shows who it is: by HTTP Basic or in the body, never by both (RFC 6749, section 2.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use percent_encoding::percent_decode_str;

use crate::domain::error_code::ErrorCode;
use crate::domain::oauth::OauthFault;
use crate::extract::call::Call;
use crate::extract::form::Form;
use crate::problem::Problem;
use crate::secret::Secret;

/// What a client shows.
pub(super) struct ClientCredentials {
    pub(super) client_id: String,
    pub(super) client_secret: Secret<String>,
    by_header: bool,
}

impl ClientCredentials {
    /// What the request shows.
    ///
    /// # Errors
    /// `invalid_client` when something is missing, `invalid_request` when it is shown in two ways.
    pub(super) fn of(call: &Call, form: &Form) -> Result<Self, Problem> {
        let in_body = (
            parameter(form, "client_id")?,
            parameter(form, "client_secret")?,
        );
        let Some((client_id, client_secret)) = basic(call)? else {
            return match in_body {
                (Some(client_id), Some(client_secret)) => Ok(Self {
                    client_id: client_id.to_owned(),
                    client_secret: Secret::new(client_secret.to_owned()),
                    by_header: false,
                }),
                _ => Err(OauthFault::InvalidClient.into()),
            };
        };
        let contradicts = in_body.0.is_some_and(|in_body| in_body != client_id);
        if contradicts || in_body.1.is_some() {
            return Err(OauthFault::InvalidRequest.into());
        }
        Ok(Self {
            client_id,
            client_secret: Secret::new(client_secret),
            by_header: true,
        })
    }

    /// The answer to a fault. Whoever tried Basic is told of Basic (RFC 6749, section 5.2).
    pub(super) fn problem(&self, fault: OauthFault) -> Problem {
        problem(fault, self.by_header)
    }
}

fn problem(fault: OauthFault, by_header: bool) -> Problem {
    let problem = Problem::from(fault);
    if by_header && fault == OauthFault::InvalidClient {
        let scheme = HeaderValue::from_static("Basic realm=\"kinglet\"");
        return problem.with_header(WWW_AUTHENTICATE, scheme);
    }
    problem
}

/// The name and the secret of `Authorization: Basic`, each form-encoded within (RFC 6749, section 2.3.1). Another
/// scheme is none of ours.
fn basic(call: &Call) -> Result<Option<(String, String)>, Problem> {
    let header = call
        .header(AUTHORIZATION)
        .and_then(|value| value.split_once(' '));
    let Some((scheme, value)) = header else {
        return Ok(None);
    };
    if !scheme.eq_ignore_ascii_case("basic") {
        return Ok(None);
    }
    let read = || {
        let decoded = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
        let (client_id, client_secret) = decoded.split_once(':')?;
        let plain = |text: &str| {
            let text = text.replace('+', " ");
            percent_decode_str(&text)
                .decode_utf8()
                .ok()
                .map(|text| text.into_owned())
        };
        Some((plain(client_id)?, plain(client_secret)?))
    };
    match read() {
        Some(shown) => Ok(Some(shown)),
        None => Err(problem(OauthFault::InvalidClient, true)),
    }
}

/// A parameter that isn't empty.
pub(super) fn parameter<'a>(form: &'a Form, name: &str) -> Result<Option<&'a str>, Problem> {
    let value = form
        .text(name)
        .map_err(|_| Problem::from(OauthFault::InvalidRequest))?;
    Ok(value.filter(|value| !value.is_empty()))
}

/// The parameters of a request to an endpoint for programs; a body that can't be read is an OAuth error as well.
pub(super) async fn parameters(call: &mut Call) -> Result<Form, Problem> {
    call.form().await.map_err(|problem| match problem.code() {
        ErrorCode::Malformed => Problem::oauth("invalid_request", problem.sentence().to_owned()),
        _ => problem,
    })
}
