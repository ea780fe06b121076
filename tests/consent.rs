//! The consent page as a browser meets it, and as attackers would: what it asks, where it leads, what it refuses.

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kinglet::domain::oauth::OUT_OF_BAND;
use kinglet::secret::TokenHash;
use reqwest::redirect::Policy;
use serde_json::json;
use support::server::{Client, Rig, password_of};
use url::Url;

const BACK: &str = "https://client.example/back?from=kinglet";
const VERIFIER: &str = "a-verifier-that-is-long-enough-to-be-one-0123456789";

/// A browser with cookies that stops at every redirect, so that a test sees where it leads.
struct Browser {
    http: reqwest::Client,
    base: String,
}

/// What the browser got.
struct Seen {
    status: u16,
    location: String,
    policy: String,
    cookies: Vec<String>,
    html: String,
}

impl Browser {
    fn new(rig: &Rig) -> Self {
        let http = reqwest::Client::builder()
            .cookie_store(true)
            .redirect(Policy::none())
            .no_proxy()
            .build();
        Self {
            http: http.expect("a client"),
            base: rig.server.url().to_owned(),
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Seen {
        let answer = request.send().await.expect("an answer");
        let text = |name: &str| {
            let value = answer.headers().get(name).map(|value| value.to_str());
            value.unwrap_or(Ok("")).expect("ASCII").to_owned()
        };
        let cookies = answer.headers().get_all("set-cookie").iter();
        Seen {
            status: answer.status().as_u16(),
            location: text("location"),
            policy: text("content-security-policy"),
            cookies: cookies
                .map(|cookie| cookie.to_str().expect("ASCII").to_owned())
                .collect(),
            html: answer.text().await.expect("a text"),
        }
    }

    async fn open(&self, path: &str) -> Seen {
        self.send(self.http.get(format!("{}{path}", self.base)))
            .await
    }

    async fn post(&self, path: &str, fields: &[(String, String)]) -> Seen {
        let request = self.http.post(format!("{}{path}", self.base));
        self.send(request.form(fields)).await
    }

    /// Fills in the log-in form of a page, which leads on to where it says.
    async fn log_in(&self, page: &Seen, name: &str) -> Seen {
        let mut fields = page.hidden_fields();
        fields.push(("login".into(), name.into()));
        fields.push(("password".into(), password_of(name)));
        let seen = self.post("/login", &fields).await;
        assert_eq!(seen.status, 303, "{}", seen.html);
        seen
    }
}

impl Seen {
    fn hidden_fields(&self) -> Vec<(String, String)> {
        let attribute = |tag: &str, name: &str| {
            let (_, value) = tag.split_once(&format!(" {name}=\""))?;
            let value = value.split('"').next()?;
            Some(
                value
                    .replace("&#38;", "&")
                    .replace("&amp;", "&")
                    .replace("&#34;", "\"")
                    .replace("&#39;", "'")
                    .replace("&#60;", "<")
                    .replace("&#62;", ">"),
            )
        };
        // The last form of these pages is the one that is meant: a button to log out may stand before it.
        let form = self.html.rsplit("<form").next().expect("a form");
        form.split("<input")
            .skip(1)
            .filter_map(|rest| rest.split('>').next())
            .filter(|tag| tag.contains("type=\"hidden\""))
            .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?)))
            .collect()
    }

    fn decided(&self, decision: &str) -> Vec<(String, String)> {
        let mut fields = self.hidden_fields();
        fields.push(("decision".into(), decision.into()));
        fields
    }
}

struct App {
    id: String,
    secret: String,
}

async fn register(client: &Client, name: &str, redirect_uri: &str) -> App {
    let app = json!({"client_name": name, "redirect_uris": redirect_uri, "scopes": "read write"});
    let app = client.post("/api/v1/apps", app).await.ok();
    App {
        id: app["client_id"].as_str().expect("a text").to_owned(),
        secret: app["client_secret"].as_str().expect("a text").to_owned(),
    }
}

fn query(fields: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    format!("/oauth/authorize?{query}")
}

fn request(app: &App, redirect_uri: &str, more: &[(&str, &str)]) -> String {
    let mut fields = vec![
        ("client_id", app.id.as_str()),
        ("redirect_uri", redirect_uri),
        ("response_type", "code"),
        ("scope", "read write:statuses"),
    ];
    fields.extend(more);
    query(&fields)
}

