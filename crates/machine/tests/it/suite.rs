//! The instruction suite in `suite/`: one program per instruction, whose results are qemu's.

use crate::support::*;
use alloy_primitives::B256;
use postern_machine::{Program, Status};
use std::path::Path;

/// Where a program leaves its results.
const RESULTS: u64 = 0x1_8000;

/// More than any program of the suite needs.
const LIMIT: u64 = 100_000;

fn programs() -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("suite");
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "bin"))
        .collect();
    names.sort();
    assert!(names.len() >= 60, "the suite has a program for each instruction, found {}", names.len());
    names
        .into_iter()
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(&path).unwrap(), std::fs::read(path.with_extension("expected")).unwrap())
        })
        .collect()
}

#[test]
fn interpreter_gives_what_qemu_gave() {
    for (name, image, expected) in programs() {
        let mut machine = Program::flat(CODE, &image).unwrap().start(B256::ZERO);
        assert_eq!(machine.run(&Answers::default(), LIMIT), Ok(Status::Exited(0)), "{name}");
        let results = machine.read_memory(RESULTS, expected.len() as u64).unwrap();
        assert_eq!(results, expected, "{name}");
    }
}

#[test]
fn every_step_from_its_witness_is_the_interpreter_s() {
    for (name, image, expected) in programs() {
        let mut machine = Program::flat(CODE, &image).unwrap().start(B256::ZERO);
        assert_eq!(run_both(&mut machine, &Answers::default(), LIMIT), Status::Exited(0), "{name}");
        assert_eq!(machine.read_memory(RESULTS, expected.len() as u64).unwrap(), expected, "{name}");
    }
}
