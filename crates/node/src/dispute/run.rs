//! What a party holds to be the run of the program over a batch.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use alloy::primitives::{B256, Bytes};
use postern_protocol::dispute::{POINTS, Points, spacing};

use crate::trace::{Trace, TraceError};

/// The states of one run, as one party asserts them. At and beyond its end they are the one in which it halted.
pub trait Run {
    /// Why a state cannot be had.
    type Error;

    /// Hash of the state at step 0.
    fn start(&self) -> B256;

    /// Hashes of the states at the points of a node of this level whose part of the run begins at step `first`: after
    /// `first + spacing(level)` steps, after `first + 2 * spacing(level)`, and so on.
    ///
    /// # Errors
    /// If a state cannot be had.
    fn points(&self, first: u64, level: u8) -> Result<Points, Self::Error>;

    /// The state in which it ends, 296 bytes.
    ///
    /// # Errors
    /// If it cannot be had.
    fn last_state(&self) -> Result<Vec<u8>, Self::Error>;

    /// What shows L1 the step from the state after `step` steps to the next.
    ///
    /// # Errors
    /// If it cannot be had.
    fn witness(&self, step: u64) -> Result<Bytes, Self::Error>;
}

impl<R: Run> Run for &R {
    type Error = R::Error;

    fn start(&self) -> B256 {
        R::start(self)
    }

    fn points(&self, first: u64, level: u8) -> Result<Points, Self::Error> {
        R::points(self, first, level)
    }

    fn last_state(&self) -> Result<Vec<u8>, Self::Error> {
        R::last_state(self)
    }

    fn witness(&self, step: u64) -> Result<Bytes, Self::Error> {
        R::witness(self, step)
    }
}

impl Run for Trace {
    type Error = TraceError;

    fn start(&self) -> B256 {
        self.start_hash()
    }

    fn points(&self, first: u64, level: u8) -> Result<Points, TraceError> {
        let hashes = self.state_hashes(first, spacing(level), POINTS as u64)?;
        Ok(hashes.try_into().expect("as many as asked for"))
    }

    fn last_state(&self) -> Result<Vec<u8>, TraceError> {
        Ok(self.last_state().to_vec())
    }

    fn witness(&self, step: u64) -> Result<Bytes, TraceError> {
        Ok(self.step(step)?.witness)
    }
}

/// A run that remembers its points: each time it looks at a game, a party asks for the same again, and each answer means to execute a
/// part of the run. A kilobyte for each node that was looked at.
#[derive(Debug)]
pub struct Cached<R> {
    run: R,
    /// By the step at which they begin, and level.
    points: Mutex<HashMap<(u64, u8), Points>>,
}

impl<R> Cached<R> {
    /// Remembers nothing yet.
    pub fn new(run: R) -> Self {
        Self { run, points: Mutex::default() }
    }

    /// The run itself.
    pub fn run(&self) -> &R {
        &self.run
    }
}

impl<R: Run> Run for Cached<R> {
    type Error = R::Error;

    fn start(&self) -> B256 {
        self.run.start()
    }

    fn points(&self, first: u64, level: u8) -> Result<Points, R::Error> {
        // Points are put in whole, so who panicked left none half done.
        let known = || self.points.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(points) = known().get(&(first, level)) {
            return Ok(*points);
        }
        // Not under the lock: it may take seconds.
        let points = self.run.points(first, level)?;
        known().insert((first, level), points);
        Ok(points)
    }

    fn last_state(&self) -> Result<Vec<u8>, R::Error> {
        self.run.last_state()
    }

    fn witness(&self, step: u64) -> Result<Bytes, R::Error> {
        self.run.witness(step)
    }
}
