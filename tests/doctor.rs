//! `kinglet doctor` against real faults: each is made, found, and named with the setting or the command that mends it.

mod support;

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};

use kinglet::clock::{Clock as _, SystemClock};
use serde_json::Value as Json;
use support::process::{Place, Running};
use support::smtp::{MailServer, make_certificates};
use support::tools::free_address;

/// What the doctor says.
struct Report {
    code: i32,
    json: Json,
    text: String,
}

impl Report {
    fn of(mut command: Command) -> Self {
        let output = command.output().expect("the binary runs");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let errors = String::from_utf8_lossy(&output.stderr);
        let json: Json = serde_json::from_str(&text).unwrap_or_default();
        assert!(json.is_object(), "{text}\n{errors}");
        Self {
            code: output.status.code().expect("an exit code"),
            json,
            text,
        }
    }

    fn ask(place: &Place) -> Self {
        Self::of(place.command(&["doctor", "--json"]))
    }

    fn findings(&self) -> Vec<&Json> {
        let findings = self.json["findings"].as_array().expect("a list");
        findings.iter().collect()
    }

    /// The one finding of this state and subject whose sentence holds these words.
    #[track_caller]
    fn finding(&self, subject: &str, state: &str, words: &str) -> &Json {
        let fits = |finding: &&Json| {
            finding["subject"] == subject
                && finding["state"] == state
                && finding["what"]
                    .as_str()
                    .is_some_and(|what| what.contains(words))
        };
        let found: Vec<_> = self.findings().into_iter().filter(fits).collect();
        assert_eq!(found.len(), 1, "{subject} {state} {words}: {}", self.text);
        found[0]
    }

    /// A fault with its fix, for which the exit code is 1.
    #[track_caller]
    fn fault(&self, subject: &str, words: &str, fix: &str) {
        let finding = self.finding(subject, "fault", words);
        let told = finding["fix"].as_str().unwrap_or_default();
        assert!(told.contains(fix), "{fix}: {told}");
        assert_eq!(self.code, 1);
    }

    #[track_caller]
    fn warning(&self, subject: &str, words: &str, fix: &str) {
        let finding = self.finding(subject, "warning", words);
        let told = finding["fix"].as_str().unwrap_or_default();
        assert!(told.contains(fix), "{fix}: {told}");
    }

    #[track_caller]
    fn has_no_fault_of(&self, subjects: &[&str]) {
        for finding in self.findings() {
            let is_of = subjects
                .iter()
                .any(|subject| finding["subject"] == *subject);
            assert!(!is_of || finding["state"] != "fault", "{finding:#}");
        }
    }
}

const ALL: [&str; 7] = [
    "configuration",
    "clock",
    "disk",
    "permissions",
    "address",
    "proxy",
    "mail",
];

/// Name, length and mode of everything that is stored.
fn listing(place: &Place) -> Vec<(String, u64, u32)> {
    let entries = fs::read_dir(place.data()).expect("a directory");
    let mut listing: Vec<_> = entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            let found = entry.metadata().expect("it is there");
            let mode = found.permissions().mode();
            (
                entry.file_name().to_string_lossy().into_owned(),
                found.len(),
                mode,
            )
        })
        .collect();
    listing.sort();
    listing
}

#[test]
fn a_sound_instance_has_no_faults_and_is_left_as_it_was() {
    let place = Place::new();
    let server = place.serve();
    let report = Report::ask(&place);

    // How fast this machine's disk is at the moment is no promise of kinglet's.
    report.has_no_fault_of(&[
        "configuration",
        "clock",
        "permissions",
        "address",
        "proxy",
        "mail",
    ]);
    report.finding("address", "good", "/health answers");
    report.finding("proxy", "good", "no proxy stands before the server");
    report.finding("permissions", "good", "answers on its control socket");
    report.finding("mail", "good", "no mail is sent");
    let speed = report.findings().into_iter().any(|finding| {
        let what = finding["what"].as_str().expect("a sentence");
        finding["subject"] == "disk" && what.contains("fdatasync of 4 KiB takes")
    });
    assert!(speed, "{}", report.text);

    // What scripts rely on.
    let faults = report.json["faults"].as_u64().expect("a number");
    assert_eq!(report.code, i32::from(faults > 0));
    assert!(report.json["warnings"].is_u64());
    for finding in report.findings() {
        let subject = finding["subject"].as_str().expect("a word");
        assert!(ALL.contains(&subject), "{subject}");
        let state = finding["state"].as_str().expect("a word");
        assert!(
            ["good", "warning", "fault", "unknown"].contains(&state),
            "{state}"
        );
        assert!(finding["fix"].is_string() || finding["fix"].is_null());
        assert_eq!(finding.as_object().map(serde_json::Map::len), Some(4));
        if ["warning", "fault"].contains(&state) {
            assert!(finding["fix"].is_string(), "{finding}");
        }
    }
    for subject in ALL {
        assert!(
            report
                .findings()
                .iter()
                .any(|finding| finding["subject"] == subject)
        );
    }
    drop(server);

    // Nobody has to serve for most of it, and nobody else writes then.
    let before = listing(&place);
    let report = Report::ask(&place);
    assert_eq!(listing(&place), before);
    report.finding("proxy", "unknown", "no server runs");
    report.finding("address", "unknown", "nobody answers");
    report.finding("permissions", "good", "no server runs on this directory");
    let text = place.run(&["doctor"]);
    let text = String::from_utf8(text.stdout).expect("UTF-8");
    assert!(text.contains("✓ configuration"), "{text}");
    assert!(text.contains("→ start the server"), "{text}");
}

