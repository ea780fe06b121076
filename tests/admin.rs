//! What owners and moderators look after on the website: who gets in, what pages say, what buttons do.

mod support;

use kinglet::config::{Config, RegistrationMode};
use kinglet::domain::account::Role;
use kinglet::store::queries::jobs::{ListSchedules, ReadQueues};
use reqwest::StatusCode;
use support::server::{Rig, password_of};
use support::website::{Page, Visitor};

/// Somebody who is logged in at the website.
struct Member {
    visitor: Visitor,
    base: String,
}

impl Member {
    async fn of(rig: &Rig, name: &str) -> Self {
        let visitor = Visitor::new();
        let base = rig.server.url().to_owned();
        let page = visitor.open(&format!("{base}/login")).await;
        let password = password_of(name);
        let filled = [("login", name), ("password", password.as_str())];
        let home = visitor.send(&page, "/login", &filled).await;
        assert_eq!(home.url.path(), "/", "{}", home.html);
        Self { visitor, base }
    }

    async fn open(&self, path: &str) -> Page {
        self.visitor.open(&format!("{}{path}", self.base)).await
    }

    /// Presses a button of the action form on a page.
    async fn press(&self, path: &str, action: &str) -> Page {
        let page = self.open(path).await;
        assert!(
            page.html.contains(&format!("formaction=\"{action}\"")),
            "no button {action}: {}",
            page.html
        );
        self.visitor.send_act(&page, action).await
    }
}

async fn town() -> Rig {
    let mut rig = Rig::start(&["ada"]).await;
    rig.add("owner", Role::Owner).await;
    rig.add("mod", Role::Moderator).await;
    rig
}

const PAGES: [&str; 3] = ["/admin/tasks", "/admin/live", "/admin/sign-ups"];

#[tokio::test]
async fn each_page_is_for_whom_it_concerns() {
    let rig = town().await;
    let stranger = Visitor::new();
    for path in PAGES.into_iter().chain(["/admin"]) {
        let page = stranger.open(&format!("{}{path}", rig.server.url())).await;
        assert_eq!(page.url.path(), "/login", "{path}");
    }
    for (name, allowed) in [
        ("ada", &[][..]),
        ("mod", &["/admin/live", "/admin/sign-ups"]),
        ("owner", &["/admin/tasks", "/admin/live", "/admin/sign-ups"]),
    ] {
        let member = Member::of(&rig, name).await;
        for path in PAGES {
            let page = member.open(path).await;
            let expected = match allowed.contains(&path) {
                true => StatusCode::OK,
                false => StatusCode::FORBIDDEN,
            };
            assert_eq!(page.status, expected, "{name} {path}");
        }
        let home = member.open("/").await;
        assert_eq!(
            home.html.contains("href=\"/admin/tasks\""),
            name == "owner",
            "{name}: the way there"
        );
    }
    let moderator = Member::of(&rig, "mod").await;
    assert_eq!(moderator.open("/admin").await.url.path(), "/admin/sign-ups");
    let tasks = Member::of(&rig, "owner").await.open("/admin").await;
    assert_eq!(tasks.url.path(), "/admin/tasks");
}

#[tokio::test]
async fn acts_need_the_role_and_a_form_of_this_site() {
    let rig = town().await;
    let moderator = Member::of(&rig, "mod").await;
    let own = moderator.open("/admin/sign-ups").await;
    for action in [
        "/admin/queues/mail/pause",
        "/admin/queues/mail/resume",
        "/admin/tasks/codes/run",
        "/admin/tasks/codes/pause",
        "/admin/tasks/codes/resume",
        "/admin/jobs/1/retry",
        "/admin/jobs/1/drop",
        "/admin/jobs/retry-dead",
    ] {
        // The token is sound, the role isn't.
        let answer = moderator.visitor.send_act(&own, action).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{action}");
    }
    let owner = Member::of(&rig, "owner").await;
    let foreign = owner
        .visitor
        .post(&format!("{}/admin/queues/mail/pause", owner.base), &[])
        .await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN, "no token");
    let queues = rig.server.instance().actors.find(ReadQueues).await;
    let queues = queues.expect("an answer").queues;
    assert!(queues.iter().all(|queue| !queue.destination.paused));
}

