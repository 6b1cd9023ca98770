//! How this node's own blocks come about.
//!
//! A block is built by the same code that later derives it, from the same inputs: the L1 origin is chosen when a batch is opened,
//! and each block claims the messages that wait at that moment, as far as the batch may consume the queue. It is sealed only when
//! all that it claims is executed, and consumes the queue as far as that, so that the derivation never adds a closing block, whose
//! time would be that of an L1 block yet unknown. Block times are those of L1 blocks already seen, so they are not clamped either,
//! unless a reorganisation puts a batch into an earlier L1 block: then it derives to other blocks.

use std::{collections::HashSet, sync::Arc, time::Duration};

use alloy::{
    consensus::{Header, Sealed},
    primitives::{Address, B256, Bytes},
};
use postern_execution::{BatchBuilder, BatchContext, BatchProgress, BlockBuilder, L1Origin, L2Transaction, SkipReason};
use postern_protocol::{
    batch,
    constants::{BATCH_MESSAGE_GAS, MAX_BLOCKS_PER_BATCH},
};

use super::{Chain, ChainError, StoreError, lock};
use crate::{
    mempool::PooledTransaction,
    store::{SequencedBatch, StorePreimages, View},
};

/// Most transactions that a block is offered.
const MAX_OFFERED: usize = 4_096;
/// Most bytes by which a block is longer than its transactions, and a transaction longer than its encoding (RLP heads).
const BLOCK_FRAME: usize = 32;
const TRANSACTION_FRAME: usize = 4;
/// Length of the data of a batch without blocks.
const EMPTY_DATA: u64 = 1;

/// What the operator decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SequencingPolicy {
    /// How many L1 blocks must stand on the one up to which a batch takes messages. Its origin is the one before that.
    pub(crate) confirmations: u64,
    /// How old a batch gets before it is sealed.
    pub(crate) batch_interval: Duration,
    /// Whether to build a block for each new L1 block though there is nothing in it.
    pub(crate) empty_blocks: bool,
    /// The longest encoding of a batch's blocks, in bytes: what can carry its data even if it does not compress.
    pub(crate) capacity: usize,
}

/// What a step of the sequencer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing: there is nothing to do yet.
    Idle,
    /// It built a block.
    Built,
    /// It sealed a batch, or found that the chain had moved meanwhile: there may be more to do at once.
    Again,
}

/// A sealed batch that L1 does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ToPost {
    /// Position at which it must land.
    pub(crate) index: u64,
    /// To where it consumes the queue, in L2 gas.
    pub(crate) consume_to: u64,
    /// Number of its L1 origin.
    pub(crate) origin_number: u64,
    /// Hash of its L1 origin.
    pub(crate) origin_hash: B256,
    /// Its data.
    pub(crate) data: Bytes,
}

/// A batch to which a block is to be added.
struct Draft {
    index: u64,
    /// As stored; none if the block would be its first.
    opened: Option<SequencedBatch>,
    origin: Sealed<Header>,
    /// To where the batch before consumes the queue, in L2 gas.
    consumed: u64,
    /// Messages that the batch may have executed at its end, since genesis, as far as they wait now.
    available: u64,
    /// The queue hash after those.
    queue_hash: B256,
    /// Whether another message waits, which is for the next batch.
    more: bool,
    /// Messages executed so far, since genesis.
    executed: u64,
    parent: Sealed<Header>,
    timestamp: u64,
}

/// What came of offering the pool to a block.
#[derive(Default)]
struct Offered {
    included: usize,
    /// Those that are not valid on this state.
    invalid: Vec<Arc<PooledTransaction>>,
    /// Whether one was left over that this batch has no room for.
    batch_full: bool,
}

impl Draft {
    fn progress(&self) -> Option<BatchProgress> {
        self.opened.as_ref().map(|batch| BatchProgress {
            wanted: batch.wanted,
            gas_left: batch.gas_left,
            blocks: batch.claims.len(),
        })
    }

    fn data_length(&self) -> u64 {
        self.opened.as_ref().map_or(EMPTY_DATA, |batch| batch.data_length)
    }