#[test]
fn a_wrong_configuration_is_a_finding_and_stops_nothing_else() {
    let place = Place::new();
    place.configure("[http]\nlisen = \"127.0.0.1:0\"\n[mail]\nper_hour_max = 0\n");
    let report = Report::ask(&place);
    report.fault("configuration", "http.lisen", "config.toml:2");
    report.fault("configuration", "mail.per_hour_max", "mail.per_hour_max");
    report.finding("mail", "unknown", "settings of mail are wrong");
    report.finding(
        "proxy",
        "unknown",
        "settings of instance, http or tls are wrong",
    );
    assert!(
        report
            .findings()
            .iter()
            .any(|finding| finding["subject"] == "clock")
    );

    place.configure("[http\n");
    let report = Report::ask(&place);
    assert_eq!(report.code, 1);
    report.finding("disk", "unknown", "settings of storage are wrong");
}

#[test]
fn what_others_can_read_is_a_fault_and_no_secret_is_told() {
    let place = Place::new();
    drop(place.serve());
    let port = free_address().port();
    place.configure(&format!(
        "[mail]\nurl = \"smtp://bird:sehr-geheim@127.0.0.1:{port}\"\n[metrics]\ntoken = \"another-secret-of-it\"\n"
    ));
    let file = place.path().join("config.toml");
    fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("it is ours");
    fs::set_permissions(place.data(), Permissions::from_mode(0o755)).expect("it is ours");
    let report = Report::ask(&place);
    report.fault("configuration", "can read mail.url", "chmod 600");
    report.fault("permissions", "mode 755", "chmod 700");
    report.fault("mail", "can't be reached", "mail.url");
    for secret in ["sehr-geheim", "another-secret-of-it"] {
        assert!(!report.text.contains(secret), "{}", report.text);
    }

    // What the doctor advises helps.
    fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("it is ours");
    fs::set_permissions(place.data(), Permissions::from_mode(0o700)).expect("it is ours");
    Report::ask(&place).has_no_fault_of(&["configuration", "permissions"]);
}

#[test]
fn a_clock_that_ran_back_and_too_few_files_are_faults() {
    let place = Place::new();
    drop(place.serve());
    let hour = Duration::from_secs(3600);
    let database = File::options()
        .write(true)
        .open(place.data().join("kinglet.db"))
        .expect("a database");
    let now = u64::try_from(SystemClock.now().seconds()).expect("after 1970");
    let later = SystemTime::UNIX_EPOCH + Duration::from_secs(now) + hour;
    database.set_modified(later).expect("it is ours");
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 256; exec \"$0\" doctor --json"])
        .arg(env!("CARGO_BIN_EXE_kinglet"))
        .current_dir(place.path());
    let report = Report::of(command);
    report.fault("clock", "it ran back", "timedatectl set-ntp true");
    report.fault("configuration", "256 are allowed", "LimitNOFILE=964");
}

#[test]
fn a_name_without_an_address_is_a_fault() {
    let place = Place::new();
    place.configure("[instance]\nurl = \"http://nowhere.invalid:8420\"\n");
    let report = Report::ask(&place);
    report.fault(
        "address",
        "nowhere.invalid can't be resolved",
        "instance.url",
    );
}

/// What a proxy does to the bytes of a request.
type Change = fn(String) -> String;

/// A proxy that knows nothing of HTTP but what it is told to change in a request's first piece.
fn proxy(change: Change) -> (SocketAddr, std::sync::mpsc::SyncSender<SocketAddr>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (lead, leads_to) = std::sync::mpsc::sync_channel::<SocketAddr>(1);
    thread::spawn(move || {
        let Ok(server) = leads_to.recv() else { return };
        for client in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || pass(client, server, change));
        }
    });
    (address, lead)
}

