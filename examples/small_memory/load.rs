//! The members of the graph, and what they ask of the server.

use std::fmt;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use kinglet::Server;
use kinglet::actors::posts::{Draft, WritePost};
use kinglet::bench::client::Connection;
use kinglet::bench::graph::FollowerGraph;
use kinglet::domain::account::Role;
use kinglet::ids::AccountId;
use kinglet::store::units::{Admission, FollowAccount, NewMember, RegisterAccount};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;

use super::Failure;
use super::cage::Cage;

/// Connections that ask at the same time.
const CONNECTIONS: u64 = 16;
/// How often a password is hashed.
const PASSWORD_INTERVAL: Duration = Duration::from_secs(5);
/// Things that are on their way to the store at the same time.
const AT_ONCE: usize = 256;
/// How long a server may take to start.
const START_TIME_MAX: Duration = Duration::from_secs(30);
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
const SCOPES: &str = "read write";

/// Everybody who is there.
pub struct Village {
    members: Arc<Vec<Member>>,
}

struct Member {
    id: AccountId,
    token: String,
}

/// Makes the members of a graph, who follow each other as it says, and what they wrote so far.
pub async fn found(data: &Path, graph: &FollowerGraph, posts: usize) -> Result<Village, Failure> {
    let server = Server::builder().data_dir(data).start().await?;
    let actors = &server.instance().actors;
    let server_of = &server;
    let members: Vec<Member> = stream::iter(0..graph.people)
        .map(|number| async move {
            let name = format!("member{number}");
            let unit = RegisterAccount {
                member: NewMember {
                    email: format!("{name}@example.org"),
                    name,
                    // Nobody logs in as one of them, so no password is worth the time that its hash takes.
                    password_hash: "none".to_owned(),
                },
                admission: Admission::Operator(Role::User),
            };
            let id = actors.perform(unit).await?.account;
            let token = server_of.create_token(id, SCOPES).await?.into_exposed();
            Ok::<Member, Failure>(Member { id, token })
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let members = &members;
    stream::iter(&graph.follows)
        .map(|(follower, followee)| async move {
            let unit = FollowAccount {
                follower: members[*follower as usize].id,
                followee: members[*followee as usize].id,
                shows_boosts: None,
                notifies: None,
                follows_max: graph.people as i64,
            };
            actors.perform(unit).await?;
            Ok::<(), Failure>(())
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    stream::iter(0..posts)
        .map(|number| async move {
            let post = WritePost {
                author: members[number % members.len()].id,
                draft: Draft {
                    text: text(number as u64),
                    ..Draft::default()
                },
                visibility: None,
                reply_to: None,
                app: None,
                idempotency_key: None,
            };
            actors.posts.send(post).await??;
            Ok::<(), Failure>(())
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    let members = members
        .iter()
        .map(|member| Member {
            id: member.id,
            token: member.token.clone(),
        })
        .collect();
    server.shutdown().await?;
    Ok(Village {
        members: Arc::new(members),
    })
}

fn text(number: u64) -> String {
    let mut random = StdRng::seed_from_u64(number);
    let words: Vec<String> = (0..25)
        .map(|_| format!("word{}", random.random_range(0..2000)))
        .collect();
    format!("{} #tag{}", words.join(" "), number % 50)
}

/// `kinglet serve` in a cage; killed with this value.
pub struct Caged {
    child: Child,
    program: PathBuf,
    data: PathBuf,
    address: SocketAddr,
}

impl Caged {
    /// Starts it and waits until it answers.
    pub fn start(program: &Path, data: &Path, cage: &mut Cage) -> Result<Self, Failure> {
        let log = data.with_extension("log");
        let mut command = cage.command(program);
        plain(&mut command, data);
        let child = command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("KINGLET_LIMITS__RATE_LIMITS", "false")
            .stderr(File::create(&log)?)
            .spawn()?;
        let mut caged = Self {
            child,
            program: program.to_owned(),
            data: data.to_owned(),
            address: ([127, 0, 0, 1], 0).into(),
        };
        let begun = now();
        loop {
            let said = fs::read_to_string(&log)?;
            if let Some((_, rest)) = said.split_once("kinglet answers at http://")
                && let Some((address, _)) = rest.split_once('\n')
            {
                caged.address = address.trim().parse()?;
                return Ok(caged);
            }
            if caged.child.try_wait()?.is_some() || begun.elapsed() > START_TIME_MAX {
                return Err(format!("kinglet doesn't start:\n{said}").into());
            }
            pause();
        }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Caged {
    fn drop(&mut self) {
        // It may have been killed already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn plain(command: &mut Command, data: &Path) {
    command.arg("--data").arg(data).stdin(Stdio::null());
    // No configuration that happens to lie around is part of this.
    if let Some(folder) = data.parent() {
        command.current_dir(folder);
    }
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("KINGLET_") {
            command.env_remove(name);
        }
    }
}

/// What was answered.
pub struct Served {
    time: Duration,
    /// Homes, accounts' posts, posts written: how long each answer took, shortest first.
    kinds: [(&'static str, Vec<Duration>); 3],
    passwords: usize,
}

impl Served {
    /// How many requests.
    pub fn requests(&self) -> usize {
        self.kinds.iter().map(|(_, took)| took.len()).sum()
    }
}

impl fmt::Display for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = |count: usize| count as f64 / self.time.as_secs_f64();
        write!(f, "{:.0} requests/s", rate(self.requests()))?;
        for (name, took) in &self.kinds {
            let millis = |percent: usize| {
                let at = (took.len() * percent / 100).min(took.len().saturating_sub(1));
                took.get(at).copied().unwrap_or_default().as_secs_f64() * 1e3
            };
            let (half, most) = (millis(50), millis(99));
            let rate = rate(took.len());
            write!(f, "; {name} {rate:.0}/s ({half:.1} ms, 99 %: {most:.1} ms)")?;
        }
        write!(f, "; {} passwords hashed", self.passwords)
    }
}

impl Village {
    /// Asks for a while, on several connections.
    pub async fn visit(&self, server: &mut Caged, time: Duration) -> Result<Served, Failure> {
        let end = now() + time;
        let mut tasks = JoinSet::new();
        for number in 0..CONNECTIONS {
            let visitor = Visitor {
                connection: Connection::open(server.address).await?,
                members: Arc::clone(&self.members),
                address: server.address,
                random: StdRng::seed_from_u64(number),
            };
            tasks.spawn(visitor.ask_until(end));
        }
        let mut passwords = 0;
        while now() < end {
            server.hash_a_password(passwords).await?;
            passwords += 1;
            tokio::time::sleep_until(end.min(now() + PASSWORD_INTERVAL).into()).await;
        }
        let mut kinds = ["homes", "accounts", "posts"].map(|name| (name, Vec::new()));
        while let Some(took) = tasks.join_next().await {
            for (kind, took) in kinds.iter_mut().zip(took??) {
                kind.1.extend(took);
            }
        }
        for (_, took) in &mut kinds {
            took.sort();
        }
        Ok(Served {
            time,
            kinds,
            passwords,
        })
    }
}

impl Caged {
    /// Has an account made, whose password the server hashes.
    async fn hash_a_password(&self, number: usize) -> Result<(), Failure> {
        let mut command = Command::new(&self.program);
        plain(&mut command, &self.data);
        let name = format!("visitor{number}");
        let email = format!("{name}@example.org");
        command.args(["user", "create", &name, "--email", &email]);
        let done = tokio::task::spawn_blocking(move || command.output()).await??;
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).into_owned().into());
        }
        Ok(())
    }
}

/// One connection.
struct Visitor {
    connection: Connection,
    members: Arc<Vec<Member>>,
    address: SocketAddr,
    random: StdRng,
}

impl Visitor {
    /// Asks one thing after the other; answers how long each took, by kind.
    async fn ask_until(mut self, end: Instant) -> Result<[Vec<Duration>; 3], Failure> {
        let mut took: [Vec<Duration>; 3] = Default::default();
        while now() < end {
            let kind = match self.random.random_range(0..10) {
                0..6 => 0,
                6..9 => 1,
                _ => 2,
            };
            let request = self.request(kind);
            let begun = now();
            let answer = self.connection.ask(&request).await?;
            if !answer.is_ok() {
                return Err(answer.told().into());
            }
            took[kind].push(begun.elapsed());
        }
        Ok(took)
    }

    fn request(&mut self, kind: usize) -> Vec<u8> {
        let pick = |random: &mut StdRng| random.random_range(0..self.members.len());
        let who = &self.members[pick(&mut self.random)];
        let address = self.address;
        let head = |method_and_path: &str| {
            format!(
                "{method_and_path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n",
                who.token
            )
        };
        let request = match kind {
            0 => format!("{}\r\n", head("GET /api/v1/timelines/home")),
            1 => {
                let id = self.members[pick(&mut self.random)].id;
                format!(
                    "{}\r\n",
                    head(&format!("GET /api/v1/accounts/{id}/statuses"))
                )
            }
            _ => {
                let body = format!(r#"{{"status":"{}"}}"#, text(self.random.random()));
                format!(
                    "{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    head("POST /api/v1/statuses"),
                    body.len()
                )
            }
        };
        request.into_bytes()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long an answer takes is part of what is told"
)]
fn now() -> Instant {
    Instant::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a file can't be waited for without means of the system"
)]
fn pause() {
    std::thread::sleep(LOOK_INTERVAL);
}
