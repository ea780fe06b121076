//! The port, for which a start waits a while: a server that is being replaced may hold it still.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use super::{BootError, HANDOVER_MAX, HANDOVER_PAUSE};

/// Listens on an address, for which it waits a while.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, BootError> {
    let listening = timeout(HANDOVER_MAX, async {
        loop {
            match TcpListener::bind(address).await {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    sleep(HANDOVER_PAUSE).await;
                }
                listening => return listening,
            }
        }
    });
    listening
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::AddrInUse.into()))
        .map_err(|source| BootError::Listen { address, source })
}
