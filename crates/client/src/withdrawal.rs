use std::{
    cmp::{Ordering, Reverse},
    fmt,
    time::Duration,
};

use alloy::{
    consensus::TxReceipt,
    primitives::{Address, B256, Bytes, U64, U256},
    providers::Provider,
    rpc::types::{Log, TransactionReceipt},
};
use postern_bindings::{Bridge, Outbox};
use postern_protocol::{commitment::Commitment, message::Message, outbox, output::Output, predeploys};

use crate::{
    Client, Sent,
    commitment::{Named, Standing},
    error::{Error, Refusal, refused},
    rpc,
};

/// Time between two L1 blocks, if no slot is missed.
pub const L1_BLOCK_TIME: Duration = Duration::from_secs(12);

/// Where a message to L1 stands. The words are those of viem and arbitrum-sdk, and one more; the order is the order of a message's
/// life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// No standing commitment covers it yet.
    WaitingToProve,
    /// It can be proven, or executed at once if the commitment is final already.
    ReadyToProve,
    /// Proven; the challenge window is open.
    WaitingToFinalize,
    /// Proven, and the window is over, but the commitment is disputed. If it is true, the disputes fail and the message goes on;
    /// if not, it has to be proven under another.
    Challenged {
        /// Disputes about the commitment and about what it builds on. With fewer of them a message is further.
        challenges: u32,
    },
    /// Proven, the window is over, and no dispute is open.
    ReadyToFinalize,
    /// Executed, for ever.
    Finalized,
}

impl Status {
    /// `MessageStatus` of the contract.
    const fn from_contract(status: u8) -> Self {
        match status {
            0 => Self::WaitingToProve,
            1 => Self::ReadyToProve,
            2 => Self::WaitingToFinalize,
            3 => Self::ReadyToFinalize,
            _ => Self::Finalized,
        }
    }

    /// Its place in the order.
    const fn place(self) -> (u8, Reverse<u32>) {
        match self {
            Self::WaitingToProve => (0, Reverse(0)),
            Self::ReadyToProve => (1, Reverse(0)),
            Self::WaitingToFinalize => (2, Reverse(0)),
            Self::Challenged { challenges } => (3, Reverse(challenges)),
            Self::ReadyToFinalize => (4, Reverse(0)),
            Self::Finalized => (5, Reverse(0)),
        }
    }
}

impl Ord for Status {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialOrd for Status {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::WaitingToProve => "waiting-to-prove",
            Self::ReadyToProve => "ready-to-prove",
            Self::WaitingToFinalize => "waiting-to-finalize",
            Self::Challenged { .. } => "challenged",
            Self::ReadyToFinalize => "ready-to-finalize",
            Self::Finalized => "finalized",
        })
    }
}

/// A message that was sent to L1, as its L2 transaction shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// The message.
    pub message: Message,
    /// L2 block that contains it.
    pub block_number: u64,
}

/// A message with a proof that was checked against a standing commitment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provable {
    message: Message,
    claim: Claim,
    proof: Vec<B256>,
}

/// A message that was proven on L1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    message: Message,
    claim: Claim,
}

/// A message with a proof under a commitment that is final, or can be made so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executable(Provable);

/// Several messages with one proof under a commitment that is final, or can be made so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutableBatch {
    messages: Vec<Message>,
    claim: Claim,
    depth: u64,
    proof: Vec<B256>,
}

/// A standing commitment and the output that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Claim {
    id: B256,
    commitment: Commitment,
    output: Output,
}

/// What became of one message of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was executed.
    Executed,
    /// Its call failed with this reason, cut short; it can be claimed again.
    Failed(Bytes),
    /// It had been executed before.
    Skipped,
}

/// From when on L1 allows a commitment to become final: both must be reached, by it and by those it builds on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadyAt {
    /// L1 time, in seconds.
    pub time: u64,
    /// L1 block number.
    pub block_number: u64,
}

impl ReadyAt {
    /// How long that is from the L1 block with this time and number, if no slot is missed from there on.
    pub fn remaining(&self, time: u64, block_number: u64) -> Duration {
        let blocks = u32::try_from(self.block_number.saturating_sub(block_number)).unwrap_or(u32::MAX);
        Duration::from_secs(self.time.saturating_sub(time)).max(L1_BLOCK_TIME.saturating_mul(blocks))
    }
}

impl Provable {
    /// The message.
    pub const fn message(&self) -> &Message {
        &self.message
    }

    /// The commitment under which it can be proven.
    pub const fn commitment(&self) -> &Commitment {
        &self.claim.commitment
    }

    /// The output that the commitment names.
    pub const fn output(&self) -> &Output {
        &self.claim.output
    }

    /// The siblings, from the leaf up.
    pub fn proof(&self) -> &[B256] {
        &self.proof
    }
}

