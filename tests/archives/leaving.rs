//! What is exported is what another kinglet takes in, and what others can read.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value as Json, json};

use crate::packing::python;
use crate::support::process::Place;
use crate::support::server::Client;
use crate::{HERE, client, instance, instance_at, serve};

/// Has Alice write a thread, boost, favour, keep, follow, block and mute; answers her id.
async fn live(place: &Place, base: &str) -> Client {
    let alice = client(place, base, "alice");
    let bob = client(place, base, "bob");
    let write = async |client: &Client, fields: &[(&str, &str)]| -> String {
        let written = client.post_form("/api/v1/statuses", fields).await;
        assert_eq!(written.status, 200, "{}", written.text);
        written.json()["id"].as_str().expect("an id").to_owned()
    };
    let first = write(
        &alice,
        &[(
            "status",
            "First <b> & \"quoted\"\n\n@bob #Finches https://e.org/x?a=1&b=2",
        )],
    )
    .await;
    let second = write(
        &alice,
        &[
            ("status", "Second"),
            ("in_reply_to_id", &first),
            ("visibility", "unlisted"),
        ],
    )
    .await;
    write(
        &alice,
        &[
            ("status", "Third"),
            ("in_reply_to_id", &second),
            ("visibility", "private"),
            ("spoiler_text", "cw"),
            ("language", "de"),
        ],
    )
    .await;
    write(&alice, &[("status", "@bob psst"), ("visibility", "direct")]).await;
    let of_bob = write(&bob, &[("status", "By Bob")]).await;
    for (path, fields) in [
        (format!("/api/v1/statuses/{first}/reblog"), vec![]),
        (format!("/api/v1/statuses/{of_bob}/favourite"), vec![]),
        (format!("/api/v1/statuses/{second}/bookmark"), vec![]),
    ] {
        assert_eq!(alice.post_form(&path, &fields).await.status, 200, "{path}");
    }
    for (name, action, fields) in [
        ("bob", "follow", vec![("reblogs", "false")]),
        ("carol", "block", vec![]),
        ("dave", "mute", vec![("notifications", "false")]),
    ] {
        let account = alice
            .get(&format!("/api/v1/accounts/lookup?acct={name}"))
            .await
            .json();
        let path = format!(
            "/api/v1/accounts/{}/{action}",
            account["id"].as_str().expect("an id")
        );
        assert_eq!(alice.post_form(&path, &fields).await.status, 200, "{path}");
    }
    alice
}

