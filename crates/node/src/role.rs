//! What the roles that act on L1 share: rounds, and growing pauses after failures.

use std::{fmt::Display, time::Duration};

use tokio::sync::watch;
use tracing::{info, warn};

use crate::{chain::Heads, shutdown::Shutdown};

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

/// Runs a role until shutdown: a round whenever the chain moves, and at least once in `poll_interval`. A round that fails is
/// followed by a growing pause.
pub(crate) async fn run<R: Role>(
    mut role: R,
    mut heads: watch::Receiver<Heads>,
    poll_interval: Duration,
    mut shutdown: Shutdown,
) {
    info!(role = R::NAME, "started");
    let mut backoff = Backoff::new(poll_interval);
    while !shutdown.requested() {
        match role.round(&mut shutdown).await {
            Ok(()) => {
                backoff.reset();
                tokio::select! {
                    () = tokio::time::sleep(poll_interval) => {}
                    Ok(()) = heads.changed() => {}
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
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let mut backoff = Backoff::new(Duration::from_secs(1));
        let pauses: Vec<u64> = (0..9).map(|_| backoff.next().as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 64, 64]);

        backoff.reset();
        assert_eq!(backoff.next(), Duration::from_secs(1));
    }
}
