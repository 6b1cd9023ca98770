//! What the roles that act on L1 share: rounds, and growing pauses after failures.

use std::{fmt::Display, time::Duration};

use tokio::sync::watch;
use tracing::{info, warn};

use crate::{
    chain::{Heads, L1Ref},
    shutdown::Shutdown,
};

/// Doublings after which the pause stays the same.
const MAX_DOUBLINGS: u32 = 6;

/// A role that looks at L1 and at the chain in rounds, and does what is due.
pub(crate) trait Role {
    /// Why a round ended early. It must pass with time: the next round begins anew.
    type Error: Display;

    /// Name for the log.
    const NAME: &str;

    /// Does what is due.
    async fn round(&mut self, shutdown: &mut Shutdown) -> Result<(), Self::Error>;
}

/// What the roles act on: L1 as followed, the batches derived, and whether that is all there is.
fn seen(heads: &Heads) -> (L1Ref, u64, bool) {
    (heads.l1, heads.derived, heads.synced())
}

/// Returns once there is more to see than `before`.
async fn news(heads: &mut watch::Receiver<Heads>, before: (L1Ref, u64, bool)) {
    // The error says that the chain is gone; the role holds one.
    let _ = heads.wait_for(|heads| seen(heads) != before).await;
}

/// Runs a role until shutdown: a round whenever L1 moves or a batch is derived, and at least once in `poll_interval`. Blocks of
/// the L2 that are not on L1 yet are none of its business. A round that fails is followed by a growing pause.
pub(crate) async fn run<R: Role>(
    mut role: R,
    mut heads: watch::Receiver<Heads>,
    poll_interval: Duration,
    mut shutdown: Shutdown,
) {
    info!(role = R::NAME, "started");
    let mut backoff = Backoff::new(poll_interval);
    while !shutdown.requested() {
        let before = seen(&heads.borrow_and_update());
        match role.round(&mut shutdown).await {
            Ok(()) => {
                backoff.reset();
                tokio::select! {
                    () = tokio::time::sleep(poll_interval) => {}
                    () = news(&mut heads, before) => {}
                    () = shutdown.wait() => {}
                }
            }
            Err(_) if shutdown.requested() => {}
            Err(error) => {
                let pause = backoff.next();
                warn!(role = R::NAME, %error, ?pause, "round failed");
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = shutdown.wait() => {}
                }
            }
        }
    }
}

/// Pauses that double with each failure in a row, up to 64 times the first.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    failures: u32,
}

impl Backoff {
    /// Pauses that begin at `first`.
    pub(crate) fn new(first: Duration) -> Self {
        Self { first, failures: 0 }
    }

    /// The pause after one more failure.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.first * 2u32.pow(self.failures.min(MAX_DOUBLINGS));
        self.failures = self.failures.saturating_add(1);
        pause
    }

    /// Something went well: the next pause is the first again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::{chain::BlockRef, shutdown};

    /// Counts its rounds.
    struct Counter(watch::Sender<u32>);

    impl Role for Counter {
        type Error = Infallible;

        const NAME: &str = "counter";

        async fn round(&mut self, _shutdown: &mut Shutdown) -> Result<(), Infallible> {
            self.0.send_modify(|rounds| *rounds += 1);
            Ok(())
        }
    }

    /// Lets the other task of this thread run until it waits.
    async fn settle() {
        for _ in 0..16 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_round_follows_l1_and_not_each_block() {
        let (heads, receiver) = watch::channel(Heads::default());
        let (rounds, counted) = watch::channel(0);
        let (trigger, shutdown) = shutdown::channel();
        let role = tokio::spawn(run(Counter(rounds), receiver, Duration::from_secs(3600), shutdown));
        settle().await;
        assert_eq!(*counted.borrow(), 1);

        for number in 1..4 {
            heads.send_modify(|heads| heads.unsafe_ = BlockRef { number, ..BlockRef::default() });
            settle().await;
        }
        assert_eq!(*counted.borrow(), 1);

        heads.send_modify(|heads| heads.l1.number = 1);
        settle().await;
        assert_eq!(*counted.borrow(), 2);
        heads.send_modify(|heads| heads.derived = 1);
        settle().await;
        assert_eq!(*counted.borrow(), 3);
        heads.send_modify(|heads| heads.batches = 1);
        settle().await;
        assert_eq!(*counted.borrow(), 4, "all that L1 has is derived now");

        trigger.request();
        role.await.unwrap();
    }

    #[test]
    fn pauses_double_up_to_a_limit() {
        let mut backoff = Backoff::new(Duration::from_secs(1));
        let pauses: Vec<u64> = (0..9).map(|_| backoff.next().as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 64, 64]);

        backoff.reset();
        assert_eq!(backoff.next(), Duration::from_secs(1));
    }
}
