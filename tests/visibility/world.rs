//! Twelve ways to look at one author's posts, and a world in which somebody looks in each of them.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use crate::support::server::{Answer, Client, Rig, SCOPES, password_of};

/// Who looks at the author's posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer {
    Author,
    /// Named in every post; follows nobody.
    Mentioned,
    Follower,
    /// Followed while the posts were written, then unfollowed.
    ExFollower,
    /// Followed while the posts were written, then was removed by the author.
    RemovedFollower,
    Stranger,
    /// Followed, was named, then was blocked by the author.
    Blocked,
    /// Followed, then blocked the author.
    Blocking,
    /// Follows, and mutes the author.
    Muting,
    /// Follows only whom boosted the open posts.
    FollowerOfBooster,
    Anonymous,
    /// The follower with a token that is good for nothing that reads posts.
    ScopeMissing,
}

impl Viewer {
    pub const ALL: [Self; 12] = [
        Self::Author,
        Self::Mentioned,
        Self::Follower,
        Self::ExFollower,
        Self::RemovedFollower,
        Self::Stranger,
        Self::Blocked,
        Self::Blocking,
        Self::Muting,
        Self::FollowerOfBooster,
        Self::Anonymous,
        Self::ScopeMissing,
    ];

    /// The account's name.
    fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Author => "ada",
            Self::Mentioned => "mona",
            Self::Follower => "fay",
            Self::ExFollower => "exa",
            Self::RemovedFollower => "remy",
            Self::Stranger => "stan",
            Self::Blocked => "bea",
            Self::Blocking => "bert",
            Self::Muting => "muri",
            Self::FollowerOfBooster => "fobo",
            Self::Anonymous | Self::ScopeMissing => return None,
        })
    }

    /// Whoever has an account and a token that may do everything.
    pub fn acts(self) -> bool {
        self.name().is_some()
    }

    /// Who may see a post of this visibility, written down once more: nothing here asks the server's rule.
    pub fn may_see(self, visibility: Visibility) -> bool {
        use Visibility::{Direct, Private};
        match self {
            Self::Author | Self::Mentioned => true,
            Self::Follower | Self::Muting => visibility != Direct,
            Self::ExFollower
            | Self::RemovedFollower
            | Self::Stranger
            | Self::FollowerOfBooster
            | Self::Anonymous => !matches!(visibility, Private | Direct),
            Self::Blocked | Self::Blocking | Self::ScopeMissing => false,
        }
    }
}

/// For whom a post is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    Public,
    Unlisted,
    Private,
    Direct,
}

impl Visibility {
    pub const ALL: [Self; 4] = [Self::Public, Self::Unlisted, Self::Private, Self::Direct];

    pub fn api_name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Unlisted => "unlisted",
            Self::Private => "private",
            Self::Direct => "direct",
        }
    }
}

/// What kind of entry somebody looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A post of the author.
    Post,
    /// The author's answer to the stranger.
    Reply,
    /// A boost of the author's post: of an open one by a friend, of a followers-only one by the author.
    Boost,
}

/// One entry that somebody looks at.
#[derive(Debug, Clone)]
pub struct Subject {
    pub kind: Kind,
    pub visibility: Visibility,
    /// Its id.
    pub id: String,
    /// A word that stands in it and nowhere else.
    pub word: String,
}

impl Subject {
    pub fn seen_by(&self, viewer: Viewer) -> bool {
        // A boost of a followers-only post reaches followers alone: the boost names nobody.
        let hidden_boost = self.kind == Kind::Boost
            && self.visibility == Visibility::Private
            && viewer == Viewer::Mentioned;
        viewer.may_see(self.visibility) && !hidden_boost
    }
}

/// A server with all of them.
pub struct World {
    pub rig: Rig,
    pub subjects: Vec<Subject>,
    /// A post of the stranger that the author answered.
    pub asked: String,
    /// The mentioned's open answers to the author's answers, one for each visibility.
    pub answers: Vec<(Visibility, String)>,
    scope_missing: Client,
    browsers: HashMap<&'static str, Browser>,
}

/// Somebody who is logged in at the website.
#[derive(Clone)]
pub struct Browser {
    pub client: Client,
    /// What their forms carry.
    pub form_token: String,
}

