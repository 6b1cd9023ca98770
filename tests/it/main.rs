//! Whole flows on real nodes: an L1 (Anvil) with the contracts, an L2 node, and actors that use both.

mod batches;
mod blobs;
mod censorship;
mod claims;
mod clients;
mod commitments;
mod deposits;
mod disputes;
mod exit;
mod flooding;
mod forcing;
mod input;
mod l1_facts;
mod l2;
mod lies;
mod machine;
mod proofs;
mod providers;
mod reorgs;
mod repository;
mod restarts;
mod untrusted;
mod windows;
mod withdrawals;
