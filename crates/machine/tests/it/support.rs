//! A host with data in maps, and machines to try.

use crate::asm::assemble;
use crate::contract::Contract;
use alloy_primitives::{B256, Bytes, keccak256};
use postern_machine::{BlobProof, Hart, Host, Machine, Precompiles, Program, Status, step};
use revm::precompile::{EthPrecompileResult, kzg_point_evaluation, secp256k1};
use std::{cell::RefCell, collections::BTreeMap};

/// Where test programs lie.
pub(crate) const CODE: u64 = 0x1_0000;

/// A place for data, far from the code.
pub(crate) const DATA: u64 = 0x4000_0000;

/// Registers by their ABI names.
pub(crate) const A0: u32 = 10;
pub(crate) const A1: u32 = 11;
pub(crate) const A2: u32 = 12;
pub(crate) const A6: u32 = 16;
pub(crate) const A7: u32 = 17;

/// Answers from maps, and precompiles as revm has them.
#[derive(Default)]
pub(crate) struct Answers {
    preimages: BTreeMap<B256, Bytes>,
    blobs: BTreeMap<B256, Box<c_kzg::Blob>>,
}

impl Answers {
    /// Adds a preimage and gives its key.
    pub(crate) fn add(&mut self, preimage: impl Into<Bytes>) -> B256 {
        let preimage = preimage.into();
        let key = keccak256(&preimage);
        self.preimages.insert(key, preimage);
        key
    }

    /// Adds a blob whose elements are these and then zeros, and gives its versioned hash.
    pub(crate) fn add_blob(&mut self, words: &[B256]) -> B256 {
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
        let settings = c_kzg::ethereum_kzg_settings(0);
        let commitment = settings.blob_to_kzg_commitment(blob).unwrap();
        let (proof, _) = settings.compute_kzg_proof(blob, &evaluation_point(index).into()).unwrap();
        Some(BlobProof {
            commitment: commitment.as_slice().try_into().unwrap(),
            proof: proof.as_slice().try_into().unwrap(),
        })
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

/// A machine with these instructions at [`CODE`], about to execute the first.
pub(crate) fn machine(words: &[u32]) -> Machine {
    Program::flat(CODE, &assemble(words)).unwrap().start(B256::ZERO)
}

/// A machine with these instructions at [`CODE`] and these registers.
pub(crate) fn machine_with(words: &[u32], registers: &[(u32, u64)]) -> Machine {
    let mut hart = Hart::start(CODE, B256::ZERO);
    for (register, value) in registers {
        hart.slots[*register as usize] = *value;
    }
    machine(words).with_hart(hart)
}

thread_local! {
    static CONTRACT: RefCell<Contract> = Contract::new().into();
}

/// Takes one step in both ways and in the contract, which must agree, and gives the witness.
pub(crate) fn step_both(machine: &mut Machine, host: &Answers) -> Bytes {
    let before = machine.state_hash();
    let steps = machine.steps();
    let witness = machine.witness(host).unwrap();
    let next = step(before, &witness, host).unwrap();
    let returned = CONTRACT.with_borrow_mut(|contract| contract.step(before, &witness));
    assert_eq!(returned, Ok(next), "the contract, from {:?}", machine.hart());
    let halted = machine.status() != Status::Running;
    machine.run(host, steps + 1).unwrap();
    assert_eq!(machine.state_hash(), next, "from {:?}", machine.hart());
    assert_eq!(machine.steps(), if halted { steps } else { steps + 1 });
    witness
}

/// Steps in both ways until the machine halts, at most `limit` steps.
pub(crate) fn run_both(machine: &mut Machine, host: &Answers, limit: u64) -> Status {
    while machine.status() == Status::Running && machine.steps() < limit {
        step_both(machine, host);
    }
    machine.status()
}

/// Executes one instruction with these registers, in both ways, and gives the machine after it.
pub(crate) fn execute(word: u32, registers: &[(u32, u64)]) -> Machine {
    let mut machine = machine_with(&[word], registers);
    step_both(&mut machine, &Answers::default());
    machine
}

/// A static RV64 executable of these segments: address, bytes, whether they are code.
pub(crate) fn elf(entry: u64, segments: &[(u64, &[u8], bool)]) -> Vec<u8> {
    let mut header = b"\x7fELF\x02\x01\x01".to_vec();
    header.resize(16, 0);
    header.extend([2_u16, 243].map(u16::to_le_bytes).concat());
    header.extend(1_u32.to_le_bytes());
    header.extend([entry, 64, 0].map(u64::to_le_bytes).concat());
    header.extend(0_u32.to_le_bytes());
    header.extend([64, 56, segments.len() as u16, 0, 0, 0].map(u16::to_le_bytes).concat());
    let (mut headers, mut contents) = (Vec::new(), Vec::new());
    for (address, bytes, is_code) in segments {
        let offset = (64 + 56 * segments.len() + contents.len()) as u64;
        let length = bytes.len() as u64;
        headers.extend([1_u32, if *is_code { 5 } else { 6 }].map(u32::to_le_bytes).concat());
        headers.extend([offset, *address, *address, length, length, 1].map(u64::to_le_bytes).concat());
        contents.extend_from_slice(bytes);
    }
    [header, headers, contents].concat()
}

/// A machine about to execute `word` in a memory that has something beside each node on the paths to [`CODE`] and [`DATA`].
pub(crate) fn crowded(word: u32, registers: &[(u32, u64)]) -> Machine {
    let something: [u8; 32] = std::array::from_fn(|n| 0xf0 ^ (n as u8).wrapping_mul(23));
    let word = word.to_le_bytes();
    let mut segments = vec![(CODE, &word[..], false), (CODE + 64, &[0, 0, 0, 0], true), (DATA, &something, false)];
    for level in 0..27 {
        segments.push((CODE ^ 32 << level, &something, false));
        segments.push((DATA ^ 32 << level, &something, false));
    }
    let program = Program::from_elf(&elf(CODE + 64, &segments)).unwrap();
    program.start(B256::ZERO).with_hart(*machine_with(&[], registers).hart())
}

/// The registers of a system call: number, destination, offset or index, key or versioned hash.
pub(crate) fn call(number: u64, destination: u64, offset: u64, key: B256) -> Vec<(u32, u64)> {
    let mut registers = vec![(A7, number), (A0, destination), (A1, offset)];
    registers.extend((A2..).zip(key.as_chunks::<8>().0.iter().map(|bytes| u64::from_be_bytes(*bytes))));
    registers
}
