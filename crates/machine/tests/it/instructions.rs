//! Instructions, one by one: with the least and greatest operands, sign-extended ones, and registers that coincide.

use crate::asm::*;
use crate::support::*;

/// What 64- and 32-bit arithmetic goes wrong with.
pub(crate) const VALUES: [u64; 14] = [
    0,
    1,
    2,
    31,
    63,
    u64::MAX,
    u64::MAX - 1,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0xffff_ffff_8000_0000,
    i64::MIN as u64,
    i64::MAX as u64,
    0x0123_4567_89ab_cdef,
];

pub(crate) const REGISTERS: [(&str, Registers); 28] = [
    ("add", add),
    ("sub", sub),
    ("sll", sll),
    ("slt", slt),
    ("sltu", sltu),
    ("xor", xor),
    ("srl", srl),
    ("sra", sra),
    ("or", or),
    ("and", and),
    ("mul", mul),
    ("mulh", mulh),
    ("mulhsu", mulhsu),
    ("mulhu", mulhu),
    ("div", div),
    ("divu", divu),
    ("rem", rem),
    ("remu", remu),
    ("addw", addw),
    ("subw", subw),
    ("sllw", sllw),
    ("srlw", srlw),
    ("sraw", sraw),
    ("mulw", mulw),
    ("divw", divw),
    ("divuw", divuw),
    ("remw", remw),
    ("remuw", remuw),
];

pub(crate) const IMMEDIATES: [(&str, Immediate); 7] =
    [("addi", addi), ("slti", slti), ("sltiu", sltiu), ("xori", xori), ("ori", ori), ("andi", andi), ("addiw", addiw)];

/// With the number of bits that are shifted.
pub(crate) const SHIFTS: [(&str, Immediate, i32); 6] = [
    ("slli", slli, 64),
    ("srli", srli, 64),
    ("srai", srai, 64),
    ("slliw", slliw, 32),
    ("srliw", srliw, 32),
    ("sraiw", sraiw, 32),
];

/// With the number of bytes.
pub(crate) const LOADS: [(&str, Immediate, u64); 7] =
    [("lb", lb, 1), ("lh", lh, 2), ("lw", lw, 4), ("ld", ld, 8), ("lbu", lbu, 1), ("lhu", lhu, 2), ("lwu", lwu, 4)];

pub(crate) const STORES: [(&str, Immediate, u64); 4] = [("sb", sb, 1), ("sh", sh, 2), ("sw", sw, 4), ("sd", sd, 8)];

pub(crate) const BRANCHES: [(&str, Immediate); 6] =
    [("beq", beq), ("bne", bne), ("blt", blt), ("bge", bge), ("bltu", bltu), ("bgeu", bgeu)];

/// Executes all instructions in a row that starts with these registers, in both ways.
fn row(words: &[u32], registers: &[(u32, u64)]) {
    let mut machine = machine_with(words, registers);
    for _ in words {
        step_both(&mut machine, &Answers::default());
    }
    assert_eq!(machine.hart().pc, CODE + 4 * words.len() as u64);
}

#[test]
fn both_ways_agree_on_two_registers() {
    let words: Vec<_> = REGISTERS
        .iter()
        .flat_map(|(_, word)| {
            // The operands are restored between the forms that overwrite them.
            [
                word(7, 5, 6),
                word(0, 5, 6),
                word(8, 5, 5),
                word(9, 0, 6),
                word(9, 5, 0),
                word(5, 5, 6),
                addi(5, 20, 0),
                word(6, 5, 6),
                addi(6, 21, 0),
            ]
        })
        .collect();
    for a in VALUES {
        for b in VALUES {
            row(&words, &[(5, a), (6, b), (20, a), (21, b)]);
        }
    }
}

#[test]
fn both_ways_agree_on_immediates() {
    let limits = [0, 1, -1, 2047, -2048, 1365].into_iter();
    let immediates = limits.flat_map(|i| IMMEDIATES.iter().flat_map(move |(_, word)| [word(7, 5, i), word(0, 5, i)]));
    let shifts = SHIFTS.iter().flat_map(|(_, word, bits)| [0, 1, 15, bits - 1].map(|shift| word(7, 5, shift)));
    let upper = [0, 1, 0x7_ffff, 0x8_0000, 0xf_ffff].into_iter().flat_map(|i| [lui(7, i), auipc(7, i), lui(0, i)]);
    let words: Vec<_> = immediates.chain(shifts).chain(upper).chain([FENCE, FENCE | 0xfff0_8f80]).collect();
    for a in VALUES {
        row(&words, &[(5, a)]);
    }
}

