//! Random programs: the interpreter, the step from its witness and the contract have to agree on every step.
//!
//! `cargo test` runs some programs, always the same. With `PROPTEST_CASES` it runs so many, and others each time.

use crate::asm::*;
use crate::coverage::{Coverage, is_division};
use crate::instructions::*;
use crate::support::*;
use crate::{calls::recoveries, traps::unknown_words};
use alloy_primitives::B256;
use postern_machine::{Hart, Machine, Program, Status};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use proptest::{collection::vec, sample::select};
use std::cell::RefCell;

/// Steps of each program.
const STEPS: u64 = 24;

/// The programs are shared out to so many threads, of different seeds.
const THREADS: u32 = 4;

/// Registers that keep addresses: of the code, of data, and near the end of memory.
const BASES: [u32; 3] = [5, 6, 7];

const END: u64 = 1 << 32;

/// How the generator of a thread is seeded, and how many programs it makes.
fn config(thread: u32) -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig { cases: config.cases.div_ceil(THREADS), ..config },
        None => ProptestConfig { cases: 200, rng_seed: RngSeed::Fixed(thread.into()), ..config },
    }
}

/// What a program may ask for.
struct Data {
    host: Answers,
    preimages: Vec<B256>,
    versioned_hash: B256,
    inputs: Vec<B256>,
}

impl Data {
    fn new() -> Self {
        let mut host = Answers::default();
        let preimages =
            [0, 32, 77, 600].map(|length| host.add((0..length).map(|n| n as u8 ^ 0x5a).collect::<Vec<_>>()));
        let versioned_hash = host.add_blob(&[B256::with_last_byte(1), B256::with_last_byte(2)]);
        let inputs = recoveries().into_iter().map(|(_, input)| host.add(input)).collect();
        Self { host, preimages: preimages.into(), versioned_hash, inputs }
    }
}

fn register() -> impl Strategy<Value = u32> {
    0..32_u32
}

/// Registers that are written: seldom those that keep addresses.
fn target() -> impl Strategy<Value = u32> {
    prop_oneof![1 => register(), 16 => 8..32_u32, 3 => Just(0)]
}

fn value() -> impl Strategy<Value = u64> {
    prop_oneof![4 => select(&VALUES[..]), 2 => any::<u64>(), 1 => any::<i32>().prop_map(|low| low as u64), 1 => 0..64_u64]
}

/// All registers, of few values: so instructions get equal operands, and such as make divisions overflow.
fn values() -> impl Strategy<Value = Vec<u64>> {
    let extremes = vec![0, u64::MAX, i64::MIN as u64, 0xffff_ffff_8000_0000];
    let few = prop_oneof![Just(extremes), vec(value(), 4..12)];
    few.prop_flat_map(|few| vec(select(few), 32))
}

fn immediate() -> impl Strategy<Value = i32> {
    prop_oneof![-2048..2048_i32, select(&[0, 1, -1, 2047, -2048][..])]
}

/// Any encoding of any instruction, now and then one that is none.
fn word() -> impl Strategy<Value = u32> {
    let registers = (select(&REGISTERS[..]), target(), register(), register());
    let divisions: Vec<_> = REGISTERS.into_iter().filter(|(name, _)| is_division(name)).collect();
    let divisions = (select(divisions), target(), register(), register());
    let coinciding = (select(&REGISTERS[..]), target(), register(), 0..3_u32);
    let immediates = (select(&IMMEDIATES[..]), target(), register(), immediate());
    let shifts = (select(&SHIFTS[..]), target(), register(), any::<u8>());
    // Mostly aligned, in the code or the data; now and then from whatever a register holds.
    let base = || prop_oneof![9 => select(&BASES[..]), 1 => register()];
    let offset = || prop_oneof![9 => (0..32_i32).prop_map(|n| 8 * n - 64), 1 => immediate()];
    let loads = (select(&LOADS[..]), target(), base(), offset());
    let stores = (select(&STORES[..]), register(), base(), offset());
    // Mostly nearby, so that programs go on for a while.
    let near = || prop_oneof![12 => (-8..8_i32).prop_map(|n| 4 * n), 1 => immediate().prop_map(|n| n & !1)];
    let branches = (select(&BRANCHES[..]), register(), register(), near());
    prop_oneof![
        12 => registers.prop_map(|((_, word), rd, a, b)| word(rd, a, b)),
        3 => divisions.prop_map(|((_, word), rd, a, b)| word(rd, a, b)),
        4 => coinciding.prop_map(|((_, word), rd, a, which)| match which {
            0 => word(a, a, rd),
            1 => word(a, rd, a),
            _ => word(rd, a, a),
        }),
        6 => immediates.prop_map(|((_, word), rd, a, i)| word(rd, a, i)),
        1 => (select(&IMMEDIATES[..]), 8..32_u32, immediate()).prop_map(|((_, word), a, i)| word(a, a, i)),
        4 => shifts.prop_map(|((_, word, bits), rd, a, i)| word(rd, a, i32::from(i) % bits)),
        1 => (select(&SHIFTS[..]), 8..32_u32, any::<u8>()).prop_map(|((_, word, bits), a, i)| word(a, a, i32::from(i) % bits)),
        5 => loads.prop_map(|((_, word, _), rd, base, i)| word(rd, base, i)),
        1 => (select(&LOADS[..]), select(&BASES[..]), offset()).prop_map(|((_, word, _), base, i)| word(base, base, i)),
        6 => stores.prop_map(|((_, word, _), value, base, i)| word(value, base, i)),
        4 => branches.prop_map(|((_, word), a, b, i)| word(a, b, i)),
        2 => (target(), near()).prop_map(|(rd, i)| jal(rd, i)),
        2 => (prop_oneof![target(), select(&BASES[..])], select(&BASES[..]), near()).prop_map(|(rd, base, i)| jalr(rd, base, i)),
        2 => (target(), 0..1_u32 << 20).prop_map(|(rd, i)| lui(rd, i)),
        2 => (target(), 0..1_u32 << 20).prop_map(|(rd, i)| auipc(rd, i)),
        1 => any::<u32>().prop_map(|fields| fields & 0xfff0_8f80 | FENCE),
        2 => Just(ECALL),
        1 => prop_oneof![any::<u32>(), select(unknown_words()).prop_map(|(_, word)| word)],
    ]
}

