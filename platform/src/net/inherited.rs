//! Sockets that the service manager listened on before this process ran, and hands over: systemd's socket activation
//! (`sd_listen_fds(3)`).

use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::process;

use listenfd::ListenFd;

use super::listener::Use;

/// Sockets that are taken over at most.
pub const INHERITED_SOCKETS_MAX: usize = 16;

/// A socket that listens already.
#[derive(Debug)]
pub enum InheritedSocket {
    /// On an address of the network.
    Tcp(TcpListener),
    /// In the file system. Its file belongs to whoever made it.
    Unix(UnixListener),
}

/// Sockets that were handed over, each with what it is for.
#[derive(Debug, Default)]
pub struct Inherited(Vec<(Use, InheritedSocket)>);

impl Inherited {
    /// Takes the sockets that the environment tells of. A program has to call this before it starts a thread, and once.
    ///
    /// `FileDescriptorName=` of the socket unit says what a socket is for: `https`, `redirect`, and `http` for any other
    /// name.
    ///
    /// # Errors
    /// What was handed over is no stream socket that listens.
    pub fn from_environment() -> io::Result<Self> {
        let variable = |name| std::env::var(name).unwrap_or_default();
        let for_this_process = variable("LISTEN_PID").parse() == Ok(process::id());
        if !for_this_process {
            return Ok(Self::default());
        }
        let names = variable("LISTEN_FDNAMES");
        let mut names = names.split(':');
        let mut handed = ListenFd::from_env();
        if handed.len() > INHERITED_SOCKETS_MAX {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("more than {INHERITED_SOCKETS_MAX} sockets were handed over"),
            ));
        }
        let mut sockets = Vec::new();
        for index in 0..handed.len() {
            let usage = Use::from_name(names.next().unwrap_or_default());
            let socket = match handed.take_unix_listener(index) {
                Ok(Some(socket)) => InheritedSocket::Unix(socket),
                _ => match handed.take_tcp_listener(index)? {
                    Some(socket) => InheritedSocket::Tcp(socket),
                    None => continue,
                },
            };
            sockets.push((usage, socket));
        }
        Ok(Self(sockets))
    }

    /// Whether none was handed over.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Handles to the sockets for one use; they stay with this value as well.
    ///
    /// # Errors
    /// When the system gives no more handles.
    pub fn of(&self, usage: Use) -> io::Result<Vec<InheritedSocket>> {
        let wanted = self.0.iter().filter(|(found, _)| *found == usage);
        wanted
            .map(|(_, socket)| {
                Ok(match socket {
                    InheritedSocket::Tcp(socket) => {
                        socket.set_nonblocking(true)?;
                        InheritedSocket::Tcp(socket.try_clone()?)
                    }
                    InheritedSocket::Unix(socket) => {
                        socket.set_nonblocking(true)?;
                        InheritedSocket::Unix(socket.try_clone()?)
                    }
                })
            })
            .collect()
    }
}
