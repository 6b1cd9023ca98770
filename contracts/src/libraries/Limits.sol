// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The limits of `docs/specification.md`, which gives the reason for each.
library Limits {
    /// Bytes of a chunk of batch data.
    uint256 internal constant CHUNK_SIZE = 4096;
    /// The longest batch in calldata, in bytes.
    uint256 internal constant MAX_BATCH_DATA = 120_000;
    /// The longest calldata of a message, either way, in bytes.
    uint256 internal constant MAX_MESSAGE_DATA = 65_536;
    /// The most L2 gas that a message from L1 may buy.
    uint64 internal constant MAX_QUEUED_GAS_LIMIT = 16_777_216;
    /// The most L1 gas that a message from L2 may ask for.
    uint64 internal constant MAX_OUTBOX_GAS_LIMIT = 8_000_000;
}
