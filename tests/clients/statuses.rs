//! Publish, read, edit, delete, boost, favour, keep.

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::json;

use crate::shape::{STATUS, assert_has, assert_ids_and_times, id, ids, post};
use crate::support::server::{Client, Rig};

async fn publish_with_key(client: &Client, key: &str, text: &str) -> String {
    let request = client
        .request(Method::POST, "/api/v1/statuses")
        .header("Idempotency-Key", key)
        .json(&json!({ "status": text }));
    id(&client.send(request).await.ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_answers_the_whole_status() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let ada = rig.client("ada");
    let body = json!({
        "status": "Hello @bob, see https://example.org/a #Wrens",
        "spoiler_text": "birds",
        "visibility": "unlisted",
        "language": "en",
    });
    let status = ada.post("/api/v1/statuses", body).await.ok();
    assert_has(&status, STATUS);
    assert_ids_and_times(&status);
    assert_eq!(status["visibility"], "unlisted");
    assert_eq!(status["spoiler_text"], "birds");
    assert_eq!(status["sensitive"], true);
    assert_eq!(status["language"], "en");
    assert_eq!(status["account"]["acct"], "ada");
    assert_eq!(status["account"]["statuses_count"], 1);
    assert_eq!(
        status["mentions"][0]["id"],
        rig.person("bob").id.to_string()
    );
    assert_eq!(status["tags"][0]["name"], "wrens");
    assert_eq!(status["reblog"], json!(null));
    let url = format!("{}/@ada/{}", rig.server.url(), id(&status));
    assert_eq!(status["url"], url);
    let read = ada
        .get(&format!("/api/v1/statuses/{}", id(&status)))
        .await
        .ok();
    assert_eq!(read, status);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_post_is_refused_with_a_sentence() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    for (body, status) in [
        (json!({}), 422),
        (json!({"status": ""}), 422),
        (json!({"status": " \n\u{200b} "}), 422),
        (json!({"status": "x".repeat(501)}), 422),
        (json!({"status": "x", "spoiler_text": "y".repeat(500)}), 422),
        (json!({"status": "x", "visibility": "everyone"}), 422),
        (json!({"status": "x", "visibility": ["public"]}), 400),
        (json!({"status": "x", "language": "no such language"}), 422),
        (json!({"status": "x", "sensitive": "perhaps"}), 422),
        (json!({"status": "x", "in_reply_to_id": "abc"}), 422),
        (
            json!({"status": "x", "in_reply_to_id": "117309440000000099"}),
            404,
        ),
        (json!({"status": "x", "media_ids": ["1"]}), 422),
        (
            json!({"status": "x", "poll": {"options": ["a", "b"], "expires_in": 60}}),
            422,
        ),
        (
            json!({"status": "x", "scheduled_at": "2030-01-01T00:00:00.000Z"}),
            422,
        ),
        (json!({"status": {"text": "x"}}), 400),
    ] {
        let answer = ada.post("/api/v1/statuses", body.clone()).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
        assert!(
            answer.refused(status).contains(' '),
            "{body}: {}",
            answer.text
        );
    }
    assert_eq!(ids(&ada.get("/api/v1/timelines/home").await), [""; 0]);
    let reader = rig.client_of(rig.person("ada").id, "read").await;
    reader
        .post("/api/v1/statuses", json!({"status": "x"}))
        .await
        .refused(403);
    rig.anonymous()
        .post("/api/v1/statuses", json!({"status": "x"}))
        .await
        .refused(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_01_bodies_come_as_json_form_or_multipart() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    let fields = [
        ("status", "a wren"),
        ("visibility", "private"),
        ("sensitive", "1"),
    ];
    let form = ada.post_form("/api/v1/statuses", &fields).await.ok();
    let parts = fields
        .iter()
        .fold(Form::new(), |form, (name, value)| form.text(*name, *value));
    let request = ada
        .request(Method::POST, "/api/v1/statuses")
        .multipart(parts);
    let multipart = ada.send(request).await.ok();
    let body = json!({"status": "a wren", "visibility": "private", "sensitive": true});
    let plain = ada.post("/api/v1/statuses", body).await.ok();
    let query = "/api/v1/statuses?status=a+wren&visibility=private&sensitive=true";
    let query = ada.post_empty(query).await.ok();
    for status in [&form, &multipart, &plain, &query] {
        assert_eq!(status["content"], "<p>a wren</p>");
        assert_eq!(status["visibility"], "private");
        assert_eq!(status["sensitive"], true);
    }
    // PUT takes the three as well.
    let path = format!("/api/v1/statuses/{}", id(&form));
    let request = ada
        .request(Method::PUT, &path)
        .form(&[("status", "a robin")]);
    assert_eq!(ada.send(request).await.ok()["content"], "<p>a robin</p>");
    let request = ada
        .request(Method::PUT, &path)
        .multipart(Form::new().text("status", "a tit"));
    assert_eq!(ada.send(request).await.ok()["content"], "<p>a tit</p>");
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_01_an_explicit_null_is_an_absent_parameter() {
    let rig = Rig::start(&["ada"]).await;
    let body = json!({
        "status": "a wren", "in_reply_to_id": null, "spoiler_text": null, "visibility": null,
        "language": null, "sensitive": null, "media_ids": null, "poll": null, "scheduled_at": null,
    });
    let status = rig.client("ada").post("/api/v1/statuses", body).await.ok();
    assert_eq!(status["spoiler_text"], "");
    assert_eq!(status["visibility"], "public");
    assert_eq!(status["sensitive"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_01_lists_come_with_brackets_or_repeated() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    let (one, two) = (id(&post(ada, "one").await), id(&post(ada, "two").await));
    for query in [
        format!("id[]={one}&id[]={two}"),
        format!("id%5B%5D={one}&id%5B%5D={two}"),
        format!("id={one}&id={two}"),
        format!("id[0]={one}&id[1]={two}"),
        format!("id[]={one}&id[]=117309440000099999&id[]={two}"),
    ] {
        let answer = ada.get(&format!("/api/v1/statuses?{query}")).await;
        assert_eq!(ids(&answer), [one.as_str(), &two], "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_01_delete_may_have_a_body() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    let path = format!("/api/v1/statuses/{}", id(&post(ada, "a wren").await));
    let request = ada
        .request(Method::DELETE, &path)
        .json(&json!({"delete_media": true}));
    assert_eq!(ada.send(request).await.ok()["text"], "a wren");
    ada.get(&path).await.refused(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_03_ids_are_strings_of_fixed_width_that_rise() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    let mut before = String::new();
    for number in 0..5 {
        let status = post(ada, &format!("post {number}")).await;
        assert_ids_and_times(&status);
        assert!(id(&status) > before);
        before = id(&status);
        // Whatever the clock says.
        rig.pass_seconds(if number == 2 { -3600 } else { 1 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_18_an_idempotency_key_holds_for_an_hour_and_for_one_account() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let (ada, bob) = (rig.client("ada"), rig.client("bob"));
    let first = publish_with_key(ada, "k1", "a wren").await;
    assert_eq!(publish_with_key(ada, "k1", "a wren").await, first);
    assert_ne!(publish_with_key(ada, "k2", "a wren").await, first);
    assert_ne!(publish_with_key(bob, "k1", "a wren").await, first);
    rig.pass_seconds(3599);
    assert_eq!(publish_with_key(ada, "k1", "a wren").await, first);
    rig.pass_seconds(2);
    assert_ne!(publish_with_key(ada, "k1", "a wren").await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_18_twenty_impatient_retries_make_one_post() {
    let rig = Rig::start(&["ada"]).await;
    let tries = (0..20).map(|_| {
        let ada = rig.client("ada").clone();
        tokio::spawn(async move { publish_with_key(&ada, "same", "a wren").await })
    });
    let mut seen = Vec::new();
    for one in tries.collect::<Vec<_>>() {
        seen.push(one.await.expect("no panic"));
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(
        ids(&rig.client("ada").get("/api/v1/timelines/home").await),
        seen
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_18_deleting_answers_the_text_for_writing_it_anew() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let ada = rig.client("ada");
    let body = json!({"status": "a <b>wren</b> & @bob", "spoiler_text": "small"});
    let path = format!(
        "/api/v1/statuses/{}",
        id(&ada.post("/api/v1/statuses", body).await.ok())
    );
    rig.client("bob").delete(&path).await.refused(404);
    let gone = ada.delete(&path).await.ok();
    assert_eq!(gone["text"], "a <b>wren</b> & @bob");
    assert_eq!(gone["spoiler_text"], "small");
    assert_has(&gone, STATUS);
    ada.delete(&path).await.refused(404);
    let own = ada.get("/api/v1/accounts/verify_credentials").await.ok();
    assert_eq!(own["statuses_count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_18_content_is_safe_html_with_mentions_as_clients_know_them() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let text =
        "hi @bob @nobody <script>alert(1)</script>\nhttps://example.org/?a=1&b=\"2\" #Tit\n\nend";
    let content = post(rig.client("ada"), text).await["content"].clone();
    let content = content.as_str().expect("HTML");
    let bob = format!("{}/@bob", rig.server.url());
    assert!(
        content.contains(&format!(
            "<span class=\"h-card\" translate=\"no\"><a href=\"{bob}\" class=\"u-url mention\">@<span>bob</span></a></span>"
        )),
        "{content}"
    );
    assert!(
        content.contains("@nobody") && !content.contains("/@nobody"),
        "{content}"
    );
    assert!(
        content.contains("&lt;script&gt;") && !content.contains("<script"),
        "{content}"
    );
    assert!(
        content.contains("<a href=\"https://example.org/?a=1&amp;b="),
        "{content}"
    );
    assert!(
        content.contains("rel=\"tag\">#<span>Tit</span></a>"),
        "{content}"
    );
    assert_eq!(content.matches("<p>").count(), 2, "{content}");
    for tag in content.split('<').skip(1) {
        let name = tag.trim_start_matches('/').split([' ', '>', '/']).next();
        assert!(matches!(name, Some("p" | "br" | "span" | "a")), "<{tag}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_18_an_address_counts_23_characters() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    let link = format!("https://example.org/{}", "x".repeat(600));
    let fits = format!("{} {link}", "y".repeat(500 - 24));
    post(ada, &fits).await;
    let body = json!({"status": format!("y{fits}")});
    ada.post("/api/v1/statuses", body).await.refused(422);
    // Letters are counted as people do.
    post(ada, &"👨‍👩‍👧‍👦".repeat(100)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_are_idempotent_counted_once_and_seen_by_their_owner() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let (ada, bob) = (rig.client("ada"), rig.client("bob"));
    let at = format!("/api/v1/statuses/{}", id(&post(ada, "a wren").await));
    for (on, off, flag, count) in [
        (
            "favourite",
            "unfavourite",
            "favourited",
            Some("favourites_count"),
        ),
        ("bookmark", "unbookmark", "bookmarked", None),
    ] {
        for _ in 0..2 {
            let status = bob.post_empty(&format!("{at}/{on}")).await.ok();
            assert_eq!(status[flag], true);
            if let Some(count) = count {
                assert_eq!(status[count], 1);
            }
        }
        assert_eq!(ada.get(&at).await.ok()[flag], false);
        for _ in 0..2 {
            let status = bob.post_empty(&format!("{at}/{off}")).await.ok();
            assert_eq!(status[flag], false);
            if let Some(count) = count {
                assert_eq!(status[count], 0);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_boost_is_an_entry_of_its_own_that_holds_the_post() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let (ada, bob) = (rig.client("ada"), rig.client("bob"));
    let wren = post(ada, "a wren").await;
    let at = format!("/api/v1/statuses/{}", id(&wren));
    let boost = bob.post_empty(&format!("{at}/reblog")).await.ok();
    assert_ne!(boost["id"], wren["id"]);
    assert_eq!(boost["reblog"]["id"], wren["id"]);
    assert_eq!(boost["reblog"]["reblogs_count"], 1);
    assert_eq!(boost["reblog"]["reblogged"], true);
    assert_has(&boost, STATUS);
    assert_has(&boost["reblog"], STATUS);
    let again = bob
        .post_form(&format!("{at}/reblog"), &[("visibility", "private")])
        .await
        .ok();
    assert_eq!(again["id"], boost["id"]);
    // The boost's id stands for the post, as clients send either.
    let kept = bob
        .post_empty(&format!("/api/v1/statuses/{}/bookmark", id(&boost)))
        .await
        .ok();
    assert_eq!(kept["id"], wren["id"]);
    let who = bob.get(&format!("{at}/reblogged_by")).await;
    assert_eq!(ids(&who), [rig.person("bob").id.to_string()]);
    let back = bob.post_empty(&format!("{at}/unreblog")).await.ok();
    assert_eq!(
        (&back["id"], &back["reblogged"]),
        (&wren["id"], &json!(false))
    );
    assert_eq!(back["reblogs_count"], 0);
    bob.get(&format!("/api/v1/statuses/{}", id(&boost)))
        .await
        .refused(404);
    bob.post_empty("/api/v1/statuses/1/reblog")
        .await
        .refused(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_has_its_order_and_counts_open_replies() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let (ada, bob) = (rig.client("ada"), rig.client("bob"));
    let reply = async |client: &Client, text: &str, to: &str| {
        let body = json!({"status": text, "in_reply_to_id": to});
        id(&client.post("/api/v1/statuses", body).await.ok())
    };
    let root = id(&post(ada, "root").await);
    let first = reply(bob, "first", &root).await;
    let second = reply(ada, "second", &root).await;
    let below = reply(ada, "below the first", &first).await;
    let thread = async |id: &str| {
        ada.get(&format!("/api/v1/statuses/{id}/context"))
            .await
            .ok()
    };
    let names = |list: &serde_json::Value| -> Vec<String> {
        list.as_array().expect("a list").iter().map(id).collect()
    };
    let at_root = thread(&root).await;
    assert_eq!(at_root["ancestors"], json!([]));
    assert_eq!(names(&at_root["descendants"]), [&*first, &below, &second]);
    let at_below = thread(&below).await;
    assert_eq!(names(&at_below["ancestors"]), [&*root, &first]);
    let status = ada.get(&format!("/api/v1/statuses/{root}")).await.ok();
    assert_eq!(status["replies_count"], 2);
    let answer = ada.get(&format!("/api/v1/statuses/{below}")).await.ok();
    assert_eq!(answer["in_reply_to_id"], first);
    assert_eq!(
        answer["in_reply_to_account_id"],
        rig.person("bob").id.to_string()
    );
    ada.delete(&format!("/api/v1/statuses/{second}")).await.ok();
    let status = ada.get(&format!("/api/v1/statuses/{root}")).await.ok();
    assert_eq!(status["replies_count"], 1);
    ada.get("/api/v1/statuses/1/context").await.refused(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_replaces_the_text_and_keeps_the_history() {
    let rig = Rig::start(&["ada", "bob", "cid"]).await;
    let ada = rig.client("ada");
    let wren = post(ada, "a wran for @bob").await;
    let at = format!("/api/v1/statuses/{}", id(&wren));
    rig.pass_seconds(60);
    let body = json!({"status": "a wren for @cid #fixed", "spoiler_text": "edited"});
    let edited = ada.put(&at, body).await.ok();
    assert_eq!((&edited["id"], &edited["uri"]), (&wren["id"], &wren["uri"]));
    assert_eq!(edited["created_at"], wren["created_at"]);
    assert_ne!(edited["edited_at"], json!(null));
    assert_ids_and_times(&edited);
    assert_eq!(edited["spoiler_text"], "edited");
    assert_eq!(edited["mentions"][0]["acct"], "cid");
    let source = ada.get(&format!("{at}/source")).await.ok();
    assert_eq!(source["text"], "a wren for @cid #fixed");
    assert_eq!(source["spoiler_text"], "edited");
    let history = ada.get(&format!("{at}/history")).await.ok();
    let texts: Vec<_> = history
        .as_array()
        .expect("versions")
        .iter()
        .map(|one| &one["content"])
        .collect();
    assert_eq!(texts.len(), 2);
    assert!(texts[0].to_string().contains("wran") && texts[1].to_string().contains("wren"));
    assert_eq!(history[0]["created_at"], wren["created_at"]);
    rig.client("bob")
        .put(&at, json!({"status": "mine"}))
        .await
        .refused(404);
    rig.client("bob")
        .get(&format!("{at}/source"))
        .await
        .refused(404);
    ada.put(&at, json!({"status": ""})).await.refused(422);
    ada.put("/api/v1/statuses/1", json!({"status": "x"}))
        .await
        .refused(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authors_preferences_hold_where_a_post_says_nothing() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    let source = json!({"source": {"privacy": "unlisted", "sensitive": true, "language": "de"}});
    ada.patch("/api/v1/accounts/update_credentials", source)
        .await
        .ok();
    let status = post(ada, "ein Zaunkönig").await;
    assert_eq!(status["visibility"], "unlisted");
    assert_eq!(status["sensitive"], true);
    assert_eq!(status["language"], "de");
}
