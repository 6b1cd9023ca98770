//! The heap: all memory above the program.

use core::{
    alloc::{GlobalAlloc, Layout},
    cell::{Cell, UnsafeCell},
    ptr,
};
use dlmalloc::{Allocator, Dlmalloc};

unsafe extern "C" {
    /// From the linker's script.
    static _heap_start: u8;
}

/// Address after the last byte of memory.
const MEMORY_END: usize = 1 << 32;

#[global_allocator]
static HEAP: Heap = Heap(UnsafeCell::new(Dlmalloc::new_with_allocator(Memory { end: Cell::new(0) })));

/// The machine's memory, which the allocator gets piece by piece, each above the one before.
struct Memory {
    /// Address after the last piece; zero before the first. From there on memory has never been written.
    end: Cell<usize>,
}

// SAFETY: nobody else uses the memory between `_heap_start` and the end.
unsafe impl Allocator for Memory {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        let heap = &raw const _heap_start;
        let start = self.end.get().max(heap as usize);
        if size > MEMORY_END - start {
            return (ptr::null_mut(), 0, 0);
        }
        self.end.set(start + size);
        (heap.cast_mut().with_addr(start), size, 0)
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        ptr::null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        4096
    }
}

struct Heap(UnsafeCell<Dlmalloc<Memory>>);

// SAFETY: the machine has one hart and no interrupts.
unsafe impl Sync for Heap {}

// SAFETY: that of the allocator, of which no call begins within another.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { (*self.0.get()).malloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        unsafe { (*self.0.get()).free(start, layout.size(), layout.align()) }
    }

    /// Clears only what has been written before: pages that are never touched need not be hashed.
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        unsafe {
            let untouched = (*self.0.get()).allocator().end.get();
            let start = self.alloc(layout);
            if !start.is_null() {
                start.write_bytes(0, untouched.saturating_sub(start.addr()).min(layout.size()));
            }
            start
        }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        unsafe { (*self.0.get()).realloc(start, layout.size(), layout.align(), size) }
    }
}
