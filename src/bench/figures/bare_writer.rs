//! The writer's thread alone, without anybody above it: what publishing over HTTP is measured by.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;

use crate::actors::posts::{Draft, TextRules, prepare};
use crate::bench::BenchError;
use crate::bench::text::Texts;
use crate::boot::disk_use;
use crate::clock::{Moment, SystemClock};
use crate::config::Config;
use crate::domain::idempotency::IdempotencyKey;
use crate::ids::AccountId;
use crate::randomness::Randomness;
use crate::store::open::DataDir;
use crate::store::units::{PreparedText, PublishPost};
use crate::store::writer::{Writer, WriterThread};
use crate::telemetry::Telemetry;

/// Texts that are prepared beforehand and published in turn.
const TEXTS: usize = 2048;

/// A writer of this process; it ends with this value.
pub(super) struct BareWriter {
    writer: Option<Writer>,
    thread: Option<JoinHandle<()>>,
    texts: Arc<Vec<PreparedText>>,
    authors: Arc<Vec<AccountId>>,
    published: Arc<AtomicU64>,
}

impl BareWriter {
    /// Opens the database in a directory as a server would, with the usual settings.
    pub(super) fn open(
        data: &Path,
        authors: Vec<AccountId>,
        texts: &Texts,
        seed: u64,
    ) -> Result<Self, BenchError> {
        let unusable = |error: &dyn std::fmt::Display| BenchError::Unusable(error.to_string());
        let mut random = StdRng::seed_from_u64(seed);
        let config = Config::default();
        let rules = TextRules {
            characters_max: config.limits.post_characters_max as usize,
            local_host: "localhost".to_owned(),
        };
        let prepared = (0..TEXTS).map(|_| {
            let draft = Draft {
                text: texts.post(&mut random),
                ..Draft::default()
            };
            prepare(&draft, &rules).map_err(|refusal| unusable(&refusal))
        });
        let texts = prepared.collect::<Result<_, _>>()?;
        let directory = DataDir::own(data).map_err(|error| unusable(&error))?;
        let randomness = Randomness::from_system().map_err(|error| unusable(&error))?;
        let (writing, writer) = WriterThread::open(
            directory,
            disk_use(&config.storage),
            Arc::new(SystemClock),
            &mut randomness.rng(),
            &Telemetry::disabled(),
        )
        .map_err(|error| unusable(&error))?;
        let thread = thread::Builder::new()
            .name("bare-writer".to_owned())
            .spawn(|| writing.run())
            .map_err(BenchError::io("can't start a thread"))?;
        Ok(Self {
            writer: Some(writer),
            thread: Some(thread),
            texts: Arc::new(texts),
            authors: Arc::new(authors),
            published: Arc::default(),
        })
    }

    /// Publishes for a while, so many posts at a time; answers how many in a second.
    pub(super) async fn publish(&self, at_once: usize, time: Duration) -> Result<f64, BenchError> {
        let ended = || BenchError::Unusable("the writer has ended".to_owned());
        let begun = Moment::now();
        let before = self.published.load(Ordering::Relaxed);
        let mut tasks = JoinSet::new();
        for number in 0..at_once as u64 {
            let writer = self.writer.clone().ok_or_else(ended)?;
            let (texts, authors) = (Arc::clone(&self.texts), Arc::clone(&self.authors));
            let published = Arc::clone(&self.published);
            let mut random = StdRng::seed_from_u64(number);
            tasks.spawn(async move {
                while u128::from(begun.elapsed_nanos()) < time.as_nanos() {
                    let key = published.fetch_add(1, Ordering::Relaxed);
                    let author = authors[random.random_range(0..authors.len())];
                    let unit = PublishPost {
                        author,
                        text: texts[random.random_range(0..texts.len())].clone(),
                        visibility: None,
                        reply_to: None,
                        app: None,
                        idempotency_key: Some(IdempotencyKey::of(author, &format!("bare-{key}"))),
                    };
                    let answer = writer.submit(unit).map_err(|error| error.to_string())?;
                    let answer = answer.await.map_err(|error| error.to_string())?;
                    answer.map_err(|error| error.to_string())?;
                }
                Ok::<_, String>(())
            });
        }
        while let Some(ended) = tasks.join_next().await {
            let outcome = ended.map_err(|error| error.to_string());
            outcome
                .and_then(|outcome| outcome)
                .map_err(BenchError::Unusable)?;
        }
        let published = self.published.load(Ordering::Relaxed) - before;
        Ok(published as f64 / (begun.elapsed_nanos() as f64 / 1e9))
    }
}

impl Drop for BareWriter {
    fn drop(&mut self) {
        // The thread ends when nobody can write any more.
        drop(self.writer.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has told of itself.
            drop(thread.join());
        }
    }
}
