//! OAuth as clients use it, and as attackers would: apps, codes, tokens, their end; signing up through a client.

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kinglet::actors::users::GrantCode;
use kinglet::config::{Config, RegistrationMode};
use kinglet::domain::access::Authority;
use kinglet::domain::oauth::{OUT_OF_BAND, parse_challenge};
use kinglet::domain::scope::Scopes;
use kinglet::ids::AccountId;
use kinglet::secret::TokenHash;
use kinglet::store::units::{ApproveAccount, SuspendAccount};
use reqwest::Method;
use serde_json::{Value as Json, json};
use support::server::{Answer, Client, Rig};

const BACK: &str = "https://client.example/back?from=kinglet";

/// A client application with its credentials.
struct App {
    id: String,
    secret: String,
}

impl App {
    async fn register(client: &Client, scopes: &str) -> Self {
        let registered = client
            .post(
                "/api/v1/apps",
                json!({"client_name": "Nest", "redirect_uris": [BACK, OUT_OF_BAND], "scopes": scopes}),
            )
            .await
            .ok();
        let text = |name: &str| registered[name].as_str().expect("a text").to_owned();
        Self {
            id: text("client_id"),
            secret: text("client_secret"),
        }
    }

    /// A code, as if the person had agreed.
    async fn code(&self, rig: &Rig, account: AccountId, scopes: &str, verifier: &str) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(TokenHash::of(verifier).as_bytes());
        let granted = rig.server.instance().actors.users.send(GrantCode {
            client_id: self.id.clone(),
            account,
            redirect_uri: BACK.into(),
            scopes: Scopes::parse(scopes).expect("scopes"),
            challenge: (!verifier.is_empty())
                .then(|| parse_challenge(&challenge).expect("a challenge")),
        });
        let code = granted.await.expect("an answer").expect("no refusal");
        code.expect("no fault").into_exposed()
    }

    fn exchange(&self, code: &str, verifier: &str) -> Json {
        let mut body = json!({
            "grant_type": "authorization_code",
            "client_id": self.id,
            "client_secret": self.secret,
            "redirect_uri": BACK,
            "code": code,
        });
        if !verifier.is_empty() {
            body["code_verifier"] = verifier.into();
        }
        body
    }

    async fn own_token(&self, client: &Client) -> Client {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.id),
            ("client_secret", &self.secret),
        ];
        let given = client.post_form("/oauth/token", &fields).await.ok();
        client.clone().with_token(token_of(&given))
    }
}

fn token_of(given: &Json) -> String {
    given["access_token"].as_str().expect("a token").to_owned()
}

#[track_caller]
fn oauth_error(answer: &Answer, status: u16) -> String {
    let error = answer.refused(status);
    let description = answer.json()["error_description"].clone();
    assert!(description.is_string(), "{}", answer.text);
    error
}

const VERIFIER: &str = "a-verifier-that-is-long-enough-to-be-one-0123456789";

#[tokio::test]
async fn post_api_v1_apps_takes_every_kind_of_body() {
    let rig = Rig::start(&[]).await;
    let client = rig.anonymous();
    let form = [
        ("client_name", "Nest"),
        (
            "redirect_uris",
            "nest://one\nnest:/two  urn:ietf:wg:oauth:2.0:oob",
        ),
        ("scopes", "read write:statuses"),
        ("website", "https://nest.example"),
    ];
    let by_form = client.post_form("/api/v1/apps", &form).await;
    assert_eq!(by_form.header("cache-control"), "no-store");
    assert_eq!(by_form.header("access-control-allow-origin"), "*");
    let app = by_form.ok();
    assert_eq!(app["scopes"], json!(["read", "write:statuses"]));
    assert_eq!(
        app["redirect_uris"],
        json!(["nest://one", "nest:/two", OUT_OF_BAND])
    );
    assert_eq!(app["website"], "https://nest.example");
    assert_eq!(app["client_secret_expires_at"], 0);
    for name in [
        "id",
        "client_id",
        "client_secret",
        "vapid_key",
        "redirect_uri",
    ] {
        assert!(
            app[name].as_str().is_some_and(|text| !text.is_empty()),
            "{name}"
        );
    }
    let minimal = json!({"client_name": "Nest", "redirect_uris": "nest:/x", "website": null});
    let minimal = client.post("/api/v1/apps", minimal).await.ok();
    assert_eq!(minimal["scopes"], json!(["read"]));
    assert_eq!(minimal["website"], Json::Null);
    assert_ne!(minimal["client_id"], app["client_id"]);
}

