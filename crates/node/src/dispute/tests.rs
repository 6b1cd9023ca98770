//! Single rules of the strategy, and whole disputes about a run of the machine.

use std::cell::RefCell;

use alloy::primitives::{Address, B256, Bytes, keccak256};
use postern_machine::{Hart, Status};
use postern_protocol::dispute::{Dispute, LEVELS, Node, POINTS, Points, spacing};

use super::{
    Cached, Game, GameNode, Move, Run, Side,
    model::{Contract, LabelRun, Labels, RULES, Refused, Rule, lie, truth},
};
use crate::{
    store::NodeStatus,
    trace::{BatchHost, Trace, TraceError, tests::counted},
};

const HONEST: Address = Address::repeat_byte(0xa0);
const OTHER: Address = Address::repeat_byte(0xa1);
const LIAR: Address = Address::repeat_byte(0xe0);

const STEPS: u64 = 1_000_000_007;

/// A dispute about a run of labels: the commitment claims that it ends in the state with label `claim`.
fn dispute(claim: u64) -> Contract<Labels> {
    Contract::new(Labels { steps: STEPS, claim }, RULES, 100)
}

/// Makes all moves that a party has to make in this block.
fn act<T: Rule, R: Run>(contract: &mut Contract<T>, author: Address, run: &R, side: Side) -> Vec<Move> {
    let Ok(moves) = contract.game().moves(run, side, contract.block) else { panic!("a run fails") };
    for it in &moves {
        assert_eq!(contract.make(author, it.clone()), Ok(()));
    }
    moves
}

fn resolvable<T: Rule>(contract: &Contract<T>, run: &impl Run, side: Side, own: Address) -> Vec<Node> {
    contract.game().resolvable(run, side, own, contract.block).unwrap_or_else(|_| panic!("a run fails"))
}

/// Counters a node with points that are all of this label.
fn junk(contract: &mut Contract<Labels>, author: Address, id: B256, segment: usize, label: u64) -> B256 {
    let parent = contract.entry(id).unwrap().clone();
    let first = parent.node.first + (segment as u64 - 1) * spacing(parent.level);
    let Ok(points) = lie(STEPS, 0, label).points(first, parent.level + 1);
    let dispute = Dispute::of(parent.node.start, &parent.points, segment);
    contract.counter(author, parent.node, &dispute, &points).unwrap()
}

/// Whom a move refutes: parent of the counter, or node of the step.
fn targets(moves: &[Move]) -> Vec<B256> {
    moves
        .iter()
        .map(|it| match it {
            Move::Open { .. } => panic!("an opening refutes nobody"),
            Move::Counter { parent, .. } => parent.id(),
            Move::ProveStep { node, .. } => node.id(),
        })
        .collect()
}

fn ids(nodes: &[Node]) -> Vec<B256> {
    nodes.iter().map(Node::id).collect()
}

#[test]
fn the_clocks_are_those_of_the_contract() {
    let mut contract = dispute(1);
    let (truth, lie) = (truth(STEPS), lie(STEPS, 1 << 20, 1));
    let sides = [(HONEST, &truth, Side::Challenge), (LIAR, &lie, Side::Defend)];
    for (turn, block) in [10, 70, 75, 79].into_iter().enumerate() {
        let (author, run, side) = sides[turn % 2];
        contract.block = block;
        assert_eq!(act(&mut contract, author, run, side).len(), 1);
    }
    let game = contract.game();
    let clocks: Vec<_> = contract.entries().map(|entry| game.node(entry.id).unwrap()).collect();
    let clocks: Vec<_> = clocks.iter().map(|GameNode { used, deadline, .. }| (*used, *deadline)).collect();
    // The second and the fourth used up all but the extension.
    assert_eq!(clocks, [(0, 70), (56, 130), (5, 79), (56, 134)]);
    let segments: Vec<_> = contract.entries().map(|entry| game.node(entry.id).unwrap().segment).collect();
    assert_eq!(segments, [0, 1, 1, 1]);
    assert_eq!(game.openings().map(|node| node.entry.level).collect::<Vec<_>>(), [1]);
    let opening = game.openings().next().unwrap().entry.id;
    assert_eq!(game.counters(opening).map(|node| node.entry.author).collect::<Vec<_>>(), [LIAR]);
}

