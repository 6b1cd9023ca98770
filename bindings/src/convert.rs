//! Between the types of the contracts and those of `postern-protocol`, which have the same fields.

use alloy::primitives::U256;
use postern_protocol::{
    batch::Batch,
    commitment::Commitment,
    dispute::{Dispute, Node},
    message::{Message, QueuedMessage},
    output::{Output, VERSION},
};

use crate::{Bridge, CanonicalTransactionChain, DisputeGame, L2StateReader, Outbox, StateCommitmentChain};

impl From<Message> for Bridge::Message {
    fn from(message: Message) -> Self {
        let Message { index, sender, target, value, gas_limit, data } = message;
        Self { index, sender, target, value, gasLimit: gas_limit, data }
    }
}

impl From<Outbox::MessageSent> for Message {
    fn from(event: Outbox::MessageSent) -> Self {
        let Outbox::MessageSent { index, sender, target, value, gasLimit: gas_limit, data } = event;
        Self { index, sender, target, value, gas_limit, data }
    }
}

impl From<Bridge::MessageQueued> for QueuedMessage {
    fn from(event: Bridge::MessageQueued) -> Self {
        let Bridge::MessageQueued { index, sender, target, mint, value, gasLimit: gas_limit, fee, data, queueGas: _ } =
            event;
        Self { index, sender, target, mint, value, gas_limit, fee, data }
    }
}

impl From<CanonicalTransactionChain::Batch> for Batch {
    fn from(batch: CanonicalTransactionChain::Batch) -> Self {
        Self {
            parent: batch.parent,
            index: batch.index,
            l1_time: batch.l1Time,
            l1_block: batch.l1Block,
            origin_number: batch.originNumber,
            origin_hash: batch.originHash,
            data_commitment: batch.dataCommitment,
            queue_hash: batch.queueHash,
            queue_gas: batch.queueGas,
            consumed_to: batch.consumedTo,
        }
    }
}

impl From<StateCommitmentChain::Commitment> for Commitment {
    fn from(commitment: StateCommitmentChain::Commitment) -> Self {
        Self {
            parent: commitment.parent,
            batch_hash: commitment.batchHash,
            batch_count: commitment.batchCount,
            output_root: commitment.outputRoot,
            checkpoints_hash: commitment.checkpointsHash,
            proposer: commitment.proposer,
        }
    }
}

impl From<DisputeGame::Node> for Node {
    fn from(node: DisputeGame::Node) -> Self {
        let DisputeGame::Node { parent, first, start, pointsRoot: points_root } = node;
        Self { parent, first, start, points_root }
    }
}

impl From<Node> for DisputeGame::Node {
    fn from(node: Node) -> Self {
        let Node { parent, first, start, points_root } = node;
        Self { parent, first, start, pointsRoot: points_root }
    }
}

impl From<Dispute> for DisputeGame::Dispute {
    fn from(dispute: Dispute) -> Self {
        let Dispute { segment, agreed, disputed, siblings } = dispute;
        Self { segment: U256::from(segment), agreed, disputed, siblings }
    }
}

/// Each contract's bindings have their own Rust types for the same Solidity structs.
macro_rules! commitment_to {
    ($($contract:ident),+) => {$(
        impl From<Commitment> for $contract::Commitment {
            fn from(commitment: Commitment) -> Self {
                Self {
                    parent: commitment.parent,
                    batchHash: commitment.batch_hash,
                    batchCount: commitment.batch_count,
                    outputRoot: commitment.output_root,
                    checkpointsHash: commitment.checkpoints_hash,
                    proposer: commitment.proposer,
                }
            }
        }
    )+};
}

macro_rules! output_to {
    ($($contract:ident),+) => {$(
        impl From<Output> for $contract::Output {
            fn from(output: Output) -> Self {
                Self {
                    version: U256::from(VERSION),
                    l2ChainId: U256::from(output.l2_chain_id),
                    stateRoot: output.state_root,
                    outboxRoot: output.outbox_root,
                    blockHash: output.block_hash,
                    blockNumber: output.block_number,
                    batchCount: output.batch_count,
                }
            }
        }
    )+};
}

commitment_to!(Bridge, DisputeGame, L2StateReader, StateCommitmentChain);
output_to!(Bridge, L2StateReader, StateCommitmentChain);
