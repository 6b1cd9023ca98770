//! The rows of the store: what callers see, and its encoding in RLP.

use alloy::{
    consensus::{Header, Sealed},
    primitives::{Address, B256, Bytes, U256, keccak256},
};
use alloy_rlp::{Decodable, Encodable, RlpDecodable, RlpEncodable};
use postern_execution::{L2Transaction, Receipt};
use postern_protocol::{
    batch::Batch,
    commitment::Commitment,
    data,
    dispute::{Challenge, Node, Points},
    message::{Message, QueuedMessage},
};

use super::StoreError;

/// A value of a table.
pub(crate) trait Row: Sized {
    /// Its encoding.
    fn to_row(&self) -> Vec<u8>;
    /// The value that was encoded.
    fn from_row(row: &[u8]) -> Result<Self, StoreError>;
}

/// Implements `Row` for types that are RLP themselves.
macro_rules! rlp_row {
    ($($row:ty),+) => {$(
        impl Row for $row {
            fn to_row(&self) -> Vec<u8> {
                alloy_rlp::encode(self)
            }

            fn from_row(row: &[u8]) -> Result<Self, StoreError> {
                alloy_rlp::decode_exact(row).map_err(|_| StoreError::Corrupt(stringify!($row)))
            }
        }
    )+};
}
rlp_row!(Header, BodyRow, SequencedBatch, Event);

/// Implements `Row` for types whose fields another type, which is RLP, takes apart.
macro_rules! row_by {
    ($($value:ty => $row:ty),+) => {$(
        rlp_row!($row);

        impl Row for $value {
            fn to_row(&self) -> Vec<u8> {
                <$row>::from(self).to_row()
            }

            fn from_row(row: &[u8]) -> Result<Self, StoreError> {
                <$row>::from_row(row)?.try_into()
            }
        }
    )+};
}
row_by!(
    QueuedEntry => QueuedRow,
    BatchEntry => BatchRow,
    CommitmentEntry => CommitmentRow,
    NodeEntry => NodeRow,
    OutboxEntry => OutboxRow
);

/// Where on L1 something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct L1Position {
    /// L1 block number.
    pub block_number: u64,
    /// Index of the log in the block.
    pub log_index: u64,
    /// The transaction.
    pub transaction_hash: B256,
}

/// How far everything had come at the end of a canonical L2 block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Batches begun, the one that the block belongs to included; 0 for the genesis block.
    pub batch_count: u64,
    /// Messages of the queue executed.
    pub messages_executed: u64,
    /// Messages in the outbox.
    pub outbox_count: u64,
}

/// A canonical L2 block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The header and its hash.
    pub header: Sealed<Header>,
    /// How far everything had come at its end.
    pub progress: Progress,
    /// Its transactions, deposits first.
    pub transactions: Vec<L2Transaction>,
    /// Who sent each of them.
    pub senders: Vec<Address>,
    /// What came of each of them.
    pub receipts: Vec<Receipt>,
}

/// A block without its header.
#[derive(Clone, Debug, RlpEncodable, RlpDecodable)]
pub(super) struct BodyRow {
    transactions: Vec<Bytes>,
    senders: Vec<Address>,
    receipts: Vec<Bytes>,
}

impl BodyRow {
    pub(super) fn new(block: &Block) -> Self {
        Self {
            transactions: block.transactions.iter().map(|transaction| transaction.encoded().into()).collect(),
            senders: block.senders.clone(),
            receipts: block.receipts.iter().map(|receipt| receipt.encoded().into()).collect(),
        }
    }

