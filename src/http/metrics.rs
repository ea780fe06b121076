//! `GET /metrics`: the figures of the running instance, as Prometheus reads them.
//!
//! They are told to whoever shows `metrics.token`, and to everybody who reaches `metrics.listen`. Nothing in them names a
//! person, an address or a text; how many series there are depends on the program, never on what is asked for.

use std::fs;
use std::time::Duration;

use http::Method;
use http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderValue};
use tokio::time::timeout;
use warp::Filter;
use warp::filters::BoxedFilter;

use super::context::Context;
use super::extract::auth::Guest;
use super::extract::call::Call;
use super::limits::{Kind as LimitKind, Subject};
use super::problem::Problem;
use super::reply::{self, Response};
use super::request_log::RouteNote;
use super::routing::{Access, Family};
use super::serve::RequestContext;
use crate::actors::cache::CacheFigures;
use crate::actors::error::AskError;
use crate::actors::timelines::{CountEvictions, CountRoads, Roads};
use crate::clock::Timestamp;
use crate::domain::job::JobState;
use crate::features;
use crate::instance::Instance;
use crate::secret::same_bytes;
use crate::store::open::{database_in, wal_of};
use crate::store::queries::jobs::{ListJobs, Queues, ReadQueues};
use crate::telemetry::exposition::{CONTENT_TYPE, Exposition, Kind};

/// The address.
const PATTERN: &str = "/metrics";
/// How long an actor may take to describe itself; the figures of one that doesn't are left out.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);

/// The family's routes.
pub fn family() -> Family<Context> {
    Family::new("metrics").get(PATTERN, Access::Public, show)
}

/// `GET /metrics`: the figures, for whoever shows the token. Without one configured there is no such address.
async fn show(app: Context, guest: Guest, call: Call) -> Result<Response, Problem> {
    let Some(token) = &app.instance.config.metrics.token else {
        return Err(Problem::not_found());
    };
    let shown = call.headers.get(AUTHORIZATION);
    let shown = shown.and_then(|header| header.as_bytes().strip_prefix(b"Bearer "));
    if !shown.is_some_and(|shown| same_bytes(shown, token.expose().as_bytes())) {
        // It is guessed no faster than anything else is asked.
        app.count(LimitKind::Api, Subject::Address(guest.address))?;
        return Err(Problem::unauthenticated(
            "The metrics want their token: Authorization: Bearer ...",
        ));
    }
    Ok(answer(&app.instance).await)
}

/// What the listener for metrics alone answers with.
pub fn filter(instance: &Instance) -> BoxedFilter<(Response,)> {
    let instance = instance.clone();
    warp::ext::get::<RequestContext>()
        .and(warp::method())
        .then(move |context: RequestContext, method: Method| {
            let instance = instance.clone();
            async move {
                if context.target.path() != PATTERN {
                    return Problem::not_found().to_json(Some(context.id));
                }
                if method != Method::GET && method != Method::HEAD {
                    return Problem::method_not_allowed("GET, HEAD").to_json(Some(context.id));
                }
                let mut response = answer(&instance).await;
                response.extensions_mut().insert(RouteNote {
                    pattern: PATTERN,
                    account: None,
                });
                response
            }
        })
        .boxed()
}

