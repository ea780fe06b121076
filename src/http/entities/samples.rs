//! People and posts for the tests of entities.

use std::sync::Arc;

use super::Renderer;
use crate::config::Config;
use crate::domain::account::{Account, AccountCounts, AccountState, Role};
use crate::domain::post::{Marks, Mention, Post, PostApp, PostCounts, PostFacts, PostView};
use crate::domain::rendered::Rendered;
use crate::domain::visibility::Visibility;
use crate::ids::{AccountId, AppId, PostId};

pub(super) const FIRST: i64 = 100_000_000_000_000_000;

pub(super) fn renderer() -> Renderer {
    let mut config = Config::default();
    config
        .set("instance.url", "https://kinglet.example")
        .expect("a URL");
    Renderer::new(config.instance.url.expect("just set"))
}

pub(super) fn ada() -> Account {
    Account {
        id: AccountId(FIRST + 1),
        name: "ada".to_owned(),
        display_name: "Ada <3".to_owned(),
        note: "Numbers & looms".to_owned(),
        fields: Vec::new(),
        locked: false,
        bot: false,
        discoverable: true,
        state: AccountState::Active,
        role: Role::User,
        counts: AccountCounts {
            followers: 2,
            following: 1,
            posts: 3,
            last_open_post: None,
        },
    }
}

pub(super) fn bob() -> Account {
    Account {
        id: AccountId(FIRST + 2),
        name: "Bob".to_owned(),
        display_name: String::new(),
        ..ada()
    }
}

pub(super) fn post(id: i64, author: &Account, text: &str) -> Post {
    Post {
        facts: PostFacts {
            id: PostId(FIRST + id),
            author: author.id,
            author_hidden: false,
            visibility: Visibility::Public,
            boost_of: None,
            reply_to: None,
            mentions: vec![bob().id],
        },
        text: text.to_owned(),
        spoiler: String::new(),
        sensitive: false,
        language: Some("en".to_owned()),
        mentions: vec![Mention {
            account: bob().id,
            name: bob().name,
        }],
        app: Some(PostApp {
            id: AppId(1),
            name: "toot".to_owned(),
            website: None,
        }),
        edited_at: None,
        counts: PostCounts {
            replies: 1,
            boosts: 2,
            favourites: 3,
        },
    }
}

pub(super) fn view(post: Post, author: Account) -> PostView {
    PostView {
        post: Arc::new(Rendered::new(post)),
        author: Arc::new(Rendered::new(author)),
        marks: Marks::default(),
        boosted: None,
    }
}
