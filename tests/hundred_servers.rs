//! A hundred servers started, used and stopped in one process leave nothing behind: no thread, no open file, no byte.
//!
//! It is the only test of its process, since it counts what the whole process holds. What Rust allocates is counted to
//! the byte. What SQLite allocates isn't seen by that counter; for it stands the memory that the process has resident,
//! which only tells something where the allocator keeps one arena instead of one for every few threads, so the test runs
//! itself once more with that setting.

#![cfg(target_os = "linux")]

use std::alloc::System;
use std::fmt::{self, Write as _};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use kinglet::Server;
use kinglet::actors::error::AskError;
use kinglet::config::Config;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Servers that live at the same time.
const AT_ONCE: usize = 10;
/// How often so many come and go.
const ROUNDS: usize = 10;
/// Rounds in which the process comes by what it keeps: the pool of threads that sled shares with everybody who uses
/// rayon, the pair of sockets by which tokio learns of signals, tables of time zones.
const ROUNDS_WARM_UP: usize = 2;
/// Servers after the warm-up.
const SERVERS_COUNTED: usize = AT_ONCE * (ROUNDS - ROUNDS_WARM_UP);
/// How many bytes more may be allocated after them. It is 0 where nothing is allocated late for the whole process; what
/// every server leaves behind would be at least a number of eight bytes in a table of the process.
const HEAP_GROWTH_BYTES_MAX: usize = SERVERS_COUNTED * 8 - 1;
/// How much the resident memory may grow meanwhile, in KiB: less than one connection to a database holds for each, and a
/// server has four.
const RESIDENT_GROWTH_KIB_MAX: usize = SERVERS_COUNTED * 120;
/// How long what has ended may take to be cleared up.
const SETTLING_TIME_MAX: Duration = Duration::from_secs(5);
/// How long it gets before that is counted on.
const WARM_UP_PAUSE: Duration = Duration::from_millis(500);
/// How often a test looks whether it is.
const SETTLING_PAUSE: Duration = Duration::from_millis(5);
/// Room for what the test tells of the rounds.
const REPORT_BYTES: usize = 4096;
/// What tells glibc how many arenas to keep.
const ARENAS: &str = "MALLOC_ARENA_MAX";

/// What the process holds.
#[derive(Clone, Copy)]
struct Held {
    threads: usize,
    files: usize,
    heap_bytes: usize,
    heap_blocks: usize,
}

impl Held {
    fn now() -> Self {
        let heap = ALLOCATOR.stats();
        Self {
            threads: threads(),
            files: files().count(),
            heap_bytes: heap.bytes_allocated - heap.bytes_deallocated,
            heap_blocks: heap.allocations - heap.deallocations,
        }
    }

    /// As soon as it is no more than it was, or when that takes too long: threads that sled shares with others clear up
    /// when they come to it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the system's threads take real time"
    )]
    fn settled(before: Self) -> Self {
        let began = Instant::now();
        loop {
            let held = Self::now();
            if before.holds(held).is_ok() || began.elapsed() > SETTLING_TIME_MAX {
                return held;
            }
            thread::sleep(SETTLING_PAUSE);
        }
    }

    /// Whether `later` is no more than this, as far as one server could make it more; else what is left.
    fn holds(self, later: Self) -> Result<(), &'static str> {
        if later.threads > self.threads {
            Err("threads")
        } else if later.files > self.files {
            Err("files")
        } else if later.heap_bytes > self.heap_bytes + HEAP_GROWTH_BYTES_MAX {
            Err("bytes")
        } else if later.heap_blocks >= self.heap_blocks + SERVERS_COUNTED {
            Err("blocks of memory")
        } else {
            Ok(())
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} threads, {} files, {} bytes in {} blocks",
            self.threads, self.files, self.heap_bytes, self.heap_blocks
        )
    }
}

fn threads() -> usize {
    let threads = fs::read_dir("/proc/self/task").expect("Linux tells it");
    threads.count()
}

