//! What telemetry costs: the home page of one server that measures itself and of one that doesn't, in turns.
//!
//! ```sh
//! cargo run --release --example telemetry_overhead [-- ROUNDS [REQUESTS]]
//! cargo run --release --example telemetry_overhead -- on|off REQUESTS
//! ```
//!
//! Each round asks both servers for as many pages, the one that begins changing from round to round. Rounds are many and short,
//! so that whatever else the machine does meets both alike; the quarters of the rounds at either end are left out and the
//! others pooled. Two answers are printed: the share of throughput that is left, and the processor time of a page, of the
//! server's threads alone. The second hardly minds what else the machine does.
//!
//! `on` or `off` asks one server alone, for a profiler that counts instructions.

#[path = "shared/answers.rs"]
mod answers;

use std::fs;

use answers::{Failure, now, read_answer};
use kinglet::Server;
use kinglet::config::Config;
use kinglet::domain::account::Role;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Rounds unless others are asked for.
const ROUNDS: usize = 400;
/// Pages that each server answers in a round.
const REQUESTS: usize = 1000;
/// Connections at once.
const CONNECTIONS: usize = 16;
/// Posts on the page.
const POSTS: usize = 20;
/// Pages before the first round.
const WARM_UP_REQUESTS: usize = 2000;

struct Subject {
    server: Server,
    request: String,
    connections: Vec<TcpStream>,
}

