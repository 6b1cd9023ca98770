//! What `build.sh` made.

use alloy_primitives::B256;
use postern_machine::{Machine, Program};
use postern_protocol::program::input_hash;

/// The executable.
pub const ELF: &[u8] = include_bytes!("../postern-program.elf");

/// The program.
pub fn program() -> Program {
    Program::from_elf(ELF).expect("the tests read this very file")
}

/// A machine about to apply the batch with hash `batch_hash` to the output with root `previous_output_root`.
pub fn start(previous_output_root: B256, batch_hash: B256) -> Machine {
    program().start(input_hash(previous_output_root, batch_hash))
}