#[test]
fn both_ways_agree_on_loads_and_stores() {
    let offsets = STORES.iter().flat_map(|(_, store, size)| (0..32).step_by(*size as usize).map(move |at| (store, at)));
    let words: Vec<_> = offsets
        .flat_map(|(store, offset)| {
            let stores = [sd(7, 5, offset & !7), store(6, 5, offset), store(6, 8, offset - 2048)];
            stores.into_iter().chain(LOADS.iter().map(move |(_, load, size)| load(9, 5, offset & -(*size as i32))))
        })
        .collect();
    for value in VALUES {
        row(&words, &[(5, DATA), (6, value), (7, !value), (8, DATA + 2048 + 32)]);
    }
}

#[test]
fn both_ways_agree_on_branches() {
    let words: Vec<_> = BRANCHES
        .iter()
        .flat_map(|(_, branch)| [branch(5, 6, -8), branch(5, 5, 4094), branch(0, 6, -4096), branch(5, 0, 2)])
        .collect();
    for a in VALUES {
        let mut machine = machine_with(&words, &[(5, a)]);
        for b in VALUES {
            for number in 0..words.len() as u64 {
                let mut hart = *machine.hart();
                hart.pc = CODE + 4 * number;
                hart.slots[6] = b;
                machine = machine.with_hart(hart);
                step_both(&mut machine, &Answers::default());
            }
        }
    }
}

/// The published emulator, its checker and its copy that agreed on a wrong `srliw` all extended the operand, not the result.
#[test]
fn results_of_32_bits_are_extended() {
    let result = |word, a, b| execute(word, &[(5, a), (6, b)]).hart().x(7);
    assert_eq!(result(srliw(7, 5, 0), 0x8000_0000, 0), 0xffff_ffff_8000_0000);
    assert_eq!(result(srliw(7, 5, 1), 0xffff_ffff_ffff_ffff, 0), 0x7fff_ffff);
    assert_eq!(result(srlw(7, 5, 6), 0xffff_ffff_8000_0000, 32), 0xffff_ffff_8000_0000);
    assert_eq!(result(divuw(7, 5, 6), 0xffff_ffff, 1), u64::MAX);
    assert_eq!(result(divuw(7, 5, 6), 5, 1 << 32), u64::MAX);
    assert_eq!(result(remuw(7, 5, 6), 0x8000_0000, 0), 0xffff_ffff_8000_0000);
    assert_eq!(result(addw(7, 5, 6), 0x7fff_ffff, 1), 0xffff_ffff_8000_0000);
    assert_eq!(result(addiw(7, 5, 0), 0x1_8000_0000, 0), 0xffff_ffff_8000_0000);
    assert_eq!(result(mulw(7, 5, 6), 0x10001, 0x10001), 0x2_0001);
}

#[test]
fn arithmetic_wraps_around() {
    let result = |word, a, b| execute(word, &[(5, a), (6, b)]).hart().x(7);
    let (least, greatest) = (i64::MIN as u64, i64::MAX as u64);
    assert_eq!(result(add(7, 5, 6), u64::MAX, 2), 1);
    assert_eq!(result(add(7, 5, 6), greatest, 1), least);
    assert_eq!(result(sub(7, 5, 6), 0, 1), u64::MAX);
    assert_eq!(result(sub(7, 5, 6), least, 1), greatest);
    assert_eq!(result(addi(7, 5, -1), 0, 0), u64::MAX);
    assert_eq!(result(addi(7, 5, 2047), u64::MAX, 0), 2046);
    assert_eq!(result(mul(7, 5, 6), 1 << 63, 3), 1 << 63);
    assert_eq!(result(mul(7, 5, 6), u64::MAX, u64::MAX), 1);
    assert_eq!(result(subw(7, 5, 6), 0x8000_0000, 1), 0x7fff_ffff);
    assert_eq!(result(mulw(7, 5, 6), 0x8000_0000, 3), 0xffff_ffff_8000_0000);
    assert_eq!(result(auipc(7, 0x8_0000), 0, 0), CODE.wrapping_sub(1 << 31));
}