    pub(super) fn into_block(self, header: Sealed<Header>, progress: Progress) -> Result<Block, StoreError> {
        Ok(Block {
            header,
            progress,
            transactions: self
                .transactions
                .iter()
                .map(|raw| L2Transaction::decode(raw).map_err(|_| StoreError::Corrupt("transaction")))
                .collect::<Result<_, _>>()?,
            senders: self.senders,
            receipts: self
                .receipts
                .iter()
                .map(|raw| Receipt::decode(raw).ok_or(StoreError::Corrupt("receipt")))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// A message of the queue, as seen on L1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedEntry {
    /// The message.
    pub message: QueuedMessage,
    /// The queue hash after it.
    pub queue_hash: B256,
    /// Where in the queue it ends, in L2 gas.
    pub end: u64,
    /// Where it was queued.
    pub l1: L1Position,
}

#[derive(RlpEncodable, RlpDecodable)]
struct QueuedRow {
    index: u64,
    sender: Address,
    target: Address,
    mint: U256,
    value: U256,
    gas_limit: u64,
    fee: U256,
    data: Bytes,
    queue_hash: B256,
    end: u64,
    l1: L1Position,
}

impl From<&QueuedEntry> for QueuedRow {
    fn from(QueuedEntry { message, queue_hash, end, l1 }: &QueuedEntry) -> Self {
        Self {
            index: message.index,
            sender: message.sender,
            target: message.target,
            mint: message.mint,
            value: message.value,
            gas_limit: message.gas_limit,
            fee: message.fee,
            data: message.data.clone(),
            queue_hash: *queue_hash,
            end: *end,
            l1: *l1,
        }
    }
}

impl TryFrom<QueuedRow> for QueuedEntry {
    type Error = StoreError;

    fn try_from(row: QueuedRow) -> Result<Self, StoreError> {
        Ok(Self {
            message: QueuedMessage {
                index: row.index,
                sender: row.sender,
                target: row.target,
                mint: row.mint,
                value: row.value,
                gas_limit: row.gas_limit,
                fee: row.fee,
                data: row.data,
            },
            queue_hash: row.queue_hash,
            end: row.end,
            l1: row.l1,
        })
    }
}

/// Where the data of a batch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchData {
    /// It is this calldata, none if the batch was forced.
    Calldata(Bytes),
    /// In the blobs with these versioned hashes, at least one.
    Blobs(Vec<B256>),
}

impl BatchData {
    /// What the data commitment hashes.
    pub fn commitment_preimage(&self) -> Vec<u8> {
        match self {
            Self::Calldata(data) => data::commitment_preimage(data),
            Self::Blobs(hashes) => data::blob_commitment_preimage(hashes),
        }
    }

    /// The data commitment.
    pub fn commitment(&self) -> B256 {
        keccak256(self.commitment_preimage())
    }
}

/// A batch on L1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchEntry {
    /// The record.
    pub batch: Batch,
    /// Its hash.
    pub hash: B256,
    /// Its data.
    pub data: BatchData,
    /// Where it was appended.
    pub l1: L1Position,
}

#[derive(RlpEncodable, RlpDecodable)]
struct BatchRow {
    preimage: Bytes,
    calldata: Bytes,
    /// None if the data is calldata.
    blobs: Vec<B256>,
    l1: L1Position,
}

impl From<&BatchEntry> for BatchRow {
    fn from(entry: &BatchEntry) -> Self {
        let (calldata, blobs) = match &entry.data {
            BatchData::Calldata(data) => (data.clone(), Vec::new()),
            BatchData::Blobs(hashes) => (Bytes::new(), hashes.clone()),
        };
        Self { preimage: entry.batch.preimage().into(), calldata, blobs, l1: entry.l1 }
    }
}

impl TryFrom<BatchRow> for BatchEntry {
    type Error = StoreError;

    fn try_from(row: BatchRow) -> Result<Self, StoreError> {
        let batch = Batch::decode(&row.preimage).ok_or(StoreError::Corrupt("batch"))?;
        let data = match row.blobs.is_empty() {
            true => BatchData::Calldata(row.calldata),
            false => BatchData::Blobs(row.blobs),
        };
        Ok(Self { batch, hash: batch.hash(), data, l1: row.l1 })
    }
}

/// How far a commitment has come, as L1 said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitmentStatus {
    /// In its challenge window, or past it and not yet finalized.
    Proposed,
    /// Final for ever.
    Final,
    /// Found false, or a descendant of one that was.
    Rejected,
}

/// A commitment seen on L1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitmentEntry {
    /// Its name on L1.
    pub id: B256,
    /// The commitment.
    pub commitment: Commitment,
    /// Output roots after each batch since its parent.
    pub checkpoints: Vec<B256>,
    /// How far it has come.
    pub status: CommitmentStatus,
    /// Where it was proposed.
    pub l1: L1Position,
}

#[derive(RlpEncodable, RlpDecodable)]
struct CommitmentRow {
    parent: B256,
    batch_hash: B256,
    batch_count: u64,
    output_root: B256,
    checkpoints_hash: B256,
    proposer: Address,
    checkpoints: Vec<B256>,
    status: u8,
    l1: L1Position,
}

