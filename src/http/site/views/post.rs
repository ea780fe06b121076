//! Posts: the card, the page with its thread, writing, editing, deleting.

use std::sync::Arc;

use askama::Template;

use super::account::Author;
use super::{Choice, FormErrors, Frame, Moment, Pager, filters};

/// Who may see a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Everybody, in public timelines.
    Public,
    /// Everybody, outside public timelines.
    Unlisted,
    /// Followers.
    Followers,
    /// The people it mentions.
    Direct,
}

impl Audience {
    /// Whether there is nothing to point out: lists mark only the narrower audiences.
    #[must_use]
    pub fn is_public(self) -> bool {
        self == Self::Public
    }

    /// The symbol of the sprite.
    #[must_use]
    pub fn icon(self) -> &'static str {
        match self {
            Self::Public => "globe",
            Self::Unlisted => "moon",
            Self::Followers => "lock",
            Self::Direct => "mail",
        }
    }

    /// In words.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Public => "Public",
            Self::Unlisted => "Unlisted",
            Self::Followers => "Followers only",
            Self::Direct => "Mentioned people only",
        }
    }
}

/// What the signed-in reader did with a post and may do.
///
/// The buttons belong to the page's one action form (`id="act"`, see the contract in
/// [`crate::site`]), so a card holds no token and can be kept ready-made.
#[derive(Debug, Clone, Default)]
pub struct PostActions {
    /// The reader favourited it.
    pub favourited: bool,
    /// The reader boosted it.
    pub boosted: bool,
    /// The reader bookmarked it.
    pub bookmarked: bool,
    /// The reader may boost it.
    pub can_boost: bool,
    /// The reader wrote it: offers edit and delete.
    pub own: bool,
}

/// One post as a card. It is a template of its own, so a rendered card can be cached.
#[derive(Debug, Clone, Template)]
#[template(path = "partials/post.html")]
pub struct PostCard {
    /// The post's id (for a boost: of the boosted post).
    pub id: String,
    /// Address of its page, `/@NAME/ID`.
    pub path: String,
    /// Who wrote it.
    pub author: Author,
    /// Who boosted it into this list.
    pub boosted_by: Option<Author>,
    /// Whom it answers; shown as a line above the text.
    pub reply_to: Option<ReplyTo>,
    /// When it was published.
    pub published: Moment,
    /// When it was last edited.
    pub edited: Option<Moment>,
    /// Who may see it.
    pub audience: Audience,
    /// Content warning; empty for none.
    pub warning: String,
    /// The text as sanitised HTML.
    pub content_html: Arc<str>,
    /// BCP 47 tag of the text's language, if known.
    pub language: Option<String>,
    /// Number of answers.
    pub replies: u64,
    /// Number of boosts.
    pub boosts: u64,
    /// Number of favourites.
    pub favourites: u64,
    /// `None` when nobody is signed in.
    pub actions: Option<PostActions>,
    /// Whether this is the post that the page is about: shown large, with its figures.
    pub focus: bool,
}

/// The post that another answers.
#[derive(Debug, Clone)]
pub struct ReplyTo {
    /// Name of its author, without `@`.
    pub name: String,
    /// Address of the answered post; `None` when the reader can't see it.
    pub path: Option<String>,
}

/// The form that writes, answers or edits a post.
#[derive(Debug, Clone, Template)]
#[template(path = "partials/compose.html")]
pub struct ComposeForm {
    /// Where it is sent: `/posts` or `/posts/ID/edit`.
    pub action: String,
    /// Masked CSRF token.
    pub csrf: String,
    /// Where to go afterwards; empty leads to the new post.
    pub return_to: String,
    /// A random value that makes sending the form twice harmless; empty when editing.
    pub idempotency_key: String,
    /// Id of the answered post, if it is an answer.
    pub in_reply_to_id: Option<String>,
    /// The text.
    pub status: String,
    /// Content warning.
    pub spoiler_text: String,
    /// Choices of the field `visibility`; empty hides it (a post keeps its audience when edited).
    pub visibilities: Vec<Choice>,
    /// Choices of the field `language`; the first has an empty value, "not given".
    pub languages: Vec<Choice>,
    /// Most characters of a post, for the hint.
    pub characters_max: u32,
    /// Label of the text field, such as `What's new?` or `Reply to Ada`.
    pub label: String,
    /// Label of the button: `Post`, `Reply`, `Save`.
    pub submit: String,
    /// Whether to put the cursor into the text field.
    pub autofocus: bool,
    /// Avatar of the writer, shown beside the field.
    pub avatar_url: String,
    /// What was wrong with the last attempt.
    pub errors: FormErrors,
}