impl Proven {
    /// The message.
    pub const fn message(&self) -> &Message {
        &self.message
    }

    /// The commitment under which it was proven.
    pub const fn commitment(&self) -> &Commitment {
        &self.claim.commitment
    }
}

impl Executable {
    /// The message with its proof.
    pub const fn provable(&self) -> &Provable {
        &self.0
    }
}

impl ExecutableBatch {
    /// The messages, in order of their index.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The commitment under which they can be executed.
    pub const fn commitment(&self) -> &Commitment {
        &self.claim.commitment
    }

    /// Depth of its outbox tree.
    pub const fn depth(&self) -> u64 {
        self.depth
    }

    /// The siblings that the messages do not give.
    pub fn proof(&self) -> &[B256] {
        &self.proof
    }
}

/// All messages to L1 that an L2 transaction sent, in order. Also that of a message to L2, as
/// [`wait_for_deposit`](Client::wait_for_deposit) returns it.
pub fn withdrawals<R: TxReceipt<Log = Log>>(receipt: &TransactionReceipt<R>) -> Vec<Withdrawal> {
    let Some(block_number) = receipt.block_number else {
        return Vec::new();
    };
    let logs = receipt.logs().iter().filter(|log| log.address() == predeploys::OUTBOX);
    let events = logs.filter_map(|log| log.log_decode_validate::<Outbox::MessageSent>().ok());
    events.map(|event| Withdrawal { message: event.inner.data.into(), block_number }).collect()
}

impl<L1: Provider, L2: Provider> Client<L1, L2> {
    /// Sends a message to L1, and `value` wei with it.
    ///
    /// `gas_limit` is the least L1 gas that the call to `target` will be given: 0 for an account without code.
    ///
    /// # Errors
    /// If the outbox refuses, or the L2 cannot be reached.
    pub async fn initiate_withdrawal(
        &self,
        target: Address,
        value: U256,
        gas_limit: u64,
        data: Bytes,
    ) -> Result<Sent<Withdrawal>, Error> {
        let outbox = Outbox::new(predeploys::OUTBOX, &self.l2);
        let send = outbox.send(target, gas_limit, data).value(value);
        let receipt = self.send(send, Refusal::Outbox).await?;
        match withdrawals(&receipt).pop() {
            Some(state) => Ok(Sent { state, receipt }),
            None => Err(Error::NoEvent { transaction: receipt.transaction_hash, contract: predeploys::OUTBOX }),
        }
    }

    /// Where a message stands.
    ///
    /// # Errors
    /// If a node cannot be reached.
    pub async fn status(&self, withdrawal: &Withdrawal) -> Result<Status, Error> {
        Ok(self.progress(withdrawal).await?.0)
    }

    /// From when on L1 allows a message to be executed, under the commitment that brings it furthest; `None` while no
    /// commitment covers it.
    ///
    /// # Errors
    /// If a node cannot be reached.
    pub async fn ready_at(&self, withdrawal: &Withdrawal) -> Result<Option<ReadyAt>, Error> {
        Ok(self.progress(withdrawal).await?.1)
    }

    /// Waits for the first standing commitment that covers the message and agrees with the L2 node.
    ///
    /// # Errors
    /// [`Error::Timeout`] if there is none, [`Error::OutputMismatch`] if there are only others, within `timeout`. At once
    /// if the node's proof does not hold.
    pub async fn wait_to_prove(&self, withdrawal: &Withdrawal, timeout: Duration) -> Result<Provable, Error> {
        self.wait("commitment that covers the message", timeout, || self.provable(withdrawal)).await
    }

    /// Proves a message on L1. Anyone may.
    ///
    /// # Errors
    /// If the bridge refuses, or L1 cannot be reached.
    pub async fn prove(&self, provable: &Provable) -> Result<Sent<Proven>, Error> {
        let Provable { message, claim, proof } = provable;
        let bridge = self.bridge();
        let prove =
            bridge.proveMessage(message.clone().into(), claim.commitment.into(), claim.output.into(), proof.clone());
        let receipt = self.send(prove, Refusal::Bridge).await?;
        Ok(Sent { state: Proven { message: message.clone(), claim: *claim }, receipt })
    }

    /// The message as proven, if somebody proved it already under that commitment.
    ///
    /// # Errors
    /// If L1 cannot be reached.
    pub async fn proven(&self, provable: &Provable) -> Result<Option<Proven>, Error> {
        let Provable { message, claim, .. } = provable;
        let proven = self.bridge().isProven(message.leaf(), claim.id).call().await;
        Ok(proven.map_err(refused(Refusal::Bridge))?.then(|| Proven { message: message.clone(), claim: *claim }))
    }

