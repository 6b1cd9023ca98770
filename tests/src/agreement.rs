use eyre::{Result, ensure};
use postern_node::{NodeHandle, chain::Chain};

use crate::{devnet::Devnet, wait::eventually};

/// Checks that two nodes that have followed L1 to its head tell the same of it, from genesis on: messages, batches, L2 blocks,
/// outputs, commitments and disputes about them, messages executed on L1.
///
/// # Errors
/// If they differ, or a database fails.
pub fn check_agreement(received: &Chain, expected: &Chain) -> Result<()> {
    let (heads, expected_heads) = (received.heads(), expected.heads());
    for (what, received, expected) in [
        ("messages", heads.queued, expected_heads.queued),
        ("batches", heads.batches, expected_heads.batches),
        ("derived batches", heads.derived, expected_heads.derived),
        ("safe blocks", heads.safe.number, expected_heads.safe.number),
    ] {
        ensure!(received == expected, "{received} {what}, expected {expected}");
    }
    for index in 0..heads.queued {
        ensure!(received.queued_message(index)? == expected.queued_message(index)?, "message {index} differs");
    }
    for index in 0..heads.batches {
        ensure!(received.batch(index)? == expected.batch(index)?, "batch {index} differs");
    }
    for number in 0..=heads.safe.number {
        ensure!(received.header(number)? == expected.header(number)?, "block {number} differs");
    }
    for count in 0..=heads.derived {
        ensure!(received.output(count)? == expected.output(count)?, "output {count} differs");
    }
    let commitments = expected.commitments_from(0)?;
    ensure!(received.commitments_from(0)? == commitments, "commitments differ");
    for commitment in commitments {
        let challenges = expected.challenges_of(commitment.id)?;
        ensure!(received.challenges_of(commitment.id)? == challenges, "challenges of {} differ", commitment.id);
        for challenge in challenges {
            ensure!(received.nodes_of(challenge)? == expected.nodes_of(challenge)?, "nodes of {challenge:?} differ");
        }
    }
    let messages: Vec<_> = (0..expected.outbox_count(heads.derived)?.unwrap_or_default()).collect();
    let executed = received.finalized_messages(&messages)?;
    ensure!(executed == expected.finalized_messages(&messages)?, "messages executed on L1 differ");
    Ok(())
}

impl Devnet {
    /// Checks that a node tells the same as one that has nothing but L1 as it is now.
    ///
    /// # Errors
    /// If it does not, within some time, or a node fails.
    pub async fn check_rebuild(&self, node: &NodeHandle) -> Result<()> {
        let fresh = self.observer().await?;
        let (chain, expected) = (node.chain(), fresh.chain());
        eventually("both nodes follow L1", || async {
            let (heads, other) = (chain.heads(), expected.heads());
            let l1 = self.l1_head().await?.block_number;
            let same = heads.synced() && other.synced() && heads.l1 == other.l1 && heads.l1.number == l1;
            Ok(same.then_some(()))
        })
        .await?;
        check_agreement(chain, expected)?;
        Ok(fresh.shutdown().await?)
    }
}
