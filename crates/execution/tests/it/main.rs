//! Tests of the state transition function.

mod calls;
mod data;
mod deposits;
mod derivation;
mod fuzz;
mod outbox;
mod sample;
mod sizes;
mod support;
mod transactions;
mod trie;
mod vectors;