impl Subject {
    async fn start(telemetry: bool) -> Result<Self, Failure> {
        let mut config = Config::default();
        config.http.listen = "127.0.0.1:0".parse()?;
        config.limits.rate_limits = false;
        let server = Server::builder()
            .config(config)
            .in_memory()
            .telemetry(telemetry)
            .start()
            .await?;
        let account =
            server.create_account("wren", "wren@example.org", "a long password", Role::User);
        let account = account.await?;
        let token = server.create_token(account, "read write").await?;
        let token = token.into_exposed();
        let mut subject = Self {
            server,
            request: String::new(),
            connections: Vec::new(),
        };
        subject.connect(1).await?;
        for number in 0..POSTS {
            let body = format!("status=Post+number+{number}+about+the+birds+of+the+garden");
            let request = format!(
                "POST /api/v1/statuses HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            subject.request = request;
            subject.ask(1).await?;
        }
        subject.request = format!(
            "GET /api/v1/timelines/home HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        Ok(subject)
    }

    async fn connect(&mut self, connections: usize) -> Result<(), Failure> {
        while self.connections.len() < connections {
            let stream = TcpStream::connect(self.server.addr()).await?;
            stream.set_nodelay(true)?;
            self.connections.push(stream);
        }
        Ok(())
    }

    /// Asks so many times, over all connections at once.
    async fn ask(&mut self, requests: usize) -> Result<(), Failure> {
        let mut clients = JoinSet::new();
        let connections = self.connections.len();
        for (client, mut stream) in self.connections.drain(..).enumerate() {
            let request = self.request.clone();
            let share = requests / connections + usize::from(client < requests % connections);
            clients.spawn(async move {
                let mut buffer = Vec::with_capacity(128 * 1024);
                for _ in 0..share {
                    stream.write_all(request.as_bytes()).await?;
                    read_answer(&mut stream, &mut buffer).await?;
                }
                Ok::<_, Failure>(stream)
            });
        }
        while let Some(client) = clients.join_next().await {
            self.connections.push(client??);
        }
        Ok(())
    }

    async fn measure(&mut self, requests: usize) -> Result<Figures, Failure> {
        let cpu_before = server_nanos()?;
        let begun = now();
        self.ask(requests).await?;
        let seconds = begun.elapsed().as_secs_f64();
        let cpu_nanos = server_nanos()?.saturating_sub(cpu_before);
        Ok(Figures {
            seconds,
            cpu_seconds: cpu_nanos as f64 / 1e9,
        })
    }
}

/// What a number of pages took.
#[derive(Clone, Copy)]
struct Figures {
    seconds: f64,
    cpu_seconds: f64,
}

/// Processor time of all threads but this program's own, which is the only one that isn't a server's, in nanoseconds.
fn server_nanos() -> Result<u64, Failure> {
    let own = std::process::id().to_string();
    let mut nanos = 0;
    for task in fs::read_dir("/proc/self/task")? {
        let task = task?;
        if *task.file_name() == *own {
            continue;
        }
        // A thread may end meanwhile.
        let told = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        let on_processor = told.split(' ').next().unwrap_or_default();
        nanos += on_processor.trim().parse::<u64>().unwrap_or(0);
    }
    if nanos == 0 {
        return Err("this system doesn't tell the processor time of threads".into());
    }
    Ok(nanos)
}

/// Pairs of figures, with and without telemetry, of which the middle half is pooled: the sums of both.
fn pooled(mut pairs: Vec<(f64, f64)>) -> (f64, f64) {
    let ratio = |(on, off): &(f64, f64)| on / off;
    pairs.sort_by(|one, other| ratio(one).total_cmp(&ratio(other)));
    let quarter = pairs.len() / 4;
    let middle = &pairs[quarter..pairs.len() - quarter];
    let add = |sum: (f64, f64), pair: &(f64, f64)| (sum.0 + pair.0, sum.1 + pair.1);
    let (on, off) = middle.iter().fold((0.0, 0.0), add);
    let pairs = middle.len() as f64;
    (on / pairs, off / pairs)
}

async fn ask_one(telemetry: bool, requests: usize) -> Result<(), Failure> {
    let mut subject = Subject::start(telemetry).await?;
    subject.connect(CONNECTIONS).await?;
    let figures = subject.measure(requests).await?;
    println!(
        "{requests} home pages in {:.3} s, {:.2} us of the server's threads each",
        figures.seconds,
        figures.cpu_seconds * 1e6 / requests as f64
    );
    subject.server.shutdown().await?;
    Ok(())
}

async fn compare(rounds: usize, requests: usize) -> Result<(), Failure> {
    let (mut on, mut off) = (Subject::start(true).await?, Subject::start(false).await?);
    for subject in [&mut on, &mut off] {
        subject.connect(CONNECTIONS).await?;
        subject.ask(WARM_UP_REQUESTS.min(requests)).await?;
    }
    let mut pairs = Vec::new();
    for round in 0..rounds {
        pairs.push(if round % 2 == 0 {
            let first = on.measure(requests).await?;
            (first, off.measure(requests).await?)
        } else {
            let first = off.measure(requests).await?;
            (on.measure(requests).await?, first)
        });
    }
    let of = |figure: fn(&Figures) -> f64| {
        let pairs = pairs.iter().map(|(on, off)| (figure(on), figure(off)));
        pooled(pairs.collect())
    };
    let (on_seconds, off_seconds) = of(|figures| figures.seconds);
    let (on_cpu, off_cpu) = of(|figures| figures.cpu_seconds);
    let requests = requests as f64;
    println!(
        "home pages: with telemetry {:.0}/s, without {:.0}/s; {:.1} % of the throughput is left",
        requests / on_seconds,
        requests / off_seconds,
        off_seconds / on_seconds * 100.0,
    );
    println!(
        "processor time of the server for a page: {:.2} us with, {:.2} us without; telemetry takes {:.2} us, {:.1} %",
        on_cpu * 1e6 / requests,
        off_cpu * 1e6 / requests,
        (on_cpu - off_cpu) * 1e6 / requests,
        (on_cpu / off_cpu - 1.0) * 100.0,
    );
    on.server.shutdown().await?;
    off.server.shutdown().await?;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1).peekable();
    let alone = arguments.next_if(|text| text == "on" || text == "off");
    let mut number = |default| arguments.next().map_or(Ok(default), |text| text.parse());
    if let Some(which) = alone {
        return ask_one(which == "on", number(REQUESTS)?).await;
    }
    let (rounds, requests) = (number(ROUNDS)?, number(REQUESTS)?);
    if rounds == 0 || requests == 0 {
        return Err("there is nothing to compare".into());
    }
    compare(rounds, requests).await
}
