//! What entities must look like, written down from what clients' decoders insist on.

use serde_json::Value as Json;

use crate::support::server::{Answer, Client};

/// Accounts: what is never null or missing.
pub const ACCOUNT: &[&str] = &[
    "id",
    "username",
    "acct",
    "display_name",
    "url",
    "uri",
    "avatar",
    "avatar_static",
    "header",
    "header_static",
    "note",
    "locked",
    "bot",
    "group",
    "created_at",
    "fields",
    "emojis",
    "followers_count",
    "following_count",
    "statuses_count",
];
/// Statuses: what is never null or missing.
pub const STATUS: &[&str] = &[
    "id",
    "uri",
    "url",
    "created_at",
    "account",
    "content",
    "visibility",
    "sensitive",
    "spoiler_text",
    "media_attachments",
    "mentions",
    "tags",
    "emojis",
    "replies_count",
    "reblogs_count",
    "favourites_count",
];
/// Relationships: all of it.
pub const RELATIONSHIP: &[&str] = &[
    "id",
    "following",
    "showing_reblogs",
    "notifying",
    "followed_by",
    "blocking",
    "blocked_by",
    "muting",
    "muting_notifications",
    "requested",
    "requested_by",
    "domain_blocking",
    "endorsed",
    "note",
];

/// Every field is there and says something, and lists are lists.
#[track_caller]
pub fn assert_has(entity: &Json, fields: &[&str]) {
    for field in fields {
        let value = entity.get(field);
        assert!(
            value.is_some_and(|value| !value.is_null()),
            "{field} is {value:?} in {entity:#}"
        );
    }
    for list in [
        "media_attachments",
        "mentions",
        "tags",
        "emojis",
        "fields",
        "roles",
        "filtered",
    ] {
        if let Some(value) = entity.get(list) {
            assert!(value.is_array(), "{list} is {value}");
        }
    }
}

/// `YYYY-MM-DDTHH:MM:SS.mmmZ`, to the letter.
#[track_caller]
pub fn assert_time(value: &Json) {
    let text = value.as_str().expect("a date is a text");
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000Z", "{text}");
}

/// Digits in a text, always as many, so that texts sort as the numbers do.
#[track_caller]
pub fn assert_id(value: &Json) {
    let id = value.as_str().expect("an id is a text");
    assert!(
        id.len() == 18 && id.bytes().all(|b| b.is_ascii_digit()),
        "{id}"
    );
}

/// Walks through all that is called `id`, ends in `_id`, or ends in `_at`.
pub fn assert_ids_and_times(json: &Json) {
    match json {
        Json::Array(items) => items.iter().for_each(assert_ids_and_times),
        Json::Object(members) => {
            for (name, value) in members {
                match name.as_str() {
                    "role" | "application" => continue,
                    "last_status_at" => assert_date(value),
                    _ if value.is_null() => {}
                    name if name == "id" || name.ends_with("_id") => assert_id(value),
                    name if name.ends_with("_at") => assert_time(value),
                    _ => assert_ids_and_times(value),
                }
            }
        }
        _ => {}
    }
}

/// A date without a time, or null.
#[track_caller]
pub fn assert_date(value: &Json) {
    if let Some(text) = value.as_str() {
        let digits = |c: char| if c.is_ascii_digit() { '0' } else { c };
        assert_eq!(text.chars().map(digits).collect::<String>(), "0000-00-00");
    } else {
        assert!(value.is_null(), "{value}");
    }
}

/// An entity's id.
#[track_caller]
pub fn id(entity: &Json) -> String {
    match entity["id"].as_str() {
        Some(id) => id.to_owned(),
        None => panic!("no id in {entity:#}"),
    }
}

/// The ids of a list that was answered.
#[track_caller]
pub fn ids(answer: &Answer) -> Vec<String> {
    let json = answer.ok();
    let entries = json.as_array().expect("a list");
    entries.iter().map(id).collect()
}

/// Publishes a public post, and answers it.
pub async fn post(client: &Client, text: &str) -> Json {
    let body = serde_json::json!({"status": text});
    client.post("/api/v1/statuses", body).await.ok()
}
