//! Proposes commitments to what the node derived, and finalizes those that are due.
//!
//! It builds on the furthest commitment that it vouches for, whoever proposed it, never on a false or rejected one. It finalizes
//! what that one stands on, others' as well as its own, because a child cannot be final before its parent; true commitments
//! that lead nowhere else are left to who proposed them. Of the descendants of rejected commitments it has those rejected that a
//! wallet could take for true. All that it decides by is on L1 and in the [`Chain`], so it can be stopped at any moment.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use alloy::{
    primitives::{Address, B256, U256},
    providers::Provider,
    signers::local::PrivateKeySigner,
    sol_types::SolCall,
    transports::{RpcError, TransportErrorKind},
};
use postern_bindings::state_commitment_chain::StateCommitmentChain::{
    self, StateCommitmentChainErrors, StateCommitmentChainInstance,
};
use postern_protocol::commitment::{Commitment, checkpoints_hash};
use tracing::{debug, info, warn};

use crate::{
    agreement::{Line, Link},
    blocking,
    chain::{Chain, ChainError, Heads, L1Ref},
    l1::{
        L1,
        sender::{Call, SendError, Sender},
    },
    role::{self, Role},
    shutdown::Shutdown,
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
        line: Line::default(),
        window: None,
        refusals: Refusals::default(),
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
    /// The commitments to build on.
    line: Line,
    /// When the next of them may be finalized, once L1 was asked.
    window: Option<Window>,
    refusals: Refusals,
    /// L1 block of our last transaction: before the chain has followed that far, its view lacks what we did.
    seen_from: u64,
    /// When the chain was first seen ahead of the commitments.
    behind_since: Option<Instant>,
}

/// When a commitment may be finalized: both must be reached.
#[derive(Clone, Copy, Debug)]
struct Window {
    commitment: B256,
    /// L1 time, in seconds.
    time: u64,
    /// L1 block number.
    block_number: u64,
}

impl Window {
    /// Whether it has passed in the block after `l1`.
    const fn has_passed(&self, l1: &L1Ref) -> bool {
        l1.timestamp + 1 >= self.time && l1.number + 1 >= self.block_number
    }
}

/// What L1 refused though it fits what we know of L1.
#[derive(Debug, Default)]
struct Refusals {
    /// Refused once: we may only be late. The chain is let catch up first.
    suspect: Option<B256>,
    /// Commitments that L1 has, and our view does not.
    taken: BTreeSet<B256>,
    /// The proposal that was given up for another one last.
    given_up: Option<B256>,
}

impl Refusals {
    /// Whether this is the second refusal in a row over this commitment.
    fn is_second(&mut self, id: B256) -> bool {
        if self.suspect.take() == Some(id) {
            return true;
        }
        self.suspect = Some(id);
        false
    }

    /// Whether this is the first time that the proposal is given up.
    fn give_up(&mut self, id: B256) -> bool {
        self.given_up.replace(id) != Some(id)
    }
}

/// What can be proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Proposal {
    commitment: Commitment,
    checkpoints: Vec<B256>,
}

/// Which way to propose.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    /// The straight one: on the furthest commitment, as many batches as there are.
    Straight(Proposal),
    /// Another one, because L1 has the straight one already, of this id.
    Detour(B256, Proposal),
    /// None: L1 has every commitment that this account could propose, the straight one of this id among them.
    Blocked(B256),
    /// The chain was unwound meanwhile.
    Unwound,
}

/// Looks for a way to propose the outputs up to `target` batches that L1 has not seen yet, be it that it was rejected.
struct Drafter<'a> {
    chain: &'a Chain,
    proposer: Address,
    max_checkpoints: u64,
    taken: &'a BTreeSet<B256>,
}

