//! Code decoded page by page, for the interpreter.

use crate::memory::{Memory, PAGE_SIZE};
use crate::operation::Operation;
use crate::table::Table;

/// Instructions of a page.
pub(crate) const PAGE_OPERATIONS: usize = PAGE_SIZE / 4;

/// The decoded instructions of one page.
pub(crate) type CodePage = [Operation; PAGE_OPERATIONS];

/// The decoded pages. They always hold what memory does: a store into one of them decodes what it has written.
pub(crate) struct Code {
    pages: Table<CodePage>,
}

impl Code {
    pub(crate) fn new() -> Self {
        Self { pages: Table::new() }
    }

    /// The page with this number, which is decoded if it is not yet.
    #[inline(always)]
    pub(crate) fn page(&mut self, memory: &mut Memory, number: usize) -> &CodePage {
        self.pages.get_or_insert_with(number, || decode(memory, number))
    }

    /// Writes bytes that lie within one leaf to memory, and decodes them anew if they are code.
    pub(crate) fn write(&mut self, memory: &mut Memory, address: u64, bytes: &[u8]) {
        let page = self.pages.get_mut(address as usize / PAGE_SIZE);
        memory.write(address, bytes, page.is_some());
        if let Some(page) = page {
            let first = address & !3;
            for address in (first..address + bytes.len() as u64).step_by(4) {
                let word = memory.load(address).expect("a valid address");
                page[address as usize % PAGE_SIZE / 4] = Operation::decode(u32::from_le_bytes(word));
            }
        }
    }
}

#[cold]
fn decode(memory: &mut Memory, number: usize) -> Box<CodePage> {
    let mut page = Box::new([Operation::decode(0); PAGE_OPERATIONS]);
    if let Some(bytes) = memory.close(number) {
        for (operation, word) in page.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *operation = Operation::decode(u32::from_le_bytes(*word));
        }
    }
    page
}
