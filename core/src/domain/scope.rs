//! OAuth scopes: Mastodon's hierarchy, compared scope by scope and never as text.
//!
//! Source: <https://docs.joinmastodon.org/api/oauth-scopes/>.

use std::fmt;

/// Every scope that a client may ask for. A scope with a colon is covered by the part before it.
pub const KNOWN_SCOPES: &[&str] = &[
    "read",
    "read:accounts",
    "read:blocks",
    "read:bookmarks",
    "read:favourites",
    "read:filters",
    "read:follows",
    "read:lists",
    "read:mutes",
    "read:notifications",
    "read:search",
    "read:statuses",
    "write",
    "write:accounts",
    "write:blocks",
    "write:bookmarks",
    "write:conversations",
    "write:favourites",
    "write:filters",
    "write:follows",
    "write:lists",
    "write:media",
    "write:mutes",
    "write:notifications",
    "write:reports",
    "write:statuses",
    "follow",
    "push",
    "profile",
    "admin:read",
    "admin:read:accounts",
    "admin:read:reports",
    "admin:read:domain_allows",
    "admin:read:domain_blocks",
    "admin:read:ip_blocks",
    "admin:read:email_domain_blocks",
    "admin:read:canonical_email_blocks",
    "admin:write",
    "admin:write:accounts",
    "admin:write:reports",
    "admin:write:domain_allows",
    "admin:write:domain_blocks",
    "admin:write:ip_blocks",
    "admin:write:email_domain_blocks",
    "admin:write:canonical_email_blocks",
];

/// What a scope lets a client do, in the words of a consent page. `None` for what isn't a known scope.
pub fn in_words(scope: &str) -> Option<&'static str> {
    Some(match scope {
        "read" => "See everything that you can see, direct posts included",
        "read:accounts" => "See accounts and your settings",
        "read:blocks" => "See whom you block",
        "read:bookmarks" => "See your bookmarks",
        "read:favourites" => "See your favourites",
        "read:filters" => "See your filters",
        "read:follows" => "See whom you follow and who follows you",
        "read:lists" => "See your lists",
        "read:mutes" => "See whom you mute",
        "read:notifications" => "See your notifications",
        "read:search" => "Search in your name",
        "read:statuses" => "See posts that you can see, direct ones included",
        "write" => {
            "Do everything that you can do: post, delete, follow, block, change your profile"
        }
        "write:accounts" => "Change your profile",
        "write:blocks" => "Block and unblock accounts",
        "write:bookmarks" => "Change your bookmarks",
        "write:conversations" => "Mute and remove conversations",
        "write:favourites" => "Favour posts in your name",
        "write:filters" => "Change your filters",
        "write:follows" => "Follow and unfollow accounts",
        "write:lists" => "Change your lists",
        "write:media" => "Upload media files",
        "write:mutes" => "Mute and unmute accounts",
        "write:notifications" => "Clear your notifications",
        "write:reports" => "Report accounts in your name",
        "write:statuses" => "Publish, edit and delete posts in your name",
        "follow" => "See and change whom you follow, block and mute",
        "push" => "Receive your notifications",
        "profile" => "See your name and picture",
        "admin:read" => "See everything that moderators see",
        "admin:read:accounts" => "See members' accounts as moderators do",
        "admin:read:reports" => "See reports",
        "admin:read:domain_allows" => "See allowed domains",
        "admin:read:domain_blocks" => "See blocked domains",
        "admin:read:ip_blocks" => "See blocked addresses",
        "admin:read:email_domain_blocks" => "See blocked mail domains",
        "admin:read:canonical_email_blocks" => "See blocked mail addresses",
        "admin:write" => "Do everything that moderators do",
        "admin:write:accounts" => "Suspend and restore accounts",
        "admin:write:reports" => "Decide on reports",
        "admin:write:domain_allows" => "Change allowed domains",
        "admin:write:domain_blocks" => "Change blocked domains",
        "admin:write:ip_blocks" => "Change blocked addresses",
        "admin:write:email_domain_blocks" => "Change blocked mail domains",
        "admin:write:canonical_email_blocks" => "Change blocked mail addresses",
        _ => return None,
    })
}

