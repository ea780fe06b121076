//! What every archive has to keep, whoever made it. All of it is asked before anything is written.

use super::error::ArchiveError;

/// The most files of an archive, pictures included.
pub const ENTRIES_MAX: u64 = 200_000;
/// The most bytes of a file that is read, unpacked: a million posts of some size.
pub const ENTRY_BYTES_MAX: u64 = 4 << 30;
/// The most bytes of all files together, unpacked.
pub const TOTAL_BYTES_MAX: u64 = 256 << 30;
/// How many times as large as it is packed a file may be. Posts shrink to a twentieth, seldom to a fiftieth.
pub const RATIO_MAX: u64 = 200;
/// Up to so many bytes unpacked nobody asks how small they were.
pub const RATIO_FREE_BYTES: u64 = 1 << 20;
/// The longest name of a file, in bytes.
pub const NAME_BYTES_MAX: usize = 1024;
/// The most entries of an outbox, and lines of a list.
pub const ITEMS_MAX: usize = 2_000_000;
/// The most bytes of one entry of an outbox.
pub const ITEM_BYTES_MAX: u64 = 1 << 20;
/// The longest line of a list, in bytes.
pub const LINE_BYTES_MAX: u64 = 4096;

/// The files that are read, by the names that Mastodon gives them.
pub const WANTED: [&str; 8] = [
    ACTOR, OUTBOX, LIKES, BOOKMARKS, FOLLOWING, BLOCKED, MUTED, BOOKMARKED,
];
/// Whose archive it is.
pub const ACTOR: &str = "actor.json";
/// Posts and boosts.
pub const OUTBOX: &str = "outbox.json";
/// What was favoured.
pub const LIKES: &str = "likes.json";
/// What was kept.
pub const BOOKMARKS: &str = "bookmarks.json";
/// Whom the account follows.
pub const FOLLOWING: &str = "following_accounts.csv";
/// Whom it blocks.
pub const BLOCKED: &str = "blocked_accounts.csv";
/// Whom it mutes.
pub const MUTED: &str = "muted_accounts.csv";
/// What was kept, as a list.
pub const BOOKMARKED: &str = "bookmarks.csv";

/// Refuses names that lead out of a directory.
///
/// # Errors
/// Which name.
pub fn check_name(name: &str) -> Result<(), ArchiveError> {
    let is_absolute = name.starts_with('/') || name.get(1..2) == Some(":");
    let leads_out = name.split('/').any(|part| part == "..");
    let is_odd = name.is_empty() || name.contains(['\\', '\0']);
    if is_absolute || leads_out || is_odd {
        return Err(ArchiveError::refused(format!(
            "the name {name:?} leads out of it"
        )));
    }
    Ok(())
}

/// Refuses what unpacks to more than any post does.
///
/// # Errors
/// That it does.
pub fn check_ratio(packed: u64, bytes: u64) -> Result<(), ArchiveError> {
    if bytes > RATIO_FREE_BYTES && bytes / RATIO_MAX > packed {
        return Err(ArchiveError::refused(format!(
            "it unpacks to more than {RATIO_MAX} times its size"
        )));
    }
    Ok(())
}

/// Which of the files that are read a name means: they lie at the top, or in the one folder that packing the archive anew
/// puts around them.
pub fn wanted_name(name: &str) -> Option<&'static str> {
    let name = name.strip_prefix("./").unwrap_or(name);
    let last = match name.split_once('/') {
        None => name,
        Some((_, last)) => last,
    };
    WANTED.into_iter().find(|wanted| *wanted == last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out() {
        for bad in [
            "/etc/passwd",
            "../x",
            "a/../../x",
            "C:/x",
            "a\\..\\x",
            "",
            "a\0b",
            "..",
        ] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        for good in ["outbox.json", "a/b..c", "media/1/2/x.png", "..a"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn the_files_lie_at_the_top_or_in_one_folder() {
        assert_eq!(wanted_name("outbox.json"), Some(OUTBOX));
        assert_eq!(wanted_name("./outbox.json"), Some(OUTBOX));
        assert_eq!(wanted_name("archive-17/outbox.json"), Some(OUTBOX));
        assert_eq!(wanted_name("a/b/outbox.json"), None);
        assert_eq!(wanted_name("myoutbox.json"), None);
    }

    #[test]
    fn a_bomb_is_told_by_its_ratio() {
        assert!(check_ratio(1000, RATIO_FREE_BYTES).is_ok());
        assert!(check_ratio(10_000, 2_000_000).is_ok());
        assert!(check_ratio(1000, 10_000_000).is_err());
    }
}
