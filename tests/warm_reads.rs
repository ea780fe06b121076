//! A page whose parts are in memory is answered without the store, also right after its posts were favoured, answered
//! and boosted, and after new ones came.

mod support;

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use support::server::{Client, Rig, password_of};
use support::website::{Page, Visitor};

/// What the instance asks by itself, whoever reads: jobs, schedules, statistics.
const BY_ITSELF: &[&str] = &[
    "FindJob",
    "FindNextDue",
    "ListJobs",
    "ListSchedules",
    "PlanStatistics",
    "ReadQueues",
    "ReadTasks",
];

/// How many questions of each kind were put to the store since the server was started.
fn asked(rig: &Rig) -> BTreeMap<&'static str, u64> {
    let readers = rig.server.instance().telemetry.actors().iter();
    let mut readers = readers.filter(|actor| actor.name().name() == "readers");
    let readers = readers.next().expect("they are watched");
    let messages = readers.messages().into_iter();
    messages
        .filter(|(kind, _)| !BY_ITSELF.contains(kind))
        .collect()
}

/// Reads, and insists that the store isn't asked.
async fn warm(rig: &Rig, client: &Client, path: &str) -> Json {
    let before = asked(rig);
    let answer = client.get(path).await.ok();
    assert_eq!(asked(rig), before, "{path}");
    answer
}

async fn publish(client: &Client, fields: Json) -> String {
    let status = client.post("/api/v1/statuses", fields).await.ok();
    status["id"].as_str().expect("an id").to_owned()
}

async fn act(client: &Client, post: &str, action: &str) {
    let path = format!("/api/v1/statuses/{post}/{action}");
    client.post_empty(&path).await.ok();
}

fn ids(page: &Json) -> Vec<&str> {
    let page = page.as_array().expect("a list").iter();
    page.map(|status| status["id"].as_str().expect("an id"))
        .collect()
}

const HOME: &str = "/api/v1/timelines/home";

#[tokio::test]
async fn a_warm_home_asks_the_store_nothing_whatever_happens_to_its_posts() {
    let rig = Rig::start(&["ada", "bob", "cid"]).await;
    let [ada, bob, cid] = ["ada", "bob", "cid"].map(|name| rig.client(name));
    let follow = format!("/api/v1/accounts/{}/follow", rig.person("ada").id);
    bob.post_empty(&follow).await.ok();
    let mut posts = Vec::new();
    for number in 0..25 {
        posts.push(publish(ada, json!({"status": format!("entry {number}")})).await);
    }
    // Who reads, and what is older than the server's memory, is loaded once.
    bob.get(HOME).await.ok();
    let page = warm(&rig, bob, HOME).await;
    assert_eq!(ids(&page).len(), 20);
    assert_eq!(page[0]["account"]["statuses_count"], 25);

    let newest = posts.last().expect("there are posts").clone();
    act(bob, &newest, "favourite").await;
    act(cid, &newest, "favourite").await;
    act(bob, &newest, "bookmark").await;
    publish(
        cid,
        json!({"status": "an answer", "in_reply_to_id": newest}),
    )
    .await;
    let page = warm(&rig, bob, HOME).await;
    assert_eq!(page[0]["favourites_count"], 2);
    assert_eq!(page[0]["replies_count"], 1);
    assert_eq!(
        (&page[0]["favourited"], &page[0]["bookmarked"]),
        (&json!(true), &json!(true))
    );
    act(bob, &newest, "unfavourite").await;
    let page = warm(&rig, bob, HOME).await;
    assert_eq!(
        (&page[0]["favourites_count"], &page[0]["favourited"]),
        (&json!(1), &json!(false))
    );

    let named = publish(ada, json!({"status": "hello @bob #birds"})).await;
    let page = warm(&rig, bob, HOME).await;
    assert_eq!(page[0]["id"], named);
    assert_eq!(page[0]["mentions"][0]["username"], "bob");
    assert_eq!(page[0]["tags"][0]["name"], "birds");
    assert_eq!(page[0]["account"]["statuses_count"], 26);
    assert_eq!(page[1]["account"]["statuses_count"], 26);

    let of_cid = publish(cid, json!({"status": "far away"})).await;
    act(ada, &of_cid, "reblog").await;
    // Nobody looked at cid before.
    bob.get(HOME).await.ok();
    let page = warm(&rig, bob, HOME).await;
    assert_eq!(page[0]["reblog"]["id"], of_cid);
    assert_eq!(page[0]["reblog"]["reblogs_count"], 1);
    act(cid, &of_cid, "favourite").await;
    let page = warm(&rig, bob, HOME).await;
    assert_eq!(page[0]["reblog"]["favourites_count"], 1);

    cid.post_empty(&follow).await.ok();
    let page = warm(&rig, bob, HOME).await;
    assert_eq!(page[0]["account"]["followers_count"], 2);
    warm(&rig, bob, &format!("/api/v1/statuses/{newest}")).await;
}

