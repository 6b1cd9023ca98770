//! Random programs: the interpreter against the step from its witness. `PROPTEST_CASES` sets how many.

use crate::asm::*;
use crate::instructions::*;
use crate::support::*;
use crate::traps::unknown_words;
use alloy_primitives::B256;
use postern_machine::{Hart, Machine, Program, Status};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Steps that a random program is run for.
const STEPS: u64 = 40;

/// Registers that keep addresses: of the code, and of data.
const BASES: [u32; 2] = [5, 6];

fn register() -> impl Strategy<Value = u32> {
    0..32_u32
}

/// Registers that are written: seldom those that keep addresses.
fn target() -> impl Strategy<Value = u32> {
    prop_oneof![1 => 0..32_u32, 19 => 7..32_u32, 1 => Just(0)]
}

fn value() -> impl Strategy<Value = u64> {
    prop_oneof![select(&VALUES[..]), any::<u64>(), any::<u32>().prop_map(|low| low as i32 as i64 as u64), 0..64_u64]
}

fn immediate() -> impl Strategy<Value = i32> {
    prop_oneof![-2048..2048_i32, select(&[0, 1, -1, 2047, -2048][..])]
}

/// Any encoding of any instruction, now and then one that is none.
fn word() -> impl Strategy<Value = u32> {
    let registers = (select(&REGISTERS[..]), target(), register(), register());
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
        6 => immediates.prop_map(|((_, word), rd, a, i)| word(rd, a, i)),
        4 => shifts.prop_map(|((_, word, bits), rd, a, i)| word(rd, a, i32::from(i) % bits)),
        5 => loads.prop_map(|((_, word, _), rd, base, i)| word(rd, base, i)),
        6 => stores.prop_map(|((_, word, _), value, base, i)| word(value, base, i)),
        4 => branches.prop_map(|((_, word), a, b, i)| word(a, b, i)),
        2 => (target(), near()).prop_map(|(rd, i)| jal(rd, i)),
        1 => (target(), select(&BASES[..]), near()).prop_map(|(rd, base, i)| jalr(rd, base, i)),
        2 => (target(), 0..1_u32 << 20).prop_map(|(rd, i)| lui(rd, i)),
        2 => (target(), 0..1_u32 << 20).prop_map(|(rd, i)| auipc(rd, i)),
        1 => Just(FENCE),
        1 => Just(ECALL),
        1 => prop_oneof![any::<u32>(), select(unknown_words()).prop_map(|(_, word)| word)],
    ]
}

fn program() -> impl Strategy<Value = Start> {
    (vec(word(), 1..48), vec(value(), 32), any::<[u8; 96]>(), 0..16_u64).prop_map(|(words, slots, data, first)| {
        let mut slots: [u64; 32] = slots.try_into().expect("of this length");
        slots[0] = 0;
        slots[5] = CODE + 64;
        slots[6] = DATA;
        // A system call that can be answered, more often than not.
        if !slots[17].is_multiple_of(4) {
            slots[17] = [1, 93][slots[17] as usize / 4 % 2];
            slots[10] &= 0x1_ffff_ffe0;
            let key = answers().1;
            for (slot, bytes) in slots[12..16].iter_mut().zip(key.as_chunks::<8>().0) {
                *slot = u64::from_be_bytes(*bytes);
            }
        }
        let last = words.len() as u64 - 1;
        Start { words, hart: Hart { pc: CODE + 4 * first.min(last), slots }, data }
    })
}

/// A host with one preimage, and its key.
fn answers() -> (Answers, B256) {
    let mut host = Answers::default();
    let key = host.add(VALUES.map(u64::to_le_bytes).concat());
    (host, key)
}

#[derive(Clone, Debug)]
struct Start {
    words: Vec<u32>,
    hart: Hart,
    data: [u8; 96],
}

impl Start {
    fn machine(&self) -> Machine {
        let code = assemble(&self.words);
        let anchor = assemble(&[FENCE]);
        // Code is not checked: it is a segment of data.
        let segments = [(CODE, &code[..], false), (DATA, &self.data[..], false), (0x5000_0000, &anchor[..], true)];
        let program = Program::from_elf(&elf(0x5000_0000, &segments)).unwrap();
        program.start(B256::ZERO).with_hart(self.hart)
    }
}

proptest! {
    #[test]
    fn each_step_is_the_same_in_both_ways(start in program()) {
        let (host, _) = answers();
        let mut machine = start.machine();
        while machine.steps() < STEPS && machine.status() == Status::Running {
            if machine.witness(&host).is_err() {
                break;
            }
            step_both(&mut machine, &host);
        }

        // Runs that do not stop at each step take other ways through the interpreter.
        let mut at_once = start.machine();
        at_once.run(&host, machine.steps()).unwrap();
        prop_assert_eq!(at_once.hart(), machine.hart());
        prop_assert_eq!(at_once.state_hash(), machine.state_hash());
    }

    #[test]
    fn no_file_is_read_wrongly(file in vec(any::<u8>(), 0..400), flips in vec((0..300_usize, any::<u8>()), 0..4)) {
        let _ = Program::from_elf(&file);
        let code = assemble(&[FENCE; 16]);
        let mut file = elf(CODE, &[(CODE, &code, true), (DATA, &file, false)]);
        for (at, byte) in flips {
            let length = file.len();
            file[at % length] = byte;
        }
        if let Ok(program) = Program::from_elf(&file) {
            prop_assert!(program.start(B256::ZERO).run(&Answers::default(), 20).is_ok());
        }
    }
}