#[test]
fn a_game_is_of_what_leads_up_to_its_openings() {
    let mut contract = dispute(0);
    let lie = lie(STEPS, 5, 1);
    let opening = act(&mut contract, LIAR, &lie, Side::Challenge)[0].id();
    let counter = act(&mut contract, HONEST, &truth(STEPS), Side::Defend)[0].id();
    let second = junk(&mut contract, LIAR, opening, 9, 2);
    let mut entries: Vec<_> = contract.entries().cloned().collect();
    entries.reverse();
    let game = Game::new(contract.challenge, RULES, entries.clone());
    assert_eq!(game.openings().map(|node| node.entry.id).collect::<Vec<_>>(), [opening]);
    // In L1's order.
    assert_eq!(game.counters(opening).map(|node| node.entry.id).collect::<Vec<_>>(), [counter, second]);
    entries.pop();
    assert!(Game::new(contract.challenge, RULES, entries).node(counter).is_none());
}

#[test]
fn the_true_opening_is_posted_unless_it_is_there() {
    let mut contract = dispute(1);
    let (truth, other) = (truth(STEPS), lie(STEPS, 5, 2));
    // A false opening is no reason not to.
    act(&mut contract, LIAR, &other, Side::Challenge);
    let moves = contract.game().moves(&truth, Side::Challenge, 0).unwrap();
    assert!(matches!(&moves[..], [it @ Move::Open { .. }]
        if it.deadline().is_none() && it.level() == Some(1) && it.bond(&RULES) == RULES.bond));
    assert_eq!(act(&mut contract, OTHER, &truth, Side::Challenge).len(), 1);
    assert_eq!(contract.game().moves(&truth, Side::Challenge, 0), Ok(vec![]));
    // Nor is it posted again once it is decided.
    contract.block = 61;
    let nodes = resolvable(&contract, &truth, Side::Challenge, HONEST);
    assert_eq!(contract.resolve(&nodes), Ok(()));
    assert_eq!(contract.entry(nodes[0].id()).unwrap().status, NodeStatus::Stands);
    assert_eq!(contract.game().moves(&truth, Side::Challenge, 61), Ok(vec![]));
    assert_eq!(resolvable(&contract, &truth, Side::Challenge, HONEST), []);
}

#[test]
fn nothing_is_opened_once_the_commitment_is_rejected() {
    let mut contract = dispute(1);
    let other = lie(STEPS, 5, 2);
    let opening = act(&mut contract, LIAR, &other, Side::Challenge);
    contract.block = 61;
    let nodes = resolvable(&contract, &other, Side::Challenge, LIAR);
    assert_eq!(ids(&nodes), [opening[0].id()]);
    assert_eq!(contract.resolve(&nodes), Ok(()));
    assert!(contract.game().is_rejected());
    assert_eq!(contract.game().moves(&truth(STEPS), Side::Challenge, 62), Ok(vec![]));
}

#[test]
fn a_second_opening_that_stands_matters_to_its_author_alone() {
    let mut contract = dispute(1);
    let (truth, other) = (truth(STEPS), lie(STEPS, 5, 2));
    act(&mut contract, LIAR, &other, Side::Challenge);
    contract.block = 1;
    let opening = act(&mut contract, OTHER, &truth, Side::Challenge)[0].id();
    contract.block = 61;
    let nodes = resolvable(&contract, &other, Side::Challenge, LIAR);
    assert_eq!(contract.resolve(&nodes), Ok(()));
    contract.block = 62;
    assert_eq!(resolvable(&contract, &truth, Side::Challenge, HONEST), []);
    assert_eq!(ids(&resolvable(&contract, &truth, Side::Challenge, OTHER)), [opening]);
}

