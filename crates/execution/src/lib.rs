//! The state transition function of Postern's L2: derives the blocks of a batch, executes them with revm over a sparse
//! state trie, and gives the output.
//!
//! Everything is read by hash through [`Preimages`], so the same code runs in the node, where a database answers, and
//! inside the fault-proof machine, where a witness does. It is `no_std` and free of floats, clocks, randomness and hash-map
//! order. It is total: whatever a batch or a message says, the only failure is [`MissingPreimage`].
//!
//! The rules are in `docs/specification.md`. Amounts are wei, times are seconds, gas is L2 gas.
#![no_std]

extern crate alloc;

mod block;
mod call;
mod derivation;
mod evm;
mod genesis;
mod l1_info;
mod preimages;
mod receipt;
mod state;
mod transaction;
pub mod trie;

pub use block::{
    BatchBuilder, BatchContext, BatchProgress, BlockBuilder, ExecutedBlock, SkipReason, Skipped, next_base_fee,
};
pub use call::{CallOutcome, CallRequest, call, estimate_gas};
pub use derivation::{BatchOutcome, execute_batch, execute_blocks};
pub use genesis::{Genesis, GenesisAccount, genesis};
pub use l1_info::{L1Info, L1Origin};
pub use preimages::{MissingPreimage, Preimages, Recorder, Witness};
pub use receipt::Receipt;
pub use state::{Account, AccountProof, State, StateUpdate, StorageProof};
pub use transaction::{DEPOSIT_TYPE, Deposit, L2Transaction, TransactionError};
