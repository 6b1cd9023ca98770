//! The committed program in the emulator: it comes to what the node comes to.

mod batches;
mod bounds;
mod executable;
mod signatures;
mod support;
