// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// Two neighbouring points of a node, and what shows that they are.
struct Dispute {
    /// Which point is disputed, counted from 1.
    uint256 segment;
    /// The state at the point before, which is agreed on: for the first segment the node's start.
    bytes32 agreed;
    /// The state at the disputed point.
    bytes32 disputed;
    /// Siblings of both in the tree of points, lowest level first, of each level the left one first.
    bytes32[] siblings;
}

/// @notice How a run of 2^40 steps is cut up: a node asserts the states at 32 equally spaced points of its part of it, the next one
/// those of a 32nd of that. The points are kept as the root of a binary keccak tree.
library Segment {
    /// Points of a node.
    uint256 internal constant POINTS = 1 << POINTS_LOG2;
    uint256 internal constant POINTS_LOG2 = 5;
    /// Levels of nodes; the points of the last are one step apart.
    uint8 internal constant LEVELS = 8;

    /// @notice Steps between two points of a node at this level.
    /// @param level From 1 to `LEVELS`.
    function spacing(uint256 level) internal pure returns (uint64) {
        // forge-lint: disable-next-line(unsafe-typecast) of 36 bits
        return uint64(1 << (POINTS_LOG2 * (LEVELS - level)));
    }

    /// @notice The root over the points.
    /// @param points As many as `POINTS`.
    function root(bytes32[] calldata points) internal pure returns (bytes32) {
        bytes32[] memory nodes = points;
        for (uint256 count = POINTS / 2; count != 0; count /= 2) {
            // The index is below `POINTS`.
            unchecked {
                for (uint256 i; i < count; ++i) {
                    nodes[i] = Hashes.efficientKeccak256(nodes[2 * i], nodes[2 * i + 1]);
                }
            }
        }
        return nodes[0];
    }

    /// @notice The root of the tree in which the disputed point stands where it is said to, and the agreed one before it.
    /// @dev Of the first segment the agreed state is not in the tree. Where both paths have met, one of them goes on.
    /// @param dispute With a segment from 1 to `POINTS`, and `siblingsOf` siblings.
    function rootOf(Dispute calldata dispute) internal pure returns (bytes32 right) {
        uint256 index = dispute.segment - 1;
        bytes32 left = dispute.agreed;
        right = dispute.disputed;
        bool met = index == 0;
        uint256 next;
        for (uint256 level; level < POINTS_LOG2; ++level) {
            bool isRight = index & 1 == 1;
            if (met) {
                bytes32 sibling = dispute.siblings[next++];
                right = isRight ? Hashes.efficientKeccak256(sibling, right) : Hashes.efficientKeccak256(right, sibling);
            } else if (isRight) {
                right = Hashes.efficientKeccak256(left, right);
                met = true;
            } else {
                left = Hashes.efficientKeccak256(dispute.siblings[next], left);
                right = Hashes.efficientKeccak256(right, dispute.siblings[next + 1]);
                next += 2;
            }
            index >>= 1;
        }
    }

    /// @notice How many siblings show two neighbouring points.
    /// @param segment From 1 to `POINTS`.
    function siblingsOf(uint256 segment) internal pure returns (uint256) {
        uint256 index = segment - 1;
        if (index == 0) return POINTS_LOG2;
        // Each level below that of the meeting has two, that one has none, each above has one.
        uint256 below;
        while ((index >> below) & 1 == 0) {
            ++below;
        }
        return POINTS_LOG2 - 1 + below;
    }
}
