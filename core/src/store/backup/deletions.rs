//! What was deleted since a backup: it stays deleted when the backup is restored.
//!
//! The old database itself tells it, if it can still be read: whatever post the backup has and the newer database hasn't was
//! deleted meanwhile, and so was whoever is deleted there and not here, or waits here to be let in and isn't there. No journal has to be kept for that, which
//! would hold what should be forgotten.

use std::path::{Path, PathBuf};

use crate::ids::{AccountId, PostId};
use crate::store::error::StoreError;
use crate::store::open;
use crate::store::tables::{deletions, meta};

/// How many deletions are looked for at a time.
const DELETIONS_PER_LOOK: i64 = 10_000;

/// Something that was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deletion {
    /// A post, or a boost.
    Post(PostId),
    /// An account.
    Account(AccountId),
    /// An account that never was in use: nothing of it remains, its name is free again.
    SignUp(AccountId),
    /// An account that was made after the backup: nothing of it is there, and its name has to stay taken.
    Name {
        /// Its id.
        account: AccountId,
        /// What tells its name.
        mark: String,
    },
}

/// Why it can't be told what was deleted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeletionsError {
    /// There is no database.
    #[error(
        "{0}: there is no instance in this directory, so nobody knows what was deleted since the backup"
    )]
    Missing(PathBuf),
    /// It is another instance.
    #[error("{0} holds another instance than the backup")]
    Foreign(PathBuf),
    /// It is older than the backup.
    #[error("{0} is older than the backup: it can't know what was deleted since")]
    Older(PathBuf),
    /// It can't be read.
    #[error(
        "{path} can't be read, so it can't be told what was deleted since the backup; without --deletions-from all of it comes back"
    )]
    Unreadable {
        /// Which database.
        path: PathBuf,
        /// Why.
        #[source]
        source: StoreError,
    },
}

/// Hands out everything that a restored database has and that is deleted in a newer one: accounts first, for their posts go
/// with them.
pub(super) fn each(
    restored: &Path,
    newer: &Path,
    take: &mut dyn FnMut(Deletion) -> Result<(), super::BackupError>,
) -> Result<(), super::BackupError> {
    if !newer.exists() {
        return Err(DeletionsError::Missing(newer.to_owned()).into());
    }
    let unreadable = |source| DeletionsError::Unreadable {
        path: newer.to_owned(),
        source,
    };
    let connection = open::open_still(restored)?;
    open::attach(&connection, newer, "newer").map_err(unreadable)?;
    let theirs = deletions::newer_identity(&connection).map_err(unreadable)?;
    if theirs != meta::identity(&connection)? {
        return Err(DeletionsError::Foreign(newer.to_owned()).into());
    }
    if deletions::newer_commit(&connection).map_err(unreadable)? < meta::commit(&connection)? {
        return Err(DeletionsError::Older(newer.to_owned()).into());
    }
    for account in deletions::accounts(&connection).map_err(unreadable)? {
        take(Deletion::Account(account))?;
    }
    for account in deletions::sign_ups(&connection).map_err(unreadable)? {
        take(Deletion::SignUp(account))?;
    }
    for (account, mark) in deletions::marks(&connection).map_err(unreadable)? {
        take(Deletion::Name { account, mark })?;
    }
    let mut after = PostId(0);
    loop {
        let found = deletions::posts(&connection, after, DELETIONS_PER_LOOK).map_err(unreadable)?;
        let Some(last) = found.last() else {
            return Ok(());
        };
        after = *last;
        for post in found {
            take(Deletion::Post(post))?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Plan, Reapplied, RestorePlan, back_up, restore};
    use super::*;
    use crate::clock::{ManualClock, Timestamp};
    use crate::domain::access::{Authority, CONFIRMATION_MILLIS_MAX, Registration};
    use crate::randomness::Randomness;
    use crate::store::open::{DataDir, database_in};
    use crate::store::queries::access::FindMember;
    use crate::store::reader::Reader;
    use crate::store::testing::TestStore;
    use crate::store::units::{
        Admission, ApproveAccount, DeleteAccount, NewMember, RegisterAccount, RejectAccount,
        SweepSignUps,
    };

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn sign_up(store: &TestStore, name: &str) -> AccountId {
        let register = RegisterAccount {
            member: NewMember {
                name: name.to_owned(),
                email: format!("{name}@birds.example"),
                password_hash: format!("hash of {name}"),
            },
            admission: Admission::SignUp {
                registration: Registration::Approval,
                invitation: None,
                reason: Some(format!("the reason of {name}")),
            },
        };
        store.apply(register).expect("it waits").account
    }

    #[test]
    fn whoever_was_turned_away_since_a_backup_does_not_come_back_with_it() {
        let by = Authority::Operator;
        let with_mail = TestStore::open_with_mail();
        sign_up(&with_mail, "tern");
        // Whose address nobody asks for: one waits, one is let in, one is turned away, one is deleted.
        let store = TestStore::open_again(with_mail.close());
        let [_, robin, eider, finch] =
            ["wren", "robin", "eider", "finch"].map(|name| sign_up(&store, name));
        let parent = tempfile::tempdir().expect("a directory");
        let set = parent.path().join("set");
        back_up(&Plan::new(store.database(), set.clone(), NOW)).expect("a backup");
        let approve = ApproveAccount { by, account: robin };
        store.apply(approve).expect("it is let in");
        let late = sign_up(&store, "late");
        for account in [eider, late] {
            let reject = RejectAccount { by, account };
            store.apply(reject).expect("it is turned away");
        }
        let delete = DeleteAccount { by, account: finch };
        store.apply(delete).expect("it is deleted");
        store.clock.advance_millis(CONFIRMATION_MILLIS_MAX + 1);
        store.apply(SweepSignUps).expect("it is swept");
        let accounts = |database: &Path| {
            let mut reader = Reader::open(database).expect("it opens");
            ["tern", "wren", "robin", "eider", "finch", "late"]
                .into_iter()
                .filter(|name| {
                    let name = (*name).to_owned();
                    reader
                        .run(&FindMember { name })
                        .expect("an answer")
                        .0
                        .is_some()
                })
                .collect::<Vec<_>>()
        };
        let old = store.close();
        assert_eq!(accounts(&database_in(old.path())), ["wren", "robin"]);

        let plan = RestorePlan {
            set,
            data_dir: parent.path().join("data"),
            url: None,
            deletions_from: Some(old.path().to_owned()),
        };
        let clock = ManualClock::at(NOW);
        let restored = restore(&plan, &(clock as _), &mut Randomness::seeded(2).rng());
        let again = Reapplied {
            posts: 0,
            accounts: 1,
            sign_ups: 2,
        };
        assert_eq!(restored.expect("it is restored").reapplied, Some(again));
        let database = database_in(&plan.data_dir);
        assert_eq!(accounts(&database), ["wren", "robin"]);
        drop(DataDir::own(&plan.data_dir).expect("nobody uses it"));
        let bytes = std::fs::read(database).expect("it is there");
        let has = |text: &str| {
            bytes
                .windows(text.len())
                .any(|found| found == text.as_bytes())
        };
        assert!(has("the reason of wren"));
        for name in ["tern", "eider"] {
            for text in [
                format!("{name}@birds"),
                format!("reason of {name}"),
                format!("hash of {name}"),
            ] {
                assert!(!has(&text), "{text}");
            }
        }
    }
}
