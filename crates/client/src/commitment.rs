use std::{time::Duration, vec};

use alloy::{
    eips::BlockNumberOrTag,
    primitives::{B256, U64},
    providers::Provider,
    rpc::types::TransactionReceipt,
};
use postern_bindings::state_commitment_chain::StateCommitmentChain::StateCommitmentChainErrors;
use postern_protocol::{commitment::Commitment, output::Output};

use crate::{
    Client,
    error::{Error, Refusal, refused},
    rpc,
    withdrawal::ReadyAt,
};

/// Values of `CommitmentStatus` of the contract.
const PROPOSED: u8 = 1;
const FINAL: u8 = 2;

/// `CommitmentStatus` of the contract, as far as it matters to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Unknown or rejected: nothing can be proven under it.
    No,
    Proposed,
    Final,
}

/// A commitment as the node names it, under an id that was computed here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named {
    pub(crate) id: B256,
    pub(crate) commitment: Commitment,
    /// Whether the node derives the same, for it and for all that it builds on.
    pub(crate) agrees: bool,
}

/// Commitments as the node names them, asked for page by page: who needs the first few does not wait for the others. Their ids
/// are computed here, so that L1 can say which of them stand.
pub(crate) struct Commitments<'a, L1, L2> {
    client: &'a Client<L1, L2>,
    batch_count: u64,
    page: vec::IntoIter<rpc::Commitment>,
    /// After which commitment the next page begins, if not with the first; none if there is no other page.
    next: Option<Option<B256>>,
}

impl<L1: Provider, L2: Provider> Commitments<'_, L1, L2> {
    /// The next commitment; none after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Named>, Error> {
        loop {
            for named in self.page.by_ref() {
                let commitment = Commitment::from(named.commitment);
                let id = commitment.id();
                if id != named.id {
                    return Err(Error::CommitmentMismatch { received: named.id, expected: id });
                }
                if commitment.batch_count >= self.batch_count {
                    return Ok(Some(Named { id, commitment, agrees: named.agrees }));
                }
            }
            let Some(after) = self.next else { return Ok(None) };
            let params = (U64::from(self.batch_count), after);
            let page: rpc::CommitmentPage = self.client.ask(rpc::COMMITMENTS, params).await?;
            self.page = page.commitments.into_iter();
            self.next = page.next.map(Some);
        }
    }
}

impl<L1: Provider, L2: Provider> Client<L1, L2> {
    pub(crate) async fn standing(&self, id: B256) -> Result<Standing, Error> {
        let status = self.state_commitment_chain().commitmentStatus(id).call().await;
        Ok(match status.map_err(refused(Refusal::StateCommitmentChain))? {
            PROPOSED => Standing::Proposed,
            FINAL => Standing::Final,
            _ => Standing::No,
        })
    }

