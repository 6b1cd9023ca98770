//! What answers a program's system calls.

use alloy_primitives::{B256, Bytes, FixedBytes};
use thiserror::Error;

/// The precompiles of L1, as its machine calls them.
pub trait Precompiles {
    /// What the precompile at address `number` returns for `input`, or nothing if it fails.
    ///
    /// [`step`](crate::step()) asks for those a program may call and for the point evaluation of EIP-4844, number 10.
    fn precompile(&self, number: u64, input: &[u8]) -> Option<Bytes>;
}

/// The data that a program may ask for.
pub trait Host: Precompiles {
    /// The bytes whose Keccak-256 is `key`, if known.
    fn preimage(&self, key: &B256) -> Option<Bytes>;

    /// The field element at `index`, below 4,096, of the blob with this versioned hash, if known.
    fn blob_word(&self, versioned_hash: &B256, index: u64) -> Option<B256>;

    /// The proof that [`Self::blob_word`] is right. Asked for only to make the witness of a step.
    fn blob_proof(&self, versioned_hash: &B256, index: u64) -> Option<BlobProof>;
}

/// What the point evaluation precompile of EIP-4844 takes beside the versioned hash, the point and the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobProof {
    /// KZG commitment to the blob, a compressed point.
    pub commitment: FixedBytes<48>,
    /// KZG proof of the evaluation, a compressed point.
    pub proof: FixedBytes<48>,
}

/// The host does not have what the program asks for. The machine stands where it was and may go on with another host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Missing {
    /// The preimage of this hash.
    #[error("missing preimage of {0}")]
    Preimage(B256),
    /// A word of a blob, or its proof.
    #[error("missing word {index} of the blob {versioned_hash}")]
    BlobWord {
        /// The versioned hash of the blob.
        versioned_hash: B256,
        /// The index of the field element.
        index: u64,
    },
    /// The input of a precompile: the one in memory where the program says it is has another hash.
    #[error("missing input with the hash {key} for precompile {number}")]
    PrecompileInput {
        /// Keccak-256 of the input.
        key: B256,
        /// Address of the precompile.
        number: u64,
    },
    /// An answer of a precompile which never fails.
    #[error("precompile {0} failed")]
    Precompile(u64),
}
