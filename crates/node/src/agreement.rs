//! Which commitments on L1 this node vouches for.

use std::collections::{HashSet, VecDeque};

use alloy::primitives::B256;

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

/// A commitment by name, and how many batches it applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    /// Its id.
    pub(crate) id: B256,
    /// Its batch count.
    pub(crate) batch_count: u64,
}

impl From<&CommitmentEntry> for Link {
    fn from(entry: &CommitmentEntry) -> Self {
        Self { id: entry.id, batch_count: entry.commitment.batch_count }
    }
}

/// The commitments that this node builds on: from a final one to the furthest that is true with all that it stands on and
/// was not rejected, whoever proposed them.
///
/// It is kept from one look at L1 to the next: a look costs what is new since the last, and after a setback what is open.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// Setbacks of the chain up to which all this holds; none before the first look.
    setbacks: Option<u64>,
    /// The final one to build on while none is open.
    root: Link,
    /// Those that are not final, parents first.
    open: VecDeque<Link>,
    /// Commitments that are false, rejected, or stand on such a one.
    denied: HashSet<B256>,
    /// True ones whose parent was rejected: they look like ours to who does not look at their parents.
    orphans: Vec<CommitmentEntry>,
}

impl Line {
    /// Brings it up to date. True if what was concluded from it before may not hold any more.
    pub(crate) fn update(&mut self, chain: &Chain) -> Result<bool, ChainError> {
        let setbacks = chain.setbacks();
        let setback = self.setbacks != Some(setbacks);
        let last_final = chain.final_commitment()?;
        let last_final = last_final.as_ref().map_or_else(|| genesis(chain), Link::from);
        if setback {
            *self = Self { orphans: orphans(chain, last_final.batch_count)?, ..Self::default() };
            self.setbacks = Some(setbacks);
        }
        while let Some(first) = self.open.front()
            && chain.commitment(first.id)?.is_some_and(|entry| entry.status == CommitmentStatus::Final)
        {
            self.open.pop_front();
        }

        let mut limit = chain.heads().derived;
        loop {
            let furthest = chain.last_commitments(last_final.batch_count + 1, limit)?;
            let Some(first) = furthest.first() else {
                self.root = last_final;
                self.open.clear();
                return Ok(setback);
            };
            limit = first.commitment.batch_count - 1;
            for entry in furthest {
                if self.reaches(chain, entry)? {
                    return Ok(setback);
                }
            }
        }
    }

    /// The furthest commitment, on which to build.
    pub(crate) fn end(&self) -> Link {
        self.open.back().copied().unwrap_or(self.root)
    }

    /// Those that are not final by position, parents first.
    pub(crate) fn open_at(&self, position: usize) -> Option<Link> {
        self.open.get(position).copied()
    }

    /// Open commitments that are true, but have a rejected parent, as of the last setback: those that reach further than all final
    /// ones.
    pub(crate) fn orphans(&self) -> &[CommitmentEntry] {
        &self.orphans
    }

    /// Does without a commitment, and what stands on it, until the next setback: L1 knows better.
    pub(crate) fn deny(&mut self, id: B256) {
        self.denied.insert(id);
        if let Some(position) = self.open.iter().position(|link| link.id == id) {
            self.open.truncate(position);
        }
    }

    /// Makes this commitment the end, if it is true with all that it stands on.
    fn reaches(&mut self, chain: &Chain, end: CommitmentEntry) -> Result<bool, ChainError> {
        let genesis = genesis(chain);
        let mut new = Vec::new();
        let mut next = Some(end);
        while let Some(entry) = next {
            let link = Link::from(&entry);
            if let Some(position) = self.position(link) {
                self.open.truncate(position + 1);
                break;
            }
            new.push(link);
            if self.denied.contains(&link.id) || !is_true(chain, &entry)? {
                self.denied.extend(new.into_iter().map(|link| link.id));
                return Ok(false);
            }
            if entry.status == CommitmentStatus::Final {
                new.pop();
                self.open.clear();
                self.root = link;
                break;
            }
            let parent = entry.commitment.parent;
            if parent == genesis.id {
                self.open.clear();
                self.root = genesis;
                break;
            }
            next = chain.commitment(parent)?;
            if next.is_none() {
                // L1 rolled back meanwhile: the setback shows in the next update.
                return Ok(false);
            }
        }
        self.open.extend(new.into_iter().rev());
        Ok(true)
    }

    fn position(&self, link: Link) -> Option<usize> {
        let position = self.open.binary_search_by_key(&link.batch_count, |open| open.batch_count).ok()?;
        (self.open[position] == link).then_some(position)
    }
}

fn genesis(chain: &Chain) -> Link {
    Link { id: chain.genesis_commitment(), batch_count: 0 }
}

