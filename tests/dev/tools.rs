//! The tools for programs: clock, snapshots, reset, mail.

use serde_json::{Value as Json, json};

use crate::support::dev::DevServer;
use crate::support::server::Client;

const API: &str = "/api/kinglet/v1/dev";

async fn home_of(client: &Client) -> Vec<String> {
    let home = client.get("/api/v1/timelines/home?limit=40").await.ok();
    let posts = home.as_array().expect("a list").iter();
    posts
        .map(|post| post["id"].as_str().expect("an id").to_owned())
        .collect()
}

async fn publish(client: &Client, text: &str) -> Json {
    let post = json!({"status": text});
    client.post("/api/v1/statuses", post).await.ok()
}

async fn tool(client: &Client, path: &str, body: Json) -> Json {
    client.post(&format!("{API}/{path}"), body).await.ok()
}

#[tokio::test]
async fn alice_has_one_of_everything() {
    let dev = DevServer::start(&[]);
    assert_eq!(dev.about["seed"], Json::Null);
    let alice = dev.client("alice");
    let notifications = alice.get("/api/v1/notifications?limit=80").await.ok();
    for kind in kinglet::domain::notification::NotificationKind::ALL {
        let name = kind.api_name();
        let is_there = notifications.as_array().expect("a list").iter();
        assert!(
            is_there.clone().any(|event| event["type"] == name),
            "{name}"
        );
    }
    let home = alice.get("/api/v1/timelines/home?limit=40").await.ok();
    let home = home.as_array().expect("a list");
    for visibility in ["public", "unlisted", "private", "direct"] {
        let is_there = home.iter().any(|post| post["visibility"] == visibility);
        assert!(is_there, "{visibility}");
    }
    assert!(home.iter().any(|post| post["spoiler_text"] != ""));
    assert!(home.iter().any(|post| post["reblog"].is_object()));
    assert!(home.iter().any(|post| post["edited_at"].is_string()));
    assert!(
        home.iter()
            .any(|post| !post["tags"].as_array().expect("tags").is_empty())
    );
    for list in [
        "bookmarks",
        "favourites",
        "mutes",
        "blocks",
        "follow_requests",
    ] {
        let found = alice.get(&format!("/api/v1/{list}")).await.ok();
        assert_ne!(found, json!([]), "{list}");
    }
    let carol = dev.person("carol")["id"].as_str().expect("an id");
    let relation = alice
        .get(&format!("/api/v1/accounts/relationships?id[]={carol}"))
        .await;
    assert_eq!(relation.ok()[0]["requested"], true);
    let pending = alice.get("/admin/sign-ups").await;
    assert_eq!(pending.status, 303, "owners log in for that");
    for person in dev.about["people"].as_array().expect("people") {
        let name = person["name"].as_str().expect("a name");
        let me = dev
            .client(name)
            .get("/api/v1/accounts/verify_credentials")
            .await
            .ok();
        assert_eq!(
            (&me["id"], &me["display_name"]),
            (&person["id"], &person["display_name"])
        );
    }
}

#[tokio::test]
async fn a_reset_plays_the_same_beginning_and_printed_tokens_hold() {
    for arguments in [&["--seed", "3"][..], &[]] {
        let dev = DevServer::start(arguments);
        let alice = dev.client("alice");
        let before = home_of(&alice).await;
        publish(&alice, "Gone soon.").await;
        tool(&alice, "faults", json!({"kind": "delay", "ms": 1})).await;
        tool(&alice, "clock", json!({"advance": "1d"})).await;
        assert_ne!(home_of(&alice).await, before);
        tool(&alice, "reset", json!({})).await;
        assert_eq!(home_of(&alice).await, before, "{arguments:?}");
        let about = alice.get(API).await.ok();
        assert_eq!(about["faults"], 0);
        let mail = alice.get(&format!("{API}/mail")).await.ok();
        assert_eq!(mail, json!([]));
        // What was recorded is history, not state.
        assert!(about["requests"].as_u64().expect("a number") >= 2);
        let now = publish(&alice, "After it.").await;
        assert_eq!(home_of(&alice).await.len(), before.len() + 1);
        if !arguments.is_empty() {
            assert_eq!(now["created_at"], "2026-01-01T12:00:00.000Z");
        }
    }
}

