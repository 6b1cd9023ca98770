#![doc = include_str!("../README.md")]

mod commitment;
pub mod deployment;
mod deposit;
mod error;
mod inclusion;
pub mod rpc;
mod tokens;
mod withdrawal;

use std::{borrow::Cow, time::Duration};

use alloy::{
    contract::{CallBuilder, CallDecoder},
    network::Ethereum,
    primitives::Address,
    providers::{PendingTransactionBuilder, Provider},
    rpc::{
        json_rpc::{RpcRecv, RpcSend},
        types::TransactionReceipt,
    },
    sol_types::SolInterface,
};
use postern_bindings::{
    bridge::Bridge::BridgeInstance,
    canonical_transaction_chain::CanonicalTransactionChain::CanonicalTransactionChainInstance,
    state_commitment_chain::StateCommitmentChain::StateCommitmentChainInstance,
};
use tokio::time::{Instant, sleep, timeout_at};

pub use deployment::Deployment;
pub use deposit::{DEPOSIT_GAS_LIMIT, Deposit, L2Call, Quote};
use error::refused;
pub use error::{Error, Refusal};
pub use inclusion::{Inclusion, InclusionStatus};
pub use tokens::{
    DeliveryStatus, Erc20, Erc721, Permit, Standard, TOKEN_DEPOSIT_GAS_LIMIT, TOKEN_WITHDRAWAL_GAS_LIMIT, TokenDeposit,
    TokenGateways, TokenTransfer, TokenWithdrawal, Undelivered, twin_of,
};
pub use withdrawal::{
    Executable, ExecutableBatch, L1_BLOCK_TIME, Outcome, Provable, Proven, ReadyAt, Status, Withdrawal, withdrawals,
};

/// No transaction may have a higher gas limit, on either chain (EIP-7825).
const MAX_TRANSACTION_GAS: u64 = 1 << 24;

/// Both ends of a Postern chain, for one account or for none.
///
/// `L1` and `L2` are alloy providers. What only asks works with any; what sends needs one with a wallet.
#[derive(Clone, Debug)]
pub struct Client<L1, L2> {
    l1: L1,
    l2: L2,
    deployment: Deployment,
    account: Option<Address>,
    poll_interval: Duration,
    confirmation_timeout: Duration,
}

/// What came of a transaction, with its receipt.
#[derive(Clone, Debug)]
pub struct Sent<T> {
    /// What it led to.
    pub state: T,
    /// Its receipt.
    pub receipt: TransactionReceipt,
}

impl<L1: Provider, L2: Provider> Client<L1, L2> {
    /// A client of `deployment` on the L1 behind `l1`, whose L2 is behind `l2`. It asks every second while it waits for
    /// something, and gives its transactions two minutes to be included.
    pub const fn new(l1: L1, l2: L2, deployment: Deployment) -> Self {
        let (poll_interval, confirmation_timeout) = (Duration::from_secs(1), Duration::from_secs(120));
        Self { l1, l2, deployment, account: None, poll_interval, confirmation_timeout }
    }

    /// Sends from `account`, and gives transactions a quarter more gas than they need at the moment: what a call costs can
    /// rise until it is included, as when another account's message comes first. Without this the providers decide both.
    #[must_use]
    pub fn with_account(self, account: Address) -> Self {
        Self { account: Some(account), ..self }
    }

    /// Asks every `interval` while it waits for something.
    #[must_use]
    pub fn with_poll_interval(self, interval: Duration) -> Self {
        Self { poll_interval: interval, ..self }
    }

    /// Gives transactions `timeout` to be included.
    #[must_use]
    pub fn with_confirmation_timeout(self, timeout: Duration) -> Self {
        Self { confirmation_timeout: timeout, ..self }
    }

    /// The provider of L1.
    pub const fn l1(&self) -> &L1 {
        &self.l1
    }

    /// The provider of the L2.
    pub const fn l2(&self) -> &L2 {
        &self.l2
    }

    /// Where the contracts are.
    pub const fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// The bridge, for what this client has no words for.
    pub fn bridge(&self) -> BridgeInstance<&L1> {
        BridgeInstance::new(self.deployment.bridge.address, &self.l1)
    }

    /// The canonical transaction chain, likewise.
    pub fn canonical_transaction_chain(&self) -> CanonicalTransactionChainInstance<&L1> {
        CanonicalTransactionChainInstance::new(self.deployment.canonical_transaction_chain.address, &self.l1)
    }

    /// The state commitment chain, likewise.
    pub fn state_commitment_chain(&self) -> StateCommitmentChainInstance<&L1> {
        StateCommitmentChainInstance::new(self.deployment.state_commitment_chain.address, &self.l1)
    }

    /// Sends a call of a contract whose errors are `E`, and waits for its receipt.
    async fn send<P: Provider, D: CallDecoder, E: SolInterface>(
        &self,
        mut call: CallBuilder<P, D>,
        contract: fn(E) -> Refusal,
    ) -> Result<TransactionReceipt, Error> {
        let refused = refused(contract);
        if let Some(account) = self.account {
            call = call.from(account);
            let gas = call.estimate_gas().await.map_err(&refused)?;
            call = call.gas((gas + gas / 4).min(MAX_TRANSACTION_GAS.max(gas)));
        }
        self.confirm(call.send().await.map_err(refused)?).await
    }

    /// The receipt of a transaction that did not revert. Asks for it by its hash: a watcher of new blocks can miss the one
    /// that matters when blocks come fast.
    async fn confirm(&self, pending: PendingTransactionBuilder<Ethereum>) -> Result<TransactionReceipt, Error> {
        let (transaction, provider) = (*pending.tx_hash(), pending.provider());
        let look = || async move { Ok(provider.get_transaction_receipt(transaction).await?) };
        let receipt = self.wait("receipt of the transaction", self.confirmation_timeout, look).await?;
        if receipt.status() { Ok(receipt) } else { Err(Error::Reverted { transaction }) }
    }

    async fn ask<R: RpcRecv>(&self, method: &'static str, params: impl RpcSend) -> Result<R, Error> {
        Ok(self.l2.raw_request(Cow::Borrowed(method), params).await?)
    }

    /// Looks again and again until there is something, an error that will not pass, or `timeout` is over.
    async fn wait<T, F>(&self, what: &'static str, timeout: Duration, look: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<Option<T>, Error>>,
    {
        let deadline = Instant::now() + timeout;
        let late = || Error::Timeout { what, after: timeout };
        let mut reason = late();
        loop {
            match timeout_at(deadline, look()).await {
                Ok(Ok(Some(found))) => return Ok(found),
                Ok(Ok(None)) => reason = late(),
                Ok(Err(error)) if error.may_pass() => reason = error,
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(reason),
            }
            if Instant::now() >= deadline {
                return Err(reason);
            }
            sleep(self.poll_interval.min(deadline - Instant::now())).await;
        }
    }
}
