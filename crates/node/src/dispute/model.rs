//! The contract `DisputeGame` as far as one challenge goes, for tests to play by its rules: it takes and refuses what that does. And
//! runs whose states are labels, which cost nothing to execute.

use std::collections::HashMap;

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use postern_protocol::dispute::{Challenge, Dispute, LEVELS, Node, POINTS, Points, points_root, spacing};

use super::{Cached, Game, Move, Rules, Run};
use crate::store::{L1Position, NodeEntry, NodeStatus};

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    WindowOver,
    LastStateMismatch,
    NoContradiction,
    NodeAlreadyPosted,
    UnexpectedNodeStatus,
    WrongLevel,
    ClockExpired,
    ClockRunning,
    PointsMismatch,
    StartMismatch,
    SameState,
    BadWitness,
    CountersOpen,
}

/// What the contract knows of the machine and of the commitment.
pub(super) trait Rule {
    /// Hash of the state at step 0.
    fn start(&self) -> B256;
    /// Whether an opening may end in this state.
    fn contradicts(&self, last_state: &[u8]) -> bool;
    /// The state after this one.
    fn step(&self, state: B256, witness: &[u8]) -> Option<B256>;
}

/// What is kept of a node.
#[derive(Clone, Debug)]
struct Record {
    entry: NodeEntry,
    used: u64,
    unresolved: u64,
    is_countered: bool,
}

/// The contract, and L1 around it.
pub(super) struct Contract<T> {
    pub(super) rule: T,
    pub(super) rules: Rules,
    pub(super) challenge: Challenge,
    /// The last block in which it can be opened.
    pub(super) window_end: u64,
    /// The block that is made.
    pub(super) block: u64,
    records: HashMap<B256, Record>,
    /// In the order in which they were posted.
    posted: Vec<B256>,
    /// What each account got back less what it paid, in wei; what is burned goes to the zero address.
    balances: HashMap<Address, i128>,
}

impl<T: Rule> Contract<T> {
    pub(super) fn new(rule: T, rules: Rules, window_end: u64) -> Self {
        let challenge = Challenge { commitment: B256::repeat_byte(0xc0), position: 3 };
        Self {
            rule,
            rules,
            challenge,
            window_end,
            block: 0,
            records: HashMap::new(),
            posted: Vec::new(),
            balances: HashMap::new(),
        }
    }

    /// The game as a node sees it.
    pub(super) fn game(&self) -> Game {
        Game::new(self.challenge, self.rules, self.entries().cloned())
    }

    /// All nodes, in the order in which they were posted.
    pub(super) fn entries(&self) -> impl Iterator<Item = &NodeEntry> {
        self.posted.iter().map(|id| &self.records[id].entry)
    }

    pub(super) fn entry(&self, id: B256) -> Option<&NodeEntry> {
        self.records.get(&id).map(|record| &record.entry)
    }

    /// Whether a node is open and can still stand.
    pub(super) fn is_undecided(&self, id: B256) -> bool {
        self.records.get(&id).is_some_and(|record| record.entry.status == NodeStatus::Open && !record.is_countered)
    }

    /// The last block in which a node can be countered.
    pub(super) fn deadline(&self, id: B256) -> u64 {
        let NodeEntry { node, l1, .. } = &self.records[&id].entry;
        l1.block_number + self.rules.clock - self.used(node.parent)
    }

    pub(super) fn balance(&self, account: Address) -> i128 {
        self.balances.get(&account).copied().unwrap_or_default()
    }

    /// Sum of all balances, that of the contract included.
    pub(super) fn total(&self) -> i128 {
        let held = self.entries().filter(|entry| self.is_undecided(entry.id)).map(|entry| self.bond(entry.level));
        held.sum::<i128>() + self.balances.values().sum::<i128>()
    }

    pub(super) fn bond(&self, level: u8) -> i128 {
        self.rules.bond_for(level).to()
    }

    /// Makes a move of `author`.
    pub(super) fn make(&mut self, author: Address, it: Move) -> Result<(), Refused> {
        match it {
            Move::Open { node, points, last_state } => {
                assert_eq!(self.open(author, &points, &last_state)?, node.id());
            }
            Move::Counter { parent, dispute, points, node, .. } => {
                assert_eq!(self.counter(author, parent, &dispute, &points)?, node.id());
            }
            Move::ProveStep { node, dispute, witness, .. } => self.prove_step(author, node, &dispute, &witness)?,
        }
        Ok(())
    }