impl ComposeForm {
    /// Whether the folded options must be shown, because one of them is in use or at fault.
    #[must_use]
    pub fn options_open(&self) -> bool {
        !self.spoiler_text.is_empty()
            || self.errors.of("spoiler_text").is_some()
            || self.errors.of("language").is_some()
    }
}

/// `GET /compose` and the refused `POST /posts`: writing a post on a page of its own.
#[derive(Debug, Clone, Template)]
#[template(path = "compose.html")]
pub struct ComposePage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The answered post, shown above the form.
    pub replying_to: Option<PostCard>,
    /// The form.
    pub form: ComposeForm,
}

/// One post below another in a thread.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The post.
    pub post: PostCard,
    /// How far below the focus: 1 for a direct answer. Drawn up to 4 steps deep.
    pub depth: u32,
}

impl Answer {
    /// The depth that is drawn.
    #[must_use]
    pub fn drawn_depth(&self) -> u32 {
        self.depth.clamp(1, 4)
    }
}

/// `GET /@NAME/ID`: a post with its thread.
#[derive(Debug, Clone, Template)]
#[template(path = "post.html")]
pub struct PostPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// What it answers, oldest first.
    pub ancestors: Vec<PostCard>,
    /// The post, with `focus` set.
    pub post: PostCard,
    /// Plain text of the post's beginning, for the window's title and link previews; the content
    /// warning where there is one.
    pub summary: String,
    /// Absolute address of the page, for `<link rel="canonical">`.
    pub canonical_url: String,
    /// Whether search engines may list it: public posts of discoverable accounts.
    pub indexable: bool,
    /// The answer form; `None` when nobody is signed in.
    pub reply: Option<ComposeForm>,
    /// What answers it, in thread order.
    pub descendants: Vec<Answer>,
}

/// `GET /posts/ID/edit` and the refused `POST /posts/ID/edit`.
#[derive(Debug, Clone, Template)]
#[template(path = "edit_post.html")]
pub struct EditPostPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// Address of the post's page.
    pub post_path: String,
    /// The form, filled with the post's source.
    pub form: ComposeForm,
}

/// One version of an edited post.
#[derive(Debug, Clone)]
pub struct Revision {
    /// When it was written.
    pub written: Moment,
    /// Content warning; empty for none.
    pub warning: String,
    /// The text as sanitised HTML.
    pub content_html: String,
}

/// `GET /@NAME/ID/history`: all versions of a post, newest first.
#[derive(Debug, Clone, Template)]
#[template(path = "history.html")]
pub struct HistoryPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// Who wrote it.
    pub author: Author,
    /// Address of the post's page.
    pub post_path: String,
    /// Its versions, the current one first.
    pub revisions: Vec<Revision>,
    /// Language of the text, if known.
    pub language: Option<String>,
}

/// `GET /posts/ID/delete`: asks before a post is deleted.
#[derive(Debug, Clone, Template)]
#[template(path = "delete_post.html")]
pub struct DeletePostPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The post, with `actions` unset.
    pub post: PostCard,
}

/// `GET /favourites`, `/bookmarks`: the reader's lists of posts.
#[derive(Debug, Clone, Template)]
#[template(path = "post_list.html")]
pub struct PostListPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// Heading, such as `Bookmarks`.
    pub heading: String,
    /// Symbol shown while the list is empty: `star` or `bookmark`.
    pub icon: &'static str,
    /// What to say while the list is empty.
    pub empty: String,
    /// The posts.
    pub posts: Vec<PostCard>,
    /// Neighbouring pages.
    pub pager: Pager,
}
