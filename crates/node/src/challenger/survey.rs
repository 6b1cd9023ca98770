//! What concerns the challenger: which commitments are false, and where; which games it has to play, and on which side.

use std::collections::{BTreeSet, HashMap};

use alloy::primitives::{Address, B256};
use postern_protocol::{commitment::Commitment, dispute::Challenge};

use crate::{
    dispute::Side,
    store::{CommitmentEntry, CommitmentStatus, NodeEntry, NodeStatus, StoreError, View},
};

/// What this node has to say of a commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// True, and so is all that it stands on.
    True,
    /// It stands on the truth, and this is the position of its first false checkpoint.
    False(u64),
    /// It falls with the false or rejected one that it stands on, or its batches are not those of L1.
    Void,
    /// It reaches beyond what is derived.
    Unknown,
}

/// What was found out about commitments. It holds until the next setback of the chain.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    setbacks: u64,
    known: HashMap<B256, Verdict>,
}

impl Verdicts {
    /// Forgets what may not hold any more after so many setbacks of the chain. True if there was something to forget.
    pub(super) fn refresh(&mut self, setbacks: u64) -> bool {
        let setback = setbacks != self.setbacks;
        if setback {
            *self = Self { setbacks, known: HashMap::new() };
        }
        setback
    }

    /// What there is to say of a commitment, be it decided on L1 or not.
    pub(super) fn of(
        &mut self,
        view: &impl View,
        genesis: B256,
        entry: &CommitmentEntry,
    ) -> Result<Verdict, StoreError> {
        // Those that are not judged yet, children first: a line of commitments may be long.
        let mut line = Vec::new();
        let mut next = Some(entry.clone());
        let mut below = Verdict::True;
        while let Some(entry) = next.take() {
            let parent = entry.commitment.parent;
            match self.known.get(&entry.id) {
                Some(verdict) => {
                    below = if line.is_empty() { *verdict } else { passed_on(view, *verdict, &entry)? };
                    break;
                }
                None if parent == genesis || entry.status == CommitmentStatus::Final => line.push(entry),
                None => {
                    next = view.commitment(parent)?;
                    // L1 told of a child, but of no parent.
                    below = if next.is_some() { Verdict::True } else { Verdict::Void };
                    line.push(entry);
                }
            }
        }
        let mut verdict = below;
        while let Some(entry) = line.pop() {
            verdict = match below {
                Verdict::True => judge(view, &entry)?,
                other => other,
            };
            if verdict != Verdict::Unknown {
                self.known.insert(entry.id, verdict);
            }
            below = passed_on(view, verdict, &entry)?;
        }
        Ok(verdict)
    }
}

/// What follows for commitments that stand on this one. One that is false on the way to a true end may become final all the same, if
/// nobody challenged it in its window: so what stands on it is judged like all else.
fn passed_on(view: &impl View, verdict: Verdict, entry: &CommitmentEntry) -> Result<Verdict, StoreError> {
    if entry.status == CommitmentStatus::Rejected {
        return Ok(Verdict::Void);
    }
    Ok(match verdict {
        Verdict::False(_) => match view.output(entry.commitment.batch_count)? {
            Some(output) if output.root() == entry.commitment.output_root => Verdict::True,
            _ => Verdict::Void,
        },
        other => other,
    })
}

/// What there is to say of a commitment if what it stands on is true.
fn judge(view: &impl View, entry: &CommitmentEntry) -> Result<Verdict, StoreError> {
    let Some(first) = first_batch(view, entry)? else { return Ok(Verdict::Void) };
    // Of a final one only the end matters: nobody disputes the way there any more.
    let skipped = if entry.status == CommitmentStatus::Final { entry.checkpoints.len().saturating_sub(1) } else { 0 };
    for (position, checkpoint) in (0..).zip(&entry.checkpoints).skip(skipped) {
        match view.output(first + position + 1)? {
            None => return Ok(Verdict::Unknown),
            Some(output) if output.root() != *checkpoint => return Ok(Verdict::False(position)),
            Some(_) => {}
        }
    }
    Ok(Verdict::True)
}

/// Index of the first batch of a commitment; none if its batches are not those of L1. They are if the last one is, since each names
/// the one before.
fn first_batch(view: &impl View, entry: &CommitmentEntry) -> Result<Option<u64>, StoreError> {
    let count = entry.commitment.batch_count;
    let Some(last) = count.checked_sub(1) else { return Ok(None) };
    let is_ours = view.batch(last)?.is_some_and(|batch| batch.hash == entry.commitment.batch_hash);
    Ok(count.checked_sub(entry.checkpoints.len() as u64).filter(|_| is_ours))
}

