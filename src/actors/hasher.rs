//! Password hashing, off the actors' threads and at most [`HASHERS`] at a time: each takes 19 MiB.
//!
//! Argon2id with the parameters of OWASP's cheat sheet: 19 MiB, two passes, one lane.

use std::fmt::Display;
use std::sync::Arc;

use actix::{Actor, Handler, Message, SyncArbiter, SyncContext};
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

use super::door::{Door, opens_door};
use super::error::AskError;
use super::gate::Gate;
use crate::secret::{Secret, same_bytes};
use crate::telemetry::Telemetry;
use crate::telemetry::mailbox::{ActorName, Watch};
use crate::threads::{ThreadLog, name_this};

/// How many passwords are hashed at the same time.
pub const HASHERS: usize = 2;
/// How many more may wait for their turn; whoever comes then is answered [`AskError::Busy`].
pub const PASSWORDS_WAITING_MAX: usize = 32;
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// What a password takes that is no secret: eight blocks a lane is the least that argon2 knows.
const SLIGHT_MEMORY_KIB: u32 = 8;
const SLIGHT_PASSES: u32 = 1;
/// Blocks (of 1 KiB) that are reserved for a hash, of which only those that it needs are ever touched. glibc gives what
/// is larger than 32 MiB back to the system as soon as it is freed; smaller blocks it would keep, another one for nearly
/// every password.
const BLOCKS_RESERVED: usize = 33 * 1024;

/// How hard a hash makes it to try passwords out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// As hard as a secret needs it.
    Full,
    /// Not at all, but fast: for the passwords of made-up people, which everybody may know.
    Slight,
}

/// One hasher of the pool.
pub struct Hasher {
    full: Argon2<'static>,
    slight: Argon2<'static>,
    watch: Watch,
}

/// The way to the pool, for at most [`HASHERS`] + [`PASSWORDS_WAITING_MAX`] passwords at a time.
#[derive(Clone)]
pub struct Hashers {
    pool: Door<Hasher>,
    gate: Gate,
}

impl Hashers {
    /// Starts the pool.
    pub fn start(telemetry: &Arc<Telemetry>) -> Self {
        let argon2 = |memory_kib, passes| {
            let params = Params::new(memory_kib, passes, LANES, None)
                .expect("parameters within argon2's bounds");
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        };
        let name = ActorName::Hashers;
        let watched = Arc::clone(telemetry);
        let log = ThreadLog::of_this_thread();
        let pool = SyncArbiter::start(HASHERS, move || {
            log.adopt();
            name_this("kinglet-hasher");
            Hasher {
                full: argon2(MEMORY_KIB, PASSES),
                slight: argon2(SLIGHT_MEMORY_KIB, SLIGHT_PASSES),
                watch: watched.watch(name),
            }
        });
        Self {
            pool: Door::new(pool, telemetry, name),
            gate: Gate::new(HASHERS + PASSWORDS_WAITING_MAX),
        }
    }

    /// Hashes a password with a salt of 16 random bytes.
    ///
    /// # Errors
    /// [`AskError::Busy`] when too many passwords wait.
    pub async fn hash(&self, password: Secret<String>, salt: [u8; 16]) -> Result<String, AskError> {
        self.hash_with(password, salt, Effort::Full).await
    }

    /// As [`hash`](Self::hash), with as much effort as the password is worth. It is verified like any other.
    ///
    /// # Errors
    /// [`AskError::Busy`] when too many passwords wait.
    pub async fn hash_with(
        &self,
        password: Secret<String>,
        salt: [u8; 16],
        effort: Effort,
    ) -> Result<String, AskError> {
        let _place = self.gate.enter()?;
        let message = HashPassword {
            password,
            salt,
            effort,
        };
        self.pool.send(message).await?
    }

    /// Whether a password is the one that was hashed. Without a hash it takes as long and is not.
    ///
    /// # Errors
    /// [`AskError::Busy`] when too many passwords wait.
    pub async fn verify(
        &self,
        password: Secret<String>,
        hash: Option<String>,
    ) -> Result<bool, AskError> {
        let _place = self.gate.enter()?;
        self.pool.send(VerifyPassword { password, hash }).await?
    }
}

impl Actor for Hasher {
    type Context = SyncContext<Self>;
}

opens_door!(pool Hasher);

struct HashPassword {
    password: Secret<String>,
    salt: [u8; 16],
    effort: Effort,
}

impl Message for HashPassword {
    type Result = Result<String, AskError>;
}

impl Handler<HashPassword> for Hasher {
    type Result = Result<String, AskError>;

    fn handle(&mut self, message: HashPassword, _: &mut SyncContext<Self>) -> Self::Result {
        let argon2 = match message.effort {
            Effort::Full => &self.full,
            Effort::Slight => &self.slight,
        };
        hash_password(argon2, message.password.expose(), &message.salt).map(|hash| hash.to_string())
    }
}

struct VerifyPassword {
    password: Secret<String>,
    hash: Option<String>,
}

impl Message for VerifyPassword {
    type Result = Result<bool, AskError>;
}

impl Handler<VerifyPassword> for Hasher {
    type Result = Result<bool, AskError>;

