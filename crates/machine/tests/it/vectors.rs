//! `contracts/test/vectors/machine/`: steps with their witnesses, which `MachineStep.sol` has to take as well, and witnesses
//! that it has to refuse. `UPDATE_VECTORS=1` writes the files.

use crate::asm::*;
use crate::calls::recoveries;
use crate::instructions::*;
use crate::support::*;
use crate::traps::unknown_words;
use alloy_primitives::{B256, Bytes, U256};
use postern_machine::{Hart, Machine, Program, WitnessError, step};
use serde_json::{Value, json};

/// Steps that a file holds.
#[derive(Default)]
struct Steps {
    host: Answers,
    vectors: Vec<Value>,
}

impl Steps {
    /// Takes one step of the machine.
    fn add(&mut self, name: impl Into<String>, machine: &mut Machine) {
        let before = machine.state_hash();
        let witness = step_both(machine, &self.host);
        self.vectors.push(json!({
            "name": name.into(),
            "stateHash": before.to_string(),
            "witness": witness.to_string(),
            "nextStateHash": machine.state_hash().to_string(),
        }));
    }

    /// One instruction in a memory with something beside each of its nodes.
    fn instruction(&mut self, name: impl Into<String>, word: u32, registers: &[(u32, u64)]) {
        self.add(name, &mut crowded(word, registers));
    }

    fn check(self, file: &str) {
        check(file, self.vectors);
    }
}

fn check(file: &str, vectors: Vec<Value>) {
    let path = format!("{}/../../contracts/test/vectors/machine/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let vectors = Value::from(vectors);
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(path, format!("{vectors:#}\n")).unwrap();
    } else {
        let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(vectors, file);
    }
}

/// Pairs of operands that tell an instruction from its wrong neighbours.
const PAIRS: [(u64, u64); 6] = [
    (0x8000_0000, 0),
    (0xffff_ffff_8000_0000, u64::MAX),
    (i64::MIN as u64, u64::MAX),
    (0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3237),
    (u64::MAX, i64::MAX as u64),
    (0x1_7fff_ffff, 0xffff_ffff_0000_0001),
];

#[test]
fn registers() {
    let mut steps = Steps::default();
    for (name, word) in REGISTERS {
        for (a, b) in PAIRS {
            steps.instruction(format!("{name} {a:#x}, {b:#x}"), word(7, 5, 6), &[(5, a), (6, b)]);
        }
        steps.instruction(format!("{name} rd = rs1 = rs2"), word(5, 5, 5), &[(5, 0xffff_ffff_8000_0003)]);
        steps.instruction(format!("{name} x31 = x0, x1"), word(31, 0, 1), &[(1, 0xffff_ffff_8000_0003)]);
        steps.instruction(format!("{name} to x0"), word(0, 5, 6), &[(5, 3), (6, 5)]);
    }
    steps.check("registers");
}

#[test]
fn immediates() {
    let mut steps = Steps::default();
    for (name, word) in IMMEDIATES {
        for (a, immediate) in [(0x7fff_ffff, 1), (i64::MIN as u64, -1), (u64::MAX, 2047), (0x1_8000_0000, -2048)] {
            steps.instruction(format!("{name} {a:#x}, {immediate}"), word(5, 5, immediate), &[(5, a)]);
        }
        steps.instruction(format!("{name} to x0"), word(0, 5, 1), &[(5, 3)]);
    }
    for (name, word, bits) in SHIFTS {
        for a in [0xffff_ffff_8000_0001, 0x8000_0000, 0x0123_4567_89ab_cdef] {
            for shift in [0, 1, bits - 1] {
                steps.instruction(format!("{name} {a:#x}, {shift}"), word(7, 5, shift), &[(5, a)]);
            }
        }
    }
    for immediate in [0, 1, 0x8_0000, 0xf_ffff] {
        steps.instruction(format!("lui {immediate:#x}"), lui(7, immediate), &[]);
        steps.instruction(format!("auipc {immediate:#x}"), auipc(7, immediate), &[]);
    }
    steps.instruction("fence", FENCE, &[]);
    steps.instruction("fence with all fields set", FENCE | 0xfff0_8f80 | 0x000f_8000, &[]);
    steps.check("immediates");
}

