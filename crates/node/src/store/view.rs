//! Rows by name: reading from a snapshot or from within a write transaction, and writing.

use std::{collections::BTreeMap, ops::Bound};

use alloy::{
    consensus::{Header, Sealable, Sealed},
    primitives::{B256, Bytes, keccak256},
};
use postern_protocol::{data, dispute::Challenge, message, outbox, output::Output};
use redb::{Key, ReadTransaction, ReadableTable, TableDefinition, Value, WriteTransaction};

use super::{
    BatchData, BatchEntry, Block, CommitmentEntry, CommitmentStatus, Event, Hash, L1Position, NodeEntry, NodeStatus,
    OutboxEntry, Progress, QueuedEntry, Record, SequencedBatch, StoreError,
    records::{BodyRow, Row},
    tables,
};
use crate::l1::Blob;

/// The only row of the table of that kind.
const IDENTITY: &str = "identity";

/// How far back L1 headers are kept, in L1 blocks: no further can L1 be rolled back. L1 itself knows the hashes of 8,191.
pub(crate) const L1_HEADERS_KEPT: u64 = 10_000;

/// What can be read, from a snapshot or in a write transaction.
pub(crate) trait View {
    /// Opens a table.
    fn table<K: Key + 'static, V: Value + 'static>(
        &self,
        definition: TableDefinition<'static, K, V>,
    ) -> Result<impl ReadableTable<K, V>, StoreError>;

    /// To what the file belongs.
    fn identity(&self) -> Result<Option<B256>, StoreError> {
        let table = self.table(tables::META)?;
        let row = table.get(IDENTITY)?;
        row.map(|row| B256::try_from(row.value()).map_err(|_| StoreError::Corrupt("identity"))).transpose()
    }

    /// Whether content of this hash is there.
    fn has_preimage(&self, hash: B256) -> Result<bool, StoreError> {
        Ok(self.table(tables::PREIMAGES)?.get(&hash.0)?.is_some())
    }

    /// Whether the blob of this versioned hash is there.
    fn has_blob(&self, hash: B256) -> Result<bool, StoreError> {
        Ok(self.table(tables::BLOBS)?.get(&hash.0)?.is_some())
    }

    /// The canonical L2 header of this number.
    fn header(&self, number: u64) -> Result<Option<Sealed<Header>>, StoreError> {
        Ok(self.get::<Header>(tables::HEADERS, number)?.map(Header::seal_slow))
    }

    /// The unsafe head.
    fn head(&self) -> Result<Sealed<Header>, StoreError> {
        let (_, header) = self.last::<Header>(tables::HEADERS)?.ok_or(StoreError::Corrupt("no genesis block"))?;
        Ok(header.seal_slow())
    }

    /// A canonical L2 block.
    fn block(&self, number: u64) -> Result<Option<Block>, StoreError> {
        let Some(header) = self.header(number)? else { return Ok(None) };
        let body: BodyRow = self.get(tables::BODIES, number)?.ok_or(StoreError::Corrupt("header without body"))?;
        body.into_block(header, self.progress(number)?).map(Some)
    }

    /// How far everything had come at the end of a canonical block, which must be there.
    fn progress(&self, number: u64) -> Result<Progress, StoreError> {
        let table = self.table(tables::PROGRESS)?;
        let row = table.get(number)?.ok_or(StoreError::Corrupt("block without progress"))?;
        let (batch_count, messages_executed, outbox_count) = row.value();
        Ok(Progress { batch_count, messages_executed, outbox_count })
    }

    /// Number of a canonical L2 block.
    fn block_number(&self, hash: B256) -> Result<Option<u64>, StoreError> {
        Ok(self.table(tables::NUMBERS)?.get(&hash.0)?.map(|row| row.value()))
    }

    /// Block number and index of a canonical L2 transaction.
    fn transaction(&self, hash: B256) -> Result<Option<(u64, u64)>, StoreError> {
        Ok(self.table(tables::TRANSACTIONS)?.get(&hash.0)?.map(|row| row.value()))
    }

    /// A message that a canonical block sent to L1.
    fn outbox_entry(&self, index: u64) -> Result<Option<OutboxEntry>, StoreError> {
        self.get(tables::OUTBOX, index)
    }

