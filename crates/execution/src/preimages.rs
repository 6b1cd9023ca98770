//! Data by its hash: all that execution ever reads.

use alloc::{collections::BTreeMap, sync::Arc};
use alloy_primitives::{B256, Bytes};
use core::cell::RefCell;
use revm::database_interface::DBErrorMarker;
use thiserror::Error;

/// Gives data by its Keccak-256 hash (trie nodes, code, headers, batches, messages) and blobs by their versioned hash. Must
/// not give other data: callers do not check.
pub trait Preimages {
    /// The data whose hash this is, if known.
    fn get(&self, hash: &B256) -> Option<Bytes>;

    /// The field element at `index`, below 4,096, of the blob with this versioned hash (EIP-4844), if known.
    fn blob_word(&self, versioned_hash: &B256, index: u64) -> Option<B256>;
}

/// There is no preimage of this hash, or it is not what it should be (a trie node, a header, …), or this is the versioned
/// hash of a blob that is not there. The only failure of execution; it says something about the reader's data and nothing
/// about the batch.
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

    fn blob_word(&self, versioned_hash: &B256, index: u64) -> Option<B256> {
        (**self).blob_word(versioned_hash, index)
    }
}

impl<P: Preimages + ?Sized> Preimages for Arc<P> {
    fn get(&self, hash: &B256) -> Option<Bytes> {
        (**self).get(hash)
    }

    fn blob_word(&self, versioned_hash: &B256, index: u64) -> Option<B256> {
        (**self).blob_word(versioned_hash, index)
    }
}

/// All that an execution read, from which alone it runs again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Witness {
    /// Data by its Keccak-256 hash.
    pub preimages: BTreeMap<B256, Bytes>,
    /// Field elements of blobs by versioned hash and position.
    pub blob_words: BTreeMap<(B256, u64), B256>,
}

impl Preimages for Witness {
    fn get(&self, hash: &B256) -> Option<Bytes> {
        self.preimages.get(hash).cloned()
    }

    fn blob_word(&self, versioned_hash: &B256, index: u64) -> Option<B256> {
        self.blob_words.get(&(*versioned_hash, index)).copied()
    }
}

/// Records what is read through it.
#[derive(Debug)]
pub struct Recorder<P> {
    inner: P,
    witness: RefCell<Witness>,
}

impl<P> Recorder<P> {
    /// Records what is read from `inner`.
    pub fn new(inner: P) -> Self {
        Self { inner, witness: RefCell::default() }
    }

    /// What was read.
    pub fn into_witness(self) -> Witness {
        self.witness.into_inner()
    }
}

impl<P: Preimages> Preimages for Recorder<P> {
    fn get(&self, hash: &B256) -> Option<Bytes> {
        let bytes = self.inner.get(hash)?;
        self.witness.borrow_mut().preimages.insert(*hash, bytes.clone());
        Some(bytes)
    }

    fn blob_word(&self, versioned_hash: &B256, index: u64) -> Option<B256> {
        let word = self.inner.blob_word(versioned_hash, index)?;
        self.witness.borrow_mut().blob_words.insert((*versioned_hash, index), word);
        Some(word)
    }
}
