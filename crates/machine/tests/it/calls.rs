//! System calls.

use crate::asm::*;
use crate::support::*;
use alloy_primitives::{B256, U256, hex, keccak256, uint};
use postern_machine::{BlobProof, Host, Machine, Missing, Status, WitnessError};

/// Inputs of `ecrecover`, with what they are.
pub(crate) fn recoveries() -> Vec<(&'static str, Vec<u8>)> {
    let signed = hex!(
        "456e9aea5e197a1f1af7a3e85a3212fa4049a3ba34c2289b4c860fc0b0c64ef3"
        "000000000000000000000000000000000000000000000000000000000000001c"
        "9242685bf161793cc25603c231bc2f568eb630ea16aa137d2664ac8038825608"
        "4f8ae3bd7535248d0bd448298cc2e2071e56992d0774dc340c368ae950852ada"
    );
    let mut wrong = signed;
    wrong[63] = 26;
    vec![("a signature", signed.to_vec()), ("no signature", wrong.to_vec()), ("nothing", Vec::new())]
}

const SIGNER: [u8; 20] = hex!("7156526fbd7a3c72969b54f64e42c10fbb768c8a");

/// Makes one call, and gives the machine after it and the leaf at [`DATA`].
fn ask(host: &Answers, registers: &[(u32, u64)]) -> (Machine, Vec<u8>) {
    let mut machine = crowded(ECALL, registers);
    step_both(&mut machine, host);
    let leaf = machine.read_memory(DATA, 32).unwrap();
    (machine, leaf)
}

#[test]
fn exit_keeps_all_but_the_status() {
    for (code, kept) in [(0, 0), (1, 1), (255, 255), (256, 0), (u64::MAX, 255)] {
        let registers = [(A7, 93), (14, code), (A0, 0x1111), (A1, 0x2222), (12, 0x3333), (13, 0x4444)];
        let (machine, _) = ask(&Answers::default(), &registers);
        assert_eq!(machine.status(), Status::Exited(kept));
        assert_eq!((machine.hart().pc, machine.steps()), (CODE, 1));
        assert_eq!(machine.hart().x(14), code);
        let words = [0x1111_u64, 0x2222, 0x3333, 0x4444].map(u64::to_be_bytes).concat();
        assert_eq!(machine.output(), B256::from_slice(&words));
    }
}

#[test]
fn unknown_calls_trap() {
    for number in [0, 4, 92, 94, 1 << 32 | 1, 1 << 63 | 93, u64::MAX] {
        let (machine, _) = ask(&Answers::default(), &[(A7, number)]);
        assert_eq!(machine.status(), Status::Trapped, "{number}");
    }
}

#[test]
fn preimages_are_read_in_pieces_and_end_in_zeros() {
    let mut host = Answers::default();
    let preimage: Vec<u8> = (1..=77).collect();
    let key = host.add(preimage.clone());
    let padded = [&preimage[..], &[0; 64]].concat();
    for offset in [0, 1, 31, 32, 45, 46, 64, 76, 77] {
        let (machine, leaf) = ask(&host, &call(1, DATA, offset, key));
        assert_eq!(leaf, padded[offset as usize..][..32], "{offset}");
        assert_eq!((machine.hart().x(10), machine.hart().pc), (77, CODE + 4));
    }
    for offset in [78, 1 << 32, u64::MAX - 31, u64::MAX] {
        assert_eq!(ask(&host, &call(1, DATA, offset, key)).1, [0; 32], "{offset}");
    }
    let empty = host.add(Vec::new());
    let (machine, leaf) = ask(&host, &call(1, DATA, 0, empty));
    assert_eq!((machine.hart().x(10), leaf), (0, vec![0; 32]));
}

