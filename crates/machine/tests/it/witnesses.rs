//! Witnesses: each bit counts, and none that is valid leads elsewhere.

use crate::asm::*;
use crate::calls::recoveries;
use crate::instructions::*;
use crate::support::*;
use alloy_primitives::{B256, keccak256};
use postern_machine::{Hart, Machine, WitnessError, step};
use std::collections::BTreeMap;

/// One state for each kind of witness.
fn machines(host: &mut Answers) -> Vec<(&'static str, Machine)> {
    let key = host.add(b"preimage".to_vec());
    let versioned_hash = host.add_blob(&[B256::with_last_byte(5)]);
    let mut recover = call(3, DATA, 0, host.add(recoveries()[0].1.clone()));
    recover.push((A6, 1));
    let halted = Hart { pc: CODE, slots: [1; 32] };
    let lost = Hart { pc: 1, slots: [0; 32] };
    vec![
        ("alu", crowded(add(7, 5, 6), &[(5, 1), (6, 2)])),
        ("branch", crowded(beq(5, 6, 8), &[])),
        ("jump", crowded(jalr(7, 5, 4), &[(5, DATA)])),
        ("trap", crowded(EBREAK, &[])),
        ("load", crowded(ld(7, 5, 0), &[(5, DATA)])),
        ("load beside the code", crowded(ld(7, 5, 0), &[(5, CODE + 32)])),
        ("store", crowded(sd(6, 5, 0), &[(5, DATA), (6, 2)])),
        ("store into the code", crowded(sd(6, 5, 0), &[(5, CODE), (6, 2)])),
        ("store into empty memory", machine_with(&[sd(6, 5, 0)], &[(5, DATA), (6, 2)])),
        ("exit", crowded(ECALL, &[(A7, 93)])),
        ("preimage", crowded(ECALL, &call(1, DATA, 0, key))),
        ("blob word", crowded(ECALL, &call(2, DATA, 0, versioned_hash))),
        ("precompile", crowded(ECALL, &recover)),
        ("halted", crowded(0, &[]).with_hart(halted)),
        ("outside of memory", crowded(0, &[]).with_hart(lost)),
    ]
}

/// Flips those bits of a witness that `picks` wants, one after the other, and expects the same refusal here and in the
/// contract.
fn refuse_flips(name: &str, machine: &mut Machine, host: &Answers, picks: impl Fn(usize) -> bool) {
    let state_hash = machine.state_hash();
    let mut witness = machine.witness(host).unwrap().to_vec();
    for bit in (0..8 * witness.len()).filter(|bit| picks(*bit)) {
        witness[bit / 8] ^= 1 << (bit % 8);
        assert!(step_from(state_hash, &witness, host).is_err(), "{name}: bit {bit}");
        witness[bit / 8] ^= 1 << (bit % 8);
    }
}

/// One bit of each byte, not always the same.
fn one_per_byte(bit: usize) -> bool {
    bit % 8 == bit / 8 % 8
}

#[test]
fn any_flipped_bit_is_refused() {
    // There are a quarter of a million bits.
    std::thread::scope(|scope| {
        for kind in 0..machines(&mut Answers::default()).len() {
            scope.spawn(move || {
                let mut host = Answers::default();
                let (name, mut machine) = machines(&mut host).swap_remove(kind);
                // Point evaluations are slow: of most bytes of their proofs one bit.
                let length = machine.witness(&host).unwrap().len();
                let fast = if name == "blob word" { length - 128 } else { length };
                refuse_flips(name, &mut machine, &host, |bit| bit / 8 < fast || one_per_byte(bit));
            });
        }
    });
}

/// In a memory with little in it, so that there are not as many bits.
#[test]
fn any_flipped_byte_is_refused_for_each_instruction() {
    let host = Answers::default();
    let registers = REGISTERS.into_iter().map(|(name, word)| (name, word(7, 5, 6)));
    let immediates = IMMEDIATES.into_iter().map(|(name, word)| (name, word(7, 5, 1)));
    let shifts = SHIFTS.into_iter().map(|(name, word, _)| (name, word(7, 5, 1)));
    let accesses = LOADS.into_iter().chain(STORES).map(|(name, word, _)| (name, word(7, 5, 0)));
    let branches = BRANCHES.into_iter().map(|(name, word)| (name, word(5, 6, 8)));
    let others =
        [("lui", lui(7, 1)), ("auipc", auipc(7, 1)), ("jal", jal(7, 8)), ("jalr", jalr(7, 5, 0)), ("fence", FENCE)];
    for (name, word) in registers.chain(immediates).chain(shifts).chain(accesses).chain(branches).chain(others) {
        let mut machine = machine_with(&[word, FENCE], &[(5, DATA), (6, 3), (7, 9)]);
        refuse_flips(name, &mut machine, &host, one_per_byte);
    }
}

#[test]
fn any_other_length_is_refused() {
    let mut host = Answers::default();
    for (name, mut machine) in machines(&mut host) {
        let state_hash = machine.state_hash();
        let witness = machine.witness(&host).unwrap();
        for length in 0..witness.len() {
            assert!(step_from(state_hash, &witness[..length], &host).is_err(), "{name}: {length} bytes");
        }
        for more in [1, 31, 32, 64] {
            let longer = [&witness[..], &vec![0; more]].concat();
            assert!(step_from(state_hash, &longer, &host).is_err(), "{name}: {more} bytes more");
        }
    }
}

