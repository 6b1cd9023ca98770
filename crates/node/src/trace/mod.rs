//! Runs of the program over a node's batches in the fault-proof machine, step by step.
//!
//! A run proves the statement "from this output, that batch leads to this output". Its input names the two ends of what is
//! known, the previous output's root and the batch hash; everything else it asks for by hash, and the store has it: what the
//! node read to derive the batch is content, which is never removed. A batch is run only once the node has derived it itself,
//! and its output has to be the node's. Steps are counted from 0.

mod contract;
mod host;
#[cfg(test)]
pub(crate) mod tests;

pub use contract::{ContractError, StepContract};
pub use host::BatchHost;

use std::{
    ops::ControlFlow,
    path::Path,
    time::{Duration, Instant},
};

use alloy::primitives::{B256, Bytes};
use postern_machine::{Instruction, Machine, Missing, Program, Snapshot, Status, WitnessError};
use postern_protocol::program;
use thiserror::Error;

use crate::store::{Reader, StoreError, StorePreimages, View};

/// After how many steps of a run its caller hears of it and the first snapshots are taken: some milliseconds.
const INTERVAL: u64 = 1 << 20;

/// The most snapshots of a run, besides that of its end. Every second goes when there would be more.
const SNAPSHOTS: usize = 32;

/// The most bytes of memory that they hold: what a page was at each of them, as long as it was written in between. Every second
/// goes when it would be more, but for the first: a batch may well make the program write all of its memory again and again, and
/// whoever runs it holds no more than this and, for the machine itself and the end of its run, the memory in use.
const SNAPSHOT_BYTES: u64 = 512 << 20;

/// Why a batch cannot be run, or a step of it not be shown.
#[derive(Debug, Error)]
pub enum TraceError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The node has not derived such a batch.
    #[error("batch {received} is not derived: there are {derived} derived batches, counted from 0")]
    UnknownBatch {
        /// Index of the batch.
        received: u64,
        /// How many batches the node has derived.
        derived: u64,
    },
    /// The program asks for what the node does not have.
    #[error("{0}")]
    Missing(#[from] Missing),
    /// The caller stopped the run.
    #[error("the run was stopped after {steps} steps")]
    Stopped {
        /// How many steps were done.
        steps: u64,
    },
    /// The program ended otherwise than by exit with code 0.
    #[error("the program {} in step {step}", ending(.status))]
    Ended {
        /// How it ended.
        status: Status,
        /// Its last step.
        step: u64,
    },
    /// The program came to another output than the node.
    #[error("the program's output is {received}, the node's is {expected}")]
    Output {
        /// Of the program.
        received: B256,
        /// Of the node.
        expected: B256,
    },
    /// The run is shorter.
    #[error("step {received} is beyond the end: the run has {steps} steps, counted from 0")]
    BeyondEnd {
        /// The step.
        received: u64,
        /// How many there are.
        steps: u64,
    },
    /// The witness of a step does not prove it.
    #[error("the witness of step {step} is wrong: {source}")]
    Witness {
        /// The step.
        step: u64,
        /// What is wrong with it.
        source: WitnessError,
    },
    /// The machine and the step from its witness lead to different states.
    #[error("after step {step} the machine's state is {received}, by its witness it is {expected}")]
    NextState {
        /// The step.
        step: u64,
        /// Hash of the machine's state.
        received: B256,
        /// The hash that follows from the witness.
        expected: B256,
    },
}

fn ending(status: &Status) -> String {
    match status {
        Status::Running => "did not end".to_owned(),
        Status::Exited(code) => format!("exited with code {code}"),
        Status::Trapped => "trapped".to_owned(),
    }
}

/// A batch that the node derived, to be run in the machine. Keeps the store open.
#[derive(Clone, Debug)]
pub struct DerivedBatch {
    /// Its index, counted from 0.
    pub index: u64,
    /// Its hash.
    pub hash: B256,
    /// Root of the output before it.
    pub previous_output_root: B256,
    /// Root of the output after it, as the node derived it.
    pub output_root: B256,
    store: Reader,
}

