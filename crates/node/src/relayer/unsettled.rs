//! Claims that were given up after they were sent.

use std::collections::BTreeMap;

use alloy::primitives::B256;

use super::bundle::Group;
use crate::l1::sender::Sent;

/// What was tried for a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    /// The index of the message that it is about.
    pub(super) index: u64,
    /// The indices of all its messages.
    pub(super) messages: Vec<u64>,
    /// The most gas that it takes.
    pub(super) gas_limit: u64,
}

impl Attempt {
    /// At each bundle of a group.
    pub(super) fn of(group: &Group) -> Vec<Self> {
        let attempts = group.bundles.iter().map(|bundle| Self {
            index: bundle.index,
            messages: bundle.messages.iter().map(|message| message.index).collect(),
            gas_limit: bundle.gas.limit,
        });
        attempts.collect()
    }
}

/// Claims that L1 may still include, by nonce and hash: of one nonce one at the most. They have the account's next nonce, so the next
/// transaction that is included settles them all. Until then each try at a claim adds as many as it offered prices.
#[derive(Debug, Default)]
pub(super) struct Unsettled(BTreeMap<u64, BTreeMap<B256, Vec<Attempt>>>);

impl Unsettled {
    /// A claim was given up, perhaps after it was sent.
    pub(super) fn add(&mut self, sent: Sent, attempts: &[Attempt]) {
        let claims = sent.hashes.into_iter().map(|hash| (hash, attempts.to_vec()));
        for (hash, attempts) in claims {
            self.0.entry(sent.nonce).or_default().insert(hash, attempts);
        }
    }

    /// Those of the lowest nonce.
    pub(super) fn first(&self) -> Option<Sent> {
        let (nonce, claims) = self.0.first_key_value()?;
        Some(Sent { nonce: *nonce, hashes: claims.keys().copied().collect() })
    }

    /// A nonce is used: lets go of its claims.
    pub(super) fn settle(&mut self, nonce: u64) -> BTreeMap<B256, Vec<Attempt>> {
        self.0.remove(&nonce).unwrap_or_default()
    }
}