#[test]
fn an_empty_sibling_may_be_written_out() {
    let host = Answers::default();
    let mut machine = machine_with(&[sd(6, 5, 0)], &[(5, DATA), (6, 2)]);
    let state_hash = machine.state_hash();
    let witness = machine.witness(&host).unwrap();
    assert_eq!(witness[264..272], [0; 8], "all siblings are empty");
    let next = step(state_hash, &witness, &host);

    let mut explicit = witness.to_vec();
    explicit[267] = 1;
    explicit.splice(304..304, [0; 32]);
    assert_eq!(step(state_hash, &explicit, &host), next);

    // Not with something else, and not where the paths meet.
    explicit[304] = 1;
    assert!(matches!(step(state_hash, &explicit, &host), Err(WitnessError::WrongState { .. })));
    let mut meeting = witness.to_vec();
    meeting[264] = 2;
    let (received, allowed) = (2 << 56, 0x05ff_ffff_01ff_ffff);
    assert_eq!(step(state_hash, &meeting, &host), Err(WitnessError::WrongMask { received, allowed }));
}

#[test]
fn a_precompile_that_fails_decides_nothing() {
    struct NoGas;
    impl postern_machine::Precompiles for NoGas {
        fn precompile(&self, _: u64, _: &[u8]) -> Option<alloy_primitives::Bytes> {
            None
        }
    }

    let mut host = Answers::default();
    let failed = machines(&mut host)
        .into_iter()
        .filter_map(|(name, mut machine)| {
            let witness = machine.witness(&host).unwrap();
            step(machine.state_hash(), &witness, &NoGas).err().map(|error| (name, error))
        })
        .collect::<Vec<_>>();
    assert!(matches!(
        failed[..],
        [
            ("blob word", WitnessError::WrongBlobProof { index: 0, .. }),
            ("precompile", WitnessError::PrecompileFailed(1))
        ]
    ));
}

/// The specification's tree, computed without any of its shortcuts but that empty subtrees are known.
fn naive_root(leaves: &BTreeMap<u32, [u8; 32]>, number: u32, height: u32) -> B256 {
    let range = number << height..=(number << height) + ((1_u64 << height) - 1) as u32;
    if height == 0 {
        return leaves.get(&number).copied().unwrap_or_default().into();
    }
    if leaves.range(range).next().is_none() {
        let below = naive_root(leaves, 2 * number, height - 1);
        return keccak256([below, below].concat());
    }
    let children = [2 * number, 2 * number + 1].map(|child| naive_root(leaves, child, height - 1));
    keccak256(children.concat())
}

#[test]
fn the_root_is_that_of_all_leaves() {
    let mut leaves = BTreeMap::new();
    let mut machine = crowded(0, &[]);
    let naive = |machine: &Machine, leaves: &mut BTreeMap<u32, [u8; 32]>| {
        for number in leaf_numbers() {
            let bytes = machine.read_memory(32 * u64::from(number), 32).unwrap();
            leaves.insert(number, bytes.try_into().unwrap());
        }
        naive_root(leaves, 0, 27)
    };
    assert_eq!(machine.memory_root(), naive(&machine, &mut leaves));

    // Stores one after the other, into what has been hashed and what has not.
    let words: Vec<_> =
        leaf_numbers().iter().flat_map(|_| [sd(7, 5, 0), addi(7, 7, 3), ld(5, 6, 0), addi(6, 6, 8)]).collect();
    let table: Vec<u8> = leaf_numbers().iter().flat_map(|number| (32 * u64::from(*number) + 8).to_le_bytes()).collect();
    let code = assemble(&words);
    let at = 0x2000_0000;
    let segments = [(at, &code[..], true), (0x3000_0000, &table[..], false)];
    let program = postern_machine::Program::from_elf(&elf(at, &segments)).unwrap();
    let mut hart = Hart::start(at, B256::ZERO);
    hart.slots[5] = 0x3100_0000;
    hart.slots[6] = 0x3000_0000;
    let mut machine = program.start(B256::ZERO).with_hart(hart);
    let mut leaves = BTreeMap::new();
    for (address, bytes, _) in segments {
        for (number, leaf) in (address as u32 / 32..).zip(bytes.chunks(32)) {
            let mut padded = [0; 32];
            padded[..leaf.len()].copy_from_slice(leaf);
            leaves.insert(number, padded);
        }
    }
    for steps in 0..words.len() as u64 {
        machine.run(&Answers::default(), steps).unwrap();
        leaves.insert(0x3100_0000 / 32, machine.read_memory(0x3100_0000, 32).unwrap().try_into().unwrap());
        assert_eq!(machine.memory_root(), naive(&machine, &mut leaves), "step {steps}");
    }
}

/// The leaves on both sides of each node on two paths.
fn leaf_numbers() -> Vec<u32> {
    let paths = [CODE, DATA].map(|address| (address / 32) as u32);
    paths.into_iter().flat_map(|path| (0..27).map(move |level| path ^ 1 << level).chain([path])).collect()
}
