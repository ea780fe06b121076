//! Statuses out of ready-made fragments.
//!
//! Most of a timeline is the same bytes for everybody at every moment: the post and its author's account are written once
//! per version and kept with the value ([`Rendered`]). What is counted and what depends on the viewer stands in two
//! tables of patches, which are written after them. What comes out equals the serialised
//! [`Status`](super::status::Status); a test holds the two together, so that a new field is a row here or belongs to what
//! is written once.

use std::sync::Arc;

use serde::Serialize;

use super::Renderer;
use crate::clock::Timestamp;
use crate::domain::account::Account;
use crate::domain::post::{Marks, Post, PostView};
use crate::domain::rendered::Rendered;
use crate::domain::visibility::Visibility;
use crate::ids::AccountId;

/// About how long the patches of a status and its account are, in bytes, and those of the boosted post as well: the buffer
/// of a page seldom has to grow.
const PATCHES_BYTES: usize = 640;

/// A post on its way to a viewer.
struct Seen<'a> {
    post: &'a Post,
    author: &'a Account,
    marks: Marks,
    viewer: Option<AccountId>,
}

/// What a patch says.
enum Value {
    /// The field isn't there.
    Absent,
    Bool(bool),
    Count(i64),
    /// The date of a moment.
    Day(Timestamp),
    /// JSON that is always the same.
    Always(&'static str),
}

/// A field that isn't ready-made.
struct Patch {
    /// With what stands around it in the object: `,"name":`.
    key: &'static str,
    value: fn(&Seen<'_>) -> Value,
}

macro_rules! patches {
    ($($name:literal => $value:expr,)*) => {
        &[$(Patch {
            key: concat!(",\"", $name, "\":"),
            value: $value,
        }),*]
    };
}

/// The fields of a status that are counted or depend on the viewer. For a boost they are written once for the boost, once
/// for the boosted post.
const OF_STATUS: &[Patch] = patches! {
    "replies_count" => |seen| Value::Count(seen.post.counts.replies),
    "reblogs_count" => |seen| Value::Count(seen.post.counts.boosts),
    "favourites_count" => |seen| Value::Count(seen.post.counts.favourites),
    "favourited" => |seen| seen.by_viewer(|_| Value::Bool(seen.marks.favourited)),
    "reblogged" => |seen| seen.by_viewer(|_| Value::Bool(seen.marks.boosted)),
    "bookmarked" => |seen| seen.by_viewer(|_| Value::Bool(seen.marks.bookmarked)),
    "muted" => |seen| seen.by_viewer(|_| Value::Bool(false)),
    "pinned" => |seen| seen.by_viewer(|viewer| match could_be_pinned(seen.post, viewer) {
        true => Value::Bool(false),
        false => Value::Absent,
    }),
    "filtered" => |seen| seen.by_viewer(|_| Value::Always("[]")),
};

/// The fields of an account that are counted.
const OF_ACCOUNT: &[Patch] = patches! {
    "followers_count" => |seen| Value::Count(seen.author.counts.followers),
    "following_count" => |seen| Value::Count(seen.author.counts.following),
    "statuses_count" => |seen| Value::Count(seen.author.counts.posts),
    "last_status_at" => |seen| match seen.author.counts.last_open_post {
        None => Value::Always("null"),
        Some(post) => Value::Day(post.time()),
    },
};

impl Seen<'_> {
    /// Whoever has no account gets no such field.
    fn by_viewer(&self, value: impl FnOnce(AccountId) -> Value) -> Value {
        self.viewer.map_or(Value::Absent, value)
    }
}

/// Whether a post is one that the viewer may pin to the profile.
pub(super) fn could_be_pinned(post: &Post, viewer: AccountId) -> bool {
    let facts = &post.facts;
    facts.author == viewer && facts.boost_of.is_none() && facts.visibility != Visibility::Direct
}

fn write_patches(json: &mut Vec<u8>, patches: &[Patch], seen: &Seen<'_>) {
    for patch in patches {
        let value = (patch.value)(seen);
        if matches!(value, Value::Absent) {
            continue;
        }
        json.extend_from_slice(patch.key.as_bytes());
        match value {
            Value::Absent => {}
            Value::Bool(true) => json.extend_from_slice(b"true"),
            Value::Bool(false) => json.extend_from_slice(b"false"),
            Value::Count(count) => write_count(json, count),
            Value::Day(moment) => {
                json.push(b'"');
                json.extend_from_slice(&moment.date_digits());
                json.push(b'"');
            }
            Value::Always(always) => json.extend_from_slice(always.as_bytes()),
        }
    }
}

/// Writes what isn't ready-made of a status, and ends it.
fn close_status(
    json: &mut Vec<u8>,
    post: &Post,
    author: &Account,
    marks: Marks,
    viewer: Option<AccountId>,
) {
    let seen = Seen {
        post,
        author,
        marks,
        viewer,
    };
    write_patches(json, OF_STATUS, &seen);
    json.push(b'}');
}

/// Digits of the largest number, and a sign.
const COUNT_BYTES_MAX: usize = 20;

fn write_count(json: &mut Vec<u8>, count: i64) {
    if count < 0 {
        json.push(b'-');
    }
    let mut digits = [0; COUNT_BYTES_MAX];
    let mut rest = count.unsigned_abs();
    let mut first = COUNT_BYTES_MAX;
    for place in digits.iter_mut().rev() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
        first -= 1;
        if rest == 0 {
            break;
        }
    }
    json.extend_from_slice(&digits[first..]);
}

