//! Disputes about commitments, as a party plays them: which moves it has to make, and what it can have decided.
//!
//! Nothing here asks L1 or the store. A [`Game`] is made of what L1 said, a [`Run`] says what is true, and the [`Side`] which of the
//! openings are. From these follow the [`Move`]s, and from them alone: a party that was stopped goes on where it was. Every move is
//! bound by hashes to the commitment, and by that to the batch, so that a reorg of L1 can make it void, but never false.
//!
//! The rules are those of the contract `DisputeGame`; `docs/disputes.md` has them in prose.

mod game;
#[cfg(test)]
mod model;
#[cfg(test)]
mod play;
mod run;
mod strategy;
#[cfg(test)]
mod tests;

pub use game::{Game, GameNode, Rules};
pub use run::{Cached, Run};
pub use strategy::{Move, Side};