    /// Whether nothing is known on L1 against a commitment, nor against the one that it builds on.
    pub(crate) async fn stands(&self, named: &Named) -> Result<bool, Error> {
        for id in [named.id, named.commitment.parent] {
            if self.standing(id).await? == Standing::No {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Disputes about a commitment that are open, or found it false.
    async fn challenges(&self, id: B256) -> Result<u32, Error> {
        let challenges = self.state_commitment_chain().challengesOf(id).call().await;
        challenges.map_err(refused(Refusal::StateCommitmentChain))
    }

    /// From when on the commitment's own window allows it to become final.
    async fn window_end(&self, id: B256) -> Result<ReadyAt, Error> {
        let at = self.state_commitment_chain().finalizableAt(id).call().await;
        let at = at.map_err(refused(Refusal::StateCommitmentChain))?;
        Ok(ReadyAt { time: at.time, block_number: at.blockNumber })
    }

    /// Commitments that apply at least `batch_count` batches, in order.
    pub(crate) fn commitments(&self, batch_count: u64) -> Commitments<'_, L1, L2> {
        Commitments { client: self, batch_count, page: Vec::new().into_iter(), next: Some(None) }
    }

    /// What the node says is the output that a commitment names, checked against its root.
    pub(crate) async fn output(&self, commitment: &Commitment) -> Result<Output, Error> {
        let output: Option<rpc::Output> = self.ask(rpc::OUTPUT, (U64::from(commitment.batch_count),)).await?;
        let output = output.ok_or_else(|| Error::UnknownCommitment(commitment.id()))?;
        checked(output.into(), commitment)
    }

    /// Makes a commitment final, and first the ones it builds on as far as they are not. Whoever claims can do so without
    /// help from the chain's operator. Sends nothing if the commitment is final.
    ///
    /// # Errors
    /// If a window is still open, a commitment is challenged or was rejected, or a node cannot be reached.
    pub async fn finalize_commitment(&self, commitment: &Commitment) -> Result<Vec<TransactionReceipt>, Error> {
        let mut open = Vec::new();
        let (mut id, mut next) = (commitment.id(), *commitment);
        loop {
            match self.standing(id).await? {
                Standing::Final => break,
                Standing::No => return Err(Error::CommitmentRejected(id)),
                Standing::Proposed => open.push((id, next)),
            }
            id = next.parent;
            if self.standing(id).await? == Standing::Final {
                break;
            }
            next = self.proposed(id).await?;
        }
        let mut receipts = Vec::with_capacity(open.len());
        for (id, commitment) in open.into_iter().rev() {
            let output = self.output(&commitment).await?;
            let contract = self.state_commitment_chain();
            let finalize = contract.finalize(commitment.into(), output.into());
            match self.send(finalize, Refusal::StateCommitmentChain).await {
                Ok(receipt) => receipts.push(receipt),
                // Anyone may finalize. Somebody else's transaction is in the pending block, if not in the latest.
                Err(Error::Refused(Refusal::StateCommitmentChain(refusal))) if is_final(&refusal) => {
                    let look = || async move { Ok((self.standing(id).await? == Standing::Final).then_some(())) };
                    self.wait("finalization by another account", self.confirmation_timeout, look).await?;
                }
                // It came between our asking and our transaction.
                Err(Error::Reverted { .. }) if self.standing(id).await? == Standing::Final => (),
                Err(error) => return Err(error),
            }
        }
        Ok(receipts)
    }

    /// Whether a commitment is final, or anyone can make it so now. The windows of those it builds on are over earlier, but one
    /// of them may have been rejected, or be challenged.
    ///
    /// # Errors
    /// [`Error::CommitmentRejected`] if it was rejected, or what it builds on; [`Error::CommitmentChallenged`], which passes, if its
    /// window is over and disputes about it, or about what it builds on, are not.
    pub(crate) async fn is_finalizable(&self, id: B256, commitment: &Commitment) -> Result<bool, Error> {
        match self.standing(id).await? {
            Standing::Final => return Ok(true),
            Standing::No => return Err(Error::CommitmentRejected(id)),
            Standing::Proposed => (),
        }
        if self.standing(commitment.parent).await? == Standing::No {
            return Err(Error::CommitmentRejected(commitment.parent));
        }
        let ready = self.window_end(id).await?;
        let head = self.l1.get_block_by_number(BlockNumberOrTag::Latest).await?;
        if head.is_none_or(|head| head.header.timestamp < ready.time || head.header.number < ready.block_number) {
            return Ok(false);
        }
        let mut challenges = self.challenges(id).await?;
        let mut ancestor = commitment.parent;
        loop {
            match self.standing(ancestor).await? {
                Standing::Final if challenges == 0 => return Ok(true),
                Standing::Final => return Err(Error::CommitmentChallenged { commitment: id, challenges }),
                Standing::Proposed => {
                    challenges = challenges.saturating_add(self.challenges(ancestor).await?);
                    ancestor = self.proposed(ancestor).await?.parent;
                }
                Standing::No => return Err(Error::CommitmentRejected(ancestor)),
            }
        }
    }

    pub(crate) async fn wait_until_finalizable(
        &self,
        id: B256,
        commitment: &Commitment,
        timeout: Duration,
    ) -> Result<(), Error> {
        let look = || async move { Ok(self.is_finalizable(id, commitment).await?.then_some(())) };
        self.wait("end of the challenge window", timeout, look).await
    }

    /// A commitment's fields, from the event of its proposal.
    async fn proposed(&self, id: B256) -> Result<Commitment, Error> {
        let contract = self.state_commitment_chain();
        let events = contract
            .CommitmentProposed_filter()
            .topic1(id)
            .from_block(self.deployment.state_commitment_chain.block_number)
            .query()
            .await
            .map_err(refused(Refusal::StateCommitmentChain))?;
        let event = events.into_iter().next();
        event.map(|(event, _)| event.commitment.into()).ok_or(Error::UnknownCommitment(id))
    }
}

/// Whether the contract refused because the commitment is final.
fn is_final(refusal: &StateCommitmentChainErrors) -> bool {
    matches!(refusal, StateCommitmentChainErrors::UnexpectedCommitmentStatus(error) if error.received == FINAL)
}

/// `output`, if it is what `commitment` names.
fn checked(output: Output, commitment: &Commitment) -> Result<Output, Error> {
    let received = output.root();
    if received == commitment.output_root {
        return Ok(output);
    }
    Err(Error::OutputMismatch { commitment: commitment.id(), received, expected: commitment.output_root })
}
