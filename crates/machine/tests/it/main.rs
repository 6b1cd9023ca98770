//! Tests of the machine: each step is taken by the interpreter and, from its witness, by [`postern_machine::step`].

mod asm;
mod calls;
mod code;
mod coverage;
mod disassembly;
mod fuzz;
mod instructions;
mod programs;
mod snapshots;
mod suite;
mod support;
mod traps;
mod vectors;
mod witnesses;
