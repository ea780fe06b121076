//! The loads: who is there, what is asked, and how often it was answered.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use kinglet::Server;
use kinglet::domain::account::Role;
use kinglet::ids::AccountId;
use kinglet::store::units::FollowAccount;
use serde_json::Value;
use tokio::task::JoinSet;

use super::client::Connection;
use super::crowd::person;
use super::servers::{Kinglet, StaticServer};
use super::{Failure, machine};

/// Connections that ask at the same time.
pub const CONNECTIONS: usize = 16;
/// Authors, each followed by the reader.
const AUTHORS: usize = CONNECTIONS;
/// Entries on a page.
const PAGE_ENTRIES: usize = 20;
/// How many posts the followees write in a second while homes are read.
const POSTS_PER_SECOND: usize = 100;
/// On how many connections they do so.
const PUBLISHERS: usize = 4;
const READER: &str = "reader";

/// What a load came to.
pub struct Measured {
    requests: u64,
    published: u64,
    favoured: u64,
    time: Duration,
    cpu: Duration,
}

impl Measured {
    /// Requests that were answered in a second.
    pub fn per_second(&self) -> f64 {
        self.requests as f64 / self.time.as_secs_f64()
    }

    /// Posts that were published beside them in a second.
    pub fn published_per_second(&self) -> f64 {
        self.published as f64 / self.time.as_secs_f64()
    }

    /// Favourites that were given beside them in a second.
    pub fn favoured_per_second(&self) -> f64 {
        self.favoured as f64 / self.time.as_secs_f64()
    }

    /// The server's processor time for each request, with what it did beside, in microseconds.
    pub fn cpu_us_per_request(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.requests.max(1) as f64
    }
}

/// Makes the accounts that the loads need: a reader who follows all authors.
pub async fn found_village(data: &Path) -> Result<(), Failure> {
    let server = Server::builder().data_dir(data).start().await?;
    settle(&server).await?;
    server.shutdown().await?;
    Ok(())
}

/// As [`found_village`], on a server that runs; answers the authors.
pub async fn settle(server: &Server) -> Result<Vec<AccountId>, Failure> {
    let reader = create(server, READER).await?;
    let mut authors = Vec::with_capacity(AUTHORS);
    for number in 0..AUTHORS {
        let author = create(server, &author(number)).await?;
        let unit = FollowAccount {
            follower: reader,
            followee: author,
            shows_boosts: None,
            notifies: None,
            follows_max: AUTHORS as i64,
        };
        server.instance().actors.perform(unit).await?;
        authors.push(author);
    }
    Ok(authors)
}

async fn create(server: &Server, name: &str) -> Result<AccountId, Failure> {
    let email = format!("{name}@example.org");
    let password = "a password for this moment";
    Ok(server
        .create_account(name, &email, password, Role::User)
        .await?)
}

fn author(number: usize) -> String {
    format!("author{number}")
}

