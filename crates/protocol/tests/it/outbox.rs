//! The outbox tree against one computed the naive way, and proofs against those who tamper with them.

use alloy_primitives::{B256, keccak256};
use postern_protocol::outbox::{
    Frontier, MAX_DEPTH, Nodes, ProofError, Tree, append, completed, depth, node, prove, prove_multi, root, verify,
    verify_multi,
};
use proptest::{
    collection::{btree_set, vec},
    prelude::*,
    sample::Index,
};
use std::{cell::Cell, collections::BTreeMap};

fn leaf(index: u64) -> B256 {
    keccak256(index.to_be_bytes())
}

fn tree(count: u64) -> Tree {
    let mut tree = Tree::default();
    (0..count).for_each(|index| tree.push(leaf(index)));
    tree
}

/// All levels, padded: the definition, word by word.
fn naive(count: u64) -> Vec<Vec<B256>> {
    let width = if count == 0 { 0 } else { (count as usize).next_power_of_two() };
    let mut level: Vec<_> = (0..count).map(leaf).collect();
    level.resize(width, B256::ZERO);
    let mut levels = vec![level];
    while levels.last().is_some_and(|level| level.len() > 1) {
        let level = levels.last().unwrap();
        levels.push(level.chunks(2).map(|pair| node(pair[0], pair[1])).collect());
    }
    levels
}

fn naive_root(count: u64) -> B256 {
    naive(count).last().and_then(|level| level.first()).copied().unwrap_or_default()
}

#[test]
fn roots_and_proofs_of_every_small_tree_are_those_of_the_definition() {
    let tree = tree(70);
    let mut frontier = Frontier::default();
    for count in 0..=70 {
        let levels = naive(count);
        assert_eq!(tree.root_at(count), Some(naive_root(count)));
        assert_eq!(frontier.root(), naive_root(count));
        assert_eq!(frontier.count(), count);
        for index in 0..count {
            let siblings: Vec<_> =
                (0..depth(count)).map(|height| levels[height][(index >> height) as usize ^ 1]).collect();
            assert_eq!(tree.proof(index, count), Some(siblings.clone()));
            assert_eq!(verify(naive_root(count), leaf(index), index, &siblings), Ok(()));
        }
        frontier.push(leaf(count));
    }
    assert_eq!(tree.root_at(71), None);
    assert_eq!(tree.proof(70, 70), None);
    assert_eq!(tree.proof(0, 71), None);
    assert_eq!(tree.multiproof(&[], 70), None);
    assert_eq!(tree.multiproof(&[1, 1], 70), None);
    assert_eq!(tree.multiproof(&[2, 1], 70), None);
    assert_eq!(tree.multiproof(&[70], 70), None);
}

#[test]
fn depths() {
    for (count, expected) in [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (u64::MAX, 64)] {
        assert_eq!(depth(count), expected);
    }
}

/// Nodes by height and position, as a database keeps them: one that is not there is an error.
#[derive(Default)]
struct Rows {
    nodes: BTreeMap<(usize, u64), B256>,
    reads: Cell<usize>,
}

impl Nodes for Rows {
    type Error = (usize, u64);

    fn node(&self, height: usize, position: u64) -> Result<B256, (usize, u64)> {
        self.reads.set(self.reads.get() + 1);
        self.nodes.get(&(height, position)).copied().ok_or((height, position))
    }
}

impl Rows {
    fn extend(&mut self, first: u64, leaves: impl IntoIterator<Item = B256>) {
        for (index, leaf) in (first..).zip(leaves) {
            for (height, position, node) in append(self, index, leaf).unwrap() {
                assert_eq!(self.nodes.insert((height, position), node), None, "a node is complete once");
            }
        }
    }
}

#[test]
fn rows_cut_back_are_those_of_the_smaller_tree() {
    for count in 0..=20 {
        for rest in 0..=count {
            let (mut rows, mut smaller) = (Rows::default(), Rows::default());
            rows.extend(0, (0..count).map(leaf));
            smaller.extend(0, (0..rest).map(leaf));
            for (height, position) in completed(rest, count) {
                assert!(rows.nodes.remove(&(height, position)).is_some());
            }
            assert_eq!(rows.nodes, smaller.nodes);
            rows.extend(rest, (0..20).map(|index| leaf(1_000 + index)));
            smaller.extend(rest, (0..20).map(|index| leaf(1_000 + index)));
            assert_eq!(rows.nodes, smaller.nodes);
        }
    }
}

