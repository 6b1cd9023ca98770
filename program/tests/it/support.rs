//! Runs of the program beside runs of the node.

use alloy_primitives::{B256, Bytes};
use postern_execution::{BatchOutcome, execute_batch};
use postern_machine::{BlobProof, Host, Machine, Precompiles, Status};
use postern_protocol::batch::Batch;
use postern_testing::{
    chain::Chain,
    machine::{Answers, step_both},
};
use std::cell::RefCell;

/// Bytes of memory for the stack, from 0 on. From the linker's script.
const STACK: u64 = 8 << 20;

/// A run of the program.
pub(crate) struct Run {
    /// What the node comes to.
    pub(crate) outcome: BatchOutcome,
    /// The machine at its end.
    pub(crate) machine: Machine,
    /// How many questions it asked: preimages, words of blobs, precompiles.
    pub(crate) asked: [u64; 3],
}

/// Has the program and the node apply a batch, which must come to the same output. Of the steps some are taken in the other
/// two ways as well, in Rust and in the contract, ever more seldom; so are some of each kind of question.
pub(crate) fn compare(chain: &Chain, batch: Batch) -> Run {
    let outcome = execute_batch(&chain.store, chain.output.root(), batch.hash()).unwrap();
    let answers = Answers::about(chain, batch);
    let host = Interrupting { answers: &answers, asked: RefCell::default() };
    let mut machine = postern_program::start(chain.output.root(), batch.hash());
    let mut sample = 0;
    loop {
        match machine.run(&host, sample) {
            Ok(Status::Running) => {
                step_both(&mut machine, &answers);
                sample = machine.steps() * 3 / 2;
            }
            Ok(_) => break,
            Err(_) => drop(step_both(&mut machine, &answers)),
        }
    }
    step_both(&mut machine, &answers);
    let stack = machine.read_memory(0, STACK).unwrap();
    let used = STACK - stack.iter().position(|byte| *byte != 0).unwrap() as u64;
    assert!(used < STACK / 8, "{used} bytes of stack");
    assert_eq!((machine.status(), machine.output()), (Status::Exited(0), outcome.output.root()));
    Run { outcome, machine, asked: host.asked.take() }
}

/// Has no answer at first to each question of a kind whose number is a power of two: it leaves the machine before that step.
struct Interrupting<'a> {
    answers: &'a Answers,
    asked: RefCell<[u64; 3]>,
}

impl Interrupting<'_> {
    fn answer<T>(&self, kind: usize, answer: impl FnOnce() -> Option<T>) -> Option<T> {
        let mut asked = self.asked.borrow_mut();
        asked[kind] += 1;
        if asked[kind].is_power_of_two() { None } else { answer() }
    }
}

impl Precompiles for Interrupting<'_> {
    fn precompile(&self, number: u64, input: &[u8]) -> Option<Bytes> {
        self.answer(2, || self.answers.precompile(number, input))
    }
}

impl Host for Interrupting<'_> {
    fn preimage(&self, key: &B256) -> Option<Bytes> {
        self.answer(0, || self.answers.preimage(key))
    }

    fn blob_word(&self, versioned_hash: &B256, index: u64) -> Option<B256> {
        self.answer(1, || self.answers.blob_word(versioned_hash, index))
    }

    fn blob_proof(&self, versioned_hash: &B256, index: u64) -> Option<BlobProof> {
        self.answers.blob_proof(versioned_hash, index)
    }
}