#[tokio::test]
async fn a_snapshot_can_be_gone_back_to_again_and_again() {
    let dev = DevServer::start(&["--seed", "4"]);
    let alice = dev.client("alice");
    let first = publish(&alice, "Before the snapshot.").await;
    tool(&alice, "clock", json!({"advance": "2h"})).await;
    assert_eq!(
        tool(&alice, "snapshot", json!({"name": "here"})).await["name"],
        "here"
    );
    let before = home_of(&alice).await;
    let mut tokens = Vec::new();
    for round in 0..3 {
        publish(&alice, "After it.").await;
        // A restored instance makes no token twice.
        let app = json!({"client_name": "x", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob"});
        tokens.push(alice.post("/api/v1/apps", app).await.ok()["client_secret"].clone());
        tool(&alice, "clock", json!({"advance": "1d"})).await;
        tool(&alice, "restore", json!({"name": "here"})).await;
        assert_eq!(home_of(&alice).await, before, "round {round}");
        assert_eq!(before[0], first["id"].as_str().expect("an id"));
        let clock = alice.get(&format!("{API}/clock")).await.ok();
        assert_eq!(
            clock,
            json!({"now": "2026-01-01T14:00:00.000Z", "running": false})
        );
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 3);
    let listed = alice.get(&format!("{API}/snapshots")).await.ok();
    assert_eq!(
        listed,
        json!([{"name": "here", "clock": "2026-01-01T14:00:00.000Z"}])
    );
    // The name may be used again, and others have to exist.
    publish(&alice, "Newer.").await;
    tool(&alice, "snapshot", json!({"name": "here"})).await;
    let before = home_of(&alice).await;
    publish(&alice, "Newest.").await;
    tool(&alice, "restore", json!({"name": "here"})).await;
    assert_eq!(home_of(&alice).await, before);
    let unknown = alice
        .post(&format!("{API}/restore"), json!({"name": "there"}))
        .await;
    assert!(unknown.refused(422).contains("there is no snapshot"));
    let bad = alice
        .post(&format!("{API}/snapshot"), json!({"name": "../x"}))
        .await;
    assert!(bad.refused(422).contains("letters"));
    assert_eq!(
        home_of(&alice).await,
        before,
        "a refused order changes nothing"
    );
    assert!(dev.end());
}

#[tokio::test]
async fn the_clock_is_read_set_moved_stopped_and_let_go() {
    let dev = DevServer::start(&[]);
    let alice = dev.client("alice");
    let clock = alice.get(&format!("{API}/clock")).await.ok();
    assert_eq!(clock["running"], true);
    let stopped = tool(
        &alice,
        "clock",
        json!({"now": "2030-05-06T07:08:09Z", "running": false}),
    )
    .await;
    assert_eq!(
        stopped,
        json!({"now": "2030-05-06T07:08:09.000Z", "running": false})
    );
    let post = publish(&alice, "From the future.").await;
    assert_eq!(post["created_at"], "2030-05-06T07:08:09.000Z");
    let answer = alice.get("/api/v1/instance").await;
    assert_eq!(answer.header("date"), "Mon, 06 May 2030 07:08:09 GMT");
    let moved = tool(&alice, "clock", json!({"advance": "90m"})).await;
    assert_eq!(moved["now"], "2030-05-06T08:38:09.000Z");
    let back = tool(&alice, "clock", json!({"advance": -9})).await;
    assert_eq!(back["now"], "2030-05-06T08:38:00.000Z");
    assert_eq!(
        tool(&alice, "clock", json!({"running": true})).await["running"],
        true
    );
    for bad in [
        json!({"now": "tomorrow"}),
        json!({"advance": "a while"}),
        json!({"now": "1969-01-01T00:00:00Z"}),
        json!({"now": "2030-05-06T07:08:09Z", "advance": 1}),
        json!({"running": "perhaps"}),
    ] {
        let answer = alice.post(&format!("{API}/clock"), bad.clone()).await;
        assert!(!answer.refused(422).is_empty(), "{bad}");
    }
}

#[tokio::test]
async fn the_clock_wakes_what_is_due_and_mail_ends_in_the_box() {
    let dev = DevServer::start(&["--seed", "5"]);
    let bob = dev.client("bob");
    let box_of = async || bob.get(&format!("{API}/mail")).await.ok();
    assert_eq!(box_of().await, json!([]));
    publish(&bob, "@alice Look at this.").await;
    let mails = box_of().await;
    assert_eq!(mails[0]["to"], "alice@example.org");
    assert!(
        mails[0]["text"]
            .as_str()
            .expect("text")
            .contains("Look at this.")
    );
    let page = bob
        .get(&format!(
            "/dev/mail/{}",
            mails[0]["id"].as_str().expect("an id")
        ))
        .await;
    assert!(page.text.contains("Look at this."), "{}", page.text);
    // Once a day the days are counted: a clock that was moved has that done before it answers.
    let counted = || {
        let folder = dev.about["data_dir"].as_str().expect("a path");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kinglet"));
        // No configuration lies there.
        command.current_dir(folder);
        let output = command.args(["--data", folder, "tasks", "--json"]).output();
        let output = output.expect("the binary runs").stdout;
        let tasks: Json = serde_json::from_slice(&output).expect("JSON");
        let schedule = tasks["schedule"].as_array().expect("a list").clone();
        let row = schedule
            .into_iter()
            .find(|task| task["name"] == "statistics");
        row.expect("it is planned")["last_run"].clone()
    };
    assert_eq!(counted(), Json::Null);
    tool(&bob, "clock", json!({"advance": "1d"})).await;
    assert_ne!(counted(), Json::Null);
    assert_eq!(bob.delete(&format!("{API}/mail")).await.status, 200);
    assert_eq!(box_of().await, json!([]));
}
