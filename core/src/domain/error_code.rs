//! What kind of answer a failure gets, without any word of HTTP.

/// The kinds of failure that a caller can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The request can't be read: malformed syntax, wrong types, invalid UTF-8.
    Malformed,
    /// Nobody is logged in, or the token is unknown.
    Unauthenticated,
    /// Known, but not allowed.
    Forbidden,
    /// Not there, or not for this viewer: the two answer alike.
    NotFound,
    /// The route exists, the method doesn't.
    MethodNotAllowed,
    /// It collides with what is there.
    Conflict,
    /// The request is larger than its bound.
    TooLarge,
    /// The body has a type that is not understood.
    UnsupportedType,
    /// Well-formed, but breaks a rule.
    Invalid,
    /// Too often.
    TooManyRequests,
    /// The service is full for the moment.
    Busy,
    /// The store can't be reached.
    Unavailable,
    /// A fault of the program.
    Internal,
}
