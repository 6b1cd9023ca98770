//! What no instruction allows.

use crate::asm::*;
use crate::instructions::{LOADS, STORES};
use crate::support::*;
use alloy_primitives::B256;
use postern_machine::{Hart, Machine, Status};

/// Words that are no instruction of the machine: each field that has to have a value, with another one.
pub(crate) fn unknown_words() -> Vec<(String, u32)> {
    let named = [
        ("zero", 0),
        ("all ones", u32::MAX),
        ("ebreak", EBREAK),
        ("fence.i", FENCE_I),
        ("unimp, which is csrrw", 0xc000_1073),
        ("csrrs", 0xc000_2573),
        ("wfi", 0x1050_0073),
        ("mret", 0x3020_0073),
        ("ecall with rd", ECALL | 1 << 7),
        ("ecall with rs1", ECALL | 1 << 15),
        ("ecall with immediate", ECALL | 1 << 31),
        ("amoadd.d", r_type(0x2f, 3, 0, 7, 5, 6)),
        ("lr.w", r_type(0x2f, 2, 8, 7, 5, 0)),
        ("fld", i_type(0x07, 3, 7, 5, 0)),
        ("fadd.d", r_type(0x53, 7, 1, 7, 5, 6)),
        ("compressed addi", add(7, 5, 6) & !3 | 1),
        ("compressed lw", add(7, 5, 6) & !3),
        ("compressed jump", add(7, 5, 6) & !3 | 2),
        ("slli with bit 31", slli(7, 5, 1) | 1 << 31),
        ("slli with bit 30", slli(7, 5, 1) | 1 << 30),
        ("slli with bit 26", slli(7, 5, 1) | 1 << 26),
        ("srli with bit 31", srli(7, 5, 1) | 1 << 31),
        ("srai with bit 26", srai(7, 5, 1) | 1 << 26),
        ("slliw by 32", slliw(7, 5, 32)),
        ("srliw by 32", srliw(7, 5, 32)),
        ("sraiw by 32", sraiw(7, 5, 32)),
        ("jalr with funct3 1", i_type(0x67, 1, 7, 5, 0)),
        ("load with funct3 7", i_type(0x03, 7, 7, 5, 0)),
        ("fence with funct3 2", i_type(0x0f, 2, 0, 0, 0)),
    ];
    let named = named.map(|(name, word)| (name.to_owned(), word));
    let branches = [2, 3].map(|funct3| (format!("branch with funct3 {funct3}"), b_type(funct3, 5, 6, 8)));
    let stores = [4, 5, 6, 7].map(|funct3| (format!("store with funct3 {funct3}"), s_type(funct3, 6, 5, 0)));
    let immediates =
        [2, 3, 4, 6, 7].map(|funct3| (format!("op-imm-32 with funct3 {funct3}"), i_type(0x1b, funct3, 7, 5, 0)));
    let valid = |opcode: u32, funct3: u32, funct7: u32| match (opcode, funct7) {
        (0x33, 0 | 1) => true,
        (0x3b, 0) => matches!(funct3, 0 | 1 | 5),
        (0x3b, 1) => matches!(funct3, 0 | 4..),
        (_, 0x20) => matches!(funct3, 0 | 5),
        _ => false,
    };
    let registers = [0x33, 0x3b].into_iter().flat_map(|opcode| {
        let fields = (0..8).flat_map(|funct3| [0, 1, 2, 0x20, 0x21, 0x40].map(|funct7| (funct3, funct7)));
        fields.filter(move |(funct3, funct7)| !valid(opcode, *funct3, *funct7)).map(move |(funct3, funct7)| {
            let name = format!("opcode {opcode:#x} with funct3 {funct3} and funct7 {funct7:#x}");
            (name, r_type(opcode, funct3, funct7, 7, 5, 6))
        })
    });
    named.into_iter().chain(branches).chain(stores).chain(immediates).chain(registers).collect()
}

