use std::{net::SocketAddr, path::PathBuf, time::Duration};

use alloy::{
    contract::{CallBuilder, CallDecoder},
    eips::BlockNumberOrTag,
    network::{EthereumWallet, TransactionBuilder},
    node_bindings::AnvilInstance,
    primitives::{Address, B256, Bytes},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::{TransactionReceipt, TransactionRequest},
    signers::local::PrivateKeySigner,
    sol_types::{SolType, SolValue, abi::token::TokenSeq},
    transports::http::reqwest::Url,
};
use eyre::{OptionExt, Result, ensure};
use postern_bindings::{
    bridge::Bridge::BridgeInstance,
    canonical_transaction_chain::CanonicalTransactionChain::CanonicalTransactionChainInstance,
    dispute_game::DisputeGame::DisputeGameInstance,
    state_commitment_chain::StateCommitmentChain::StateCommitmentChainInstance,
};
use postern_client::{Deployment, deployment::Gateways};
use postern_node::{
    BlobSource, DataSource, Node, NodeConfig, NodeHandle, SequencerConfig, challenger::ChallengerConfig,
    proposer::ProposerConfig, relayer::RelayerConfig,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    Client,
    actor::Actor,
    l1, targets,
    wait::{Mined, eventually},
};

/// How often everything that waits looks again: tests have no time.
const POLL: Duration = Duration::from_millis(20);
/// Gas limit of transactions that must be included whether they revert or not.
const FORCED_GAS: u64 = 2_000_000;

/// What the L2 node does, besides following L1 and answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Makes blocks, and posts them as batches.
    pub sequencer: bool,
    /// Proposes commitments, and finalizes them.
    pub proposer: bool,
    /// Executes messages for others.
    pub relayer: bool,
    /// Disputes false commitments, and defends true ones.
    pub challenger: bool,
}

impl Roles {
    /// None: a node that only follows.
    pub const REPLICA: Self = Self { sequencer: false, proposer: false, relayer: false, challenger: false };
    /// L2 goes on, but nobody proposes.
    pub const SEQUENCER: Self = Self { sequencer: true, ..Self::REPLICA };
    /// Users take their messages out themselves.
    pub const OPERATOR: Self = Self { proposer: true, ..Self::SEQUENCER };
    /// The same, with somebody who watches.
    pub const GUARDED: Self = Self { challenger: true, ..Self::OPERATOR };
    /// Everything that moves L2 and its messages on.
    pub const ALL: Self = Self { relayer: true, ..Self::OPERATOR };
}

/// An L1 with the contracts, and an L2 node.
#[derive(Debug)]
pub struct Devnet {
    // Ends before what it works with: L1, and its directory.
    node: Option<NodeHandle>,
    anvil: AnvilInstance,
    l1: DynProvider,
    deployment: Deployment,
    directory: TempDir,
    roles: Roles,
    tune: fn(&mut NodeConfig),
    /// Stays the same when the node is started again, as it would for a user.
    rpc_address: SocketAddr,
}

impl Devnet {
    /// With a sequencer and a proposer.
    ///
    /// # Errors
    /// If L1 or the node does not start.
    pub async fn start() -> Result<Self> {
        Self::with(Roles::OPERATOR).await
    }

    /// With these roles.
    ///
    /// # Errors
    /// If L1 or the node does not start.
    pub async fn with(roles: Roles) -> Result<Self> {
        Self::tuned(roles, |_| ()).await
    }

    /// With these roles, and with a node that is configured as the others but for what `tune` changes.
    ///
    /// # Errors
    /// If L1 or the node does not start.
    pub async fn tuned(roles: Roles, tune: fn(&mut NodeConfig)) -> Result<Self> {
        let directory = directory()?;
        let anvil = l1::start(directory.path()).await?;
        Self::of(anvil, directory, roles, tune).await
    }

    /// With these roles, a sequencer among them, and with the gateways on both chains.
    ///
    /// # Errors
    /// If L1 or the node does not start, or nobody brings the gateways to L2.
    pub async fn with_gateways(roles: Roles) -> Result<Self> {
        let devnet = Self::tuned_with_gateways(roles, |_| ()).await?;
        devnet.gateways_on_l2().await?;
        Ok(devnet)
    }