impl DerivedBatch {
    /// A batch in the data directory of a node that does not run. Nothing is written there.
    ///
    /// # Errors
    /// If a node has the directory open, was killed, or has not derived such a batch.
    pub fn open(data_dir: &Path, index: u64) -> Result<Self, TraceError> {
        Self::read(Reader::open(data_dir)?, index)
    }

    pub(crate) fn read(store: Reader, index: u64) -> Result<Self, TraceError> {
        let view = store.read()?;
        let output = |count| view.output(count)?.ok_or(StoreError::Corrupt("gap in the outputs"));
        let derived = view.last_output()?.batch_count;
        if index >= derived {
            return Err(TraceError::UnknownBatch { received: index, derived });
        }
        let (before, after) = (output(index)?, output(index + 1)?);
        let entry = view.batch(index)?.ok_or(StoreError::Corrupt("output without batch"))?;
        let (previous_output_root, output_root) = (before.root(), after.root());
        Ok(Self { index, hash: entry.hash, previous_output_root, output_root, store })
    }

    /// The input of the run.
    pub fn input(&self) -> B256 {
        program::input_hash(self.previous_output_root, self.hash)
    }

    /// What answers the program. Holds a snapshot of the store: not to be kept for long while a node writes to it.
    ///
    /// # Errors
    /// If the store fails.
    pub fn host(&self) -> Result<BatchHost, StoreError> {
        let input = program::input_preimage(self.previous_output_root, self.hash);
        Ok(BatchHost::new(input, StorePreimages::of(&self.store.read()?)?))
    }
}

/// A step of a run, as the contract takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Hash of the state before.
    pub state_hash: B256,
    /// What is executed: nothing by a machine that has halted, or that finds no instruction where `pc` is.
    pub instruction: Option<Instruction>,
    /// What leads from it to the next.
    pub witness: Bytes,
    /// Hash of the state after.
    pub next_state_hash: B256,
}

/// Bytes of memory that snapshots of one run hold together.
fn bytes_of(snapshots: &[Snapshot]) -> u64 {
    let first = snapshots.first().map_or(0, |first| first.bytes_beside(None));
    first + snapshots.windows(2).map(|pair| pair[1].bytes_beside(Some(&pair[0]))).sum::<u64>()
}

/// The whole run of a program over a batch, with snapshots from which any part of it is run again.
#[derive(Clone)]
pub struct Trace {
    batch: DerivedBatch,
    /// In order of their steps, the first at step 0, the last at the end.
    snapshots: Vec<Snapshot>,
    last_state: Vec<u8>,
    memory_in_use: u64,
    time: Duration,
}