impl From<&CommitmentEntry> for CommitmentRow {
    fn from(CommitmentEntry { commitment, checkpoints, status, l1, .. }: &CommitmentEntry) -> Self {
        Self {
            parent: commitment.parent,
            batch_hash: commitment.batch_hash,
            batch_count: commitment.batch_count,
            output_root: commitment.output_root,
            checkpoints_hash: commitment.checkpoints_hash,
            proposer: commitment.proposer,
            checkpoints: checkpoints.clone(),
            status: match status {
                CommitmentStatus::Proposed => 1,
                CommitmentStatus::Final => 2,
                CommitmentStatus::Rejected => 3,
            },
            l1: *l1,
        }
    }
}

impl TryFrom<CommitmentRow> for CommitmentEntry {
    type Error = StoreError;

    fn try_from(row: CommitmentRow) -> Result<Self, StoreError> {
        let commitment = Commitment {
            parent: row.parent,
            batch_hash: row.batch_hash,
            batch_count: row.batch_count,
            output_root: row.output_root,
            checkpoints_hash: row.checkpoints_hash,
            proposer: row.proposer,
        };
        let status = match row.status {
            1 => CommitmentStatus::Proposed,
            2 => CommitmentStatus::Final,
            3 => CommitmentStatus::Rejected,
            _ => return Err(StoreError::Corrupt("commitment status")),
        };
        Ok(Self { id: commitment.id(), commitment, checkpoints: row.checkpoints, status, l1: row.l1 })
    }
}

/// What came of a node of a dispute, as L1 said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeStatus {
    /// Not decided. If a counter to it stands, it can only fall.
    Open,
    /// A counter to it stands, or its step was shown to be wrong.
    Refuted,
    /// No counter to it stands, and none can come.
    Stands,
}

/// A node of a dispute, seen on L1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEntry {
    /// Its name on L1.
    pub id: B256,
    /// The node: an opening, or a counter to one of the nodes that came before it.
    pub node: Node,
    /// The states that it asserts.
    pub points: Box<Points>,
    /// What the dispute is about.
    pub challenge: Challenge,
    /// Who posted it.
    pub author: Address,
    /// Its level: 1 of an opening, otherwise one more than that of its parent.
    pub level: u8,
    /// What came of it.
    pub status: NodeStatus,
    /// Where it was posted.
    pub l1: L1Position,
}

#[derive(RlpEncodable, RlpDecodable)]
struct NodeRow {
    parent: B256,
    first: u64,
    start: B256,
    points_root: B256,
    points: Vec<B256>,
    commitment: B256,
    position: u64,
    author: Address,
    level: u8,
    status: u8,
    l1: L1Position,
}

impl From<&NodeEntry> for NodeRow {
    fn from(NodeEntry { node, points, challenge, author, level, status, l1, .. }: &NodeEntry) -> Self {
        Self {
            parent: node.parent,
            first: node.first,
            start: node.start,
            points_root: node.points_root,
            points: points.to_vec(),
            commitment: challenge.commitment,
            position: challenge.position,
            author: *author,
            level: *level,
            status: match status {
                NodeStatus::Open => 1,
                NodeStatus::Refuted => 2,
                NodeStatus::Stands => 3,
            },
            l1: *l1,
        }
    }
}

impl TryFrom<NodeRow> for NodeEntry {
    type Error = StoreError;

    fn try_from(row: NodeRow) -> Result<Self, StoreError> {
        let node = Node { parent: row.parent, first: row.first, start: row.start, points_root: row.points_root };
        let points = row.points.into_boxed_slice().try_into().map_err(|_| StoreError::Corrupt("points of a node"))?;
        let status = match row.status {
            1 => NodeStatus::Open,
            2 => NodeStatus::Refuted,
            3 => NodeStatus::Stands,
            _ => return Err(StoreError::Corrupt("node status")),
        };
        Ok(Self {
            id: node.id(),
            node,
            points,
            challenge: Challenge { commitment: row.commitment, position: row.position },
            author: row.author,
            level: row.level,
            status,
            l1: row.l1,
        })
    }
}

/// A message to L1, as a canonical block sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxEntry {
    /// The message.
    pub message: Message,
    /// L2 block number.
    pub block_number: u64,
    /// The L2 transaction that sent it.
    pub transaction_hash: B256,
}

#[derive(RlpEncodable, RlpDecodable)]
struct OutboxRow {
    index: u64,
    sender: Address,
    target: Address,
    value: U256,
    gas_limit: u64,
    data: Bytes,
    block_number: u64,
    transaction_hash: B256,
}

