//! A warm home page of twenty posts while those whom the reader follows publish and the posts shown are favourited, against
//! a static body of the same size through the same accept loop.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value as Json;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::static_body::StaticBody;
use super::{Rounds, Series, fan};
use crate::bench::BenchError;
use crate::bench::client::Connection;
use crate::bench::closed_loop::{self, Extent};
use crate::bench::cores::Apart;
use crate::bench::mix::{Kind, Mix};
use crate::bench::repeat::{Repeated, first_id};
use crate::bench::report::{Better, Figure};
use crate::bench::target::PAGE_ENTRIES;
use crate::bench::worker::Load;

/// Connections that read.
const CONNECTIONS: usize = 16;
/// Those whom the reader follows.
const AUTHORS: usize = 16;
/// How many posts they publish in a second, on [`PUBLISHERS`] connections.
const POSTS_PER_SECOND: u32 = 100;
const PUBLISHERS: u32 = 4;
/// People who favourite what is shown.
const FANS: usize = 16;
/// How often in a second.
const FAVOURITES_PER_SECOND: u32 = 50;
/// Posts that are there before.
const POSTS_BEFORE: u64 = 200;
/// The share of the static body that is to be reached, in hundredths.
const SHARE_GOAL: f64 = 55.0;

/// What the writers did so far.
#[derive(Debug, Default)]
struct Done {
    newest: Arc<AtomicI64>,
    posts: AtomicU64,
    favourites: AtomicU64,
}

pub(super) async fn measure(rounds: &Rounds<'_>) -> Result<Vec<Figure>, BenchError> {
    let plan = rounds.plan;
    let mut instance = rounds.instance(&fan(AUTHORS, FANS), 0).await?;
    let everybody = Load::new(instance.target()?, rounds.texts.clone(), plan.seed)?;
    let authors = everybody.by(instance.members[1..=AUTHORS].to_vec())?;
    let fans = everybody.by(instance.members[AUTHORS + 1..].to_vec())?;
    let extent = Extent::Requests(POSTS_BEFORE);
    let only_posts = Mix::only(Kind::Post);
    closed_loop::run(
        &authors,
        only_posts,
        CONNECTIONS,
        extent,
        1,
        rounds.progress,
    )
    .await?;

    let address = everybody.target.address;
    let request = everybody.target.home(&instance.members[0]);
    let failed = || BenchError::io("the home can't be read");
    let opened = Connection::open(address).await;
    let mut connection = opened.map_err(failed())?;
    let answer = connection.ask(&request).await.map_err(failed())?;
    let page: Vec<Json> = serde_json::from_slice(answer.body)
        .map_err(|error| BenchError::Unusable(format!("a home is no page: {error}")))?;
    if page.len() != PAGE_ENTRIES {
        let reason = format!("a home page of {} posts", page.len());
        return Err(BenchError::Unusable(reason));
    }
    let fixed = StaticBody::start(answer.body.len())?;
    let done = Arc::new(Done::default());
    let home = Repeated {
        address,
        request: request.into(),
        connections: CONNECTIONS,
        time: plan.time,
        promised: Some(Arc::clone(&done.newest)),
    };
    let body = Repeated {
        address: fixed.address,
        promised: None,
        ..home.clone()
    };
    let [
        mut homes,
        mut bodies,
        mut shares,
        mut p99,
        mut posts,
        mut favourites,
    ] = std::array::from_fn(|_| Series::default());
    let servers = [instance.server()?.id(), fixed.id()];
    let apart = Apart::place(&servers, plan.threads)?;
    for round in 0..plan.rounds {
        rounds.begin("static body", round);
        let of_body = body.run().await?;
        rounds.begin("home page", round);
        let before = [&done.posts, &done.favourites].map(|count| count.load(Ordering::Relaxed));
        let mut writers = writers(&authors, &fans, &done).await?;
        let of_home = tokio::select! {
            tally = home.run() => tally?,
            ended = writers.join_next() => return Err(broken(ended)),
        };
        writers.shutdown().await;
        let seconds = of_home.nanos as f64 / 1e9;
        let after = [&done.posts, &done.favourites].map(|count| count.load(Ordering::Relaxed));
        posts.push((after[0] - before[0]) as f64 / seconds);
        favourites.push((after[1] - before[1]) as f64 / seconds);
        homes.push(of_home.per_second());
        bodies.push(of_body.per_second());
        shares.push(100.0 * of_home.per_second() / of_body.per_second());
        p99.push(of_home.all().ms_at(0.99));
    }
    drop(apart);
    instance.stop().await?;
    Ok(vec![
        bodies.figure("home.static_body", "/s", Better::More, None),
        homes.figure("home.page", "/s", Better::More, None),
        shares.figure("home.share_of_static", "%", Better::More, Some(SHARE_GOAL)),
        p99.figure("home.p99", "ms", Better::Less, None),
        posts.figure("home.posts_meanwhile", "/s", Better::More, None),
        favourites.figure("home.favourites_meanwhile", "/s", Better::More, None),
    ])
}

