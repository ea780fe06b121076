//! The recipes in `contrib/proxy/`, each loaded by the real program: a log-in, a post and a client of the API through it,
//! and nobody who can lie about the own address.

#![expect(
    clippy::panic,
    reason = "clippy takes only the test functions themselves for tests"
)]

mod support;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use kinglet::config::Config;
use serde_json::Value as Json;
use support::curl::{Curl, Fetched};
use support::server::{Rig, password_of};
use support::tools::{Helper, free_address, in_package, program};
use tempfile::{NamedTempFile, TempDir};
use tokio::net::TcpStream;

/// The name that the recipes use.
const HOST: &str = "social.example.org";
/// Where people find the instance.
const BASE: &str = "https://social.example.org";
/// How long a proxy may take to start.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked for meanwhile.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// A running proxy, stopped with this value.
struct Proxy {
    helper: Helper,
    http: SocketAddr,
    https: SocketAddr,
    /// The certificate, or that of the authority that signed it, as PEM.
    root: PathBuf,
    _directory: TempDir,
}

/// What is put in the place of what in a recipe.
type Replacements<'a> = &'a [(&'a str, &'a str)];

impl Proxy {
    async fn start(make: impl FnOnce(&Path, SocketAddr, SocketAddr) -> (Command, PathBuf)) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (http, https) = (free_address(), free_address());
        let (mut command, root) = make(directory.path(), http, https);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut proxy = Self {
            helper: Helper(command.spawn().expect("it starts")),
            http,
            https,
            root,
            _directory: directory,
        };
        let up = async {
            // Some listen before they have a certificate to show.
            while TcpStream::connect(https).await.is_err()
                || !proxy.root.exists()
                || !proxy.answers()
            {
                let ended = proxy.helper.0.try_wait().expect("a child can be asked");
                assert!(ended.is_none(), "the proxy ended with {ended:?}");
                // Another program tells nobody when it listens.
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        };
        let came_up = tokio::time::timeout(PATIENCE, up).await;
        came_up.expect("the proxy listens in time");
        proxy
    }

    /// Whether it shows a certificate that its root signed.
    fn answers(&self) -> bool {
        let client = self.client(Ipv4Addr::LOCALHOST);
        client.fetch(BASE, &["--head"]).code == 0
    }

    /// curl, which finds the proxy under the recipe's name, from an address of its own.
    fn client(&self, from: Ipv4Addr) -> Curl {
        let (http, https) = (self.http, self.https);
        Curl::new([
            "--interface",
            &from.to_string(),
            "--connect-to",
            &format!("{HOST}:80:{http}"),
            "--connect-to",
            &format!("{HOST}:443:{https}"),
        ])
        .with("--cacert", &self.root)
    }
}

/// The value of a header of an answer that was asked for with `--include`.
fn header<'a>(answer: &'a Fetched, name: &str) -> &'a str {
    let (head, _) = answer.text.split_once("\r\n\r\n").expect("a head");
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let mut found = lines.filter(|(other, _)| other.eq_ignore_ascii_case(name));
    found.next().map_or("", |(_, value)| value)
}

fn json(answer: &Fetched) -> Json {
    serde_json::from_str(&answer.text).unwrap_or_else(|_| panic!("no JSON: {}", answer.text))
}

/// A recipe with the machine's own addresses and paths in it. Each replacement must find its place.
fn recipe(name: &str, replacements: Replacements<'_>) -> String {
    let path = in_package("contrib/proxy").join(name);
    let text = fs::read_to_string(&path).expect("the recipe");
    replacements.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "{name} has no {from:?}");
        text.replace(from, to)
    })
}

