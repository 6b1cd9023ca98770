//! `eth_call` and `eth_estimateGas`: transactions that are executed and forgotten.

use alloy::{
    consensus::{Header, Sealed},
    primitives::{Bytes, TxKind, U256},
    rpc::types::TransactionRequest,
};
use postern_execution::{CallOutcome, CallRequest, State};

use super::{RpcError, RpcResult};
use crate::{chain::Chain, store::StorePreimages};

/// What the call returns, in the environment and on the state of a block.
pub(super) fn call(chain: &Chain, header: &Sealed<Header>, request: TransactionRequest) -> RpcResult<Bytes> {
    let mut state = chain.state_after(header)?;
    let request = translate(chain, &mut state, request)?;
    match postern_execution::call(&mut state, header, chain.chain_id(), &request)? {
        CallOutcome::Success { output, .. } => Ok(output),
        failure => Err(refusal(failure)),
    }
}

/// The least gas limit with which the transaction succeeds, on the state of a block.
pub(super) fn estimate_gas(chain: &Chain, header: &Sealed<Header>, request: TransactionRequest) -> RpcResult<u64> {
    let mut state = chain.state_after(header)?;
    let request = translate(chain, &mut state, request)?;
    postern_execution::estimate_gas(&mut state, header, chain.chain_id(), &request)?.map_err(refusal)
}

/// The call that a request asks for. Fields that change nothing for a call (nonce, type) are not looked at.
fn translate(chain: &Chain, state: &mut State<StorePreimages>, request: TransactionRequest) -> RpcResult<CallRequest> {
    if request.has_eip4844_fields() {
        return Err(RpcError::NotSupported("blobs"));
    }
    let expected = chain.chain_id();
    if let Some(received) = request.chain_id.filter(|&received| received != expected) {
        return Err(RpcError::InvalidParams(format!("chain id {received}, expected {expected}")));
    }
    let input = &request.input;
    if let (Some(input), Some(data)) = (&input.input, &input.data)
        && input != data
    {
        return Err(RpcError::InvalidParams("input and data differ".into()));
    }
    let from = request.from.unwrap_or_default();
    let value = request.value.unwrap_or_default();
    let gas_price = request.gas_price.or(request.max_fee_per_gas).unwrap_or_default();
    let balance = state.account(from)?.map_or(U256::ZERO, |account| account.balance);
    let price = U256::from(gas_price);
    let cost = value.saturating_add(price.saturating_mul(U256::from(request.gas.unwrap_or_default())));
    if balance < cost {
        // The words are Geth's, which clients look for.
        let reason = format!("insufficient funds for gas * price + value: {from} has {balance}, wants {cost}");
        return Err(RpcError::Failed(reason));
    }
    // Without a gas limit it gets as much as its caller can pay for, up to what any transaction may have.
    let affordable = || (balance - value).checked_div(price).map(|gas| gas.saturating_to());
    let gas_limit = request.gas.or_else(affordable);
    Ok(CallRequest {
        from,
        to: request.to.and_then(TxKind::into_to),
        value,
        data: request.input.into_input().unwrap_or_default(),
        gas_limit,
        gas_price,
        access_list: request.access_list.unwrap_or_default(),
        authorizations: request.authorization_list.unwrap_or_default(),
    })
}

/// Why a call has no result.
fn refusal(outcome: CallOutcome) -> RpcError {
    match outcome {
        CallOutcome::Revert { output, .. } => RpcError::Reverted(output),
        CallOutcome::Halt { reason, .. } => RpcError::Failed(reason),
        CallOutcome::Invalid(reason) => RpcError::Failed(reason.to_string()),
        // Not asked for: a success has a result.
        CallOutcome::Success { .. } => RpcError::Failed("the call succeeded".into()),
    }
}