    /// Waits until the challenge window of a proven message is over, and every dispute about its commitment.
    ///
    /// # Errors
    /// [`Error::Timeout`] if the window is longer than `timeout`, [`Error::CommitmentChallenged`] if a dispute is,
    /// [`Error::CommitmentRejected`] if the message has to be proven under another commitment.
    pub async fn wait_to_finalize(&self, proven: &Proven, timeout: Duration) -> Result<(), Error> {
        self.wait_until_finalizable(proven.claim.id, &proven.claim.commitment, timeout).await
    }

    /// Executes a proven message; before that, makes its commitment final if nobody did.
    ///
    /// # Errors
    /// If the window or a dispute is still open, the message's call fails, or a node cannot be reached.
    pub async fn finalize(&self, proven: &Proven) -> Result<TransactionReceipt, Error> {
        let Proven { message, claim } = proven;
        self.finalize_commitment(&claim.commitment).await?;
        let bridge = self.bridge();
        let finalize = bridge.finalizeMessage(message.clone().into(), claim.id);
        self.send(finalize, Refusal::Bridge).await
    }

    /// Waits for a commitment that covers the message, whose window is over and which is not disputed: then no separate proof is
    /// needed.
    ///
    /// # Errors
    /// As [`wait_to_prove`](Self::wait_to_prove), and [`Error::CommitmentChallenged`] if a dispute takes longer than `timeout`.
    pub async fn wait_to_execute(&self, withdrawal: &Withdrawal, timeout: Duration) -> Result<Executable, Error> {
        let look = || async {
            let Some(provable) = self.provable(withdrawal).await? else {
                return Ok(None);
            };
            Ok(self
                .is_finalizable(provable.claim.id, &provable.claim.commitment)
                .await?
                .then_some(Executable(provable)))
        };
        self.wait("final commitment that covers the message", timeout, look).await
    }

    /// Proves and executes a message at once; before that, makes its commitment final if nobody did.
    ///
    /// # Errors
    /// If the message's call fails, or a node cannot be reached.
    pub async fn execute(&self, executable: &Executable) -> Result<TransactionReceipt, Error> {
        let Provable { message, claim, proof } = &executable.0;
        self.finalize_commitment(&claim.commitment).await?;
        let bridge = self.bridge();
        let execute = bridge.executeMessage(message.clone().into(), claim.id, proof.clone());
        self.send(execute, Refusal::Bridge).await
    }

    /// Waits for a commitment that covers all these messages, whose window is over and which is not disputed.
    ///
    /// # Errors
    /// As [`wait_to_execute`](Self::wait_to_execute).
    pub async fn wait_to_execute_many(
        &self,
        withdrawals: &[Withdrawal],
        timeout: Duration,
    ) -> Result<ExecutableBatch, Error> {
        let mut messages: Vec<_> = withdrawals.iter().map(|withdrawal| withdrawal.message.clone()).collect();
        messages.sort_by_key(|message| message.index);
        messages.dedup();
        let block_number = withdrawals.iter().map(|withdrawal| withdrawal.block_number).max().unwrap_or_default();
        let look = || async {
            let Some(batch) = self.executable_batch(&messages, block_number).await? else {
                return Ok(None);
            };
            Ok(self.is_finalizable(batch.claim.id, &batch.claim.commitment).await?.then_some(batch))
        };
        self.wait("final commitment that covers the messages", timeout, look).await
    }

    /// Executes many messages with one proof; before that, makes their commitment final if nobody did. Returns what became
    /// of each, in order of their index: one that fails does not hold up the others.
    ///
    /// # Errors
    /// If the bridge refuses the batch as a whole, or a node cannot be reached.
    pub async fn execute_many(&self, batch: &ExecutableBatch) -> Result<Sent<Vec<Outcome>>, Error> {
        let ExecutableBatch { messages, claim, depth, proof } = batch;
        self.finalize_commitment(&claim.commitment).await?;
        let bridge = self.bridge();
        let arguments = messages.iter().cloned().map(Into::into).collect();
        let execute = bridge.executeMessages(arguments, claim.id, U256::from(*depth), proof.clone());
        let receipt = self.send(execute, Refusal::Bridge).await?;

        let mut outcomes = vec![Outcome::Skipped; messages.len()];
        let place = |index| messages.binary_search_by_key(&index, |message| message.index).ok();
        for log in receipt.logs().iter().filter(|log| log.address() == *bridge.address()) {
            let (index, outcome) = if let Ok(event) = log.log_decode_validate::<Bridge::MessageFinalized>() {
                (event.inner.index, Outcome::Executed)
            } else if let Ok(event) = log.log_decode_validate::<Bridge::MessageFailed>() {
                (event.inner.index, Outcome::Failed(event.inner.data.reason))
            } else {
                continue;
            };
            if let Some(place) = place(index) {
                outcomes[place] = outcome;
            }
        }
        Ok(Sent { state: outcomes, receipt })
    }

