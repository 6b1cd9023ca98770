//! The transaction that executes a group of messages.

use alloy::{
    primitives::{Address, B256, U256},
    sol_types::SolCall,
};
use postern_bindings::Bridge;
use postern_protocol::outbox;

use super::bundle::Group;
use crate::{
    chain::{Chain, ChainError},
    l1::sender::{Call, Terms},
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

/// The call that executes a group of messages, all of them, or is not worth its gas. It is worth so much, in wei per gas.
pub(super) fn claim(
    group: &Group,
    bridge: Address,
    chain: &Chain,
    proven: &Proven,
    worth: u128,
) -> Result<Call, ChainError> {
    let (commitment, messages) = (proven.commitment, group.messages());
    let (input, output) = match messages.as_slice() {
        [message] => {
            let call = Bridge::executeMessageCall {
                message: (*message).clone().into(),
                commitment,
                proof: chain.outbox_proof(message.index, proven.batch_count)?,
            };
            (call.abi_encode(), Vec::new())
        }
        messages => {
            let indices: Vec<u64> = messages.iter().map(|message| message.index).collect();
            let call = Bridge::executeMessagesCall {
                messages: messages.iter().map(|message| (*message).clone().into()).collect(),
                commitment,
                depth: U256::from(proven.depth()),
                proof: chain.outbox_multiproof(&indices, proven.batch_count)?,
            };
            (call.abi_encode(), Bridge::executeMessagesCall::abi_encode_returns(&vec![true; messages.len()]))
        }
    };
    // What somebody else executed in the meantime is skipped, and its tips are gone: no claim is sent that would do less.
    let terms = Terms { gas_limit: group.gas.limit, output: output.into(), worth };
    Ok(Call { to: bridge, value: U256::ZERO, input: input.into(), terms: Some(terms), sidecar: None })
}
