//! `Status`, `StatusEdit`, `StatusSource`, `Context`.
//!
//! Source: <https://docs.joinmastodon.org/entities/Status/>. A status has three parts: what stays as long as the post is not
//! edited ([`StatusBody`], which is kept ready-made), what is counted of it ([`StatusCounts`]), and what one viewer has to
//! do with it ([`StatusViewer`]).

use serde::Serialize;

use super::Renderer;
use super::account::Account;
use super::application::StatusApplication;
use super::fragments::could_be_pinned;
use super::tag::StatusTag;
use crate::clock::Timestamp;
use crate::domain::account;
use crate::domain::post::{Marks, Post, PostCounts, PostVersion, PostView};
use crate::domain::text::{hashtags, render, tokens};
use crate::ids::{AccountId, PostId};

/// A post or a boost as one viewer gets it.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// What every viewer gets.
    #[serde(flatten)]
    pub body: StatusBody,
    /// What is counted of it.
    #[serde(flatten)]
    pub counts: StatusCounts,
    /// Who wrote it, or who boosted.
    pub account: Account,
    /// For a boost, the boosted post.
    pub reblog: Option<Box<Status>>,
    /// What the viewer has to do with it; nothing for somebody without an account.
    #[serde(flatten)]
    pub viewer: Option<StatusViewer>,
    /// The source text; only in the answer to a deletion, so that the post can be written anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The part of a status that is the same for everybody and written once for each version of the post.
#[derive(Debug, Clone, Serialize)]
pub struct StatusBody {
    /// Its id.
    pub id: PostId,
    /// When it was made.
    pub created_at: Timestamp,
    /// The post it answers.
    pub in_reply_to_id: Option<PostId>,
    /// Who is answered.
    pub in_reply_to_account_id: Option<AccountId>,
    /// Whether it starts hidden.
    pub sensitive: bool,
    /// The content warning, "" for none.
    pub spoiler_text: String,
    /// For whom it is meant.
    pub visibility: &'static str,
    /// ISO 639 code.
    pub language: Option<String>,
    /// Its lasting identifier.
    pub uri: String,
    /// Its page.
    pub url: String,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// The text as HTML.
    pub content: String,
    /// The client it was written with.
    pub application: Option<StatusApplication>,
    /// Media.
    pub media_attachments: [(); 0],
    /// Who is named in it.
    pub mentions: Vec<StatusMention>,
    /// Hashtags in it.
    pub tags: Vec<StatusTag>,
    /// Custom emoji in it.
    pub emojis: [(); 0],
    /// The preview of a link.
    pub card: Option<()>,
    /// A poll.
    pub poll: Option<()>,
}

/// What is counted of a status.
#[derive(Debug, Clone, Serialize)]
pub struct StatusCounts {
    /// How many open posts answer it.
    pub replies_count: i64,
    /// How many accounts boost it.
    pub reblogs_count: i64,
    /// How many accounts favour it.
    pub favourites_count: i64,
}

/// What one viewer has to do with a status.
#[derive(Debug, Clone, Serialize)]
pub struct StatusViewer {
    /// The viewer favours it.
    pub favourited: bool,
    /// The viewer boosts it.
    pub reblogged: bool,
    /// The viewer muted the conversation.
    pub muted: bool,
    /// The viewer keeps it.
    pub bookmarked: bool,
    /// The viewer's own post is pinned to the profile; only there on one's own posts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// Filters of the viewer that match.
    pub filtered: [(); 0],
}

/// Somebody who is named in a status.
#[derive(Debug, Clone, Serialize)]
pub struct StatusMention {
    /// The account.
    pub id: AccountId,
    /// Its name.
    pub username: String,
    /// Its page.
    pub url: String,
    /// Its name, with the host where that is another's.
    pub acct: String,
}

/// A version of a status.
#[derive(Debug, Clone, Serialize)]
pub struct StatusEdit {
    /// The text as HTML.
    pub content: String,
    /// The content warning, "" for none.
    pub spoiler_text: String,
    /// Whether it starts hidden.
    pub sensitive: bool,
    /// When this version was made.
    pub created_at: Timestamp,
    /// Who wrote it.
    pub account: Account,
    /// Media.
    pub media_attachments: [(); 0],
    /// Custom emoji in it.
    pub emojis: [(); 0],
}

/// What a status was written as.
#[derive(Debug, Clone, Serialize)]
pub struct StatusSource {
    /// The status.
    pub id: PostId,
    /// The source text.
    pub text: String,
    /// The content warning's source text.
    pub spoiler_text: String,
}

/// The posts around a status.
#[derive(Debug, Clone, Serialize)]
pub struct Context {
    /// Above it, the first post first.
    pub ancestors: Vec<Status>,
    /// Below it.
    pub descendants: Vec<Status>,
}