#[test]
fn a_false_node_is_refuted_once_at_its_first_false_point() {
    let mut contract = dispute(0);
    // Its points of level 2 are 2^30 steps apart, so the lie begins before the first of them.
    let opening = act(&mut contract, LIAR, &lie(STEPS, 77 << 20, 1), Side::Challenge)[0].id();
    let moves = act(&mut contract, OTHER, &truth(STEPS), Side::Defend);
    assert!(matches!(&moves[..], [Move::Counter { parent, dispute, node, level: 2, deadline: 60, .. }]
        if parent.id() == opening && dispute.segment == 1 && node.first == 0));
    // Whoever posted it.
    assert_eq!(contract.game().moves(&truth(STEPS), Side::Defend, 0), Ok(vec![]));
}

#[test]
fn junk_is_not_answered() {
    let mut contract = dispute(0);
    let truth = truth(STEPS);
    let opening = act(&mut contract, LIAR, &lie(STEPS, 5, 1), Side::Challenge)[0].id();
    // Before the true counter and after it, at its place and beyond.
    let first = junk(&mut contract, LIAR, opening, 1, 2);
    let counter = act(&mut contract, HONEST, &truth, Side::Defend)[0].id();
    let second = junk(&mut contract, LIAR, opening, 2, 2);
    assert_eq!(contract.game().moves(&truth, Side::Defend, 0), Ok(vec![]));
    // It matters neither to what has to be decided.
    contract.block = 61;
    let nodes = resolvable(&contract, &truth, Side::Defend, HONEST);
    assert_eq!(ids(&nodes), [counter, opening]);
    assert_eq!(contract.resolve(&nodes), Ok(()));
    for id in [first, second] {
        assert_eq!(contract.entry(id).unwrap().status, NodeStatus::Open);
    }
    assert_eq!(resolvable(&contract, &truth, Side::Defend, HONEST), []);
}

#[test]
fn a_node_that_junk_refuted_needs_no_more() {
    for answered in [false, true] {
        let mut contract = dispute(0);
        let truth = truth(STEPS);
        let opening = act(&mut contract, LIAR, &lie(STEPS, 5, 1), Side::Challenge)[0].id();
        let refuting = junk(&mut contract, LIAR, opening, 1, 2);
        if answered {
            act(&mut contract, OTHER, &truth, Side::Defend);
        }
        // The liar has its own junk decided.
        contract.block = 61;
        let node = contract.entry(refuting).unwrap().node;
        assert_eq!(contract.resolve(&[node]), Ok(()));
        let game = contract.game();
        assert!(game.is_countered(game.node(opening).unwrap()));
        // As if there were still time for the opening.
        assert_eq!(game.moves(&truth, Side::Defend, 0), Ok(vec![]));
        assert_eq!(ids(&resolvable(&contract, &truth, Side::Defend, HONEST)), [opening]);
    }
}

#[test]
fn a_lost_commitment_is_not_defended() {
    let mut contract = dispute(0);
    let (lie, other) = (lie(STEPS, 5, 1), lie(STEPS, 5, 2));
    act(&mut contract, LIAR, &lie, Side::Challenge);
    contract.block = 30;
    let second = act(&mut contract, LIAR, &other, Side::Challenge)[0].id();
    // Nobody answered the first.
    contract.block = 61;
    let truth = truth(STEPS);
    assert_eq!(targets(&contract.game().moves(&truth, Side::Defend, 61).unwrap()), [second]);
    let nodes = resolvable(&contract, &lie, Side::Challenge, LIAR);
    assert_eq!(contract.resolve(&nodes), Ok(()));
    assert_eq!(contract.game().moves(&truth, Side::Defend, 61), Ok(vec![]));
}

