//! Executes messages for others, once their commitment is final.
//!
//! Whoever sends a message to L2's outbox spends the relayer's ETH, so everything is bounded: a message by its gas, by what it
//! burns in vain and by how often it is tried; all of them together by a limit per day. Every claim is simulated first with the
//! very gas limit that it will be sent with; one that fails is left out and tried again after a growing pause. A target that
//! burns all gas burns what the message promised it and a fixed allowance, no more. What the relayer leaves stays claimable by
//! anyone.
//!
//! It keeps nothing of its own beyond its life: which messages are executed is in the [`Chain`], as the logs of L1 say. L1 itself
//! is asked about those alone that it is about to execute, by simulating them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use alloy::{
    primitives::{B256, Bytes, U256},
    providers::Provider,
    rpc::types::{TransactionReceipt, TransactionRequest},
    signers::local::PrivateKeySigner,
    sol_types::{SolCall, SolEvent},
    transports::{RpcError, TransportErrorKind},
};
use postern_bindings::bridge::Bridge::{self, BridgeErrors};
use postern_protocol::{message::Message, outbox};
use tracing::{debug, info, warn};

use crate::{
    allowance::Allowance,
    blocking,
    chain::{Chain, ChainError},
    l1::{
        L1,
        sender::{Call, SendError, Sender},
    },
    role::{self, Backoff, Role},
    shutdown::Shutdown,
    store::L1_HEADERS_KEPT,
};

/// Messages that are looked at in one piece of a scan.
const SCAN: u64 = 1_000;
/// Messages that one round tries, at most: what else is due waits for the next, so that no flood holds a round up.
const ROUND_MESSAGES: usize = 256;
/// Gas of a claim besides its messages: the transaction, the root's slot, the proof.
const CLAIM_GAS: u64 = 150_000;
/// Gas of a message besides its data and its call: nullifier, transfer of ETH, event.
const MESSAGE_GAS: u64 = 100_000;
/// What a call gets even if its sender asked for less: so much a wallet contract may well need to take ETH.
const LEAST_CALL_GAS: u64 = 100_000;
/// Calldata floor of EIP-7623, in gas for a byte that is not zero.
const GAS_PER_BYTE: u64 = 40;

