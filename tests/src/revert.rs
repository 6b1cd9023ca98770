use std::fmt::{Debug, Display};

use alloy::{contract, primitives::Bytes, sol_types::SolError};
use postern_client::Error;

/// What can carry a contract's own error.
pub trait RevertData: Display {
    /// The data of the revert, if it was one.
    fn revert_data(&self) -> Option<Bytes>;
}

impl RevertData for contract::Error {
    fn revert_data(&self) -> Option<Bytes> {
        self.as_revert_data()
    }
}

impl RevertData for Error {
    fn revert_data(&self) -> Option<Bytes> {
        match self {
            Self::Refused(refusal) => Some(refusal.data()),
            _ => None,
        }
    }
}

impl RevertData for Bytes {
    fn revert_data(&self) -> Option<Bytes> {
        Some(self.clone())
    }
}

/// The custom error `E` with which a call was refused.
///
/// # Panics
/// If it was not, or with another error.
#[track_caller]
pub fn expect_revert<E: SolError>(outcome: Result<impl Debug, impl RevertData>) -> E {
    let error = match outcome {
        Ok(outcome) => panic!("expected {}, but the call succeeded: {outcome:?}", E::SIGNATURE),
        Err(error) => error,
    };
    let data = error.revert_data().unwrap_or_else(|| panic!("expected {}, but the call failed: {error}", E::SIGNATURE));
    E::abi_decode(&data).unwrap_or_else(|_| panic!("expected {}, but it reverted with {data}: {error}", E::SIGNATURE))
}
