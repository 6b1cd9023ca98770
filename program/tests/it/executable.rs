//! The committed executable: what it is, and how it ends where no batch leads.

use alloy_primitives::{B256, keccak256};
use postern_machine::{Program, Status};
use postern_program::{ELF, program, start};
use postern_protocol::program::{input_hash, input_preimage};
use postern_testing::machine::Answers;
use serde_json::Value;

#[test]
fn is_what_its_description_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/postern-program.json");
    let description: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let field = |name: &str| description[name].as_str().unwrap().to_owned();
    assert_eq!(field("elfHash"), keccak256(ELF).to_string());
    assert_eq!(field("entry"), format!("{:#x}", program().entry()));
    let mut machine = program().start(B256::ZERO);
    assert_eq!(field("memoryRoot"), machine.memory_root().to_string());
    assert_eq!(field("initialStateHash"), machine.state_hash().to_string());
}

/// That it has none is what [`Program::from_elf`] checks; here, that it would see one.
#[test]
fn has_no_instruction_that_the_machine_lacks() {
    let mut changed = ELF.to_vec();
    // The code is the first segment of the file.
    let number = |at: usize| u64::from_le_bytes(ELF[at..at + 8].try_into().unwrap()) as usize;
    let header = number(32);
    assert_eq!(ELF[header + 4], 5, "readable and executable");
    let code = number(header + 8);
    let length = number(header + 32);
    assert!(length > 1 << 20, "{length}");
    for (name, word) in
        [("amoadd.w", 0x00c5_a52f_u32), ("rdcycle", 0xc000_2573), ("fadd.d", 0x02c5_f553), ("c.li", 0x4501)]
    {
        let at = code + length / 8 * 4;
        changed[at..at + 4].copy_from_slice(&word.to_le_bytes());
        assert!(Program::from_elf(&changed).is_err(), "{name}");
    }
    assert!(Program::from_elf(ELF).is_ok());
}

#[test]
fn says_what_is_not_what_its_hash_stands_for() {
    let run = |host: &Answers, previous: B256, batch: B256| {
        let mut machine = start(previous, batch);
        let status = machine.run(host, 10_000_000);
        (status, machine.output())
    };
    let mut host = Answers::default();
    let no_output = host.add("no output");
    host.add(input_preimage(no_output, B256::ZERO));
    assert_eq!(run(&host, no_output, B256::ZERO), (Ok(Status::Exited(2)), no_output));

    // An input that is not two hashes can only be one that nobody has hashed as an input.
    let no_input = host.add("no input");
    let mut machine = program().start(no_input);
    assert_eq!((machine.run(&host, 10_000_000), machine.output()), (Ok(Status::Exited(2)), no_input));

    // What nobody knows stops the run, not the program.
    let mut machine = start(B256::ZERO, B256::ZERO);
    let missing = postern_machine::Missing::Preimage(input_hash(B256::ZERO, B256::ZERO));
    assert_eq!(machine.run(&host, 10_000_000), Err(missing));
    assert_eq!(machine.status(), Status::Running);
}