/// What the open files are; the folder they are listed from is one of them.
fn files() -> impl Iterator<Item = PathBuf> {
    let files = fs::read_dir("/proc/self/fd").expect("Linux tells it");
    files.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
}

fn resident_kib() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells it");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.and_then(|line| line.split_whitespace().next());
    kib.and_then(|kib| kib.parse().ok()).expect("a number")
}

/// Fills a server, asks it over HTTP and lets it stop, with a connection open to it.
fn use_one(number: usize) {
    let builder = Server::builder().in_memory();
    let server = builder.start_blocking().expect("the server starts");
    let seed = server.seed();
    let seeded = server.block_on(async {
        let alice = seed.person("alice").await?;
        seed.post(&alice, "Hello #world").publish().await?;
        Ok::<_, AskError>(alice)
    });
    let alice = seeded.expect("all is allowed");
    let _left_open = TcpStream::connect(server.addr()).expect("it listens");
    let mut connection = TcpStream::connect(server.addr()).expect("it listens");
    write!(
        connection,
        "GET /api/v1/timelines/home HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        server.addr(),
        alice.token()
    )
    .expect("it reads");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("it answers");
    assert!(answer.contains("Hello "), "{answer}");
    let data_dir = server.data_dir().to_owned();
    if number.is_multiple_of(2) {
        drop(server);
    } else {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let stopped = runtime.expect("a runtime").block_on(server.shutdown());
        stopped.expect("it stops in order");
    }
    assert!(!data_dir.exists(), "{}", data_dir.display());
}

/// One that can't be started leaves nothing behind either.
fn fail_to_start() {
    let mut config = Config::default();
    config.limits.post_characters_max = 0;
    let builder = Server::builder().config(config).in_memory();
    assert!(builder.start_blocking().is_err());
    let builder = Server::builder().data_dir(Path::new("/proc/nowhere"));
    assert!(builder.start_blocking().is_err());
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the system's threads take real time"
)]
fn a_hundred_servers_leave_nothing_behind() {
    let has_one_arena = std::env::var_os(ARENAS).is_some();
    // A captured output grows, and this process counts its own memory.
    let mut report = String::with_capacity(REPORT_BYTES);
    let mut warm: Option<(Held, usize)> = None;
    for round in 1..=ROUNDS {
        let began = Instant::now();
        let users: Vec<_> = (0..AT_ONCE)
            .map(|number| thread::spawn(move || use_one(number)))
            .collect();
        for user in users {
            user.join().expect("the server was of use");
        }
        fail_to_start();
        let held = match &warm {
            Some((before, _)) => Held::settled(*before),
            // Nobody knows yet how many threads there should be.
            None => {
                thread::sleep(WARM_UP_PAUSE);
                Held::now()
            }
        };
        let resident = resident_kib();
        writeln!(
            report,
            "round {round}: {held}, {resident} KiB resident, {:?}",
            began.elapsed()
        )
        .expect("a String takes every write");
        match &warm {
            None if round == ROUNDS_WARM_UP => warm = Some((held, resident)),
            None => {}
            Some((before, resident_before)) => {
                let files: Vec<PathBuf> = files().collect();
                if let Err(left) = before.holds(held) {
                    panic!("{left} are left:\n{report}before: {before}\nopen: {files:?}");
                }
                let growth = resident.saturating_sub(*resident_before);
                assert!(
                    !has_one_arena || growth <= RESIDENT_GROWTH_KIB_MAX,
                    "{growth} KiB more are resident:\n{report}"
                );
            }
        }
    }
    print!("{report}");
    if !has_one_arena {
        let this = std::env::current_exe().expect("a program has a path");
        let with_one_arena = Command::new(this)
            .args([
                "--exact",
                "a_hundred_servers_leave_nothing_behind",
                "--nocapture",
            ])
            .env(ARENAS, "1")
            .output()
            .expect("the same program runs again");
        println!("{}", String::from_utf8_lossy(&with_one_arena.stdout));
        assert!(
            with_one_arena.status.success(),
            "{}",
            String::from_utf8_lossy(&with_one_arena.stderr)
        );
    }
}
