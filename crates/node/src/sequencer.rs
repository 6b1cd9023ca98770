//! The sequencer: builds L2 blocks as transactions and messages come, and ends batches. What it may build, and that it derives to
//! the same blocks, is the chain's business; this task decides when.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{MissedTickBehavior, interval};

use crate::{
    blocking,
    chain::{Chain, ChainError, SequencingPolicy, Step},
    shutdown::Shutdown,
};

/// Builds blocks until shutdown, one in `block_interval` at most.
///
/// # Errors
/// If the chain fails: the node cannot go on.
pub(crate) async fn run(
    chain: Chain,
    policy: SequencingPolicy,
    block_interval: Duration,
    mut shutdown: Shutdown,
) -> Result<(), ChainError> {
    let mut ticks = interval(block_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !shutdown.requested() {
        tokio::select! {
            _ = ticks.tick() => {}
            () = shutdown.wait() => break,
        }
        loop {
            let chain = chain.clone();
            let step = blocking(move || chain.sequence(&policy, unix_millis())).await?;
            if step != Step::Again || shutdown.requested() {
                break;
            }
        }
    }
    Ok(())
}

/// The wall clock, in milliseconds. It only decides how old a batch is; nothing on chain depends on it.
fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
