//! What a run of the fault-proof program is about: the statement that a batch leads from one output to the next.

use alloy_primitives::{B256, keccak256};

/// What the input hash covers: `previousOutputRoot ‖ batchHash`.
pub fn input_preimage(previous_output_root: B256, batch_hash: B256) -> [u8; 64] {
    let mut preimage = [0; 64];
    preimage[..32].copy_from_slice(previous_output_root.as_slice());
    preimage[32..].copy_from_slice(batch_hash.as_slice());
    preimage
}

/// The input of the run that applies the batch with `batch_hash` to the output with `previous_output_root`. Its output is the
/// root of the output after the batch.
pub fn input_hash(previous_output_root: B256, batch_hash: B256) -> B256 {
    keccak256(input_preimage(previous_output_root, batch_hash))
}

/// Reads an input's preimage back, the previous output's root first.
pub fn decode_input(preimage: &[u8]) -> Option<(B256, B256)> {
    let (previous_output_root, batch_hash) = preimage.split_first_chunk::<32>()?;
    Some((B256::new(*previous_output_root), B256::new(batch_hash.try_into().ok()?)))
}