#[test]
fn jumps() {
    let mut steps = Steps::default();
    for (name, branch) in BRANCHES {
        for (a, b) in [(5, 5), (5, 6), (6, 5), (u64::MAX, 1), (1, u64::MAX), (i64::MIN as u64, i64::MAX as u64)] {
            steps.instruction(format!("{name} {a:#x}, {b:#x}"), branch(5, 6, -2048), &[(5, a), (6, b)]);
        }
        steps.instruction(format!("{name} of one register"), branch(5, 5, 4092), &[(5, 1 << 63)]);
        steps.instruction(format!("{name} with x0, to a misaligned address"), branch(0, 6, 2), &[(6, 1)]);
    }
    for offset in [-1_048_576, 1_048_572, 0, 2, -4] {
        steps.instruction(format!("jal {offset}"), jal(1, offset), &[]);
    }
    steps.instruction("jal to x0", jal(0, 2048), &[]);
    for (base, offset) in [(DATA, 0), (DATA + 1, 2047), (0, -4), (1 << 32, 0), (u64::MAX, 1), (DATA, 2)] {
        steps.instruction(format!("jalr {base:#x}, {offset}"), jalr(5, 5, offset), &[(5, base)]);
    }
    steps.check("jumps");
}

#[test]
fn memory() {
    let mut steps = Steps::default();
    let byte = 0x8182_8384_8586_87f8_u64;
    for (name, load, size) in LOADS {
        for offset in [0, 32 - size] {
            let mut machine = crowded(load(7, 5, -8), &[(5, DATA + 8 + offset)]);
            steps.add(format!("{name} at {offset} in the leaf"), &mut machine);
        }
        steps.instruction(format!("{name} to x0"), load(0, 5, 0), &[(5, DATA)]);
        steps.instruction(format!("{name} of the highest bytes"), load(7, 5, 0), &[(5, (1 << 32) - size)]);
        steps.instruction(format!("{name} of its own code"), load(7, 5, 0), &[(5, CODE)]);
        steps.instruction(format!("{name} over its base"), load(5, 5, 0), &[(5, DATA)]);
    }
    for (name, store, size) in STORES {
        for offset in [0, 32 - size] {
            let registers = [(5, DATA + 2048 + offset), (6, byte)];
            steps.instruction(format!("{name} at {offset} in the leaf"), store(6, 5, -2048), &registers);
        }
        steps.instruction(format!("{name} to empty memory"), store(6, 5, 0), &[(5, 0x9000_0000), (6, byte)]);
        steps.instruction(format!("{name} of zero to empty memory"), store(0, 5, 0), &[(5, 0x9000_0000)]);
        steps.instruction(format!("{name} to the highest bytes"), store(6, 5, 0), &[(5, (1 << 32) - size), (6, byte)]);
        steps.instruction(format!("{name} over its own code"), store(6, 5, 0), &[(5, CODE), (6, byte)]);
        steps.instruction(format!("{name} of its base"), store(5, 5, 0), &[(5, DATA)]);
    }
    for level in 0..27 {
        let address = CODE ^ 32 << level;
        steps.instruction(format!("ld where paths meet at level {level}"), ld(7, 5, 8), &[(5, address)]);
        steps.instruction(format!("sd where paths meet at level {level}"), sd(6, 5, 8), &[(5, address), (6, byte)]);
        // Alone in memory: all other siblings are empty.
        let mut machine = machine_with(&[sd(6, 5, 8)], &[(5, address), (6, byte)]);
        steps.add(format!("sd in empty memory where paths meet at level {level}"), &mut machine);
    }
    steps.check("memory");
}

