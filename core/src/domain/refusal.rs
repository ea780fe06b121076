//! Why an action is refused: the person's error, with the sentence that the person reads.

use std::borrow::Cow;

use super::error_code::ErrorCode;

/// An action that the rules don't allow. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not there, or not for this viewer: the two must answer alike, so there is only one sentence.
    #[error("Record not found")]
    NotFound,
    /// The request breaks a rule; the sentence says which.
    #[error("{0}")]
    Invalid(Cow<'static, str>),
    /// The person may not do this.
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
    /// It collides with what is there.
    #[error("{0}")]
    Conflict(Cow<'static, str>),
    /// Credentials that don't hold.
    #[error("{0}")]
    Unauthenticated(Cow<'static, str>),
}

impl Refusal {
    /// A rule that the request breaks.
    pub fn invalid(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid(sentence.into())
    }

    /// An action that the person may not take.
    pub fn forbidden(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::Forbidden(sentence.into())
    }

    /// The kind of answer that this refusal gets.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound => ErrorCode::NotFound,
            Self::Invalid(_) => ErrorCode::Invalid,
            Self::Forbidden(_) => ErrorCode::Forbidden,
            Self::Conflict(_) => ErrorCode::Conflict,
            Self::Unauthenticated(_) => ErrorCode::Unauthenticated,
        }
    }
}
