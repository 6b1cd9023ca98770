//! The state of the L2 after a batch.

use crate::words::{Decoder, Encoder};
use alloc::vec::Vec;
use alloy_primitives::{B256, keccak256};

/// Version of the output encoding.
pub const VERSION: u64 = 0;

/// The state of the L2 after a batch. Its root is what a commitment claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// Chain id of the L2, so that a root of one chain proves nothing on another.
    pub l2_chain_id: u64,
    /// Merkle-Patricia root of the L2 state.
    pub state_root: B256,
    /// Root of the outbox, which holds every message that was ever sent to L1.
    pub outbox_root: B256,
    /// Hash of the last L2 block.
    pub block_hash: B256,
    /// Number of the last L2 block.
    pub block_number: u64,
    /// Batches applied since genesis.
    pub batch_count: u64,
}

impl Output {
    /// What the root hashes: seven words, the version (0) first.
    pub fn preimage(&self) -> Vec<u8> {
        Encoder::new(7)
            .u64(VERSION)
            .u64(self.l2_chain_id)
            .word(self.state_root)
            .word(self.outbox_root)
            .word(self.block_hash)
            .u64(self.block_number)
            .u64(self.batch_count)
            .finish()
    }

    /// The output root.
    pub fn root(&self) -> B256 {
        keccak256(self.preimage())
    }

    /// Reads a preimage back. `None` for another version or a chain id beyond 64 bits, which no node could run.
    pub fn decode(preimage: &[u8]) -> Option<Self> {
        let mut words = Decoder::new(preimage);
        if words.u64()? != VERSION {
            return None;
        }
        let output = Self {
            l2_chain_id: words.u64()?,
            state_root: words.word()?,
            outbox_root: words.word()?,
            block_hash: words.word()?,
            block_number: words.u64()?,
            batch_count: words.u64()?,
        };
        words.finish()?;
        Some(output)
    }
}