#[test]
fn traps() {
    let mut steps = Steps::default();
    for (name, access, size) in LOADS.into_iter().chain(STORES) {
        let misaligned = (size > 1).then_some(DATA + size / 2);
        for address in misaligned.into_iter().chain([1 << 32, !7]) {
            steps.instruction(format!("{name} at {address:#x}"), access(7, 5, 0), &[(5, address)]);
        }
    }
    for (name, word) in unknown_words() {
        steps.instruction(name, word, &[(5, DATA)]);
    }
    for pc in [CODE + 1, CODE + 2, 1 << 32, u64::MAX, u64::MAX - 3] {
        let mut machine = crowded(addi(0, 0, 0), &[]);
        let mut hart = *machine.hart();
        hart.pc = pc;
        machine = machine.with_hart(hart);
        steps.add(format!("pc {pc:#x}"), &mut machine);
    }
    for status in [1, 2, 256, 257, 1 << 63, u64::MAX] {
        let machine = crowded(addi(5, 5, 1), &[]);
        let hart = *machine.hart();
        let mut slots = hart.slots;
        slots[0] = status;
        steps.add(format!("status {status:#x}"), &mut machine.with_hart(Hart { slots, ..hart }));
        steps.add(
            format!("status {status:#x} and a misaligned pc"),
            &mut crowded(0, &[]).with_hart(Hart { pc: CODE + 1, slots }),
        );
    }
    let mut hart = Hart::start((1 << 32) - 4, B256::ZERO);
    steps.add("pc at the highest instruction", &mut machine(&[]).with_hart(hart));
    hart.pc = 0;
    steps.add("pc 0 in empty memory", &mut machine(&[]).with_hart(hart));
    steps.check("traps");
}

#[test]
fn calls() {
    let mut steps = Steps::default();
    for code in [0, 1, 255, 256, u64::MAX] {
        steps.instruction(format!("exit {code:#x}"), ECALL, &[(17, 93), (14, code)]);
    }
    let last = |registers: &[(u32, u64)]| {
        let hart = Hart { pc: (1 << 32) - 4, ..*machine_with(&[], registers).hart() };
        Program::flat((1 << 32) - 4, &assemble(&[ECALL])).unwrap().start(B256::ZERO).with_hart(hart)
    };
    steps.add("exit at the end of memory", &mut last(&[(17, 93)]));
    let key = steps.host.add(b"preimage".to_vec());
    for destination in [DATA, (1 << 32) - 32] {
        let mut machine = last(&call(1, destination, 0, key));
        steps.add(format!("preimage at the end of memory to {destination:#x}"), &mut machine);
    }
    for number in [0, 4, 92, 94, 1 << 32 | 1, u64::MAX] {
        steps.instruction(format!("unknown call {number:#x}"), ECALL, &[(17, number)]);
    }

    for length in [0_u32, 1, 31, 32, 33, 135, 136, 137, 600] {
        let preimage: Vec<u8> = (0..length).map(|n| n as u8 | 0x80).collect();
        let key = steps.host.add(preimage);
        let offsets = [0, 5, 32, u64::from(length), u64::MAX - 31, u64::MAX];
        for offset in if length == 33 { &offsets[..] } else { &offsets[..1] } {
            let registers = call(1, DATA, *offset, key);
            steps.instruction(format!("preimage of {length} bytes from {offset:#x}"), ECALL, &registers);
        }
    }
    let key = steps.host.add(b"preimage".to_vec());
    for (name, destination) in [
        ("to its own code", CODE),
        ("to empty memory", 0x9000_0000),
        ("to the highest leaf", (1 << 32) - 32),
        ("to a misaligned address", DATA + 16),
        ("beyond memory", 1 << 32),
    ] {
        steps.instruction(format!("preimage {name}"), ECALL, &call(1, destination, 0, key));
    }

    let words: Vec<_> = (0..4096_u64).map(|n| B256::from(U256::from(n * n + 1))).collect();
    let versioned_hash = steps.host.add_blob(&words);
    for index in [0, 1, 2, 2048, 4094, 4095, 4096, u64::MAX] {
        steps.instruction(format!("blob word {index}"), ECALL, &call(2, DATA, index, versioned_hash));
    }
    let empty = steps.host.add_blob(&[]);
    steps.instruction("word of an empty blob", ECALL, &call(2, DATA, 7, empty));
    steps.instruction("blob word to a misaligned address", ECALL, &call(2, DATA + 31, 7, empty));

    for (name, input) in recoveries() {
        let key = steps.host.add(input);
        for offset in [0, 12, 32] {
            let mut registers = call(3, DATA, offset, key);
            registers.push((A6, 1));
            steps.instruction(format!("ecrecover of {name} from {offset}"), ECALL, &registers);
        }
    }
    for number in [0, 2, 10, 1 << 32 | 1] {
        let mut registers = call(3, DATA, 0, key);
        registers.push((A6, number));
        steps.instruction(format!("precompile {number:#x}"), ECALL, &registers);
    }
    steps.check("calls");
}

