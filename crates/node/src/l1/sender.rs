//! Sends transactions of one account to L1, one at a time.
//!
//! The nonce is always the count of mined transactions, so that whatever was sent before and is stuck (by this process or by one
//! before a restart) is replaced, not queued behind. The account must therefore belong to one role of one node.

use std::time::Duration;

use alloy::{
    consensus::SignableTransaction,
    eips::{BlockId, Encodable2718},
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, U256},
    providers::{Provider, utils::Eip1559Estimation},
    rpc::{
        json_rpc::ErrorPayload,
        types::{TransactionReceipt, TransactionRequest},
    },
    signers::{SignerSync, local::PrivateKeySigner},
    sol_types::SolInterface,
    transports::{RpcError, TransportErrorKind},
};
use thiserror::Error;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::L1;
use crate::shutdown::Shutdown;

/// By what a transaction's fees rise when it is sent again, in percent: a node takes a replacement from 10 on.
const FEE_BUMP: u128 = 13;
/// How much more gas a transaction gets than the estimate, in percent: the state may move until it is included.
const GAS_MARGIN: u64 = 15;

/// What to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Whom to call.
    pub to: Address,
    /// ETH to send along, in wei.
    pub value: U256,
    /// Calldata.
    pub input: Bytes,
    /// Gas to give; the node's estimate with a margin if `None`. Either way the call is simulated first.
    pub gas_limit: Option<u64>,
}

