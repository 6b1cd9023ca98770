//! Executes messages for others, once their commitment is final.
//!
//! What a message costs is bounded before anything is sent: every claim is simulated first with the very gas limit that it
//! will be sent with, one that fails is left out and tried again after a growing pause, and a message that took too
//! much gas without success, because the state changed between simulation and inclusion, is given up. A target that burns all
//! gas burns what the message promised it and a fixed allowance, no more. What the relayer leaves stays claimable by anyone.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use alloy::{
    primitives::{B256, Bytes, U256},
    providers::Provider,
    rpc::client::BatchRequest,
    rpc::types::{BlockNumberOrTag, TransactionReceipt, TransactionRequest},
    signers::local::PrivateKeySigner,
    sol_types::{SolCall, SolEvent},
    transports::{RpcError, TransportErrorKind},
};
use postern_bindings::bridge::Bridge::{self, BridgeErrors};
use postern_protocol::{message::Message, outbox};
use tracing::{debug, info};

use crate::{
    agreement::vouched,
    chain::{Chain, ChainError},
    l1::{
        L1,
        sender::{Call, SendError, Sender},
    },
    role::{self, Backoff, Role},
    shutdown::Shutdown,
    store::CommitmentStatus,
};

/// Messages whose execution is looked up in one request.
const LOOKUP_BATCH: u64 = 100;
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
    /// How often to look, besides when the chain moves.
    pub poll_interval: Duration,
    /// Replace a transaction that was not mined for so long.
    pub resubmit_after: Duration,
}

impl Default for RelayerConfig {
    fn default() -> Self {
        Self {
            max_batch: 32,
            max_transaction_gas: 16_777_216,
            max_message_gas: 1_000_000,
            gas_budget: 2_000_000,
            retry_delay: Duration::from_secs(60),
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
        anchor: None,
        looked_up: 0,
        waiting: BTreeMap::new(),
    };
    role::run(relayer, heads, config.poll_interval, shutdown).await;
}

struct Relayer {
    chain: Chain,
    l1: L1,
    sender: Sender,
    config: RelayerConfig,
    /// The newest L1 block by which we judged. If it is no longer canonical, executions may have been undone.
    anchor: Option<(u64, B256)>,
    /// Messages before this index are executed, waiting or left to their senders.
    looked_up: u64,
    waiting: BTreeMap<u64, Attempts>,
}

/// What was tried for a message.
struct Attempts {
    backoff: Backoff,
    not_before: Instant,
    gas_spent: u64,
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
        let Some(proven) = self.proven()? else {
            return Ok(());
        };
        self.follow_reorganisations().await?;
        self.look_up(proven.outbox_count).await?;
        self.relay(&proven, shutdown).await
    }
}

impl Relayer {
    /// The final commitment that proves most messages.
    fn proven(&self) -> Result<Option<Proven>, RelayerError> {
        let is_final = |status| status == CommitmentStatus::Final;
        let Some(last) = vouched(&self.chain)?.into_iter().rfind(|entry| is_final(entry.status)) else {
            return Ok(None);
        };
        let batch_count = last.commitment.batch_count;
        let outbox_count = self.chain.outbox_count(batch_count)?.unwrap_or_default();
        Ok(Some(Proven { commitment: last.id, batch_count, outbox_count }))
    }

    /// Looks everything up again if L1 reorganised.
    async fn follow_reorganisations(&mut self) -> Result<(), RelayerError> {
        if let Some((number, hash)) = self.anchor {
            let block = self.l1.provider().get_block_by_number(BlockNumberOrTag::Number(number)).await?;
            if block.is_none_or(|block| block.header.hash != hash) {
                self.looked_up = 0;
                self.anchor = None;
            }
        }
        let l1 = self.chain.heads().l1;
        self.anchor = self.anchor.max(Some((l1.number, l1.hash)));
        Ok(())
    }

    /// Finds out which of the messages that were not looked at yet wait for execution.
    async fn look_up(&mut self, outbox_count: u64) -> Result<(), RelayerError> {
        while self.looked_up < outbox_count {
            let end = outbox_count.min(self.looked_up + LOOKUP_BATCH);
            let mut batch = BatchRequest::new(self.l1.provider().client());
            let mut answers = Vec::new();
            for index in self.looked_up..end {
                let call = self.request(Bridge::isFinalizedCall { index }.abi_encode().into());
                let answer = batch.add_call::<_, Bytes>("eth_call", &(call, BlockNumberOrTag::Latest))?;
                answers.push((index, answer));
            }
            batch.send().await?;
            for (index, answer) in answers {
                let executed = Bridge::isFinalizedCall::abi_decode_returns(&answer.await?)?;
                if executed {
                    self.waiting.remove(&index);
                } else if self.is_affordable(index)? {
                    self.waiting.entry(index).or_insert_with(|| Attempts {
                        backoff: Backoff::new(self.config.retry_delay),
                        not_before: Instant::now(),
                        gas_spent: 0,
                    });
                }
            }
            self.looked_up = end;
        }
        Ok(())
    }