type Writers = JoinSet<io::Result<()>>;

/// Publishes and favourites at their pace until it is dropped; ends only by a fault.
async fn writers(
    authors: &Arc<Load>,
    fans: &Arc<Load>,
    done: &Arc<Done>,
) -> Result<Writers, BenchError> {
    let failed = || BenchError::io("the load can't begin");
    let mut tasks = JoinSet::new();
    for number in 0..PUBLISHERS {
        let (load, done) = (Arc::clone(authors), Arc::clone(done));
        let opened = Connection::open(load.target.address).await;
        let mut connection = opened.map_err(failed())?;
        let mut pace = beat(Duration::from_secs(1) * PUBLISHERS / POSTS_PER_SECOND);
        let seed = load.written.load(Ordering::Relaxed) ^ u64::from(number) << 32;
        let mut random = StdRng::seed_from_u64(seed);
        tasks.spawn(async move {
            loop {
                pace.tick().await;
                let text = load.texts.post(&mut random);
                let request = load.post(load.anybody(&mut random), &text);
                let answer = connection.ask(&request).await?;
                let published = first_id(answer.body).filter(|_| answer.is_ok());
                let published = published.ok_or_else(|| io::Error::other(answer.told()))?;
                done.newest.fetch_max(published, Ordering::SeqCst);
                done.posts.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let (load, done) = (Arc::clone(fans), Arc::clone(done));
    let opened = Connection::open(load.target.address).await;
    let mut connection = opened.map_err(failed())?;
    let mut pace = beat(Duration::from_secs(1) / FAVOURITES_PER_SECOND);
    let mut random = StdRng::seed_from_u64(load.seed);
    tasks.spawn(async move {
        loop {
            pace.tick().await;
            let newest = done.newest.load(Ordering::SeqCst);
            if newest == 0 {
                continue;
            }
            let path = format!("/api/v1/statuses/{newest}/favourite");
            let request = load
                .target
                .post(&path, load.anybody(&mut random), "", "favourite");
            let answer = connection.ask(&request).await?;
            if !answer.is_ok() {
                return Err(io::Error::other(answer.told()));
            }
            done.favourites.fetch_add(1, Ordering::Relaxed);
        }
    });
    Ok(tasks)
}

fn beat(pause: Duration) -> tokio::time::Interval {
    let mut beat = interval(pause);
    beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
    beat
}

fn broken(ended: Option<Result<io::Result<()>, tokio::task::JoinError>>) -> BenchError {
    let source = match ended {
        Some(Ok(Err(error))) => error,
        Some(Err(error)) => io::Error::other(error),
        Some(Ok(Ok(()))) | None => io::Error::other("it ended"),
    };
    BenchError::io("what is written beside the readings broke off")(source)
}
