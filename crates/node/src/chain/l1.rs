//! What L1 does to the chain: it brings messages, batches and commitments, takes them back, and its batches become blocks.

use std::collections::BTreeMap;

use alloy::{
    consensus::{Header, Sealed},
    primitives::{Address, B256},
};
use postern_execution::{BatchOutcome, execute_batch};
use postern_protocol::{
    batch::Batch,
    commitment::{Commitment, checkpoints_hash},
    dispute::{self, Challenge, LEVELS, Node, Points},
    message::{QueuedMessage, extend_queue},
    output::Output,
};
use thiserror::Error;

use super::{Chain, ChainError, Change, StoreError};
use crate::l1::Blob;
use crate::store::{
    BatchData, BatchEntry, CommitmentEntry, CommitmentStatus, L1Position, NodeEntry, NodeStatus, QueuedEntry, View,
};

/// One L1 block, or a range of them that ends with `header`.
#[derive(Clone, Debug)]
pub(crate) struct L1Step {
    /// Its last block.
    pub(crate) header: Sealed<Header>,
    /// Other L1 headers that its batches name as origins.
    pub(crate) origins: Vec<Sealed<Header>>,
    /// What it brings, in L1's order.
    pub(crate) events: Vec<(L1Position, L1Event)>,
}

/// What a log of the contracts says.
#[derive(Clone, Debug)]
pub(crate) enum L1Event {
    /// A message joined the queue.
    Queued {
        /// The message.
        message: QueuedMessage,
        /// Where in the queue it ends, in L2 gas.
        end: u64,
    },
    /// A batch was appended.
    Appended {
        /// The hash that L1 gave it.
        hash: B256,
        /// The record.
        batch: Batch,
        /// The data: the input of the transaction, or the versioned hashes of its blobs, which are in the store.
        data: BatchData,
    },
    /// A commitment was proposed.
    Proposed {
        /// The id that L1 gave it.
        id: B256,
        /// The commitment.
        commitment: Commitment,
        /// Its checkpoints.
        checkpoints: Vec<B256>,
    },
    /// A commitment became final.
    Finalized(B256),
    /// A commitment was rejected.
    Rejected(B256),
    /// The message of this index was executed.
    MessageFinalized(u64),
    /// A node of a dispute was posted.
    NodePosted {
        /// The id that L1 gave it.
        id: B256,
        /// The node.
        node: Node,
        /// Its points.
        points: Box<Points>,
        /// Who posted it.
        author: Address,
    },
    /// The node that was posted just before, in the same transaction, opened a challenge.
    ChallengeOpened {
        /// What it is about.
        challenge: Challenge,
        /// Id of the node.
        opening: B256,
    },
    /// A node was decided.
    NodeResolved {
        /// Its id.
        id: B256,
        /// Whether it stands.
        stands: bool,
    },
}

