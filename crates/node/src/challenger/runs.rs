//! The runs that games are about.

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use alloy::primitives::{B256, Bytes};
use postern_machine::Program;
use postern_protocol::{dispute::Points, program::input_hash};
use thiserror::Error;
use tracing::info;

use super::survey::Statement;
use crate::{
    chain::Chain,
    dispute::{Cached, Run},
    shutdown::Shutdown,
    trace::{Trace, TraceError},
};

/// How often a long run says how far it is.
const PROGRESS: Duration = Duration::from_secs(10);

/// Why a state of a run cannot be had.
#[derive(Debug, Error)]
pub(super) enum RunError {
    /// The store fails, or the program does not come to the output that the node derived.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// L1 has taken the batch back.
    #[error("the batch is not on L1 any more")]
    Unwound,
}

/// The run of a batch. It is made when a state of it is asked for that is not known yet, which takes seconds for most batches, up to the
/// half an hour for the longest.
pub(super) struct BatchRun {
    chain: Chain,
    program: Arc<Program>,
    statement: Statement,
    shutdown: Shutdown,
    start: OnceLock<B256>,
    last_state: OnceLock<Vec<u8>>,
    trace: Mutex<Option<Arc<Trace>>>,
}

impl BatchRun {
    /// Whether it need not be made first.
    fn is_made(&self) -> bool {
        self.kept().is_some()
    }

    /// Lets go of what takes much memory.
    fn forget(&self) {
        *self.kept() = None;
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Option<Arc<Trace>>> {
        // Put in whole, so who panicked left nothing half done.
        self.trace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trace(&self) -> Result<Arc<Trace>, RunError> {
        let made = self.kept().clone();
        match made {
            Some(trace) => Ok(trace),
            None => {
                let trace = Arc::new(self.make()?);
                *self.kept() = Some(trace.clone());
                Ok(trace)
            }
        }
    }

    fn make(&self) -> Result<Trace, RunError> {
        let Statement { batch: index, batch_hash, previous_output_root } = self.statement;
        let batch = match self.chain.derived_batch(index) {
            Err(TraceError::UnknownBatch { .. }) => return Err(RunError::Unwound),
            batch => batch?,
        };
        if (batch.hash, batch.previous_output_root) != (batch_hash, previous_output_root) {
            return Err(RunError::Unwound);
        }
        let (started, mut said) = (Instant::now(), Instant::now());
        let trace = Trace::run(&self.program, batch, |steps| {
            if said.elapsed() >= PROGRESS {
                said = Instant::now();
                info!(batch = index, steps, elapsed = ?started.elapsed(), "running the batch in the machine");
            }
            if self.shutdown.requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        info!(batch = index, steps = trace.steps(), elapsed = ?started.elapsed(), "batch run in the machine");
        Ok(trace)
    }
}

impl Run for BatchRun {
    type Error = RunError;

    fn start(&self) -> B256 {
        let Statement { batch_hash, previous_output_root, .. } = self.statement;
        *self.start.get_or_init(|| self.program.start(input_hash(previous_output_root, batch_hash)).state_hash())
    }

    fn points(&self, first: u64, level: u8) -> Result<Points, RunError> {
        Ok(self.trace()?.points(first, level)?)
    }

    fn last_state(&self) -> Result<Vec<u8>, RunError> {
        if let Some(known) = self.last_state.get() {
            return Ok(known.clone());
        }
        let last = Run::last_state(&*self.trace()?)?;
        Ok(self.last_state.get_or_init(|| last).clone())
    }

    fn witness(&self, step: u64) -> Result<Bytes, RunError> {
        Ok(self.trace()?.witness(step)?)
    }
}

/// The runs of all games that concern the challenger, with what was asked of them.
pub(super) struct Runs {
    chain: Chain,
    program: Arc<Program>,
    shutdown: Shutdown,
    runs: HashMap<Statement, Arc<Cached<BatchRun>>>,
    /// Those that were asked for, the last one last.
    recent: Vec<Statement>,
    /// Traces that are kept at once. Each has a bound of its own on its memory. What was asked of one stays known without it.
    max_kept: usize,
}

impl Runs {
    pub(super) fn new(chain: Chain, program: Arc<Program>, max_kept: usize, shutdown: Shutdown) -> Self {
        Self { chain, program, shutdown, runs: HashMap::new(), recent: Vec::new(), max_kept }
    }

    /// Keeps these alone.
    pub(super) fn retain(&mut self, statements: &HashSet<Statement>) {
        self.runs.retain(|statement, _| statements.contains(statement));
        self.recent.retain(|statement| statements.contains(statement));
    }

    /// The run that a statement is about. It costs nothing before a state is asked of it.
    pub(super) fn of(&mut self, statement: Statement) -> Arc<Cached<BatchRun>> {
        self.recent.retain(|recent| *recent != statement);
        self.recent.push(statement);
        let new = || {
            Arc::new(Cached::new(BatchRun {
                chain: self.chain.clone(),
                program: self.program.clone(),
                statement,
                shutdown: self.shutdown.clone(),
                start: OnceLock::new(),
                last_state: OnceLock::new(),
                trace: Mutex::default(),
            }))
        };
        self.runs.entry(statement).or_insert_with(new).clone()
    }

    /// Lets go of the traces that were asked for longest ago, if there are too many.
    pub(super) fn trim(&mut self) {
        let made = self.recent.iter().rev().filter_map(|statement| self.runs.get(statement)).map(|run| run.run());
        made.filter(|run| run.is_made()).skip(self.max_kept).for_each(BatchRun::forget);
    }
}
