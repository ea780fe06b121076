//! Password hashing, off the actors' threads and at most [`HASHERS`] at a time: each takes 19 MiB.
//!
//! Argon2id with the parameters of OWASP's cheat sheet: 19 MiB, two passes, one lane.

use actix::{Actor, Addr, Handler, Message, SyncArbiter, SyncContext};
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};

use super::error::AskError;
use super::gate::Gate;
use crate::secret::Secret;

/// How many passwords are hashed at the same time.
pub const HASHERS: usize = 2;
/// How many more may wait for their turn; whoever comes then is answered [`AskError::Busy`].
pub const PASSWORDS_WAITING_MAX: usize = 32;
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// One hasher of the pool.
pub struct Hasher {
    argon2: Argon2<'static>,
}

/// The way to the pool, for at most [`HASHERS`] + [`PASSWORDS_WAITING_MAX`] passwords at a time.
#[derive(Clone)]
pub struct Hashers {
    pool: Addr<Hasher>,
    gate: Gate,
}

impl Hashers {
    /// Starts the pool.
    pub fn start() -> Self {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
            .expect("parameters within argon2's bounds");
        let pool = SyncArbiter::start(HASHERS, move || Hasher {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone()),
        });
        Self {
            pool,
            gate: Gate::new(HASHERS + PASSWORDS_WAITING_MAX),
        }
    }

    /// Hashes a password with a salt of 16 random bytes.
    ///
    /// # Errors
    /// [`AskError::Busy`] when too many passwords wait.
    pub async fn hash(&self, password: Secret<String>, salt: [u8; 16]) -> Result<String, AskError> {
        let _place = self.gate.enter()?;
        self.pool.send(HashPassword { password, salt }).await?
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

struct HashPassword {
    password: Secret<String>,
    salt: [u8; 16],
}

impl Message for HashPassword {
    type Result = Result<String, AskError>;
}

impl Handler<HashPassword> for Hasher {
    type Result = Result<String, AskError>;

    fn handle(&mut self, message: HashPassword, _: &mut SyncContext<Self>) -> Self::Result {
        self.argon2
            .hash_password_with_salt(message.password.expose().as_bytes(), &message.salt)
            .map(|hash| hash.to_string())
            .map_err(|error| AskError::Internal(format!("argon2: {error}")))
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
        let password = message.password.expose().as_bytes();
        let Some(hash) = message.hash else {
            // Whoever guesses names must not learn from the clock which of them exist.
            self.argon2
                .hash_password_with_salt(password, &[0; 16])
                .map_err(|error| AskError::Internal(format!("argon2: {error}")))?;
            return Ok(false);
        };
        let hash = PasswordHash::new(&hash).map_err(|error| {
            AskError::Internal(format!("a stored password hash is broken: {error}"))
        })?;
        Ok(self.argon2.verify_password(password, &hash).is_ok())
    }
}
