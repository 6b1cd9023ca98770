//! The machine whose runs are disputed: a 64-bit RISC-V (RV64IM) over a Merkle tree of memory.
//!
//! `docs/machine.md` is its specification: state, instructions, traps, system calls and witnesses, byte for byte. There are
//! two implementations of it in this crate, which share how a system call is read from the registers, and nothing else that
//! decides what an instruction does:
//!
//! - [`Machine`] runs programs: it decodes a page of code once and then interprets it, hashes only the memory that has
//!   changed, and makes the [witness](Machine::witness) of any step.
//! - [`step`] carries out one step from its witness, as `MachineStep.sol` does on L1. It is the slow and plain one, and what
//!   a challenger runs on a witness before paying for it.
//!
//! Steps are counted from 0, the start of the program. A halted machine steps to itself, so its state at every later step is
//! the one in which it halted.

mod call;
mod code;
mod elf;
mod hart;
mod host;
mod instruction;
mod machine;
mod memory;
mod operation;
mod step;
mod table;
mod tree;
mod witness;

pub use elf::{ElfError, Program};
pub use hart::{Hart, Status};
pub use host::{BlobProof, Host, Missing, Precompiles};
pub use instruction::{Instruction, REGISTERS};
pub use machine::{Machine, Snapshot};
pub use step::{WitnessError, evaluation_point, step};