/// One request and its answer; whoever breaks off ends it.
fn pass(mut client: TcpStream, server: SocketAddr, change: Change) {
    let mut request = vec![0; 16 * 1024];
    let Ok(length) = client.read(&mut request) else {
        return;
    };
    let request = String::from_utf8_lossy(&request[..length]).into_owned();
    let Ok(mut server) = TcpStream::connect(server) else {
        return;
    };
    let mut answer = Vec::new();
    let answered = server
        .write_all(change(request).as_bytes())
        .and_then(|()| server.read_to_end(&mut answer));
    if answered.is_ok() {
        drop(client.write_all(&answer));
    }
}

/// What the doctor says of a server behind such a proxy.
fn behind(change: Change, trusted: &str) -> Report {
    let (address, lead) = proxy(change);
    let port = free_address().port();
    let place = Place::new();
    place.configure(&format!(
        "[instance]\nurl = \"http://{address}\"\n[http]\nlisten = \"127.0.0.1:{port}\"\ntrusted_proxies = [{trusted}]\n"
    ));
    let server = Running::start(place.command(&["serve"]));
    lead.send(SocketAddr::from(([127, 0, 0, 1], port)))
        .expect("the proxy waits");
    let report = Report::ask(&place);
    drop(server);
    report
}

fn unchanged(request: String) -> String {
    request
}

fn overwritten(request: String) -> String {
    request
        .replace(
            "X-Forwarded-For: 192.0.2.1\r\n",
            "X-Forwarded-For: 203.0.113.9\r\n",
        )
        .replace("Forwarded: for=192.0.2.2\r\n", "")
}

fn only_forwarded_left(request: String) -> String {
    request.replace("X-Forwarded-For: 192.0.2.1\r\n", "")
}

fn silenced(request: String) -> String {
    only_forwarded_left(request).replace("Forwarded: for=192.0.2.2\r\n", "")
}

fn renamed(request: String) -> String {
    let host = request.lines().find(|line| line.starts_with("Host: "));
    let host = host.expect("a host").to_owned();
    overwritten(request).replace(&host, "Host: backend")
}

#[test]
fn proxies_that_let_forged_headers_through_are_found() {
    let believed = behind(unchanged, "\"127.0.0.1\"");
    believed.fault(
        "proxy",
        "forged X-Forwarded-For is believed",
        "proxy_set_header X-Forwarded-For $remote_addr",
    );
    let believed = behind(only_forwarded_left, "\"127.0.0.1\"");
    believed.fault("proxy", "forged Forwarded is believed", "contrib/proxy");
}

#[test]
fn proxies_that_are_not_believed_or_say_nothing_are_found() {
    let unheard = behind(overwritten, "\"10.0.0.1\"");
    let fix = "http.trusted_proxies = [\"10.0.0.1\", \"127.0.0.1\"]";
    unheard.fault("proxy", "isn't believed", fix);
    behind(unchanged, "").warning(
        "proxy",
        "doesn't say who asks",
        "http.trusted_proxies = [\"127.0.0.1\"]",
    );
    behind(silenced, "\"127.0.0.1\"").warning(
        "proxy",
        "is trusted, but doesn't say who asks",
        "proxy_set_header",
    );
}

#[test]
fn a_sound_proxy_is_good_and_another_host_is_told() {
    let sound = behind(overwritten, "\"127.0.0.1\"");
    sound.has_no_fault_of(&["proxy", "address"]);
    sound.finding("proxy", "good", "says itself who asks (203.0.113.9)");
    let renamed = behind(renamed, "\"127.0.0.1\"");
    renamed.warning("proxy", "arrive with Host: backend", "ProxyPreserveHost On");
}

#[test]
fn an_address_that_leads_elsewhere_is_a_fault() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4096];
            if client.read(&mut request).is_ok() {
                drop(client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
            }
        }
    });
    let place = Place::new();
    place.configure(&format!("[instance]\nurl = \"http://{address}\"\n"));
    let server = place.serve();
    let report = Report::ask(&place);
    report.fault("proxy", "leads to something else", "instance.url");
    drop(server);
}

