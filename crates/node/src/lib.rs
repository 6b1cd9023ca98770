//! The Postern node: follows L1, derives and executes the L2, answers JSON-RPC, and plays the roles whose keys it is given
//! (sequencer with batcher, proposer, relayer, challenger).
//!
//! ```text
//!            ┌──────────── Chain (store, pool, heads) ────────────┐
//!            │        ▲            ▲                │        │    │
//!         rpc│        │L1 facts    │blocks          │batches │outputs, proofs
//!            ▼        │            │                ▼        ▼
//!          users   follower    sequencer         batcher  proposer, relayer, challenger
//!                     ▲                             │        │
//!                     └──────────────── L1 ◀────────┴────────┘
//! ```
//!
//! Each role is a task that keeps nothing of its own: all that must survive is in the [`chain`], which changes in whole, durable
//! steps. Errors are grouped by what a role does about them: those of L1 pass, and are tried again; contradictions of L1 are
//! read again from further back; those of the store end the node.

mod agreement;
mod allowance;
mod batcher;
mod carrier;
pub mod chain;
pub mod challenger;
pub mod cli;
mod deriver;
pub mod dispute;
#[cfg(test)]
mod fixture;
pub mod genesis;
mod http;
pub mod l1;
pub mod mempool;
mod metrics;
pub mod proposer;
pub mod relayer;
mod role;
pub mod rpc;
mod sequencer;
pub mod shutdown;
pub mod store;
pub mod trace;

pub use carrier::DataSource;
pub use l1::BlobSource;
pub use metrics::MetricsServerError;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use alloy::{
    primitives::{B256, keccak256},
    signers::local::PrivateKeySigner,
};
use postern_client::deployment::{Deployment, DeploymentError};
use postern_protocol::commitment::Commitment;
use thiserror::Error;
use tokio::{
    task::{JoinError, JoinSet},
    time::timeout,
};

use crate::{
    chain::{Chain, ChainConfig, ChainError, SequencingPolicy},
    challenger::{ChallengerConfig, RulesError},
    genesis::{Genesis, GenesisError},
    l1::{ConnectError, L1},
    metrics::{Metrics, MetricsServer, RelayerMetrics},
    proposer::ProposerConfig,
    relayer::RelayerConfig,
    rpc::{RpcConfig, RpcServer, RpcServerError},
    shutdown::{Shutdown, Trigger},
    store::{Store, StoreError},
};

/// How long a node that ends waits for who still holds its chain.
const RELEASE: Duration = Duration::from_secs(1);

/// What a node is to do.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Where L1's JSON-RPC is.
    pub l1_rpc_url: String,
    /// Chain id that the L1 must have, if known.
    pub l1_chain_id: Option<u64>,
    /// Where to look for the blobs of batches, in this order.
    pub blob_sources: Vec<BlobSource>,
    /// How often to ask L1 for news.
    pub l1_poll_interval: Duration,
    /// The most that this node's transactions on L1 offer for one gas, tip included, or for one blob gas, in wei. While L1 asks
    /// for more, they wait.
    pub max_l1_fee: u128,
    /// How many L1 blocks must stand on the one up to which the sequencer takes messages. More of them make L2 blocks survive
    /// deeper reorgs of L1, and deposits slower.
    pub l1_confirmations: u64,
    /// The directory with the files that the deploy script wrote.
    pub deployments_dir: PathBuf,
    /// The genesis file.
    pub genesis: PathBuf,
    /// Where the node keeps what it knows. One node at a time.
    pub data_dir: PathBuf,
    /// The JSON-RPC server.
    pub rpc: RpcConfig,
    /// Where to serve metrics; port 0 takes a free one.
    pub metrics_addr: Option<SocketAddr>,
    /// To build blocks and post batches.
    pub sequencer: Option<SequencerConfig>,
    /// To propose and finalize commitments.
    pub proposer: Option<(PrivateKeySigner, ProposerConfig)>,
    /// To execute messages on L1.
    pub relayer: Option<(PrivateKeySigner, RelayerConfig)>,
    /// To dispute false commitments and defend true ones.
    pub challenger: Option<(PrivateKeySigner, ChallengerConfig)>,
}

impl NodeConfig {
    /// A node that follows and answers, and plays no role. The L1 chain id is taken from the name of the deployment's
    /// directory, `deployments/<chainId>`, if that is a number.
    pub fn new(
        l1_rpc_url: impl Into<String>,
        deployments_dir: impl Into<PathBuf>,
        data_dir: impl Into<PathBuf>,
    ) -> Self {
        let deployments_dir = deployments_dir.into();
        Self {
            l1_rpc_url: l1_rpc_url.into(),
            l1_chain_id: chain_id_of(&deployments_dir),
            blob_sources: Vec::new(),
            l1_poll_interval: Duration::from_secs(1),
            max_l1_fee: 500_000_000_000,
            l1_confirmations: 0,
            genesis: deployments_dir.join("genesis.json"),
            deployments_dir,
            data_dir: data_dir.into(),
            rpc: RpcConfig::default(),
            metrics_addr: None,
            sequencer: None,
            proposer: None,
            relayer: None,
            challenger: None,
        }
    }
}

