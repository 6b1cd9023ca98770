// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// The state of the L2 after a batch.
struct Output {
    /// Version of this encoding; 0.
    uint256 version;
    /// Chain id of the L2, so that a root of one chain proves nothing on another.
    uint256 l2ChainId;
    /// Merkle-Patricia root of the L2 state.
    bytes32 stateRoot;
    /// Root of the outbox, which holds every message that was ever sent to L1.
    bytes32 outboxRoot;
    /// Hash of the last L2 block.
    bytes32 blockHash;
    /// Number of the last L2 block.
    uint64 blockNumber;
    /// Batches applied since genesis.
    uint64 batchCount;
}

using {root} for Output global;

/// Seven words.
function root(Output memory output) pure returns (bytes32) {
    return keccak256(abi.encode(output));
}
