//! From what the domain knows to what the templates show.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::frame::Visit;
pub(super) use super::frame::{query_value, shown_name};
use super::views::account::{AccountRow, Author, ProfileField, ProfileHead, Standing};
use super::views::post::{Audience, PostActions, PostCard, ReplyTo, Revision};
use super::views::{Choice, Moment};
use crate::clock::Timestamp;
use crate::config::InstanceUrl;
use crate::domain::access::Grant;
use crate::domain::account::Account;
use crate::domain::post::{Mention, Post, PostVersion, PostView};
use crate::domain::relationship::Relationship;
use crate::domain::text::render::{plain_excerpt, to_html};
use crate::domain::visibility::Visibility;
use crate::ids::{AccountId, PostId, SessionId};
use crate::pictures;

/// How much of a post stands in for it in titles, previews and notifications, in characters.
const EXCERPT_CHARS: usize = 140;
/// How much of a bio a list shows, in characters.
const BIO_EXCERPT_CHARS: usize = 160;
const MINUTE_MILLIS: i64 = 60_000;
const HOUR_MILLIS: i64 = 60 * MINUTE_MILLIS;
const DAY_MILLIS: i64 = 24 * HOUR_MILLIS;

/// Languages that the forms offer: BCP 47 tag and the language's own name.
const LANGUAGES: [(&str, &str); 34] = [
    ("ar", "العربية"),
    ("bg", "Български"),
    ("ca", "Català"),
    ("cs", "Čeština"),
    ("cy", "Cymraeg"),
    ("da", "Dansk"),
    ("de", "Deutsch"),
    ("el", "Ελληνικά"),
    ("en", "English"),
    ("eo", "Esperanto"),
    ("es", "Español"),
    ("et", "Eesti"),
    ("eu", "Euskara"),
    ("fa", "فارسی"),
    ("fi", "Suomi"),
    ("fr", "Français"),
    ("ga", "Gaeilge"),
    ("gl", "Galego"),
    ("he", "עברית"),
    ("hi", "हिन्दी"),
    ("hu", "Magyar"),
    ("id", "Bahasa Indonesia"),
    ("it", "Italiano"),
    ("ja", "日本語"),
    ("ko", "한국어"),
    ("nb", "Norsk bokmål"),
    ("nl", "Nederlands"),
    ("pl", "Polski"),
    ("pt", "Português"),
    ("ro", "Română"),
    ("sv", "Svenska"),
    ("tr", "Türkçe"),
    ("uk", "Українська"),
    ("zh", "中文"),
];

/// Whom posts of a page answer, as far as the reader gets to know.
pub(super) type Answered = HashMap<PostId, ReplyTo>;

/// What rendering needs beside the values themselves.
#[derive(Debug, Clone)]
pub(super) struct Renderer {
    /// The instance's address.
    pub(super) url: InstanceUrl,
    /// Where its days begin.
    pub(super) zone: TimeZone,
    /// The present moment.
    pub(super) now: Timestamp,
    /// The year that it lies in, there.
    pub(super) this_year: i16,
    /// Who reads.
    pub(super) reader: Option<AccountId>,
}

impl Visit {
    /// The session of the signed-in reader.
    pub(super) fn session_id(&self) -> Option<SessionId> {
        match self.guest.caller.as_ref()?.access.grant {
            Grant::Session(id) => Some(id),
            Grant::Token { .. } => None,
        }
    }

