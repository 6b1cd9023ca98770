//! What L1 computes for the program.

use crate::calls;
use alloy_primitives::keccak256;
use revm::precompile::{Crypto, PrecompileHalt, install_crypto};

/// Has signatures recovered by L1's `ecrecover`, those of transactions and those that contracts ask about. By itself the
/// program would need 3.2 million steps for one.
pub(crate) fn install() {
    install_crypto(L1);
}

#[derive(Debug)]
struct L1;

impl Crypto for L1 {
    fn secp256k1_ecrecover(&self, sig: &[u8; 64], recid: u8, msg: &[u8; 32]) -> Result<[u8; 32], PrecompileHalt> {
        let mut input = [0; 128];
        input[..32].copy_from_slice(msg);
        input[63] = 27 + recid;
        input[64..].copy_from_slice(sig);
        calls::ecrecover(&input, &keccak256(input)).ok_or(PrecompileHalt::Secp256k1RecoverFailed)
    }
}
