//! The statistics as people fetch them: who is told what, in which shape, and that hidden posts change no byte of it.

mod support;

use kinglet::config::Config;
use kinglet::control;
use kinglet::control::protocol::{Answer as Done, Request};
use kinglet::domain::account::Role;
use kinglet::domain::overview::Overview;
use kinglet::domain::statistics::Shown;
use serde_json::{Value as Json, json};
use support::server::{Answer, Client, Rig, password_of};
use support::website::Visitor;

const DAY_SECONDS: i64 = 24 * 3600;
/// The rig's clock starts on this day.
const FIRST_DAY: &str = "2026-09-21";

async fn start(is_public: bool) -> Rig {
    let mut config = Config::default();
    config.http.listen = "127.0.0.1:0".parse().expect("an address");
    config.limits.rate_limits = false;
    config.statistics.public = is_public;
    let names = ["ada", "bo", "fay", "gus", "dee"];
    let mut rig = Rig::start_configured(config, &names, |builder| builder).await;
    rig.add("olga", Role::Owner).await;
    rig
}

async fn write(client: &Client, post: Json) -> String {
    let post = client.post("/api/v1/statuses", post).await.ok();
    post["id"].as_str().expect("an id").to_owned()
}

async fn mark(client: &Client, post: &str, mark: &str) {
    let path = format!("/api/v1/statuses/{post}/{mark}");
    client.post_empty(&path).await.ok();
}

/// A lively day, of which strangers are told, and a quiet one. Answers a public post of ada's.
async fn live(rig: &Rig) -> String {
    let [ada, bo, fay] = ["ada", "bo", "fay"].map(|name| rig.client(name));
    let ada_id = rig.person("ada").id;
    for follower in [bo, fay] {
        let path = format!("/api/v1/accounts/{ada_id}/follow");
        follower.post_empty(&path).await.ok();
    }
    let post = write(ada, json!({"status": "A wren! #birds", "language": "en"})).await;
    let answer = json!({"status": "@ada lovely #birds", "in_reply_to_id": post});
    write(bo, answer).await;
    write(fay, json!({"status": "Soup. #soup"})).await;
    mark(bo, &post, "favourite").await;
    mark(fay, &post, "reblog").await;
    rig.pass_seconds(DAY_SECONDS);
    write(ada, json!({"status": "A quiet day"})).await;
    rig.pass_seconds(DAY_SECONDS);
    post
}

/// The status, what is told of the body, and the body, without what differs from one answer to the next.
fn whole(answer: Answer) -> (u16, Vec<(String, String)>, String) {
    const PASSING: &[&str] = &["date", "x-request-id"];
    let headers = answer.headers.iter();
    let headers = headers.filter(|(name, _)| !PASSING.contains(&name.as_str()));
    let text = |(name, value): (_, &reqwest::header::HeaderValue)| {
        let value = value.to_str().expect("headers are ASCII").to_owned();
        (format!("{name}"), value)
    };
    let headers = headers.map(|(name, value)| text((name, value))).collect();
    (answer.status, headers, answer.text)
}