#[test]
fn shifts_use_the_low_bits_of_their_amount() {
    let result = |word, a, b| execute(word, &[(5, a), (6, b)]).hart().x(7);
    let a = 0x8765_4321_8765_4321;
    for amount in [4, 64 + 4, u64::MAX - 63 + 4, 1 << 32 | 4] {
        assert_eq!(result(sll(7, 5, 6), a, amount), 0x7654_3218_7654_3210);
        assert_eq!(result(srl(7, 5, 6), a, amount), 0x0876_5432_1876_5432);
        assert_eq!(result(sra(7, 5, 6), a, amount), 0xf876_5432_1876_5432);
    }
    for amount in [4, 32 + 4, 64 + 4, u64::MAX - 31 + 4, 1 << 32 | 4] {
        assert_eq!(result(sllw(7, 5, 6), a, amount), 0x7654_3210);
        assert_eq!(result(srlw(7, 5, 6), a, amount), 0x0876_5432);
        assert_eq!(result(sraw(7, 5, 6), a, amount), 0xffff_ffff_f876_5432);
    }
    // 32 is an amount for 64 bits, and none for 32.
    assert_eq!(result(sll(7, 5, 6), a, 32), 0x8765_4321_0000_0000);
    assert_eq!(result(sllw(7, 5, 6), a, 32), 0xffff_ffff_8765_4321);
    assert_eq!(result(slli(7, 5, 63), 3, 0), 1 << 63);
    assert_eq!(result(srai(7, 5, 63), 1 << 63, 0), u64::MAX);
}

#[test]
fn division_by_zero_and_overflow_have_results() {
    let result = |word, a, b| execute(word, &[(5, a), (6, b)]).hart().x(7);
    let least = i64::MIN as u64;
    let least_32 = i32::MIN as i64 as u64;
    assert_eq!(result(div(7, 5, 6), 7, 0), u64::MAX);
    assert_eq!(result(divu(7, 5, 6), 7, 0), u64::MAX);
    assert_eq!(result(rem(7, 5, 6), least, 0), least);
    assert_eq!(result(remu(7, 5, 6), 7, 0), 7);
    assert_eq!(result(div(7, 5, 6), least, u64::MAX), least);
    assert_eq!(result(rem(7, 5, 6), least, u64::MAX), 0);
    assert_eq!(result(divw(7, 5, 6), least_32, u64::MAX), least_32);
    assert_eq!(result(remw(7, 5, 6), least_32, u64::MAX), 0);
    assert_eq!(result(divw(7, 5, 6), 0xdead_0000_0007, 0), u64::MAX);
    assert_eq!(result(remw(7, 5, 6), 0xdead_8000_0007, 0), 0xffff_ffff_8000_0007);
}

#[test]
fn high_products_mind_the_signs() {
    let result = |word, a, b| execute(word, &[(5, a), (6, b)]).hart().x(7);
    assert_eq!(result(mulh(7, 5, 6), u64::MAX, u64::MAX), 0);
    assert_eq!(result(mulhsu(7, 5, 6), u64::MAX, u64::MAX), u64::MAX);
    assert_eq!(result(mulhu(7, 5, 6), u64::MAX, u64::MAX), u64::MAX - 1);
    assert_eq!(result(mulh(7, 5, 6), i64::MIN as u64, i64::MIN as u64), 1 << 62);
    assert_eq!(result(mulhsu(7, 5, 6), i64::MIN as u64, u64::MAX), 0x8000_0000_0000_0000);
}

#[test]
fn jumps_link_after_they_have_read_their_base() {
    let machine = execute(jalr(5, 5, -3), &[(5, DATA + 8)]);
    assert_eq!((machine.hart().pc, machine.hart().x(5)), (DATA + 4, CODE + 4));
    let machine = execute(jal(1, -1_048_576), &[]);
    assert_eq!((machine.hart().pc, machine.hart().x(1)), (CODE.wrapping_sub(1_048_576), CODE + 4));
    let machine = execute(jal(0, 1_048_572), &[]);
    assert_eq!((machine.hart().pc, machine.hart().slots[0]), (CODE + 1_048_572, 0));
}

#[test]
fn what_is_written_to_x0_is_lost() {
    let words = [addi(0, 5, 1), lui(0, 1), auipc(0, 1), jal(0, 4), lw(0, 6, 0), add(7, 0, 0), jalr(0, 8, 0)];
    let mut machine = machine_with(&words, &[(5, 77), (6, DATA), (7, 9), (8, CODE)]);
    for _ in words {
        step_both(&mut machine, &Answers::default());
        assert_eq!(machine.hart().slots[0], 0);
    }
    assert_eq!((machine.hart().x(7), machine.hart().pc), (0, CODE));
}
