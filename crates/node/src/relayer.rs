//! Executes messages for others, once their commitment is final.
//!
//! Whoever sends a message to L2's outbox spends the relayer's ETH, so everything is bounded: a message by its gas, by what it
//! burns in vain and by how often it is tried; all of them together by a limit per day. Every claim is simulated first with the
//! very gas limit that it will be sent with; one that fails is left out and tried again after a growing pause. A target that
//! burns all gas burns what the message promised it and a fixed allowance, no more. What the relayer leaves stays claimable by
//! anyone.
//!
//! It keeps nothing of its own beyond its life: when it starts it asks L1 once for every message whether it is executed. After
//! that it looks again only at what L1 could still take back.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use alloy::{
    eips::BlockId,
    primitives::{B256, Bytes, U256},
    providers::Provider,
    rpc::client::BatchRequest,
    rpc::types::{TransactionReceipt, TransactionRequest},
    signers::local::PrivateKeySigner,
    sol_types::{SolCall, SolEvent},
    transports::{RpcError, TransportErrorKind},
};
use postern_bindings::bridge::Bridge::{self, BridgeErrors};
use postern_protocol::{message::Message, outbox};
use tracing::{debug, info, warn};

use crate::{
    blocking,
    chain::{Chain, ChainError, L1Ref},
    l1::{
        L1,
        sender::{Call, SendError, Sender},
    },
    role::{self, Backoff, Role},
    shutdown::Shutdown,
};

/// Messages whose execution is looked up in one request.
const LOOKUP_BATCH: usize = 100;
/// Messages that one round tries, at most: what else is due waits for the next, so that no flood holds a round up.
const ROUND_MESSAGES: usize = 256;
/// L1 blocks after which an execution is looked up for the last time: L1 does not reorganise so deep. Nodes keep the state of
/// twice as many.
const SETTLED_DEPTH: u64 = 64;
/// Over what time the spending limit is counted.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
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

/// What may be spent: a debt that is forgiven evenly, so much a day.
#[derive(Debug)]
struct Allowance {
    per_day: u128,
    /// In wei.
    spent: u128,
    /// When `spent` was that.
    at: Instant,
}

impl Allowance {
    const fn new(per_day: u128, now: Instant) -> Self {
        Self { per_day, spent: 0, at: now }
    }

    /// Whether there is something left to spend.
    fn remains(&mut self, now: Instant) -> bool {
        self.recover(now);
        self.spent < self.per_day
    }

    /// Counts what was spent, in wei.
    fn spend(&mut self, cost: u128, now: Instant) {
        self.recover(now);
        self.spent = self.spent.saturating_add(cost);
    }

    fn recover(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.at).as_millis();
        let recovered = self.per_day.saturating_mul(elapsed) / DAY.as_millis();
        // Time that brings less than a wei counts with what comes after it.
        if recovered > 0 {
            self.spent = self.spent.saturating_sub(recovered);
            self.at = now;
        }
    }
}

/// What was tried for a message.
#[derive(Debug)]
struct Attempts {
    backoff: Backoff,
    not_before: Instant,
    gas_spent: u64,
}

/// An L1 block by number and hash.
type Anchor = (u64, B256);

/// Messages that wait, and those executed in blocks that L1 could still take back.
#[derive(Debug, Default)]
struct Backlog {
    /// Messages before this index were looked up.
    looked_up: u64,
    waiting: BTreeMap<u64, Attempts>,
    /// Executed as of an L1 block, by that block.
    executed: BTreeMap<Anchor, BTreeSet<u64>>,
}

impl Backlog {
    /// A message waits, from now on if it did not before.
    fn wait(&mut self, index: u64, retry_delay: Duration, now: Instant) {
        let first = || Attempts { backoff: Backoff::new(retry_delay), not_before: now, gas_spent: 0 };
        self.waiting.entry(index).or_insert_with(first);
    }

    /// A message is executed as of an L1 block.
    fn executed(&mut self, index: u64, anchor: Anchor) {
        self.waiting.remove(&index);
        self.executed.entry(anchor).or_default().insert(index);
    }