#[test]
fn destinations_are_leaves_of_memory() {
    let mut host = Answers::default();
    let key = host.add(vec![7; 32]);
    let versioned_hash = host.add_blob(&[B256::with_last_byte(9)]);
    let input = host.add(recoveries()[0].1.clone());
    let calls = |destination| {
        let mut recover = call(3, destination, 0, input);
        recover.push((A6, 1));
        [call(1, destination, 0, key), call(2, destination, 0, versioned_hash), recover]
    };
    for destination in [DATA + 1, DATA + 8, DATA + 16, 1 << 32, 1 << 63, u64::MAX - 31] {
        for registers in calls(destination) {
            assert_eq!(ask(&host, &registers).0.status(), Status::Trapped, "{destination:#x}");
        }
    }
    for destination in [0, CODE, DATA, (1 << 32) - 32] {
        for registers in calls(destination) {
            let (machine, _) = ask(&host, &registers);
            assert_eq!(machine.status(), Status::Running);
            assert_ne!(machine.read_memory(destination, 32).unwrap(), [0; 32]);
        }
    }
}

#[test]
fn an_answer_over_the_next_instruction_is_executed() {
    let mut host = Answers::default();
    let mut code = vec![0; 4];
    code.extend(assemble(&[addi(7, 0, 42), ECALL]));
    let key = host.add(code);
    let mut machine = machine_with(&[ECALL, addi(7, 0, 1)], &call(1, CODE, 0, key));
    run_both(&mut machine, &host, 2);
    assert_eq!(machine.hart().x(7), 42);
}

#[test]
fn blob_words_are_proven_at_every_kind_of_index() {
    let mut host = Answers::default();
    let words: Vec<_> = (0..4096_u64).map(|n| B256::from(alloy_primitives::U256::from(n + 1) << 200)).collect();
    let versioned_hash = host.add_blob(&words);
    for index in [0, 1, 2, 3, 1000, 2047, 2048, 4095] {
        let (machine, leaf) = ask(&host, &call(2, DATA, index, versioned_hash));
        assert_eq!((machine.hart().x(10), &leaf[..]), (32, words[index as usize].as_slice()), "{index}");
    }
    for index in [4096, 1 << 32, u64::MAX] {
        assert_eq!(ask(&host, &call(2, DATA, index, versioned_hash)).0.status(), Status::Trapped);
    }
}

#[test]
fn precompiles_answer_for_what_lies_in_memory() {
    let host = Answers::default();
    for (name, input) in recoveries() {
        let key = keccak256(&input);
        let mut registers = call(3, DATA, 0, key);
        registers.extend([(A6, 1), (5, CODE + 4), (6, input.len() as u64)]);
        let mut code = ECALL.to_le_bytes().to_vec();
        code.extend(&input);
        let program = postern_machine::Program::flat(CODE, &code).unwrap();
        let mut machine = program.start(B256::ZERO).with_hart(*machine_with(&[], &registers).hart());
        step_both(&mut machine, &host);
        let (length, signer) = if name == "a signature" { (32, SIGNER) } else { (0, [0; 20]) };
        assert_eq!(machine.hart().x(10), length, "{name}");
        assert_eq!(machine.read_memory(DATA + 12, 20).unwrap(), signer, "{name}");
    }
    for number in [0, 2, 3, 10, 1 << 32 | 1] {
        let mut registers = call(3, DATA, 0, B256::ZERO);
        registers.push((A6, number));
        assert_eq!(ask(&host, &registers).0.status(), Status::Trapped, "{number}");
    }
}

#[test]
fn a_host_without_the_answer_stops_the_run_where_it_is() {
    let mut host = Answers::default();
    let key = keccak256(b"later");
    let hash = B256::repeat_byte(1);
    let mut precompile = call(3, DATA, 0, key);
    precompile.extend([(A6, 1), (5, u64::MAX), (6, 2)]);
    let cases = [
        (call(1, DATA, 0, key), Missing::Preimage(key)),
        (call(2, DATA, 3, hash), Missing::BlobWord { versioned_hash: hash, index: 3 }),
        (precompile, Missing::PrecompileInput { key, number: 1 }),
    ];
    for (registers, missing) in cases {
        let mut machine = machine_with(&[FENCE, ECALL, ECALL], &registers);
        assert_eq!(machine.run(&host, 10), Err(missing));
        assert_eq!((machine.steps(), machine.hart().pc), (1, CODE + 4));
        assert_eq!(machine.witness(&host), Err(missing));
    }

    let mut machine = machine_with(&[ECALL, jal(0, 0)], &call(1, DATA, 0, key));
    assert_eq!(machine.run(&host, 10), Err(Missing::Preimage(key)));
    host.add(b"later".to_vec());
    assert_eq!(machine.run(&host, 10), Ok(Status::Running));
    assert_eq!(machine.read_memory(DATA, 5).unwrap(), b"later");
}