#[test]
fn the_most_urgent_comes_first_and_what_is_late_never() {
    let mut contract = dispute(1);
    let truth = truth(STEPS);
    let opening = act(&mut contract, HONEST, &truth, Side::Challenge)[0].id();
    // The second counter comes after much of the clock was used, the third in its last block.
    let late = |contract: &mut Contract<Labels>, block, segment, label| {
        contract.block = block;
        junk(contract, LIAR, opening, segment, label)
    };
    let counters = [late(&mut contract, 1, 3, 2), late(&mut contract, 5, 1, 2), late(&mut contract, 60, 2, 3)];
    let deadlines = [61, 65, 120];
    for (next_block, expected) in [(60, 0), (61, 0), (62, 1), (65, 1), (66, 2), (120, 2), (121, 3)] {
        let moves = contract.game().moves(&truth, Side::Challenge, next_block).unwrap();
        assert_eq!(targets(&moves), counters[expected..], "{next_block}");
        assert!(moves.iter().filter_map(Move::deadline).eq(deadlines[expected..].iter().copied()));
    }

    // A later one, deeper down, where the clock has run out but for the extension.
    let moves = contract.game().moves(&truth, Side::Challenge, 60).unwrap();
    let answer = moves[0].id();
    assert_eq!(contract.make(HONEST, moves[0].clone()), Ok(()));
    let deeper = junk(&mut contract, LIAR, answer, 1, 2);
    let moves = contract.game().moves(&truth, Side::Challenge, 60).unwrap();
    assert_eq!(targets(&moves), [deeper, counters[1], counters[2]]);
}

#[test]
fn what_is_true_is_defended_whoever_posted_it() {
    let mut contract = dispute(0);
    let truth = truth(STEPS);
    let opening = act(&mut contract, LIAR, &lie(STEPS, 5, 1), Side::Challenge)[0].id();
    let refuting = junk(&mut contract, LIAR, opening, 1, 2);
    contract.block = 30;
    let counter = act(&mut contract, OTHER, &truth, Side::Defend)[0].id();
    let first = junk(&mut contract, LIAR, counter, 7, 2);
    assert_eq!(targets(&act(&mut contract, HONEST, &truth, Side::Defend)), [first]);

    // Though what it counters has fallen: a bond is on it.
    contract.block = 61;
    for id in [refuting, opening] {
        let node = contract.entry(id).unwrap().node;
        assert_eq!(contract.resolve(&[node]), Ok(()));
    }
    contract.block = 65;
    let second = junk(&mut contract, LIAR, counter, 8, 2);
    assert_eq!(targets(&act(&mut contract, HONEST, &truth, Side::Defend)), [second]);
    // Each gets its own back, and does no more than that takes.
    contract.block = 200;
    let authors = |own| {
        let nodes = resolvable(&contract, &truth, Side::Defend, own);
        nodes.iter().map(|node| contract.entry(node.id()).unwrap().author).collect::<Vec<_>>()
    };
    assert_eq!(authors(HONEST), [HONEST, HONEST]);
    assert_eq!(authors(OTHER), [HONEST, HONEST, LIAR, LIAR, OTHER]);
    assert!(authors(LIAR).is_empty());
}

#[test]
fn what_has_fallen_is_not_defended() {
    let mut contract = dispute(1);
    let truth = truth(STEPS);
    let opening = act(&mut contract, HONEST, &truth, Side::Challenge)[0].id();
    let first = junk(&mut contract, LIAR, opening, 3, 2);
    contract.block = 50;
    let second = junk(&mut contract, LIAR, opening, 4, 2);
    // Nobody answered the first.
    contract.block = 61;
    assert_eq!(targets(&contract.game().moves(&truth, Side::Challenge, 61).unwrap()), [second]);
    let node = contract.entry(first).unwrap().node;
    assert_eq!(contract.resolve(&[node]), Ok(()));
    assert_eq!(contract.game().moves(&truth, Side::Challenge, 61), Ok(vec![]));
    contract.block = 200;
    assert_eq!(resolvable(&contract, &truth, Side::Challenge, HONEST), []);
}

