//! What a party has to do.
//!
//! It holds one run to be true, and so knows of every node whether it is true or false. Who challenges has one true opening to defend,
//! who defends the commitment has all openings to refute. To refute a false node is to post the true counter at its first false
//! point, or at the last level to prove that step, and to defend the counter. To defend a true node is to refute its counters, which are
//! all false: they end in another state than a true point. All else is let be: what counters a false node otherwise is junk, which
//! needs no answer, as one counter that stands is enough and the true one will.
//!
//! What is true is defended whoever posted it, and even if what it counters has fallen already: a bond is on it.

use alloy::primitives::{Address, B256, Bytes, U256};
use postern_protocol::dispute::{Dispute, LEVELS, Node, Points, points_root, spacing};

use super::{
    game::{Game, GameNode, Rules},
    run::Run,
};

/// What a party says of the checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It is false: the true opening contradicts it.
    Challenge,
    /// It is true: no opening is.
    Defend,
}

/// A transaction for the contract `DisputeGame`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// Posts the opening.
    Open {
        /// The opening.
        node: Node,
        /// The states that it asserts.
        points: Box<Points>,
        /// The state in which the run ends, 296 bytes.
        last_state: Vec<u8>,
    },
    /// Posts a counter.
    Counter {
        /// What it counters.
        parent: Node,
        /// Its first false point, and the one before.
        dispute: Dispute,
        /// The states that the counter asserts.
        points: Box<Points>,
        /// The counter.
        node: Node,
        /// Level of the counter.
        level: u8,
        /// The last L1 block in which it is in time.
        deadline: u64,
    },
    /// Proves that a step of a node of the last level is false.
    ProveStep {
        /// The node.
        node: Node,
        /// Its first false point, and the one before.
        dispute: Dispute,
        /// What shows the step between them.
        witness: Bytes,
        /// The step, counted from 0.
        step: u64,
        /// The last L1 block in which it is in time.
        deadline: u64,
    },
}

impl Move {
    /// Id of the node that it posts; of a step that of the node that it refutes.
    pub fn id(&self) -> B256 {
        match self {
            Self::Open { node, .. } | Self::Counter { node, .. } | Self::ProveStep { node, .. } => node.id(),
        }
    }

    /// Level of the node that it posts; a step posts none.
    pub fn level(&self) -> Option<u8> {
        match self {
            Self::Open { .. } => Some(1),
            Self::Counter { level, .. } => Some(*level),
            Self::ProveStep { .. } => None,
        }
    }

    /// The bond that it takes, in wei.
    pub fn bond(&self, rules: &Rules) -> U256 {
        self.level().map_or(U256::ZERO, |level| rules.bond_for(level))
    }

    /// The last L1 block in which it is in time. An opening is until the window of the commitment ends.
    pub fn deadline(&self) -> Option<u64> {
        match self {
            Self::Open { .. } => None,
            Self::Counter { deadline, .. } | Self::ProveStep { deadline, .. } => Some(*deadline),
        }
    }
}

/// What the run says of a node that matters.
#[derive(Clone, Copy, Debug)]
enum Verdict {
    True,
    False {
        /// The first false point, counted from 1.
        segment: usize,
        /// Place of the true counter there, if it is posted.
        answer: Option<usize>,
    },
}

impl Game {
    /// The moves that a party has to make, if L1 block `next_block` is the first that can take them: the most urgent first. The true
    /// opening is asked for until it is there or another one stands; whether the window is open is for the caller to know. The
    /// same points are asked for again and again, see [`Cached`](super::Cached).
    ///
    /// # Errors
    /// If the run fails.
    pub fn moves<R: Run>(&self, run: &R, side: Side, next_block: u64) -> Result<Vec<Move>, R::Error> {
        if side == Side::Challenge && !self.is_rejected() {
            let points = run.points(0, 1)?;
            let node =
                Node { parent: self.challenge().id(), first: 0, start: run.start(), points_root: points_root(&points) };
            if self.node(node.id()).is_none() {
                return Ok(vec![Move::Open { node, points: Box::new(points), last_state: run.last_state()? }]);
            }
        }
        let mut refuted: Vec<_> = self.nodes().iter().zip(self.judge(run, side)?).collect();
        refuted.sort_by_key(|(node, _)| node.deadline);
        let mut moves = Vec::new();
        for (node, verdict) in refuted {
            if let Some(Verdict::False { segment, answer: None }) = verdict
                && next_block <= node.deadline
                && self.is_contested(node)
            {
                moves.push(refutation(run, node, segment)?);
            }
        }
        Ok(moves)
    }

