//! Metrics in the text format of Prometheus, over HTTP.
//!
//! Names are stable, begin with `postern_` and are listed in `docs/operating.md`. What the chain knows is read when somebody
//! asks; what roles do, they count. Nothing here is secret, and nothing can be changed.

use std::{fmt, io, net::SocketAddr, sync::Arc, sync::atomic::AtomicU64, time::Duration};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text::encode},
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::{Registry, Unit},
};
use thiserror::Error;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{chain::Chain, relayer::GivenUp, shutdown::Shutdown};

/// The format, as it is asked for.
const FORMAT: HeaderValue = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
/// Connections at the same time, at most.
const MAX_CONNECTIONS: usize = 16;
/// How long a connection may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after a connection that could not be accepted.
const PAUSE: Duration = Duration::from_millis(100);

/// Amounts exceed 64 bits in wei. What floating point rounds away is no wei that anyone would miss.
type WeiCounter = Counter<f64, AtomicU64>;
type WeiGauge = Gauge<f64, AtomicU64>;

/// What a node measures.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    relayer: RelayerMetrics,
}

impl Metrics {
    /// Of a node, with the relayer's figures if it is one.
    pub(crate) fn new(chain: Chain, relays: bool) -> Self {
        let mut registry = Registry::with_prefix("postern");
        registry.register_collector(Box::new(ChainFigures(chain)));
        let relayer = RelayerMetrics::default();
        if relays {
            relayer.register(registry.sub_registry_with_prefix("relayer"));
        }
        Self { registry, relayer }
    }

    /// What the relayer counts with.
    pub(crate) fn relayer(&self) -> RelayerMetrics {
        self.relayer.clone()
    }

    /// What is shown.
    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// What the relayer does. Clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct RelayerMetrics {
    executed: Counter,
    failed: Counter,
    given_up: Family<Reason, Counter>,
    transactions: Counter,
    backlog: Gauge,
    unprofitable: Gauge,
    spent: WeiCounter,
    tips: WeiCounter,
    allowance: WeiGauge,
}

/// Why a message was given up, as a label.
type Reason = [(&'static str, &'static str); 1];

const fn reason(given_up: GivenUp) -> Reason {
    let reason = match given_up {
        GivenUp::Attempts => "attempts",
        GivenUp::Gas => "gas",
    };
    [("reason", reason)]
}

impl RelayerMetrics {
    fn register(&self, registry: &mut Registry) {
        let wei = || Unit::Other("wei".to_owned());
        registry.register("messages_executed", "Messages executed by this relayer", self.executed.clone());
        registry.register("messages_failed", "Attempts at messages that failed", self.failed.clone());
        registry.register("messages_given_up", "Messages given up", self.given_up.clone());
        registry.register("transactions", "Claims that L1 included", self.transactions.clone());
        registry.register("backlog", "Messages that wait to be executed", self.backlog.clone());
        let help = "Tipped messages that wait for a gas price that their tips pay";
        registry.register("backlog_unprofitable", help, self.unprofitable.clone());
        registry.register_with_unit("spent", "Paid for claims", wei(), self.spent.clone());
        registry.register_with_unit("tips_earned", "Tips paid to this relayer", wei(), self.tips.clone());
        let help = "What may be spent at once, tips apart";
        registry.register_with_unit("allowance_left", help, wei(), self.allowance.clone());
        // Shown from the beginning, so that the first one is an increase.
        for given_up in [GivenUp::Attempts, GivenUp::Gas] {
            drop(self.given_up.get_or_create(&reason(given_up)));
        }
    }

    /// A claim was included: so many messages, at this cost, for these tips, in wei.
    pub(crate) fn relayed(&self, messages: u64, cost: u128, tips: u128) {
        self.transactions.inc();
        self.executed.inc_by(messages);
        self.spent.inc_by(cost as f64);
        self.tips.inc_by(tips as f64);
    }

    /// A message failed, and was perhaps given up.
    pub(crate) fn failed(&self, given_up: Option<GivenUp>) {
        self.failed.inc();
        if let Some(given_up) = given_up {
            self.given_up.get_or_create(&reason(given_up)).inc();
        }
    }

