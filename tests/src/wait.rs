use std::time::Duration;

use alloy::{
    network::Ethereum,
    providers::{PendingTransactionBuilder, Provider},
    rpc::types::TransactionReceipt,
};
use eyre::{Result, bail};
use tokio::time::{Instant, sleep};

/// How long tests wait for what should happen soon. Much longer than it takes, since the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until there is an answer.
///
/// # Errors
/// If there is none within [`PATIENCE`], or if asking fails.
pub async fn eventually<T, F>(what: &str, ask: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        if Instant::now() >= deadline {
            bail!("not within {PATIENCE:?}: {what}");
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// What was sent, until it is in a block.
pub trait Mined {
    /// The receipt, whether the transaction reverted or not. Asks for it by its hash: a watcher of new blocks, as alloy's
    /// `get_receipt`, can miss the one that matters when blocks come fast.
    fn mined(self) -> impl Future<Output = Result<TransactionReceipt>> + Send;
}

impl Mined for PendingTransactionBuilder<Ethereum> {
    async fn mined(self) -> Result<TransactionReceipt> {
        let (hash, provider) = (*self.tx_hash(), self.provider());
        eventually("the transaction is in a block", || async { Ok(provider.get_transaction_receipt(hash).await?) })
            .await
    }
}
