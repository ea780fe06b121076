//! Posts and boosts: what the rules and the renderers know of them.

use std::sync::Arc;

use super::account::Account;
use super::rendered::{Counted, Rendered};
use super::visibility::Visibility;
use crate::ids::{AccountId, AppId, PostId};

/// What decides where an entry belongs and who may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostFacts {
    /// The entry's own id.
    pub id: PostId,
    /// Who wrote it, or who boosted.
    pub author: AccountId,
    /// Whether the author is suspended, being deleted or not yet approved: then nobody sees anything of it.
    pub author_hidden: bool,
    /// For whom it is meant. A boost has the visibility it was boosted with.
    pub visibility: Visibility,
    /// Set for a boost.
    pub boost_of: Option<Boosted>,
    /// Set for a reply; stays when the answered post is deleted.
    pub reply_to: Option<RepliedTo>,
    /// Who is named in the text, in order of appearance.
    pub mentions: Vec<AccountId>,
}

impl PostFacts {
    /// The post that the reader gets to read: the boosted one for a boost.
    #[inline]
    pub fn shown_post(&self) -> PostId {
        self.boost_of.map_or(self.id, |boosted| boosted.post)
    }
}

/// The post that a boost spreads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boosted {
    /// The post.
    pub post: PostId,
    /// Its author.
    pub author: AccountId,
}

/// The post that a reply answers. It may be gone meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepliedTo {
    /// The post.
    pub post: PostId,
    /// Its author.
    pub author: AccountId,
}

/// A name in a post's text that belongs to an account of this instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
}

/// An entry with all that its rendering needs and that is the same for every viewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// What the rules know of it; `boost_of` is set for a boost, whose texts are empty.
    pub facts: PostFacts,
    /// The source text, as written.
    pub text: String,
    /// The content warning; empty for none.
    pub spoiler: String,
    /// Whether media (and, with a warning, the text) start hidden.
    pub sensitive: bool,
    /// ISO 639 code of the text's language.
    pub language: Option<String>,
    /// Who is named in the text.
    pub mentions: Vec<Mention>,
    /// The client it was written with.
    pub app: Option<PostApp>,
    /// When it was last edited.
    pub edited_at: Option<crate::clock::Timestamp>,
    /// What is counted of it.
    pub counts: PostCounts,
}

impl Post {
    /// A boost: an entry without a text of its own. `facts` has to be that of one.
    pub fn boost(facts: PostFacts) -> Self {
        Self::published(facts, &Wording::default(), None)
    }

    /// A post as it is when it was just published.
    pub fn published(facts: PostFacts, wording: &Wording, app: Option<PostApp>) -> Self {
        Self {
            facts,
            text: wording.text.clone(),
            spoiler: wording.spoiler.clone(),
            sensitive: wording.sensitive,
            language: wording.language.clone(),
            mentions: wording.mentions.clone(),
            app,
            edited_at: None,
            counts: PostCounts::default(),
        }
    }
}

/// What a new post says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wording {
    /// The source text, as written.
    pub text: String,
    /// The content warning; empty for none.
    pub spoiler: String,
    /// Whether media (and, with a warning, the text) start hidden.
    pub sensitive: bool,
    /// ISO 639 code of the text's language.
    pub language: Option<String>,
    /// Who is named in the text.
    pub mentions: Vec<Mention>,
    /// The hashtags in the text, in normal form.
    pub tags: Vec<String>,
    /// The client it was written with.
    pub app: Option<AppId>,
}

/// What others do with a post, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PostCounts {
    /// How many public and unlisted posts answer it.
    pub replies: i64,
    /// How many accounts boost it.
    pub boosts: i64,
    /// How many accounts favour it.
    pub favourites: i64,
}

/// One of [`PostCounts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostCounter {
    /// Public and unlisted answers.
    Replies,
    /// Boosts.
    Boosts,
    /// Favourites.
    Favourites,
}

impl PostCounts {
    /// Moves a counter.
    pub fn count(&mut self, counter: PostCounter, by: i64) {
        match counter {
            PostCounter::Replies => self.replies += by,
            PostCounter::Boosts => self.boosts += by,
            PostCounter::Favourites => self.favourites += by,
        }
    }
}

impl Counted for Post {
    type Counts = PostCounts;

    fn counts_mut(&mut self) -> &mut PostCounts {
        &mut self.counts
    }
}

/// The client that a post was written with, as its readers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostApp {
    /// The application's row.
    pub id: AppId,
    /// Its name.
    pub name: String,
    /// Its website.
    pub website: Option<String>,
}

/// What a post said before it was edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostVersion {
    /// When this version was made.
    pub made_at: crate::clock::Timestamp,
    /// Whether it was marked sensitive.
    pub sensitive: bool,
    /// Its content warning.
    pub spoiler: String,
    /// Its text.
    pub text: String,
}

/// What one viewer has done with one post.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// The viewer favours it.
    pub favourited: bool,
    /// The viewer boosts it.
    pub boosted: bool,
    /// The viewer keeps it as a bookmark.
    pub bookmarked: bool,
}

/// One of [`Marks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostMark {
    /// It is favoured.
    Favourite,
    /// It is boosted.
    Boost,
    /// It is kept as a bookmark.
    Bookmark,
}

impl Marks {
    /// Puts a mark or takes it off.
    pub fn set(&mut self, mark: PostMark, stands: bool) {
        match mark {
            PostMark::Favourite => self.favourited = stands,
            PostMark::Boost => self.boosted = stands,
            PostMark::Bookmark => self.bookmarked = stands,
        }
    }
}

/// A post and who wrote it, as everybody shares them.
pub type Authored = (Arc<Rendered<Post>>, Arc<Rendered<Account>>);

/// An entry as one viewer gets it: everything in it may be seen by that viewer.
#[derive(Debug, Clone)]
pub struct PostView {
    /// The entry.
    pub post: Arc<Rendered<Post>>,
    /// Who wrote it, or who boosted.
    pub author: Arc<Rendered<Account>>,
    /// What the viewer has done with it; of a boost, with the boosted post.
    pub marks: Marks,
    /// For a boost, the boosted post.
    pub boosted: Option<Authored>,
}