    pub(super) fn open(&mut self, author: Address, points: &Points, last_state: &[u8]) -> Result<B256, Refused> {
        require(self.block <= self.window_end, Refused::WindowOver)?;
        require(keccak256(last_state) == points[POINTS - 1], Refused::LastStateMismatch)?;
        require(self.rule.contradicts(last_state), Refused::NoContradiction)?;
        let points_root = points_root(points);
        let node = Node { parent: self.challenge.id(), first: 0, start: self.rule.start(), points_root };
        self.post(author, node, points, 1, 0)
    }

    pub(super) fn counter(
        &mut self,
        author: Address,
        parent: Node,
        dispute: &Dispute,
        points: &Points,
    ) -> Result<B256, Refused> {
        let (level, used) = self.counterable(parent)?;
        require(level < LEVELS, Refused::WrongLevel)?;
        check(parent, dispute)?;
        require(points[POINTS - 1] != dispute.disputed, Refused::SameState)?;
        let first = parent.first + (dispute.segment - 1) * spacing(level);
        let node = Node { parent: parent.id(), first, start: dispute.agreed, points_root: points_root(points) };
        let id = self.post(author, node, points, level + 1, used)?;
        self.record(parent.id()).unresolved += 1;
        Ok(id)
    }

    pub(super) fn prove_step(
        &mut self,
        author: Address,
        node: Node,
        dispute: &Dispute,
        witness: &[u8],
    ) -> Result<(), Refused> {
        let (level, _) = self.counterable(node)?;
        require(level == LEVELS, Refused::WrongLevel)?;
        check(node, dispute)?;
        let next = self.rule.step(dispute.agreed, witness).ok_or(Refused::BadWitness)?;
        require(next != dispute.disputed, Refused::SameState)?;
        self.record(node.id()).entry.status = NodeStatus::Refuted;
        self.record(node.parent).unresolved -= 1;
        self.forfeit(level, author);
        Ok(())
    }

    /// All of them, or none; what is decided already is skipped.
    pub(super) fn resolve(&mut self, nodes: &[Node]) -> Result<(), Refused> {
        let before = (self.records.clone(), self.balances.clone());
        let result = nodes.iter().try_for_each(|node| self.resolve_one(*node));
        if result.is_err() {
            (self.records, self.balances) = before;
        }
        result
    }

    fn resolve_one(&mut self, node: Node) -> Result<(), Refused> {
        let id = node.id();
        let record = self.records.get(&id).ok_or(Refused::UnexpectedNodeStatus)?.clone();
        let NodeEntry { status, author, level, .. } = record.entry;
        if status != NodeStatus::Open {
            return Ok(());
        }
        let stands = !record.is_countered;
        if stands {
            require(record.unresolved == 0, Refused::CountersOpen)?;
            require(self.block > self.deadline(id), Refused::ClockRunning)?;
            self.credit(author, self.bond(level));
        }
        self.record(id).entry.status = if stands { NodeStatus::Stands } else { NodeStatus::Refuted };
        if level > 1 {
            let parent = self.record(node.parent);
            parent.unresolved -= 1;
            let counters = stands && parent.entry.status == NodeStatus::Open && !parent.is_countered;
            if counters {
                parent.is_countered = true;
                self.forfeit(level - 1, author);
            }
        }
        Ok(())
    }

    fn record(&mut self, id: B256) -> &mut Record {
        self.records.get_mut(&id).expect("a node that was posted")
    }

    fn used(&self, id: B256) -> u64 {
        self.records.get(&id).map_or(0, |record| record.used)
    }

    /// Level of a node that can be countered now, and what the other side's clock will then have used.
    fn counterable(&self, node: Node) -> Result<(u8, u64), Refused> {
        let id = node.id();
        let entry = self.entry(id).ok_or(Refused::UnexpectedNodeStatus)?;
        require(self.is_undecided(id), Refused::UnexpectedNodeStatus)?;
        require(self.block <= self.deadline(id), Refused::ClockExpired)?;
        let all = self.used(node.parent) + self.block - entry.l1.block_number;
        Ok((entry.level, all.min(self.rules.clock - self.rules.extension)))
    }

