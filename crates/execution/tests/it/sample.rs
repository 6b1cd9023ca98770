//! Batches as they may look: what their data costs on L1.

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, Bytes, TxKind, U256, keccak256};
use postern_protocol::{
    batch::{self, Block},
    blob,
};
use postern_testing::chain::*;

/// Transactions of a block.
const BLOCK: usize = 20;

/// Numbers that nothing can compress.
struct Random(u64);

impl Random {
    fn next(&mut self) -> U256 {
        self.0 += 1;
        keccak256(self.0.to_be_bytes()).into()
    }

    fn below(&mut self, end: u64) -> u64 {
        (self.next() % U256::from(end)).to()
    }

    fn address(&mut self) -> Address {
        Address::from_word(self.next().into())
    }

    /// Round, or any.
    fn amount(&mut self) -> U256 {
        match self.below(2) {
            0 => ETHER / U256::from(100) * U256::from(self.below(1_000)),
            _ => U256::from(self.below(1 << 60)),
        }
    }

    /// One of some that return, or one that is new.
    fn recipient(&mut self) -> Address {
        match self.below(3) {
            0 => Address::repeat_byte(self.below(100) as u8),
            _ => self.address(),
        }
    }

    fn transfer(&mut self) -> TxEip1559 {
        let tip = [0, 1_000_000, 1_500_000_000][self.below(3) as usize];
        TxEip1559 {
            max_fee_per_gas: 10_000_000 + tip,
            max_priority_fee_per_gas: tip,
            value: self.amount(),
            ..transfer(self.below(300), self.recipient(), 0)
        }
    }

    /// Of one of 20 ERC-20 tokens.
    fn token_transfer(&mut self) -> TxEip1559 {
        let token = keccak256([self.below(20) as u8]);
        let words = [self.recipient().into_word(), self.amount().into()];
        let input = [&keccak256("transfer(address,uint256)")[..4], words.concat().as_slice()].concat();
        let gas_limit = 45_000 + 1_000 * self.below(10);
        let to = TxKind::Call(Address::from_word(token));
        TxEip1559 { gas_limit, to, value: U256::ZERO, input: input.into(), ..self.transfer() }
    }
}

/// Blocks with so many transactions: transfers of ETH or, one in two, of tokens.
pub(crate) fn blocks(count: usize, tokens: bool) -> Vec<Block> {
    let mut random = Random(0);
    let transaction = |n: usize| -> Bytes {
        let transaction = if tokens && n % 2 == 1 { random.token_transfer() } else { random.transfer() };
        Wallet::new(1 + n as u8 % 200).sign(transaction)
    };
    let transactions: Vec<_> = (0..count).map(transaction).collect();
    let blocks = (1_800_000_000..).step_by(2).zip(transactions.chunks(BLOCK));
    blocks.map(|(time, transactions)| block(time, 0, transactions.to_vec())).collect()
}

/// Bytes on L1 for one transaction of a batch.
#[derive(Debug)]
pub(crate) struct Cost {
    /// As RLP.
    pub(crate) raw: f64,
    /// In calldata.
    pub(crate) calldata: f64,
    /// In the words of blobs, the last blob only as far as it is used.
    pub(crate) words: f64,
    /// In whole blobs.
    pub(crate) blobs: f64,
}

pub(crate) fn cost(blocks: &[Block]) -> Cost {
    let count: usize = blocks.iter().map(|block| block.transactions.len()).sum();
    let each = |bytes: usize| bytes as f64 / count as f64;
    let data = batch::encode(blocks).len();
    Cost {
        raw: each(1 + blocks.iter().map(batch::encoded_length).sum::<usize>()),
        calldata: each(data),
        words: each(32 * data.div_ceil(31)),
        blobs: each(blob::BLOB_SIZE * data.div_ceil(blob::PAYLOAD)),
    }
}