#[tokio::test]
async fn whoever_is_known_by_the_store_alone_is_asked_for_once() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let bob = rig.client("bob");
    bob.get(HOME).await.ok();
    warm(&rig, bob, HOME).await;
    let block = format!("/api/v1/accounts/{}/block", rig.person("ada").id);
    bob.post_empty(&block).await.ok();
    let before = asked(&rig);
    bob.get(HOME).await.ok();
    assert_ne!(asked(&rig), before, "what stands between people changed");
    warm(&rig, bob, HOME).await;
}

#[tokio::test]
async fn lists_that_many_read_are_in_memory_and_follow_what_happens() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let [ada, bob] = ["ada", "bob"].map(|name| rig.client(name));
    let mut posts = Vec::new();
    for number in 0..70 {
        let fields = json!({"status": format!("entry {number} #birds")});
        posts.push(publish(ada, fields).await);
    }
    let anonymous = rig.anonymous();
    let of_ada = format!("/api/v1/accounts/{}/statuses", rig.person("ada").id);
    let without_replies = format!("{of_ada}?exclude_replies=true");
    let lists = [
        "/api/v1/timelines/public",
        "/api/v1/timelines/tag/birds",
        &of_ada,
        &without_replies,
    ];
    for list in lists {
        anonymous.get(list).await.ok();
        let page = warm(&rig, &anonymous, list).await;
        assert_eq!(ids(&page)[0], posts[69], "{list}");
        assert_eq!(ids(&page).len(), 20);
    }
    // An answer to somebody else, a boost, a deletion.
    let of_bob = publish(bob, json!({"status": "by bob"})).await;
    anonymous.get(lists[0]).await.ok();
    let answer = json!({"status": "@bob yes #birds", "in_reply_to_id": of_bob});
    let answer = publish(ada, answer).await;
    act(ada, &of_bob, "reblog").await;
    ada.delete(&format!("/api/v1/statuses/{}", posts[69]))
        .await
        .ok();
    let first_two = |page: &Json| {
        ids(page)
            .into_iter()
            .take(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let [public, tagged, all, plain] = lists;
    // The account's counters have to be read anew after a deletion.
    anonymous.get(public).await.ok();
    let seen = warm(&rig, &anonymous, public).await;
    assert_eq!(first_two(&seen), [answer.clone(), of_bob.clone()]);
    // What was deleted is looked for once.
    anonymous.get(tagged).await.ok();
    let seen = warm(&rig, &anonymous, tagged).await;
    assert_eq!(first_two(&seen), [answer.clone(), posts[68].clone()]);
    let seen = warm(&rig, &anonymous, all).await;
    assert_eq!(seen[0]["reblog"]["id"], of_bob);
    assert_eq!(seen[1]["id"], answer);
    let seen = warm(&rig, &anonymous, plain).await;
    assert_eq!(seen[0]["reblog"]["id"], of_bob);
    assert_eq!(seen[1]["id"], posts[68]);
    // Below what is in memory the store goes on.
    let mut path = plain.to_owned();
    let mut walked = Vec::new();
    loop {
        let page = anonymous.get(&path).await.ok();
        let Some(last) = ids(&page).last().map(|id| (*id).to_owned()) else {
            break;
        };
        walked.extend(ids(&page).into_iter().map(str::to_owned));
        path = format!("{plain}&max_id={last}");
    }
    let mut expected: Vec<String> = posts[..69].to_vec();
    expected.reverse();
    assert_eq!(walked[1..], expected);
    let nobody = anonymous.get("/api/v1/accounts/7/statuses").await;
    assert_eq!(nobody.refused(404), "Record not found");
    let edited = json!({"status": "no longer about them"});
    ada.put(&format!("/api/v1/statuses/{answer}"), edited)
        .await
        .ok();
    let seen = anonymous.get(tagged).await.ok();
    assert_eq!(ids(&seen)[0], posts[68]);
}

#[tokio::test]
async fn a_thread_that_was_read_is_in_memory_and_follows_what_happens() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let [ada, bob] = ["ada", "bob"].map(|name| rig.client(name));
    let answer = |to: &str| json!({"status": "an answer", "in_reply_to_id": to});
    let root = publish(ada, json!({"status": "a question"})).await;
    let first = publish(bob, answer(&root)).await;
    let context = |post: &str| format!("/api/v1/statuses/{post}/context");
    let around = |thread: &Json| {
        let [above, below] = ["ancestors", "descendants"].map(|side| {
            let ids = ids(&thread[side]).into_iter();
            ids.map(str::to_owned).collect::<Vec<_>>()
        });
        (above, below)
    };
    bob.get(&context(&root)).await.ok();
    let thread = warm(&rig, bob, &context(&root)).await;
    assert_eq!(around(&thread), (vec![], vec![first.clone()]));

    let second = publish(ada, answer(&first)).await;
    let third = publish(bob, answer(&root)).await;
    // What the newest posts changed of their authors is known; the posts as well.
    let thread = warm(&rig, bob, &context(&root)).await;
    let below = vec![first.clone(), second.clone(), third.clone()];
    assert_eq!(around(&thread), (vec![], below));
    let thread = warm(&rig, bob, &context(&second)).await;
    assert_eq!(around(&thread), (vec![root.clone(), first.clone()], vec![]));

    bob.delete(&format!("/api/v1/statuses/{first}")).await.ok();
    // The author is loaded anew, and what is above the gap asked for once.
    for post in [&root, &second] {
        bob.get(&context(post)).await.ok();
    }
    let thread = warm(&rig, bob, &context(&root)).await;
    assert_eq!(around(&thread), (vec![], vec![third]));
    let thread = warm(&rig, bob, &context(&second)).await;
    assert_eq!(around(&thread), (vec![], vec![]));
}

