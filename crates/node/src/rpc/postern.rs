//! `postern_`: what a client needs to follow a message from L2 to L1. The types are the client's.

use alloy::{
    eips::BlockNumberOrTag,
    primitives::{B256, U64},
};
use jsonrpsee::proc_macros::rpc;
use postern_client::rpc::{
    BatchOfBlock, BlockReference, COMMITMENTS_PER_PAGE, Commitment, CommitmentPage, CommitmentStatus, Message,
    OutboxMultiproof, OutboxProof, Output, SyncStatus,
};
use postern_protocol::outbox;

use super::{Rpc, RpcError, RpcResult, error::limit};
use crate::{chain::BlockRef, store};

/// Messages of one multiproof, at most.
const MAX_MULTIPROOF: u64 = 1_024;
/// Commitments that are looked at for one page, at most: of those that never become final there may be many.
pub(super) const MAX_EXAMINED: usize = 256;

#[rpc(server, namespace = "postern")]
pub(super) trait PosternApi {
    /// How far the node has come, on L1 and on L2.
    #[method(name = "syncStatus", blocking)]
    fn sync_status(&self) -> RpcResult<SyncStatus>;

    /// The output after so many batches; null if they are not derived yet.
    #[method(name = "output", blocking)]
    fn output(&self, batch_count: U64) -> RpcResult<Option<Output>>;

    /// Proof of a message in the output after so many batches; null if it is not in there.
    #[method(name = "outboxProof", blocking)]
    fn outbox_proof(&self, index: U64, batch_count: U64) -> RpcResult<Option<OutboxProof>>;

    /// One proof of several messages, in rising order; null if one of them is not in that output.
    #[method(name = "outboxMultiproof", blocking)]
    fn outbox_multiproof(&self, indices: Vec<U64>, batch_count: U64) -> RpcResult<Option<OutboxMultiproof>>;

    /// The batch that contains an L2 block; null if it is in none yet.
    #[method(name = "batchOfBlock", blocking)]
    fn batch_of_block(&self, block_number: U64) -> RpcResult<Option<BatchOfBlock>>;

    /// A page of the commitments seen on L1 that apply at least so many batches and can become final: from the first on, or
    /// from the one that follows on `after`.
    #[method(name = "commitments", blocking)]
    fn commitments(&self, from_batch_count: U64, after: Option<B256>) -> RpcResult<CommitmentPage>;
}

impl PosternApiServer for Rpc {
    fn sync_status(&self) -> RpcResult<SyncStatus> {
        let heads = self.chain.heads();
        let head = self.existing_block(BlockNumberOrTag::Latest)?;
        Ok(SyncStatus {
            l1: reference(heads.l1),
            unsafe_head: reference(heads.unsafe_),
            safe_head: reference(heads.safe),
            finalized_head: reference(heads.finalized),
            batch_count: heads.derived,
            queue_executed: head.progress.messages_executed,
            outbox_count: head.progress.outbox_count,
        })
    }

    fn output(&self, batch_count: U64) -> RpcResult<Option<Output>> {
        Ok(self.chain.output(batch_count.to())?.map(Output::from))
    }

    fn outbox_proof(&self, index: U64, batch_count: U64) -> RpcResult<Option<OutboxProof>> {
        let (index, batch_count) = (index.to(), batch_count.to());
        let Some((output, count)) = self.outbox(batch_count)? else {
            return Ok(None);
        };
        let Some(entry) = self.chain.outbox_message(index)?.filter(|_| index < count) else {
            return Ok(None);
        };
        Ok(Some(OutboxProof {
            leaf: entry.message.leaf(),
            message: entry.message.into(),
            siblings: self.chain.outbox_proof(index, batch_count)?,
            root: output.outbox_root,
            output,
        }))
    }

    fn outbox_multiproof(&self, indices: Vec<U64>, batch_count: U64) -> RpcResult<Option<OutboxMultiproof>> {
        let batch_count = batch_count.to();
        let indices: Vec<u64> = indices.iter().map(|index| index.to()).collect();
        limit("messages to prove", indices.len() as u64, MAX_MULTIPROOF)?;
        if indices.is_empty() || !indices.is_sorted_by(|a, b| a < b) {
            return Err(RpcError::InvalidParams("indices must rise, and be at least one".into()));
        }
        let Some((output, count)) = self.outbox(batch_count)? else {
            return Ok(None);
        };
        let mut messages: Vec<Message> = Vec::with_capacity(indices.len());
        for &index in &indices {
            let Some(entry) = self.chain.outbox_message(index)?.filter(|_| index < count) else {
                return Ok(None);
            };
            messages.push(entry.message.into());
        }
        Ok(Some(OutboxMultiproof {
            messages,
            depth: outbox::depth(count) as u64,
            siblings: self.chain.outbox_multiproof(&indices, batch_count)?,
            root: output.outbox_root,
            output,
        }))
    }

    fn batch_of_block(&self, block_number: U64) -> RpcResult<Option<BatchOfBlock>> {
        let Some(batch_count) = self.chain.batch_count_at(block_number.to())? else {
            return Ok(None);
        };
        // The genesis block is in no batch, and in every output.
        let Some(index) = batch_count.checked_sub(1) else {
            return Ok(None);
        };
        let batch = self.chain.batch(index)?;
        Ok(batch.map(|batch| BatchOfBlock { index, batch_hash: batch.hash }))
    }

    fn commitments(&self, from_batch_count: U64, after: Option<B256>) -> RpcResult<CommitmentPage> {
        let after = after.map(|id| {
            let unknown = || RpcError::InvalidParams(format!("commitment {id} is not known"));
            self.chain.commitment(id)?.ok_or_else(unknown)
        });
        let after = after.transpose()?;
        let mut page = CommitmentPage { commitments: Vec::new(), next: None };
        let entries = self.chain.commitments_after(from_batch_count.to(), after.as_ref(), MAX_EXAMINED)?;
        let mut more = entries.len() == MAX_EXAMINED;
        for entry in entries {
            if page.commitments.len() == COMMITMENTS_PER_PAGE {
                more = true;
                break;
            }
            page.next = Some(entry.id);
            let Some(agrees) = self.verdicts.stands(&self.chain, &entry)? else { continue };
            page.commitments.push(Commitment {
                id: entry.id,
                commitment: entry.commitment.into(),
                status: match entry.status {
                    store::CommitmentStatus::Proposed => CommitmentStatus::Proposed,
                    store::CommitmentStatus::Final => CommitmentStatus::Final,
                    store::CommitmentStatus::Rejected => CommitmentStatus::Rejected,
                },
                agrees,
            });
        }
        page.next = page.next.filter(|_| more);
        Ok(page)
    }
}

impl Rpc {
    /// The output after so many batches, and how many messages are in its outbox.
    fn outbox(&self, batch_count: u64) -> RpcResult<Option<(Output, u64)>> {
        let output = self.chain.output(batch_count)?.map(Output::from);
        Ok(output.zip(self.chain.outbox_count(batch_count)?))
    }
}

fn reference(block: BlockRef) -> BlockReference {
    BlockReference { number: block.number, hash: block.hash, timestamp: block.timestamp }
}
