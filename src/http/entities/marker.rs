//! `Marker`.
//!
//! Source: <https://docs.joinmastodon.org/entities/Marker/>.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::clock::Timestamp;
use crate::domain::marker;

/// How far the caller has read one timeline.
#[derive(Debug, Clone, Serialize)]
pub struct Marker {
    /// The newest entry that was read.
    pub last_read_id: String,
    /// Grows with each change.
    pub version: i64,
    /// When it was set.
    pub updated_at: Timestamp,
}

/// Markers by the name of their timeline.
pub fn by_timeline(markers: &[marker::Marker]) -> BTreeMap<&'static str, Marker> {
    markers
        .iter()
        .map(|marker| {
            let entity = Marker {
                last_read_id: marker.last_read.to_string(),
                version: marker.version,
                updated_at: marker.updated_at,
            };
            (marker.timeline.api_name(), entity)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::marker::MarkedTimeline;
    use serde_json::json;

    #[test]
    fn markers_are_named_and_those_never_set_are_absent() {
        let home = marker::Marker {
            timeline: MarkedTimeline::Home,
            last_read: 12,
            version: 3,
            updated_at: Timestamp::from_millis(1),
        };
        assert_eq!(
            serde_json::to_value(by_timeline(&[home])).expect("JSON"),
            json!({"home": {"last_read_id": "12", "version": 3, "updated_at": "1970-01-01T00:00:00.001Z"}})
        );
        assert_eq!(
            serde_json::to_value(by_timeline(&[])).expect("JSON"),
            json!({})
        );
    }
}
