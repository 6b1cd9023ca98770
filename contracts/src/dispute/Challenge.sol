// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// What a dispute is about: whether that batch of the commitment leads to its checkpoint.
struct Challenge {
    /// Id of the commitment.
    bytes32 commitment;
    /// Position of the checkpoint in the commitment, counted from 0.
    uint64 position;
}

using {id} for Challenge global;

/// Two words.
function id(Challenge memory challenge) pure returns (bytes32) {
    return keccak256(abi.encode(challenge));
}
