//! The program: reads its input, applies the batch, and ends with the root of the output after it. `docs/machine.md`,
//! section "Program", says what it asks for, how its memory is laid out and what bounds it.
#![no_std]
#![no_main]

extern crate alloc;

mod calls;
mod crypto;
mod heap;

use alloy_primitives::B256;
use calls::{Machine, exit};
use core::{arch::global_asm, panic::PanicInfo};
use postern_execution::{MissingPreimage, Preimages, execute_blocks};
use postern_protocol::program::decode_input;

/// The output in `a0 … a3` is the one after the batch.
const DONE: u8 = 0;

/// A bug: there is no input that makes the program panic, or run out of memory.
const PANIC: u8 = 1;

/// Something that was read is not what its hash stands for. Not so for the root of an output that some batches lead to, and
/// the hash of the batch that L1 recorded next.
const MISSING: u8 = 2;

// The machine starts here with the input hash in `a0 … a3`, which are also the first arguments of a function, and with all
// memory zero that the file says nothing about.
global_asm!(
    ".section .text.start, \"ax\"",
    ".globl _start",
    "_start:",
    "la sp, _stack_top",
    "call {start}",
    start = sym start,
);

extern "C" fn start(a0: u64, a1: u64, a2: u64, a3: u64) -> ! {
    foldhash::set_key([a0, a1]);
    crypto::install();
    match run(calls::word([a0, a1, a2, a3])) {
        Ok(output_root) => exit(DONE, output_root),
        Err(MissingPreimage(hash)) => exit(MISSING, hash),
    }
}

/// The root of the output after the batch that the input names.
fn run(input_hash: B256) -> Result<B256, MissingPreimage> {
    let input = Machine.get(&input_hash).ok_or(MissingPreimage(input_hash))?;
    let (previous_output_root, batch_hash) = decode_input(&input).ok_or(MissingPreimage(input_hash))?;
    // A node keeps the blocks; here they would only take memory.
    let output = execute_blocks(&Machine, previous_output_root, batch_hash, drop)?;
    Ok(output.root())
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    exit(PANIC, B256::ZERO)
}
