//! The instruction suite in `suite/`: one program per instruction, and random ones, whose results are qemu's.

use crate::support::*;
use alloy_primitives::B256;
use postern_machine::{Program, Status};
use std::path::PathBuf;

/// Where a program leaves its results.
const RESULTS: u64 = 0x1_8000;

/// More than any program of the suite needs.
const LIMIT: u64 = 100_000;

/// The programs are shared out to so many.
const THREADS: usize = 4;

/// The images of the programs that are committed, or of those in the folder that `SUITE` names.
pub(crate) fn images() -> Vec<PathBuf> {
    let other = std::env::var_os("SUITE").map(PathBuf::from);
    let least = if other.is_some() { 1 } else { 70 };
    let folder = other.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/suite").into());
    let mut images: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "bin"))
        .collect();
    images.sort();
    assert!(images.len() >= least, "{} programs in {}, expected {least}", images.len(), folder.display());
    images
}

/// Name, image and results of each.
fn programs() -> Vec<(String, Vec<u8>, Vec<u8>)> {
    images()
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
    let programs = programs();
    std::thread::scope(|scope| {
        for programs in programs.chunks(programs.len().div_ceil(THREADS)) {
            scope.spawn(move || {
                for (name, image, expected) in programs {
                    let mut machine = Program::flat(CODE, image).unwrap().start(B256::ZERO);
                    assert_eq!(run_both(&mut machine, &Answers::default(), LIMIT), Status::Exited(0), "{name}");
                    assert_eq!(machine.read_memory(RESULTS, expected.len() as u64).unwrap(), *expected, "{name}");
                }
            });
        }
    });
}