    /// The furthest that any standing commitment brings a message, and when that commitment may become final.
    async fn progress(&self, withdrawal: &Withdrawal) -> Result<(Status, Option<ReadyAt>), Error> {
        let bridge = self.bridge();
        let refused = refused(Refusal::Bridge);
        let index = withdrawal.message.index;
        if bridge.isFinalized(index).call().await.map_err(&refused)? {
            return Ok((Status::Finalized, None));
        }
        let mut furthest = (Status::WaitingToProve, None);
        let Some(batch) = self.batch_of_block(withdrawal.block_number).await? else {
            return Ok(furthest);
        };
        let mut commitments = self.commitments(batch.index + 1);
        while let Some(named) = commitments.next().await? {
            if !self.stands(&named).await? {
                continue;
            }
            let Named { id, commitment, .. } = named;
            let message = withdrawal.message.clone().into();
            let progress = bridge.messageStatus(message, id).call().await.map_err(&refused)?;
            let mut status = Status::from_contract(progress.status);
            // Whoever finalizes the message can finalize the commitment as well.
            if status == Status::WaitingToFinalize {
                match self.is_finalizable(id, &commitment).await {
                    Ok(true) => status = Status::ReadyToFinalize,
                    Ok(false) => (),
                    Err(Error::CommitmentChallenged { challenges, .. }) => status = Status::Challenged { challenges },
                    // It brings the message nowhere.
                    Err(Error::CommitmentRejected(_)) => continue,
                    Err(error) => return Err(error),
                }
            }
            if status > furthest.0 {
                let ready = ReadyAt { time: progress.readyTime, block_number: progress.readyBlock };
                furthest = (status, Some(ready));
            }
            // Under a final commitment it can be executed: no later one brings it further.
            if self.standing(id).await? == Standing::Final {
                break;
            }
        }
        Ok(furthest)
    }

    /// The message with a proof under the first standing commitment whose output the node confirms.
    async fn provable(&self, withdrawal: &Withdrawal) -> Result<Option<Provable>, Error> {
        let message = &withdrawal.message;
        let Some(claim) = self.first_claim(withdrawal.block_number).await? else {
            return Ok(None);
        };
        let params = (U64::from(message.index), U64::from(claim.commitment.batch_count));
        let proof: Option<rpc::OutboxProof> = self.ask(rpc::OUTBOX_PROOF, params).await?;
        let Some(proof) = proof else { return Ok(None) };
        outbox::verify(claim.output.outbox_root, message.leaf(), message.index, &proof.siblings)?;
        Ok(Some(Provable { message: message.clone(), claim, proof: proof.siblings }))
    }

    async fn executable_batch(
        &self,
        messages: &[Message],
        block_number: u64,
    ) -> Result<Option<ExecutableBatch>, Error> {
        let Some(claim) = self.first_claim(block_number).await? else {
            return Ok(None);
        };
        let indices: Vec<_> = messages.iter().map(|message| U64::from(message.index)).collect();
        let params = (indices, U64::from(claim.commitment.batch_count));
        let proof: Option<rpc::OutboxMultiproof> = self.ask(rpc::OUTBOX_MULTIPROOF, params).await?;
        let Some(rpc::OutboxMultiproof { depth, siblings: proof, .. }) = proof else {
            return Ok(None);
        };
        let leaves: Vec<_> = messages.iter().map(|message| (message.index, message.leaf())).collect();
        let height = usize::try_from(depth).unwrap_or(usize::MAX);
        outbox::verify_multi(claim.output.outbox_root, height, &leaves, &proof)?;
        Ok(Some(ExecutableBatch { messages: messages.to_vec(), claim, depth, proof }))
    }

    /// The first standing commitment that covers an L2 block and agrees with the node. If those that stand all disagree,
    /// the first disagreement.
    async fn first_claim(&self, block_number: u64) -> Result<Option<Claim>, Error> {
        let Some(batch) = self.batch_of_block(block_number).await? else {
            return Ok(None);
        };
        let mut disagreement = None;
        let mut commitments = self.commitments(batch.index + 1);
        while let Some(named) = commitments.next().await? {
            if !self.stands(&named).await? {
                continue;
            }
            let Named { id, commitment, agrees } = named;
            match self.output(&commitment).await {
                // True, but built on what is not: it falls with that.
                Ok(_) if !agrees => (),
                Ok(output) => {
                    return Ok(Some(Claim { id, commitment, output }));
                }
                Err(error) => disagreement = disagreement.or(Some(error)),
            }
        }
        disagreement.map_or(Ok(None), Err)
    }

    async fn batch_of_block(&self, block_number: u64) -> Result<Option<rpc::BatchOfBlock>, Error> {
        self.ask(rpc::BATCH_OF_BLOCK, (U64::from(block_number),)).await
    }
}
