//! The `postern_` namespace of the L2 node's JSON-RPC: method names and wire types, for the node that serves them and the
//! client that asks. Numbers are `0x` quantities, as in `eth_`.
//!
//! Nothing here is to be trusted: [`Client`](crate::Client) checks what it receives against L1 before it acts on it.

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    serde::quantity,
};
use postern_protocol::{commitment, message, output};
use serde::{Deserialize, Serialize};

/// `postern_syncStatus() → SyncStatus`.
pub const SYNC_STATUS: &str = "postern_syncStatus";
/// `postern_output(batchCount) → Output?`: null if that batch is not derived yet.
pub const OUTPUT: &str = "postern_output";
/// `postern_outboxProof(index, batchCount) → OutboxProof?`: null if the message is not in that output.
pub const OUTBOX_PROOF: &str = "postern_outboxProof";
/// `postern_outboxMultiproof([index, …], batchCount) → OutboxMultiproof?`: null if a message is not in that output.
pub const OUTBOX_MULTIPROOF: &str = "postern_outboxMultiproof";
/// `postern_batchOfBlock(blockNumber) → BatchOfBlock?`: null if the block is in no batch yet.
pub const BATCH_OF_BLOCK: &str = "postern_batchOfBlock";
/// `postern_commitments(fromBatchCount, after?) → CommitmentPage`: of the commitments on L1 that apply at least so many batches
/// those that can become final, from the first on or from the one that follows on the commitment `after`.
pub const COMMITMENTS: &str = "postern_commitments";
/// Most commitments of one page.
pub const COMMITMENTS_PER_PAGE: usize = 32;

/// A block as sync status names it, of L1 or of L2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockReference {
    /// Its number.
    #[serde(with = "quantity")]
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Its time, in seconds.
    #[serde(with = "quantity")]
    pub timestamp: u64,
}

/// How far a node has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncStatus {
    /// The L1 block up to which the node followed L1. Batches up to it may wait to be derived.
    pub l1: BlockReference,
    /// The newest L2 block, which no batch need contain yet.
    #[serde(rename = "unsafe")]
    pub unsafe_head: BlockReference,
    /// The last L2 block that is in a batch on L1.
    #[serde(rename = "safe")]
    pub safe_head: BlockReference,
    /// The last L2 block under a final commitment that agrees with the node; the genesis block before the first.
    #[serde(rename = "finalized")]
    pub finalized_head: BlockReference,
    /// Batches derived since genesis.
    #[serde(with = "quantity")]
    pub batch_count: u64,
    /// L1→L2 messages executed at the unsafe head.
    #[serde(with = "quantity")]
    pub queue_executed: u64,
    /// L2→L1 messages sent at the unsafe head.
    #[serde(with = "quantity")]
    pub outbox_count: u64,
}

/// The state of the L2 after a batch. The fields are those of the Solidity struct, with the root they hash to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Version of the encoding; 0.
    #[serde(with = "quantity")]
    pub version: u64,
    /// Chain id of the L2.
    #[serde(with = "quantity")]
    pub l2_chain_id: u64,
    /// Root of the L2 state.
    pub state_root: B256,
    /// Root of the outbox.
    pub outbox_root: B256,
    /// Hash of the last L2 block.
    pub block_hash: B256,
    /// Number of the last L2 block.
    #[serde(with = "quantity")]
    pub block_number: u64,
    /// Batches applied since genesis.
    #[serde(with = "quantity")]
    pub batch_count: u64,
    /// What the fields above hash to.
    pub output_root: B256,
}

/// A message to L1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Position in the outbox.
    #[serde(with = "quantity")]
    pub index: u64,
    /// Who sent it on L2.
    pub sender: Address,
    /// Whom the bridge calls on L1.
    pub target: Address,
    /// ETH that travels with it, in wei.
    pub value: U256,
    /// The least L1 gas that the call must be given.
    #[serde(with = "quantity")]
    pub gas_limit: u64,
    /// Calldata of the call.
    pub data: Bytes,
}

/// Proof that one message is in the outbox of an output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboxProof {
    /// The message.
    pub message: Message,
    /// Its leaf.
    pub leaf: B256,
    /// The siblings, from the leaf up.
    pub siblings: Vec<B256>,
    /// The root that they lead to.
    pub root: B256,
    /// The output that has this outbox root.
    pub output: Output,
}

