//! What can go wrong with a request, and the codes that say so.

use alloy::{primitives::Bytes, rpc::types::BlockId, sol_types::decode_revert_reason};
use jsonrpsee::types::{ErrorObjectOwned, error::INTERNAL_ERROR_CODE, error::INVALID_PARAMS_CODE};
use postern_execution::MissingPreimage;
use tracing::error;

use crate::chain::{ChainError, SubmitError};

/// Geth's code for a request that is sound but cannot be served in the present state.
const SERVER_ERROR_CODE: i32 = -32000;
/// EIP-1474: the method is known, but not in this form.
const METHOD_NOT_SUPPORTED_CODE: i32 = -32004;
/// EIP-1474: the request asks for more than the node gives at once.
const LIMIT_EXCEEDED_CODE: i32 = -32005;
/// Geth's code for a reverted call, whose data is the `data` of the error.
const REVERTED_CODE: i32 = 3;

/// Why a request has no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum RpcError {
    /// No block of the chain is meant by that.
    #[error("unknown block {}", name(.0))]
    UnknownBlock(BlockId),
    /// The pool does not take the transaction. Its words are Geth's, which clients look for.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// A parameter has the right type and the wrong value.
    #[error("{0}")]
    InvalidParams(String),
    /// The request asks for too much at once.
    #[error("{what}: {received}, at most {maximum}")]
    LimitExceeded {
        /// What there is too much of.
        what: &'static str,
        /// How much was asked for.
        received: u64,
        /// How much there may be.
        maximum: u64,
    },
    /// The method is known, but not in this form.
    #[error("{0} are not supported")]
    NotSupported(&'static str),
    /// The call reverted with this data.
    #[error("execution reverted{}", decode_revert_reason(.0).map(|reason| format!(": {reason}")).unwrap_or_default())]
    Reverted(Bytes),
    /// The call failed, or could not even begin.
    #[error("{0}")]
    Failed(String),
    /// The node's own fault.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The node's own fault.
    #[error("state: {0}")]
    State(#[from] MissingPreimage),
}

/// A block as the requester named it.
fn name(block: &BlockId) -> String {
    match block {
        BlockId::Hash(hash) => hash.block_hash.to_string(),
        BlockId::Number(number) => number.to_string(),
    }
}

impl RpcError {
    fn code(&self) -> i32 {
        match self {
            Self::InvalidParams(_) => INVALID_PARAMS_CODE,
            Self::LimitExceeded { .. } => LIMIT_EXCEEDED_CODE,
            Self::NotSupported(_) => METHOD_NOT_SUPPORTED_CODE,
            Self::Reverted(_) => REVERTED_CODE,
            Self::UnknownBlock(_) | Self::Submit(_) | Self::Failed(_) => SERVER_ERROR_CODE,
            Self::Chain(_) | Self::State(_) => INTERNAL_ERROR_CODE,
        }
    }
}

/// Refuses what asks for too much at once.
pub(super) fn limit(what: &'static str, received: u64, maximum: u64) -> Result<(), RpcError> {
    if received > maximum {
        return Err(RpcError::LimitExceeded { what, received, maximum });
    }
    Ok(())
}

impl From<RpcError> for ErrorObjectOwned {
    fn from(error: RpcError) -> Self {
        let code = error.code();
        if code == INTERNAL_ERROR_CODE {
            error!(%error, "request failed");
        }
        let data = match &error {
            RpcError::Reverted(data) => Some(data),
            _ => None,
        };
        Self::owned(code, error.to_string(), data)
    }
}
