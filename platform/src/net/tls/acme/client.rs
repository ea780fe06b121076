//! Requests to a certificate authority: HTTPS with the roots of the system, or with the one that is configured.
//!
//! A connection is made for each: an order takes a dozen requests every two months.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::{Request, Uri};
use http_body_util::{BodyExt, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error as AcmeError, HttpClient};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::super::TlsSetupError;
use super::super::client::TlsClient;

/// How long a certificate authority may take to answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Speaks to a certificate authority. Clones are the same client.
#[derive(Clone)]
pub(super) struct AcmeClient(TlsClient);

/// A fault on the way.
type Fault = Box<dyn std::error::Error + Send + Sync>;

impl AcmeClient {
    /// With the root in a PEM file, without one with those of the system.
    ///
    /// # Errors
    /// When the file can't be used.
    pub(super) fn new(authority: Option<&Path>) -> Result<Self, TlsSetupError> {
        TlsClient::new(authority).map(Self)
    }

    async fn answer(
        self,
        mut request: Request<BodyWrapper<Bytes>>,
    ) -> Result<BytesResponse, Fault> {
        let uri = request.uri().clone();
        let (Some("https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(format!("{uri} is not an https:// URL").into());
        };
        let host = authority.host();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let port = authority.port_u16().unwrap_or(443);
        let stream = TcpStream::connect((bare, port)).await?;
        let stream = self.0.connect(bare, stream).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let host = HeaderValue::from_str(authority.as_str())?;
        request.headers_mut().insert(HOST, host);
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        *request.uri_mut() = target.parse::<Uri>()?;
        let exchange = async move {
            let response = sender.send_request(request).await?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?;
            Ok::<_, Fault>((parts, body.to_bytes()))
        };
        let mut exchange = std::pin::pin!(exchange);
        let mut connection = std::pin::pin!(connection);
        let mut is_open = true;
        loop {
            tokio::select! {
                exchanged = &mut exchange => {
                    let (parts, body) = exchanged?;
                    return Ok(BytesResponse { parts, body: Box::new(body) });
                }
                // What broke shows in the exchange, which ends by it.
                _ = &mut connection, if is_open => is_open = false,
            }
        }
    }
}

impl HttpClient for AcmeClient {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, AcmeError>> + Send>> {
        let client = self.clone();
        Box::pin(async move {
            let host = request.uri().host().unwrap_or_default().to_owned();
            let fault =
                |fault: Fault| -> AcmeError { AcmeError::Other(format!("{host}: {fault}").into()) };
            match timeout(ANSWER_TIME_MAX, client.answer(request)).await {
                Ok(answer) => answer.map_err(fault),
                Err(_) => Err(fault("no answer in time".into())),
            }
        })
    }
}