impl Drafter<'_> {
    /// On `end` as far as `target`; else on `end`, less far; else on what `end` stands on. Each is another commitment to the
    /// same truth.
    fn draft(&self, end: Link, target: u64) -> Result<Way, ChainError> {
        let Some(straight) = self.proposal(end, target)? else { return Ok(Way::Unwound) };
        let straight_id = straight.commitment.id();
        if self.is_free(straight_id)? {
            return Ok(Way::Straight(straight));
        }
        for count in (end.batch_count + 1..target).rev() {
            let Some(shorter) = self.proposal(end, count)? else { return Ok(Way::Unwound) };
            if self.is_free(shorter.commitment.id())? {
                return Ok(Way::Detour(straight_id, shorter));
            }
        }
        let mut base = end;
        while let Some(parent) = self.parent(base)?
            && target - parent.batch_count <= self.max_checkpoints
        {
            let Some(longer) = self.proposal(parent, target)? else { return Ok(Way::Unwound) };
            if self.is_free(longer.commitment.id())? {
                return Ok(Way::Detour(straight_id, longer));
            }
            base = parent;
        }
        Ok(Way::Blocked(straight_id))
    }

    /// The commitment to the outputs after `parent` up to `count` batches; none if they are not derived.
    fn proposal(&self, parent: Link, count: u64) -> Result<Option<Proposal>, ChainError> {
        let mut checkpoints = Vec::new();
        for count in parent.batch_count + 1..=count {
            let Some(output) = self.chain.output(count)? else { return Ok(None) };
            checkpoints.push(output.root());
        }
        let (Some(batch), Some(output_root)) = (self.chain.batch(count - 1)?, checkpoints.last()) else {
            return Ok(None);
        };
        let commitment = Commitment {
            parent: parent.id,
            batch_hash: batch.hash,
            batch_count: count,
            output_root: *output_root,
            checkpoints_hash: checkpoints_hash(&checkpoints),
            proposer: self.proposer,
        };
        Ok(Some(Proposal { commitment, checkpoints }))
    }

    /// What a commitment stands on; none for the genesis commitment.
    fn parent(&self, link: Link) -> Result<Option<Link>, ChainError> {
        Ok(self.chain.commitment(link.id)?.map(|entry| Link {
            id: entry.commitment.parent,
            batch_count: entry.commitment.batch_count - entry.checkpoints.len() as u64,
        }))
    }

    fn is_free(&self, id: B256) -> Result<bool, ChainError> {
        Ok(!self.taken.contains(&id) && self.chain.commitment(id)?.is_none())
    }
}

impl Role for Proposer {
    type Error = ProposerError;

    const NAME: &str = "proposer";

    async fn round(&mut self, shutdown: &mut Shutdown) -> Result<(), ProposerError> {
        let heads = self.chain.heads();
        if !heads.synced() || heads.l1.number < self.seen_from || !self.l1.has(&heads.l1).await? {
            return Ok(());
        }
        self.look().await?;
        self.finalize(&heads, shutdown).await?;
        self.propose(&heads, shutdown).await?;
        self.reject_orphans(shutdown).await
    }
}

impl Proposer {
    /// Sees what L1 has brought since the last round.
    async fn look(&mut self) -> Result<(), ProposerError> {
        let (chain, mut line) = (self.chain.clone(), std::mem::take(&mut self.line));
        let setback;
        (line, setback) = blocking(move || line.update(&chain).map(|setback| (line, setback))).await?;
        self.line = line;
        if setback {
            self.window = None;
            self.refusals = Refusals { given_up: self.refusals.given_up, ..Refusals::default() };
        }
        Ok(())
    }