impl Renderer {
    /// Statuses as a JSON array.
    pub fn statuses_json<'a>(
        &self,
        views: impl Iterator<Item = &'a PostView> + Clone,
        viewer: Option<AccountId>,
    ) -> Vec<u8> {
        let bytes = views
            .clone()
            .map(|view| self.status_bytes(view))
            .sum::<usize>();
        let mut json = Vec::with_capacity(2 + bytes);
        self.write_statuses(&mut json, views, viewer);
        json
    }

    /// The [`Context`](super::status::Context) of a status as JSON.
    pub fn context_json(
        &self,
        ancestors: &[PostView],
        descendants: &[PostView],
        viewer: Option<AccountId>,
    ) -> Vec<u8> {
        let views = ancestors.iter().chain(descendants);
        let bytes = views.map(|view| self.status_bytes(view)).sum::<usize>();
        let mut json = Vec::with_capacity(64 + bytes);
        json.extend_from_slice(b"{\"ancestors\":");
        self.write_statuses(&mut json, ancestors.iter(), viewer);
        json.extend_from_slice(b",\"descendants\":");
        self.write_statuses(&mut json, descendants.iter(), viewer);
        json.push(b'}');
        json
    }

    fn write_statuses<'a>(
        &self,
        json: &mut Vec<u8>,
        views: impl Iterator<Item = &'a PostView>,
        viewer: Option<AccountId>,
    ) {
        json.push(b'[');
        for (at, view) in views.enumerate() {
            if at > 0 {
                json.push(b',');
            }
            self.write_status(json, view, viewer);
        }
        json.push(b']');
    }

    /// One status as JSON.
    pub fn status_json(&self, view: &PostView, viewer: Option<AccountId>) -> Vec<u8> {
        let mut json = Vec::with_capacity(self.status_bytes(view));
        self.write_status(&mut json, view, viewer);
        json
    }

    /// About how long a status is.
    fn status_bytes(&self, view: &PostView) -> usize {
        let of = |post: &Rendered<Post>, author: &Rendered<Account>| {
            self.post_fragment(post, author).len() + self.account_fragment(author).len()
        };
        let boosted = view.boosted.as_ref();
        let boosted = boosted.map_or(0, |(post, author)| of(post, author));
        PATCHES_BYTES + of(&view.post, &view.author) + boosted
    }

    fn write_status(&self, json: &mut Vec<u8>, view: &PostView, viewer: Option<AccountId>) {
        self.write_shared(json, &view.post, &view.author);
        json.extend_from_slice(b",\"reblog\":");
        match &view.boosted {
            None => json.extend_from_slice(b"null"),
            Some((post, author)) => {
                self.write_shared(json, post, author);
                json.extend_from_slice(b",\"reblog\":null");
                close_status(json, post, author, view.marks, viewer);
            }
        }
        close_status(json, &view.post, &view.author, view.marks, viewer);
    }

    /// What is ready-made, still open at its end.
    fn write_shared(&self, json: &mut Vec<u8>, post: &Rendered<Post>, author: &Rendered<Account>) {
        json.push(b'{');
        json.extend_from_slice(self.post_fragment(post, author));
        json.extend_from_slice(b",\"account\":{");
        json.extend_from_slice(self.account_fragment(author));
        // The account's object is closed with its patches: nothing of it depends on the viewer.
        let seen = Seen {
            post,
            author,
            marks: Marks::default(),
            viewer: None,
        };
        write_patches(json, OF_ACCOUNT, &seen);
        json.push(b'}');
    }

    fn post_fragment<'a>(&self, post: &'a Rendered<Post>, author: &Account) -> &'a [u8] {
        post.rendering(|post| fields(&self.status_body(post, author)))
    }

    fn account_fragment<'a>(&self, account: &'a Rendered<Account>) -> &'a [u8] {
        account.rendering(|account| fields(&self.account_body(account)))
    }
}