impl World {
    pub async fn new() -> Self {
        let names: Vec<&str> = Viewer::ALL.into_iter().filter_map(Viewer::name).collect();
        let mut rig = Rig::start(&names).await;
        rig.add("bo", kinglet::domain::account::Role::User).await;
        let fay = rig.person("fay").id;
        let scope_missing = rig.client_of(fay, "write:media read:blocks").await;
        let mut world = Self {
            rig,
            subjects: Vec::new(),
            asked: String::new(),
            answers: Vec::new(),
            scope_missing,
            browsers: HashMap::new(),
        };
        world.meet().await;
        world.publish().await;
        world.mark().await;
        world.part().await;
        world
    }

    async fn meet(&self) {
        for follower in ["fay", "exa", "remy", "bea", "bert", "muri", "bo"] {
            self.relate(follower, "follow", "ada").await;
        }
        for follower in ["fobo", "bea", "bert", "muri"] {
            self.relate(follower, "follow", "bo").await;
        }
    }

    async fn publish(&mut self) {
        let asked = json!({"status": "what bird is that?"});
        self.asked = self.write("stan", asked).await;
        for visibility in Visibility::ALL {
            let name = visibility.api_name();
            let word = format!("wren{name}");
            let text = format!("@mona @bea a {word} #birds{name} #birds");
            let post = json!({"status": text, "visibility": name});
            let id = self.write("ada", post).await;
            self.subjects.push(Subject {
                kind: Kind::Post,
                visibility,
                id,
                word,
            });
            let word = format!("robin{name}");
            let text = format!("@mona @bea it is a {word}");
            let post = json!({"status": text, "visibility": name, "in_reply_to_id": self.asked});
            let id = self.write("ada", post).await;
            let answer = json!({"status": "sure?", "in_reply_to_id": id});
            let answer = self.write("mona", answer).await;
            self.answers.push((visibility, answer));
            self.subjects.push(Subject {
                kind: Kind::Reply,
                visibility,
                id,
                word,
            });
        }
        for (booster, visibility) in [
            ("bo", Visibility::Public),
            ("bo", Visibility::Unlisted),
            ("ada", Visibility::Private),
        ] {
            let post = self.post(visibility);
            let (word, path) = (
                post.word.clone(),
                format!("/api/v1/statuses/{}/reblog", post.id),
            );
            let boost = self.rig.client(booster).post_empty(&path).await.ok();
            self.subjects.push(Subject {
                kind: Kind::Boost,
                visibility,
                id: text_of(&boost["id"]),
                word,
            });
        }
    }

    /// Everybody favours and keeps all that they see at this moment, later friends and foes alike.
    async fn mark(&self) {
        for viewer in Viewer::ALL.into_iter().filter(|viewer| viewer.acts()) {
            for subject in self.subjects.iter().filter(|one| one.kind == Kind::Post) {
                for mark in ["favourite", "bookmark"] {
                    let path = format!("/api/v1/statuses/{}/{mark}", subject.id);
                    let answer = self.client(viewer).post_empty(&path).await;
                    assert!(
                        matches!(answer.status, 200 | 404),
                        "{viewer:?} {mark}: {}",
                        answer.text
                    );
                }
            }
        }
    }

    async fn part(&self) {
        self.relate("exa", "unfollow", "ada").await;
        self.relate("ada", "remove_from_followers", "remy").await;
        self.relate("ada", "block", "bea").await;
        self.relate("bert", "block", "ada").await;
        self.relate("muri", "mute", "ada").await;
    }

    /// Does what a button on `other`'s profile does.
    pub async fn relate(&self, actor: &str, what: &str, other: &str) -> Json {
        let other = self.rig.person(other).id;
        let path = format!("/api/v1/accounts/{other}/{what}");
        self.rig.client(actor).post_empty(&path).await.ok()
    }

    /// Publishes, and answers the id.
    pub async fn write(&self, author: &str, post: Json) -> String {
        let answer = self.rig.client(author).post("/api/v1/statuses", post).await;
        text_of(&answer.ok()["id"])
    }

    /// Logs everybody in at the website too.
    pub async fn with_browsers(mut self) -> Self {
        for name in Viewer::ALL.into_iter().filter_map(Viewer::name) {
            let browser = self.log_in(name).await;
            self.browsers.insert(name, browser);
        }
        self
    }

