//! Where clients look first: host-meta (RFC 6415), WebFinger (RFC 7033), NodeInfo.

use http::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use serde_json::json;

use super::accounts::local_name;
use super::instance::facts;
use crate::context::Context;
use crate::domain::text::render::escape;
use crate::extract::auth::Guest;
use crate::extract::call::Call;
use crate::problem::Problem;
use crate::reply::{self, Response};
use crate::routing::{Access, Family};
use crate::store::queries::accounts::FindAccountByName;

/// The family's routes.
pub fn family() -> Family<Context> {
    Family::new("discovery")
        .get("/.well-known/host-meta", Access::Public, host_meta)
        .get(
            "/.well-known/host-meta.json",
            Access::Public,
            host_meta_json,
        )
        .get("/.well-known/webfinger", Access::Public, webfinger)
        .get("/.well-known/nodeinfo", Access::Public, nodeinfo_links)
        .get("/nodeinfo/2.0", Access::Public, nodeinfo_2_0)
        .get("/nodeinfo/2.1", Access::Public, nodeinfo_2_1)
}

/// `GET /.well-known/host-meta`: where WebFinger is, as XML.
async fn host_meta(app: Context, _: Guest, _: Call) -> Result<Response, Problem> {
    let url = escape(app.renderer.url());
    Ok(reply::typed(
        "application/xrd+xml; charset=utf-8",
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <XRD xmlns=\"http://docs.oasis-open.org/ns/xri/xrd-1.0\">\n  \
             <Link rel=\"lrdd\" template=\"{url}/.well-known/webfinger?resource={{uri}}\"/>\n\
             </XRD>\n"
        ),
    ))
}

/// `GET /.well-known/host-meta.json`: the same as JSON.
async fn host_meta_json(app: Context, _: Guest, _: Call) -> Result<Response, Problem> {
    let url = app.instance.url.as_str();
    let template = format!("{url}/.well-known/webfinger?resource={{uri}}");
    descriptor(&json!({"links": [{"rel": "lrdd", "template": template}]}))
}

fn descriptor<T: Serialize>(value: &T) -> Result<Response, Problem> {
    let mut response = reply::json(value)?;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/jrd+json; charset=utf-8"),
    );
    Ok(response)
}

/// `GET /.well-known/webfinger?resource=`: the account that `acct:NAME@HOST` or a profile's address names.
async fn webfinger(app: Context, _: Guest, call: Call) -> Result<Response, Problem> {
    let renderer = &app.renderer;
    let query = call.query()?;
    let resource = query.text("resource")?;
    let resource =
        resource.ok_or_else(|| Problem::malformed("The parameter \"resource\" is missing"))?;
    let name = named(resource, renderer.url(), renderer.host()).ok_or_else(Problem::not_found)?;
    let found = app.actors.find(FindAccountByName { name }).await?;
    let found = found.ok_or_else(Problem::not_found)?;
    let page = renderer.profile_url(&found.name);
    descriptor(&json!({
        "subject": format!("acct:{}@{}", found.name, renderer.host()),
        "aliases": [page, renderer.account_uri(&found.name)],
        "links": [
            {"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": page},
            {"rel": "http://webfinger.net/rel/avatar", "type": "image/png", "href": renderer.avatar_url(found.id)},
        ],
    }))
}

fn named(resource: &str, url: &str, host: &str) -> Option<String> {
    if let Some(path) = resource.strip_prefix(url) {
        let name = path
            .strip_prefix("/@")
            .or_else(|| path.strip_prefix("/users/"))?;
        return Some(name.to_owned());
    }
    let account = resource.strip_prefix("acct:").unwrap_or(resource);
    // A name alone could be anybody's.
    account.contains('@').then(|| local_name(account, host))?
}

/// `GET /.well-known/nodeinfo`: where NodeInfo is.
async fn nodeinfo_links(app: Context, _: Guest, _: Call) -> Result<Response, Problem> {
    let url = app.instance.url.as_str();
    let links = ["2.0", "2.1"].map(|version| {
        json!({
            "rel": format!("http://nodeinfo.diaspora.software/ns/schema/{version}"),
            "href": format!("{url}/nodeinfo/{version}"),
        })
    });
    reply::json(&json!({ "links": links }))
}

/// `GET /nodeinfo/2.0`: what runs here, by its true name, and how many use it.
async fn nodeinfo_2_0(app: Context, _: Guest, _: Call) -> Result<Response, Problem> {
    nodeinfo(
        &app,
        "2.0",
        "application/json; profile=\"http://nodeinfo.diaspora.software/ns/schema/2.0#\"; charset=utf-8",
    )
    .await
}

/// `GET /nodeinfo/2.1`: the same.
async fn nodeinfo_2_1(app: Context, _: Guest, _: Call) -> Result<Response, Problem> {
    nodeinfo(
        &app,
        "2.1",
        "application/json; profile=\"http://nodeinfo.diaspora.software/ns/schema/2.1#\"; charset=utf-8",
    )
    .await
}

async fn nodeinfo(
    app: &Context,
    version: &'static str,
    content_type: &'static str,
) -> Result<Response, Problem> {
    let facts = facts(app).await?;
    let config = &app.instance.config;
    let mut response = reply::json(&app.renderer.nodeinfo(config, &facts, version))?;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn resources_name_accounts_of_this_host() {
        let name = |resource| named(resource, "http://localhost:8420", "localhost:8420");
        for ada in [
            "acct:ada@localhost:8420",
            "ada@localhost:8420",
            "http://localhost:8420/@ada",
            "http://localhost:8420/users/ada",
        ] {
            assert_eq!(name(ada).as_deref(), Some("ada"), "{ada}");
        }
        for nobody in [
            "ada",
            "acct:ada",
            "acct:ada@other.example",
            "http://localhost:8420/about",
        ] {
            assert_eq!(name(nobody), None, "{nobody}");
        }
    }
}
