//! Accounts: the row in a list, the profile, lists of people.

use askama::Template;

use super::post::PostCard;
use super::{Frame, Moment, Pager, filters};

/// As much of an account as a post shows.
#[derive(Debug, Clone)]
pub struct Author {
    /// Name without `@`. The profile is at `/@NAME`.
    pub name: String,
    /// Display name; the handler puts the name here where the person set none.
    pub display_name: String,
    /// Address of the avatar.
    pub avatar_url: String,
}

/// How the signed-in reader stands to another account.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// The reader follows it.
    pub following: bool,
    /// The reader asked to follow it and waits.
    pub requested: bool,
    /// It follows the reader.
    pub followed_by: bool,
    /// The reader blocks it.
    pub blocking: bool,
    /// The reader mutes it.
    pub muting: bool,
}

/// An account as a row of a list. It is a template of its own.
#[derive(Debug, Clone, Template)]
#[template(path = "partials/account_row.html")]
pub struct AccountRow {
    /// Who.
    pub who: Author,
    /// The biography as sanitised HTML; empty for none.
    pub bio_html: String,
    /// Whether follows must be accepted.
    pub locked: bool,
    /// Whether a program runs it.
    pub bot: bool,
    /// How the reader stands to it; `None` for oneself and for the signed-out.
    pub standing: Option<Standing>,
}

/// One row of a profile's table.
#[derive(Debug, Clone)]
pub struct ProfileField {
    /// Its name, as text.
    pub name: String,
    /// Its value, as sanitised HTML.
    pub value_html: String,
}

/// The head of a profile, the same on each of its tabs. It is a template of its own.
#[derive(Debug, Clone, Template)]
#[template(path = "partials/profile_head.html")]
pub struct ProfileHead {
    /// Who.
    pub who: Author,
    /// Host of the instance, completing the handle `@NAME@HOST`.
    pub host: String,
    /// Address of the header picture; `None` shows kinglet's own.
    pub header_url: Option<String>,
    /// The biography as sanitised HTML; empty for none.
    pub bio_html: String,
    /// The table below it.
    pub fields: Vec<ProfileField>,
    /// When the account was made.
    pub joined: Moment,
    /// Number of posts.
    pub posts: u64,
    /// Number of accounts it follows.
    pub following: u64,
    /// Number of accounts that follow it.
    pub followers: u64,
    /// Whether follows must be accepted.
    pub locked: bool,
    /// Whether a program runs it.
    pub bot: bool,
    /// Whether it is the reader's own: offers "Edit profile".
    pub own: bool,
    /// How the reader stands to it; `None` for oneself and for the signed-out.
    pub standing: Option<Standing>,
    /// Whether somebody is signed in; strangers are led to the log-in page.
    pub signed_in: bool,
}

/// The tabs of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileTab {
    /// Posts and boosts, `/@NAME`.
    Posts,
    /// With replies, `/@NAME/with_replies`.
    Replies,
    /// Whom it follows, `/@NAME/following`.
    Following,
    /// Who follows it, `/@NAME/followers`.
    Followers,
}

impl ProfileTab {
    /// Whether `name` names this tab.
    #[must_use]
    pub fn is(self, name: &str) -> bool {
        let own = match self {
            Self::Posts => "posts",
            Self::Replies => "replies",
            Self::Following => "following",
            Self::Followers => "followers",
        };
        own == name
    }
}

/// What a profile's tab lists.
#[derive(Debug, Clone)]
pub enum ProfileList {
    /// Posts.
    Posts(Vec<PostCard>),
    /// People.
    People(Vec<AccountRow>),
    /// Nothing, with the sentence that says why.
    Nothing(String),
}

/// `GET /@NAME`, `/@NAME/with_replies`, `/@NAME/following`, `/@NAME/followers`.
#[derive(Debug, Clone, Template)]
#[template(path = "profile.html")]
pub struct ProfilePage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The head.
    pub head: ProfileHead,
    /// The current tab.
    pub tab: ProfileTab,
    /// What it lists.
    pub list: ProfileList,
    /// Neighbouring pages.
    pub pager: Pager,
    /// Plain text of the biography, for link previews.
    pub summary: String,
    /// Absolute address of the profile.
    pub canonical_url: String,
    /// Whether search engines may list it.
    pub indexable: bool,
}

/// A list of people on a page of its own: `GET /@NAME/ID/favourites`, `/@NAME/ID/boosts`,
/// `/settings/blocks`, `/settings/mutes`.
#[derive(Debug, Clone, Template)]
#[template(path = "people.html")]
pub struct PeoplePage {
    /// What surrounds the page.
    pub frame: Frame,
    /// Heading, such as `Favourited by`.
    pub heading: String,
    /// Where "back" leads.
    pub back_path: String,
    /// What to say while the list is empty.
    pub empty: String,
    /// The people.
    pub people: Vec<AccountRow>,
    /// Neighbouring pages.
    pub pager: Pager,
}