/// Proof that several messages are in the outbox of an output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboxMultiproof {
    /// The messages, in order of their index.
    pub messages: Vec<Message>,
    /// Depth of the tree.
    #[serde(with = "quantity")]
    pub depth: u64,
    /// The siblings that the messages do not give, level by level from the leaves, left to right.
    pub siblings: Vec<B256>,
    /// The root that they lead to.
    pub root: B256,
    /// The output that has this outbox root.
    pub output: Output,
}

/// The batch that contains an L2 block. The messages of that block are in every output with `batchCount > index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchOfBlock {
    /// Position of the batch, counted from 0.
    #[serde(with = "quantity")]
    pub index: u64,
    /// Hash of its record.
    pub batch_hash: B256,
}

/// How far a commitment has come, as the node saw it on L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CommitmentStatus {
    /// In its challenge window, or past it and not yet finalized.
    Proposed,
    /// Final for ever.
    Final,
    /// Never final.
    Rejected,
}

/// The fields of a commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitmentFields {
    /// Id of the commitment that it builds on.
    pub parent: B256,
    /// Hash of the last batch that it applies.
    pub batch_hash: B256,
    /// Batches applied since genesis.
    #[serde(with = "quantity")]
    pub batch_count: u64,
    /// Root of the output after that batch.
    pub output_root: B256,
    /// Hash of the output roots since the parent.
    pub checkpoints_hash: B256,
    /// Whose bond answers for it.
    pub proposer: Address,
}

/// Some of the commitments on L1, in order of how many batches they apply, then of L1. Those that were rejected, or build on
/// one that was, are left out: they never become final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitmentPage {
    /// At most [`COMMITMENTS_PER_PAGE`], and perhaps none though more follow.
    pub commitments: Vec<Commitment>,
    /// The `after` that asks for what follows; null if nothing does.
    pub next: Option<B256>,
}

/// A commitment that the node saw on L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Commitment {
    /// Its id.
    pub id: B256,
    /// Its fields.
    pub commitment: CommitmentFields,
    /// How far it has come.
    pub status: CommitmentStatus,
    /// Whether the node's own derivation gives the same, for it and for all that it builds on. False as long as it has not come
    /// that far.
    pub agrees: bool,
}

impl From<output::Output> for Output {
    fn from(output: output::Output) -> Self {
        Self {
            version: output::VERSION,
            l2_chain_id: output.l2_chain_id,
            state_root: output.state_root,
            outbox_root: output.outbox_root,
            block_hash: output.block_hash,
            block_number: output.block_number,
            batch_count: output.batch_count,
            output_root: output.root(),
        }
    }
}

/// What the output says of itself (`version`, `outputRoot`) is left behind: it is computed.
impl From<Output> for output::Output {
    fn from(output: Output) -> Self {
        Self {
            l2_chain_id: output.l2_chain_id,
            state_root: output.state_root,
            outbox_root: output.outbox_root,
            block_hash: output.block_hash,
            block_number: output.block_number,
            batch_count: output.batch_count,
        }
    }
}

impl From<message::Message> for Message {
    fn from(message: message::Message) -> Self {
        let message::Message { index, sender, target, value, gas_limit, data } = message;
        Self { index, sender, target, value, gas_limit, data }
    }
}

impl From<Message> for message::Message {
    fn from(message: Message) -> Self {
        let Message { index, sender, target, value, gas_limit, data } = message;
        Self { index, sender, target, value, gas_limit, data }
    }
}

impl From<commitment::Commitment> for CommitmentFields {
    fn from(commitment: commitment::Commitment) -> Self {
        let commitment::Commitment { parent, batch_hash, batch_count, output_root, checkpoints_hash, proposer } =
            commitment;
        Self { parent, batch_hash, batch_count, output_root, checkpoints_hash, proposer }
    }
}

impl From<CommitmentFields> for commitment::Commitment {
    fn from(commitment: CommitmentFields) -> Self {
        let CommitmentFields { parent, batch_hash, batch_count, output_root, checkpoints_hash, proposer } = commitment;
        Self { parent, batch_hash, batch_count, output_root, checkpoints_hash, proposer }
    }
}
