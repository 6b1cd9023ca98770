//! What answers the program's system calls: the store, and the precompiles of L1.

use alloy::{
    eips::eip4844::c_kzg,
    primitives::{B256, Bytes, keccak256},
};
use postern_execution::Preimages;
use postern_machine::{BlobProof, Host, Precompiles, evaluation_point};
use revm::precompile::{kzg_point_evaluation, secp256k1};

use crate::{l1::blobs::kzg_settings, store::StorePreimages};

/// All that the run of a batch may ask for, from a snapshot of the store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct BatchHost {
    input: [u8; 64],
    input_hash: B256,
    content: StorePreimages,
}

impl BatchHost {
    pub(super) fn new(input: [u8; 64], content: StorePreimages) -> Self {
        Self { input, input_hash: keccak256(input), content }
    }
}

impl Precompiles for BatchHost {
    fn precompile(&self, number: u64, input: &[u8]) -> Option<Bytes> {
        let run = match number {
            1 => secp256k1::ec_recover_run,
            10 => kzg_point_evaluation::run,
            _ => return None,
        };
        run(input, u64::MAX).ok().map(|output| output.bytes)
    }
}

impl Host for BatchHost {
    fn preimage(&self, key: &B256) -> Option<Bytes> {
        if *key == self.input_hash { Some(self.input.into()) } else { self.content.get(key) }
    }

    fn blob_word(&self, versioned_hash: &B256, index: u64) -> Option<B256> {
        self.content.blob_word(versioned_hash, index)
    }

    fn blob_proof(&self, versioned_hash: &B256, index: u64) -> Option<BlobProof> {
        let blob = c_kzg::Blob::from_bytes(&self.content.blob(versioned_hash)?).ok()?;
        let settings = kzg_settings();
        let commitment = settings.blob_to_kzg_commitment(&blob).ok()?;
        let (proof, _) = settings.compute_kzg_proof(&blob, &evaluation_point(index).into()).ok()?;
        Some(BlobProof {
            commitment: commitment.to_bytes().into_inner().into(),
            proof: proof.to_bytes().into_inner().into(),
        })
    }
}
