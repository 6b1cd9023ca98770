//! The batcher: posts sealed batches to L1, in order, one at a time.
//!
//! It keeps nothing of its own. The batch to post is the one after the last that L1 has, as followed; while that is not followed
//! yet, and after a restart, the same batch may be tried again, which the simulation of the call refuses at no cost. A batch that L1
//! will never take is given up, and the sequencer builds its transactions anew.
//!
//! Each batch goes by calldata or by blobs, whichever is cheaper at that moment or the operator wants. L1 nodes do not let a
//! transaction with blobs replace one without, nor the other way round. After a restart one of the other kind may wait: the batch
//! then goes by that kind, or, if its data is too long for calldata, the transaction that waits is replaced by an empty one.

use std::sync::Arc;

use alloy::{
    eips::{BlockNumberOrTag, eip7594::BlobTransactionSidecarVariant},
    primitives::{Address, Bytes, U256},
    providers::Provider,
    sol_types::SolCall,
};
use postern_bindings::CanonicalTransactionChain::{
    CanonicalTransactionChainErrors as Errors, NotSequencer, appendBatchCall, appendBlobBatchCall,
};
use thiserror::Error;

use crate::{
    SequencerConfig, blocking,
    carrier::{Carrier, DataSource, Prices, Quote},
    chain::{Chain, ChainError, ToPost},
    l1::{
        self, Blob, L1, L1Error,
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
    /// The data is too long for calldata, and L1 has no blobs any more.
    #[error("nothing on L1 can carry batch {index}")]
    NoCarrier { index: u64 },
    /// The contract refuses a batch that this node should never have built.
    #[error("L1 refuses batch {index}: {reason:?}")]
    Refused { index: u64, reason: Errors },
}

/// Posts batches until shutdown.
pub(crate) async fn run(chain: Chain, l1: L1, config: SequencerConfig, shutdown: Shutdown) {
    let heads = chain.subscribe();
    let poll_interval = l1.poll_interval();
    let sender = Sender::new(l1.clone(), config.signer, config.resubmit_after);
    let batcher = Batcher { chain, l1, sender, source: config.data_source, prepared: None, blocked: None };
    role::run(batcher, heads, poll_interval, shutdown).await;
}

struct Batcher {
    chain: Chain,
    l1: L1,
    sender: Sender,
    source: DataSource,
    /// Data, and its blobs with their proofs: those take long, and the same batch may be tried several times.
    prepared: Option<(Bytes, Arc<BlobTransactionSidecarVariant>)>,
    /// By what L1 did not take the batch, because a transaction of the other kind waits that it would have replaced.
    blocked: Option<Carrier>,
}

impl Role for Batcher {
    type Error = BatcherError;

    const NAME: &'static str = "batcher";

    async fn round(&mut self, shutdown: &mut Shutdown) -> Result<(), BatcherError> {
        let Some(batch) = self.chain.next_to_post()? else { return Ok(()) };
        let carrier = self.choose(&batch).await?;
        let call = match carrier {
            Some(carrier) => self.call(&batch, carrier).await?,
            None => self.cancellation(),
        };
        let error = match self.sender.send(call, shutdown).await {
            Ok(receipt) => {
                self.blocked = None;
                if carrier.is_some() {
                    let (bytes, block, gas) = (batch.data.len(), receipt.block_number, receipt.gas_used);
                    tracing::info!(index = batch.index, bytes, block, gas, "posted batch");
                }
                return Ok(());
            }
            Err(error) => error,
        };
        if let SendError::Blocked { .. } = error {
            self.blocked = Some(carrier.unwrap_or(Carrier::Calldata));
        }
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
    /// By what a batch is to go, at the prices of the moment. None if the transaction that waits must be got rid of first.
    async fn choose(&self, batch: &ToPost) -> Result<Option<Carrier>, BatcherError> {
        let prices = self.prices().await?;
        let quote = Quote::new(&batch.data, prices);
        let index = batch.index;
        let (carrier, reason) = quote.choose(self.source).ok_or(BatcherError::NoCarrier { index })?;
        let (carrier, reason) = match self.blocked {
            Some(blocked) if blocked == carrier => (quote.other(carrier), "a transaction that waits goes by it"),
            _ => (Some(carrier), reason),
        };
        let Some(carrier) = carrier else {
            tracing::warn!(index, "replacing a transaction that waits and cannot carry the batch");
            return Ok(None);
        };
        let wei = |cost: Option<u128>| cost.map_or("impossible".to_owned(), |cost| cost.to_string());
        let (calldata_wei, blobs_wei) = (wei(quote.calldata), wei(quote.blobs));
        tracing::info!(index, bytes = batch.data.len(), by = %carrier, reason, calldata_wei, blobs_wei, "posting batch");
        Ok(Some(carrier))
    }

    async fn prices(&self) -> Result<Prices, BatcherError> {
        let provider = self.l1.provider();
        let tip = provider.estimate_eip1559_fees().await.map_err(L1Error::from)?.max_priority_fee_per_gas;
        let latest = self.l1.header(BlockNumberOrTag::Latest).await?;
        let latest = latest.ok_or_else(|| L1Error::Missing { what: "latest block".to_owned() })?;
        let blob_gas = match latest.excess_blob_gas {
            Some(_) => Some(provider.get_blob_base_fee().await.map_err(L1Error::from)?),
            None => None,
        };
        Ok(Prices { gas: u128::from(latest.base_fee_per_gas.unwrap_or_default()) + tip, blob_gas })
    }

    async fn call(&mut self, batch: &ToPost, carrier: Carrier) -> Result<Call, BatcherError> {
        let to = self.l1.canonical_transaction_chain();
        let (input, sidecar) = match carrier {
            Carrier::Calldata => {
                let call = appendBatchCall {
                    index: batch.index,
                    consumeTo: batch.consume_to,
                    originNumber: batch.origin_number,
                    originHash: batch.origin_hash,
                    data: batch.data.clone(),
                };
                (call.abi_encode(), None)
            }
            Carrier::Blobs => {
                let call = appendBlobBatchCall {
                    index: batch.index,
                    consumeTo: batch.consume_to,
                    originNumber: batch.origin_number,
                    originHash: batch.origin_hash,
                };
                (call.abi_encode(), Some(self.sidecar(&batch.data).await?))
            }
        };
        Ok(Call { to, value: U256::ZERO, input: input.into(), terms: None, sidecar })
    }

    /// The blobs that carry `data`, which are in the store then: this node derives from them though no one else gives them.
    async fn sidecar(&mut self, data: &Bytes) -> Result<Arc<BlobTransactionSidecarVariant>, ChainError> {
        if let Some((prepared, sidecar)) = &self.prepared
            && prepared == data
        {
            return Ok(sidecar.clone());
        }
        let (chain, content) = (self.chain.clone(), data.clone());
        let sidecar = blocking(move || {
            let sidecar = l1::sidecar(&content);
            chain.keep_blobs(&Blob::of(&sidecar)).map(|()| Arc::new(sidecar))
        });
        let sidecar = sidecar.await?;
        self.prepared = Some((data.clone(), sidecar.clone()));
        Ok(sidecar)
    }

    /// A transaction that does nothing but take the place of one without blobs.
    fn cancellation(&self) -> Call {
        let to = self.sender.address();
        Call { to, value: U256::ZERO, input: Bytes::new(), terms: None, sidecar: None }
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
