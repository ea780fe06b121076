//! Certificates from a certificate authority by ACME (RFC 8555): got when there is none, exchanged after two thirds of
//! their life, proved over the HTTPS listener itself (TLS-ALPN-01, RFC 8737).
//!
//! Nothing of it stands in the way of a start: until there is a certificate, the server shows one that it signed itself,
//! and asks again in growing pauses.

mod client;
mod kept;
mod order;

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rcgen::generate_simple_self_signed;
use tokio::time::{sleep, timeout};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::sign::CertifiedKey;

use self::client::AcmeClient;
use self::kept::{Kept, KeptFiles};
use super::TlsSetupError;
use super::certificates::{Certificates, Challenges, certified};
use crate::clock::SharedClock;
use crate::config::{AcmeDirectory, DomainName, MailAddress};
use crate::randomness::Randomness;

/// How long one certificate may take.
const ORDER_TIME_MAX: Duration = Duration::from_secs(180);
/// The pause after the first failure; three times as much after each further one. So an hour sees no more than five
/// failures, which is what Let's Encrypt allows.
const RETRY_PAUSE_MIN: Duration = Duration::from_secs(120);
const RETRY_PAUSE_FACTOR: u32 = 3;
/// The longest pause after a failure.
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(6 * 60 * 60);
/// How much longer a pause may be by chance, in percent: not all servers ask at once.
const JITTER_PERCENT_MAX: u32 = 20;
/// How long it sleeps at most until it looks at the clock again, which may have been set meanwhile.
const SLEEP_MAX: Duration = Duration::from_secs(12 * 60 * 60);

/// The pause after which it tries again to write what couldn't be written.
const WRITE_PAUSE: Duration = Duration::from_secs(60);

/// What certificates are to be got for, and where.
pub struct AcmeSetup {
    /// The names, at least one.
    pub domains: Vec<DomainName>,
    /// Where the certificate authority may write to.
    pub email: Option<MailAddress>,
    /// Its directory.
    pub directory: AcmeDirectory,
    /// PEM file with the root that its own address is known by; without one the system's.
    pub authority: Option<PathBuf>,
    /// Where account and certificate are kept, for this user alone.
    pub folder: PathBuf,
    /// The time.
    pub clock: SharedClock,
}

/// Keeps a certificate fresh.
pub struct Acme {
    setup: AcmeSetup,
    client: AcmeClient,
    files: KeptFiles,
    kept: Option<Kept>,
    certificates: Arc<Certificates>,
    challenges: Arc<Challenges>,
}

impl Acme {
    /// Takes what was kept, without anything else a certificate that nobody trusts.
    ///
    /// # Errors
    /// When what is kept can't be read, or nothing can be kept.
    pub fn open(
        setup: AcmeSetup,
    ) -> Result<(Self, Arc<Certificates>, Arc<Challenges>), TlsSetupError> {
        let client = AcmeClient::new(setup.authority.as_deref())?;
        let files = KeptFiles::open(&setup.folder)?;
        let (kept, first) = match files.certificate()? {
            Some((kept, certified)) => (Some(kept), certified),
            None => (None, temporary(&setup.domains)?),
        };
        let kept = kept.filter(|kept| kept.is_for(&setup.domains, &setup.directory));
        let certificates = Arc::new(Certificates::new(first));
        let challenges = Arc::new(Challenges::default());
        let acme = Self {
            setup,
            client,
            files,
            kept,
            certificates: Arc::clone(&certificates),
            challenges: Arc::clone(&challenges),
        };
        Ok((acme, certificates, challenges))
    }

