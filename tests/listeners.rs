//! Every way in: several addresses, unix sockets, sockets that a service manager hands over, proxies that say for whom
//! they connect; and what the service manager is told.

#![expect(
    clippy::panic,
    reason = "clippy takes only the test functions themselves for tests"
)]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::curl::Curl;
use support::process::{Place, Running};
use support::tools::{Helper, free_address};

/// How long other processes may take.
const PATIENCE: Duration = Duration::from_secs(20);

#[expect(clippy::disallowed_methods, reason = "other processes take real time")]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn serve(place: &Place, configuration: &str) -> Running {
    place.configure(configuration);
    Running::start(place.command(&["serve"]))
}

fn answers(curl: &Curl) -> bool {
    curl.fetch("http://localhost/health", &[]).text == "OK"
}

#[test]
fn a_unix_socket_and_two_ports_answer_at_once_and_the_socket_goes_with_the_server() {
    let place = Place::new();
    let (one, other) = (free_address().port(), free_address().port());
    let configuration = format!(
        "[http]\nlisten = [\"unix:http.sock\", \"127.0.0.1:{one}\", \"127.0.0.1:{other}\"]\n\
         trusted_proxies = [\"unix\"]\n"
    );
    let socket = place.path().join("http.sock");
    let by_socket = Curl::new(["--http1.1"]).with("--unix-socket", &socket);
    for _ in 0..2 {
        let running = serve(&place, &configuration);
        assert_eq!(running.url, format!("http://127.0.0.1:{one}"));
        assert!(answers(&by_socket));
        for port in [one, other] {
            let url = format!("http://127.0.0.1:{port}/health");
            assert_eq!(Curl::new(["--http1.1"]).fetch(&url, &[]).text, "OK");
        }
        let mode = fs::metadata(&socket)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o660);
        // Killed: the next takes the place of what is left.
        running.signal("KILL");
        drop(running.end());
        assert!(socket.exists(), "nobody removed it");
    }
    let running = serve(&place, &configuration);
    assert!(answers(&by_socket));
    place.done(&["health", "--address", &format!("unix:{}", socket.display())]);
    let ended = running.stop();
    assert!(ended.status.success(), "{}", ended.errors);
    assert!(!socket.exists());
    assert!(
        !ended.errors.contains("count as one client"),
        "{}",
        ended.errors
    );
}

#[test]
fn a_socket_alone_is_enough_its_mode_is_a_setting_and_no_file_is_replaced() {
    let place = Place::new();
    let configuration = "[http]\nlisten = \"unix:http.sock\"\nsocket_mode = \"0600\"\n\
                         [instance]\nurl = \"https://social.example\"\n";
    let running = serve(&place, configuration);
    assert_eq!(running.url, "https://social.example");
    let socket = place.path().join("http.sock");
    let found = fs::metadata(&socket).expect("it is there");
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    place.done(&["health"]);
    let ended = running.stop();
    // Without a word on who is believed, all who come are one.
    assert!(
        ended.errors.contains("count as one client"),
        "{}",
        ended.errors
    );
    fs::write(&socket, "precious").expect("it is written");
    let refused = place.fails(1, &["serve"]);
    assert!(
        refused.contains("what lies there is no socket"),
        "{refused}"
    );
    assert_eq!(fs::read(&socket).expect("it is there"), b"precious");
}

#[test]
fn the_socket_for_metrics_is_for_its_user_alone_whatever_the_others_are() {
    let place = Place::new();
    let configuration = "[http]\nlisten = \"unix:http.sock\"\nsocket_mode = \"0666\"\n\
                         [instance]\nurl = \"https://social.example\"\n\
                         [metrics]\nlisten = \"unix:metrics.sock\"\n";
    let running = serve(&place, configuration);
    for (name, mode) in [("http.sock", 0o666), ("metrics.sock", 0o600)] {
        let found = fs::metadata(place.path().join(name)).expect("it is there");
        assert!(found.file_type().is_socket(), "{name}");
        assert_eq!(found.permissions().mode() & 0o777, mode, "{name}");
    }
    assert!(running.stop().status.success());
}

