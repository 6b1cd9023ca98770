//! Sends transactions of one account to L1, one at a time.
//!
//! The nonce is always the count of mined transactions, so that whatever was sent before and is stuck (by this process or by one
//! before a restart) is replaced, not queued behind. The account must therefore belong to one role of one node.
//!
//! | what happens | what the sender does |
//! | --- | --- |
//! | a transaction is not included in time | offers more, up to the node's limit |
//! | L1 moved on, and the call would revert now, or not return what it must | gives it up: the next one takes its place |
//! | what waits from before outbids what is sent | offers twice as much, at once, until L1 takes it or the limit is reached |
//! | L1 asks for more than the limit | waits, and says so: the limit is the operator's, who may raise it |
//! | L1 asks for more than what is sent is worth | gives it up |
//!
//! What is given up L1 may still include, until something else has its nonce: who has to know is told what was sent ([`Sent`]).

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEip4844, TxEip4844WithSidecar, transaction::RlpEcdsaEncodableTx},
    eips::{BlockId, BlockNumberOrTag, Encodable2718, eip2930::AccessList, eip7594::BlobTransactionSidecarVariant},
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, Signature, U256},
    providers::Provider,
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
/// The same for one with blobs: they are dear to pass on, so nodes ask for twice as much.
const BLOB_FEE_BUMP: u128 = 100;
/// The same for what L1 did not take: what waits, from before a restart, offers an unknown amount more.
const SEARCH_BUMP: u128 = 100;
/// What offers so many times what the market asks for does not wait because of its price.
const AMPLE: u128 = 20;
/// How often receipts are looked for once the nonce is used: L1 may count a transaction before it has the receipt, and behind one
/// URL there may be several nodes.
const LAST_LOOKS: u32 = 16;
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
    /// What it has to keep to; if `None`, it is given the gas that L1 estimates, with a margin. Either way it is simulated first.
    pub terms: Option<Terms>,
    /// The blobs that go along, with what proves them (EIP-7594).
    pub sidecar: Option<Arc<BlobTransactionSidecarVariant>>,
}

/// What a call has to keep to that runs code which anyone may have written. It is simulated exactly as it is sent, so that the code
/// cannot tell one from the other by what the transaction offers: after the last block each time that it is sent, the first time also
/// after the pool's transactions. What only these make possible may never happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Gas to give.
    pub gas_limit: u64,
    /// What it must return.
    pub output: Bytes,
    /// What it is worth, in wei per gas, tip included. If L1 does not take it for that, it is not sent, or given up when it would be
    /// sent again.
    pub worth: u128,
}

/// What was sent for a call: as long as nothing else has their nonce, L1 may include one of these transactions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Their nonce.
    pub nonce: u64,
    /// Their hashes; none if the call was not sent.
    pub hashes: BTreeSet<B256>,
}

impl Call {
    /// For simulations, which need the blobs' hashes but not the blobs.
    fn request(&self, from: Address) -> TransactionRequest {
        let mut request = TransactionRequest::default()
            .with_from(from)
            .with_to(self.to)
            .with_value(self.value)
            .with_input(self.input.clone());
        request.blob_versioned_hashes = self.sidecar.as_ref().map(|sidecar| sidecar.versioned_hashes().collect());
        request
    }

    const fn replacement_bump(&self) -> u128 {
        if self.sidecar.is_some() { BLOB_FEE_BUMP } else { FEE_BUMP }
    }
}

