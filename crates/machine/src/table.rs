//! Something for each page of memory, most of which have nothing.

use crate::memory::PAGE_SIZE;

/// Pages of memory.
const PAGES: usize = (1 << 32) / PAGE_SIZE;

/// Pages that share a part of the table.
const PART: usize = 1 << 10;

/// Entries by number of the page, in parts that exist from the first entry on: so a table costs what is in it.
pub(crate) struct Table<T>(Box<[Option<Box<Part<T>>>; PAGES / PART]>);

type Part<T> = [Option<Box<T>>; PART];

impl<T> Table<T> {
    pub(crate) fn new() -> Self {
        Self(Box::new([const { None }; _]))
    }

    #[inline(always)]
    pub(crate) fn get(&self, page: usize) -> Option<&T> {
        self.0[page / PART].as_ref()?[page % PART].as_deref()
    }

    #[inline(always)]
    pub(crate) fn get_mut(&mut self, page: usize) -> Option<&mut T> {
        self.0[page / PART].as_mut()?[page % PART].as_deref_mut()
    }

    /// The entry, which is made if there is none.
    #[inline(always)]
    pub(crate) fn get_or_insert_with(&mut self, page: usize, make: impl FnOnce() -> Box<T>) -> &mut T {
        let part = self.0[page / PART].get_or_insert_with(|| Box::new([const { None }; PART]));
        part[page % PART].get_or_insert_with(make)
    }
}
