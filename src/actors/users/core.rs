//! Who is known: credentials, their accounts and the relations of these, kept true by events.

use std::sync::Arc;

use hashlink::LruCache;

use crate::budget::{Budget, Part};
use crate::cache::{CacheFigures, EventedCache};
use crate::clock::Timestamp;
use crate::domain::access::{Access, Caller, Credential, Grant, Member};
use crate::domain::event::Event;
use crate::domain::relationship::Relations;
use crate::domain::visibility::Onlooker;
use crate::ids::AccountId;
use crate::secret::TokenHash;
use crate::store::queries::access::{LoadCaller, LoadedCaller};

/// How many credentials whose use was just reported are remembered.
const TOUCHED_MAX: usize = 1024;
/// So long after the use of a credential was reported it isn't reported again, in milliseconds: the report may have
/// failed.
const TOUCH_AGAIN_MILLIS: i64 = 60 * 1000;

/// A credential as of a commit.
#[derive(Debug, Clone)]
struct Known {
    access: Arc<Access>,
    seen_at: i64,
}

/// The caches, and the rule by which a caller is put together from them.
#[derive(Debug)]
pub(super) struct Callers {
    accesses: EventedCache<TokenHash, Known>,
    members: EventedCache<AccountId, Arc<Member>>,
    relations: EventedCache<AccountId, Arc<Relations>>,
    touched: LruCache<TokenHash, Timestamp>,
}

/// What memory says of a credential.
#[derive(Debug)]
pub(super) enum Identified {
    /// Whose it is.
    Known(Caller),
    /// It was good once.
    Ended,
    /// Only the store knows. What is at hand of it already comes along.
    Missing(LoadCaller, Option<Arc<Relations>>),
}

/// About what an account in a set of relations takes, in bytes: tables are a quarter empty on average.
const RELATION_BYTES: usize = 20;

/// About how many bytes an account's relations take.
pub(crate) fn relations_bytes(relations: &Relations) -> usize {
    let blocks = relations.blocks.len() + relations.blocked_by.len();
    let others = relations.follows.len() + blocks + relations.mutes.len();
    size_of::<Relations>() + RELATION_BYTES * others
}

impl Callers {
    /// Nobody is known yet.
    pub(super) fn new(budget: &Budget) -> Self {
        Self {
            accesses: EventedCache::new(budget, Part::Accesses, |_| {
                size_of::<Known>() + size_of::<Access>()
            }),
            members: EventedCache::new(budget, Part::Members, |member| {
                size_of::<Member>() + member.name.len()
            }),
            relations: EventedCache::new(budget, Part::Relations, |relations| {
                relations_bytes(relations)
            }),
            touched: LruCache::new(TOUCHED_MAX),
        }
    }

    /// What its caches hold.
    pub(super) fn figures(&self) -> Vec<CacheFigures> {
        vec![
            self.accesses.figures(),
            self.members.figures(),
            self.relations.figures(),
        ]
    }

    /// Forgets everything: events up to `commit` were lost.
    pub(super) fn forget_all(&mut self, commit: i64) {
        self.accesses.clear(commit);
        self.members.clear(commit);
        self.relations.clear(commit);
    }

    /// Takes in a committed event.
    pub(super) fn take_in(&mut self, event: &Event, commit: i64) {
        match event {
            Event::RelationsChanged { from, to } => {
                self.relations.change(*from, commit);
                self.relations.change(*to, commit);
            }
            Event::TokenRevoked(hash) | Event::TokenUsed(hash) => {
                self.accesses.change(*hash, commit);
            }
            // Its credentials are told apart by the commit that the account remembers.
            Event::CredentialsChanged(account) | Event::AccountVisibilityChanged(account) => {
                self.members.change(*account, commit);
            }
            Event::PostPublished { .. }
            | Event::EntriesImported { .. }
            | Event::PostEdited { .. }
            | Event::PostDeleted(_)
            | Event::BoostRemoved(_)
            | Event::PostCounted { .. }
            | Event::PostChanged(_)
            | Event::PostMarked { .. }
            | Event::FollowCounted { .. }
            | Event::AccountChanged(_)
            | Event::ReaderChanged(_)
            | Event::JobAdded(_)
            | Event::SchedulesChanged => {}
        }
    }

    /// An account's relations, as far as memory knows.
    pub(super) fn relations(&mut self, account: AccountId) -> Option<Arc<Relations>> {
        self.relations.get(&account).cloned()
    }

    /// Keeps relations that were loaded out of the snapshot of `commit`, unless an event overtook them.
    pub(super) fn fill_relations(
        &mut self,
        account: AccountId,
        relations: &Arc<Relations>,
        commit: i64,
    ) {
        self.relations.fill(account, Arc::clone(relations), commit);
    }