/// Steps, and expects a trap that changes nothing but the status.
fn expect_trap(mut machine: Machine) {
    let (before, root) = (*machine.hart(), machine.memory_root());
    step_both(&mut machine, &Answers::default());
    assert_eq!(machine.status(), Status::Trapped, "{before:?}");
    let mut after = *machine.hart();
    assert_eq!(after.slots[0], u64::MAX);
    after.slots[0] = 0;
    assert_eq!((after, machine.memory_root()), (before, root));

    // For ever.
    step_both(&mut machine, &Answers::default());
    assert_eq!(machine.steps(), 1);
}

#[test]
fn unknown_encodings_trap() {
    for (name, word) in unknown_words() {
        println!("{name}: {word:#010x}");
        expect_trap(machine_with(&[word], &[(5, DATA), (6, 3), (7, 9)]));
    }
}

#[test]
fn misaligned_and_far_accesses_trap() {
    for (_, access, size) in LOADS.into_iter().chain(STORES) {
        let misaligned = (1..size).map(|offset| DATA + offset);
        let far = [1 << 32, (1 << 32) | DATA, u64::MAX - 7, i64::MIN as u64];
        for address in misaligned.chain(far) {
            expect_trap(machine_with(&[access(7, 5, 0)], &[(5, address)]));
            expect_trap(machine_with(&[access(0, 5, -8)], &[(5, address.wrapping_add(8))]));
        }
        for address in [0, (1 << 32) - size] {
            let mut machine = machine_with(&[access(7, 5, 0)], &[(5, address)]);
            step_both(&mut machine, &Answers::default());
            assert_eq!(machine.status(), Status::Running);
        }
    }
}

#[test]
fn addresses_wrap_around() {
    let mut machine = machine_with(&[sd(6, 5, 8), ld(7, 0, 0)], &[(5, u64::MAX - 7), (6, 5)]);
    run_both(&mut machine, &Answers::default(), 2);
    assert_eq!(machine.hart().x(7), 5);
}

#[test]
fn only_the_fetch_traps_for_where_a_jump_leads() {
    let jumps = [(jal(1, 2), CODE + 2), (jalr(1, 5, 2), DATA + 2), (jalr(1, 6, 0), 1 << 32), (beq(0, 0, -2), CODE - 2)];
    for (word, target) in jumps {
        let mut machine = machine_with(&[word], &[(5, DATA), (6, 1 << 32)]);
        step_both(&mut machine, &Answers::default());
        assert_eq!((machine.status(), machine.hart().pc), (Status::Running, target));
        let linked = machine.hart().x(1);
        assert_eq!(linked, if word & 0x7f == 0x63 { 0 } else { CODE + 4 });
        expect_trap(machine.at_step_zero());
    }
}

#[test]
fn a_branch_to_a_misaligned_address_that_is_not_taken_is_nothing() {
    for (word, other) in [(bne(0, 0, 2), 0), (blt(5, 0, -2), 0), (bgeu(0, 5, 6), 1)] {
        let machine = execute(word, &[(5, other)]);
        assert_eq!((machine.status(), machine.hart().pc), (Status::Running, CODE + 4));
    }
}

#[test]
fn nothing_is_fetched_outside_of_memory() {
    for pc in [1 << 32, u64::MAX - 3, CODE + 1, CODE + 2, u64::MAX] {
        expect_trap(machine(&[]).with_hart(Hart::start(pc, B256::ZERO)));
    }
    // The last instruction of memory is the last.
    let start = Hart::start((1 << 32) - 8, B256::ZERO);
    let mut machine = postern_machine::Program::flat(start.pc, &assemble(&[FENCE, FENCE])).unwrap().start(B256::ZERO);
    assert_eq!(run_both(&mut machine, &Answers::default(), 10), Status::Trapped);
    assert_eq!((machine.steps(), machine.hart().pc), (3, 1 << 32));
}

trait AtStepZero {
    fn at_step_zero(self) -> Self;
}

impl AtStepZero for Machine {
    /// The same state at the start of a run.
    fn at_step_zero(self) -> Self {
        let hart = *self.hart();
        machine(&[]).with_hart(hart)
    }
}