#[tokio::test]
async fn post_api_v1_apps_refuses_what_could_run_or_mislead() {
    let rig = Rig::start(&[]).await;
    let client = rig.anonymous();
    for uri in [
        "javascript:alert(1)",
        "data:text/html,x",
        "https://a.example/#x",
        "/relative",
        "",
        "https://user@a.example/",
    ] {
        let app = json!({"client_name": "Nest", "redirect_uris": [uri]});
        client.post("/api/v1/apps", app).await.refused(422);
    }
    let app = json!({"client_name": "Nest", "redirect_uris": "nest:/x", "scopes": "read evil"});
    client.post("/api/v1/apps", app).await.refused(422);
    let app = json!({"redirect_uris": "nest:/x"});
    client.post("/api/v1/apps", app).await.refused(422);
    let app = json!({"client_name": "Nest", "redirect_uris": "nest:/x", "website": "javascript:x"});
    client.post("/api/v1/apps", app).await.refused(422);
}

#[tokio::test]
async fn a_clients_own_token_reaches_no_users_route() {
    let rig = Rig::start(&[]).await;
    let client = rig.anonymous();
    let app = App::register(&client, "read write").await;
    let own = app.own_token(&client).await;
    let verified = own.get("/api/v1/apps/verify_credentials").await.ok();
    assert_eq!(verified["name"], "Nest");
    assert!(verified.get("client_secret").is_none());
    assert_eq!(
        own.get("/api/v1/timelines/home").await.refused(422),
        "This method requires an authenticated user"
    );
    own.post("/api/v1/statuses", json!({"status": "x"}))
        .await
        .refused(422);
    own.get("/api/v1/timelines/public").await.ok();
    let unknown = client.clone().with_token("guess");
    assert_eq!(
        unknown
            .get("/api/v1/apps/verify_credentials")
            .await
            .refused(401),
        "The access token is invalid"
    );
}

#[tokio::test]
async fn post_oauth_token_wants_the_clients_secret_shown_in_one_way() {
    let rig = Rig::start(&[]).await;
    let client = rig.anonymous();
    let app = App::register(&client, "read").await;
    let token = |body: Json| {
        let client = &client;
        async move { client.post("/oauth/token", body).await }
    };
    let own = |id: &str, secret: &str| json!({"grant_type": "client_credentials", "client_id": id, "client_secret": secret});
    let given = token(own(&app.id, &app.secret)).await;
    assert_eq!(given.header("cache-control"), "no-store");
    let given = given.ok();
    assert_eq!(
        (&given["token_type"], &given["scope"]),
        (&json!("Bearer"), &json!("read"))
    );
    assert_eq!(given["created_at"], 1_790_000_000_i64);
    assert_eq!(
        oauth_error(&token(own(&app.id, "guess")).await, 401),
        "invalid_client"
    );
    assert_eq!(
        oauth_error(&token(own("guess", &app.secret)).await, 401),
        "invalid_client"
    );
    let without = json!({"grant_type": "client_credentials", "client_id": app.id});
    assert_eq!(oauth_error(&token(without).await, 401), "invalid_client");
    assert_eq!(oauth_error(&token(json!({})).await, 400), "invalid_request");
    let mut password = own(&app.id, &app.secret);
    password["grant_type"] = "password".into();
    assert_eq!(
        oauth_error(&token(password).await, 400),
        "unsupported_grant_type"
    );
    let mut wider = own(&app.id, &app.secret);
    wider["scope"] = "read write".into();
    assert_eq!(oauth_error(&token(wider).await, 400), "invalid_scope");
    let broken = client
        .request(Method::POST, "/oauth/token")
        .header("content-type", "application/json")
        .body("{");
    assert_eq!(
        oauth_error(&client.send(broken).await, 400),
        "invalid_request"
    );

    let basic = |secret: &str, fields: &[(&str, &str)]| {
        let shown = STANDARD.encode(format!("{}:{secret}", app.id));
        let request = client
            .request(Method::POST, "/oauth/token")
            .header("authorization", format!("Basic {shown}"));
        client.send(request.form(fields))
    };
    let grant = ("grant_type", "client_credentials");
    basic(&app.secret, &[grant]).await.ok();
    let refused = basic("guess", &[grant]).await;
    assert_eq!(oauth_error(&refused, 401), "invalid_client");
    assert!(refused.header("www-authenticate").starts_with("Basic "));
    let twice = basic(&app.secret, &[grant, ("client_secret", &app.secret)]).await;
    assert_eq!(oauth_error(&twice, 400), "invalid_request");
}