/// L1 as its node tells it contradicts itself: logs are missing, or of another fork. Reading again, from further back, helps.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Inconsistency {
    /// Messages of the queue are missing or come twice.
    #[error("queued message {received} where {expected} must come")]
    QueueIndex {
        /// Index that came.
        received: u64,
        /// Index that must come.
        expected: u64,
    },
    /// Batches are missing or come twice.
    #[error("batch {received} where {expected} must come")]
    BatchIndex {
        /// Index that came.
        received: u64,
        /// Index that must come.
        expected: u64,
    },
    /// A batch follows on another batch than the last.
    #[error("batch follows on {received}, the last is {expected}")]
    BatchParent {
        /// Its parent.
        received: B256,
        /// Hash of the last batch.
        expected: B256,
    },
    /// What L1 hashed is not what the log shows.
    #[error("{what} is {received} on L1, and {expected} from its parts")]
    Hash {
        /// Of what.
        what: &'static str,
        /// On L1.
        received: B256,
        /// From the parts.
        expected: B256,
    },
    /// The queue ends somewhere else than the messages in it say. Places in L2 gas.
    #[error("queue ends at {received} on L1, and at {expected} by its messages")]
    QueueGas {
        /// As L1 says.
        received: u64,
        /// By the messages.
        expected: u64,
    },
    /// A batch consumes messages that there are not, or again. Places in L2 gas.
    #[error("batch consumes the queue to {received}, not within {minimum} and {maximum}")]
    Consumption {
        /// To where it consumes.
        received: u64,
        /// To where the last one consumed.
        minimum: u64,
        /// Where the queue ends.
        maximum: u64,
    },
    /// A batch names an L1 origin that was not followed.
    #[error("batch names L1 block {number} with hash {hash} as its origin, which is not on L1")]
    UnknownOrigin {
        /// Its number.
        number: u64,
        /// Its hash.
        hash: B256,
    },
    /// A commitment was settled or challenged that was never proposed.
    #[error("commitment {id} was never proposed")]
    UnknownCommitment {
        /// Its id.
        id: B256,
    },
    /// A challenge is about a checkpoint that the commitment does not have.
    #[error("challenge of checkpoint {received} of a commitment with {count}")]
    Position {
        /// Position of the checkpoint.
        received: u64,
        /// Checkpoints of the commitment.
        count: usize,
    },
    /// A node was countered or decided, or opened a challenge, that was never posted.
    #[error("node {id} was never posted")]
    UnknownNode {
        /// Its id.
        id: B256,
    },
    /// A node was posted, or decided, a second time.
    #[error("node {id} was posted or decided before")]
    RepeatedNode {
        /// Its id.
        id: B256,
    },
    /// A node asserts something about another part of the run than the points of its parent leave open.
    #[error("node {id} does not fit its parent {parent}")]
    MisplacedNode {
        /// Its id.
        id: B256,
        /// Id of its parent; of an opening that of the challenge.
        parent: B256,
    },
}

/// Why a step of L1 was not taken.
#[derive(Debug, Error)]
pub(crate) enum IngestError {
    /// The chain failed.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// L1 contradicts itself.
    #[error("L1 is inconsistent: {0}")]
    Inconsistent(#[from] Inconsistency),
}

impl From<StoreError> for IngestError {
    fn from(error: StoreError) -> Self {
        Self::Chain(error.into())
    }
}

/// Whether what L1 says is what its parts hash to.
pub(crate) fn check_hash(what: &'static str, received: B256, expected: B256) -> Result<(), Inconsistency> {
    if received == expected { Ok(()) } else { Err(Inconsistency::Hash { what, received, expected }) }
}

/// Compares a final commitment with the output of its batch, whichever of them came later.
fn check_final(CommitmentEntry { id, commitment, .. }: &CommitmentEntry, output: &Output) {
    if commitment.output_root != output.root() {
        // Nothing a node could do: it goes on with the truth, and shouts.
        tracing::error!(%id, batch_count = output.batch_count, "a commitment that this node disagrees with became final");
    }
}

/// The next batch, executed on the output before it.
pub(super) struct Executed {
    previous: Output,
    hash: B256,
    outcome: BatchOutcome,
}

/// What the dispute game's log says of a node when it is posted, and where.
struct PostedNode {
    id: B256,
    node: Node,
    points: Box<Points>,
    author: Address,
    l1: L1Position,
}

impl PostedNode {
    fn entry(self, challenge: Challenge, level: u8) -> NodeEntry {
        let Self { id, node, points, author, l1 } = self;
        NodeEntry { id, node, points, challenge, author, level, status: NodeStatus::Open, l1 }
    }

    /// Whether it counters `parent`: agrees with it up to one of its points, and asserts another state there.
    fn counters(&self, parent: &NodeEntry) -> bool {
        if parent.level >= LEVELS {
            return false;
        }
        let (spacing, before) = (dispute::spacing(parent.level), parent.node.first);
        let states = std::iter::once(&parent.node.start).chain(parent.points.iter()).zip(parent.points.iter());
        let [.., last] = self.points.as_ref();
        (0..).zip(states).any(|(i, (agreed, disputed))| {
            self.node.first == before + i * spacing && self.node.start == *agreed && last != disputed
        })
    }
}

impl Change {
    fn queue(&self, message: QueuedMessage, received: u64, l1: L1Position) -> Result<(), IngestError> {
        let expected = self.writer.queue_count()?;
        if message.index != expected {
            return Err(Inconsistency::QueueIndex { received: message.index, expected }.into());
        }
        let previous = self.writer.queue_hash(expected)?;
        let queue_hash = extend_queue(previous, message.hash());
        let end = self.writer.queue_gas()?.saturating_add(message.gas_limit);
        if received != end {
            return Err(Inconsistency::QueueGas { received, expected: end }.into());
        }
        Ok(self.writer.put_queued(&QueuedEntry { message, queue_hash, end, l1 }, previous)?)
    }

