//! Which commitments on L1 this node vouches for.

use std::collections::BTreeSet;

use crate::{
    chain::{Chain, ChainError},
    store::{CommitmentEntry, CommitmentStatus},
};

/// Whether the node's own derivation leads to what a commitment claims: its batch, and every checkpoint. `None` if it
/// reaches beyond what is derived.
pub(crate) fn agrees(chain: &Chain, entry: &CommitmentEntry) -> Result<Option<bool>, ChainError> {
    let commitment = &entry.commitment;
    if chain.output(commitment.batch_count)?.is_none() {
        return Ok(None);
    }
    // L1 takes no commitment without a batch, so the count is at least one.
    let Some(batch) = chain.batch(commitment.batch_count.saturating_sub(1))? else {
        return Ok(None);
    };
    let Some(parent_count) = commitment.batch_count.checked_sub(entry.checkpoints.len() as u64) else {
        return Ok(Some(false));
    };
    if batch.hash != commitment.batch_hash {
        return Ok(Some(false));
    }
    for (count, checkpoint) in (parent_count + 1..).zip(&entry.checkpoints) {
        if chain.output(count)?.map(|output| output.root()) != Some(*checkpoint) {
            return Ok(Some(false));
        }
    }
    Ok(Some(true))
}

/// The commitments that stand and will: true with all their ancestors, none of which was rejected. In order of their batch
/// count, then of their position on L1.
pub(crate) fn vouched(chain: &Chain) -> Result<Vec<CommitmentEntry>, ChainError> {
    let mut ids = BTreeSet::from([chain.genesis_commitment()]);
    let mut vouched = Vec::new();
    // A parent applies fewer batches than its child, so it comes first.
    for entry in chain.commitments_from(0)? {
        let stands = entry.status != CommitmentStatus::Rejected && ids.contains(&entry.commitment.parent);
        if stands && agrees(chain, &entry)? == Some(true) {
            ids.insert(entry.id);
            vouched.push(entry);
        }
    }
    Ok(vouched)
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256, Bytes};

    use super::*;
    use crate::fixture::{Fixture, ether};

    /// A chain of three derived batches.
    fn fixture() -> Fixture {
        let mut fixture = Fixture::new();
        for _ in 0..3 {
            fixture.deposit(Address::with_last_byte(1), Address::with_last_byte(2), ether(), Bytes::new());
            fixture.build();
            fixture.post();
        }
        fixture
    }

    fn ids(fixture: &Fixture) -> Vec<B256> {
        vouched(&fixture.chain).unwrap().iter().map(|entry| entry.id).collect()
    }

    #[test]
    fn vouches_for_true_descendants_of_true_commitments() {
        let mut fixture = fixture();
        let genesis = fixture.chain.genesis_commitment();
        let [one, two, three] = [1, 2, 3].map(|count| fixture.output_root(count));
        let first = fixture.propose(genesis, 0, vec![one]);
        let second = fixture.propose(first, 1, vec![two, three]);
        assert_eq!(ids(&fixture), [first, second]);
    }

    #[test]
    fn one_false_checkpoint_is_enough() {
        let mut fixture = fixture();
        let genesis = fixture.chain.genesis_commitment();
        let three = fixture.output_root(3);
        fixture.propose(genesis, 0, vec![B256::repeat_byte(9), fixture.output_root(2), three]);
        assert!(ids(&fixture).is_empty());
    }

    #[test]
    fn the_truth_on_a_lie_falls_with_it() {
        let mut fixture = fixture();
        let genesis = fixture.chain.genesis_commitment();
        let lie = fixture.propose(genesis, 0, vec![B256::repeat_byte(9)]);
        fixture.propose(lie, 1, vec![fixture.output_root(2)]);
        assert!(ids(&fixture).is_empty());
    }

    #[test]
    fn a_rejected_commitment_takes_its_descendants_along() {
        let mut fixture = fixture();
        let genesis = fixture.chain.genesis_commitment();
        let first = fixture.propose(genesis, 0, vec![fixture.output_root(1)]);
        fixture.propose(first, 1, vec![fixture.output_root(2)]);
        let rival = fixture.propose(genesis, 0, vec![fixture.output_root(1), fixture.output_root(2)]);
        fixture.reject(first);
        assert_eq!(ids(&fixture), [rival]);
    }
}
