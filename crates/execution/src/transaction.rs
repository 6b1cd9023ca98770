//! Transactions of the L2: those of Ethereum without blobs, and deposits.

use alloc::vec::Vec;
use alloy_consensus::{TxEnvelope, crypto::SECP256K1N_HALF};
use alloy_eips::{Decodable2718, Encodable2718, Typed2718};
use alloy_primitives::{Address, B256, Bytes, Sealed, Signature, U256, keccak256};
use alloy_rlp::{Decodable, Encodable, RlpDecodable, RlpEncodable};
use postern_protocol::message::QueuedMessage;
use revm::precompile::crypto;
use thiserror::Error;

/// EIP-2718 type of a deposit: that of Optimism, whose encoding it shares, so that existing tools decode it.
pub const DEPOSIT_TYPE: u8 = 0x7e;

/// A message from L1, as a transaction.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct Deposit {
    /// The queued message's hash.
    pub source_hash: B256,
    /// Who acts.
    pub from: Address,
    /// Whom it calls.
    pub to: Address,
    /// ETH credited to `from` whatever the call does, in wei.
    pub mint: U256,
    /// ETH that the call carries, in wei.
    pub value: U256,
    /// L2 gas for the call.
    pub gas_limit: u64,
    /// Always false; kept for the encoding.
    pub is_system: bool,
    /// Calldata.
    pub data: Bytes,
}

impl From<&QueuedMessage> for Deposit {
    fn from(message: &QueuedMessage) -> Self {
        Self {
            source_hash: message.hash(),
            from: message.sender,
            to: message.target,
            mint: message.mint,
            value: message.value,
            gas_limit: message.gas_limit,
            is_system: false,
            data: message.data.clone(),
        }
    }
}

impl Deposit {
    /// EIP-2718 encoding.
    pub fn encoded(&self) -> Vec<u8> {
        let mut encoded = Vec::with_capacity(1 + self.length());
        encoded.push(DEPOSIT_TYPE);
        self.encode(&mut encoded);
        encoded
    }

    /// Transaction hash.
    pub fn hash(&self) -> B256 {
        keccak256(self.encoded())
    }
}

/// A transaction in an L2 block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum L2Transaction {
    /// A message from L1, with its transaction hash.
    Deposit(Sealed<Deposit>),
    /// A signed transaction of type 0, 1, 2 or 4.
    Ethereum(TxEnvelope),
}

/// Why bytes are not a transaction of the L2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TransactionError {
    /// They are not the canonical encoding of a transaction.
    #[error("malformed transaction")]
    Malformed,
    /// Transactions of this type do not exist on the L2.
    #[error("transaction type {0:#04x} is not supported")]
    UnsupportedType(u8),
}

impl From<Deposit> for L2Transaction {
    fn from(deposit: Deposit) -> Self {
        let hash = deposit.hash();
        Self::Deposit(Sealed::new_unchecked(deposit, hash))
    }
}

impl L2Transaction {
    /// Decodes an EIP-2718 encoding.
    ///
    /// # Errors
    ///
    /// If it is not canonical in every byte, or of another type than 0, 1, 2, 4 and 0x7e.
    pub fn decode(bytes: &[u8]) -> Result<Self, TransactionError> {
        // A legacy transaction is a list, which begins above all types.
        match bytes.first() {
            None => Err(TransactionError::Malformed),
            Some(&DEPOSIT_TYPE) => {
                let mut rest = &bytes[1..];
                let deposit = Deposit::decode(&mut rest).map_err(|_| TransactionError::Malformed)?;
                let canonical = rest.is_empty() && !deposit.is_system;
                canonical.then(|| deposit.into()).ok_or(TransactionError::Malformed)
            }
            Some(1 | 2 | 4 | 0xc0..) => {
                let transaction = TxEnvelope::decode_2718_exact(bytes).map_err(|_| TransactionError::Malformed)?;
                // What a lenient decoder let through would have another hash than its bytes.
                let canonical = transaction.encoded_2718() == bytes;
                canonical.then_some(Self::Ethereum(transaction)).ok_or(TransactionError::Malformed)
            }
            Some(&other) => Err(TransactionError::UnsupportedType(other)),
        }
    }

    /// EIP-2718 encoding.
    pub fn encoded(&self) -> Vec<u8> {
        match self {
            Self::Deposit(deposit) => deposit.encoded(),
            Self::Ethereum(transaction) => transaction.encoded_2718(),
        }
    }

    /// Transaction hash.
    pub fn hash(&self) -> B256 {
        match self {
            Self::Deposit(deposit) => deposit.seal(),
            Self::Ethereum(transaction) => *transaction.tx_hash(),
        }
    }

    /// EIP-2718 type; 0 for a legacy transaction.
    pub fn tx_type(&self) -> u8 {
        match self {
            Self::Deposit(_) => DEPOSIT_TYPE,
            Self::Ethereum(transaction) => transaction.ty(),
        }
    }

    /// Who sent it: a deposit's `from`, otherwise the signer. `None` if the signature is invalid.
    pub fn recover_sender(&self) -> Option<Address> {
        match self {
            Self::Deposit(deposit) => Some(deposit.from),
            Self::Ethereum(transaction) => recover(transaction.signature(), transaction.signature_hash()),
        }
    }
}

/// Who signed `hash`. It is asked where contracts ask, so that inside the fault-proof machine L1 answers both.
fn recover(signature: &Signature, hash: B256) -> Option<Address> {
    // EIP-2: of the two signatures that anyone can make of one, only that with the lower `s` counts.
    if signature.s() > SECP256K1N_HALF {
        return None;
    }
    let mut encoded = [0; 64];
    encoded[..32].copy_from_slice(&signature.r().to_be_bytes::<32>());
    encoded[32..].copy_from_slice(&signature.s().to_be_bytes::<32>());
    let word = crypto().secp256k1_ecrecover(&encoded, signature.v().into(), &hash).ok()?;
    Some(Address::from_word(word.into()))
}