/// Why a transaction did not succeed.
#[derive(Debug, Error)]
pub enum SendError {
    /// The call reverts: in the simulation, or after all in the block.
    #[error("transaction reverts with {data}")]
    Reverted {
        /// What the call returned.
        data: Bytes,
        /// What it cost in L1 gas; 0 if it was only simulated.
        gas_used: u64,
    },
    /// L1 did not answer, or not take the transaction. Try again.
    #[error("L1: {0}")]
    Transport(#[from] RpcError<TransportErrorKind>),
    /// Another transaction of the account was included with this nonce: one sent before a restart, or by someone who shares
    /// the key. Look at the chain, and try again if need be.
    #[error("another transaction took nonce {nonce}")]
    Displaced {
        /// The nonce.
        nonce: u64,
    },
    /// The key did not sign.
    #[error("cannot sign: {0}")]
    Signer(#[from] alloy::signers::Error),
    /// The node is ending. The transaction may still be included.
    #[error("shutting down")]
    Shutdown,
}

impl SendError {
    /// The contract's error, if the call reverted with one of `E`.
    pub fn decoded<E: SolInterface>(&self) -> Option<E> {
        match self {
            Self::Reverted { data, .. } => E::abi_decode(data).ok(),
            _ => None,
        }
    }

    /// A failed call as `Reverted`, anything else as it is.
    fn from_call(error: RpcError<TransportErrorKind>) -> Self {
        match error.as_error_resp().and_then(|response| response.as_revert_data()) {
            Some(data) => Self::Reverted { data, gas_used: 0 },
            None => Self::Transport(error),
        }
    }
}

/// One account on L1.
#[derive(Clone, Debug)]
pub struct Sender {
    l1: L1,
    signer: PrivateKeySigner,
    resubmit_after: Duration,
}

impl Sender {
    /// An account that sends a transaction again, for a higher fee, when it was not included after `resubmit_after`.
    pub fn new(l1: L1, signer: PrivateKeySigner, resubmit_after: Duration) -> Self {
        Self { l1, signer, resubmit_after }
    }

    /// Its address.
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// Sends a transaction and waits for its receipt. An L1 reorg may still undo it: what matters is what the chain then shows.
    ///
    /// # Errors
    /// If it reverts, L1 does not answer, or the node is ending.
    pub async fn send(&self, call: Call, shutdown: &mut Shutdown) -> Result<TransactionReceipt, SendError> {
        tokio::select! {
            result = self.send_to_the_end(&call) => result,
            () = shutdown.wait() => Err(SendError::Shutdown),
        }
    }

    async fn send_to_the_end(&self, call: &Call) -> Result<TransactionReceipt, SendError> {
        let provider = self.l1.provider();
        let request = TransactionRequest::default()
            .with_from(self.address())
            .with_to(call.to)
            .with_value(call.value)
            .with_input(call.input.clone());
        let nonce = provider.get_transaction_count(self.address()).await?;
        // In the next block, unless something of ours is stuck: that is to be replaced, so it must not count.
        let stuck = provider.get_transaction_count(self.address()).pending().await? > nonce;
        let block = if stuck { BlockId::latest() } else { BlockId::pending() };
        let gas_limit = match call.gas_limit {
            Some(gas_limit) => {
                let request = request.clone().with_gas_limit(gas_limit);
                provider.call(request).block(block).await.map_err(SendError::from_call)?;
                gas_limit
            }
            None => {
                let estimate = provider.estimate_gas(request.clone()).block(block).await;
                let estimate = estimate.map_err(SendError::from_call)?;
                estimate + estimate * GAS_MARGIN / 100
            }
        };
        let request = request.with_gas_limit(gas_limit).with_nonce(nonce).with_chain_id(self.l1.chain_id());

        let mut fees = provider.estimate_eip1559_fees().await?;
        let mut hashes = Vec::new();
        loop {
            match self.broadcast(&request, fees).await {
                Ok(hash) => hashes.push(hash),
                // What was sent before may have been included meanwhile, or may be dearer: both show below.
                Err(SendError::Transport(RpcError::ErrorResp(error))) if !hashes.is_empty() || is_outbid(&error) => {
                    tracing::debug!(%error, "L1 prefers an earlier transaction");
                }
                Err(error) => return Err(error),
            }
            match self.wait(&hashes, nonce).await? {
                Outcome::Included(receipt) => return self.judge(request, receipt).await,
                Outcome::Displaced => return Err(SendError::Displaced { nonce }),
                Outcome::Late => {}
            }
            let market = provider.estimate_eip1559_fees().await?;
            fees = Eip1559Estimation {
                max_fee_per_gas: bump(fees.max_fee_per_gas).max(market.max_fee_per_gas),
                max_priority_fee_per_gas: bump(fees.max_priority_fee_per_gas).max(market.max_priority_fee_per_gas),
            };
            tracing::info!(nonce, max_fee_per_gas = fees.max_fee_per_gas, "sending L1 transaction again");
        }
    }

    async fn broadcast(&self, request: &TransactionRequest, fees: Eip1559Estimation) -> Result<B256, SendError> {
        let request = request
            .clone()
            .with_max_fee_per_gas(fees.max_fee_per_gas)
            .with_max_priority_fee_per_gas(fees.max_priority_fee_per_gas);
        let transaction = request.build_typed_tx().expect("all fields of an EIP-1559 transaction are set");
        let transaction = transaction.eip1559().expect("fees of EIP-1559 are set").clone();
        let signature = self.signer.sign_hash_sync(&transaction.signature_hash())?;
        let signed = transaction.into_signed(signature);
        let hash = *signed.hash();
        // Receipts are polled for by `wait`, which knows all the attempts.
        let _pending = self.l1.provider().send_raw_transaction(&signed.encoded_2718()).await?;
        tracing::debug!(%hash, "sent L1 transaction");
        Ok(hash)
    }

    /// Waits until one of `hashes` is included, or it is time to offer more.
    async fn wait(&self, hashes: &[B256], nonce: u64) -> Result<Outcome, SendError> {
        let deadline = Instant::now() + self.resubmit_after;
        let mut polls = interval(self.l1.poll_interval());
        polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while Instant::now() < deadline {
            polls.tick().await;
            // The count first: a receipt that is missing after it will not come.
            let mined = self.l1.provider().get_transaction_count(self.address()).await?;
            for hash in hashes {
                if let Some(receipt) = self.l1.provider().get_transaction_receipt(*hash).await? {
                    return Ok(Outcome::Included(Box::new(receipt)));
                }
            }
            if mined > nonce {
                return Ok(Outcome::Displaced);
            }
        }
        Ok(Outcome::Late)
    }

    /// The receipt of a transaction that succeeded, or why it did not.
    async fn judge(
        &self,
        request: TransactionRequest,
        receipt: Box<TransactionReceipt>,
    ) -> Result<TransactionReceipt, SendError> {
        if receipt.status() {
            return Ok(*receipt);
        }
        let block = receipt.block_number.map_or(BlockId::latest(), BlockId::number);
        let reverted = |data| SendError::Reverted { data, gas_used: receipt.gas_used };
        match self.l1.provider().call(request).block(block).await.map_err(SendError::from_call) {
            Err(SendError::Reverted { data, .. }) => Err(reverted(data)),
            Err(error) => Err(error),
            // On the state after the block it would have succeeded.
            Ok(_) => Err(reverted(Bytes::new())),
        }
    }
}

/// What became of a transaction that was sent.
enum Outcome {
    Included(Box<TransactionReceipt>),
    /// Another transaction has its nonce.
    Displaced,
    /// None of this yet.
    Late,
}

/// Whether L1 did not take a transaction because one of the same nonce, sent before a restart, offers as much.
fn is_outbid(error: &ErrorPayload) -> bool {
    ["underpriced", "already known", "already imported"].iter().any(|reason| error.message.contains(reason))
}

fn bump(fee: u128) -> u128 {
    fee + (fee * FEE_BUMP).div_ceil(100)
}