    async fn log_in(&self, name: &str) -> Browser {
        let page = self.rig.anonymous().get("/login").await;
        let visitor = self
            .rig
            .anonymous()
            .with_cookie(cookie(&page, "kinglet_visitor"));
        let password = password_of(name);
        let form_token = form_token(&page.text);
        let fields = [
            ("csrf", form_token),
            ("login", name),
            ("password", &password),
        ];
        let answer = visitor.post_form("/login", &fields).await;
        assert_eq!(answer.status, 303, "{name}: {}", answer.text);
        let client = self
            .rig
            .anonymous()
            .with_cookie(cookie(&answer, "kinglet_session"));
        let form_token = self::form_token(&client.get("/compose").await.text).to_owned();
        Browser { client, form_token }
    }

    /// Whoever looks at the website; nobody who is only there with a token.
    pub fn browser(&self, viewer: Viewer) -> Option<Browser> {
        match viewer.name() {
            Some(name) => self.browsers.get(name).cloned(),
            None if viewer == Viewer::Anonymous => Some(Browser {
                client: self.rig.anonymous(),
                form_token: String::new(),
            }),
            None => None,
        }
    }

    pub fn client(&self, viewer: Viewer) -> Client {
        match viewer.name() {
            Some(name) => self.rig.client(name).clone(),
            None if viewer == Viewer::ScopeMissing => self.scope_missing.clone(),
            None => self.rig.anonymous(),
        }
    }

    /// The author's post of a visibility.
    pub fn post(&self, visibility: Visibility) -> &Subject {
        let mut posts = self.subjects.iter().filter(|one| one.kind == Kind::Post);
        posts
            .find(|one| one.visibility == visibility)
            .expect("there is one of each")
    }

    /// Hides somebody, or shows them again; as their tokens ended they get a new one then.
    pub async fn set_suspended(&mut self, name: &str, suspended: bool) {
        let account = self.rig.person(name).id;
        self.rig.set_suspended(account, suspended).await;
        if !suspended {
            let client = self.rig.client_of(account, SCOPES).await;
            self.rig.replace_client(name, client);
            if let Some((name, _)) = self.browsers.remove_entry(name) {
                let browser = self.log_in(name).await;
                self.browsers.insert(name, browser);
            }
        }
    }
}

/// A cookie that an answer sets, as the browser sends it back.
fn cookie(answer: &Answer, name: &str) -> String {
    let set = answer.headers.get_all("set-cookie").iter();
    let cookies = set.filter_map(|value| value.to_str().ok()?.split(';').next());
    let mut named = cookies.filter(|cookie| cookie.starts_with(&format!("{name}=")));
    named.next().expect("the answer sets it").to_owned()
}

const FORM_TOKEN: &str = "name=\"csrf\" value=\"";
const FORM_KEY: &str = "name=\"idempotency_key\" value=\"";

/// What the forms of a page carry.
fn form_token(page: &str) -> &str {
    let (_, rest) = page.split_once(FORM_TOKEN).expect("the page has a form");
    rest.split('"').next().expect("a value ends")
}

/// A page without what its forms carry, which is another every time.
fn without_form_tokens(page: &str) -> String {
    without_values_of(&without_values_of(page, FORM_TOKEN), FORM_KEY)
}

fn without_values_of(page: &str, field: &str) -> String {
    let mut parts = page.split(field);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |page, part| {
        let rest = part.split_once('"').map_or("", |(_, rest)| rest);
        page + field + rest
    })
}

/// An answer without what differs between any two: the request's id, the time, the tokens of forms, and the id that was
/// asked for.
pub fn comparable(answer: &Answer, asked: &str) -> (u16, Vec<(String, String)>, String) {
    let of_id = |text: &str| match asked {
        "" => text.to_owned(),
        asked => text.replace(asked, "ID"),
    };
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"))
        .map(|(name, value)| {
            let value = value.to_str().expect("headers are ASCII");
            (name.to_string(), of_id(value))
        })
        .collect();
    headers.sort();
    // Pages that tell of a problem show the request's id.
    let page = without_form_tokens(&answer.text).replace(answer.header("x-request-id"), "REQUEST");
    (answer.status, headers, of_id(&page))
}

pub fn text_of(json: &Json) -> String {
    json.as_str().expect("a text").to_owned()
}
