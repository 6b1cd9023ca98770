//! Memory in pages, which know what has been written since they were hashed.

use crate::table::Table;
use crate::tree::{self, PAGE_LEAVES, PageNodes, UpperTree};
use alloy_primitives::B256;
use std::sync::Arc;

pub(crate) const PAGE_SIZE: usize = 4096;

pub(crate) type PageBytes = [u8; PAGE_SIZE];

/// A page that has been written to at some time.
pub(crate) struct Page {
    pub(crate) bytes: PageBytes,
    /// The leaves written since `nodes` were computed.
    pub(crate) touched: [bool; PAGE_LEAVES],
    /// Whether a store needs no more than to write the bytes and mark the leaf: the page is among the changed ones, its
    /// copy in a snapshot is forgotten, and no code has been decoded from it.
    open: bool,
    /// Whether the page is among the changed ones.
    changed: bool,
    /// Nodes of the subtree, without what touched leaves change.
    pub(crate) nodes: Arc<PageNodes>,
    /// The same bytes, shared with snapshots.
    saved: Option<Arc<PageBytes>>,
}

/// A page as snapshots hold it, with its number.
#[derive(Clone)]
pub(crate) struct SavedPage {
    number: u32,
    bytes: Arc<PageBytes>,
    nodes: Arc<PageNodes>,
}

impl SavedPage {
    /// Bytes that it holds and does not share with what an earlier snapshot has of the same page.
    fn bytes_beside(&self, earlier: Option<&Self>) -> usize {
        let bytes = earlier.is_none_or(|earlier| !Arc::ptr_eq(&earlier.bytes, &self.bytes));
        let nodes = earlier.is_none_or(|earlier| !Arc::ptr_eq(&earlier.nodes, &self.nodes));
        usize::from(bytes) * PAGE_SIZE + usize::from(nodes) * size_of::<PageNodes>()
    }
}

/// Bytes that the pages of a snapshot hold and do not share with those of an earlier one of the same run.
pub(crate) fn bytes_beside(saved: &[SavedPage], earlier: &[SavedPage]) -> usize {
    // Pages are in the order in which they were first written: the later snapshot has the same ones first.
    let mut earlier = earlier.iter();
    saved.iter().map(|page| page.bytes_beside(earlier.next())).sum()
}

/// Whether a store is done.
pub(crate) enum Stored {
    /// Yes.
    Done,
    /// No, the page is not open: [`Memory::write`] has to do it.
    Closed,
    /// It traps.
    Trap,
}

