//! Executes messages for others, once their commitment is final.
//!
//! Whoever sends a message to L2's outbox spends the relayer's ETH, so everything is bounded: a message by its gas, by what it
//! burns in vain and by how often it is tried; all of them together by a limit per day. Every claim is simulated first, exactly as
//! it will be sent; one that does not execute all its messages is not sent, and tried again after a growing pause. A target that
//! burns all gas burns what the message promised it and a fixed allowance, no more. What the relayer leaves stays claimable by
//! anyone.
//!
//! Anyone can tip for a message, by another message that pays through `RelayTip` whoever executes it once the first one was. Both
//! go in one claim, so that nobody can execute the message and leave its tips to others. A relayer may execute only what its tips
//! pay for: then no transaction that executes all its messages can cost more, whatever its targets use, than the tips that it is
//! paid. One that L1 includes after somebody changed its state can; what that may cost is in `docs/operating.md`.
//!
//! It keeps nothing of its own beyond its life: which messages are executed is in the [`Chain`], as the logs of L1 say. L1 itself
//! is asked about those alone that it is about to execute, by simulating them.

mod backlog;
mod bundle;
mod claim;
pub mod gas;
mod unsettled;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use alloy::{
    primitives::Address,
    providers::Provider,
    rpc::types::TransactionReceipt,
    signers::local::PrivateKeySigner,
    sol_types::SolEvent,
    transports::{RpcError, TransportErrorKind},
};
use postern_bindings::{Bridge::MessageFinalized, RelayTip::TipPaid, bridge::Bridge::BridgeErrors};
use tracing::{info, warn};

use crate::{
    allowance::Allowance,
    blocking,
    chain::{Chain, ChainError},
    l1::{
        L1,
        sender::{Call, Outcome, SendError, Sender, Sent},
    },
    metrics::RelayerMetrics,
    role::{self, Role},
    shutdown::Shutdown,
};
pub(crate) use backlog::GivenUp;
use backlog::{Backlog, Rules};
use bundle::{Bundle, Group, group, last_first};
use claim::{Proven, claim};
use unsettled::{Attempt, Unsettled};

/// What the relayer spends, and how often it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayerConfig {
    /// What it spends on average beyond the tips that it earns, in wei per day of 24 hours. So much may go at once; it comes
    /// back evenly. The last message with its tips may exceed it, and is made up for by waiting longer.
    pub max_spend_per_day: u128,
    /// Whether it leaves to others what its tips do not pay for.
    pub profitable_only: bool,
    /// By how much tips must exceed what they pay for, in percent.
    pub margin_percent: u32,
    /// Messages in one transaction, at most.
    pub max_batch: usize,
    /// Gas limit of one transaction, at most; EIP-7825 allows 16,777,216.
    pub max_transaction_gas: u64,
    /// Messages that ask for more gas than this are left to their senders.
    pub max_message_gas: u64,
    /// A message that took so much gas without being executed is given up for good.
    pub gas_budget: u64,
    /// Pause before a message that failed is tried again; it doubles each time, up to 64 times this.
    pub retry_delay: Duration,
    /// A message that failed so often is given up, until somebody tips for it again.
    pub max_attempts: u32,
    /// How often to look, besides when the chain moves.
    pub poll_interval: Duration,
    /// Replace a transaction that was not mined for so long.
    pub resubmit_after: Duration,
}

impl Default for RelayerConfig {
    fn default() -> Self {
        Self {
            max_spend_per_day: 100_000_000_000_000_000,
            profitable_only: false,
            margin_percent: 10,
            max_batch: 32,
            max_transaction_gas: 16_777_216,
            max_message_gas: 1_000_000,
            gas_budget: 2_000_000,
            retry_delay: Duration::from_secs(60),
            // More than a day.
            max_attempts: 32,
            poll_interval: Duration::from_secs(4),
            resubmit_after: Duration::from_secs(60),
        }
    }
}

impl RelayerConfig {
    /// What a gas must bring if it costs `price`, both in wei.
    fn with_margin(&self, price: u128) -> u128 {
        price.saturating_mul(100 + u128::from(self.margin_percent)).div_ceil(100).max(1)
    }

    /// What a gas may cost if it brings `price`, both in wei.
    fn less_margin(&self, price: u128) -> u128 {
        price.saturating_mul(100) / (100 + u128::from(self.margin_percent))
    }
}

