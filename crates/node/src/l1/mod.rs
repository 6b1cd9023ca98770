//! Access to L1.

pub(crate) mod blobs;
pub(crate) mod follower;
pub mod sender;
#[cfg(test)]
mod testing;

use std::{sync::Arc, time::Duration};

use alloy::{
    consensus::{Header, Sealable, Sealed},
    eips::BlockNumberOrTag,
    primitives::{Address, B256, Bytes},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::client::RpcClient,
    rpc::types::Block as RpcBlock,
    sol_types::SolCall,
    transports::{RpcError, TransportErrorKind},
};
use postern_bindings::StateCommitmentChain::genesisCommitmentCall;
use postern_client::deployment::{Contract, Deployment};
use thiserror::Error;

pub(crate) use blobs::{Blob, sidecar};
pub use blobs::{BlobSource, BlobSourceError, BlobUnavailable};

use crate::{
    NodeConfig,
    chain::L1Ref,
    http::{Http, UrlError},
};
use blobs::BlobSources;

/// Why L1 gave no usable answer. All of it may pass: ask again.
#[derive(Debug, Error)]
pub enum L1Error {
    /// The request failed.
    #[error("L1: {0}")]
    Transport(#[from] RpcError<TransportErrorKind>),
    /// L1 does not have what it named before: it reorganised, or another node answered.
    #[error("L1 has no {what}")]
    Missing {
        /// What is missing.
        what: String,
    },
    /// L1 has other blocks than all those that this node remembers of it.
    #[error(
        "L1 has none of the blocks {first} to {last} that were followed: either another L1 answers at present, or L1 reorganised \
         deeper than this node remembers and it must start again from an empty data directory"
    )]
    OtherChain {
        /// Number of the first block that this node remembers.
        first: u64,
        /// Number of the last block that it followed.
        last: u64,
    },
    /// A header does not hash to what L1 says.
    #[error("L1 says that the hash of block {number} is {received}; its header hashes to {expected}")]
    HeaderHash {
        /// Block number.
        number: u64,
        /// As L1 says.
        received: B256,
        /// As computed.
        expected: B256,
    },
    /// The blobs of a batch cannot be had at present.
    #[error(transparent)]
    Blob(#[from] BlobUnavailable),
    /// The receipts of a block are not those that its header commits to: logs are left out, or made up, or of another fork.
    #[error("L1 gives receipts of block {number} with root {received}; its header has {expected}")]
    ReceiptsRoot {
        /// Block number.
        number: u64,
        /// Root of the receipts.
        received: B256,
        /// As the header has it.
        expected: B256,
    },
    /// An answer cannot be decoded.
    #[error("L1 sent a malformed {what}")]
    Malformed {
        /// What was asked for.
        what: &'static str,
    },
}

/// Why a node cannot work on this L1. None of it passes by itself.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The URL is none.
    #[error("{url} is not a URL: {reason}")]
    InvalidUrl {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A source of blobs is none.
    #[error(transparent)]
    BlobSource(#[from] BlobSourceError),
    /// Nobody answers there, or not as an Ethereum node.
    #[error("cannot reach L1 at {url}: {source}")]
    Unreachable {
        /// The URL.
        url: String,
        /// What failed.
        source: RpcError<TransportErrorKind>,
    },
    /// It is another chain than the deployment is on.
    #[error("L1 has chain id {received}, the deployment is on {expected}")]
    ChainId {
        /// Of the L1.
        received: u64,
        /// Of the deployment.
        expected: u64,
    },
    /// The deployment is not on this L1.
    #[error("there is no contract at {address} on L1, where {name} should be")]
    NoContract {
        /// Name of the contract.
        name: &'static str,
        /// Its address.
        address: Address,
    },
    /// The deployment began with another L2 genesis.
    #[error("the deployment began with genesis commitment {expected}, the genesis file gives {received}")]
    Genesis {
        /// From the genesis file.
        received: B256,
        /// On L1.
        expected: B256,
    },
}

/// An L1 with a deployment on it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct L1 {
    url: String,
    provider: DynProvider,
    chain_id: u64,
    deployment: Deployment,
    poll_interval: Duration,
    max_fee: u128,
    blobs: Arc<BlobSources>,
}

impl L1 {
    /// Connects, and checks that this is the L1 of the deployment.
    ///
    /// # Errors
    /// If it is not, a URL is none, or nobody answers.
    pub async fn connect(config: &NodeConfig, deployment: Deployment) -> Result<Self, ConnectError> {
        let url = &config.l1_rpc_url;
        let blobs = Arc::new(BlobSources::new(&config.blob_sources)?);
        let (provider, chain_id) = reach(url).await?;
        if let Some(expected) = config.l1_chain_id.filter(|expected| *expected != chain_id) {
            return Err(ConnectError::ChainId { received: chain_id, expected });
        }
        let contracts = [
            ("Bridge", deployment.bridge.address),
            ("CanonicalTransactionChain", deployment.canonical_transaction_chain.address),
            ("StateCommitmentChain", deployment.state_commitment_chain.address),
            ("DisputeGame", deployment.dispute_game.address),
        ];
        for (name, address) in contracts {
            check_code(url, &provider, name, address).await?;
        }
        Ok(Self {
            url: url.clone(),
            provider,
            chain_id,
            deployment,
            poll_interval: config.l1_poll_interval,
            max_fee: config.max_l1_fee,
            blobs,
        })
    }