    /// The nodes that L1 can decide in block `next_block` and that have to be, the deepest first: any first part of them makes one
    /// call of `resolve`. They decide the openings that matter to a party, and free the bonds of `own` on what is true. Of the
    /// counters to a false node the true one is among them, and that only while none stands. The same points are asked for again and
    /// again, see [`Cached`](super::Cached).
    ///
    /// # Errors
    /// If the run fails.
    pub fn resolvable<R: Run>(
        &self,
        run: &R,
        side: Side,
        own: Address,
        next_block: u64,
    ) -> Result<Vec<Node>, R::Error> {
        let (nodes, verdicts) = (self.nodes(), self.judge(run, side)?);
        // What can be decided as it should be; counters come after what they counter.
        let mut ready = vec![false; nodes.len()];
        for (place, node) in nodes.iter().enumerate().rev() {
            ready[place] = match verdicts[place] {
                Some(Verdict::True) => {
                    let decided = |counter: &usize| ready[*counter] || !nodes[*counter].is_open();
                    self.is_undecided(node) && node.deadline < next_block && node.counters.iter().all(decided)
                }
                Some(Verdict::False { answer, .. }) => {
                    node.is_open() && (self.is_countered(node) || answer.is_some_and(|answer| ready[answer]))
                }
                None => false,
            };
        }
        let mut wanted = vec![false; nodes.len()];
        for (place, node) in nodes.iter().enumerate() {
            let is_own = matches!(verdicts[place], Some(Verdict::True)) && node.entry.author == own;
            let decides = node.parent.is_none() && !self.is_rejected();
            wanted[place] = ready[place] && (wanted[place] || is_own || decides);
            if !wanted[place] || self.is_countered(node) {
                continue;
            }
            match verdicts[place] {
                Some(Verdict::True) => node.counters.iter().for_each(|counter| wanted[*counter] = true),
                Some(Verdict::False { answer: Some(answer), .. }) => wanted[answer] = true,
                _ => {}
            }
        }
        let deepest_first = nodes.iter().zip(wanted).rev();
        Ok(deepest_first.filter(|(_, wanted)| *wanted).map(|(node, _)| node.entry.node).collect())
    }

    /// What the run says of the nodes that matter and lead to one that is not decided, by their places.
    fn judge<R: Run>(&self, run: &R, side: Side) -> Result<Vec<Option<Verdict>>, R::Error> {
        let nodes = self.nodes();
        let mut is_live = vec![false; nodes.len()];
        for (place, node) in nodes.iter().enumerate().rev() {
            is_live[place] = node.is_open() || node.counters.iter().any(|counter| is_live[*counter]);
        }
        let mut verdicts: Vec<Option<Verdict>> = vec![None; nodes.len()];
        for (place, node) in nodes.iter().enumerate().filter(|(place, _)| is_live[*place]) {
            verdicts[place] = match (node.parent.map(|parent| verdicts[parent]), side) {
                // A run from another state says nothing about it.
                (None, _) if node.entry.node.start != run.start() => None,
                (None, Side::Challenge) => (*node.entry.points == run.points(0, 1)?).then_some(Verdict::True),
                (None, Side::Defend) | (Some(Some(Verdict::True)), _) => self.falsify(run, node)?,
                (Some(Some(Verdict::False { answer, .. })), _) => (answer == Some(place)).then_some(Verdict::True),
                (Some(None), _) => None,
            };
        }
        Ok(verdicts)
    }

    /// The verdict on a false node. None if it says what the run does.
    fn falsify<R: Run>(&self, run: &R, node: &GameNode) -> Result<Option<Verdict>, R::Error> {
        let (first, level) = (node.entry.node.first, node.entry.level);
        let truth = run.points(first, level)?;
        let Some(index) = node.entry.points.iter().zip(&truth).position(|(point, truth)| point != truth) else {
            return Ok(None);
        };
        let segment = index + 1;
        let mut counters = node.counters.iter().filter(|counter| self.nodes()[**counter].segment == segment as u64);
        let answer = match counters.clone().next() {
            None => None,
            Some(_) => {
                let truth = run.points(part(node, segment), level + 1)?;
                counters.find(|counter| *self.nodes()[**counter].entry.points == truth).copied()
            }
        };
        Ok(Some(Verdict::False { segment, answer }))
    }

    fn is_undecided(&self, node: &GameNode) -> bool {
        node.is_open() && !self.is_countered(node)
    }

    /// Whether it matters what comes of a false node: neither it is decided, nor what it counters.
    fn is_contested(&self, node: &GameNode) -> bool {
        self.is_undecided(node)
            && match node.parent {
                Some(parent) => self.is_undecided(&self.nodes()[parent]),
                None => !self.is_rejected(),
            }
    }
}

/// Where the part of the run before a point begins.
fn part(node: &GameNode, segment: usize) -> u64 {
    node.entry.node.first + (segment as u64 - 1) * spacing(node.entry.level)
}

/// The move that refutes a node at its first false point.
fn refutation<R: Run>(run: &R, node: &GameNode, segment: usize) -> Result<Move, R::Error> {
    let GameNode { entry, deadline, .. } = node;
    let dispute = Dispute::of(entry.node.start, &entry.points, segment);
    let (deadline, first) = (*deadline, part(node, segment));
    if entry.level == LEVELS {
        let witness = run.witness(first)?;
        return Ok(Move::ProveStep { node: entry.node, dispute, witness, step: first, deadline });
    }
    let level = entry.level + 1;
    let points = Box::new(run.points(first, level)?);
    let node = Node { parent: entry.id, first, start: dispute.agreed, points_root: points_root(&points) };
    Ok(Move::Counter { parent: entry.node, dispute, points, node, level, deadline })
}
