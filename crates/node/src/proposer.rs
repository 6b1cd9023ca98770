//! Proposes commitments to what the node derived, and finalizes those that are due.
//!
//! It builds on the furthest commitment that it vouches for, whoever proposed it, never on a false or rejected one; it
//! finalizes others' as well as its own, because a child cannot be final before its parent. It keeps nothing of its own:
//! all that it decides by is on L1 and in the [`Chain`], so it can be stopped at any moment.

use std::{
    cmp::Reverse,
    time::{Duration, Instant},
};

use alloy::{
    primitives::{Address, B256, U256},
    providers::Provider,
    rpc::types::BlockNumberOrTag,
    signers::local::PrivateKeySigner,
    sol_types::SolCall,
    transports::{RpcError, TransportErrorKind},
};
use postern_bindings::state_commitment_chain::StateCommitmentChain::{
    self, StateCommitmentChainErrors, StateCommitmentChainInstance,
};
use tracing::{debug, info, warn};

use crate::{
    agreement::vouched,
    chain::{Chain, ChainError, Heads},
    l1::{
        L1,
        sender::{Call, SendError, Sender},
    },
    role::{self, Role},
    shutdown::Shutdown,
    store::{CommitmentEntry, CommitmentStatus},
};

/// How often to propose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProposerConfig {
    /// Propose as soon as so many batches are in no commitment that we vouch for.
    pub every_batches: u64,
    /// Propose at the latest when one batch was so long in none.
    pub interval: Duration,
    /// Checkpoints in one commitment, at most; L1 takes 1,024.
    pub max_checkpoints: u64,
    /// How often to look, besides when the chain moves.
    pub poll_interval: Duration,
    /// Replace a transaction that was not mined for so long.
    pub resubmit_after: Duration,
}

impl Default for ProposerConfig {
    fn default() -> Self {
        Self {
            every_batches: 1,
            interval: Duration::from_secs(3600),
            max_checkpoints: 256,
            poll_interval: Duration::from_secs(4),
            resubmit_after: Duration::from_secs(60),
        }
    }
}