#[test]
fn proofs_read_no_more_than_two_rows_a_level_and_none_of_later_messages() {
    let mut rows = Rows::default();
    rows.extend(0, (0..100).map(leaf));
    let tree = tree(100);
    for count in 0..=100 {
        // Rows of later messages are as good as absent.
        let mut known = Rows::default();
        known.nodes.extend(completed(0, count).map(|key| (key, rows.nodes[&key])));
        assert_eq!(root(&known, count).ok(), tree.root_at(count));
        for index in 0..count {
            known.reads.set(0);
            assert_eq!(prove(&known, index, count), Ok(tree.proof(index, count)));
            assert!(known.reads.get() <= 2 * depth(count));
        }
        assert_eq!(prove(&known, count, count), Ok(None));
    }
}

#[test]
fn a_missing_row_is_an_error() {
    let mut rows = Rows::default();
    rows.extend(0, (0..7).map(leaf));
    rows.nodes.remove(&(1, 1));
    assert_eq!(prove(&rows, 0, 7), Err((1, 1)));
    assert_eq!(prove(&rows, 2, 7), Ok(tree(7).proof(2, 7)), "which does not need it");
    assert_eq!(prove_multi(&rows, &[0, 4], 7), Err((1, 1)));
    assert_eq!(append(&rows, 7, leaf(7)).map(|added| added.len()), Ok(4));
    rows.nodes.remove(&(0, 6));
    assert_eq!(root(&rows, 7), Err((0, 6)));
    assert_eq!(append(&rows, 7, leaf(7)), Err((0, 6)));
}

#[test]
fn the_deepest_index_has_a_proof() {
    let root = (0..MAX_DEPTH).fold(leaf(0), |subtree, _| node(B256::ZERO, subtree));
    assert_eq!(verify(root, leaf(0), u64::MAX, &[B256::ZERO; MAX_DEPTH]), Ok(()));
    let error = ProofError::ProofTooLong { received: MAX_DEPTH + 1, maximum: MAX_DEPTH };
    assert_eq!(verify(root, leaf(0), 0, &[B256::ZERO; MAX_DEPTH + 1]), Err(error));
    assert_eq!(verify_multi(root, MAX_DEPTH + 1, &[(0, leaf(0))], &[]), Err(error));
}

#[test]
fn multiproofs_name_what_is_wrong_with_them() {
    let tree = tree(7);
    let root = tree.root_at(7).unwrap();
    let proof = tree.multiproof(&[1, 2], 7).unwrap();
    let leaves = [(1, leaf(1)), (2, leaf(2))];
    assert_eq!(verify_multi(root, 3, &leaves, &proof), Ok(()));
    assert_eq!(verify_multi(root, 3, &[], &proof), Err(ProofError::NoMessages));
    assert_eq!(
        verify_multi(root, 3, &[leaves[1], leaves[0]], &proof),
        Err(ProofError::MessagesNotSorted { previous: 2, received: 1 }),
    );
    assert_eq!(
        verify_multi(root, 3, &[leaves[0], leaves[0]], &proof),
        Err(ProofError::MessagesNotSorted { previous: 1, received: 1 }),
    );
    assert_eq!(
        verify_multi(root, 3, &[leaves[0], (8, leaf(2))], &proof),
        Err(ProofError::IndexOutOfTree { index: 8, depth: 3 }),
    );
    let expected = proof.len();
    for proof in [&proof[1..], &[&proof[..], &[B256::ZERO]].concat()] {
        let received = proof.len();
        let error = ProofError::ProofLengthMismatch { received, expected };
        assert_eq!(verify_multi(root, 3, &leaves, proof), Err(error));
    }
}

/// A tree and some of its messages.
fn selection() -> impl Strategy<Value = (u64, Vec<u64>)> {
    (1..300_u64).prop_flat_map(|count| {
        let indices = btree_set(0..count, 1..=count.min(40) as usize);
        (Just(count), indices.prop_map(|indices| indices.into_iter().collect()))
    })
}

