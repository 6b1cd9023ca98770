//! Little data that would unfold to much: what decoding it may cost is bounded.

use alloy_primitives::Bytes;
use miniz_oxide::{
    DataFormat,
    deflate::{
        compress_to_vec,
        core::{CompressorOxide, TDEFLFlush, TDEFLStatus, compress},
    },
    inflate::decompress_to_vec,
};
use postern_protocol::{
    batch::{self, Block},
    constants::{MAX_BATCH_CONTENT, MAX_BLOCKS_PER_BATCH, MAX_TRANSACTIONS_PER_BATCH},
};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

/// Counts what each thread holds, and the most that it held.
struct Counting;

thread_local! {
    static HELD: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

fn count(bytes: isize) {
    // A thread that ends has no counter any more.
    let _ = HELD.try_with(|held| {
        let (now, most) = held.get();
        held.set((now + bytes, most.max(now + bytes)));
    });
}

// SAFETY: every call goes to the system's allocator as it is; counting touches no memory that it gives out.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as above; what this gave out is the system's.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `batch::decode` makes of `data`, and how many bytes it held at most while it did.
fn decode(data: &[u8]) -> (Vec<Block>, usize) {
    let before = HELD.get().0;
    HELD.set((before, before));
    let blocks = batch::decode(data);
    (blocks, (HELD.get().1 - before) as usize)
}

/// A stream of `count` times a MiB of zeros.
fn zeros(count: usize) -> Vec<u8> {
    let zeros = vec![0; 1 << 20];
    let mut unit = vec![0; 1 << 16];
    // It ends at a byte and looks back to nothing before it: a unit may stand as often as one likes.
    let mut compressor = CompressorOxide::default();
    compressor.set_format_and_level(DataFormat::Raw, 9);
    let (status, read, length) = compress(&mut compressor, &zeros, &mut unit, TDEFLFlush::Full);
    assert_eq!((status, read), (TDEFLStatus::Okay, zeros.len()));
    // The last block: fixed codes, and at once the end.
    [unit[..length].repeat(count), vec![3, 0]].concat()
}

#[test]
fn a_stream_unfolds_no_further_than_it_may() {
    assert!(decompress_to_vec(&zeros(3)).is_ok_and(|content| content == vec![0; 3 << 20]));
    let bomb = [vec![1], zeros(3_000)].concat();
    assert!(bomb.len() < 5_000_000, "3 GiB in {} bytes", bomb.len());
    for data in [&bomb[..], &[&[1], &zeros(5)[..]].concat()] {
        let (blocks, held) = decode(data);
        assert_eq!(blocks, []);
        assert!((MAX_BATCH_CONTENT..MAX_BATCH_CONTENT + 65_536).contains(&held), "held {held} bytes");
    }
}

#[test]
fn many_small_things_take_no_more_memory_than_a_few_large_ones() {
    let of = |count| Block { transactions: vec![Bytes::from_static(&[7]); count], ..Block::default() };
    let content = |block: &Block, count| alloy_rlp::encode(block).repeat(count);
    let most = content(&of(MAX_TRANSACTIONS_PER_BATCH / MAX_BLOCKS_PER_BATCH), MAX_BLOCKS_PER_BATCH);
    let cases = [
        (most, MAX_BLOCKS_PER_BATCH),
        (content(&of(1), 800_000), MAX_BLOCKS_PER_BATCH),
        (content(&of(0), 1_000_000), MAX_BLOCKS_PER_BATCH),
        (content(&of(4_000_000), 1), 0),
    ];
    for (content, expected) in cases {
        let (blocks, held) = decode(&[&[1], &compress_to_vec(&content, 1)[..]].concat());
        assert_eq!(blocks.len(), expected);
        assert!(held < 2 * MAX_BATCH_CONTENT, "held {held} bytes");
    }
}
