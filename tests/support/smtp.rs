//! A mail server that others wrote (aiosmtpd from PyPI), behaving as `tests/smtp/server.py` says.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::timeout;

use super::tools::{in_package, python_programs};

/// How long somebody waits for a line.
const PATIENCE: Duration = Duration::from_secs(20);
/// Lines that may wait to be read.
const LINES_MAX: usize = 4096;

/// A mail that the server took.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The sender of the envelope.
    pub sender: String,
    /// The recipient of the envelope.
    pub to: String,
    /// Whether it came over TLS.
    pub tls: bool,
    /// The headers, unfolded and decoded.
    headers: Vec<(String, String)>,
    /// Type and text of each part.
    parts: Vec<(String, String)>,
    /// Every octet as it came, as one character each.
    pub raw: String,
}

impl Taken {
    /// As the server described it. A mail that Python's parser finds fault with is none.
    #[track_caller]
    pub fn from_line(line: &Json) -> Self {
        assert_eq!(line["faults"], Json::Array(vec![]), "{}", line["raw"]);
        let recipients = line["to"].as_array().expect("recipients");
        assert_eq!(recipients.len(), 1, "a mail for one");
        Self {
            sender: text(&line["sender"]),
            to: text(&recipients[0]),
            tls: line["tls"] == true,
            headers: pairs(&line["headers"]),
            parts: pairs(&line["parts"]),
            raw: text(&line["raw"]),
        }
    }

    /// A header that has to be there once.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        match self.headers_of(name)[..] {
            [value] => value,
            ref found => panic!("{name}: {found:?}"),
        }
    }

    /// All headers of a name.
    pub fn headers_of(&self, name: &str) -> Vec<&str> {
        let of_name = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        let found = self.headers.iter().filter(of_name);
        found.map(|(_, value)| value.as_str()).collect()
    }

    /// The plain part and the HTML part, which have to be all.
    #[track_caller]
    pub fn bodies(&self) -> (&str, &str) {
        match &self.parts[..] {
            [(plain, text), (html, page)] if plain == "text/plain" && html == "text/html" => {
                (text, page)
            }
            others => panic!("{others:?}"),
        }
    }

    /// The plain part.
    #[track_caller]
    pub fn text(&self) -> &str {
        self.bodies().0
    }

    /// The address that its List-Unsubscribe names, without the server's.
    #[track_caller]
    pub fn unsubscribe_path(&self, base: &str) -> String {
        let url = self.header("List-Unsubscribe");
        let url = url.strip_prefix('<').and_then(|url| url.strip_suffix('>'));
        let path = url.expect("in brackets").strip_prefix(base);
        path.expect("an address of this server").to_owned()
    }
}

fn text(json: &Json) -> String {
    json.as_str().expect("a text").to_owned()
}

fn pairs(json: &Json) -> Vec<(String, String)> {
    let pairs = json.as_array().expect("a list").iter();
    pairs.map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

/// The mail server; killed with this value.
pub struct MailServer {
    child: Child,
    port: u16,
    lines: Receiver<Json>,
    mails: VecDeque<Taken>,
    events: VecDeque<Json>,
}

impl MailServer {
    /// One that takes what it is given, on a free port.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// One that is told how to behave, on a free port.
    pub async fn start_with(arguments: &[&str]) -> Self {
        let (child, mut lines) = launch(0, arguments);
        let line = next_line(&mut lines).await;
        assert_eq!(line["event"], "listening", "{line}");
        let port = line["port"].as_u64().expect("a port");
        Self {
            child,
            port: u16::try_from(port).expect("a port"),
            lines,
            mails: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Where it listens: the value of `mail.url`.
    pub fn url(&self) -> String {
        self.url_by("smtp")
    }

    /// Where it listens, by another scheme.
    pub fn url_by(&self, scheme: &str) -> String {
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// Stops it: nobody listens at its port.
    pub fn stop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Starts another one at the same port. What the last one said is forgotten.
    pub async fn start_again(&mut self, arguments: &[&str]) {
        self.stop();
        let (child, mut lines) = launch(self.port, arguments);
        let line = next_line(&mut lines).await;
        assert_eq!(line["event"], "listening", "{line}");
        self.child = child;
        self.lines = lines;
        self.mails.clear();
        self.events.clear();
    }

    /// The next mail that it takes.
    pub async fn next(&mut self) -> Taken {
        loop {
            if let Some(mail) = self.mails.pop_front() {
                return mail;
            }
            let line = next_line(&mut self.lines).await;
            self.sort(line);
        }
    }

    /// So many mails, by recipient.
    pub async fn several(&mut self, count: usize) -> Vec<Taken> {
        let mut mails = Vec::new();
        while mails.len() < count {
            mails.push(self.next().await);
        }
        mails.sort_by(|one, other| one.to.cmp(&other.to));
        mails
    }

    /// Waits until it has said this of a mail or a connection, with the code if one is given.
    pub async fn wait_for(&mut self, event: &str, code: Option<u16>) {
        loop {
            while let Some(line) = self.events.pop_front() {
                if line["event"] == event && code.is_none_or(|code| line["code"] == code) {
                    return;
                }
            }
            let line = next_line(&mut self.lines).await;
            self.sort(line);
        }
    }

    /// The mails that it took and nobody asked for yet: all, when nothing is under way any more.
    pub fn rest(&mut self) -> Vec<Taken> {
        while let Ok(line) = self.lines.try_recv() {
            self.sort(line);
        }
        self.mails.drain(..).collect()
    }

    fn sort(&mut self, line: Json) {
        if line["event"] == "taken" {
            self.mails.push_back(Taken::from_line(&line));
        } else {
            self.events.push_back(line);
        }
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn launch(port: u16, arguments: &[&str]) -> (Child, Receiver<Json>) {
    let mut child = Command::new(python_programs().join("python"))
        .arg(in_package("tests/smtp/server.py"))
        .args(["--port", &port.to_string()])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let output = BufReader::new(child.stdout.take().expect("it was piped"));
    let (sender, lines) = channel(LINES_MAX);
    thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            let line = serde_json::from_str(&line).expect("a line of JSON");
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    (child, lines)
}

async fn next_line(lines: &mut Receiver<Json>) -> Json {
    let line = timeout(PATIENCE, lines.recv()).await;
    let line = line.expect("the mail server says something in time");
    line.expect("the mail server goes on")
}

/// Makes a certificate for 127.0.0.1, `server.pem`, and the one of who signed it, `authority.pem`, in a directory.
pub fn make_certificates(directory: &Path) {
    let made = Command::new(python_programs().join("python"))
        .arg(in_package("tests/smtp/certificate.py"))
        .arg(directory)
        .status()
        .expect("Python runs");
    assert!(made.success());
}