/// An entity's fields without the braces around them.
fn fields(entity: &impl Serialize) -> Arc<[u8]> {
    let object = serde_json::to_vec(entity).expect("entities have string keys and plain values");
    let inner = object
        .strip_prefix(b"{")
        .and_then(|rest| rest.strip_suffix(b"}"));
    inner.expect("entities are objects").into()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::Value as Json;

    use super::super::samples::{FIRST, ada, bob, post, renderer, view};
    use super::super::status::Context;
    use super::*;
    use crate::domain::account::AccountCounts;
    use crate::domain::post::{Boosted, PostCounts};
    use crate::ids::PostId;

    fn same(views: &[PostView], viewer: Option<AccountId>) {
        let renderer = renderer();
        let parsed = |json: Vec<u8>| serde_json::from_slice::<Json>(&json).expect("well-formed");
        let joined = parsed(renderer.statuses_json(views.iter(), viewer));
        let whole = serde_json::to_value(renderer.statuses(views, viewer)).expect("JSON");
        assert_eq!(joined, whole);
        for view in views {
            let joined = parsed(renderer.status_json(view, viewer));
            let whole = serde_json::to_value(renderer.status(view, viewer)).expect("JSON");
            assert_eq!(joined, whole);
        }
        let (above, below) = views.split_at(views.len() / 2);
        let joined = parsed(renderer.context_json(above, below, viewer));
        let whole = Context {
            ancestors: renderer.statuses(above, viewer),
            descendants: renderer.statuses(below, viewer),
        };
        assert_eq!(joined, serde_json::to_value(whole).expect("JSON"));
    }

    /// No field stands in an object twice: parsers would take either.
    fn each_field_once(json: &[u8]) {
        let mut names: Vec<Vec<String>> = Vec::new();
        let text = std::str::from_utf8(json).expect("UTF-8");
        let mut rest = text.char_indices().peekable();
        while let Some((at, char)) = rest.next() {
            match char {
                '{' => names.push(Vec::new()),
                '}' => drop(names.pop()),
                '"' => {
                    let mut end = at;
                    while let Some((next, char)) = rest.next() {
                        match char {
                            '\\' => drop(rest.next()),
                            '"' => {
                                end = next;
                                break;
                            }
                            _ => {}
                        }
                    }
                    if rest.peek().is_some_and(|(_, char)| *char == ':') {
                        let name = text[at..end].to_owned();
                        let object = names.last_mut().expect("names stand in objects");
                        assert!(!object.contains(&name), "{name} twice in {text}");
                        object.push(name);
                    }
                }
                _ => {}
            }
        }
    }

    fn counted(counts: PostCounts, author: &Account, id: i64, text: &str) -> Rendered<Post> {
        Rendered::new(Post {
            counts,
            ..post(id, author, text)
        })
    }

    #[test]
    fn the_longest_counts_fit() {
        for count in [i64::MIN, -1, 0, 9, 10, i64::MAX] {
            let mut json = Vec::new();
            write_count(&mut json, count);
            assert_eq!(String::from_utf8(json), Ok(count.to_string()));
        }
    }

    proptest! {
        #[test]
        fn joined_fragments_equal_the_serialised_entity(
            text in "\\PC{0,40}( @bob| #Rust|[\"\\\\<\u{0}-\u{1f}])?",
            counts in prop::array::uniform6(prop_oneof![-2_i64..12, any::<i64>()]),
            last_open in prop::option::of(0_i64..200_000_000_000),
            marks in any::<[bool; 3]>(),
            visibility in 0_usize..4,
            is_boost in any::<bool>(),
            own_boost in any::<bool>(),
            viewer in 0_usize..3,
        ) {
            let author = Account {
                counts: AccountCounts {
                    followers: counts[0],
                    following: counts[1],
                    posts: counts[2],
                    last_open_post: last_open.map(|seconds| PostId(seconds * 65_536)),
                },
                ..ada()
            };
            let of_post = PostCounts {
                replies: counts[3],
                boosts: counts[4],
                favourites: counts[5],
            };
            let mut shown = Post { counts: of_post, ..post(16, &author, &text) };
            shown.facts.visibility = Visibility::ALL[visibility];
            let mut plain = view(shown, author.clone());
            plain.marks = Marks { favourited: marks[0], boosted: marks[1], bookmarked: marks[2] };
            let seen = if is_boost {
                let booster = if own_boost { author } else { bob() };
                let mut shell = post(17, &booster, "");
                shell.facts.boost_of = Some(Boosted { post: PostId(FIRST + 16), author: ada().id });
                PostView {
                    boosted: Some((Arc::clone(&plain.post), Arc::clone(&plain.author))),
                    marks: plain.marks,
                    ..view(shell, booster)
                }
            } else {
                plain.clone()
            };
            let views = [seen, plain];
            let viewer = [None, Some(ada().id), Some(bob().id)][viewer];
            same(&views, viewer);
            each_field_once(&renderer().statuses_json(views.iter(), viewer));
        }
    }

    #[test]
    fn an_empty_page_is_an_empty_array() {
        same(&[], None);
    }

    #[test]
    fn what_is_counted_is_in_no_fragment() {
        let renderer = renderer();
        let author = Rendered::new(ada());
        let mut post = counted(PostCounts::default(), &author, 16, "a");
        let before = renderer.post_fragment(&post, &author).as_ptr();
        post.counts_mut().favourites = 7;
        assert_eq!(renderer.post_fragment(&post, &author).as_ptr(), before);
        for patch in OF_STATUS {
            let fragment = renderer.post_fragment(&post, &author);
            let fragment = std::str::from_utf8(fragment).expect("UTF-8");
            assert!(!fragment.contains(patch.key), "{}", patch.key);
        }
    }
}
