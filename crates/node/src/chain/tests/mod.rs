//! The chain on an L1 that the tests play: they decide what is queued, posted, forced and reorganised.

mod blobs;
mod disputes;
mod forcing;
mod l1;
mod outbox;
mod pool;
mod reorgs;
mod restarts;
mod runs;
mod sequencing;
mod world;
