//! What outlives a restart: the account with a certificate authority, and the last certificate with its key. Files of
//! the data directory that nobody else can read.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use instant_acme::{Account, AccountCredentials, NewAccount};
use serde::{Deserialize, Serialize};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::super::TlsSetupError;
use super::super::certificates::read_pem;
use super::super::files::read;
use super::super::validity::Validity;
use super::client::AcmeClient;
use super::said;
use crate::clock::Timestamp;
use crate::config::{AcmeDirectory, DomainName, MailAddress};

/// The account's file.
const ACCOUNT: &str = "account.json";
/// The certificate's file.
const CERTIFICATE: &str = "certificate.json";

/// A certificate with its key, and what it was got for.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    domains: Vec<String>,
    directory: String,
    chain: String,
    key: String,
    /// When another is due; nothing when it can't be read out of the certificate.
    #[serde(skip)]
    pub(super) renewal_due: Option<Timestamp>,
}

impl Kept {
    /// A new one.
    pub(super) fn new(
        domains: &[DomainName],
        directory: &AcmeDirectory,
        chain: String,
        key: String,
    ) -> Result<(Self, Arc<CertifiedKey>), String> {
        let mut kept = Self {
            domains: domains.iter().map(ToString::to_string).collect(),
            directory: directory.to_string(),
            chain,
            key,
            renewal_due: None,
        };
        let certified = kept.check()?;
        Ok((kept, certified))
    }

    fn check(&mut self) -> Result<Arc<CertifiedKey>, String> {
        let certified = read_pem(self.chain.as_bytes(), self.key.as_bytes()).map_err(said)?;
        let first = certified.cert.first();
        let validity = first.and_then(|certificate| Validity::of(certificate));
        self.renewal_due = validity.map(|validity| validity.renewal_due());
        Ok(certified)
    }

    /// Whether it is what is wanted now.
    pub(super) fn is_for(&self, domains: &[DomainName], directory: &AcmeDirectory) -> bool {
        let same_names = self
            .domains
            .iter()
            .map(String::as_str)
            .eq(domains.iter().map(DomainName::as_str));
        same_names && self.directory == directory.as_str()
    }
}

/// An account, and with whom.
#[derive(Serialize, Deserialize)]
struct KeptAccount {
    directory: String,
    credentials: AccountCredentials,
}

/// The folder that it is kept in.
pub(super) struct KeptFiles {
    folder: PathBuf,
    /// What couldn't be written yet, by the file's name. It is used all the same: certificate authorities give only so
    /// much in a week.
    unwritten: BTreeMap<&'static str, Vec<u8>>,
}

