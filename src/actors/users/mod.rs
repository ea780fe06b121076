//! Users: owns accounts, what stands between them, and access.

mod clients;
mod core;
mod instance;
mod links;
mod members;
mod passwords;
mod standing;

pub(crate) use self::core::relations_bytes;
pub use clients::{
    GivenToken, GrantClientToken, GrantCode, GrantUserToken, RedeemCode, RedeemPassword,
    RegisterClient, RegisteredClient,
};
pub use instance::ReadInstance;
pub use links::{LinkCode, MakeLink};
pub use members::{CreateMember, SeedMember, SetUp, SignUp, Typed};
pub use passwords::{
    AskForArchive, AskToUpload, LogIn, LoggedIn, OpenFirstSession, ReplaceAddress, ReplacePassword,
    ResetByLink,
};
pub(crate) use standing::{Reading, Slots, slot_of_account};
pub use standing::{Stamp, Standings, StandingsSink};

use std::sync::Arc;

use actix::{
    Actor, ActorFutureExt, Addr, ArbiterHandle, Context, Handler, Message, ResponseActFuture,
    WrapFuture,
};
use rand::Rng as _;
use rand::rngs::StdRng;

use self::core::{Callers, Identified};
use self::instance::InstanceMemory;
use super::Actors;
use super::budget::Budget;
use super::cache::CacheFigures;
use super::door::{Door, opens_door};
use super::error::AskError;
use super::feed::{EventFeed, EventsWaiting, Fed};
use super::hasher::Hashers;
use super::memory::describes_memory;
use super::messages::{Owner, StoreDoor};
use crate::clock::SharedClock;
use crate::domain::access::{Caller, Credential, Registration};
use crate::domain::relationship::Relations;
use crate::ids::AccountId;
use crate::secret::{Secret, random_token};
use crate::store::queries::relations::LoadRelations;
use crate::store::units::TouchAccess;
use crate::telemetry::mailbox::Watch;

/// Random bytes of tokens, cookies and client secrets: 256 bits.
const TOKEN_BYTES: usize = 32;

/// What Users is started with.
pub struct UsersSetup {
    /// Its way to the store.
    pub store: StoreDoor,
    /// Who hashes passwords.
    pub hashers: Hashers,
    /// Its events.
    pub feed: EventFeed,
    /// The time.
    pub clock: SharedClock,
    /// Makes every token, cookie, code and salt.
    pub rng: StdRng,
    /// Who may make an account.
    pub registration: Registration,
    /// Told of whatever ends what was said of a caller.
    pub standings: Arc<Standings>,
    /// What its caches may hold, with those of others.
    pub budget: Budget,
    /// Notes its messages.
    pub watch: Watch,
}

/// The actor.
pub struct Users {
    pub(super) store: StoreDoor,
    hashers: Hashers,
    feed: EventFeed,
    clock: SharedClock,
    rng: StdRng,
    registration: Registration,
    memory: Memory,
    standings: Arc<Standings>,
    watch: Watch,
}

/// What it keeps.
struct Memory {
    callers: Callers,
    instance: InstanceMemory,
}

impl Memory {
    fn new(budget: &Budget) -> Self {
        Self {
            callers: Callers::new(budget),
            instance: InstanceMemory::default(),
        }
    }

    /// What the caches hold.
    fn figures(&self) -> Vec<CacheFigures> {
        self.callers.figures()
    }
}

impl Users {
    /// Starts it on that thread.
    pub fn start_on(owners: &ArbiterHandle, setup: UsersSetup) -> Addr<Self> {
        Self::start_in_arbiter(owners, move |_| Self::new(setup))
    }

    /// An owner that isn't started yet.
    pub fn new(setup: UsersSetup) -> Self {
        Self {
            store: setup.store,
            hashers: setup.hashers,
            feed: setup.feed,
            clock: setup.clock,
            rng: setup.rng,
            registration: setup.registration,
            memory: Memory::new(&setup.budget),
            standings: setup.standings,
            watch: setup.watch,
        }
    }

    /// Takes in what was committed since the last message; says whether it was anything.
    fn catch_up(&mut self) -> bool {
        let mut was_behind = false;
        while let Some(fed) = self.feed.take() {
            was_behind = true;
            match fed {
                Fed::Lost(commit) => {
                    self.memory.callers.forget_all(commit);
                    self.memory.instance.forget_all(commit);
                }
                Fed::Batch(batch) => {
                    for event in &batch.events {
                        self.memory.callers.take_in(event, batch.commit);
                        self.memory.instance.take_in(event, batch.commit);
                    }
                }
            }
        }
        was_behind
    }

