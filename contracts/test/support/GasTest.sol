// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Message} from "../../src/types/Message.sol";
import {ChainTest} from "./ChainTest.sol";
import {ReferenceTree} from "./ReferenceTree.sol";

/// @notice Figures for `contracts/snapshots/Peers.json`: the gas of whole transactions, as `PeersTest` says. And an outbox of depth 20,
/// of which all but the messages in question is random.
abstract contract GasTest is ChainTest {
    uint256 internal constant DEPTH = 20;
    /// Somewhere in the right half of such a tree; the first leaf of a nullifier word, and so of a subtree of 32.
    uint64 internal constant INDEX = 0xab600;
    /// The messages of a batch are a whole subtree of this height.
    uint256 internal constant BATCH_HEIGHT = 5;
    uint64 internal constant BATCH_LENGTH = 32;

    address internal immutable USER = makeAddr("user");
    address internal immutable RELAYER = makeAddr("relayer");

    /// @notice Names the last call's gas in the snapshot file.
    function record(string memory key, uint256 limit) internal {
        recordValue(key, vm.lastCallGas().gasTotalUsed, limit);
    }

    function recordValue(string memory key, uint256 used, uint256 limit) internal {
        vm.snapshotValue("Peers", key, used);
        assertLe(used, limit, key);
    }

    /// @notice Executes another message of the nullifier word of `INDEX`.
    function useWord() internal {
        Message memory message = makeTransfer(INDEX, STRANGER, 1);
        bridge.executeMessage(message, publishDeep(message), siblings(DEPTH));
    }

    /// @notice The id of a final commitment to an outbox with this message in it, whose siblings are `siblings(DEPTH)`.
    function publishDeep(Message memory message) internal returns (bytes32) {
        return publish(walk(message.leaf(), message.index, siblings(DEPTH)));
    }

    /// @notice The same with a batch of messages, whose siblings are `siblings(DEPTH - BATCH_HEIGHT)`.
    function publishDeep(Message[] memory messages) internal returns (bytes32) {
        bytes32 subtree = ReferenceTree.root(leavesOf(messages));
        return publish(walk(subtree, messages[0].index >> BATCH_HEIGHT, siblings(DEPTH - BATCH_HEIGHT)));
    }

    function siblings(uint256 count) internal pure returns (bytes32[] memory proof) {
        proof = new bytes32[](count);
        for (uint256 height; height < count; ++height) {
            proof[height] = keccak256(abi.encode("sibling", height));
        }
    }

    function walk(bytes32 node, uint64 index, bytes32[] memory proof) internal pure returns (bytes32) {
        for (uint256 height; height < proof.length; ++height) {
            node = (index >> height) & 1 == 0
                ? keccak256(bytes.concat(node, proof[height]))
                : keccak256(bytes.concat(proof[height], node));
        }
        return node;
    }
}
