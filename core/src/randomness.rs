//! Randomness, passed in: the machine's in the binary, a seed's in tests.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng, TryRng};
use sha2::{Digest, Sha256};

use crate::secret::MASK;

/// The source of every random number of one server. Clones share it.
///
/// It hands out generators that are independent of each other, so nobody waits for anybody: each is seeded with a hash
/// of a secret key and a number that is never used twice.
#[derive(Clone)]
pub struct Randomness(Arc<Source>);

struct Source {
    key: [u8; 32],
    handed_out: AtomicU64,
}

/// The machine has no randomness to give.
#[derive(Debug, thiserror::Error)]
#[error("the machine gives no random numbers: {0}")]
pub struct NoRandomness(String);

impl Randomness {
    /// Out of the machine's entropy.
    ///
    /// # Errors
    /// When the machine gives none.
    pub fn from_system() -> Result<Self, NoRandomness> {
        let mut key = [0; 32];
        SysRng
            .try_fill_bytes(&mut key)
            .map_err(|error| NoRandomness(error.to_string()))?;
        Ok(Self::from_key(key))
    }

    /// Out of a number: whoever knows it knows everything that is drawn, which is for tests alone.
    pub fn seeded(seed: u64) -> Self {
        let mut key = [0; 32];
        StdRng::seed_from_u64(seed).fill_bytes(&mut key);
        Self::from_key(key)
    }

    fn from_key(key: [u8; 32]) -> Self {
        Self(Arc::new(Source {
            key,
            handed_out: AtomicU64::new(0),
        }))
    }

    /// A generator fit for secrets.
    pub fn rng(&self) -> StdRng {
        let number = self.0.handed_out.fetch_add(1, Ordering::Relaxed);
        let seed = Sha256::new()
            .chain_update(self.0.key)
            .chain_update(number.to_le_bytes())
            .finalize();
        StdRng::from_seed(seed.into())
    }
}

impl Randomness {
    /// A source of its own: what it gives doesn't depend on how often others are asked. The same name gives the same
    /// source, from its beginning.
    #[must_use]
    pub fn branch(&self, name: &str) -> Self {
        let key = Sha256::new()
            .chain_update(self.0.key)
            .chain_update(b"branch: ")
            .chain_update(name)
            .finalize();
        Self::from_key(key.into())
    }
}

impl fmt::Debug for Randomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Randomness({MASK})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_seed_repeats_its_generators_and_no_two_of_them_agree() {
        let drawn = |seed| -> Vec<u64> {
            let randomness = Randomness::seeded(seed);
            (0..100).map(|_| randomness.rng().next_u64()).collect()
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        assert_eq!(drawn(1).into_iter().collect::<HashSet<_>>().len(), 100);
    }

    #[test]
    fn a_branch_begins_anew_and_has_nothing_of_its_neighbours() {
        let stem = Randomness::seeded(1);
        let first = |source: Randomness| source.rng().next_u64();
        let before = first(stem.branch("mail"));
        assert_eq!(first(stem.clone()), first(Randomness::seeded(1)));
        assert_eq!(before, first(stem.branch("mail")));
        let others = [stem.branch("house"), Randomness::seeded(1), stem];
        assert!(others.into_iter().all(|other| first(other) != before));
    }

    #[test]
    fn the_machine_never_gives_the_same_twice() {
        let draw = || Randomness::from_system().expect("entropy").rng().next_u64();
        assert_ne!(draw(), draw());
    }

    #[test]
    fn it_does_not_print_its_key() {
        assert_eq!(format!("{:?}", Randomness::seeded(1)), "Randomness(***)");
    }
}