    fn is_affordable(&self, index: u64) -> Result<bool, ChainError> {
        let message = self.chain.outbox_message(index)?;
        Ok(message.is_some_and(|entry| entry.message.gas_limit <= self.config.max_message_gas))
    }

    /// Executes the messages that are due, as many at once as go together.
    async fn relay(&mut self, proven: &Proven, shutdown: &mut Shutdown) -> Result<(), RelayerError> {
        let mut groups = self.due_groups(proven)?;
        // Later indices are pushed last and would go first.
        groups.reverse();
        while let Some(mut group) = groups.pop() {
            if shutdown.requested() {
                return Ok(());
            }
            let claim = self.claim(proven, &group)?;
            match self.simulate(&claim, group.len()).await? {
                Simulated::Succeeds => {
                    let receipt = self.send(&claim, shutdown).await;
                    self.account(&group, receipt)?;
                }
                // One of them spoils the claim: halve it until it stands alone.
                _ if group.len() > 1 => {
                    let second = group.split_off(group.len() / 2);
                    groups.push(second);
                    groups.push(group);
                }
                Simulated::AlreadyExecuted => self.forget(group[0].index),
                Simulated::Fails(reason) => self.postpone(group[0].index, 0, &reason),
            }
        }
        Ok(())
    }

    /// Messages that are due, in groups that fit a transaction.
    fn due_groups(&self, proven: &Proven) -> Result<Vec<Vec<Message>>, ChainError> {
        let now = Instant::now();
        let mut groups: Vec<Vec<Message>> = Vec::new();
        let mut gas = 0;
        for (&index, attempts) in self.waiting.range(..proven.outbox_count) {
            if attempts.not_before > now || attempts.gas_spent >= self.config.gas_budget {
                continue;
            }
            let Some(entry) = self.chain.outbox_message(index)? else {
                continue;
            };
            gas += message_gas(&entry.message);
            match groups.last_mut() {
                Some(group)
                    if group.len() < self.config.max_batch && CLAIM_GAS + gas <= self.config.max_transaction_gas =>
                {
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

    fn claim(&self, proven: &Proven, messages: &[Message]) -> Result<Claim, ChainError> {
        let commitment = proven.commitment;
        let input = match messages {
            [message] => Bridge::executeMessageCall {
                message: message.clone().into(),
                commitment,
                proof: self.chain.outbox_proof(message.index, proven.batch_count)?,
            }
            .abi_encode(),
            messages => {
                let indices: Vec<u64> = messages.iter().map(|message| message.index).collect();
                Bridge::executeMessagesCall {
                    messages: messages.iter().cloned().map(Into::into).collect(),
                    commitment,
                    depth: U256::from(outbox::depth(proven.outbox_count)),
                    proof: self.chain.outbox_multiproof(&indices, proven.batch_count)?,
                }
                .abi_encode()
            }
        };
        let gas_limit = CLAIM_GAS + messages.iter().map(message_gas).sum::<u64>();
        Ok(Claim { input: input.into(), gas_limit })
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
        };
        self.sender.send(call, shutdown).await
    }

    /// Books what came of a claim.
    fn account(
        &mut self,
        group: &[Message],
        receipt: Result<TransactionReceipt, SendError>,
    ) -> Result<(), RelayerError> {
        let (executed, gas_used) = match &receipt {
            Ok(receipt) => {
                self.anchor = self.anchor.max(receipt.block_number.zip(receipt.block_hash));
                let finalized: BTreeSet<u64> = receipt
                    .logs()
                    .iter()
                    .filter_map(|log| {
                        let event = Bridge::MessageFinalized::decode_log(&log.inner);
                        event.ok().map(|event| event.index)
                    })
                    .collect();
                info!(
                    messages = finalized.len(),
                    gas = receipt.gas_used,
                    transaction = %receipt.transaction_hash,
                    "messages relayed",
                );
                (finalized, receipt.gas_used)
            }
            Err(SendError::Reverted { gas_used, .. }) => (BTreeSet::new(), *gas_used),
            Err(_) => {
                receipt?;
                return Ok(());
            }
        };
        for message in group {
            if executed.contains(&message.index) {
                self.forget(message.index);
            } else {
                let share = gas_used / group.len() as u64;
                self.postpone(message.index, share, "the state of L1 changed after its simulation");
            }
        }
        Ok(())
    }

    fn forget(&mut self, index: u64) {
        self.waiting.remove(&index);
    }

    fn postpone(&mut self, index: u64, gas_spent: u64, reason: &str) {
        if let Some(attempts) = self.waiting.get_mut(&index) {
            let pause = attempts.backoff.next();
            attempts.not_before = Instant::now() + pause;
            attempts.gas_spent += gas_spent;
            debug!(index, reason, ?pause, gas_spent = attempts.gas_spent, "message postponed");
        }
    }
}

/// Gas that a claim reserves for a message. 63/64 of what is left go to its call, so the call's share is grossed up.
fn message_gas(message: &Message) -> u64 {
    let call = message.gas_limit.max(LEAST_CALL_GAS);
    let data = message.data.len().next_multiple_of(32) as u64 * GAS_PER_BYTE;
    call + call / 63 + 1 + data + MESSAGE_GAS
}
