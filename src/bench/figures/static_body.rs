//! A server that answers everything with one ready-made body, through kinglet's accept loop: what a page is measured by.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime;
use warp::Filter;

use crate::bench::BenchError;
use crate::boot::serving_threads;
use crate::clock::SystemClock;
use crate::config::{FileMode, ListenAddress};
use crate::http::reply;
use crate::http::request_log::RequestIds;
use crate::http::serve::{self, Bounds};
use crate::net::listener::Listener;
use crate::telemetry::Telemetry;

/// The largest body, in bytes.
pub const BODY_BYTES_MAX: u32 = 16 * 1024 * 1024;
/// The words of the command line that make this program that server; the body's length follows.
pub const WORDS: [&str; 2] = ["bench", "static-body"];

/// The server as a process of its own; killed with this value.
#[derive(Debug)]
pub struct StaticBody {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl StaticBody {
    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// When it doesn't start.
    pub fn start(body_bytes: usize) -> Result<Self, BenchError> {
        let failed = || BenchError::io("the server of a static body can't be started");
        let program = std::env::current_exe().map_err(failed())?;
        let child = Command::new(program)
            .args(WORDS)
            .arg(body_bytes.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed())?;
        let mut server = Self {
            child,
            address: (Ipv4Addr::LOCALHOST, 0).into(),
        };
        let mut address = String::new();
        if let Some(output) = server.child.stdout.take() {
            let read = BufReader::new(output).read_line(&mut address);
            read.map_err(failed())?;
        }
        server.address = address.trim().parse().map_err(|_| {
            BenchError::Unusable("the server of a static body doesn't start".to_owned())
        })?;
        Ok(server)
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for StaticBody {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Is that server until standard input ends; tells on standard output where it listens.
///
/// # Errors
/// When it can't listen.
pub fn serve(body_bytes: u32, tell: impl FnOnce(&str)) -> Result<(), BenchError> {
    let failed = || BenchError::io("can't listen");
    let body = Bytes::from(vec![b'x'; body_bytes as usize]);
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(serving_threads())
        .enable_all()
        .build()
        .map_err(failed())?;
    runtime.block_on(async {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = Listener::bind(&ListenAddress::Tcp(anywhere), FileMode::new(0o600))
            .await
            .map_err(|error| BenchError::Unusable(error.to_string()))?;
        let address = listener.address().map_err(failed())?;
        tell(&address.to_string());
        let filter = warp::get()
            .map(move || reply::json_bytes(body.clone()))
            .boxed();
        let parent_is_gone = tokio::task::spawn_blocking(|| {
            // The end of the input and an error say the same.
            drop(std::io::stdin().read(&mut [0]));
        });
        serve::serve(
            vec![listener],
            filter,
            Bounds::default(),
            Arc::new(SystemClock),
            Telemetry::disabled(),
            Arc::new(RequestIds::seeded(1)),
            async { drop(parent_is_gone.await) },
        )
        .await;
        Ok(())
    })
}
