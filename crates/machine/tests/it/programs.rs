//! How programs are read, and how they start.

use crate::asm::*;
use crate::support::*;
use alloy_primitives::B256;
use postern_machine::{ElfError, Hart, Program, Status};
use proptest::{collection::vec, prelude::*, test_runner::RngSeed};

const BASE: u64 = 0x2_0000;

fn exit_code() -> Vec<u8> {
    assemble(&[ld(14, 6, 0), addi(17, 0, 93), ECALL])
}

#[test]
fn an_executable_starts_at_its_entry_with_the_input() {
    let code = [assemble(&[EBREAK, lui(6, 0x30)]), exit_code()].concat();
    let file = elf(BASE + 4, &[(BASE, &code, true), (0x3_0000, &[77, 0, 0], false)]);
    let program = Program::from_elf(&file).unwrap();
    assert_eq!(program.entry(), BASE + 4);
    let input = B256::from_slice(&(1..=32).collect::<Vec<_>>());
    let mut machine = program.start(input);
    assert_eq!((machine.output(), machine.steps()), (input, 0));
    assert_eq!(machine.hart().x(10), 0x0102_0304_0506_0708);
    assert_eq!(machine.hart().slots.iter().filter(|slot| **slot != 0).count(), 4);
    assert_eq!(machine.run(&Answers::default(), 100), Ok(Status::Exited(77)));
    assert_eq!(machine.output(), input);
}

#[test]
fn the_state_hash_is_that_of_296_bytes() {
    let input = B256::repeat_byte(0x5a);
    let mut machine = Program::flat(BASE, &exit_code()).unwrap().start(input);
    let root = machine.memory_root();
    let mut state = root.to_vec();
    state.extend(BASE.to_be_bytes());
    state.extend([0; 80]);
    state.extend(input);
    state.resize(296, 0);
    assert_eq!(machine.state_hash(), alloy_primitives::keccak256(&state));
    let hart = *machine.hart();
    assert_eq!(Hart::decode(&hart.encode()), hart);
    assert_eq!(hart.encode(), state[32..]);
}

#[test]
fn segments_may_cross_pages_and_end_at_the_end_of_memory() {
    let data: Vec<u8> = (0..10_000_u32).map(|n| n as u8 ^ 0x33).collect();
    let code = exit_code();
    for address in [0x3_0ff9, (1 << 32) - 10_000] {
        let program = Program::from_elf(&elf(BASE, &[(BASE, &code, true), (address, &data, false)])).unwrap();
        assert_eq!(program.start(B256::ZERO).read_memory(address, 10_000).unwrap(), data);
    }
    let end = (1 << 32) + 1;
    let file = elf(BASE, &[(BASE, &code, true), (end - 10_000, &data, false)]);
    assert_eq!(Program::from_elf(&file), Err(ElfError::BeyondMemory(end)));
    assert_eq!(Program::flat(end - 4, &[0; 4]), Err(ElfError::BeyondMemory(end)));
    let machine = machine(&[]);
    assert_eq!(machine.read_memory(1 << 32, 1), None);
    assert_eq!(machine.read_memory(u64::MAX, 2), None);
}

#[test]
fn only_static_rv64_executables_are_read() {
    let code = exit_code();
    let file = elf(BASE, &[(BASE, &code, true)]);
    let changed = |at: usize, byte| {
        let mut file = file.clone();
        file[at] = byte;
        Program::from_elf(&file)
    };
    let header = |field, received, expected| Err(ElfError::Header { field, received, expected });
    assert_eq!(changed(0, 0), header("EI_MAG", 0x464c_4500, 0x464c_457f));
    assert_eq!(changed(4, 1), header("EI_CLASS", 1, 2));
    assert_eq!(changed(5, 2), header("EI_DATA", 2, 1));
    assert_eq!(changed(16, 3), header("e_type", 3, 2));
    assert_eq!(changed(18, 62), header("e_machine", 62, 243));
    assert_eq!(changed(48, 5), header("e_flags", 4, 0));
    assert_eq!(changed(54, 57), header("e_phentsize", 57, 56));
    assert_eq!(changed(64, 2), Err(ElfError::Dynamic(2)));
    assert_eq!(changed(64, 3), Err(ElfError::Dynamic(3)));
    assert_eq!(changed(24, 2), Err(ElfError::Entry(BASE + 2)));
    assert_eq!(changed(24, 12), Err(ElfError::Entry(BASE + 12)));
    assert_eq!(changed(68, 6), Err(ElfError::Entry(BASE)));
    assert!(changed(48, 1).is_ok(), "the flag alone is not compressed code");
    for length in 0..file.len() {
        assert!(matches!(Program::from_elf(&file[..length]), Err(ElfError::Truncated { .. })), "{length}");
    }
}

#[test]
fn code_is_checked_for_what_the_machine_lacks() {
    let amoadd = r_type(0x2f, 3, 0, 7, 5, 6);
    let read_cycle = 0xc000_2573;
    let compressed = 0x4501_4581;
    for word in [amoadd, read_cycle, compressed, FENCE_I, u32::MAX] {
        let code = assemble(&[addi(1, 1, 1), word]);
        let expected = Err(ElfError::Instruction { address: BASE + 4, word });
        assert_eq!(Program::from_elf(&elf(BASE, &[(BASE, &code, true)])), expected);
    }
    let short = [assemble(&[addi(1, 1, 1)]), vec![0x81, 0x45]].concat();
    let expected = Err(ElfError::Instruction { address: BASE + 4, word: 0x4581 });
    assert_eq!(Program::from_elf(&elf(BASE, &[(BASE, &short, true)])), expected);

    let unimp = 0xc000_1073;
    let traps = assemble(&[addi(1, 1, 1), unimp, EBREAK, 0]);
    assert!(Program::from_elf(&elf(BASE, &[(BASE, &traps, true)])).is_ok());
    // Data may be anything.
    let file = elf(BASE, &[(BASE, &traps, true), (BASE + 0x1000, &assemble(&[amoadd]), false)]);
    assert!(Program::from_elf(&file).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(4), ..ProptestConfig::default() })]

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