#[tokio::test]
async fn a_code_becomes_a_token_once_and_a_second_try_ends_it() {
    let rig = Rig::start(&["ada"]).await;
    let client = rig.anonymous();
    let app = App::register(&client, "read write").await;
    let ada = rig.person("ada").id;
    let code = app.code(&rig, ada, "read", VERIFIER).await;
    let exchange = |body: Json| {
        let client = &client;
        async move { client.post("/oauth/token", body).await }
    };
    for wrong in [
        "",
        "another-verifier-that-is-long-enough-0123456789",
        "short",
    ] {
        let answer = exchange(app.exchange(&code, wrong)).await;
        assert_eq!(oauth_error(&answer, 400), "invalid_grant", "{wrong}");
    }
    let mut elsewhere = app.exchange(&code, VERIFIER);
    elsewhere["redirect_uri"] = "https://client.example/back".into();
    assert_eq!(
        oauth_error(&exchange(elsewhere).await, 400),
        "invalid_grant"
    );
    let other = App::register(&client, "read write").await;
    let stolen = exchange(other.exchange(&code, VERIFIER)).await;
    assert_eq!(oauth_error(&stolen, 400), "invalid_grant");

    let given = exchange(app.exchange(&code, VERIFIER)).await.ok();
    assert_eq!(given["scope"], "read");
    let ada = client.clone().with_token(token_of(&given));
    ada.get("/api/v1/timelines/home").await.ok();
    assert_eq!(
        ada.post("/api/v1/statuses", json!({"status": "x"}))
            .await
            .refused(403),
        "This action is outside the authorized scopes"
    );
    let again = exchange(app.exchange(&code, VERIFIER)).await;
    assert_eq!(oauth_error(&again, 400), "invalid_grant");
    ada.get("/api/v1/timelines/home").await.refused(401);
}

#[tokio::test]
async fn a_verifier_for_a_code_without_a_challenge_is_refused_and_codes_grow_old() {
    let rig = Rig::start(&["ada"]).await;
    let client = rig.anonymous();
    let app = App::register(&client, "read").await;
    let ada = rig.person("ada").id;
    let code = app.code(&rig, ada, "read", "").await;
    let downgraded = client
        .post("/oauth/token", app.exchange(&code, VERIFIER))
        .await;
    assert_eq!(oauth_error(&downgraded, 400), "invalid_grant");
    rig.pass_seconds(599);
    client
        .post("/oauth/token", app.exchange(&code, ""))
        .await
        .ok();
    let code = app.code(&rig, ada, "read", "").await;
    rig.pass_seconds(600);
    let late = client.post("/oauth/token", app.exchange(&code, "")).await;
    assert_eq!(oauth_error(&late, 400), "invalid_grant");
}

#[tokio::test]
async fn post_oauth_revoke_ends_a_clients_own_token_for_the_next_request() {
    let rig = Rig::start(&["ada"]).await;
    let client = rig.anonymous();
    let app = App::register(&client, "read").await;
    let code = app.code(&rig, rig.person("ada").id, "read", "").await;
    let given = client
        .post("/oauth/token", app.exchange(&code, ""))
        .await
        .ok();
    let token = token_of(&given);
    let ada = client.clone().with_token(&token);
    ada.get("/api/v1/timelines/home").await.ok();
    let revoke = |app: &App, token: &str| {
        let body = json!({"client_id": app.id, "client_secret": app.secret, "token": token});
        let client = client.clone();
        async move { client.post("/oauth/revoke", body).await }
    };
    let other = App::register(&client, "read").await;
    assert_eq!(
        oauth_error(&revoke(&other, &token).await, 403),
        "unauthorized_client"
    );
    let guess = App {
        id: app.id.clone(),
        secret: "guess".into(),
    };
    assert_eq!(
        oauth_error(&revoke(&guess, &token).await, 401),
        "invalid_client"
    );
    revoke(&app, "unknown").await.ok();
    ada.get("/api/v1/timelines/home").await.ok();
    revoke(&app, &token).await.ok();
    ada.get("/api/v1/timelines/home").await.refused(401);
}

#[tokio::test]
async fn a_suspension_is_in_force_for_the_next_request() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.person("ada");
    ada.client.get("/api/v1/timelines/home").await.ok();
    let unit = SuspendAccount {
        by: Authority::Operator,
        account: ada.id,
    };
    let actors = &rig.server.instance().actors;
    actors.perform(unit).await.expect("no owner");
    ada.client.get("/api/v1/timelines/home").await.refused(401);
}