impl Trace {
    /// Runs a program over a batch. `progress` hears now and then how many steps are done, and may stop the run.
    ///
    /// # Errors
    /// If it is stopped, or the program asks for what the node does not have, does not exit with code 0, or comes to another output.
    pub fn run(
        program: &Program,
        batch: DerivedBatch,
        progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Self, TraceError> {
        Self::run_by(INTERVAL, SNAPSHOT_BYTES, program, batch, progress)
    }

    fn run_by(
        interval: u64,
        snapshot_bytes: u64,
        program: &Program,
        batch: DerivedBatch,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Self, TraceError> {
        let host = batch.host()?;
        let mut machine = program.start(batch.input());
        let mut snapshots = vec![machine.snapshot()];
        let (mut spacing, mut time) = (interval, Duration::ZERO);
        loop {
            let started = Instant::now();
            let status = machine.run(&host, machine.steps() + interval)?;
            time += started.elapsed();
            if status != Status::Running {
                break;
            }
            if progress(machine.steps()).is_break() {
                return Err(TraceError::Stopped { steps: machine.steps() });
            }
            if machine.steps().is_multiple_of(spacing) {
                snapshots.push(machine.snapshot());
            }
            while snapshots.len() > SNAPSHOTS || (snapshots.len() > 1 && bytes_of(&snapshots) > snapshot_bytes) {
                spacing *= 2;
                snapshots.retain(|snapshot| snapshot.steps().is_multiple_of(spacing));
            }
        }
        if machine.status() != Status::Exited(0) {
            return Err(TraceError::Ended { status: machine.status(), step: machine.steps() - 1 });
        }
        if machine.output() != batch.output_root {
            return Err(TraceError::Output { received: machine.output(), expected: batch.output_root });
        }
        snapshots.push(machine.snapshot());
        let last_state = [machine.memory_root().as_slice(), &machine.hart().encode()].concat();
        Ok(Self { batch, snapshots, last_state, memory_in_use: machine.memory_in_use(), time })
    }

    /// What was run.
    pub fn batch(&self) -> &DerivedBatch {
        &self.batch
    }

    /// How many steps the run has.
    pub fn steps(&self) -> u64 {
        self.snapshots.last().map_or(0, Snapshot::steps)
    }

    /// Hash of the state in which it begins.
    pub fn start_hash(&self) -> B256 {
        self.snapshots.first().map_or(B256::ZERO, Snapshot::state_hash)
    }

    /// The state in which it ends, 296 bytes.
    pub fn last_state(&self) -> &[u8] {
        &self.last_state
    }

    /// Bytes of memory in the pages of 4,096 bytes that the program or its run wrote.
    pub fn memory_in_use(&self) -> u64 {
        self.memory_in_use
    }

    /// How long the steps took, without the snapshots.
    pub fn time(&self) -> Duration {
        self.time
    }

    /// Hash of the state after so many steps. At and beyond the end it is that in which the program halted.
    ///
    /// # Errors
    /// If the store fails.
    pub fn state_hash(&self, steps: u64) -> Result<B256, TraceError> {
        Ok(self.machine_at(&self.batch.host()?, steps)?.state_hash())
    }

    /// Hashes of the states after `start + stride`, `start + 2 * stride`, … steps, `count` of them. What comes before each of them is
    /// executed from the one before or from the last snapshot, whichever is nearer, and nothing beyond the end.
    ///
    /// # Errors
    /// If the store fails.
    pub fn state_hashes(&self, start: u64, stride: u64, count: u64) -> Result<Vec<B256>, TraceError> {
        let host = self.batch.host()?;
        let mut machine: Option<Machine> = None;
        (1..=count)
            .map(|point| {
                let steps = start.saturating_add(stride.saturating_mul(point));
                let nearest = self.nearest(steps);
                if nearest.steps() == steps.min(self.steps()) {
                    return Ok(nearest.state_hash());
                }
                let machine = match &mut machine {
                    Some(machine) if machine.steps() >= nearest.steps() => machine,
                    behind => behind.insert(nearest.restore()),
                };
                machine.run(&host, steps)?;
                Ok(machine.state_hash())
            })
            .collect()
    }

    /// A step with its witness, which proves it: the halted state's step to itself for those at and beyond the end.
    ///
    /// # Errors
    /// If the store fails, or the machine's two implementations disagree.
    pub fn step(&self, step: u64) -> Result<Step, TraceError> {
        let host = self.batch.host()?;
        let mut machine = self.machine_at(&host, step)?;
        let (state_hash, instruction) = (machine.state_hash(), machine.instruction());
        let witness = machine.witness(&host)?;
        let expected = postern_machine::step(state_hash, &witness, &host)
            .map_err(|source| TraceError::Witness { step, source })?;
        machine.run(&host, step.saturating_add(1))?;
        match machine.state_hash() {
            next_state_hash if next_state_hash == expected => {
                Ok(Step { state_hash, instruction, witness, next_state_hash })
            }
            received => Err(TraceError::NextState { step, received, expected }),
        }
    }

    /// The same, for those that are part of the run.
    ///
    /// # Errors
    /// If it is beyond the end, or as for [`Self::step`].
    pub fn step_within(&self, step: u64) -> Result<Step, TraceError> {
        match self.steps() {
            steps if step >= steps => Err(TraceError::BeyondEnd { received: step, steps }),
            _ => self.step(step),
        }
    }

    /// The last snapshot that lies before a step.
    fn nearest(&self, step: u64) -> &Snapshot {
        // The first of them is at step 0.
        &self.snapshots[self.snapshots.partition_point(|snapshot| snapshot.steps() <= step) - 1]
    }

    /// The machine after so many steps.
    fn machine_at(&self, host: &BatchHost, steps: u64) -> Result<Machine, Missing> {
        let mut machine = self.nearest(steps).restore();
        machine.run(host, steps)?;
        Ok(machine)
    }
}