#[tokio::test]
async fn a_person_lets_a_client_in() {
    let rig = Rig::start(&["ada"]).await;
    let client = rig.anonymous();
    let app = register(&client, "<b>Nest</b> & co", BACK).await;
    let challenge = URL_SAFE_NO_PAD.encode(TokenHash::of(VERIFIER).as_bytes());
    let state = "a \"state\" with <marks> & more";
    let address = request(
        &app,
        BACK,
        &[
            ("state", state),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ],
    );
    let browser = Browser::new(&rig);
    let log_in = browser.open(&address).await;
    assert_eq!(log_in.status, 200);
    let led = browser.log_in(&log_in, "ada").await;
    assert_eq!(led.location, address, "the log-in leads back");

    let page = browser.open(&led.location).await;
    assert_eq!(page.status, 200);
    assert!(!page.html.contains("<b>Nest</b>"), "the name is escaped");
    assert!(page.html.contains("write:statuses"));
    assert!(
        page.policy
            .ends_with("form-action 'self' https://client.example")
    );
    assert!(page.policy.contains("frame-ancestors 'none'"));

    let led = browser
        .post("/oauth/authorize", &page.decided("allow"))
        .await;
    assert_eq!(led.status, 303, "{}", led.html);
    let target = Url::parse(&led.location).expect("a URL");
    assert!(led.location.starts_with(&format!("{BACK}&code=")));
    let pairs: Vec<(String, String)> = target.query_pairs().into_owned().collect();
    assert_eq!(pairs[2], ("state".to_owned(), state.to_owned()));
    let given = client
        .post(
            "/oauth/token",
            json!({
                "grant_type": "authorization_code", "client_id": app.id,
                "client_secret": app.secret, "redirect_uri": BACK,
                "code": pairs[1].1, "code_verifier": VERIFIER,
            }),
        )
        .await
        .ok();
    assert_eq!(given["scope"], "read write:statuses");
    let token = given["access_token"].as_str().expect("a token");
    let ada = client.with_token(token);
    ada.post("/api/v1/statuses", json!({"status": "hello"}))
        .await
        .ok();
}

#[tokio::test]
async fn a_person_says_no() {
    let rig = Rig::start(&["ada"]).await;
    let app = register(&rig.anonymous(), "Nest", BACK).await;
    let browser = Browser::new(&rig);
    let address = request(&app, BACK, &[("state", "x")]);
    let log_in = browser.open(&address).await;
    browser.log_in(&log_in, "ada").await;
    let page = browser.open(&address).await;
    let led = browser
        .post("/oauth/authorize", &page.decided("deny"))
        .await;
    assert!(
        led.location
            .starts_with(&format!("{BACK}&error=access_denied&"))
    );
    assert!(led.location.ends_with("&state=x"));
    let undecided = browser
        .post("/oauth/authorize", &page.hidden_fields())
        .await;
    assert_eq!(undecided.status, 422);
}

#[tokio::test]
async fn the_code_of_a_client_without_an_address_is_shown() {
    let rig = Rig::start(&["ada"]).await;
    let client = rig.anonymous();
    let app = register(&client, "toot", OUT_OF_BAND).await;
    let browser = Browser::new(&rig);
    // toot writes the address with a slash at its end.
    let address = request(&app, OUT_OF_BAND, &[]).replacen("authorize?", "authorize/?", 1);
    let log_in = browser.open(&address).await;
    browser.log_in(&log_in, "ada").await;
    let page = browser.open(&address).await;
    assert!(page.policy.ends_with("form-action 'self'"));
    let shown = browser
        .post("/oauth/authorize", &page.decided("allow"))
        .await;
    assert_eq!(shown.status, 200);
    let (_, code) = shown
        .html
        .split_once("<code class=\"code\">")
        .expect("a code");
    let code = code.split('<').next().expect("a code");
    let body = json!({
        "grant_type": "authorization_code", "client_id": app.id, "client_secret": app.secret,
        "redirect_uri": OUT_OF_BAND, "code": code,
    });
    client.post("/oauth/token", body).await.ok();
    let denied = browser
        .post("/oauth/authorize", &page.decided("deny"))
        .await;
    assert_eq!((denied.status, denied.location.as_str()), (200, ""));
}

