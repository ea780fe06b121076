//! Whether another program is at the write-ahead log: one that replicates it holds a lock on it, however slow it is, and a program
//! that is dead holds none.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process;

/// What the system knows of locks (proc_locks(5)). Where there is no such file, nobody is known to hold anything. To ask by `fcntl`
/// instead one has to open the file, and closing it again would end the locks of this process on it.
const LOCKS: &str = "/proc/locks";
/// The bytes of the log's index that writers, checkpoints and readers lock (`UNIX_SHM_BASE` and the eight after it, in SQLite's
/// `os_unix.c`).
const LOCKED_BYTES: std::ops::RangeInclusive<u64> = 120..=127;

/// Whether another process is reading, writing or checkpointing just now, by the index of its log.
pub(super) fn is_held(index: &Path) -> bool {
    let Ok(found) = fs::metadata(index) else {
        return false;
    };
    fs::read_to_string(LOCKS).is_ok_and(|locks| names(&locks, found.ino(), process::id()))
}

/// Whether one of the locks is on that file and of another process.
fn names(locks: &str, inode: u64, own: u32) -> bool {
    locks.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        // Whoever waits for a lock has an arrow in front.
        let &[_, "POSIX", _, _, holder, file, first, _] = &words[..] else {
            return false;
        };
        // Devices are told by other numbers on some file systems than `stat` gives.
        let number = file.rsplit(':').next().and_then(|text| text.parse().ok());
        let is_other = holder.parse() != Ok(own);
        let first: Option<u64> = first.parse().ok();
        number == Some(inode)
            && is_other
            && first.is_some_and(|first| LOCKED_BYTES.contains(&first))
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    use rusqlite::Connection;

    use super::*;

    #[test]
    fn only_locks_of_others_on_the_logs_bytes_count() {
        let locks = "1: POSIX  ADVISORY  READ 77 fd:01:4711 124 124\n\
            2: POSIX  ADVISORY  READ 77 fd:01:4712 128 128\n\
            2: -> POSIX  ADVISORY  WRITE 77 fd:01:4712 120 120\n\
            3: FLOCK  ADVISORY  WRITE 77 fd:01:4712 0 EOF\n\
            4: POSIX  ADVISORY  WRITE 78 00:2a:4713 120 120\n";
        assert!(names(locks, 4711, 1));
        assert!(!names(locks, 4711, 77), "one's own");
        assert!(!names(locks, 4712, 1), "a program that has it open");
        assert!(names(locks, 4713, 1));
        assert!(!names(locks, 471, 1));
        assert!(!names("", 4711, 1));
    }

    #[test]
    fn a_reader_of_another_process_is_seen_and_one_of_this_is_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.db");
        let index = directory.path().join("a.db-shm");
        let open = || Connection::open(&path).expect("it opens");
        let writer = open();
        writer
            .execute_batch(
                "PRAGMA journal_mode = wal; CREATE TABLE t (x); INSERT INTO t VALUES (1)",
            )
            .expect("it is written");
        let reader = open();
        reader
            .execute_batch("BEGIN; SELECT * FROM t")
            .expect("it reads");
        assert!(!is_held(&index), "this process doesn't count");
        let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); \
            c.execute('BEGIN'); c.execute('SELECT * FROM t').fetchall(); print('reads', flush=True); \
            sys.stdin.read(1); c.execute('COMMIT'); print('done', flush=True); sys.stdin.read()";
        let mut other = Command::new("python3")
            .args(["-c", script])
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python runs");
        let mut said = [0; 6];
        let stdout = other.stdout.as_mut().expect("a pipe");
        stdout.read_exact(&mut said).expect("it reads");
        if cfg!(target_os = "linux") {
            assert!(is_held(&index));
        }
        let stdin = other.stdin.as_mut().expect("a pipe");
        stdin.write_all(b"x").expect("it listens");
        let mut said = [0; 5];
        let stdout = other.stdout.as_mut().expect("a pipe");
        stdout.read_exact(&mut said).expect("it is done");
        assert!(!is_held(&index), "it is open there, and nothing more");
        drop(other.stdin.take());
        other.wait().expect("it ends");
    }
}
