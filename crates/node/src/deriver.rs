//! The deriver: derives the batches that L1 has, one after the other, as far as L1 was followed.
//!
//! Neither it nor the follower waits for the other. Whoever posts batches faster than they are derived keeps nobody from seeing
//! what else happens on L1, and an L1 node that does not answer, or a blob that no one gives, does not keep back what is there
//! already.

use tokio::sync::watch;

use crate::{
    blocking,
    chain::{Chain, ChainError, Heads},
    shutdown::Shutdown,
};

/// Derives batches until shutdown.
///
/// # Errors
/// If the chain fails: the node cannot go on.
pub(crate) async fn run(chain: Chain, mut shutdown: Shutdown) -> Result<(), ChainError> {
    let mut heads = chain.subscribe();
    while !shutdown.requested() {
        tokio::select! {
            () = waiting_batch(&mut heads) => {
                let chain = chain.clone();
                blocking(move || chain.derive_next()).await?;
            }
            () = shutdown.wait() => {}
        }
    }
    Ok(())
}

/// Returns once a batch waits to be derived.
async fn waiting_batch(heads: &mut watch::Receiver<Heads>) {
    // The error says that the chain is gone; the deriver holds one.
    let _ = heads.wait_for(|heads| heads.derived < heads.batches).await;
}
