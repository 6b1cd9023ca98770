//! Executes messages for others, once their commitment is final.
//!
//! Whoever sends a message to L2's outbox spends the relayer's ETH, so everything is bounded: a message by its gas, by what it
//! burns in vain and by how often it is tried; all of them together by a limit per day. Every claim is simulated first with the
//! very gas limit that it will be sent with; one that fails is left out and tried again after a growing pause. A target that
//! burns all gas burns what the message promised it and a fixed allowance, no more. What the relayer leaves stays claimable by
//! anyone.
//!
//! Anyone can tip for a message, by another message that pays through `RelayTip` whoever executes it once the first one was. Both
//! go in one claim, so that nobody can execute the message and leave its tips to others. A relayer may execute only what its tips
//! pay for: then no transaction that succeeds can cost more, whatever its targets use, than the tips that it is paid.
//!
//! It keeps nothing of its own beyond its life: which messages are executed is in the [`Chain`], as the logs of L1 say. L1 itself
//! is asked about those alone that it is about to execute, by simulating them.

mod backlog;
mod bundle;
mod claim;
pub mod gas;

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
use postern_bindings::{Bridge::MessageFinalized, RelayTip::TipPaid};
use tracing::{debug, info, warn};

use crate::{
    allowance::Allowance,
    blocking,
    chain::{Chain, ChainError},
    l1::{
        L1,
        sender::{SendError, Sender},
    },
    metrics::RelayerMetrics,
    role::{self, Role},
    shutdown::Shutdown,
};
pub(crate) use backlog::GivenUp;
use backlog::{Backlog, Rules};
use bundle::{Group, group, last_first};
use claim::{Claim, Proven, Simulated};