    /// Whose a credential is, as far as memory knows.
    pub(super) fn identify(&mut self, credential: Credential, now: Timestamp) -> Identified {
        let missing = |with_relations| LoadCaller {
            credential,
            with_relations,
        };
        let Some(known) = self.accesses.get(&hash_of(credential)).cloned() else {
            return Identified::Missing(missing(true), None);
        };
        if !is_of_kind(credential, &known.access.grant) {
            return Identified::Missing(missing(true), None);
        }
        if !known.access.stands_at(now) {
            return Identified::Ended;
        }
        let Some(account) = known.access.account else {
            return Identified::Known(caller(known.access, None, None));
        };
        let relations = self.relations.get(&account).cloned();
        let member = self.members.get(&account).cloned();
        match (member, relations) {
            (Some(member), Some(relations)) if known.seen_at >= member.access_commit => {
                Identified::Known(caller(known.access, Some(member), Some(relations)))
            }
            (_, relations) => Identified::Missing(missing(relations.is_none()), relations),
        }
    }

    /// Keeps what was loaded out of the snapshot of `commit`, as far as no event overtook it, and answers whose the
    /// credential is. Unknown ones are not kept: whoever guesses must not push out whoever is known.
    pub(super) fn fill(
        &mut self,
        credential: Credential,
        loaded: Option<LoadedCaller>,
        held: Option<Arc<Relations>>,
        commit: i64,
        now: Timestamp,
    ) -> Option<Caller> {
        let LoadedCaller {
            access,
            member,
            relations,
        } = loaded?;
        if !access.stands_at(now) {
            return None;
        }
        let access = Arc::new(access);
        self.accesses.fill(
            hash_of(credential),
            Known {
                access: Arc::clone(&access),
                seen_at: commit,
            },
            commit,
        );
        let Some(account) = access.account else {
            return Some(caller(access, None, None));
        };
        let member = Arc::new(member?);
        self.members.fill(account, Arc::clone(&member), commit);
        let relations = match relations {
            None => held,
            Some(relations) => {
                let relations = Arc::new(relations);
                self.relations.fill(account, Arc::clone(&relations), commit);
                Some(relations)
            }
        };
        Some(caller(access, Some(member), relations))
    }

    /// Whether the use of a credential shall be written down now.
    pub(super) fn is_use_to_be_told(
        &mut self,
        credential: Credential,
        access: &Access,
        now: Timestamp,
    ) -> bool {
        let hash = hash_of(credential);
        if !access.is_use_news(now)
            || self
                .touched
                .get(&hash)
                .is_some_and(|told| now.millis() - told.millis() < TOUCH_AGAIN_MILLIS)
        {
            return false;
        }
        self.touched.insert(hash, now);
        true
    }
}

fn hash_of(credential: Credential) -> TokenHash {
    match credential {
        Credential::Token(hash) | Credential::Session(hash) => hash,
    }
}

/// A cookie is no token, and a token no cookie, even if their hashes were the same.
fn is_of_kind(credential: Credential, grant: &Grant) -> bool {
    matches!(
        (credential, grant),
        (Credential::Token(_), Grant::Token { .. }) | (Credential::Session(_), Grant::Session(_))
    )
}

