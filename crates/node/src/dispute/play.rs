//! Disputes at random: honest parties against anything, by the rules of the contract.

use alloy::primitives::{Address, B256};
use postern_protocol::dispute::{Dispute, LEVELS, POINTS, Points, spacing};
use proptest::{collection::vec, prelude::*, sample::Index};

use super::{
    Cached, Game, Move, Run, Side,
    model::{Contract, LabelRun, Labels, RULES, Refused, State, lie, truth},
};
use crate::store::{NodeEntry, NodeStatus};

/// The last block in which the commitment can be challenged.
const WINDOW: u64 = 100;

/// From an opening to the last deadline on a branch: of four moves of a side each but the first is worth at most one extension
/// beyond the clock.
const LONGEST: u64 = 2 * RULES.clock + 6 * RULES.extension;

fn honest(party: usize) -> Address {
    Address::repeat_byte(0xa0 + party as u8)
}

fn hostile(party: usize) -> Address {
    Address::repeat_byte(0xe0 + party as u8)
}

fn is_honest(author: Address) -> bool {
    author[0] < 0xe0
}

/// A party that looks in every so many blocks, and does what it has to from what it saw in the block before.
#[derive(Clone, Debug)]
struct Party {
    every: u64,
    offset: u64,
    /// Moves only when the next time would be too late.
    is_late: bool,
}

/// One that plays as the honest do, but for a run of its own.
#[derive(Clone, Debug)]
struct Liar {
    true_to: u64,
    label: u64,
    side: Side,
    from: u64,
    /// Moves in the last block in which it can.
    is_late: bool,
    resolves: bool,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Open,
    Counter,
    ProveStep,
    Resolve,
}

/// Anything at all.
#[derive(Clone, Debug)]
struct Act {
    block: u64,
    /// Before the honest in this block, or after them.
    is_first: bool,
    kind: Kind,
    /// About which node.
    target: Index,
    segment: usize,
    /// How many points are true.
    true_points: usize,
    /// True in the end, whatever the way.
    ends_true: bool,
    label: u64,
}

#[derive(Clone, Debug)]
struct Script {
    labels: Labels,
    parties: Vec<Party>,
    liars: Vec<Liar>,
    acts: Vec<Act>,
    /// Where what is resolved together is torn apart.
    cut: Index,
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Challenge), Just(Side::Defend)]
}

fn party() -> impl Strategy<Value = Party> {
    (1..=RULES.extension, any::<u64>(), any::<bool>()).prop_map(|(every, offset, is_late)| Party {
        every,
        offset: offset % every,
        is_late,
    })
}

fn liar() -> impl Strategy<Value = Liar> {
    (0..41_u32, any::<u64>(), 1..4_u64, side(), 0..WINDOW, any::<bool>(), any::<bool>()).prop_map(
        |(size, place, label, side, from, is_late, resolves)| Liar {
            true_to: place & ((1 << size) - 1),
            label,
            side,
            from,
            is_late,
            resolves,
        },
    )
}

fn act() -> impl Strategy<Value = Act> {
    let kind = prop_oneof![
        2 => Just(Kind::Open),
        6 => Just(Kind::Counter),
        1 => Just(Kind::ProveStep),
        1 => Just(Kind::Resolve),
    ];
    let points = (0..=POINTS, any::<bool>(), 0..4_u64);
    (0..WINDOW + LONGEST, any::<bool>(), kind, any::<Index>(), 1..=POINTS, points).prop_map(
        |(block, is_first, kind, target, segment, (true_points, ends_true, label))| Act {
            block,
            is_first,
            kind,
            target,
            segment,
            true_points,
            ends_true,
            label,
        },
    )
}

fn script() -> impl Strategy<Value = Script> {
    let claim = prop_oneof![Just(0), 1..4_u64];
    let labels = (0..41_u32, any::<u64>(), claim)
        .prop_map(|(size, steps, claim)| Labels { steps: 1 + (steps & ((1 << size) - 1)), claim });
    (labels, vec(party(), 1..3), vec(liar(), 0..5), vec(act(), 0..60), any::<Index>())
        .prop_map(|(labels, parties, liars, acts, cut)| Script { labels, parties, liars, acts, cut })
}

struct Play {
    script: Script,
    contract: Contract<Labels>,
    truth: Cached<LabelRun>,
    side: Side,
}

impl Play {
    fn new(script: Script) -> Self {
        let side = if script.labels.claim == 0 { Side::Defend } else { Side::Challenge };
        let contract = Contract::new(script.labels, RULES, WINDOW);
        Self { truth: truth(script.labels.steps), contract, side, script }
    }