fn chain_id_of(deployments_dir: &Path) -> Option<u64> {
    deployments_dir.file_name()?.to_str()?.parse().ok()
}

/// How to sequence.
#[derive(Clone, Debug)]
pub struct SequencerConfig {
    /// The sequencer's key, for no other use: its transactions replace whatever else it has pending.
    pub signer: PrivateKeySigner,
    /// Least time between blocks.
    pub block_interval: Duration,
    /// How old a batch gets before it is posted. Longer is cheaper, and slower to become safe.
    pub batch_interval: Duration,
    /// Whether to build a block for each new L1 block though there is nothing in it.
    pub empty_blocks: bool,
    /// What batches' data goes by. On an L1 without blobs it is calldata, whatever this says.
    pub data_source: DataSource,
    /// After how long a batch that L1 did not include is sent again for a higher fee.
    pub resubmit_after: Duration,
}

impl SequencerConfig {
    /// Blocks within a quarter of a second, batches within twelve seconds, none of them empty.
    pub fn new(signer: PrivateKeySigner) -> Self {
        Self {
            signer,
            block_interval: Duration::from_millis(250),
            batch_interval: Duration::from_secs(12),
            empty_blocks: false,
            data_source: DataSource::default(),
            resubmit_after: Duration::from_secs(60),
        }
    }
}