#[tokio::test(flavor = "multi_thread")]
async fn hidden_posts_change_no_byte_of_what_strangers_can_fetch() {
    const PATHS: &[&str] = &[
        "/stats",
        "/stats?days=7",
        "/stats?days=90",
        "/stats?days=365",
        "/stats.csv",
        "/stats.json",
        "/api/kinglet/v1/stats",
        "/api/kinglet/v1/stats?days=1",
        "/api/kinglet/v1/stats?from=2026-09-21&until=2026-09-21",
        "/api/kinglet/v1/stats.csv",
        "/api/kinglet/v1/stats.csv?from=2026-09-22&until=2026-09-23",
        "/api/v1/instance/activity",
        "/api/v1/instance",
        "/api/v2/instance",
        "/nodeinfo/2.0",
        "/nodeinfo/2.1",
        "/about",
        "/",
    ];
    let rig = start(true).await;
    let open = live(&rig).await;
    let [ada, bo, dee] = ["ada", "bo", "dee"].map(|name| rig.client(name));
    let old = write(
        ada,
        json!({"status": "hidden #wren", "visibility": "private"}),
    )
    .await;
    rig.pass_seconds(2 * DAY_SECONDS);
    rig.count_statistics().await;
    let look = async || {
        let mut seen = Vec::new();
        for path in PATHS {
            let answer = rig.anonymous().get(path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
            seen.push((path, whole(answer)));
        }
        seen
    };
    let before = look().await;

    for visibility in ["private", "direct"] {
        let post =
            json!({"status": "@bo psst #birds #wren", "visibility": visibility, "language": "cy"});
        let hidden = write(ada, post).await;
        mark(bo, &hidden, "favourite").await;
        let reply =
            json!({"status": "@ada oh #wren", "visibility": visibility, "in_reply_to_id": hidden});
        write(bo, reply).await;
        let reply =
            json!({"status": "@ada #wren", "visibility": visibility, "in_reply_to_id": open});
        write(bo, reply).await;
        let post = json!({"status": "@ada hello", "visibility": visibility});
        write(dee, post).await;
        let changed = json!({"status": "@fay never mind #birds"});
        ada.put(&format!("/api/v1/statuses/{hidden}"), changed)
            .await
            .ok();
    }
    let spread = write(
        ada,
        json!({"status": "for friends", "visibility": "private"}),
    )
    .await;
    mark(ada, &spread, "reblog").await;
    ada.delete(&format!("/api/v1/statuses/{old}")).await.ok();
    rig.count_statistics().await;
    for ((path, before), (_, after)) in before.iter().zip(&look().await) {
        assert_eq!(before, after, "{path}");
    }

    // What is public shows, or nothing would.
    for name in ["ada", "bo", "fay"] {
        write(rig.client(name), json!({"status": "Good morning #birds"})).await;
    }
    rig.count_statistics().await;
    let after = look().await;
    for told in [
        "/stats",
        "/stats.csv",
        "/stats.json",
        "/api/v1/instance/activity",
    ] {
        let of = |seen: &[(&&str, _)]| seen.iter().position(|(path, _)| **path == told);
        let at = of(&after).expect("it was looked at");
        assert_ne!(before[at].1, after[at].1, "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_audience_is_told_its_own_figures() {
    let mut rig = start(true).await;
    live(&rig).await;
    write(
        rig.client("gus"),
        json!({"status": "psst", "visibility": "direct"}),
    )
    .await;
    rig.count_statistics().await;
    let path = format!("/api/kinglet/v1/stats?from={FIRST_DAY}");
    let stranger = rig.anonymous().get(&path).await.ok();
    assert_eq!(stranger["audience"], "strangers");
    assert_eq!(stranger["time_zone"], "UTC");
    let days = stranger["days"].as_array().expect("days");
    assert_eq!(days.len(), 3);
    assert_eq!(
        days[0],
        json!({"day": FIRST_DAY, "posts": 3, "replies": 1, "boosts": 1, "favourites": 1, "mentions": 1,
            "follows": 2, "sign_ups": 6, "active_day": 3, "active_week": 3, "active_month": 3})
    );
    assert_eq!(
        (&days[1]["posts"], &days[2]["posts"]),
        (&json!("<3"), &json!("<3"))
    );
    assert_eq!(stranger["span"]["posts"], 3, "of days that are told");
    assert_eq!(stranger["totals"]["posts"], 3);
    assert_eq!(stranger["hours"][14], 3);
    assert_eq!(
        stranger["tags"],
        json!([{"name": "birds", "posts": 2, "authors": 2}])
    );
    assert!(stranger.get("measured").is_none() && stranger.get("clients").is_none());

    let member = rig.client("bo").get(&path).await.ok();
    assert_eq!(member["audience"], "members");
    assert_eq!(
        (&member["days"][1]["posts"], &member["days"][2]["posts"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(member["span"]["posts"], 4);

    let owner = rig.person("olga").clone();
    let without = owner.client.get(&path).await.ok();
    assert_eq!(
        without["audience"], "members",
        "the token doesn't cover admin:read"
    );
    let admin = rig.client_of(owner.id, "read admin:read").await;
    let told = admin.get(&path).await.ok();
    assert_eq!(told["audience"], "owner");
    assert_eq!(told["days"][2]["posts"], 1, "the direct post");
    assert!(
        told["measured"]["database_bytes"]
            .as_i64()
            .is_some_and(|bytes| bytes > 4096)
    );
    let english = json!({"name": "en", "posts": 1, "authors": 1});
    let languages = told["languages"].as_array().expect("languages");
    assert!(languages.contains(&english), "{languages:?}");
    let moderator = rig.add("mo", Role::Moderator).await;
    let moderator = rig.client_of(moderator.id, "read admin:read").await;
    assert_eq!(moderator.get(&path).await.ok()["audience"], "members");

    let csv = rig
        .anonymous()
        .get("/api/kinglet/v1/stats.csv?days=3")
        .await;
    assert!(csv.header("content-type").starts_with("text/csv"));
    assert!(csv.header("content-disposition").starts_with("attachment"));
    let lines: Vec<&str> = csv.text.split("\r\n").collect();
    assert_eq!(
        lines,
        [
            "day,posts,replies,boosts,favourites,mentions,follows,sign_ups,active_day,active_week,active_month",
            "2026-09-21,3,1,1,1,1,2,6,3,3,3",
            "2026-09-22,<3,<3,<3,<3,<3,<3,<3,<3,<3,<3",
            "2026-09-23,<3,<3,<3,<3,<3,<3,<3,<3,<3,<3",
            "",
        ]
    );
    let csv = admin.get("/api/kinglet/v1/stats.csv?days=1").await;
    assert!(
        csv.text
            .contains(",database_bytes,mail_sent,mail_failed\r\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_public_is_for_members() {
    let rig = start(false).await;
    live(&rig).await;
    rig.count_statistics().await;
    let nobody = rig.anonymous();
    for path in ["/api/kinglet/v1/stats", "/api/kinglet/v1/stats.csv"] {
        nobody.get(path).await.refused(401);
    }
    for path in [
        "/stats",
        "/stats.csv",
        "/stats.json",
        "/settings/stats",
        "/settings/stats.csv",
    ] {
        let answer = nobody.get(path).await;
        assert_eq!(answer.status, 303, "{path}");
        assert!(answer.header("location").starts_with("/login"), "{path}");
    }
    assert_eq!(
        nobody.get("/api/v1/instance/activity").await.ok(),
        json!([])
    );
    let ada = rig.client("ada");
    let weeks = ada.get("/api/v1/instance/activity").await.ok();
    // Monday, 2026-09-21.
    let week = json!({"week": "1789948800", "statuses": "4", "logins": "3", "registrations": "6"});
    assert_eq!(weeks, json!([week]));
    for (query, status) in [
        ("days=0", 422),
        ("days=2000", 422),
        ("from=yesterday", 422),
        ("from=2026-09-22&until=2026-09-21", 422),
        ("until=2026-02-29", 422),
    ] {
        ada.get(&format!("/api/kinglet/v1/stats?{query}"))
            .await
            .refused(status);
    }
    let narrow = rig.client_of(rig.person("ada").id, "write").await;
    narrow.get("/api/kinglet/v1/stats").await.refused(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_s_own_figures_are_one_s_own() {
    let rig = start(true).await;
    live(&rig).await;
    rig.count_statistics().await;
    let own = rig
        .client("ada")
        .get("/api/kinglet/v1/accounts/stats")
        .await
        .ok();
    assert_eq!(
        own["days"].as_array().map(Vec::len),
        Some(3),
        "since the account was made"
    );
    assert_eq!(
        own["days"][0],
        json!({"day": FIRST_DAY, "posts": 1, "replies": 0, "boosts": 0, "boosts_received": 1,
            "favourites_received": 1, "replies_received": 1, "mentions_received": 1, "reach": 2, "new_followers": 2})
    );
    assert_eq!(own["span"]["posts"], 2);
    let csv = rig
        .client("ada")
        .get("/api/kinglet/v1/accounts/stats.csv")
        .await;
    assert!(
        csv.text.contains("\r\n2026-09-21,1,0,0,1,1,1,1,2,2\r\n"),
        "{}",
        csv.text
    );
    let other = rig
        .client("gus")
        .get("/api/kinglet/v1/accounts/stats")
        .await
        .ok();
    assert_eq!(other["span"]["posts"], 0);
    rig.anonymous()
        .get("/api/kinglet/v1/accounts/stats")
        .await
        .refused(401);

    let visitor = Visitor::new();
    let page = visitor.open(&format!("{}/login", rig.server.url())).await;
    let password = password_of("ada");
    visitor
        .send(
            &page,
            "/login",
            &[("login", "ada"), ("password", &password)],
        )
        .await;
    let page = visitor
        .open(&format!("{}/settings/stats", rig.server.url()))
        .await;
    assert!(page.html.contains("New followers") && page.html.contains("<svg class=\"plot\""));
    let page = visitor
        .open(&format!("{}/stats?days=365", rig.server.url()))
        .await;
    assert_eq!(page.status.as_u16(), 200);
    assert!(page.html.contains("by weeks") && !page.html.contains("Mail sent"));
    let json = visitor
        .open(&format!("{}/settings/stats.json", rig.server.url()))
        .await;
    assert!(json.html.contains("\"new_followers\":2"), "{}", json.html);
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_metrics_answer_from_the_same_series() {
    let mut rig = start(false).await;
    live(&rig).await;
    rig.count_statistics().await;
    let owner = rig.person("olga").clone();
    let admin = rig.client_of(owner.id, "admin:read").await;
    let asked = json!({
        "keys": ["active_users", "new_users", "interactions", "opened_reports"],
        "start_at": "2026-09-21T23:59:59Z",
        "end_at": "2026-09-22",
    });
    let measures = admin
        .post("/api/v1/admin/measures", asked.clone())
        .await
        .ok();
    assert_eq!(
        measures,
        json!([
            {"key": "active_users", "unit": null, "total": "1", "previous_total": "0", "data": [
                {"date": "2026-09-21T00:00:00.000Z", "value": "3"}, {"date": "2026-09-22T00:00:00.000Z", "value": "1"}]},
            {"key": "new_users", "unit": null, "total": "6", "previous_total": "0", "data": [
                {"date": "2026-09-21T00:00:00.000Z", "value": "6"}, {"date": "2026-09-22T00:00:00.000Z", "value": "0"}]},
            {"key": "interactions", "unit": null, "total": "3", "previous_total": "0", "data": [
                {"date": "2026-09-21T00:00:00.000Z", "value": "3"}, {"date": "2026-09-22T00:00:00.000Z", "value": "0"}]},
        ])
    );
    let keys = [
        "languages",
        "sources",
        "servers",
        "space_usage",
        "software_versions",
        "tag_servers",
    ];
    let told = admin
        .post("/api/v1/admin/dimensions", json!({"keys": keys}))
        .await
        .ok();
    let told = told.as_array().expect("a list");
    let found = |key: &str| told.iter().find(|one| one["key"] == key);
    assert_eq!(told.len(), 5, "{told:?}");
    let part = json!({"key": "en", "human_key": "en", "value": "1"});
    let languages = found("languages").expect("the owner sees them");
    assert!(
        languages["data"]
            .as_array()
            .is_some_and(|data| data.contains(&part)),
        "{languages}"
    );
    let space = &found("space_usage").expect("the owner sees it")["data"][0];
    assert_eq!(
        (&space["key"], &space["unit"]),
        (&json!("database"), &json!("bytes"))
    );
    assert_eq!(found("servers").expect("this one")["data"][0]["value"], "4");

    let moderator = rig.add("mo", Role::Moderator).await;
    let moderator = rig.client_of(moderator.id, "admin:read").await;
    let told = moderator
        .post("/api/v1/admin/dimensions", json!({"keys": keys}))
        .await
        .ok();
    let keys: Vec<_> = told
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["key"].clone())
        .collect();
    assert_eq!(keys, ["servers", "software_versions"]);

    let member = rig.client_of(rig.person("ada").id, "admin:read").await;
    for path in ["/api/v1/admin/measures", "/api/v1/admin/dimensions"] {
        assert_eq!(
            member.post(path, asked.clone()).await.refused(403),
            "This action is not allowed"
        );
        owner.client.post(path, asked.clone()).await.refused(403);
        rig.anonymous().post(path, asked.clone()).await.refused(401);
    }
    admin
        .post("/api/v1/admin/measures", json!({"keys": ["new_users"]}))
        .await
        .refused(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_reads_and_rebuilds() {
    let rig = start(false).await;
    live(&rig).await;
    rig.count_statistics().await;
    let instance = rig.server.instance();
    let ask = async |request: Request| control::handle(request, instance).await;
    let read = async || match ask(Request::ReadStatistics { days: 7 }).await {
        Ok(Done::Statistics { overview }) => overview,
        other => panic!("{other:?}"),
    };
    let before = read().await;
    assert_eq!(before.days.len(), 3);
    assert_eq!(before.span.posts, Shown::Exact(4));
    let request = Request::ReopenDays {
        from: None,
        until: None,
    };
    let Ok(Done::DaysReopened { days: 2 }) = ask(request).await else {
        panic!("two days are over");
    };
    let mut computed = Vec::new();
    loop {
        let Ok(Done::StatisticsStepped { days, is_more }) = ask(Request::StepStatistics).await
        else {
            panic!("it steps");
        };
        computed.extend(days.iter().map(ToString::to_string));
        if !is_more {
            break;
        }
    }
    assert_eq!(computed, ["2026-09-21", "2026-09-22"]);
    let figures = |overview: &Overview| -> Vec<_> {
        let days = overview.days.iter();
        days.map(|day| (day.day, day.figures)).collect()
    };
    assert_eq!(figures(&*read().await), figures(&before));
    let turned = Request::ReopenDays {
        from: Some("2026-09-23".parse().expect("a date")),
        until: Some("2026-09-21".parse().expect("a date")),
    };
    assert!(ask(turned).await.is_err());
}