    /// Checks that the deployment began with this genesis commitment.
    ///
    /// # Errors
    /// If it did not, or L1 does not answer.
    pub async fn check_genesis(&self, commitment: B256) -> Result<(), ConnectError> {
        let unreachable = |source| ConnectError::Unreachable { url: self.url.clone(), source };
        let request = alloy::rpc::types::TransactionRequest::default()
            .to(self.state_commitment_chain())
            .input(genesisCommitmentCall {}.abi_encode().into());
        let answer: Bytes = self.provider.call(request).await.map_err(unreachable)?;
        let expected = B256::try_from(answer.as_ref()).unwrap_or_default();
        match expected == commitment {
            true => Ok(()),
            false => Err(ConnectError::Genesis { received: commitment, expected }),
        }
    }

    /// Whether this L1 has blobs.
    ///
    /// # Errors
    /// If it does not answer.
    pub(crate) async fn has_blobs(&self) -> Result<bool, ConnectError> {
        let unreachable = |source| ConnectError::Unreachable { url: self.url.clone(), source };
        let latest = self.provider.get_block_by_number(BlockNumberOrTag::Latest).await.map_err(unreachable)?;
        Ok(latest.is_some_and(|latest| latest.header.excess_blob_gas.is_some()))
    }

    /// Sends requests; it has no wallet.
    pub fn provider(&self) -> &DynProvider {
        &self.provider
    }

    /// Chain id of the L1.
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// Where blobs come from.
    pub(crate) fn blobs(&self) -> &BlobSources {
        &self.blobs
    }

    /// The most that a transaction may offer for one gas, or for one blob gas, in wei.
    pub(crate) fn max_fee(&self) -> u128 {
        self.max_fee
    }

    /// How often to ask for news.
    pub fn poll_interval(&self) -> Duration {
        self.poll_interval
    }

    /// The contracts.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// Address of the bridge.
    pub fn bridge(&self) -> Address {
        self.deployment.bridge.address
    }

    /// Address of the canonical transaction chain.
    pub fn canonical_transaction_chain(&self) -> Address {
        self.deployment.canonical_transaction_chain.address
    }

    /// Address of the state commitment chain.
    pub fn state_commitment_chain(&self) -> Address {
        self.deployment.state_commitment_chain.address
    }

    /// Address of the dispute game.
    pub fn dispute_game(&self) -> Address {
        self.deployment.dispute_game.address
    }

    /// The contracts whose events are followed.
    pub(crate) fn contracts(&self) -> [Address; 4] {
        self.followed().map(|contract| contract.address)
    }

    /// The first block that may hold an event of the contracts.
    pub(crate) fn deployment_block(&self) -> u64 {
        self.followed().into_iter().map(|contract| contract.block_number).min().unwrap_or_default()
    }

    const fn followed(&self) -> [Contract; 4] {
        let Deployment { bridge, canonical_transaction_chain, state_commitment_chain, dispute_game, .. } =
            self.deployment;
        [bridge, canonical_transaction_chain, state_commitment_chain, dispute_game]
    }

    /// The header of a block, its hash checked; none if L1 has no such block.
    pub(crate) async fn header(&self, number: BlockNumberOrTag) -> Result<Option<Sealed<Header>>, L1Error> {
        self.provider.get_block_by_number(number).await?.map(check_header).transpose()
    }

    /// Whether L1 has this block at present. In the middle of a reorganisation it may not have one that was followed.
    pub(crate) async fn has(&self, block: &L1Ref) -> Result<bool, RpcError<TransportErrorKind>> {
        let found = self.provider.get_block_by_number(block.number.into()).await?;
        Ok(found.is_some_and(|found| found.header.hash == block.hash))
    }

    /// The header of the block of this hash.
    pub(crate) async fn header_by_hash(&self, hash: B256) -> Result<Sealed<Header>, L1Error> {
        let block = self.provider.get_block_by_hash(hash).await?;
        let missing = || L1Error::Missing { what: format!("block {hash}") };
        let header = check_header(block.ok_or_else(missing)?)?;
        if header.hash() == hash { Ok(header) } else { Err(missing()) }
    }
}

/// A node of Ethereum at a URL, without a wallet, and its chain id.
///
/// # Errors
/// If it is not a URL, or nobody answers there.
pub(crate) async fn reach(url: &str) -> Result<(DynProvider, u64), ConnectError> {
    let invalid = |error: UrlError| ConnectError::InvalidUrl { url: url.to_owned(), reason: error.to_string() };
    let provider = connected(Http::new(url).map_err(invalid)?);
    let unreachable = |source| ConnectError::Unreachable { url: url.to_owned(), source };
    let chain_id = provider.get_chain_id().await.map_err(unreachable)?;
    Ok((provider, chain_id))
}

/// What asks this server.
fn connected(http: Http) -> DynProvider {
    ProviderBuilder::new().disable_recommended_fillers().connect_client(RpcClient::new(http, false)).erased()
}

/// Checks that there is a contract at `address`.
///
/// # Errors
/// If there is none, or the node does not answer.
pub(crate) async fn check_code(
    url: &str,
    provider: &DynProvider,
    name: &'static str,
    address: Address,
) -> Result<(), ConnectError> {
    let unreachable = |source| ConnectError::Unreachable { url: url.to_owned(), source };
    match provider.get_code_at(address).await.map_err(unreachable)?.is_empty() {
        true => Err(ConnectError::NoContract { name, address }),
        false => Ok(()),
    }
}

/// The header of a block, if it hashes to what L1 says.
fn check_header(block: RpcBlock) -> Result<Sealed<Header>, L1Error> {
    let received = block.header.hash;
    let header = block.header.inner.seal_slow();
    if header.hash() == received {
        return Ok(header);
    }
    Err(L1Error::HeaderHash { number: header.number, received, expected: header.hash() })
}
