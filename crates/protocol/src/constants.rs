//! Limits and prices. The reasons are in `docs/specification.md`.

/// Length of a chunk of batch data, in bytes; the last one of a batch may be shorter.
pub const CHUNK_SIZE: usize = 4_096;

/// Most bytes of calldata in one batch.
pub const MAX_BATCH_DATA: usize = 120_000;

/// Most bytes of blocks, as a batch encodes them, that count; a compressed stream of more is malformed.
pub const MAX_BATCH_CONTENT: usize = 4_194_304;

/// Most blocks that one batch's data may describe; what follows them is ignored.
pub const MAX_BLOCKS_PER_BATCH: usize = 1_024;

/// Most transactions that one batch's data may contain; a block with more than are left, and what follows it, is ignored. A
/// transaction uses at least 21,000 gas, so that no more than these can be valid.
pub const MAX_TRANSACTIONS_PER_BATCH: usize = (BATCH_TRANSACTION_GAS / 21_000) as usize;

/// Most gas that the transactions of one batch may use together, in L2 gas.
pub const BATCH_TRANSACTION_GAS: u64 = 350_000_000;

/// By how much a sequencer's batch may consume the queue, in L2 gas.
pub const BATCH_MESSAGE_GAS: u64 = 133_000_000;

/// By how much a forced batch, which has no transactions, consumes the queue, in L2 gas.
pub const FORCED_MESSAGE_GAS: u64 = 483_000_000;

/// Most gas that the blocks of one batch use together, in L2 gas. It follows from the limits above, and from that of a message:
/// what a batch leaves of its share, less than one message, goes to the next.
pub const BATCH_GAS_LIMIT: u64 = 500_000_000;

/// Gas limit of every block, in L2 gas.
pub const BLOCK_GAS_LIMIT: u64 = 60_000_000;

/// Longest data of a message in either direction, in bytes.
pub const MAX_MESSAGE_DATA: usize = 65_536;

/// Most gas that one queued message may buy, in L2 gas: the transaction gas cap of EIP-7825.
pub const MAX_QUEUED_GAS_LIMIT: u64 = 16_777_216;

/// Most gas that a message to L1 may ask for, in L1 gas.
pub const MAX_OUTBOX_GAS_LIMIT: u64 = 8_000_000;

/// Base fee of the genesis block, in wei per L2 gas.
pub const INITIAL_BASE_FEE: u64 = 1_000_000;

/// Lowest base fee, in wei per L2 gas.
pub const MIN_BASE_FEE: u64 = 1_000_000;

/// How much of the block gas limit is the target of the base fee: one part in so many.
pub const BASE_FEE_ELASTICITY: u64 = 2;

/// By how much a block may move the base fee: one part in so many.
pub const BASE_FEE_DENOMINATOR: u64 = 8;

const _: () = {
    let left = MAX_QUEUED_GAS_LIMIT;
    assert!(BATCH_TRANSACTION_GAS + BATCH_MESSAGE_GAS + left <= BATCH_GAS_LIMIT);
    assert!(FORCED_MESSAGE_GAS + left <= BATCH_GAS_LIMIT);
};

/// The least gas limit of a queued message with `data_length` bytes of data, in L2 gas: the calldata floor of EIP-7623
/// for bytes that are not zero.
pub const fn minimum_gas_limit(data_length: usize) -> u64 {
    21_000 + 40 * data_length as u64
}
