//! What a question to an actor can end with instead of an answer.

use super::door::DoorError;
use crate::domain::error_code::ErrorCode;
use crate::domain::refusal::Refusal;
use crate::store::error::StoreError;
use crate::store::writer::WriteError;

/// An actor's answer when it has none.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The rules forbid it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The service is full for the moment.
    #[error("too much waits")]
    Busy,
    /// The store can't be reached, or the service is stopping.
    #[error("the store can't be reached")]
    Unavailable,
    /// A fault of the program or the machine.
    #[error("internal: {0}")]
    Internal(String),
}

impl AskError {
    /// The kind of answer that the client gets.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Busy => ErrorCode::Busy,
            Self::Unavailable => ErrorCode::Unavailable,
            Self::Internal(_) => ErrorCode::Internal,
        }
    }
}

impl From<WriteError> for AskError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(refusal) => Self::Refused(refusal),
            WriteError::Busy => Self::Busy,
            WriteError::Unavailable => Self::Unavailable,
            WriteError::Internal => Self::Internal("a unit failed; the log says why".to_owned()),
        }
    }
}

impl From<StoreError> for AskError {
    fn from(error: StoreError) -> Self {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::Internal(text)
    }
}

impl From<DoorError> for AskError {
    fn from(error: DoorError) -> Self {
        match error {
            DoorError::Busy => Self::Busy,
            DoorError::Closed => Self::Unavailable,
        }
    }
}