impl From<&OutboxEntry> for OutboxRow {
    fn from(OutboxEntry { message, block_number, transaction_hash }: &OutboxEntry) -> Self {
        Self {
            index: message.index,
            sender: message.sender,
            target: message.target,
            value: message.value,
            gas_limit: message.gas_limit,
            data: message.data.clone(),
            block_number: *block_number,
            transaction_hash: *transaction_hash,
        }
    }
}

impl TryFrom<OutboxRow> for OutboxEntry {
    type Error = StoreError;

    fn try_from(row: OutboxRow) -> Result<Self, StoreError> {
        Ok(Self {
            message: Message {
                index: row.index,
                sender: row.sender,
                target: row.target,
                value: row.value,
                gas_limit: row.gas_limit,
                data: row.data,
            },
            block_number: row.block_number,
            transaction_hash: row.transaction_hash,
        })
    }
}

/// A batch that this node sequenced. It is kept until it is final, so that it can be posted again after an L1 reorg.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub(crate) struct SequencedBatch {
    /// Its first L2 block.
    pub(crate) first_block: u64,
    /// Its last L2 block so far.
    pub(crate) last_block: u64,
    /// Number of its L1 origin.
    pub(crate) origin_number: u64,
    /// Hash of its L1 origin.
    pub(crate) origin_hash: B256,
    /// Messages, since genesis, that its blocks so far ask for: derivation's `wanted`.
    pub(crate) wanted: u64,
    /// To where it consumes the queue, in L2 gas; known once it is sealed.
    pub(crate) consume_to: u64,
    /// L2 gas that is left to it for transactions.
    pub(crate) gas_left: u64,
    /// Wall clock at its first block, in milliseconds since 1970.
    pub(crate) opened_at: u64,
    /// Length of its data so far, in bytes, if it does not compress.
    pub(crate) data_length: u64,
    /// The queue's messages that each of its blocks claims.
    pub(crate) claims: Vec<u64>,
    /// Its data, once it is sealed: never empty then.
    pub(crate) data: Bytes,
}

impl SequencedBatch {
    /// Whether no more blocks are added to it.
    pub(crate) fn is_sealed(&self) -> bool {
        !self.data.is_empty()
    }
}

/// What a log of L1 brought, so that it can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The queued message of this index.
    Queued(u64),
    /// The batch of this index.
    Appended(u64),
    /// The commitment of this id was proposed.
    Proposed(B256),
    /// The commitment of this id became final.
    Finalized(B256),
    /// The commitment of this id was rejected.
    Rejected(B256),
    /// The message of this index was executed on L1.
    MessageFinalized(u64),
    /// The node of this id was posted.
    NodePosted(B256),
    /// The node of this id was decided.
    NodeResolved(B256),
}

/// An event as (kind, index or id).
#[derive(RlpEncodable, RlpDecodable)]
struct EventRow {
    kind: u8,
    subject: U256,
}

impl Encodable for Event {
    fn encode(&self, out: &mut dyn alloy_rlp::BufMut) {
        let (kind, subject) = match *self {
            Self::Queued(index) => (1, U256::from(index)),
            Self::Appended(index) => (2, U256::from(index)),
            Self::Proposed(id) => (3, id.into()),
            Self::Finalized(id) => (4, id.into()),
            Self::Rejected(id) => (5, id.into()),
            Self::MessageFinalized(index) => (6, U256::from(index)),
            Self::NodePosted(id) => (7, id.into()),
            Self::NodeResolved(id) => (8, id.into()),
        };
        EventRow { kind, subject }.encode(out);
    }
}

impl Decodable for Event {
    fn decode(buffer: &mut &[u8]) -> alloy_rlp::Result<Self> {
        let EventRow { kind, subject } = EventRow::decode(buffer)?;
        let index = || u64::try_from(subject).map_err(|_| alloy_rlp::Error::Overflow);
        Ok(match kind {
            1 => Self::Queued(index()?),
            2 => Self::Appended(index()?),
            3 => Self::Proposed(subject.into()),
            4 => Self::Finalized(subject.into()),
            5 => Self::Rejected(subject.into()),
            6 => Self::MessageFinalized(index()?),
            7 => Self::NodePosted(subject.into()),
            8 => Self::NodeResolved(subject.into()),
            _ => return Err(alloy_rlp::Error::Custom("unknown kind of event")),
        })
    }
}
