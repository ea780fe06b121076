//! Certificates in use: read from PEM, handed to handshakes, exchanged while the server runs.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, Error as RustlsError};

use super::provider;

/// Certificates between the own one and the root, at most.
const CHAIN_CERTIFICATES_MAX: usize = 16;

/// Why two PEM texts are no certificate with its key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemFault {
    /// About the certificate.
    #[error("{0}")]
    Certificate(String),
    /// About the key. Never more than what kind of thing is wrong: the text is a secret.
    #[error("{0}")]
    Key(&'static str),
    /// The key belongs to something else.
    #[error("certificate and key don't belong together")]
    Mismatch,
}

/// The certificate and key in two PEM texts, which may be the same.
///
/// # Errors
/// What is wrong with them.
pub fn read_pem(chain: &[u8], key: &[u8]) -> Result<Arc<CertifiedKey>, PemFault> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(chain)
        .take(CHAIN_CERTIFICATES_MAX)
        .collect::<Result<_, _>>()
        .map_err(|error| PemFault::Certificate(format!("is not PEM: {error}")))?;
    if certificates.is_empty() {
        return Err(PemFault::Certificate("holds no certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
        PemError::NoItemsFound => PemFault::Key("holds no private key that isn't encrypted"),
        _ => PemFault::Key("is not PEM"),
    })?;
    certified(certificates, key)
}

/// The certificate and key, checked against each other.
///
/// # Errors
/// What is wrong with them.
pub fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<CertifiedKey>, PemFault> {
    let certified =
        CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            RustlsError::InconsistentKeys(_) => PemFault::Mismatch,
            RustlsError::InvalidCertificate(_) => {
                PemFault::Certificate(format!("holds a broken certificate: {error}"))
            }
            _ => PemFault::Key("holds a key of a kind that TLS doesn't use"),
        })?;
    Ok(Arc::new(certified))
}

/// The answer to a certificate authority's question. It can't be checked as [`certified`] does: what it says stands in
/// an extension that is critical and that only those who ask know.
///
/// # Errors
/// The key is of a kind that TLS doesn't use.
pub fn answer_to_challenge(
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<CertifiedKey>, PemFault> {
    let key = provider().key_provider.load_private_key(key);
    let key = key.map_err(|_| PemFault::Key("is of a kind that TLS doesn't use"))?;
    Ok(Arc::new(CertifiedKey::new(vec![certificate], key)))
}

/// The certificate that HTTPS clients are shown.
pub struct Certificates(RwLock<Arc<CertifiedKey>>);

impl Certificates {
    /// With the first one.
    #[must_use]
    pub fn new(first: Arc<CertifiedKey>) -> Self {
        Self(RwLock::new(first))
    }

    /// Shows another one from now on; connections that stand are not touched.
    pub fn exchange(&self, next: Arc<CertifiedKey>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = next;
    }

    /// The one that is shown.
    #[must_use]
    pub fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificates")
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

/// The certificates that prove to a certificate authority that names are ours (RFC 8737), while it asks.
#[derive(Default)]
pub struct Challenges(Mutex<HashMap<String, Arc<CertifiedKey>>>);

impl Challenges {
    /// Answers for a name.
    pub fn answer(&self, name: &str, certificate: Arc<CertifiedKey>) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.insert(name.to_ascii_lowercase(), certificate);
    }

    /// Nothing is asked any more.
    pub fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

impl fmt::Debug for Challenges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Challenges")
    }
}

impl ResolvesServerCert for Challenges {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<rustls::sign::CertifiedKey>> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers
            .get(&hello.server_name()?.to_ascii_lowercase())
            .cloned()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::generate_simple_self_signed;

    use super::*;

    #[test]
    fn each_fault_of_the_texts_is_told_apart() {
        let one = generate_simple_self_signed(["a.example".to_owned()]).expect("a certificate");
        let other = generate_simple_self_signed(["b.example".to_owned()]).expect("a certificate");
        let (chain, key) = (one.cert.pem(), one.signing_key.serialize_pem());
        let fault = |chain: &str, key: &str| {
            read_pem(chain.as_bytes(), key.as_bytes()).expect_err("it can't be used")
        };
        read_pem(chain.as_bytes(), key.as_bytes()).expect("they belong together");
        // One file with both is fine.
        let both = format!("{key}{chain}");
        read_pem(both.as_bytes(), both.as_bytes()).expect("both are there");
        let foreign = other.signing_key.serialize_pem();
        assert_eq!(fault(&chain, &foreign), PemFault::Mismatch);
        assert!(matches!(fault("", &key), PemFault::Certificate(_)));
        assert!(matches!(fault(&key, &key), PemFault::Certificate(_)));
        assert!(matches!(fault(&chain, &chain), PemFault::Key(_)));
        assert!(matches!(
            fault(&chain, &key[..key.len() / 2]),
            PemFault::Key(_)
        ));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(fault(broken, &key), PemFault::Certificate(_)));
    }
}
