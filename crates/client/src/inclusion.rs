//! What a user can do whose messages the sequencer ignores.

use std::{fmt, time::Duration};

use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    primitives::U256,
    providers::Provider,
    rpc::types::TransactionReceipt,
    transports::TransportError,
};
use postern_bindings::canonical_transaction_chain::CanonicalTransactionChain::CanonicalTransactionChainErrors as Errors;

use crate::{
    Client, Deposit,
    error::{Error, Refusal, refused},
};

/// Where a message to L2 stands until it is ordered. The order is that of a message's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InclusionStatus {
    /// It waits for the sequencer, or for a time to pass.
    Waiting,
    /// No stamp counts it, and anyone may take one: from then on its time runs, whatever the sequencer does.
    Stampable,
    /// Anyone may force it.
    Forceable,
    /// A batch consumed it: every node executes it in that batch.
    Ordered,
}

impl fmt::Display for InclusionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Waiting => "waiting",
            Self::Stampable => "stampable",
            Self::Forceable => "forceable",
            Self::Ordered => "ordered",
        })
    }
}

/// Where a message to L2 stands, and when it comes further. Times are L1 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// Where it stands.
    pub status: InclusionStatus,
    /// From when on anyone may take the stamp that counts it; `None` once one does.
    pub stampable_at: Option<u64>,
    /// From when on anyone may force it, if neither a batch nor a stamp comes before; `None` once it is ordered.
    pub forceable_at: Option<u64>,
    /// When it is overdue at the latest, if the stamp that it may lack is taken as soon as allowed: then every batch must consume
    /// it. `None` once it is ordered.
    pub ordered_by: Option<u64>,
}

impl<L1: Provider, L2: Provider> Client<L1, L2> {
    /// Where a message to L2 stands, as of the latest L1 block.
    ///
    /// # Errors
    /// If L1 does not have the message (any more), or cannot be reached.
    pub async fn inclusion(&self, deposit: &Deposit) -> Result<Inclusion, Error> {
        let refused = refused(Refusal::CanonicalTransactionChain);
        let head = self.l1.get_block_by_number(BlockNumberOrTag::Latest).await?;
        let head = head.ok_or(TransportError::NullResp)?.header;
        // All of one block.
        let at = BlockId::hash(head.hash);
        let contract = self.canonical_transaction_chain();
        let place = deposit.place;
        let ordered_by = contract.orderedBy(place).block(at).call().await.map_err(&refused)?;
        if ordered_by.is_zero() {
            let status = InclusionStatus::Ordered;
            return Ok(Inclusion { status, stampable_at: None, forceable_at: None, ordered_by: None });
        }
        let forceable_at = contract.forceableAt().block(at).call().await.map_err(&refused)?;
        let stamped = contract.stamps().block(at).call().await.map_err(&refused)?.newerGas;
        let stampable_at = match place <= stamped {
            true => None,
            false => Some(contract.stampableAt().block(at).call().await.map_err(&refused)?),
        };
        let now = U256::from(head.timestamp);
        let status = if forceable_at <= now {
            InclusionStatus::Forceable
        } else if stampable_at.is_some_and(|at| at <= now) {
            InclusionStatus::Stampable
        } else {
            InclusionStatus::Waiting
        };
        Ok(Inclusion {
            status,
            stampable_at: stampable_at.map(|at| at.saturating_to()),
            forceable_at: Some(forceable_at.saturating_to()),
            ordered_by: Some(ordered_by.saturating_to()),
        })
    }

    /// Takes a stamp of the queue: all messages that wait now are overdue when it is old. Anyone may.
    ///
    /// # Errors
    /// If the newer stamp is not old yet, or L1 cannot be reached.
    pub async fn stamp(&self) -> Result<TransactionReceipt, Error> {
        self.send(self.canonical_transaction_chain().stamp(), Refusal::CanonicalTransactionChain).await
    }

    /// Appends a batch that consumes the queue, as far as a batch can execute it. Anyone may, once a message is forceable; if
    /// more is overdue than fits the batch, again at once.
    ///
    /// # Errors
    /// If nothing can be forced yet, or L1 cannot be reached.
    pub async fn force_include(&self) -> Result<TransactionReceipt, Error> {
        self.send(self.canonical_transaction_chain().forceInclude(), Refusal::CanonicalTransactionChain).await
    }

    /// Waits until a message can be forced, or is ordered, and says which. Takes no stamp: if the message is stampable, it should
    /// be taken first, or this may take as long as the sequencer likes.
    ///
    /// # Errors
    /// [`Error::Timeout`] if that takes longer than `timeout`.
    pub async fn wait_to_force(&self, deposit: &Deposit, timeout: Duration) -> Result<InclusionStatus, Error> {
        let look = || async {
            let status = self.inclusion(deposit).await?.status;
            Ok((status >= InclusionStatus::Forceable).then_some(status))
        };
        self.wait("end of the force delay", timeout, look).await
    }

    /// Does all that its sender, or anyone, can do for a message until it is ordered: takes a stamp as soon as one is needed and
    /// allowed, and forces it as soon as that is.
    ///
    /// # Errors
    /// [`Error::Timeout`] if it is not ordered within `timeout`, which should be more than twice the chain's force delay.
    pub async fn force(&self, deposit: &Deposit, timeout: Duration) -> Result<(), Error> {
        let look = || async {
            let sent = match self.inclusion(deposit).await?.status {
                InclusionStatus::Waiting => return Ok(None),
                InclusionStatus::Stampable => self.stamp().await,
                InclusionStatus::Forceable => self.force_include().await,
                InclusionStatus::Ordered => return Ok(Some(())),
            };
            match sent {
                // Somebody else was faster.
                Err(Error::Refused(Refusal::CanonicalTransactionChain(
                    Errors::StampTooEarly(_) | Errors::NothingToForce(_),
                ))) => Ok(None),
                Err(Error::Reverted { .. }) => Ok(None),
                Err(error) => Err(error),
                Ok(_) => Ok(None),
            }
        };
        self.wait("order of the message", timeout, look).await
    }
}
