//! Values that must not leak: a wrapper that can't be printed, tokens and their hashes.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What stands in place of a secret wherever one would be printed.
pub const MASK: &str = "***";

/// The fewest random bytes a token may have: 128 bits can't be guessed.
pub const TOKEN_BYTES_MIN: usize = 16;

/// A value that never shows in logs, errors or `{:?}`.
///
/// It has no `Display` and no `Serialize`; `Debug` prints [`MASK`]. The one way to the content is
/// [`Secret::expose`], which is easy to search for.
#[derive(Clone, Default)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The content, for the one place that has to have it.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The content, to be changed in place.
    pub const fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }

    /// The content by value.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

/// Compares in a time that depends on the lengths alone.
impl<T: AsRef<[u8]>> PartialEq for Secret<T> {
    fn eq(&self, other: &Self) -> bool {
        same_bytes(self.0.as_ref(), other.0.as_ref())
    }
}

impl<T: AsRef<[u8]>> Eq for Secret<T> {}

/// Whether `left` equals `right`, in a time that depends on the lengths alone, so that an attacker
/// who measures answers can't find a secret byte by byte.
#[must_use]
pub fn same_bytes(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

/// A new token of `BYTES` random bytes, written in base64url without padding (RFC 4648, section 5).
///
/// 32 bytes (256 bits) are 43 characters, 16 bytes (128 bits) are 22. Fewer than
/// [`TOKEN_BYTES_MIN`] don't compile.
#[must_use]
pub fn random_token<const BYTES: usize>(rng: &mut impl CryptoRng) -> Secret<String> {
    const {
        assert!(
            BYTES >= TOKEN_BYTES_MIN,
            "a token this short can be guessed"
        )
    };
    let mut bytes = [0; BYTES];
    rng.fill_bytes(&mut bytes);
    Secret(URL_SAFE_NO_PAD.encode(bytes))
}

/// What the store keeps of a token: its SHA-256.
///
/// One unsalted round is enough, because the tokens are random and long: there is no list of likely
/// ones to try. Passwords are another matter and go through argon2.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; Self::BYTES]);

impl TokenHash {
    /// Length of a hash in bytes.
    pub const BYTES: usize = 32;

    /// The hash of a token as a client sent it.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// The hash as the store keeps it.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// A hash as the store gave it back; `None` when it is not [`TokenHash::BYTES`] long.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({MASK})")
    }
}

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        same_bytes(&self.0, &other.0)
    }
}

impl Eq for TokenHash {}

impl std::hash::Hash for TokenHash {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use std::collections::HashSet;

    #[test]
    fn a_secret_is_not_printed_even_inside_other_values() {
        #[derive(Debug)]
        #[expect(dead_code, reason = "read by Debug alone")]
        struct Outer {
            inner: Option<Secret<String>>,
        }
        let outer = Outer {
            inner: Some(Secret::new("hunter2".to_owned())),
        };
        assert_eq!(format!("{outer:?}"), "Outer { inner: Some(***) }");
        assert!(!format!("{outer:#?}").contains("hunter2"));
    }

    #[test]
    fn secrets_compare_by_content() {
        assert_eq!(Secret::new("a"), Secret::new("a"));
        assert_ne!(Secret::new("a"), Secret::new("b"));
        assert!(!same_bytes(b"token", b"token and more"));
        assert!(same_bytes(b"", b""));
    }

    #[test]
    fn tokens_have_the_length_asked_for_and_differ() {
        let mut rng = StdRng::seed_from_u64(7);
        let tokens: HashSet<String> = (0..100)
            .map(|_| random_token::<32>(&mut rng).into_exposed())
            .collect();
        assert_eq!(tokens.len(), 100);
        for token in &tokens {
            assert_eq!(token.len(), 43);
            assert_eq!(URL_SAFE_NO_PAD.decode(token).expect("base64url").len(), 32);
        }
        assert_eq!(random_token::<16>(&mut rng).expose().len(), 22);
    }

    #[test]
    fn a_seed_repeats_its_tokens() {
        let token = |seed| random_token::<16>(&mut StdRng::seed_from_u64(seed));
        assert_eq!(token(1), token(1));
        assert_ne!(token(1), token(2));
    }

    #[test]
    fn a_hash_is_sha_256_and_survives_the_store() {
        // FIPS 180-2, appendix B.1.
        let hash = TokenHash::of("abc");
        assert_eq!(hash.as_bytes()[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!(hash.as_bytes()[28..], [0xf2, 0x00, 0x15, 0xad]);
        assert_eq!(TokenHash::from_bytes(hash.as_bytes()), Some(hash));
        assert_eq!(TokenHash::from_bytes(&[0; 31]), None);
        assert_ne!(TokenHash::of("abd"), hash);
        assert_eq!(format!("{hash:?}"), "TokenHash(***)");
    }
}