#[test]
fn a_live_socket_is_waited_for_and_then_named() {
    let place = Place::new();
    let socket = place.path().join("http.sock");
    let _other = UnixListener::bind(&socket).expect("it is free");
    place.configure("[http]\nlisten = \"unix:http.sock\"\n");
    let refused = place.fails(1, &["serve"]);
    assert!(refused.contains("can't listen on unix:"), "{refused}");
    assert!(refused.contains("in use"), "{refused}");
}

/// How many more requests this client may make: they are counted by its address.
fn attempts(curl: &Curl, instance: &str, more: &[&str]) -> u16 {
    let asked = curl.fetch(
        &format!("{instance}/api/v1/timelines/public"),
        &[more, &["--include"]].concat(),
    );
    assert_eq!(asked.code, 0, "{}", asked.complaint);
    let head = asked.text.to_ascii_lowercase();
    let left = head
        .lines()
        .find_map(|line| line.strip_prefix("x-ratelimit-remaining: "));
    left.and_then(|left| left.trim().parse().ok())
        .unwrap_or_else(|| panic!("no limit is told: {head}"))
}

#[test]
fn a_trusted_unix_socket_tells_clients_apart_by_what_the_proxy_says() {
    for (trusted, apart) in [("\"unix\"", true), ("", false)] {
        let place = Place::new();
        let running = serve(
            &place,
            &format!(
                "[http]\nlisten = [\"unix:http.sock\", \"127.0.0.1:0\"]\ntrusted_proxies = [{trusted}]\n"
            ),
        );
        let curl = Curl::new(["--http1.1"]).with("--unix-socket", place.path().join("http.sock"));
        let from = |address: &str| {
            let header = format!("X-Forwarded-For: {address}");
            attempts(&curl, "http://localhost", &["--header", &header])
        };
        let first = from("192.0.2.1");
        assert_eq!(from("192.0.2.2") == first, apart);
        assert!(from("192.0.2.1") < first);
        drop(running);
    }
}

