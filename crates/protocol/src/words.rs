//! ABI words: 32 bytes each, big-endian, addresses left-padded.

use alloc::vec::Vec;
use alloy_primitives::{Address, B256, U256};

/// Appends ABI words.
pub(crate) struct Encoder(Vec<u8>);

impl Encoder {
    pub(crate) fn new(words: usize) -> Self {
        Self(Vec::with_capacity(32 * words))
    }

    pub(crate) fn word(mut self, word: impl Into<B256>) -> Self {
        self.0.extend_from_slice(word.into().as_slice());
        self
    }

    pub(crate) fn u256(self, value: U256) -> Self {
        self.word(value.to_be_bytes())
    }

    pub(crate) fn u64(self, value: u64) -> Self {
        self.u256(U256::from(value))
    }

    pub(crate) fn address(self, address: Address) -> Self {
        self.word(address.into_word())
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads ABI words; every method answers `None` once the input does not fit, and `finish` if anything is left over.
pub(crate) struct Decoder<'a>(&'a [u8]);

impl<'a> Decoder<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    pub(crate) fn word(&mut self) -> Option<B256> {
        let (word, rest) = self.0.split_first_chunk::<32>()?;
        self.0 = rest;
        Some(B256::new(*word))
    }

    pub(crate) fn u256(&mut self) -> Option<U256> {
        self.word().map(Into::into)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.u256()?.try_into().ok()
    }

    pub(crate) fn address(&mut self) -> Option<Address> {
        let word = self.word()?;
        word[..12].iter().all(|&byte| byte == 0).then(|| Address::from_word(word))
    }

    pub(crate) fn finish(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}
