//! What people write: finding the mentions, hashtags and links in plain text, measuring it,
//! turning it into safe HTML, and turning it into words that can be searched.
//!
//! [`tokens::tokenize`] is the only place that decides what is a mention, a hashtag or a link, so
//! counting, rendering and storing can never disagree.

pub mod characters;
pub mod count;
pub mod from_html;
pub mod hashtags;
pub mod links;
pub mod mentions;
pub mod numbers;
pub mod query;
pub mod render;
pub mod search_terms;
pub mod tokens;
