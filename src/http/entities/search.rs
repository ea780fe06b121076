//! `Search`.
//!
//! Source: <https://docs.joinmastodon.org/entities/Search/>.

use serde::Serialize;

use super::account::Account;
use super::status::Status;
use super::tag::Tag;

/// What a search found; every list is there.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Search {
    /// Accounts.
    pub accounts: Vec<Account>,
    /// Posts, newest first.
    pub statuses: Vec<Status>,
    /// Tags.
    pub hashtags: Vec<Tag>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entities::samples::renderer;
    use serde_json::json;

    #[test]
    fn a_search_without_results_has_empty_lists() {
        assert_eq!(
            serde_json::to_value(Search::default()).expect("JSON"),
            json!({"accounts": [], "statuses": [], "hashtags": []})
        );
        let found = Search {
            hashtags: vec![renderer().tag("rust".to_owned(), true)],
            ..Search::default()
        };
        let json = serde_json::to_value(found).expect("JSON");
        assert_eq!(json["hashtags"][0]["name"], "rust");
    }
}
