// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What tests do to proofs, sets of indices and reasons of reverts.
library Words {
    /// @notice Which error a call reverted with.
    function selectorOf(bytes memory reason) internal pure returns (bytes4) {
        // forge-lint: disable-next-line(unsafe-typecast) the selector is the first four bytes
        return bytes4(reason);
    }

    /// @notice The first words, with zeros after them if there are too few.
    function resize(bytes32[] memory words, uint256 length) internal pure returns (bytes32[] memory resized) {
        resized = new bytes32[](length);
        for (uint256 i; i < length && i < words.length; ++i) {
            resized[i] = words[i];
        }
    }

    /// @notice The places of the ones among the bits, ascending: a set, as a fuzzer can give it.
    function indicesOf(uint256 bits) internal pure returns (uint256[] memory indices) {
        uint256 count;
        for (uint256 rest = bits; rest != 0; rest &= rest - 1) {
            ++count;
        }
        indices = new uint256[](count);
        uint256 found;
        for (uint256 i; found < count; ++i) {
            if ((bits >> i) & 1 == 1) indices[found++] = i;
        }
    }
}