/// What the relayer spends, and how often it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayerConfig {
    /// What it spends on average, in wei per day of 24 hours. So much may go at once; it comes back evenly. The last transaction
    /// may exceed it, and is made up for by waiting longer.
    pub max_spend_per_day: u128,
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
pub async fn run(chain: Chain, l1: L1, signer: PrivateKeySigner, config: RelayerConfig, shutdown: Shutdown) {
    let heads = chain.subscribe();
    let relayer = Relayer {
        sender: Sender::new(l1.clone(), signer, config.resubmit_after),
        chain,
        l1,
        config,
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
    backlog: Backlog,
    allowance: Allowance,
    /// Whether the allowance was found used up, and this was said.
    exhausted: bool,
}

/// What was tried for a message.
#[derive(Debug)]
struct Attempts {
    backoff: Backoff,
    not_before: Instant,
    gas_spent: u64,
}

/// Messages that wait, and those executed in blocks that L1 could still take back.
#[derive(Debug, Default)]
struct Backlog {
    /// Messages before this index were looked at.
    looked_at: u64,
    waiting: BTreeMap<u64, Attempts>,
    /// By the number of the L1 block in which they were executed.
    executed: BTreeMap<u64, BTreeSet<u64>>,
    /// Setbacks of the chain up to which they are.
    setbacks: u64,
}

impl Backlog {
    /// A message waits, from now on if it did not before.
    fn wait(&mut self, index: u64, retry_delay: Duration, now: Instant) {
        let first = || Attempts { backoff: Backoff::new(retry_delay), not_before: now, gas_spent: 0 };
        self.waiting.entry(index).or_insert_with(first);
    }

    /// A message is executed, in this L1 block.
    fn executed(&mut self, index: u64, l1_block: u64) {
        self.waiting.remove(&index);
        self.executed.entry(l1_block).or_default().insert(index);
    }

    /// A message was executed by us: once L1 is followed so far, the chain shows it. If L1 takes that back before, it is due again.
    fn sent(&mut self, index: u64, retry_delay: Duration, now: Instant) {
        if let Some(attempts) = self.waiting.get_mut(&index) {
            attempts.not_before = now + retry_delay;
        }
    }

    /// A message was tried in vain. It is tried again later, or given up.
    fn postpone(&mut self, index: u64, gas_spent: u64, config: &RelayerConfig, now: Instant, reason: &str) {
        let Some(attempts) = self.waiting.get_mut(&index) else { return };
        let pause = attempts.backoff.next();
        attempts.not_before = now + pause;
        attempts.gas_spent += gas_spent;
        let (failures, gas_spent) = (attempts.backoff.failures(), attempts.gas_spent);
        if gas_spent >= config.gas_budget || failures >= config.max_attempts {
            self.waiting.remove(&index);
            info!(index, reason, failures, gas_spent, "message given up: its sender may still execute it");
        } else {
            debug!(index, reason, ?pause, gas_spent, "message postponed");
        }
    }

    /// The messages before `end` that are due longest, in order of their index.
    fn due(&self, end: u64, now: Instant) -> Vec<u64> {
        let waiting = self.waiting.range(..end).filter(|(_, attempts)| attempts.not_before <= now);
        let mut due: Vec<_> = waiting.map(|(&index, attempts)| (attempts.not_before, index)).collect();
        if due.len() > ROUND_MESSAGES {
            due.select_nth_unstable(ROUND_MESSAGES);
            due.truncate(ROUND_MESSAGES);
        }
        let mut due: Vec<u64> = due.into_iter().map(|(_, index)| index).collect();
        due.sort_unstable();
        due
    }

    /// Looks at what the chain has brought: messages up to `outbox_count`, and executions that L1 took back.
    fn update(
        &mut self,
        chain: &Chain,
        outbox_count: u64,
        config: &RelayerConfig,
        now: Instant,
    ) -> Result<(), ChainError> {
        // Before what is read of the chain.
        let (setbacks, l1) = (chain.setbacks(), chain.heads().l1.number);
        if setbacks != self.setbacks {
            let doubtful = std::mem::take(&mut self.executed).into_values().flatten().collect();
            self.look_at(doubtful, chain, config, now)?;
            self.setbacks = setbacks;
        }
        while self.looked_at < outbox_count {
            let end = outbox_count.min(self.looked_at + SCAN);
            self.look_at((self.looked_at..end).collect(), chain, config, now)?;
            self.looked_at = end;
            self.settle(l1);
        }
        self.settle(l1);
        Ok(())
    }

    /// Lets go of executions that L1, as followed up to block `l1`, cannot take back any more.
    fn settle(&mut self, l1: u64) {
        self.executed = self.executed.split_off(&l1.saturating_sub(L1_HEADERS_KEPT));
    }

    /// Finds out which of these messages are executed, and which wait for us.
    fn look_at(
        &mut self,
        indices: Vec<u64>,
        chain: &Chain,
        config: &RelayerConfig,
        now: Instant,
    ) -> Result<(), ChainError> {
        for index in self.set_executed_aside(indices, chain)? {
            let entry = chain.outbox_message(index)?;
            if entry.is_some_and(|entry| entry.message.gas_limit <= config.max_message_gas) {
                self.wait(index, config.retry_delay, now);
            }
        }
        Ok(())
    }

    /// Those of the messages that are not executed on L1, as far as it was followed.
    fn set_executed_aside(&mut self, mut indices: Vec<u64>, chain: &Chain) -> Result<Vec<u64>, ChainError> {
        let executed = chain.finalized_messages(&indices)?;
        indices.retain(|index| !executed.contains_key(index));
        executed.into_iter().for_each(|(index, l1_block)| self.executed(index, l1_block));
        Ok(indices)
    }
}

/// A final commitment, and the outbox that it proves.
#[derive(Clone, Copy)]
struct Proven {
    commitment: B256,
    batch_count: u64,
    outbox_count: u64,
}

/// A claim, ready to be simulated and sent.
struct Claim {
    input: Bytes,
    gas_limit: u64,
}

/// What a simulated claim would do.
enum Simulated {
    Succeeds,
    Fails(String),
}

impl Role for Relayer {
    type Error = RelayerError;

    const NAME: &str = "relayer";

    async fn round(&mut self, shutdown: &mut Shutdown) -> Result<(), RelayerError> {
        if !self.chain.heads().synced() {
            return Ok(());
        }
        let Some(proven) = self.proven()? else {
            return Ok(());
        };
        let groups = self.due(&proven).await?;
        self.relay(groups, &proven, shutdown).await
    }
}

impl Relayer {
    /// The final commitment that proves most messages.
    fn proven(&self) -> Result<Option<Proven>, ChainError> {
        let Some(last) = self.chain.final_commitment()? else {
            return Ok(None);
        };
        let batch_count = last.commitment.batch_count;
        let outbox_count = self.chain.outbox_count(batch_count)?.unwrap_or_default();
        Ok(Some(Proven { commitment: last.id, batch_count, outbox_count }))
    }

    /// The messages that are due, as many in a group as go together.
    async fn due(&mut self, proven: &Proven) -> Result<Vec<Vec<Message>>, ChainError> {
        let (chain, config, outbox_count) = (self.chain.clone(), self.config, proven.outbox_count);
        let mut backlog = std::mem::take(&mut self.backlog);
        let groups;
        (self.backlog, groups) = blocking(move || {
            let mut groups = || {
                let now = Instant::now();
                backlog.update(&chain, outbox_count, &config, now)?;
                let due = backlog.due(outbox_count, now);
                let open = backlog.set_executed_aside(due, &chain)?;
                group(&chain, &config, open)
            };
            let groups = groups();
            (backlog, groups)
        })
        .await;
        groups
    }

    /// Executes messages, as many at once as go together.
    async fn relay(
        &mut self,
        mut groups: Vec<Vec<Message>>,
        proven: &Proven,
        shutdown: &mut Shutdown,
    ) -> Result<(), RelayerError> {
        // Later indices are pushed last and would go first.
        groups.reverse();
        while let Some(group) = groups.pop() {
            if shutdown.requested() || !self.may_spend() {
                return Ok(());
            }
            let (chain, proven) = (self.chain.clone(), *proven);
            let (mut group, claim) = blocking(move || {
                let claim = claim(&chain, &proven, &group)?;
                Ok::<_, ChainError>((group, claim))
            })
            .await?;
            match self.simulate(&claim, group.len()).await? {
                Simulated::Succeeds => {
                    let receipt = self.send(&claim, shutdown).await;
                    self.account(&group, receipt)?;
                }
                // One of them spoils the claim: halve it until it stands alone.
                Simulated::Fails(_) if group.len() > 1 => {
                    let second = group.split_off(group.len() / 2);
                    groups.push(second);
                    groups.push(group);
                }
                Simulated::Fails(reason) => self.postpone(group[0].index, 0, &reason),
            }
        }
        Ok(())
    }

    fn request(&self, input: Bytes) -> TransactionRequest {
        TransactionRequest::default().from(self.sender.address()).to(self.l1.bridge()).input(input.into())
    }

    /// Runs the claim on L1 without sending it. It succeeds if it executes every one of its `count` messages.
    async fn simulate(&self, claim: &Claim, count: usize) -> Result<Simulated, RelayerError> {
        let request = self.request(claim.input.clone()).gas_limit(claim.gas_limit);
        match self.l1.provider().call(request).await {
            Ok(_) if count == 1 => Ok(Simulated::Succeeds),
            Ok(output) => {
                let executed = Bridge::executeMessagesCall::abi_decode_returns(&output)?;
                Ok(match executed.iter().all(|executed| *executed) {
                    true => Simulated::Succeeds,
                    false => Simulated::Fails("not every message of the claim".into()),
                })
            }
            Err(RpcError::ErrorResp(error)) => Ok(match error.as_decoded_interface_error::<BridgeErrors>() {
                // Somebody was faster: the chain will show it.
                Some(error) => Simulated::Fails(format!("{error:?}")),
                None => Simulated::Fails(error.to_string()),
            }),
            Err(error) => Err(error.into()),
        }
    }

    async fn send(&self, claim: &Claim, shutdown: &mut Shutdown) -> Result<TransactionReceipt, SendError> {
        let call = Call {
            to: self.l1.bridge(),
            value: U256::ZERO,
            input: claim.input.clone(),
            gas_limit: Some(claim.gas_limit),
            sidecar: None,
        };
        self.sender.send(call, shutdown).await
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
    fn account(
        &mut self,
        group: &[Message],
        receipt: Result<TransactionReceipt, SendError>,
    ) -> Result<(), RelayerError> {
        let (executed, gas_used, gas_price) = match receipt {
            Ok(receipt) => {
                let finalized = receipt.logs().iter().filter_map(|log| {
                    let event = Bridge::MessageFinalized::decode_log(&log.inner);
                    event.ok().map(|event| event.index)
                });
                let finalized: BTreeSet<u64> = finalized.collect();
                info!(
                    messages = finalized.len(),
                    gas = receipt.gas_used,
                    transaction = %receipt.transaction_hash,
                    "messages relayed",
                );
                (finalized, receipt.gas_used, receipt.effective_gas_price)
            }
            Err(SendError::Reverted { gas_used, gas_price, .. }) => (BTreeSet::new(), gas_used, gas_price),
            Err(error) => return Err(error.into()),
        };
        let now = Instant::now();
        self.allowance.spend(u128::from(gas_used).saturating_mul(gas_price), now);
        for message in group {
            if executed.contains(&message.index) {
                self.backlog.sent(message.index, self.config.retry_delay, now);
            } else {
                let share = gas_used / group.len() as u64;
                self.postpone(message.index, share, "the state of L1 changed after its simulation");
            }
        }
        Ok(())
    }

    fn postpone(&mut self, index: u64, gas_spent: u64, reason: &str) {
        self.backlog.postpone(index, gas_spent, &self.config, Instant::now(), reason);
    }
}

/// The messages, in groups that fit a transaction.
fn group(chain: &Chain, config: &RelayerConfig, indices: Vec<u64>) -> Result<Vec<Vec<Message>>, ChainError> {
    let mut groups: Vec<Vec<Message>> = Vec::new();
    let mut gas = 0;
    for index in indices {
        let Some(entry) = chain.outbox_message(index)? else {
            continue;
        };
        gas += message_gas(&entry.message);
        match groups.last_mut() {
            Some(group) if group.len() < config.max_batch && CLAIM_GAS + gas <= config.max_transaction_gas => {
                group.push(entry.message);
            }
            _ => {
                gas = message_gas(&entry.message);
                groups.push(vec![entry.message]);
            }
        }
    }
    Ok(groups)
}

/// The claim that executes these messages.
fn claim(chain: &Chain, proven: &Proven, messages: &[Message]) -> Result<Claim, ChainError> {
    let commitment = proven.commitment;
    let input = match messages {
        [message] => Bridge::executeMessageCall {
            message: message.clone().into(),
            commitment,
            proof: chain.outbox_proof(message.index, proven.batch_count)?,
        }
        .abi_encode(),
        messages => {
            let indices: Vec<u64> = messages.iter().map(|message| message.index).collect();
            Bridge::executeMessagesCall {
                messages: messages.iter().cloned().map(Into::into).collect(),
                commitment,
                depth: U256::from(outbox::depth(proven.outbox_count)),
                proof: chain.outbox_multiproof(&indices, proven.batch_count)?,
            }
            .abi_encode()
        }
    };
    let gas_limit = CLAIM_GAS + messages.iter().map(message_gas).sum::<u64>();
    Ok(Claim { input: input.into(), gas_limit })
}

/// Gas that a claim reserves for a message. 63/64 of what is left go to its call, so the call's share is grossed up.
fn message_gas(message: &Message) -> u64 {
    let call = message.gas_limit.max(LEAST_CALL_GAS);
    let data = message.data.len().next_multiple_of(32) as u64 * GAS_PER_BYTE;
    call + call / 63 + 1 + data + MESSAGE_GAS
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;
    use postern_bindings::Outbox;
    use postern_protocol::predeploys::OUTBOX;

    use super::*;
    use crate::{chain::L1Event, fixture::Fixture};

    const RETRY_DELAY: Duration = Duration::from_secs(60);

    fn seconds(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn what_fails_waits_longer_each_time_and_is_given_up_in_the_end() {
        let start = Instant::now();
        let config = RelayerConfig { retry_delay: RETRY_DELAY, max_attempts: 3, ..RelayerConfig::default() };
        let mut backlog = Backlog::default();
        backlog.wait(0, RETRY_DELAY, start);
        backlog.wait(1, RETRY_DELAY, start);
        assert_eq!(backlog.due(2, start), [0, 1]);
        assert_eq!(backlog.due(1, start), [0]);

        backlog.postpone(0, 0, &config, start, "it fails");
        assert_eq!(backlog.due(2, seconds(start, 59)), [1]);
        assert_eq!(backlog.due(2, seconds(start, 60)), [0, 1]);
        // Looking it up again does not make it new.
        backlog.wait(0, RETRY_DELAY, seconds(start, 60));
        backlog.postpone(0, 0, &config, seconds(start, 60), "it fails");
        assert_eq!(backlog.due(2, seconds(start, 179)), [1]);
        assert_eq!(backlog.due(2, seconds(start, 180)), [0, 1]);
        backlog.postpone(0, 0, &config, seconds(start, 180), "it fails");
        assert_eq!(backlog.due(2, seconds(start, 1_000_000)), [1]);
        assert!(!backlog.waiting.contains_key(&0), "nothing is kept of it");
    }

    #[test]
    fn what_burns_its_gas_is_given_up() {
        let start = Instant::now();
        let config = RelayerConfig { gas_budget: 1_000, ..RelayerConfig::default() };
        let mut backlog = Backlog::default();
        backlog.wait(7, RETRY_DELAY, start);
        backlog.postpone(7, 999, &config, start, "it reverted");
        assert!(backlog.waiting.contains_key(&7));
        backlog.postpone(7, 1, &config, start, "it reverted");
        assert!(!backlog.waiting.contains_key(&7));
    }

    #[test]
    fn a_flood_does_not_hold_up_who_waits_longer() {
        let start = Instant::now();
        let mut backlog = Backlog::default();
        let honest = 1_000_000;
        backlog.wait(honest, RETRY_DELAY, start);
        (0..1_000).for_each(|index| backlog.wait(index, RETRY_DELAY, seconds(start, 1)));
        let due = backlog.due(u64::MAX, seconds(start, 1));
        assert_eq!(due.len(), ROUND_MESSAGES);
        assert!(due.is_sorted());
        assert_eq!(due.last(), Some(&honest));
    }

    /// A chain with so many messages in its outbox. Each asks for as much gas as its index says.
    fn fixture(messages: u64) -> Fixture {
        let mut fixture = Fixture::new();
        for gas_limit in 0..messages {
            let send = Outbox::sendCall { target: Address::with_last_byte(1), gasLimit: gas_limit, data: Bytes::new() };
            fixture.submit(OUTBOX, U256::ONE, send.abi_encode().into());
        }
        fixture.build();
        fixture.post();
        assert_eq!(fixture.chain.outbox_count(1).unwrap(), Some(messages));
        fixture
    }

    /// The messages that are due, of so many.
    fn look(backlog: &mut Backlog, fixture: &Fixture, messages: u64) -> Vec<u64> {
        let now = Instant::now();
        backlog.update(&fixture.chain, messages, &RelayerConfig::default(), now).unwrap();
        backlog.set_executed_aside(backlog.due(messages, now), &fixture.chain).unwrap()
    }

    #[test]
    fn what_is_executed_waits_again_if_l1_takes_it_back() {
        let mut fixture = fixture(4);
        fixture.l1_block(vec![L1Event::MessageFinalized(1)]);
        let mut backlog = Backlog::default();
        assert_eq!(look(&mut backlog, &fixture, 3), [0, 2]);

        let before = fixture.chain.heads().l1.number;
        fixture.l1_block(vec![L1Event::MessageFinalized(0), L1Event::MessageFinalized(3)]);
        assert_eq!(look(&mut backlog, &fixture, 4), [2]);
        // A relayer that has just started sees the same.
        assert_eq!(look(&mut Backlog::default(), &fixture, 4), [2]);

        fixture.chain.rollback_l1(before).unwrap();
        assert_eq!(look(&mut backlog, &fixture, 4), [0, 2, 3]);
        fixture.chain.rollback_l1(before - 1).unwrap();
        assert_eq!(look(&mut backlog, &fixture, 4), [0, 1, 2, 3]);
    }

    #[test]
    fn what_asks_for_too_much_gas_is_left_to_its_sender() {
        let (fixture, now) = (fixture(3), Instant::now());
        let config = RelayerConfig { max_message_gas: 1, ..RelayerConfig::default() };
        let mut backlog = Backlog::default();
        backlog.update(&fixture.chain, 3, &config, now).unwrap();
        assert_eq!(backlog.due(3, now), [0, 1]);
    }

    #[test]
    fn what_we_executed_is_due_again_until_l1_is_followed_so_far() {
        let start = Instant::now();
        let mut backlog = Backlog::default();
        backlog.wait(5, RETRY_DELAY, start);
        backlog.sent(5, RETRY_DELAY, start);
        assert!(backlog.due(u64::MAX, seconds(start, 59)).is_empty());
        assert_eq!(backlog.due(u64::MAX, seconds(start, 60)), [5]);
    }

    #[test]
    fn what_l1_cannot_take_back_is_forgotten() {
        let mut backlog = Backlog::default();
        backlog.executed(3, 100);
        backlog.settle(100 + L1_HEADERS_KEPT);
        assert!(!backlog.executed.is_empty());
        backlog.settle(101 + L1_HEADERS_KEPT);
        assert!(backlog.executed.is_empty());
    }
}
