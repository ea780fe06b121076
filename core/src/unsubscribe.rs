//! Signed links that turn one kind of mail off for one account, without log-in (RFC 8058).
//!
//! They stay good in a kinglet that sends no mail: letters of earlier days are still in mailboxes.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::domain::mail::MailKind;
use crate::ids::AccountId;
use crate::secret::MASK;

/// What is signed begins with this, so that the key's signatures can serve nothing else.
const PURPOSE: &[u8] = b"kinglet unsubscribe 1\n";

/// The most bytes of a token that are looked at.
const TOKEN_BYTES_MAX: usize = 128;

/// The key that signs the links of one instance.
///
/// Links don't expire: who unsubscribes a year later wants just that, and the worst that a leaked one does is to turn
/// off one kind of mail.
#[derive(Clone)]
pub struct UnsubscribeKey([u8; Self::BYTES]);

impl UnsubscribeKey {
    /// Length of a key in bytes.
    pub const BYTES: usize = 32;

    /// A key from random bytes that nobody else knows.
    #[must_use]
    pub const fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The token of one account and kind, made of letters, digits, `.`, `-` and `_`.
    #[must_use]
    pub fn sign(&self, account: AccountId, kind: MailKind) -> String {
        let claim = format!("{account}.{}", kind.name());
        let signature = self.mac(&claim).finalize().into_bytes();
        format!("{claim}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// What a token stands for; `None` when this key didn't sign it. Takes the same time wherever a signature is wrong.
    #[must_use]
    pub fn verify(&self, token: &str) -> Option<(AccountId, MailKind)> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let (claim, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.mac(claim).verify_slice(&signature).ok()?;
        let (account, kind) = claim.split_once('.')?;
        Some((account.parse().ok()?, MailKind::from_name(kind)?))
    }

    fn mac(&self, claim: &str) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of every length");
        mac.update(PURPOSE);
        mac.update(claim.as_bytes());
        mac
    }
}

impl fmt::Debug for UnsubscribeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnsubscribeKey({MASK})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: UnsubscribeKey = UnsubscribeKey::new([7; 32]);
    const ACCOUNT: AccountId = AccountId(112_233_445_566_778_899);

    #[test]
    fn a_token_leads_back_and_needs_no_escaping() {
        for kind in MailKind::ALL {
            let token = KEY.sign(ACCOUNT, kind);
            assert_eq!(KEY.verify(&token), Some((ACCOUNT, kind)));
            assert!(
                token
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)),
                "{token}"
            );
            assert!(token.len() <= TOKEN_BYTES_MAX);
        }
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let token = KEY.sign(ACCOUNT, MailKind::FollowRequest);
        for place in 0..token.len() {
            for bit in 0..8 {
                let mut bytes = token.clone().into_bytes();
                bytes[place] ^= 1 << bit;
                let Ok(forged) = String::from_utf8(bytes) else {
                    continue;
                };
                assert_eq!(KEY.verify(&forged), None, "{forged}");
            }
        }
    }

    #[test]
    fn others_and_shortened_tokens_are_refused() {
        let token = KEY.sign(ACCOUNT, MailKind::Mention);
        assert_eq!(UnsubscribeKey::new([8; 32]).verify(&token), None);
        for length in 0..token.len() {
            assert_eq!(KEY.verify(&token[..length]), None);
        }
        assert_eq!(KEY.verify(&format!("{token}=")), None);
        assert_eq!(KEY.verify(&"a".repeat(1_000_000)), None);
        assert_eq!(format!("{KEY:?}"), "UnsubscribeKey(***)");
    }
}
