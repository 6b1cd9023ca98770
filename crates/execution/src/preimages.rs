//! Data by its Keccak-256 hash: all that execution ever reads.

use alloc::{collections::BTreeMap, sync::Arc};
use alloy_primitives::{B256, Bytes};
use core::cell::RefCell;
use revm::database_interface::DBErrorMarker;
use thiserror::Error;

/// Gives data by its Keccak-256 hash: trie nodes, code, headers, batches, messages. Must not give other data: callers do
/// not check the hash.
pub trait Preimages {
    /// The data whose hash this is, if known.
    fn get(&self, hash: &B256) -> Option<Bytes>;
}

/// There is no preimage of this hash, or it is not what it should be (a trie node, a header, …). The only failure of
/// execution; it says something about the reader's data and nothing about the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("missing preimage of {0}")]
pub struct MissingPreimage(pub B256);

impl DBErrorMarker for MissingPreimage {}

/// The preimage of `hash`, in the form that `decode` understands.
pub(crate) fn read<T>(
    preimages: &impl Preimages,
    hash: B256,
    decode: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<T, MissingPreimage> {
    preimages.get(&hash).and_then(|bytes| decode(&bytes)).ok_or(MissingPreimage(hash))
}

impl<P: Preimages + ?Sized> Preimages for &P {
    fn get(&self, hash: &B256) -> Option<Bytes> {
        (**self).get(hash)
    }
}

impl<P: Preimages + ?Sized> Preimages for Arc<P> {
    fn get(&self, hash: &B256) -> Option<Bytes> {
        (**self).get(hash)
    }
}

impl Preimages for BTreeMap<B256, Bytes> {
    fn get(&self, hash: &B256) -> Option<Bytes> {
        self.get(hash).cloned()
    }
}

/// Records what is read through it: the witness, from which alone the same execution runs again.
#[derive(Debug)]
pub struct Recorder<P> {
    inner: P,
    witness: RefCell<BTreeMap<B256, Bytes>>,
}

impl<P> Recorder<P> {
    /// Records what is read from `inner`.
    pub fn new(inner: P) -> Self {
        Self { inner, witness: RefCell::default() }
    }

    /// What was read.
    pub fn into_witness(self) -> BTreeMap<B256, Bytes> {
        self.witness.into_inner()
    }
}

impl<P: Preimages> Preimages for Recorder<P> {
    fn get(&self, hash: &B256) -> Option<Bytes> {
        let bytes = self.inner.get(hash)?;
        self.witness.borrow_mut().insert(*hash, bytes.clone());
        Some(bytes)
    }
}
