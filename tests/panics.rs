//! Panics in units and queries while people write: each fails the request that it was for, and nothing else. What kills an owner
//! of state, a thread of a pool, or a handler is tried where those are made (`src/boot`, `src/actors`, `src/http/tests.rs`).
//!
//! `KINGLET_PANIC_SEED` repeats what was drawn.

#![expect(
    clippy::panic,
    reason = "clippy takes only the test functions themselves for tests"
)]

mod support;

use std::panic;

use kinglet::actors::error::AskError;
use kinglet::actors::messages::Owned;
use kinglet::actors::posts::Posts;
use kinglet::actors::tasks::Tasks;
use kinglet::actors::timelines::Timelines;
use kinglet::actors::users::Users;
use kinglet::domain::visibility::Visibility;
use kinglet::ids::AccountId;
use kinglet::store::error::StoreError;
use kinglet::store::invariants::CheckInvariants;
use kinglet::store::open::database_in;
use kinglet::store::reader::{Query, Reader, View};
use kinglet::store::units::{PreparedText, PublishPost};
use kinglet::store::writer::{Unit, UnitError, Write};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};

use support::server::{Client, Rig};

/// How many posts each writes, and how many panics come between them.
const POSTS: usize = 60;
const PANICS: usize = 120;
const NAMES: [&str; 3] = ["wren", "robin", "finch"];

/// Publishes a post and panics then, or at once.
struct Fall {
    author: AccountId,
    writes: bool,
}

impl Unit for Fall {
    type Answer = ();

    fn apply(&self, write: &mut Write<'_>) -> Result<(), UnitError> {
        if self.writes {
            publish(self.author).apply(write)?;
        }
        panic!("as the test wants it");
    }
}

/// A query that panics, of whichever owner.
struct Stumble<const OWNER: usize>;

impl<const OWNER: usize> Query for Stumble<OWNER> {
    type Answer = ();

    fn run(&self, _: &View<'_>) -> Result<(), StoreError> {
        panic!("as the test wants it");
    }
}

impl Owned for Fall {
    type Owner = Posts;
}
impl Owned for Stumble<0> {
    type Owner = Users;
}
impl Owned for Stumble<1> {
    type Owner = Posts;
}
impl Owned for Stumble<2> {
    type Owner = Timelines;
}
impl Owned for Stumble<3> {
    type Owner = Tasks;
}

fn publish(author: AccountId) -> PublishPost {
    PublishPost {
        author,
        text: PreparedText {
            text: "fallen".to_owned(),
            terms: "fallen".to_owned(),
            ..PreparedText::default()
        },
        visibility: Some(Visibility::Public),
        reply_to: None,
        app: None,
        idempotency_key: None,
    }
}

async fn posts_of(client: &Client, id: AccountId) -> Vec<String> {
    let mut texts = Vec::new();
    let mut path = format!("/api/v1/accounts/{id}/statuses?limit=40");
    loop {
        let answer = client.request(Method::GET, &path).send().await;
        let answer = answer.expect("the server lives").text().await;
        let page: Value = serde_json::from_str(&answer.expect("a body")).expect("JSON");
        let page = page.as_array().expect("a list").clone();
        let Some(last) = page.last() else {
            return texts;
        };
        let last = last["id"].as_str().expect("an id");
        path = format!("/api/v1/accounts/{id}/statuses?limit=40&max_id={last}");
        let text = |post: &Value| post["content"].as_str().expect("a content").to_owned();
        texts.extend(page.iter().map(text));
    }
}

async fn write(client: Client, name: &'static str) {
    for number in 0..POSTS {
        let body = json!({"status": format!("number {number} of {name}")});
        let request = client.request(Method::POST, "/api/v1/statuses").json(&body);
        let answer = request.send().await.expect("the server lives");
        assert_eq!(answer.status().as_u16(), 200, "{name} {number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_panics_fails_alone_while_everybody_writes() {
    // They would fill the output.
    panic::set_hook(Box::new(|info| {
        if info.payload().downcast_ref::<&str>() != Some(&"as the test wants it") {
            eprintln!("{info}");
        }
    }));
    let seed = std::env::var("KINGLET_PANIC_SEED").ok();
    let seed: u64 = seed.map_or_else(
        || u64::from(std::process::id()),
        |seed| seed.parse().expect("a number"),
    );
    println!("KINGLET_PANIC_SEED={seed}");
    let rig = Rig::start(&NAMES).await;
    let actors = rig.server.instance().actors.clone();
    let writing: Vec<_> = NAMES
        .into_iter()
        .map(|name| tokio::spawn(write(rig.client(name).clone(), name)))
        .collect();
    let mut random = StdRng::seed_from_u64(seed);
    for number in 0..PANICS {
        let failed = match random.random_range(0..6) {
            0 => actors.find(Stumble::<0>).await,
            1 => actors.find(Stumble::<1>).await,
            2 => actors.find(Stumble::<2>).await,
            3 => actors.find(Stumble::<3>).await,
            way => {
                let fall = Fall {
                    author: rig.person(NAMES[number % NAMES.len()]).id,
                    writes: way == 4,
                };
                actors.perform(fall).await
            }
        };
        assert!(matches!(failed, Err(AskError::Internal(_))), "{failed:?}");
    }
    for writing in writing {
        writing.await.expect("every answer was 200");
    }
    let database = database_in(&rig.server.instance().data_dir);
    let mut reader = Reader::open(&database).expect("it opens");
    let (broken, _) = reader.run(&CheckInvariants).expect("it is checked");
    assert_eq!(broken, []);
    for name in NAMES {
        let person = rig.person(name);
        let texts = posts_of(&person.client, person.id).await;
        assert_eq!(texts.len(), POSTS, "{name}: {texts:?}");
        assert!(texts.iter().all(|text| !text.contains("fallen")));
    }
    assert_eq!(rig.server.instance().ailment().await, None);
}