/// Why a transaction did not succeed.
#[derive(Debug, Error)]
pub enum SendError {
    /// The call reverts: in the simulation, or after all in the block.
    #[error("transaction reverts with {data}")]
    Reverted {
        /// What the call returned.
        data: Bytes,
        /// Of the transaction; none if it was only simulated.
        receipt: Option<Box<TransactionReceipt>>,
    },
    /// In the simulation the call returns something else than what it must.
    #[error("transaction returns {output}")]
    Unexpected {
        /// What it returns.
        output: Bytes,
    },
    /// In the simulation the call fails after what waits in L1's pool, and only then: that may be included first, or never.
    #[error("after what waits in L1's pool: {reason}")]
    Crossed {
        /// How it fails.
        reason: Box<SendError>,
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
    /// L1 does not take the transaction while another of the account's waits, which a node does not let one of the other kind
    /// replace: with blobs, or without.
    #[error("L1 does not replace the transaction that waits with nonce {nonce}: {reason}")]
    Blocked {
        /// The nonce.
        nonce: u64,
        /// What L1 said.
        reason: String,
    },
    /// L1 asks for more than the call is worth. If it was sent, L1 may still include it, at what it offers.
    #[error("L1 asks for more than {max_fee} wei per gas, which is what the transaction with nonce {nonce} is worth")]
    TooDear {
        /// The nonce.
        nonce: u64,
        /// What it offers, in wei per gas.
        max_fee: u128,
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

    /// A call that fails after the pool's transactions as `Crossed`, anything else as it is.
    fn crossed(self) -> Self {
        match self {
            reason @ (Self::Reverted { .. } | Self::Unexpected { .. }) => Self::Crossed { reason: Box::new(reason) },
            error => error,
        }
    }

    /// A failed call as `Reverted`, anything else as it is.
    fn from_call(error: RpcError<TransportErrorKind>) -> Self {
        // Not every node passes on what a call returned.
        match error.as_error_resp().filter(|response| says(response, &["revert", "vm execution error"])) {
            Some(response) => Self::Reverted { data: response.as_revert_data().unwrap_or_default(), receipt: None },
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
    contested: bool,
}

impl Sender {
    /// An account that sends a transaction again, for a higher fee, when it was not included after `resubmit_after`.
    pub fn new(l1: L1, signer: PrivateKeySigner, resubmit_after: Duration) -> Self {
        Self { l1, signer, resubmit_after, contested: false }
    }

    /// The same, for calls that others may make in our place: what only L1's pool speaks against is sent all the same. A copy that
    /// waits there and is never included could otherwise keep a call back for ever.
    pub fn contested(self) -> Self {
        Self { contested: true, ..self }
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
        self.send_noting(call, &mut Sent::default(), shutdown).await
    }

    /// The same, and notes what was sent, however it ends.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_noting(
        &self,
        call: Call,
        sent: &mut Sent,
        shutdown: &mut Shutdown,
    ) -> Result<TransactionReceipt, SendError> {
        tokio::select! {
            result = self.send_to_the_end(&call, sent) => result,
            () = shutdown.wait() => Err(SendError::Shutdown),
        }
    }

    /// What became of transactions that were given up.
    ///
    /// # Errors
    /// If L1 does not answer, or the node is ending.
    pub async fn outcome(&self, sent: &Sent, shutdown: &mut Shutdown) -> Result<Outcome, SendError> {
        let outcome = async {
            match self.l1.provider().get_transaction_count(self.address()).await? > sent.nonce {
                true => self.wait(&sent.hashes, sent.nonce).await,
                false => Ok(Outcome::Late),
            }
        };
        tokio::select! {
            outcome = outcome => outcome,
            () = shutdown.wait() => Err(SendError::Shutdown),
        }
    }

    async fn send_to_the_end(&self, call: &Call, sent: &mut Sent) -> Result<TransactionReceipt, SendError> {
        let provider = self.l1.provider();
        let nonce = provider.get_transaction_count(self.address()).await?;
        *sent = Sent { nonce, hashes: BTreeSet::new() };
        // In the next block, unless something of ours is stuck: that is to be replaced, so it must not count.
        let stuck = provider.get_transaction_count(self.address()).pending().await? > nonce;
        let block = if stuck { BlockId::latest() } else { BlockId::pending() };
        let began = provider.get_block_number().await?;
        let limit = self.l1.max_fee();
        let ceiling = call.terms.as_ref().map_or(limit, |terms| terms.worth.min(limit));
        let mut fees = self.market_fees(call).await?.at_most(ceiling);
        let gas_limit = match self.gas_limit(call, nonce, fees, block).await {
            Err(SendError::Reverted { .. }) if self.contested && !stuck => {
                self.gas_limit(call, nonce, fees, BlockId::latest()).await?
            }
            simulated => simulated?,
        };

        let mut taken = false;
        loop {
            let (hash, raw) = self.encode(call, nonce, gas_limit, fees)?;
            // Whatever L1 says: it may have had the same from before a restart.
            sent.hashes.insert(hash);
            let mut outbid = false;
            match provider.send_raw_transaction(&raw).await {
                Ok(_) => {
                    tracing::debug!(%hash, "sent L1 transaction");
                    taken = true;
                }
                // What was sent before may have been included meanwhile, or may be dearer: both show below.
                Err(RpcError::ErrorResp(error)) if taken || is_known(&error) || is_outbid(&error) => {
                    tracing::debug!(%error, "L1 prefers an earlier transaction");
                    outbid = is_outbid(&error);
                }
                Err(RpcError::ErrorResp(error)) if stuck => {
                    return Err(SendError::Blocked { nonce, reason: error.message.into_owned() });
                }
                Err(error) => return Err(error.into()),
            }
            // Nothing of this call waits: no block could include it meanwhile.
            let higher = fees.rise(SEARCH_BUMP, fees, ceiling);
            if outbid && !taken && higher != fees {
                fees = higher;
                if call.terms.is_some() {
                    self.check_again(call, nonce, gas_limit, fees).await?;
                }
                continue;
            }
            match self.wait(&sent.hashes, nonce).await? {
                Outcome::Included(receipt) => return self.judge(call, gas_limit, receipt).await,
                Outcome::Displaced => return Err(SendError::Displaced { nonce }),
                Outcome::Late => {}
            }
            let offered = fees;
            let market = self.market_fees(call).await?;
            // What L1 did not take has to offer more than what waits, whatever the market asks for.
            if outbid || !fees.are_ample(market) {
                let percent = if taken { call.replacement_bump() } else { SEARCH_BUMP };
                fees = fees.rise(percent, market, ceiling);
            }
            // Without terms it was simulated for the block after that one: what fails now comes too late.
            if call.terms.is_some() || provider.get_block_number().await? > began {
                self.check_again(call, nonce, gas_limit, fees).await?;
            }
            if call.terms.is_some() && offered.max_fee == ceiling {
                return Err(SendError::TooDear { nonce, max_fee: ceiling });
            }
            if fees.max_fee == ceiling {
                tracing::warn!(nonce, ceiling, ?market, "an L1 transaction waits and offers as much as it may");
            }
            tracing::info!(nonce, ?fees, ?market, "sending L1 transaction again");
        }
    }

    /// What gas to give to a call, which succeeds after `block`: what its terms say, or L1's estimate with a margin.
    async fn gas_limit(&self, call: &Call, nonce: u64, fees: Fees, block: BlockId) -> Result<u64, SendError> {
        if let Some(terms) = &call.terms {
            self.check(call, nonce, terms.gas_limit, fees, BlockId::latest()).await?;
            if block != BlockId::latest() {
                self.check(call, nonce, terms.gas_limit, fees, block).await.map_err(SendError::crossed)?;
            }
            return Ok(terms.gas_limit);
        }
        let request = call.request(self.address());
        let estimate = self.l1.provider().estimate_gas(request).block(block).await.map_err(SendError::from_call)?;
        Ok(estimate + estimate * GAS_MARGIN / 100)
    }

    /// Simulates a call before it is sent again, for these fees. If something was included with its nonce just now, that shows when it
    /// is waited for.
    async fn check_again(&self, call: &Call, nonce: u64, gas_limit: u64, fees: Fees) -> Result<(), SendError> {
        match self.check(call, nonce, gas_limit, fees, BlockId::latest()).await {
            Err(error) if self.l1.provider().get_transaction_count(self.address()).await? == nonce => Err(error),
            _ => Ok(()),
        }
    }

    /// Simulates a call after a block, with so much gas.
    async fn check(
        &self,
        call: &Call,
        nonce: u64,
        gas_limit: u64,
        fees: Fees,
        block: BlockId,
    ) -> Result<(), SendError> {
        let provider = self.l1.provider();
        let mut request = call.request(self.address()).with_gas_limit(gas_limit);
        if call.terms.is_some() {
            // L1 simulates nothing that offers less than the base fee.
            let history = provider.get_fee_history(1, BlockNumberOrTag::Latest, &[]).await?;
            if history.base_fee_per_gas.iter().any(|base_fee| *base_fee > fees.max_fee) {
                return Err(SendError::TooDear { nonce, max_fee: fees.max_fee });
            }
            request.set_max_fee_per_gas(fees.max_fee);
            request.set_max_priority_fee_per_gas(fees.tip);
        }
        let output = provider.call(request).block(block).await.map_err(SendError::from_call)?;
        match &call.terms {
            Some(terms) if terms.output != output => Err(SendError::Unexpected { output }),
            _ => Ok(()),
        }
    }

    /// What a transaction has to offer at present.
    async fn market_fees(&self, call: &Call) -> Result<Fees, SendError> {
        let provider = self.l1.provider();
        let market = provider.estimate_eip1559_fees().await?;
        let max_blob_fee = match call.sidecar {
            // It may rise by an eighth with each block.
            Some(_) => 2 * provider.get_blob_base_fee().await?,
            None => 0,
        };
        Ok(Fees { max_fee: market.max_fee_per_gas, tip: market.max_priority_fee_per_gas, max_blob_fee })
    }

    /// A signed transaction: its hash, and its encoding as nodes pass it on.
    fn encode(&self, call: &Call, nonce: u64, gas_limit: u64, fees: Fees) -> Result<(B256, Vec<u8>), SendError> {
        let (chain_id, to, value, input) = (self.l1.chain_id(), call.to, call.value, call.input.clone());
        let (max_fee_per_gas, max_priority_fee_per_gas) = (fees.max_fee, fees.tip);
        match &call.sidecar {
            None => self.sign(TxEip1559 {
                chain_id,
                nonce,
                gas_limit,
                max_fee_per_gas,
                max_priority_fee_per_gas,
                to: to.into(),
                value,
                access_list: AccessList::default(),
                input,
            }),
            Some(sidecar) => {
                let tx = TxEip4844 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas,
                    max_priority_fee_per_gas,
                    to,
                    value,
                    access_list: AccessList::default(),
                    blob_versioned_hashes: sidecar.versioned_hashes().collect(),
                    max_fee_per_blob_gas: fees.max_blob_fee,
                    input,
                };
                self.sign(TxEip4844WithSidecar { tx, sidecar: sidecar.as_ref().clone() })
            }
        }
    }

    fn sign<T: RlpEcdsaEncodableTx + SignableTransaction<Signature>>(
        &self,
        transaction: T,
    ) -> Result<(B256, Vec<u8>), SendError> {
        let signature = self.signer.sign_hash_sync(&transaction.signature_hash())?;
        let signed = transaction.into_signed(signature);
        Ok((*signed.hash(), signed.encoded_2718()))
    }

    /// Waits until one of `hashes` is included, or it is time to offer more.
    async fn wait(&self, hashes: &BTreeSet<B256>, nonce: u64) -> Result<Outcome, SendError> {
        let deadline = Instant::now() + self.resubmit_after;
        let mut polls = interval(self.l1.poll_interval());
        polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looks = 0;
        loop {
            polls.tick().await;
            let mined = self.l1.provider().get_transaction_count(self.address()).await?;
            for hash in hashes {
                if let Some(receipt) = self.l1.provider().get_transaction_receipt(*hash).await? {
                    return Ok(Outcome::Included(Box::new(receipt)));
                }
            }
            if mined > nonce {
                looks += 1;
                if looks == LAST_LOOKS {
                    return Ok(Outcome::Displaced);
                }
            } else if Instant::now() >= deadline {
                return Ok(Outcome::Late);
            }
        }
    }

    /// The receipt of a transaction that succeeded, or why it did not.
    async fn judge(
        &self,
        call: &Call,
        gas_limit: u64,
        receipt: Box<TransactionReceipt>,
    ) -> Result<TransactionReceipt, SendError> {
        if receipt.status() {
            return Ok(*receipt);
        }
        let block = receipt.block_number.map_or(BlockId::latest(), BlockId::number);
        let request = call.request(self.address()).with_gas_limit(gas_limit);
        let data = match self.l1.provider().call(request).block(block).await.map_err(SendError::from_call) {
            Err(SendError::Reverted { data, .. }) => data,
            // On the state after the block it would have succeeded; or L1 does not say.
            Ok(_) | Err(_) => Bytes::new(),
        };
        Err(SendError::Reverted { data, receipt: Some(receipt) })
    }
}

/// What became of transactions that were sent with a nonce.
#[derive(Debug)]
pub enum Outcome {
    /// L1 included one of them.
    Included(Box<TransactionReceipt>),
    /// Another transaction has their nonce.
    Displaced,
    /// None of this yet.
    Late,
}

/// Whether L1 did not take a transaction because it has it already.
fn is_known(error: &ErrorPayload) -> bool {
    says(error, &["already known", "alreadyknown", "already imported", "known transaction"])
}

/// Whether L1 did not take a transaction because one of the same nonce, sent before a restart, offers as much or almost as much.
fn is_outbid(error: &ErrorPayload) -> bool {
    says(error, &["underpriced", "replacementnotallowed", "could not replace"])
}

/// Whether an error has one of these words, as nodes of one kind or another put it.
fn says(error: &ErrorPayload, words: &[&str]) -> bool {
    let message = error.message.to_lowercase();
    words.iter().any(|word| message.contains(word))
}

/// What a transaction offers, in wei.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fees {
    /// For one gas, at most.
    max_fee: u128,
    /// Of that to the proposer of the block.
    tip: u128,
    /// For one blob gas, at most.
    max_blob_fee: u128,
}

impl Fees {
    /// No fee above `ceiling`.
    fn at_most(self, ceiling: u128) -> Self {
        Self {
            max_fee: self.max_fee.min(ceiling),
            tip: self.tip.min(ceiling),
            max_blob_fee: self.max_blob_fee.min(ceiling),
        }
    }

