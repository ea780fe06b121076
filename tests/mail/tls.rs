//! Mail over TLS, by the real program: what it trusts is what the system trusts.

use tempfile::TempDir;

use super::support::process::Place;
use super::support::program::Program;
use super::support::server::Client;
use super::support::smtp::{MailServer, make_certificates};

/// A directory with certificates, and a kinglet's with two people.
struct Town {
    certificates: TempDir,
    place: Place,
}

impl Town {
    fn new() -> Self {
        let certificates = tempfile::tempdir().expect("a directory");
        make_certificates(certificates.path());
        let place = Place::new();
        for name in ["ana", "ben"] {
            let email = format!("{name}@example.org");
            place.done(&["user", "create", name, "--email", &email]);
        }
        Self {
            certificates,
            place,
        }
    }

    fn pem(&self, name: &str) -> String {
        let path = self.certificates.path().join(name);
        path.to_str().expect("a path of text").to_owned()
    }

    /// A server that sends mail to `url` and trusts who is in this file, beside nobody.
    fn serve(&self, url: &str, trusted: &str) -> Program {
        let trusted = self.pem(trusted);
        Program::serve(
            &self.place.data(),
            &[
                ("KINGLET_MAIL__URL", url),
                ("KINGLET_LOG__LEVEL", "info"),
                ("SSL_CERT_FILE", &trusted),
                // A directory would be trusted as well.
                ("SSL_CERT_DIR", "/nowhere"),
            ],
        )
    }

    async fn mention(&self, kinglet: &Program) {
        let url = kinglet.wait_for("kinglet answers at ");
        let scopes = ["token", "create", "ana", "--scopes", "write"];
        let token = self.place.done(&scopes);
        let client = Client::new(url.trim()).with_token(token.trim());
        let post = serde_json::json!({"status": "@ben hello"});
        client.post("/api/v1/statuses", post).await.ok();
    }
}

#[tokio::test]
async fn mail_goes_over_tls_to_whom_the_system_trusts() {
    let town = Town::new();
    let certificate = town.pem("server.pem");
    for (scheme, starttls) in [("smtps", None), ("smtp+starttls", Some("--starttls"))] {
        let mut arguments = vec!["--certificate", &certificate];
        arguments.extend(starttls);
        let mut smtp = MailServer::start_with(&arguments).await;
        let kinglet = town.serve(&smtp.url_by(scheme), "authority.pem");
        town.mention(&kinglet).await;
        let mail = smtp.next().await;
        assert!(mail.tls, "{scheme}");
        assert_eq!(mail.to, "ben@example.org");
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_gets_no_mail() {
    let (town, strangers) = (Town::new(), Town::new());
    let certificate = strangers.pem("server.pem");
    for (scheme, starttls) in [("smtps", None), ("smtp+starttls", Some("--starttls"))] {
        let mut arguments = vec!["--certificate", &certificate];
        arguments.extend(starttls);
        let mut smtp = MailServer::start_with(&arguments).await;
        let kinglet = town.serve(&smtp.url_by(scheme), "authority.pem");
        town.mention(&kinglet).await;
        let reason = kinglet.wait_for("a mail waits");
        assert!(reason.contains("certificate"), "{scheme}: {reason}");
        assert!(smtp.rest().is_empty(), "{scheme}");
    }
}
