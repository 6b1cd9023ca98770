//! Machines to try.

use crate::asm::assemble;
use alloy_primitives::B256;
use postern_machine::{Hart, Machine, Program, Status};
pub(crate) use postern_testing::machine::{Answers, step_both, step_from, try_step};

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