#[tokio::test]
async fn a_mail_server_that_refuses_is_a_fault_and_keeps_the_password_to_itself() {
    let directory = tempfile::tempdir().expect("a directory");
    make_certificates(directory.path());
    let strict = MailServer::start_with(&["--refuse-logins"]).await;
    let plain = MailServer::start().await;
    let pem = directory.path().join("server.pem");
    let encrypted = MailServer::start_with(&["--certificate", pem.to_str().expect("UTF-8")]).await;
    let with_login = strict.url().replace("://", "://bird:sehr-geheim@");
    let cases = [
        (
            with_login,
            Some(("doesn't let the instance in", "password in mail.url")),
        ),
        (plain.url(), None),
        (
            plain.url_by("smtps"),
            Some(("no encryption", "smtp+starttls://")),
        ),
        (
            plain.url_by("smtp+starttls"),
            Some(("no encryption", "smtps://")),
        ),
        // Nobody knows who signed its certificate.
        (
            encrypted.url_by("smtps"),
            Some(("no encryption", "update-ca-certificates")),
        ),
    ];
    tokio::task::spawn_blocking(move || {
        for (url, fault) in cases {
            let place = Place::new();
            place.configure(&format!("[mail]\nurl = \"{url}\"\n"));
            let report = Report::ask(&place);
            assert!(!report.text.contains("sehr-geheim"), "{}", report.text);
            match fault {
                Some((words, fix)) => report.fault("mail", words, fix),
                None => drop(report.finding("mail", "good", "answers")),
            }
        }
    })
    .await
    .expect("no panic");
    drop((strict, plain, encrypted));
}

#[cfg(feature = "tls")]
mod https {
    use std::path::PathBuf;

    use rcgen::{CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
    use tempfile::TempDir;

    use super::*;

    /// A certificate authority, and who it has signed.
    struct Signed {
        directory: TempDir,
    }

    impl Signed {
        /// A certificate for a name that ends on a day.
        fn new(name: &str, (year, month, day): (i32, u8, u8)) -> Self {
            let directory = tempfile::tempdir().expect("a directory");
            let mut params = CertificateParams::new(Vec::new()).expect("no names");
            params
                .distinguished_name
                .push(DnType::CommonName, "the test's root");
            params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            let key = KeyPair::generate().expect("a key");
            let root = params.self_signed(&key).expect("a root");
            let issuer = Issuer::new(params, key);
            let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(year, month, day);
            let key = KeyPair::generate().expect("a key");
            let certificate = params.signed_by(&key, &issuer).expect("a certificate");
            let signed = Self { directory };
            fs::write(signed.path("root.pem"), root.pem()).expect("it is written");
            fs::write(signed.path("chain.pem"), certificate.pem()).expect("it is written");
            fs::write(signed.path("key.pem"), key.serialize_pem()).expect("it is written");
            fs::set_permissions(signed.path("key.pem"), Permissions::from_mode(0o600))
                .expect("it is ours");
            signed
        }

        fn path(&self, name: &str) -> PathBuf {
            self.directory.path().join(name)
        }

        /// What the doctor says of a server with it, who knows the root or doesn't.
        fn report(&self, knows_root: bool) -> Report {
            let place = Place::new();
            let port = free_address().port();
            place.configure(&format!(
                "[instance]\nurl = \"https://localhost:{port}\"\n[http]\nlisten = \"\"\n\
                 [tls]\nlisten = \"127.0.0.1:{port}\"\ncertificate = {:?}\nkey = {:?}\n",
                self.path("chain.pem"),
                self.path("key.pem")
            ));
            let server = Running::start(place.command(&["serve"]));
            let mut command = place.command(&["doctor", "--json"]);
            if knows_root {
                command.env("SSL_CERT_FILE", self.path("root.pem"));
            }
            let report = Report::of(command);
            drop(server);
            report
        }
    }

    #[test]
    fn a_certificate_that_nobody_believes_is_a_fault() {
        let good = Signed::new("localhost", (2090, 1, 1));
        let report = good.report(true);
        report.has_no_fault_of(&["address", "proxy", "configuration"]);
        report.finding(
            "address",
            "good",
            "the certificate is believed, and good until 2090-01-01",
        );
        report.finding("proxy", "good", "no proxy stands before the server");
        let unknown = good.report(false);
        unknown.fault(
            "address",
            "signed by nobody whom this machine knows",
            "tls.acme_domains",
        );

        let expired = Signed::new("localhost", (2021, 1, 1)).report(true);
        expired.fault("address", "has expired", "tls.certificate");
        let other = Signed::new("example.org", (2090, 1, 1)).report(true);
        other.fault("address", "for another name than localhost", "instance.url");
    }

    #[test]
    fn a_certificate_that_ends_soon_and_a_key_that_all_can_read_are_told() {
        let soon = SystemClock
            .now()
            .plus_millis(6 * 24 * 60 * 60 * 1000)
            .date();
        let part = |range: std::ops::Range<usize>| soon[range].parse::<u8>().expect("digits");
        let year: i32 = soon[..4].parse().expect("digits");
        let signed = Signed::new("localhost", (year, part(5..7), part(8..10)));
        fs::set_permissions(signed.path("key.pem"), Permissions::from_mode(0o644))
            .expect("it is ours");
        let report = signed.report(true);
        report.warning("address", "is good for 5 more days only", "tls.certificate");
        report.fault("configuration", "can read the private key", "chmod 640");
    }
}