    /// The complete nodes of the tree over these messages.
    fn outbox_nodes(&self) -> Result<impl outbox::Nodes<Error = StoreError>, StoreError> {
        Ok(OutboxNodes(self.table(tables::OUTBOX_NODES)?))
    }

    /// The output after that many batches, if they were derived.
    fn output(&self, batch_count: u64) -> Result<Option<Output>, StoreError> {
        let table = self.table(tables::OUTPUTS)?;
        let row = table.get(batch_count)?;
        row.map(|row| decode_output(row.value())).transpose()
    }

    /// The last output: how far L1's batches are derived.
    fn last_output(&self) -> Result<Output, StoreError> {
        let table = self.table(tables::OUTPUTS)?;
        let (_, row) = table.last()?.ok_or(StoreError::Corrupt("no genesis output"))?;
        decode_output(row.value())
    }

    /// A batch that this node sequenced.
    fn sequenced(&self, index: u64) -> Result<Option<SequencedBatch>, StoreError> {
        self.get(tables::SEQUENCED, index)
    }

    /// The last batch that this node sequenced, with its index.
    fn last_sequenced(&self) -> Result<Option<(u64, SequencedBatch)>, StoreError> {
        self.last(tables::SEQUENCED)
    }

    /// Those of these messages that were executed on L1, and in which L1 block.
    fn finalized_messages(&self, indices: &[u64]) -> Result<BTreeMap<u64, u64>, StoreError> {
        let table = self.table(tables::FINALIZED_MESSAGES)?;
        let find = |&index| Ok(table.get(index)?.map(|row| (index, row.value())));
        indices.iter().map(find).filter_map(Result::transpose).collect()
    }

    /// All transactions that wait for a block, with the time in seconds at which they came.
    fn pool(&self) -> Result<Vec<(u64, Bytes)>, StoreError> {
        let table = self.table(tables::POOL)?;
        let entry = |row: &[u8]| {
            let (arrived, raw) = row.split_first_chunk().ok_or(StoreError::Corrupt("pool"))?;
            Ok((u64::from_be_bytes(*arrived), Bytes::copy_from_slice(raw)))
        };
        table.iter()?.map(|row| entry(row?.1.value())).collect()
    }

    /// The L1 header up to which L1 was followed; none before the first.
    fn l1_head(&self) -> Result<Option<Sealed<Header>>, StoreError> {
        Ok(self.last::<Header>(tables::L1_HEADERS)?.map(|(_, header)| header.seal_slow()))
    }

    /// The last L1 header kept at or below `number`.
    fn l1_header_at(&self, number: u64) -> Result<Option<Sealed<Header>>, StoreError> {
        let table = self.table(tables::L1_HEADERS)?;
        let row = table.range(..=number)?.next_back().transpose()?;
        row.map(|(_, row)| Header::from_row(row.value()).map(Header::seal_slow)).transpose()
    }

    /// How many messages L1 queued.
    fn queue_count(&self) -> Result<u64, StoreError> {
        self.count(tables::QUEUE)
    }

    /// A message of the queue.
    fn queued(&self, index: u64) -> Result<Option<QueuedEntry>, StoreError> {
        self.get(tables::QUEUE, index)
    }

    /// Where in the queue the last message ends, in L2 gas.
    fn queue_gas(&self) -> Result<u64, StoreError> {
        Ok(self.last::<QueuedEntry>(tables::QUEUE)?.map_or(0, |(_, entry)| entry.end))
    }

    /// The queue hash after `count` messages, which must be there.
    fn queue_hash(&self, count: u64) -> Result<B256, StoreError> {
        let Some(last) = count.checked_sub(1) else { return Ok(B256::ZERO) };
        Ok(self.queued(last)?.ok_or(StoreError::Corrupt("gap in the queue"))?.queue_hash)
    }

    /// How many batches L1 has.
    fn batch_count(&self) -> Result<u64, StoreError> {
        self.count(tables::BATCHES)
    }

    /// A batch on L1.
    fn batch(&self, index: u64) -> Result<Option<BatchEntry>, StoreError> {
        self.get(tables::BATCHES, index)
    }

    /// The last batch on L1.
    fn last_batch(&self) -> Result<Option<BatchEntry>, StoreError> {
        Ok(self.last(tables::BATCHES)?.map(|(_, entry)| entry))
    }

