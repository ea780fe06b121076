//! The client API, asked over HTTP as an app would: one file per family.

mod accounts;
mod instance;
mod notifications;
mod profile;
mod relationships;
mod search;
#[path = "../support/mod.rs"]
mod support;

use serde_json::{Value, json};

use support::server::{Client, Rig};

/// Publishes a post; its id.
async fn say(client: &Client, text: &str, visibility: &str) -> String {
    let post = json!({"status": text, "visibility": visibility});
    id_of(&client.post("/api/v1/statuses", post).await.ok())
}

/// An entity's id.
fn id_of(entity: &Value) -> String {
    entity["id"].as_str().expect("an id is a text").to_owned()
}

/// One field of each entity of a list.
fn each(list: &Value, field: &str) -> Vec<String> {
    let list = list.as_array().expect("a list").iter();
    list.map(|entity| entity[field].as_str().expect("a text").to_owned())
        .collect()
}

/// Does something to a person in another's name: `follow`, `block`, `mute`.
async fn act(rig: &Rig, who: &str, act: &str, whom: &str) -> Value {
    let path = format!("/api/v1/accounts/{}/{act}", rig.person(whom).id);
    rig.client(who).post_empty(&path).await.ok()
}

/// Walks a list from its beginning by its `next` links; the entities' ids.
async fn walk(client: &Client, path: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let page = client.get(&path).await;
        all.extend(each(&page.ok(), "id"));
        next = page.link("next");
        assert!(all.len() < 1000, "the list doesn't end");
    }
    all
}
