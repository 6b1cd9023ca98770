// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Segment} from "../../src/dispute/Segment.sol";

/// @notice What a dispute is by its rules alone: no hashes, no machine, no bonds in ETH. A state is the pair of a step and a label,
/// zero for the true run; a false run keeps its label from step to step.
///
/// Times are in ticks. It differs from a literal reading of the rules ("a node is decided when all its counters are") in one
/// thing: a node falls as soon as one counter stands, for nothing can raise it again.
library DisputeModel {
    struct Node {
        uint8 level;
        /// Place of the parent, `NONE` for an opening.
        uint256 parent;
        uint64 first;
        uint64 startLabel;
        uint64[] labels;
        address author;
        uint256 created;
        uint256 used;
        uint256 unresolved;
        bool resolved;
        bool stands;
    }

    struct Game {
        /// The label of the run whose end the commitment stands for; zero if it is true.
        uint64 claim;
        uint256 window;
        uint256 clock;
        uint256 extension;
        bool rejected;
        uint256 openings;
        Node[] nodes;
        mapping(bytes32 assertion => bool) known;
    }

    uint256 internal constant NONE = type(uint256).max;

    function open(Game storage game, uint256 time, address author, uint64[] memory labels) internal returns (bool) {
        if (game.rejected || time >= game.window || labels[labels.length - 1] == game.claim) return false;
        Node memory opening;
        (opening.level, opening.parent, opening.labels) = (1, NONE, labels);
        (opening.author, opening.created) = (author, time);
        return post(game, opening);
    }

    /// @param segment Of the parent, counted from 1.
    function counter(
        Game storage game,
        uint256 time,
        address author,
        uint256 parent,
        uint256 segment,
        uint64[] memory labels
    ) internal returns (bool) {
        Node storage countered = game.nodes[parent];
        if (!isCounterable(game, time, parent) || countered.level == Segment.LEVELS) return false;
        if (labels[labels.length - 1] == countered.labels[segment - 1]) return false;
        Node memory node;
        (node.level, node.parent, node.labels) = (countered.level + 1, parent, labels);
        (node.first, node.startLabel) = (firstOf(countered, segment), labelBefore(countered, segment));
        (node.author, node.created) = (author, time);
        node.used = usedBefore(game, countered) + time - countered.created;
        if (node.used > game.clock - game.extension) node.used = game.clock - game.extension;
        if (!post(game, node)) return false;
        ++countered.unresolved;
        return true;
    }

    /// @notice A step of a node of the last level leads to another state than it says.
    function proveStep(Game storage game, uint256 time, uint256 place, uint256 segment) internal returns (bool) {
        Node storage node = game.nodes[place];
        if (!isCounterable(game, time, place) || node.level != Segment.LEVELS) return false;
        if (labelBefore(node, segment) == node.labels[segment - 1]) return false;
        decide(game, place, false);
        return true;
    }

    /// @notice Decides a node whose clock has expired, if its counters are decided.
    function resolve(Game storage game, uint256 time, uint256 place) internal returns (bool) {
        Node storage node = game.nodes[place];
        if (node.resolved || node.unresolved != 0 || time <= deadlineOf(game, node)) return false;
        decide(game, place, true);
        return true;
    }

    function decide(Game storage game, uint256 place, bool stands) private {
        Node storage node = game.nodes[place];
        node.resolved = true;
        node.stands = stands;
        if (node.parent == NONE) {
            --game.openings;
            if (stands) game.rejected = true;
            return;
        }
        --game.nodes[node.parent].unresolved;
        if (stands && !game.nodes[node.parent].resolved) decide(game, node.parent, false);
    }

    function post(Game storage game, Node memory node) private returns (bool) {
        bytes32 assertion = keccak256(abi.encode(node.parent, node.first, node.startLabel, node.labels));
        if (game.known[assertion]) return false;
        game.known[assertion] = true;
        game.nodes.push(node);
        if (node.parent == NONE) ++game.openings;
        return true;
    }

    function isCounterable(Game storage game, uint256 time, uint256 place) internal view returns (bool) {
        Node storage node = game.nodes[place];
        return !node.resolved && time <= deadlineOf(game, node);
    }

    function deadlineOf(Game storage game, Node storage node) internal view returns (uint256) {
        return node.created + game.clock - usedBefore(game, node);
    }

    /// @dev What the side that would counter a node has used.
    function usedBefore(Game storage game, Node storage node) private view returns (uint256) {
        return node.parent == NONE ? 0 : game.nodes[node.parent].used;
    }

    function firstOf(Node storage node, uint256 segment) internal view returns (uint64) {
        // forge-lint: disable-next-line(unsafe-typecast) at most 32
        return node.first + uint64(segment - 1) * Segment.spacing(node.level);
    }

    function labelBefore(Node storage node, uint256 segment) internal view returns (uint64) {
        return segment == 1 ? node.startLabel : node.labels[segment - 2];
    }

    function isTrue(Node storage node) internal view returns (bool) {
        if (node.startLabel != 0) return false;
        for (uint256 i; i < node.labels.length; ++i) {
            if (node.labels[i] != 0) return false;
        }
        return true;
    }
}
