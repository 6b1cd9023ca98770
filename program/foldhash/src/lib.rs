//! The hash of the program's hash maps, in the place of the crate `foldhash`, from which all libraries take it.
//!
//! That crate relies on seeds that are different in every run. Inside the fault-proof machine they are the same for
//! everybody, and keys with one hash are then easy to write down. Who had a contract use them would make each access walk
//! through all of them: transient slots, at 100 gas each, or accounts. A batch would take more steps than a dispute has room for.
//!
//! Here it is SipHash, keyed by the hash of all that the run depends on: keys that collide can neither be prepared, as they
//! are part of what decides about the key, nor found by a contract for the gas that it has.
#![no_std]

use core::sync::atomic::{AtomicU64, Ordering};

static KEY: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];

/// Sets the key of all hash maps. To be called before there are any.
pub fn set_key(key: [u64; 2]) {
    KEY.iter().zip(key).for_each(|(place, word)| place.store(word, Ordering::Relaxed));
}

/// As the crate has it.
#[expect(deprecated, reason = "what the standard library has instead does not take a key")]
pub mod fast {
    use super::KEY;
    use core::{
        hash::{BuildHasher, Hasher, SipHasher},
        marker::PhantomData,
        sync::atomic::Ordering,
    };

    /// Makes hashers with the key.
    #[derive(Clone, Debug, Default)]
    pub struct RandomState;

    /// SipHash-2-4.
    #[derive(Clone, Debug)]
    pub struct FoldHasher<'a>(SipHasher, PhantomData<&'a ()>);

    impl BuildHasher for RandomState {
        type Hasher = FoldHasher<'static>;

        fn build_hasher(&self) -> Self::Hasher {
            let [first, second] = [0, 1].map(|word: usize| KEY[word].load(Ordering::Relaxed));
            FoldHasher(SipHasher::new_with_keys(first, second), PhantomData)
        }
    }

    impl Hasher for FoldHasher<'_> {
        fn write(&mut self, bytes: &[u8]) {
            self.0.write(bytes);
        }

        fn finish(&self) -> u64 {
            self.0.finish()
        }
    }
}
