//! The outbox at 1,000,000 messages.

use alloy_primitives::{B256, keccak256};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use postern_protocol::outbox::{Tree, verify, verify_multi};
use std::{hint::black_box, mem::size_of};

const MESSAGES: u64 = 1_000_000;

fn leaf(index: u64) -> B256 {
    keccak256(index.to_be_bytes())
}

fn outbox(criterion: &mut Criterion) {
    let mut tree = Tree::default();
    (0..MESSAGES).for_each(|index| tree.push(leaf(index)));
    println!(
        "memory of the tree: {} MB in {} nodes",
        tree.nodes() * size_of::<B256>() as u64 / 1_000_000,
        tree.nodes(),
    );
    let mut next = {
        let mut position = 0_u64;
        move || {
            position = (position + 611_953) % MESSAGES;
            position
        }
    };

    let mut group = criterion.benchmark_group("outbox of 1,000,000 messages");
    group.bench_function("append", |bencher| {
        let mut grown = tree.clone();
        bencher.iter(|| grown.push(black_box(B256::repeat_byte(7))));
    });
    group.bench_function("root", |bencher| bencher.iter(|| tree.root_at(black_box(MESSAGES))));
    group.bench_function("proof", |bencher| {
        bencher.iter_batched(&mut next, |index| tree.proof(index, MESSAGES), BatchSize::SmallInput);
    });
    group.bench_function("proof against an earlier root", |bencher| {
        bencher.iter_batched(
            &mut next,
            |index| tree.proof(index, MESSAGES.min(index + 1 + index % 1_000)),
            BatchSize::SmallInput,
        );
    });
    let indices: Vec<_> = (0..32).map(|i| i * 31_249).collect();
    group.bench_function("multiproof of 32", |bencher| {
        bencher.iter(|| tree.multiproof(black_box(&indices), MESSAGES));
    });

    let root = tree.root_at(MESSAGES).unwrap();
    let proof = tree.proof(777_777, MESSAGES).unwrap();
    group.bench_function("verify", |bencher| {
        bencher.iter(|| verify(root, leaf(777_777), 777_777, black_box(&proof)).unwrap());
    });
    let leaves: Vec<_> = indices.iter().map(|&index| (index, leaf(index))).collect();
    let multiproof = tree.multiproof(&indices, MESSAGES).unwrap();
    group.bench_function("verify 32", |bencher| {
        bencher.iter(|| verify_multi(root, 20, &leaves, black_box(&multiproof)).unwrap());
    });
    group.finish();
}

criterion_group!(benches, outbox);
criterion_main!(benches);
