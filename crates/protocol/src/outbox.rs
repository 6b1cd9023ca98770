//! The outbox: an append-only Merkle tree of keccak pairs, zero-padded to the next power of two. Every root proves every
//! message before it.
//!
//! With `n` messages the depth is the least `d` with `2^d ≥ n`. A proof is the `d` siblings from the leaf up. A multiproof
//! for sorted distinct indices lists, level by level from the leaves and left to right, the siblings that cannot be
//! computed from the messages themselves.

use alloc::vec::Vec;
use alloy_primitives::{B256, keccak256};
use core::{cell::OnceCell, convert::Infallible};
use thiserror::Error;

/// No tree is deeper: an index has 64 bits.
pub const MAX_DEPTH: usize = 64;

/// Why a proof does not hold. The names are those of the bridge's errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProofError {
    /// The proof leads to another root.
    #[error("outbox root mismatch: proof leads to {received}, expected {expected}")]
    OutboxRootMismatch {
        /// Root that the proof leads to.
        received: B256,
        /// Root that it should lead to.
        expected: B256,
    },
    /// The index does not fit a tree of this depth.
    #[error("index {index} is out of a tree of depth {depth}")]
    IndexOutOfTree {
        /// Index of the leaf.
        index: u64,
        /// Depth of the tree.
        depth: usize,
    },
    /// The proof is longer than any tree can be deep.
    #[error("proof too long: {received} levels, at most {maximum}")]
    ProofTooLong {
        /// Levels.
        received: usize,
        /// Most levels of any tree.
        maximum: usize,
    },
    /// The leaves are not in order of their index, or one comes twice.
    #[error("messages not sorted: index {received} follows {previous}")]
    MessagesNotSorted {
        /// Index before.
        previous: u64,
        /// Index that is not greater.
        received: u64,
    },
    /// A multiproof for nothing.
    #[error("no messages")]
    NoMessages,
    /// The multiproof has siblings missing or left over.
    #[error("proof length mismatch: {received} siblings, expected {expected}")]
    ProofLengthMismatch {
        /// Siblings in the proof.
        received: usize,
        /// Siblings that it needs.
        expected: usize,
    },
}

/// The inner node over two children: 64 bytes, so never taken for a leaf, which hashes 192.
pub fn node(left: B256, right: B256) -> B256 {
    let mut pair = [0; 64];
    pair[..32].copy_from_slice(left.as_slice());
    pair[32..].copy_from_slice(right.as_slice());
    keccak256(pair)
}

/// Depth of a tree of `count` messages.
pub fn depth(count: u64) -> usize {
    match count {
        0 => 0,
        _ => (u64::BITS - (count - 1).leading_zeros()) as usize,
    }
}

/// Roots of missing subtrees, by height; the first is the missing leaf.
fn zeros() -> impl Iterator<Item = B256> {
    core::iter::successors(Some(B256::ZERO), |zero| Some(node(*zero, *zero)))
}

/// `index >> height`, which is zero from height 64 on.
fn ancestor(index: u64, height: usize) -> u64 {
    index.checked_shr(height as u32).unwrap_or(0)
}

/// What the `Outbox` predeploy keeps: enough to append and to compute the root, not to prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontier {
    count: u64,
    /// The last full left subtree of each height.
    nodes: [B256; MAX_DEPTH],
}

impl Default for Frontier {
    fn default() -> Self {
        Self::new(0, [B256::ZERO; MAX_DEPTH])
    }
}

impl Frontier {
    /// A frontier from its parts: message count, and the last full left subtree of each height, of which those matter
    /// whose bit of `count` is set.
    pub fn new(count: u64, nodes: [B256; MAX_DEPTH]) -> Self {
        Self { count, nodes }
    }

    /// Messages so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The last full left subtree of each height.
    pub fn nodes(&self) -> &[B256; MAX_DEPTH] {
        &self.nodes
    }

    /// Appends a leaf.
    ///
    /// # Panics
    ///
    /// At 2^64 - 1 leaves.
    pub fn push(&mut self, leaf: B256) {
        let height = self.count.trailing_ones() as usize;
        self.nodes[height] = self.nodes[..height].iter().fold(leaf, |right, left| node(*left, right));
        self.count += 1;
    }

    /// Root of the tree; zero if it is empty.
    pub fn root(&self) -> B256 {
        match self.count {
            0 => B256::ZERO,
            count if count.is_power_of_two() => self.nodes[depth(count)],
            count => self.nodes.iter().zip(zeros()).take(depth(count)).enumerate().fold(
                B256::ZERO,
                |subtree, (height, (left, zero))| {
                    if ancestor(count, height) & 1 == 1 { node(*left, subtree) } else { node(subtree, zero) }
                },
            ),
        }
    }
}

/// Where the complete nodes of a tree are kept: those all of whose leaves are messages. A complete node never changes as the
/// tree grows, so one set of them proves against every earlier root.
pub trait Nodes {
    /// Why a node cannot be read.
    type Error;

