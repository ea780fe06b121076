//! A certificate from a real ACME server (pebble), got, used by a browser's client, kept over a restart.

#![expect(
    clippy::panic,
    reason = "clippy takes only the test functions themselves for tests"
)]
#![cfg(feature = "acme")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair};
use support::curl::Curl;
use support::process::{Place, Running};
use support::tools::{Helper, free_address};

/// The name that a certificate is got for. Nothing but the test's own name server knows it.
const NAME: &str = "kinglet.test.example";
/// How long a certificate may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn helper(program: &str, arguments: &[&str]) -> Helper {
    let child = Command::new(program)
        .args(arguments)
        .env("PEBBLE_VA_NOSLEEP", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Helper(child.unwrap_or_else(|_| panic!("{program} is missing: run tests/install first")))
}

/// A certificate authority and the name server that it asks.
struct Authority {
    folder: PathBuf,
    port: u16,
    management_port: u16,
    running: Vec<Helper>,
}

impl Authority {
    /// One that will ask names on `tls_port`; it doesn't run yet.
    fn new(folder: &Path, tls_port: u16) -> Self {
        Self::issuing_for(folder, tls_port, 90 * 24 * 60 * 60)
    }

    /// One whose certificates are good for so many seconds.
    fn issuing_for(folder: &Path, tls_port: u16, validity_secs: u64) -> Self {
        let (port, management_port) = (free_address().port(), free_address().port());
        let key = KeyPair::generate().expect("a key");
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let params = CertificateParams::new(names).expect("names");
        let own = params.self_signed(&key).expect("a certificate");
        fs::write(folder.join("pebble.pem"), own.pem()).expect("it is written");
        fs::write(folder.join("pebble.key"), key.serialize_pem()).expect("it is written");
        let config = serde_json::json!({"pebble": {
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management_port}"),
            "certificate": folder.join("pebble.pem"),
            "privateKey": folder.join("pebble.key"),
            "httpPort": free_address().port(),
            "tlsPort": tls_port,
            "certificateValidityPeriod": validity_secs,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
        }});
        fs::write(folder.join("pebble.json"), config.to_string()).expect("it is written");
        Self {
            folder: folder.to_owned(),
            port,
            management_port,
            running: Vec::new(),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "other processes take real time")]
    fn start(&mut self) {
        let dns = format!("127.0.0.1:{}", free_address().port());
        let names = [
            "-defaultIPv4",
            "127.0.0.1",
            "-defaultIPv6",
            "",
            "-dns01",
            &dns,
        ];
        let none = ["-http01", "", "-https01", "", "-tlsalpn01", ""];
        let management = format!("127.0.0.1:{}", free_address().port());
        let names = [&names[..], &none, &["-management", &management]].concat();
        self.running.push(helper("pebble-challtestsrv", &names));
        let config = self.folder.join("pebble.json");
        let config = config.to_str().expect("UTF-8");
        self.running
            .push(helper("pebble", &["-config", config, "-dnsserver", &dns]));
        let began = Instant::now();
        let directory = format!("https://127.0.0.1:{}/dir", self.port);
        while self.curl().fetch(&directory, &[]).status != 200 {
            assert!(began.elapsed() < PATIENCE, "pebble doesn't answer");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn curl(&self) -> Curl {
        Curl::new(["--http1.1"]).with("--cacert", self.folder.join("pebble.pem"))
    }

    /// The root of the certificates that it issues, in a file.
    fn root(&self) -> PathBuf {
        let url = format!("https://127.0.0.1:{}/roots/0", self.management_port);
        let root = self.curl().fetch(&url, &[]);
        assert_eq!(root.status, 200, "{}", root.complaint);
        let path = self.folder.join("root.pem");
        fs::write(&path, root.text).expect("it is written");
        path
    }
}

fn configure(place: &Place, authority: &Authority, tls_port: u16) {
    place.configure(&format!(
        "[tls]\nlisten = \"127.0.0.1:{tls_port}\"\nacme_domains = [{NAME:?}]\n\
         acme_email = \"admin@test.example\"\nacme_directory = \"https://localhost:{}/dir\"\n\
         acme_ca = {:?}\n[http]\nlisten = \"\"\n",
        authority.port,
        authority.folder.join("pebble.pem"),
    ));
}

#[expect(clippy::disallowed_methods, reason = "other processes take real time")]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_certificate_is_got_and_a_log_in_goes_over_it_and_a_restart_keeps_it() {
    let place = Place::new();
    let tls_port = free_address().port();
    let mut authority = Authority::new(place.path(), tls_port);
    authority.start();
    configure(&place, &authority, tls_port);
    place.run_with_input(
        &[
            "user",
            "create",
            "alice",
            "--email",
            "a@example.org",
            "--password-stdin",
        ],
        "the password of alice\n",
    );
    let running = Running::start(place.command(&["serve"]));
    assert_eq!(running.url, format!("https://{NAME}:{tls_port}"));
    let root = authority.root();
    let curl = Curl::new([
        "--http1.1",
        "--resolve",
        &format!("{NAME}:{tls_port}:127.0.0.1"),
    ])
    .with("--cacert", &root)
    .keeping_cookies(&place.path().join("cookies"));
    let health = format!("{}/health", running.url);
    until("no certificate came", || {
        curl.fetch(&health, &[]).status == 200
    });
    let home = curl.log_in(&running.url, "alice", "the password of alice");
    assert!(home.status.is_success(), "{}", home.html);

    let folder = place.data().join("acme");
    let mode = |path: &Path| fs::metadata(path).expect("it is kept").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for file in ["account.json", "certificate.json"] {
        assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
    }
    let kept = fs::read(folder.join("certificate.json")).expect("it is kept");
    let errors = running.stop().errors;
    assert!(!errors.contains("PRIVATE KEY"), "{errors}");

    // Without the certificate authority: what was kept is shown from the first connection on.
    drop(authority);
    let running = Running::start(place.command(&["serve"]));
    assert_eq!(curl.fetch(&health, &[]).status, 200);
    assert!(running.stop().status.success());
    assert_eq!(
        fs::read(folder.join("certificate.json")).expect("it is kept"),
        kept
    );
}

