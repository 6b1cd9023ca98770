// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// All that a batch of L2 inputs is, kept on chain only as `hash()`.
struct Batch {
    /// Hash of the batch before this one; zero for the first. A batch hash so commits to the whole history of inputs.
    bytes32 parent;
    /// Position of the batch, counted from 0.
    uint64 index;
    /// L1 time of inclusion, in seconds: no L2 block of the batch is later.
    uint64 l1Time;
    /// L1 block of inclusion.
    uint64 l1Block;
    /// The L1 block whose facts the L2 blocks of this batch see (`L1Info`).
    uint64 originNumber;
    /// Hash of that L1 block.
    bytes32 originHash;
    /// What the data hashes to, in the form that its source prescribes (`DataCommitment`).
    bytes32 dataCommitment;
    /// The bridge's queue hash at inclusion.
    bytes32 queueHash;
    /// Where the queue ended at inclusion, in L2 gas.
    uint64 queueGas;
    /// Messages of the queue that end here or before, in L2 gas, are executed once this batch is.
    uint64 consumedTo;
}

using {hash} for Batch global;

/// Ten words. The members of a struct lie in memory as `abi.encode` puts them: one after the other, a word each. To hash them
/// where they are spares every batch a copy.
function hash(Batch memory batch) pure returns (bytes32 result) {
    // Only reads the struct.
    assembly ("memory-safe") {
        result := keccak256(batch, 320)
    }
}
