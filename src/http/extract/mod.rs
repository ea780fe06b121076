//! What handlers read of a request: the call itself, its parameters, its page, its sender.

pub mod auth;
pub mod call;
pub mod form;
pub mod page;
pub mod path;
pub mod peer;
pub mod upload;
