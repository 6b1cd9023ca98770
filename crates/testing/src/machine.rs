//! The machine beside `MachineStep.sol`, and a host that answers from maps.

use crate::{
    chain::Chain,
    contract::{Contract, revert_data},
};
use alloy_primitives::{B256, Bytes, hex, keccak256};
use postern_machine::{BlobProof, Host, Machine, Missing, Precompiles, Status, WitnessError, step};
use postern_protocol::{batch::Batch, blob, program};
use revm::precompile::{EthPrecompileResult, kzg_point_evaluation, secp256k1};
use std::{cell::RefCell, collections::BTreeMap};

/// Answers from maps, and precompiles as revm has them.
#[derive(Default)]
pub struct Answers {
    preimages: BTreeMap<B256, Bytes>,
    blobs: BTreeMap<B256, Box<c_kzg::Blob>>,
    /// Those asked for: each takes a while.
    proofs: RefCell<BTreeMap<(B256, u64), BlobProof>>,
}

impl Answers {
    /// What the program may ask for to apply this batch to the last output of the chain.
    ///
    /// # Panics
    ///
    /// If the chain has a blob under another versioned hash than its own.
    pub fn about(chain: &Chain, batch: Batch) -> Self {
        let mut answers = Self::default();
        answers.add(program::input_preimage(chain.output.root(), batch.hash()));
        for preimage in chain.store.preimages.values() {
            answers.add(preimage.clone());
        }
        for (versioned_hash, blob) in &chain.store.blobs {
            let words: Vec<_> = blob::words(blob).collect();
            assert_eq!(answers.add_blob(&words), *versioned_hash);
        }
        answers
    }

    /// Adds a preimage and gives its key.
    pub fn add(&mut self, preimage: impl Into<Bytes>) -> B256 {
        let preimage = preimage.into();
        let key = keccak256(&preimage);
        self.preimages.insert(key, preimage);
        key
    }

    /// Adds a blob whose elements are these and then zeros, and gives its versioned hash.
    pub fn add_blob(&mut self, words: &[B256]) -> B256 {
        let mut blob = Box::new(c_kzg::Blob::new([0; c_kzg::BYTES_PER_BLOB]));
        for (bytes, word) in blob.as_chunks_mut::<32>().0.iter_mut().zip(words) {
            *bytes = word.0;
        }
        let commitment = c_kzg::ethereum_kzg_settings(0).blob_to_kzg_commitment(&blob).unwrap();
        let versioned_hash = kzg_point_evaluation::kzg_to_versioned_hash(commitment.as_slice()).into();
        self.blobs.insert(versioned_hash, blob);
        versioned_hash
    }
}

impl Precompiles for Answers {
    fn precompile(&self, number: u64, input: &[u8]) -> Option<Bytes> {
        let run: fn(&[u8], u64) -> EthPrecompileResult = match number {
            1 => secp256k1::ec_recover_run,
            10 => kzg_point_evaluation::run,
            _ => panic!("precompile {number} is not asked for"),
        };
        run(input, u64::MAX).ok().map(|output| output.bytes)
    }
}

impl Host for Answers {
    fn preimage(&self, key: &B256) -> Option<Bytes> {
        self.preimages.get(key).cloned()
    }

    fn blob_word(&self, versioned_hash: &B256, index: u64) -> Option<B256> {
        let blob = self.blobs.get(versioned_hash)?;
        Some(blob.as_chunks::<32>().0[index as usize].into())
    }

    fn blob_proof(&self, versioned_hash: &B256, index: u64) -> Option<BlobProof> {
        let blob = self.blobs.get(versioned_hash)?;
        let prove = || {
            let settings = c_kzg::ethereum_kzg_settings(0);
            let commitment = settings.blob_to_kzg_commitment(blob).unwrap();
            let (proof, _) = settings.compute_kzg_proof(blob, &evaluation_point(index).into()).unwrap();
            BlobProof {
                commitment: commitment.as_slice().try_into().unwrap(),
                proof: proof.as_slice().try_into().unwrap(),
            }
        };
        Some(*self.proofs.borrow_mut().entry((*versioned_hash, index)).or_insert_with(prove))
    }
}

/// The point of a field element, after EIP-4844's `compute_roots_of_unity` and `bit_reversal_permutation`: the roots are
/// counted up here, not computed by exponentiation.
fn evaluation_point(index: u64) -> [u8; 32] {
    use alloy_primitives::{U256, uint};
    const ORDER: U256 = uint!(52435875175126190479447740508185965837690552500527637822603658699938581184513_U256);
    // A primitive root of unity of order 4,096 from the trusted setup's definition.
    const ROOT: U256 = uint!(39033254847818212395286706435128746857159659164139250548781411570340225835782_U256);
    let place = format!("{index:012b}").chars().rev().collect::<String>();
    let mut power = U256::ONE;
    for _ in 0..u64::from_str_radix(&place, 2).unwrap() {
        power = power.mul_mod(ROOT, ORDER);
    }
    power.to_be_bytes()
}

thread_local! {
    static CONTRACT: RefCell<Contract> = RefCell::default();
}

/// Takes one step in both ways and in the contract, which must agree, and gives the witness.
pub fn step_both(machine: &mut Machine, host: &impl Host) -> Bytes {
    try_step(machine, host).unwrap()
}

/// As [`step_both`], if the host has the answer.
pub fn try_step(machine: &mut Machine, host: &impl Host) -> Result<Bytes, Missing> {
    let before = machine.state_hash();
    let steps = machine.steps();
    let witness = machine.witness(host)?;
    let next = step_from(before, &witness, host).unwrap();
    let halted = machine.status() != Status::Running;
    machine.run(host, steps + 1)?;
    assert_eq!(machine.state_hash(), next, "from {:?}", machine.hart());
    assert_eq!(machine.steps(), if halted { steps } else { steps + 1 });
    Ok(witness)
}

/// What a witness proves, here and in the contract, or why it is refused: both have to say the same.
pub fn step_from(state_hash: B256, witness: &[u8], host: &impl Host) -> Result<B256, WitnessError> {
    let next = step(state_hash, witness, host);
    let returned = CONTRACT.with_borrow_mut(|contract| contract.step(state_hash, witness));
    assert_eq!(returned, next.as_ref().copied().map_err(revert_data), "the contract, with {}", hex::encode(witness));
    next
}
