//! One connection of a load, and what all of them share.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::BenchError;
use super::client::Connection;
use super::mix::{Kind, Mix};
use super::target::{Member, PAGE_ENTRIES, Target};
use super::text::Texts;
use crate::randomness::Randomness;
use crate::secret::random_token;

/// What all connections of all loads of a run share.
#[derive(Debug)]
pub struct Load {
    /// Whom they ask, and as whom.
    pub target: Target,
    /// What they write.
    pub texts: Texts,
    /// Makes runs alike.
    pub seed: u64,
    /// What the keys of this run's posts begin with: no other run on the same server has it.
    pub run: String,
    /// How many posts were begun.
    pub written: AtomicU64,
}

impl Load {
    /// Of a run that hasn't begun.
    ///
    /// # Errors
    /// When the machine has no randomness to give.
    pub fn new(target: Target, texts: Texts, seed: u64) -> Result<Arc<Self>, BenchError> {
        let randomness = Randomness::from_system();
        let randomness = randomness.map_err(|error| BenchError::Unusable(error.to_string()))?;
        Ok(Arc::new(Self {
            target,
            texts,
            seed,
            run: random_token::<16>(&mut randomness.rng()).into_exposed(),
            written: AtomicU64::new(0),
        }))
    }

    /// As this one, of a run of its own, by other people on the same server.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn by(&self, members: Vec<Member>) -> Result<Arc<Self>, BenchError> {
        let target = Target {
            members,
            ..self.target.clone()
        };
        Self::new(target, self.texts.clone(), self.seed)
    }

    /// The request that publishes a post.
    pub fn post(&self, author: &Member, text: &str) -> Vec<u8> {
        let mut form = String::with_capacity(text.len() + 32);
        form.push_str("visibility=public&status=");
        for byte in text.bytes() {
            match byte {
                b' ' => form.push('+'),
                byte if byte.is_ascii_alphanumeric() => form.push(char::from(byte)),
                // Writing into a string can't fail.
                byte => drop(write!(form, "%{byte:02X}")),
            }
        }
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let key = format!("{}-{number}", self.run);
        self.target.post("/api/v1/statuses", author, &form, &key)
    }

    /// Somebody, each as likely.
    pub fn anybody(&self, random: &mut StdRng) -> &Member {
        &self.target.members[random.random_range(0..self.target.members.len())]
    }

    fn request(&self, kind: Kind, random: &mut StdRng) -> Vec<u8> {
        let who = self.anybody(random);
        match kind {
            Kind::Home => self.target.home(who),
            Kind::Account => {
                let whose = &self.anybody(random).id;
                let path = format!("/api/v1/accounts/{whose}/statuses?limit={PAGE_ENTRIES}");
                self.target.get(&path, who)
            }
            Kind::Public => {
                let path = format!("/api/v1/timelines/public?limit={PAGE_ENTRIES}");
                self.target.get(&path, who)
            }
            Kind::Post => self.post(who, &self.texts.post(random)),
        }
    }
}

/// A connection at work.
#[derive(Debug)]
pub struct Worker {
    load: Arc<Load>,
    mix: Mix,
    random: StdRng,
    connection: Connection,
}

impl Worker {
    /// Connects; each `stream` of a seed asks other things.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn open(load: &Arc<Load>, mix: Mix, stream: u64) -> io::Result<Self> {
        Ok(Self {
            connection: Connection::open(load.target.address).await?,
            random: StdRng::seed_from_u64(load.seed.wrapping_mul(0x9E37_79B9).wrapping_add(stream)),
            load: Arc::clone(load),
            mix,
        })
    }

    /// What to ask next.
    pub fn choose(&mut self) -> (Kind, Vec<u8>) {
        let kind = self.mix.at(self.random.random_range(0..self.mix.total()));
        (kind, self.load.request(kind, &mut self.random))
    }

    /// Asks it; whether it was done, else what was answered.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<Result<(), String>> {
        let answer = self.connection.ask(request).await?;
        Ok(if answer.is_ok() {
            Ok(())
        } else {
            Err(answer.told())
        })
    }

    /// How often the server closed the connection.
    pub fn reopened(&self) -> u64 {
        self.connection.reopened
    }
}