    fn post(&mut self, author: Address, node: Node, points: &Points, level: u8, used: u64) -> Result<B256, Refused> {
        let id = node.id();
        require(!self.records.contains_key(&id), Refused::NodeAlreadyPosted)?;
        let l1 =
            L1Position { block_number: self.block, log_index: self.posted.len() as u64, transaction_hash: B256::ZERO };
        let entry = NodeEntry {
            id,
            node,
            points: Box::new(*points),
            challenge: self.challenge,
            author,
            level,
            status: NodeStatus::Open,
            l1,
        };
        self.records.insert(id, Record { entry, used, unresolved: 0, is_countered: false });
        self.posted.push(id);
        self.credit(author, -self.bond(level));
        Ok(id)
    }

    fn forfeit(&mut self, level: u8, winner: Address) {
        let bond = self.bond(level);
        self.credit(winner, bond / 2);
        self.credit(Address::ZERO, bond - bond / 2);
    }

    fn credit(&mut self, account: Address, amount: i128) {
        *self.balances.entry(account).or_default() += amount;
    }
}

fn require(condition: bool, refused: Refused) -> Result<(), Refused> {
    if condition { Ok(()) } else { Err(refused) }
}

fn check(node: Node, dispute: &Dispute) -> Result<(), Refused> {
    require(dispute.root() == Some(node.points_root), Refused::PointsMismatch)?;
    require(dispute.segment > 1 || dispute.agreed == node.start, Refused::StartMismatch)
}

/// A state that is nothing but a label and the step at which it is. The true ones have label 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) label: u64,
    pub(super) step: u64,
}

impl State {
    pub(super) fn encode(self) -> Vec<u8> {
        [self.label.to_be_bytes(), self.step.to_be_bytes()].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (label, step) = bytes.split_first_chunk()?;
        Some(Self { label: u64::from_be_bytes(*label), step: u64::from_be_bytes(step.try_into().ok()?) })
    }

    pub(super) fn hash(self) -> B256 {
        keccak256(self.encode())
    }
}

/// A machine that halts after so many steps, each of which leads to the state with the same label. The commitment claims that it ends
/// in the one with label `claim`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Labels {
    pub(super) steps: u64,
    pub(super) claim: u64,
}

impl Rule for Labels {
    fn start(&self) -> B256 {
        State { label: 0, step: 0 }.hash()
    }

    fn contradicts(&self, last_state: &[u8]) -> bool {
        State::decode(last_state) != Some(State { label: self.claim, step: self.steps })
    }

    fn step(&self, state: B256, witness: &[u8]) -> Option<B256> {
        let known = State::decode(witness).filter(|known| known.hash() == state)?;
        Some(State { step: (known.step + 1).min(self.steps), ..known }.hash())
    }
}

/// A run that is true up to a step, and from there on of this label.
#[derive(Clone, Copy, Debug)]
pub(super) struct LabelRun {
    pub(super) steps: u64,
    /// The last step after which it tells the truth.
    pub(super) true_to: u64,
    pub(super) label: u64,
}

impl LabelRun {
    pub(super) fn state(&self, step: u64) -> State {
        let step = step.min(self.steps);
        State { label: if step > self.true_to { self.label } else { 0 }, step }
    }
}

impl Run for LabelRun {
    type Error = std::convert::Infallible;

    fn start(&self) -> B256 {
        self.state(0).hash()
    }

    fn points(&self, first: u64, level: u8) -> Result<Points, Self::Error> {
        Ok(std::array::from_fn(|index| self.state(first + (index as u64 + 1) * spacing(level)).hash()))
    }

    fn last_state(&self) -> Result<Vec<u8>, Self::Error> {
        Ok(self.state(self.steps).encode())
    }

    fn witness(&self, step: u64) -> Result<Bytes, Self::Error> {
        Ok(self.state(step).encode().into())
    }
}

/// The true run of so many steps.
pub(super) fn truth(steps: u64) -> Cached<LabelRun> {
    Cached::new(LabelRun { steps, true_to: u64::MAX, label: 0 })
}

/// A run that lies from the step after `true_to` on.
pub(super) fn lie(steps: u64, true_to: u64, label: u64) -> Cached<LabelRun> {
    Cached::new(LabelRun { steps, true_to, label })
}

/// A clock of 60 blocks, of which 4 are left for each move, and a bond of 100 wei.
pub(super) const RULES: Rules = Rules { clock: 60, extension: 4, bond: U256::from_limbs([100, 0, 0, 0]) };
