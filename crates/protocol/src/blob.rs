//! EIP-4844 blobs that carry batch data: 31 bytes in each field element, whose first byte stays zero, so that every element
//! is below the modulus.

use alloc::vec::Vec;
use alloy_primitives::{B256, FixedBytes};

/// Field elements of a blob.
pub const WORDS: usize = 4_096;

/// Length of a blob, in bytes.
pub const BLOB_SIZE: usize = 32 * WORDS;

/// Bytes of data that a blob carries.
pub const PAYLOAD: usize = WORD_PAYLOAD * WORDS;

const WORD_PAYLOAD: usize = 31;

/// A blob: field elements of 32 bytes, big-endian.
pub type Blob = FixedBytes<BLOB_SIZE>;

/// The fewest blobs that carry `data`, at least one. What they have room for beyond it is zeros.
pub fn encode(data: &[u8]) -> Vec<Blob> {
    let mut blobs = alloc::vec![Blob::ZERO; data.len().div_ceil(PAYLOAD).max(1)];
    for (blob, payload) in blobs.iter_mut().zip(data.chunks(PAYLOAD)) {
        for (word, payload) in blob.chunks_mut(32).zip(payload.chunks(WORD_PAYLOAD)) {
            word[1..=payload.len()].copy_from_slice(payload);
        }
    }
    blobs
}

/// The field elements of a blob.
pub fn words(blob: &Blob) -> impl Iterator<Item = B256> {
    let (words, _) = blob.as_chunks();
    words.iter().copied().map(B256::new)
}

/// What field elements carry: 31 bytes each, whatever the first byte.
pub fn payload(words: impl IntoIterator<Item = B256>) -> Vec<u8> {
    words.into_iter().flat_map(|FixedBytes([_, payload @ ..])| payload).collect()
}