    fn builder(&self, preimages: StorePreimages, chain_id: u64) -> Result<BatchBuilder<StorePreimages>, ChainError> {
        let origin = alloy_rlp::encode(self.origin.inner());
        let context = BatchContext {
            origin: L1Origin::from_header(self.origin.number, self.origin.hash(), &origin),
            index: self.index,
            // Not decided yet; the blocks do not depend on it.
            last: u64::MAX,
        };
        Ok(match self.progress() {
            Some(progress) => BatchBuilder::resume(preimages, chain_id, self.parent.clone(), context, progress)?,
            None => BatchBuilder::new(preimages, chain_id, self.parent.clone(), context)?,
        })
    }
}

impl Chain {
    /// Builds a block, or seals a batch, if it is time. `now` is the wall clock in milliseconds since 1970.
    pub(crate) fn sequence(&self, policy: &SequencingPolicy, now: u64) -> Result<Step, ChainError> {
        let Some(draft) = self.draft(policy)? else { return Ok(Step::Idle) };
        if let Some(batch) = &draft.opened
            && self.is_due(&draft, batch, policy, now)?
        {
            self.seal(&draft, batch)?;
            return Ok(Step::Again);
        }

        let messages = draft.available.saturating_sub(draft.executed);
        let empty = policy.empty_blocks && draft.timestamp > draft.parent.timestamp;
        let next_base_fee = postern_execution::next_base_fee(&draft.parent);
        let waiting = lock(&self.0.pool).pool.best(next_base_fee).next().is_some();
        if messages == 0 && !waiting && !empty {
            return Ok(Step::Idle);
        }

        let mut builder = draft.builder(self.0.store.preimages()?, self.0.chain_id)?;
        let mut block = builder.block(draft.timestamp, messages)?;
        while let Some(index) = block.next_message() {
            let entry = self.queued_message(index)?.ok_or(StoreError::Corrupt("gap in the queue"))?;
            if !block.execute_message(&entry.message)? {
                break;
            }
        }
        let offered = self.offer(&mut block, draft.data_length(), policy.capacity)?;
        let block = block.seal()?;
        self.forget(&offered.invalid, &block.accounts);
        if block.transactions.is_empty() && !empty {
            // An open batch that has no room for what waits is sealed, though it is not old yet.
            return match &draft.opened {
                Some(batch) if offered.batch_full => self.seal(&draft, batch).map(|()| Step::Again),
                _ => Ok(Step::Idle),
            };
        }

        let progress = builder.progress();
        let described = batch::Block {
            timestamp: block.header.timestamp,
            messages,
            transactions: user_transactions(&block.transactions),
        };
        let data_length = draft.data_length() + batch::encoded_length(&described) as u64;
        let mut sequenced = draft.opened.clone().unwrap_or_else(|| SequencedBatch {
            first_block: block.header.number,
            last_block: block.header.number,
            wanted: progress.wanted,
            consume_to: 0,
            origin_number: draft.origin.number,
            origin_hash: draft.origin.hash(),
            gas_left: progress.gas_left,
            opened_at: now,
            data_length,
            claims: Vec::new(),
            data: Bytes::new(),
        });
        sequenced.last_block = block.header.number;
        sequenced.wanted = progress.wanted;
        sequenced.gas_left = progress.gas_left;
        sequenced.data_length = data_length;
        sequenced.claims.push(messages);

        let number = block.header.number;
        let executed = block.messages.clone();
        let built = self.change(|change| {
            let writer = &change.writer;
            let origin = writer.l1_header_at(draft.origin.number)?.map(|header| header.hash());
            let unmoved = writer.head()?.hash() == draft.parent.hash()
                && writer.sequenced(draft.index)? == draft.opened
                && writer.batch_count()? == writer.last_output()?.batch_count
                && origin == Some(draft.origin.hash())
                && writer.queue_count()? >= draft.available
                && writer.queue_hash(draft.available)? == draft.queue_hash;
            if unmoved {
                change.append(block, draft.index + 1)?;
                change.writer.put_sequenced(draft.index, &sequenced)?;
            }
            Ok::<_, ChainError>(unmoved)
        })?;
        if !built {
            return Ok(Step::Again);
        }
        tracing::debug!(number, batch = draft.index, ?executed, transactions = offered.included, "built L2 block");
        Ok(Step::Built)
    }

