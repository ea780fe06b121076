//! Activities as they stand in an outbox (ActivityStreams 2.0, as Mastodon writes it): only what is taken over is read, and
//! what has another type than it has to have is an error.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::clock::Timestamp;
use crate::domain::account::language_code;
use crate::domain::arrival::{
    ARRIVED_BYTES_MAX, Arrived, ArrivedEntry, ArrivedPost, DATE_MIN, Fate, URI_BYTES_MAX,
};
use crate::domain::text::from_html::{from_html, host_of, qualify_mentions};
use crate::domain::visibility::Visibility;

/// The names of "everybody".
const PUBLIC: [&str; 3] = [
    "https://www.w3.org/ns/activitystreams#Public",
    "as:Public",
    "Public",
];
/// How far a date may lie ahead before the archive is taken for a forgery, in milliseconds: clocks go wrong by a day.
const AHEAD_MILLIS_MAX: i64 = 24 * 60 * 60 * 1000;

/// An item of an outbox.
#[derive(Debug, Deserialize)]
pub struct Activity {
    #[serde(default)]
    id: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    published: Option<String>,
    #[serde(default)]
    to: Many,
    #[serde(default)]
    cc: Many,
    #[serde(default)]
    object: Option<Object>,
}

/// A post, or its address.
#[derive(Debug)]
enum Object {
    Uri(String),
    Note(Box<Note>),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Note {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    published: Option<String>,
    #[serde(default)]
    updated: Option<String>,
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    content_map: Option<BTreeMap<String, Option<String>>>,
    #[serde(default)]
    source: Option<Source>,
    #[serde(default)]
    sensitive: Option<bool>,
    #[serde(default)]
    in_reply_to: Uri,
    #[serde(default)]
    to: Many,
    #[serde(default)]
    cc: Many,
    #[serde(default)]
    attachment: Count,
    #[serde(default)]
    one_of: Vec<Choice>,
    #[serde(default)]
    any_of: Vec<Choice>,
}

/// What a post was written as.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    media_type: Option<String>,
}

/// A choice of a poll.
#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default)]
    name: Option<String>,
}

/// One address or several.
#[derive(Debug, Default)]
struct Many(Vec<String>);

/// An address, alone or as that of an object.
#[derive(Debug, Default)]
pub struct Uri(pub Option<String>);

/// How many there are.
#[derive(Debug, Default, Clone, Copy)]
struct Count(usize);

/// What an item becomes.
#[derive(Debug)]
pub struct Reading {
    /// The entry, or why there is none.
    pub entry: Result<ArrivedEntry, Fate>,
    /// The address that it has where it comes from; empty for what has none.
    pub address: String,
    /// How many pictures and other files it has, which stay behind.
    pub attachments: usize,
}

impl Activity {
    /// What it becomes on the instance with this host.
    ///
    /// # Errors
    /// Why nobody in good faith wrote that.
    pub fn read(self, local_host: &str, now: Timestamp) -> Result<Reading, String> {
        match (self.kind.as_str(), self.object) {
            ("Create", Some(Object::Note(note))) => {
                let activity_date = self.published;
                note.read(activity_date.as_deref(), local_host, now)
            }
            ("Announce", Some(object)) => {
                let of = match object {
                    Object::Uri(uri) => uri,
                    Object::Note(note) => note.id,
                };
                let uri = self.id.ok_or("it has no id")?;
                checked_uri(&uri)?;
                checked_uri(&of)?;
                let published = date(self.published.as_deref(), now)?;
                Ok(Reading {
                    address: uri.clone(),
                    entry: Ok(ArrivedEntry {
                        uri,
                        published: published.millis(),
                        visibility: match visibility(&self.to, &self.cc) {
                            // Mastodon boosts for followers at the least.
                            Visibility::Direct => Visibility::Followers,
                            visibility => visibility,
                        },
                        what: Arrived::Boost(of),
                    }),
                    attachments: 0,
                })
            }
            ("Create" | "Announce", _) => Err("it has no object".to_owned()),
            _ => Ok(Reading {
                entry: Err(Fate::Unknown),
                address: self.id.unwrap_or_default(),
                attachments: 0,
            }),
        }
    }
}

