//! Tests of the state transition function.

mod calls;
mod deposits;
mod derivation;
mod outbox;
mod support;
mod transactions;
mod trie;
mod vectors;
