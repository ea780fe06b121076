//! What the website and the API say and do about mail: confirmed addresses, forgotten passwords, choices, unsubscribing.
//! The mails themselves are read as they leave.

#![allow(
    clippy::panic,
    reason = "clippy takes only the test functions themselves for tests"
)]

mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use kinglet::config::{Config, MailUrl, RegistrationMode};
use kinglet::control;
use kinglet::control::protocol::{Answer, Request};
use kinglet::domain::account::Role;
use kinglet::domain::mail::MailKind;
use kinglet::ids::JobId;
use kinglet::store::units::{Bounced, BuryJob};
use serde_json::json;
use tempfile::TempDir;

use support::server::{Client, Rig, password_of};
use support::website::{Page, Visitor};

/// How long a mail may be on its way.
const MAIL_TIME_MAX: Duration = Duration::from_secs(20);
const PASSWORD: &str = "a long way from home";

/// A server that writes its mail into a directory, and what was read of it.
struct Scene {
    rig: Rig,
    directory: TempDir,
    read: BTreeSet<PathBuf>,
}

fn config(mode: RegistrationMode) -> Config {
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".parse().expect("an address");
    config.limits.rate_limits = false;
    config.registration.mode = mode;
    config
}

impl Scene {
    async fn start(mode: RegistrationMode, names: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut config = config(mode);
        config.mail.url = MailUrl::Directory(directory.path().to_owned());
        Self {
            rig: Rig::start_configured(config, names, |builder| builder).await,
            directory,
            read: BTreeSet::new(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.rig.server.url())
    }

    fn unread(&self) -> Option<PathBuf> {
        let files = std::fs::read_dir(self.directory.path()).expect("it is there");
        let mut paths = files.map(|file| file.expect("an entry").path());
        paths.find(|path| {
            path.extension().is_some_and(|kind| kind == "eml") && !self.read.contains(path)
        })
    }

    /// The next mail: lines as they were before they were made fit for transport.
    async fn mail(&mut self) -> String {
        let path = tokio::time::timeout(MAIL_TIME_MAX, async {
            loop {
                match self.unread() {
                    Some(path) => break path,
                    None => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        });
        let path = path.await.expect("a mail comes in time");
        let text = std::fs::read_to_string(&path).expect("a mail is text");
        self.read.insert(path);
        text.replace("=\r\n", "").replace("=3D", "=")
    }

    /// The address that the next mail leads to, below `path`, and whom it is to.
    async fn link(&mut self, path: &str) -> (String, String) {
        let mail = self.mail().await;
        let start = self.url(path);
        let (_, rest) = mail
            .split_once(&start)
            .unwrap_or_else(|| panic!("no link to {path} in {mail}"));
        let code: String = rest
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || "._-".contains(*c))
            .collect();
        let to = mail.lines().find(|line| line.starts_with("To: "));
        (
            format!("{start}{code}"),
            to.expect("a recipient").to_owned(),
        )
    }

    async fn log_in(&self, visitor: &Visitor, name: &str, password: &str) -> Page {
        let page = visitor.open(&self.url("/login")).await;
        let fields = [("login", name), ("password", password)];
        visitor.send(&page, "/login", &fields).await
    }

    async fn member(&self, name: &str) -> Visitor {
        let visitor = Visitor::new();
        let page = self.log_in(&visitor, name, &password_of(name)).await;
        assert_eq!(page.url.path(), "/", "{}", page.html);
        visitor
    }

    async fn sign_up(&self, visitor: &Visitor, name: &str) -> Page {
        let page = visitor.open(&self.url("/signup")).await;
        let email = format!("{name}@example.org");
        let fields = [
            ("username", name),
            ("email", &email),
            ("password", PASSWORD),
            ("password_confirmation", PASSWORD),
            ("reason", "I sing"),
            ("agreement", "true"),
        ];
        visitor.send(&page, "/signup", &fields).await
    }
}

impl Page {
    #[track_caller]
    fn shows(&self, text: &str) {
        assert!(self.html.contains(text), "no {text:?} in {}", self.html);
    }

    #[track_caller]
    fn hides(&self, text: &str) {
        assert!(!self.html.contains(text), "{text:?} in {}", self.html);
    }

    #[track_caller]
    fn is(&self, status: u16) {
        assert_eq!(self.status.as_u16(), status, "{}", self.html);
    }
}

/// The path of an address, for forms.
fn path_of(link: &str) -> String {
    let url: reqwest::Url = link.parse().expect("a URL");
    url.path().to_owned()
}

#[tokio::test]
async fn whoever_signs_up_is_let_in_by_the_link_in_the_mail() {
    let mut scene = Scene::start(RegistrationMode::Open, &[]).await;
    let visitor = Visitor::new();
    let page = scene.sign_up(&visitor, "wren").await;
    page.is(200);
    page.shows("Look into your mailbox");
    visitor.open(&scene.url("/")).await.shows("href=\"/login");
    let refused = scene.log_in(&visitor, "wren", PASSWORD).await;
    refused.is(422);
    refused.shows("Confirm your mail address first");
    let (link, to) = scene.link("/confirm/").await;
    assert!(to.contains("wren@example.org"), "{to}");
    // Whoever scans mail opens links, even several times.
    for _ in 0..2 {
        Visitor::new().open(&link).await.shows("Confirm my address");
    }
    scene.log_in(&visitor, "wren", PASSWORD).await.is(422);
    let page = visitor.open(&link).await;
    let page = visitor.send(&page, &path_of(&link), &[]).await;
    assert_eq!(page.url.path(), "/login");
    page.shows("Your mail address is confirmed.");
    let home = scene.log_in(&visitor, "wren", PASSWORD).await;
    assert_eq!(home.url.path(), "/");
    home.shows("@wren");
    visitor.open(&link).await.is(403);
}

#[tokio::test]
async fn a_confirmed_request_goes_on_to_the_moderators() {
    let mut scene = Scene::start(RegistrationMode::Approval, &[]).await;
    scene.rig.add("owner", Role::Owner).await;
    let visitor = Visitor::new();
    let page = scene.sign_up(&visitor, "wren").await;
    page.shows("a moderator looks at your request");
    let (link, _) = scene.link("/confirm/").await;
    let owner = scene.member("owner").await;
    let told = scene.url("/notifications");
    owner.open(&told).await.hides("@wren");
    let page = visitor.open(&link).await;
    let page = visitor.send(&page, &path_of(&link), &[]).await;
    page.is(200);
    page.shows("A moderator looks at your request");
    owner.open(&told).await.shows("@wren");
    let mail = scene.mail().await;
    assert!(
        mail.contains("owner@example.org") && mail.contains("wren"),
        "{mail}"
    );
    owner
        .open(&scene.url("/settings/mail"))
        .await
        .shows("name=\"sign_ups\"");
}

async fn app_token(scene: &Scene) -> Client {
    let client = scene.rig.anonymous();
    let app = json!({"client_name": "Nest", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob",
        "scopes": "read write"});
    let app = client.post("/api/v1/apps", app).await.ok();
    let asked = json!({"grant_type": "client_credentials", "client_id": app["client_id"],
        "client_secret": app["client_secret"], "scope": "read write"});
    let given = client.post("/oauth/token", asked).await.ok();
    client.with_token(given["access_token"].as_str().expect("a token"))
}

#[tokio::test]
async fn a_token_of_a_sign_up_works_when_its_address_is_confirmed() {
    let mut scene = Scene::start(RegistrationMode::Open, &["robin"]).await;
    let own = app_token(&scene).await;
    let typed = json!({"username": "wren", "email": "wrong@example.org", "password": PASSWORD,
        "agreement": true, "locale": "en"});
    let given = own.post("/api/v1/accounts", typed).await.ok();
    let token = given["access_token"].as_str().expect("a token");
    let wren = own.clone().with_token(token);
    let again = "/api/v1/emails/confirmations";
    let check = "/api/v1/emails/check_confirmation";
    assert_eq!(
        wren.get("/api/v1/timelines/home").await.refused(403),
        "Your login is missing a confirmed e-mail address"
    );
    assert_eq!(wren.get(check).await.ok(), json!(false));
    let (wrong, _) = scene.link("/confirm/").await;
    wren.post(again, json!({"email": "no address"}))
        .await
        .refused(422);
    let right = json!({"email": "right@example.org"});
    assert_eq!(wren.post(again, right).await.ok(), json!({}));
    let (link, to) = scene.link("/confirm/").await;
    assert!(to.contains("right@example.org"), "{to}");
    let visitor = Visitor::new();
    visitor.open(&wrong).await.is(403);
    let page = visitor.open(&link).await;
    visitor.send(&page, &path_of(&link), &[]).await.is(200);
    wren.get("/api/v1/timelines/home").await.ok();
    assert_eq!(wren.get(check).await.ok(), json!(true));
    wren.post(again, json!({})).await.refused(403);
    scene
        .rig
        .client("robin")
        .post(again, json!({"email": "mine@example.org"}))
        .await
        .refused(403);
    own.post(again, json!({})).await.refused(422);
    scene
        .rig
        .anonymous()
        .post(again, json!({}))
        .await
        .refused(401);
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_and_nobody_learns_who_has_an_account() {
    let mut scene = Scene::start(RegistrationMode::Closed, &["wren"]).await;
    let visitor = Visitor::new();
    visitor
        .open(&scene.url("/login"))
        .await
        .shows("href=\"/forgot\"");
    let mut answers = BTreeSet::new();
    for login in ["nobody", "nobody@example.org", "@wren"] {
        let page = visitor.open(&scene.url("/forgot")).await;
        let answer = visitor.send(&page, "/forgot", &[("login", login)]).await;
        answer.is(200);
        answers.insert(answer.html);
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    let (link, to) = scene.link("/reset/").await;
    assert!(to.contains("wren@example.org"), "{to}");
    let page = visitor.open(&link).await;
    let fields = [("password", PASSWORD), ("password_confirmation", PASSWORD)];
    let page = visitor.send(&page, &path_of(&link), &fields).await;
    assert_eq!(page.url.path(), "/login");
    let dead = visitor.open(&link).await;
    dead.is(403);
    dead.shows("The log-in page leads to a new one");
    scene
        .log_in(&visitor, "wren", PASSWORD)
        .await
        .shows("@wren");
}

#[tokio::test]
async fn an_address_is_changed_by_whoever_knows_the_password() {
    let mut scene = Scene::start(RegistrationMode::Closed, &["wren", "robin"]).await;
    let visitor = scene.member("wren").await;
    let here = scene.url("/settings/mail");
    let action = "/settings/mail/address";
    let page = visitor.open(&here).await;
    page.shows("wren@example.org");
    page.shows(">confirmed<");
    page.hides("name=\"sign_ups\"");
    let fields = [("email", "new@example.org"), ("current_password", "wrong")];
    let refused = visitor.send(&page, action, &fields).await;
    refused.shows("The password is wrong.");
    refused.shows("value=\"new@example.org\"");
    let password = password_of("wren");
    let change = async |email: &str| {
        let page = visitor.open(&here).await;
        let fields = [("email", email), ("current_password", &password)];
        visitor.send(&page, action, &fields).await
    };
    change("no address").await.is(422);
    let taken = change("robin@example.org").await;
    taken.shows("A mail is on its way to the new address.");
    let (link, _) = scene.link("/confirm/").await;
    let page = visitor.open(&link).await;
    let refused = visitor.send(&page, &path_of(&link), &[]).await;
    refused.is(409);
    refused.shows("Another account here has this mail address already");
    let free = change("new@example.org").await;
    let unlike = |page: &Page, email: &str| page.html.matches(email).count();
    assert_eq!(
        unlike(&taken, "robin@example.org"),
        unlike(&free, "new@example.org")
    );
    let waits = visitor.open(&here).await;
    waits.shows(">waiting<");
    waits.shows("formaction=\"/settings/mail/confirmation\"");
    let again = visitor
        .send_act(&waits, "/settings/mail/confirmation")
        .await;
    again.shows("The mail was sent a moment ago.");
    visitor.open(&link).await.is(403);
    let (link, to) = scene.link("/confirm/").await;
    assert!(to.contains("new@example.org"), "{to}");
    let page = visitor.open(&link).await;
    let done = visitor.send(&page, &path_of(&link), &[]).await;
    assert_eq!(done.url.path(), "/settings/mail");
    done.shows("Your mail address is confirmed.");
    done.shows("new@example.org");
    done.hides("wren@example.org");
}

#[tokio::test]
async fn choices_are_kept_and_nonsense_is_shown_again() {
    let scene = Scene::start(RegistrationMode::Closed, &["wren"]).await;
    let visitor = scene.member("wren").await;
    let here = scene.url("/settings/mail");
    let page = visitor.open(&here).await;
    let send = |fields: &[(&'static str, &'static str)]| {
        let fields = fields.to_vec();
        let (visitor, page) = (&visitor, &page);
        async move { visitor.send(page, "/settings/mail", &fields).await }
    };
    let saved = send(&[
        ("mentions", "daily"),
        ("log_ins", "true"),
        ("quiet_from", "22:00"),
        ("quiet_until", "07:30"),
        ("time_zone", "europe/berlin"),
    ])
    .await;
    saved.shows("Your choices are saved.");
    let page_now = visitor.open(&here).await;
    for shown in [
        "value=\"daily\" selected",
        "name=\"log_ins\" value=\"true\" checked",
        "value=\"22:00\"",
        "value=\"07:30\"",
        "value=\"Europe/Berlin\" placeholder",
    ] {
        page_now.shows(shown);
    }
    page_now.hides("name=\"follow_requests\" value=\"true\" checked");
    for (from, until, zone, fault) in [
        ("22:00", "", "", "id=\"quiet_until-error\""),
        ("25:00", "07:00", "", "id=\"quiet_from-error\""),
        ("07:00", "07:00", "", "id=\"quiet_until-error\""),
        ("", "", "Mars/Olympus", "id=\"time_zone-error\""),
    ] {
        let refused = send(&[
            ("mentions", "off"),
            ("quiet_from", from),
            ("quiet_until", until),
            ("time_zone", zone),
        ])
        .await;
        refused.is(422);
        refused.shows(fault);
        refused.shows("value=\"off\" selected");
    }
    send(&[("mentions", "sometimes")]).await.is(422);
    visitor.open(&here).await.shows("value=\"daily\" selected");
}

#[tokio::test]
async fn a_signed_link_turns_one_kind_of_mail_off_without_log_in() {
    let scene = Scene::start(RegistrationMode::Closed, &["wren"]).await;
    let account = scene.rig.person("wren").id;
    let key = &scene.rig.server.instance().unsubscribe_key;
    let path = format!("/unsubscribe/{}", key.sign(account, MailKind::Mention));
    let visitor = scene.member("wren").await;
    let here = scene.url("/settings/mail");
    let stranger = scene.rig.anonymous();
    let page = stranger.get(&path).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("mentions and replies"), "{}", page.text);
    assert_eq!(page.header("set-cookie"), "");
    let before = visitor.open(&here).await;
    before.shows("value=\"at_once\" selected");
    // As a mail program does it, without a cookie, and twice.
    for _ in 0..2 {
        let done = stranger.post_form(&path, &[("List-Unsubscribe", "One-Click")]);
        let done = done.await;
        assert_eq!((done.status, done.header("location")), (200, ""));
    }
    assert_eq!(stranger.post_empty(&path).await.status, 200);
    let after = visitor.open(&here).await;
    after.shows("value=\"off\" selected");
    after.shows("name=\"log_ins\" value=\"true\" checked");
    let forged = path.replace(".mention.", ".log_in.");
    for bad in [forged.as_str(), "/unsubscribe/x", "/unsubscribe/1.mention."] {
        for answer in [stranger.get(bad).await, stranger.post_empty(bad).await] {
            assert_eq!(answer.status, 403);
            assert!(
                answer.text.contains("This link isn&#39;t whole"),
                "{}",
                answer.text
            );
        }
    }
    // Somebody who isn't there is answered alike.
    let nobody = key.sign(kinglet::ids::AccountId(17), MailKind::Mention);
    let nobody = format!("/unsubscribe/{nobody}");
    assert_eq!(stranger.post_empty(&nobody).await.status, 200);
}

#[tokio::test]
async fn without_mail_pages_say_so_and_nobody_waits_for_any() {
    let config = config(RegistrationMode::Open);
    let rig = Rig::start_configured(config, &["wren", "robin"], |builder| builder).await;
    let url = |path: &str| format!("{}{path}", rig.server.url());
    let visitor = Visitor::new();
    let login = visitor.open(&url("/login")).await;
    login.hides("/forgot");
    let forgot = visitor.open(&url("/forgot")).await;
    forgot.shows("This site sends no mail.");
    forgot.hides("action=\"/forgot\"");
    let password = password_of("wren");
    let fields = [("login", "wren"), ("password", password.as_str())];
    visitor.send(&login, "/login", &fields).await;
    let page = visitor.open(&url("/settings/mail")).await;
    page.shows("This site sends no mail.");
    page.hides("/settings/mail/confirmation");
    let change = async |email: &str| {
        let fields = [("email", email), ("current_password", &password)];
        visitor.send(&page, "/settings/mail/address", &fields).await
    };
    let changed = change("new@example.org").await;
    changed.shows("This is your mail address.");
    changed.shows("new@example.org");
    changed.shows("not confirmed");
    let taken = change("robin@example.org").await;
    taken.is(422);
    taken.shows("Email has already been taken.");
}

#[tokio::test]
async fn an_address_that_mail_comes_back_from_is_shown_and_trusted_again() {
    let scene = Scene::start(RegistrationMode::Closed, &["wren"]).await;
    let visitor = scene.member("wren").await;
    let refusal = BuryJob {
        job: JobId(0),
        reason: "550 there is no <such> mailbox".to_owned(),
        bounced: Some(Bounced {
            account: scene.rig.person("wren").id,
            email: "wren@example.org".to_owned(),
        }),
    };
    let actors = &scene.rig.server.instance().actors;
    actors.perform(refusal).await.expect("it is written down");
    let page = visitor.open(&scene.url("/settings/mail")).await;
    page.shows("mail comes back");
    page.shows("550 there is no &#60;such&#62; mailbox");
    page.shows("formaction=\"/settings/mail/trust\"");
    let trusted = visitor.send_act(&page, "/settings/mail/trust").await;
    trusted.shows("Mail is sent to your address again.");
    trusted.hides("mail comes back");
    trusted.shows(">confirmed<");
}

#[tokio::test]
async fn the_operator_tries_out_whether_mail_leaves() {
    let mut scene = Scene::start(RegistrationMode::Closed, &[]).await;
    let send = async |address: &str| {
        let request = Request::SendTestMail {
            address: address.to_owned(),
        };
        control::handle(request, scene.rig.server.instance()).await
    };
    assert!(matches!(send("me@birds.example").await, Ok(Answer::Done)));
    assert!(send("nobody").await.is_err(), "no address");
    let mail = scene.mail().await;
    assert!(mail.contains("To: me@birds.example"), "{mail}");

    let rig = Rig::start(&[]).await;
    let request = Request::SendTestMail {
        address: "me@birds.example".to_owned(),
    };
    let refused = control::handle(request, rig.server.instance()).await;
    let sentence = refused.expect_err("no mail is sent").to_string();
    assert!(sentence.contains("mail.url is not set"), "{sentence}");
}
