//! The transaction that executes a group of messages.

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    providers::Provider,
    rpc::types::TransactionRequest,
    sol_types::SolCall,
    transports::RpcError,
};
use postern_bindings::bridge::Bridge::{self, BridgeErrors};
use postern_protocol::outbox;

use super::{RelayerError, bundle::Group};
use crate::{
    chain::{Chain, ChainError},
    l1::{L1, sender::Call},
};

/// A final commitment, and the outbox that it proves.
#[derive(Clone, Copy)]
pub(super) struct Proven {
    commitment: B256,
    batch_count: u64,
    pub(super) outbox_count: u64,
}

impl Proven {
    /// The final commitment that proves most messages.
    pub(super) fn last(chain: &Chain) -> Result<Option<Self>, ChainError> {
        let Some(last) = chain.final_commitment()? else {
            return Ok(None);
        };
        let batch_count = last.commitment.batch_count;
        let outbox_count = chain.outbox_count(batch_count)?.unwrap_or_default();
        Ok(Some(Self { commitment: last.id, batch_count, outbox_count }))
    }

    /// Depth of the outbox's tree.
    pub(super) fn depth(&self) -> usize {
        outbox::depth(self.outbox_count)
    }
}

/// A claim, ready to be simulated and sent.
pub(super) struct Claim {
    input: Bytes,
    pub(super) gas_limit: u64,
    messages: usize,
}

/// What a simulated claim would do.
pub(super) enum Simulated {
    Succeeds,
    Fails(String),
}

impl Claim {
    /// The claim that executes these messages.
    pub(super) fn of(group: &Group, chain: &Chain, proven: &Proven) -> Result<Self, ChainError> {
        let (commitment, messages) = (proven.commitment, group.messages());
        let input = match messages.as_slice() {
            [message] => Bridge::executeMessageCall {
                message: (*message).clone().into(),
                commitment,
                proof: chain.outbox_proof(message.index, proven.batch_count)?,
            }
            .abi_encode(),
            messages => {
                let indices: Vec<u64> = messages.iter().map(|message| message.index).collect();
                Bridge::executeMessagesCall {
                    messages: messages.iter().map(|message| (*message).clone().into()).collect(),
                    commitment,
                    depth: U256::from(proven.depth()),
                    proof: chain.outbox_multiproof(&indices, proven.batch_count)?,
                }
                .abi_encode()
            }
        };
        Ok(Self { input: input.into(), gas_limit: group.gas.limit, messages: messages.len() })
    }

    /// Runs the claim on L1 without sending it. It succeeds if it executes every one of its messages.
    pub(super) async fn simulate(&self, l1: &L1, from: Address) -> Result<Simulated, RelayerError> {
        let request = TransactionRequest::default().from(from).to(l1.bridge()).input(self.input.clone().into());
        match l1.provider().call(request.gas_limit(self.gas_limit)).await {
            Ok(_) if self.messages == 1 => Ok(Simulated::Succeeds),
            Ok(output) => {
                let executed = Bridge::executeMessagesCall::abi_decode_returns(&output)?;
                Ok(match executed.iter().all(|executed| *executed) {
                    true => Simulated::Succeeds,
                    false => Simulated::Fails("not every message of the claim".into()),
                })
            }
            Err(RpcError::ErrorResp(error)) => Ok(match error.as_decoded_interface_error::<BridgeErrors>() {
                // Somebody was faster: the chain will show it.
                Some(error) => Simulated::Fails(format!("{error:?}")),
                None => Simulated::Fails(error.to_string()),
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// The claim as a transaction.
    pub(super) fn call(&self, l1: &L1) -> Call {
        Call {
            to: l1.bridge(),
            value: U256::ZERO,
            input: self.input.clone(),
            gas_limit: Some(self.gas_limit),
            sidecar: None,
        }
    }
}