    fn append_batch(&self, hash: B256, batch: Batch, data: BatchData, l1: L1Position) -> Result<(), IngestError> {
        let last = self.writer.last_batch()?;
        let expected = last.as_ref().map_or(0, |last| last.batch.index + 1);
        if batch.index != expected {
            return Err(Inconsistency::BatchIndex { received: batch.index, expected }.into());
        }
        let parent = last.as_ref().map_or(B256::ZERO, |last| last.hash);
        if batch.parent != parent {
            return Err(Inconsistency::BatchParent { received: batch.parent, expected: parent }.into());
        }
        check_hash("batch hash", hash, batch.hash())?;
        check_hash("data commitment", batch.data_commitment, data.commitment())?;
        let queued = self.writer.queue_gas()?;
        if batch.queue_gas != queued {
            return Err(Inconsistency::QueueGas { received: batch.queue_gas, expected: queued }.into());
        }
        check_hash("queue hash", batch.queue_hash, self.writer.queue_hash(self.writer.queue_count()?)?)?;
        let minimum = last.map_or(0, |last| last.batch.consumed_to);
        if !(minimum..=queued).contains(&batch.consumed_to) {
            return Err(Inconsistency::Consumption { received: batch.consumed_to, minimum, maximum: queued }.into());
        }
        self.keep_origin(&batch)?;
        Ok(self.writer.put_batch(&BatchEntry { batch, hash, data, l1 })?)
    }

    /// Keeps the header of a batch's origin for its derivation.
    fn keep_origin(&self, batch: &Batch) -> Result<(), IngestError> {
        let (number, hash) = (batch.origin_number, batch.origin_hash);
        if self.writer.has_preimage(hash)? {
            return Ok(());
        }
        let header = self.writer.l1_header_at(number)?.filter(|header| header.hash() == hash);
        Ok(self.writer.put_origin(&header.ok_or(Inconsistency::UnknownOrigin { number, hash })?)?)
    }

    fn propose(
        &self,
        id: B256,
        commitment: Commitment,
        checkpoints: Vec<B256>,
        l1: L1Position,
    ) -> Result<(), IngestError> {
        check_hash("commitment id", id, commitment.id())?;
        check_hash("checkpoints hash", commitment.checkpoints_hash, checkpoints_hash(&checkpoints))?;
        let entry = CommitmentEntry { id, commitment, checkpoints, status: CommitmentStatus::Proposed, l1 };
        Ok(self.writer.put_commitment(&entry)?)
    }

    fn settle(&self, id: B256, status: CommitmentStatus, l1: L1Position) -> Result<(), IngestError> {
        let entry = self.writer.commitment(id)?.ok_or(Inconsistency::UnknownCommitment { id })?;
        if status == CommitmentStatus::Final
            && let Some(output) = self.writer.output(entry.commitment.batch_count)?
        {
            check_final(&entry, &output);
        }
        Ok(self.writer.settle_commitment(entry, status, l1.block_number, l1.log_index)?)
    }

    /// Appends what a batch was executed to. The other commitments that name its output are looked at when they become final.
    fn put_output(&self, output: &Output) -> Result<(), ChainError> {
        self.writer.put_output(output)?;
        let named = self.writer.last_commitments(output.batch_count, output.batch_count)?;
        named
            .iter()
            .filter(|entry| entry.status == CommitmentStatus::Final)
            .for_each(|entry| check_final(entry, output));
        Ok(())
    }

    /// Takes a counter; gives back what must be an opening, because its parent is no node.
    fn post_node(&self, posted: PostedNode) -> Result<Option<PostedNode>, IngestError> {
        let PostedNode { id, node, points, .. } = &posted;
        check_hash("node id", *id, node.id())?;
        check_hash("points root", node.points_root, dispute::points_root(points))?;
        if self.writer.node(*id)?.is_some() {
            return Err(Inconsistency::RepeatedNode { id: *id }.into());
        }
        let Some(parent) = self.writer.node(node.parent)? else { return Ok(Some(posted)) };
        if !posted.counters(&parent) {
            return Err(Inconsistency::MisplacedNode { id: *id, parent: parent.id }.into());
        }
        self.writer.put_node(&posted.entry(parent.challenge, parent.level + 1))?;
        Ok(None)
    }