    /// Makes views for this reader at this moment.
    pub(super) fn renderer(&self) -> Renderer {
        let instance = &self.context.instance;
        let (zone, now) = (
            instance.config.instance.time_zone.clone(),
            instance.clock.now(),
        );
        Renderer {
            url: (*instance.url).clone(),
            this_year: now.in_zone(zone.clone()).year(),
            zone,
            now,
            reader: self.reader(),
        }
    }
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// The path of an account's page.
pub(super) fn profile_path(name: &str) -> String {
    format!("/@{name}")
}

/// The path of a post's page.
pub(super) fn post_path(name: &str, post: PostId) -> String {
    format!("/@{name}/{post}")
}

/// The path of a tag's page.
pub(super) fn tag_path(name: &str) -> String {
    crate::domain::text::render::tag_url("", name)
}

/// The account as a post shows it.
pub(super) fn author(account: &Account) -> Author {
    Author {
        name: account.name.clone(),
        display_name: shown_name(account),
        avatar_url: pictures::avatar_path(account.id),
    }
}

/// How the reader stands to another.
pub(super) fn standing(relationship: &Relationship) -> Standing {
    Standing {
        following: relationship.following.is_some(),
        requested: relationship.requested.is_some(),
        followed_by: relationship.followed_by,
        blocking: relationship.blocking,
        muting: relationship.muting.is_some(),
    }
}

/// The beginning of a post in plain text; its warning where it has one.
pub(super) fn excerpt(post: &Post) -> String {
    let text = if post.spoiler.is_empty() {
        &post.text
    } else {
        &post.spoiler
    };
    plain_excerpt(text, EXCERPT_CHARS)
}

/// The choices of an audience, narrowest last.
pub(super) fn audiences(selected: Visibility) -> Vec<Choice> {
    let choice = |visibility: Visibility| Choice {
        value: visibility.api_name().to_owned(),
        label: audience(visibility).label().to_owned(),
        selected: visibility == selected,
    };
    Visibility::ALL.into_iter().map(choice).collect()
}

/// The choices of a language, first "not given". A language that is set and not among the offered ones is added.
pub(super) fn languages(selected: Option<&str>) -> Vec<Choice> {
    let selected = selected.unwrap_or("");
    let choice = |value: &str, label: &str| Choice {
        value: value.to_owned(),
        label: label.to_owned(),
        selected: value == selected,
    };
    let mut choices = vec![choice("", "Not given")];
    if !selected.is_empty() && LANGUAGES.iter().all(|(tag, _)| *tag != selected) {
        choices.push(choice(selected, selected));
    }
    choices.extend(LANGUAGES.iter().map(|(tag, name)| choice(tag, name)));
    choices
}

fn audience(visibility: Visibility) -> Audience {
    match visibility {
        Visibility::Public => Audience::Public,
        Visibility::Unlisted => Audience::Unlisted,
        Visibility::Followers => Audience::Followers,
        Visibility::Direct => Audience::Direct,
    }
}

impl Renderer {
    /// A moment in the three forms that pages show.
    pub(super) fn moment(&self, time: Timestamp) -> Moment {
        let zoned = time.in_zone(self.zone.clone());
        let age = self.now.millis() - time.millis();
        let short = match age {
            // A clock that was set back makes moments of the future.
            ..MINUTE_MILLIS => "now".to_owned(),
            MINUTE_MILLIS..HOUR_MILLIS => format!("{} min", age / MINUTE_MILLIS),
            HOUR_MILLIS..DAY_MILLIS => format!("{} h", age / HOUR_MILLIS),
            _ if zoned.year() == self.this_year => zoned.strftime("%-d %b").to_string(),
            _ => zoned.strftime("%-d %b %Y").to_string(),
        };
        Moment {
            iso: time.to_string(),
            short,
            long: zoned.strftime("%-d %B %Y, %H:%M").to_string(),
        }
    }

    /// A day, for the moment when an account was made.
    pub(super) fn day(&self, time: Timestamp) -> Moment {
        let zoned = time.in_zone(self.zone.clone());
        Moment {
            long: zoned.strftime("%-d %B %Y").to_string(),
            ..self.moment(time)
        }
    }

    /// A post's text as HTML. Only names that were found when it was written lead anywhere.
    fn text_html(&self, text: &str, mentions: &[Mention]) -> String {
        to_html(text, "", |mention| {
            if !mention.is_local(self.url.authority()) {
                return None;
            }
            let key = mention.key();
            let found = mentions
                .iter()
                .find(|known| known.name.to_ascii_lowercase() == key)?;
            Some(profile_path(&found.name))
        })
    }

    /// A bio as HTML. Names in it stay text: whether they belong to somebody isn't known here.
    pub(super) fn bio_html(&self, note: &str) -> String {
        to_html(note, "", |_| None)
    }

    /// One line of a profile's table: without a paragraph around it.
    fn field_html(&self, value: &str) -> String {
        let html = self.bio_html(value);
        let inner = html
            .strip_prefix("<p>")
            .and_then(|html| html.strip_suffix("</p>"));
        inner.map(str::to_owned).unwrap_or(html)
    }