#[test]
fn a_call_may_be_the_last_instruction_of_memory() {
    let mut host = Answers::default();
    let key = host.add(vec![7; 32]);
    let last = |registers: &[(u32, u64)]| {
        let program = postern_machine::Program::flat((1 << 32) - 4, &assemble(&[ECALL])).unwrap();
        let hart = postern_machine::Hart { pc: (1 << 32) - 4, ..*machine_with(&[], registers).hart() };
        program.start(B256::ZERO).with_hart(hart)
    };
    let mut machine = last(&[(A7, 93)]);
    assert_eq!(run_both(&mut machine, &host, 10), Status::Exited(0));
    assert_eq!(machine.hart().pc, (1 << 32) - 4);
    // Also over the instruction itself.
    for destination in [DATA, (1 << 32) - 32] {
        let mut machine = last(&call(1, destination, 0, key));
        step_both(&mut machine, &host);
        assert_eq!((machine.hart().pc, machine.read_memory(destination, 32).unwrap()), (1 << 32, vec![7; 32]));
        assert_eq!(run_both(&mut machine, &host, 10), Status::Trapped);
        assert_eq!(machine.steps(), 2);
    }
}

/// The input has to be in memory each time: else a run that began between two calls would need what the first one had.
#[test]
fn an_answer_of_a_precompile_is_not_kept() {
    let host = Answers::default();
    let input = recoveries().swap_remove(0).1;
    let key = keccak256(&input);
    let mut registers = call(3, DATA, 0, key);
    registers.extend([(A6, 1), (5, DATA), (6, input.len() as u64)]);
    let code = assemble(&[ECALL, addi(A0, 20, 0), ECALL]);
    registers.push((20, DATA));
    let file = elf(CODE, &[(CODE, &code, true), (DATA, &input, false)]);
    let program = postern_machine::Program::from_elf(&file).unwrap();
    let mut machine = program.start(B256::ZERO).with_hart(*machine_with(&[], &registers).hart());

    // The first answer goes where the input was.
    machine.run(&host, 2).unwrap();
    let mut restored = machine.snapshot().restore();
    let missing = Err(Missing::PrecompileInput { key, number: 1 });
    assert_eq!(restored.run(&host, 3), missing);
    assert_eq!(machine.run(&host, 3), missing);
}

#[test]
fn a_blob_proof_is_of_one_word_at_one_index() {
    let mut host = Answers::default();
    let words: Vec<_> = (1..=3).map(B256::with_last_byte).collect();
    let versioned_hash = host.add_blob(&words);
    let mut machine = crowded(ECALL, &call(2, DATA, 1, versioned_hash));
    let state_hash = machine.state_hash();
    let witness = machine.witness(&host).unwrap();
    let refused = |attachment: &[u8]| {
        let length = witness.len() - 128;
        let error = step_from(state_hash, &[&witness[..length], attachment].concat(), &host).unwrap_err();
        assert_eq!(error, WitnessError::WrongBlobProof { versioned_hash, index: 1 });
    };
    // What is proven at another index, also the one whose point would be the index itself, or its bits in the other order.
    for index in [0, 2, 4095, 2048, 4094] {
        let word = host.blob_word(&versioned_hash, index).unwrap();
        let BlobProof { commitment, proof } = host.blob_proof(&versioned_hash, index).unwrap();
        refused(&[&word[..], &commitment[..], &proof[..]].concat());
    }
    // The same element in another form: with the order of the field added.
    const ORDER: U256 = uint!(52435875175126190479447740508185965837690552500527637822603658699938581184513_U256);
    let own = &witness[witness.len() - 128..];
    let more = U256::from_be_slice(&own[..32]) + ORDER;
    refused(&[&more.to_be_bytes::<32>(), &own[32..]].concat());
    // Another word.
    refused(&[&words[2][..], &own[32..]].concat());
}
