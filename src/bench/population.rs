//! Fills a server with people who follow each other: a throwaway directory through its own units, a server that is there
//! through its API.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt, TryStreamExt, stream};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;

use super::BenchError;
use super::client::Connection;
use super::graph::FollowerGraph;
use super::progress::Progress;
use super::target::{Member, Target};
use super::text::Texts;
use crate::config::Synchronous;
use crate::ids::AccountId;
use crate::secret::Secret;
use crate::server::Server;
use crate::server::seeding::{SEEDS_AT_ONCE_LIMIT, SEEDS_AT_ONCE_MAX};

/// Calls that are at work at the same time while a directory is filled: a commit takes many of them.
const CALLS_AT_ONCE: usize = SEEDS_AT_ONCE_LIMIT;
/// What the database may take meanwhile, in MiB, a sixteenth of it for pages: a commit touches them all over the database, and those
/// that don't fit are read again.
const MEMORY_BUDGET_MIB: u64 = 16_384;
/// And what owners may keep of what is written, in bytes: nobody reads it.
const CACHES_BYTES_MAX: usize = 64 << 20;

/// What a server holds before it is measured.
#[derive(Debug)]
pub struct Before<'b> {
    /// Who is there and follows whom.
    pub graph: &'b FollowerGraph,
    /// How many posts there are, by everybody alike.
    pub posts: usize,
    /// What they say.
    pub texts: &'b Texts,
    /// Who writes what.
    pub seed: u64,
}

/// Fills a new directory by a server of this process that ends before this is done.
///
/// # Errors
/// When the directory can't be used or something is refused.
pub async fn found(
    data: &Path,
    before: &Before<'_>,
    progress: &Progress,
) -> Result<Vec<Member>, BenchError> {
    let server = Server::builder()
        .data_dir(data)
        .in_bulk()
        .caches_bytes_max(CACHES_BYTES_MAX)
        .configure(|config| {
            // What is lost with the machine is filled anew. The server that is measured is started as the plan says.
            config.storage.synchronous = Synchronous::Normal;
            config.limits.memory_budget_mib = MEMORY_BUDGET_MIB;
        })
        .start()
        .await?;
    let seed = server.seed();
    let Before { graph, .. } = before;
    progress.things("people", graph.people);
    let people: Vec<_> = stream::iter(0..graph.people)
        .map(|number| {
            let person = seed.person(format!("person{number}"));
            async move {
                let person = person.await?;
                progress.advance(1);
                Ok::<_, BenchError>(person)
            }
        })
        .buffered(SEEDS_AT_ONCE_MAX)
        .try_collect()
        .await?;
    let seed = seed.with_calls_at_once(CALLS_AT_ONCE);
    let ids: Vec<AccountId> = people.iter().map(AccountId::from).collect();
    let id = |place: u32| ids[place as usize];
    progress.things("follows", graph.follows.len());
    stream::iter(&graph.follows)
        .map(|&(follower, followee)| {
            let (seed, follower, followee) = (&seed, id(follower), id(followee));
            async move {
                seed.follow(follower, followee).await?;
                progress.advance(1);
                Ok::<_, BenchError>(())
            }
        })
        .buffer_unordered(CALLS_AT_ONCE)
        .try_collect::<()>()
        .await?;
    progress.things("posts that are there before", before.posts);
    let mut random = StdRng::seed_from_u64(before.seed);
    stream::iter(0..before.posts)
        .map(|_| {
            let author = ids[random.random_range(0..ids.len())];
            let post = seed.post(author, before.texts.post(&mut random));
            async move {
                post.publish().await?;
                progress.advance(1);
                Ok::<_, BenchError>(())
            }
        })
        .buffer_unordered(CALLS_AT_ONCE)
        .try_collect::<()>()
        .await?;
    server.shutdown().await?;
    let members = people.iter().map(|person| Member {
        id: person.id.to_string(),
        token: Secret::new(person.token().to_owned()),
    });
    Ok(members.collect())
}

/// Has the members of a server follow each other, as far as the graph goes.
///
/// # Errors
/// When the server can't be reached or refuses it.
pub async fn follow_over_http(
    target: &Target,
    graph: &FollowerGraph,
    connections: usize,
    progress: &Progress,
) -> Result<(), BenchError> {
    progress.things("follows", graph.follows.len());
    let next = Arc::new(AtomicUsize::new(0));
    let (target, follows) = (Arc::new(target.clone()), Arc::new(graph.follows.clone()));
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (next, target) = (Arc::clone(&next), Arc::clone(&target));
        let (follows, progress) = (Arc::clone(&follows), progress.clone());
        tasks.spawn(async move {
            let unreachable = || BenchError::io(format!("http://{} can't be asked", target.host));
            let opened = Connection::open(target.address).await;
            let mut connection = opened.map_err(unreachable())?;
            while let Some((follower, followee)) = follows.get(next.fetch_add(1, Ordering::Relaxed))
            {
                let member = |place: u32| target.members.get(place as usize);
                let (Some(follower), Some(followee)) = (member(*follower), member(*followee))
                else {
                    continue;
                };
                let path = format!("/api/v1/accounts/{}/follow", followee.id);
                let key = format!("follow-{}-{}", follower.id, followee.id);
                let request = target.post(&path, follower, "", &key);
                let answer = connection.ask(&request).await.map_err(unreachable())?;
                if !answer.is_ok() {
                    let reason = format!("a follow is refused: {}", answer.told());
                    return Err(BenchError::Unusable(reason));
                }
                progress.advance(1);
            }
            Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|error| BenchError::Unusable(error.to_string()))??;
    }
    Ok(())
}
