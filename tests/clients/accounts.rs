//! Accounts: one's own and others'.

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::json;

use crate::shape::{ACCOUNT, assert_date, assert_has, assert_ids_and_times, id, ids, post};
use crate::support::server::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn everybody_sees_accounts_with_all_that_clients_need() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.person("ada").id;
    let fresh = rig
        .anonymous()
        .get(&format!("/api/v1/accounts/{ada}"))
        .await
        .ok();
    assert_has(&fresh, ACCOUNT);
    assert_ids_and_times(&fresh);
    assert_eq!(fresh["last_status_at"], json!(null));
    post(rig.client("ada"), "a wren").await;
    let account = rig
        .anonymous()
        .get(&format!("/api/v1/accounts/{ada}"))
        .await
        .ok();
    assert_eq!(account["statuses_count"], 1);
    assert_date(&account["last_status_at"]);
    assert_eq!(account["last_status_at"], "2026-09-21");
    assert_eq!(account["url"], format!("{}/@ada", rig.server.url()));
    for unknown in ["1", "999999999999999999", "x", "-1", "99999999999999999999"] {
        rig.anonymous()
            .get(&format!("/api/v1/accounts/{unknown}"))
            .await
            .refused(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_05_avatars_and_headers_are_real_pictures_at_whole_addresses() {
    let rig = Rig::start(&["ada"]).await;
    let own = rig
        .client("ada")
        .get("/api/v1/accounts/verify_credentials")
        .await
        .ok();
    for picture in ["avatar", "avatar_static", "header", "header_static"] {
        let url = own[picture].as_str().expect("an address");
        assert!(url.starts_with(rig.server.url()), "{url}");
        let request = rig.anonymous().request(Method::GET, url);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{url}");
        assert_eq!(answer.headers()["content-type"], "image/png");
        let bytes = answer.bytes().await.expect("a body");
        assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"), "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_account_has_sources_and_a_role() {
    let rig = Rig::start(&["ada"]).await;
    let own = rig
        .client("ada")
        .get("/api/v1/accounts/verify_credentials")
        .await
        .ok();
    assert_has(&own, ACCOUNT);
    assert_has(
        &own["source"],
        &[
            "privacy",
            "sensitive",
            "note",
            "fields",
            "follow_requests_count",
        ],
    );
    assert_has(
        &own["role"],
        &["id", "name", "permissions", "color", "highlighted"],
    );
    assert_ids_and_times(&own);
    rig.anonymous()
        .get("/api/v1/accounts/verify_credentials")
        .await
        .refused(401);
    let preferences = rig.client("ada").get("/api/v1/preferences").await.ok();
    for name in [
        "posting:default:visibility",
        "posting:default:sensitive",
        "posting:default:language",
        "reading:expand:media",
        "reading:expand:spoilers",
    ] {
        assert!(preferences.get(name).is_some(), "{name} in {preferences}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_01_a_profile_is_changed_by_json_form_and_multipart() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    let path = "/api/v1/accounts/update_credentials";
    let body = json!({
        "display_name": "Ada 1", "note": "looms & <numbers>", "locked": true, "bot": null,
        "fields_attributes": [{"name": "web", "value": "https://example.org"}],
        "source": {"privacy": "private"},
    });
    let own = ada.patch(path, body).await.ok();
    assert_eq!(own["display_name"], "Ada 1");
    assert_eq!(own["note"], "<p>looms &amp; &lt;numbers&gt;</p>");
    assert_eq!(own["source"]["note"], "looms & <numbers>");
    assert_eq!((&own["locked"], &own["bot"]), (&json!(true), &json!(false)));
    assert!(
        own["fields"][0]["value"]
            .as_str()
            .is_some_and(|html| html.contains("<a href"))
    );
    assert_eq!(own["source"]["privacy"], "private");
    let fields = [
        ("display_name", "Ada 2"),
        ("locked", "false"),
        ("fields_attributes[0][name]", "one"),
        ("fields_attributes[0][value]", "1"),
        ("fields_attributes[1][name]", "two"),
        ("fields_attributes[1][value]", "2"),
        ("source[privacy]", "public"),
    ];
    let own = ada
        .send(ada.request(Method::PATCH, path).form(&fields))
        .await
        .ok();
    assert_eq!(own["display_name"], "Ada 2");
    assert_eq!(own["fields"][1]["value"], "2");
    assert_eq!(
        own["source"]["note"], "looms & <numbers>",
        "what isn't named stays"
    );
    let parts = fields
        .iter()
        .fold(Form::new(), |form, (name, value)| form.text(*name, *value));
    let request = ada
        .request(Method::PATCH, path)
        .multipart(parts.text("display_name", "Ada 3"));
    assert_eq!(ada.send(request).await.ok()["display_name"], "Ada 3");
    // A picture that would be forgotten is refused, and nothing of the rest is done.
    let picture = Part::bytes(vec![137; 2000]).file_name("a.png");
    let parts = Form::new()
        .text("display_name", "Ada 4")
        .part("avatar", picture);
    ada.send(ada.request(Method::PATCH, path).multipart(parts))
        .await
        .refused(422);
    let own = ada.get("/api/v1/accounts/verify_credentials").await.ok();
    assert_eq!(own["display_name"], "Ada 3");
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_that_are_too_much_are_refused() {
    let rig = Rig::start(&["ada"]).await;
    let ada = rig.client("ada");
    let many: Vec<_> = (0..200)
        .map(|_| json!({"name": "a", "value": "b"}))
        .collect();
    for body in [
        json!({"display_name": "x".repeat(5000)}),
        json!({"note": "x".repeat(50_000)}),
        json!({"fields_attributes": many}),
        json!({"fields_attributes": [{"name": "x".repeat(3000), "value": "b"}]}),
        json!({"source": {"privacy": "nobody"}}),
        json!({"locked": "perhaps"}),
    ] {
        let answer = ada.patch("/api/v1/accounts/update_credentials", body).await;
        answer.refused(422);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_looked_up_by_name_and_by_several_ids() {
    let mut rig = Rig::start(&["ada", "bob"]).await;
    rig.add("Grace", kinglet::domain::account::Role::User).await;
    let host = rig
        .server
        .url()
        .strip_prefix("http://")
        .expect("http")
        .to_owned();
    let anyone = rig.anonymous();
    for name in [
        "Grace",
        "grace",
        "@grace",
        &format!("grace@{host}"),
        "GRACE",
    ] {
        let query = form_urlencoded(name);
        let found = anyone
            .get(&format!("/api/v1/accounts/lookup?acct={query}"))
            .await
            .ok();
        assert_eq!(found["id"], rig.person("Grace").id.to_string(), "{name}");
    }
    for nobody in ["nobody", "grace@elsewhere.example", "%00", "grace%40"] {
        let answer = anyone
            .get(&format!("/api/v1/accounts/lookup?acct={nobody}"))
            .await;
        assert!(
            matches!(answer.status, 400 | 404),
            "{nobody}: {}",
            answer.status
        );
    }
    anyone.get("/api/v1/accounts/lookup").await.refused(422);
    let (ada, bob) = (
        rig.person("ada").id.to_string(),
        rig.person("bob").id.to_string(),
    );
    let several = anyone
        .get(&format!("/api/v1/accounts?id[]={bob}&id[]=7&id[]={ada}"))
        .await;
    assert_eq!(ids(&several), [bob, ada]);
}

fn form_urlencoded(text: &str) -> String {
    text.replace('@', "%40").replace(':', "%3A")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accounts_posts_can_be_narrowed() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let (ada, bob) = (rig.client("ada"), rig.client("bob"));
    let plain = id(&post(ada, "plain").await);
    let tagged = id(&post(ada, "tagged #wren").await);
    let bobs = id(&post(bob, "bob's").await);
    let reply = async |text: &str, to: &str| {
        let body = json!({"status": text, "in_reply_to_id": to});
        id(&ada.post("/api/v1/statuses", body).await.ok())
    };
    let to_bob = reply("to bob", &bobs).await;
    let to_self = reply("to myself", &plain).await;
    let boost = id(&ada
        .post_empty(&format!("/api/v1/statuses/{bobs}/reblog"))
        .await
        .ok());
    let path = format!("/api/v1/accounts/{}/statuses", rig.person("ada").id);
    for (query, wanted) in [
        ("", vec![&boost, &to_self, &to_bob, &tagged, &plain]),
        (
            "exclude_reblogs=true",
            vec![&to_self, &to_bob, &tagged, &plain],
        ),
        ("exclude_replies=1", vec![&boost, &to_self, &tagged, &plain]),
        (
            "exclude_replies=on&exclude_reblogs=true",
            vec![&to_self, &tagged, &plain],
        ),
        ("tagged=Wren", vec![&tagged]),
        ("pinned=true", vec![]),
        ("only_media=true", vec![]),
    ] {
        let answer = bob.get(&format!("{path}?{query}")).await;
        assert_eq!(ids(&answer).iter().collect::<Vec<_>>(), wanted, "{query}");
    }
    bob.get("/api/v1/accounts/1/statuses").await.refused(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn gotcha_08_lists_of_accounts_are_turned_by_links_alone() {
    let names = ["ada", "f1", "f2", "f3", "f4", "f5"];
    let rig = Rig::start(&names).await;
    let ada = rig.person("ada").id;
    for name in &names[1..] {
        rig.client(name)
            .post_empty(&format!("/api/v1/accounts/{ada}/follow"))
            .await
            .ok();
        let other = rig.person(name).id;
        rig.client("ada")
            .post_empty(&format!("/api/v1/accounts/{other}/follow"))
            .await
            .ok();
    }
    let latest_first: Vec<String> = names[1..]
        .iter()
        .rev()
        .map(|name| rig.person(name).id.to_string())
        .collect();
    for list in ["followers", "following"] {
        let mut seen = Vec::new();
        let mut next = Some(format!("/api/v1/accounts/{ada}/{list}?limit=2"));
        while let Some(path) = next {
            let page = rig.anonymous().get(&path).await;
            assert!(ids(&page).len() <= 2);
            seen.extend(ids(&page));
            next = page.link("next");
        }
        assert_eq!(seen, latest_first, "{list}");
    }
    let account = rig
        .anonymous()
        .get(&format!("/api/v1/accounts/{ada}"))
        .await
        .ok();
    assert_eq!(account["followers_count"], 5);
    assert_eq!(account["following_count"], 5);
    rig.anonymous()
        .get("/api/v1/accounts/1/followers")
        .await
        .refused(404);
}
