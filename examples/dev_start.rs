//! How long `kinglet dev` takes from its start to its first answer, beside a bare warp server, each started twenty times
//! in turn:
//!
//!     cargo build --release && cargo run --release --example dev_start

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use warp::Filter;

/// Starts of which the median counts.
const STARTS: usize = 20;
/// How long a start may take.
const START_TIME_MAX: Duration = Duration::from_secs(10);
/// The argument that makes this program the bare server; the address follows.
const BARE: &str = "serve-bare";

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [BARE, address] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        serve_bare(address.parse()?)
    } else {
        measure()
    }
}

/// The least that warp can be: one route, one text.
fn serve_bare(address: SocketAddr) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let route = warp::any().map(|| "hello");
    runtime.block_on(async { warp::serve(route).run(address).await });
    Ok(())
}

fn measure() -> Result<(), Failure> {
    if cfg!(debug_assertions) {
        return Err("figures of a debug build tell nothing: run this with --release".into());
    }
    let example = std::env::current_exe()?;
    let program = beside(&example)?;
    let (mut kinglets, mut bares) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        kinglets.push(start(&program, |address| {
            vec!["dev".into(), "--listen".into(), address]
        })?);
        bares.push(start(&example, |address| vec![BARE.into(), address])?);
    }
    let (kinglet, bare) = (median(kinglets), median(bares));
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    println!(
        "kinglet dev answers after {:.1} ms, a bare warp server after {:.1} ms: {:.1} times as long (median of {STARTS})",
        ms(kinglet),
        ms(bare),
        ms(kinglet) / ms(bare)
    );
    Ok(())
}

/// The release build of kinglet beside this example.
fn beside(example: &Path) -> Result<PathBuf, Failure> {
    let folder = example.parent().and_then(Path::parent);
    let program = folder.ok_or("this program is in no directory")?;
    let program = program.join("kinglet");
    if program.exists() {
        Ok(program)
    } else {
        Err(format!(
            "{} is not there: run `cargo build --release` first",
            program.display()
        )
        .into())
    }
}

/// A process that is told to end, so that it removes what it stored.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let told = Command::new("kill").arg(self.0.id().to_string()).status();
        if told.is_err() {
            let _ = self.0.kill();
        }
        let _ = self.0.wait();
    }
}

/// From the start of a program to the first byte of its answer.
fn start(
    program: &Path,
    arguments: impl FnOnce(String) -> Vec<String>,
) -> Result<Duration, Failure> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let arguments = arguments(address.to_string());
    let begun = now();
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    let mut process = Process(child);
    loop {
        if let Ok(stream) = TcpStream::connect(address) {
            ask(stream, address)?;
            return Ok(begun.elapsed());
        }
        if begun.elapsed() > START_TIME_MAX || process.0.try_wait()?.is_some() {
            return Err(format!("{} doesn't start", program.display()).into());
        }
        thread::yield_now();
    }
}

fn ask(mut stream: TcpStream, address: SocketAddr) -> Result<(), Failure> {
    stream.set_read_timeout(Some(START_TIME_MAX))?;
    write!(
        stream,
        "GET /api/v1/timelines/public HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    if &status == b"HTTP/1.1 200" {
        Ok(())
    } else {
        Err(format!("answered {}", String::from_utf8_lossy(&status)).into())
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long something takes is what is measured here"
)]
fn now() -> Instant {
    Instant::now()
}
