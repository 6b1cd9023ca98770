//! HTTP to L1 and to sources of blobs: TLS by rustls, and answers that are bounded in size and time, since whoever answers is not
//! trusted.

use std::{
    error::Error,
    task::{Context, Poll},
    time::Duration,
};

use alloy::{
    rpc::json_rpc::{RequestPacket, ResponsePacket},
    transports::{Authorization, TransportError, TransportErrorKind, TransportFut},
};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, StatusCode, Uri,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use thiserror::Error;
use tokio::time::timeout;
use tower_service::Service;
use url::Url;

/// After how long an unanswered request fails.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Longest answer that is read, in bytes: the receipts of a full block, the logs of a range, or all blobs of a block, in hex.
const MAX_ANSWER: usize = 128 << 20;
/// How much of an answer that cannot be understood is shown, in characters.
const SHOWN: usize = 200;

/// A URL that cannot be used.
#[derive(Debug, Error)]
pub(crate) enum UrlError {
    /// It is none, or relative.
    #[error("{0}")]
    Malformed(#[from] url::ParseError),
    /// It is not of HTTP.
    #[error("its scheme is {received}, not http or https")]
    Scheme {
        /// Its scheme.
        received: String,
    },
    /// TLS would trust no one.
    #[error("this system has no root certificates: {0}")]
    NoRoots(std::io::Error),
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum HttpError {
    /// The connection failed, or ended early.
    #[error("{0}")]
    Failed(String),
    /// It took too long.
    #[error("no answer within {} s", .0.as_secs())]
    Late(Duration),
    /// The answer is too long.
    #[error("the answer is longer than {maximum} bytes")]
    TooLong {
        /// Most bytes.
        maximum: usize,
    },
}

impl HttpError {
    /// Whether a request failed for the length of its answer: there is one, but it is too long to be read, or to come in time.
    pub(crate) fn is_excess(error: &TransportError) -> bool {
        let TransportError::Transport(TransportErrorKind::Custom(error)) = error else { return false };
        matches!(error.downcast_ref(), Some(Self::Late(_) | Self::TooLong { .. }))
    }
}

/// A server. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: Url,
    authorization: Option<HeaderValue>,
    timeout: Duration,
    max_answer: usize,
}

impl Http {
    /// A server at a URL of `http` or `https`; user name and password in it become basic authorization. Nothing is sent yet.
    ///
    /// # Errors
    /// If it is not such a URL, or the system has no root certificates and the URL asks for TLS.
    pub(crate) fn new(url: &str) -> Result<Self, UrlError> {
        Self::bounded(url, TIMEOUT, MAX_ANSWER)
    }

    pub(crate) fn bounded(url: &str, timeout: Duration, max_answer: usize) -> Result<Self, UrlError> {
        let mut url: Url = url.parse()?;
        let authorization = Authorization::extract_from_url(&url);
        // Base64 is always a header value; a URL of HTTP takes any user name.
        let authorization = authorization.and_then(|basic| HeaderValue::from_str(&basic.to_string()).ok());
        let provider = ring::default_provider();
        let builder = HttpsConnectorBuilder::new();
        let builder = match url.scheme() {
            "https" => builder.with_provider_and_native_roots(provider).map_err(UrlError::NoRoots)?,
            "http" => {
                let config = ClientConfig::builder_with_provider(provider.into())
                    .with_safe_default_protocol_versions()
                    .expect("ring speaks the default versions of TLS")
                    .with_root_certificates(RootCertStore::empty())
                    .with_no_client_auth();
                builder.with_tls_config(config)
            }
            scheme => return Err(UrlError::Scheme { received: scheme.to_owned() }),
        };
        let client = Client::builder(TokioExecutor::new()).build(builder.https_or_http().enable_http1().build());
        url.set_username("").and_then(|()| url.set_password(None)).expect("a URL of HTTP has a host");
        Ok(Self { client, url, authorization, timeout, max_answer })
    }

    /// Its name, without what in a URL may be secret.
    pub(crate) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Asks for what is at `path` below the URL.
    ///
    /// # Errors
    /// If there is no answer. One with a status of failure is an answer.
    pub(crate) async fn get(&self, path: &str) -> Result<(StatusCode, Bytes), HttpError> {
        let mut url = self.url.clone();
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        url.set_path(&format!("{}/{path}", self.url.path().trim_end_matches('/')));
        url.set_query(query);
        self.send(Method::GET, &url, Bytes::new()).await
    }

    /// Posts JSON to the URL.
    async fn post(&self, body: Vec<u8>) -> Result<(StatusCode, Bytes), HttpError> {
        self.send(Method::POST, &self.url, body.into()).await
    }