    fn handle(&mut self, message: VerifyPassword, _: &mut SyncContext<Self>) -> Self::Result {
        let password = message.password.expose();
        let Some(hash) = message.hash else {
            // Whoever guesses names must not learn from the clock which of them exist.
            hash_password(&self.full, password, &[0; 16])?;
            return Ok(false);
        };
        let hash = PasswordHash::new(&hash).map_err(broken)?;
        let (Some(salt), Some(output)) = (hash.salt, hash.hash) else {
            return Err(broken("it has no salt or no output"));
        };
        let version = hash.version.map(Version::try_from).transpose();
        let argon2 = Argon2::new(
            Algorithm::try_from(hash.algorithm.as_str()).map_err(broken)?,
            version.map_err(broken)?.unwrap_or_default(),
            Params::try_from(&hash).map_err(broken)?,
        );
        let mut found = [0; Output::MAX_LENGTH];
        let found = &mut found[..output.as_bytes().len()];
        digest(&argon2, password, &salt, found)?;
        Ok(same_bytes(found, output.as_bytes()))
    }
}

fn failed(why: impl Display) -> AskError {
    AskError::Internal(format!("argon2: {why}"))
}

fn broken(why: impl Display) -> AskError {
    AskError::Internal(format!("a stored password hash is broken: {why}"))
}

fn hash_password(
    argon2: &Argon2<'_>,
    password: &str,
    salt: &[u8],
) -> Result<PasswordHash, AskError> {
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    digest(argon2, password, salt, &mut output)?;
    Ok(PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params()).map_err(failed)?,
        salt: Some(Salt::new(salt).map_err(failed)?),
        hash: Some(Output::new(&output).map_err(failed)?),
    })
}

fn digest(
    argon2: &Argon2<'_>,
    password: &str,
    salt: &[u8],
    output: &mut [u8],
) -> Result<(), AskError> {
    let count = argon2.params().block_count();
    let mut blocks = Vec::with_capacity(count.max(BLOCKS_RESERVED));
    blocks.resize(count, Block::new());
    argon2
        .hash_password_into_with_memory(password.as_bytes(), salt, output, &mut blocks)
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use argon2::{PasswordHasher, PasswordVerifier};

    use super::*;
    use crate::door::DoorError;

    const SALT: [u8; 16] = [7; 16];

    fn pool<T>(ask: impl AsyncFnOnce(Hashers) -> T) -> T {
        actix::System::new().block_on(async { ask(Hashers::start(&Telemetry::disabled())).await })
    }

    fn secret(password: &str) -> Secret<String> {
        Secret::new(password.to_owned())
    }

    #[test]
    fn the_hash_is_the_one_that_the_library_writes_and_reads() {
        let ours = pool(async |hashers| hashers.hash(secret("hunter42"), SALT).await);
        let ours = ours.expect("a hash");
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("within bounds");
        let library = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let theirs = library.hash_password_with_salt(b"hunter42", &SALT);
        assert_eq!(ours, theirs.expect("a hash").to_string());
        let hash = PasswordHash::new(&ours).expect("well-formed");
        assert!(library.verify_password(b"hunter42", &hash).is_ok());
    }

    #[test]
    fn a_hash_made_with_slight_effort_is_verified_like_any_other() {
        pool(async |hashers| {
            let hash = hashers.hash_with(secret("hunter42"), SALT, Effort::Slight);
            let hash = hash.await.expect("a hash");
            assert!(hash.contains("m=8,t=1,p=1"), "{hash}");
            for (password, expected) in [("hunter42", true), ("hunter43", false)] {
                let right = hashers.verify(secret(password), Some(hash.clone()));
                assert_eq!(right.await.expect("an answer"), expected);
            }
        });
    }

    /// What no sound program does.
    struct Fall;

    impl Message for Fall {
        type Result = Option<()>;
    }

    impl Handler<Fall> for Hasher {
        type Result = Option<()>;

        fn handle(&mut self, _: Fall, _: &mut SyncContext<Self>) -> Option<()> {
            panic!("a handler panics");
        }
    }

    #[test]
    fn a_hasher_that_panics_fails_one_password_and_hashes_the_next() {
        pool(async |hashers| {
            for _ in 0..2 * HASHERS {
                let fallen = hashers.pool.send(Fall).await;
                assert_eq!(fallen, Err(DoorError::Closed));
            }
            for _ in 0..HASHERS {
                let hash = hashers.hash_with(secret("hunter42"), SALT, Effort::Slight);
                hash.await.expect("a hash");
            }
        });
    }

    #[test]
    fn only_the_right_password_is_right_whatever_the_parameters() {
        let params = Params::new(64, 1, 1, None).expect("within bounds");
        let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = cheap.hash_password_with_salt(b"hunter42", &SALT);
        let hash = hash.expect("a hash").to_string();
        pool(async |hashers| {
            for (password, hash, expected) in [
                ("hunter42", Some(hash.clone()), true),
                ("hunter43", Some(hash), false),
                ("hunter42", None, false),
            ] {
                let right = hashers.verify(secret(password), hash).await;
                assert_eq!(right.expect("an answer"), expected);
            }
            let broken = hashers.verify(secret("hunter42"), Some("$argon2id$".to_owned()));
            assert!(matches!(broken.await, Err(AskError::Internal(_))));
        });
    }
}