/// The batch that a game is about, as this node derived it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Statement {
    /// Index of the batch.
    pub(super) batch: u64,
    /// Its hash.
    pub(super) batch_hash: B256,
    /// Root of the output before it.
    pub(super) previous_output_root: B256,
}

/// A game to be played.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// The commitment that it is about.
    pub(super) entry: CommitmentEntry,
    /// What that one builds on.
    pub(super) parent: Commitment,
    /// Which of its checkpoints.
    pub(super) challenge: Challenge,
    /// Which side is right.
    pub(super) side: Side,
    /// What the run is over.
    pub(super) statement: Statement,
    /// All nodes, in L1's order.
    pub(super) nodes: Vec<NodeEntry>,
}

/// All that concerns the challenger with this account, as of one state of the chain.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Games to be played.
    pub(super) cases: Vec<Case>,
    /// The account's nodes that are not decided: their levels.
    pub(super) open_levels: Vec<u8>,
}

impl Survey {
    /// Looks at all commitments and games that are open. To be played are the games that decide about a commitment which stands on
    /// the truth, and those in which the account has a bond.
    pub(super) fn of(view: &impl View, account: Address, verdicts: &mut Verdicts) -> Result<Self, StoreError> {
        let genesis = view.output(0)?.ok_or(StoreError::Corrupt("no genesis output"))?;
        let genesis = &Commitment::genesis(genesis.root());
        let mut survey = Self::default();
        let mut games: HashMap<B256, BTreeSet<u64>> = HashMap::new();
        for challenge in view.open_challenges()? {
            games.entry(challenge.commitment).or_default().insert(challenge.position);
        }
        for entry in view.open_commitments()? {
            let open = games.remove(&entry.id).unwrap_or_default();
            let verdict = verdicts.of(view, genesis.id(), &entry)?;
            let mut positions = open.clone();
            if let Verdict::False(position) = verdict {
                positions.insert(position);
            }
            for position in positions {
                let matters = match verdict {
                    Verdict::True => true,
                    Verdict::False(first) => position == first,
                    Verdict::Void | Verdict::Unknown => false,
                };
                survey.take(view, genesis, account, &entry, position, matters)?;
            }
        }
        // What is decided already, though its games are not.
        for (commitment, positions) in games {
            let entry = view.commitment(commitment)?.ok_or(StoreError::Corrupt("challenge without commitment"))?;
            for position in positions {
                survey.take(view, genesis, account, &entry, position, false)?;
            }
        }
        Ok(survey)
    }

    /// Takes a game if it matters, or if the account has a bond in it.
    fn take(
        &mut self,
        view: &impl View,
        genesis: &Commitment,
        account: Address,
        entry: &CommitmentEntry,
        position: u64,
        matters: bool,
    ) -> Result<(), StoreError> {
        let challenge = Challenge { commitment: entry.id, position };
        let nodes = view.nodes_of(challenge)?;
        let own = nodes.iter().filter(|node| node.author == account && node.status == NodeStatus::Open);
        let before = self.open_levels.len();
        self.open_levels.extend(own.map(|node| node.level));
        if !matters && self.open_levels.len() == before {
            return Ok(());
        }
        if let Some((parent, statement, side)) = side(view, genesis, entry, position)? {
            self.cases.push(Case { entry: entry.clone(), parent, challenge, side, statement, nodes });
        }
        Ok(())
    }
}

