//! Filling a server by typed calls: what is there afterwards, as clients see it.

mod support;

use std::collections::BTreeSet;

use futures_util::future::try_join_all;
use kinglet::actors::error::AskError;
use kinglet::actors::users::LogIn;
use kinglet::clock::{ManualClock, Timestamp};
use kinglet::domain::account::Role;
use kinglet::domain::refusal::Refusal;
use kinglet::domain::relationship::FollowOptions;
use kinglet::domain::visibility::Visibility;
use kinglet::secret::Secret;
use kinglet::server::seeding::{Person, SEEDS_AT_ONCE_MAX};
use kinglet::{Seeding, Server};
use serde_json::Value as Json;
use support::server::{Client, START};

async fn server() -> Server {
    let builder = Server::builder().in_memory();
    builder.start().await.expect("the server starts")
}

fn client(server: &Server, person: &Person) -> Client {
    Client::new(server.url()).with_token(person.token())
}

fn names(list: &Json, field: &str) -> Vec<String> {
    let entries = list.as_array().expect("a list").iter();
    let name = |entry: &Json| entry[field].as_str().expect("a text").to_owned();
    entries.map(name).collect()
}

/// Everything that makes a notification, for `alice`, who looks after the instance.
async fn one_of_each(seed: &Seeding) -> Result<Person, AskError> {
    let alice = seed.person("alice").role(Role::Owner).await?;
    let bob = seed.person("bob").display_name("Bob").bot().await?;
    let carol = seed.person("carol").await?;
    let hello = seed.post(&alice, "Hello").publish().await?;
    seed.post(&bob, "@alice hello")
        .reply_to(&hello)
        .publish()
        .await?;
    seed.favourite(&bob, &hello).await?;
    seed.boost(&bob, &hello).await?;
    seed.follow(&bob, &alice).await?;
    seed.ask_to_follow(&carol, &alice).await?;
    let bell = FollowOptions {
        notifies: true,
        ..FollowOptions::default()
    };
    seed.follow_with(&alice, &carol, bell).await?;
    let news = seed.post(&carol, "News").publish().await?;
    seed.boost(&alice, &news).await?;
    seed.edit(&news, "Old news").await?;
    seed.applicant("dora", "I like birds").await?;
    Ok(alice)
}

#[tokio::test]
async fn whoever_is_concerned_is_notified_of_what_was_seeded() {
    let server = server().await;
    let alice = one_of_each(&server.seed()).await.expect("all is allowed");
    let path = "/api/v1/notifications?limit=40";
    let found = client(&server, &alice).get(path).await.ok();
    assert_eq!(
        names(&found, "type"),
        [
            "admin.sign_up",
            "update",
            "status",
            "follow_request",
            "follow",
            "reblog",
            "favourite",
            "mention",
        ]
    );
    let bob = &found[7]["account"];
    assert_eq!(
        (&bob["display_name"], &bob["bot"]),
        (&"Bob".into(), &true.into())
    );
}

#[tokio::test]
async fn people_log_in_with_the_password_that_they_were_made_with() {
    let server = server().await;
    let seed = server.seed();
    let made_up = seed.person("alice").await.expect("the name is free");
    let given = seed
        .person("bob")
        .password("correct horse")
        .email("b@birds.example");
    let given = given.await.expect("the name is free");
    let applicant = seed.applicant("dora", "please").await.expect("free");
    let approved = seed.approve(applicant).await.expect("it waits");
    assert_eq!(given.password(), "correct horse");
    for (person, password, is_right) in [
        (&made_up, made_up.password(), true),
        (&made_up, "the password of bob", false),
        (&given, "correct horse", true),
        (&given, "the password of bob", false),
        (&approved, approved.password(), true),
    ] {
        let log_in = LogIn {
            login: person.email.clone(),
            password: Secret::new(password.to_owned()),
            agent: "a test".to_owned(),
            replaces: None,
        };
        let users = &server.instance().actors.users;
        let logged_in = users.send(log_in).await.expect("an answer");
        assert_eq!(logged_in.is_ok(), is_right, "{}", person.name);
    }
}