/// A certificate for [`HOST`] that signs itself, and its key.
fn certificate(directory: &Path) -> (PathBuf, PathBuf) {
    let (certificate, key) = (directory.join("fullchain.pem"), directory.join("key.pem"));
    let made = Command::new(program("openssl"))
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt"])
        .args(["ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(["-subj", &format!("/CN={HOST}")])
        .args(["-addext", &format!("subjectAltName=DNS:{HOST}")])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-out")
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key)
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{made:?}");
    (certificate, key)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A server as the recipes describe it.
async fn behind_a_proxy() -> Rig {
    let mut config = Config::default();
    config.http.listen = (Ipv4Addr::LOCALHOST, 0).into();
    config.limits.rate_limits = true;
    config.http.trusted_proxies = vec!["127.0.0.1".parse().expect("an address")];
    config.instance.url = Some(BASE.parse().expect("an address"));
    Rig::start_configured(config, &["alice"], |builder| builder).await
}

/// What everybody expects of an instance behind a proxy.
fn check(rig: &Rig, proxy: &Proxy) {
    let jar = NamedTempFile::new().expect("a file");
    let alice = proxy
        .client(Ipv4Addr::LOCALHOST)
        .keeping_cookies(jar.path());

    // The website: log in, write, read.
    let home = alice.log_in(BASE, "alice", &password_of("alice"));
    let written = "Through the gate, with \u{1F980} and 50 % of the luck";
    let posted = alice.send(BASE, &home, "/posts", &[("status", written)]);
    assert_eq!(posted.status, 303, "{}", posted.html);
    let profile = alice.open(&format!("{BASE}/@alice"), &[]);
    assert!(profile.html.contains(written), "{}", profile.html);

    // The API: links lead through the proxy, the body's bound is kinglet's own.
    let app = proxy.client(Ipv4Addr::LOCALHOST);
    let token = rig.client("alice").token().expect("a token");
    let token = format!("Authorization: Bearer {token}");
    let statuses = format!("{BASE}/api/v1/statuses");
    let body = r#"{"status": "From an app"}"#;
    let status = app.fetch(&statuses, &["--header", &token, "--json", body]);
    assert_eq!(status.status, 200, "{}", status.text);
    let status = json(&status);
    let address = status["url"].as_str().expect("an address");
    assert!(address.starts_with(BASE), "{address}");
    assert_eq!(app.fetch(address, &[]).status, 200);
    let large = NamedTempFile::new().expect("a file");
    fs::write(large.path(), "x".repeat(2 * 1024 * 1024)).expect("it is written");
    let large = format!("@{}", text(large.path()));
    let refused = app.fetch(&statuses, &["--header", &token, "--json", &large]);
    assert_eq!(refused.status, 413, "{}", refused.text);
    assert!(json(&refused)["error"].is_string(), "{}", refused.text);

    // A whole address inside one part of a path arrives as it was sent: kinglet, not the proxy, says what it is.
    let inside = format!("{BASE}/nothing/https%3A%2F%2Felk.zone");
    let answer = app.fetch(&inside, &["--include"]);
    assert_eq!(answer.status, 404, "{}", answer.text);
    assert_ne!(header(&answer, "x-request-id"), "");

    // Unencrypted requests are led to the encrypted address.
    let led = app.fetch(&format!("http://{HOST}/about"), &["--include"]);
    assert!((301..=308).contains(&led.status), "{}", led.text);
    let to = header(&led, "location");
    assert!(to.starts_with(BASE) && to.ends_with("/about"), "{to}");

    // Each client counts for itself, whatever it claims to be.
    let left = |from: Ipv4Addr, claim: &str| -> u64 {
        let url = format!("{BASE}/api/v1/timelines/public");
        let answer = proxy
            .client(from)
            .fetch(&url, &["--include", "--header", claim]);
        let left = header(&answer, "x-ratelimit-remaining");
        left.parse()
            .unwrap_or_else(|_| panic!("no count: {}", answer.text))
    };
    let (one, other) = (Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3));
    let first = left(one, "X-Nothing: claimed");
    let claims = [
        "X-Forwarded-For: 192.0.2.7",
        "Forwarded: for=192.0.2.8",
        "X-Forwarded-For: 127.0.0.3",
    ];
    for (earlier, claim) in (1..).zip(claims) {
        assert_eq!(left(one, claim), first - earlier, "{claim}");
    }
    assert_eq!(left(other, "X-Nothing: claimed"), first);
}

#[tokio::test]
async fn caddy() {
    let rig = behind_a_proxy().await;
    let proxy = Proxy::start(|directory, http, https| {
        let site = recipe(
            "Caddyfile",
            &[("127.0.0.1:8420", &rig.server.addr().to_string())],
        );
        let ports = format!("http_port {}\n\thttps_port {}", http.port(), https.port());
        let storage = text(directory);
        let global = format!(
            "{{\n\tadmin off\n\t{ports}\n\tdefault_bind 127.0.0.1\n\tlocal_certs\n\tskip_install_trust\n\t\
             storage file_system {storage}\n\tlog {{\n\t\tlevel ERROR\n\t}}\n}}\n"
        );
        let file = directory.join("Caddyfile");
        fs::write(&file, global + &site).expect("it is written");
        let mut command = Command::new(program("caddy"));
        command
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(&file)
            .env("HOME", directory);
        (command, directory.join("pki/authorities/local/root.crt"))
    })
    .await;
    check(&rig, &proxy);
}

#[tokio::test]
async fn nginx() {
    let rig = behind_a_proxy().await;
    let proxy = Proxy::start(|directory, http, https| {
        let (certificate, key) = certificate(directory);
        let letsencrypt = format!("/etc/letsencrypt/live/{HOST}");
        let site = recipe(
            "nginx.conf",
            &[
                ("127.0.0.1:8420", &rig.server.addr().to_string()),
                ("listen 80;", &format!("listen {http};")),
                ("listen 443 ssl", &format!("listen {https} ssl")),
                ("    listen [::]:80;\n", ""),
                ("    listen [::]:443 ssl http2;\n", ""),
                (&format!("{letsencrypt}/fullchain.pem"), text(&certificate)),
                (&format!("{letsencrypt}/privkey.pem"), text(&key)),
            ],
        );
        let here = text(directory);
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("    {kind}_temp_path {here}/{kind};\n"))
            .concat();
        let main = format!(
            "daemon off;\nmaster_process off;\npid {here}/pid;\nerror_log stderr warn;\nevents {{}}\nhttp {{\n    \
             access_log off;\n{temporary}{site}}}\n"
        );
        let file = directory.join("nginx.conf");
        fs::write(&file, main).expect("it is written");
        let mut command = Command::new(program("nginx"));
        command.arg("-p").arg(directory).arg("-c").arg(&file);
        (command, certificate)
    })
    .await;
    check(&rig, &proxy);
}