/// What an archive says, its parts by name; read by Python.
fn read(place: &Place, file: &str) -> Json {
    python(
        "import json,zipfile\n\
         archive = zipfile.ZipFile('FILE')\n\
         assert archive.testzip() is None\n\
         parts = {}\n\
         for name in archive.namelist():\n\
         \x20   text = archive.read(name).decode()\n\
         \x20   parts[name] = json.loads(text) if name.endswith('.json') else text\n\
         json.dump(parts, open('parts.json', 'w'))"
            .replace("FILE", file)
            .as_str(),
        place,
    );
    let parts = std::fs::read_to_string(place.path().join("parts.json")).expect("a file");
    serde_json::from_str(&parts).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_in_mastodons_form_and_arrives_on_a_fresh_instance() {
    let people = ["alice", "bob", "carol", "dave"];
    let old = instance(&people);
    let (server, base) = serve(&old);
    let alice = live(&old, &base).await;
    let me = alice
        .get("/api/v1/accounts/verify_credentials")
        .await
        .json();
    let path = format!(
        "/api/v1/accounts/{}/statuses?limit=40",
        me["id"].as_str().expect("an id")
    );
    let before = alice.get(&path).await.json();
    let said = old.done(&["export", "--account", "alice", "alice.zip"]);
    assert!(
        said.contains(
            "5 posts and boosts, 1 favourites, 1 bookmarks, 1 follows, 1 blocks, 1 mutes"
        ),
        "{said}"
    );
    let errors = old.fails(1, &["export", "--account", "alice", "alice.zip"]);
    assert!(errors.contains("exists"), "{errors}");
    let mode = std::fs::metadata(old.path().join("alice.zip"))
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(server.stop().status.success());

    let parts = read(&old, "alice.zip");
    assert_eq!(parts["actor.json"]["preferredUsername"], "alice");
    assert_eq!(parts["actor.json"]["outbox"], "outbox.json");
    let outbox = &parts["outbox.json"];
    assert_eq!(
        (&outbox["type"], &outbox["totalItems"]),
        (&json!("OrderedCollection"), &json!(5))
    );
    let items = outbox["orderedItems"].as_array().expect("items");
    let kinds: Vec<&Json> = items.iter().map(|item| &item["type"]).collect();
    assert_eq!(kinds, ["Create", "Create", "Create", "Create", "Announce"]);
    let first = &items[0]["object"];
    assert_eq!(
        first["to"],
        json!(["https://www.w3.org/ns/activitystreams#Public"])
    );
    assert_eq!(items[1]["object"]["inReplyTo"], first["id"]);
    assert_eq!(items[4]["object"], first["id"]);
    assert!(
        first["content"]
            .as_str()
            .expect("HTML")
            .contains("u-url mention")
    );
    assert_eq!(
        parts["following_accounts.csv"],
        "Account address,Show boosts,Notify on new posts,Languages\nbob@here.example,false,false,\n"
    );
    assert_eq!(parts["blocked_accounts.csv"], "carol@here.example\n");
    assert_eq!(
        parts["muted_accounts.csv"],
        "Account address,Hide notifications\ndave@here.example,false\n"
    );
    assert_eq!(
        parts["bookmarks.json"]["orderedItems"],
        json!([items[1]["object"]["id"]])
    );
    assert_eq!(
        parts["bookmarks.csv"],
        format!("{}\n", items[1]["object"]["id"].as_str().expect("an id"))
    );

    // The same address on a fresh instance: the very same posts, ids and all.
    let fresh = instance_at(HERE, &people);
    let file = old.path().join("alice.zip");
    let file = file.to_str().expect("UTF-8");
    fresh.done(&["import", "--account", "alice", file]);
    fresh.done(&["export", "--account", "alice", "again.zip"]);
    let again = read(&fresh, "again.zip");
    for part in [
        "following_accounts.csv",
        "blocked_accounts.csv",
        "muted_accounts.csv",
        "bookmarks.json",
    ] {
        assert_eq!(again[part], parts[part], "{part}");
    }
    let (server, base) = serve(&fresh);
    let alice = client(&fresh, &base, "alice");
    let me = alice
        .get("/api/v1/accounts/verify_credentials")
        .await
        .json();
    let path = format!(
        "/api/v1/accounts/{}/statuses?limit=40",
        me["id"].as_str().expect("an id")
    );
    let after = alice.get(&path).await.json();
    let told = |posts: &Json| -> Vec<Json> {
        let posts = posts.as_array().expect("a list").iter();
        let told = posts.map(|post| {
            json!([
                post["id"],
                post["uri"],
                post["created_at"],
                post["visibility"],
                post["in_reply_to_id"],
                post["spoiler_text"],
                post["sensitive"],
                post["language"],
                post["tags"],
                post["replies_count"],
                post["reblog"]["id"],
                post["bookmarked"],
            ])
        });
        told.collect()
    };
    assert_eq!(told(&after), told(&before));
    for (post, before) in after
        .as_array()
        .expect("a list")
        .iter()
        .zip(before.as_array().expect("a list"))
    {
        if post["reblog"].is_null() {
            let path = format!(
                "/api/v1/statuses/{}/source",
                post["id"].as_str().expect("an id")
            );
            let source = alice.get(&path).await.json();
            let items = parts["outbox.json"]["orderedItems"]
                .as_array()
                .expect("items")
                .iter();
            let item = items
                .map(|item| &item["object"])
                .find(|note| note["id"] == before["uri"]);
            assert_eq!(
                Some(&source["text"]),
                item.map(|note| &note["source"]["content"])
            );
        }
    }
    assert!(server.stop().status.success());
    fresh.done(&["check"]);

    // Another address: other ids, and bare names mean the people of the old one.
    let elsewhere = instance_at("https://elsewhere.example", &people);
    let report = elsewhere.done(&["import", "--account", "alice", file, "--json"]);
    let report: Json = serde_json::from_str(&report).expect("JSON");
    assert_eq!(
        report["imported"], 6,
        "five entries and a bookmark: {report:#}"
    );
    elsewhere.done(&["export", "--account", "alice", "moved.zip"]);
    let moved = read(&elsewhere, "moved.zip");
    let moved = moved["outbox.json"]["orderedItems"]
        .as_array()
        .expect("items")
        .clone();
    assert_eq!(moved.len(), items.len());
    for (moved, item) in moved.iter().zip(items) {
        assert_eq!(moved["published"], item["published"]);
    }
    let text = moved[0]["object"]["source"]["content"]
        .as_str()
        .expect("text");
    assert!(text.contains("@bob@here.example"), "{text}");
    assert_eq!(moved[1]["object"]["inReplyTo"], moved[0]["object"]["id"]);
    elsewhere.done(&["check"]);
}