#[tokio::test]
async fn relations_and_marks_are_as_they_were_seeded() {
    let server = server().await;
    let seed = server.seed();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| seed.person(name));
    let alice = alice.await.expect("free");
    let bob = bob.locked().field("Nest", "Oak").await.expect("free");
    let carol = carol.posts_for(Visibility::Followers).await.expect("free");
    let done = async {
        seed.follow(&alice, &bob).await?;
        seed.ask_to_follow(&carol, &bob).await?;
        seed.reject(&bob, &carol).await?;
        seed.block(&alice, &carol).await?;
        seed.unblock(&alice, &carol).await?;
        seed.mute(&bob, &carol).await?;
        let secret = seed.post(&carol, "For followers").publish().await?;
        let open = seed.post(&carol, "For all").visibility(Visibility::Public);
        let open = open
            .content_warning("Birds")
            .language("de")
            .publish()
            .await?;
        seed.bookmark(&alice, &open).await?;
        let gone = seed.post(&bob, "Gone").publish().await?;
        seed.delete(&gone).await?;
        let boost = seed.boost(&bob, &open).await?;
        seed.unboost(&bob, &open).await?;
        Ok::<_, AskError>((secret, open, gone, boost))
    };
    let (secret, open, gone, boost) = done.await.expect("all is allowed");
    let is_refused = seed.favourite(&alice, &secret).await;
    assert!(matches!(
        is_refused,
        Err(AskError::Refused(Refusal::NotFound))
    ));

    let asks = client(&server, &alice);
    let query = format!("id[]={}&id[]={}", bob.id, carol.id);
    let found = asks
        .get(&format!("/api/v1/accounts/relationships?{query}"))
        .await
        .ok();
    assert_eq!(found[0]["following"], true);
    assert_eq!(found[1]["blocking"], false);
    let bookmarks = asks.get("/api/v1/bookmarks").await.ok();
    assert_eq!(names(&bookmarks, "id"), [open.id.to_string()]);
    assert_eq!(bookmarks[0]["spoiler_text"], "Birds");
    assert_eq!(bookmarks[0]["language"], "de");
    for post in [gone.id, secret.id, boost.id] {
        assert_eq!(
            asks.get(&format!("/api/v1/statuses/{post}")).await.status,
            404
        );
    }
    let profile = asks.get(&format!("/api/v1/accounts/{}", bob.id)).await.ok();
    assert_eq!(profile["fields"][0]["value"], "Oak");
    let asks = client(&server, &bob);
    assert_eq!(
        names(&asks.get("/api/v1/mutes").await.ok(), "acct"),
        ["carol"]
    );
    let waiting = asks.get("/api/v1/follow_requests").await.ok();
    assert_eq!(names(&waiting, "acct"), [""; 0]);

    seed.suspend(&carol).await.expect("an operator may");
    let path = format!("/api/v1/statuses/{}", open.id);
    assert_eq!(asks.get(&path).await.status, 404);
    seed.unsuspend(&carol).await.expect("an operator may");
    assert_eq!(asks.get(&path).await.status, 200);
}

#[tokio::test]
async fn narrow_tokens_and_apps_are_what_was_asked_for() {
    let server = server().await;
    let seed = server.seed();
    let reader = seed.person("alice").scopes("read").await.expect("free");
    let body = serde_json::json!({"status": "no"});
    let refused = client(&server, &reader)
        .post("/api/v1/statuses", body.clone())
        .await;
    assert_eq!(refused.status, 403);
    let token = seed
        .token(&reader, "write:statuses")
        .await
        .expect("a token");
    let writer = Client::new(server.url()).with_token(token.into_exposed());
    writer.post("/api/v1/statuses", body).await.ok();
    assert!(seed.token(&reader, "fly").await.is_err());

    let app = seed.app("Nest", "https://nest.example/back", "read").await;
    let app = app.expect("an app");
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", app.app.client_id.as_str()),
        ("client_secret", app.secret.expose()),
    ];
    let token = Client::new(server.url())
        .post_form("/oauth/token", &fields)
        .await
        .ok();
    assert_eq!(token["scope"], "read");
    let code = seed.invite(1).await.expect("an invitation");
    let path = format!("/invite/{}", code.expose());
    assert_eq!(Client::new(server.url()).get(&path).await.status, 200);
}

/// What a server answers to everybody and to each of its people.
async fn told(seed: u64) -> Vec<String> {
    let clock = ManualClock::at(START);
    let builder = Server::builder()
        .in_memory()
        .clock(clock.clone())
        .seed(seed);
    let server = builder.start().await.expect("the server starts");
    let seed = server.seed();
    let alice = one_of_each(&seed).await.expect("all is allowed");
    clock.advance_millis(1000);
    let late = seed.post(&alice, "Later").publish().await.expect("a post");
    assert_eq!(
        late.id.time(),
        Timestamp::from_millis(START.millis() + 1000)
    );
    let mut told = vec![alice.token().to_owned()];
    for path in [
        "/api/v1/notifications",
        "/api/v1/timelines/home",
        "/api/v1/follow_requests",
    ] {
        let text = client(&server, &alice).get(path).await.text;
        // Each listens on a port of its own.
        told.push(text.replace(&server.addr().to_string(), "HOST"));
    }
    told
}

#[tokio::test]
async fn two_servers_with_one_seed_are_filled_alike() {
    let (one, same, other) = (told(1).await, told(1).await, told(2).await);
    assert_eq!(one, same);
    assert_ne!(one[0], other[0]);
}

#[tokio::test]
async fn thousands_of_calls_may_be_made_at_once() {
    const PEOPLE: usize = 10 * SEEDS_AT_ONCE_MAX;
    const POSTS: usize = 2000;
    let server = server().await;
    let seed = server.seed();
    let people = (0..PEOPLE).map(|number| seed.person(format!("p{number}")).into_future());
    let people = try_join_all(people).await.expect("all names are free");
    let posts = (0..POSTS).map(|number| {
        let author = &people[number % PEOPLE];
        seed.post(author, format!("Number {number}")).publish()
    });
    let posts = try_join_all(posts).await.expect("all are published");
    let ids: BTreeSet<_> = posts.iter().map(|post| post.id).collect();
    assert_eq!(ids.len(), POSTS);
    let found = Client::new(server.url()).get("/api/v1/instance").await.ok();
    assert_eq!(found["stats"]["user_count"], PEOPLE);
    assert_eq!(found["stats"]["status_count"], POSTS);
}