proptest! {
    #[test]
    fn later_trees_prove_as_earlier_ones_did(total in 1..300_u64, count in any::<Index>(), index in any::<Index>()) {
        let count = 1 + count.index(total as usize) as u64;
        let index = index.index(count as usize) as u64;
        let (early, late) = (tree(count), tree(total));
        prop_assert_eq!(late.root_at(count), early.root_at(count));
        prop_assert_eq!(late.root_at(count), Some(naive_root(count)));
        prop_assert_eq!(late.proof(index, count), early.proof(index, count));
    }

    #[test]
    fn multiproofs_hold_and_are_no_longer_than_single_ones((count, indices) in selection()) {
        let tree = tree(count);
        let root = tree.root_at(count).unwrap();
        let leaves: Vec<_> = indices.iter().map(|&index| (index, leaf(index))).collect();
        let proof = tree.multiproof(&indices, count).unwrap();
        prop_assert_eq!(verify_multi(root, depth(count), &leaves, &proof), Ok(()));
        prop_assert!(proof.len() <= indices.len() * depth(count));
        let singles: Vec<_> = indices.iter().flat_map(|&index| tree.proof(index, count).unwrap()).collect();
        prop_assert!(proof.iter().all(|sibling| singles.contains(sibling)));
        if let [index] = indices[..] {
            prop_assert_eq!(Some(proof), tree.proof(index, count));
        }
    }

    #[test]
    fn tampered_proofs_are_rejected(
        count in 2..300_u64,
        position in any::<Index>(),
        at in any::<Index>(),
        bit in 0..256_usize,
    ) {
        let index = position.index(count as usize) as u64;
        let tree = tree(count);
        let root = tree.root_at(count).unwrap();
        let proof = tree.proof(index, count).unwrap();
        let mismatch = |result| matches!(result, Err(ProofError::OutboxRootMismatch { .. }));
        let flip = |word: B256| {
            let mut word = word;
            word[bit / 8] ^= 1 << (bit % 8);
            word
        };

        let mut flipped = proof.clone();
        let at = at.index(proof.len());
        flipped[at] = flip(flipped[at]);
        prop_assert!(mismatch(verify(root, leaf(index), index, &flipped)));
        prop_assert!(mismatch(verify(root, flip(leaf(index)), index, &proof)));
        prop_assert!(mismatch(verify(flip(root), leaf(index), index, &proof)));

        // Another index, within the tree and, by its high bits, without.
        let other = index ^ (1 << at);
        prop_assert!(mismatch(verify(root, leaf(index), other, &proof)));
        for height in proof.len()..64 {
            let index = index | 1 << height;
            let error = ProofError::IndexOutOfTree { index, depth: proof.len() };
            prop_assert_eq!(verify(root, leaf(index), index, &proof), Err(error));
        }

        // A node for a leaf: the path cut short from below, at the index that fits it; and made longer at either end.
        let inner = if index & 1 == 0 { node(leaf(index), proof[0]) } else { node(proof[0], leaf(index)) };
        prop_assert_eq!(verify(root, inner, index >> 1, &proof[1..]), Ok(()), "leaves and nodes differ in length, not here");
        let longer = [&proof[..], &[B256::ZERO]].concat();
        prop_assert!(mismatch(verify(root, leaf(index), index, &longer)));
        let swapped: Vec<_> = proof.iter().rev().copied().collect();
        prop_assert!(swapped == proof || mismatch(verify(root, leaf(index), index, &swapped)));
        match verify(root, leaf(index), index, &proof[..proof.len() - 1]) {
            Err(ProofError::OutboxRootMismatch { .. } | ProofError::IndexOutOfTree { .. }) => {}
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn verification_takes_anything(
        root in any::<[u8; 32]>(),
        depth in 0..80_usize,
        leaves in vec((any::<u64>(), any::<[u8; 32]>()), 0..6),
        proof in vec(any::<[u8; 32]>(), 0..80),
    ) {
        let proof: Vec<_> = proof.into_iter().map(B256::new).collect();
        let leaves: Vec<_> = leaves.into_iter().map(|(index, leaf)| (index, B256::new(leaf))).collect();
        prop_assert!(verify_multi(root.into(), depth, &leaves, &proof).is_err());
        prop_assert!(verify(root.into(), B256::ZERO, depth as u64, &proof).is_err());
    }
}
