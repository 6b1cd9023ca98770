// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Limits} from "./Limits.sol";

/// @notice Commitments to the data of a batch. The first byte of what is hashed names the source of the data.
library DataCommitment {
    /// @notice Commits to calldata by the hashes of its chunks, so that no preimage outgrows an L1 transaction.
    function ofCalldata(bytes calldata data) internal pure returns (bytes32 commitment) {
        uint256 chunkSize = Limits.CHUNK_SIZE;
        // In Solidity each chunk would be copied twice, and every batch would pay 1,000 gas more. Free memory is scratch space:
        // the preimage grows there, and a chunk is copied to where its hash is to stand.
        assembly ("memory-safe") {
            let preimage := mload(0x40)
            // The source, 0x00 for calldata, and the length in eight bytes.
            mstore(preimage, shl(184, data.length))
            let end := add(preimage, 9)
            for { let offset := 0 } lt(offset, data.length) { offset := add(offset, chunkSize) } {
                let size := sub(data.length, offset)
                if gt(size, chunkSize) { size := chunkSize }
                calldatacopy(end, add(data.offset, offset), size)
                mstore(end, keccak256(end, size))
                end := add(end, 0x20)
            }
            commitment := keccak256(preimage, sub(end, preimage))
        }
    }

    /// @notice Commits to the blobs of the transaction, in order, by their versioned hashes (EIP-4844).
    function ofBlobs() internal view returns (bytes32 commitment) {
        // Free memory is scratch space. The index after the last blob gives zero, which no versioned hash is. How many there
        // may be is for L1 to say, whose forks move the limit.
        assembly ("memory-safe") {
            let preimage := mload(0x40)
            // The source, 0x01 for blobs.
            mstore8(preimage, 0x01)
            let end := add(preimage, 1)
            let index := 0
            for { let versionedHash := blobhash(0) } versionedHash { versionedHash := blobhash(index) } {
                mstore(end, versionedHash)
                end := add(end, 0x20)
                index := add(index, 1)
            }
            commitment := keccak256(preimage, sub(end, preimage))
        }
    }
}