    /// The complete node at `position` of `height`. It covers the leaves `[position << height, (position + 1) << height)`, of
    /// which the tree has the last; height 0 are the leaves.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is not there although the tree has its leaves.
    fn node(&self, height: usize, position: u64) -> Result<B256, Self::Error>;
}

/// Height and position of the nodes that are complete with `count` messages but not with the first `before` of them, children
/// before parents. Without them, a tree of `count` messages is again the tree of the first `before`.
pub fn completed(before: u64, count: u64) -> impl Iterator<Item = (usize, u64)> {
    let heights = 0..(u64::BITS - count.leading_zeros()) as usize;
    heights.flat_map(move |height| {
        (ancestor(before, height)..ancestor(count, height)).map(move |position| (height, position))
    })
}

/// What the message at `index`, the next one, adds: height, position and value of the nodes that it completes, the leaf first.
/// Reads one node for each of the others.
///
/// # Errors
///
/// If a node cannot be read.
///
/// # Panics
///
/// At 2^64 - 1 leaves.
pub fn append<N: Nodes>(nodes: &N, index: u64, leaf: B256) -> Result<Vec<(usize, u64, B256)>, N::Error> {
    let mut subtree = leaf;
    completed(index, index + 1)
        .map(|(height, position)| {
            if height > 0 {
                subtree = node(nodes.node(height - 1, 2 * position)?, subtree);
            }
            Ok((height, position, subtree))
        })
        .collect()
}

/// Root of the first `count` messages, which must be there; zero if there are none. Reads at most one node per level.
///
/// # Errors
///
/// If a node cannot be read.
pub fn root<N: Nodes>(nodes: &N, count: u64) -> Result<B256, N::Error> {
    Padded::new(nodes, count).node(depth(count), 0)
}

/// Proof of the message at `index` in the tree of the first `count`, which must be there; `None` if it is not one of them.
/// Reads at most two nodes per level.
///
/// # Errors
///
/// If a node cannot be read.
pub fn prove<N: Nodes>(nodes: &N, index: u64, count: u64) -> Result<Option<Vec<B256>>, N::Error> {
    prove_multi(nodes, &[index], count)
}

/// Multiproof of the messages at `indices`, sorted and distinct, in the tree of the first `count`, which must be there; `None`
/// if they are not sorted and distinct, or one is not among the first `count`, or there is none at all. Reads at most one node
/// per sibling, and one more per level.
///
/// # Errors
///
/// If a node cannot be read.
pub fn prove_multi<N: Nodes>(nodes: &N, indices: &[u64], count: u64) -> Result<Option<Vec<B256>>, N::Error> {
    if !indices.is_sorted_by(|a, b| a < b) || indices.last().is_none_or(|last| *last >= count) {
        return Ok(None);
    }
    let tree = Padded::new(nodes, count);
    let mut proof = Vec::new();
    let mut positions = indices.to_vec();
    for height in 0..depth(count) {
        let mut parents = Vec::with_capacity(positions.len());
        let mut rest = positions.as_slice();
        while let [position, after @ ..] = rest {
            let sibling = position ^ 1;
            rest = match after {
                [next, after @ ..] if *next == sibling => after,
                _ => {
                    proof.push(tree.node(height, sibling)?);
                    after
                }
            };
            parents.push(position >> 1);
        }
        positions = parents;
    }
    Ok(Some(proof))
}

/// The tree of the first `count` messages, padding included.
struct Padded<'a, N> {
    nodes: &'a N,
    count: u64,
    /// Roots of missing subtrees, by height; most proofs need none.
    zeros: OnceCell<Vec<B256>>,
}

impl<'a, N: Nodes> Padded<'a, N> {
    fn new(nodes: &'a N, count: u64) -> Self {
        Self { nodes, count, zeros: OnceCell::new() }
    }

    /// The node at `position` of `height`. Reads complete nodes, none of which covers a leaf from `count` on, and computes the
    /// one partial node that a height may have from those below it.
    fn node(&self, height: usize, position: u64) -> Result<B256, N::Error> {
        let complete = ancestor(self.count, height);
        if position < complete {
            return self.nodes.node(height, position);
        }
        let partial = position == complete && self.count.trailing_zeros() < height as u32;
        if !partial {
            return Ok(self.zeros.get_or_init(|| zeros().take(depth(self.count) + 1).collect())[height]);
        }
        Ok(node(self.node(height - 1, 2 * position)?, self.node(height - 1, 2 * position + 1)?))
    }
}

/// The nodes in memory, 64 bytes per message: for tests, and whoever has few messages.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Complete nodes by height.
    levels: Vec<Vec<B256>>,
}

impl Nodes for Tree {
    type Error = Infallible;

    fn node(&self, height: usize, position: u64) -> Result<B256, Infallible> {
        Ok(self.levels[height][position as usize])
    }
}

