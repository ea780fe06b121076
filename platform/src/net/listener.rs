//! Sockets that are listened on, and what has to be said on a connection before HTTP begins.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::net::{TcpListener, UnixListener};

use super::inherited::InheritedSocket;
use super::peer::{Peer, TrustedProxies};
use super::proxy_header::{self, HeaderError};
use super::socket_file::SocketFile;
use super::stream::Stream;
#[cfg(feature = "tls")]
use super::tls::{TlsAcceptor, TlsError};
use crate::config::{FileMode, ListenAddress};

/// What a listener is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// HTTP as it is.
    Http,
    /// HTTP over TLS.
    Https,
    /// HTTP that is answered with where HTTPS is.
    Redirect,
}

impl Use {
    /// The use that a service manager means with a socket's name.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "https" => Self::Https,
            "redirect" => Self::Redirect,
            _ => Self::Http,
        }
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Redirect => "redirect",
        })
    }
}

enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A socket that is listened on.
pub struct Listener {
    socket: Socket,
    /// What comes before HTTP on each of its connections.
    pub greeting: Arc<Greeting>,
    /// Removed with the listener.
    file: Option<SocketFile>,
}

impl Listener {
    /// Listens at an address; a socket in the file system gets the mode.
    ///
    /// # Errors
    /// Why it can't.
    pub async fn bind(address: &ListenAddress, mode: FileMode) -> io::Result<Self> {
        match address {
            ListenAddress::Tcp(address) => Ok(TcpListener::bind(address).await?.into()),
            ListenAddress::Unix(path) => {
                let (listener, file) = SocketFile::listen(path, mode).await?;
                Ok(Self {
                    socket: Socket::Unix(listener),
                    greeting: Arc::default(),
                    file: Some(file),
                })
            }
        }
    }

    /// Goes on with a socket that listens already.
    ///
    /// # Errors
    /// When it can't be waited for.
    pub fn inherit(socket: InheritedSocket) -> io::Result<Self> {
        let socket = match socket {
            InheritedSocket::Tcp(socket) => Socket::Tcp(TcpListener::from_std(socket)?),
            InheritedSocket::Unix(socket) => Socket::Unix(UnixListener::from_std(socket)?),
        };
        Ok(Self {
            socket,
            greeting: Arc::default(),
            file: None,
        })
    }

    /// With this before HTTP on each connection.
    #[must_use]
    pub fn with_greeting(mut self, greeting: &Arc<Greeting>) -> Self {
        self.greeting = Arc::clone(greeting);
        self
    }

    /// The address really listened on.
    ///
    /// # Errors
    /// When the system doesn't say.
    pub fn address(&self) -> io::Result<ListenAddress> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().map(ListenAddress::Tcp),
            Socket::Unix(listener) => {
                let address = listener.local_addr()?;
                // A socket that was handed over may have no name.
                let bound = address.as_pathname().unwrap_or("".as_ref());
                let path = self.file.as_ref().map_or(bound, SocketFile::path);
                Ok(ListenAddress::Unix(path.to_owned()))
            }
        }
    }

    /// The next connection.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Stream, Peer)>> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, address) = ready!(listener.poll_accept(cx))?;
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(target: "kinglet::http", %error, "TCP_NODELAY can't be set");
                }
                Poll::Ready(Ok((Stream::Tcp(stream), address.into())))
            }
            Socket::Unix(listener) => {
                let (stream, _) = ready!(listener.poll_accept(cx))?;
                Poll::Ready(Ok((Stream::Unix(stream), Peer::Unix)))
            }
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self {
            socket: Socket::Tcp(listener),
            greeting: Arc::default(),
            file: None,
        }
    }
}

/// What comes before HTTP on a connection.
#[derive(Default)]
pub struct Greeting {
    /// Those who begin with a header of the PROXY protocol.
    pub proxies: Option<TrustedProxies>,
    /// Those who connect for others, whether they say so before HTTP or in it.
    pub trusted: TrustedProxies,
    /// Encryption.
    #[cfg(feature = "tls")]
    pub tls: Option<Arc<TlsAcceptor>>,
}

impl Greeting {
    /// Without encryption.
    pub fn plain(trusted: TrustedProxies, have_header: bool) -> Self {
        Self {
            proxies: have_header.then(|| trusted.clone()),
            trusted,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

/// Why a connection ended before HTTP began.
#[derive(Debug, thiserror::Error)]
pub enum GreetingError {
    /// It took too long.
    #[error("it took too long")]
    TooSlow,
    /// A trusted proxy didn't say for whom it connects.
    #[error("no header of the PROXY protocol")]
    ProxyHeader(#[from] HeaderError),
    /// No encryption was agreed on.
    #[cfg(feature = "tls")]
    #[error("no TLS")]
    Tls(#[from] TlsError),
}

impl Greeting {
    /// Whether HTTP begins at once.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            return false;
        }
        self.proxies.is_none()
    }

    /// Hears whom a trusted proxy connects for, where it says so.
    ///
    /// # Errors
    /// Why the connection has to be closed.
    pub async fn hear_proxy(
        &self,
        mut stream: Stream,
        peer: Peer,
    ) -> Result<(Stream, Peer), GreetingError> {
        match &self.proxies {
            Some(proxies) if proxies.trusts(peer) => {
                let client = proxy_header::read(&mut stream).await?;
                Ok((stream, peer.connecting_for(client)))
            }
            _ => Ok((stream, peer)),
        }
    }

    /// Agrees on encryption, where there is one. `None` when the connection was for that alone.
    ///
    /// # Errors
    /// Why the connection has to be closed.
    pub async fn encrypt(&self, stream: Stream) -> Result<Option<Stream>, GreetingError> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return Ok(tls.accept(stream).await?);
        }
        Ok(Some(stream))
    }
}

/// A place that is listened at, as whoever started the server wants to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// What for.
    pub usage: Use,
    /// Where.
    pub address: ListenAddress,
}

impl Endpoint {
    /// The address of the network, if it is one.
    #[must_use]
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self.address {
            ListenAddress::Tcp(address) => Some(address),
            ListenAddress::Unix(_) => None,
        }
    }
}
