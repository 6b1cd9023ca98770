//! How the node tells its tasks to end.

use tokio::sync::watch;

/// Asks all holders of a [`Shutdown`] to end; so does dropping it.
#[derive(Debug)]
pub(crate) struct Trigger(watch::Sender<bool>);

/// A task's view of whether the node is ending. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

/// A connected pair.
pub(crate) fn channel() -> (Trigger, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (Trigger(sender), Shutdown(receiver))
}

impl Trigger {
    /// Asks all tasks to end.
    pub(crate) fn request(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// Whether the task should end.
    pub fn requested(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Returns once the task should end.
    pub async fn wait(&mut self) {
        // The error says that the node is gone, which asks for the same.
        let _ = self.0.wait_for(|requested| *requested).await;
    }
}