    /// So many messages wait, and so many for a lower gas price.
    pub(crate) fn set_backlog(&self, (backlog, unprofitable): (usize, usize)) {
        self.backlog.set(backlog as i64);
        self.unprofitable.set(unprofitable as i64);
    }

    /// So much may be spent at once, in wei.
    pub(crate) fn set_allowance(&self, left: u128) {
        self.allowance.set(left as f64);
    }
}

/// How far the chain has come.
#[derive(Debug)]
struct ChainFigures(Chain);

impl Collector for ChainFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let heads = self.0.heads();
        // Until L1 is asked, the largest number stands for its head.
        let l1_head = if heads.l1_head == u64::MAX { 0 } else { heads.l1_head };
        let gauges = [
            ("l1_block_number", "Last L1 block that was followed", heads.l1.number),
            ("l1_block_timestamp_seconds", "Time of that block", heads.l1.timestamp),
            ("l1_head_block_number", "Last block that L1 reported, 0 before the first", l1_head),
            ("unsafe_block_number", "Last L2 block", heads.unsafe_.number),
            ("unsafe_block_timestamp_seconds", "Time of that block", heads.unsafe_.timestamp),
            ("safe_block_number", "Last L2 block that derives from L1", heads.safe.number),
            ("final_block_number", "Last L2 block under a final commitment", heads.finalized.number),
            ("batches", "Batches on L1", heads.batches),
            ("batches_derived", "Batches that were derived", heads.derived),
            ("syncing", "1 while something that L1 has is not derived, else 0", u64::from(!heads.synced())),
            ("pool_transactions", "Transactions that wait for an L2 block", self.0.pool_size() as u64),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            let encoder = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(encoder)?;
        }
        let setbacks = ConstCounter::new(self.0.setbacks());
        let help = "Times that L1 took back what it had said of commitments";
        let encoder = encoder.encode_descriptor("l1_setbacks", help, None, setbacks.metric_type())?;
        setbacks.encode(encoder)
    }
}

/// Why metrics cannot be served.
#[derive(Debug, Error)]
pub enum MetricsServerError {
    /// The address cannot be listened on, most often because another program does.
    #[error("cannot serve metrics on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Answers those who ask for metrics.
#[derive(Debug)]
pub(crate) struct MetricsServer {
    address: SocketAddr,
    listener: TcpListener,
    metrics: Arc<Metrics>,
}

impl MetricsServer {
    /// Listens; port 0 takes a free one.
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub(crate) async fn bind(address: SocketAddr, metrics: Metrics) -> Result<Self, MetricsServerError> {
        let bind = |source| MetricsServerError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        Ok(Self { address, listener, metrics: Arc::new(metrics) })
    }

    /// Where it listens.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers until shutdown.
    pub(crate) async fn run(self, mut shutdown: Shutdown) {
        // They end with this function, and let go of the chain.
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = shutdown.wait() => return,
                Some(_) = connections.join_next() => {}
                accepted = self.listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                    Ok((stream, _)) => drop(connections.spawn(answer(stream, self.metrics.clone()))),
                    // Too many open files, most often.
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection for metrics");
                        sleep(PAUSE).await;
                    }
                },
            }
        }
    }
}

/// One answer on one connection.
async fn answer(stream: TcpStream, metrics: Arc<Metrics>) {
    let service = service_fn(|request| std::future::ready(respond(&request, &metrics)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // Whoever asked knows what became of it.
    let _ = timeout(TIMEOUT, connection).await;
}

fn respond(request: &Request<Incoming>, metrics: &Metrics) -> Result<Response<Full<Bytes>>, fmt::Error> {
    let mut response = Response::new(Full::default());
    match (request.uri().path(), request.method()) {
        ("/metrics", &Method::GET) => {
            *response.body_mut() = Full::from(metrics.text()?);
            response.headers_mut().insert(CONTENT_TYPE, FORMAT);
        }
        ("/metrics", _) => {
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        }
        _ => *response.status_mut() = StatusCode::NOT_FOUND,
    }
    Ok(response)
}
