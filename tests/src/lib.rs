//! Harness for tests that play whole flows on real nodes: an L1 (Anvil) with the contracts deployed as a user deploys them,
//! an L2 node in this process, actors with keys, named steps of the clock, decoded reverts and bounded waits.
//!
//! Each [`Devnet`] has its own L1, directories and ports, so tests run side by side.

mod actor;
pub mod adversary;
mod agreement;
mod clock;
mod conservation;
mod devnet;
pub mod disputes;
mod forgery;
mod journal;
mod l1;
mod market_maker;
pub mod measure;
mod proxy;
mod revert;
pub mod stage;
mod steps;
pub mod targets;
mod tokens;
mod wait;

pub use actor::Actor;
pub use agreement::check_agreement;
pub use clock::L1Point;
pub use conservation::Ledger;
pub use devnet::{Devnet, Roles};
pub use forgery::{Forgery, Lie};
pub use journal::Journal;
pub use l1::{L2_CHAIN_ID, repository, tool};
pub use market_maker::MarketMaker;
pub use proxy::{Call, Proxy, Reaction};
pub use revert::{RevertData, expect_revert};
pub use steps::ether;
pub use tokens::TokenLedger;
pub use wait::{Mined, PATIENCE, eventually};

use alloy::providers::DynProvider;

/// The client that actors use.
pub type Client = postern_client::Client<DynProvider, DynProvider>;