/// Why a round ended early.
#[derive(Debug, thiserror::Error)]
enum RelayerError {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error("L1: {0}")]
    Transport(#[from] RpcError<TransportErrorKind>),
    #[error(transparent)]
    Send(#[from] SendError),
}

/// Runs the relayer until shutdown. L1 errors do not end it.
pub(crate) async fn run(
    chain: Chain,
    l1: L1,
    signer: PrivateKeySigner,
    config: RelayerConfig,
    metrics: RelayerMetrics,
    shutdown: Shutdown,
) {
    let heads = chain.subscribe();
    let relayer = Relayer {
        sender: Sender::new(l1.clone(), signer, config.resubmit_after),
        relay_tip: l1.deployment().gateways.map(|gateways| gateways.relay_tip.address),
        chain,
        l1,
        config,
        metrics,
        backlog: Backlog::default(),
        unsettled: Unsettled::default(),
        allowance: Allowance::new(config.max_spend_per_day, Instant::now()),
        exhausted: false,
    };
    role::run(relayer, heads, config.poll_interval, shutdown).await;
}

struct Relayer {
    chain: Chain,
    l1: L1,
    sender: Sender,
    config: RelayerConfig,
    metrics: RelayerMetrics,
    /// Where tips are paid, if the deployment has it.
    relay_tip: Option<Address>,
    backlog: Backlog,
    unsettled: Unsettled,
    allowance: Allowance,
    /// Whether the allowance was found used up, and this was said.
    exhausted: bool,
}

impl Role for Relayer {
    type Error = RelayerError;

    const NAME: &str = "relayer";

    async fn round(&mut self, shutdown: &mut Shutdown) -> Result<(), RelayerError> {
        if !self.chain.heads().synced() {
            return Ok(());
        }
        let Some(proven) = Proven::last(&self.chain)? else {
            return Ok(());
        };
        let price = self.config.with_margin(self.l1.provider().get_gas_price().await?);
        let groups = self.due(&proven, price).await?;
        let relayed = self.relay(groups, &proven, price, shutdown).await;
        self.metrics.set_backlog(self.backlog.lengths(price));
        self.metrics.set_allowance(self.allowance.left(Instant::now()));
        relayed
    }
}

impl Relayer {
    /// The messages that are due while a gas must bring `price` wei, as many in a group as go together.
    async fn due(&mut self, proven: &Proven, price: u128) -> Result<Vec<Group>, ChainError> {
        let (chain, config, relay_tip) = (self.chain.clone(), self.config, self.relay_tip);
        let (outbox_count, depth) = (proven.outbox_count, proven.depth());
        let mut backlog = std::mem::take(&mut self.backlog);
        let groups;
        (self.backlog, groups) = blocking(move || {
            let rules = Rules { chain: &chain, config: &config, relay_tip, outbox_count };
            let bundles = backlog.bundles(rules, price, Instant::now());
            let groups = bundles.map(|bundles| group(bundles, &config, depth));
            (backlog, groups)
        })
        .await;
        groups
    }

    /// Executes messages, as many at once as go together, while a gas must bring `price` wei.
    async fn relay(
        &mut self,
        groups: Vec<Group>,
        proven: &Proven,
        price: u128,
        shutdown: &mut Shutdown,
    ) -> Result<(), RelayerError> {
        let mut groups = last_first(groups);
        loop {
            self.settle(shutdown).await?;
            let Some(group) = groups.pop() else { return Ok(()) };
            if shutdown.requested() || !self.may_spend() {
                return Ok(());
            }
            let mut worth = group.bound(&self.config);
            if group.bundles.len() > 1 {
                // All of it may fail at once: what exceeds the limit then is no more than one bundle.
                let affordable = self.allowance.left(Instant::now()) / u128::from(group.gas.limit);
                if affordable < price {
                    groups.extend(group.halves(proven.depth()).into_iter().rev());
                    continue;
                }
                worth = worth.min(affordable);
            }
            let (chain, proven, bridge) = (self.chain.clone(), *proven, self.l1.bridge());
            let (group, call) = blocking(move || {
                let call = claim(&group, bridge, &chain, &proven, worth)?;
                Ok::<_, ChainError>((group, call))
            })
            .await?;
            match self.execute(&group, call, shutdown).await {
                Ok(()) => {}
                Err(error @ SendError::TooDear { .. }) => {
                    info!(%error, "messages wait for a lower gas price");
                    self.pause(&group);
                    // The others were chosen by the price of before: the next round asks for the new one.
                    return Ok(());
                }
                // One of them spoils the claim: halve it until it stands alone.
                Err(error) if group.bundles.len() > 1 && is_of_the_claim(&error) => {
                    groups.extend(group.halves(proven.depth()).into_iter().rev());
                }
                Err(error @ (SendError::Reverted { .. } | SendError::Unexpected { .. })) => {
                    let reason = error.decoded::<BridgeErrors>().map(|reason| format!("{reason:?}"));
                    let reason = reason.unwrap_or_else(|| error.to_string());
                    for bundle in group.bundles {
                        let index = bundle.index;
                        match self.another_way(bundle, &proven, price).await? {
                            Some(bundle) => groups.push(bundle.into()),
                            None => self.postpone(index, 0, &reason),
                        }
                    }
                }
                Err(error @ SendError::Crossed { .. }) => {
                    info!(%error, "messages wait for what L1 may include before them");
                    group.bundles.iter().for_each(|bundle| self.backlog.defer(bundle.index, Instant::now()));
                }
                Err(error) => {
                    self.pause(&group);
                    if !is_of_the_claim(&error) {
                        return Err(error.into());
                    }
                    warn!(%error, "a claim is refused, and waits");
                }
            }
        }
    }

    /// Sends a claim, and books what comes of it.
    async fn execute(&mut self, group: &Group, call: Call, shutdown: &mut Shutdown) -> Result<(), SendError> {
        let (attempts, mut sent) = (Attempt::all_of(group), Sent::default());
        let receipt = match self.sender.send_noting(call, &mut sent, shutdown).await {
            Ok(receipt) => receipt,
            Err(SendError::Reverted { receipt: Some(receipt), .. }) => *receipt,
            Err(error) => {
                self.unsettled.add(sent, &attempts);
                return Err(error);
            }
        };
        // No other of its nonce can be included.
        self.unsettled.settle(sent.nonce);
        self.account(&attempts, &receipt);
        Ok(())
    }

    /// What to try in place of a bundle that fails, if there is something.
    async fn another_way(&self, bundle: Bundle, proven: &Proven, price: u128) -> Result<Option<Bundle>, ChainError> {
        let (chain, config, depth) = (self.chain.clone(), self.config, proven.depth());
        blocking(move || {
            if let Some(before) = bundle.index.checked_sub(1)
                && chain.finalized_messages(&[before])?.is_empty()
                && let Some(before) = chain.outbox_message(before)?
                && let Some(both) = bundle.after(before.message, price, &config, depth)
            {
                return Ok(Some(both));
            }
            // Without its tips nothing pays for the message before.
            Ok(bundle.without_tips(depth))
        })
        .await
    }

    /// Books claims that were given up and that L1 included after all.
    async fn settle(&mut self, shutdown: &mut Shutdown) -> Result<(), RelayerError> {
        while let Some(sent) = self.unsettled.first() {
            match self.sender.outcome(&sent, shutdown).await? {
                Outcome::Late => break,
                Outcome::Displaced => self.unsettled.settle(sent.nonce),
                Outcome::Included(receipt) => {
                    let attempts = self.unsettled.attempts(sent.nonce, receipt.transaction_hash);
                    self.unsettled.settle(sent.nonce);
                    self.account(&attempts, &receipt);
                }
            }
        }
        Ok(())
    }

    /// Whether the spending limit allows another transaction.
    fn may_spend(&mut self) -> bool {
        let remains = self.allowance.remains(Instant::now());
        if !remains && !self.exhausted {
            let per_day = self.config.max_spend_per_day;
            warn!(per_day, "spending limit reached: relaying pauses, messages stay claimable by anyone");
        }
        self.exhausted = !remains;
        remains
    }

    /// Books a claim that L1 included.
    fn account(&mut self, attempts: &[Attempt], receipt: &TransactionReceipt) {
        let now = Instant::now();
        let (finalized, tips) = (self.executed(receipt), self.earned(receipt));
        let (messages, gas) = (finalized.len(), receipt.gas_used);
        info!(messages, gas, tips, transaction = %receipt.transaction_hash, "claim included");
        let cost = u128::from(gas).saturating_mul(receipt.effective_gas_price);
        self.allowance.spend(cost.saturating_sub(tips), now);
        self.metrics.relayed(messages as u64, cost, tips);
        for attempt in attempts {
            if attempt.messages.iter().all(|index| finalized.contains(index)) {
                self.backlog.pause(attempt.index, self.config.retry_delay, now);
            } else {
                let gas_spent = if attempts.len() > 1 && !receipt.status() {
                    // One of them is to blame. Which, shows when each goes by itself.
                    self.backlog.set_apart(attempt.index);
                    0
                } else if attempt.messages.iter().any(|index| finalized.contains(index)) {
                    // Somebody may have been faster with the rest. However that is, there is less of it left to try.
                    0
                } else {
                    // It took what was reserved for it at the most.
                    gas.min(attempt.gas_limit)
                };
                self.postpone(attempt.index, gas_spent, "the state of L1 changed after its simulation");
            }
        }
    }

    /// The messages that a claim executed, as the bridge says: targets may log what they like.
    fn executed(&self, receipt: &TransactionReceipt) -> BTreeSet<u64> {
        let logs = receipt.logs().iter().filter(|log| log.address() == self.l1.bridge());
        logs.filter_map(|log| MessageFinalized::decode_log(&log.inner).ok()).map(|event| event.index).collect()
    }

    /// The tips that a claim brought this relayer, in wei.
    fn earned(&self, receipt: &TransactionReceipt) -> u128 {
        let logs = receipt.logs().iter().filter(|log| Some(log.address()) == self.relay_tip);
        let tips = logs.filter_map(|log| TipPaid::decode_log(&log.inner).ok());
        let tips = tips.filter(|tip| tip.relayer == self.sender.address());
        tips.fold(0, |sum, tip| sum.saturating_add(tip.amount.saturating_to()))
    }

    fn pause(&mut self, group: &Group) {
        let now = Instant::now();
        group.bundles.iter().for_each(|bundle| self.backlog.pause(bundle.index, self.config.retry_delay, now));
    }

    fn postpone(&mut self, index: u64, gas_spent: u64, reason: &str) {
        let given_up = self.backlog.postpone(index, gas_spent, &self.config, Instant::now(), reason);
        self.metrics.failed(given_up);
    }
}

/// Whether it may be for one of a claim's messages that it fails.
fn is_of_the_claim(error: &SendError) -> bool {
    match error {
        SendError::Reverted { .. } | SendError::Unexpected { .. } | SendError::Crossed { .. } => true,
        // While something is stuck, whatever L1 says of a transaction that it does not take.
        SendError::Blocked { .. } => true,
        // Too little ETH for so much gas; or words of the L1 node's own for a call that fails; or a server before it takes less.
        SendError::Transport(error) => error.is_error_resp() || is_too_long(error),
        _ => false,
    }
}

/// Whether a server does not read a request of this length.
fn is_too_long(error: &RpcError<TransportErrorKind>) -> bool {
    let RpcError::Transport(error) = error else { return false };
    error.as_http_error().is_some_and(|error| error.status == 413)
}

#[cfg(test)]
mod tests {
    use alloy::{
        consensus::Transaction,
        network::TransactionBuilder,
        node_bindings::{Anvil, AnvilInstance},
        primitives::{B256, Bytes, U256, bytes},
        providers::{ProviderBuilder, ext::AnvilApi},
        rpc::types::TransactionRequest,
        sol_types::SolCall,
    };
    use postern_bindings::{Bridge::executeMessagesCall, Outbox};
    use postern_client::deployment::{Contract, Deployment};
    use postern_protocol::predeploys::OUTBOX;
    use postern_tests::{PATIENCE, Proxy, Reaction, eventually, tool};
    use serde_json::json;
    use tokio::time::timeout;

    use super::{bundle::Offered, *};
    use crate::{NodeConfig, fixture::Fixture, metrics::Metrics, shutdown};

    const GWEI: u128 = 1_000_000_000;
    /// More than the base fee, and less than the market asks for.
    const LITTLE: u128 = GWEI + GWEI / 2;
    const BRIDGE: Address = Address::repeat_byte(0xca);
    /// What stands for a bridge here takes every call, and returns nothing, as the real one does for one message.
    const TAKES_ALL: Bytes = bytes!("00");
    /// Takes one call, and reverts on all others: if slot 0 is 0, sets it to 1.
    const TAKES_ONE: Bytes = bytes!("5f54156009575f5ffd5b60015f55");
    const REVERTS: Bytes = bytes!("5f5ffd");
    /// Returns that of two messages none was executed: somebody was faster.
    const SKIPS_BOTH: Bytes = bytes!("60205f52600260205260805ff3");

    const CONFIG: RelayerConfig = RelayerConfig {
        max_spend_per_day: 100_000_000_000_000_000,
        profitable_only: true,
        margin_percent: 10,
        max_batch: 32,
        max_transaction_gas: 16_777_216,
        max_message_gas: 1_000_000,
        gas_budget: 2_000_000,
        retry_delay: Duration::from_secs(60),
        max_attempts: 32,
        poll_interval: Duration::from_secs(4),
        resubmit_after: Duration::from_millis(20),
    };

    /// A relayer before an L1 that mines when it is told to, and messages that can be executed.
    struct Relaying {
        anvil: AnvilInstance,
        proxy: Proxy,
        proven: Proven,
        metrics: Metrics,
        relayer: Relayer,
        _fixture: Fixture,
    }

    impl Relaying {
        /// On L1 the bridge has this code.
        async fn new(code: Bytes) -> Self {
            let anvil = Anvil::at(tool("anvil").unwrap()).port(0_u16).arg("--no-mining").try_spawn().unwrap();
            let proxy = Proxy::start(anvil.endpoint_url()).await.unwrap();
            let contract = Contract { address: BRIDGE, implementation: None, block_number: 0 };
            let direct = ProviderBuilder::new().connect_http(anvil.endpoint_url());
            direct.anvil_set_code(BRIDGE, code).await.unwrap();
            let deployment = Deployment {
                bridge: contract,
                canonical_transaction_chain: contract,
                state_commitment_chain: contract,
                dispute_game: contract,
                timelock: contract,
                gateways: None,
            };
            let mut config = NodeConfig::new(proxy.url().to_string(), "deployments", "data");
            config.l1_poll_interval = Duration::from_millis(5);
            let l1 = L1::connect(&config, deployment).await.unwrap();
            let fixture = final_messages(3);
            let metrics = Metrics::new(fixture.chain.clone(), true);
            let signer: PrivateKeySigner = anvil.nth_key(0).unwrap().clone().into();
            let relayer = Relayer {
                sender: Sender::new(l1.clone(), signer, CONFIG.resubmit_after),
                chain: fixture.chain.clone(),
                l1,
                config: CONFIG,
                metrics: metrics.relayer(),
                relay_tip: None,
                backlog: Backlog::default(),
                unsettled: Unsettled::default(),
                allowance: Allowance::new(CONFIG.max_spend_per_day, Instant::now()),
                exhausted: false,
            };
            let proven = Proven::last(&fixture.chain).unwrap().expect("it is final");
            Self { anvil, proxy, proven, metrics, relayer, _fixture: fixture }
        }

        /// A message that is a tip for one that was executed. It pays somewhat more than the base fee, and less than L1 asks for.
        fn bundle(&self, index: u64) -> Bundle {
            let tip = self.relayer.chain.outbox_message(index).unwrap().unwrap().message;
            let offered = Offered { index, message: None, tips: vec![tip], unpaid: false, depth: self.proven.depth() };
            let bundle = offered.at_price(&CONFIG, GWEI).unwrap();
            let bound = Group::from(bundle.clone()).bound(&CONFIG);
            assert!((GWEI + 1..2 * GWEI).contains(&bound), "{bound}");
            bundle
        }

        async fn relay(&mut self, groups: Vec<Group>) {
            let (_trigger, mut shutdown) = shutdown::channel();
            self.relayer.relay(groups, &self.proven, GWEI, &mut shutdown).await.unwrap();
        }

        /// What is due while a gas costs a gwei.
        async fn due(&mut self) -> Vec<Group> {
            self.relayer.due(&self.proven, GWEI).await.unwrap()
        }

        /// L1, without the proxy.
        fn l1(&self) -> impl Provider + use<> {
            ProviderBuilder::new().connect_http(self.anvil.endpoint_url())
        }

        async fn set_code(&self, code: Bytes) {
            self.l1().anvil_set_code(BRIDGE, code).await.unwrap();
        }

        /// The relayer's account, which sends a transaction again after this time.
        fn sender(&self, resubmit_after: Duration) -> Sender {
            let signer: PrivateKeySigner = self.anvil.nth_key(0).unwrap().clone().into();
            Sender::new(self.relayer.l1.clone(), signer, resubmit_after)
        }

        /// It relays for free, tries again at once, and gives up whatever takes gas in vain.
        fn give_up_at_once(&mut self) {
            let config = &mut self.relayer.config;
            (config.profitable_only, config.gas_budget, config.retry_delay) = (false, 1, Duration::ZERO);
            self.relayer.sender = self.sender(Duration::from_secs(3_600));
        }

        /// The same, and when they are sent the bridge's code becomes another before they are included.
        async fn relay_with(&mut self, groups: Vec<Group>, code: Bytes) -> Result<(), RelayerError> {
            let (_trigger, mut shutdown) = shutdown::channel();
            let (l1, sender) = (self.l1(), self.relayer.sender.address());
            let nonce = l1.get_transaction_count(sender).await.unwrap();
            let include = async {
                eventually("it is sent", || async { Ok(l1.get_transaction_by_sender_nonce(sender, nonce).await?) })
                    .await
                    .unwrap();
                l1.anvil_set_code(BRIDGE, code).await.unwrap();
                l1.anvil_mine(Some(1), None).await.unwrap();
            };
            tokio::join!(self.relayer.relay(groups, &self.proven, GWEI, &mut shutdown), include).0
        }

        fn left(&mut self) -> u128 {
            self.relayer.allowance.left(Instant::now())
        }

        /// Whether a counter has this value.
        fn counts(&self, name: &str, count: u64) -> bool {
            let line = format!("postern_relayer_{name}_total {count}");
            self.metrics.text().unwrap().lines().any(|shown| shown == line)
        }
    }

    /// Returns that of so many messages all were executed.
    fn takes_all(messages: usize) -> Bytes {
        let output = executeMessagesCall::abi_encode_returns(&vec![true; messages]);
        // Copies what is behind the code.
        let length = u8::try_from(output.len()).unwrap();
        [&[0x60, length, 0x80, 0x60, 9, 0x5f, 0x39, 0x5f, 0xf3], output.as_slice()].concat().into()
    }

    /// A chain with so many messages in its outbox, all of which can be executed.
    fn final_messages(count: u64) -> Fixture {
        let mut fixture = Fixture::new();
        let send = Outbox::sendCall { target: Address::with_last_byte(1), gasLimit: 100_000, data: Bytes::new() };
        for _ in 0..count {
            fixture.submit(OUTBOX, U256::from(150_000_000_000_000_u64), send.abi_encode().into());
        }
        fixture.build();
        fixture.post();
        let commitment = fixture.propose(fixture.chain.genesis_commitment(), 0, vec![fixture.output_root(1)]);
        fixture.finalize(commitment);
        fixture
    }

    /// Each claim would wait in vain for as long as a transaction waits, those after it without being looked at again.
    #[tokio::test]
    async fn one_rise_of_fees_does_not_make_a_round_wait_for_every_claim() {
        let mut relaying = Relaying::new(TAKES_ALL).await;
        relaying.proxy.tamper(|call| match call.method {
            // L1 asks for more.
            "eth_sendRawTransaction" => Reaction::Answer(json!(B256::ZERO)),
            _ => Reaction::Pass,
        });
        let groups = (0..3).map(|index| relaying.bundle(index).into()).collect();
        relaying.relay(groups).await;
        assert_eq!(relaying.proxy.tampered(), 1, "claims sent");
    }

    /// It lies in the pool, and costs what it costs when nobody waits for it any more.
    #[tokio::test]
    async fn what_is_included_after_it_was_given_up_counts_as_spent() {
        let mut relaying = Relaying::new(TAKES_ALL).await;
        let group = relaying.bundle(0).into();
        relaying.relay(vec![group]).await;
        relaying.relay(Vec::new()).await;
        assert_eq!(relaying.left(), CONFIG.max_spend_per_day);
        assert!(relaying.counts("transactions", 0) && relaying.relayer.unsettled.first().is_some());

        relaying.l1().anvil_mine(Some(1), None).await.unwrap();
        relaying.relay(Vec::new()).await;
        // More than 21,000 gas for a gwei each, of which next to nothing came back meanwhile.
        assert!(relaying.left() < CONFIG.max_spend_per_day - 20_000 * GWEI, "{}", relaying.left());
        assert!(relaying.counts("transactions", 1) && relaying.counts("messages_failed", 1));
        assert!(relaying.relayer.unsettled.first().is_none());
    }

    /// If all its targets fail at once, it costs as much as it can.
    #[tokio::test]
    async fn what_could_cost_more_than_is_left_goes_in_parts() {
        for (left, batches) in [(CONFIG.max_spend_per_day, 1), (1, 0)] {
            let mut relaying = Relaying::new(TAKES_ALL).await;
            let selector = alloy::hex::encode(executeMessagesCall::SELECTOR);
            relaying.proxy.tamper(move |call| match call.method {
                "eth_call" if call.params.to_string().contains(&selector) => Reaction::Refuse("no batches"),
                _ => Reaction::Pass,
            });
            relaying.relayer.allowance.spend(CONFIG.max_spend_per_day - left, Instant::now());
            let bundles = (0..2).map(|index| relaying.bundle(index)).collect();
            relaying.relay(group(bundles, &CONFIG, relaying.proven.depth())).await;
            assert_eq!(relaying.proxy.tampered(), batches);
            assert!(relaying.relayer.unsettled.first().is_some(), "one went by itself");
        }
    }

    #[tokio::test]
    async fn what_fails_in_the_simulation_is_no_transaction() {
        let mut relaying = Relaying::new(REVERTS).await;
        let groups = (0..3).map(|index| relaying.bundle(index).into()).collect();
        relaying.relay(groups).await;
        assert!(relaying.counts("transactions", 0) && relaying.counts("messages_failed", 3));
        assert_eq!(relaying.left(), CONFIG.max_spend_per_day);
    }

    /// Nor does it count as an attempt: it may be for the provider that it fails.
    #[tokio::test]
    async fn what_l1_refuses_to_simulate_does_not_hold_up_others() {
        let mut relaying = Relaying::new(TAKES_ALL).await;
        relaying.proxy.tamper(|call| match call.method {
            "eth_call" => Reaction::Refuse("insufficient funds for gas * price + value"),
            _ => Reaction::Pass,
        });
        let groups = (0..3).map(|index| relaying.bundle(index).into()).collect();
        relaying.relay(groups).await;
        assert_eq!(relaying.proxy.tampered(), 3);
        assert!(relaying.counts("messages_failed", 0));
    }

    /// The bridge skips what is executed, so the claim would succeed, and bring nothing.
    #[tokio::test]
    async fn what_somebody_else_executed_is_not_paid_for() {
        let mut relaying = Relaying::new(SKIPS_BOTH).await;
        let bundles = (0..2).map(|index| relaying.bundle(index)).collect();
        let groups = group(bundles, &CONFIG, relaying.proven.depth());
        assert_eq!(groups.len(), 1);
        relaying.relay(groups).await;
        assert!(relaying.counts("transactions", 0) && relaying.counts("messages_failed", 2));
        let l1 = relaying.relayer.l1.provider();
        assert_eq!(l1.get_transaction_count(relaying.relayer.sender.address()).pending().await.unwrap(), 0);
    }

    /// It is somebody else's, and may never be included. Counted as failures, such copies would have a message given up.
    #[tokio::test]
    async fn what_only_the_pool_speaks_against_does_not_count_as_a_failure() {
        let mut relaying = Relaying::new(TAKES_ONE).await;
        let l1 = relaying.l1();
        let copy = TransactionRequest::default().with_from(relaying.anvil.addresses()[1]).with_to(BRIDGE);
        let _ = l1.send_transaction(copy).await.unwrap();
        let group = relaying.bundle(0).into();
        relaying.relay(vec![group]).await;
        assert!(relaying.counts("transactions", 0) && relaying.counts("messages_failed", 0));
        assert!(relaying.relayer.unsettled.first().is_none(), "it was not sent");
    }

    /// What L1 refuses of many it may take of one: it can be for their length, or what they cost.
    #[tokio::test]
    async fn what_l1_refuses_while_something_is_stuck_is_halved_and_holds_nothing_up() {
        let mut relaying = Relaying::new(takes_all(2)).await;
        let stuck = TransactionRequest::default().with_from(relaying.relayer.sender.address()).with_to(BRIDGE);
        let _ = relaying.l1().send_transaction(stuck).await.unwrap();
        relaying.proxy.tamper(|call| match call.method {
            "eth_sendRawTransaction" => Reaction::Refuse("oversized data"),
            // One message returns nothing.
            "eth_call" if !call.params.to_string().contains(&alloy::hex::encode(executeMessagesCall::SELECTOR)) => {
                Reaction::Edit(|output| *output = json!("0x"))
            }
            _ => Reaction::Pass,
        });
        let bundles = (0..2).map(|index| relaying.bundle(index)).collect();
        let groups = group(bundles, &CONFIG, relaying.proven.depth());
        assert_eq!(groups.len(), 1);
        relaying.relay(groups).await;
        // Both together, and each: sent once, and of one alone what it returns.
        assert_eq!(relaying.proxy.tampered(), 3 + 2);
        assert!(relaying.counts("messages_failed", 0));
    }

    /// What L1's fees are by then is not known when a claim is made.
    #[tokio::test]
    async fn what_several_messages_offer_is_no_more_than_what_is_left() {
        let mut relaying = Relaying::new(takes_all(3)).await;
        relaying.relayer.config.profitable_only = false;
        let groups = relaying.due().await;
        assert_eq!(groups.len(), 1);
        let left = u128::from(groups[0].gas.limit) * LITTLE;
        relaying.relayer.allowance.spend(CONFIG.max_spend_per_day - left, Instant::now());
        timeout(PATIENCE, relaying.relay(groups)).await.expect("it gets too dear");
        let sender = relaying.relayer.sender.address();
        let sent = relaying.l1().get_transaction_by_sender_nonce(sender, 0).await.unwrap().expect("it is sent");
        // Somewhat comes back meanwhile.
        assert!((LITTLE..LITTLE + GWEI / 10).contains(&sent.inner.max_fee_per_gas()), "{sent:?}");
    }

    /// One of them is to blame, and which is not known: all would be given up for it.
    #[tokio::test]
    async fn a_claim_that_reverts_is_charged_to_none_of_several_messages_and_each_goes_alone() {
        let mut relaying = Relaying::new(takes_all(3)).await;
        relaying.give_up_at_once();
        let groups = relaying.due().await;
        assert_eq!(groups.len(), 1);
        relaying.relay_with(groups, REVERTS).await.unwrap();
        assert!(relaying.counts("transactions", 1) && relaying.counts("messages_failed", 3));
        let groups = relaying.due().await;
        assert_eq!(groups.iter().map(|group| group.bundles.len()).collect::<Vec<_>>(), [1, 1, 1]);

        // What one wastes by itself is its own.
        relaying.set_code(TAKES_ALL).await;
        relaying.relay_with(groups.into_iter().take(1).collect(), REVERTS).await.unwrap();
        assert_eq!(relaying.due().await.len(), 2);
    }

    /// Somebody was faster with one of many tips. The others are paid all the same.
    #[tokio::test]
    async fn what_is_executed_in_part_is_not_charged() {
        let mut relaying = Relaying::new(takes_all(3)).await;
        relaying.give_up_at_once();
        assert_eq!(relaying.due().await.len(), 1);
        let message = |index| relaying.relayer.chain.outbox_message(index).unwrap().unwrap().message;
        let depth = relaying.proven.depth();
        let tips = vec![message(1), message(2)];
        let offered = Offered { index: 0, message: Some(message(0)), tips, unpaid: true, depth };
        let bundle = offered.at_price(&CONFIG, 1).unwrap();
        assert_eq!(bundle.messages.len(), 3);
        // Says of one of them that it was executed.
        let event = alloy::hex::encode(MessageFinalized::SIGNATURE_HASH);
        let code = format!("5f5f60017f{event}5f5fa400").parse().unwrap();
        relaying.relay_with(vec![bundle.into()], code).await.unwrap();
        assert!(relaying.counts("transactions", 1) && relaying.counts("messages_failed", 1));
        assert_eq!(relaying.due().await[0].bundles.len(), 3, "it is not given up");
    }

    /// Also by who relays for free: without its tip it could only fail again.
    #[tokio::test]
    async fn what_fails_with_its_tips_is_tried_after_the_message_before_it_and_then_without_them() {
        let relaying = Relaying::new(TAKES_ALL).await;
        let message = |index| relaying.relayer.chain.outbox_message(index).unwrap().unwrap().message;
        let depth = relaying.proven.depth();
        let offered = Offered { index: 1, message: Some(message(1)), tips: vec![message(2)], unpaid: true, depth };
        let mut bundle = offered.at_price(&CONFIG, 1).unwrap();
        for expected in [vec![0, 1, 2], vec![1]] {
            bundle = relaying.relayer.another_way(bundle, &relaying.proven, 1).await.unwrap().unwrap();
            let indices: Vec<u64> = bundle.messages.iter().map(|message| message.index).collect();
            assert_eq!(indices, expected);
        }
    }

    /// L1 may count a transaction long before it has the receipt.
    #[tokio::test]
    async fn what_seemed_displaced_is_booked_once_its_receipt_is_there() {
        let mut relaying = Relaying::new(TAKES_ALL).await;
        relaying.relayer.sender = relaying.sender(Duration::from_secs(3_600));
        relaying.proxy.tamper(|call| match call.method {
            "eth_getTransactionReceipt" => Reaction::Answer(json!(null)),
            _ => Reaction::Pass,
        });
        let group = relaying.bundle(0).into();
        let relayed = relaying.relay_with(vec![group], TAKES_ALL).await;
        assert!(matches!(relayed, Err(RelayerError::Send(SendError::Displaced { nonce: 0 }))), "{relayed:?}");
        assert!(relaying.counts("transactions", 0));

        relaying.proxy.relent();
        relaying.relay(Vec::new()).await;
        assert!(relaying.counts("transactions", 1) && relaying.relayer.unsettled.first().is_none());
        assert!(relaying.left() < CONFIG.max_spend_per_day);
    }

    #[test]
    fn what_is_too_long_for_a_server_before_l1_is_for_the_claim() {
        let refused = |status| SendError::from(TransportErrorKind::http_error(status, "refused".to_owned()));
        assert!(is_of_the_claim(&refused(413)) && !is_of_the_claim(&refused(503)));
    }

    #[test]
    fn a_margin_is_kept_in_both_directions() {
        let config = RelayerConfig { margin_percent: 10, ..RelayerConfig::default() };
        assert_eq!((config.with_margin(1_000), config.less_margin(1_100)), (1_100, 1_000));
        // Rounded to the safe side.
        assert_eq!((config.with_margin(1), config.less_margin(2)), (2, 1));
        assert_eq!(config.with_margin(0), 1);
        assert!(config.with_margin(u128::MAX) > u128::MAX / 101);
    }
}
