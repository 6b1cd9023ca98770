//! What tests of several crates share. Nothing of it is ever part of a node.

pub mod batches;
pub mod chain;
pub mod contract;
pub mod machine;
pub mod outbox;
pub mod precompiles;
