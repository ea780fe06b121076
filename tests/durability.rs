//! An answer means that it is on the disk: watched from outside, by the system calls of the real program.
//!
//! Every post carries a text of its own, so the trace shows when its frame was written to the write-ahead log, and when
//! the answer that carries it left. In between a sync of the log must have begun after the write and ended before the
//! answer.

#![expect(
    clippy::panic,
    reason = "clippy takes only the test functions themselves for tests"
)]

mod support;

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use support::program::Program;
use support::server::Client;
use support::tools::program;

const WRITERS: usize = 4;
const POSTS_PER_WRITER: usize = 25;
/// How much of each call's data the trace shows: more than a frame of the log.
const TRACED_BYTES: &str = "8192";
/// How often the end of the program is looked for, and how many times.
const LOOK: Duration = Duration::from_millis(50);
const LOOKS_MAX: usize = 400;

fn kinglet(data: &Path, arguments: &[&str]) -> String {
    let output = Command::new(Program::PATH)
        .args(arguments)
        .arg("--data")
        .arg(data)
        .current_dir(data.parent().expect("a directory lies in another"))
        .env_remove("KINGLET_CONFIG")
        .output()
        .expect("the command runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    String::from_utf8(output.stdout)
        .expect("text")
        .trim()
        .to_owned()
}

/// The program under strace.
struct Traced {
    strace: Child,
    base: String,
    /// The program's own process.
    pid: String,
}

impl Traced {
    fn serve(data: &Path, trace: &Path, synchronous: &str) -> Self {
        let calls = "trace=execve,pwrite64,pwritev,write,writev,sendto,sendmsg,fsync,fdatasync";
        let mut strace = Command::new(program("strace"))
            .args(["-f", "-y", "-e", calls, "-s", TRACED_BYTES, "-o"])
            .arg(trace)
            .args([
                "--",
                Program::PATH,
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--data",
            ])
            .arg(data)
            .current_dir(data.parent().expect("a directory lies in another"))
            .env_remove("KINGLET_CONFIG")
            .env("KINGLET_LIMITS__RATE_LIMITS", "false")
            .env("KINGLET_STORAGE__SYNCHRONOUS", synchronous)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace starts");
        let said = BufReader::new(strace.stderr.take().expect("it was piped"));
        let mut lines = said.lines().map_while(Result::ok);
        let mut heard = String::new();
        let base = lines.by_ref().find_map(|line| {
            heard.push_str(&line);
            heard.push('\n');
            let (_, base) = line.split_once("kinglet answers at ")?;
            Some(base.trim().to_owned())
        });
        let base = base.unwrap_or_else(|| panic!("it doesn't serve under strace:\n{heard}"));
        // A full pipe would stop the program.
        std::thread::spawn(move || lines.for_each(drop));
        let beginning = std::fs::read_to_string(trace).expect("the trace has begun");
        let pid = beginning.split_whitespace().next().expect("a process");
        Self {
            strace,
            base,
            pid: pid.to_owned(),
        }
    }

    /// Has the program stop in good order.
    async fn stop(mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.pid]).status();
        assert!(asked.expect("kill runs").success());
        for _ in 0..LOOKS_MAX {
            if self.strace.try_wait().expect("a child").is_some() {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
        panic!("the program doesn't stop");
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        // Both may have ended already; without strace the program would go on.
        if matches!(self.strace.try_wait(), Ok(None)) {
            let _ = Command::new("kill").args(["-KILL", &self.pid]).status();
        }
        let _ = self.strace.kill();
        let _ = self.strace.wait();
    }
}

/// When something happened to a post, as lines of the trace.
#[derive(Debug, Default, Clone, Copy)]
struct Story {
    written: Option<usize>,
    answered: Option<usize>,
}

/// What a trace says: the posts, and the syncs of the log as (begun, ended).
#[derive(Debug, Default)]
struct Trace {
    posts: HashMap<String, Story>,
    syncs: Vec<(usize, usize)>,
}

impl Trace {
    fn read(text: &str, marks: &[String]) -> Self {
        let mut trace = Self::default();
        // By thread, for calls that the trace interrupts.
        let mut begun: HashMap<&str, usize> = HashMap::new();
        for (number, line) in text.lines().enumerate() {
            let Some((thread, call)) = line.split_once(' ') else {
                continue;
            };
            let call = call.trim_start();
            let is_sync = call.starts_with("fsync(") || call.starts_with("fdatasync(");
            let is_log = call.contains("kinglet.db-wal>");
            if is_sync && is_log {
                if call.contains("<unfinished") {
                    begun.insert(thread, number);
                } else if call.ends_with("= 0") {
                    trace.syncs.push((number, number));
                }
            } else if call.starts_with("<... fsync resumed") || call.starts_with("<... fdatasync") {
                if let Some(begin) = begun.remove(thread)
                    && call.ends_with("= 0")
                {
                    trace.syncs.push((begin, number));
                }
            } else if call.starts_with("pwrite") && is_log {
                for mark in marks.iter().filter(|mark| call.contains(*mark)) {
                    let story = trace.posts.entry(mark.clone()).or_default();
                    story.written.get_or_insert(number);
                }
            } else if call.contains("HTTP/1.1 200") {
                for mark in marks.iter().filter(|mark| call.contains(*mark)) {
                    let story = trace.posts.entry(mark.clone()).or_default();
                    story.answered.get_or_insert(number);
                }
            }
        }
        trace
    }

    /// Posts whose answer left before they were on the disk.
    fn broken_promises(&self) -> Vec<String> {
        let broken = self.posts.iter().filter(|(_, story)| {
            let (Some(written), Some(answered)) = (story.written, story.answered) else {
                return true;
            };
            !self
                .syncs
                .iter()
                .any(|&(begun, ended)| written < begun && ended < answered)
        });
        broken
            .map(|(mark, story)| format!("{mark}: {story:?}"))
            .collect()
    }
}

/// Serves under strace while several write; answers what the trace says.
async fn watch(synchronous: &str) -> Trace {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    kinglet(
        &data,
        &["user", "create", "wren", "--email", "wren@example.org"],
    );
    let token = kinglet(
        &data,
        &["token", "create", "wren", "--scopes", "read write"],
    );
    let trace = directory.path().join("trace");
    let traced = Traced::serve(&data, &trace, synchronous);
    let client = Client::new(&traced.base).with_token(&token);
    let marks: Vec<String> = (0..WRITERS * POSTS_PER_WRITER)
        .map(|number| format!("durable-{number}-post"))
        .collect();
    join_all(marks.chunks(POSTS_PER_WRITER).map(async |marks| {
        for mark in marks {
            let request = client.request(Method::POST, "/api/v1/statuses");
            let answer = request.json(&json!({"status": mark})).send().await;
            let answer = answer.expect("an answer");
            assert_eq!(answer.status().as_u16(), 200);
            answer.bytes().await.expect("a body");
        }
    }))
    .await;
    traced.stop().await;
    let text = std::fs::read(&trace).expect("the trace is there");
    let trace = Trace::read(&String::from_utf8_lossy(&text), &marks);
    assert_eq!(trace.posts.len(), marks.len(), "every post is in the trace");
    trace
}

#[tokio::test]
async fn no_answer_leaves_before_its_post_is_on_the_disk() {
    let trace = watch("full").await;
    let broken = trace.broken_promises();
    assert!(broken.is_empty(), "{broken:#?}");
    println!(
        "{} posts, {} syncs of the log",
        trace.posts.len(),
        trace.syncs.len()
    );
}

/// Else the test above would find nothing wrong with anything.
#[tokio::test]
async fn without_full_synchronisation_the_trace_shows_it() {
    let trace = watch("normal").await;
    let broken = trace.broken_promises();
    assert!(broken.len() > WRITERS * POSTS_PER_WRITER / 2, "{broken:#?}");
}

#[test]
fn a_trace_is_read_as_it_happened() {
    let text = "\
7 pwrite64(9</d/kinglet.db-wal>, \"..a-post..\", 4120, 0) = 4120
7 fdatasync(9</d/kinglet.db-wal> <unfinished ...>
8 writev(11<socket:[1]>, [{iov_base=\"HTTP/1.1 200 OK..b-post\"}], 1) = 5
7 pwrite64(9</d/kinglet.db-wal>, \"..b-post..\", 4120, 0) = 4120
7 <... fdatasync resumed>) = 0
8 sendto(11<socket:[1]>, \"HTTP/1.1 200 OK..a-post\", 9, 0) = 9
8 sendto(11<socket:[1]>, \"HTTP/1.1 200 OK..c-post\", 9, 0) = 9
";
    let marks = ["a-post", "b-post", "c-post"].map(str::to_owned);
    let trace = Trace::read(text, &marks);
    assert_eq!(trace.syncs, [(1, 4)]);
    let mut broken: Vec<String> = trace
        .broken_promises()
        .into_iter()
        .map(|promise| promise[..6].to_owned())
        .collect();
    broken.sort();
    assert_eq!(broken, ["b-post", "c-post"]);
}
