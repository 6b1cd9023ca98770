//! From a batch to the output after it.

use crate::{
    block::{BatchBuilder, BatchContext, ExecutedBlock, queued_gas_limit},
    l1_info::L1Origin,
    preimages::{MissingPreimage, Preimages, read},
};
use alloc::vec::Vec;
use alloy_consensus::Header;
use alloy_primitives::{B256, Bytes, Sealed};
use alloy_rlp::Decodable;
use postern_protocol::{
    batch::{self, Batch, Block},
    data::Chunked,
    message::{QueuedMessage, decode_queue},
    output::Output,
};
use revm::primitives::KECCAK_EMPTY;

/// What a batch comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchOutcome {
    /// The output after it.
    pub output: Output,
    /// Its blocks, at least one.
    pub blocks: Vec<ExecutedBlock>,
}

/// Applies the batch with hash `batch_hash` to the output with root `previous_output_root`. Takes every batch: what its
/// data says amiss is ignored or skipped, and the queue is consumed as its record promised.
///
/// Everything is read by hash: the preimages of the output and of its block hash, of the hashes of the batch and of the
/// one before, of the data commitment and the chunks, of the queue hash back to the first message that is not executed
/// yet, those messages with their data, the header of the L1 origin, trie nodes and code.
///
/// # Errors
///
/// If one of these is missing.
pub fn execute_batch<P: Preimages>(
    preimages: &P,
    previous_output_root: B256,
    batch_hash: B256,
) -> Result<BatchOutcome, MissingPreimage> {
    let previous = read(preimages, previous_output_root, Output::decode)?;
    let parent = read(preimages, previous.block_hash, decode_header)?;
    let batch = read(preimages, batch_hash, Batch::decode)?;
    let origin = read(preimages, batch.origin_hash, |header| {
        Some(L1Origin::from_header(batch.origin_number, batch.origin_hash, header))
    })?;
    let data = read_data(preimages, batch.data_commitment)?;
    let promised = if batch.parent.is_zero() { 0 } else { read(preimages, batch.parent, Batch::decode)?.consumed_to };

    let context = BatchContext { origin, index: batch.index, promised, consumed_to: batch.consumed_to };
    let parent = Sealed::new_unchecked(parent, previous.block_hash);
    let builder = BatchBuilder::new(preimages, previous.l2_chain_id, parent, context)?;
    let queue = Queue::read(preimages, &batch, builder.executed())?;
    let mut derivation = Derivation { preimages, builder, queue, blocks: Vec::new() };

    for block in batch::decode(&data) {
        derivation.block(&Block { timestamp: block.timestamp.min(batch.l1_time), ..block })?;
    }
    let closing = Block { timestamp: batch.l1_time, messages: u64::MAX, transactions: Vec::new() };
    while derivation.blocks.is_empty() || derivation.next_message_fits()? {
        derivation.block(&closing)?;
    }

    let Derivation { mut builder, blocks, .. } = derivation;
    let outbox_root = builder.state().outbox()?.root();
    let head = builder.head();
    let output = Output {
        l2_chain_id: previous.l2_chain_id,
        state_root: head.state_root,
        outbox_root,
        block_hash: head.seal(),
        block_number: head.number,
        batch_count: batch.index.saturating_add(1),
    };
    Ok(BatchOutcome { output, blocks })
}

struct Derivation<'a, P> {
    preimages: &'a P,
    builder: BatchBuilder<&'a P>,
    queue: Queue,
    blocks: Vec<ExecutedBlock>,
}

impl<P: Preimages> Derivation<'_, P> {
    /// Makes a block as the batch's data describes it, its timestamp clamped from above.
    fn block(&mut self, description: &Block) -> Result<(), MissingPreimage> {
        let mut block = self.builder.block(description.timestamp, description.messages)?;
        while let Some(position) = block.next_message() {
            let message = self.queue.message(self.preimages, position)?;
            block.execute_message(&message)?;
        }
        for transaction in &description.transactions {
            // Why it was skipped is in the sealed block.
            let _ = block.execute_transaction(transaction)?;
        }
        self.blocks.push(block.seal()?);
        Ok(())
    }

    /// Whether messages are left that this batch can still execute.
    fn next_message_fits(&self) -> Result<bool, MissingPreimage> {
        let position = self.builder.executed();
        if position >= self.queue.end() {
            return Ok(false);
        }
        let message = self.queue.message(self.preimages, position)?;
        Ok(queued_gas_limit(&message) <= self.builder.progress().gas_left)
    }
}

/// The messages that a batch may execute.
struct Queue {
    /// The queue hash at the batch's inclusion.
    hash: B256,
    /// Position of the first.
    start: u64,
    hashes: Vec<B256>,
}

impl Queue {
    /// Walks from the queue hash in the batch's record back to the message at `start`.
    fn read(preimages: &impl Preimages, batch: &Batch, start: u64) -> Result<Self, MissingPreimage> {
        let mut hashes = Vec::new();
        let mut queue_hash = batch.queue_hash;
        if start < batch.consumed_to {
            for position in (start..batch.queue_count).rev() {
                let (before, message_hash) = read(preimages, queue_hash, decode_queue)?;
                if position < batch.consumed_to {
                    hashes.push(message_hash);
                }
                queue_hash = before;
            }
            hashes.reverse();
        }
        Ok(Self { hash: batch.queue_hash, start, hashes })
    }

    /// Position after the last.
    fn end(&self) -> u64 {
        self.start + self.hashes.len() as u64
    }

    /// The message at a position from `start` on.
    fn message(&self, preimages: &impl Preimages, position: u64) -> Result<QueuedMessage, MissingPreimage> {
        let hash = self.hashes.get((position - self.start) as usize).ok_or(MissingPreimage(self.hash))?;
        let (message, data_hash) = read(preimages, *hash, QueuedMessage::decode)?;
        let data = if data_hash == KECCAK_EMPTY {
            Bytes::new()
        } else {
            preimages.get(&data_hash).ok_or(MissingPreimage(data_hash))?
        };
        Ok(QueuedMessage { data, ..message })
    }
}

fn decode_header(mut rlp: &[u8]) -> Option<Header> {
    let header = Header::decode(&mut rlp).ok()?;
    rlp.is_empty().then_some(header)
}

fn read_data(preimages: &impl Preimages, commitment: B256) -> Result<Vec<u8>, MissingPreimage> {
    let chunked = read(preimages, commitment, Chunked::decode)?;
    let mut data = Vec::new();
    for (position, hash) in chunked.chunk_hashes.iter().enumerate() {
        let length = chunked.chunk_length(position);
        let chunk = read(preimages, *hash, |chunk| (chunk.len() as u64 == length).then(|| chunk.to_vec()))?;
        data.extend_from_slice(&chunk);
    }
    Ok(data)
}
