//! Tests of the state transition function.

mod calls;
mod code;
mod data;
mod deposits;
mod derivation;
mod fuzz;
mod outbox;
mod sample;
mod sizes;
mod transactions;
mod trie;
mod vectors;
