//! Fan-out lag: the time from the answer to whoever published a post until it is in a follower's home.
//!
//! An author publishes, and from the moment of the answer the home of a follower is read again and again until the post
//! is on it. Counted is the time until the reading that shows it has been answered, so that even without any lag it is as
//! long as one reading takes. How many readings were needed is told as well: a server that keeps its promise needs one.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::sleep;

use super::BenchError;
use super::client::Connection;
use super::histogram::Histogram;
use super::open_loop::broken;
use super::target::Identified;
use super::worker::Load;
use crate::clock::Moment;

/// The pause between two samples.
const PAUSE: Duration = Duration::from_millis(50);
/// The pause between two looks at a home.
const LOOK_PAUSE: Duration = Duration::from_millis(1);
/// After this long a post counts as lost.
const LAG_MAX: Duration = Duration::from_secs(10);
/// Entries of a home that are looked at: as many as the API gives at once, for others publish meanwhile.
const ENTRIES: usize = 40;

/// What was seen.
#[derive(Debug, Clone, Default)]
pub struct Lag {
    /// From the answer to the author until the post was seen.
    pub took: Histogram,
    /// Posts that the first look at the home showed.
    pub at_once: u64,
    /// Posts that nobody saw within ten seconds.
    pub lost: u64,
}

/// Takes samples for a while: of followers and those whom they follow, by their places among the members.
///
/// # Errors
/// When the server can't be reached or breaks off, or answers something else.
pub async fn sample(
    load: &Arc<Load>,
    follows: &[(u32, u32)],
    time: Duration,
) -> Result<Lag, BenchError> {
    let begun = Moment::now();
    let mut random = StdRng::seed_from_u64(load.seed.wrapping_add(1));
    let address = load.target.address;
    let opened = Connection::open(address).await;
    let mut author = opened.map_err(broken(load))?;
    let opened = Connection::open(address).await;
    let mut reader = opened.map_err(broken(load))?;
    let mut lag = Lag::default();
    while !follows.is_empty() && u128::from(begun.elapsed_nanos()) < time.as_nanos() {
        let (follower, followee) = follows[random.random_range(0..follows.len())];
        let member = |place: u32| load.target.members.get(place as usize);
        let (Some(follower), Some(followee)) = (member(follower), member(followee)) else {
            continue;
        };
        let publish = load.post(followee, &load.texts.post(&mut random));
        let answer = author.ask(&publish).await.map_err(broken(load))?;
        let acked = Moment::now();
        if !answer.is_ok() {
            // The load beside this one counts and tells what is refused.
            sleep(PAUSE).await;
            continue;
        }
        let post: Identified = serde_json::from_slice(answer.body)
            .map_err(|error| invalid(load, "a published post", &error))?;
        let home = load
            .target
            .get(&format!("/api/v1/timelines/home?limit={ENTRIES}"), follower);
        let mut looks = 0_u64;
        loop {
            looks += 1;
            let answer = reader.ask(&home).await.map_err(broken(load))?;
            let page: Vec<Identified> = serde_json::from_slice(answer.body)
                .map_err(|error| invalid(load, "a home", &error))?;
            if page.iter().any(|shown| shown.id == post.id) {
                lag.took.record(acked.elapsed_nanos());
                lag.at_once += u64::from(looks == 1);
                break;
            }
            if u128::from(acked.elapsed_nanos()) > LAG_MAX.as_nanos() {
                lag.lost += 1;
                break;
            }
            sleep(LOOK_PAUSE).await;
        }
        sleep(PAUSE).await;
    }
    Ok(lag)
}

fn invalid(load: &Load, what: &str, error: &serde_json::Error) -> BenchError {
    broken(load)(io::Error::other(format!("{what} is no such JSON: {error}")))
}