    fn true_points(&self, first: u64, level: u8) -> Points {
        let Ok(points) = self.truth.points(first, level);
        points
    }

    fn is_true(&self, NodeEntry { node, points, level, .. }: &NodeEntry) -> bool {
        node.start == self.truth.run().state(node.first).hash() && **points == self.true_points(node.first, *level)
    }

    /// The whole dispute.
    fn play(&mut self) {
        let liars: Vec<_> =
            self.script.liars.iter().map(|liar| lie(self.script.labels.steps, liar.true_to, liar.label)).collect();
        let latest = self.script.parties.iter().map(|party| party.every).max().expect("a party");
        for block in 0..=WINDOW + LONGEST + latest {
            self.contract.block = block;
            let seen = self.contract.game();
            self.act(true);
            for party in 0..self.script.parties.len() {
                let Party { every, offset, is_late } = self.script.parties[party].clone();
                if block % every == offset {
                    let Ok(moves) = seen.moves(&self.truth, self.side, block);
                    let due =
                        moves.into_iter().filter(|it| !is_late || it.deadline().unwrap_or(WINDOW) < block + every);
                    due.for_each(|it| self.make(honest(party), it));
                    self.resolve(&seen, honest(party));
                }
            }
            for (place, run) in liars.iter().enumerate() {
                self.lie(place, run);
            }
            self.act(false);
            self.check();
        }
    }

    /// A move of an honest party, which was right when it was made up.
    fn make(&mut self, author: Address, it: Move) {
        let (bond, deadline) = (it.bond(&RULES), it.deadline());
        match &it {
            Move::Open { node, points, .. } => {
                assert_eq!(self.side, Side::Challenge);
                assert_eq!((**points, bond), (self.true_points(0, 1), RULES.bond));
                assert_eq!(node.id(), it.id());
            }
            Move::Counter { parent, dispute, points, node, level, .. } => {
                self.check_matters(parent.id(), dispute);
                assert_eq!(**points, self.true_points(node.first, *level));
                assert_eq!(bond, RULES.bond_for(self.contract.entry(parent.id()).unwrap().level + 1));
            }
            Move::ProveStep { node, dispute, step, .. } => {
                self.check_matters(node.id(), dispute);
                assert_eq!(*step, node.first + dispute.segment - 1);
                assert!(bond.is_zero());
            }
        }
        if let Some(deadline) = deadline {
            let target = match it {
                Move::Counter { parent, .. } => parent.id(),
                _ => it.id(),
            };
            assert_eq!(deadline, self.contract.deadline(target));
        }
        match self.contract.make(author, it) {
            // Somebody else was first.
            Ok(()) | Err(Refused::NodeAlreadyPosted | Refused::UnexpectedNodeStatus) => {}
            Err(refused) => panic!("an honest move is refused: {refused:?}"),
        }
    }

    /// The node disputes what is true, at its first false point.
    fn check_matters(&self, id: B256, dispute: &Dispute) {
        let entry = self.contract.entry(id).unwrap();
        assert!(!self.is_true(entry));
        match self.contract.entry(entry.node.parent) {
            Some(parent) => assert!(self.is_true(parent)),
            None => assert_eq!(self.side, Side::Defend),
        }
        let truth = self.true_points(entry.node.first, entry.level);
        let first_false = 1 + entry.points.iter().zip(&truth).position(|(point, truth)| point != truth).unwrap();
        assert_eq!(dispute.segment, first_false as u64);
    }

    /// Decides what an honest party wants decided, in two transactions, whatever others have decided in this block.
    fn resolve(&mut self, seen: &Game, own: Address) {
        let Ok(nodes) = seen.resolvable(&self.truth, self.side, own, self.contract.block);
        let (first, second) = nodes.split_at(self.script.cut.index(nodes.len() + 1));
        for part in [first, second] {
            assert_eq!(self.contract.resolve(part), Ok(()));
        }
        for node in nodes {
            assert_eq!(seen.node(node.id()).unwrap().entry.status, NodeStatus::Open);
            let entry = self.contract.entry(node.id()).unwrap();
            let expected = if self.is_true(entry) { NodeStatus::Stands } else { NodeStatus::Refuted };
            assert_eq!(entry.status, expected, "an honest party had the wrong decided");
        }
    }

