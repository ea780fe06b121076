//! What kind of file system a directory lies on, by `/proc/self/mountinfo` (proc(5)).

use std::path::{Path, PathBuf};

/// The kind of the file system that holds a path, which is absolute and without links.
pub(super) fn kind_of(mounts: &str, path: &Path) -> Option<String> {
    let mut best: Option<(PathBuf, &str)> = None;
    for line in mounts.lines() {
        let Some((front, back)) = line.split_once(" - ") else {
            continue;
        };
        let (Some(point), Some(kind)) = (front.split(' ').nth(4), back.split(' ').next()) else {
            continue;
        };
        let point = PathBuf::from(unescaped(point));
        // The last of those mounted at one point covers the others.
        let covers =
            |(known, _): &(PathBuf, &str)| point.components().count() >= known.components().count();
        if path.starts_with(&point) && best.as_ref().is_none_or(covers) {
            best = Some((point, kind));
        }
    }
    best.map(|(_, kind)| kind.to_owned())
}

/// Blanks stand as `\040`.
fn unescaped(text: &str) -> String {
    let escapes = [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ];
    let mut text = text.to_owned();
    for (escape, meant) in escapes {
        text = text.replace(escape, meant);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:30 / /tmp rw - tmpfs tmpfs rw
31 22 0:31 / /srv rw - nfs4 server:/srv rw
32 31 8:2 / /srv/fast rw - xfs /dev/sdb rw
33 22 8:3 / /mnt/my\\040disk rw - btrfs /dev/sdc rw
";

    #[test]
    fn the_nearest_mount_counts() {
        for (path, kind) in [
            ("/var/lib/kinglet", "ext4"),
            ("/tmpfile", "ext4"),
            ("/tmp/data", "tmpfs"),
            ("/srv/kinglet", "nfs4"),
            ("/srv/fast/kinglet", "xfs"),
            ("/mnt/my disk/data", "btrfs"),
        ] {
            assert_eq!(
                kind_of(MOUNTS, Path::new(path)).as_deref(),
                Some(kind),
                "{path}"
            );
        }
        assert_eq!(kind_of("nonsense", Path::new("/")), None);
    }
}
