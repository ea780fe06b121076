//! HTTPS without a proxy in front: handshakes, and where certificates come from.

#[cfg(feature = "acme")]
pub mod acme;
pub mod certificates;
pub mod client;
pub mod files;
pub mod validity;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::server::{Acceptor, ResolvesServerCert};
use tokio_rustls::rustls::{self, ServerConfig};

use self::certificates::{Certificates, Challenges};
use self::files::CertificateFiles;
use super::stream::Stream;

/// The protocol that HTTPS clients are offered.
const HTTP_1_1: &[u8] = b"http/1.1";
/// The protocol by which a certificate authority asks whether a name is ours (RFC 8737).
const ACME_TLS_1: &[u8] = b"acme-tls/1";

/// Why HTTPS can't be served, or a certificate can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsSetupError {
    /// A file can't be read.
    #[error("{path}: can't be read")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file that isn't what it should be.
    #[error("{path}: {what}")]
    Unusable {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A certificate and a key of something else.
    #[error("{key} is not the key of {certificate}")]
    Mismatch {
        /// The file with the certificate.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
    },
    /// The library refuses.
    #[error("can't set TLS up")]
    Library(#[source] rustls::Error),
    /// What is kept about certificates can't be written.
    #[error("{path}: can't be written")]
    Unwritable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// No temporary certificate.
    #[error("can't make a certificate: {0}")]
    Unmade(String),
}

/// Why there is no encrypted connection.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct TlsError(#[from] io::Error);

/// The one implementation of cryptography that is used.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Agrees on encryption with those who connect.
pub struct TlsAcceptor {
    https: Arc<ServerConfig>,
    challenge: Arc<ServerConfig>,
    certificates: Arc<Certificates>,
    files: Option<CertificateFiles>,
}

impl TlsAcceptor {
    /// With certificates of files, which are looked at again.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn with_files(
        certificates: Arc<Certificates>,
        files: CertificateFiles,
    ) -> Result<Self, TlsSetupError> {
        Self::new(certificates, Arc::default(), Some(files))
    }

    /// With certificates that somebody else keeps fresh, who has to answer challenges.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn with_challenges(
        certificates: Arc<Certificates>,
        challenges: Arc<Challenges>,
    ) -> Result<Self, TlsSetupError> {
        Self::new(certificates, challenges, None)
    }

    fn new(
        certificates: Arc<Certificates>,
        challenges: Arc<Challenges>,
        files: Option<CertificateFiles>,
    ) -> Result<Self, TlsSetupError> {
        Ok(Self {
            https: server_config(Arc::<Certificates>::clone(&certificates), HTTP_1_1)?,
            challenge: server_config(challenges, ACME_TLS_1)?,
            certificates,
            files,
        })
    }

    /// Agrees with one client. `None` when the connection was a certificate authority's question and is answered.
    ///
    /// # Errors
    /// When there is no agreement.
    pub async fn accept(&self, stream: Stream) -> Result<Option<Stream>, TlsError> {
        if let Some(files) = &self.files {
            files.refresh(&self.certificates).await;
        }
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let is_challenge = start
            .client_hello()
            .alpn()
            .is_some_and(|mut protocols| protocols.any(|protocol| protocol == ACME_TLS_1));
        if is_challenge {
            start.into_stream(Arc::clone(&self.challenge)).await?;
            return Ok(None);
        }
        let stream = start.into_stream(Arc::clone(&self.https)).await?;
        Ok(Some(Stream::Tls(Box::new(stream))))
    }
}

fn server_config(
    resolver: Arc<dyn ResolvesServerCert>,
    protocol: &[u8],
) -> Result<Arc<ServerConfig>, TlsSetupError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(TlsSetupError::Library)?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(Arc::new(config))
}
