//! What the instance tells of itself.

use kinglet::config::Config;
use kinglet::domain::account::Role;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::shape::{ACCOUNT, assert_has, post};
use crate::support::server::Rig;

async fn with_owner() -> Rig {
    let mut rig = Rig::start(&["ada"]).await;
    rig.add("olga", Role::Owner).await;
    post(rig.client("ada"), "a wren").await;
    rig
}

/// A picture that is really there.
async fn assert_picture(rig: &Rig, url: &Json) {
    let url = url.as_str().expect("an address");
    assert!(url.starts_with(rig.server.url()), "{url}");
    let answer = rig
        .anonymous()
        .request(Method::GET, url)
        .send()
        .await
        .expect("an answer");
    let kind = answer.headers()["content-type"]
        .to_str()
        .expect("text")
        .to_owned();
    assert!(
        answer.status() == 200 && kind.starts_with("image/"),
        "{url}: {kind}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_06_the_second_version_satisfies_strict_decoders() {
    let rig = with_owner().await;
    let instance = rig.anonymous().get("/api/v2/instance").await.ok();
    let texts = ["domain", "title", "version", "description"];
    for name in texts {
        assert!(instance[name].is_string(), "{name}");
    }
    assert_has(
        &instance,
        &[
            "usage",
            "thumbnail",
            "languages",
            "configuration",
            "registrations",
            "contact",
            "rules",
        ],
    );
    assert!(instance["registrations"]["enabled"].is_boolean());
    assert!(instance["registrations"]["approval_required"].is_boolean());
    assert!(instance["contact"]["email"].is_string());
    assert_has(&instance["contact"]["account"], ACCOUNT);
    assert!(instance["rules"].is_array() && instance["languages"].is_array());
    assert!(instance["usage"]["users"]["active_month"].is_u64());
    let configuration = &instance["configuration"];
    for (part, names) in [
        (
            "statuses",
            &[
                "max_characters",
                "max_media_attachments",
                "characters_reserved_per_url",
            ][..],
        ),
        (
            "polls",
            &[
                "max_options",
                "max_characters_per_option",
                "min_expiration",
                "max_expiration",
            ],
        ),
        (
            "media_attachments",
            &["image_size_limit", "image_matrix_limit", "video_size_limit"],
        ),
        ("accounts", &["max_featured_tags"]),
    ] {
        for name in names {
            assert!(
                configuration[part][name].is_u64(),
                "{part}.{name} in {configuration}"
            );
        }
    }
    assert_eq!(configuration["statuses"]["max_characters"], 500);
    assert!(configuration["media_attachments"]["supported_mime_types"].is_array());
    assert!(configuration["translation"]["enabled"].is_boolean());
    let streaming = configuration["urls"]["streaming"]
        .as_str()
        .expect("an address");
    assert!(
        streaming.starts_with("ws://") || streaming.starts_with("wss://"),
        "{streaming}"
    );
    assert_picture(&rig, &instance["thumbnail"]["url"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_06_the_first_version_has_a_bare_host_and_real_pictures() {
    let rig = with_owner().await;
    let instance = rig.anonymous().get("/api/v1/instance").await.ok();
    let host = rig.server.url().strip_prefix("http://").expect("http");
    assert_eq!(instance["uri"], host);
    for name in [
        "title",
        "short_description",
        "description",
        "email",
        "version",
    ] {
        assert!(instance[name].is_string(), "{name}");
    }
    assert!(instance["urls"]["streaming_api"].is_string());
    for name in ["user_count", "status_count", "domain_count"] {
        assert!(instance["stats"][name].is_u64(), "{name}");
    }
    for name in ["registrations", "approval_required", "invites_enabled"] {
        assert!(instance[name].is_boolean(), "{name}");
    }
    assert_eq!(instance["stats"]["status_count"], 1);
    assert_picture(&rig, &instance["thumbnail"]).await;
    assert_picture(&rig, &instance["contact_account"]["header"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_07_the_version_is_one_that_clients_can_read() {
    let rig = with_owner().await;
    for path in ["/api/v1/instance", "/api/v2/instance"] {
        let version = rig.anonymous().get(path).await.ok()["version"].clone();
        let version = version.as_str().expect("a text");
        let (number, own) = version
            .split_once(" (compatible; Kinglet ")
            .expect("both versions");
        let numbers: Vec<u32> = number
            .split('.')
            .map(|part| part.parse().expect("a number"))
            .collect();
        assert!(numbers.len() == 3 && numbers[0] == 4, "{version}");
        assert_eq!(own, format!("{})", env!("CARGO_PKG_VERSION")));
    }
    let instance = rig.anonymous().get("/api/v2/instance").await.ok();
    // Grouped notifications and more would be promised by these.
    assert_eq!(instance.get("api_versions"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_07_nodeinfo_has_the_true_name() {
    let rig = with_owner().await;
    let anyone = rig.anonymous();
    let links = anyone.get("/.well-known/nodeinfo").await.ok();
    let links = links["links"].as_array().expect("links").clone();
    assert_eq!(links.len(), 2);
    for link in links {
        let rel = link["rel"].as_str().expect("a rel");
        let (_, version) = rel.rsplit_once('/').expect("a version");
        let info = anyone
            .get(link["href"].as_str().expect("an address"))
            .await
            .ok();
        assert_eq!(info["version"], version);
        assert_eq!(info["software"]["name"], "kinglet");
        assert_eq!(info["software"]["version"], env!("CARGO_PKG_VERSION"));
        assert!(info["protocols"].is_array() && info["openRegistrations"].is_boolean());
        assert_eq!(info["usage"]["users"]["total"], 2);
        assert_eq!(info["usage"]["localPosts"], 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_clients_look_first_they_find_what_they_need() {
    let rig = with_owner().await;
    let anyone = rig.anonymous();
    let url = rig.server.url();
    let meta = anyone.get("/.well-known/host-meta").await;
    assert_eq!(meta.status, 200);
    assert!(
        meta.header("content-type")
            .starts_with("application/xrd+xml")
    );
    assert!(meta.text.contains(&format!(
        "template=\"{url}/.well-known/webfinger?resource={{uri}}\""
    )));
    let host = url
        .strip_prefix("http://")
        .expect("http")
        .replace(':', "%3A");
    let path = format!("/.well-known/webfinger?resource=acct%3Aada%40{host}");
    let finger = anyone.get(&path).await;
    assert!(
        finger
            .header("content-type")
            .starts_with("application/jrd+json")
    );
    assert!(
        finger.ok()["aliases"][0]
            .as_str()
            .is_some_and(|page| page.ends_with("/@ada"))
    );
    anyone
        .get(&path.replace("ada", "nobody"))
        .await
        .refused(404);
    anyone.get("/.well-known/webfinger").await.refused(400);
    let oauth = anyone
        .get("/.well-known/oauth-authorization-server")
        .await
        .ok();
    assert_eq!(
        oauth["issuer"]
            .as_str()
            .map(|issuer| issuer.trim_end_matches('/')),
        Some(url)
    );
    assert_eq!(oauth["code_challenge_methods_supported"], json!(["S256"]));
    for name in [
        "authorization_endpoint",
        "token_endpoint",
        "revocation_endpoint",
    ] {
        assert!(
            oauth[name].as_str().is_some_and(|at| at.starts_with(url)),
            "{name}"
        );
    }
    assert!(
        oauth["scopes_supported"]
            .as_array()
            .is_some_and(|all| all.contains(&json!("read")))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_follow_the_configuration() {
    use kinglet::config::RegistrationMode;
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".parse().expect("an address");
    config.limits.rate_limits = false;
    config.instance.title = "Hedge <& Co>".to_owned();
    config.limits.post_characters_max = 1000;
    config.registration.mode = RegistrationMode::Approval;
    let rig = Rig::start_configured(config, &["ada"], |builder| builder).await;
    let instance = rig.anonymous().get("/api/v2/instance").await.ok();
    assert_eq!(instance["title"], "Hedge <& Co>");
    assert_eq!(
        instance["configuration"]["statuses"]["max_characters"],
        1000
    );
    assert_eq!(instance["registrations"]["enabled"], true);
    assert_eq!(instance["registrations"]["approval_required"], true);
    post(rig.client("ada"), &"x".repeat(1000)).await;
    let body = json!({"status": "x".repeat(1001)});
    rig.client("ada")
        .post("/api/v1/statuses", body)
        .await
        .refused(422);
}

/// What clients ask for at log-in and that isn't built: valid and empty, never 404.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_built_is_empty_when_read_and_refused_when_written() {
    let rig = with_owner().await;
    let ada = rig.client("ada");
    for path in [
        "v1/announcements",
        "v1/lists",
        "v1/followed_tags",
        "v1/filters",
        "v2/filters",
        "v1/conversations",
        "v1/follow_requests",
        "v1/trends",
        "v1/trends/tags",
        "v1/trends/statuses",
        "v1/trends/links",
        "v1/suggestions",
        "v2/suggestions",
        "v1/featured_tags",
        "v1/instance/peers",
        "v1/mutes",
        "v1/blocks",
        "v1/scheduled_statuses",
        "v1/custom_emojis",
        "v1/endorsements",
        "v1/domain_blocks",
        "v1/directory",
        "v1/instance/rules",
        "v1/instance/activity",
        "v1/instance/domain_blocks",
    ] {
        assert_eq!(
            ada.get(&format!("/api/{path}")).await.ok(),
            json!([]),
            "{path}"
        );
    }
    let policy = ada.get("/api/v2/notifications/policy").await.ok();
    assert!(policy.is_object());
    for (method, path) in [
        (Method::POST, "v1/lists"),
        (Method::POST, "v2/filters"),
        (Method::POST, "v1/filters"),
        (Method::POST, "v2/media"),
        (Method::POST, "v1/media"),
        (Method::POST, "v1/push/subscription"),
        (Method::POST, "v1/reports"),
        (Method::POST, "v1/tags/wren/follow"),
        (Method::POST, "v1/domain_blocks"),
        (Method::DELETE, "v1/domain_blocks"),
        (Method::PATCH, "v2/notifications/policy"),
        (Method::POST, "v1/polls/1/votes"),
        (Method::PUT, "v1/scheduled_statuses/1"),
        (Method::POST, "v1/featured_tags"),
        (Method::POST, "v1/conversations/1/read"),
        (Method::POST, "v1/statuses/1/pin"),
        (Method::POST, "v1/statuses/1/unpin"),
        (Method::POST, "v1/statuses/1/mute"),
        (Method::POST, "v1/statuses/1/unmute"),
        (Method::POST, "v1/statuses/1/translate"),
        (Method::POST, "v1/accounts/1/note"),
        (Method::POST, "v1/accounts/1/pin"),
    ] {
        let request = ada.request(method.clone(), &format!("/api/{path}"));
        let answer = ada
            .send(request.json(&json!({"title": "x", "domain": "x.example"})))
            .await;
        let sentence = answer.refused(404);
        assert!(sentence.contains(' '), "{method} {path}: {sentence}");
    }
}
