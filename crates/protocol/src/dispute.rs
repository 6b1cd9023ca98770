//! Disputes about commitments, as the contract `DisputeGame` keeps them: challenges, nodes and their points.
//!
//! A run of 2^40 steps is cut up in [`LEVELS`] levels: a node of level 1 asserts the states at [`POINTS`] equally spaced points of
//! all of it, one of level 2 those of a 32nd of that. The points of the last level are one step apart.

use crate::{
    outbox::{self, Tree},
    words::Encoder,
};
use alloc::vec::Vec;
use alloy_primitives::{B256, keccak256};

/// Points of a node.
pub const POINTS: usize = 1 << POINTS_LOG2;

const POINTS_LOG2: usize = 5;

/// Levels of nodes, counted from 1.
pub const LEVELS: u8 = 8;

/// Hashes of the states at the points of a node, in order of their steps. The state at which its part of the run begins is not
/// among them, the one at which it ends is the last.
pub type Points = [B256; POINTS];

/// Steps between two points of a node at `level`.
///
/// # Panics
///
/// If there is no such level.
pub const fn spacing(level: u8) -> u64 {
    assert!(level != 0 && level <= LEVELS);
    1 << (POINTS_LOG2 * (LEVELS - level) as usize)
}

/// What a dispute is about: whether that batch of the commitment leads to its checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Challenge {
    /// Id of the commitment.
    pub commitment: B256,
    /// Position of the checkpoint in the commitment, counted from 0.
    pub position: u64,
}

impl Challenge {
    /// The name under which L1 knows it, parent of its openings: the hash of two words.
    pub fn id(&self) -> B256 {
        keccak256(Encoder::new(2).word(self.commitment).u64(self.position).finish())
    }
}

/// An assertion about a part of a run: from `start`, the states at its points follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Id of the node that it counters; of an opening the id of the challenge.
    pub parent: B256,
    /// The step at which its part of the run begins.
    pub first: u64,
    /// Hash of the state there, which the parent asserts too.
    pub start: B256,
    /// Root of the tree of its points.
    pub points_root: B256,
}

impl Node {
    /// The name under which L1 keeps it: the hash of four words.
    pub fn id(&self) -> B256 {
        let words = Encoder::new(4).word(self.parent).u64(self.first).word(self.start).word(self.points_root);
        keccak256(words.finish())
    }
}

/// The points as the leaves of a tree like that of the outbox.
fn tree(points: &Points) -> Tree {
    let mut tree = Tree::default();
    points.iter().for_each(|point| tree.push(*point));
    tree
}

/// Root of the tree of a node's points.
pub fn points_root(points: &Points) -> B256 {
    let Ok(root) = outbox::root(&tree(points), POINTS as u64);
    root
}

/// Two neighbouring points of a node, and what shows that they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// Which point is disputed, counted from 1.
    pub segment: u64,
    /// The state at the point before, which is agreed on: for the first segment the node's start.
    pub agreed: B256,
    /// The state at the disputed point.
    pub disputed: B256,
    /// Multiproof of both in the tree of points, of the disputed one alone for the first segment.
    pub siblings: Vec<B256>,
}

impl Dispute {
    /// The dispute of a point, counted from 1, of the node that asserts `points` from `start`.
    ///
    /// # Panics
    ///
    /// If there is no such point.
    pub fn of(start: B256, points: &Points, segment: usize) -> Self {
        let disputed = segment - 1;
        let (agreed, indices) = match disputed {
            0 => (start, &[0][..]),
            _ => (points[disputed - 1], &[disputed as u64 - 1, disputed as u64][..]),
        };
        let siblings = tree(points).multiproof(indices, POINTS as u64).expect("a point of the node");
        Self { segment: segment as u64, agreed, disputed: points[disputed], siblings }
    }

    /// Root of the tree in which the disputed point stands where it is said to, and the agreed one before it; `None` if there is
    /// no such segment, or it is shown by another number of siblings. Of the first segment the agreed state is not in the tree.
    pub fn root(&self) -> Option<B256> {
        let index = self.segment.checked_sub(1)?;
        let both = [(index.wrapping_sub(1), self.agreed), (index, self.disputed)];
        let leaves = if index == 0 { &both[1..] } else { &both };
        outbox::root_of(POINTS_LOG2, leaves, &self.siblings).ok()
    }
}