    /// Whether they are so much more than the market asks for that a transaction does not wait because of its price.
    fn are_ample(self, market: Self) -> bool {
        let fees = [(self.max_fee, market.max_fee), (self.tip, market.tip), (self.max_blob_fee, market.max_blob_fee)];
        fees.iter().all(|(fee, market)| *fee >= market.saturating_mul(AMPLE))
    }

    /// What to offer when this was not enough: so many percent more or what the market asks for, whichever is more, and no fee above
    /// `ceiling`. Every fee rises, because a replacement must offer more of each, also of one that is ample.
    fn rise(self, percent: u128, market: Self, ceiling: u128) -> Self {
        let raise = |fee: u128, market: u128| fee.saturating_add(fee.saturating_mul(percent).div_ceil(100)).max(market);
        Self {
            max_fee: raise(self.max_fee, market.max_fee),
            tip: raise(self.tip, market.tip),
            max_blob_fee: raise(self.max_blob_fee, market.max_blob_fee),
        }
        .at_most(ceiling)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use alloy::{
        consensus::Transaction,
        node_bindings::AnvilInstance,
        primitives::bytes,
        providers::{ProviderBuilder, ext::AnvilApi},
        sol_types::SolValue,
    };
    use postern_tests::{PATIENCE, Reaction, eventually};
    use serde_json::json;
    use tokio::{task::JoinHandle, time::timeout};

    use super::{
        super::testing::{TARGET, l1},
        *,
    };
    use crate::{http::Http, shutdown};

    /// Takes one call, and reverts on all others: if slot 0 is 0, sets it to 1.
    const TAKES_ONE: Bytes = bytes!("5f54156009575f5ffd5b60015f55");
    const REVERTS: Bytes = bytes!("5f5ffd");
    const GWEI: u128 = 1_000_000_000;
    /// More than the base fee, and less than the market asks for.
    const LITTLE: u128 = GWEI + GWEI / 2;
    const LONG: Duration = Duration::from_secs(3_600);

    fn sender(anvil: &AnvilInstance, l1: &L1, account: usize, resubmit_after: Duration) -> Sender {
        Sender::new(l1.clone(), anvil.nth_key(account).unwrap().clone().into(), resubmit_after)
    }

    /// Sends a call to the target. The node does not end meanwhile.
    fn send(sender: &Sender) -> JoinHandle<Result<TransactionReceipt, SendError>> {
        send_on(sender, None)
    }

    /// The same, on these terms.
    fn send_on(sender: &Sender, terms: Option<Terms>) -> JoinHandle<Result<TransactionReceipt, SendError>> {
        let sender = sender.clone();
        tokio::spawn(async move { noting(&sender, terms, &mut Sent::default()).await })
    }

    /// The same, and notes what was sent.
    async fn noting(sender: &Sender, terms: Option<Terms>, sent: &mut Sent) -> Result<TransactionReceipt, SendError> {
        let call = Call { to: TARGET, value: U256::ZERO, input: Bytes::new(), terms, sidecar: None };
        let (_trigger, mut shutdown) = shutdown::channel();
        sender.send_noting(call, sent, &mut shutdown).await
    }

    /// What became of it. The node does not end meanwhile.
    async fn outcome(sender: &Sender, sent: &Sent) -> Outcome {
        let (_trigger, mut shutdown) = shutdown::channel();
        sender.outcome(sent, &mut shutdown).await.unwrap()
    }

    /// Worth so much, in wei per gas, and to return nothing.
    fn worth(worth: u128) -> Option<Terms> {
        Some(Terms { gas_limit: 100_000, output: Bytes::new(), worth })
    }

    /// Waits until the pool has a transaction of the account with the first nonce, but not `other`, and returns its hash.
    async fn pooled(l1: &L1, sender: &Sender, other: Option<B256>) -> B256 {
        eventually("the pool has the transaction", || async {
            let found = l1.provider().get_transaction_by_sender_nonce(sender.address(), 0).await?;
            let hash = found.map(|transaction| *transaction.inner.tx_hash());
            Ok(hash.filter(|hash| Some(*hash) != other))
        })
        .await
        .unwrap()
    }

    async fn ended(
        sending: JoinHandle<Result<TransactionReceipt, SendError>>,
    ) -> Result<TransactionReceipt, SendError> {
        timeout(PATIENCE, sending).await.expect("it ends").unwrap()
    }

    #[tokio::test]
    async fn a_copy_that_waits_in_the_pool_does_not_keep_a_contested_call_back() {
        let (anvil, _proxy, l1) = l1(Http::new).await;
        l1.provider().anvil_set_code(TARGET, TAKES_ONE).await.unwrap();
        let copier = sender(&anvil, &l1, 1, LONG);
        let copying = send(&copier);
        let copy = pooled(&l1, &copier, None).await;

        let ours = sender(&anvil, &l1, 0, LONG);
        let refused = ended(send(&ours)).await;
        assert!(matches!(refused, Err(SendError::Reverted { receipt: None, .. })), "{refused:?}");
        // Whether a call on terms fails for that alone is told.
        let refused = ended(send_on(&ours, worth(u128::MAX))).await;
        assert!(matches!(refused, Err(SendError::Crossed { .. })), "{refused:?}");

        let ours = ours.contested();
        let sending = send(&ours);
        pooled(&l1, &ours, None).await;
        copying.abort();
        // It was never meant to be included.
        l1.provider().anvil_drop_transaction(copy).await.unwrap();
        l1.provider().anvil_mine(Some(1), None).await.unwrap();
        assert!(ended(sending).await.unwrap().status());

        // What the chain itself speaks against is not sent.
        let refused = ended(send(&ours)).await;
        assert!(matches!(refused, Err(SendError::Reverted { receipt: None, .. })), "{refused:?}");
    }

    #[tokio::test]
    async fn what_became_void_while_it_waited_is_given_up() {
        let (anvil, proxy, l1) = l1(Http::new).await;
        proxy.tamper(|call| match call.method {
            // It goes nowhere from there.
            "eth_sendRawTransaction" => Reaction::Answer(json!(B256::ZERO)),
            _ => Reaction::Pass,
        });
        let ours = sender(&anvil, &l1, 0, Duration::from_millis(20));
        let sending = send(&ours);
        let sent =
            async |least| eventually("it is sent", || async { Ok((proxy.tampered() >= least).then_some(())) }).await;
        sent(2).await.unwrap();
        l1.provider().anvil_set_code(TARGET, REVERTS).await.unwrap();
        // As long as there is no block, the next one is still that of the simulation.
        sent(proxy.tampered() + 2).await.unwrap();
        assert!(!sending.is_finished());

        l1.provider().anvil_mine(Some(1), None).await.unwrap();
        let given_up = ended(sending).await;
        assert!(matches!(given_up, Err(SendError::Reverted { receipt: None, .. })), "{given_up:?}");
    }

    /// A transaction of the account's that offers much.
    async fn waits_from_before(anvil: &AnvilInstance, sender: &Sender) -> B256 {
        let provider = ProviderBuilder::new().connect_http(anvil.endpoint_url());
        let before = TransactionRequest::default()
            .with_from(sender.address())
            .with_to(TARGET)
            .with_max_fee_per_gas(60 * GWEI)
            .with_max_priority_fee_per_gas(5 * GWEI);
        *provider.send_transaction(before).await.unwrap().tx_hash()
    }

    #[tokio::test]
    async fn what_waits_from_before_is_outbid_at_once() {
        let (anvil, _proxy, l1) = l1(Http::new).await;
        let ours = sender(&anvil, &l1, 0, LONG);
        let before = waits_from_before(&anvil, &ours).await;
        let sending = send(&ours);
        let hash = pooled(&l1, &ours, Some(before)).await;
        l1.provider().anvil_mine(Some(1), None).await.unwrap();
        let receipt = ended(sending).await.unwrap();
        assert_eq!(receipt.transaction_hash, hash);
    }

    /// What L1 does not include for what it is worth is given up, and makes place for what is worth more.
    #[tokio::test]
    async fn what_l1_asks_too_much_for_is_given_up() {
        let (anvil, _proxy, l1) = l1(Http::new).await;
        let ours = sender(&anvil, &l1, 0, Duration::from_millis(20));
        let mut sent = Sent::default();
        let given_up = timeout(PATIENCE, noting(&ours, worth(LITTLE), &mut sent)).await.expect("it ends");
        assert!(matches!(given_up, Err(SendError::TooDear { nonce: 0, max_fee }) if max_fee == LITTLE), "{given_up:?}");
        // It waits at that price, and no other was offered.
        let waiting = l1.provider().get_transaction_by_sender_nonce(ours.address(), 0).await.unwrap().unwrap();
        assert_eq!(waiting.inner.max_fee_per_gas(), LITTLE);
        assert_eq!(sent, Sent { nonce: 0, hashes: BTreeSet::from([*waiting.inner.tx_hash()]) });
        assert!(matches!(outcome(&ours, &sent).await, Outcome::Late));

        // No more than the node's limit, whatever it is worth.
        let better = sender(&anvil, &l1, 0, LONG);
        let sending = send_on(&better, worth(u128::MAX));
        let hash = pooled(&l1, &better, Some(*waiting.inner.tx_hash())).await;
        l1.provider().anvil_mine(Some(1), None).await.unwrap();
        assert_eq!(ended(sending).await.unwrap().transaction_hash, hash);
        assert!(matches!(outcome(&ours, &sent).await, Outcome::Displaced));

        // Nobody waits for that when the node ends.
        let (trigger, mut shutdown) = shutdown::channel();
        trigger.request();
        assert!(matches!(ours.outcome(&sent, &mut shutdown).await, Err(SendError::Shutdown)));
    }

    #[tokio::test]
    async fn what_was_given_up_may_be_included_after_all() {
        let (anvil, _proxy, l1) = l1(Http::new).await;
        let ours = sender(&anvil, &l1, 0, Duration::from_millis(20));
        let mut sent = Sent::default();
        let given_up = timeout(PATIENCE, noting(&ours, worth(LITTLE), &mut sent)).await.expect("it ends");
        assert!(matches!(given_up, Err(SendError::TooDear { .. })), "{given_up:?}");
        l1.provider().anvil_mine(Some(1), None).await.unwrap();
        let outcome = outcome(&ours, &sent).await;
        assert!(matches!(outcome, Outcome::Included(receipt) if sent.hashes.contains(&receipt.transaction_hash)));
    }

    #[tokio::test]
    async fn what_no_block_would_take_is_not_sent() {
        let (anvil, _proxy, l1) = l1(Http::new).await;
        let ours = sender(&anvil, &l1, 0, LONG);
        let mut sent = Sent::default();
        let refused = noting(&ours, worth(GWEI / 2), &mut sent).await;
        assert!(matches!(refused, Err(SendError::TooDear { .. })) && sent.hashes.is_empty(), "{refused:?}");
    }

    /// It can tell the simulation from what is sent neither by the gas, nor by its price, nor by who pays for it.
    #[tokio::test]
    async fn a_simulation_is_what_is_sent() {
        let (anvil, _proxy, l1) = l1(Http::new).await;
        let ours = sender(&anvil, &l1, 0, LONG);
        let tip = l1.provider().estimate_eip1559_fees().await.unwrap().max_priority_fee_per_gas;
        // Reverts unless all of these are as said: what is left of 100,000 gas, what the proposer of the block gets for a gas, and the
        // transaction's origin.
        let left = 100_000 - 21_000 - 2;
        let code = format!("5a62{left:06x}14483a036f{tip:032x}143273{:x}141616603a575f5ffd5b00", ours.address());
        l1.provider().anvil_set_code(TARGET, code.parse().unwrap()).await.unwrap();
        let terms = |gas_limit| Some(Terms { gas_limit, output: Bytes::new(), worth: u128::MAX });
        let refused = ended(send_on(&ours, terms(100_001))).await;
        assert!(matches!(refused, Err(SendError::Reverted { receipt: None, .. })), "{refused:?}");

        let sending = send_on(&ours, terms(100_000));
        pooled(&l1, &ours, None).await;
        l1.provider().anvil_mine(Some(1), None).await.unwrap();
        assert!(ended(sending).await.unwrap().status());
    }

    /// Reverts if the proposer of the block gets more for a gas than the market asks for.
    async fn refuses_higher_tips(l1: &L1) -> Bytes {
        let tip = l1.provider().estimate_eip1559_fees().await.unwrap().max_priority_fee_per_gas;
        format!("6f{tip:032x}483a0311601957005b5f5ffd").parse().unwrap()
    }

    /// What it knows by its price it would let fail on the chain alone.
    #[tokio::test]
    async fn what_is_sent_again_for_more_is_simulated_again() {
        let (anvil, proxy, l1) = l1(Http::new).await;
        l1.provider().anvil_set_code(TARGET, refuses_higher_tips(&l1).await).await.unwrap();
        proxy.tamper(|call| match call.method {
            // It goes nowhere from there.
            "eth_sendRawTransaction" => Reaction::Answer(json!(B256::ZERO)),
            _ => Reaction::Pass,
        });
        let ours = sender(&anvil, &l1, 0, Duration::from_millis(20));
        let given_up = ended(send_on(&ours, worth(u128::MAX))).await;
        assert!(matches!(given_up, Err(SendError::Reverted { receipt: None, .. })), "{given_up:?}");
        assert_eq!(proxy.tampered(), 1);
    }

    /// The same of what outbids something.
    #[tokio::test]
    async fn what_outbids_is_simulated_again() {
        let (anvil, _proxy, l1) = l1(Http::new).await;
        let ours = sender(&anvil, &l1, 0, LONG);
        let before = waits_from_before(&anvil, &ours).await;
        l1.provider().anvil_set_code(TARGET, refuses_higher_tips(&l1).await).await.unwrap();
        let given_up = ended(send_on(&ours, worth(u128::MAX))).await;
        assert!(matches!(given_up, Err(SendError::Reverted { receipt: None, .. })), "{given_up:?}");
        assert_eq!(pooled(&l1, &ours, None).await, before);
    }

    /// It offers more, as long as it is worth that.
    #[tokio::test]
    async fn what_the_base_fee_overtakes_is_sent_again() {
        let (anvil, proxy, l1) = l1(Http::new).await;
        proxy.tamper(|call| match call.method {
            // It goes nowhere from there.
            "eth_sendRawTransaction" => Reaction::Answer(json!(B256::ZERO)),
            _ => Reaction::Pass,
        });
        let ours = sender(&anvil, &l1, 0, Duration::from_millis(20));
        let market = l1.provider().estimate_eip1559_fees().await.unwrap().max_fee_per_gas;
        let (_, given_up) = tokio::join!(
            async {
                eventually("it is sent", || async { Ok((proxy.tampered() > 0).then_some(())) }).await.unwrap();
                l1.provider().anvil_set_next_block_base_fee_per_gas(10 * market).await.unwrap();
                l1.provider().anvil_mine(Some(1), None).await.unwrap();
                proxy.relent();
                let hash = pooled(&l1, &ours, None).await;
                l1.provider().anvil_mine(Some(1), None).await.unwrap();
                hash
            },
            ended(send_on(&ours, worth(u128::MAX)))
        );
        assert!(given_up.unwrap().status());
    }

    /// What somebody else did in the meantime need not make a call fail: it may just do less.
    #[tokio::test]
    async fn what_would_return_something_else_is_not_sent_and_not_sent_again() {
        let (anvil, proxy, l1) = l1(Http::new).await;
        proxy.tamper(|call| match call.method {
            // It goes nowhere from there.
            "eth_sendRawTransaction" => Reaction::Answer(json!(B256::ZERO)),
            _ => Reaction::Pass,
        });
        // Returns what is in slot 0.
        l1.provider().anvil_set_code(TARGET, bytes!("5f545f5260205ff3")).await.unwrap();
        let ours = sender(&anvil, &l1, 0, Duration::from_millis(20));
        let terms =
            |output: U256| Some(Terms { gas_limit: 100_000, output: output.abi_encode().into(), worth: u128::MAX });
        let refused = ended(send_on(&ours, terms(U256::ONE))).await;
        assert!(matches!(refused, Err(SendError::Unexpected { .. })), "{refused:?}");
        assert_eq!(proxy.tampered(), 0);

        let sending = send_on(&ours, terms(U256::ZERO));
        eventually("it is sent", || async { Ok((proxy.tampered() > 0).then_some(())) }).await.unwrap();
        l1.provider().anvil_set_storage_at(TARGET, U256::ZERO, U256::ONE.into()).await.unwrap();
        l1.provider().anvil_mine(Some(1), None).await.unwrap();
        let given_up = ended(sending).await;
        assert!(matches!(given_up, Err(SendError::Unexpected { .. })), "{given_up:?}");
    }

    /// What another's transaction makes possible that may never be included is not sent before that is.
    #[tokio::test]
    async fn what_only_the_pool_makes_possible_is_not_sent() {
        let (anvil, _proxy, l1) = l1(Http::new).await;
        // Without calldata returns what is in slot 0; else sets it.
        l1.provider().anvil_set_code(TARGET, bytes!("36600c575f545f5260205ff35b60015f5500")).await.unwrap();
        let other = anvil.addresses()[1];
        let provider = ProviderBuilder::new().connect_http(anvil.endpoint_url());
        let enables = TransactionRequest::default().with_from(other).with_to(TARGET).with_input(bytes!("01"));
        let pending = provider.send_transaction(enables).await.unwrap();
        let ours = sender(&anvil, &l1, 0, LONG);
        let terms = || Some(Terms { gas_limit: 100_000, output: U256::ONE.abi_encode().into(), worth: u128::MAX });
        let refused = ended(send_on(&ours, terms())).await;
        assert!(matches!(refused, Err(SendError::Unexpected { .. })), "{refused:?}");

        l1.provider().anvil_mine(Some(1), None).await.unwrap();
        assert!(pending.get_receipt().await.unwrap().status());
        let sending = send_on(&ours, terms());
        pooled(&l1, &ours, None).await;
        l1.provider().anvil_mine(Some(1), None).await.unwrap();
        assert!(ended(sending).await.unwrap().status());
    }

    const MARKET: Fees = Fees { max_fee: 1_000, tip: 10, max_blob_fee: 4 };

    #[test]
    fn a_replacement_offers_more_or_what_the_market_asks_for() {
        let risen = Fees { max_fee: 1_000, tip: 11, max_blob_fee: 1 }.rise(FEE_BUMP, MARKET, u128::MAX);
        assert_eq!(risen, Fees { max_fee: 1_130, tip: 13, max_blob_fee: 4 });
        let risen = Fees { max_fee: 800, tip: 20, max_blob_fee: 7 }.rise(BLOB_FEE_BUMP, MARKET, u128::MAX);
        assert_eq!(risen, Fees { max_fee: 1_600, tip: 40, max_blob_fee: 14 });
    }

    #[test]
    fn a_replacement_offers_more_of_each_also_of_what_the_market_asks_little_for() {
        let risen = Fees { max_fee: 500, tip: 5_000, max_blob_fee: 4_000 }.rise(BLOB_FEE_BUMP, MARKET, u128::MAX);
        assert_eq!(risen, Fees { max_fee: 1_000, tip: 10_000, max_blob_fee: 8_000 });
    }

    #[test]
    fn fees_are_ample_when_each_is_many_times_what_the_market_asks_for() {
        let ample = Fees { max_fee: 20_000, tip: 200, max_blob_fee: 80 };
        assert!(ample.are_ample(MARKET));
        assert!(!Fees { max_fee: 19_999, ..ample }.are_ample(MARKET));
        assert!(!Fees { tip: 199, ..ample }.are_ample(MARKET));
        assert!(!Fees { max_blob_fee: 79, ..ample }.are_ample(MARKET));
        // A transaction without blobs offers nothing for them.
        assert!(Fees { max_blob_fee: 0, ..ample }.are_ample(Fees { max_blob_fee: 0, ..MARKET }));
    }

    #[test]
    fn nodes_say_in_their_own_words_why_they_do_not_take_a_transaction() {
        let error = |message: &'static str| ErrorPayload { code: -32_000, message: message.into(), data: None };
        for known in ["already known", "AlreadyKnown", "transaction already imported", "Known transaction"] {
            assert!(is_known(&error(known)) && !is_outbid(&error(known)), "{known}");
        }
        for outbid in [
            "replacement transaction underpriced: new tx gas fee cap 1 <= 2 queued",
            "ReplacementNotAllowed",
            "could not replace existing tx",
        ] {
            assert!(is_outbid(&error(outbid)) && !is_known(&error(outbid)), "{outbid}");
        }
        for other in ["address already reserved", "PendingTxsOfConflictingType", "nonce too low"] {
            assert!(!is_outbid(&error(other)) && !is_known(&error(other)), "{other}");
        }
    }

    #[test]
    fn no_fee_rises_above_the_ceiling() {
        let highest = Fees { max_fee: u128::MAX, tip: u128::MAX, max_blob_fee: u128::MAX };
        assert_eq!(highest.rise(BLOB_FEE_BUMP, highest, u128::MAX), highest);
        assert_eq!(MARKET.rise(FEE_BUMP, MARKET, 100), Fees { max_fee: 100, tip: 12, max_blob_fee: 5 });
        assert_eq!(highest.at_most(100), Fees { max_fee: 100, tip: 100, max_blob_fee: 100 });
    }
}
