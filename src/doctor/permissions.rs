//! Who may read and write what is stored.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::Access;

use super::{Finding, Subject};
use crate::store::open::{database_in, wal_of};

const SUBJECT: Subject = Subject::Permissions;
/// The mode bits of everybody but the owner.
const NOT_OWNER: u32 = 0o077;

/// `socket`: whether a server answers on the control socket, or why there is no understanding.
pub(super) fn look(data_dir: &Path, socket: Result<bool, String>) -> Vec<Finding> {
    let mut found = Vec::new();
    let own_uid = fs::metadata("/proc/self").ok().map(|process| process.uid());
    let path = data_dir.display();
    match fs::metadata(data_dir) {
        Err(error) => found.push(SUBJECT.unknown(
            format!("{path}: {error}"),
            Some(format!(
                "start kinglet serve, which makes it, or let its user look into it: {path}"
            )),
        )),
        Ok(directory) if !directory.is_dir() => found.push(SUBJECT.fault(
            format!("{path} is no directory"),
            "set storage.data_dir to a directory of its own",
        )),
        Ok(directory) => {
            let found_before = found.len();
            found.extend(of_directory(data_dir, directory.mode()));
            found.extend(of_files(data_dir, directory.uid()));
            found.extend(of_user(data_dir, directory.uid(), own_uid));
            if found.len() == found_before {
                found.push(SUBJECT.good(format!("{path} is its owner's alone")));
            }
        }
    }
    found.push(of_socket(data_dir, socket));
    found
}

fn of_directory(data_dir: &Path, mode: u32) -> Option<Finding> {
    let path = data_dir.display();
    (mode & NOT_OWNER != 0).then(|| {
        SUBJECT.fault(
            format!(
                "{path} has the mode {:o}: others on this machine can reach hashes of passwords, sessions and private posts",
                mode & 0o777
            ),
            format!("chmod 700 {path}"),
        )
    })
}

/// Files of somebody else, which a command left that was run as another user.
fn of_files(data_dir: &Path, owner: u32) -> Option<Finding> {
    let database = database_in(data_dir);
    let files = [
        wal_of(&database),
        database.with_extension("db-shm"),
        database,
    ];
    let foreign = files
        .iter()
        .find(|file| fs::metadata(file).is_ok_and(|found| found.uid() != owner))?;
    Some(SUBJECT.fault(
        format!(
            "{} doesn't belong to the owner of the directory",
            foreign.display()
        ),
        format!("chown -R {owner} {}", data_dir.display()),
    ))
}

fn of_user(data_dir: &Path, owner: u32, own_uid: Option<u32>) -> Option<Finding> {
    let path = data_dir.display();
    let own_uid = own_uid?;
    if own_uid == 0 && owner == 0 {
        return Some(SUBJECT.warning(
            "kinglet runs as root, which it needs for nothing: the ports 80 and 443 come by socket activation",
            format!("run the service of packaging/systemd, or useradd --system kinglet && chown -R kinglet {path}"),
        ));
    }
    if own_uid == 0 {
        // Root may write everywhere; that its files would be root's is what the other check finds.
        return None;
    }
    let may_write = rustix::fs::access(
        data_dir,
        Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK,
    );
    let database = database_in(data_dir);
    let may_write_database = !database.exists()
        || rustix::fs::access(&database, Access::READ_OK | Access::WRITE_OK).is_ok();
    if may_write.is_ok() && may_write_database {
        return None;
    }
    Some(if owner == own_uid {
        SUBJECT.fault(
            format!("{path} or its database can't be written to"),
            format!("chmod -R u+rwX {path}, and mount its file system writable"),
        )
    } else {
        SUBJECT.unknown(
            format!("{path} belongs to the user {owner}, kinglet doctor was asked by {own_uid}"),
            Some(format!("sudo -u '#{owner}' kinglet doctor; or chown -R {own_uid} {path} if this user serves")),
        )
    })
}

fn of_socket(data_dir: &Path, socket: Result<bool, String>) -> Finding {
    match socket {
        Ok(true) => SUBJECT.good("the running server answers on its control socket"),
        Ok(false) => SUBJECT.good("no server runs on this directory"),
        Err(reason) => SUBJECT.fault(
            format!(
                "the control socket of {} can't be used: {reason}",
                data_dir.display()
            ),
            "ask as the user of the server, with the same kinglet; if the server hangs, restart it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::State;
    use super::*;

    #[test]
    fn a_directory_that_others_reach_is_a_fault() {
        let directory = tempfile::tempdir().expect("a directory");
        let state = |mode| {
            let mode = fs::Permissions::from_mode(mode);
            fs::set_permissions(directory.path(), mode).expect("it is ours");
            let found = look(directory.path(), Ok(false));
            found.iter().any(|finding| finding.state == State::Fault)
        };
        assert!(!state(0o700));
        assert!(state(0o750));
        assert!(state(0o705));
    }

    #[test]
    fn root_is_warned_and_a_stranger_is_sent_to_the_owner() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = of_user(directory.path(), 0, Some(0)).expect("a finding");
        assert_eq!(root.state, State::Warning);
        assert_eq!(of_user(directory.path(), 998, Some(0)), None);
        let missing = directory.path().join("missing");
        let stranger = of_user(&missing, 998, Some(1000)).expect("a finding");
        assert_eq!(stranger.state, State::Unknown);
        assert!(
            stranger
                .fix
                .is_some_and(|fix| fix.contains("sudo -u '#998'"))
        );
        let owner = of_user(&missing, 1000, Some(1000)).expect("a finding");
        assert_eq!(owner.state, State::Fault);
    }
}