#[test]
fn an_opening_from_another_state_is_let_be() {
    let mut contract = dispute(0);
    act(&mut contract, LIAR, &lie(STEPS, 5, 1), Side::Challenge);
    // A run that begins with a lie.
    struct Elsewhere(Cached<LabelRun>);
    impl Run for Elsewhere {
        type Error = std::convert::Infallible;

        fn start(&self) -> B256 {
            B256::ZERO
        }

        fn points(&self, first: u64, level: u8) -> Result<Points, Self::Error> {
            self.0.points(first, level)
        }

        fn last_state(&self) -> Result<Vec<u8>, Self::Error> {
            self.0.last_state()
        }

        fn witness(&self, step: u64) -> Result<Bytes, Self::Error> {
            self.0.witness(step)
        }
    }
    assert_eq!(contract.game().moves(&Elsewhere(truth(STEPS)), Side::Defend, 0), Ok(vec![]));
}

#[test]
fn points_are_asked_for_once_and_where_they_matter() {
    /// Notes what it is asked for.
    struct Noted<'a>(LabelRun, &'a RefCell<Vec<(u64, u8)>>);
    impl Run for Noted<'_> {
        type Error = std::convert::Infallible;

        fn start(&self) -> B256 {
            self.0.start()
        }

        fn points(&self, first: u64, level: u8) -> Result<Points, Self::Error> {
            self.1.borrow_mut().push((first, level));
            self.0.points(first, level)
        }

        fn last_state(&self) -> Result<Vec<u8>, Self::Error> {
            self.0.last_state()
        }

        fn witness(&self, step: u64) -> Result<Bytes, Self::Error> {
            self.0.witness(step)
        }
    }
    let asked = RefCell::default();
    let noted = Cached::new(Noted(LabelRun { steps: STEPS, true_to: u64::MAX, label: 0 }, &asked));
    let mut contract = dispute(0);
    assert_eq!(contract.game().moves(&noted, Side::Defend, 0), Ok(vec![]));
    assert_eq!(*asked.borrow(), []);

    let opening = act(&mut contract, LIAR, &lie(STEPS, 5, 1), Side::Challenge)[0].id();
    junk(&mut contract, LIAR, opening, 9, 2);
    let counter = act(&mut contract, HONEST, &noted, Side::Defend)[0].id();
    junk(&mut contract, LIAR, counter, 9, 2);
    for _ in 0..3 {
        contract.game().moves(&noted, Side::Defend, 0).unwrap();
        resolvable(&contract, &noted, Side::Defend, HONEST);
    }
    assert_eq!(*asked.borrow(), [(0, 1), (0, 2), (8 * spacing(2), 3), (8 * spacing(2), 4)]);
    // What is decided is not looked at.
    act(&mut contract, HONEST, &noted, Side::Defend);
    contract.block = 200;
    let mut rest: Vec<_> = contract.entries().map(|entry| entry.node).collect();
    while let Some(node) = rest.pop() {
        assert_eq!(contract.resolve(&[node]), Ok(()));
    }
    let forgetful = Noted(LabelRun { steps: STEPS, true_to: u64::MAX, label: 0 }, &asked);
    asked.borrow_mut().clear();
    assert_eq!(contract.game().moves(&forgetful, Side::Defend, 200), Ok(vec![]));
    assert_eq!(resolvable(&contract, &forgetful, Side::Defend, HONEST), []);
    assert_eq!(*asked.borrow(), []);
}

/// The machine over a batch, and what a commitment says of it.
struct Claimed {
    host: BatchHost,
    start: B256,
    checkpoint: B256,
}

impl Rule for Claimed {
    fn start(&self) -> B256 {
        self.start
    }

    fn contradicts(&self, last_state: &[u8]) -> bool {
        let hart = Hart::decode(last_state[32..].try_into().unwrap());
        hart.status() != Status::Exited(0) || hart.word(10) != self.checkpoint
    }

    fn step(&self, state: B256, witness: &[u8]) -> Option<B256> {
        postern_machine::step(state, witness, &self.host).ok()
    }
}

/// A run that is true up to a step, and ends with another output.
struct Forged<'a> {
    trace: &'a Trace,
    true_to: u64,
}

impl Forged<'_> {
    fn output(&self) -> B256 {
        Hart::decode(self.last_state().unwrap()[32..].try_into().unwrap()).word(10)
    }
}