impl KeptFiles {
    /// Makes the folder where there is none.
    ///
    /// # Errors
    /// When it can't be made.
    pub(super) fn open(folder: &Path) -> Result<Self, TlsSetupError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|source| TlsSetupError::Unwritable {
            path: folder.to_owned(),
            source,
        })?;
        Ok(Self {
            folder: folder.to_owned(),
            unwritten: BTreeMap::new(),
        })
    }

    /// Whether something waits to be written.
    pub(super) fn has_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// Tries once more to write what couldn't be written.
    pub(super) fn write_again(&mut self) {
        for (name, text) in std::mem::take(&mut self.unwritten) {
            self.keep(name, text);
        }
    }

    /// Writes a file, or remembers it until it can be written.
    fn keep(&mut self, name: &'static str, text: Vec<u8>) {
        if let Err(error) = self.write(name, &text) {
            let error = said(error);
            tracing::warn!(
                target: "kinglet::net::tls::acme::kept", error,
                "what ACME gave can't be written: it is used, and would be lost at a stop"
            );
            self.unwritten.insert(name, text);
        }
    }

    /// The certificate that was kept. One that can't be used is told of, and counts as none.
    ///
    /// # Errors
    /// When it can't be read though it is there.
    pub(super) fn certificate(&self) -> Result<Option<(Kept, Arc<CertifiedKey>)>, TlsSetupError> {
        let path = self.folder.join(CERTIFICATE);
        if !path.exists() {
            return Ok(None);
        }
        let text = read(&path)?;
        let parsed = serde_json::from_slice::<Kept>(&text).map_err(|error| error.to_string());
        let usable = parsed.and_then(|mut kept| {
            let certified = kept.check()?;
            Ok((kept, certified))
        });
        Ok(usable
            .inspect_err(|problem| {
                tracing::warn!(target: "kinglet::net::tls::acme::kept", path = %path.display(), problem, "the certificate that was kept can't be used");
            })
            .ok())
    }

    /// Keeps a certificate.
    pub(super) fn keep_certificate(&mut self, kept: &Kept) {
        self.keep(CERTIFICATE, written(kept));
    }

    /// The account with a certificate authority: the one that was kept, else a new one.
    pub(super) async fn account(
        &mut self,
        client: &AcmeClient,
        directory: &AcmeDirectory,
        email: Option<&MailAddress>,
    ) -> Result<Account, String> {
        let path = self.folder.join(ACCOUNT);
        let unwritten = self.unwritten.get(ACCOUNT).cloned();
        if unwritten.is_some() || path.exists() {
            let text = match unwritten {
                Some(text) => text,
                None => read(&path).map_err(said)?,
            };
            match serde_json::from_slice::<KeptAccount>(&text) {
                Ok(kept) if kept.directory == directory.as_str() => {
                    let builder = Account::builder_with_http(Box::new(client.clone()));
                    let account = builder.from_credentials(kept.credentials).await;
                    return account.map_err(said);
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(target: "kinglet::net::tls::acme::kept", path = %path.display(), %error, "the account that was kept can't be used");
                }
            }
        }
        let contact = email.map(|email| format!("mailto:{email}"));
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let wanted = NewAccount {
            contact: &contact,
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let builder = Account::builder_with_http(Box::new(client.clone()));
        let created = builder.create(&wanted, directory.to_string(), None).await;
        let (account, credentials) = created.map_err(said)?;
        let kept = KeptAccount {
            directory: directory.to_string(),
            credentials,
        };
        self.keep(ACCOUNT, written(&kept));
        Ok(account)
    }

    /// Writes a file whole or not at all, for this user alone.
    fn write(&self, name: &str, text: &[u8]) -> Result<(), TlsSetupError> {
        let path = self.folder.join(name);
        let unready = self.folder.join(format!("{name}.new"));
        let written = || -> io::Result<()> {
            match fs::remove_file(&unready) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut options = OpenOptions::new();
            let mut file = options
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&unready)?;
            file.write_all(text)?;
            file.sync_all()?;
            fs::rename(&unready, &path)?;
            fs::File::open(&self.folder)?.sync_all()
        };
        written().map_err(|source| TlsSetupError::Unwritable {
            path: path.clone(),
            source,
        })
    }
}

fn written(content: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(content).expect("texts make JSON")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use rcgen::generate_simple_self_signed;

    use super::*;

    #[test]
    fn a_certificate_is_kept_for_its_user_alone_and_only_for_its_names() {
        let directory = tempfile::tempdir().expect("a directory");
        let folder = directory.path().join("acme");
        let mut files = KeptFiles::open(&folder).expect("a folder");
        assert!(files.certificate().expect("readable").is_none());
        let made = generate_simple_self_signed(["a.example".to_owned()]).expect("a certificate");
        let domains = ["a.example".parse::<DomainName>().expect("a name")];
        let authority: AcmeDirectory = "https://ca.example/dir".parse().expect("a URL");
        let (kept, _) = Kept::new(
            &domains,
            &authority,
            made.cert.pem(),
            made.signing_key.serialize_pem(),
        )
        .expect("they belong together");
        for _ in 0..2 {
            files.keep_certificate(&kept);
            assert!(!files.has_unwritten());
        }
        let mode = |path: &Path| {
            let found = fs::metadata(path).expect("it is there");
            found.permissions().mode() & 0o777
        };
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join(CERTIFICATE)), 0o600);
        let (again, _) = files.certificate().expect("readable").expect("it is kept");
        assert_eq!(again.renewal_due, kept.renewal_due);
        assert!(again.renewal_due.is_some());
        assert!(again.is_for(&domains, &authority));
        assert!(!again.is_for(&domains, &AcmeDirectory::lets_encrypt()));
        let other = ["b.example".parse::<DomainName>().expect("a name")];
        assert!(!again.is_for(&other, &authority));
        fs::write(folder.join(CERTIFICATE), "{").expect("it is written");
        assert!(files.certificate().expect("readable").is_none());
        // What stands in the way of the file that is made first stands for a full disk.
        let obstacle = folder.join("certificate.json.new");
        fs::create_dir(&obstacle).expect("a directory");
        files.keep_certificate(&kept);
        files.write_again();
        assert!(files.has_unwritten());
        fs::remove_dir(&obstacle).expect("it is empty");
        files.write_again();
        assert!(!files.has_unwritten());
        assert!(files.certificate().expect("readable").is_some());
    }
}
