//! `kinglet dev` as a program of its own, started as a developer would.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value as Json;

use super::server::Client;

/// How long an answer may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running `kinglet dev`; told to end with this value.
pub struct DevServer {
    child: Child,
    /// What it said of itself.
    pub about: Json,
    /// Where it answers.
    pub url: String,
}

impl DevServer {
    /// Starts it and waits until it answers.
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = Self::command(arguments)
            .arg("--json")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut line = String::new();
        let output = child.stdout.take().expect("standard output is a pipe");
        let read = BufReader::new(output).read_line(&mut line);
        read.expect("it says where it answers");
        let about: Json = serde_json::from_str(&line).expect("a line of JSON");
        let url = about["url"].as_str().expect("a URL").to_owned();
        Self { child, about, url }
    }

    /// The command, not started yet.
    pub fn command(arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kinglet"));
        command
            .arg("dev")
            .args(arguments)
            // A configuration that lies around, or is named, is not this instance's.
            .env("KINGLET_HTTP__LISTEN", "0.0.0.0:1")
            .stdin(Stdio::null());
        command
    }

    /// Where it listens, `127.0.0.1:PORT`.
    pub fn authority(&self) -> &str {
        self.url.strip_prefix("http://").expect("plain HTTP")
    }

    /// Somebody of the cast.
    pub fn person(&self, name: &str) -> &Json {
        let people = self.about["people"].as_array().expect("people");
        let found = people.iter().find(|person| person["name"] == name);
        found.expect("is one of the cast")
    }

    /// A client with somebody's token.
    pub fn client(&self, name: &str) -> Client {
        let token = self.person(name)["token"].as_str().expect("a token");
        self.anonymous().with_token(token)
    }

    /// A client without a token.
    pub fn anonymous(&self) -> Client {
        Client::new(&self.url)
    }

    /// Sends bytes on a connection of their own and reads until the server closes it.
    pub fn exchange(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.authority()).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.write_all(request).expect("it reads");
        let mut answer = Vec::new();
        // A connection that is reset has answered nothing more.
        let _ = stream.read_to_end(&mut answer);
        answer
    }

    /// Ends it as Ctrl-C does; whether it ended well.
    pub fn end(mut self) -> bool {
        self.interrupt();
        self.child.wait().expect("it ends").success()
    }

    fn interrupt(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status();
        sent.expect("kill runs");
    }
}

impl Drop for DevServer {
    fn drop(&mut self) {
        // It may have ended already; else it shall remove what it stored.
        if matches!(self.child.try_wait(), Ok(None)) {
            self.interrupt();
        }
        let _ = self.child.wait();
    }
}