impl Renderer {
    /// A post or a boost as `viewer` gets it.
    pub fn status(&self, view: &PostView, viewer: Option<AccountId>) -> Status {
        let reblog = view.boosted.as_ref().map(|(post, author)| {
            Box::new(Status {
                body: self.status_body(post, author),
                counts: StatusCounts::of(post.counts),
                account: self.account(author),
                reblog: None,
                viewer: viewer.map(|viewer| StatusViewer::of(post, view.marks, viewer)),
                text: None,
            })
        });
        Status {
            body: self.status_body(&view.post, &view.author),
            counts: StatusCounts::of(view.post.counts),
            account: self.account(&view.author),
            reblog,
            viewer: viewer.map(|viewer| StatusViewer::of(&view.post, view.marks, viewer)),
            text: None,
        }
    }

    /// Posts as `viewer` gets them.
    pub fn statuses<'a>(
        &self,
        views: impl IntoIterator<Item = &'a PostView>,
        viewer: Option<AccountId>,
    ) -> Vec<Status> {
        views
            .into_iter()
            .map(|view| self.status(view, viewer))
            .collect()
    }

    /// A post that was just deleted, with its source text.
    pub fn deleted_status(&self, view: &PostView, viewer: AccountId) -> Status {
        Status {
            text: Some(view.post.text.clone()),
            ..self.status(view, Some(viewer))
        }
    }

    /// The part of a status that is the same for everybody and written once for each version of the post.
    pub fn status_body(&self, post: &Post, author: &account::Account) -> StatusBody {
        let facts = &post.facts;
        let tokens = tokens::tokenize(&post.text);
        let tags = hashtags::names(&tokens);
        StatusBody {
            id: facts.id,
            created_at: facts.id.time(),
            in_reply_to_id: facts.reply_to.map(|parent| parent.post),
            in_reply_to_account_id: facts.reply_to.map(|parent| parent.author),
            sensitive: post.sensitive,
            spoiler_text: post.spoiler.clone(),
            visibility: facts.visibility.api_name(),
            language: post.language.clone(),
            uri: self.post_uri(&author.name, facts.id),
            url: self.post_url(&author.name, facts.id),
            edited_at: post.edited_at,
            content: self.content(post, &post.text, &tokens),
            application: post.app.as_ref().map(StatusApplication::of),
            media_attachments: [],
            mentions: post
                .mentions
                .iter()
                .map(|mention| StatusMention {
                    id: mention.account,
                    username: mention.name.clone(),
                    url: self.profile_url(&mention.name),
                    acct: mention.name.clone(),
                })
                .collect(),
            tags: tags
                .into_iter()
                .map(|name| StatusTag {
                    url: self.tag_url(&name),
                    name,
                })
                .collect(),
            emojis: [],
            card: None,
            poll: None,
        }
    }

    /// A post's text as HTML.
    pub fn content_html(&self, post: &Post) -> String {
        self.content(post, &post.text, &tokens::tokenize(&post.text))
    }

    fn content(&self, post: &Post, text: &str, tokens: &[tokens::Token<'_>]) -> String {
        render::tokens_to_html(text, tokens, self.url(), |mention| {
            let is_meant = |named: &&crate::domain::post::Mention| {
                named.name.eq_ignore_ascii_case(mention.name) && mention.is_local(self.host())
            };
            let named = post.mentions.iter().find(is_meant)?;
            Some(self.profile_url(&named.name))
        })
    }

    /// All versions of a post, the oldest first and the present one last. What was read of the past after the present
    /// may hold the present already; it is not told twice.
    pub fn status_edits(&self, view: &PostView, before: &[PostVersion]) -> Vec<StatusEdit> {
        let post = &view.post;
        let present = PostVersion {
            made_at: post.edited_at.unwrap_or(post.facts.id.time()),
            sensitive: post.sensitive,
            spoiler: post.spoiler.clone(),
            text: post.text.clone(),
        };
        before
            .iter()
            .filter(|version| version.made_at < present.made_at)
            .chain([&present])
            .map(|version| StatusEdit {
                content: self.content(post, &version.text, &tokens::tokenize(&version.text)),
                spoiler_text: version.spoiler.clone(),
                sensitive: version.sensitive,
                created_at: version.made_at,
                account: self.account(&view.author),
                media_attachments: [],
                emojis: [],
            })
            .collect()
    }
}

impl StatusCounts {
    fn of(counts: PostCounts) -> Self {
        Self {
            replies_count: counts.replies,
            reblogs_count: counts.boosts,
            favourites_count: counts.favourites,
        }
    }
}

impl StatusViewer {
    /// What a viewer has to do with a post.
    pub(super) fn of(post: &Post, marks: Marks, viewer: AccountId) -> Self {
        Self {
            favourited: marks.favourited,
            reblogged: marks.boosted,
            muted: false,
            bookmarked: marks.bookmarked,
            pinned: could_be_pinned(post, viewer).then_some(false),
            filtered: [],
        }
    }
}

