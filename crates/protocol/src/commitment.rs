//! Claims about the L2, as L1 keeps them.

use crate::words::Encoder;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, keccak256};

/// A claim: "from `parent`, the batches up to `batch_hash` lead to `output_root`".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commitment {
    /// Id of the commitment that this one builds on.
    pub parent: B256,
    /// Hash of the last batch that it applies.
    pub batch_hash: B256,
    /// Batches applied since genesis, that one included.
    pub batch_count: u64,
    /// Root of the output after that batch.
    pub output_root: B256,
    /// Hash of the output roots after each batch since `parent`, the last of which is `output_root`.
    pub checkpoints_hash: B256,
    /// Whose bond answers for it.
    pub proposer: Address,
}

impl Commitment {
    /// The commitment to the genesis output, final from the start.
    pub fn genesis(output_root: B256) -> Self {
        Self {
            parent: B256::ZERO,
            batch_hash: B256::ZERO,
            batch_count: 0,
            output_root,
            checkpoints_hash: B256::ZERO,
            proposer: Address::ZERO,
        }
    }

    /// What the id hashes: six words.
    pub fn preimage(&self) -> Vec<u8> {
        Encoder::new(6)
            .word(self.parent)
            .word(self.batch_hash)
            .u64(self.batch_count)
            .word(self.output_root)
            .word(self.checkpoints_hash)
            .address(self.proposer)
            .finish()
    }

    /// The name under which L1 keeps it.
    pub fn id(&self) -> B256 {
        keccak256(self.preimage())
    }
}

/// The hash of the output roots after each batch since the parent: their plain concatenation.
pub fn checkpoints_hash(checkpoints: &[B256]) -> B256 {
    keccak256(checkpoints.concat())
}
