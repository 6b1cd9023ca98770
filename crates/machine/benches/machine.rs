//! Speed of the interpreter in steps per second, and what hashing adds to a run.

use alloy_primitives::{B256, Bytes};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use postern_machine::{BlobProof, Host, Machine, Precompiles, Program};

#[path = "../tests/it/asm.rs"]
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod asm;

use asm::*;

/// Nothing in these programs asks for anything.
struct Silent;

impl Precompiles for Silent {
    fn precompile(&self, _: u64, _: &[u8]) -> Option<Bytes> {
        None
    }
}

impl Host for Silent {
    fn preimage(&self, _: &B256) -> Option<Bytes> {
        None
    }

    fn blob_word(&self, _: &B256, _: u64) -> Option<B256> {
        None
    }

    fn blob_proof(&self, _: &B256, _: u64) -> Option<BlobProof> {
        None
    }
}

const STEPS: u64 = 20_000_000;

/// A program that repeats `body` for ever, in a loop of branches and a counter.
fn looped(prologue: &[u32], body: &[u32]) -> Machine {
    let mut words = prologue.to_vec();
    words.extend(body);
    words.push(addi(31, 31, 1));
    words.push(bne(31, 0, -4 * (body.len() as i32 + 1)));
    Program::flat(0x1_0000, &assemble(&words)).unwrap().start(B256::ZERO)
}

/// An xorshift generator: shifts and exclusive or, each depending on the one before.
fn registers() -> Machine {
    let shift = [slli(5, 6, 13), xor(6, 6, 5), srli(5, 6, 7), xor(6, 6, 5), slli(5, 6, 17), xor(6, 6, 5)];
    looped(&[addi(6, 0, 1)], &shift)
}

/// Loads, changes and stores words of a 64 KiB buffer in turn.
fn memory() -> Machine {
    let body = [
        add(7, 8, 5),
        ld(6, 7, 0),
        addi(6, 6, 3),
        sd(6, 7, 0),
        lw(9, 7, 8),
        sw(9, 7, 12),
        addi(5, 5, 16),
        and(5, 5, 10),
    ];
    looped(&[lui(8, 0x100), lui(10, 0x10), addi(10, 10, -16)], &body)
}

/// Calls a function that multiplies and divides.
fn calls() -> Machine {
    let body = [
        jal(1, 8),
        jal(0, 28),
        mul(6, 6, 5),
        mulhu(7, 6, 5),
        divu(9, 7, 5),
        sltu(9, 9, 6),
        addi(5, 5, 2),
        jalr(0, 1, 0),
    ];
    looped(&[addi(5, 0, 3), addi(6, 0, 7)], &body)
}

/// Fills 16 MiB with a number that changes, so that each page is new when it is hashed.
fn fill() -> Machine {
    let body = [add(7, 8, 5), sd(31, 7, 0), addi(5, 5, 8), and(5, 5, 10), mul(11, 31, 31), xor(12, 12, 11)];
    looped(&[lui(8, 0x1000), lui(10, 0x1000), addi(10, 10, -8)], &body)
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("run");
    group.throughput(Throughput::Elements(STEPS)).sample_size(10);
    for (name, machine) in
        [("registers", registers as fn() -> Machine), ("memory", memory), ("calls", calls), ("fill", fill)]
    {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                machine,
                |mut machine| {
                    machine.run(&Silent, STEPS).unwrap();
                    machine
                },
                BatchSize::PerIteration,
            );
        });
        group.bench_function(format!("{name}, 32 state hashes"), |bencher| {
            bencher.iter_batched(
                machine,
                |mut machine| {
                    machine.state_hashes(&Silent, STEPS / 32, 32).unwrap();
                    machine
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();

    criterion.bench_function("witness of a store", |bencher| {
        let mut machine = memory();
        machine.run(&Silent, 6).unwrap();
        bencher.iter(|| machine.witness(&Silent).unwrap());
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