    async fn send(&self, method: Method, url: &Url, body: Bytes) -> Result<(StatusCode, Bytes), HttpError> {
        let uri: Uri = url.as_str().parse().map_err(|error| HttpError::Failed(causes(&error)))?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| HttpError::Failed(causes(&error)))?;
            let status = response.status();
            match Limited::new(response.into_body(), self.max_answer).collect().await {
                Ok(body) => Ok((status, body.to_bytes())),
                Err(error) if error.is::<LengthLimitError>() => Err(HttpError::TooLong { maximum: self.max_answer }),
                Err(error) => Err(HttpError::Failed(causes(error.as_ref()))),
            }
        };
        timeout(self.timeout, exchange).await.unwrap_or(Err(HttpError::Late(self.timeout)))
    }

    async fn exchange(self, request: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let body = serde_json::to_vec(&request).map_err(TransportError::ser_err)?;
        let (status, body) = self.post(body).await.map_err(TransportErrorKind::custom)?;
        serde_json::from_slice(&body).map_err(|error| {
            let text: String = String::from_utf8_lossy(&body).chars().take(SHOWN).collect();
            match status.is_success() {
                true => TransportError::deser_err(error, text),
                false => TransportErrorKind::http_error(status.as_u16(), text),
            }
        })
    }
}

/// JSON-RPC over this server. Errors in JSON-RPC count, whatever the status beside them.
impl Service<RequestPacket> for Http {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        Box::pin(self.clone().exchange(request))
    }
}

/// An error with what caused it, which errors of HTTP do not show by themselves.
fn causes(error: &(dyn Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    let mut causes: Vec<String> = chain.map(ToString::to_string).collect();
    causes.dedup();
    causes.join(": ")
}

/// A server for tests, which answers each request line as the test says.
#[cfg(test)]
pub(crate) mod testing {
    use std::sync::Arc;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    /// An answer with this status and body.
    pub(crate) fn answer(status: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
        let body = body.as_ref();
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    }

    /// Serves on a free port until the test ends, and returns the URL. The handler gets the head of a request; what it returns
    /// is sent as it is, and the connection is closed, unless there is nothing to send: then it stays silent.
    pub(crate) async fn serve(handle: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let handle = Arc::new(handle);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let handle = handle.clone();
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    // What begins a TLS handshake is no request, and gets its answer at once.
                    while request.first() != Some(&0x16) && !request.windows(4).any(|end| end == b"\r\n\r\n") {
                        let mut part = [0; 1024];
                        match stream.read(&mut part).await {
                            Ok(length @ 1..) => request.extend_from_slice(&part[..length]),
                            _ => return,
                        }
                    }
                    let answer = handle(&String::from_utf8_lossy(&request));
                    if answer.is_empty() {
                        std::future::pending::<()>().await;
                    }
                    // The client may have heard enough before the end.
                    let _ = stream.write_all(&answer).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        url
    }
}

#[cfg(test)]
mod tests {
    use super::{
        testing::{answer, serve},
        *,
    };

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn what_is_asked_for_is_below_the_url_and_authorized() {
        let url = serve(|request| answer("200 OK", request)).await;
        let url = url.replace("http://", "http://user:secret@");
        for base in [url.clone() + "/base", url + "/base/"] {
            let http = Http::new(&base).unwrap();
            assert_eq!(http.host(), "127.0.0.1");
            let (status, request) = http.get("a/b?c=d").await.unwrap();
            let request = String::from_utf8(request.to_vec()).unwrap();
            assert_eq!(status, StatusCode::OK);
            assert!(request.starts_with("GET /base/a/b?c=d HTTP/1.1\r\n"), "{request}");
            assert!(request.contains("authorization: Basic dXNlcjpzZWNyZXQ=\r\n"), "{request}");
        }
    }

    #[tokio::test]
    async fn answers_are_bounded_in_size() {
        // With its length and without: what counts is what comes.
        let bodies = [answer("200 OK", [b'x'; 101]), [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &[b'x'; 101]].concat()];
        for body in bodies {
            let url = serve(move |_| body.clone()).await;
            let error = Http::bounded(&url, PATIENCE, 100).unwrap().get("").await.unwrap_err();
            assert!(matches!(error, HttpError::TooLong { maximum: 100 }), "{error}");
            assert!(Http::bounded(&url, PATIENCE, 101).unwrap().get("").await.is_ok());
        }
    }

    #[tokio::test]
    async fn answers_are_bounded_in_time() {
        let silent = serve(|_| Vec::new()).await;
        let timeout = Duration::from_millis(50);
        let error = Http::bounded(&silent, timeout, 100).unwrap().get("").await.unwrap_err();
        assert!(matches!(error, HttpError::Late(_)), "{error}");

        // A body that never ends.
        let endless = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx";
        let url = serve(move |request| if request.contains("/never") { Vec::new() } else { endless.to_vec() }).await;
        let error = Http::bounded(&url, PATIENCE, 100).unwrap().get("").await.unwrap_err();
        assert!(matches!(error, HttpError::Failed(_)), "{error}");
    }

    #[tokio::test]
    async fn tls_is_spoken_to_an_https_url() {
        // What answers in plain HTTP is not a TLS server, which the error says.
        let url = serve(|_| answer("200 OK", "")).await.replace("http://", "https://");
        let error = Http::bounded(&url, PATIENCE, 100).unwrap().get("").await.unwrap_err().to_string();
        assert!(error.contains("InvalidContentType") || error.contains("corrupt message"), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }

    #[test]
    fn other_urls_are_refused() {
        for (url, expected) in [
            ("not a url", "relative URL without a base"),
            ("localhost:8545", "its scheme is localhost, not http or https"),
            ("ws://localhost:8545", "its scheme is ws, not http or https"),
        ] {
            assert_eq!(Http::new(url).unwrap_err().to_string(), expected);
        }
    }
}
