//! Batches: the record that L1 keeps by its hash, and the encoding of their data.

use crate::{
    constants::MAX_BLOCKS_PER_BATCH,
    words::{Decoder, Encoder},
};
use alloc::vec::Vec;
use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::{Decodable, Encodable, RlpDecodable, RlpEncodable};

/// First byte of the data.
const VERSION: u8 = 0;

/// All that a batch of L2 inputs is, kept on L1 only as its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Hash of the batch before this one; zero for the first. A batch hash so commits to the whole history of inputs.
    pub parent: B256,
    /// Position of the batch, counted from 0.
    pub index: u64,
    /// L1 time of inclusion, in seconds: no L2 block of the batch is later.
    pub l1_time: u64,
    /// L1 block of inclusion.
    pub l1_block: u64,
    /// The L1 block whose facts the L2 blocks of this batch see.
    pub origin_number: u64,
    /// Hash of that L1 block.
    pub origin_hash: B256,
    /// What the data hashes to, in the form that its source prescribes.
    pub data_commitment: B256,
    /// The bridge's queue hash at inclusion.
    pub queue_hash: B256,
    /// Messages in the queue at inclusion.
    pub queue_count: u64,
    /// Messages `[0, consumed_to)` of the queue are ordered once this batch is.
    pub consumed_to: u64,
}

impl Batch {
    /// What the hash covers: ten words.
    pub fn preimage(&self) -> Vec<u8> {
        Encoder::new(10)
            .word(self.parent)
            .u64(self.index)
            .u64(self.l1_time)
            .u64(self.l1_block)
            .u64(self.origin_number)
            .word(self.origin_hash)
            .word(self.data_commitment)
            .word(self.queue_hash)
            .u64(self.queue_count)
            .u64(self.consumed_to)
            .finish()
    }

    /// The batch hash.
    pub fn hash(&self) -> B256 {
        keccak256(self.preimage())
    }

    /// Reads a record back from its preimage.
    pub fn decode(preimage: &[u8]) -> Option<Self> {
        let mut words = Decoder::new(preimage);
        let batch = Self {
            parent: words.word()?,
            index: words.u64()?,
            l1_time: words.u64()?,
            l1_block: words.u64()?,
            origin_number: words.u64()?,
            origin_hash: words.word()?,
            data_commitment: words.word()?,
            queue_hash: words.word()?,
            queue_count: words.u64()?,
            consumed_to: words.u64()?,
        };
        words.finish()?;
        Some(batch)
    }
}

/// One L2 block as a batch's data describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct Block {
    /// Claimed time, in seconds; clamped by the derivation.
    pub timestamp: u64,
    /// How many messages of the queue the block begins with.
    pub messages: u64,
    /// EIP-2718 encodings, unchecked.
    pub transactions: Vec<Bytes>,
}

/// The data of a batch of these blocks.
pub fn encode(blocks: &[Block]) -> Bytes {
    let mut data = alloc::vec![VERSION];
    blocks.iter().for_each(|block| block.encode(&mut data));
    data.into()
}

/// How many bytes `block` adds to a batch's data. The version byte comes on top, once.
pub fn encoded_length(block: &Block) -> usize {
    block.length()
}

/// The blocks in a batch's data, up to the first byte that does not fit or to `MAX_BLOCKS_PER_BATCH`; the rest is ignored.
/// Takes any bytes. The RLP must be canonical, as everywhere in Ethereum.
pub fn decode(data: &[u8]) -> Vec<Block> {
    let Some((&VERSION, mut rest)) = data.split_first() else {
        return Vec::new();
    };
    let next = || Block::decode(&mut rest).ok();
    core::iter::from_fn(next).take(MAX_BLOCKS_PER_BATCH).collect()
}
