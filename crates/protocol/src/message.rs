//! Messages in both directions.

use crate::words::{Decoder, Encoder};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Bytes, U256, address, keccak256};

/// A message that an L2 contract or account sent to L1 through the `Outbox` predeploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Position in the outbox, counted from 0. Part of the leaf, so that an index cannot be aliased.
    pub index: u64,
    /// Who called `Outbox.send` on L2.
    pub sender: Address,
    /// Whom the bridge calls on L1.
    pub target: Address,
    /// ETH that travels with the message, in wei.
    pub value: U256,
    /// The least gas that the call to `target` must be given, in L1 gas.
    pub gas_limit: u64,
    /// Calldata of the call.
    pub data: Bytes,
}

impl Message {
    /// What the leaf hashes: six words, the data by its hash.
    pub fn preimage(&self) -> Vec<u8> {
        Encoder::new(6)
            .u64(self.index)
            .address(self.sender)
            .address(self.target)
            .u256(self.value)
            .u64(self.gas_limit)
            .word(keccak256(&self.data))
            .finish()
    }

    /// The outbox leaf.
    pub fn leaf(&self) -> B256 {
        keccak256(self.preimage())
    }
}

/// A message on its way from L1 to L2, as the rolling queue hash commits to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedMessage {
    /// Position in the queue, counted from 0.
    pub index: u64,
    /// The account that acts on L2: the caller of `sendToL2`, aliased if it is a contract.
    pub sender: Address,
    /// Whom `sender` calls on L2.
    pub target: Address,
    /// ETH credited to `sender` on L2 before the call, whatever the call does, in wei.
    pub mint: U256,
    /// ETH that the call carries from `sender`'s L2 balance, in wei.
    pub value: U256,
    /// L2 gas bought for the call.
    pub gas_limit: u64,
    /// Price paid for that gas, in wei; credited on L2 to the `FeeVault`.
    pub fee: U256,
    /// Calldata of the call.
    pub data: Bytes,
}

impl QueuedMessage {
    /// What the hash covers: eight words, the data by its hash.
    pub fn preimage(&self) -> Vec<u8> {
        Encoder::new(8)
            .u64(self.index)
            .address(self.sender)
            .address(self.target)
            .u256(self.mint)
            .u256(self.value)
            .u64(self.gas_limit)
            .u256(self.fee)
            .word(keccak256(&self.data))
            .finish()
    }

    /// What the queue hash absorbs.
    pub fn hash(&self) -> B256 {
        keccak256(self.preimage())
    }

    /// Reads a preimage back, together with the hash of the data that belongs to it; `data` of the result is empty.
    pub fn decode(preimage: &[u8]) -> Option<(Self, B256)> {
        let mut words = Decoder::new(preimage);
        let message = Self {
            index: words.u64()?,
            sender: words.address()?,
            target: words.address()?,
            mint: words.u256()?,
            value: words.u256()?,
            gas_limit: words.u64()?,
            fee: words.u256()?,
            data: Bytes::new(),
        };
        let data_hash = words.word()?;
        words.finish()?;
        Some((message, data_hash))
    }
}

/// What the queue hash is the hash of after one more message: 64 bytes.
pub fn queue_preimage(queue_hash: B256, message_hash: B256) -> [u8; 64] {
    let mut preimage = [0; 64];
    preimage[..32].copy_from_slice(queue_hash.as_slice());
    preimage[32..].copy_from_slice(message_hash.as_slice());
    preimage
}

/// The queue hash after one more message. It is zero before the first.
pub fn extend_queue(queue_hash: B256, message_hash: B256) -> B256 {
    keccak256(queue_preimage(queue_hash, message_hash))
}

/// Reads a queue preimage back: the queue hash before the last message, and that message's hash.
pub fn decode_queue(preimage: &[u8]) -> Option<(B256, B256)> {
    let mut words = Decoder::new(preimage);
    let pair = (words.word()?, words.word()?);
    words.finish()?;
    Some(pair)
}

const ALIAS_OFFSET: Address = address!("0x1111000000000000000000000000000000001111");

/// The account as which an L1 contract acts on L2: a fixed offset away, modulo 2^160, so that no L1 contract can act for
/// the L2 contract that happens to have its address.
pub fn alias(address: Address) -> Address {
    offset(address, |word, offset| word.wrapping_add(offset))
}

/// The L1 contract that acts as `alias` on L2.
pub fn unalias(alias: Address) -> Address {
    offset(alias, |word, offset| word.wrapping_sub(offset))
}

/// The words wrap at 2^256, of which 2^160 is a divisor: cutting to an address is the reduction.
fn offset(address: Address, operation: impl Fn(U256, U256) -> U256) -> Address {
    let word = |address: Address| U256::from_be_bytes(address.into_word().0);
    Address::from_word(operation(word(address), word(ALIAS_OFFSET)).into())
}
