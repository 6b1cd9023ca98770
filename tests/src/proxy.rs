//! An HTTP server between a node and the L1 that it asks, or between a user and the L2, which tampers with what passes.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use alloy::transports::http::reqwest;
use eyre::{OptionExt, Result, bail};
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::CONTENT_TYPE,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// A request, as the proxy judges it.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Method of JSON-RPC; the path of a request without a body.
    pub method: &'a str,
    /// Its parameters.
    pub params: &'a Value,
}

/// What the proxy does about a request.
pub enum Reaction {
    /// Passes it on.
    Pass,
    /// Passes it on, and changes the result.
    Edit(fn(&mut Value)),
    /// Answers it with this result, and passes nothing on.
    Answer(Value),
    /// Answers it with an error that says this, and passes nothing on.
    Refuse(&'static str),
    /// Passes it on to another server.
    Elsewhere(Url),
    /// Closes the connection.
    Hang,
}

type React = dyn Fn(Call<'_>) -> Reaction + Send + Sync;

/// A running proxy. It ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    upstream: Url,
    http: reqwest::Client,
    react: Mutex<Option<Arc<React>>>,
    tampered: AtomicU64,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("upstream", &self.upstream).finish_non_exhaustive()
    }
}

impl Proxy {
    /// In front of `upstream`. Passes everything on for now.
    ///
    /// # Errors
    /// If there is no port left.
    pub async fn start(upstream: Url) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (http, react, tampered) = (reqwest::Client::new(), Mutex::default(), AtomicU64::default());
        let shared = Arc::new(Shared { upstream, http, react, tampered });
        let task = tokio::spawn(accept(listener, shared.clone()));
        Ok(Self { address, shared, task })
    }

    /// Where it listens.
    pub fn url(&self) -> Url {
        format!("http://{}", self.address).parse().expect("an address makes a URL")
    }

    /// From now on, treats requests so.
    pub fn tamper(&self, react: impl Fn(Call<'_>) -> Reaction + Send + Sync + 'static) {
        self.set(Some(Arc::new(react)));
    }

    /// From now on, passes everything on.
    pub fn relent(&self) {
        self.set(None);
    }

    /// How many requests it did not just pass on.
    pub fn tampered(&self) -> u64 {
        self.shared.tampered.load(Ordering::Relaxed)
    }

    fn set(&self, react: Option<Arc<React>>) {
        *self.shared.react.lock().unwrap_or_else(PoisonError::into_inner) = react;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Takes connections for ever; they end with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, shared.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(|request| {
        let shared = shared.clone();
        async move { shared.answer(request).await }
    });
    // Whoever asked sees that the connection closed.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

impl Shared {
    /// An error closes the connection.
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let get = request.method() == Method::GET;
        let body = request.into_body().collect().await?.to_bytes();
        let call: Value = if get { Value::Null } else { serde_json::from_slice(&body)? };
        let react = self.react.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let method = if get { path.as_str() } else { call["method"].as_str().ok_or_eyre("no method")? };
        let reaction = react.map_or(Reaction::Pass, |react| react(Call { method, params: &call["params"] }));
        if !matches!(reaction, Reaction::Pass) {
            self.tampered.fetch_add(1, Ordering::Relaxed);
        }

        let upstream = match &reaction {
            Reaction::Elsewhere(url) => url,
            _ => &self.upstream,
        };
        let url = upstream.join(&path)?;
        let ask = if get {
            self.http.get(url)
        } else {
            self.http.post(url).header(CONTENT_TYPE.as_str(), "application/json").body(body)
        };
        let (status, answer) = match reaction {
            Reaction::Hang => bail!("hung up"),
            Reaction::Answer(result) => {
                let answer = json!({ "jsonrpc": "2.0", "id": call["id"], "result": result });
                (StatusCode::OK, answer.to_string().into())
            }
            Reaction::Refuse(message) => {
                let error = json!({ "code": -32_000, "message": message });
                let answer = json!({ "jsonrpc": "2.0", "id": call["id"], "error": error });
                (StatusCode::OK, answer.to_string().into())
            }
            Reaction::Pass | Reaction::Elsewhere(_) => {
                let answer = ask.send().await?;
                (answer.status(), answer.bytes().await?)
            }
            Reaction::Edit(edit) => {
                let answer = ask.send().await?;
                let (status, mut answer): (_, Value) =
                    (answer.status(), serde_json::from_slice(&answer.bytes().await?)?);
                edit(if get { &mut answer } else { &mut answer["result"] });
                (status, answer.to_string().into())
            }
        };
        let response = Response::builder().status(status).header(CONTENT_TYPE, "application/json");
        Ok(response.body(Full::new(answer))?)
    }
}