/// What the relayer spends, and how often it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayerConfig {
    /// What it spends on average beyond the tips that it earns, in wei per day of 24 hours. So much may go at once; it comes
    /// back evenly. The last transaction may exceed it, and is made up for by waiting longer.
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
    /// A message that took so much gas without being executed is given up.
    pub gas_budget: u64,
    /// Pause before a message that failed is tried again; it doubles each time, up to 64 times this.
    pub retry_delay: Duration,
    /// A message that failed so often is given up.
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
    #[error("the bridge does not answer as a bridge does: {0}")]
    Answer(#[from] alloy::sol_types::Error),
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
        // Without tips nothing depends on it.
        let price = match self.relay_tip {
            Some(_) => self.config.with_margin(self.l1.provider().get_gas_price().await?),
            None => u128::MAX,
        };
        let groups = self.due(&proven, price).await?;
        let relayed = self.relay(groups, &proven, shutdown).await;
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

    /// Executes messages, as many at once as go together.
    async fn relay(
        &mut self,
        groups: Vec<Group>,
        proven: &Proven,
        shutdown: &mut Shutdown,
    ) -> Result<(), RelayerError> {
        let mut groups = last_first(groups);
        while let Some(group) = groups.pop() {
            if shutdown.requested() || !self.may_spend() {
                return Ok(());
            }
            let (chain, proven) = (self.chain.clone(), *proven);
            let (group, claim) = blocking(move || {
                let claim = Claim::of(&group, &chain, &proven)?;
                Ok::<_, ChainError>((group, claim))
            })
            .await?;
            match claim.simulate(&self.l1, self.sender.address()).await? {
                Simulated::Succeeds => {
                    let receipt = self.send(&group, &claim, shutdown).await;
                    if let Err(error @ SendError::TooDear { .. }) = receipt {
                        debug!(%error, "messages wait for a lower gas price");
                        self.pause(&group);
                        // The others were chosen by the price of before: the next round asks for the new one.
                        return Ok(());
                    }
                    self.account(&group, receipt)?;
                }
                // One of them spoils the claim: halve it until it stands alone.
                Simulated::Fails(_) if group.bundles.len() > 1 => {
                    groups.extend(group.halves(proven.depth()).into_iter().rev());
                }
                Simulated::Fails(reason) => {
                    for bundle in group.bundles {
                        let index = bundle.index;
                        match bundle.without_tips(proven.depth()) {
                            Some(bundle) => groups.push(bundle.into()),
                            None => self.postpone(index, 0, &reason),
                        }
                    }
                }
            }
        }
        Ok(())
    }

    async fn send(
        &self,
        group: &Group,
        claim: &Claim,
        shutdown: &mut Shutdown,
    ) -> Result<TransactionReceipt, SendError> {
        let call = claim.call(&self.l1);
        match group.bound(&self.config) {
            Some(bound) => self.sender.clone().worth(bound).send(call, shutdown).await,
            None => self.sender.send(call, shutdown).await,
        }
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

    /// Books what came of a claim.
    fn account(&mut self, group: &Group, receipt: Result<TransactionReceipt, SendError>) -> Result<(), RelayerError> {
        let now = Instant::now();
        let (finalized, gas_used, gas_price, tips) = match receipt {
            Ok(receipt) => {
                let finalized = self.executed(&receipt);
                let tips = self.earned(&receipt);
                info!(
                    messages = finalized.len(),
                    gas = receipt.gas_used,
                    tips,
                    transaction = %receipt.transaction_hash,
                    "messages relayed",
                );
                (finalized, receipt.gas_used, receipt.effective_gas_price, tips)
            }
            Err(SendError::Reverted { gas_used, gas_price, .. }) => (BTreeSet::new(), gas_used, gas_price, 0),
            Err(error) => return Err(error.into()),
        };
        let cost = u128::from(gas_used).saturating_mul(gas_price);
        self.allowance.spend(cost.saturating_sub(tips), now);
        self.metrics.relayed(finalized.len() as u64, cost, tips);
        for bundle in &group.bundles {
            if bundle.messages.iter().all(|message| finalized.contains(&message.index)) {
                self.backlog.pause(bundle.index, self.config.retry_delay, now);
            } else {
                // It took what was reserved for it at the most.
                let gas_spent = gas_used.min(bundle.gas.limit);
                self.postpone(bundle.index, gas_spent, "the state of L1 changed after its simulation");
            }
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use alloy::{
        node_bindings::Anvil,
        primitives::{B256, Bytes, U256},
        providers::{ProviderBuilder, ext::AnvilApi},
        sol_types::SolCall,
    };
    use postern_bindings::Outbox;
    use postern_client::deployment::{Contract, Deployment};
    use postern_protocol::predeploys::OUTBOX;
    use postern_tests::{Proxy, Reaction, tool};
    use serde_json::json;

    use super::{bundle::Offered, *};
    use crate::{NodeConfig, fixture::Fixture, shutdown};

    /// A chain with so many messages in its outbox, all of which can be executed.
    fn final_messages(count: u64) -> Fixture {
        let mut fixture = Fixture::new();
        let send = Outbox::sendCall { target: Address::with_last_byte(1), gasLimit: 100_000, data: Bytes::new() };
        for _ in 0..count {
            fixture.submit(OUTBOX, U256::from(100_000_000_000_000_u64), send.abi_encode().into());
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
        let anvil = Anvil::at(tool("anvil").unwrap()).port(0_u16).arg("--no-mining").try_spawn().unwrap();
        let proxy = Proxy::start(anvil.endpoint_url()).await.unwrap();
        let contract = Contract { address: Address::repeat_byte(0xca), implementation: None, block_number: 0 };
        let direct = ProviderBuilder::new().connect_http(anvil.endpoint_url());
        // It takes every call.
        direct.anvil_set_code(contract.address, Bytes::from_static(&[0])).await.unwrap();
        let deployment = Deployment {
            bridge: contract,
            canonical_transaction_chain: contract,
            state_commitment_chain: contract,
            dispute_game: contract,
            timelock: contract,
            gateways: None,
        };
        let l1 =
            L1::connect(&NodeConfig::new(proxy.url().to_string(), "deployments", "data"), deployment).await.unwrap();
        proxy.tamper(|call| match call.method {
            // L1 asks for more.
            "eth_sendRawTransaction" => Reaction::Answer(json!(B256::ZERO)),
            _ => Reaction::Pass,
        });

        let fixture = final_messages(3);
        let config = RelayerConfig {
            profitable_only: true,
            resubmit_after: Duration::from_millis(20),
            ..RelayerConfig::default()
        };
        let signer: PrivateKeySigner = anvil.nth_key(0).unwrap().clone().into();
        let mut relayer = Relayer {
            sender: Sender::new(l1.clone(), signer, config.resubmit_after),
            chain: fixture.chain.clone(),
            l1,
            config,
            metrics: RelayerMetrics::default(),
            relay_tip: None,
            backlog: Backlog::default(),
            allowance: Allowance::new(config.max_spend_per_day, Instant::now()),
            exhausted: false,
        };
        let proven = Proven::last(&fixture.chain).unwrap().expect("it is final");
        let groups = (0..3).map(|index| {
            let tip = fixture.chain.outbox_message(index).unwrap().unwrap().message;
            let offered = Offered { index, message: None, tips: vec![tip], unpaid: false, depth: proven.depth() };
            offered.at_price(&config, 1).unwrap().into()
        });
        let (_trigger, mut shutdown) = shutdown::channel();
        relayer.relay(groups.collect(), &proven, &mut shutdown).await.unwrap();
        assert_eq!(proxy.tampered(), 1, "claims sent");
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