    /// The same, with a node that is configured as the others but for what `tune` changes. The gateways of L2 may still wait in
    /// L1's queue: see [`gateways_on_l2`](Self::gateways_on_l2).
    ///
    /// # Errors
    /// If L1 or the node does not start.
    pub async fn tuned_with_gateways(roles: Roles, tune: fn(&mut NodeConfig)) -> Result<Self> {
        let directory = directory()?;
        let anvil = l1::start_with_gateways(directory.path()).await?;
        Self::of(anvil, directory, roles, tune).await
    }

    /// On an L1 with what the deployment's files, in `directory`, name.
    async fn of(anvil: AnvilInstance, directory: TempDir, roles: Roles, tune: fn(&mut NodeConfig)) -> Result<Self> {
        let deployment = Deployment::load(directory.path())?;
        let (anvil, l1) = connected(anvil);
        let rpc_address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut devnet = Self { anvil, l1, deployment, directory, roles, tune, node: None, rpc_address };
        devnet.start_node().await?;
        Ok(devnet)
    }

    /// What the node is started with.
    pub fn node_config(&self) -> NodeConfig {
        let mut config = NodeConfig::new(self.l1_url().to_string(), self.deployments(), self.data());
        config.rpc.addr = self.rpc_address;
        config.l1_poll_interval = POLL;
        config.blob_sources = self.blob_sources();
        config.sequencer = self.roles.sequencer.then(|| SequencerConfig {
            block_interval: Duration::from_millis(50),
            batch_interval: Duration::from_millis(100),
            // At the prices of an idle Anvil everything would go by blobs: tests that are about them say so.
            data_source: DataSource::Calldata,
            ..SequencerConfig::new(self.signer(Actor::Sequencer))
        });
        let proposer = ProposerConfig { poll_interval: POLL, ..ProposerConfig::default() };
        config.proposer = self.roles.proposer.then(|| (self.signer(Actor::Proposer), proposer));
        let relayer = RelayerConfig { poll_interval: POLL, retry_delay: POLL, ..RelayerConfig::default() };
        config.relayer = self.roles.relayer.then(|| (self.signer(Actor::Relayer), relayer));
        config.challenger = self.roles.challenger.then(|| self.challenger());
        (self.tune)(&mut config);
        config
    }

    /// With what any node is the challenger.
    pub fn challenger(&self) -> (PrivateKeySigner, ChallengerConfig) {
        let config = ChallengerConfig { poll_interval: POLL, ..ChallengerConfig::default() };
        (self.signer(Actor::Challenger), config)
    }

    /// What another node is started with, which has nothing but L1 to go by: its own directory, its own port, no role.
    pub fn follower_config(&self, name: &str) -> NodeConfig {
        let mut config = NodeConfig::new(self.l1_url().to_string(), self.deployments(), self.deployments().join(name));
        config.l1_poll_interval = POLL;
        config.blob_sources = self.blob_sources();
        config
    }

    /// Where blobs are: at Anvil, which also answers as a beacon node would.
    fn blob_sources(&self) -> Vec<BlobSource> {
        vec![BlobSource::Beacon(self.l1_url().to_string())]
    }