    /// Has those descendants of rejected commitments rejected that could be taken for true. They can never become final, marked
    /// or not, but who looks at them alone would wait for it.
    async fn reject_orphans(&mut self, shutdown: &mut Shutdown) -> Result<(), ProposerError> {
        use StateCommitmentChainErrors as Errors;

        for orphan in self.line.orphans().to_vec() {
            let call = StateCommitmentChain::rejectDescendantCall { commitment: orphan.commitment.into() };
            match self.send(U256::ZERO, call.abi_encode(), shutdown).await {
                Ok(hash) => info!(commitment = %orphan.id, transaction = %hash, "orphaned commitment rejected"),
                Err(ProposerError::Send(error)) => match error.decoded::<Errors>() {
                    // Someone was faster, or L1 has moved on from what we saw: the chain will tell.
                    Some(error @ (Errors::UnexpectedCommitmentStatus(_) | Errors::ParentNotRejected(_))) => {
                        debug!(commitment = %orphan.id, ?error, "orphaned commitment not rejected");
                    }
                    Some(error) => warn!(commitment = %orphan.id, ?error, "orphaned commitment cannot be rejected"),
                    None => return Err(error.into()),
                },
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Finalizes what is due of what we build on, parents first.
    async fn finalize(&mut self, heads: &Heads, shutdown: &mut Shutdown) -> Result<(), ProposerError> {
        let mut done = 0;
        while let Some(link) = self.line.open_at(done)
            && self.is_due(link.id, &heads.l1).await?
            && self.finalize_one(link.id, shutdown).await?
        {
            done += 1;
        }
        Ok(())
    }

    /// Whether the window of a commitment has passed. L1 is asked once when it ends.
    async fn is_due(&mut self, id: B256, l1: &L1Ref) -> Result<bool, ProposerError> {
        let window = match self.window.filter(|window| window.commitment == id) {
            Some(window) => window,
            None => {
                let end = self.contract.finalizableAt(id).call().await?;
                if end.time == 0 {
                    // L1 does not know it any more: it reorganises.
                    return Ok(false);
                }
                let window = Window { commitment: id, time: end.time, block_number: end.blockNumber };
                *self.window.insert(window)
            }
        };
        Ok(window.has_passed(l1))
    }

    /// Whether the commitment is final now.
    async fn finalize_one(&mut self, id: B256, shutdown: &mut Shutdown) -> Result<bool, ProposerError> {
        use StateCommitmentChainErrors as Errors;

        let Some(entry) = self.chain.commitment(id)? else { return Ok(false) };
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
                // It becomes final when its challenges are refuted.
                Some(Errors::WindowOpenInTime(_) | Errors::WindowOpenInBlocks(_) | Errors::CommitmentChallenged(_)) => {
                    Ok(false)
                }
                // Someone was faster, or L1 has moved on from what we saw: the chain will tell.
                Some(error @ (Errors::UnexpectedCommitmentStatus(_) | Errors::ParentNotFinal(_))) => {
                    debug!(commitment = %entry.id, ?error, "commitment not finalized");
                    Ok(false)
                }
                // It must not keep us from proposing.
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
    async fn propose(&mut self, heads: &Heads, shutdown: &mut Shutdown) -> Result<(), ProposerError> {
        let end = self.line.end();
        let behind = heads.derived.saturating_sub(end.batch_count);
        if behind == 0 {
            self.behind_since = None;
            return Ok(());
        }
        let waited = self.behind_since.get_or_insert_with(Instant::now).elapsed();
        if behind < self.config.every_batches && waited < self.config.interval {
            return Ok(());
        }
        let Some(Proposal { commitment, checkpoints }) = self.draft(end, behind).await? else {
            return Ok(());
        };
        let (parent, batches) = (commitment.parent, commitment.batch_count);
        let value = self.missing_bond().await?;
        let call = StateCommitmentChain::proposeCall { parent, batchHash: commitment.batch_hash, checkpoints };
        match self.send(value, call.abi_encode(), shutdown).await {
            Ok(hash) => {
                info!(%parent, batches, transaction = %hash, "commitment proposed");
                self.behind_since = None;
                self.refusals.suspect = None;
                Ok(())
            }
            Err(ProposerError::Send(error)) => self.refused(&commitment, error).await,
            Err(error) => Err(error),
        }
    }

    /// What to propose, if there is a way.
    async fn draft(&mut self, end: Link, behind: u64) -> Result<Option<Proposal>, ProposerError> {
        let (chain, taken) = (self.chain.clone(), self.refusals.taken.clone());
        let (proposer, max_checkpoints) = (self.sender.address(), self.config.max_checkpoints);
        let target = end.batch_count + behind.min(max_checkpoints);
        let way =
            blocking(move || Drafter { chain: &chain, proposer, max_checkpoints, taken: &taken }.draft(end, target));
        Ok(match way.await? {
            Way::Straight(proposal) => Some(proposal),
            Way::Detour(commitment, proposal) => {
                if self.refusals.give_up(commitment) {
                    warn!(%commitment, batches = target, "L1 has this commitment and it was rejected: proposing the same otherwise");
                }
                Some(proposal)
            }
            Way::Blocked(commitment) => {
                if self.refusals.give_up(commitment) {
                    let next = "waiting for another batch, or another proposer";
                    warn!(%commitment, batches = target, next, "all that this account could propose was rejected");
                }
                None
            }
            Way::Unwound => None,
        })
    }

    /// L1 did not take a proposal. The first time we may be late, and the chain is let catch up; the second time L1 is right.
    async fn refused(&mut self, commitment: &Commitment, error: SendError) -> Result<(), ProposerError> {
        use StateCommitmentChainErrors as Errors;

        let id = commitment.id();
        match error.decoded::<Errors>() {
            Some(Errors::CommitmentAlreadyProposed(_)) if self.refusals.is_second(id) => {
                warn!(commitment = %id, "L1 has this commitment, of which its logs say nothing");
                self.refusals.taken.insert(id);
            }
            Some(Errors::ParentNotStanding(error)) if self.refusals.is_second(commitment.parent) => {
                warn!(parent = %commitment.parent, status = ?error.status, "parent does not stand on L1, unlike its logs say");
                self.line.deny(commitment.parent);
            }
            // L1 has moved on from what we saw: the chain will tell.
            Some(
                error @ (Errors::CommitmentAlreadyProposed(_)
                | Errors::ParentNotStanding(_)
                | Errors::BatchHashMismatch(_)),
            ) => {
                debug!(commitment = %id, ?error, "commitment not proposed");
                self.seen_from = self.l1.provider().get_block_number().await?;
            }
            _ => return Err(error.into()),
        }
        Ok(())
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
        let call = Call { to: *self.contract.address(), value, input: input.into(), terms: None, sidecar: None };
        let receipt = self.sender.send(call, shutdown).await?;
        self.seen_from = receipt.block_number.unwrap_or_default();
        Ok(receipt.transaction_hash)
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Bytes;

    use super::*;
    use crate::fixture::{Fixture, ether};

    /// Who proposes in the fixture.
    const PROPOSER: Address = Address::with_last_byte(0xb0);

    /// A chain of so many derived batches.
    fn fixture(batches: u64) -> Fixture {
        let mut fixture = Fixture::new();
        for _ in 0..batches {
            fixture.deposit(Address::with_last_byte(1), Address::with_last_byte(2), ether(), Bytes::new());
            fixture.build();
            fixture.post();
        }
        fixture
    }

    fn genesis(fixture: &Fixture) -> Link {
        Link { id: fixture.chain.genesis_commitment(), batch_count: 0 }
    }

    fn draft(fixture: &Fixture, max_checkpoints: u64, taken: &[B256], end: Link, target: u64) -> Way {
        let taken = taken.iter().copied().collect();
        let drafter = Drafter { chain: &fixture.chain, proposer: PROPOSER, max_checkpoints, taken: &taken };
        drafter.draft(end, target).unwrap()
    }

    /// Proposes on L1 what was drafted.
    fn propose(fixture: &mut Fixture, proposal: &Proposal) -> Link {
        let Proposal { commitment, checkpoints } = proposal.clone();
        let parent_count = commitment.batch_count - checkpoints.len() as u64;
        let id = fixture.propose(commitment.parent, parent_count, checkpoints);
        assert_eq!(id, commitment.id());
        Link { id, batch_count: commitment.batch_count }
    }

    fn straight(way: Way) -> Proposal {
        match way {
            Way::Straight(proposal) => proposal,
            way => panic!("no straight way but {way:?}"),
        }
    }

    fn detour(way: Way) -> Proposal {
        match way {
            Way::Detour(_, proposal) => proposal,
            way => panic!("no detour but {way:?}"),
        }
    }

    #[test]
    fn a_window_passes_by_both_clocks() {
        let window = Window { commitment: B256::ZERO, time: 1_000, block_number: 50 };
        let passed = |timestamp, number| window.has_passed(&L1Ref { timestamp, number, hash: B256::ZERO });
        assert!(passed(999, 49), "the next block is at 1,000 or later");
        assert!(!passed(998, 1_000));
        assert!(!passed(1_000_000, 48));
    }

    #[test]
    fn proposes_the_truth_straight_ahead() {
        let fixture = fixture(3);
        let genesis = genesis(&fixture);
        let Proposal { commitment, checkpoints } = straight(draft(&fixture, 256, &[], genesis, 3));
        assert_eq!(checkpoints, [1, 2, 3].map(|count| fixture.output_root(count)));
        assert_eq!((commitment.parent, commitment.batch_count), (genesis.id, 3));
        // It is not there yet.
        assert_eq!(draft(&fixture, 256, &[], genesis, 4), Way::Unwound);
    }

    /// On a quiet chain nothing else would ever change its id.
    #[test]
    fn what_was_rejected_is_split() {
        let mut fixture = fixture(2);
        let genesis = genesis(&fixture);
        let rejected = straight(draft(&fixture, 256, &[], genesis, 2));
        let id = propose(&mut fixture, &rejected).id;
        fixture.reject(id);

        let way = draft(&fixture, 256, &[], genesis, 2);
        let first = detour(way.clone());
        assert_eq!(way, Way::Detour(id, first.clone()));
        assert_eq!(first.checkpoints, [fixture.output_root(1)]);
        let first = propose(&mut fixture, &first);
        let second = straight(draft(&fixture, 256, &[], first, 2));
        assert_eq!((second.commitment.parent, second.checkpoints), (first.id, vec![fixture.output_root(2)]));
    }

    #[test]
    fn what_cannot_be_split_gets_another_parent() {
        let mut fixture = fixture(3);
        let genesis = genesis(&fixture);
        let base = straight(draft(&fixture, 256, &[], genesis, 1));
        let base = propose(&mut fixture, &base);
        let end = straight(draft(&fixture, 256, &[], base, 2));
        let end = propose(&mut fixture, &end);
        let rejected = straight(draft(&fixture, 256, &[], end, 3));
        let rejected = propose(&mut fixture, &rejected).id;
        fixture.reject(rejected);

        let longer = detour(draft(&fixture, 256, &[], end, 3));
        assert_eq!((longer.commitment.parent, longer.checkpoints.len()), (base.id, 2));
        let rejected_too = propose(&mut fixture, &longer).id;
        fixture.reject(rejected_too);
        let longest = detour(draft(&fixture, 256, &[], end, 3));
        assert_eq!((longest.commitment.parent, longest.checkpoints.len()), (genesis.id, 3));
        // One commitment has so many checkpoints at most.
        assert_eq!(draft(&fixture, 2, &[], end, 3), Way::Blocked(rejected));

        let last = propose(&mut fixture, &longest).id;
        fixture.reject(last);
        assert_eq!(draft(&fixture, 256, &[], end, 3), Way::Blocked(rejected));
    }

    #[test]
    fn what_only_l1_knows_of_is_not_free_either() {
        let fixture = fixture(2);
        let genesis = genesis(&fixture);
        let taken = straight(draft(&fixture, 256, &[], genesis, 2)).commitment.id();
        let other = detour(draft(&fixture, 256, &[taken], genesis, 2));
        assert_eq!(other.commitment.batch_count, 1);
    }

    #[test]
    fn a_refusal_counts_the_second_time_and_is_told_once() {
        let mut refusals = Refusals::default();
        let [one, other] = [1, 2].map(B256::with_last_byte);
        assert!(!refusals.is_second(one));
        assert!(!refusals.is_second(other));
        assert!(refusals.is_second(other));
        assert!(!refusals.is_second(other));

        assert!(refusals.give_up(one));
        assert!(!refusals.give_up(one));
        assert!(refusals.give_up(other));
    }
}
