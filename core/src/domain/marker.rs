//! Markers: how far somebody has read, remembered for all of that person's clients.

use crate::clock::Timestamp;

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MarkedTimeline {
    /// The home timeline.
    Home,
    /// The notifications.
    Notifications,
}

impl MarkedTimeline {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Home, Self::Notifications];

    /// The name in Mastodon's API.
    pub const fn api_name(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Notifications => "notifications",
        }
    }

    /// The timeline that the API calls by this name.
    pub fn from_api_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|timeline| timeline.api_name() == name)
    }
}

/// How far one account has read one timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    /// Which timeline.
    pub timeline: MarkedTimeline,
    /// The newest entry that was read.
    pub last_read: i64,
    /// Grows by one with each change.
    pub version: i64,
    /// When it was set.
    pub updated_at: Timestamp,
}
