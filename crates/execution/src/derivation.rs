//! From a batch to the output after it.

use crate::{
    block::{BatchBuilder, BatchContext, ExecutedBlock},
    l1_info::{L1Info, L1Origin},
    preimages::{MissingPreimage, Preimages, read},
    state::State,
};
use alloc::vec::Vec;
use alloy_consensus::Header;
use alloy_primitives::{B256, Bytes, Sealed};
use alloy_rlp::Decodable;
use postern_protocol::{
    batch::{self, Batch, Block},
    blob,
    data::Source,
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
/// Everything is read by hash: the preimages of the output and of its block hash, of the batch hash, of the data commitment
/// and the chunks, or the words of the blobs, of the queue hash back to the first message that is not executed yet, those
/// messages, the data of those that are executed, the header of the L1 origin, trie nodes and code.
///
/// # Errors
///
/// If one of these is missing.
pub fn execute_batch<P: Preimages>(
    preimages: &P,
    previous_output_root: B256,
    batch_hash: B256,
) -> Result<BatchOutcome, MissingPreimage> {
    let mut blocks = Vec::new();
    let output = execute_blocks(preimages, previous_output_root, batch_hash, |block| blocks.push(block))?;
    Ok(BatchOutcome { output, blocks })
}

/// As [`execute_batch`], but hands each block over once it is sealed: whoever does not need the blocks need not hold them
/// all in memory.
///
/// # Errors
///
/// As there.
pub fn execute_blocks<P: Preimages>(
    preimages: &P,
    previous_output_root: B256,
    batch_hash: B256,
    take: impl FnMut(ExecutedBlock),
) -> Result<Output, MissingPreimage> {
    let previous = read(preimages, previous_output_root, Output::decode)?;
    let parent = read(preimages, previous.block_hash, decode_header)?;
    let batch = read(preimages, batch_hash, Batch::decode)?;
    let origin = read(preimages, batch.origin_hash, |header| {
        Some(L1Origin::from_header(batch.origin_number, batch.origin_hash, header))
    })?;
    let data = read_data(preimages, batch.data_commitment)?;
    let info = L1Info::read(&mut State::new(preimages, parent.state_root))?;
    let queue = Queue::read(preimages, &batch, &info)?;

    let context = BatchContext { origin, index: batch.index, last: queue.end() };
    let parent = Sealed::new_unchecked(parent, previous.block_hash);
    let builder = BatchBuilder::new(preimages, previous.l2_chain_id, parent, context)?;
    let mut derivation = Derivation { preimages, builder, queue, take };

    for block in batch::decode(&data) {
        derivation.block(&Block { timestamp: block.timestamp.min(batch.l1_time), ..block })?;
    }
    // The messages that no block named. One always fits a block.
    let closing = Block { timestamp: batch.l1_time, messages: u64::MAX, transactions: Vec::new() };
    while derivation.builder.progress().blocks == 0 || derivation.builder.executed() < context.last {
        derivation.block(&closing)?;
    }

    let Derivation { mut builder, .. } = derivation;
    let outbox_root = builder.state().outbox()?.root();
    let head = builder.head();
    Ok(Output {
        l2_chain_id: previous.l2_chain_id,
        state_root: head.state_root,
        outbox_root,
        block_hash: head.seal(),
        block_number: head.number,
        batch_count: batch.index.saturating_add(1),
    })
}

struct Derivation<'a, P, F> {
    preimages: &'a P,
    builder: BatchBuilder<&'a P>,
    queue: Queue,
    take: F,
}

impl<P: Preimages, F: FnMut(ExecutedBlock)> Derivation<'_, P, F> {
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
        (self.take)(block.seal()?);
        Ok(())
    }
}

/// The messages that a batch executes.
struct Queue {
    /// The queue hash at the batch's inclusion.
    hash: B256,
    /// Position of the first.
    start: u64,
    hashes: Vec<B256>,
}

impl Queue {
    /// Walks from the queue hash in the batch's record back to the first message that is not executed yet, if the batch
    /// consumes any.
    fn read(preimages: &impl Preimages, batch: &Batch, info: &L1Info) -> Result<Self, MissingPreimage> {
        let start = info.messages_executed;
        let mut hashes = Vec::new();
        let mut queue_hash = batch.queue_hash;
        let mut end = batch.queue_gas;
        let mut reached = info.gas_executed >= batch.consumed_to;
        while !reached {
            let (before, message_hash) = read(preimages, queue_hash, decode_queue)?;
            let (message, _) = read(preimages, message_hash, QueuedMessage::decode)?;
            if end <= batch.consumed_to {
                hashes.push(message_hash);
            }
            reached = message.index <= start;
            end = end.saturating_sub(message.gas_limit);
            queue_hash = before;
        }
        hashes.reverse();
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

/// The data of a batch, from wherever it is.
fn read_data(preimages: &impl Preimages, commitment: B256) -> Result<Vec<u8>, MissingPreimage> {
    match read(preimages, commitment, Source::decode)? {
        Source::Calldata(chunked) => {
            let mut data = Vec::new();
            for (position, hash) in chunked.chunk_hashes.iter().enumerate() {
                let length = chunked.chunk_length(position);
                let chunk = read(preimages, *hash, |chunk| (chunk.len() as u64 == length).then(|| chunk.to_vec()))?;
                data.extend_from_slice(&chunk);
            }
            Ok(data)
        }
        Source::Blobs(versioned_hashes) => {
            let word = |hash, index| preimages.blob_word(&hash, index).ok_or(MissingPreimage(hash));
            let blob = |hash| (0..blob::WORDS as u64).map(move |index| word(hash, index));
            let words: Vec<_> = versioned_hashes.into_iter().flat_map(blob).collect::<Result<_, _>>()?;
            Ok(blob::payload(words))
        }
    }
}
