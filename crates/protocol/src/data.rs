//! How L1 commits to the data of a batch: by the hashes of its chunks, so that no preimage outgrows a transaction.

use crate::constants::CHUNK_SIZE;
use alloc::vec::Vec;
use alloy_primitives::{B256, keccak256};

/// First byte of the commitment to calldata.
const CALLDATA: u8 = 0;

/// The chunks of `data`; none if it is empty.
pub fn chunks(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    data.chunks(CHUNK_SIZE)
}

/// What the commitment to calldata hashes: `0x00 ‖ length (8 bytes) ‖ keccak(chunk)…`.
pub fn commitment_preimage(data: &[u8]) -> Vec<u8> {
    let mut preimage = Vec::with_capacity(9 + 32 * data.len().div_ceil(CHUNK_SIZE));
    preimage.push(CALLDATA);
    preimage.extend_from_slice(&(data.len() as u64).to_be_bytes());
    chunks(data).for_each(|chunk| preimage.extend_from_slice(keccak256(chunk).as_slice()));
    preimage
}

/// The data commitment of a batch whose data is calldata.
pub fn commitment(data: &[u8]) -> B256 {
    keccak256(commitment_preimage(data))
}

/// What a commitment says of the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunked {
    /// Bytes in all.
    pub length: u64,
    /// Hash of each chunk.
    pub chunk_hashes: Vec<B256>,
}

impl Chunked {
    /// Reads a commitment's preimage back. `None` unless it has exactly the chunks that its length asks for.
    pub fn decode(preimage: &[u8]) -> Option<Self> {
        let (&CALLDATA, rest) = preimage.split_first()? else {
            return None;
        };
        let (length, hashes) = rest.split_first_chunk::<8>()?;
        let length = u64::from_be_bytes(*length);
        let (hashes, []) = hashes.as_chunks::<32>() else {
            return None;
        };
        (length.div_ceil(CHUNK_SIZE as u64) == hashes.len() as u64)
            .then(|| Self { length, chunk_hashes: hashes.iter().copied().map(B256::new).collect() })
    }

    /// How long the chunk at `position` must be, in bytes.
    pub fn chunk_length(&self, position: usize) -> u64 {
        let start = (position * CHUNK_SIZE) as u64;
        self.length.saturating_sub(start).min(CHUNK_SIZE as u64)
    }
}
