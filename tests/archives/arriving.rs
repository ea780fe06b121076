//! An archive of Mastodon arrives whole, once, and without a word to anybody.

use rusqlite::Connection;
use serde_json::{Value as Json, json};

use crate::packing::{actor, announce, collection, create, tar_gz, uri, zip};
use crate::support::process::Place;
use crate::{client, instance, serve, stored};

const FOLLOWING: &str = "Account address,Show boosts,Notify on new posts,Languages\n\
    bob@here.example,false,true,\ncarol@there.example,true,false,\nlocked@here.example,true,false,en\n";
const MUTED: &str = "Account address,Hide notifications\ndave@here.example,false\n";
const BLOCKED: &str = "eve@here.example\nmallory@there.example\n";

/// The outbox of the tests, the oldest first.
fn outbox() -> Vec<Json> {
    let second = "2023-04-05T06:07:08Z";
    vec![
        create(
            10,
            "2016-12-01T00:00:00Z",
            "<p>Before all others</p>",
            |_| {},
        ),
        create(
            11,
            second,
            "<p>Hello <span class=\"h-card\"><a href=\"https://there.example/@bob\" class=\"u-url mention\">@<span>bob</span></a></span> \
             &amp; <a href=\"https://there.example/tags/Finches\" class=\"mention hashtag\" rel=\"tag\">#<span>Finches</span></a><br />line</p>",
            |note| {
                note["tag"] = json!([{"type": "Mention", "href": "https://there.example/users/bob", "name": "@bob"}]);
            },
        ),
        create(12, second, "<p>Answer one</p>", |note| {
            note["inReplyTo"] = uri(11).into()
        }),
        create(13, second, "<p>Answer two</p>", |note| {
            note["inReplyTo"] = uri(12).into()
        }),
        create(14, "2023-04-05T06:08:00Z", "<p>Unlisted</p>", |note| {
            let to = note["to"].take();
            note["to"] = note["cc"].take();
            note["cc"] = to;
        }),
        create(15, "2023-04-05T06:09:00Z", "<p>For followers</p>", |note| {
            note["to"] = note["cc"].take();
            note["cc"] = json!([]);
        }),
        create(16, "2023-04-05T06:10:00Z", "<p>@bob A secret</p>", |note| {
            note["to"] = json!(["https://here.example/users/bob"]);
            note["cc"] = json!([]);
            note["tag"] = json!([{"type": "Mention", "href": "https://here.example/users/bob", "name": "@bob@here.example"}]);
        }),
        create(17, "2023-04-05T06:11:00Z", "<p>Warned</p>", |note| {
            note["summary"] = "birds of prey".into();
            note["sensitive"] = true.into();
            note["contentMap"] = json!({"de": note["content"]});
            note["updated"] = "2023-04-06T00:00:00Z".into();
        }),
        create(18, "2023-04-05T06:12:00Z", "<p>Which?</p>", |note| {
            note["type"] = "Question".into();
            note["oneOf"] =
                json!([{"type": "Note", "name": "Owl"}, {"type": "Note", "name": "Tit"}]);
        }),
        announce(19, "2023-04-05T06:13:00Z", &uri(11)),
        announce(
            20,
            "2023-04-05T06:14:00Z",
            "https://elsewhere.example/users/x/statuses/1",
        ),
        create(21, "2023-04-05T06:15:00Z", "<p>To a stranger</p>", |note| {
            note["inReplyTo"] = "https://elsewhere.example/users/x/statuses/2".into();
        }),
        create(22, "2023-04-05T06:16:00Z", "", |note| {
            note["attachment"] = json!([{"type": "Document", "mediaType": "image/png", "url": "media/1.png", "name": null}]);
        }),
        create(23, "2023-04-05T06:17:00Z", "<p>Pictured</p>", |note| {
            note["attachment"] =
                json!([{"type": "Document", "url": "a"}, {"type": "Document", "url": "b"}]);
        }),
        json!({"id": "x", "type": "Move", "actor": "y", "object": "z"}),
    ]
}

fn files() -> Vec<(&'static str, String)> {
    let favoured = [uri(13).into(), "https://elsewhere.example/1".into()];
    vec![
        ("media_attachments/files/1.png", "no picture".to_owned()),
        ("outbox.json", collection("outbox.json", &outbox())),
        ("likes.json", collection("likes.json", &favoured)),
        (
            "bookmarks.json",
            collection("bookmarks.json", &[uri(14).into()]),
        ),
        ("actor.json", actor()),
        ("following_accounts.csv", FOLLOWING.to_owned()),
        ("muted_accounts.csv", MUTED.to_owned()),
        ("blocked_accounts.csv", BLOCKED.to_owned()),
    ]
}