    fn open_challenge(&self, challenge: Challenge, opening: PostedNode) -> Result<(), IngestError> {
        let Challenge { commitment: id, position } = challenge;
        check_hash("challenge id", opening.node.parent, challenge.id())?;
        if opening.node.first != 0 {
            return Err(Inconsistency::MisplacedNode { id: opening.id, parent: opening.node.parent }.into());
        }
        let commitment = self.writer.commitment(id)?.ok_or(Inconsistency::UnknownCommitment { id })?;
        let count = commitment.checkpoints.len();
        if position >= count as u64 {
            return Err(Inconsistency::Position { received: position, count }.into());
        }
        Ok(self.writer.put_node(&opening.entry(challenge, 1))?)
    }

    fn resolve_node(&self, id: B256, stands: bool, l1: L1Position) -> Result<(), IngestError> {
        let entry = self.writer.node(id)?.ok_or(Inconsistency::UnknownNode { id })?;
        if entry.status != NodeStatus::Open {
            return Err(Inconsistency::RepeatedNode { id }.into());
        }
        let status = if stands { NodeStatus::Stands } else { NodeStatus::Refuted };
        Ok(self.writer.resolve_node(&NodeEntry { status, ..entry }, l1)?)
    }
}

impl Chain {
    /// Sets from which L1 block on L1 is followed, if that was not set before.
    pub(crate) fn begin_l1(&self, header: &Sealed<Header>) -> Result<(), ChainError> {
        self.change(|change| match change.writer.l1_head()? {
            None => Ok(change.writer.put_l1_header(header)?),
            Some(_) => Ok(()),
        })
    }

    /// The last L1 header that was followed, at or below `number`.
    pub(crate) fn l1_header_at(&self, number: u64) -> Result<Option<Sealed<Header>>, ChainError> {
        Ok(self.0.store.read()?.l1_header_at(number)?)
    }

    /// Whether the header of a batch's origin is in the store.
    pub(crate) fn knows_origin(&self, number: u64, hash: B256) -> Result<bool, ChainError> {
        let view = self.0.store.read()?;
        Ok(view.has_preimage(hash)? || view.l1_header_at(number)?.is_some_and(|header| header.hash() == hash))
    }

    /// Whether the blob of this versioned hash is in the store.
    pub(crate) fn has_blob(&self, hash: B256) -> Result<bool, ChainError> {
        Ok(self.0.store.read()?.has_blob(hash)?)
    }

    /// Keeps blobs of batches: those that L1 has, and those that it is about to get.
    pub(crate) fn keep_blobs(&self, blobs: &[Blob]) -> Result<(), ChainError> {
        self.change(|change| Ok(blobs.iter().try_for_each(|blob| change.writer.put_blob(blob))?))
    }

    /// Takes what a step of L1 brings. The caller checked that the step follows on the last one.
    ///
    /// # Errors
    /// If it does not fit what L1 said before; nothing of it is kept then.
    pub(crate) fn ingest(&self, step: L1Step) -> Result<(), IngestError> {
        self.change(|change| {
            for origin in &step.origins {
                change.writer.put_origin(origin)?;
            }
            // Nodes of which only the next log says what they open.
            let mut openings = BTreeMap::new();
            for (l1, event) in step.events {
                match event {
                    L1Event::Queued { message, end } => change.queue(message, end, l1)?,
                    L1Event::Appended { hash, batch, data, .. } => change.append_batch(hash, batch, data, l1)?,
                    L1Event::Proposed { id, commitment, checkpoints } => {
                        change.propose(id, commitment, checkpoints, l1)?;
                    }
                    L1Event::Finalized(id) => change.settle(id, CommitmentStatus::Final, l1)?,
                    L1Event::Rejected(id) => {
                        change.setback = true;
                        change.settle(id, CommitmentStatus::Rejected, l1)?;
                    }
                    L1Event::MessageFinalized(index) => change.writer.put_finalized_message(index, l1)?,
                    L1Event::NodePosted { id, node, points, author } => {
                        let opening = change.post_node(PostedNode { id, node, points, author, l1 })?;
                        openings.extend(opening.map(|opening| (id, opening)));
                    }
                    L1Event::ChallengeOpened { challenge, opening: id } => {
                        let opening = openings.remove(&id).ok_or(Inconsistency::UnknownNode { id })?;
                        change.open_challenge(challenge, opening)?;
                    }
                    L1Event::NodeResolved { id, stands } => change.resolve_node(id, stands, l1)?,
                }
            }
            if let Some(counter) = openings.into_values().next() {
                return Err(Inconsistency::UnknownNode { id: counter.node.parent }.into());
            }
            Ok(change.writer.put_l1_header(&step.header)?)
        })
    }