    /// Keeps it fresh until `stop` is ready. The server has to answer by now: the certificate authority asks it.
    pub async fn run(mut self, randomness: Randomness, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut failures = 0;
        loop {
            self.files.write_again();
            let sleep_max = if self.files.has_unwritten() {
                WRITE_PAUSE
            } else {
                SLEEP_MAX
            };
            let pause = match self.time_left() {
                Some(left) => left.min(sleep_max),
                None => {
                    let ordered = tokio::select! {
                        ordered = timeout(ORDER_TIME_MAX, self.order()) => ordered,
                        () = &mut stop => return,
                    };
                    self.challenges.clear();
                    let problem = match ordered {
                        Ok(Ok(())) => {
                            failures = 0;
                            continue;
                        }
                        Ok(Err(problem)) => problem,
                        Err(_) => "it took too long".to_owned(),
                    };
                    failures += 1;
                    let jitter = randomness.rng().random_range(0..=JITTER_PERCENT_MAX);
                    let pause = retry_pause(failures, jitter);
                    tracing::error!(
                        target: "kinglet::net::tls::acme", problem,
                        retry_in_secs = pause.as_secs(),
                        "no certificate by ACME"
                    );
                    pause
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = &mut stop => return,
            }
        }
    }

    /// How long the certificate is fresh; `None` when another is due.
    fn time_left(&self) -> Option<Duration> {
        let due = self.kept.as_ref()?.renewal_due?;
        let left = due.millis() - self.setup.clock.now().millis();
        u64::try_from(left)
            .ok()
            .filter(|left| *left > 0)
            .map(Duration::from_millis)
    }

    /// Gets a certificate, keeps it, and shows it.
    async fn order(&mut self) -> Result<(), String> {
        let names: Vec<&str> = self.setup.domains.iter().map(DomainName::as_str).collect();
        tracing::info!(target: "kinglet::net::tls::acme", names = names.join(" "), directory = %self.setup.directory, "asking for a certificate");
        let account = self
            .files
            .account(
                &self.client,
                &self.setup.directory,
                self.setup.email.as_ref(),
            )
            .await?;
        let (chain, key) =
            order::certificate(&account, &self.setup.domains, &self.challenges).await?;
        let (kept, certified) = Kept::new(&self.setup.domains, &self.setup.directory, chain, key)?;
        if kept
            .renewal_due
            .is_none_or(|due| due <= self.setup.clock.now())
        {
            // To show it and ask for another at once would be a loop.
            return Err(
                "the certificate that came is not good for now: is the clock right?".to_owned(),
            );
        }
        // In use first: one that can't be written is good all the same, and another isn't given as often as one likes.
        self.certificates.exchange(certified);
        self.files.keep_certificate(&kept);
        self.kept = Some(kept);
        tracing::info!(target: "kinglet::net::tls::acme", names = names.join(" "), "a new certificate is in use");
        Ok(())
    }
}

/// The pause after so many failures in a row.
fn retry_pause(failures: u32, jitter_percent: u32) -> Duration {
    let factor = RETRY_PAUSE_FACTOR.saturating_pow(failures.saturating_sub(1));
    let pause = RETRY_PAUSE_MIN.saturating_mul(factor).min(RETRY_PAUSE_MAX);
    pause + pause * jitter_percent / 100
}

/// A certificate that only says that there is no other yet.
fn temporary(domains: &[DomainName]) -> Result<Arc<CertifiedKey>, TlsSetupError> {
    let unmade = |error: String| TlsSetupError::Unmade(error);
    let names: Vec<_> = domains.iter().map(ToString::to_string).collect();
    let made = generate_simple_self_signed(names).map_err(|error| unmade(error.to_string()))?;
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    certified(vec![made.cert.der().clone()], key).map_err(|fault| unmade(fault.to_string()))
}

/// An error with its causes, in one line.
fn said(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_an_hour_sees_five_failures_at_most() {
        let mut at = Duration::ZERO;
        let mut within_an_hour = 1;
        for failures in 1..20 {
            at += retry_pause(failures, 0);
            within_an_hour += u32::from(at < Duration::from_secs(3600));
        }
        assert!(within_an_hour <= 5, "{within_an_hour}");
        assert_eq!(retry_pause(1, 0), RETRY_PAUSE_MIN);
        assert_eq!(retry_pause(u32::MAX, 0), RETRY_PAUSE_MAX);
        assert_eq!(retry_pause(1, 20), RETRY_PAUSE_MIN * 6 / 5);
    }
}
