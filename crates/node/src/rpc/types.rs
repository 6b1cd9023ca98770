//! Blocks, transactions and receipts as Ethereum clients read them. Deposits have the form that Optimism gave them, which
//! those clients know.

use alloy::{
    consensus::{
        Receipt as ConsensusReceipt, ReceiptWithBloom, Sealed, Transaction as _, TxEnvelope, transaction::Recovered,
    },
    eips::eip4895::Withdrawals,
    network::AnyReceiptEnvelope,
    primitives::{Address, B256, Bytes, U64, U256},
    rlp::{self, Encodable},
    rpc::types as eth,
};
use postern_execution::{DEPOSIT_TYPE, Deposit, L2Transaction};
use serde::Serialize;

use crate::store::Block;

/// A block, with whole transactions or their hashes.
pub(super) type RpcBlock = eth::Block<RpcTransaction>;

/// A receipt of any type of transaction.
pub(super) type RpcReceipt = eth::TransactionReceipt<AnyReceiptEnvelope<eth::Log>>;

/// A transaction.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum RpcTransaction {
    Ethereum(Box<eth::Transaction>),
    Deposit(Box<RpcDeposit>),
}

/// A deposit, in Optimism's form. It has no signature, nonce or price: those that every transaction must have are zero.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RpcDeposit {
    r#type: U64,
    hash: B256,
    source_hash: B256,
    from: Address,
    to: Address,
    mint: U256,
    value: U256,
    gas: U64,
    is_system_tx: bool,
    input: Bytes,
    nonce: U64,
    gas_price: U256,
    v: U256,
    r: U256,
    s: U256,
    block_hash: B256,
    block_number: U64,
    transaction_index: U64,
}

impl RpcDeposit {
    fn new(deposit: &Sealed<Deposit>, block: &Block, index: usize) -> Self {
        Self {
            r#type: U64::from(DEPOSIT_TYPE),
            hash: deposit.hash(),
            source_hash: deposit.source_hash,
            from: deposit.from,
            to: deposit.to,
            mint: deposit.mint,
            value: deposit.value,
            gas: U64::from(deposit.gas_limit),
            is_system_tx: false,
            input: deposit.data.clone(),
            nonce: U64::ZERO,
            gas_price: U256::ZERO,
            v: U256::ZERO,
            r: U256::ZERO,
            s: U256::ZERO,
            block_hash: block.header.hash(),
            block_number: U64::from(block.header.number),
            transaction_index: U64::from(index),
        }
    }
}

/// The transaction at `index` of `block`, if it has so many.
pub(super) fn transaction(block: &Block, index: usize) -> Option<RpcTransaction> {
    let sender = *block.senders.get(index)?;
    Some(match block.transactions.get(index)? {
        L2Transaction::Deposit(deposit) => RpcTransaction::Deposit(Box::new(RpcDeposit::new(deposit, block, index))),
        L2Transaction::Ethereum(transaction) => RpcTransaction::Ethereum(Box::new(eth::Transaction {
            block_hash: Some(block.header.hash()),
            block_number: Some(block.header.number),
            transaction_index: Some(index as u64),
            effective_gas_price: Some(transaction.effective_gas_price(block.header.base_fee_per_gas)),
            block_timestamp: None,
            inner: Recovered::new_unchecked(transaction.clone(), sender),
        })),
    })
}

/// A transaction that waits in the pool.
pub(super) fn pooled_transaction(transaction: TxEnvelope, sender: Address) -> RpcTransaction {
    RpcTransaction::Ethereum(Box::new(eth::Transaction {
        inner: Recovered::new_unchecked(transaction, sender),
        block_hash: None,
        block_number: None,
        transaction_index: None,
        effective_gas_price: None,
        block_timestamp: None,
    }))
}

/// A block with all its transactions if `full`, otherwise with their hashes.
pub(super) fn block(block: &Block, full: bool) -> RpcBlock {
    let transactions = if full {
        let transactions = (0..block.transactions.len()).filter_map(|index| transaction(block, index));
        eth::BlockTransactions::Full(transactions.collect())
    } else {
        eth::BlockTransactions::Hashes(block.transactions.iter().map(L2Transaction::hash).collect())
    };
    let header = eth::Header::from_consensus(block.header.clone(), None, Some(U256::from(size(block))));
    eth::Block::new(header, transactions).with_withdrawals(Some(Withdrawals::default()))
}

/// Length of the block's RLP, in bytes.
fn size(block: &Block) -> usize {
    let transactions: usize = block
        .transactions
        .iter()
        .map(|transaction| match transaction {
            // A legacy transaction is a list; the others are strings in the list of transactions.
            L2Transaction::Ethereum(TxEnvelope::Legacy(_)) => transaction.encoded().len(),
            _ => transaction.encoded().as_slice().length(),
        })
        .sum();
    let list = |payload_length| rlp::Header { list: true, payload_length }.length_with_payload();
    // No uncles and no withdrawals: two empty lists.
    list(block.header.length() + list(transactions) + 2 * list(0))
}

/// The receipts of all transactions of a block.
pub(super) fn receipts(block: &Block) -> Vec<RpcReceipt> {
    let mut receipts = Vec::with_capacity(block.receipts.len());
    let mut gas_before = 0;
    let mut logs = logs(block).into_iter().peekable();
    for (index, receipt) in block.receipts.iter().enumerate() {
        let transaction = &block.transactions[index];
        let from = block.senders[index];
        let (to, contract_address, effective_gas_price) = match transaction {
            L2Transaction::Deposit(deposit) => (Some(deposit.to), None, 0),
            L2Transaction::Ethereum(envelope) => (
                envelope.to(),
                envelope.kind().is_create().then(|| from.create(envelope.nonce())),
                envelope.effective_gas_price(block.header.base_fee_per_gas),
            ),
        };
        let own = std::iter::from_fn(|| logs.next_if(|log| log.transaction_index == Some(index as u64)));
        let inner = ConsensusReceipt {
            status: receipt.success.into(),
            cumulative_gas_used: receipt.cumulative_gas_used,
            logs: own.collect(),
        };
        receipts.push(eth::TransactionReceipt {
            inner: AnyReceiptEnvelope {
                inner: ReceiptWithBloom { receipt: inner, logs_bloom: receipt.bloom() },
                r#type: transaction.tx_type(),
            },
            transaction_hash: transaction.hash(),
            transaction_index: Some(index as u64),
            block_hash: Some(block.header.hash()),
            block_number: Some(block.header.number),
            gas_used: receipt.cumulative_gas_used - gas_before,
            effective_gas_price,
            blob_gas_used: None,
            blob_gas_price: None,
            from,
            to,
            contract_address,
        });
        gas_before = receipt.cumulative_gas_used;
    }
    receipts
}

/// All logs of a block, in order.
pub(super) fn logs(block: &Block) -> Vec<eth::Log> {
    let transactions = block.transactions.iter().zip(&block.receipts).enumerate();
    transactions
        .flat_map(|(index, (transaction, receipt))| {
            let hash = transaction.hash();
            receipt.logs.iter().map(move |log| (index, hash, log))
        })
        .enumerate()
        .map(|(log_index, (transaction_index, hash, log))| eth::Log {
            inner: log.clone(),
            block_hash: Some(block.header.hash()),
            block_number: Some(block.header.number),
            block_timestamp: Some(block.header.timestamp),
            transaction_hash: Some(hash),
            transaction_index: Some(transaction_index as u64),
            log_index: Some(log_index as u64),
            removed: false,
        })
        .collect()
}
