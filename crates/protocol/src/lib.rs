//! What L1, L2 and every node of Postern agree on, byte for byte: types, hashes, codecs and the outbox tree.
//!
//! This crate and the Solidity files in `contracts/src/types/` and `contracts/src/libraries/` are two implementations of
//! `docs/specification.md`; the vectors in `contracts/test/vectors/` hold both to it. Amounts are wei and times are
//! seconds throughout.
//!
//! It is `no_std` and free of floats, clocks, randomness and hash-map order, because it also runs inside the fault-proof
//! machine. Every `decode` is total: it takes any bytes and answers with a value or with `None`.
#![no_std]

extern crate alloc;

pub mod batch;
pub mod blob;
pub mod commitment;
pub mod constants;
pub mod data;
pub mod dispute;
pub mod message;
pub mod outbox;
pub mod output;
pub mod predeploys;
pub mod program;
mod words;
