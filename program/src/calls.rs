//! System calls, as `docs/machine.md` has them.

use alloc::vec::Vec;
use alloy_primitives::{B256, Bytes};
use core::arch::asm;
use postern_execution::Preimages;

const EXIT: u64 = 93;
const READ_PREIMAGE: u64 = 1;
const READ_BLOB_WORD: u64 = 2;
const CALL_PRECOMPILE: u64 = 3;

/// Where the machine writes an answer: one leaf of memory.
#[repr(align(32))]
struct Leaf([u8; 32]);

/// A 32-byte value as four registers hold it, the most significant first.
pub(crate) fn word(registers: [u64; 4]) -> B256 {
    let mut word = B256::ZERO;
    for (bytes, register) in word.as_chunks_mut().0.iter_mut().zip(registers) {
        *bytes = register.to_be_bytes();
    }
    word
}

fn registers(word: &B256) -> [u64; 4] {
    let (words, _) = word.as_chunks();
    [0, 1, 2, 3].map(|register| u64::from_be_bytes(words[register]))
}

/// Ends the run.
pub(crate) fn exit(code: u8, output: B256) -> ! {
    let [a0, a1, a2, a3] = registers(&output);
    // SAFETY: this call does not return and touches no memory.
    unsafe {
        asm!(
            "ecall",
            in("a0") a0, in("a1") a1, in("a2") a2, in("a3") a3, in("a4") u64::from(code), in("a7") EXIT,
            options(noreturn, nostack),
        )
    }
}

/// Makes call 1 or 2: writes 32 bytes of the answer to `leaf`, and gives the length of the whole.
fn read(call: u64, leaf: &mut Leaf, position: u64, key: [u64; 4]) -> usize {
    let length;
    // SAFETY: a leaf is aligned as the machine wants it, and nothing else is written.
    unsafe {
        asm!(
            "ecall",
            inlateout("a0") &raw mut *leaf => length, in("a1") position,
            in("a2") key[0], in("a3") key[1], in("a4") key[2], in("a5") key[3],
            in("a7") call,
            options(nostack),
        );
    }
    length
}

/// What `ecrecover` returns for `input`, whose Keccak-256 is `key`: an address in the lower 20 bytes, or nothing.
pub(crate) fn ecrecover(input: &[u8], key: &B256) -> Option<[u8; 32]> {
    const NUMBER: u64 = 1;
    let mut leaf = Leaf([0; 32]);
    let key = registers(key);
    let length: usize;
    // SAFETY: as in `read`. That memory holds the input is for whoever looks for it, so the call does read memory.
    unsafe {
        asm!(
            "ecall",
            inlateout("a0") &raw mut leaf => length, in("a1") 0,
            in("a2") key[0], in("a3") key[1], in("a4") key[2], in("a5") key[3],
            in("a6") NUMBER, in("a7") CALL_PRECOMPILE,
            in("t0") input.as_ptr(), in("t1") input.len(),
            options(nostack),
        );
    }
    (length == 32).then_some(leaf.0)
}

/// What the machine answers. It does not run on without an answer, so there always is one.
pub(crate) struct Machine;

impl Preimages for Machine {
    fn get(&self, hash: &B256) -> Option<Bytes> {
        let key = registers(hash);
        let mut leaf = Leaf([0; 32]);
        let length = read(READ_PREIMAGE, &mut leaf, 0, key);
        // In whole leaves, so that each is copied in one go.
        let mut bytes = Vec::with_capacity(length.next_multiple_of(32));
        bytes.extend_from_slice(&leaf.0);
        while bytes.len() < length {
            read(READ_PREIMAGE, &mut leaf, bytes.len() as u64, key);
            bytes.extend_from_slice(&leaf.0);
        }
        bytes.truncate(length);
        Some(bytes.into())
    }

    fn blob_word(&self, versioned_hash: &B256, index: u64) -> Option<B256> {
        let mut leaf = Leaf([0; 32]);
        read(READ_BLOB_WORD, &mut leaf, index, registers(versioned_hash));
        Some(B256::new(leaf.0))
    }
}
