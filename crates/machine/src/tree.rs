//! The Merkle tree over memory: depth 27, leaves of 32 raw bytes, empty subtrees not stored.

use crate::memory::{PAGE_SIZE, Page};
use crate::table::Table;
use alloy_primitives::{B256, keccak256};
use std::sync::{Arc, LazyLock};

/// Levels between a leaf and the root.
pub(crate) const DEPTH: usize = 27;

/// Levels between a leaf and the root of its page.
const PAGE_DEPTH: usize = 7;

/// Leaves of a page.
pub(crate) const PAGE_LEAVES: usize = PAGE_SIZE / 32;

/// Roots of empty subtrees by height.
pub(crate) static EMPTY: LazyLock<[B256; DEPTH + 1]> = LazyLock::new(|| {
    let mut roots = [B256::ZERO; DEPTH + 1];
    for height in 0..DEPTH {
        roots[height + 1] = node(roots[height].as_ref(), roots[height].as_ref());
    }
    roots
});

/// The inner nodes of a page's subtree: the root at 1, the children of `n` at `2n` and `2n + 1`, leaf `i` would be at
/// `PAGE_LEAVES + i`. Nothing is at 0.
pub(crate) type PageNodes = [B256; PAGE_LEAVES];

static EMPTY_PAGE: LazyLock<Arc<PageNodes>> = LazyLock::new(|| {
    Arc::new(std::array::from_fn(|n| n.checked_ilog2().map_or(B256::ZERO, |depth| EMPTY[PAGE_DEPTH - depth as usize])))
});

/// Hash of an inner node.
pub(crate) fn node(left: &[u8; 32], right: &[u8; 32]) -> B256 {
    let mut children = [0; 64];
    children[..32].copy_from_slice(left);
    children[32..].copy_from_slice(right);
    keccak256(children)
}

/// The tree of a page that has never been written.
pub(crate) fn empty_page() -> Arc<PageNodes> {
    EMPTY_PAGE.clone()
}

/// Hashes again what is above the touched leaves of a page, and forgets that they were touched.
pub(crate) fn update_page(page: &mut Page) {
    let nodes = Arc::make_mut(&mut page.nodes);
    let mut stale = [false; PAGE_LEAVES];
    for (leaf, touched) in page.touched.iter_mut().enumerate() {
        stale[(PAGE_LEAVES + leaf) / 2] |= std::mem::take(touched);
    }
    let leaves = page.bytes.as_chunks::<32>().0;
    for n in (1..PAGE_LEAVES).rev() {
        if stale[n] {
            nodes[n] = match (2 * n).checked_sub(PAGE_LEAVES) {
                Some(leaf) => node(&leaves[leaf], &leaves[leaf + 1]),
                None => node(&nodes[2 * n], &nodes[2 * n + 1]),
            };
            stale[n / 2] = true;
        }
    }
}

/// The nodes above pages.
pub(crate) struct UpperTree {
    /// 32 bytes each: the root at 1, the children of `n` at `2n` and `2n + 1`, page `i` at `PAGES + i`; zero for an empty
    /// subtree. In one vector of plain bytes, which the allocator gives zeroed and without touching them.
    nodes: Vec<u8>,
}

impl UpperTree {
    const DEPTH: usize = DEPTH - PAGE_DEPTH;
    const PAGES: usize = 1 << Self::DEPTH;

    pub(crate) fn new() -> Self {
        Self { nodes: vec![0; 2 * Self::PAGES * 32] }
    }

    pub(crate) fn root(&self) -> B256 {
        self.node(1)
    }

    /// Replaces the roots of pages, given in ascending order of the page.
    pub(crate) fn update(&mut self, roots: impl IntoIterator<Item = (u32, B256)>) {
        let mut stale: Vec<_> = roots
            .into_iter()
            .map(|(page, root)| {
                let n = Self::PAGES + page as usize;
                self.set(n, root);
                n
            })
            .collect();
        for _ in 0..Self::DEPTH {
            stale.iter_mut().for_each(|n| *n /= 2);
            stale.dedup();
            for n in &stale {
                self.set(*n, node(&self.node(2 * n), &self.node(2 * n + 1)));
            }
        }
    }

    fn node(&self, n: usize) -> B256 {
        match B256::from(self.nodes.as_chunks().0[n]) {
            B256::ZERO => EMPTY[DEPTH - n.ilog2() as usize],
            node => node,
        }
    }

    fn set(&mut self, n: usize, node: B256) {
        self.nodes.as_chunks_mut().0[n] = node.0;
    }
}

/// The root of the subtree of height `level` beside the path of `leaf`.
pub(crate) fn sibling(pages: &Table<Page>, upper: &UpperTree, leaf: usize, level: usize) -> B256 {
    if level >= PAGE_DEPTH {
        return upper.node(((UpperTree::PAGES * PAGE_LEAVES + leaf) >> level) ^ 1);
    }
    let Some(page) = pages.get(leaf / PAGE_LEAVES) else { return EMPTY[level] };
    let n = ((PAGE_LEAVES + leaf % PAGE_LEAVES) >> level) ^ 1;
    if level == 0 { page.bytes.as_chunks::<32>().0[n - PAGE_LEAVES].into() } else { page.nodes[n] }
}