/// Why a node did not start, or stopped.
#[derive(Debug, Error)]
pub enum NodeError {
    /// The files of the deployment.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// The genesis file.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// L1, or what is on it.
    #[error(transparent)]
    L1(#[from] ConnectError),
    /// The dispute contract, which the challenger cannot play with.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// The data directory.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The JSON-RPC server.
    #[error(transparent)]
    Rpc(#[from] RpcServerError),
    /// The server of metrics.
    #[error(transparent)]
    Metrics(#[from] MetricsServerError),
    /// The relayer is to execute only what tips pay for, and nobody can tip.
    #[error("the deployment has no RelayTip, so there is nothing that a relayer could execute for a profit")]
    NoRelayTip,
    /// A role met an error that it cannot get over.
    #[error("{role} stopped: {source}")]
    RoleFailed {
        /// Its name.
        role: &'static str,
        /// What it met.
        source: ChainError,
    },
    /// A role ended though no one asked it to.
    #[error("{role} stopped")]
    RoleEnded {
        /// Its name.
        role: &'static str,
    },
    /// A role panicked: a bug.
    #[error("a role panicked: {0}")]
    RolePanicked(JoinError),
}

impl From<StoreError> for NodeError {
    fn from(error: StoreError) -> Self {
        Self::Chain(error.into())
    }
}

/// A node.
#[derive(Debug)]
pub struct Node;

impl Node {
    /// Starts a node: checks that L1, deployment, genesis and data directory belong together, opens the RPC port, and starts the
    /// roles.
    ///
    /// # Errors
    /// If one of them is missing, wrong or in use. Nothing runs then.
    pub async fn start(mut config: NodeConfig) -> Result<NodeHandle, NodeError> {
        let deployment = Deployment::load(&config.deployments_dir)?;
        let genesis = Genesis::load(&config.genesis)?;
        let l1 = L1::connect(&config, deployment).await?;
        if let Some(sequencer) = &mut config.sequencer
            && !l1.has_blobs().await?
        {
            sequencer.data_source = DataSource::Calldata;
        }
        l1.check_genesis(Commitment::genesis(genesis.output.root()).id()).await?;
        if config.challenger.is_some() {
            challenger::check(&l1).await?;
        }
        if config.relayer.as_ref().is_some_and(|(_, relayer)| relayer.profitable_only) && deployment.gateways.is_none()
        {
            return Err(NodeError::NoRelayTip);
        }

        let chain_config = ChainConfig {
            chain_id: genesis.l2_chain_id,
            identity: identity(&l1, genesis.output.root()),
            genesis_header: genesis.header,
            genesis_output: genesis.output,
            genesis_preimages: genesis.preimages,
            deployment_block: l1.deployment_block(),
            sequencing: config.sequencer.is_some(),
        };
        let data_dir = config.data_dir.clone();
        let chain = blocking(move || Chain::open(Store::open(&data_dir)?, chain_config)).await?;
        let rpc = rpc::serve(chain.clone(), config.rpc).await?;
        let metrics = Metrics::new(chain.clone(), config.relayer.is_some());
        let relayed = metrics.relayer();
        let metrics = match config.metrics_addr {
            Some(address) => Some(MetricsServer::bind(address, metrics).await?),
            None => None,
        };

        let (trigger, shutdown) = shutdown::channel();
        let metrics_address = metrics.as_ref().map(MetricsServer::local_addr);
        let mut roles = spawn(config, &chain, &l1, relayed, &shutdown);
        if let Some(metrics) = metrics {
            roles.spawn(async {
                metrics.run(shutdown).await;
                ("metrics", Ok(()))
            });
        }
        Ok(NodeHandle { chain, deployment, rpc, metrics_address, trigger, roles })
    }
}

/// What a data directory is bound to.
fn identity(l1: &L1, genesis_output_root: B256) -> B256 {
    let mut parts = l1.chain_id().to_be_bytes().to_vec();
    l1.contracts().iter().for_each(|address| parts.extend_from_slice(address.as_slice()));
    parts.extend_from_slice(genesis_output_root.as_slice());
    keccak256(parts)
}

/// A role that ended: its name, and how.
type Ended = (&'static str, Result<(), ChainError>);

fn spawn(config: NodeConfig, chain: &Chain, l1: &L1, relayed: RelayerMetrics, shutdown: &Shutdown) -> JoinSet<Ended> {
    let mut roles = JoinSet::new();
    let (chain, l1, shutdown) = (|| chain.clone(), || l1.clone(), || shutdown.clone());
    let follower = l1::follower::run(chain(), l1(), shutdown());
    roles.spawn(async { ("follower", follower.await) });
    let deriver = deriver::run(chain(), shutdown());
    roles.spawn(async { ("deriver", deriver.await) });
    if let Some(sequencer) = config.sequencer {
        let policy = SequencingPolicy {
            confirmations: config.l1_confirmations,
            batch_interval: sequencer.batch_interval,
            empty_blocks: sequencer.empty_blocks,
            capacity: sequencer.data_source.capacity(),
        };
        let building = sequencer::run(chain(), policy, sequencer.block_interval, shutdown());
        roles.spawn(async { ("sequencer", building.await) });
        let posting = batcher::run(chain(), l1(), sequencer, shutdown());
        roles.spawn(async {
            posting.await;
            ("batcher", Ok(()))
        });
    }
    if let Some((signer, proposer)) = config.proposer {
        let proposing = proposer::run(chain(), l1(), signer, proposer, shutdown());
        roles.spawn(async {
            proposing.await;
            ("proposer", Ok(()))
        });
    }
    if let Some((signer, relayer)) = config.relayer {
        let relaying = relayer::run(chain(), l1(), signer, relayer, relayed, shutdown());
        roles.spawn(async {
            relaying.await;
            ("relayer", Ok(()))
        });
    }
    if let Some((signer, challenger)) = config.challenger {
        let challenging = challenger::run(chain(), l1(), signer, challenger, shutdown());
        roles.spawn(async {
            challenging.await;
            ("challenger", Ok(()))
        });
    }
    roles
}

/// A node that runs. Dropping it ends it without waiting; what it acknowledged is kept.
#[derive(Debug)]
pub struct NodeHandle {
    chain: Chain,
    deployment: Deployment,
    rpc: RpcServer,
    metrics_address: Option<SocketAddr>,
    trigger: Trigger,
    roles: JoinSet<Ended>,
}

impl NodeHandle {
    /// Where its JSON-RPC listens.
    pub fn rpc_address(&self) -> SocketAddr {
        self.rpc.local_addr()
    }

    /// The same as a URL.
    pub fn rpc_url(&self) -> String {
        format!("http://{}", self.rpc_address())
    }

    /// Where it serves metrics, if it does.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// The chain.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The contracts on L1.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// Waits until a role stops though no one asked it to, and says why.
    pub async fn stopped(&mut self) -> NodeError {
        match self.roles.join_next().await {
            Some(Ok((role, Err(source)))) => NodeError::RoleFailed { role, source },
            Some(Ok((role, Ok(())))) => NodeError::RoleEnded { role },
            Some(Err(error)) => NodeError::RolePanicked(error),
            // Every role has stopped, and was reported.
            None => std::future::pending().await,
        }
    }

    /// Ends the node, waits for its tasks, and lets go of its data directory, unless somebody else holds a clone of its chain.
    ///
    /// # Errors
    /// If a role had failed. It ended all the same.
    pub async fn shutdown(mut self) -> Result<(), NodeError> {
        self.trigger.request();
        self.rpc.stop().await;
        let mut failure = None;
        while let Some(ended) = self.roles.join_next().await {
            failure = failure.or(match ended {
                Ok((_, Ok(()))) => None,
                Ok((role, Err(source))) => Some(NodeError::RoleFailed { role, source }),
                Err(error) => Some(NodeError::RolePanicked(error)),
            });
        }
        // An answer that was just given may hold the chain for a moment yet. With its heads its store is closed.
        let mut heads = self.chain.subscribe();
        drop(self.chain);
        let _ = timeout(RELEASE, async { while heads.changed().await.is_ok() {} }).await;
        failure.map_or(Ok(()), Err)
    }
}

/// Runs what takes long or writes to disk where it does not hold up other tasks.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