#[test]
fn the_proxy_protocol_is_believed_from_trusted_proxies_and_nothing_else_is_heard_from_them() {
    let place = Place::new();
    let (port, socket) = (free_address().port(), place.path().join("http.sock"));
    let running = serve(
        &place,
        &format!(
            "[http]\nlisten = [\"127.0.0.1:{port}\", \"unix:http.sock\"]\nproxy_protocol = true\n\
             trusted_proxies = [\"127.0.0.1\"]\nheader_timeout_secs = 1\n"
        ),
    );
    let ask = |header: &[u8]| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.write_all(header).expect("it reads");
        let request =
            "GET /api/v1/timelines/public HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        // It may be closed already.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    };
    let left = |header: &[u8]| -> u16 {
        let answer = ask(header).to_ascii_lowercase();
        assert!(answer.starts_with("http/1.1 200"), "{answer}");
        let mut lines = answer.lines();
        let line = lines.find_map(|line| line.strip_prefix("x-ratelimit-remaining: "));
        line.expect("a limit").parse().expect("a number")
    };
    let v2 = |last: u8| {
        let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
        header.extend([192, 0, 2, last, 127, 0, 0, 1, 0x30, 0x39, 0, 80]);
        header
    };
    let first = left(b"PROXY TCP4 192.0.2.1 127.0.0.1 1234 80\r\n");
    assert_eq!(left(b"PROXY TCP4 192.0.2.2 127.0.0.1 1234 80\r\n"), first);
    // The same client by the other version.
    assert_eq!(left(&v2(1)), first - 1);
    assert_eq!(left(&v2(3)), first);
    // What the client says about itself isn't believed: it is no trusted proxy.
    let claims = b"PROXY TCP4 192.0.2.1 127.0.0.1 1234 80\r\n";
    assert_eq!(left(claims), first - 2);
    // The proxy itself, whether the server is well.
    place.done(&["health", "--address", &format!("127.0.0.1:{port}")]);
    for wrong in [
        &b""[..],
        b"PROXY TCP4 192.0.2.1 127.0.0.1 1234\r\n",
        b"PROXY TCP4 192.0.2.1 127.0.0.1 1234 80 and more than a line may have, without an end, so that it has to be cut off by the server in the end",
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c192.0.2.1...",
    ] {
        assert_eq!(ask(wrong), "", "{wrong:?}");
    }
    // Whoever is none of them speaks HTTP at once.
    let by_socket = Curl::new(["--http1.1"]).with("--unix-socket", &socket);
    assert!(answers(&by_socket));
    let errors = running.stop().errors;
    let told = errors
        .matches("a proxy's connection was closed before HTTP")
        .count();
    assert_eq!(told, 4, "{errors}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "sockets take real time")]
fn a_header_of_the_proxy_protocol_has_a_deadline() {
    let place = Place::new();
    let port = free_address().port();
    let running = serve(
        &place,
        &format!(
            "[http]\nlisten = \"127.0.0.1:{port}\"\nproxy_protocol = true\n\
             trusted_proxies = [\"127.0.0.1\"]\nheader_timeout_secs = 1\n[log]\nlevel = \"debug\"\n"
        ),
    );
    let began = Instant::now();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream.write_all(b"PROXY TCP4 192.").expect("it reads");
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("it is closed");
    assert!(rest.is_empty());
    assert!(
        (1..5).contains(&began.elapsed().as_secs()),
        "{:?}",
        began.elapsed()
    );
    assert!(running.stop().errors.contains("it took too long"));
}

#[test]
fn haproxy_says_for_whom_it_connects() {
    for version in ["send-proxy", "send-proxy-v2"] {
        let place = Place::new();
        let (port, front) = (free_address().port(), free_address().port());
        let running = serve(
            &place,
            &format!(
                "[http]\nlisten = \"127.0.0.1:{port}\"\nproxy_protocol = true\n\
                 trusted_proxies = [\"127.0.0.1\"]\n"
            ),
        );
        let configuration = place.path().join("haproxy.cfg");
        fs::write(
            &configuration,
            format!(
                "defaults\n mode tcp\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
                 frontend front\n bind 127.0.0.1:{front}\n default_backend kinglet\n\
                 backend kinglet\n server one 127.0.0.1:{port} {version} check check-send-proxy inter 200ms\n"
            ),
        )
        .expect("it is written");
        let haproxy = Command::new("/usr/sbin/haproxy")
            .arg("-f")
            .arg(&configuration)
            .arg("-db")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("haproxy is missing: run tests/install first");
        let _haproxy = Helper(haproxy);
        let instance = format!("http://127.0.0.1:{front}");
        let curl = Curl::new(["--http1.1"]);
        until("haproxy doesn't answer", || {
            curl.fetch(&format!("{instance}/health"), &[]).text == "OK"
        });
        // Two clients of it, told apart by their addresses.
        let first = attempts(&curl, &instance, &["--interface", "127.0.0.2"]);
        assert_eq!(
            attempts(&curl, &instance, &["--interface", "127.0.0.3"]),
            first
        );
        assert_eq!(
            attempts(&curl, &instance, &["--interface", "127.0.0.2"]),
            first - 1
        );
        let errors = running.stop().errors;
        assert!(!errors.contains("closed before HTTP"), "{errors}");
    }
}

/// A socket on which the test plays the service manager.
struct Manager {
    socket: UnixDatagram,
    heard: String,
}

impl Manager {
    fn new(place: &Place) -> Self {
        let socket = UnixDatagram::bind(place.path().join("notify")).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
        Self {
            socket,
            heard: String::new(),
        }
    }

    /// Waits until it is told so.
    #[track_caller]
    fn hears(&mut self, words: &str) {
        while !self.heard.contains(words) {
            let mut text = [0; 1024];
            let length = self.socket.recv(&mut text);
            let length = length.unwrap_or_else(|_| panic!("{words} wasn't said: {}", self.heard));
            self.heard += &String::from_utf8_lossy(&text[..length]);
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a watchdog takes real time")]
fn the_service_manager_hears_of_readiness_health_and_the_end() {
    let place = Place::new();
    let mut manager = Manager::new(&place);
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    command
        .env("NOTIFY_SOCKET", place.path().join("notify"))
        .env("WATCHDOG_USEC", "400000");
    let running = Running::start(command);
    manager.hears(&format!("STATUS=answers at {}", running.url));
    assert!(manager.heard.contains("READY=1\n"), "{}", manager.heard);
    manager.hears("WATCHDOG=1");
    // A quarter of what it waits, so twenty in two seconds; fewer would do.
    let began = Instant::now();
    let mut told = 0;
    while began.elapsed() < Duration::from_secs(2) {
        manager.heard.clear();
        manager.hears("WATCHDOG=1");
        told += 1;
    }
    assert!((12..=24).contains(&told), "{told}");
    running.signal("TERM");
    manager.hears("STOPPING=1");
    assert!(running.end().status.success());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a watchdog takes real time")]
fn a_server_whose_writer_hangs_is_not_said_to_be_well() {
    let place = Place::new();
    let mut manager = Manager::new(&place);
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    command
        .env("NOTIFY_SOCKET", place.path().join("notify"))
        .env("WATCHDOG_USEC", "400000");
    let running = Running::start(command);
    manager.hears("WATCHDOG=1");
    // Somebody else holds the database: the writer waits, everything else goes on.
    let hold = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); \
                c.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()";
    let holder = Command::new("python3")
        .args(["-c", hold])
        .arg(place.data().join("kinglet.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python runs");
    let mut holder = Helper(holder);
    let mut held = [0; 5];
    let output = holder.0.stdout.as_mut().expect("a pipe");
    output.read_exact(&mut held).expect("it holds the database");
    manager.hears("STATUS=hangs");
    manager.heard.clear();
    let url = format!("{}/health", running.url);
    assert_eq!(
        Curl::new(["--http1.1"]).fetch(&url, &[]).text,
        "OK",
        "it serves all the same"
    );
    std::thread::sleep(Duration::from_millis(600));
    manager.socket.set_nonblocking(true).expect("a socket");
    let mut text = [0; 1024];
    assert!(
        manager.socket.recv(&mut text).is_err(),
        "nobody says that it is well"
    );
    manager.socket.set_nonblocking(false).expect("a socket");
    // Then it gives up and says so: who answers doesn't hang.
    manager.hears("STATUS=answers again");
    drop(holder);
    manager.heard.clear();
    manager.hears("WATCHDOG=1");
    assert!(running.stop().status.success());
}

#[test]
fn sockets_that_systemd_hands_over_are_answered_on() {
    let place = Place::new();
    let port = free_address().port();
    let socket = place.path().join("handed.sock");
    let binary = place.command(&[]).get_program().to_owned();
    let mut command = Command::new("systemd-socket-activate");
    command
        .arg(format!("--listen=127.0.0.1:{port}"))
        .arg(format!("--listen={}", socket.display()))
        .arg("--fdname=http:http")
        .arg(binary)
        .arg("serve")
        .current_dir(place.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // It starts the server at the first connection; the one that the default asks for isn't listened on.
    place.configure("[http]\nlisten = \"127.0.0.1:1\"\n");
    let waiting = std::thread::spawn(move || {
        let curl = Curl::new(["--http1.1", "--retry", "40", "--retry-connrefused"])
            .with("--retry-delay", "1");
        curl.fetch(&format!("http://127.0.0.1:{port}/health"), &[])
            .text
    });
    let running = Running::start(command);
    assert_eq!(running.url, format!("http://127.0.0.1:{port}"));
    assert_eq!(waiting.join().expect("no panic"), "OK");
    assert!(answers(
        &Curl::new(["--http1.1"]).with("--unix-socket", &socket)
    ));
    let ended = running.stop();
    assert!(ended.status.success(), "{}", ended.errors);
    assert!(socket.exists(), "it belongs to who made it");
}
