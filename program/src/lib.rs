//! The program that the fault-proof machine runs, as `build.sh` made it: from the output before a batch to the one after it.
//!
//! It is `postern-execution` behind an entry point; `docs/machine.md`, section "Program", is about it.
#![cfg_attr(target_os = "none", no_std)]

#[cfg(not(target_os = "none"))]
mod executable;

#[cfg(not(target_os = "none"))]
pub use executable::{ELF, program, start};