#[tokio::test]
async fn what_the_instance_is_made_of_is_counted_once_and_kept_true() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let (ada, anonymous) = (rig.client("ada"), rig.anonymous());
    let stats = |instance: Json| instance["stats"].clone();
    let path = "/api/v1/instance";
    let before = stats(anonymous.get(path).await.ok());
    assert_eq!(stats(warm(&rig, &anonymous, path).await), before);
    let post = publish(ada, json!({"status": "one more"})).await;
    publish(ada, json!({"status": "for few", "visibility": "private"})).await;
    let count = |stats: &Json| stats["status_count"].as_i64().expect("a number");
    let after = stats(anonymous.get(path).await.ok());
    assert_eq!(count(&after), count(&before) + 1);
    ada.delete(&format!("/api/v1/statuses/{post}")).await.ok();
    assert_eq!(stats(anonymous.get(path).await.ok()), before);
    rig.set_suspended(rig.person("bob").id, true).await;
    let without_bob = stats(anonymous.get(path).await.ok());
    let users = |stats: &Json| stats["user_count"].as_i64().expect("a number");
    assert_eq!(users(&without_bob), users(&before) - 1);
}

/// Opens a page, and insists that the store isn't asked.
async fn warm_page(rig: &Rig, visitor: &Visitor, path: &str) -> Page {
    let before = asked(rig);
    let page = visitor.open(&format!("{}{path}", rig.server.url())).await;
    assert_eq!(page.status, 200, "{path}");
    assert_eq!(asked(rig), before, "{path}");
    page
}