    /// A commitment seen on L1.
    fn commitment(&self, id: B256) -> Result<Option<CommitmentEntry>, StoreError> {
        let table = self.table(tables::COMMITMENTS)?;
        let row = table.get(&id.0)?;
        row.map(|row| CommitmentEntry::from_row(row.value())).transpose()
    }

    /// Commitments seen on L1 that reach at least `batch_count` batches, in order of how many they reach, then of L1: the first
    /// `limit` of them, or of those that follow on `after`.
    fn commitments_from(
        &self,
        batch_count: u64,
        after: Option<&CommitmentEntry>,
        limit: usize,
    ) -> Result<Vec<CommitmentEntry>, StoreError> {
        let first = Bound::Included((batch_count, 0, 0));
        let after = after.map(claim_key).filter(|(reached, ..)| *reached >= batch_count);
        let claims = self.table(tables::CLAIMS)?;
        let mut entries = Vec::new();
        for row in claims.range((after.map_or(first, Bound::Excluded), Bound::Unbounded))?.take(limit) {
            let id = B256::from(row?.1.value());
            entries.push(self.commitment(id)?.ok_or(StoreError::Corrupt("claim without commitment"))?);
        }
        Ok(entries)
    }

    /// Commitments seen on L1 that are neither final nor rejected, in the same order.
    fn open_commitments(&self) -> Result<Vec<CommitmentEntry>, StoreError> {
        let mut entries = Vec::new();
        for row in self.table(tables::OPEN_CLAIMS)?.iter()? {
            let id = B256::from(row?.1.value());
            entries.push(self.commitment(id)?.ok_or(StoreError::Corrupt("claim without commitment"))?);
        }
        Ok(entries)
    }

    /// Of the commitments seen on L1 that reach at least `first` and at most `last` batches those that reach most, in L1's order.
    fn last_commitments(&self, first: u64, last: u64) -> Result<Vec<CommitmentEntry>, StoreError> {
        let claims = self.table(tables::CLAIMS)?;
        let up_to = claims.range(..=(last, u64::MAX, u64::MAX))?.next_back().transpose()?;
        let Some(count) = up_to.map(|(key, _)| key.value().0).filter(|count| *count >= first) else {
            return Ok(Vec::new());
        };
        let mut entries = Vec::new();
        for row in claims.range((count, 0, 0)..=(count, u64::MAX, u64::MAX))? {
            let entry = self.commitment(B256::from(row?.1.value()))?;
            entries.push(entry.ok_or(StoreError::Corrupt("claim without commitment"))?);
        }
        Ok(entries)
    }

