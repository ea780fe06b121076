//! HTTPS by the server itself: real handshakes of another implementation, certificates that change, clients that stall.

#![cfg(feature = "tls")]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kinglet::Server;
use kinglet::clock::ManualClock;
use kinglet::config::Config;
use kinglet::domain::account::Role;
use kinglet::net::listener::Use;
use rcgen::{CertificateParams, DnType, IsCa, Issuer, KeyPair};
use reqwest::StatusCode;
use support::curl::Curl;
use support::process::{Place, Running};
use tempfile::TempDir;

/// A certificate authority of a test, and the files of a server's certificate.
struct Authority {
    directory: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params
            .distinguished_name
            .push(DnType::CommonName, "the test's root");
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let root = params.self_signed(&key).expect("a root");
        fs::write(directory.path().join("root.pem"), root.pem()).expect("it is written");
        Self {
            directory,
            issuer: Issuer::new(params, key),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a certificate for `localhost` and its key, as who renews certificates does.
    fn issue(&self, serial: u64) {
        let (chain, key) = self.made(serial);
        fs::write(self.path("chain.pem"), chain).expect("it is written");
        fs::write(self.path("key.pem"), key).expect("it is written");
    }

    fn made(&self, serial: u64) -> (String, String) {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).expect("names");
        params
            .distinguished_name
            .push(DnType::CommonName, "the test's server");
        params.serial_number = Some(serial.into());
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    fn curl(&self) -> Curl {
        Curl::new(["--http1.1"]).with("--cacert", self.path("root.pem"))
    }

    fn config(&self) -> Config {
        let mut config = Config::default();
        config.http.listen = "".parse().expect("nowhere");
        config.tls.listen = "127.0.0.1:0".parse().expect("an address");
        config.tls.certificate = Some(self.path("chain.pem"));
        config.tls.key = Some(self.path("key.pem"));
        config
    }

    fn configuration(&self, more: &str) -> String {
        format!(
            "[tls]\nlisten = \"127.0.0.1:0\"\ncertificate = {:?}\nkey = {:?}\n{more}",
            self.path("chain.pem"),
            self.path("key.pem")
        )
    }
}

/// The serial number of the certificate that a new connection is shown.
fn serial_shown(authority: &Authority, url: &str) -> String {
    let shown = authority.curl().fetch(
        &format!("{url}/health"),
        &[
            "--write-out",
            "%{certs}\nkinglet-status: %{http_code}",
            "--output",
            "/dev/null",
        ],
    );
    assert_eq!(shown.code, 0, "{}", shown.complaint);
    let line = shown
        .text
        .lines()
        .chain([""])
        .find(|line| line.starts_with("Serial Number:"));
    line.map(|line| line["Serial Number:".len()..].trim().to_owned())
        .expect("a serial number")
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("no panic")
}

#[tokio::test]
async fn a_browser_logs_in_over_https_with_secure_cookies_and_is_told_to_stay() {
    let authority = Authority::new();
    authority.issue(1);
    let builder = Server::builder().config(authority.config()).in_memory();
    let server = builder.start().await.expect("it starts");
    let url = server.url().to_owned();
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    server
        .create_account(
            "alice",
            "alice@example.org",
            "the password of alice",
            Role::User,
        )
        .await
        .expect("an account");
    let cookies = authority.path("cookies");
    let curl = authority.curl().keeping_cookies(&cookies);
    let jar = blocking(move || {
        let home = curl.log_in(&url, "alice", "the password of alice");
        assert_eq!(home.status, StatusCode::OK, "{}", home.html);
        let headers = curl
            .fetch(&format!("{url}/"), &["--head"])
            .text
            .to_ascii_lowercase();
        assert!(
            headers.contains("strict-transport-security: max-age="),
            "{headers}"
        );
        // Both versions that are offered, and none below.
        for (version, code) in [("1.1", 35), ("1.2", 0), ("1.3", 0)] {
            let (least, most) = (format!("--tlsv{version}"), ["--tls-max", version]);
            let asked = curl.fetch(&format!("{url}/health"), &[&least, most[0], most[1]]);
            assert_eq!(asked.code, code, "TLS {version}: {}", asked.complaint);
        }
        let plain = curl.fetch(&url.replace("https", "http"), &[]);
        assert_ne!(plain.code, 0, "nothing answers without TLS: {}", plain.text);
        fs::read_to_string(cookies).expect("cookies")
    })
    .await;
    let session = jar
        .lines()
        .find(|line| line.contains("kinglet_session"))
        .expect("a session");
    // The jar's fourth column says that it is for HTTPS alone.
    assert_eq!(session.split('\t').nth(3), Some("TRUE"), "{session}");
    server.shutdown().await.expect("it stops cleanly");
}

#[tokio::test]
async fn plain_http_is_sent_to_the_instances_own_address() {
    let authority = Authority::new();
    authority.issue(1);
    let mut config = authority.config();
    config.tls.redirect_listen = "127.0.0.1:0".parse().expect("an address");
    config.instance.url = Some("https://social.example".parse().expect("a URL"));
    let server = Server::builder()
        .config(config)
        .in_memory()
        .start()
        .await
        .expect("it starts");
    let redirect = server
        .endpoints()
        .iter()
        .find(|endpoint| endpoint.usage == Use::Redirect);
    let address = redirect
        .and_then(|endpoint| endpoint.tcp())
        .expect("it is listened on");
    blocking(move || {
        let asked = Curl::new(["--include"]).fetch(
            &format!("http://{address}/@alice?max_id=1"),
            &["--header", "Host: evil.example"],
        );
        assert_eq!(asked.status, 308);
        let head = asked.text.to_ascii_lowercase();
        assert!(
            head.contains("location: https://social.example/@alice?max_id=1\r\n"),
            "{head}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_changed_certificate_is_shown_to_the_next_and_breaks_no_connection() {
    let authority = Authority::new();
    authority.issue(0x1001);
    let clock = ManualClock::at(support::server::START);
    let builder = Server::builder().config(authority.config()).in_memory();
    let server = builder
        .clock(clock.clone())
        .start()
        .await
        .expect("it starts");
    let url = server.url().to_owned();
    let address = server.addr();
    blocking(move || {
        assert_eq!(serial_shown(&authority, &url), "1001");
        let mut standing = openssl_client(&authority, address);
        let mut asks = |what: &str| {
            write!(
                standing.0,
                "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
            )
            .expect(what);
            let mut answer = [0; 15];
            standing.1.read_exact(&mut answer).expect(what);
            assert_eq!(&answer, b"HTTP/1.1 200 OK", "{what}");
            let mut rest = Vec::new();
            while !rest.ends_with(b"\r\n\r\nOK") {
                let mut byte = [0];
                standing.1.read_exact(&mut byte).expect(what);
                rest.push(byte[0]);
            }
        };
        asks("before");
        authority.issue(0x1002);
        assert_eq!(
            serial_shown(&authority, &url),
            "1001",
            "not every handshake looks at the files"
        );
        clock.advance_millis(6_000);
        assert_eq!(serial_shown(&authority, &url), "1002");
        asks("after");
        // Half of a renewal: the key isn't there yet.
        let (chain, key) = authority.made(0x1003);
        fs::write(authority.path("chain.pem"), &chain).expect("it is written");
        clock.advance_millis(6_000);
        assert_eq!(serial_shown(&authority, &url), "1002", "the old one stays");
        fs::write(authority.path("key.pem"), key).expect("it is written");
        clock.advance_millis(6_000);
        assert_eq!(serial_shown(&authority, &url), "1003");
        fs::remove_file(authority.path("key.pem")).expect("it was there");
        clock.advance_millis(6_000);
        assert_eq!(serial_shown(&authority, &url), "1003");
        asks("at the end");
    })
    .await;
}

/// A TLS connection of OpenSSL's that stays open.
fn openssl_client(
    authority: &Authority,
    address: SocketAddr,
) -> (
    std::process::ChildStdin,
    std::process::ChildStdout,
    KilledAtEnd,
) {
    let mut child = Command::new("openssl")
        .args([
            "s_client",
            "-quiet",
            "-verify_return_error",
            "-servername",
            "localhost",
        ])
        .args(["-connect", &address.to_string(), "-CAfile"])
        .arg(authority.path("root.pem"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl is missing: run tests/install first");
    let stdin = child.stdin.take().expect("a pipe");
    let stdout = child.stdout.take().expect("a pipe");
    (stdin, stdout, KilledAtEnd(child))
}

struct KilledAtEnd(std::process::Child);

impl Drop for KilledAtEnd {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "sockets take real time")]
async fn who_stalls_before_http_is_cut_off_and_takes_no_more_than_half_of_the_seats() {
    let authority = Authority::new();
    authority.issue(1);
    let mut config = authority.config();
    config.http.header_timeout_secs = 1;
    config.http.connections_max = 8;
    let server = Server::builder()
        .config(config)
        .in_memory()
        .start()
        .await
        .expect("it starts");
    let (url, address) = (server.url().to_owned(), server.addr());
    blocking(move || {
        let began = Instant::now();
        let mut stalled: Vec<TcpStream> = (0..8)
            .map(|_| {
                let mut stream = TcpStream::connect(address).expect("it listens");
                // The beginning of a handshake.
                stream.write_all(&[0x16, 0x03, 0x01]).expect("it reads");
                stream
                    .set_read_timeout(Some(Duration::from_secs(10)))
                    .expect("a socket");
                stream
            })
            .collect();
        for stream in &mut stalled {
            let mut rest = Vec::new();
            // Closed or reset, but not answered.
            let _ = stream.read_to_end(&mut rest);
            assert!(!rest.starts_with(b"HTTP"), "{rest:?}");
        }
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{:?}",
            began.elapsed()
        );
        let asked = authority.curl().fetch(&format!("{url}/health"), &[]);
        assert_eq!(asked.status, 200, "{}", asked.complaint);
    })
    .await;
}

#[tokio::test]
async fn a_header_of_the_proxy_protocol_stands_before_the_handshake() {
    let authority = Authority::new();
    authority.issue(1);
    let mut config = authority.config();
    config.http.proxy_protocol = true;
    config.http.trusted_proxies = vec!["127.0.0.1".parse().expect("a proxy")];
    let builder = Server::builder().config(config).in_memory();
    let server = builder.start().await.expect("it starts");
    let url = format!("{}/health", server.url());
    blocking(move || {
        let asked = authority.curl().fetch(&url, &["--haproxy-protocol"]);
        assert_eq!(asked.status, 200, "{}", asked.complaint);
        let without = authority.curl().fetch(&url, &[]);
        assert_ne!(without.code, 0, "{}", without.text);
    })
    .await;
}

#[test]
fn what_strangers_send_before_http_is_told_to_whoever_debugs_and_to_nobody_else() {
    let authority = Authority::new();
    authority.issue(1);
    let place = Place::new();
    let free_port = || {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("bound").port()
    };
    let (https, http, redirect) = (free_port(), free_port(), free_port());
    let more = format!("redirect_listen = \"127.0.0.1:{redirect}\"\n");
    let tls = authority.configuration(&more);
    let tls = tls.replace("127.0.0.1:0", &format!("127.0.0.1:{https}"));
    place.configure(&format!(
        "[instance]\nurl = \"https://localhost\"\n[http]\nlisten = \"127.0.0.1:{http}\"\nheader_timeout_secs = 1\n\
         proxy_protocol = true\ntrusted_proxies = [\"127.0.0.2\"]\n[log]\nlevel = \"debug\"\n{tls}"
    ));
    let running = Running::start(place.command(&["serve"]));
    // What port scanners try, what browsers send to the wrong port, and what breaks off anywhere.
    let sendings: [&[u8]; 9] = [
        b"",
        b"\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nBroken\r\n\r\n",
        b"\x16\x03\x01",
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
        b"PROXY TCP4 192.0.2.1 127.0.0.1 1234 80\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c192.0.2.1...",
        b"SSH-2.0-scanner\r\n",
    ];
    for port in [https, http, redirect] {
        for sent in sendings {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
            let time_max = Some(Duration::from_secs(10));
            stream.set_read_timeout(time_max).expect("a socket");
            // It may have been closed at once.
            let _ = stream.write_all(sent);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
        }
    }
    let errors = running.stop().errors;
    let of_http = errors
        .lines()
        .filter(|line| line.contains(" kinglet::http"));
    let loud: Vec<&str> = of_http
        .filter(|line| line.contains(" WARN ") || line.contains("ERROR "))
        .collect();
    assert!(loud.is_empty(), "{loud:#?}");
    let debugged = |words: &str| {
        let lines = errors.lines().filter(|line| line.contains(words));
        lines
            .inspect(|line| assert!(line.contains("DEBUG"), "{line}"))
            .count()
    };
    // Every one of them for HTTPS; what isn't HTTP for the others.
    assert_eq!(
        debugged("a connection was closed before HTTP"),
        sendings.len(),
        "{errors}"
    );
    assert!(debugged("a connection broke") >= 6, "{errors}");
}

#[test]
fn sockets_that_systemd_hands_over_are_used_as_their_names_say() {
    let authority = Authority::new();
    authority.issue(1);
    let place = Place::new();
    let free_port = || {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("bound").port()
    };
    let (https, redirect) = (free_port(), free_port());
    place.configure(&format!(
        "[tls]\ncertificate = {:?}\nkey = {:?}\n[http]\nlisten = \"\"\n",
        authority.path("chain.pem"),
        authority.path("key.pem")
    ));
    let mut command = Command::new("systemd-socket-activate");
    command
        .arg(format!("--listen=127.0.0.1:{https}"))
        .arg(format!("--listen=127.0.0.1:{redirect}"))
        .arg("--fdname=https:redirect")
        .arg(place.command(&[]).get_program())
        .arg("serve")
        .current_dir(place.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let url = format!("https://127.0.0.1:{https}");
    let asked = format!("http://127.0.0.1:{redirect}/@alice");
    // The first connection starts the server.
    let waiting = std::thread::spawn(move || {
        let curl = Curl::new(["--include", "--retry", "40", "--retry-connrefused"]);
        curl.with("--retry-delay", "1").fetch(&asked, &[])
    });
    let running = Running::start(command);
    assert_eq!(running.url, url);
    let sent_on = waiting.join().expect("no panic");
    assert_eq!(sent_on.status, 308);
    let head = sent_on.text.to_ascii_lowercase();
    assert!(
        head.contains(&format!("location: {url}/@alice\r\n")),
        "{head}"
    );
    let health = authority.curl().fetch(&format!("{url}/health"), &[]);
    assert_eq!(health.text, "OK", "{}", health.complaint);
    assert!(running.stop().status.success());
}

#[test]
fn wrong_files_and_settings_are_told_at_the_start_with_78() {
    let authority = Authority::new();
    authority.issue(1);
    let place = Place::new();
    let refused = |configuration: &str, reason: &str| {
        place.configure(configuration);
        let errors = place.fails(78, &["serve", "--listen", "127.0.0.1:0"]);
        assert!(errors.contains(reason), "{errors}");
    };
    let serve = || authority.configuration("");
    let write =
        |name: &str, text: &str| fs::write(authority.path(name), text).expect("it is written");
    let (foreign_chain, foreign_key) = authority.made(2);
    let key = fs::read_to_string(authority.path("key.pem")).expect("a key");
    write("key.pem", &foreign_key);
    refused(&serve(), "key.pem is not the key of");
    write("key.pem", &foreign_chain);
    refused(&serve(), "key.pem: holds no private key");
    write("key.pem", &key);
    write("chain.pem", "nothing");
    refused(&serve(), "chain.pem: holds no certificate");
    fs::remove_file(authority.path("chain.pem")).expect("it was there");
    refused(&serve(), "chain.pem: can't be read: No such file");
    refused(
        "[tls]\nlisten = \"127.0.0.1:0\"\n",
        "tls.listen needs tls.certificate and tls.key, or tls.acme_domains",
    );
    refused(
        "[tls]\ncertificate = \"a\"\nkey = \"b\"\n",
        "tls.listen is empty",
    );
    refused(
        "[tls]\nredirect_listen = \"127.0.0.1:0\"\n",
        "instance.url, so that has to begin with https://",
    );
    refused(
        "[http]\nproxy_protocol = true\n",
        "http.trusted_proxies is empty",
    );
    place.configure("[http]\nlisten = \"\"\n");
    let errors = place.fails(78, &["serve"]);
    assert!(errors.contains("nobody could connect"), "{errors}");
}
