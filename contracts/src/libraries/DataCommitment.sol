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
}
