//! What telemetry costs: the home page of one server that measures itself and of one that doesn't, in turns.
//!
//! ```sh
//! cargo run --release --example telemetry_overhead [-- ROUNDS [REQUESTS]]
//! ```
//!
//! Each round asks both servers for as many pages, the one that begins changing from round to round, so that what else the
//! machine does meets both alike. The medians over the rounds are printed: the share of throughput that is left, and the
//! processor time of a request. The clients run in the same process and their work is in both; so the difference of processor
//! time is the telemetry's, and the share of throughput is a little kinder than one of the server alone.

use std::error::Error;
use std::time::Instant;

use kinglet::Server;
use kinglet::config::Config;
use kinglet::domain::account::Role;
use kinglet::telemetry::process::ProcessFigures;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

type Failure = Box<dyn Error + Send + Sync>;

/// Rounds unless others are asked for.
const ROUNDS: usize = 21;
/// Pages that each server answers in a round.
const REQUESTS: usize = 20_000;
/// Connections at once.
const CONNECTIONS: usize = 16;
/// Posts on the page.
const POSTS: usize = 20;
/// Pages before the first round.
const WARM_UP_REQUESTS: usize = 2000;

struct Subject {
    server: Server,
    request: String,
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
        };
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

    /// Asks so many times, over [`CONNECTIONS`] connections.
    async fn ask(&self, requests: usize) -> Result<(), Failure> {
        let mut clients = JoinSet::new();
        let connections = CONNECTIONS.min(requests);
        for client in 0..connections {
            let mut stream = TcpStream::connect(self.server.addr()).await?;
            stream.set_nodelay(true)?;
            let request = self.request.clone();
            let share = requests / connections + usize::from(client < requests % connections);
            clients.spawn(async move {
                let mut buffer = Vec::with_capacity(128 * 1024);
                for _ in 0..share {
                    stream.write_all(request.as_bytes()).await?;
                    read_answer(&mut stream, &mut buffer).await?;
                }
                Ok::<(), Failure>(())
            });
        }
        while let Some(client) = clients.join_next().await {
            client??;
        }
        Ok(())
    }

    async fn measure(&self, requests: usize) -> Result<Figures, Failure> {
        let cpu_before = cpu_seconds()?;
        let begun = now();
        self.ask(requests).await?;
        let seconds = begun.elapsed().as_secs_f64();
        Ok(Figures {
            per_second: requests as f64 / seconds,
            cpu_micros: (cpu_seconds()? - cpu_before) * 1e6 / requests as f64,
        })
    }
}

#[derive(Clone, Copy)]
struct Figures {
    per_second: f64,
    cpu_micros: f64,
}

fn cpu_seconds() -> Result<f64, Failure> {
    let figures = ProcessFigures::read().ok_or("this system doesn't tell processor time")?;
    Ok(figures.cpu_seconds)
}

#[expect(clippy::disallowed_methods, reason = "this program measures time")]
fn now() -> Instant {
    Instant::now()
}

/// Reads one answer, which has to be 200 with a length.
async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<(), Failure> {
    buffer.clear();
    let mut whole = None;
    while whole.is_none_or(|length| buffer.len() < length) {
        if stream.read_buf(buffer).await? == 0 {
            return Err("the server closed the connection".into());
        }
        if whole.is_none()
            && let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n")
        {
            let head = std::str::from_utf8(&buffer[..end])?.to_ascii_lowercase();
            if !head.starts_with("http/1.1 200") {
                return Err(head.into());
            }
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .ok_or("an answer without a length")?;
            whole = Some(end + 4 + length.trim().parse::<usize>()?);
        }
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default| arguments.next().map_or(Ok(default), |text| text.parse());
    let (rounds, requests) = (number(ROUNDS)?, number(REQUESTS)?);
    let (on, off) = (Subject::start(true).await?, Subject::start(false).await?);
    on.ask(WARM_UP_REQUESTS.min(requests)).await?;
    off.ask(WARM_UP_REQUESTS.min(requests)).await?;
    let mut pairs = Vec::new();
    for round in 0..rounds {
        let pair = if round % 2 == 0 {
            let first = on.measure(requests).await?;
            (first, off.measure(requests).await?)
        } else {
            let first = off.measure(requests).await?;
            (on.measure(requests).await?, first)
        };
        println!(
            "round {:2}: on {:6.0}/s {:6.1} us, off {:6.0}/s {:6.1} us, ratio {:.4}",
            round + 1,
            pair.0.per_second,
            pair.0.cpu_micros,
            pair.1.per_second,
            pair.1.cpu_micros,
            pair.0.per_second / pair.1.per_second,
        );
        pairs.push(pair);
    }
    let of = |figure: fn(&(Figures, Figures)) -> f64| median(pairs.iter().map(figure).collect());
    let ratio = of(|(on, off)| on.per_second / off.per_second);
    println!(
        "home pages: with telemetry {:.0}/s, without {:.0}/s; median of ratios {:.4} (costs {:.1} %)",
        of(|(on, _)| on.per_second),
        of(|(_, off)| off.per_second),
        ratio,
        (1.0 - ratio) * 100.0,
    );
    println!(
        "processor time of a page, client included: {:.2} us with, {:.2} us without; median difference {:.2} us",
        of(|(on, _)| on.cpu_micros),
        of(|(_, off)| off.cpu_micros),
        of(|(on, off)| on.cpu_micros - off.cpu_micros),
    );
    on.server.shutdown().await?;
    off.server.shutdown().await?;
    Ok(())
}