    /// The batch to which the next block belongs, unless L1 has to be followed or derived first.
    fn draft(&self, policy: &SequencingPolicy) -> Result<Option<Draft>, ChainError> {
        // What is built on an old view of L1 is soon replaced.
        if !self.heads().synced() {
            return Ok(None);
        }
        let view = self.0.store.read()?;
        let batches = view.batch_count()?;
        let Some(l1) = view.l1_head()? else { return Ok(None) };
        if view.last_output()?.batch_count != batches {
            return Ok(None);
        }
        let parent = view.head()?;
        let executed = view.progress(parent.number)?.messages_executed;
        let timestamp = parent.timestamp.max(l1.timestamp);
        let confirmed = view.l1_header_at(l1.number.saturating_sub(policy.confirmations))?;
        let Some(confirmed) = confirmed else { return Ok(None) };
        let last = view.last_sequenced()?.filter(|(index, _)| *index >= batches);
        let (index, opened) = match last {
            Some((index, batch)) if !batch.is_sealed() => (index, Some(batch)),
            Some((index, _)) => (index + 1, None),
            None => (batches, None),
        };
        let (consumed, last_origin) = match index.checked_sub(1) {
            Some(previous) if previous < batches => {
                let entry = view.batch(previous)?.ok_or(StoreError::Corrupt("gap in the batches"))?;
                (entry.batch.consumed_to, entry.batch.origin_number)
            }
            Some(previous) => {
                let batch = view.sequenced(previous)?.ok_or(StoreError::Corrupt("gap in the sequenced batches"))?;
                (batch.consume_to, batch.origin_number)
            }
            None => (0, 0),
        };
        let origin = match &opened {
            Some(batch) => {
                let origin = view.l1_header_at(batch.origin_number)?;
                origin.ok_or(StoreError::Corrupt("open batch without origin"))?
            }
            // The one before: in the past already for who simulates the batch in the last block.
            None => match view.l1_header_at(confirmed.number.saturating_sub(1))? {
                Some(origin) if origin.number >= last_origin => origin,
                // After a reorganisation L1 may have to grow first.
                _ => return Ok(None),
            },
        };
        let mut available = executed;
        let more = loop {
            match view.queued(available)?.filter(|entry| entry.l1.block_number <= confirmed.number) {
                Some(entry) if entry.end <= consumed.saturating_add(BATCH_MESSAGE_GAS) => available += 1,
                next => break next.is_some(),
            }
        };
        let queue_hash = view.queue_hash(available)?;
        Ok(Some(Draft { index, opened, origin, consumed, available, queue_hash, more, executed, parent, timestamp }))
    }

    /// Whether an open batch is complete, and old or large enough.
    fn is_due(
        &self,
        draft: &Draft,
        batch: &SequencedBatch,
        policy: &SequencingPolicy,
        now: u64,
    ) -> Result<bool, ChainError> {
        if draft.executed < batch.wanted {
            // What its blocks claim it has to execute.
            return Ok(false);
        }
        let full = batch.claims.len() >= MAX_BLOCKS_PER_BATCH
            || batch.data_length as usize + BLOCK_FRAME >= policy.capacity
            || (draft.more && draft.executed == draft.available);
        // While another batch waits for L1 this one may as well grow: L1 takes them one by one.
        let next = self.0.store.read()?.batch_count()? == draft.index;
        let old = Duration::from_millis(now.saturating_sub(batch.opened_at)) >= policy.batch_interval;
        Ok(full || (next && old))
    }

    /// Offers the pool to a block.
    fn offer(
        &self,
        block: &mut BlockBuilder<'_, StorePreimages>,
        data_length: u64,
        capacity: usize,
    ) -> Result<Offered, ChainError> {
        let candidates: Vec<_> = lock(&self.0.pool).pool.best(block.base_fee()).take(MAX_OFFERED).collect();
        let mut offered = Offered::default();
        let mut room = capacity.saturating_sub(data_length as usize + BLOCK_FRAME);
        // A sender's later transactions cannot go before an earlier one.
        let mut passed_over: HashSet<Address> = HashSet::new();
        for candidate in candidates {
            if passed_over.contains(&candidate.sender) {
                continue;
            }
            let length = candidate.raw.len() + TRANSACTION_FRAME;
            if length > room {
                offered.batch_full = true;
                passed_over.insert(candidate.sender);
                continue;
            }
            match block.execute_transaction(&candidate.raw)? {
                Ok(_) => {
                    offered.included += 1;
                    room -= length;
                    continue;
                }
                Err(SkipReason::MessagesWaiting) => break,
                Err(SkipReason::BlockGasLimit { .. }) => {}
                Err(SkipReason::BatchGasLimit { .. }) => offered.batch_full = true,
                Err(reason) => {
                    tracing::debug!(hash = %candidate.hash, %reason, "transaction is invalid now");
                    offered.invalid.push(candidate.clone());
                }
            }
            passed_over.insert(candidate.sender);
        }
        Ok(offered)
    }

