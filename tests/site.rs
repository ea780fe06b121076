//! The website as a browser without JavaScript meets it: what pages show to whom, what forms do, what attacks don't.

#![allow(
    clippy::panic,
    reason = "clippy takes only the test functions themselves for tests"
)]

mod support;

use kinglet::actors::users::MakeLink;
use kinglet::config::Config;
use kinglet::domain::account::Role;
use kinglet::http::routes;
use reqwest::cookie::{CookieStore, Jar};
use reqwest::header::{COOKIE, HeaderMap, ORIGIN, SET_COOKIE};
use reqwest::multipart::Form;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use std::sync::Arc;

use support::server::{Rig, password_of};

/// A browser: it keeps cookies and, so that tests see them, follows no redirects.
struct Browser {
    http: reqwest::Client,
    jar: Arc<Jar>,
    base: String,
}

/// What a browser was answered.
#[derive(Debug, Clone)]
struct Page {
    status: u16,
    headers: HeaderMap,
    html: String,
}

impl Page {
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str());
        value.unwrap_or(Ok("")).expect("a header of ASCII")
    }

    #[track_caller]
    fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{}", self.html);
        self
    }

    #[track_caller]
    fn went_to(&self, path: &str) {
        assert_eq!(self.status, 303, "{}", self.html);
        assert_eq!(self.header("location"), path);
    }

    #[track_caller]
    fn shows(&self, text: &str) {
        assert!(self.html.contains(text), "no {text:?} in {}", self.html);
    }

    #[track_caller]
    fn hides(&self, text: &str) {
        assert!(!self.html.contains(text), "{text:?} in {}", self.html);
    }

    /// The value of the first hidden field of this name.
    #[track_caller]
    fn hidden(&self, name: &str) -> String {
        let mark = format!("name=\"{name}\" value=\"");
        let (_, rest) = self
            .html
            .split_once(&mark)
            .unwrap_or_else(|| panic!("no field {name} in {}", self.html));
        let value = rest.split('"').next().expect("a value");
        value.replace("&#38;", "&").replace("&#39;", "'")
    }
}

impl Browser {
    fn new(rig: &Rig) -> Self {
        let jar = Arc::new(Jar::default());
        let http = reqwest::Client::builder()
            .cookie_provider(Arc::clone(&jar))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
            .no_proxy()
            .build()
            .expect("a client");
        Self {
            http,
            jar,
            base: rig.server.url().to_owned(),
        }
    }

    /// The browser of a member who logged in.
    async fn of(rig: &Rig, name: &str) -> Self {
        let browser = Self::new(rig);
        browser.log_in(name, &password_of(name)).await.went_to("/");
        browser
    }

