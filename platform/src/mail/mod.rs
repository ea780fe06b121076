//! The mail room: what each letter says, how it is put into a message, how that leaves.
//!
//! It is told everything and looks nothing up: who gets mail, when, and whether still, is decided by those who call it.

pub mod letters;
mod message;
mod one_line;
mod transport;

pub use letters::{Content, Letter, Site};
pub use message::{ADDRESS_BYTES_MAX, BadAddress, Mail, MessageId};
pub use one_line::one_line;
pub use transport::{CONNECTIONS_IDLE_MAX, CheckError, Outbox, REASON_CHARACTERS_MAX, SendError};
