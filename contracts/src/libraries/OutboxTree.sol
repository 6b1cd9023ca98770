// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {IOutboxVerifier} from "../bridge/IOutboxVerifier.sol";

/// @notice Proofs in the outbox, a Merkle tree of keccak pairs in which a leaf's index says where it is.
/// @dev Both walks give the root that a proof leads to; the caller compares it with the one it trusts. They return only if
/// the index fits the depth, so one leaf cannot be shown at two indices.
library OutboxTree {
    /// An index has 64 bits.
    uint256 internal constant MAX_DEPTH = 64;

    /// @notice The root of the tree with `leaf` at `index`.
    /// @param proof The siblings from the leaf up; as many as the tree is deep.
    function rootOf(bytes32 leaf, uint64 index, bytes32[] calldata proof) internal pure returns (bytes32 node) {
        _checkIndex(index, proof.length);
        node = leaf;
        // The loop of every claim: without calls, and without checks of bounds that its own condition keeps.
        assembly ("memory-safe") {
            let end := add(proof.offset, shl(5, proof.length))
            for { let sibling := proof.offset } lt(sibling, end) { sibling := add(sibling, 0x20) } {
                // A node at an odd position is the right one of its pair.
                let place := shl(5, and(index, 1))
                mstore(place, node)
                mstore(xor(place, 0x20), calldataload(sibling))
                node := keccak256(0x00, 0x40)
                index := shr(1, index)
            }
        }
    }

    /// @notice The root of the tree with all `leaves` at their `indices`.
    /// @dev The arrays are the walk's scratch space: their contents are lost.
    /// @param leaves At least one.
    /// @param indices Of the leaves, ascending, without repetition: the caller checks.
    /// @param depth Of the tree.
    /// @param proof The siblings that the leaves do not give, level by level from the leaves, left to right.
    function rootOfMany(bytes32[] memory leaves, uint256[] memory indices, uint256 depth, bytes32[] calldata proof)
        internal
        pure
        returns (bytes32)
    {
        uint256 width = leaves.length;
        // forge-lint: disable-next-line(unsafe-typecast) indices are those of messages, of 64 bits
        _checkIndex(uint64(indices[width - 1]), depth);
        uint256 used;
        for (uint256 height; height < depth; ++height) {
            uint256 parents;
            for (uint256 i; i < width; ++i) {
                uint256 index = indices[i];
                bytes32 node = leaves[i];
                bytes32 sibling;
                if (i + 1 < width && indices[i + 1] == index ^ 1) {
                    // Indices ascend: the sibling is the right one of a pair of which both are known.
                    sibling = leaves[++i];
                } else {
                    // A missing sibling makes the proof too short, which is told below, when the number needed is known.
                    if (used < proof.length) sibling = proof[used];
                    ++used;
                }
                leaves[parents] = _parent(node, index, sibling);
                indices[parents++] = index >> 1;
            }
            width = parents;
        }
        if (used != proof.length) revert IOutboxVerifier.ProofLengthMismatch(proof.length, used);
        return leaves[0];
    }

    function _checkIndex(uint64 index, uint256 depth) private pure {
        if (depth > MAX_DEPTH) revert IOutboxVerifier.ProofTooLong(depth, MAX_DEPTH);
        if (index >> depth != 0) revert IOutboxVerifier.IndexOutOfTree(index, depth);
    }

    function _parent(bytes32 node, uint256 index, bytes32 sibling) private pure returns (bytes32) {
        return index & 1 == 0 ? Hashes.efficientKeccak256(node, sibling) : Hashes.efficientKeccak256(sibling, node);
    }
}