#[tokio::test]
async fn apache() {
    let rig = behind_a_proxy().await;
    let proxy = Proxy::start(|directory, http, https| {
        let (certificate, key) = certificate(directory);
        let letsencrypt = format!("/etc/letsencrypt/live/{HOST}");
        let site = recipe(
            "apache.conf",
            &[
                ("127.0.0.1:8420", &rig.server.addr().to_string()),
                ("*:80>", &format!("{http}>")),
                ("*:443>", &format!("{https}>")),
                (&format!("{letsencrypt}/fullchain.pem"), text(&certificate)),
                (&format!("{letsencrypt}/privkey.pem"), text(&key)),
            ],
        );
        // What the recipe says to enable, what that needs, and what Debian's Apache always has.
        let modules = [
            "mpm_event",
            "authz_core",
            "alias",
            "socache_shmcb",
            "ssl",
            "proxy",
            "proxy_http",
            "proxy_wstunnel",
            "headers",
        ];
        let modules: String = modules
            .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
            .concat();
        let here = text(directory);
        let main = format!(
            "{modules}ServerRoot {here}\nServerName {HOST}\nPidFile {here}/pid\nMutex file:{here}\nErrorLog /dev/stderr\n\
             LogLevel warn\nUser www-data\nGroup www-data\nListen {http}\nListen {https}\n{site}"
        );
        // Apache, started as root, works as somebody else who needs a way to its files.
        let file = directory.join("apache.conf");
        fs::write(&file, main).expect("it is written");
        let mut command = Command::new(program("apache2"));
        command.arg("-X").arg("-f").arg(&file);
        (command, certificate)
    })
    .await;
    check(&rig, &proxy);
}
