//! Where a server listens: addresses of the network and sockets in the file system.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// What stands before the path of a socket in the file system.
const UNIX_PREFIX: &str = "unix:";
/// The longest path of a socket, in bytes: Linux takes 107 and a NUL, other systems four fewer. Some are kept for the
/// name that it has while it is made.
pub const SOCKET_PATH_BYTES_MAX: usize = 95;
/// Addresses in one setting.
pub const LISTEN_ADDRESSES_MAX: usize = 16;

/// One place to listen at: `127.0.0.1:8420`, `[::]:443` or `unix:/run/kinglet/http.sock`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// An address of the network.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

/// Why a text is not a [`ListenAddress`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenAddressError {
    /// Neither an address with a port nor a socket's path.
    #[error(
        "{0:?} is neither an IP address and port such as \"[::]:8420\" nor a socket such as \"unix:/run/http.sock\""
    )]
    Syntax(String),
    /// The path of a socket is longer than the system takes.
    #[error("{0:?} is longer than {SOCKET_PATH_BYTES_MAX} bytes, which is too long for a socket")]
    TooLong(String),
    /// More than anybody needs.
    #[error("has more than {LISTEN_ADDRESSES_MAX} addresses")]
    TooMany,
}

impl FromStr for ListenAddress {
    type Err = ListenAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let Some(path) = text.strip_prefix(UNIX_PREFIX) else {
            let address = text.parse().map(Self::Tcp);
            return address
                .map_err(|_| ListenAddressError::Syntax(text.chars().take(60).collect()));
        };
        if path.is_empty() || path.ends_with('/') || path.contains('\0') {
            return Err(ListenAddressError::Syntax(text.chars().take(60).collect()));
        }
        if path.len() > SOCKET_PATH_BYTES_MAX {
            return Err(ListenAddressError::TooLong(text.to_owned()));
        }
        Ok(Self::Unix(PathBuf::from(path)))
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX_PREFIX}{}", path.display()),
        }
    }
}

/// Places to listen at, written with commas between them; none is an empty text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenAddresses(Vec<ListenAddress>);

impl ListenAddresses {
    /// Nowhere.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &ListenAddress> {
        self.0.iter()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first address of the network.
    #[must_use]
    pub fn tcp(&self) -> Option<SocketAddr> {
        self.0.iter().find_map(|address| match address {
            ListenAddress::Tcp(address) => Some(*address),
            ListenAddress::Unix(_) => None,
        })
    }

    /// Makes relative paths relative to a directory.
    pub(super) fn rebase(&mut self, base: &std::path::Path) {
        for address in &mut self.0 {
            if let ListenAddress::Unix(path) = address {
                *path = base.join(&path);
            }
        }
    }
}

impl<T: Into<SocketAddr>> From<T> for ListenAddresses {
    fn from(address: T) -> Self {
        Self(vec![ListenAddress::Tcp(address.into())])
    }
}

impl FromStr for ListenAddresses {
    type Err = ListenAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words = text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty());
        let addresses = words.map(str::parse).collect::<Result<Vec<_>, _>>()?;
        if addresses.len() > LISTEN_ADDRESSES_MAX {
            return Err(ListenAddressError::TooMany);
        }
        Ok(Self(addresses))
    }
}

impl fmt::Display for ListenAddresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            address.fmt(f)?;
        }
        Ok(())
    }
}

/// Who may do what with a file, in octal as `chmod` takes it: `0660`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMode(u32);

/// A text that is no [`FileMode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a mode from \"0000\" to \"0777\"")]
pub struct FileModeError;

impl FileMode {
    /// From its bits; those beyond 0777 are cut off.
    #[must_use]
    pub const fn new(bits: u32) -> Self {
        Self(bits & 0o777)
    }

    /// Its bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }
}

impl FromStr for FileMode {
    type Err = FileModeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = (3..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let bits = u32::from_str_radix(text, 8).ok().filter(|_| digits);
        bits.filter(|bits| *bits <= 0o777)
            .map(Self)
            .ok_or(FileModeError)
    }
}

impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_both_kinds_are_read_and_printed() {
        for text in [
            "",
            "127.0.0.1:8420",
            "[::]:80, 0.0.0.0:81",
            "unix:/run/kinglet/http.sock, 127.0.0.1:1",
        ] {
            let addresses: ListenAddresses = text.parse().expect(text);
            assert_eq!(addresses.to_string(), text);
        }
        let both: ListenAddresses = "unix:a, 127.0.0.1:1".parse().expect("two addresses");
        assert_eq!(both.tcp(), "127.0.0.1:1".parse().ok());
        assert_eq!(ListenAddresses::from(([127, 0, 0, 1], 1)).tcp(), both.tcp());
    }

    #[test]
    fn what_is_no_address_is_named() {
        for text in [
            "localhost:80",
            "127.0.0.1",
            "unix:",
            "unix:/run/",
            "http.sock",
        ] {
            let refused = text.parse::<ListenAddresses>().expect_err(text);
            assert_eq!(refused, ListenAddressError::Syntax(text.to_owned()));
        }
        let long = format!("unix:/{}", "a".repeat(SOCKET_PATH_BYTES_MAX));
        let refused = long.parse::<ListenAddress>().expect_err("too long");
        assert_eq!(refused, ListenAddressError::TooLong(long));
        let many = "127.0.0.1:1,".repeat(LISTEN_ADDRESSES_MAX + 1);
        assert_eq!(
            many.parse::<ListenAddresses>(),
            Err(ListenAddressError::TooMany)
        );
    }

    #[test]
    fn relative_sockets_lie_beside_the_configuration() {
        let mut addresses: ListenAddresses = "unix:a.sock, unix:/b.sock".parse().expect("two");
        addresses.rebase("/etc/kinglet".as_ref());
        assert_eq!(
            addresses.to_string(),
            "unix:/etc/kinglet/a.sock, unix:/b.sock"
        );
    }

    #[test]
    fn modes_are_octal() {
        let mode: FileMode = "0660".parse().expect("a mode");
        assert_eq!((mode.bits(), mode.to_string()), (0o660, "0660".to_owned()));
        for wrong in ["", "66", "0668", "+660", "01777", "1777", "rw-rw----"] {
            assert_eq!(wrong.parse::<FileMode>(), Err(FileModeError), "{wrong}");
        }
    }
}