impl StatusSource {
    /// What a post was written as.
    pub fn of(post: &Post) -> Self {
        Self {
            id: post.facts.id,
            text: post.text.clone(),
            spoiler_text: post.spoiler.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{FIRST, ada, bob, post, renderer, view};
    use super::*;
    use crate::domain::post::{Boosted, RepliedTo};
    use crate::domain::rendered::Rendered;
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn json<T: Serialize>(entity: &T) -> Value {
        serde_json::to_value(entity).expect("JSON")
    }

    #[test]
    fn a_status_has_every_field_that_clients_need() {
        let mut status = json(&renderer().status(
            &view(post(16, &ada(), "Hi @bob #Rust"), ada()),
            Some(ada().id),
        ));
        let account = status["account"].take();
        assert_eq!(account, json(&renderer().account(&ada())));
        assert_eq!(
            status,
            json!({
                "id": "100000000000000016",
                "created_at": "2018-05-09T15:15:06.250Z",
                "in_reply_to_id": null,
                "in_reply_to_account_id": null,
                "sensitive": false,
                "spoiler_text": "",
                "visibility": "public",
                "language": "en",
                "uri": "https://kinglet.example/users/ada/statuses/100000000000000016",
                "url": "https://kinglet.example/@ada/100000000000000016",
                "replies_count": 1,
                "reblogs_count": 2,
                "favourites_count": 3,
                "edited_at": null,
                "content": "<p>Hi <span class=\"h-card\" translate=\"no\"><a href=\"https://kinglet.example/@Bob\" class=\"u-url mention\">@<span>bob</span></a></span> <a href=\"https://kinglet.example/tags/rust\" class=\"mention hashtag\" rel=\"tag\">#<span>Rust</span></a></p>",
                "application": {"name": "toot", "website": null},
                "account": null,
                "media_attachments": [],
                "mentions": [{"id": "100000000000000002", "username": "Bob", "url": "https://kinglet.example/@Bob", "acct": "Bob"}],
                "tags": [{"name": "rust", "url": "https://kinglet.example/tags/rust"}],
                "emojis": [],
                "card": null,
                "poll": null,
                "reblog": null,
                "favourited": false,
                "reblogged": false,
                "muted": false,
                "bookmarked": false,
                "pinned": false,
                "filtered": []
            })
        );
    }

    #[test]
    fn a_boost_holds_the_post_and_the_viewers_marks() {
        let mut boost = post(20, &bob(), "");
        boost.mentions.clear();
        boost.facts.boost_of = Some(Boosted {
            post: PostId(FIRST + 16),
            author: ada().id,
        });
        let mut view = view(boost, bob());
        view.boosted = Some((
            Arc::new(Rendered::new(post(16, &ada(), "a"))),
            Arc::new(Rendered::new(ada())),
        ));
        view.marks.boosted = true;
        let seen = json(&renderer().status(&view, Some(bob().id)));
        assert_eq!(seen["account"]["username"], "Bob");
        assert_eq!(seen["content"], "");
        assert_eq!(seen["reblog"]["account"]["username"], "ada");
        assert_eq!(seen["reblog"]["content"], "<p>a</p>");
        assert_eq!(seen["reblog"]["reblog"], Value::Null);
        assert_eq!(
            (&seen["reblogged"], &seen["reblog"]["reblogged"]),
            (&json!(true), &json!(true))
        );
        assert_eq!(seen.get("pinned"), None, "a boost can't be pinned");
        let anonymous = json(&renderer().status(&view, None));
        assert_eq!(anonymous.get("favourited"), None);
        assert_eq!(anonymous["reblog"].get("filtered"), None);
        assert_eq!(anonymous.get("text"), None);
    }

    #[test]
    fn a_name_with_another_host_is_no_mention_of_ours() {
        let reply = Post {
            facts: crate::domain::post::PostFacts {
                reply_to: Some(RepliedTo {
                    post: PostId(FIRST + 5),
                    author: bob().id,
                }),
                ..post(16, &ada(), "").facts
            },
            ..post(16, &ada(), "@bob@other.example @bob@kinglet.example")
        };
        let status = json(&renderer().status(&view(reply, ada()), None));
        let content = status["content"].as_str().expect("a text");
        assert_eq!(content.matches("u-url mention").count(), 1, "{content}");
        assert_eq!(status["in_reply_to_id"], "100000000000000005");
        assert_eq!(status["in_reply_to_account_id"], "100000000000000002");
    }

    #[test]
    fn a_history_ends_with_the_present_and_tells_nothing_twice() {
        let mut now = post(16, &ada(), "second");
        now.edited_at = Some(Timestamp::from_millis(2_000_000_000_000));
        let version = |made_at, text: &str| PostVersion {
            made_at,
            sensitive: false,
            spoiler: String::new(),
            text: text.to_owned(),
        };
        let before = [
            version(now.facts.id.time(), "first"),
            version(Timestamp::from_millis(2_000_000_000_000), "second"),
        ];
        let edits = renderer().status_edits(&view(now, ada()), &before);
        let contents: Vec<&str> = edits.iter().map(|edit| edit.content.as_str()).collect();
        assert_eq!(contents, ["<p>first</p>", "<p>second</p>"]);
        assert_eq!(json(&edits[1])["created_at"], "2033-05-18T03:33:20.000Z");
    }
}