    /// A message is none of our business any more.
    fn forget(&mut self, index: u64) {
        self.waiting.remove(&index);
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

    /// Takes out the executed messages that must be looked up again, when L1 was followed up to block `l1`: those whose block is
    /// not on the followed L1, and those whose block is so deep by now that what L1 says of them is settled. `followed` gives the
    /// hash of a followed block, if it is known.
    fn doubtful(
        &mut self,
        l1: u64,
        mut followed: impl FnMut(u64) -> Result<Option<B256>, ChainError>,
    ) -> Result<Vec<u64>, ChainError> {
        let mut doubtful = Vec::new();
        for &(number, hash) in self.executed.keys() {
            // Blocks that were not followed yet will be.
            let is_deep = number + SETTLED_DEPTH <= l1;
            if number <= l1 && (is_deep || followed(number)? != Some(hash)) {
                doubtful.push((number, hash));
            }
        }
        let indices = doubtful.iter().filter_map(|anchor| self.executed.remove(anchor)).flatten();
        Ok(indices.collect())
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
    AlreadyExecuted,
    Fails(String),
}

impl Role for Relayer {
    type Error = RelayerError;

    const NAME: &str = "relayer";

    async fn round(&mut self, shutdown: &mut Shutdown) -> Result<(), RelayerError> {
        let heads = self.chain.heads();
        if !heads.synced() {
            return Ok(());
        }
        let Some(proven) = self.proven()? else {
            return Ok(());
        };
        self.look_again(&heads.l1).await?;
        while self.backlog.looked_up < proven.outbox_count && !shutdown.requested() {
            let (first, batch) = (self.backlog.looked_up, LOOKUP_BATCH as u64);
            let indices: Vec<u64> = (first..proven.outbox_count.min(first + batch)).collect();
            self.look_up(&indices, &heads.l1).await?;
            self.backlog.looked_up += indices.len() as u64;
        }
        self.relay(&proven, &heads.l1, shutdown).await
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

    /// Looks again at messages that were executed, but not for good.
    async fn look_again(&mut self, l1: &L1Ref) -> Result<(), RelayerError> {
        let (chain, number, mut backlog) = (self.chain.clone(), l1.number, std::mem::take(&mut self.backlog));
        let followed = move |number| {
            let header = chain.l1_header_at(number)?.filter(|header| header.number == number);
            Ok(header.map(|header| header.hash()))
        };
        let doubtful;
        (self.backlog, doubtful) = blocking(move || {
            let doubtful = backlog.doubtful(number, followed);
            (backlog, doubtful)
        })
        .await;
        let doubtful = doubtful?;
        for (done, indices) in (0..).step_by(LOOKUP_BATCH).zip(doubtful.chunks(LOOKUP_BATCH)) {
            if let Err(error) = self.look_up(indices, l1).await {
                // Not forgotten: the next round finds them just as doubtful.
                doubtful[done..].iter().for_each(|index| self.backlog.executed(*index, (l1.number, B256::ZERO)));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Finds out which of these messages wait for execution on the followed L1.
    async fn look_up(&mut self, indices: &[u64], l1: &L1Ref) -> Result<(), RelayerError> {
        let executed = self.which_executed(indices, BlockId::hash(l1.hash)).await?;
        // There is no answer from before the bridge was there.
        let depth = l1.number.checked_sub(SETTLED_DEPTH);
        let settled = match depth.filter(|number| *number >= self.l1.deployment().bridge.block_number) {
            Some(number) => {
                let executed: Vec<u64> = executed.iter().copied().collect();
                self.which_executed(&executed, BlockId::number(number)).await?
            }
            None => BTreeSet::new(),
        };
        let open: Vec<u64> = indices.iter().copied().filter(|index| !executed.contains(index)).collect();
        let (chain, max_message_gas) = (self.chain.clone(), self.config.max_message_gas);
        let affordable = blocking(move || {
            let mut affordable = Vec::new();
            for index in open {
                let entry = chain.outbox_message(index)?;
                if entry.is_some_and(|entry| entry.message.gas_limit <= max_message_gas) {
                    affordable.push(index);
                }
            }
            Ok::<_, ChainError>(affordable)
        })
        .await?;
        for index in executed {
            match settled.contains(&index) {
                true => self.backlog.forget(index),
                false => self.backlog.executed(index, (l1.number, l1.hash)),
            }
        }
        affordable.into_iter().for_each(|index| self.backlog.wait(index, self.config.retry_delay, Instant::now()));
        Ok(())
    }

    /// Those of the messages that are executed as of an L1 block.
    async fn which_executed(&self, indices: &[u64], block: BlockId) -> Result<BTreeSet<u64>, RelayerError> {
        if indices.is_empty() {
            return Ok(BTreeSet::new());
        }
        let mut batch = BatchRequest::new(self.l1.provider().client());
        let mut answers = Vec::new();
        for &index in indices {
            let call = self.request(Bridge::isFinalizedCall { index }.abi_encode().into());
            answers.push((index, batch.add_call::<_, Bytes>("eth_call", &(call, block))?));
        }
        batch.send().await?;
        let mut executed = BTreeSet::new();
        for (index, answer) in answers {
            if Bridge::isFinalizedCall::abi_decode_returns(&answer.await?)? {
                executed.insert(index);
            }
        }
        Ok(executed)
    }

    /// Executes the messages that are due, as many at once as go together.
    async fn relay(&mut self, proven: &Proven, l1: &L1Ref, shutdown: &mut Shutdown) -> Result<(), RelayerError> {
        let due = self.backlog.due(proven.outbox_count, Instant::now());
        let (chain, config) = (self.chain.clone(), self.config);
        let mut groups = blocking(move || group(&chain, &config, due)).await?;
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
                    self.account(&group, l1, receipt)?;
                }
                // One of them spoils the claim: halve it until it stands alone.
                _ if group.len() > 1 => {
                    let second = group.split_off(group.len() / 2);
                    groups.push(second);
                    groups.push(group);
                }
                Simulated::AlreadyExecuted => self.backlog.executed(group[0].index, (l1.number, l1.hash)),
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
                Some(BridgeErrors::MessageAlreadyFinalized(_)) => Simulated::AlreadyExecuted,
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

    /// Books what came of a claim, sent when L1 was followed up to `l1`.
    fn account(
        &mut self,
        group: &[Message],
        l1: &L1Ref,
        receipt: Result<TransactionReceipt, SendError>,
    ) -> Result<(), RelayerError> {
        let (executed, anchor, gas_used, gas_price) = match receipt {
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
                let anchor = receipt.block_number.zip(receipt.block_hash);
                (finalized, anchor, receipt.gas_used, receipt.effective_gas_price)
            }
            Err(SendError::Reverted { gas_used, gas_price, .. }) => (BTreeSet::new(), None, gas_used, gas_price),
            Err(error) => return Err(error.into()),
        };
        self.allowance.spend(u128::from(gas_used).saturating_mul(gas_price), Instant::now());
        for message in group {
            if executed.contains(&message.index) {
                self.backlog.executed(message.index, anchor.unwrap_or((l1.number, l1.hash)));
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
    use super::*;

    const RETRY_DELAY: Duration = Duration::from_secs(60);

    fn hash(number: u64) -> B256 {
        B256::left_padding_from(&number.to_be_bytes())
    }

    fn seconds(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn an_allowance_is_a_day_s_worth_and_comes_back_evenly() {
        let start = Instant::now();
        let mut allowance = Allowance::new(86_400, start);
        assert!(allowance.remains(start));
        allowance.spend(86_399, start);
        assert!(allowance.remains(start));
        // The last one may exceed it, and delays what comes after.
        allowance.spend(1_001, start);
        assert!(!allowance.remains(start));
        assert!(!allowance.remains(seconds(start, 1_000)));
        assert!(allowance.remains(seconds(start, 1_001)));

        // What is not spent does not pile up.
        let later = seconds(start, 10 * 86_400);
        assert!(allowance.remains(later));
        allowance.spend(86_400, later);
        assert!(!allowance.remains(later));
    }

    #[test]
    fn an_allowance_comes_back_however_often_it_is_asked_for() {
        let start = Instant::now();
        // A wei in a thousand seconds.
        let mut allowance = Allowance::new(86, start);
        allowance.spend(86, start);
        let asked = (1..=1_100).map(|second| allowance.remains(seconds(start, second))).collect::<Vec<_>>();
        assert!(!asked[1_000] && asked[1_099]);

        let mut nothing = Allowance::new(0, start);
        assert!(!nothing.remains(seconds(start, 1_000_000)));
        let mut unbounded = Allowance::new(u128::MAX, start);
        unbounded.spend(u128::MAX, start);
        unbounded.spend(u128::MAX, start);
        assert!(unbounded.remains(seconds(start, 1)));
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

    /// What of the executed messages is doubtful when L1 was followed to `l1`, its blocks having these hashes.
    fn doubtful(backlog: &mut Backlog, l1: u64, of: fn(u64) -> Option<B256>) -> Vec<u64> {
        backlog.doubtful(l1, |number| Ok(of(number))).unwrap()
    }

    #[test]
    fn a_reorganisation_calls_in_question_what_was_in_its_blocks_alone() {
        let mut backlog = Backlog::default();
        for number in 100..110 {
            backlog.executed(number, (number, hash(number)));
        }
        assert!(doubtful(&mut backlog, 109, |number| Some(hash(number))).is_empty());
        // Block 108 and what follows is another now; 110 was not followed yet.
        backlog.executed(110, (110, hash(110)));
        let fork = |number| Some(if number < 108 { hash(number) } else { hash(1_000 + number) });
        assert_eq!(doubtful(&mut backlog, 109, fork), [108, 109]);
        assert!(doubtful(&mut backlog, 109, fork).is_empty(), "each is looked up once");
        assert_eq!(doubtful(&mut backlog, 110, fork), [110]);
        // Blocks that were passed over in a range say nothing.
        assert_eq!(doubtful(&mut backlog, 110, |_| None), (100..108).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_deep_is_looked_up_a_last_time() {
        let mut backlog = Backlog::default();
        backlog.wait(3, RETRY_DELAY, Instant::now());
        backlog.executed(3, (100, hash(100)));
        assert!(backlog.waiting.is_empty());
        assert!(doubtful(&mut backlog, 99 + SETTLED_DEPTH, |number| Some(hash(number))).is_empty());
        assert_eq!(doubtful(&mut backlog, 100 + SETTLED_DEPTH, |number| Some(hash(number))), [3]);
        assert!(backlog.executed.is_empty());
    }
}