impl Run for Forged<'_> {
    type Error = TraceError;

    fn start(&self) -> B256 {
        self.trace.start()
    }

    fn points(&self, first: u64, level: u8) -> Result<Points, TraceError> {
        let mut points = self.trace.points(first, level)?;
        for (step, point) in (1..).map(|point| first + point * spacing(level)).zip(&mut points) {
            if step >= self.trace.steps() {
                *point = keccak256(self.last_state()?);
            } else if step > self.true_to {
                *point = keccak256(*point);
            }
        }
        Ok(points)
    }

    fn last_state(&self) -> Result<Vec<u8>, TraceError> {
        let mut state = self.trace.last_state().to_vec();
        // In `a0`.
        state[32 + 8 * 11] ^= 1;
        Ok(state)
    }

    fn witness(&self, step: u64) -> Result<Bytes, TraceError> {
        self.trace.witness(step)
    }
}

#[test]
fn a_lie_about_a_run_of_the_machine_breaks_at_its_step() {
    let trace = counted();
    let host = trace.batch().host().unwrap();
    for true_to in [0, 1, 31, 1024, trace.steps() - 1] {
        let forged = Forged { trace: &trace, true_to };
        for (checkpoint, side, other) in [
            (trace.batch().output_root, Side::Defend, Side::Challenge),
            (forged.output(), Side::Challenge, Side::Defend),
        ] {
            let claimed = Claimed { host: host.clone(), start: trace.start(), checkpoint };
            let mut contract = Contract::new(claimed, RULES, 100);
            let honest = Cached::new(&trace);
            let mut steps = Vec::new();
            for _ in 0..=LEVELS {
                contract.block += 1;
                let moves = act(&mut contract, HONEST, &honest, side);
                steps.extend(moves.iter().filter_map(|it| match it {
                    Move::ProveStep { step, .. } => Some(*step),
                    _ => None,
                }));
                for it in contract.game().moves(&forged, other, contract.block).unwrap() {
                    // It cannot show a step that the machine does not take.
                    let expected = if it.level().is_some() { Ok(()) } else { Err(Refused::SameState) };
                    assert_eq!(contract.make(LIAR, it), expected);
                }
            }
            // The last level is the honest party's, unless it opened.
            let expected = if side == Side::Challenge { vec![true_to] } else { Vec::new() };
            assert_eq!(steps, expected);
            assert_eq!(
                contract.entries().map(|entry| entry.level).collect::<Vec<_>>(),
                (1..=LEVELS).collect::<Vec<_>>()
            );
            assert_eq!(contract.entries().last().unwrap().node.first, true_to & !31);

            contract.block = 200;
            let nodes = resolvable(&contract, &honest, side, HONEST);
            assert_eq!(contract.resolve(&nodes), Ok(()));
            for entry in contract.entries() {
                let expected = if entry.author == HONEST { NodeStatus::Stands } else { NodeStatus::Refuted };
                assert_eq!(entry.status, expected, "{}", entry.level);
            }
            assert!(contract.balance(HONEST) > 0 && contract.balance(LIAR) < 0);
        }
    }
}

#[test]
fn a_trace_is_a_run() {
    let trace = counted();
    assert_eq!(trace.start(), trace.state_hash(0).unwrap());
    assert_eq!(keccak256(trace.last_state()), trace.state_hash(u64::MAX).unwrap());
    for level in 1..=LEVELS {
        for first in [0, 32, trace.steps() - 3, 1 << 40] {
            let points = trace.points(first, level).unwrap();
            for (index, point) in (1..).zip(points) {
                assert_eq!(point, trace.state_hash(first + index * spacing(level)).unwrap(), "{first}, {level}");
            }
        }
    }
    assert_eq!(trace.points(0, 1).unwrap()[POINTS - 1], keccak256(Run::last_state(&trace).unwrap()));
    assert_eq!(trace.witness(7).unwrap(), trace.step(7).unwrap().witness);
}