    /// Starts another node, which follows.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn follower(&self, name: &str) -> Result<NodeHandle> {
        Ok(Node::start(self.follower_config(name)).await?)
    }

    /// Starts another node, which follows, with a directory of its own, and waits until it has derived all that is on L1.
    ///
    /// # Errors
    /// If it does not.
    pub async fn observer(&self) -> Result<NodeHandle> {
        let directory = tempfile::tempdir_in(self.deployments())?.keep();
        let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let node = self.follower(&name).await?;
        self.has_synced(&node).await?;
        Ok(node)
    }

    /// Starts the node, with what an earlier one left in its directory.
    ///
    /// # Errors
    /// If it runs, or does not start.
    pub async fn start_node(&mut self) -> Result<()> {
        ensure!(self.node.is_none(), "the node runs");
        let node = Node::start(self.node_config()).await?;
        self.rpc_address = node.rpc_address();
        self.node = Some(node);
        Ok(())
    }

    /// Stops the node.
    ///
    /// # Errors
    /// If it does not run, or one of its tasks failed.
    pub async fn stop_node(&mut self) -> Result<()> {
        Ok(self.node.take().ok_or_eyre("the node does not run")?.shutdown().await?)
    }

    /// Drops the node in the middle of what it does, without letting it finish anything, and starts another on what it left.
    ///
    /// # Errors
    /// If that one does not start.
    pub async fn crash_node(&mut self) -> Result<()> {
        drop(self.node.take().ok_or_eyre("the node does not run")?);
        // What it had open closes a moment later.
        let node =
            eventually("the node starts again", || async { Ok(Node::start(self.node_config()).await.ok()) }).await?;
        self.node = Some(node);
        Ok(())
    }

    /// Stops the node, and starts it with other roles.
    ///
    /// # Errors
    /// As [`stop_node`](Self::stop_node) and [`start_node`](Self::start_node).
    pub async fn restart_with(&mut self, roles: Roles) -> Result<()> {
        self.stop_node().await?;
        self.roles = roles;
        self.start_node().await
    }

    /// Stops the node, and starts it configured as the others but for what `tune` changes.
    ///
    /// # Errors
    /// As [`stop_node`](Self::stop_node) and [`start_node`](Self::start_node).
    pub async fn retune(&mut self, tune: fn(&mut NodeConfig)) -> Result<()> {
        self.stop_node().await?;
        self.tune = tune;
        self.start_node().await
    }

    /// Another L1 that has all blocks of this one, and goes on by itself.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn fork(&self) -> Result<(AnvilInstance, DynProvider)> {
        Ok(connected(l1::fork(&self.l1).await?))
    }

    /// Another L1 with the same contracts, where the last block of their deployment has this beacon root. Its EVM has the hash of
    /// that block only when it is more than 256 blocks ago (EIP-2935).
    ///
    /// # Errors
    /// If it does not start.
    pub async fn with_beacon_root(root: B256) -> Result<(AnvilInstance, DynProvider)> {
        Ok(connected(l1::with_beacon_root(root).await?))
    }

    /// The running node.
    ///
    /// # Panics
    /// If it was stopped.
    pub fn node(&self) -> &NodeHandle {
        self.node.as_ref().expect("the node was stopped")
    }

    /// Where the deployment's files are.
    pub fn deployments(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    /// Where the node keeps its data.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Addresses of the contracts.
    pub const fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// Where the gateways are.
    ///
    /// # Panics
    /// If the devnet was started without them.
    pub fn gateways(&self) -> Gateways {
        self.deployment.gateways.expect("the devnet was started without gateways")
    }

    /// Waits until the gateways of L2 are there.
    ///
    /// # Errors
    /// If nobody executes the messages that bring them.
    pub async fn gateways_on_l2(&self) -> Result<()> {
        let Gateways { l2_token_gateway, l2_nft_gateway, l2_erc7786_gateway, .. } = self.gateways();
        let l2 = self.l2();
        for gateway in [l2_token_gateway, l2_nft_gateway, l2_erc7786_gateway] {
            let code = || async { Ok((!l2.get_code_at(gateway.address).await?.is_empty()).then_some(())) };
            eventually("the gateway is on L2", code).await?;
        }
        Ok(())
    }

    /// URL of L1.
    pub fn l1_url(&self) -> Url {
        self.anvil.endpoint_url()
    }

    /// URL of the L2.
    pub fn l2_url(&self) -> Url {
        format!("http://{}", self.rpc_address).parse().expect("an address makes a URL")
    }

    /// L1, without a key.
    pub const fn l1(&self) -> &DynProvider {
        &self.l1
    }

    /// L2, without a key.
    pub fn l2(&self) -> DynProvider {
        quick(ProviderBuilder::new().connect_http(self.l2_url()))
    }

    /// An actor's key.
    ///
    /// # Panics
    /// If Anvil has fewer accounts than there are actors.
    pub fn signer(&self, actor: Actor) -> PrivateKeySigner {
        self.anvil.nth_key(actor.account()).expect("Anvil has ten accounts").clone().into()
    }

    /// An actor's address, on both chains.
    pub fn address(&self, actor: Actor) -> Address {
        self.signer(actor).address()
    }

    /// What an actor has to talk to both chains.
    pub fn client(&self, actor: Actor) -> Client {
        self.client_of(actor, self.l2_url())
    }

    /// What an actor has to talk to both chains, if the L2 is behind this URL.
    pub fn client_of(&self, actor: Actor, l2: Url) -> Client {
        let connect = |url| {
            let wallet = EthereumWallet::from(self.signer(actor));
            quick(
                ProviderBuilder::default()
                    .with_gas_estimation()
                    .fetch_chain_id()
                    // Counted by the chain: a transaction that is refused leaves no gap.
                    .with_simple_nonce_management()
                    .wallet(wallet)
                    .connect_http(url),
            )
        };
        Client::new(connect(self.l1_url()), connect(l2), self.deployment)
            .with_account(self.address(actor))
            .with_poll_interval(POLL)
    }

    /// The bridge, for reading.
    pub fn bridge(&self) -> BridgeInstance<&DynProvider> {
        BridgeInstance::new(self.deployment.bridge.address, &self.l1)
    }

    /// The canonical transaction chain, for reading.
    pub fn canonical_transaction_chain(&self) -> CanonicalTransactionChainInstance<&DynProvider> {
        CanonicalTransactionChainInstance::new(self.deployment.canonical_transaction_chain.address, &self.l1)
    }

    /// The state commitment chain, for reading.
    pub fn state_commitment_chain(&self) -> StateCommitmentChainInstance<&DynProvider> {
        StateCommitmentChainInstance::new(self.deployment.state_commitment_chain.address, &self.l1)
    }

    /// The dispute contract, for reading.
    pub fn dispute_game(&self) -> DisputeGameInstance<&DynProvider> {
        DisputeGameInstance::new(self.deployment.dispute_game.address, &self.l1)
    }

    /// Deploys a test contract of `contracts/test/support` with these constructor arguments, on either chain.
    ///
    /// # Errors
    /// If forge did not build it, or the deployment fails.
    pub async fn deploy<A: SolValue>(&self, provider: &DynProvider, name: &str, arguments: A) -> Result<Address>
    where
        for<'a> <A::SolType as SolType>::Token<'a>: TokenSeq<'a>,
    {
        let code = [targets::bytecode(name)?.as_ref(), &arguments.abi_encode_params()].concat();
        let request = TransactionRequest::default().with_deploy_code(code);
        let receipt = provider.send_transaction(request).await?.mined().await?;
        ensure!(receipt.status(), "the deployment of {name} failed");
        receipt.contract_address.ok_or_eyre("no contract was created")
    }

    /// Sends a call without asking first whether it would revert, and returns its receipt and, if it reverted, with what.
    ///
    /// # Errors
    /// If L1 cannot be reached.
    pub async fn force<P: Provider, D: CallDecoder>(
        &self,
        call: CallBuilder<P, D>,
    ) -> Result<(TransactionReceipt, Result<(), Bytes>)> {
        let receipt = call.gas(FORCED_GAS).send().await?.mined().await?;
        if receipt.status() {
            return Ok((receipt, Ok(())));
        }
        let data = self.revert_data(receipt.transaction_hash).await?;
        Ok((receipt, Err(data)))
    }

    /// With what an L1 transaction reverted.
    ///
    /// # Errors
    /// If L1 cannot be reached.
    pub async fn revert_data(&self, transaction: B256) -> Result<Bytes> {
        let params = (transaction, json!({ "tracer": "callTracer" }));
        let trace: Value = self.l1.raw_request("debug_traceTransaction".into(), params).await?;
        Ok(trace["output"].as_str().unwrap_or("0x").parse()?)
    }

    /// Waits until all L2 blocks are in batches on L1, and the node has seen them there.
    ///
    /// # Errors
    /// If they are not.
    pub async fn posted(&self) -> Result<()> {
        eventually("all L2 blocks are in batches", || async {
            let (head, heads) = (self.l1_head().await?.block_number, self.node().chain().heads());
            Ok((heads.l1.number >= head && heads.synced() && heads.safe == heads.unsafe_).then_some(()))
        })
        .await
    }

    /// Waits until the node has derived all that is on L1.
    ///
    /// # Errors
    /// If it does not.
    pub async fn synced(&self) -> Result<()> {
        self.has_synced(self.node()).await
    }

    /// Waits until some node has derived all that is on L1.
    ///
    /// # Errors
    /// If it does not.
    pub async fn has_synced(&self, node: &NodeHandle) -> Result<()> {
        eventually("the node follows L1", || async {
            let head = self.l1.get_block_by_number(BlockNumberOrTag::Latest).await?.ok_or_eyre("L1 has no block")?;
            let heads = node.chain().heads();
            // By hash: it may have followed another block of this number.
            Ok((heads.l1.hash == head.header.hash && heads.synced()).then_some(()))
        })
        .await
    }
}

/// Where a devnet keeps its files.
fn directory() -> Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("devnet-").tempdir_in(l1::scratch()?)?)
}

/// An L1, and what talks to it.
fn connected(anvil: AnvilInstance) -> (AnvilInstance, DynProvider) {
    let l1 = quick(ProviderBuilder::new().connect_http(anvil.endpoint_url()));
    (anvil, l1)
}

/// A provider that looks often.
fn quick(provider: impl Provider + 'static) -> DynProvider {
    provider.client().set_poll_interval(POLL);
    provider.erased()
}
