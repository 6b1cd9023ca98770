//! How L1 commits to the data of a batch: to calldata by the hashes of its chunks, so that no preimage outgrows a
//! transaction, and to blobs by their versioned hashes (EIP-4844).

use crate::constants::CHUNK_SIZE;
use alloc::vec::Vec;
use alloy_primitives::{B256, keccak256};

/// First byte of the commitment to calldata.
const CALLDATA: u8 = 0;

/// First byte of the commitment to blobs.
const BLOBS: u8 = 1;

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

/// What the commitment to blobs hashes: `0x01 ‖ versionedHash…`.
pub fn blob_commitment_preimage(versioned_hashes: &[B256]) -> Vec<u8> {
    let mut preimage = alloc::vec![BLOBS];
    versioned_hashes.iter().for_each(|hash| preimage.extend_from_slice(hash.as_slice()));
    preimage
}

/// The data commitment of a batch whose data is in the blobs of its transaction, in their order.
pub fn blob_commitment(versioned_hashes: &[B256]) -> B256 {
    keccak256(blob_commitment_preimage(versioned_hashes))
}

/// Where the data of a batch is, as a commitment's preimage tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In chunks, each the preimage of its hash.
    Calldata(Chunked),
    /// In the blobs with these versioned hashes, one after the other; at least one.
    Blobs(Vec<B256>),
}

impl Source {
    /// Reads a commitment's preimage back. `None` unless it has exactly the chunks that its length asks for, or at least one
    /// versioned hash.
    pub fn decode(preimage: &[u8]) -> Option<Self> {
        match preimage.split_first()? {
            (&CALLDATA, rest) => {
                let (length, hashes) = rest.split_first_chunk()?;
                let chunked = Chunked { length: u64::from_be_bytes(*length), chunk_hashes: decode_hashes(hashes)? };
                let chunks = chunked.length.div_ceil(CHUNK_SIZE as u64);
                (chunks == chunked.chunk_hashes.len() as u64).then_some(Self::Calldata(chunked))
            }
            (&BLOBS, hashes) => decode_hashes(hashes).filter(|hashes| !hashes.is_empty()).map(Self::Blobs),
            _ => None,
        }
    }
}

/// Data that is committed to by chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunked {
    /// Bytes in all.
    pub length: u64,
    /// Hash of each chunk.
    pub chunk_hashes: Vec<B256>,
}

impl Chunked {
    /// How long the chunk at `position` must be, in bytes.
    pub fn chunk_length(&self, position: usize) -> u64 {
        let start = (position * CHUNK_SIZE) as u64;
        self.length.saturating_sub(start).min(CHUNK_SIZE as u64)
    }
}

fn decode_hashes(bytes: &[u8]) -> Option<Vec<B256>> {
    let (hashes, []) = bytes.as_chunks() else {
        return None;
    };
    Some(hashes.iter().copied().map(B256::new).collect())
}
