// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// An assertion about a part of a run: from `start`, the states at its points follow. Kept on chain by its `id()`.
struct Node {
    /// Id of the node that it counters; of an opening the id of the challenge.
    bytes32 parent;
    /// The step at which its part of the run begins.
    uint64 first;
    /// Hash of the state there, which the parent asserts too.
    bytes32 start;
    /// Root of the tree of its points.
    bytes32 pointsRoot;
}

/// What came of a node.
enum NodeStatus {
    /// Never posted.
    Unknown,
    /// Not decided.
    Open,
    /// A counter to it stands; its parent does not know yet.
    Countered,
    /// A counter to it stands.
    Refuted,
    /// No counter to it stands, and none can come.
    Stands
}

using {id} for Node global;

/// Four words.
function id(Node memory node) pure returns (bytes32) {
    return keccak256(abi.encode(node));
}
