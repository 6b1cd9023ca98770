// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The limits of `docs/specification.md`, which gives the reason for each.
library Limits {
    /// Bytes of a chunk of batch data.
    uint256 internal constant CHUNK_SIZE = 4096;
    /// The longest batch in calldata, in bytes.
    uint256 internal constant MAX_BATCH_DATA = 120_000;
    /// L2 gas that a batch may use: what its transactions and its messages may.
    uint64 internal constant BATCH_GAS_LIMIT = 500_000_000;
    /// L2 gas that the transactions of a batch may use.
    uint64 internal constant BATCH_TRANSACTION_GAS = 350_000_000;
    /// By how much L2 gas a sequencer's batch may consume the queue.
    uint64 internal constant BATCH_MESSAGE_GAS = 133_000_000;
    /// By how much L2 gas a forced batch consumes the queue.
    uint64 internal constant FORCED_MESSAGE_GAS = 483_000_000;
    /// The longest calldata of a message, either way, in bytes.
    uint256 internal constant MAX_MESSAGE_DATA = 65_536;
    /// The most L2 gas that a message from L1 may buy.
    uint64 internal constant MAX_QUEUED_GAS_LIMIT = 16_777_216;
    /// The most L1 gas that a message from L2 may ask for.
    uint64 internal constant MAX_OUTBOX_GAS_LIMIT = 8_000_000;
}
