// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// A claim about the L2: "from `parent`, the batches up to `batchHash` lead to `outputRoot`". Kept on chain by its `id()`.
struct Commitment {
    /// Id of the commitment that this one builds on.
    bytes32 parent;
    /// Hash of the last batch that it applies.
    bytes32 batchHash;
    /// Batches applied since genesis, that one included.
    uint64 batchCount;
    /// Root of the `Output` after that batch.
    bytes32 outputRoot;
    /// Hash of the output roots after each batch since `parent`, the last of which is `outputRoot`.
    bytes32 checkpointsHash;
    /// Whose bond answers for it.
    address proposer;
}

/// How far a commitment has come.
enum CommitmentStatus {
    /// Never proposed.
    Unknown,
    /// In its challenge window, or past it and not yet finalized.
    Proposed,
    /// Final for ever.
    Final,
    /// Found false, or a descendant of one that was; never final.
    Rejected
}

using {id} for Commitment global;

/// Six words.
function id(Commitment memory commitment) pure returns (bytes32) {
    return keccak256(abi.encode(commitment));
}

/// The hash of the checkpoints: their plain concatenation, 32 bytes each.
function hashCheckpoints(bytes32[] memory checkpoints) pure returns (bytes32) {
    return keccak256(abi.encodePacked(checkpoints));
}
