//! One matched request, as its handler sees it.

use std::pin::Pin;
use std::str::FromStr;

use bytes::Bytes;
use futures_util::Stream;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use http::uri::PathAndQuery;

use super::form::{self, Files, Form, Upload};
use super::path::Params;
use crate::inquiry;
use crate::problem::Problem;
use crate::serve::RequestContext;

/// A body that arrives piece by piece.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, warp::Error>> + Send + Sync>>;

/// A request that matched a route.
pub struct Call {
    /// The method as sent; HEAD reaches the handlers of GET.
    pub method: Method,
    /// The request's headers.
    pub headers: HeaderMap,
    /// Its id, its target and the other end of the connection.
    pub context: RequestContext,
    /// The path's parameters.
    pub(crate) params: Params,
    /// The body, until it is read.
    pub(crate) body: Option<BodyStream>,
}

impl Call {
    /// A parameter of the path; empty when the pattern has no such name.
    pub fn param(&self, name: &str) -> &str {
        let found = self.params.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value)
    }

    /// A parameter of the path as an id.
    ///
    /// # Errors
    /// Not found, as an id that can't be is an id that isn't there.
    pub fn id<T: FromStr>(&self, name: &str) -> Result<T, Problem> {
        self.param(name).parse().map_err(|_| Problem::not_found())
    }

    /// A header that is text.
    pub fn header(&self, name: impl AsRef<str>) -> Option<&str> {
        self.headers.get(name.as_ref())?.to_str().ok()
    }

    /// The parameters after the question mark.
    ///
    /// # Errors
    /// Malformed when they are no text or nest too deep.
    pub fn query(&self) -> Result<Form, Problem> {
        let query = self.context.target.query().unwrap_or("");
        form::from_urlencoded(query.as_bytes()).inspect_err(inquiry::unreadable)
    }

    /// The parameters of the body, whatever its type, completed by those of the query. The second call finds no body.
    ///
    /// # Errors
    /// Malformed, too large, too slow, or of a type that is not understood.
    pub async fn form(&mut self) -> Result<Form, Problem> {
        let (form, _) = self.form_with_files(Files::Refused).await?;
        Ok(form)
    }

    /// Like [`Call::form`], with the files that the route wants.
    ///
    /// # Errors
    /// As [`Call::form`]; too large when a file is.
    pub async fn form_with_files(&mut self, files: Files) -> Result<(Form, Vec<Upload>), Problem> {
        let query = self.query()?;
        let Some(body) = self.body.take() else {
            return Ok((query, Vec::new()));
        };
        let content_type = match self.headers.get(CONTENT_TYPE) {
            Some(value) => Some(value.to_str().map_err(|_| Problem::unsupported_type())?),
            None => None,
        };
        let read = form::read(content_type, body, files).await;
        let (mut form, files) = read.inspect_err(inquiry::unreadable)?;
        inquiry::given(&form);
        form.complete_with(query);
        Ok((form, files))
    }

    /// The path and query as sent.
    pub fn target(&self) -> &PathAndQuery {
        &self.context.target
    }
}

/// The header that makes a repeated publish harmless.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