/// Registers of a system call.
fn system_call(data: &Data) -> impl Strategy<Value = Vec<(u32, u64)>> + use<> {
    let leaf = (select(&[CODE, DATA, 0, END - 64][..]), 0..2_u64).prop_map(|(base, n)| base + 32 * n);
    let destination = prop_oneof![8 => leaf, 1 => value(), 1 => (0..64_u64).prop_map(|n| DATA + n)];
    let offset = prop_oneof![4 => 0..700_u64, 1 => value()];
    let index = prop_oneof![8 => select(&[0, 1, 4095][..]), 1 => 4096..u64::MAX];
    let hash = data.versioned_hash;
    // What a program says of the input's place is no concern of the step: here it is known otherwise.
    let with = |mut registers: Vec<(u32, u64)>, precompile| {
        registers.extend([(A6, precompile), (6, 0)]);
        registers
    };
    let precompile = prop_oneof![6 => Just(1), 1 => select(&[0, 2, 10, END | 1][..])];
    let unknown = prop_oneof![Just(0), 4..93_u64, 94..u64::MAX];
    prop_oneof![
        1 => any::<u64>().prop_map(|code| vec![(A7, 93), (14, code)]),
        6 => (destination.clone(), offset.clone(), select(data.preimages.clone())).prop_map(|(to, at, key)| call(1, to, at, key)),
        1 => (destination.clone(), index).prop_map(move |(to, index)| call(2, to, index, hash)),
        3 => (destination.clone(), offset, select(data.inputs.clone()), precompile)
            .prop_map(move |(to, at, key, number)| with(call(3, to, at, key), number)),
        1 => destination.prop_map(|to| call(1, to, 0, B256::repeat_byte(0xee))),
        1 => unknown.prop_map(|number| vec![(A7, number)]),
    ]
}

/// A program, and what comes in its way.
#[derive(Clone, Debug)]
struct Start {
    /// Where it lies.
    code: u64,
    words: Vec<u32>,
    registers: Vec<u64>,
    data: [u8; 96],
    /// Registers that are set before a system call, in turn.
    calls: Vec<Vec<(u32, u64)>>,
    /// The instructions with which it begins, and goes on where it halted, in turn.
    entries: Vec<usize>,
    /// Bits of witnesses that are flipped, or bytes at which they are cut.
    faults: Vec<usize>,
}

fn program(data: &Data) -> impl Strategy<Value = Start> + use<> {
    let place = prop_oneof![
        10 => Just(CODE),
        1 => Just(0),
        1 => (0..8_u64).prop_map(|n| CODE + 0x1000 - 4 * n),
        1 => (0..48_u64).prop_map(|n| END - 4 * n),
    ];
    let calls = vec(system_call(data), 4);
    let entries = vec(0..16_usize, 8);
    let faults = vec(0..20_000_usize, 4);
    (place, vec(word(), 1..48), values(), any::<[u8; 96]>(), calls, entries, faults).prop_map(
        |(code, mut words, registers, data, calls, entries, faults)| {
            words.truncate((END - code) as usize / 4);
            Start { code, words, registers, data, calls, entries, faults }
        },
    )
}

impl Start {
    fn machine(&self, hart: Hart) -> Machine {
        let code = assemble(&self.words);
        let anchor = assemble(&[FENCE]);
        // Code is not checked: it is a segment of data.
        let segments = [(self.code, &code[..], false), (DATA, &self.data[..], false), (0x5000_0000, &anchor[..], true)];
        let program = Program::from_elf(&elf(0x5000_0000, &segments)).unwrap();
        program.start(B256::ZERO).with_hart(hart)
    }

