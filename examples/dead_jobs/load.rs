//! The loads: who is there, what is asked, and how often it was answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kinglet::Server;
use kinglet::bench::client::{Answer, Connection};
use kinglet::bench::repeat::first_id;
use kinglet::domain::account::Role;
use kinglet::ids::AccountId;
use kinglet::store::units::FollowAccount;
use tokio::task::JoinSet;

use super::Failure;
use super::crowd::person;
use super::servers::Kinglet;

/// Connections that ask at the same time.
pub const CONNECTIONS: usize = 16;
/// Authors, each followed by the reader.
const AUTHORS: usize = CONNECTIONS;
const READER: &str = "reader";

/// Makes the accounts that the loads need, a reader who follows all authors, on a server that runs; answers the authors.
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

/// A kinglet with a reader and those whom it follows, and their tokens.
pub struct Village {
    address: SocketAddr,
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

    /// Writes posts on all connections as fast as they are answered, for a while; answers how many in a second.
    pub async fn publish(&self, time: Duration) -> Result<f64, Failure> {
        let begun = now();
        let answered = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for number in 0..CONNECTIONS {
            let mut writer = self.writer(number).await?;
            let answered = Arc::clone(&answered);
            tasks.spawn(async move {
                while begun.elapsed() < time {
                    writer.write().await?;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<(), Failure>(())
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(answered.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64())
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
        let shown = id_in(&self.connection.ask(&self.home).await?)?;
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
        self.newest.fetch_max(id_in(&answer)?, Ordering::SeqCst);
        Ok(())
    }
}

fn get(address: SocketAddr, path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n")
        .into_bytes()
}

/// The id of a post that was published, or of the first of a page.
fn id_in(answer: &Answer<'_>) -> Result<i64, Failure> {
    let id = first_id(answer.body).filter(|_| answer.is_ok());
    Ok(id.ok_or_else(|| answer.told())?)
}

/// The present moment, for measuring.
#[expect(
    clippy::disallowed_methods,
    reason = "how long something takes is what is measured here"
)]
pub fn now() -> Instant {
    Instant::now()
}