#[test]
fn a_certificate_is_renewed_before_it_ends_and_no_connection_is_refused_meanwhile() {
    let place = Place::new();
    let tls_port = free_address().port();
    let mut authority = Authority::issuing_for(place.path(), tls_port, 12);
    authority.start();
    configure(&place, &authority, tls_port);
    let running = Running::start(place.command(&["serve"]));
    let resolve = format!("{NAME}:{tls_port}:127.0.0.1");
    let curl = Curl::new(["--http1.1", "--resolve", &resolve]).with("--cacert", authority.root());
    let health = format!("{}/health", running.url);
    let kept = place.data().join("acme/certificate.json");
    until("no certificate came", || kept.exists());
    let first = fs::read(&kept).expect("it is kept");
    until("it isn't renewed", || {
        let asked = curl.fetch(&health, &[]);
        assert_eq!(asked.status, 200, "{}", asked.complaint);
        fs::read(&kept).expect("it is kept") != first
    });
    assert_eq!(curl.fetch(&health, &[]).status, 200);
    let errors = running.stop().errors;
    assert!(!errors.contains("no certificate by ACME"), "{errors}");
}

#[test]
fn without_a_certificate_authority_a_start_succeeds_and_says_when_it_asks_again() {
    let place = Place::new();
    let tls_port = free_address().port();
    let authority = Authority::new(place.path(), tls_port);
    configure(&place, &authority, tls_port);
    let running = Running::start(place.command(&["serve"]));
    let resolve = format!("{NAME}:{tls_port}:127.0.0.1");
    // It answers with a certificate that nobody trusts.
    let health = format!("{}/health", running.url);
    let strict = Curl::new(["--resolve", &resolve]).fetch(&health, &[]);
    assert_eq!(strict.code, 60, "{}", strict.complaint);
    let lax = Curl::new(["--insecure", "--resolve", &resolve]);
    until("nothing answers", || lax.fetch(&health, &[]).status == 200);
    let ended = running.stop();
    assert!(ended.status.success());
    assert!(
        ended.errors.contains("no certificate by ACME"),
        "{}",
        ended.errors
    );
    assert!(ended.errors.contains("retry_in_secs=1"), "{}", ended.errors);
}