fn archive(
    place: &Place,
    pack: fn(&std::path::Path, &[(&str, &str)]) -> std::path::PathBuf,
) -> String {
    let files = files();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    let path = pack(&place.path().join("archive"), &files);
    path.to_str().expect("UTF-8").to_owned()
}

fn import(place: &Place, file: &str) -> Json {
    let report = place.done(&["import", "--account", "alice", file, "--json"]);
    serde_json::from_str(&report).expect("JSON")
}

fn count(report: &Json, part: &str, fate: &str) -> u64 {
    let lines = report["lines"].as_array().expect("lines");
    let line = lines
        .iter()
        .find(|line| line["part"] == part && line["fate"] == fate);
    line.map_or(0, |line| line["count"].as_u64().expect("a number"))
}

#[test]
fn an_outbox_that_has_the_newest_first_arrives_as_the_other_way_round() {
    let stored_after = |turned: bool| {
        let place = instance(&["alice", "bob"]);
        let mut items = outbox();
        if turned {
            items.reverse();
        }
        let file = place.path().join("outbox.json");
        std::fs::write(&file, collection("outbox.json", &items)).expect("it is written");
        let report = import(&place, file.to_str().expect("UTF-8"));
        assert_eq!(count(&report, "entries", "imported"), 11, "{report:#}");
        assert_eq!(count(&report, "entries", "imported_alone"), 1);
        let checked = place.run(&["check"]);
        assert!(checked.status.success(), "{turned}: {checked:?}");
        let database = Connection::open(place.data().join("kinglet.db")).expect("a database");
        let mut posts = database
            .prepare(
                "SELECT post.text, parent.text FROM posts AS post
                 LEFT JOIN posts AS parent ON parent.id = post.reply_to ORDER BY post.id",
            )
            .expect("a statement");
        let rows = posts.query_map((), |row| {
            Ok((
                row.get::<_, Option<String>>(0)?,
                row.get::<_, Option<String>>(1)?,
            ))
        });
        rows.expect("rows")
            .collect::<Result<Vec<_>, _>>()
            .expect("rows")
    };
    let posts = stored_after(false);
    assert!(
        posts.contains(&(Some("Answer two".to_owned()), Some("Answer one".to_owned()))),
        "{posts:?}"
    );
    assert_eq!(stored_after(true), posts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mastodon_archive_arrives_whole_while_the_server_runs() {
    let place = instance(&["alice", "bob", "dave", "eve", "locked"]);
    let (server, base) = serve(&place);
    let alice = client(&place, &base, "alice");
    let bob = client(&place, &base, "bob");
    let locked = client(&place, &base, "locked");
    let locks = locked.patch(
        "/api/v1/accounts/update_credentials",
        json!({"locked": true}),
    );
    assert_eq!(locks.await.status, 200);
    let me = alice
        .get("/api/v1/accounts/verify_credentials")
        .await
        .json();
    let id = me["id"].as_str().expect("an id").to_owned();
    // Bob follows Alice, has a home in memory, and is told of each of her posts.
    let path = format!("/api/v1/accounts/{id}/follow");
    let follow = bob.post_form(&path, &[("notify", "true")]).await;
    assert_eq!(follow.status, 200);
    let written = alice
        .post_form("/api/v1/statuses", &[("status", "Written here")])
        .await;
    assert_eq!(written.status, 200);
    let home = |page: Json| -> Vec<String> {
        let posts = page.as_array().expect("a list").iter();
        posts
            .map(|post| post["content"].as_str().expect("text").to_owned())
            .collect()
    };
    assert_eq!(
        home(bob.get("/api/v1/timelines/home").await.json()).len(),
        1
    );
    let notified = async || -> Vec<Json> {
        let told = bob.get("/api/v1/notifications").await.json();
        let told = told.as_array().expect("a list").iter();
        told.map(|told| told["id"].clone()).collect()
    };
    let told = notified().await;
    assert_eq!(told.len(), 1);
    let found = alice
        .get("/api/v2/search?q=Answer&type=statuses")
        .await
        .json();
    assert_eq!(found["statuses"], json!([]));

    let file = archive(&place, zip);
    let report = import(&place, &file);
    for (part, fate, expected) in [
        ("entries", "imported", 11),
        ("entries", "imported_alone", 1),
        ("entries", "elsewhere", 1),
        ("entries", "empty", 1),
        ("entries", "unknown", 1),
        ("follows", "imported", 1),
        ("follows", "stranger", 1),
        ("follows", "wants_to_be_asked", 1),
        ("blocks", "imported", 1),
        ("blocks", "stranger", 1),
        ("mutes", "imported", 1),
        ("favourites", "imported", 1),
        ("favourites", "elsewhere", 1),
        ("bookmarks", "imported", 1),
        ("profile", "imported", 1),
    ] {
        assert_eq!(
            count(&report, part, fate),
            expected,
            "{part} {fate}: {report:#}"
        );
    }
    assert_eq!(report["attachments_left_out"], 3);

    // Posts with their dates, texts and threads, the newest first.
    let posts = alice
        .get(&format!("/api/v1/accounts/{id}/statuses?limit=40"))
        .await
        .json();
    let posts = posts.as_array().expect("a list").clone();
    let dates: Vec<&str> = posts
        .iter()
        .filter_map(|post| post["created_at"].as_str())
        .collect();
    assert_eq!(posts.len(), 13);
    assert!(
        dates.is_sorted_by(|newer, older| newer >= older),
        "{dates:?}"
    );
    assert_eq!(*dates.last().expect("a date"), "2016-12-01T00:00:00.000Z");
    let by_text = |text: &str| {
        let found = posts.iter().find(|post| {
            post["reblog"].is_null()
                && post["content"]
                    .as_str()
                    .is_some_and(|content| content.contains(text))
        });
        found.unwrap_or_else(|| panic!("{text} is missing")).clone()
    };
    let hello = by_text("Hello");
    assert_eq!(hello["created_at"], "2023-04-05T06:07:08.000Z");
    assert_eq!(hello["mentions"], json!([]), "that bob is another one");
    assert!(
        hello["content"]
            .as_str()
            .expect("text")
            .contains("@bob@there.example")
    );
    assert_eq!(hello["tags"][0]["name"], "finches");
    let (one, two) = (by_text("Answer one"), by_text("Answer two"));
    assert_eq!(one["in_reply_to_id"], hello["id"]);
    assert_eq!(two["in_reply_to_id"], one["id"]);
    assert_eq!(hello["replies_count"], 1);
    let number = |post: &Json| -> i64 {
        post["id"]
            .as_str()
            .expect("an id")
            .parse()
            .expect("a number")
    };
    assert!(number(&hello) < number(&one) && number(&one) < number(&two));
    assert_eq!(two["favourited"], true);
    assert_eq!(by_text("Unlisted")["visibility"], "unlisted");
    assert_eq!(by_text("Unlisted")["bookmarked"], true);
    assert_eq!(by_text("For followers")["visibility"], "private");
    assert_eq!(by_text("A secret")["visibility"], "direct");
    let warned = by_text("Warned");
    assert_eq!(warned["spoiler_text"], "birds of prey");
    assert_eq!(
        (&warned["sensitive"], &warned["language"]),
        (&json!(true), &json!("de"))
    );
    assert_eq!(warned["edited_at"], "2023-04-06T00:00:00.000Z");
    assert!(
        by_text("Which?")["content"]
            .as_str()
            .expect("text")
            .contains("- Owl<br />- Tit")
    );
    assert_eq!(by_text("To a stranger")["in_reply_to_id"], Json::Null);
    let boost = posts
        .iter()
        .find(|post| !post["reblog"].is_null())
        .expect("a boost");
    assert_eq!(boost["reblog"]["id"], hello["id"]);
    assert_eq!(boost["created_at"], "2023-04-05T06:13:00.000Z");
    let path = format!(
        "/api/v1/statuses/{}/context",
        two["id"].as_str().expect("an id")
    );
    assert_eq!(
        alice.get(&path).await.json()["ancestors"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    // What is searched for is found, in the order of dates, page by page.
    let found = alice
        .get("/api/v2/search?q=Answer&type=statuses")
        .await
        .json();
    let found = found["statuses"].as_array().expect("a list").clone();
    assert_eq!([&found[0]["id"], &found[1]["id"]], [&two["id"], &one["id"]]);

    // Bob's home has what he may see of it, in its place; he was told of nothing.
    let texts = home(bob.get("/api/v1/timelines/home?limit=40").await.json());
    assert_eq!(texts[0], "<p>Written here</p>");
    assert!(
        texts.iter().any(|text| text.contains("For followers")),
        "{texts:?}"
    );
    assert!(
        !texts.iter().any(|text| text.contains("A secret")),
        "{texts:?}"
    );
    assert!(
        texts
            .last()
            .is_some_and(|text| text.contains("Before all others")),
        "{texts:?}"
    );
    assert_eq!(notified().await, told);

    // Whom Alice followed, blocked and muted.
    let relation = async |name: &str| {
        let account = alice
            .get(&format!("/api/v1/accounts/lookup?acct={name}"))
            .await
            .json();
        let id = account["id"].as_str().expect("an id").to_owned();
        let found = alice
            .get(&format!("/api/v1/accounts/relationships?id[]={id}"))
            .await
            .json();
        found[0].clone()
    };
    let bob = relation("bob").await;
    assert_eq!(
        [
            &bob["following"],
            &bob["showing_reblogs"],
            &bob["notifying"]
        ],
        [&json!(true), &json!(false), &json!(true)]
    );
    assert_eq!(relation("eve").await["blocking"], true);
    assert_eq!(relation("dave").await["muting"], true);
    assert_eq!(relation("dave").await["muting_notifications"], false);
    assert_eq!(relation("locked").await["requested"], false);
    let me = alice
        .get("/api/v1/accounts/verify_credentials")
        .await
        .json();
    assert_eq!(me["display_name"], "Ann of There");
    assert_eq!(me["source"]["note"], "Birds & #looms");
    assert_eq!(me["source"]["fields"][0]["value"], "https://ann.example");

    let again = import(&place, &file);
    assert_eq!(again["imported"], 0, "{again:#}");
    let after = alice
        .get(&format!("/api/v1/accounts/{id}/statuses?limit=40"))
        .await
        .json();
    assert_eq!(after.as_array(), Some(&posts));
    assert!(server.stop().status.success());
    place.done(&["check"]);
}

#[test]
fn an_archive_that_is_imported_twice_changes_nothing() {
    let place = instance(&["alice", "bob", "dave", "eve"]);
    let file = archive(&place, tar_gz);
    let report = import(&place, &file);
    assert_eq!(count(&report, "entries", "imported"), 11, "{report:#}");
    let before = stored(&place);
    let again = import(&place, &file);
    assert_eq!(again["imported"], 0, "{again:#}");
    assert_eq!(count(&again, "entries", "known"), 12);
    assert_eq!(stored(&place), before);
    place.done(&["check"]);
}

#[test]
fn an_import_that_broke_off_goes_on_where_it_was() {
    let place = instance(&["alice"]);
    let outbox = outbox();
    let (begun, whole) = (place.path().join("begun"), place.path().join("whole"));
    zip(
        &begun,
        &[("outbox.json", &collection("outbox.json", &outbox[..3]))],
    );
    zip(
        &whole,
        &[("outbox.json", &collection("outbox.json", &outbox))],
    );
    assert_eq!(
        import(&place, begun.to_str().expect("UTF-8"))["imported"],
        3
    );
    let report = import(&place, whole.to_str().expect("UTF-8"));
    assert_eq!(count(&report, "entries", "known"), 3);
    assert_eq!(count(&report, "entries", "imported"), 8, "{report:#}");
    place.done(&["check"]);
}

#[test]
fn many_posts_of_one_second_keep_their_order_and_a_list_alone_is_taken() {
    let place = instance(&["alice", "bob"]);
    let posts: Vec<Json> = (0..300)
        .map(|number| {
            create(
                number,
                "2022-01-01T00:00:00Z",
                &format!("<p>No. {number}</p>"),
                |_| {},
            )
        })
        .collect();
    let path = place.path().join("archive");
    zip(
        &path,
        &[("archive-1/outbox.json", &collection("outbox.json", &posts))],
    );
    let report = import(&place, path.to_str().expect("UTF-8"));
    assert_eq!(report["imported"], 300);
    let texts: Vec<String> = rusqlite::Connection::open(place.data().join("kinglet.db"))
        .expect("a database")
        .prepare("SELECT text FROM posts ORDER BY id")
        .expect("SQL")
        .query_map((), |row| row.get(0))
        .expect("rows")
        .collect::<Result<_, _>>()
        .expect("texts");
    let expected: Vec<String> = (0..300).map(|number| format!("No. {number}")).collect();
    assert_eq!(texts, expected);

    std::fs::write(place.path().join("following_accounts.csv"), FOLLOWING).expect("it is written");
    let report = import(&place, "following_accounts.csv");
    assert_eq!(count(&report, "follows", "imported"), 1, "{report:#}");
    place.done(&["check"]);
}