impl Tree {
    /// Messages in the tree.
    pub fn len(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// Nodes that it keeps, of 32 bytes each: for `n` messages less than `2 n`.
    pub fn nodes(&self) -> u64 {
        self.levels.iter().map(|level| level.len() as u64).sum()
    }

    /// Appends a leaf, and the nodes that it completes.
    pub fn push(&mut self, leaf: B256) {
        let Ok(added) = append(self, self.len(), leaf);
        for (height, _, node) in added {
            if height == self.levels.len() {
                self.levels.push(Vec::new());
            }
            self.levels[height].push(node);
        }
    }

    /// Root of the first `count` messages; `None` if there are fewer.
    pub fn root_at(&self, count: u64) -> Option<B256> {
        (count <= self.len()).then(|| {
            let Ok(root) = root(self, count);
            root
        })
    }

    /// Proof of the message at `index` in the tree of the first `count`; `None` if there is no such message.
    pub fn proof(&self, index: u64, count: u64) -> Option<Vec<B256>> {
        self.multiproof(&[index], count)
    }

    /// Multiproof of the messages at `indices`, sorted and distinct, in the tree of the first `count`; `None` if they are
    /// not, or there is no such message, or none at all.
    pub fn multiproof(&self, indices: &[u64], count: u64) -> Option<Vec<B256>> {
        if count > self.len() {
            return None;
        }
        let Ok(proof) = prove_multi(self, indices, count);
        proof
    }
}

/// The root to which `proof` leads from `leaf` at `index`, without judging the lengths.
fn climb(leaf: B256, index: u64, proof: &[B256]) -> B256 {
    proof.iter().enumerate().fold(leaf, |subtree, (height, sibling)| {
        if ancestor(index, height) & 1 == 1 { node(*sibling, subtree) } else { node(subtree, *sibling) }
    })
}

/// Whether `leaf` is at `index` of the tree with this root.
///
/// # Errors
///
/// In this order: `ProofTooLong`, `IndexOutOfTree`, `OutboxRootMismatch`.
pub fn verify(root: B256, leaf: B256, index: u64, proof: &[B256]) -> Result<(), ProofError> {
    check_index(index, proof.len())?;
    check_root(climb(leaf, index, proof), root)
}

/// Whether `leaves` (index and leaf, sorted by index, distinct) are all in the tree of this depth and root.
///
/// # Errors
///
/// In this order: `NoMessages`, `MessagesNotSorted`, `ProofTooLong`, `IndexOutOfTree`, `ProofLengthMismatch`,
/// `OutboxRootMismatch`.
pub fn verify_multi(root: B256, depth: usize, leaves: &[(u64, B256)], proof: &[B256]) -> Result<(), ProofError> {
    check_root(root_of(depth, leaves, proof)?, root)
}

/// The root to which a multiproof leads, with the errors of [`verify_multi`] but the last.
pub(crate) fn root_of(depth: usize, leaves: &[(u64, B256)], proof: &[B256]) -> Result<B256, ProofError> {
    if leaves.is_empty() {
        return Err(ProofError::NoMessages);
    }
    for pair in leaves.windows(2) {
        let (previous, received) = (pair[0].0, pair[1].0);
        if received <= previous {
            return Err(ProofError::MessagesNotSorted { previous, received });
        }
    }
    check_index(leaves[leaves.len() - 1].0, depth)?;

    let mut nodes = leaves.to_vec();
    // Siblings used so far. It runs on past the end of the proof, so that the error can say how many are needed.
    let mut used = 0;
    for _ in 0..depth {
        let mut parents = Vec::with_capacity(nodes.len());
        let mut rest = nodes.as_slice();
        while let [(position, this), after @ ..] = rest {
            let sibling;
            (sibling, rest) = match after {
                [(next, sibling), after @ ..] if *next == position ^ 1 => (*sibling, after),
                _ => {
                    used += 1;
                    (proof.get(used - 1).copied().unwrap_or_default(), after)
                }
            };
            let parent = if position & 1 == 1 { node(sibling, *this) } else { node(*this, sibling) };
            parents.push((position >> 1, parent));
        }
        nodes = parents;
    }
    if used != proof.len() {
        return Err(ProofError::ProofLengthMismatch { received: proof.len(), expected: used });
    }
    Ok(nodes[0].1)
}

fn check_index(index: u64, depth: usize) -> Result<(), ProofError> {
    if depth > MAX_DEPTH {
        return Err(ProofError::ProofTooLong { received: depth, maximum: MAX_DEPTH });
    }
    if ancestor(index, depth) != 0 {
        return Err(ProofError::IndexOutOfTree { index, depth });
    }
    Ok(())
}

fn check_root(received: B256, expected: B256) -> Result<(), ProofError> {
    if received == expected { Ok(()) } else { Err(ProofError::OutboxRootMismatch { received, expected }) }
}
