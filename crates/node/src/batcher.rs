//! The batcher: posts sealed batches to L1, in order, one at a time.
//!
//! It keeps nothing of its own. The batch to post is the one after the last that L1 has, as followed; while that is not followed
//! yet, and after a restart, the same batch may be tried again, which the simulation of the call refuses at no cost. A batch that L1
//! will never take is given up, and the sequencer builds its transactions anew.

use std::time::Duration;

use alloy::{
    eips::BlockNumberOrTag,
    primitives::{Address, Bytes, U256},
    signers::local::PrivateKeySigner,
    sol_types::SolCall,
};
use postern_bindings::CanonicalTransactionChain::{
    CanonicalTransactionChainErrors as Errors, NotSequencer, appendBatchCall,
};
use thiserror::Error;

use crate::{
    blocking,
    chain::{Chain, ChainError, ToPost},
    l1::{
        L1, L1Error,
        sender::{Call, SendError, Sender},
    },
    role::{self, Role},
    shutdown::Shutdown,
};

/// Why a batch was not posted in this round.
#[derive(Debug, Error)]
enum BatcherError {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    L1(#[from] L1Error),
    #[error(transparent)]
    Send(#[from] SendError),
    /// The key is not the sequencer's.
    #[error("L1 takes batches from {expected}, not from {received}")]
    NotSequencer { received: Address, expected: Address },
    /// The contract refuses a batch that this node should never have built.
    #[error("L1 refuses batch {index}: {reason:?}")]
    Refused { index: u64, reason: Errors },
}

/// Posts batches until shutdown.
pub(crate) async fn run(chain: Chain, l1: L1, signer: PrivateKeySigner, resubmit_after: Duration, shutdown: Shutdown) {
    let heads = chain.subscribe();
    let poll_interval = l1.poll_interval();
    let sender = Sender::new(l1.clone(), signer, resubmit_after);
    role::run(Batcher { chain, l1, sender }, heads, poll_interval, shutdown).await;
}

struct Batcher {
    chain: Chain,
    l1: L1,
    sender: Sender,
}

impl Role for Batcher {
    type Error = BatcherError;

    const NAME: &'static str = "batcher";

    async fn round(&mut self, shutdown: &mut Shutdown) -> Result<(), BatcherError> {
        let Some(batch) = self.chain.next_to_post()? else { return Ok(()) };
        let error = match self.sender.send(self.call(&batch), shutdown).await {
            Ok(receipt) => {
                let ToPost { index, data, .. } = &batch;
                let (block, gas) = (receipt.block_number, receipt.gas_used);
                tracing::info!(index, bytes = data.len(), block, gas, "posted batch");
                return Ok(());
            }
            Err(error) => error,
        };
        match error.decoded::<Errors>() {
            // It is there already, or another was forced: following L1 will tell.
            Some(Errors::BatchIndexMismatch(_)) => Ok(()),
            Some(
                reason @ (Errors::OriginHashMismatch(_)
                | Errors::OriginOutOfRange(_)
                | Errors::ConsumptionOutOfRange(_)),
            ) => self.give_up(batch.index, &reason).await,
            Some(Errors::NotSequencer(NotSequencer { received, expected })) => {
                Err(BatcherError::NotSequencer { received, expected })
            }
            Some(reason) => Err(BatcherError::Refused { index: batch.index, reason }),
            None => Err(error.into()),
        }
    }
}

impl Batcher {
    fn call(&self, batch: &ToPost) -> Call {
        let input = appendBatchCall {
            index: batch.index,
            consumeTo: batch.consume_to,
            originNumber: batch.origin_number,
            originHash: batch.origin_hash,
            data: batch.data.clone(),
        };
        let to = self.l1.canonical_transaction_chain();
        Call { to, value: U256::ZERO, input: Bytes::from(input.abi_encode()), gas_limit: None }
    }

    /// Gives a batch up that L1 refuses, if L1 refuses it in the state that we know: otherwise following L1 settles it.
    async fn give_up(&self, index: u64, reason: &Errors) -> Result<(), BatcherError> {
        let latest = self.l1.header(BlockNumberOrTag::Latest).await?;
        if latest.map(|latest| latest.hash()) != Some(self.chain.heads().l1.hash) {
            return Ok(());
        }
        tracing::warn!(index, ?reason, "L1 refuses batch, building it anew");
        let chain = self.chain.clone();
        Ok(blocking(move || chain.abandon(index)).await?)
    }
}
