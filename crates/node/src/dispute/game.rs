//! All nodes of one challenge, and their clocks.

use std::collections::HashMap;

use alloy::primitives::{B256, U256};
use postern_protocol::dispute::{Challenge, spacing};

use crate::store::{NodeEntry, NodeStatus};

/// What is the same in every dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How long a side may think on a branch, all its moves together, in L1 blocks.
    pub clock: u64,
    /// How long it has at least for each move, in L1 blocks. At most `clock`.
    pub extension: u64,
    /// The bond of an opening, in wei.
    pub bond: U256,
}

impl Rules {
    /// The bond for a node at this level, counted from 1, in wei.
    pub fn bond_for(&self, level: u8) -> U256 {
        self.bond << (level - 1)
    }
}

/// A node in its game.
#[derive(Clone, Debug)]
pub struct GameNode {
    /// The node, as L1 has it.
    pub entry: NodeEntry,
    /// Which point of the node that it counters it disputes, counted from 1; 0 of an opening.
    pub segment: u64,
    /// What its author's side had used of its clock on this branch, in L1 blocks.
    pub used: u64,
    /// The last L1 block in which it can be countered.
    pub deadline: u64,
    /// Place of the node that it counters.
    pub(super) parent: Option<usize>,
    /// Places of its counters, in L1's order.
    pub(super) counters: Vec<usize>,
}

impl GameNode {
    /// Whether L1 has not decided it.
    pub(super) fn is_open(&self) -> bool {
        self.entry.status == NodeStatus::Open
    }
}

/// All nodes of one challenge.
#[derive(Clone, Debug)]
pub struct Game {
    challenge: Challenge,
    rules: Rules,
    /// Parents before their counters.
    nodes: Vec<GameNode>,
    /// Where they are, by id.
    places: HashMap<B256, usize>,
}

impl Game {
    /// The game about a challenge, of these nodes in any order. What does not lead up to an opening of the challenge is left out.
    pub fn new(challenge: Challenge, rules: Rules, entries: impl IntoIterator<Item = NodeEntry>) -> Self {
        let mut children: HashMap<B256, Vec<NodeEntry>> = HashMap::new();
        for entry in entries {
            children.entry(entry.node.parent).or_default().push(entry);
        }
        let mut game = Self { challenge, rules, nodes: Vec::new(), places: HashMap::new() };
        game.take(None, children.remove(&challenge.id()));
        let mut next = 0;
        while let Some(node) = game.nodes.get(next) {
            let counters = children.remove(&node.entry.id);
            game.take(Some(next), counters);
            next += 1;
        }
        game
    }

    /// Adds the counters to a node, or the openings.
    fn take(&mut self, parent: Option<usize>, entries: Option<Vec<NodeEntry>>) {
        let mut entries = entries.unwrap_or_default();
        entries.sort_by_key(|entry| (entry.l1.block_number, entry.l1.log_index));
        for entry in entries {
            let place = self.nodes.len();
            let node = self.node_of(parent, entry);
            if let Some(parent) = parent {
                self.nodes[parent].counters.push(place);
            }
            self.places.insert(node.entry.id, place);
            self.nodes.push(node);
        }
    }

    fn node_of(&self, parent: Option<usize>, entry: NodeEntry) -> GameNode {
        let Rules { clock, extension, .. } = self.rules;
        let posted_at = entry.l1.block_number;
        let (mut segment, mut used, mut used_by_other) = (0, 0, 0);
        if let Some(parent) = parent.map(|parent| &self.nodes[parent]) {
            segment = 1 + (entry.node.first - parent.entry.node.first) / spacing(parent.entry.level);
            // What this side had used when it last moved on this branch, and since then.
            let before = parent.parent.map_or(0, |before| self.nodes[before].used);
            used = (before + posted_at - parent.entry.l1.block_number).min(clock - extension);
            used_by_other = parent.used;
        }
        GameNode { entry, segment, used, deadline: posted_at + clock - used_by_other, parent, counters: Vec::new() }
    }

    /// What it is about.
    pub fn challenge(&self) -> Challenge {
        self.challenge
    }

    /// By which rules it is played.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The openings, in L1's order.
    pub fn openings(&self) -> impl Iterator<Item = &GameNode> {
        self.nodes.iter().take_while(|node| node.parent.is_none())
    }

    /// The counters to a node, in L1's order.
    pub fn counters(&self, id: B256) -> impl Iterator<Item = &GameNode> {
        let counters = self.node(id).map_or(&[][..], |node| &node.counters);
        counters.iter().map(|place| &self.nodes[*place])
    }

    /// A node by id.
    pub fn node(&self, id: B256) -> Option<&GameNode> {
        self.places.get(&id).map(|place| &self.nodes[*place])
    }

    /// Whether a counter to the node stands. It can only fall then, even if L1 has not decided it yet.
    pub fn is_countered(&self, node: &GameNode) -> bool {
        node.counters.iter().any(|counter| self.nodes[*counter].entry.status == NodeStatus::Stands)
    }

    /// Whether an opening stands.
    pub fn is_rejected(&self) -> bool {
        self.openings().any(|opening| opening.entry.status == NodeStatus::Stands)
    }

    /// The first L1 block, from `next_block` on, that is the last in which some node can be countered.
    pub fn next_deadline(&self, next_block: u64) -> Option<u64> {
        let open = self.nodes.iter().filter(|node| node.is_open());
        open.map(|node| node.deadline).filter(|deadline| *deadline >= next_block).min()
    }

    /// All nodes, parents before their counters.
    pub(super) fn nodes(&self) -> &[GameNode] {
        &self.nodes
    }
}