#[tokio::test]
async fn warm_pages_of_the_website_ask_the_store_nothing() {
    let rig = Rig::start(&["ada", "bob"]).await;
    let [ada, bob] = ["ada", "bob"].map(|name| rig.client(name));
    let follow = format!("/api/v1/accounts/{}/follow", rig.person("ada").id);
    bob.post_empty(&follow).await.ok();
    let root = publish(ada, json!({"status": "a question #birds"})).await;
    let answer = json!({"status": "an answer", "in_reply_to_id": root});
    publish(ada, answer).await;
    let reader = Visitor::new();
    let page = reader.open(&format!("{}/login", rig.server.url())).await;
    let password = password_of("bob");
    let fields = [("login", "bob"), ("password", password.as_str())];
    let page = reader.send(&page, "/login", &fields).await;
    assert_eq!(page.url.path(), "/");

    let post = format!("/@ada/{root}");
    let paths = ["/", "/public", "/tags/birds", &post];
    let stranger = Visitor::new();
    for path in paths {
        for visitor in [&reader, &stranger] {
            visitor.open(&format!("{}{path}", rig.server.url())).await;
            warm_page(&rig, visitor, path).await;
        }
    }
    let front = format!("{}/", rig.server.url());
    // What is told to one reader is on that reader's next page.
    let unread = |page: &Page| page.html.contains("1<span class=\"vh\"> new</span>");
    assert!(!unread(&warm_page(&rig, &reader, "/").await));
    let named = publish(ada, json!({"status": "hello @bob"})).await;
    let page = reader.open(&front).await;
    assert!(unread(&page), "{}", page.html);
    assert!(unread(&warm_page(&rig, &reader, "/").await));
    let newest = bob.get("/api/v1/notifications").await.ok();
    let read = json!({"notifications": {"last_read_id": newest[0]["id"]}});
    bob.post("/api/v1/markers", read).await.ok();
    assert!(!unread(&reader.open(&front).await));
    bob.post(
        "/api/v1/markers",
        json!({"notifications": {"last_read_id": "0"}}),
    )
    .await
    .ok();
    assert!(unread(&reader.open(&front).await));
    ada.delete(&format!("/api/v1/statuses/{named}")).await.ok();
    assert!(!unread(&reader.open(&front).await));
    // Dismissed, cleared, asked for, another preference: each is a unit of its own.
    publish(ada, json!({"status": "hello again @bob"})).await;
    assert!(unread(&reader.open(&front).await));
    let newest = bob.get("/api/v1/notifications").await.ok();
    let newest = newest[0]["id"].as_str().expect("an id");
    bob.post_empty(&format!("/api/v1/notifications/{newest}/dismiss"))
        .await
        .ok();
    assert!(!unread(&reader.open(&front).await));
    publish(ada, json!({"status": "and again @bob"})).await;
    assert!(unread(&reader.open(&front).await));
    bob.post_empty("/api/v1/notifications/clear").await.ok();
    assert!(!unread(&reader.open(&front).await));
    bob.patch(
        "/api/v1/accounts/update_credentials",
        json!({"locked": true, "source": {"privacy": "private"}}),
    )
    .await
    .ok();
    let chosen = |page: &Page| page.html.contains("value=\"private\" selected");
    let page = reader.open(&front).await;
    assert!(chosen(&page), "{}", page.html);
    let requested = |page: &Page| page.html.contains("<b class=\"badge\">1</b>");
    let requests = format!("{front}notifications?only=requests");
    assert!(!requested(&reader.open(&requests).await));
    let path = format!("/api/v1/accounts/{}", rig.person("bob").id);
    ada.post_empty(&format!("{path}/follow")).await.ok();
    assert!(requested(&reader.open(&requests).await));
    ada.post_empty(&format!("{path}/unfollow")).await.ok();
    assert!(!requested(&reader.open(&requests).await));
}