    /// Takes back all that L1 brought after block `number`, which must be one that was followed. Of the unsafe blocks those stay
    /// whose batches still have their origin and their messages: they are posted again.
    pub(crate) fn rollback_l1(&self, number: u64) -> Result<(), ChainError> {
        self.change(|change| {
            change.setback = true;
            let writer = &change.writer;
            writer.rollback_l1(number)?;
            let derived = writer.last_output()?.batch_count.min(writer.batch_count()?);
            writer.remove_outputs_after(derived)?;

            let (queued, queue_gas) = (writer.queue_count()?, writer.queue_gas()?);
            let mut end = writer.last_output()?.block_number;
            let mut index = derived;
            while let Some(batch) = writer.sequenced(index)? {
                let stands = batch.first_block == end + 1
                    && batch.origin_number <= number
                    && batch.wanted <= queued
                    && batch.consume_to <= queue_gas;
                if !stands {
                    break;
                }
                end = batch.last_block;
                index += 1;
            }
            writer.remove_sequenced_from(index)?;
            change.truncate(end)
        })
    }

    /// Derives the next batch of L1, or at least executes it, which may take seconds. False if there is none.
    pub(crate) fn derive_next(&self) -> Result<bool, ChainError> {
        let Some(executed) = self.execute_next()? else { return Ok(false) };
        self.put_derived(executed)?;
        Ok(true)
    }

    /// Executes the next batch of L1, if there is one.
    pub(super) fn execute_next(&self) -> Result<Option<Executed>, ChainError> {
        let view = self.0.store.read()?;
        let previous = view.last_output()?;
        let Some(BatchEntry { hash, .. }) = view.batch(previous.batch_count)? else { return Ok(None) };
        let outcome = execute_batch(&self.0.store.preimages()?, previous.root(), hash)?;
        Ok(Some(Executed { previous, hash, outcome }))
    }

    /// Takes an executed batch, unless L1 was rolled back meanwhile: it is followed, and batches with it, while one is executed.
    pub(super) fn put_derived(&self, Executed { previous, hash, outcome }: Executed) -> Result<(), ChainError> {
        let (index, blocks) = (previous.batch_count, outcome.blocks.len());
        let derived = self.change(|change| {
            let writer = &change.writer;
            if writer.last_output()? != previous || writer.batch(index)?.map(|entry| entry.hash) != Some(hash) {
                return Ok::<_, ChainError>(None);
            }
            let end = outcome.output.block_number;
            let mut same = 0;
            for block in &outcome.blocks {
                let ours = writer.header(block.header.number)?.map(|header| header.hash());
                if ours != Some(block.header.hash()) {
                    break;
                }
                same += 1;
            }
            let expected = writer.sequenced(index)?.is_some_and(|batch| batch.is_sealed() && batch.last_block == end);
            let replaced = !(expected && same == blocks);
            if replaced {
                writer.remove_sequenced_from(index)?;
                change.truncate(previous.block_number + same as u64)?;
            }
            for block in outcome.blocks.into_iter().skip(same) {
                change.append(block, index + 1)?;
            }
            change.put_output(&outcome.output)?;
            let finalized = change.writer.final_output()?.batch_count;
            change.writer.remove_sequenced_before(finalized)?;
            Ok(Some(replaced))
        })?;
        let head = outcome.output.block_number;
        match derived {
            Some(replaced) => tracing::info!(index, blocks, head, replaced, "derived batch"),
            None => tracing::info!(index, "batch was rolled back while it was derived"),
        }
        Ok(())
    }
}