    /// Forgets transactions that no block can include. One whose account this block changed may wait: the pool looks at it again.
    fn forget(&self, invalid: &[Arc<PooledTransaction>], changed: &[Address]) {
        let mut pool = lock(&self.0.pool);
        for transaction in invalid.iter().filter(|transaction| changed.binary_search(&transaction.sender).is_err()) {
            pool.pool.remove(transaction.hash);
            pool.stale.insert(transaction.hash);
        }
    }

    /// Ends an open batch: makes its data, and decides to where it consumes the queue.
    fn seal(&self, draft: &Draft, batch: &SequencedBatch) -> Result<(), ChainError> {
        let index = draft.index;
        let view = self.0.store.read()?;
        let executed = match draft.executed.checked_sub(1) {
            Some(last) => view.queued(last)?.ok_or(StoreError::Corrupt("gap in the queue"))?.end,
            None => 0,
        };
        // L1 wants a batch that leaves overdue messages behind to consume all that it may, also where that is not the end of a
        // message.
        let maximum = draft.consumed.saturating_add(BATCH_MESSAGE_GAS);
        let consume_to = match view.queued(draft.executed)? {
            Some(next) if next.end > maximum => maximum,
            _ => executed.max(draft.consumed),
        };
        let mut blocks = Vec::with_capacity(batch.claims.len());
        for (number, messages) in (batch.first_block..).zip(&batch.claims) {
            let Some(block) = view.block(number)? else { return Ok(()) };
            blocks.push(batch::Block {
                timestamp: block.header.timestamp,
                messages: *messages,
                transactions: user_transactions(&block.transactions),
            });
        }
        let data = batch::encode(&blocks);
        let length = data.len();
        let sealed = SequencedBatch { data, consume_to, ..batch.clone() };
        let unmoved = self.change(|change| {
            let unmoved = change.writer.sequenced(index)?.as_ref() == Some(batch);
            if unmoved {
                change.writer.put_sequenced(index, &sealed)?;
            }
            Ok::<_, ChainError>(unmoved)
        })?;
        if unmoved {
            tracing::info!(index, blocks = blocks.len(), bytes = length, "sealed batch");
        }
        Ok(())
    }

    /// The batch that L1 must get next, if it is sealed.
    pub(crate) fn next_to_post(&self) -> Result<Option<ToPost>, ChainError> {
        let view = self.0.store.read()?;
        let index = view.batch_count()?;
        if view.last_output()?.batch_count != index {
            return Ok(None);
        }
        let batch = view.sequenced(index)?.filter(SequencedBatch::is_sealed);
        Ok(batch.map(|batch| ToPost {
            index,
            consume_to: batch.consume_to,
            origin_number: batch.origin_number,
            origin_hash: batch.origin_hash,
            data: batch.data,
        }))
    }

    /// Gives up the sequenced batches from `index` on, because L1 will not take the first of them. Their transactions wait
    /// again.
    pub(crate) fn abandon(&self, index: u64) -> Result<(), ChainError> {
        self.change(|change| {
            // What is derived is L1's already.
            if index < change.writer.last_output()?.batch_count {
                return Ok(());
            }
            let Some(batch) = change.writer.sequenced(index)? else { return Ok(()) };
            change.writer.remove_sequenced_from(index)?;
            change.truncate(batch.first_block - 1)
        })
    }
}

/// The encodings of a block's transactions that come from its batch's data, not from the queue.
fn user_transactions(transactions: &[L2Transaction]) -> Vec<Bytes> {
    let users = transactions.iter().filter(|transaction| matches!(transaction, L2Transaction::Ethereum(_)));
    users.map(|transaction| transaction.encoded().into()).collect()
}