/// Reads the static body on all connections.
pub async fn read_static(server: &StaticServer, time: Duration) -> Result<Measured, Failure> {
    let request: Arc<[u8]> = get(server.address, "/", "nobody").into();
    let answered = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let mut connection = Connection::open(server.address).await?;
        let (request, answered) = (Arc::clone(&request), Arc::clone(&answered));
        tasks.spawn(async move {
            loop {
                connection.ask(&request).await?;
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    run(tasks, server.id(), time, &answered, &Beside::default()).await
}

/// A kinglet with a reader and those whom it follows, and their tokens.
pub struct Village {
    address: SocketAddr,
    process: u32,
    home: Arc<[u8]>,
    authors: Vec<String>,
    /// Of how many people each post names one; 0 when it names nobody.
    named: usize,
    /// How many posts were written; makes each text another.
    written: Arc<AtomicU64>,
    /// The newest post that was answered, by its id.
    newest: Arc<AtomicI64>,
}

impl Village {
    /// Makes tokens for everybody.
    pub fn enter(kinglet: &Kinglet) -> Result<Self, Failure> {
        let address = kinglet.address;
        let authors = (0..AUTHORS).map(|number| kinglet.create_token(&author(number)));
        let reader = kinglet.create_token(READER)?;
        Ok(Self {
            address,
            process: kinglet.id(),
            home: get(address, "/api/v1/timelines/home", &reader).into(),
            authors: authors.collect::<Result<_, _>>()?,
            named: 0,
            written: Arc::default(),
            newest: Arc::default(),
        })
    }

    /// Makes each post that is written from now on name one of so many people in turn; nobody when there are none.
    pub fn name_people(&mut self, people: usize) {
        self.named = people;
    }

    /// How long a page is, which must be a full one.
    pub async fn page_bytes(&self) -> Result<usize, Failure> {
        let mut connection = Connection::open(self.address).await?;
        let body = connection.ask(&self.home).await?;
        let page: Vec<Value> = serde_json::from_slice(body)?;
        if page.len() != PAGE_ENTRIES {
            return Err(format!("a page of {} entries", page.len()).into());
        }
        Ok(body.len())
    }

    /// Reads the reader's home on all connections while those whom it follows write, and favour what was written last. A page that misses a post which
    /// had been answered before the page was asked for is a fault.
    pub async fn read_home(&self, time: Duration) -> Result<Measured, Failure> {
        let (answered, beside) = (Arc::new(AtomicU64::new(0)), Arc::new(Beside::default()));
        let before = self.newest.load(Ordering::SeqCst);
        let mut tasks = JoinSet::new();
        for number in 0..PUBLISHERS {
            let mut writer = self.writer(number).await?;
            let beside = Arc::clone(&beside);
            tasks.spawn(async move {
                let pace = Duration::from_secs(1) * PUBLISHERS as u32 / POSTS_PER_SECOND as u32;
                let mut pace = tokio::time::interval(pace);
                loop {
                    pace.tick().await;
                    writer.write().await?;
                    beside.published.fetch_add(1, Ordering::Relaxed);
                    writer.favour().await?;
                    beside.favoured.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..CONNECTIONS {
            let mut reader = self.reader().await?;
            let answered = Arc::clone(&answered);
            tasks.spawn(async move {
                loop {
                    reader.read().await?;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let measured = run(tasks, self.process, time, &answered, &beside).await?;
        if self.newest.load(Ordering::SeqCst) <= before {
            return Err("nothing new came into the home".into());
        }
        Ok(measured)
    }

    /// Writes posts on all connections as fast as they are answered.
    pub async fn publish(&self, time: Duration) -> Result<Measured, Failure> {
        let answered = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for number in 0..CONNECTIONS {
            let mut writer = self.writer(number).await?;
            let answered = Arc::clone(&answered);
            tasks.spawn(async move {
                loop {
                    writer.write().await?;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        run(tasks, self.process, time, &answered, &Beside::default()).await
    }

    /// Somebody who looks at the reader's home.
    pub async fn reader(&self) -> Result<Reader, Failure> {
        Ok(Reader {
            connection: Connection::open(self.address).await?,
            home: Arc::clone(&self.home),
            newest: Arc::clone(&self.newest),
        })
    }

    /// One of the authors.
    pub async fn writer(&self, number: usize) -> Result<Writer, Failure> {
        Ok(Writer {
            connection: Connection::open(self.address).await?,
            address: self.address,
            token: self.authors[number % self.authors.len()].clone(),
            named: self.named,
            written: Arc::clone(&self.written),
            newest: Arc::clone(&self.newest),
        })
    }
}

/// A reader at work.
pub struct Reader {
    connection: Connection,
    home: Arc<[u8]>,
    newest: Arc<AtomicI64>,
}

impl Reader {
    /// Reads the home. That it misses a post which had been answered before is a fault.
    pub async fn read(&mut self) -> Result<(), Failure> {
        let promised = self.newest.load(Ordering::SeqCst);
        let shown = first_id(self.connection.ask(&self.home).await?)?;
        if shown < promised {
            return Err(format!("{shown} is shown, but {promised} was answered").into());
        }
        Ok(())
    }
}

/// An author at work.
pub struct Writer {
    connection: Connection,
    address: SocketAddr,
    token: String,
    named: usize,
    written: Arc<AtomicU64>,
    newest: Arc<AtomicI64>,
}

impl Writer {
    /// Writes a post.
    pub async fn write(&mut self) -> Result<(), Failure> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let whom = match self.named as u64 {
            0 => String::new(),
            named => format!("%40{} ", person((number % named) as usize)),
        };
        let body = format!(
            "status={whom}Entry {number} of the log book: the wind has turned to the north, the sea is calm, and two birds \
             that nobody on board can name have followed us since noon."
        );
        let body = body.replace(' ', "+");
        let request = format!(
            "POST /api/v1/statuses HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            self.token,
            body.len()
        );
        let answer = self.connection.ask(request.as_bytes()).await?;
        self.newest.fetch_max(first_id(answer)?, Ordering::SeqCst);
        Ok(())
    }

    /// Favours the newest post.
    pub async fn favour(&mut self) -> Result<(), Failure> {
        let request = format!(
            "POST /api/v1/statuses/{}/favourite HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Length: 0\r\n\r\n",
            self.newest.load(Ordering::SeqCst),
            self.address,
            self.token,
        );
        let answer = self.connection.ask(request.as_bytes()).await?;
        first_id(answer).map(drop)
    }
}

/// What is done beside a load.
#[derive(Default)]
struct Beside {
    published: AtomicU64,
    favoured: AtomicU64,
}

/// Lets a load run for a while. The tasks never end but by a fault.
async fn run(
    mut tasks: JoinSet<Result<(), Failure>>,
    process: u32,
    time: Duration,
    answered: &AtomicU64,
    beside: &Beside,
) -> Result<Measured, Failure> {
    let (cpu, begun) = (machine::cpu_time(process)?, machine::now());
    tokio::select! {
        ended = tasks.join_next() => {
            ended.ok_or("there is no load")???;
            return Err("a load ended".into());
        }
        () = tokio::time::sleep(time) => {}
    }
    let measured = Measured {
        requests: answered.load(Ordering::Relaxed),
        published: beside.published.load(Ordering::Relaxed),
        favoured: beside.favoured.load(Ordering::Relaxed),
        time: begun.elapsed(),
        cpu: machine::cpu_time(process)?.saturating_sub(cpu),
    };
    tasks.shutdown().await;
    Ok(measured)
}

fn get(address: SocketAddr, path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n")
        .into_bytes()
}

/// The id that a status, or the first of a page of them, begins with.
fn first_id(json: &[u8]) -> Result<i64, Failure> {
    let status = json.strip_prefix(b"[").unwrap_or(json);
    let digits = status.strip_prefix(b"{\"id\":\"").ok_or("no status")?;
    let digits = digits.split(|byte| *byte == b'"').next();
    Ok(std::str::from_utf8(digits.unwrap_or_default())?.parse()?)
}