    fn lie(&mut self, place: usize, run: &Cached<LabelRun>) {
        let (Liar { side, from, is_late, resolves, .. }, block) =
            (self.script.liars[place].clone(), self.contract.block);
        if block < from {
            return;
        }
        let Ok(moves) = self.contract.game().moves(run, side, block);
        for it in moves {
            if !is_late || it.deadline().unwrap_or(WINDOW) == block {
                let _ = self.contract.make(hostile(place), it);
            }
        }
        if resolves {
            let Ok(nodes) = self.contract.game().resolvable(run, side, hostile(place), block);
            assert_eq!(self.contract.resolve(&nodes), Ok(()));
        }
    }

    /// What is written for this block and place in it.
    fn act(&mut self, is_first: bool) {
        let block = self.contract.block;
        let now = |act: &&Act| act.block == block && act.is_first == is_first;
        for act in self.script.acts.iter().filter(now).cloned().collect::<Vec<_>>() {
            let _ = self.act_once(&act);
        }
    }

    fn act_once(&mut self, act: &Act) -> Result<(), Refused> {
        let steps = self.script.labels.steps;
        if let Kind::Open = act.kind {
            let points = self.points_of(act, 0, 1);
            let label = if points[POINTS - 1] == self.true_points(0, 1)[POINTS - 1] { 0 } else { act.label };
            return self.contract.open(hostile(9), &points, &State { label, step: steps }.encode()).map(|_| ());
        }
        let open: Vec<_> = self.contract.entries().filter(|entry| entry.status == NodeStatus::Open).cloned().collect();
        let Some(NodeEntry { node, points, level, .. }) = open.get(act.target.index(open.len().max(1))) else {
            return Ok(());
        };
        let dispute = Dispute::of(node.start, points, act.segment);
        let first = node.first + (act.segment as u64 - 1) * spacing(*level);
        match act.kind {
            Kind::Counter if *level < LEVELS => {
                let points = self.points_of(act, first, level + 1);
                self.contract.counter(hostile(9), *node, &dispute, &points).map(|_| ())
            }
            Kind::Counter | Kind::ProveStep => {
                let states = (0..4).map(|label| State { label, step: first.min(steps) });
                let known = states.into_iter().find(|state| state.hash() == dispute.agreed);
                known.map_or(Ok(()), |state| self.contract.prove_step(hostile(9), *node, &dispute, &state.encode()))
            }
            Kind::Open | Kind::Resolve => self.contract.resolve(&[*node]),
        }
    }

    fn points_of(&self, act: &Act, first: u64, level: u8) -> Points {
        let truth = self.true_points(first, level);
        let Ok(lies) = lie(self.script.labels.steps, 0, act.label).points(first, level);
        std::array::from_fn(|index| {
            let is_true = index < act.true_points || act.ends_true && index == POINTS - 1;
            if is_true { truth[index] } else { lies[index] }
        })
    }

    /// What holds in every block.
    fn check(&self) {
        assert_eq!(self.contract.total(), 0, "bonds");
        let (mut locked, mut at_stake) = (0, 0);
        for entry in self.contract.entries() {
            let bond = self.contract.bond(entry.level);
            if is_honest(entry.author) {
                assert!(self.is_true(entry), "an honest party posted what is false");
                assert!(
                    entry.status == NodeStatus::Stands || self.contract.is_undecided(entry.id),
                    "an honest bond is lost"
                );
                locked += if entry.status == NodeStatus::Open { bond } else { 0 };
            } else if entry.status != NodeStatus::Stands {
                at_stake += bond;
            }
        }
        let opening = if self.side == Side::Challenge { self.contract.bond(1) } else { 0 };
        assert!(locked <= opening + 2 * at_stake, "{locked} of honest bonds against {at_stake}");
    }

    /// What holds in the end.
    fn check_end(&self) {
        let mut openings = self.contract.entries().filter(|entry| entry.level == 1);
        match self.side {
            // A false opening may have been first.
            Side::Challenge => {
                assert!(openings.any(|entry| entry.status == NodeStatus::Stands), "a false commitment stays");
            }
            Side::Defend => {
                assert!(
                    openings.all(|entry| entry.status == NodeStatus::Refuted),
                    "a true commitment is disputed still"
                );
            }
        }
        for entry in self.contract.entries().filter(|entry| is_honest(entry.author)) {
            assert_eq!(entry.status, NodeStatus::Stands, "an honest bond is not back");
        }
        for party in 0..self.script.parties.len() {
            assert!(self.contract.balance(honest(party)) >= 0, "an honest party paid");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_truth_wins_whatever_the_others_do(script in script()) {
        let mut play = Play::new(script);
        play.play();
        play.check_end();
    }
}