impl Note {
    fn read(
        self,
        activity_date: Option<&str>,
        local_host: &str,
        now: Timestamp,
    ) -> Result<Reading, String> {
        checked_uri(&self.id)?;
        let published = date(self.published.as_deref().or(activity_date), now)?;
        let attachments = self.attachment.0;
        if !matches!(
            self.kind.as_str(),
            "Note" | "Question" | "Article" | "Page" | "Image" | "Video" | "Audio" | "Event"
        ) {
            return Ok(Reading {
                entry: Err(Fate::Unknown),
                address: self.id,
                attachments: 0,
            });
        }
        let edited = match self.updated.as_deref() {
            None => None,
            Some(updated) => Some(date(Some(updated), now)?),
        };
        let mut language = None;
        let mut content = self.content;
        if let Some(map) = self.content_map
            && let Some((code, text)) = map.into_iter().next()
        {
            language = language_code(&code);
            content = content.or(text);
        }
        let spoken = self.source.filter(|source| {
            source.media_type.as_deref() == Some("text/plain") && source.content.is_some()
        });
        let mut text = match spoken.and_then(|source| source.content) {
            Some(source) => {
                let origin = host_of(&self.id).unwrap_or(local_host);
                qualify_mentions(&source, origin, local_host)
            }
            None => from_html(&content.unwrap_or_default(), local_host),
        };
        for choice in self.one_of.iter().chain(&self.any_of) {
            if let Some(name) = &choice.name {
                text.push_str("\n- ");
                text.push_str(name);
            }
        }
        let spoiler = self.summary.unwrap_or_default();
        if text.len() + spoiler.len() > ARRIVED_BYTES_MAX {
            return Ok(Reading {
                entry: Err(Fate::TooLong),
                address: self.id,
                attachments,
            });
        }
        if text.trim().is_empty() && spoiler.trim().is_empty() {
            return Ok(Reading {
                entry: Err(Fate::Empty),
                address: self.id,
                attachments,
            });
        }
        let reply_to = self.in_reply_to.0;
        if let Some(parent) = &reply_to {
            checked_uri(parent)?;
        }
        Ok(Reading {
            address: self.id.clone(),
            entry: Ok(ArrivedEntry {
                uri: self.id,
                published: published.millis(),
                visibility: visibility(&self.to, &self.cc),
                what: Arrived::Post(Box::new(ArrivedPost {
                    text,
                    spoiler,
                    sensitive: self.sensitive.unwrap_or(false),
                    language,
                    reply_to,
                    edited: edited.map(Timestamp::millis),
                })),
            }),
            attachments,
        })
    }
}

/// For whom something is meant, by whom it is addressed to.
fn visibility(to: &Many, cc: &Many) -> Visibility {
    let is_public = |many: &Many| many.0.iter().any(|uri| PUBLIC.contains(&uri.as_str()));
    let mut all = to.0.iter().chain(&cc.0);
    if is_public(to) {
        Visibility::Public
    } else if is_public(cc) {
        Visibility::Unlisted
    } else if all.any(|uri| uri.ends_with("/followers")) {
        Visibility::Followers
    } else {
        Visibility::Direct
    }
}

fn checked_uri(uri: &str) -> Result<(), String> {
    if uri.is_empty() || uri.len() > URI_BYTES_MAX {
        return Err("its id is no address".to_owned());
    }
    Ok(())
}

fn date(written: Option<&str>, now: Timestamp) -> Result<Timestamp, String> {
    let written = written.ok_or("it has no date")?;
    let date = Timestamp::parse(written).ok_or_else(|| format!("{written:?} is no date"))?;
    if date < DATE_MIN || date > now.plus_millis(AHEAD_MILLIS_MAX) {
        return Err(format!(
            "the date {written:?} is not between {DATE_MIN} and now"
        ));
    }
    Ok(date)
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;
        impl<'de> Visitor<'de> for Seen {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address or a post")
            }

            fn visit_str<E: de::Error>(self, uri: &str) -> Result<Object, E> {
                Ok(Object::Uri(uri.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object, A::Error> {
                let note = Note::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(Object::Note(Box::new(note)))
            }
        }
        deserializer.deserialize_any(Seen)
    }
}

impl<'de> Deserialize<'de> for Many {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;
        impl<'de> Visitor<'de> for Seen {
            type Value = Many;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("addresses")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Many, E> {
                Ok(Many::default())
            }

            fn visit_str<E: de::Error>(self, uri: &str) -> Result<Many, E> {
                Ok(Many(vec![uri.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Many, A::Error> {
                let mut uris = Vec::new();
                while let Some(uri) = seq.next_element()? {
                    uris.push(uri);
                }
                Ok(Many(uris))
            }
        }
        deserializer.deserialize_any(Seen)
    }
}

impl<'de> Deserialize<'de> for Uri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;
        impl<'de> Visitor<'de> for Seen {
            type Value = Uri;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Uri, E> {
                Ok(Uri::default())
            }

            fn visit_str<E: de::Error>(self, uri: &str) -> Result<Uri, E> {
                Ok(Uri(Some(uri.to_owned())))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Uri, A::Error> {
                let mut id = None;
                while let Some(key) = map.next_key::<String>()? {
                    if key == "id" {
                        id = Some(map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Uri(id))
            }
        }
        deserializer.deserialize_any(Seen)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;
        impl<'de> Visitor<'de> for Seen {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Count, E> {
                Ok(Count(0))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Count, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Count(1))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Count, A::Error> {
                let mut count = 0;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Count(count))
            }
        }
        deserializer.deserialize_any(Seen)
    }
}
