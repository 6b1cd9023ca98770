// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The outbox tree straight from its definition in the specification, without a care for gas: what the walks of the
/// contracts are compared with.
library ReferenceTree {
    /// @notice The least `d` with `2^d >= count`.
    function depth(uint256 count) internal pure returns (uint256 d) {
        while (2 ** d < count) ++d;
    }

    /// @notice The root of the tree with these leaves.
    function root(bytes32[] memory leaves) internal pure returns (bytes32) {
        return leaves.length == 0 ? bytes32(0) : node(leaves, depth(leaves.length), 0);
    }

    /// @notice The siblings of the leaf at `index`, from the leaf up.
    function proof(bytes32[] memory leaves, uint256 index) internal pure returns (bytes32[] memory siblings) {
        siblings = new bytes32[](depth(leaves.length));
        for (uint256 height; height < siblings.length; ++height) {
            siblings[height] = node(leaves, height, (index >> height) ^ 1);
        }
    }

    /// @notice The siblings that the leaves at `indices` do not give, level by level from the leaves, left to right.
    /// @param indices Ascending, without repetition.
    function multiproof(bytes32[] memory leaves, uint256[] memory indices)
        internal
        pure
        returns (bytes32[] memory siblings)
    {
        uint256 levels = depth(leaves.length);
        bytes32[] memory found = new bytes32[](levels * indices.length);
        uint256 count;
        for (uint256 height; height < levels; ++height) {
            for (uint256 i; i < indices.length; ++i) {
                uint256 position = indices[i] >> height;
                bool isRepeated = i != 0 && indices[i - 1] >> height == position;
                if (isRepeated || contains(indices, height, position ^ 1)) continue;
                found[count++] = node(leaves, height, position ^ 1);
            }
        }
        siblings = new bytes32[](count);
        for (uint256 i; i < count; ++i) {
            siblings[i] = found[i];
        }
    }

    /// @notice The node of a height at a position, counted from the left.
    function node(bytes32[] memory leaves, uint256 height, uint256 position) internal pure returns (bytes32) {
        if (position << height >= leaves.length) return empty(height);
        if (height == 0) return leaves[position];
        return
            keccak256(bytes.concat(node(leaves, height - 1, 2 * position), node(leaves, height - 1, 2 * position + 1)));
    }

    /// @notice The root of a subtree in which nothing is.
    function empty(uint256 height) internal pure returns (bytes32) {
        return height == 0 ? bytes32(0) : keccak256(bytes.concat(empty(height - 1), empty(height - 1)));
    }

    /// @dev Whether a node is above one of the leaves.
    function contains(uint256[] memory indices, uint256 height, uint256 position) private pure returns (bool) {
        for (uint256 i; i < indices.length; ++i) {
            if (indices[i] >> height == position) return true;
        }
        return false;
    }
}