/// Witnesses with one fault each, and the name of the error.
#[test]
fn refused() {
    let mut host = Answers::default();
    let key = host.add(b"preimage".to_vec());
    let versioned_hash = host.add_blob(&[B256::with_last_byte(5)]);
    let recovery = host.add(recoveries()[0].1.clone());
    let mut recover = call(3, DATA, 0, recovery);
    recover.push((A6, 1));
    let cases: [(&str, Machine); 6] = [
        ("alu", crowded(add(7, 5, 6), &[(5, 1), (6, 2)])),
        ("store", crowded(sd(6, 5, 0), &[(5, DATA), (6, 2)])),
        ("preimage", crowded(ECALL, &call(1, DATA, 0, key))),
        ("blob", crowded(ECALL, &call(2, DATA, 0, versioned_hash))),
        ("precompile", crowded(ECALL, &recover)),
        ("halted", crowded(ECALL, &[]).with_hart(Hart { pc: CODE, slots: [1; 32] })),
    ];
    let mut vectors = Vec::new();
    for (name, mut machine) in cases {
        let state_hash = machine.state_hash();
        let witness = machine.witness(&host).unwrap();
        let mut refuse = |fault: &str, state_hash: B256, witness: Vec<u8>| {
            let error = step(state_hash, &witness, &host).unwrap_err();
            vectors.push(json!({
                "name": format!("{name}: {fault}"),
                "stateHash": state_hash.to_string(),
                "witness": Bytes::from(witness).to_string(),
                "error": error_name(&error),
            }));
        };
        refuse("another state", B256::with_last_byte(1), witness.to_vec());
        refuse("nothing", state_hash, Vec::new());
        refuse("a register", state_hash, changed(&witness, 271 - 8));
        refuse("cut to the state", state_hash, witness[..264].to_vec());
        refuse("last byte", state_hash, changed(&witness, witness.len() - 1));
        refuse("one byte less", state_hash, witness[..witness.len() - 1].to_vec());
        refuse("one byte more", state_hash, [&witness[..], &[0]].concat());
        if name != "halted" {
            refuse("a code sibling less", state_hash, changed(&witness, 267));
            refuse("code mask beyond the root", state_hash, {
                let mut witness = witness.to_vec();
                witness[264] |= 0x80;
                witness
            });
            refuse("data mask", state_hash, {
                let mut witness = witness.to_vec();
                witness[268] |= 0x80;
                witness
            });
            refuse("code leaf", state_hash, changed(&witness, 303));
            refuse("code sibling", state_hash, changed(&witness, 304));
        }
    }
    check("refused", vectors);
}

fn changed(witness: &[u8], at: usize) -> Vec<u8> {
    let mut witness = witness.to_vec();
    witness[at] ^= 1;
    witness
}

fn error_name(error: &WitnessError) -> &'static str {
    match error {
        WitnessError::WrongLength { .. } => "WrongLength",
        WitnessError::WrongMask { .. } => "WrongMask",
        WitnessError::WrongState { .. } => "WrongState",
        WitnessError::WrongPreimage { .. } => "WrongPreimage",
        WitnessError::WrongBlobProof { .. } => "WrongBlobProof",
        WitnessError::PrecompileFailed(_) => "PrecompileFailed",
    }
}
