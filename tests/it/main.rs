//! Whole flows on real nodes: an L1 (Anvil) with the contracts, an L2 node, and actors that use both.

mod bindings;
mod claims;
mod commitments;
mod deposits;
mod exit;
mod input;
mod l2;
mod proofs;
mod reorgs;
mod repository;
mod restarts;
mod untrusted;
mod windows;
mod withdrawals;