#[tokio::test]
async fn queues_and_tasks_are_paused_resumed_and_run() {
    let rig = town().await;
    let owner = Member::of(&rig, "owner").await;
    let page = owner.open("/admin/tasks").await;
    for text in [
        "Work in the house",
        "Nothing waits.",
        "Forget expired codes and links",
        "<code>10 * * * *</code>",
        "Not yet",
    ] {
        assert!(page.html.contains(text), "no {text:?}: {}", page.html);
    }
    let page = owner
        .press("/admin/tasks", "/admin/queues/mail/pause")
        .await;
    assert_eq!(page.url.path(), "/admin/tasks");
    assert!(page.html.contains("Nothing is tried until you resume it"));
    let page = owner
        .press("/admin/tasks", "/admin/queues/mail/resume")
        .await;
    assert!(!page.html.contains("Nothing is tried until"));

    owner
        .press("/admin/tasks", "/admin/tasks/codes/pause")
        .await;
    let page = owner.open("/admin/tasks").await;
    assert!(
        !page.html.contains("formaction=\"/admin/tasks/codes/run\""),
        "a paused task isn't run"
    );
    owner
        .press("/admin/tasks", "/admin/tasks/codes/resume")
        .await;
    owner.press("/admin/tasks", "/admin/tasks/codes/run").await;
    let ran = async {
        loop {
            let rows = rig.server.instance().actors.find(ListSchedules).await;
            let rows = rows.expect("an answer");
            if rows
                .iter()
                .any(|row| row.task == "codes" && row.finished_at.is_some())
            {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let ran = tokio::time::timeout(std::time::Duration::from_secs(10), ran).await;
    ran.expect("the button wakes the schedule");
    let page = owner.open("/admin/tasks").await;
    assert!(page.html.contains("Done"), "{}", page.html);
    let unknown = owner
        .visitor
        .send_act(&page, "/admin/queues/fax/pause")
        .await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_waits_is_let_in_or_turned_away() {
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".parse().expect("an address");
    config.limits.rate_limits = false;
    config.registration.mode = RegistrationMode::Approval;
    let mut rig = Rig::start_configured(config, &[], |builder| builder).await;
    rig.add("mod", Role::Moderator).await;
    let base = rig.server.url().to_owned();
    for name in ["wren", "crow"] {
        let visitor = Visitor::new();
        let page = visitor.open(&format!("{base}/signup")).await;
        let (password, email) = (password_of(name), format!("{name}@example.org"));
        let filled = [
            ("username", name),
            ("email", email.as_str()),
            ("password", password.as_str()),
            ("password_confirmation", password.as_str()),
            ("agreement", "true"),
            ("reason", "I <sing> at dawn"),
        ];
        visitor.send(&page, "/signup", &filled).await;
    }
    let moderator = Member::of(&rig, "mod").await;
    let page = moderator.open("/admin/sign-ups").await;
    assert!(page.html.contains("@wren") && page.html.contains("@crow"));
    assert!(page.html.contains("I &#60;sing&#62; at dawn"));
    for (verb, name, other) in [("approve", "wren", "crow"), ("reject", "crow", "wren")] {
        let page = moderator.open("/admin/sign-ups").await;
        let (_, row) = page
            .html
            .split_once(&format!("<b>@{name}</b>"))
            .expect("waits");
        let (_, id) = row
            .split_once("formaction=\"/admin/sign-ups/")
            .expect("a button");
        let id = id.split('/').next().expect("an id");
        let action = format!("/admin/sign-ups/{id}/{verb}");
        let after = moderator.press("/admin/sign-ups", &action).await;
        assert_eq!(after.url.path(), "/admin/sign-ups");
        assert!(!after.html.contains(&format!("<b>@{name}</b>")), "{verb}");
        assert_eq!(
            after.html.contains(&format!("<b>@{other}</b>")),
            verb == "approve"
        );
        let again = moderator.visitor.send_act(&page, &action).await;
        assert!(!again.status.is_success(), "{verb} once");
    }
    let page = moderator.open("/admin/sign-ups").await;
    assert!(page.html.contains("Nobody waits for approval"));
    Member::of(&rig, "wren").await;
    let profile = Visitor::new().open(&format!("{base}/@crow")).await;
    assert_eq!(profile.status, StatusCode::NOT_FOUND);
}