#[tokio::test]
async fn a_request_that_is_wrong_leads_nowhere() {
    let rig = Rig::start(&["ada"]).await;
    let app = register(&rig.anonymous(), "Nest", BACK).await;
    let browser = Browser::new(&rig);
    let log_in = browser.open("/login").await;
    browser.log_in(&log_in, "ada").await;
    let id = app.id.as_str();
    let code = ("response_type", "code");
    let wrong: Vec<Vec<(&str, &str)>> = vec![
        vec![],
        vec![("client_id", "guess"), ("redirect_uri", BACK), code],
        vec![("client_id", id), code],
        vec![
            ("client_id", id),
            ("redirect_uri", "https://evil.example/"),
            code,
        ],
        vec![
            ("client_id", id),
            ("redirect_uri", "https://client.example/back"),
            code,
        ],
        vec![
            ("client_id", id),
            ("redirect_uri", "https://client.example/back?from=Kinglet"),
            code,
        ],
        vec![
            ("client_id", id),
            ("redirect_uri", BACK),
            ("response_type", "token"),
        ],
        vec![
            ("client_id", id),
            ("redirect_uri", BACK),
            code,
            ("scope", "read admin:read"),
        ],
        vec![
            ("client_id", id),
            ("redirect_uri", BACK),
            code,
            ("scope", "evil"),
        ],
        vec![
            ("client_id", id),
            ("redirect_uri", BACK),
            code,
            ("code_challenge", "plain"),
        ],
        vec![
            ("client_id", id),
            ("redirect_uri", BACK),
            code,
            ("code_challenge", VERIFIER),
            ("code_challenge_method", "plain"),
        ],
    ];
    for fields in wrong {
        let page = browser.open(&query(&fields)).await;
        assert_eq!(page.status, 400, "{fields:?}");
        assert_eq!(page.location, "", "{fields:?}");
        assert!(
            page.html.contains("<!doctype html>"),
            "a page, for a person"
        );
    }
}

#[tokio::test]
async fn an_answer_that_no_page_of_ours_asked_for_is_refused() {
    let rig = Rig::start(&["ada", "eve"]).await;
    let app = register(&rig.anonymous(), "Nest", BACK).await;
    let address = request(&app, BACK, &[]);
    let ada = Browser::new(&rig);
    let log_in = ada.open(&address).await;
    ada.log_in(&log_in, "ada").await;
    let page = ada.open(&address).await;
    let fields = page.decided("allow");

    let without: Vec<_> = fields
        .iter()
        .filter(|(name, _)| name != "csrf")
        .cloned()
        .collect();
    assert_eq!(ada.post("/oauth/authorize", &without).await.status, 403);
    let eve = Browser::new(&rig);
    let log_in = eve.open(&address).await;
    eve.log_in(&log_in, "eve").await;
    assert_eq!(eve.post("/oauth/authorize", &fields).await.status, 403);
    let foreign = ada
        .http
        .post(format!("{}/oauth/authorize", ada.base))
        .header("origin", "https://evil.example")
        .form(&fields);
    assert_eq!(ada.send(foreign).await.status, 403);
    let nobody = Browser::new(&rig);
    let led = nobody.post("/oauth/authorize", &fields).await;
    assert!(led.location.starts_with("/login"), "{}", led.status);

    // The form may say anything: scopes and targets are checked again.
    let mut wider = fields.clone();
    for (name, value) in &mut wider {
        if name == "scope" {
            *value = "read write admin:write".into();
        }
    }
    assert_eq!(ada.post("/oauth/authorize", &wider).await.status, 400);
    let mut astray = fields.clone();
    for (name, value) in &mut astray {
        if name == "redirect_uri" {
            *value = "https://evil.example/".into();
        }
    }
    assert_eq!(ada.post("/oauth/authorize", &astray).await.status, 400);
    assert_eq!(ada.post("/oauth/authorize", &fields).await.status, 303);
}

#[tokio::test]
async fn force_login_asks_again_and_the_new_session_is_another() {
    let rig = Rig::start(&["ada", "eve"]).await;
    let app = register(&rig.anonymous(), "Nest", BACK).await;
    let address = request(&app, BACK, &[("force_login", "true"), ("state", "x")]);
    let browser = Browser::new(&rig);
    let log_in = browser.open("/login").await;
    let first = browser.log_in(&log_in, "ada").await;
    let again = browser.open(&address).await;
    assert!(again.html.contains("name=\"password\""), "asked again");
    let second = browser.log_in(&again, "eve").await;
    assert!(!second.location.contains("force_login"));
    let page = browser.open(&second.location).await;
    assert!(
        page.html.contains("@eve"),
        "the page says who lets the client in"
    );
    let session = |seen: &Seen| {
        let cookie = seen
            .cookies
            .iter()
            .find(|c| c.starts_with("kinglet_session="));
        cookie
            .expect("a session")
            .split(';')
            .next()
            .map(str::to_owned)
    };
    assert_ne!(session(&first), session(&second));
    let planted = browser
        .http
        .get(format!("{}/settings/sessions", browser.base))
        .header("cookie", session(&first).expect("a cookie"));
    let old = reqwest::Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .build();
    let planted = old
        .expect("a client")
        .execute(planted.build().expect("a request"))
        .await
        .expect("an answer");
    assert_eq!(planted.status().as_u16(), 303, "the session before is over");
}
