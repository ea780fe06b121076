//! Where the certificate comes from: files, or a certificate authority.

use std::sync::Arc;

use super::{BootError, Plan};
use crate::net::tls::TlsAcceptor;
#[cfg(feature = "acme")]
use crate::net::tls::acme::{Acme, AcmeSetup};
use crate::net::tls::certificates::Certificates;
use crate::net::tls::files::CertificateFiles;

/// Who keeps the certificate fresh, where that isn't somebody else.
#[cfg(feature = "acme")]
pub(super) type Keeper = Acme;
/// Nobody.
#[cfg(not(feature = "acme"))]
pub(super) type Keeper = std::convert::Infallible;

/// What HTTPS is served with.
pub(super) fn acceptor(plan: &Plan) -> Result<(TlsAcceptor, Option<Keeper>), BootError> {
    let tls = &plan.config.tls;
    if let (Some(certificate), Some(key)) = (&tls.certificate, &tls.key) {
        let (files, first) = CertificateFiles::open(certificate, key, Arc::clone(&plan.clock))?;
        let certificates = Arc::new(Certificates::new(first));
        return Ok((TlsAcceptor::with_files(certificates, files)?, None));
    }
    #[cfg(feature = "acme")]
    {
        let (acme, certificates, challenges) = Acme::open(AcmeSetup {
            domains: tls.acme_domains.clone(),
            email: tls.acme_email.clone(),
            directory: tls.acme_directory.clone(),
            authority: tls.acme_ca.clone(),
            folder: plan.config.storage.data_dir.join("acme"),
            clock: Arc::clone(&plan.clock),
        })?;
        let acceptor = TlsAcceptor::with_challenges(certificates, challenges)?;
        Ok((acceptor, Some(acme)))
    }
    #[cfg(not(feature = "acme"))]
    Err(BootError::Settings(
        "tls.listen needs tls.certificate and tls.key",
    ))
}
