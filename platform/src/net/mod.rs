//! How bytes come in: listeners of each kind, what stands before HTTP on a connection, and what the service manager is
//! told.

pub mod inherited;
pub mod listener;
pub mod peer;
pub mod proxy_header;
pub mod service_manager;
pub mod socket_file;
pub mod stream;
#[cfg(feature = "tls")]
pub mod tls;