pub(crate) struct Memory {
    pages: Table<Page>,
    upper: UpperTree,
    /// Numbers of the pages that exist.
    present: Vec<u32>,
    /// Numbers of the pages written since the tree was updated.
    changed: Vec<u32>,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self { pages: Table::new(), upper: UpperTree::new(), present: Vec::new(), changed: Vec::new() }
    }

    /// `N` bytes at `address`, or nothing if that is misaligned or beyond memory.
    #[inline(always)]
    pub(crate) fn load<const N: usize>(&self, address: u64) -> Option<[u8; N]> {
        if !is_valid::<N>(address) {
            return None;
        }
        Some(match self.pages.get(address as usize / PAGE_SIZE) {
            Some(page) => *page.bytes[offset::<N>(address)..].first_chunk().expect("within the page"),
            None => [0; N],
        })
    }

    /// Writes `N` bytes at `address` if that needs nothing else to be done.
    #[inline(always)]
    pub(crate) fn store<const N: usize>(&mut self, address: u64, bytes: [u8; N]) -> Stored {
        if !is_valid::<N>(address) {
            return Stored::Trap;
        }
        match self.pages.get_mut(address as usize / PAGE_SIZE) {
            Some(page) if page.open => {
                let offset = offset::<N>(address);
                page.touched[offset / 32] = true;
                *page.bytes[offset..].first_chunk_mut().expect("within the page") = bytes;
                Stored::Done
            }
            _ => Stored::Closed,
        }
    }

    /// Writes bytes which lie within one page, at least one. The page is open afterwards unless it has code.
    pub(crate) fn write(&mut self, address: u64, bytes: &[u8], has_code: bool) {
        let number = address as usize / PAGE_SIZE;
        let page = self.pages.get_or_insert_with(number, || {
            self.present.push(number as u32);
            Box::new(Page {
                bytes: [0; PAGE_SIZE],
                touched: [false; PAGE_LEAVES],
                open: false,
                changed: false,
                nodes: tree::empty_page(),
                saved: None,
            })
        });
        if !page.changed {
            page.changed = true;
            self.changed.push(number as u32);
        }
        page.saved = None;
        page.open = !has_code;
        let offset = address as usize % PAGE_SIZE;
        let end = offset + bytes.len();
        page.touched[offset / 32..end.div_ceil(32)].fill(true);
        page.bytes[offset..end].copy_from_slice(bytes);
    }

    /// The page with this number, if it has ever been written. Stores to it will be reported from now on, as its code is
    /// about to be decoded.
    pub(crate) fn close(&mut self, number: usize) -> Option<&PageBytes> {
        let page = self.pages.get_mut(number)?;
        page.open = false;
        Some(&page.bytes)
    }

    /// `length` bytes at `address`, or nothing if that reaches beyond memory.
    pub(crate) fn read(&self, address: u64, length: u64) -> Option<Vec<u8>> {
        let end = address.checked_add(length).filter(|end| *end <= 1 << 32)?;
        let mut bytes = Vec::with_capacity(length as usize);
        let (mut from, end) = (address as usize, end as usize);
        while from < end {
            let (offset, count) = (from % PAGE_SIZE, (PAGE_SIZE - from % PAGE_SIZE).min(end - from));
            match self.pages.get(from / PAGE_SIZE) {
                Some(page) => bytes.extend_from_slice(&page.bytes[offset..offset + count]),
                None => bytes.resize(bytes.len() + count, 0),
            }
            from += count;
        }
        Some(bytes)
    }

    /// How many pages have ever been written.
    pub(crate) fn page_count(&self) -> usize {
        self.present.len()
    }

    /// Brings the tree up to date and gives its root.
    pub(crate) fn root(&mut self) -> B256 {
        let mut changed = std::mem::take(&mut self.changed);
        changed.sort_unstable();
        self.upper.update(changed.drain(..).map(|number| {
            let page = self.pages.get_mut(number as usize).expect("pages do not vanish");
            page.changed = false;
            page.open = false;
            tree::update_page(page);
            (number, page.nodes[1])
        }));
        self.changed = changed;
        self.upper.root()
    }

    /// The root of the subtree of height `level` beside the path of `leaf`, as of the last [`Self::root`].
    pub(crate) fn sibling(&self, leaf: usize, level: usize) -> B256 {
        tree::sibling(&self.pages, &self.upper, leaf, level)
    }

    /// All pages, with the tree brought up to date. Only what was written since the last time is copied.
    pub(crate) fn save(&mut self) -> Vec<SavedPage> {
        self.root();
        let save = |number: &u32| {
            let page = self.pages.get_mut(*number as usize).expect("pages do not vanish");
            let bytes = page.saved.get_or_insert_with(|| Arc::new(page.bytes)).clone();
            SavedPage { number: *number, bytes, nodes: page.nodes.clone() }
        };
        self.present.iter().map(save).collect()
    }

    pub(crate) fn restore(saved: &[SavedPage]) -> Self {
        let mut memory = Self::new();
        for page in saved {
            memory.present.push(page.number);
            let copy = Page {
                bytes: *page.bytes,
                touched: [false; PAGE_LEAVES],
                open: false,
                changed: false,
                nodes: page.nodes.clone(),
                saved: Some(page.bytes.clone()),
            };
            memory.pages.get_or_insert_with(page.number as usize, || Box::new(copy));
        }
        let mut roots: Vec<_> = saved.iter().map(|page| (page.number, page.nodes[1])).collect();
        roots.sort_unstable();
        memory.upper.update(roots);
        memory
    }
}

/// Whether `N` bytes may be accessed at `address`: aligned, and below the end of memory.
#[inline(always)]
fn is_valid<const N: usize>(address: u64) -> bool {
    address & !(u64::from(u32::MAX) - (N as u64 - 1)) == 0
}

/// Where in its page an aligned address lies. Written so that the compiler knows `N` bytes to follow.
#[inline(always)]
fn offset<const N: usize>(address: u64) -> usize {
    address as usize & (PAGE_SIZE - N)
}
