//! Claims that were given up after they were sent.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use alloy::primitives::B256;

use super::bundle::Group;
use crate::l1::sender::Sent;

/// Claims that are kept of one nonce: the last, as a pool has no more than one of them.
const KEPT: usize = 256;

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
    pub(super) fn all_of(group: &Group) -> Arc<[Self]> {
        let attempts = group.bundles.iter().map(|bundle| Self {
            index: bundle.index,
            messages: bundle.messages.iter().map(|message| message.index).collect(),
            gas_limit: bundle.gas.limit,
        });
        attempts.collect()
    }
}

/// Claims by their hash, in the order in which they were given up.
type Claims = VecDeque<(B256, Arc<[Attempt]>)>;

/// Claims that L1 may still include, by nonce and hash: of one nonce one at the most. They have the account's next nonce, so the next
/// transaction that is included settles them all. Until then each try at a claim adds as many as it offered prices.
#[derive(Debug, Default)]
pub(super) struct Unsettled(BTreeMap<u64, Claims>);

impl Unsettled {
    /// A claim was given up, perhaps after it was sent.
    pub(super) fn add(&mut self, sent: Sent, attempts: &Arc<[Attempt]>) {
        for hash in sent.hashes {
            let claims = self.0.entry(sent.nonce).or_default();
            claims.retain(|(other, _)| *other != hash);
            claims.push_back((hash, attempts.clone()));
            if claims.len() > KEPT {
                claims.pop_front();
            }
        }
    }

    /// Those of the lowest nonce.
    pub(super) fn first(&self) -> Option<Sent> {
        let (nonce, claims) = self.0.first_key_value()?;
        Some(Sent { nonce: *nonce, hashes: claims.iter().map(|(hash, _)| *hash).collect() })
    }

    /// What was tried with the claim of this nonce and hash.
    pub(super) fn attempts(&self, nonce: u64, hash: B256) -> Arc<[Attempt]> {
        let claim = self.0.get(&nonce).and_then(|claims| claims.iter().find(|(other, _)| *other == hash));
        claim.map(|(_, attempts)| attempts.clone()).unwrap_or_default()
    }

    /// A nonce is used: lets go of its claims.
    pub(super) fn settle(&mut self, nonce: u64) {
        self.0.remove(&nonce);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn hash(number: usize) -> B256 {
        B256::left_padding_from(&number.to_be_bytes())
    }

    fn sent(nonce: u64, hashes: impl IntoIterator<Item = usize>) -> Sent {
        Sent { nonce, hashes: hashes.into_iter().map(hash).collect() }
    }

    fn attempts(index: u64) -> Arc<[Attempt]> {
        Arc::new([Attempt { index, messages: vec![index], gas_limit: 1 }])
    }

    /// Of two calls that were given up with one nonce either may be included, and ends both.
    #[test]
    fn calls_of_one_nonce_are_told_apart_and_settled_together() {
        let mut unsettled = Unsettled::default();
        unsettled.add(sent(7, [1, 2]), &attempts(10));
        unsettled.add(sent(7, [3]), &attempts(11));
        unsettled.add(sent(8, [4]), &attempts(12));
        assert_eq!(unsettled.first(), Some(sent(7, [1, 2, 3])));
        for (claim, index) in [(1, 10), (2, 10), (3, 11)] {
            assert_eq!(unsettled.attempts(7, hash(claim)), attempts(index));
        }
        assert!(unsettled.attempts(7, hash(4)).is_empty());
        unsettled.settle(7);
        assert_eq!(unsettled.first(), Some(sent(8, [4])));
        unsettled.settle(8);
        assert_eq!(unsettled.first(), None);
    }

    #[test]
    fn the_last_claims_of_a_nonce_are_kept() {
        let mut unsettled = Unsettled::default();
        (0..KEPT + 2).for_each(|number| unsettled.add(sent(0, [number]), &attempts(0)));
        // Sent again it is the last.
        unsettled.add(sent(0, [2]), &attempts(0));
        unsettled.add(sent(0, [KEPT + 2]), &attempts(0));
        let kept = (4..KEPT + 3).chain([2]).map(hash).collect::<BTreeSet<_>>();
        assert_eq!(unsettled.first().map(|sent| sent.hashes), Some(kept));
    }
}
