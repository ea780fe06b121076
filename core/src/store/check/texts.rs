//! What is found in a text: its hashtags.

use rusqlite::Connection;

use super::{ROWS_PER_STEP_MAX, Step, finding, name};
use crate::domain::text::{hashtags, tokens};
use crate::store::error::StoreError;
use crate::store::tables::{tags, walks};

/// The hashtags of a text, in normal form and in order.
pub(in crate::store) fn tags_of(text: &str) -> Vec<String> {
    // Most texts have none, and finding that out is cheap.
    if !text.contains(['#', '＃']) {
        return Vec::new();
    }
    let mut names = hashtags::names(&tokens::tokenize(text));
    names.sort_unstable();
    names
}

pub(super) fn check(connection: &Connection, after: i64) -> Result<Step, StoreError> {
    let posts = walks::texts(connection, after, ROWS_PER_STEP_MAX)?;
    let mut broken = Vec::new();
    for post in &posts {
        let right = tags_of(&post.text);
        let mut found = tags::of_post(connection, post.id)?;
        found.sort_unstable();
        if found != right {
            broken.push(finding(
                name::TAGS,
                format!(
                    "post {} is kept with {}, its text has {}",
                    post.id,
                    listed(&found),
                    listed(&right)
                ),
            ));
        }
    }
    let next = posts.last().filter(|_| posts.len() == ROWS_PER_STEP_MAX);
    Ok(Step {
        broken,
        next: next.map(|post| post.key),
    })
}

fn listed(tags: &[String]) -> String {
    if tags.is_empty() {
        return "no hashtag".to_owned();
    }
    let tags: Vec<String> = tags.iter().map(|tag| format!("#{tag}")).collect();
    tags.join(" ")
}