/// Which side is right in a game, and about what; none if the game begins with an output that is not ours, so that nobody can say.
fn side(
    view: &impl View,
    genesis: &Commitment,
    entry: &CommitmentEntry,
    position: u64,
) -> Result<Option<(Commitment, Statement, Side)>, StoreError> {
    let parent = match entry.commitment.parent {
        parent if parent == genesis.id() => Some(*genesis),
        parent => view.commitment(parent)?.map(|parent| parent.commitment),
    };
    let (Some(parent), Some(first)) = (parent, first_batch(view, entry)?) else { return Ok(None) };
    let (index, batch) = (position as usize, first + position);
    let previous_output_root = match index.checked_sub(1) {
        None => parent.output_root,
        Some(before) => entry.checkpoints[before],
    };
    let (Some(before), Some(after), Some(appended)) =
        (view.output(batch)?, view.output(batch + 1)?, view.batch(batch)?)
    else {
        return Ok(None);
    };
    if before.root() != previous_output_root {
        return Ok(None);
    }
    let side = if after.root() == entry.checkpoints[index] { Side::Defend } else { Side::Challenge };
    let statement = Statement { batch, batch_hash: appended.hash, previous_output_root };
    Ok(Some((parent, statement, side)))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Bytes;
    use postern_protocol::dispute::Points;

    use super::*;
    use crate::fixture::{Fixture, ether};

    const LIE: B256 = B256::repeat_byte(9);
    const US: Address = Address::with_last_byte(0xc0);
    const THEM: Address = Address::with_last_byte(0xbb);
    /// A state at the beginning of a run, of which nothing is known here.
    const START: B256 = B256::repeat_byte(1);

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

    fn points(label: u8) -> Points {
        [B256::repeat_byte(label); 32]
    }

    /// What is to be played: commitment, position, side, index of the batch.
    fn look(verdicts: &mut Verdicts, fixture: &Fixture) -> Vec<(B256, u64, Side, u64)> {
        verdicts.refresh(fixture.chain.setbacks());
        let survey = Survey::of(&fixture.chain.view().unwrap(), US, verdicts).unwrap();
        let cases = survey.cases.into_iter();
        cases.map(|case| (case.entry.id, case.challenge.position, case.side, case.statement.batch)).collect()
    }

    /// As seen by a challenger that has looked before, and by one that starts now: the same.
    fn both(verdicts: &mut Verdicts, fixture: &Fixture) -> Vec<(B256, u64, Side, u64)> {
        let seen = look(verdicts, fixture);
        assert_eq!(seen, look(&mut Verdicts::default(), fixture));
        seen
    }

    #[test]
    fn a_false_commitment_is_challenged_at_its_first_false_checkpoint() {
        let mut fixture = fixture();
        let mut verdicts = Verdicts::default();
        let genesis = fixture.chain.genesis_commitment();
        let [one, two, three] = [1, 2, 3].map(|count| fixture.output_root(count));
        for (position, checkpoints) in [(0, vec![LIE, two, three]), (1, vec![one, LIE, LIE]), (2, vec![one, two, LIE])]
        {
            let lie = fixture.propose(genesis, 0, checkpoints);
            let seen = both(&mut verdicts, &fixture);
            assert!(seen.contains(&(lie, position, Side::Challenge, position)), "{seen:?}");
        }
        assert_eq!(both(&mut verdicts, &fixture).len(), 3);
        // On a true one the positions begin anew.
        let truth = fixture.propose(genesis, 0, vec![one]);
        let lie = fixture.propose(truth, 1, vec![two, LIE]);
        let seen = both(&mut verdicts, &fixture);
        assert!(seen.len() == 4 && seen.contains(&(lie, 1, Side::Challenge, 2)), "{seen:?}");
    }

    #[test]
    fn what_stands_on_a_lie_falls_with_it() {
        let mut fixture = fixture();
        let mut verdicts = Verdicts::default();
        let genesis = fixture.chain.genesis_commitment();
        let [two, three] = [2, 3].map(|count| fixture.output_root(count));
        let lie = fixture.propose(genesis, 0, vec![LIE]);
        let child = fixture.propose(lie, 1, vec![two]);
        fixture.propose(child, 2, vec![three]);
        fixture.propose(child, 2, vec![LIE]);
        let expected = [(lie, 0, Side::Challenge, 0)];
        assert_eq!(both(&mut verdicts, &fixture), expected);
        // Whatever is opened against it.
        fixture.open(Challenge { commitment: child, position: 0 }, THEM, START, points(1));
        assert_eq!(both(&mut verdicts, &fixture), expected);
        fixture.reject(lie);
        assert_eq!(both(&mut verdicts, &fixture), []);
    }

    /// Nobody challenged it in its window, say, so that it will be final: what stands on it must not be left alone.
    #[test]
    fn what_stands_on_a_true_end_is_judged_whatever_led_there() {
        let mut fixture = fixture();
        let mut verdicts = Verdicts::default();
        let genesis = fixture.chain.genesis_commitment();
        let [two, three] = [2, 3].map(|count| fixture.output_root(count));
        let detour = fixture.propose(genesis, 0, vec![LIE, two]);
        let truth = fixture.propose(detour, 2, vec![three]);
        let lie = fixture.propose(detour, 2, vec![LIE]);
        fixture.open(Challenge { commitment: truth, position: 0 }, THEM, START, points(1));
        let on_it = [(truth, 0, Side::Defend, 2), (lie, 0, Side::Challenge, 2)];
        let seen = both(&mut verdicts, &fixture);
        assert!(seen.len() == 3 && seen.contains(&(detour, 0, Side::Challenge, 0)), "{seen:?}");
        assert!(on_it.iter().all(|case| seen.contains(case)), "{seen:?}");
        fixture.finalize(detour);
        assert_eq!(both(&mut verdicts, &fixture), on_it);
    }

    /// Rejected wrongly, so that nothing else is to be said of it than that it was rejected.
    #[test]
    fn what_stands_on_a_rejected_one_needs_no_challenge() {
        let mut fixture = fixture();
        let mut verdicts = Verdicts::default();
        let genesis = fixture.chain.genesis_commitment();
        let truth = fixture.propose(genesis, 0, vec![fixture.output_root(1)]);
        let child = fixture.propose(truth, 1, vec![LIE]);
        assert_eq!(both(&mut verdicts, &fixture), [(child, 0, Side::Challenge, 1)]);
        fixture.reject(truth);
        assert_eq!(both(&mut verdicts, &fixture), []);
    }

    /// A sibling of what is final can still become final itself, and its outbox root with it.
    #[test]
    fn a_false_commitment_below_the_last_final_one_is_challenged() {
        let mut fixture = fixture();
        let mut verdicts = Verdicts::default();
        let genesis = fixture.chain.genesis_commitment();
        let [one, two, three] = [1, 2, 3].map(|count| fixture.output_root(count));
        let first = fixture.propose(genesis, 0, vec![one]);
        let rest = fixture.propose(first, 1, vec![two, three]);
        fixture.finalize(first);
        fixture.finalize(rest);
        let late = fixture.propose(first, 1, vec![LIE]);
        assert_eq!(both(&mut verdicts, &fixture), [(late, 0, Side::Challenge, 1)]);
    }

    #[test]
    fn a_true_commitment_is_defended_where_it_is_attacked() {
        let mut fixture = fixture();
        let mut verdicts = Verdicts::default();
        let genesis = fixture.chain.genesis_commitment();
        let truth = fixture.propose(genesis, 0, [1, 2, 3].map(|count| fixture.output_root(count)).to_vec());
        assert_eq!(both(&mut verdicts, &fixture), []);
        for position in [2, 0] {
            fixture.open(Challenge { commitment: truth, position }, THEM, START, points(1));
        }
        let expected = [0, 2].map(|position| (truth, position, Side::Defend, position));
        assert_eq!(both(&mut verdicts, &fixture), expected);
    }

    /// An opening at a true checkpoint of a false commitment may stand: what it rejects is false.
    #[test]
    fn a_false_commitment_is_not_defended() {
        let mut fixture = fixture();
        let mut verdicts = Verdicts::default();
        let genesis = fixture.chain.genesis_commitment();
        let lie = fixture.propose(genesis, 0, vec![fixture.output_root(1), LIE, LIE]);
        for position in [0, 2] {
            fixture.open(Challenge { commitment: lie, position }, THEM, START, points(1));
        }
        assert_eq!(both(&mut verdicts, &fixture), [(lie, 1, Side::Challenge, 1)]);
    }

    /// Its bond is lost if the counters to it are not refuted, whatever came of the commitment.
    #[test]
    fn our_own_nodes_are_defended_after_all_is_decided() {
        let mut fixture = fixture();
        let mut verdicts = Verdicts::default();
        let genesis = fixture.chain.genesis_commitment();
        let lie = fixture.propose(genesis, 0, vec![LIE]);
        let challenge = Challenge { commitment: lie, position: 0 };
        let ours = fixture.open(challenge, US, START, points(1));
        let other = fixture.open(challenge, THEM, START, points(2));
        fixture.resolve(other, true);
        fixture.reject(lie);
        assert_eq!(both(&mut verdicts, &fixture), [(lie, 0, Side::Challenge, 0)]);
        let mut survey = |account| Survey::of(&fixture.chain.view().unwrap(), account, &mut verdicts).unwrap();
        assert_eq!(survey(US).open_levels, [1]);
        assert!(survey(THEM).cases.is_empty());
        fixture.resolve(ours, true);
        assert_eq!(both(&mut verdicts, &fixture), []);
    }

    #[test]
    fn l1_takes_back_what_was_concluded() {
        let mut fixture = fixture();
        let mut verdicts = Verdicts::default();
        let genesis = fixture.chain.genesis_commitment();
        let first = fixture.propose(genesis, 0, vec![fixture.output_root(1)]);
        let before = fixture.chain.heads().l1.number;
        let lie = fixture.propose(first, 1, vec![LIE]);
        assert_eq!(both(&mut verdicts, &fixture), [(lie, 0, Side::Challenge, 1)]);
        fixture.chain.rollback_l1(before).unwrap();
        assert_eq!(both(&mut verdicts, &fixture), []);
    }
}
