//! kinglet in 64 MiB: the short form of `examples/small_memory`, with a small graph and the program as the tests have it.

mod support;

#[allow(dead_code, reason = "the example draws what is only looked at here")]
#[path = "../examples/small_memory/cage.rs"]
mod cage;
#[path = "../examples/small_memory/load.rs"]
mod load;

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use support::graph;
use support::tools::not_tested;

/// What may go wrong here.
type Failure = Box<dyn Error + Send + Sync>;

/// What a service manager's `MemoryMax=64M` means, in bytes.
const LIMIT: u64 = 64 * 1024 * 1024;
const MEMBERS: usize = 120;
const POSTS_BEFORE: usize = 300;
const TIME: Duration = Duration::from_secs(6);

#[tokio::test]
async fn a_mixed_load_fits_into_64_mib() {
    let graph = graph::generate(MEMBERS, 7);
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let village = load::found(&data, &graph, POSTS_BEFORE).await;
    let village = village.expect("everybody is there");
    let mut cage = cage::Cage::new(LIMIT);
    println!("{}", cage.description());
    let program = Path::new(env!("CARGO_BIN_EXE_kinglet"));
    let server = load::Caged::start(program, &data, &mut cage);
    let mut server = server.expect("the server starts within the limit");
    let watch = cage.watch(server.id());
    let served = village.visit(&mut server, TIME).await;
    let watched = watch.end().expect("memory can be looked at");
    println!("{watched}");
    let served = served.expect("every request is answered");
    println!("{served}");
    assert_eq!(watched.kills, 0);
    assert!(served.requests() > 100, "hardly anything was asked");
    assert!(watched.samples.len() > 10, "it was looked at all the time");
    if cage.is_closed() {
        assert!(watched.peak() <= LIMIT);
    } else {
        not_tested(
            "64 MiB as a limit: no control group can be made; only what was taken was looked at",
        );
    }
    // Without a limit the kernel takes no file back, so only what it couldn't take back counts.
    assert!(watched.anonymous_peak() < LIMIT, "{watched}");
}