/// Why a round ended early.
#[derive(Debug, thiserror::Error)]
enum ProposerError {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error("L1: {0}")]
    Contract(#[from] alloy::contract::Error),
    #[error("L1: {0}")]
    Transport(#[from] RpcError<TransportErrorKind>),
    #[error(transparent)]
    Send(#[from] SendError),
    /// The bond is short, in wei.
    #[error("{account} has {received} wei, the bond asks for {expected} more")]
    InsufficientFunds { account: Address, received: U256, expected: U256 },
}

/// Runs the proposer until shutdown. L1 errors do not end it.
pub async fn run(chain: Chain, l1: L1, signer: PrivateKeySigner, config: ProposerConfig, shutdown: Shutdown) {
    let heads = chain.subscribe();
    let proposer = Proposer {
        contract: StateCommitmentChain::new(l1.state_commitment_chain(), l1.provider().clone()),
        sender: Sender::new(l1.clone(), signer, config.resubmit_after),
        chain,
        l1,
        config,
        seen_from: 0,
        behind_since: None,
    };
    role::run(proposer, heads, config.poll_interval, shutdown).await;
}

struct Proposer {
    chain: Chain,
    l1: L1,
    contract: StateCommitmentChainInstance<alloy::providers::DynProvider>,
    sender: Sender,
    config: ProposerConfig,
    /// L1 block of our last transaction: before the chain has followed that far, its view lacks what we did.
    seen_from: u64,
    /// When the chain was first seen ahead of the commitments.
    behind_since: Option<Instant>,
}

impl Role for Proposer {
    type Error = ProposerError;

    const NAME: &str = "proposer";

    async fn round(&mut self, shutdown: &mut Shutdown) -> Result<(), ProposerError> {
        let heads = self.chain.heads();
        if !heads.synced() || heads.l1.number < self.seen_from || !self.is_canonical(&heads).await? {
            return Ok(());
        }
        let vouched = vouched(&self.chain)?;
        self.finalize(&vouched, shutdown).await?;
        self.propose(&vouched, &heads, shutdown).await
    }
}

impl Proposer {
    /// Whether L1 still has the block on which the chain's view stands. In the middle of a reorganisation it has not.
    async fn is_canonical(&self, heads: &Heads) -> Result<bool, ProposerError> {
        let number = BlockNumberOrTag::Number(heads.l1.number);
        let block = self.l1.provider().get_block_by_number(number).await?;
        Ok(block.is_some_and(|block| block.header.hash == heads.l1.hash))
    }

    /// Finalizes what is due, parents first.
    async fn finalize(&mut self, vouched: &[CommitmentEntry], shutdown: &mut Shutdown) -> Result<(), ProposerError> {
        let is_final = |entry: &&CommitmentEntry| entry.status == CommitmentStatus::Final;
        let mut finals: Vec<B256> = vouched.iter().filter(is_final).map(|entry| entry.id).collect();
        finals.push(self.chain.genesis_commitment());
        for entry in vouched {
            let open = entry.status == CommitmentStatus::Proposed;
            if open && finals.contains(&entry.commitment.parent) && self.finalize_one(entry, shutdown).await? {
                finals.push(entry.id);
            }
        }
        Ok(())
    }

    /// Whether the commitment is final now.
    async fn finalize_one(&mut self, entry: &CommitmentEntry, shutdown: &mut Shutdown) -> Result<bool, ProposerError> {
        use StateCommitmentChainErrors as Errors;

        // Vouched for, so derived.
        let Some(output) = self.chain.output(entry.commitment.batch_count)? else {
            return Ok(false);
        };
        let call = StateCommitmentChain::finalizeCall { commitment: entry.commitment.into(), output: output.into() };
        match self.send(U256::ZERO, call.abi_encode(), shutdown).await {
            Ok(hash) => {
                let batches = entry.commitment.batch_count;
                info!(commitment = %entry.id, batches, transaction = %hash, "commitment finalized");
                Ok(true)
            }
            Err(ProposerError::Send(error)) => match error.decoded::<Errors>() {
                Some(Errors::WindowOpenInTime(_) | Errors::WindowOpenInBlocks(_)) => Ok(false),
                // Someone was faster, or L1 has moved on from what we saw: the chain will tell.
                Some(error @ (Errors::UnexpectedCommitmentStatus(_) | Errors::ParentNotFinal(_))) => {
                    debug!(commitment = %entry.id, ?error, "commitment not finalized");
                    Ok(false)
                }
                // Others must not wait for this one.
                Some(error) => {
                    warn!(commitment = %entry.id, ?error, "commitment cannot be finalized");
                    Ok(false)
                }
                None => Err(error.into()),
            },
            Err(error) => Err(error),
        }
    }

    /// Proposes what is due.
    async fn propose(
        &mut self,
        vouched: &[CommitmentEntry],
        heads: &Heads,
        shutdown: &mut Shutdown,
    ) -> Result<(), ProposerError> {
        use StateCommitmentChainErrors as Errors;

        // The furthest; of several the one that is final already, or was there first.
        let best = vouched
            .iter()
            .min_by_key(|entry| (Reverse(entry.commitment.batch_count), entry.status != CommitmentStatus::Final));
        let (parent, parent_count) =
            best.map_or((self.chain.genesis_commitment(), 0), |entry| (entry.id, entry.commitment.batch_count));
        let behind = heads.derived.saturating_sub(parent_count);
        if behind == 0 {
            self.behind_since = None;
            return Ok(());
        }
        let waited = self.behind_since.get_or_insert_with(Instant::now).elapsed();
        if behind < self.config.every_batches && waited < self.config.interval {
            return Ok(());
        }

        let count = parent_count + behind.min(self.config.max_checkpoints);
        let mut checkpoints = Vec::new();
        for count in parent_count + 1..=count {
            match self.chain.output(count)? {
                Some(output) => checkpoints.push(output.root()),
                // Unwound by a reorganisation of L1 since we looked.
                None => return Ok(()),
            }
        }
        let Some(batch) = self.chain.batch(count - 1)? else {
            return Ok(());
        };
        let value = self.missing_bond().await?;
        let call = StateCommitmentChain::proposeCall { parent, batchHash: batch.hash, checkpoints };
        match self.send(value, call.abi_encode(), shutdown).await {
            Ok(hash) => {
                info!(%parent, batches = count, transaction = %hash, "commitment proposed");
                self.behind_since = None;
                Ok(())
            }
            Err(ProposerError::Send(error)) => match error.decoded::<Errors>() {
                // L1 has moved on from what we saw: the chain will tell.
                Some(
                    error @ (Errors::BatchHashMismatch(_)
                    | Errors::ParentNotStanding(_)
                    | Errors::CommitmentAlreadyProposed(_)),
                ) => {
                    debug!(%parent, batches = count, ?error, "commitment not proposed");
                    Ok(())
                }
                _ => Err(error.into()),
            },
            Err(error) => Err(error),
        }
    }

    /// What must be sent along so that the free bond suffices, in wei. Bonds of final commitments are used again.
    async fn missing_bond(&self) -> Result<U256, ProposerError> {
        let account = self.sender.address();
        let bond = U256::from(self.contract.BOND().call().await?);
        let expected = bond.saturating_sub(self.contract.bondOf(account).call().await?);
        let received = self.l1.provider().get_balance(account).await?;
        if received < expected {
            return Err(ProposerError::InsufficientFunds { account, received, expected });
        }
        Ok(expected)
    }

    /// Sends a transaction to the state commitment chain and returns its hash once it is mined.
    async fn send(&mut self, value: U256, input: Vec<u8>, shutdown: &mut Shutdown) -> Result<B256, ProposerError> {
        let call = Call { to: *self.contract.address(), value, input: input.into(), gas_limit: None };
        let receipt = self.sender.send(call, shutdown).await?;
        self.seen_from = receipt.block_number.unwrap_or_default();
        Ok(receipt.transaction_hash)
    }
}
