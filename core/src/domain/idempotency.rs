//! What a client's retry is known by.

use sha2::{Digest, Sha256};

use crate::ids::AccountId;

/// Bytes that are kept of the hash: two keys of one hour never agree in them.
const HASH_BYTES: usize = 16;

/// A client's key for one account: a hash, as the key itself is as long as the client likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdempotencyKey([u8; HASH_BYTES]);

impl IdempotencyKey {
    /// What an account's client sent.
    pub fn of(account: AccountId, key: &str) -> Self {
        let hash = Sha256::new()
            .chain_update(account.0.to_le_bytes())
            .chain_update(key)
            .finalize();
        let mut kept = [0; HASH_BYTES];
        kept.copy_from_slice(&hash[..HASH_BYTES]);
        Self(kept)
    }

    /// The bytes that are stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_belongs_to_its_account() {
        let key = |account, key| IdempotencyKey::of(AccountId(account), key);
        assert_eq!(key(1, "once"), key(1, "once"));
        assert_ne!(key(1, "once"), key(1, "twice"));
        assert_ne!(key(1, "once"), key(2, "once"));
        // The account's bytes don't run into the key's.
        assert_ne!(key(1, ""), key(1, "\0"));
    }
}
