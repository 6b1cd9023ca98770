//! Steps of L1's clock, by their meaning.

use alloy::{
    eips::BlockNumberOrTag,
    primitives::B256,
    providers::{Provider, ext::AnvilApi},
    rpc::types::anvil::ReorgOptions,
};
use eyre::{OptionExt, Result};

use crate::devnet::Devnet;

/// A point of L1: what the next block would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct L1Point {
    /// Time in seconds.
    pub time: u64,
    /// Block number.
    pub block_number: u64,
}

impl Devnet {
    /// The latest L1 block.
    ///
    /// # Errors
    /// If L1 cannot be reached.
    pub async fn l1_head(&self) -> Result<L1Point> {
        let head = self.l1().get_block_by_number(BlockNumberOrTag::Latest).await?.ok_or_eyre("L1 has no block")?;
        Ok(L1Point { time: head.header.timestamp, block_number: head.header.number })
    }

    /// Makes so many L1 blocks.
    ///
    /// # Errors
    /// If L1 cannot be reached.
    pub async fn mine(&self, blocks: u64) -> Result<()> {
        Ok(self.l1().anvil_mine(Some(blocks), None).await?)
    }

    /// Lets the challenge window of everything proposed so far pass, in time and in blocks.
    ///
    /// # Errors
    /// If L1 cannot be reached.
    pub async fn warp_past_challenge_window(&self) -> Result<()> {
        let contract = self.state_commitment_chain();
        let (seconds, blocks) = (contract.WINDOW_SECONDS().call().await?, contract.WINDOW_BLOCKS().call().await?);
        self.l1().anvil_increase_time(seconds).await?;
        self.mine(blocks).await
    }

    /// Lets the challenge window of one commitment pass, and no more time than that takes.
    ///
    /// # Errors
    /// If L1 cannot be reached.
    pub async fn warp_past_window_of(&self, commitment: B256) -> Result<()> {
        let end = self.state_commitment_chain().finalizableAt(commitment).call().await?;
        let head = self.l1_head().await?;
        self.l1().anvil_increase_time(end.time.saturating_sub(head.time)).await?;
        self.mine_to(end.blockNumber.max(head.block_number + 1)).await
    }

    /// Lets the clocks of all sides expire in every dispute: what can still be countered then was posted later.
    ///
    /// # Errors
    /// If L1 cannot be reached.
    pub async fn warp_past_clock(&self) -> Result<()> {
        self.mine(self.dispute_game().CLOCK().call().await?.to()).await
    }

    /// Makes an L1 block at this time, in seconds, or at once if that is past.
    ///
    /// # Errors
    /// If L1 cannot be reached.
    pub async fn warp_to(&self, time: u64) -> Result<()> {
        if time > self.l1_head().await?.time {
            self.l1().anvil_set_next_block_timestamp(time).await?;
        }
        self.mine(1).await
    }

    /// Makes L1 blocks until the last one has this number, if it has not yet.
    ///
    /// # Errors
    /// If L1 cannot be reached.
    pub async fn mine_to(&self, block_number: u64) -> Result<()> {
        let head = self.l1_head().await?.block_number;
        if head < block_number { self.mine(block_number - head).await } else { Ok(()) }
    }

    /// Makes L1 blocks until the next one has this number and time: transactions sent then are executed in it. Nothing else
    /// may send to L1 meanwhile.
    ///
    /// # Errors
    /// If L1 is past that point, or cannot be reached.
    pub async fn approach(&self, point: L1Point) -> Result<()> {
        let head = self.l1_head().await?;
        let missing = point.block_number.checked_sub(head.block_number + 1).ok_or_eyre("L1 is past that block")?;
        if missing > 0 {
            self.mine(missing).await?;
        }
        Ok(self.l1().anvil_set_next_block_timestamp(point.time).await?)
    }

    /// Replaces the last `depth` L1 blocks by as many others without their transactions.
    ///
    /// # Errors
    /// If L1 cannot be reached.
    pub async fn reorg(&self, depth: u64) -> Result<()> {
        Ok(self.l1().anvil_reorg(ReorgOptions { depth, tx_block_pairs: Vec::new() }).await?)
    }
}
