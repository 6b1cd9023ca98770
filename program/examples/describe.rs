//! Prints `postern-program.json`. The argument is the toolchain that the program was built with.

use alloy_primitives::{B256, keccak256};
use postern_program::{ELF, program};
use serde_json::json;

fn main() {
    let program = program();
    let mut machine = program.start(B256::ZERO);
    let description = json!({
        "elfHash": keccak256(ELF).to_string(),
        "memoryRoot": machine.memory_root().to_string(),
        "entry": format!("{:#x}", program.entry()),
        "initialStateHash": machine.state_hash().to_string(),
        "toolchain": std::env::args().nth(1).expect("the toolchain"),
    });
    println!("{description:#}");
}
