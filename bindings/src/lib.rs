//! Typed bindings of Postern's contracts: one module for each, from the ABI and bytecode in `abi/`.
//!
//! `node script/bindings.mjs` writes those files from forge's artifacts; `make test` compiles the contracts and fails if one is
//! stale. The documentation of each call, event and error is on its interface in `contracts/src/`.
#![allow(missing_docs, clippy::too_many_arguments)]

pub mod bridge;
pub mod canonical_transaction_chain;
mod convert;
pub mod dispute_game;
pub mod fee_vault;
pub mod l1_info;
pub mod machine_step;
pub mod outbox;
pub mod state_commitment_chain;

pub use bridge::Bridge;
pub use canonical_transaction_chain::CanonicalTransactionChain;
pub use dispute_game::DisputeGame;
pub use fee_vault::FeeVault;
pub use l1_info::L1Info;
pub use machine_step::MachineStep;
pub use outbox::Outbox;
pub use state_commitment_chain::StateCommitmentChain;
