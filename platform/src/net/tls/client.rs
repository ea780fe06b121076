//! TLS as a client: towards a certificate authority, and towards the instance's own address.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};

use super::validity::Validity;
use super::{TlsSetupError, files, provider};

/// Connects to others by TLS. Clones are the same client.
#[derive(Clone)]
pub struct TlsClient {
    connector: TlsConnector,
}

/// Why a certificate isn't believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Distrust {
    /// Its time is over.
    Expired,
    /// Its time hasn't come.
    NotYet,
    /// It is for another name.
    OtherName,
    /// Nobody known has signed it.
    UnknownAuthority,
    /// Something else.
    Other(String),
}

impl TlsClient {
    /// With the root in a PEM file, without one with those of the system.
    ///
    /// # Errors
    /// When the file can't be used.
    pub fn new(authority: Option<&Path>) -> Result<Self, TlsSetupError> {
        let mut roots = RootCertStore::empty();
        match authority {
            Some(path) => {
                let unusable = |what: String| TlsSetupError::Unusable {
                    path: path.to_owned(),
                    what,
                };
                let pem = files::read(path)?;
                for certificate in CertificateDer::pem_slice_iter(&pem) {
                    let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
                    let added = roots.add(certificate);
                    added.map_err(|error| unusable(error.to_string()))?;
                }
                if roots.is_empty() {
                    return Err(unusable("holds no certificate".to_owned()));
                }
            }
            None => {
                // One that can't be read or used is one less; none at all shows as an error of the first request.
                let found = rustls_native_certs::load_native_certs();
                roots.add_parsable_certificates(found.certs);
            }
        }
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(TlsSetupError::Library)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
        })
    }

    /// Agrees with the server of this name or address, which stands without brackets.
    ///
    /// # Errors
    /// When there is no agreement; [`distrust`] tells whether the certificate is to blame.
    pub async fn connect(&self, host: &str, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        self.connector.connect(name, stream).await
    }
}

/// From when to when the other end's certificate is good.
#[must_use]
pub fn validity(stream: &TlsStream<TcpStream>) -> Option<Validity> {
    let (_, session) = stream.get_ref();
    Validity::of(session.peer_certificates()?.first()?)
}

/// What is wrong with the certificate for which there was no agreement; `None` when something else was the reason.
#[must_use]
pub fn distrust(error: &io::Error) -> Option<Distrust> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    let rustls::Error::InvalidCertificate(fault) = error else {
        return None;
    };
    Some(match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Distrust::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Distrust::NotYet
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Distrust::OtherName
        }
        CertificateError::UnknownIssuer => Distrust::UnknownAuthority,
        other => Distrust::Other(other.to_string()),
    })
}
