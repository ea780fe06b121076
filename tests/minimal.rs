//! What every kinglet can, whatever it was built without: started, let in through an app, written to, read, started
//! again. `tests/features` runs this for a kinglet without any feature; here it is held against what it was built with.

mod support;

use kinglet::Server;
use kinglet::config::Config;
use kinglet::control;
use kinglet::control::protocol::{Answer, Request};
use kinglet::domain::account::Role;
use kinglet::features;
use kinglet::ids::AccountId;
use serde_json::{Value as Json, json};
use support::server::{Client, password_of};
use support::website::Visitor;

const OUT_OF_BAND: &str = "urn:ietf:wg:oauth:2.0:oob";

async fn start(data: &std::path::Path) -> Server {
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".parse().expect("an address");
    // Links outlive the port.
    config.instance.url = Some("http://127.0.0.1".parse().expect("an address"));
    let server = Server::builder().config(config).data_dir(data);
    server.start().await.expect("the server starts")
}

async fn create(server: &Server, name: &str) -> AccountId {
    let (email, password) = (format!("{name}@example.org"), password_of(name));
    let created = server.create_account(name, &email, &password, Role::User);
    created.await.expect("the name is free")
}

fn text<'a>(json: &'a Json, name: &str) -> &'a str {
    json[name].as_str().expect("a text")
}

async fn found(client: &Client, kind: &str, words: &str) -> usize {
    let path = format!("/api/v2/search?q={words}&type={kind}");
    let found = client.get(&path).await.ok();
    found[kind].as_array().expect("a list").len()
}

async fn assert_sound(server: &Server) {
    let checked = control::handle(Request::Check, server.instance()).await;
    assert!(
        matches!(&checked, Ok(Answer::Checked { broken }) if broken.is_empty()),
        "{checked:?}"
    );
}

/// An app's whole way in, as a person sees it: registered, log-in, consent, the code, the token.
async fn let_in(address: &str, name: &str) -> Client {
    let client = Client::new(address);
    let app = json!({"client_name": "Nest", "redirect_uris": OUT_OF_BAND, "scopes": "read write"});
    let app = client.post("/api/v1/apps", app).await.ok();
    let client_id = text(&app, "client_id");
    let visitor = Visitor::new();
    let page = visitor
        .open(&format!(
            "{address}/oauth/authorize?client_id={client_id}&redirect_uri={OUT_OF_BAND}&response_type=code&scope=read+write"
        ))
        .await;
    let password = password_of(name);
    let filled = [("login", name), ("password", password.as_str())];
    let page = visitor.send(&page, "/login", &filled).await;
    assert!(page.html.contains("Nest"), "{}", page.html);
    let filled = [("decision", "allow")];
    let page = visitor.send(&page, "/oauth/authorize", &filled).await;
    let code = page.text_of("code").expect("a code");
    let token = json!({
        "grant_type": "authorization_code",
        "client_id": client_id,
        "client_secret": text(&app, "client_secret"),
        "redirect_uri": OUT_OF_BAND,
        "code": code.trim(),
    });
    let token = client.post("/oauth/token", token).await.ok();
    client.with_token(text(&token, "access_token"))
}

#[tokio::test]
async fn an_app_is_let_in_writes_reads_and_finds_the_same_after_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let server = start(&data).await;
    create(&server, "alice").await;
    let bob = create(&server, "bob").await;
    let address = format!("http://{}", server.addr());
    let client = let_in(&address, "alice").await;
    let follow = format!("/api/v1/accounts/{bob}/follow");
    client.post_empty(&follow).await.ok();
    let bobs = let_in(&address, "bob").await;
    let post = json!({"status": "A goldfinch at the feeder #birds"});
    let post = bobs.post("/api/v1/statuses", post).await.ok();
    let home = client.get("/api/v1/timelines/home").await.ok();
    assert_eq!(home[0]["id"], post["id"]);
    assert_eq!(
        found(&client, "statuses", "goldfinch").await,
        usize::from(features::SEARCH)
    );
    assert_eq!(found(&client, "accounts", "bob").await, 1);
    assert_eq!(found(&client, "hashtags", "birds").await, 1);
    let avatar = text(&post["account"], "avatar");
    let path = avatar.strip_prefix("http://127.0.0.1").expect("a picture");
    let picture = client.get_bytes(path).await;
    assert!(picture.starts_with(b"\x89PNG"), "apps show a picture");
    assert_sound(&server).await;
    server.shutdown().await.expect("it stops");

    let server = start(&data).await;
    let address = format!("http://{}", server.addr());
    let token = client.token().expect("it was let in").to_owned();
    let client = Client::new(&address).with_token(token);
    let again = client.get("/api/v1/timelines/home").await.ok();
    assert_eq!(again[0]["id"], post["id"]);
    assert_sound(&server).await;
    assert_eq!(data.join("timelines").exists(), features::SNAPSHOTS);
    let front = Visitor::new().open(&address).await;
    assert_eq!(front.status, 200);
    assert_eq!(
        front.html.contains("an app for Mastodon"),
        !features::WEB,
        "{}",
        front.html
    );
    let elsewhere = Visitor::new().open(&format!("{address}/public")).await;
    assert_eq!(elsewhere.status == 200, features::WEB);
    server.shutdown().await.expect("it stops");
}

#[test]
fn mail_can_only_be_set_where_it_can_be_sent() {
    let mut config = Config::default();
    let set = config.set("mail.url", "console:");
    assert_eq!(set.is_ok(), features::MAIL);
    if let Err(faults) = set {
        let faults = faults.to_string();
        assert!(
            faults.contains("built without the feature mail"),
            "{faults}"
        );
    }
    assert_eq!(config.mail.url.is_on(), features::MAIL);
}