/// Whether a scope lets a client change something.
pub fn is_writing(scope: &str) -> bool {
    scope == "follow" || scope.split(':').any(|part| part == "write")
}

/// What the deprecated group `follow` stands for.
const FOLLOW_GROUP: &[&str] = &[
    "read:blocks",
    "read:follows",
    "read:mutes",
    "write:blocks",
    "write:follows",
    "write:mutes",
];

/// A set of scopes in the order in which they were asked for.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Scopes(Vec<&'static str>);

/// A scope that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The scope \"{0}\" does not exist")]
pub struct UnknownScope(pub String);

impl Scopes {
    /// What an application gets that asks for nothing.
    pub fn default_for_apps() -> Self {
        Self(vec!["read"])
    }

    /// Reads a list separated by white space (or `+`, which some clients leave undecoded).
    ///
    /// # Errors
    /// The first scope that does not exist.
    pub fn parse(text: &str) -> Result<Self, UnknownScope> {
        let mut scopes = Vec::new();
        for word in text
            .split(|c: char| c.is_whitespace() || c == '+')
            .filter(|word| !word.is_empty())
        {
            let known = KNOWN_SCOPES.iter().find(|known| **known == word);
            let known = *known.ok_or_else(|| UnknownScope(word.chars().take(64).collect()))?;
            if !scopes.contains(&known) {
                scopes.push(known);
            }
        }
        Ok(Self(scopes))
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scopes, as they were asked for.
    pub fn iter(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.iter().copied()
    }

    /// Whether `wanted` is held, itself or through a wider scope.
    pub fn allows(&self, wanted: &str) -> bool {
        self.0.iter().any(|held| covers(held, wanted))
    }

    /// Whether every scope of `other` is held.
    pub fn covers_all(&self, other: &Scopes) -> bool {
        other.0.iter().all(|wanted| self.allows(wanted))
    }
}

fn covers(held: &str, wanted: &str) -> bool {
    held == wanted
        || (held == "follow" && FOLLOW_GROUP.contains(&wanted))
        || wanted
            .strip_prefix(held)
            .is_some_and(|rest| rest.starts_with(':'))
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(text: &str) -> Scopes {
        Scopes::parse(text).expect("known scopes")
    }

    #[test]
    fn a_wider_scope_covers_the_narrower_and_not_its_namesakes() {
        assert!(scopes("read").allows("read:statuses"));
        assert!(!scopes("read:statuses").allows("read"));
        assert!(!scopes("read").allows("write"));
        assert!(scopes("admin:read").allows("admin:read:accounts"));
        assert!(!scopes("read").allows("admin:read"));
        assert!(!scopes("read").allows("readx"));
    }

    #[test]
    fn follow_is_a_group() {
        assert!(scopes("follow").allows("write:follows"));
        assert!(scopes("follow").allows("read:mutes"));
        assert!(!scopes("follow").allows("write:statuses"));
    }

    #[test]
    fn every_scope_has_words() {
        for scope in KNOWN_SCOPES {
            assert!(in_words(scope).is_some(), "{scope}");
        }
        assert_eq!(in_words("write:everything"), None);
        assert!(is_writing("admin:write:accounts") && is_writing("write"));
        assert!(!is_writing("read:statuses") && !is_writing("push"));
    }

    #[test]
    fn asking_for_more_than_is_held_shows() {
        assert!(scopes("read write").covers_all(&scopes("read:accounts write:statuses")));
        assert!(!scopes("read").covers_all(&scopes("read write")));
        assert_eq!(Scopes::parse("read evil"), Err(UnknownScope("evil".into())));
    }
}