/// Whether a commitment is true if its parent is. Of a final one only the end matters: nobody disputes the way there any more.
fn is_true(chain: &Chain, entry: &CommitmentEntry) -> Result<bool, ChainError> {
    match entry.status {
        CommitmentStatus::Rejected => Ok(false),
        CommitmentStatus::Proposed => Ok(agrees(chain, entry)? == Some(true)),
        CommitmentStatus::Final => {
            let output = chain.output(entry.commitment.batch_count)?;
            Ok(output.is_some_and(|output| output.root() == entry.commitment.output_root))
        }
    }
}

/// Open commitments to more than so many batches that are true, but have a rejected parent.
fn orphans(chain: &Chain, batch_count: u64) -> Result<Vec<CommitmentEntry>, ChainError> {
    let mut orphans = Vec::new();
    let mut limit = u64::MAX;
    loop {
        let group = chain.last_commitments(batch_count + 1, limit)?;
        let Some(first) = group.first() else { return Ok(orphans) };
        limit = first.commitment.batch_count - 1;
        for entry in group {
            let parent = chain.commitment(entry.commitment.parent)?;
            let rejected = parent.is_some_and(|parent| parent.status == CommitmentStatus::Rejected);
            if rejected && entry.status == CommitmentStatus::Proposed && agrees(chain, &entry)? == Some(true) {
                orphans.push(entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, Bytes};

    use super::*;
    use crate::fixture::{Fixture, ether};

    const LIE: B256 = B256::repeat_byte(9);

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

    /// The open commitments of the line, and its end.
    fn look(line: &mut Line, fixture: &Fixture) -> (Vec<B256>, B256) {
        line.update(&fixture.chain).unwrap();
        ((0..).map_while(|position| line.open_at(position)).map(|link| link.id).collect(), line.end().id)
    }

    #[test]
    fn follows_true_descendants_of_true_commitments() {
        let mut fixture = fixture();
        let mut line = Line::default();
        let genesis = fixture.chain.genesis_commitment();
        assert_eq!(look(&mut line, &fixture), (vec![], genesis));

        let [one, two, three] = [1, 2, 3].map(|count| fixture.output_root(count));
        let first = fixture.propose(genesis, 0, vec![one]);
        assert_eq!(look(&mut line, &fixture), (vec![first], first));
        let second = fixture.propose(first, 1, vec![two, three]);
        assert_eq!(look(&mut line, &fixture), (vec![first, second], second));
        // A node that has just started sees the same.
        assert_eq!(look(&mut Line::default(), &fixture), (vec![first, second], second));
    }

    #[test]
    fn leaves_out_siblings_that_lead_nowhere() {
        let mut fixture = fixture();
        let mut line = Line::default();
        let genesis = fixture.chain.genesis_commitment();
        let [one, two, three] = [1, 2, 3].map(|count| fixture.output_root(count));
        let ours = fixture.propose(genesis, 0, vec![one, two]);
        assert_eq!(look(&mut line, &fixture), (vec![ours], ours));
        let sibling = fixture.propose(genesis, 0, vec![one]);
        assert_eq!(look(&mut line, &fixture), (vec![ours], ours));

        // Until one of them leads further than what we had.
        let longer = fixture.propose(sibling, 1, vec![two, three]);
        assert_eq!(look(&mut line, &fixture), (vec![sibling, longer], longer));
        // Of two that lead as far the first stays.
        fixture.propose(ours, 2, vec![three]);
        assert_eq!(look(&mut line, &fixture), (vec![sibling, longer], longer));
        assert_eq!(look(&mut Line::default(), &fixture), (vec![sibling, longer], longer));
    }

    #[test]
    fn begins_at_the_last_final_one() {
        let mut fixture = fixture();
        let mut line = Line::default();
        let genesis = fixture.chain.genesis_commitment();
        let [one, two, three] = [1, 2, 3].map(|count| fixture.output_root(count));
        let first = fixture.propose(genesis, 0, vec![one]);
        let second = fixture.propose(first, 1, vec![two]);
        look(&mut line, &fixture);
        fixture.finalize(first);
        assert_eq!(look(&mut line, &fixture), (vec![second], second));
        assert_eq!(look(&mut Line::default(), &fixture), (vec![second], second));
        fixture.finalize(second);
        assert_eq!(look(&mut line, &fixture), (vec![], second));

        // Of two to the same batch, one of which is final, on that one.
        fixture.propose(genesis, 0, vec![one, two, three]);
        let third = fixture.propose(second, 2, vec![three]);
        fixture.finalize(third);
        assert_eq!(look(&mut line, &fixture), (vec![], third));
        assert_eq!(look(&mut Line::default(), &fixture), (vec![], third));
    }

    #[test]
    fn stands_on_a_final_one_that_others_have_overtaken() {
        let mut fixture = fixture();
        let mut line = Line::default();
        let genesis = fixture.chain.genesis_commitment();
        let [one, two, three] = [1, 2, 3].map(|count| fixture.output_root(count));
        let first = fixture.propose(genesis, 0, vec![one]);
        let second = fixture.propose(first, 1, vec![two]);
        let third = fixture.propose(second, 2, vec![three]);
        let other = fixture.propose(genesis, 0, vec![one, two]);
        fixture.finalize(other);
        let expected = (vec![first, second, third], third);
        assert_eq!(look(&mut line, &fixture), expected);
    }

    #[test]
    fn one_false_checkpoint_is_enough() {
        let mut fixture = fixture();
        let mut line = Line::default();
        let genesis = fixture.chain.genesis_commitment();
        let [two, three] = [2, 3].map(|count| fixture.output_root(count));
        fixture.propose(genesis, 0, vec![LIE, two, three]);
        assert_eq!(look(&mut line, &fixture), (vec![], genesis));
    }

    #[test]
    fn the_truth_on_a_lie_falls_with_it() {
        let mut fixture = fixture();
        let mut line = Line::default();
        let genesis = fixture.chain.genesis_commitment();
        let [one, two, three] = [1, 2, 3].map(|count| fixture.output_root(count));
        let lie = fixture.propose(genesis, 0, vec![LIE]);
        let child = fixture.propose(lie, 1, vec![two]);
        assert_eq!(look(&mut line, &fixture), (vec![], genesis));
        // Not even if the lie became final: then the child is what is false.
        fixture.propose(child, 2, vec![three]);
        fixture.finalize(lie);
        assert_eq!(look(&mut line, &fixture), (vec![], genesis));
        assert_eq!(look(&mut Line::default(), &fixture), (vec![], genesis));
        let truth = fixture.propose(genesis, 0, vec![one]);
        assert_eq!(look(&mut line, &fixture), (vec![truth], truth));
    }

    #[test]
    fn a_rejected_commitment_takes_its_descendants_along() {
        let mut fixture = fixture();
        let mut line = Line::default();
        let genesis = fixture.chain.genesis_commitment();
        let [one, two, three] = [1, 2, 3].map(|count| fixture.output_root(count));
        let first = fixture.propose(genesis, 0, vec![one]);
        let second = fixture.propose(first, 1, vec![two, three]);
        let rival = fixture.propose(genesis, 0, vec![one, two]);
        assert_eq!(look(&mut line, &fixture), (vec![first, second], second));
        assert!(line.orphans().is_empty());

        fixture.reject(first);
        assert_eq!(look(&mut line, &fixture), (vec![rival], rival));
        assert_eq!(line.orphans().iter().map(|entry| entry.id).collect::<Vec<_>>(), [second]);

        fixture.reject(second);
        look(&mut line, &fixture);
        assert!(line.orphans().is_empty());
    }

    /// Nobody takes these for true, so nobody has to pay for their end.
    #[test]
    fn false_children_of_rejected_ones_are_no_orphans() {
        let mut fixture = fixture();
        let mut line = Line::default();
        let genesis = fixture.chain.genesis_commitment();
        let lie = fixture.propose(genesis, 0, vec![LIE]);
        fixture.propose(lie, 1, vec![LIE]);
        fixture.reject(lie);
        look(&mut line, &fixture);
        assert!(line.orphans().is_empty());
    }

    #[test]
    fn what_l1_takes_back_leaves_the_line() {
        let mut fixture = fixture();
        let mut line = Line::default();
        let genesis = fixture.chain.genesis_commitment();
        let [one, two] = [1, 2].map(|count| fixture.output_root(count));
        let first = fixture.propose(genesis, 0, vec![one]);
        let fork = fixture.chain.heads().l1.number;
        fixture.propose(first, 1, vec![two]);
        fixture.finalize(first);
        look(&mut line, &fixture);

        fixture.chain.rollback_l1(fork).unwrap();
        assert!(line.update(&fixture.chain).unwrap(), "it says that what was known may be wrong");
        assert_eq!(look(&mut line, &fixture), (vec![first], first));
        assert!(!line.update(&fixture.chain).unwrap());
    }

    #[test]
    fn does_without_what_is_denied_until_the_next_setback() {
        let mut fixture = fixture();
        let mut line = Line::default();
        let genesis = fixture.chain.genesis_commitment();
        let [one, two, three] = [1, 2, 3].map(|count| fixture.output_root(count));
        let first = fixture.propose(genesis, 0, vec![one]);
        let second = fixture.propose(first, 1, vec![two]);
        let third = fixture.propose(second, 2, vec![three]);
        look(&mut line, &fixture);
        line.deny(second);
        assert_eq!(look(&mut line, &fixture), (vec![first], first));

        let lie = fixture.propose(genesis, 0, vec![LIE]);
        fixture.reject(lie);
        assert_eq!(look(&mut line, &fixture), (vec![first, second, third], third));
    }
}