fn caller(
    access: Arc<Access>,
    member: Option<Arc<Member>>,
    relations: Option<Arc<Relations>>,
) -> Caller {
    let onlooker = Onlooker {
        account: member.as_ref().map(|member| member.id),
        relations: relations.unwrap_or_default(),
    };
    Caller {
        access,
        member,
        onlooker,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::Authority;
    use crate::domain::account::Role;
    use crate::domain::scope::Scopes;
    use crate::store::testing::TestStore;
    use crate::store::units::{
        Admission, CreateToken, NewMember, OpenSession, RegisterAccount, SuspendAccount,
        TouchAccess, UnsuspendAccount,
    };

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    struct Scene {
        store: TestStore,
        callers: Callers,
        commit: i64,
    }

    impl Scene {
        fn new() -> Self {
            Self {
                store: TestStore::open(),
                callers: Callers::new(&Budget::new(1 << 20)),
                commit: 0,
            }
        }

        fn member(&self, name: &str) -> AccountId {
            self.store
                .apply(RegisterAccount {
                    member: NewMember {
                        name: name.into(),
                        email: format!("{name}@birds.example"),
                        password_hash: "hash".into(),
                    },
                    admission: Admission::Operator(Role::User),
                })
                .expect("a free name")
                .account
        }

        fn token(&self, account: AccountId, token: &str) -> Credential {
            let token = TokenHash::of(token);
            self.store
                .apply(CreateToken {
                    account,
                    app: None,
                    scopes: Scopes::parse("read").expect("a scope"),
                    token,
                })
                .expect("a token");
            Credential::Token(token)
        }

        /// As the actor does it: takes in events, looks into memory, then into the store.
        fn identify(&mut self, credential: Credential, now: Timestamp) -> (Option<Caller>, bool) {
            self.catch_up();
            match self.callers.identify(credential, now) {
                Identified::Known(caller) => (Some(caller), true),
                Identified::Ended => (None, true),
                Identified::Missing(load, held) => {
                    let (loaded, commit) = self.store.look(load);
                    let caller = self.callers.fill(credential, loaded, held, commit, now);
                    (caller, false)
                }
            }
        }

        fn catch_up(&mut self) {
            for batch in self.store.batches() {
                self.commit = batch.commit;
                for event in &batch.events {
                    self.callers.take_in(event, batch.commit);
                }
            }
        }
    }

    #[test]
    fn a_known_token_is_answered_from_memory_until_it_changes() {
        let mut scene = Scene::new();
        let wren = scene.member("wren");
        let token = scene.token(wren, "t");
        assert!(!scene.identify(token, NOW).1);
        let (caller, warm) = scene.identify(token, NOW);
        assert!(warm);
        let caller = caller.expect("known");
        assert_eq!(caller.onlooker.account, Some(wren));
        assert!(caller.allows("read:statuses") && !caller.allows("write"));
    }

    #[test]
    fn a_suspension_is_in_force_for_the_next_request_even_on_a_warm_cache() {
        let mut scene = Scene::new();
        let wren = scene.member("wren");
        let token = scene.token(wren, "t");
        assert!(scene.identify(token, NOW).0.is_some());
        let by = Authority::Operator;
        scene
            .store
            .apply(SuspendAccount { by, account: wren })
            .expect("no owner");
        assert!(scene.identify(token, NOW).0.is_none());
        scene
            .store
            .apply(UnsuspendAccount { by, account: wren })
            .expect("suspended");
        assert!(scene.identify(token, NOW).0.is_none(), "its tokens ended");
        let token = scene.token(wren, "u");
        assert!(scene.identify(token, NOW).0.is_some());
    }

    #[test]
    fn what_was_loaded_before_a_suspension_is_not_kept_after_it() {
        let mut scene = Scene::new();
        let wren = scene.member("wren");
        let token = scene.token(wren, "t");
        scene.catch_up();
        let Identified::Missing(load, held) = scene.callers.identify(token, NOW) else {
            panic!("nothing is known yet");
        };
        let (loaded, commit) = scene.store.look(load);
        let by = Authority::Operator;
        scene
            .store
            .apply(SuspendAccount { by, account: wren })
            .expect("no owner");
        scene.catch_up();
        scene.callers.fill(token, loaded, held, commit, NOW);
        assert!(scene.identify(token, NOW).0.is_none());
    }

    #[test]
    fn guesses_are_not_kept_and_a_cookie_is_no_token() {
        let mut scene = Scene::new();
        let wren = scene.member("wren");
        let Credential::Token(hash) = scene.token(wren, "t") else {
            panic!("a token");
        };
        assert!(scene.identify(Credential::Token(hash), NOW).0.is_some());
        assert!(scene.identify(Credential::Session(hash), NOW).0.is_none());
        let guess = Credential::Token(TokenHash::of("guess"));
        assert!(!scene.identify(guess, NOW).1);
        assert!(!scene.identify(guess, NOW).1, "looked up anew");
    }

    #[test]
    fn an_idle_session_is_over_and_a_use_is_told_once_an_hour() {
        let mut scene = Scene::new();
        let account = scene.member("wren");
        let session = TokenHash::of("cookie");
        scene
            .store
            .apply(OpenSession {
                account,
                password_hash: None,
                session,
                replaces: None,
                agent: "test".into(),
            })
            .expect("a session");
        let credential = Credential::Session(session);
        let hour = 60 * 60 * 1000;
        let day = 24 * hour;
        let caller = scene.identify(credential, NOW).0.expect("open");
        assert!(
            !scene
                .callers
                .is_use_to_be_told(credential, &caller.access, NOW)
        );
        let later = NOW.plus_millis(29 * day);
        let caller = scene.identify(credential, later).0.expect("still open");
        assert!(
            scene
                .callers
                .is_use_to_be_told(credential, &caller.access, later)
        );
        assert!(
            !scene
                .callers
                .is_use_to_be_told(credential, &caller.access, later)
        );
        scene.store.clock.set(later);
        scene
            .store
            .apply(TouchAccess { credential })
            .expect("written down");
        let later = later.plus_millis(29 * day);
        assert!(scene.identify(credential, later).0.is_some(), "it was used");
        let late = later.plus_millis(2 * day);
        assert!(scene.identify(credential, late).0.is_none());
    }
}
