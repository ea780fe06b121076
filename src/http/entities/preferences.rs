//! `Preferences`.
//!
//! Source: <https://docs.joinmastodon.org/entities/Preferences/>.

use serde::Serialize;

use crate::domain::account;

/// What the caller's clients start with.
#[derive(Debug, Clone, Serialize)]
pub struct Preferences {
    /// The visibility of a new post.
    #[serde(rename = "posting:default:visibility")]
    pub visibility: &'static str,
    /// Whether a new post is marked sensitive.
    #[serde(rename = "posting:default:sensitive")]
    pub sensitive: bool,
    /// The language of a new post.
    #[serde(rename = "posting:default:language")]
    pub language: Option<String>,
    /// Whether media show: hidden when sensitive.
    #[serde(rename = "reading:expand:media")]
    pub expand_media: &'static str,
    /// Whether texts with a warning show.
    #[serde(rename = "reading:expand:spoilers")]
    pub expand_spoilers: bool,
    /// Whether moving pictures move.
    #[serde(rename = "reading:autoplay:gifs")]
    pub autoplay_gifs: bool,
}

impl From<&account::Preferences> for Preferences {
    fn from(preferences: &account::Preferences) -> Self {
        Self {
            visibility: preferences.visibility.api_name(),
            sensitive: preferences.sensitive,
            language: preferences.language.clone(),
            expand_media: "default",
            expand_spoilers: false,
            autoplay_gifs: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::visibility::Visibility;
    use serde_json::json;

    #[test]
    fn preferences_have_mastodons_names() {
        let preferences = account::Preferences {
            visibility: Visibility::Followers,
            ..account::Preferences::default()
        };
        assert_eq!(
            serde_json::to_value(Preferences::from(&preferences)).expect("JSON"),
            json!({
                "posting:default:visibility": "private",
                "posting:default:sensitive": false,
                "posting:default:language": null,
                "reading:expand:media": "default",
                "reading:expand:spoilers": false,
                "reading:autoplay:gifs": false
            })
        );
    }
}