    fn cookies(&self) -> String {
        let url = self.base.parse().expect("a URL");
        let cookies = self.jar.cookies(&url);
        cookies.map_or(String::new(), |line| {
            line.to_str().expect("ASCII").to_owned()
        })
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Page {
        let response = request.send().await.expect("an answer");
        Page {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            html: response.text().await.expect("a text"),
        }
    }

    async fn get(&self, path: &str) -> Page {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends fields as they are.
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.send(self.request(Method::POST, path).form(fields))
            .await
    }

    /// Opens a page, and sends a form of it.
    async fn submit(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> Page {
        let opened = self.get(page).await.ok();
        opened.shows(&format!("action=\"{action}\""));
        let csrf = opened.hidden("csrf");
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend(fields);
        self.post(action, &all).await
    }

    /// Presses a single button of a page.
    async fn press(&self, page: &str, action: &str) -> Page {
        let opened = self.get(page).await.ok();
        opened.shows(&format!("formaction=\"{action}\""));
        let (csrf, here) = (opened.hidden("csrf"), opened.hidden("return_to"));
        let pressed = self
            .post(action, &[("csrf", &csrf), ("return_to", &here)])
            .await;
        assert_eq!(pressed.status, 303, "{action}: {}", pressed.html);
        pressed
    }

    async fn log_in(&self, login: &str, password: &str) -> Page {
        let fields = [("login", login), ("password", password), ("return_to", "/")];
        self.submit("/login", "/login", &fields).await
    }
}

async fn publish(rig: &Rig, name: &str, status: &str, visibility: &str) -> String {
    let body = json!({"status": status, "visibility": visibility});
    let posted = rig.client(name).post("/api/v1/statuses", body).await.ok();
    posted["id"].as_str().expect("an id").to_owned()
}

async fn link(rig: &Rig, make: MakeLink) -> String {
    let made = rig.server.instance().actors.users.send(make).await;
    let code = made.expect("Users is there").expect("it may be made");
    code.into_exposed()
}

const READING: [&str; 12] = [
    "/",
    "/public",
    "/tags/birds",
    "/search",
    "/search?q=robin",
    "/search?q=ada&type=accounts",
    "/search?q=birds&type=hashtags",
    "/search?q=robin&type=statuses",
    "/about",
    "/@ada",
    "/@ada/with_replies",
    "/@ada/followers",
];

#[tokio::test]
async fn visitors_read_what_is_public_and_nothing_runs_in_their_browsers() {
    let rig = Rig::start(&["ada"]).await;
    let id = publish(&rig, "ada", "A robin sings #birds", "public").await;
    let visitor = Browser::new(&rig);
    for path in ["/", "/public", "/tags/birds", "/search?q=robin", "/@ada"] {
        visitor.get(path).await.ok().shows("A robin sings");
    }
    let post = visitor.get(&format!("/@ada/{id}")).await.ok();
    post.shows("A robin sings");
    post.shows("href=\"/tags/birds\"");
    let mut paths: Vec<String> = READING.iter().map(|path| (*path).to_owned()).collect();
    paths.extend(["", "/history", "/favourites", "/boosts"].map(|tab| format!("/@ada/{id}{tab}")));
    paths.extend(["/@ada/following", "/login", "/signup", "/setup"].map(str::to_owned));
    for path in paths {
        let page = visitor.get(&path).await.ok();
        assert_eq!(
            page.header("content-type"),
            "text/html; charset=utf-8",
            "{path}"
        );
        let policy = page.header("content-security-policy");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(policy.contains("form-action 'self'"), "{path}");
        assert_eq!(page.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(page.header("vary"), "cookie", "{path}");
        for bad in [
            "<script",
            " style=\"",
            " onclick=",
            " onload=",
            "javascript:",
        ] {
            page.hides(bad);
        }
        let has_form = page.html.contains("name=\"csrf\"");
        let is_shared = page.header("cache-control").starts_with("public");
        let is_way_in = ["/login", "/signup", "/setup"].contains(&path.as_str());
        assert!(
            !(has_form && is_shared),
            "{path}: a token is for one browser"
        );
        assert_eq!(is_shared, !is_way_in, "{path}");
    }
}

#[tokio::test]
async fn files_are_cached_for_ever_and_come_compressed() {
    let rig = Rig::start(&["ada"]).await;
    let visitor = Browser::new(&rig);
    let page = visitor.get("/").await.ok();
    let (_, rest) = page
        .html
        .split_once("href=\"/assets/kinglet-")
        .expect("a style sheet");
    let path = format!(
        "/assets/kinglet-{}",
        rest.split('"').next().expect("a path")
    );
    let plain = visitor.get(&path).await.ok();
    assert_eq!(
        plain.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(plain.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(plain.header("content-encoding"), "");
    let request = visitor
        .request(Method::GET, &path)
        .header("accept-encoding", "gzip");
    let packed = request.send().await.expect("an answer");
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    assert_eq!(packed.headers()["vary"], "Accept-Encoding");
    let bytes = packed.bytes().await.expect("a body");
    assert_eq!(bytes[..2], [0x1f, 0x8b]);
    assert_eq!(visitor.get("/assets/kinglet-0.css").await.status, 404);
    let head = visitor.send(visitor.request(Method::HEAD, &path)).await;
    assert_eq!((head.status, head.html.as_str()), (200, ""));
    let profile = visitor.get("/@ada").await.ok();
    let (_, rest) = profile
        .html
        .split_once("src=\"/pictures/")
        .expect("a picture");
    let picture = format!("/pictures/{}", rest.split('"').next().expect("a path"));
    let picture = visitor
        .request(Method::GET, &picture)
        .send()
        .await
        .expect("an answer");
    assert_eq!(picture.headers()["content-type"], "image/png");
}

#[tokio::test]
async fn members_have_every_page_to_themselves() {
    let rig = Rig::start(&["ada", "ben"]).await;
    let id = publish(&rig, "ada", "A robin sings #birds", "public").await;
    let ada = Browser::of(&rig, "ada").await;
    let mut paths: Vec<String> = READING.iter().map(|path| (*path).to_owned()).collect();
    paths.extend(["", "/history", "/favourites", "/boosts"].map(|tab| format!("/@ada/{id}{tab}")));
    paths.extend([format!("/posts/{id}/edit"), format!("/posts/{id}/delete")]);
    paths.extend(
        [
            "/compose",
            "/favourites",
            "/bookmarks",
            "/notifications",
            "/notifications?only=mentions",
            "/notifications?only=requests",
            "/settings/profile",
            "/settings/account",
            "/settings/sessions",
            "/settings/blocks",
            "/settings/mutes",
            "/@ben",
        ]
        .map(str::to_owned),
    );
    let visitor = Browser::new(&rig);
    for path in paths {
        let page = ada.get(&path).await.ok();
        assert_eq!(page.header("cache-control"), "private, no-store", "{path}");
        page.shows("@ada");
        page.shows("action=\"/logout\"");
        page.hides("<script");
        page.hides(" style=\"");
        // Who may not be there is sent to the log-in page and comes back afterwards.
        let strangers = visitor.get(&path).await;
        if strangers.status != 200 {
            let back = path
                .replace('/', "%2F")
                .replace('?', "%3F")
                .replace('=', "%3D");
            strangers.went_to(&format!("/login?return_to={back}"));
        }
    }
    assert_eq!(visitor.get("/compose").await.status, 303);
    ada.get("/settings").await.went_to("/settings/profile");
    ada.get("/login?return_to=/about").await.went_to("/about");
}

#[tokio::test]
async fn a_session_begins_with_the_right_password_and_ends_for_good() {
    let rig = Rig::start(&["ada"]).await;
    let browser = Browser::new(&rig);
    let refused = browser.log_in("ada", "wrong password").await;
    assert_eq!(refused.status, 422);
    refused.shows("Wrong name, mail address or password");
    refused.shows("value=\"ada\"");
    refused.hides("wrong password\"");
    let unknown = browser.log_in("nobody", "wrong password").await;
    assert_eq!(unknown.status, 422);
    let password = password_of("ada");
    let fields = [
        ("login", "ada@example.org"),
        ("password", password.as_str()),
        ("return_to", "/settings/profile"),
    ];
    let path = "/login?return_to=%2Fsettings%2Fprofile";
    let came = browser.submit(path, "/login", &fields).await;
    came.went_to("/settings/profile");
    let cookie = came.headers.get_all(SET_COOKIE).iter().find_map(|line| {
        let line = line.to_str().ok()?;
        line.starts_with("kinglet_session=")
            .then(|| line.to_owned())
    });
    let cookie = cookie.expect("a session");
    for part in ["; Path=/", "; HttpOnly", "; SameSite=Lax"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let value = cookie.split(';').next().expect("a value").to_owned();
    assert_eq!(value.len(), "kinglet_session=".len() + 43, "256 bits");
    let out = browser.submit("/", "/logout", &[]).await;
    out.went_to("/");
    let page = browser.get("/").await.ok();
    page.shows("You are logged out.");
    page.shows("Log in");
    browser.get("/").await.ok().hides("You are logged out.");
    // The old cookie opens nothing any more.
    let stale = Browser::new(&rig);
    let request = stale.request(Method::GET, "/compose").header(COOKIE, value);
    assert_eq!(stale.send(request).await.status, 303);
}

#[tokio::test]
async fn a_session_that_somebody_planted_is_not_taken_over() {
    let rig = Rig::start(&["ada", "eve"]).await;
    let eve = Browser::of(&rig, "eve").await;
    let planted = eve.cookies();
    let ada = Browser::new(&rig);
    let url = rig.server.url().parse().expect("a URL");
    ada.jar
        .add_cookie_str("kinglet_session=chosen-by-eve", &url);
    ada.log_in("ada", &password_of("ada")).await.went_to("/");
    assert!(!ada.cookies().contains("chosen-by-eve"));
    let stranger = Browser::new(&rig);
    let request = stranger
        .request(Method::GET, "/compose")
        .header(COOKIE, "kinglet_session=chosen-by-eve");
    assert_eq!(stranger.send(request).await.status, 303);
    // Whoever logs in with another's live session in the jar gets a new one, and the old one ends.
    let victim = Browser::new(&rig);
    let session = planted
        .split("; ")
        .find(|pair| pair.starts_with("kinglet_session="));
    victim
        .jar
        .add_cookie_str(session.expect("eve's session"), &url);
    victim.get("/compose").await.ok().shows("@eve");
    victim.submit("/", "/logout", &[]).await.went_to("/");
    assert_eq!(eve.get("/compose").await.status, 303);
}

#[tokio::test]
async fn a_post_is_written_answered_edited_and_deleted() {
    let rig = Rig::start(&["ada", "ben"]).await;
    let (ada, ben) = (
        Browser::of(&rig, "ada").await,
        Browser::of(&rig, "ben").await,
    );
    let fields = [
        ("status", "Wrens in the hedge #birds"),
        ("spoiler_text", ""),
        ("visibility", "public"),
        ("language", "en"),
        ("return_to", ""),
        ("idempotency_key", "once"),
    ];
    let posted = ada.submit("/compose", "/posts", &fields).await;
    let path = posted.header("location").to_owned();
    assert!(path.starts_with("/@ada/"), "{path}");
    ada.get(&path).await.ok().shows("Your post is out.");
    // The same form again is the same post.
    let again = ada.submit("/compose", "/posts", &fields).await;
    again.went_to(&path);
    let home = ada.get("/").await.ok();
    assert_eq!(home.html.matches("Wrens in the hedge").count(), 1);
    home.shows("lang=\"en\"");
    let id = path.rsplit('/').next().expect("an id").to_owned();

    let thread = ben.get(&path).await.ok();
    thread.shows("@ada </textarea>");
    let answer = [
        ("status", "@ada How many?"),
        ("visibility", "public"),
        ("in_reply_to_id", &id),
        ("return_to", &path),
    ];
    let answered = ben.submit(&path, "/posts", &answer).await;
    let target = answered.header("location").to_owned();
    assert!(target.starts_with(&format!("{path}#p-")), "{target}");
    let thread = ada.get(&path).await.ok();
    thread.shows("How many?");
    thread.shows("in reply to @ada");
    ada.get("/notifications").await.ok().shows("How many?");

    let edit = format!("/posts/{id}/edit");
    ada.get(&edit)
        .await
        .ok()
        .shows("Wrens in the hedge #birds</textarea>");
    let fields = [
        ("status", "Two wrens in the hedge"),
        ("spoiler_text", "birds"),
        ("language", "en"),
        ("return_to", &path),
    ];
    ada.submit(&edit, &edit, &fields).await.went_to(&path);
    let page = ada.get(&path).await.ok();
    page.shows("Two wrens");
    page.shows("Your post is saved.");
    let history = ben.get(&format!("{path}/history")).await.ok();
    history.shows("Two wrens in the hedge");
    history.shows("Wrens in the hedge");

    // Nobody touches another's post, and nobody learns that it could be touched.
    for act in ["edit", "delete"] {
        assert_eq!(ben.get(&format!("/posts/{id}/{act}")).await.status, 404);
        let csrf = ben.get("/").await.hidden("csrf");
        let fields = [("csrf", csrf.as_str()), ("status", "gone")];
        assert_eq!(
            ben.post(&format!("/posts/{id}/{act}"), &fields)
                .await
                .status,
            404
        );
    }
    ada.get(&path).await.ok().shows("Two wrens");

    let delete = format!("/posts/{id}/delete");
    ada.submit(&delete, &delete, &[]).await.went_to("/");
    ada.get("/").await.ok().shows("Your post is deleted.");
    assert_eq!(ada.get(&path).await.status, 404);
}

#[tokio::test]
async fn a_refused_post_comes_back_with_what_was_typed() {
    let rig = Rig::start(&["ada"]).await;
    let ada = Browser::of(&rig, "ada").await;
    let long = "x".repeat(501);
    for (status, visibility, sentence) in [
        (long.as_str(), "unlisted", "character limit of 500"),
        ("   ", "direct", "blank"),
        ("fine", "everybody", "Choose who may see the post"),
    ] {
        let fields = [
            ("status", status),
            ("visibility", visibility),
            // A warning about nothing would be the text itself.
            (
                "spoiler_text",
                if status.trim().is_empty() {
                    ""
                } else {
                    "careful"
                },
            ),
            ("return_to", "/"),
        ];
        let refused = ada.submit("/compose", "/posts", &fields).await;
        assert_eq!(refused.status, 422);
        refused.shows(sentence);
        refused.shows(&format!("{status}</textarea>"));
        if !status.trim().is_empty() {
            refused.shows("value=\"careful\"");
        }
        if visibility != "everybody" {
            refused.shows(&format!("value=\"{visibility}\" selected"));
        }
    }
    let gone = [
        ("status", "to nobody"),
        ("visibility", "public"),
        ("in_reply_to_id", "117"),
    ];
    let refused = ada.submit("/compose", "/posts", &gone).await;
    refused.shows("is gone");
    refused.shows("to nobody</textarea>");
    ada.get("/").await.ok().hides("to nobody");
}

#[tokio::test]
async fn one_button_acts_show_at_once() {
    let rig = Rig::start(&["ada", "ben"]).await;
    let id = publish(&rig, "ada", "A robin", "public").await;
    let ben = Browser::of(&rig, "ben").await;
    let post = format!("/@ada/{id}");
    for (act, undo, list) in [
        ("favourite", "unfavourite", "/favourites"),
        ("bookmark", "unbookmark", "/bookmarks"),
        ("boost", "unboost", "/@ben"),
    ] {
        let pressed = ben.press("/public", &format!("/posts/{id}/{act}")).await;
        pressed.went_to(&format!("/public#p-{id}"));
        ben.get(list).await.ok().shows("A robin");
        let pressed = ben.press(&post, &format!("/posts/{id}/{undo}")).await;
        pressed.went_to(&format!("{post}#p-{id}"));
        ben.get(list).await.ok().hides("A robin");
    }
    ben.press(&post, &format!("/posts/{id}/favourite")).await;
    ben.get(&format!("{post}/favourites"))
        .await
        .ok()
        .shows("@ben");
    ben.press(&post, &format!("/posts/{id}/boost")).await;
    ben.get(&format!("{post}/boosts")).await.ok().shows("@ben");
    ben.get("/@ben").await.ok().shows("boosted");

    let ada = Browser::of(&rig, "ada").await;
    let news = ada.get("/notifications").await.ok();
    news.shows("favourited your post");
    news.shows("boosted your post");
    news.shows("is-unread");
    news.shows("<b class=\"badge\">");
    let last = news
        .html
        .split_once("name=\"last_read\" value=\"")
        .expect("a button")
        .1;
    let last = last.split('"').next().expect("an id").to_owned();
    let csrf = news.hidden("csrf");
    let fields = [
        ("csrf", csrf.as_str()),
        ("last_read", &last),
        ("return_to", "/notifications"),
    ];
    ada.post("/notifications/read", &fields)
        .await
        .went_to("/notifications");
    let read = ada.get("/notifications").await.ok();
    read.hides("is-unread");
    read.hides("<b class=\"badge\">");
    ada.press("/notifications", "/notifications/clear").await;
    ada.get("/notifications")
        .await
        .ok()
        .hides("favourited your post");
}

#[tokio::test]
async fn people_follow_ask_mute_and_block() {
    let rig = Rig::start(&["ada", "ben"]).await;
    publish(&rig, "ada", "A robin", "public").await;
    let (ada, ben) = (
        Browser::of(&rig, "ada").await,
        Browser::of(&rig, "ben").await,
    );
    ben.press("/@ada", "/@ada/follow").await.went_to("/@ada");
    ben.get("/").await.ok().shows("A robin");
    ben.get("/@ben/following").await.ok().shows("@ada");
    ada.get("/@ada/followers").await.ok().shows("@ben");
    ada.get("/notifications").await.ok().shows("follows you");

    ben.press("/@ada", "/@ada/mute").await;
    ben.get("/").await.ok().hides("A robin");
    ben.get("/settings/mutes").await.ok().shows("@ada");
    ben.press("/@ada", "/@ada/unmute").await;
    ben.get("/").await.ok().shows("A robin");
    ben.press("/@ada", "/@ada/unfollow").await;
    ben.get("/").await.ok().hides("A robin");

    // A locked account is asked.
    let profile = [
        ("locked", "true"),
        ("default_visibility", "public"),
        ("display_name", "Ada L."),
    ];
    ada.submit("/settings/profile", "/settings/profile", &profile)
        .await
        .went_to("/settings/profile");
    ben.press("/@ada", "/@ada/follow").await;
    ben.get("/@ada").await.ok().shows("Requested");
    let ben_id = rig.person("ben").id;
    ada.press(
        "/notifications?only=requests",
        &format!("/follow-requests/{ben_id}/reject"),
    )
    .await;
    ben.get("/@ada").await.ok().hides("Requested");
    ben.press("/@ada", "/@ada/follow").await;
    ada.press("/notifications", "/notifications/clear").await;
    let requests = "/notifications?only=requests";
    ada.press(requests, &format!("/follow-requests/{ben_id}/accept"))
        .await
        .went_to(requests);
    ben.get("/@ada").await.ok().shows("Following");

    ada.press("/@ben", "/@ben/block").await;
    ada.get("/settings/blocks").await.ok().shows("@ben");
    ada.get("/@ben").await.ok().shows("Unblock");
    // Whoever is blocked finds the same as where nobody is.
    assert_eq!(ben.get("/@ada").await.status, 404);
    ben.get("/public").await.ok().hides("A robin");
    ada.press("/settings/blocks", "/@ben/unblock").await;
    ben.get("/@ada").await.ok().shows("Follow");
}

#[tokio::test]
async fn settings_are_kept_and_faults_told() {
    let rig = Rig::start(&["ada"]).await;
    let ada = Browser::of(&rig, "ada").await;
    let fields = [
        ("display_name", "Ada Lovelace"),
        ("note", "Counts birds, see https://birds.example"),
        ("field_name_0", "Pronouns"),
        ("field_value_0", "she"),
        ("discoverable", "true"),
        ("default_visibility", "unlisted"),
        ("default_language", "de"),
    ];
    ada.submit("/settings/profile", "/settings/profile", &fields)
        .await
        .went_to("/settings/profile");
    let page = ada.get("/settings/profile").await.ok();
    page.shows("Your profile is saved.");
    page.shows("value=\"unlisted\" selected");
    page.shows("value=\"de\" selected");
    page.shows("value=\"Pronouns\"");
    let profile = Browser::new(&rig).get("/@ada").await.ok();
    for text in [
        "Ada Lovelace",
        "Counts birds",
        "href=\"https://birds.example",
        "Pronouns",
    ] {
        profile.shows(text);
    }
    profile.hides("noindex");
    ada.get("/compose")
        .await
        .ok()
        .shows("value=\"unlisted\" selected");
    let long = "x".repeat(31);
    let fields = [
        ("display_name", long.as_str()),
        ("note", "typed"),
        ("default_visibility", "direct"),
    ];
    let refused = ada
        .submit("/settings/profile", "/settings/profile", &fields)
        .await;
    assert_eq!(refused.status, 422);
    refused.shows("at most 30 characters");
    refused.shows("typed</textarea>");
    ada.get("/settings/profile")
        .await
        .ok()
        .shows("Ada Lovelace");
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let rig = Rig::start(&["ada"]).await;
    let (here, there) = (
        Browser::of(&rig, "ada").await,
        Browser::of(&rig, "ada").await,
    );
    let old = password_of("ada");
    let new = "a much better one";
    for (current, password, again, sentence) in [
        ("wrong", new, new, "password is wrong"),
        (old.as_str(), "short", "short", "at least 8"),
        (old.as_str(), new, "another one", "differ"),
    ] {
        let fields = [
            ("current_password", current),
            ("password", password),
            ("password_confirmation", again),
        ];
        let refused = here
            .submit("/settings/account", "/settings/password", &fields)
            .await;
        assert!(
            refused.status == 422 || refused.status == 403,
            "{}",
            refused.status
        );
        refused.shows(sentence);
        refused.hides(new);
    }
    let fields = [
        ("current_password", old.as_str()),
        ("password", new),
        ("password_confirmation", new),
    ];
    here.submit("/settings/account", "/settings/password", &fields)
        .await
        .went_to("/settings/account");
    here.get("/settings/account")
        .await
        .ok()
        .shows("Your password is changed");
    assert_eq!(there.get("/settings/account").await.status, 303);
    assert_eq!(there.log_in("ada", &old).await.status, 422);
    there.log_in("ada", new).await.went_to("/");
}

#[tokio::test]
async fn sessions_and_apps_are_listed_and_end_at_once() {
    let rig = Rig::start(&["ada", "eve"]).await;
    let (here, there) = (
        Browser::of(&rig, "ada").await,
        Browser::of(&rig, "ada").await,
    );
    let page = here.get("/settings/sessions").await.ok();
    page.shows("Firefox on Linux");
    page.shows("this one");
    page.shows("Made on the command line");
    let action = |html: &str, mark: &str| {
        let (_, rest) = html
            .split_once(&format!("formaction=\"/settings/{mark}/"))
            .expect("a button");
        format!(
            "/settings/{mark}/{}",
            rest.split('"').next().expect("an action")
        )
    };
    let end = action(&page.html, "sessions");
    // Another member can't end it, and isn't told that it is there.
    let eve = Browser::of(&rig, "eve").await;
    let csrf = eve.get("/").await.hidden("csrf");
    eve.post(&end, &[("csrf", &csrf)]).await;
    there.get("/compose").await.ok();
    here.press("/settings/sessions", &end)
        .await
        .went_to("/settings/sessions");
    assert_eq!(there.get("/compose").await.status, 303);
    rig.client("ada")
        .get("/api/v1/accounts/verify_credentials")
        .await
        .ok();
    let revoke = action(&page.html, "apps");
    here.press("/settings/sessions", &revoke).await;
    let answer = rig
        .client("ada")
        .get("/api/v1/accounts/verify_credentials")
        .await;
    assert_eq!(answer.status, 401);
    here.get("/settings/sessions")
        .await
        .ok()
        .hides("Made on the command line");
}

const NEW: [(&str, &str); 4] = [
    ("username", "newcomer"),
    ("email", "new@example.org"),
    ("password", "a long password"),
    ("password_confirmation", "a long password"),
];

#[tokio::test]
async fn the_set_up_link_makes_the_owner_once() {
    let rig = Rig::start(&["ada"]).await;
    let browser = Browser::new(&rig);
    let first = link(&rig, MakeLink::SetUp).await;
    let code = link(&rig, MakeLink::SetUp).await;
    let send = async |code: &str, name: &str| {
        let mut fields = vec![("code", code)];
        fields.extend(NEW.iter().map(|(field, value)| match *field {
            "username" => ("username", name),
            field => (field, *value),
        }));
        browser.submit("/setup", "/setup", &fields).await
    };
    for dead in [first.as_str(), "guessed"] {
        let refused = send(dead, "newcomer").await;
        assert_eq!(refused.status, 403);
        refused.shows("unknown, used or expired");
        refused.shows("value=\"newcomer\"");
        refused.hides("a long password");
    }
    let taken = send(&code, "Ada").await;
    assert_eq!(taken.status, 422);
    taken.shows("already been taken");
    let page = browser.get(&format!("/setup?code={code}")).await.ok();
    assert_eq!(page.hidden("code"), code);
    send(&code, "newcomer").await.went_to("/");
    browser.get("/").await.ok().shows("@newcomer");
    let stranger = Browser::new(&rig);
    assert_eq!(
        stranger.get(&format!("/setup?code={code}")).await.status,
        403
    );
}

async fn rig_with(mode: &str) -> Rig {
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".parse().expect("an address");
    config.limits.rate_limits = false;
    config.set("registration.mode", mode).expect("a mode");
    Rig::start_configured(config, &["ada"], |builder| builder).await
}

#[tokio::test]
async fn sign_up_follows_the_instances_mode() {
    let mut agreed = NEW.to_vec();
    agreed.push(("agreement", "true"));

    let closed = rig_with("closed").await;
    let browser = Browser::new(&closed);
    browser.get("/signup").await.ok().shows("Sign-up is closed");
    browser.get("/").await.ok().hides("/signup");
    let csrf = browser.get("/login").await.ok().hidden("csrf");
    let mut fields = agreed.clone();
    fields.push(("csrf", &csrf));
    assert_eq!(browser.post("/signup", &fields).await.status, 403);

    let open = rig_with("open").await;
    let browser = Browser::new(&open);
    browser.get("/").await.ok().shows("/signup");
    let faulty = [
        ("username", "no spaces please"),
        ("email", "nowhere"),
        ("password", "short"),
        ("password_confirmation", "short"),
    ];
    let refused = browser.submit("/signup", "/signup", &faulty).await;
    assert_eq!(refused.status, 422);
    for text in [
        "letters from A to Z",
        "not a mail address",
        "at least 8",
        "no account",
        "value=\"nowhere\"",
    ] {
        refused.shows(text);
    }
    browser
        .submit("/signup", "/signup", &agreed)
        .await
        .went_to("/");
    browser.get("/").await.ok().shows("@newcomer");

    let approval = rig_with("approval").await;
    let browser = Browser::new(&approval);
    let refused = browser.submit("/signup", "/signup", &agreed).await;
    refused.shows("why you would like to join");
    let mut fields = agreed.clone();
    fields.push(("reason", "I count birds"));
    browser
        .submit("/signup", "/signup", &fields)
        .await
        .ok()
        .shows("Thank you");
    let early = browser.log_in("newcomer", "a long password").await;
    early.shows("approval");

    let invite = rig_with("invite").await;
    let browser = Browser::new(&invite);
    let refused = browser.submit("/signup", "/signup", &agreed).await;
    assert_eq!(refused.status, 403);
    refused.shows("invitation is unknown");
    browser
        .get("/invite/guessed")
        .await
        .ok()
        .shows("invitation is unknown");
    let code = link(&invite, MakeLink::Invite { uses: 1, days: 1 }).await;
    let page = browser.get(&format!("/invite/{code}")).await.ok();
    assert_eq!(page.hidden("invite"), code);
    let mut fields = agreed.clone();
    fields.push(("invite", &code));
    browser
        .submit(&format!("/invite/{code}"), "/signup", &fields)
        .await
        .went_to("/");
    let late = Browser::new(&invite)
        .get(&format!("/invite/{code}"))
        .await
        .ok();
    late.shows("invitation is unknown");
}

#[tokio::test]
async fn a_reset_link_sets_a_password_once_and_ends_what_stood() {
    let rig = Rig::start(&["ada"]).await;
    let inside = Browser::of(&rig, "ada").await;
    let account = rig.person("ada").id;
    let code = link(&rig, MakeLink::Reset { account }).await;
    let browser = Browser::new(&rig);
    let path = format!("/reset/{code}");
    let fields = [
        ("password", "a long password"),
        ("password_confirmation", "another password"),
    ];
    let refused = browser.submit(&path, &path, &fields).await;
    assert_eq!(refused.status, 422);
    refused.shows("differ");
    let fields = [
        ("password", "a long password"),
        ("password_confirmation", "a long password"),
    ];
    browser
        .submit(&path, &path, &fields)
        .await
        .went_to("/login");
    browser
        .get("/login")
        .await
        .ok()
        .shows("Your password is set");
    assert_eq!(inside.get("/compose").await.status, 303);
    browser.log_in("ada", "a long password").await.went_to("/");
    let stranger = Browser::new(&rig);
    for path in [path.as_str(), "/reset/guessed"] {
        let dead = stranger.get(path).await;
        assert_eq!(dead.status, 403);
        dead.shows("unknown, used or expired");
    }
}

/// The website's routes with ids and names that exist put in.
fn posting_routes(post: &str, account: &str) -> Vec<String> {
    let routes = routes::list().expect("the routes fit together");
    let website = routes.iter().filter(|route| route.family == "website");
    website
        .filter(|route| route.method == Method::POST)
        .map(|route| {
            let is_person = route.pattern.starts_with("/follow-requests");
            let id = if is_person { account } else { post };
            let path = route.pattern.replace(":name", "ada").replace(":id", id);
            path.replace(":code", "code")
        })
        .collect()
}

/// Forms that bring a file.
const UPLOADS: [&str; 1] = ["/settings/import"];

#[tokio::test]
async fn no_form_of_another_place_counts() {
    let rig = Rig::start(&["ada", "ben"]).await;
    let id = publish(&rig, "ada", "A robin", "public").await;
    let ada = Browser::of(&rig, "ada").await;
    let ben = Browser::of(&rig, "ben").await;
    let foreign = ben.get("/").await.hidden("csrf");
    let own = ada.get("/").await.hidden("csrf");
    let before = Browser::new(&rig).get("/login").await.hidden("csrf");
    let account = rig.person("ben").id.to_string();
    let routes = posting_routes(&id, &account);
    assert!(routes.len() > 25, "{routes:?}");
    for path in &routes {
        let fields = |csrf| {
            [
                ("csrf", csrf),
                ("status", "forged"),
                ("return_to", "/"),
                ("last_read", "1"),
            ]
        };
        let form = |request: RequestBuilder, fields: &[(&'static str, &str)]| {
            if !UPLOADS.contains(&path.as_str()) {
                return request.form(fields);
            }
            let parts = fields.iter();
            request.multipart(parts.fold(Form::new(), |form, (name, value)| {
                form.text(*name, (*value).to_owned())
            }))
        };
        let request = || ada.request(Method::POST, path);
        for bad in ["", "AAAA", foreign.as_str(), before.as_str()] {
            let refused = ada.send(form(request(), &fields(bad))).await;
            assert_eq!(refused.status, 403, "{path} with {bad:?}");
            // An upload's own page comes again, with a token that counts.
            let shown = match UPLOADS.contains(&path.as_str()) {
                true => "type=\"file\"",
                false => "<code>",
            };
            refused.shows(shown);
        }
        let no_token = ada.send(form(request(), &[("status", "forged")])).await;
        assert_eq!(no_token.status, 403, "{path}");
        for origin in ["https://evil.example", "null", "http://localhost"] {
            let request = request().header(ORIGIN, origin);
            let refused = ada.send(form(request, &fields(&own))).await;
            assert_eq!(refused.status, 403, "{path} from {origin}");
        }
    }
    // Nothing of it happened, and the same token still counts from here.
    let page = ada.get(&format!("/@ada/{id}")).await.ok();
    page.shows("A robin");
    let request = ada
        .request(Method::POST, "/posts")
        .header(ORIGIN, rig.server.url());
    let fields = [
        ("csrf", own.as_str()),
        ("status", "mine"),
        ("return_to", "/"),
    ];
    assert_eq!(ada.send(request.form(&fields)).await.status, 303);
    ada.get("/").await.ok().hides("forged");

    // Log-in is no exception: without the visitor's cookie a right password opens nothing.
    let visitor = Browser::new(&rig);
    let fields = [
        ("csrf", before.as_str()),
        ("login", "ben"),
        ("password", &password_of("ben")),
    ];
    let refused = visitor.post("/login", &fields).await;
    assert_eq!(refused.status, 403);
    assert!(!visitor.cookies().contains("kinglet_session"));
}

#[tokio::test]
async fn no_get_changes_anything() {
    let rig = Rig::start(&["ada", "ben"]).await;
    let id = publish(&rig, "ada", "A robin", "public").await;
    let ada = Browser::of(&rig, "ada").await;
    let own = ada.get("/").await.hidden("csrf");
    let account = rig.person("ben").id.to_string();
    let forms_only: Vec<String> = posting_routes(&id, &account);
    for path in forms_only {
        let page = ada.get(&format!("{path}?csrf={own}&status=x")).await;
        assert!(
            [200, 303, 400, 403, 405].contains(&page.status),
            "{path}: {}",
            page.status
        );
        if page.status == 405 {
            assert_eq!(page.header("allow"), "POST", "{path}");
            page.shows("only takes forms");
        }
    }
    let page = ada.get("/").await.ok();
    page.shows("A robin");
    page.shows("@ada");
    assert_eq!(page.html.matches("<article").count(), 1);
}

#[tokio::test]
async fn nobody_is_led_to_another_site() {
    let rig = Rig::start(&["ada", "ben"]).await;
    let id = publish(&rig, "ada", "A robin", "public").await;
    let ben = Browser::of(&rig, "ben").await;
    let csrf = ben.get("/").await.hidden("csrf");
    for bad in [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "\\\\evil.example",
    ] {
        let fields = [("csrf", csrf.as_str()), ("return_to", bad)];
        ben.post("/@ada/follow", &fields).await.went_to("/");
        let marked = ben.post(&format!("/posts/{id}/favourite"), &fields).await;
        marked.went_to(&format!("/#p-{id}"));
        let query = bad
            .replace('\\', "%5C")
            .replace('\t', "%09")
            .replace(':', "%3A");
        ben.get(&format!("/login?return_to={query}"))
            .await
            .went_to("/");
        let visitor = Browser::new(&rig);
        let page = visitor.get(&format!("/login?return_to={query}")).await.ok();
        assert_eq!(page.hidden("return_to"), "/");
        let fields = [
            ("login", "ada"),
            ("password", &password_of("ada")),
            ("return_to", bad),
        ];
        visitor
            .submit("/login", "/login", &fields)
            .await
            .went_to("/");
    }
    // A Host header changes no address.
    let request = ben
        .request(Method::GET, "/@ada")
        .header("host", "evil.example");
    let page = ben.send(request).await;
    page.hides("evil.example");
}

#[tokio::test]
async fn what_people_write_stays_text() {
    let rig = Rig::start(&["ada", "ben"]).await;
    let hostile = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'";
    let ada = Browser::of(&rig, "ada").await;
    let fields = [
        ("display_name", "<script>alert(3)</script>"),
        ("note", hostile),
        ("field_name_0", "<b onclick=x>"),
        ("field_value_0", hostile),
        ("default_visibility", "public"),
    ];
    ada.submit("/settings/profile", "/settings/profile", &fields)
        .await
        .went_to("/settings/profile");
    let fields = [
        (
            "status",
            format!("{hostile} @ben #birds javascript:alert(1) https://a.example/\"onmouseover=x"),
        ),
        ("spoiler_text", hostile.to_owned()),
        ("visibility", "public".to_owned()),
        ("return_to", String::new()),
    ];
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let posted = ada.submit("/compose", "/posts", &fields).await;
    let path = posted.header("location").to_owned();
    let ben = Browser::of(&rig, "ben").await;
    let visitor = Browser::new(&rig);
    let id = path.rsplit('/').next().expect("an id");
    let query = "/search?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    for page in [
        "/",
        "/public",
        "/@ada",
        "/@ada/with_replies",
        &path,
        &format!("{path}/history"),
        "/tags/birds",
        query,
        "/search?q=alert",
        "/notifications",
        "/settings/profile",
        &format!("/posts/{id}/edit"),
        &format!("/posts/{id}/delete"),
        "/login?return_to=/%22%3E%3Cscript%3E",
        "/no%22%3E%3Cscript%3Ealert(1)",
    ] {
        for browser in [&ada, &ben, &visitor] {
            let shown = browser.get(page).await;
            for bad in [
                "<script",
                "<img src=x",
                "<b onclick",
                "\"onmouseover",
                "href=\"javascript:",
            ] {
                assert!(!shown.html.contains(bad), "{bad} on {page}: {}", shown.html);
            }
        }
    }
    ben.get(&path).await.ok().shows("&lt;script");
}

const SECRETS: [&str; 3] = ["secretive robin", "secretive wren", "secretive answer"];

#[tokio::test]
async fn what_may_not_be_seen_is_not_there() {
    let rig = Rig::start(&["ada", "ben", "eve"]).await;
    let ben_id = rig.person("ben").id;
    let ada_id = rig.person("ada").id;
    rig.client("ben")
        .post_empty(&format!("/api/v1/accounts/{ada_id}/follow"))
        .await
        .ok();
    let followers = publish(&rig, "ada", "secretive robin #birds", "private").await;
    let direct = publish(&rig, "ada", "@ben secretive wren #birds", "direct").await;
    let open = publish(&rig, "ada", "open sparrow", "public").await;
    let body =
        json!({"status": "@ada secretive answer", "visibility": "private", "in_reply_to_id": open});
    rig.client("ben").post("/api/v1/statuses", body).await.ok();
    assert_ne!(ada_id, ben_id);

    let ben = Browser::of(&rig, "ben").await;
    ben.get(&format!("/@ada/{followers}"))
        .await
        .ok()
        .shows("secretive robin");
    ben.get(&format!("/@ada/{direct}"))
        .await
        .ok()
        .shows("secretive wren");
    let missing = "/@ada/117";
    for stranger in [Browser::of(&rig, "eve").await, Browser::new(&rig)] {
        for path in READING.iter().copied().chain([
            "/search?q=secretive",
            "/search?q=secretive&type=statuses",
            "/search?q=from:ada",
            "/@ben",
            "/@ben/with_replies",
        ]) {
            let page = stranger.get(path).await.ok();
            for text in SECRETS {
                page.hides(text);
            }
        }
        let thread = stranger.get(&format!("/@ada/{open}")).await.ok();
        for text in SECRETS {
            thread.hides(text);
        }
        let same = |page: Page| {
            let (before, rest) = page
                .html
                .split_once("<code>")
                .expect("a request's id")
                .to_owned();
            let (_, after) = rest.split_once("</code>").expect("its end");
            (page.status, format!("{before}{after}"))
        };
        let nothing = same(stranger.get(missing).await);
        assert_eq!(nothing.0, 404);
        for id in [&followers, &direct] {
            for tab in ["", "/history", "/favourites", "/boosts"] {
                let page = stranger.get(&format!("/@ada/{id}{tab}")).await;
                assert_eq!(same(page), nothing, "{tab}");
            }
        }
    }
    let eve = Browser::of(&rig, "eve").await;
    let csrf = eve.get("/").await.hidden("csrf");
    for id in [&followers, &direct] {
        for act in ["favourite", "boost", "bookmark", "edit", "delete"] {
            let fields = [("csrf", csrf.as_str()), ("status", "x")];
            assert_eq!(
                eve.post(&format!("/posts/{id}/{act}"), &fields)
                    .await
                    .status,
                404,
                "{act}"
            );
        }
        let fields = [
            ("status", "to you"),
            ("visibility", "public"),
            ("in_reply_to_id", id),
        ];
        eve.submit("/compose", "/posts", &fields)
            .await
            .shows("is gone");
    }
}

#[tokio::test]
async fn an_instance_may_show_its_timelines_to_members_alone() {
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".parse().expect("an address");
    config.limits.rate_limits = false;
    config.timelines.anonymous_timelines = false;
    let rig = Rig::start_configured(config, &["ada"], |builder| builder).await;
    let id = publish(&rig, "ada", "A robin #birds", "public").await;
    let visitor = Browser::new(&rig);
    visitor.get("/").await.went_to("/login?return_to=%2F");
    for path in ["/public", "/tags/birds", "/search?q=robin"] {
        assert_eq!(visitor.get(path).await.status, 303, "{path}");
    }
    visitor
        .get(&format!("/@ada/{id}"))
        .await
        .ok()
        .shows("A robin");
    visitor.get("/about").await.ok();
    Browser::of(&rig, "ada")
        .await
        .get("/public")
        .await
        .ok()
        .shows("A robin");
}

#[tokio::test]
async fn failures_are_pages_with_the_requests_id() {
    let rig = Rig::start(&["ada"]).await;
    let ada = Browser::of(&rig, "ada").await;
    let csrf = ada.get("/").await.hidden("csrf");
    let big = "x".repeat(3 * 1024 * 1024);
    let broken = ada.request(Method::POST, "/posts");
    let broken = broken.header("content-type", "application/x-www-form-urlencoded");
    let answers = [
        (404, ada.get("/nothing/here").await),
        (404, ada.get("/@nobody").await),
        (404, ada.get("/@ada/12x").await),
        (404, ada.get("/tags/%20").await),
        (405, ada.send(ada.request(Method::DELETE, "/about")).await),
        (405, ada.get("/logout").await),
        (
            413,
            ada.post("/posts", &[("csrf", &csrf), ("status", &big)])
                .await,
        ),
        (400, ada.get("/tags/%FF").await),
        (400, ada.send(broken.body("status=%FF&csrf=x")).await),
        (400, ada.get("/search?q[]=a").await),
        (
            415,
            ada.send(
                ada.request(Method::POST, "/posts")
                    .header("content-type", "text/xml")
                    .body("<a/>"),
            )
            .await,
        ),
    ];
    for (status, page) in answers {
        assert_eq!(page.status, status, "{}", page.html);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(page.header("cache-control"), "private, no-store");
        assert!(
            page.header("content-security-policy")
                .contains("default-src 'none'")
        );
        page.shows(&format!("<code>{}</code>", page.header("x-request-id")));
    }
    // Odd cursors are no failures.
    for odd in [
        "/?max_id=x",
        "/public?min_id=-1",
        "/search?q=a&offset=x",
        "/@ada?max_id=99999999999999999999",
    ] {
        ada.get(odd).await.ok();
    }
    // Programs get what programs read.
    let api = ada.get("/api/v1/nothing").await;
    assert!(api.header("content-type").starts_with("application/json"));
}

#[tokio::test]
async fn guessing_is_slowed_down_and_said_so() {
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".parse().expect("an address");
    let rig = Rig::start_configured(config, &["ada"], |builder| builder).await;
    let browser = Browser::new(&rig);
    let mut last = 0;
    for _ in 0..8 {
        last = browser.log_in("ada", "wrong password").await.status;
        if last == 429 {
            break;
        }
    }
    assert_eq!(last, 429);
    let waiting = browser.log_in("ada", &password_of("ada")).await;
    assert_eq!(waiting.status, 429);
    assert_ne!(waiting.header("retry-after"), "");
    waiting.shows("Too many tries");
    rig.pass_seconds(120);
    browser
        .log_in("ada", &password_of("ada"))
        .await
        .went_to("/");
    // Set-up codes are counted, right or wrong.
    let visitor = Browser::new(&rig);
    let mut statuses = Vec::new();
    for _ in 0..11 {
        let mut fields = vec![("code", "guessed")];
        fields.extend(NEW);
        statuses.push(visitor.submit("/setup", "/setup", &fields).await.status);
    }
    assert_eq!(statuses.last(), Some(&429));
    assert_eq!(statuses.first(), Some(&403));
}

#[tokio::test]
async fn what_is_suspended_is_gone_from_every_page() {
    let mut rig = Rig::start(&["ada"]).await;
    rig.add("mod", Role::Owner).await;
    let id = publish(&rig, "ada", "A robin #birds", "public").await;
    let ada = Browser::of(&rig, "ada").await;
    let unit = kinglet::store::units::SuspendAccount {
        by: kinglet::domain::access::Authority::Operator,
        account: rig.person("ada").id,
    };
    rig.server
        .instance()
        .actors
        .perform(unit)
        .await
        .expect("suspended");
    let visitor = Browser::new(&rig);
    for path in ["/", "/tags/birds", "/search?q=robin"] {
        visitor.get(path).await.ok().hides("A robin");
    }
    for path in [
        "/@ada".to_owned(),
        format!("/@ada/{id}"),
        "/@ada/followers".to_owned(),
    ] {
        assert_eq!(visitor.get(&path).await.status, 404, "{path}");
    }
    assert_eq!(ada.get("/compose").await.status, 303);
    visitor
        .log_in("ada", &password_of("ada"))
        .await
        .shows("suspended");
}

#[tokio::test]
async fn pages_lead_through_the_whole_list_and_back() {
    let rig = Rig::start(&["ada"]).await;
    for number in 0..45 {
        publish(&rig, "ada", &format!("robin number {number:02}."), "public").await;
    }
    let visitor = Browser::new(&rig);
    let next = |page: &Page, rel: &str| {
        let (_, rest) = page.html.split_once(&format!("rel=\"{rel}\" href=\""))?;
        let path = rest.split('"').next()?;
        Some(path.replace("&#38;", "&").replace("&amp;", "&"))
    };
    for start in ["/", "/@ada", "/search?q=robin&type=statuses"] {
        let mut page = visitor.get(start).await.ok();
        assert_eq!(next(&page, "prev"), None, "{start}");
        let mut seen = String::new();
        let mut pages = 1;
        seen.push_str(&page.html);
        while let Some(path) = next(&page, "next") {
            page = visitor.get(&path).await.ok();
            seen.push_str(&page.html);
            pages += 1;
        }
        assert_eq!(pages, 3, "{start}");
        for number in 0..45 {
            assert!(
                seen.contains(&format!("robin number {number:02}.")),
                "{start}: {number}"
            );
        }
        while let Some(path) = next(&page, "prev") {
            page = visitor.get(&path).await.ok();
        }
        page.shows("robin number 44.");
        assert_eq!(page.html.matches("<article").count(), 20, "{start}");
    }
}
