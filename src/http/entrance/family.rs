//! The entrance's routes.

use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ETAG, HeaderValue, VARY};

use super::assets::{ASSET_CACHE_CONTROL, Asset, asset_at, asset_named};
use super::{consent, entry, errors, mail_links};
use crate::context::Context;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::limits::Kind;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::routing::Access::{Public, Session, Visitor};
use crate::routing::Family;

/// The family's routes.
pub fn family() -> Family<Context> {
    let family = Family::rendered("entrance", errors::render);
    ways_in(files(family))
}

fn files(family: Family<Context>) -> Family<Context> {
    family
        .get("/assets/:file", Public, asset)
        .get("/favicon.ico", Public, favicon)
        .get("/robots.txt", Public, robots)
}

fn ways_in(family: Family<Context>) -> Family<Context> {
    family
        .get("/login", Visitor, entry::login_page)
        .post("/login", Visitor, entry::login)
        .limited(Kind::LogIn)
        .post("/logout", Visitor, entry::logout)
        .get("/oauth/authorize", Visitor, consent::ask)
        .post("/oauth/authorize", Session, consent::decide)
        .get("/signup", Visitor, entry::signup_page)
        .post("/signup", Visitor, entry::signup)
        .limited(Kind::SignUp)
        .get("/invite/:code", Visitor, entry::invite_page)
        .limited(Kind::LogIn)
        .get("/setup", Visitor, entry::setup_page)
        .post("/setup", Visitor, entry::setup)
        .limited(Kind::SetupCode)
        .get("/reset/:code", Visitor, entry::reset_page)
        .limited(Kind::LogIn)
        .post("/reset/:code", Visitor, entry::reset)
        .limited(Kind::LogIn)
        .get("/forgot", Visitor, mail_links::forgot_page)
        .post("/forgot", Visitor, mail_links::forgot)
        .limited(Kind::MailAsked)
        .get("/confirm/:code", Visitor, mail_links::confirm_page)
        .limited(Kind::LogIn)
        .post("/confirm/:code", Visitor, mail_links::confirm)
        .limited(Kind::LogIn)
        .get("/unsubscribe/:token", Public, mail_links::unsubscribe_page)
        .post("/unsubscribe/:token", Public, mail_links::unsubscribe)
}

/// `GET /assets/:file`: an embedded file, under an address that changes with it.
async fn asset(_: Context, _: Guest, call: Call) -> Result<Response, Problem> {
    let asset = asset_at(call.target().path()).ok_or_else(Problem::not_found)?;
    Ok(file(asset, &call, ASSET_CACHE_CONTROL))
}

/// `GET /favicon.ico`: where browsers look that weren't told of another address.
async fn favicon(_: Context, _: Guest, call: Call) -> Result<Response, Problem> {
    let asset = asset_named("favicon.svg").ok_or_else(Problem::not_found)?;
    Ok(file(asset, &call, "public, max-age=86400"))
}

/// `GET /robots.txt`: what is no reading is nothing for search engines.
async fn robots(_: Context, _: Guest, _: Call) -> Result<Response, Problem> {
    const TEXT: &str = "User-agent: *\nDisallow: /api/\nDisallow: /oauth/\nDisallow: /search\n\
        Disallow: /login\nDisallow: /settings\nDisallow: /admin\nDisallow: /setup\nDisallow: /invite/\n\
        Disallow: /reset/\nDisallow: /forgot\nDisallow: /confirm/\nDisallow: /unsubscribe/\n";
    let mut response = reply::typed("text/plain; charset=utf-8", TEXT);
    response.headers_mut().insert(
        CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=86400"),
    );
    Ok(response)
}

/// Whether a client takes gzip (RFC 9110, section 12.5.3).
fn takes_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        is_gzip && weight.is_none_or(|weight| weight.parse().is_ok_and(|q: f32| q > 0.0))
    })
}

fn file(asset: &Asset, call: &Call, caching: &'static str) -> Response {
    let gzip = takes_gzip(call.header(ACCEPT_ENCODING).unwrap_or_default());
    let body = if gzip { &asset.gzip } else { &asset.plain };
    let mut response = reply::typed(asset.content_type, body.clone());
    let headers = response.headers_mut();
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(
        http::header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    // One tag for one form of the file.
    if !gzip && let Ok(etag) = HeaderValue::from_str(&asset.etag) {
        headers.insert(ETAG, etag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_goes_to_whoever_takes_it() {
        for yes in ["gzip", "br, GZIP;q=0.5", "*", "deflate, gzip, br"] {
            assert!(takes_gzip(yes), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "gzip;q=0.0", "x-gzip", "identity"] {
            assert!(!takes_gzip(no), "{no}");
        }
    }
}
