//! `Tag`, on a status and by itself.
//!
//! Source: <https://docs.joinmastodon.org/entities/Tag/>.

use serde::Serialize;

use super::Renderer;

/// A hashtag on a status.
#[derive(Debug, Clone, Serialize)]
pub struct StatusTag {
    /// Its name in normal form, without `#`.
    pub name: String,
    /// Its page.
    pub url: String,
}

/// A hashtag.
#[derive(Debug, Clone, Serialize)]
pub struct Tag {
    /// Its name in normal form, without `#`.
    pub name: String,
    /// Its page.
    pub url: String,
    /// Use by day; not counted.
    pub history: [(); 0],
    /// Whether the viewer follows it; only there for somebody with an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub following: Option<bool>,
}

impl Renderer {
    /// A hashtag, given in normal form. Nobody can follow one yet.
    pub fn tag(&self, name: String, has_viewer: bool) -> Tag {
        Tag {
            url: self.tag_url(&name),
            name,
            history: [],
            following: has_viewer.then_some(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::renderer;
    use serde_json::json;

    #[test]
    fn tags_lead_to_their_page() {
        let tag = |has_viewer| {
            serde_json::to_value(renderer().tag("東京".to_owned(), has_viewer)).expect("JSON")
        };
        let url = "https://kinglet.example/tags/%E6%9D%B1%E4%BA%AC";
        assert_eq!(
            tag(true),
            json!({"name": "東京", "url": url, "history": [], "following": false})
        );
        assert_eq!(tag(false).get("following"), None);
    }
}
