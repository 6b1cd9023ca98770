// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Numbers in 32 bytes of the machine's memory: little-endian, at a multiple of their size, so that none straddles a leaf.
library Leaf {
    // forge-lint: disable-start(unsafe-typecast) numbers are cut to the bytes that a load or store is about

    /// @notice The number of `size` bytes at an address.
    /// @param size 1, 2, 4 or 8.
    /// @param signed Whether its highest bit fills those above.
    function load(bytes32 leaf, uint64 where, uint256 size, bool signed) internal pure returns (uint64) {
        // Size and place are within a leaf.
        unchecked {
            uint256 unused = 64 - 8 * size;
            // Eight bytes from the address on; those behind the number are dropped by the shift, and the rest fills up.
            uint64 high = uint64(uint256(_reverse(uint64(uint256(leaf << (8 * (where & 31))) >> 192))) << unused);
            return signed ? uint64(int64(high) >> unused) : high >> unused;
        }
    }

    /// @notice The leaf with the low `size` bytes of `value` at an address.
    /// @param size 1, 2, 4 or 8.
    function store(bytes32 leaf, uint64 where, uint256 size, uint64 value) internal pure returns (bytes32) {
        // Size and place are within a leaf.
        unchecked {
            uint256 shift = 8 * (32 - size - (where & 31));
            uint256 mask = ((1 << (8 * size)) - 1) << shift;
            uint256 number = uint256(_reverse(value) >> (64 - 8 * size)) << shift;
            return bytes32((uint256(leaf) & ~mask) | number);
        }
    }

    // forge-lint: disable-end(unsafe-typecast)

    /// @dev The eight bytes in the other order.
    function _reverse(uint64 value) private pure returns (uint64) {
        value = ((value >> 8) & 0x00ff00ff00ff00ff) | ((value & 0x00ff00ff00ff00ff) << 8);
        value = ((value >> 16) & 0x0000ffff0000ffff) | ((value & 0x0000ffff0000ffff) << 16);
        return (value >> 32) | (value << 32);
    }
}
