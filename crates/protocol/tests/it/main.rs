//! Tests of the protocol's types, and the vectors that hold the Solidity side to them.

mod bomb;
mod codec;
mod dispute;
mod outbox;
mod streams;
mod vectors;