    /// Registers with which the program is entered at one of its instructions.
    fn enter(&self, entry: usize, mut slots: [u64; 32]) -> Hart {
        slots[0] = 0;
        slots[5..8].copy_from_slice(&[self.code + 32, DATA, END - 16]);
        Hart { pc: self.code + 4 * (entry % self.words.len().max(1)) as u64, slots }
    }
}

/// The instruction that comes next, if any.
fn fetch(machine: &Machine) -> Option<u32> {
    let pc = machine.hart().pc;
    let running = machine.status() == Status::Running && pc.is_multiple_of(4);
    let bytes = running.then(|| machine.read_memory(pc, 4))??;
    Some(u32::from_le_bytes(bytes.try_into().expect("four bytes")))
}

/// A machine that takes each step for itself, and one that runs, which takes other ways through the interpreter.
struct Pair<'a> {
    stepwise: Machine,
    at_once: Machine,
    host: &'a Answers,
}

impl Pair<'_> {
    /// Lets the second machine run to where the first one stands, and both go on from there with other registers.
    fn go_on(self, hart: Hart) -> Self {
        let Self { mut stepwise, mut at_once, host } = self;
        at_once.run(host, stepwise.steps()).unwrap();
        assert_eq!(at_once.hart(), stepwise.hart());
        let snapshot = at_once.snapshot();
        assert_eq!(snapshot.state_hash(), stepwise.state_hash());
        // Now and then without the code that it has decoded.
        if stepwise.steps().is_multiple_of(3) {
            at_once = snapshot.restore();
        }
        Self { stepwise: stepwise.with_hart(hart), at_once: at_once.with_hart(hart), host }
    }

    fn run(mut self, start: &Start, coverage: &mut Coverage) {
        let mut calls = start.calls.iter().cycle();
        let mut entries = start.entries.iter().cycle();
        for step in 0..STEPS {
            if fetch(&self.stepwise) == Some(ECALL) {
                let mut hart = *self.stepwise.hart();
                for (register, value) in calls.next().expect("endless") {
                    hart.slots[*register as usize] = *value;
                }
                self = self.go_on(hart);
            }
            let (before, word) = (*self.stepwise.hart(), fetch(&self.stepwise));
            let state_hash = self.stepwise.state_hash();
            match try_step(&mut self.stepwise, self.host) {
                Ok(witness) => {
                    coverage.record(&before, word, self.stepwise.hart());
                    if let Some(fault) = start.faults.get(step as usize / 6).filter(|_| step % 6 == 0) {
                        refuse(state_hash, &witness, *fault, self.host);
                    }
                }
                Err(missing) => {
                    assert_eq!(self.at_once.run(self.host, self.stepwise.steps() + 1), Err(missing));
                    coverage.record_missing();
                    self = self.go_on(Hart { pc: before.pc.wrapping_add(4), ..before });
                }
            }
            if self.stepwise.status() != Status::Running {
                let halted = *self.stepwise.hart();
                step_both(&mut self.stepwise, self.host);
                coverage.record(&halted, None, self.stepwise.hart());
                let entry = *entries.next().expect("endless");
                self = self.go_on(start.enter(entry, halted.slots));
            }
        }
        let hart = *self.stepwise.hart();
        self.go_on(hart);
    }
}

/// A witness with a fault is refused, for the same reason everywhere.
fn refuse(state_hash: B256, witness: &[u8], fault: usize, host: &Answers) {
    let mut faulty = witness.to_vec();
    match faulty.get_mut(fault / 8) {
        Some(byte) => *byte ^= 1 << (fault % 8),
        None => faulty.truncate(fault % witness.len()),
    }
    assert!(step_from(state_hash, &faulty, host).is_err(), "fault {fault}");
}

fn fuzz(config: ProptestConfig) -> Coverage {
    let data = Data::new();
    let coverage = RefCell::new(Coverage::default());
    let outcome = TestRunner::new(config).run(&program(&data), |start| {
        let hart = start.enter(start.entries[0], start.registers[..].try_into().expect("32 registers"));
        let [stepwise, at_once] = [start.machine(hart), start.machine(hart)];
        Pair { stepwise, at_once, host: &data.host }.run(&start, &mut coverage.borrow_mut());
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    coverage.into_inner()
}

#[test]
fn all_three_agree_on_random_programs() {
    let coverage = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || fuzz(config(thread)))).collect();
        let coverages = threads.into_iter().map(|thread| thread.join().expect("no disagreement"));
        coverages.fold(Coverage::default(), Coverage::merge)
    });
    println!("{} instructions", coverage.instructions);
    assert_eq!(coverage.missing(), [""; 0], "of what there is, in {} instructions", coverage.instructions);
}
