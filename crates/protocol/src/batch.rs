//! Batches: the record that L1 keeps by its hash, and the encoding of their data.

use crate::{
    constants::{MAX_BATCH_CONTENT, MAX_BLOCKS_PER_BATCH, MAX_TRANSACTIONS_PER_BATCH},
    words::{Decoder, Encoder},
};
use alloc::vec::Vec;
use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::{Decodable, Encodable, Header, RlpEncodable};
use core::iter;
use miniz_oxide::{deflate::compress_to_vec, inflate::decompress_slice_iter_to_slice};

/// First byte of data that is the blocks.
const RAW: u8 = 0;

/// First byte of data that is the blocks, compressed: a stream of DEFLATE (RFC 1951), without a header or a checksum.
const DEFLATE: u8 = 1;

/// Of 0 to 10. 1,000 mixed transactions take 17 ms; a lower one saves time that nobody waits for, the highest gains 0.2 %.
const COMPRESSION_LEVEL: u8 = 9;

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
    /// Where the queue ended at inclusion, in L2 gas: the gas limits of its messages together.
    pub queue_gas: u64,
    /// The messages of the queue that end here or before, in L2 gas, are executed once this batch is.
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
            .u64(self.queue_gas)
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
            queue_gas: words.u64()?,
            consumed_to: words.u64()?,
        };
        words.finish()?;
        Some(batch)
    }
}

/// One L2 block as a batch's data describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, RlpEncodable)]
pub struct Block {
    /// Claimed time, in seconds; clamped by the derivation.
    pub timestamp: u64,
    /// How many messages of the queue the block begins with.
    pub messages: u64,
    /// EIP-2718 encodings, unchecked.
    pub transactions: Vec<Bytes>,
}

impl Block {
    /// Takes a block with at most `room` transactions from the front of `rlp`, which must be canonical, as everywhere in
    /// Ethereum. Counts while it decodes: what has more transactions is not kept in memory first.
    fn decode(rlp: &mut &[u8], room: usize) -> Option<Self> {
        let mut fields = Header::decode_bytes(rlp, true).ok()?;
        let timestamp = u64::decode(&mut fields).ok()?;
        let messages = u64::decode(&mut fields).ok()?;
        let mut list = Header::decode_bytes(&mut fields, true).ok()?;
        let mut transactions = Vec::new();
        while !list.is_empty() {
            if transactions.len() == room {
                return None;
            }
            transactions.push(Bytes::decode(&mut list).ok()?);
        }
        fields.is_empty().then_some(Self { timestamp, messages, transactions })
    }
}

/// The data of a batch of these blocks: compressed if that makes it shorter. Of blocks beyond a limit of [`crate::constants`]
/// `decode` would give back only those before it.
pub fn encode(blocks: &[Block]) -> Bytes {
    let mut data = alloc::vec![RAW];
    blocks.iter().for_each(|block| block.encode(&mut data));
    let content = &data[1..];
    // What does not fit a stream fits raw data as far as it goes.
    if content.len() <= MAX_BATCH_CONTENT {
        let stream = compress_to_vec(content, COMPRESSION_LEVEL);
        if stream.len() < content.len() {
            data.truncate(1);
            data[0] = DEFLATE;
            data.extend_from_slice(&stream);
        }
    }
    data.into()
}

/// How many bytes `block` adds to a batch's data before compression. The first byte comes on top, once.
pub fn encoded_length(block: &Block) -> usize {
    block.length()
}

/// The blocks in a batch's data, up to the first byte that does not fit or to a limit of [`crate::constants`]; the rest is
/// ignored. Takes any bytes.
pub fn decode(data: &[u8]) -> Vec<Block> {
    match data.split_first() {
        Some((&RAW, content)) => decode_blocks(&content[..content.len().min(MAX_BATCH_CONTENT)]),
        Some((&DEFLATE, stream)) => decompress(stream).map(|content| decode_blocks(&content)).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn decode_blocks(mut content: &[u8]) -> Vec<Block> {
    let mut room = MAX_TRANSACTIONS_PER_BATCH;
    let next = || {
        let block = Block::decode(&mut content, room)?;
        room -= block.transactions.len();
        Some(block)
    };
    iter::from_fn(next).take(MAX_BLOCKS_PER_BATCH).collect()
}

/// What a stream unfolds to, if it is well-formed and that is no more than `MAX_BATCH_CONTENT`. Never holds more.
fn decompress(stream: &[u8]) -> Option<Vec<u8>> {
    let mut content = alloc::vec![0; MAX_BATCH_CONTENT];
    let length = decompress_slice_iter_to_slice(&mut content, iter::once(stream), false, true).ok()?;
    content.truncate(length);
    Some(content)
}