#[tokio::test]
async fn the_metadata_names_endpoints_that_answer() {
    let rig = Rig::start(&[]).await;
    let client = rig.anonymous();
    let found = client.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(found.header("access-control-allow-origin"), "*");
    let metadata = found.ok();
    assert_eq!(metadata["issuer"], rig.server.url());
    assert_eq!(
        metadata["code_challenge_methods_supported"],
        json!(["S256"])
    );
    for endpoint in [
        "token_endpoint",
        "revocation_endpoint",
        "app_registration_endpoint",
    ] {
        let address = metadata[endpoint].as_str().expect("an address");
        let answer = client.post(address, json!({})).await;
        assert!(
            [400, 401, 422].contains(&answer.status),
            "{endpoint}: {}",
            answer.text
        );
    }
    let userinfo = metadata["userinfo_endpoint"].as_str().expect("an address");
    client.get(userinfo).await.refused(401);
}

#[tokio::test]
async fn get_oauth_userinfo_tells_name_and_picture_for_the_scope_profile() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.person("ada").id;
    let profile = rig.client_of(ada, "profile").await;
    let info = profile.get("/oauth/userinfo").await.ok();
    assert_eq!(info["preferred_username"], "ada");
    assert_eq!(info["sub"], format!("{}/users/ada", rig.server.url()));
    assert!(
        info["picture"]
            .as_str()
            .is_some_and(|url| url.starts_with("http"))
    );
    profile.get("/api/v1/timelines/home").await.refused(403);
    let writing = rig.client_of(ada, "write").await;
    writing.get("/oauth/userinfo").await.refused(403);
}

async fn rig_with_registration(mode: RegistrationMode) -> (Rig, Client) {
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".parse().expect("an address");
    config.limits.rate_limits = false;
    config.registration.mode = mode;
    let rig = Rig::start_configured(config, &[], |builder| builder).await;
    let client = rig.anonymous();
    let app = App::register(&client, "read write").await;
    let own = app.own_token(&client).await;
    (rig, own)
}

fn robin() -> Json {
    json!({
        "username": "robin", "email": "Robin@example.org", "password": "a red breast",
        "agreement": true, "locale": "en",
    })
}

#[tokio::test]
async fn post_api_v1_accounts_makes_an_account_and_a_token() {
    let (rig, own) = rig_with_registration(RegistrationMode::Open).await;
    let given = own.post("/api/v1/accounts", robin()).await.ok();
    let robin_client = own.clone().with_token(token_of(&given));
    robin_client
        .post("/api/v1/statuses", json!({"status": "hello"}))
        .await
        .ok();
    let again = own.post("/api/v1/accounts", robin()).await;
    assert_eq!(
        again.refused(422),
        "Validation failed: Username has already been taken"
    );
    assert_eq!(again.json()["details"]["username"][0]["error"], "ERR_TAKEN");
    let bad = json!({"username": "not ok", "email": "x", "password": "short", "agreement": false});
    let bad = own.post("/api/v1/accounts", bad).await;
    bad.refused(422);
    for field in ["username", "email", "password", "agreement"] {
        assert!(
            bad.json()["details"][field][0]["error"].is_string(),
            "{field}"
        );
    }
    robin_client
        .post("/api/v1/accounts", robin())
        .await
        .refused(403);
    rig.anonymous()
        .post("/api/v1/accounts", robin())
        .await
        .refused(401);
}

#[tokio::test]
async fn post_api_v1_accounts_follows_the_registration_mode() {
    let (_closed, own) = rig_with_registration(RegistrationMode::Closed).await;
    own.post("/api/v1/accounts", robin()).await.refused(403);
    let (_invite, own) = rig_with_registration(RegistrationMode::Invite).await;
    own.post("/api/v1/accounts", robin()).await.refused(403);

    let (rig, own) = rig_with_registration(RegistrationMode::Approval).await;
    let given = own.post("/api/v1/accounts", robin()).await.ok();
    let client = own.clone().with_token(token_of(&given));
    assert_eq!(
        client.get("/api/v1/timelines/home").await.refused(403),
        "Your login is currently pending approval"
    );
    let actors = &rig.server.instance().actors;
    let name = "robin".to_owned();
    let found = kinglet::store::queries::access::FindMember { name };
    let member = actors.find(found).await.expect("an answer").expect("robin");
    let unit = ApproveAccount {
        by: Authority::Operator,
        account: member.id,
    };
    actors.perform(unit).await.expect("pending");
    client.get("/api/v1/timelines/home").await.ok();
}