async fn answer(instance: &Instance) -> Response {
    let mut response = reply::typed(CONTENT_TYPE, gather(instance).await);
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// All figures of an instance, in Prometheus's text format.
pub async fn gather(instance: &Instance) -> String {
    let mut to = Exposition::default();
    to.family(
        "kinglet_build_info",
        Kind::Gauge,
        "Always 1; the version and the features of this kinglet are in the labels.",
    )
    .value(
        &[
            ("version", env!("CARGO_PKG_VERSION")),
            ("web", yes_no(features::WEB)),
            ("mail", yes_no(features::MAIL)),
            ("snapshots", yes_no(features::SNAPSHOTS)),
            ("search", yes_no(features::SEARCH)),
        ],
        1,
    );
    instance.telemetry.tell(&mut to);
    tell_store(instance, &mut to);
    // All at once, so that a scrape lasts as long as one answer, however many hang.
    let actors = &instance.actors;
    let jobs = async {
        let running = ListJobs {
            state: JobState::Running,
        };
        let (queues, running) = tokio::join!(actors.find(ReadQueues), actors.find(running));
        Ok::<_, AskError>((queues?, running?))
    };
    let (caches, roads, evictions, jobs) = tokio::join!(
        actors.caches(),
        timeout(ANSWER_TIME_MAX, actors.timelines.send(CountRoads)),
        timeout(ANSWER_TIME_MAX, actors.timelines.send(CountEvictions)),
        timeout(ANSWER_TIME_MAX, jobs),
    );
    tell_caches(&caches, &mut to);
    if let Ok(Ok(roads)) = roads {
        tell_roads(&roads, &mut to);
    }
    if let Ok(Ok(Some(evictions))) = evictions {
        to.counter(
            "kinglet_home_windows_evicted_total",
            "Windows that made room for those of other readers.",
            evictions,
        );
    }
    if let Ok(Ok((queues, running))) = jobs {
        tell_jobs(&queues, running.len(), instance.clock.now(), &mut to);
    }
    to.finish()
}

fn yes_no(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

/// The sizes of files, by a look at the directory.
fn tell_store(instance: &Instance, to: &mut Exposition) {
    let database = database_in(&instance.data_dir);
    let bytes = |path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    to.gauge(
        "kinglet_store_writable",
        "Whether something can be written, as far as is known: 0 while the disk is full or broken; /health says what to do.",
        i64::from(instance.soundness.writing().is_none()),
    );
    to.gauge(
        "kinglet_wal_bytes",
        "Size of the write-ahead log's file; it is kept when the log starts anew.",
        bytes(wal_of(&database)),
    );
    to.gauge(
        "kinglet_database_bytes",
        "Size of the database's file.",
        bytes(database),
    );
}

/// What the owners hold, as they say themselves.
fn tell_caches(caches: &[CacheFigures], to: &mut Exposition) {
    let mut families = |name, help, of: fn(&CacheFigures) -> usize| {
        let mut family = to.family(name, Kind::Gauge, help);
        for cache in caches {
            family.value(&[("cache", cache.name)], of(cache));
        }
    };
    families(
        "kinglet_cache_entries",
        "Entries of a cache; windows are the homes of resident readers.",
        |cache| cache.entries,
    );
    families(
        "kinglet_cache_bytes",
        "About how much memory a cache takes.",
        |cache| cache.bytes,
    );
    families(
        "kinglet_cache_bytes_max",
        "How much memory a cache may take; most have it together (limits.memory_budget_mib).",
        |cache| cache.bytes_max,
    );
}

fn tell_roads(roads: &Roads, to: &mut Exposition) {
    let mut reads = to.family(
        "kinglet_home_reads_total",
        Kind::Counter,
        "Pages of homes, by the road they came: out of a resident window, a snapshot, or a merge over the sources.",
    );
    for (road, count) in [
        ("window", roads.window),
        ("snapshot", roads.snapshot),
        ("merge", roads.merge),
    ] {
        reads.value(&[("road", road)], count);
    }
}

/// What waits to be done, by bounded counts over indexes.
fn tell_jobs(queues: &Queues, running: usize, now: Timestamp, to: &mut Exposition) {
    let mut waiting = to.family(
        "kinglet_jobs_waiting",
        Kind::Gauge,
        "Jobs that wait, by where they lead; counted up to 100000 of each priority.",
    );
    for queue in &queues.queues {
        let labels = [("destination", &*queue.destination.name)];
        waiting.value(&labels, queue.waiting);
    }
    to.gauge("kinglet_jobs_running", "Jobs that are worked on.", running);
    to.gauge(
        "kinglet_jobs_dead",
        "Jobs that were given up and are kept to be looked at; counted up to 100000.",
        queues.dead,
    );
    let mut open = to.family(
        "kinglet_destination_open",
        Kind::Gauge,
        "1 while a destination's breaker keeps jobs from it because it failed several times in a row, else 0.",
    );
    for queue in &queues.queues {
        let is_open = queue.destination.breaker.open_until > now.millis();
        let labels = [("destination", &*queue.destination.name)];
        open.value(&labels, u8::from(is_open));
    }
    let mut paused = to.family(
        "kinglet_destination_paused",
        Kind::Gauge,
        "1 while somebody stopped a destination, else 0.",
    );
    for queue in &queues.queues {
        let labels = [("destination", &*queue.destination.name)];
        paused.value(&labels, u8::from(queue.destination.paused));
    }
}
