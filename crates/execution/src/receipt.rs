//! Receipts.

use alloc::vec::Vec;
use alloy_consensus::{Eip658Value, ReceiptWithBloom, TxReceipt};
use alloy_primitives::{Bloom, Log};
use alloy_rlp::{Decodable, Encodable};

/// The receipt of a transaction of any type, deposits included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// EIP-2718 type of the transaction.
    pub tx_type: u8,
    /// Whether the call succeeded.
    pub success: bool,
    /// Gas used in the block up to this transaction, it included.
    pub cumulative_gas_used: u64,
    /// Logs, in order.
    pub logs: Vec<Log>,
}

impl Receipt {
    /// Bloom filter of the logs.
    pub fn bloom(&self) -> Bloom {
        alloy_primitives::logs_bloom(&self.logs)
    }

    /// EIP-2718 encoding.
    pub fn encoded(&self) -> Vec<u8> {
        let receipt = alloy_consensus::Receipt {
            status: Eip658Value::Eip658(self.success),
            cumulative_gas_used: self.cumulative_gas_used,
            logs: self.logs.clone(),
        };
        let mut encoded = Vec::new();
        if self.tx_type != 0 {
            encoded.push(self.tx_type);
        }
        ReceiptWithBloom { receipt, logs_bloom: self.bloom() }.encode(&mut encoded);
        encoded
    }

    /// Decodes an EIP-2718 encoding. `None` if it is none, or its bloom filter is not that of its logs.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (tx_type, mut rest) = match bytes.split_first()? {
            // A legacy receipt is a list, which begins above all types.
            (0xc0.., _) => (0, bytes),
            (&tx_type, rest) => (tx_type, rest),
        };
        let decoded = ReceiptWithBloom::<alloy_consensus::Receipt>::decode(&mut rest).ok()?;
        let receipt = Self {
            tx_type,
            success: decoded.receipt.status(),
            cumulative_gas_used: decoded.receipt.cumulative_gas_used,
            logs: decoded.receipt.logs,
        };
        (rest.is_empty() && receipt.encoded() == bytes).then_some(receipt)
    }
}