    /// The post that a view shows as a card; of a boost, the boosted post.
    pub(super) fn card(&self, view: &PostView, answered: &Answered) -> PostCard {
        let (post, writer, boosted_by) = match &view.boosted {
            Some((post, writer)) => (post, writer, Some(author(&view.author))),
            None => (&view.post, &view.author, None),
        };
        let facts = &post.facts;
        let is_own = self.reader == Some(facts.author);
        let actions = self.reader.map(|_| PostActions {
            favourited: view.marks.favourited,
            boosted: view.marks.boosted,
            bookmarked: view.marks.bookmarked,
            can_boost: facts.visibility.is_open()
                || (is_own && facts.visibility == Visibility::Followers),
            own: is_own,
        });
        PostCard {
            id: facts.id.to_string(),
            path: post_path(&writer.name, facts.id),
            author: author(writer),
            boosted_by,
            reply_to: facts
                .reply_to
                .and_then(|to| answered.get(&to.post).cloned()),
            published: self.moment(facts.id.time()),
            edited: post.edited_at.map(|time| self.moment(time)),
            audience: audience(facts.visibility),
            warning: post.spoiler.clone(),
            content_html: Arc::clone(post.text(|post| self.text_html(&post.text, &post.mentions))),
            language: post.language.clone(),
            replies: count(post.counts.replies),
            boosts: count(post.counts.boosts),
            favourites: count(post.counts.favourites),
            actions,
            focus: false,
        }
    }

    /// A post's versions, the current one first.
    pub(super) fn revisions(&self, post: &Post, earlier: &[PostVersion]) -> Vec<Revision> {
        let current = Revision {
            written: self.moment(post.edited_at.unwrap_or(post.facts.id.time())),
            warning: post.spoiler.clone(),
            content_html: self.text_html(&post.text, &post.mentions),
        };
        let earlier = earlier.iter().rev().map(|version| Revision {
            written: self.moment(version.made_at),
            warning: version.spoiler.clone(),
            content_html: self.text_html(&version.text, &post.mentions),
        });
        std::iter::once(current).chain(earlier).collect()
    }

    /// An account as a row of a list.
    pub(super) fn row(&self, account: &Account, standing: Option<Standing>) -> AccountRow {
        AccountRow {
            who: author(account),
            bio_html: self.bio_html(&plain_excerpt(&account.note, BIO_EXCERPT_CHARS)),
            locked: account.locked,
            bot: account.bot,
            standing,
        }
    }

    /// The head of a profile.
    pub(super) fn profile_head(
        &self,
        account: &Account,
        standing: Option<Standing>,
    ) -> ProfileHead {
        let fields = account.fields.iter().map(|field| ProfileField {
            name: field.name.clone(),
            value_html: self.field_html(&field.value),
        });
        ProfileHead {
            who: author(account),
            host: self.url.authority().to_owned(),
            header_url: Some(pictures::header_path(account.id)),
            bio_html: self.bio_html(&account.note),
            fields: fields.collect(),
            joined: self.day(account.id.time()),
            posts: count(account.counts.posts),
            following: count(account.counts.following),
            followers: count(account.counts.followers),
            locked: account.locked,
            bot: account.bot,
            own: self.reader == Some(account.id),
            standing,
            signed_in: self.reader.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renderer() -> Renderer {
        Renderer {
            url: "https://birds.example".parse().expect("a URL"),
            zone: TimeZone::UTC,
            now: Timestamp::from_millis(1_790_000_000_000),
            this_year: 2026,
            reader: None,
        }
    }

    #[test]
    fn moments_are_short_where_recent() {
        let renderer = renderer();
        let ago = |millis: i64| renderer.moment(renderer.now.plus_millis(-millis));
        let cases = [
            (-HOUR_MILLIS, "now"),
            (0, "now"),
            (MINUTE_MILLIS, "1 min"),
            (HOUR_MILLIS - 1, "59 min"),
            (23 * HOUR_MILLIS, "23 h"),
            (2 * DAY_MILLIS, "19 Sep"),
            (300 * DAY_MILLIS, "25 Nov 2025"),
        ];
        for (millis, short) in cases {
            assert_eq!(ago(millis).short, short);
        }
        assert_eq!(ago(0).long, "21 September 2026, 14:13");
        assert_eq!(ago(0).iso, "2026-09-21T14:13:20.000Z");
    }

    #[test]
    fn only_known_names_of_this_instance_lead_anywhere() {
        let known = [Mention {
            account: AccountId(1),
            name: "Ada".to_owned(),
        }];
        let html = renderer().text_html("@ada @ADA@birds.example @ada@other.example @bob", &known);
        assert_eq!(html.matches("href=\"/@Ada\"").count(), 2);
        assert_eq!(html.matches("href").count(), 2);
    }

    #[test]
    fn a_language_that_is_not_offered_stays_chosen() {
        let chosen = |selected| -> Vec<String> {
            let choices = languages(selected).into_iter();
            choices
                .filter(|choice| choice.selected)
                .map(|choice| choice.value)
                .collect()
        };
        assert_eq!(chosen(Some("gsw")), ["gsw"]);
        assert_eq!(chosen(Some("de")), ["de"]);
        assert_eq!(chosen(None), [""]);
    }
}