    /// A caller that memory knew, with what tells how long that is true.
    fn told(&mut self, credential: Credential, caller: Caller) -> Told {
        let account = caller.member.as_ref().map(|member| member.id);
        let stamp = self.standings.stamp(credential, account);
        // What the slots had counted by now is in the queue, if it wasn't taken in before; then the caller may be of before.
        let is_current = !self.catch_up();
        Told {
            caller: Arc::new(caller),
            stamp: is_current.then_some(stamp),
        }
    }

    fn new_token(&mut self) -> Secret<String> {
        random_token::<TOKEN_BYTES>(&mut self.rng)
    }

    fn new_salt(&mut self) -> [u8; 16] {
        let mut salt = [0; 16];
        self.rng.fill_bytes(&mut salt);
        salt
    }

    /// Has a use written down now and then. Nobody waits for it: a use that is missed costs nothing.
    fn note_use(&mut self, credential: Credential, caller: &Caller) {
        let now = self.clock.now();
        if self
            .memory
            .callers
            .is_use_to_be_told(credential, &caller.access, now)
            && let Err(error) = self.store.writer.submit(TouchAccess { credential })
        {
            tracing::debug!(target: "kinglet::actors::users", %error, "the use of a credential is not written down");
        }
    }
}

impl Actor for Users {
    type Context = Context<Self>;
}

impl Owner for Users {
    fn door(actors: &Actors) -> &Door<Self> {
        &actors.users
    }

    fn store(&self) -> &StoreDoor {
        &self.store
    }
}

opens_door!(Users);
describes_memory!(Users, memory);

impl Handler<EventsWaiting> for Users {
    type Result = ();

    fn handle(&mut self, _: EventsWaiting, _: &mut Context<Self>) {
        self.catch_up();
    }
}

/// Whose a credential is. `None` when it is unknown or over.
///
/// The account may be waiting for approval: what it may do is for the asker to decide.
#[derive(Debug, Clone, Copy)]
pub struct Identify {
    /// What was shown.
    pub credential: Credential,
}

impl Message for Identify {
    type Result = Result<Option<Told>, AskError>;
}

/// Who showed a credential.
#[derive(Debug, Clone)]
pub struct Told {
    /// The caller.
    pub caller: Arc<Caller>,
    /// As long as it [holds](Standings::holds), and the credential [stands](crate::domain::access::Access::stands_at),
    /// nobody needs to ask again; without one the answer is for this moment only.
    pub stamp: Option<Stamp>,
}

impl Handler<Identify> for Users {
    type Result = ResponseActFuture<Self, Result<Option<Told>, AskError>>;

    fn handle(&mut self, Identify { credential }: Identify, _: &mut Context<Self>) -> Self::Result {
        self.catch_up();
        let (missing, held) = match self.memory.callers.identify(credential, self.clock.now()) {
            Identified::Known(caller) => {
                self.note_use(credential, &caller);
                let known = Ok(Some(self.told(credential, caller)));
                return Box::pin(std::future::ready(known).into_actor(self));
            }
            Identified::Ended => {
                return Box::pin(std::future::ready(Ok(None)).into_actor(self));
            }
            Identified::Missing(missing, held) => (missing, held),
        };
        let loading = self.store.look(missing);
        Box::pin(loading.into_actor(self).map(move |loaded, actor, _| {
            let (loaded, commit) = loaded?;
            actor.catch_up();
            let now = actor.clock.now();
            let callers = &mut actor.memory.callers;
            let caller = callers.fill(credential, loaded, held, commit, now);
            if let Some(caller) = &caller {
                actor.note_use(credential, caller);
            }
            // Something may have happened between the snapshot and now, so it comes without a stamp.
            Ok(caller.map(|caller| Told {
                caller: Arc::new(caller),
                stamp: None,
            }))
        }))
    }
}

/// All that an account has to do with others, at this moment.
#[derive(Debug, Clone, Copy)]
pub struct ReadRelations {
    /// Whose relations.
    pub account: AccountId,
}

impl Message for ReadRelations {
    type Result = Result<Arc<Relations>, AskError>;
}

impl Handler<ReadRelations> for Users {
    type Result = ResponseActFuture<Self, Result<Arc<Relations>, AskError>>;

    fn handle(&mut self, message: ReadRelations, _: &mut Context<Self>) -> Self::Result {
        let ReadRelations { account } = message;
        self.catch_up();
        if let Some(known) = self.memory.callers.relations(account) {
            return Box::pin(std::future::ready(Ok(known)).into_actor(self));
        }
        let loading = self.store.look(LoadRelations { account });
        Box::pin(loading.into_actor(self).map(move |loaded, actor, _| {
            let (relations, commit) = loaded?;
            let relations = Arc::new(relations);
            actor.catch_up();
            let callers = &mut actor.memory.callers;
            callers.fill_relations(account, &relations, commit);
            Ok(relations)
        }))
    }
}