    /// The final commitment that reaches furthest of those that the outputs agree with, if there is one besides genesis.
    fn final_commitment(&self) -> Result<Option<CommitmentEntry>, StoreError> {
        let derived = self.last_output()?.batch_count;
        let table = self.table(tables::FINAL)?;
        for row in table.range(..=(derived, &[0xff; 32]))?.rev() {
            let (key, _) = row?;
            let (batch_count, id) = key.value();
            let entry = self.commitment(B256::from(id))?.ok_or(StoreError::Corrupt("final without commitment"))?;
            let output = self.output(batch_count)?.ok_or(StoreError::Corrupt("gap in the outputs"))?;
            if entry.commitment.output_root == output.root() {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// The furthest output that a final commitment agrees with, the genesis output if there is no other.
    fn final_output(&self) -> Result<Output, StoreError> {
        let batch_count = self.final_commitment()?.map_or(0, |entry| entry.commitment.batch_count);
        self.output(batch_count)?.ok_or(StoreError::Corrupt("no genesis output"))
    }

    /// A node of a dispute, seen on L1.
    fn node(&self, id: B256) -> Result<Option<NodeEntry>, StoreError> {
        let table = self.table(tables::NODES)?;
        let row = table.get(&id.0)?;
        row.map(|row| NodeEntry::from_row(row.value())).transpose()
    }

    /// The nodes of a challenge, in L1's order.
    fn nodes_of(&self, Challenge { commitment, position }: Challenge) -> Result<Vec<NodeEntry>, StoreError> {
        let table = self.table(tables::DISPUTES)?;
        let (first, last) = ((&commitment.0, position, 0, 0), (&commitment.0, position, u64::MAX, u64::MAX));
        let mut entries = Vec::new();
        for row in table.range(first..=last)? {
            let id = B256::from(row?.1.value());
            entries.push(self.node(id)?.ok_or(StoreError::Corrupt("dispute without node"))?);
        }
        Ok(entries)
    }

    /// The challenges of a commitment, by position.
    fn challenges_of(&self, commitment: B256) -> Result<Vec<Challenge>, StoreError> {
        let table = self.table(tables::DISPUTES)?;
        let last = (&commitment.0, u64::MAX, u64::MAX, u64::MAX);
        let (mut challenges, mut next) = (Vec::new(), Some(0));
        // From the first node of a challenge to that of the next: there may be any number of others.
        while let Some(first) = next {
            let row = table.range((&commitment.0, first, 0, 0)..=last)?.next().transpose()?;
            let Some(position) = row.map(|(key, _)| key.value().1) else { break };
            challenges.push(Challenge { commitment, position });
            next = position.checked_add(1);
        }
        Ok(challenges)
    }

    /// The challenges of which a node is not decided.
    fn open_challenges(&self) -> Result<Vec<Challenge>, StoreError> {
        let table = self.table(tables::OPEN_NODES)?;
        let mut challenges = Vec::new();
        for row in table.iter()? {
            let (key, _) = row?;
            let (commitment, position, _) = key.value();
            let challenge = Challenge { commitment: B256::from(commitment), position };
            if challenges.last() != Some(&challenge) {
                challenges.push(challenge);
            }
        }
        Ok(challenges)
    }

    /// A row by number.
    fn get<T: Row>(&self, table: TableDefinition<'static, u64, Record>, key: u64) -> Result<Option<T>, StoreError> {
        let table = self.table(table)?;
        let row = table.get(key)?;
        row.map(|row| T::from_row(row.value())).transpose()
    }

    /// The last row by number.
    fn last<T: Row>(&self, table: TableDefinition<'static, u64, Record>) -> Result<Option<(u64, T)>, StoreError> {
        let table = self.table(table)?;
        let row = table.last()?;
        row.map(|(key, row)| Ok((key.value(), T::from_row(row.value())?))).transpose()
    }

    /// Rows of a table that is numbered from 0 without gaps.
    fn count(&self, table: TableDefinition<'static, u64, Record>) -> Result<u64, StoreError> {
        Ok(self.table(table)?.last()?.map_or(0, |(key, _)| key.value() + 1))
    }
}

impl View for ReadTransaction {
    fn table<K: Key + 'static, V: Value + 'static>(
        &self,
        definition: TableDefinition<'static, K, V>,
    ) -> Result<impl ReadableTable<K, V>, StoreError> {
        Ok(self.open_table(definition)?)
    }
}

/// The table of the outbox tree's nodes, open.
struct OutboxNodes<T>(T);

impl<T: ReadableTable<(u8, u64), Hash>> outbox::Nodes for OutboxNodes<T> {
    type Error = StoreError;

    fn node(&self, height: usize, position: u64) -> Result<B256, StoreError> {
        let row = self.0.get(outbox_node_key(height, position))?;
        row.map(|row| B256::from(row.value())).ok_or(StoreError::Corrupt("gap in the outbox tree"))
    }
}

/// A write transaction.
pub(crate) struct Writer(WriteTransaction);

impl View for Writer {
    fn table<K: Key + 'static, V: Value + 'static>(
        &self,
        definition: TableDefinition<'static, K, V>,
    ) -> Result<impl ReadableTable<K, V>, StoreError> {
        Ok(self.0.open_table(definition)?)
    }
}

impl Writer {
    pub(super) fn new(transaction: WriteTransaction) -> Self {
        Self(transaction)
    }

    /// Makes it all durable.
    pub(crate) fn commit(self) -> Result<(), StoreError> {
        Ok(self.0.commit()?)
    }

    pub(super) fn create_tables(&self) -> Result<(), StoreError> {
        self.0.open_table(tables::META)?;
        self.0.open_table(tables::PREIMAGES)?;
        self.0.open_table(tables::BLOBS)?;
        self.0.open_table(tables::NUMBERS)?;
        self.0.open_table(tables::TRANSACTIONS)?;
        self.0.open_table(tables::PROGRESS)?;
        self.0.open_table(tables::OUTBOX_NODES)?;
        self.0.open_table(tables::POOL)?;
        self.0.open_table(tables::JOURNAL)?;
        self.0.open_table(tables::COMMITMENTS)?;
        self.0.open_table(tables::CLAIMS)?;
        self.0.open_table(tables::OPEN_CLAIMS)?;
        self.0.open_table(tables::FINAL)?;
        self.0.open_table(tables::NODES)?;
        self.0.open_table(tables::DISPUTES)?;
        self.0.open_table(tables::OPEN_NODES)?;
        self.0.open_table(tables::FINALIZED_MESSAGES)?;
        for numbered in [
            tables::HEADERS,
            tables::BODIES,
            tables::OUTBOX,
            tables::OUTPUTS,
            tables::SEQUENCED,
            tables::L1_HEADERS,
            tables::QUEUE,
            tables::BATCHES,
        ] {
            self.0.open_table(numbered)?;
        }
        Ok(())
    }

    pub(super) fn set_identity(&self, identity: B256) -> Result<(), StoreError> {
        self.0.open_table(tables::META)?.insert(IDENTITY, identity.as_slice())?;
        Ok(())
    }

    /// Stores content whose hash the caller computed or checked.
    pub(crate) fn put_preimages<'a>(
        &self,
        preimages: impl IntoIterator<Item = (B256, &'a [u8])>,
    ) -> Result<(), StoreError> {
        let mut table = self.0.open_table(tables::PREIMAGES)?;
        for (hash, preimage) in preimages {
            table.insert(&hash.0, preimage)?;
        }
        Ok(())
    }

    /// Stores a blob.
    pub(crate) fn put_blob(&self, blob: &Blob) -> Result<(), StoreError> {
        self.0.open_table(tables::BLOBS)?.insert(&blob.hash().0, blob.bytes().as_ref())?;
        Ok(())
    }

    /// Appends a canonical block, the messages to L1 that it sent, and its header as a preimage. Its transactions leave the pool.
    pub(crate) fn put_block(&self, block: &Block, sent: &[OutboxEntry]) -> Result<(), StoreError> {
        let number = block.header.number;
        let hash = block.header.hash();
        let header = block.header.inner().to_row();
        self.put_preimages([(hash, header.as_slice())])?;
        self.0.open_table(tables::HEADERS)?.insert(number, header.as_slice())?;
        self.0.open_table(tables::BODIES)?.insert(number, BodyRow::new(block).to_row().as_slice())?;
        let Progress { batch_count, messages_executed, outbox_count } = block.progress;
        self.0.open_table(tables::PROGRESS)?.insert(number, (batch_count, messages_executed, outbox_count))?;
        self.0.open_table(tables::NUMBERS)?.insert(&hash.0, number)?;
        let mut transactions = self.0.open_table(tables::TRANSACTIONS)?;
        let mut pool = self.0.open_table(tables::POOL)?;
        for (index, transaction) in (0..).zip(&block.transactions) {
            let hash = transaction.hash();
            transactions.insert(&hash.0, (number, index))?;
            pool.remove(&hash.0)?;
        }
        let mut messages = self.0.open_table(tables::OUTBOX)?;
        let mut nodes = OutboxNodes(self.0.open_table(tables::OUTBOX_NODES)?);
        for entry in sent {
            let index = entry.message.index;
            messages.insert(index, entry.to_row().as_slice())?;
            for (height, position, node) in outbox::append(&nodes, index, entry.message.leaf())? {
                nodes.0.insert(outbox_node_key(height, position), &node.0)?;
            }
        }
        Ok(())
    }

    /// Removes the last canonical block and its messages to L1. `outbox_count` is that of its parent.
    pub(crate) fn remove_block(&self, block: &Block, outbox_count: u64) -> Result<(), StoreError> {
        self.0.open_table(tables::HEADERS)?.remove(block.header.number)?;
        self.0.open_table(tables::BODIES)?.remove(block.header.number)?;
        self.0.open_table(tables::PROGRESS)?.remove(block.header.number)?;
        self.0.open_table(tables::NUMBERS)?.remove(&block.header.hash().0)?;
        let mut transactions = self.0.open_table(tables::TRANSACTIONS)?;
        for transaction in &block.transactions {
            transactions.remove(&transaction.hash().0)?;
        }
        // No more and no less than the messages brought: what is left is the smaller tree, and a proof in it cannot meet a node
        // over a message that is gone.
        let mut nodes = self.0.open_table(tables::OUTBOX_NODES)?;
        for (height, position) in outbox::completed(outbox_count, block.progress.outbox_count) {
            nodes.remove(outbox_node_key(height, position))?;
        }
        self.remove_from(tables::OUTBOX, outbox_count)
    }

    /// Stores an output, by its batch count and as a preimage.
    pub(crate) fn put_output(&self, output: &Output) -> Result<(), StoreError> {
        let preimage = output.preimage();
        self.put_preimages([(output.root(), preimage.as_slice())])?;
        self.0.open_table(tables::OUTPUTS)?.insert(output.batch_count, preimage.as_slice())?;
        Ok(())
    }

    /// Removes the outputs after more than `batch_count` batches.
    pub(crate) fn remove_outputs_after(&self, batch_count: u64) -> Result<(), StoreError> {
        self.remove_from(tables::OUTPUTS, batch_count + 1)
    }

    /// Stores a batch that this node sequenced.
    pub(crate) fn put_sequenced(&self, index: u64, batch: &SequencedBatch) -> Result<(), StoreError> {
        self.put(tables::SEQUENCED, index, batch)
    }

    /// Removes the sequenced batches from `index` on.
    pub(crate) fn remove_sequenced_from(&self, index: u64) -> Result<(), StoreError> {
        self.remove_from(tables::SEQUENCED, index)
    }

    /// Removes the sequenced batches before `index`.
    pub(crate) fn remove_sequenced_before(&self, index: u64) -> Result<(), StoreError> {
        self.0.open_table(tables::SEQUENCED)?.retain_in(..index, |_, _| false)?;
        Ok(())
    }

    /// Stores a transaction that waits for a block.
    pub(crate) fn put_pooled(&self, hash: B256, arrived: u64, raw: &[u8]) -> Result<(), StoreError> {
        self.0.open_table(tables::POOL)?.insert(&hash.0, [&arrived.to_be_bytes(), raw].concat().as_slice())?;
        Ok(())
    }

    /// Forgets a transaction that waited for a block.
    pub(crate) fn remove_pooled(&self, hash: B256) -> Result<(), StoreError> {
        self.0.open_table(tables::POOL)?.remove(&hash.0)?;
        Ok(())
    }

    /// Stores the L1 header up to which L1 was followed, and lets go of those that are too old to matter: no L1 reorganises so
    /// deep, and no batch may name an origin so old.
    pub(crate) fn put_l1_header(&self, header: &Sealed<Header>) -> Result<(), StoreError> {
        let oldest = header.number.saturating_sub(L1_HEADERS_KEPT);
        self.0.open_table(tables::L1_HEADERS)?.retain_in(..oldest, |_, _| false)?;
        self.put(tables::L1_HEADERS, header.number, header.inner())
    }

    /// Stores an L1 header as content: the derivation reads origins by hash.
    pub(crate) fn put_origin(&self, header: &Sealed<Header>) -> Result<(), StoreError> {
        self.put_preimages([(header.hash(), header.inner().to_row().as_slice())])
    }

    /// Stores a message of the queue with all that the derivation reads of it. `previous` is the queue hash before it.
    pub(crate) fn put_queued(&self, entry: &QueuedEntry, previous: B256) -> Result<(), StoreError> {
        let message = &entry.message;
        let (preimage, hash) = (message.preimage(), message.hash());
        self.put_preimages([
            (entry.queue_hash, message::queue_preimage(previous, hash).as_slice()),
            (hash, preimage.as_slice()),
            (keccak256(&message.data), message.data.as_ref()),
        ])?;
        self.put(tables::QUEUE, message.index, entry)?;
        self.put_event(entry.l1.block_number, entry.l1.log_index, Event::Queued(message.index))
    }

    /// Stores a batch of L1 with all that the derivation reads of it, except its blobs, which must be there.
    pub(crate) fn put_batch(&self, entry: &BatchEntry) -> Result<(), StoreError> {
        let record = entry.batch.preimage();
        let commitment = entry.data.commitment_preimage();
        self.put_preimages([(entry.hash, record.as_slice()), (entry.batch.data_commitment, commitment.as_slice())])?;
        if let BatchData::Calldata(data) = &entry.data {
            self.put_preimages(data::chunks(data).map(|chunk| (keccak256(chunk), chunk)))?;
        }
        self.put(tables::BATCHES, entry.batch.index, entry)?;
        self.put_event(entry.l1.block_number, entry.l1.log_index, Event::Appended(entry.batch.index))
    }

    /// Stores a commitment that was proposed.
    pub(crate) fn put_commitment(&self, entry: &CommitmentEntry) -> Result<(), StoreError> {
        self.0.open_table(tables::CLAIMS)?.insert(claim_key(entry), &entry.id.0)?;
        self.put_status(entry)?;
        self.put_event(entry.l1.block_number, entry.l1.log_index, Event::Proposed(entry.id))
    }

    /// Notes that a message was executed on L1.
    pub(crate) fn put_finalized_message(&self, index: u64, l1: L1Position) -> Result<(), StoreError> {
        self.0.open_table(tables::FINALIZED_MESSAGES)?.insert(index, l1.block_number)?;
        self.put_event(l1.block_number, l1.log_index, Event::MessageFinalized(index))
    }

    /// Notes that a commitment became final or was rejected.
    pub(crate) fn settle_commitment(
        &self,
        entry: CommitmentEntry,
        status: CommitmentStatus,
        l1_block: u64,
        log_index: u64,
    ) -> Result<(), StoreError> {
        let event = match status {
            CommitmentStatus::Final => Event::Finalized(entry.id),
            CommitmentStatus::Proposed | CommitmentStatus::Rejected => Event::Rejected(entry.id),
        };
        self.put_status(&CommitmentEntry { status, ..entry })?;
        self.put_event(l1_block, log_index, event)
    }

    /// Stores a commitment whose place is known, and sorts it by its status.
    fn put_status(&self, entry: &CommitmentEntry) -> Result<(), StoreError> {
        self.0.open_table(tables::COMMITMENTS)?.insert(&entry.id.0, entry.to_row().as_slice())?;
        let mut open = self.0.open_table(tables::OPEN_CLAIMS)?;
        match entry.status {
            CommitmentStatus::Proposed => open.insert(claim_key(entry), &entry.id.0)?,
            CommitmentStatus::Final | CommitmentStatus::Rejected => open.remove(claim_key(entry))?,
        };
        let mut table = self.0.open_table(tables::FINAL)?;
        let key = (entry.commitment.batch_count, &entry.id.0);
        match entry.status {
            CommitmentStatus::Final => table.insert(key, ())?,
            CommitmentStatus::Proposed | CommitmentStatus::Rejected => table.remove(key)?,
        };
        Ok(())
    }

    /// Stores a node of a dispute that was posted.
    pub(crate) fn put_node(&self, entry: &NodeEntry) -> Result<(), StoreError> {
        self.0.open_table(tables::DISPUTES)?.insert(dispute_key(entry), &entry.id.0)?;
        self.put_node_status(entry)?;
        self.put_event(entry.l1.block_number, entry.l1.log_index, Event::NodePosted(entry.id))
    }

    /// Notes what came of a node of a dispute.
    pub(crate) fn resolve_node(&self, entry: &NodeEntry, l1: L1Position) -> Result<(), StoreError> {
        self.put_node_status(entry)?;
        self.put_event(l1.block_number, l1.log_index, Event::NodeResolved(entry.id))
    }

    fn put_node_status(&self, entry: &NodeEntry) -> Result<(), StoreError> {
        self.0.open_table(tables::NODES)?.insert(&entry.id.0, entry.to_row().as_slice())?;
        let mut open = self.0.open_table(tables::OPEN_NODES)?;
        match entry.status {
            NodeStatus::Open => open.insert(open_key(entry), ())?,
            NodeStatus::Refuted | NodeStatus::Stands => open.remove(open_key(entry))?,
        };
        Ok(())
    }

    /// Takes back all that L1 brought after block `number`.
    pub(crate) fn rollback_l1(&self, number: u64) -> Result<(), StoreError> {
        let events = {
            let mut journal = self.0.open_table(tables::JOURNAL)?;
            let range = (number + 1, 0)..;
            let events = journal
                .range(range.clone())?
                .rev()
                .map(|row| Event::from_row(row?.1.value()))
                .collect::<Result<Vec<_>, _>>()?;
            journal.retain_in(range, |_, _| false)?;
            events
        };
        for event in events {
            match event {
                Event::Queued(index) => self.remove_from(tables::QUEUE, index)?,
                Event::Appended(index) => self.remove_from(tables::BATCHES, index)?,
                Event::Proposed(id) => {
                    let entry = self.known_commitment(id)?;
                    self.0.open_table(tables::OPEN_CLAIMS)?.remove(claim_key(&entry))?;
                    self.0.open_table(tables::CLAIMS)?.remove(claim_key(&entry))?;
                    self.0.open_table(tables::COMMITMENTS)?.remove(&id.0)?;
                }
                Event::Finalized(id) | Event::Rejected(id) => {
                    let status = CommitmentStatus::Proposed;
                    self.put_status(&CommitmentEntry { status, ..self.known_commitment(id)? })?;
                }
                Event::MessageFinalized(index) => {
                    self.0.open_table(tables::FINALIZED_MESSAGES)?.remove(index)?;
                }
                Event::NodePosted(id) => {
                    let entry = self.known_node(id)?;
                    self.0.open_table(tables::OPEN_NODES)?.remove(open_key(&entry))?;
                    self.0.open_table(tables::DISPUTES)?.remove(dispute_key(&entry))?;
                    self.0.open_table(tables::NODES)?.remove(&id.0)?;
                }
                Event::NodeResolved(id) => {
                    self.put_node_status(&NodeEntry { status: NodeStatus::Open, ..self.known_node(id)? })?;
                }
            }
        }
        self.remove_from(tables::L1_HEADERS, number + 1)
    }

    fn known_commitment(&self, id: B256) -> Result<CommitmentEntry, StoreError> {
        self.commitment(id)?.ok_or(StoreError::Corrupt("event without commitment"))
    }

    fn known_node(&self, id: B256) -> Result<NodeEntry, StoreError> {
        self.node(id)?.ok_or(StoreError::Corrupt("event without node"))
    }

    fn put_event(&self, l1_block: u64, log_index: u64, event: Event) -> Result<(), StoreError> {
        self.0.open_table(tables::JOURNAL)?.insert((l1_block, log_index), event.to_row().as_slice())?;
        Ok(())
    }

    fn put<T: Row>(&self, table: TableDefinition<'static, u64, Record>, key: u64, value: &T) -> Result<(), StoreError> {
        self.0.open_table(table)?.insert(key, value.to_row().as_slice())?;
        Ok(())
    }

    fn remove_from(&self, table: TableDefinition<'static, u64, Record>, first: u64) -> Result<(), StoreError> {
        self.0.open_table(table)?.retain_in(first.., |_, _| false)?;
        Ok(())
    }
}

/// Where a node of the outbox tree is. Heights end at 64.
fn outbox_node_key(height: usize, position: u64) -> (u8, u64) {
    (height as u8, position)
}

/// Where a commitment is in the order of claims.
fn claim_key(entry: &CommitmentEntry) -> (u64, u64, u64) {
    (entry.commitment.batch_count, entry.l1.block_number, entry.l1.log_index)
}

/// Where a node is in the order of its dispute.
fn dispute_key(NodeEntry { challenge, l1, .. }: &NodeEntry) -> (&[u8; 32], u64, u64, u64) {
    (&challenge.commitment.0, challenge.position, l1.block_number, l1.log_index)
}

/// Where a node is among those that are not decided.
fn open_key(NodeEntry { challenge, id, .. }: &NodeEntry) -> (&[u8; 32], u64, &[u8; 32]) {
    (&challenge.commitment.0, challenge.position, &id.0)
}

fn decode_output(row: &[u8]) -> Result<Output, StoreError> {
    Output::decode(row).ok_or(StoreError::Corrupt("output"))
}
