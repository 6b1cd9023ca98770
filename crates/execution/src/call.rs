//! Calls without commitment: `eth_call` and `eth_estimateGas`.

use crate::{
    evm,
    preimages::{MissingPreimage, Preimages},
    state::State,
};
use alloc::{format, string::String, vec::Vec};
use alloy_consensus::Header;
use alloy_eips::{eip2930::AccessList, eip7702::SignedAuthorization};
use alloy_primitives::{Address, Bytes, Log, U256};
use postern_protocol::constants::MAX_QUEUED_GAS_LIMIT;
use revm::{
    context::{
        TxEnv,
        either::Either,
        result::{ExecutionResult, InvalidTransaction},
    },
    primitives::TxKind,
};

/// What to call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallRequest {
    /// Who calls; needs no key.
    pub from: Address,
    /// Whom; `None` creates a contract.
    pub to: Option<Address>,
    /// ETH that the call carries, in wei. The caller must have it.
    pub value: U256,
    /// Calldata, or init code.
    pub data: Bytes,
    /// Gas limit, at most that of any transaction, which is also what `None` means.
    pub gas_limit: Option<u64>,
    /// Price in wei per gas. The caller must have the price of the whole gas limit.
    pub gas_price: u128,
    /// EIP-2930.
    pub access_list: AccessList,
    /// EIP-7702.
    pub authorizations: Vec<SignedAuthorization>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// It succeeded.
    Success {
        /// What it returned; the code of a created contract.
        output: Bytes,
        /// Gas used.
        gas_used: u64,
        /// Logs, in order.
        logs: Vec<Log>,
    },
    /// It reverted.
    Revert {
        /// What it reverted with.
        output: Bytes,
        /// Gas used.
        gas_used: u64,
    },
    /// It failed otherwise and used all gas.
    Halt {
        /// Why, for people.
        reason: String,
        /// Gas used.
        gas_used: u64,
    },
    /// It could not even start.
    Invalid(InvalidTransaction),
}

impl CallOutcome {
    /// Whether it succeeded.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Success { .. })
    }
}

/// Calls on top of `state` in the environment of the block with this header; keeps nothing of it.
///
/// # Errors
///
/// If a trie node or code is missing.
pub fn call<P: Preimages>(
    state: &mut State<P>,
    header: &Header,
    l2_chain_id: u64,
    request: &CallRequest,
) -> Result<CallOutcome, MissingPreimage> {
    let gas_limit = request.gas_limit.unwrap_or(MAX_QUEUED_GAS_LIMIT).min(MAX_QUEUED_GAS_LIMIT);
    let nonce = state.account(request.from)?.map_or(0, |account| account.nonce);
    let authorizations: Vec<_> = request.authorizations.iter().cloned().map(Either::Left).collect();
    let transaction = TxEnv {
        // Only the types with lists differ in execution.
        tx_type: match (authorizations.is_empty(), request.access_list.is_empty()) {
            (false, _) => 4,
            (true, false) => 1,
            (true, true) => 0,
        },
        caller: request.from,
        gas_limit,
        gas_price: request.gas_price,
        kind: request.to.map_or(TxKind::Create, TxKind::Call),
        value: request.value,
        data: request.data.clone(),
        nonce,
        chain_id: Some(l2_chain_id),
        access_list: request.access_list.clone(),
        authorization_list: authorizations,
        ..TxEnv::default()
    };
    let execution = evm::execute(state, evm::unsigned_rules(l2_chain_id), &evm::environment(header), transaction)?;
    Ok(match execution {
        Ok((result, _)) => {
            let gas_used = result.tx_gas_used();
            match result {
                ExecutionResult::Success { output, logs, .. } => {
                    CallOutcome::Success { output: output.into_data(), gas_used, logs }
                }
                ExecutionResult::Revert { output, .. } => CallOutcome::Revert { output, gas_used },
                ExecutionResult::Halt { reason, .. } => CallOutcome::Halt { reason: format!("{reason}"), gas_used },
            }
        }
        Err(reason) => CallOutcome::Invalid(reason),
    })
}

/// The least gas limit with which the call succeeds, by bisection; `Err` within is how it ends with the highest.
///
/// # Errors
///
/// If a trie node or code is missing.
pub fn estimate_gas<P: Preimages>(
    state: &mut State<P>,
    header: &Header,
    l2_chain_id: u64,
    request: &CallRequest,
) -> Result<Result<u64, CallOutcome>, MissingPreimage> {
    let highest = highest_gas_limit(state, request)?;
    let mut attempt = |gas_limit| {
        let request = CallRequest { gas_limit: Some(gas_limit), ..request.clone() };
        call(state, header, l2_chain_id, &request)
    };
    let used = match attempt(highest)? {
        CallOutcome::Success { gas_used, .. } => gas_used,
        failure => return Ok(Err(failure)),
    };
    // Refunds, and what a call must hold back, can make the limit higher than the gas used; mostly they do not.
    if attempt(used)?.is_success() {
        return Ok(Ok(used));
    }
    let (mut too_little, mut enough) = (used, highest);
    while too_little + 1 < enough {
        let middle = too_little + (enough - too_little) / 2;
        if attempt(middle)?.is_success() {
            enough = middle;
        } else {
            too_little = middle;
        }
    }
    Ok(Ok(enough))
}

/// The highest gas limit that a request may have: its own or that of any transaction, as far as the caller can pay for it.
fn highest_gas_limit(state: &mut State<impl Preimages>, request: &CallRequest) -> Result<u64, MissingPreimage> {
    let highest = request.gas_limit.unwrap_or(MAX_QUEUED_GAS_LIMIT).min(MAX_QUEUED_GAS_LIMIT);
    if request.gas_price == 0 {
        return Ok(highest);
    }
    let balance = state.account(request.from)?.map_or(U256::ZERO, |account| account.balance);
    let affordable = balance.saturating_sub(request.value) / U256::from(request.gas_price);
    Ok(affordable.try_into().unwrap_or(u64::MAX).min(highest))
}
