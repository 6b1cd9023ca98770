// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {Limits} from "../libraries/Limits.sol";
import {Message} from "../types/Message.sol";
import {IOutbox} from "./IOutbox.sol";

/// @title Outbox (L2 predeploy)
/// @dev Genesis sets the code; the storage begins empty, and its layout is part of the specification, since derivation reads
/// the root from it. ETH that was sent stays here for ever: no code moves it.
contract Outbox is IOutbox {
    /// @notice The longest calldata of a message, in bytes.
    uint256 public constant MAX_MESSAGE_DATA = Limits.MAX_MESSAGE_DATA;
    /// @notice The most L1 gas that a message may ask for.
    uint64 public constant MAX_GAS_LIMIT = Limits.MAX_OUTBOX_GAS_LIMIT;

    /// @inheritdoc IOutbox
    uint64 public count;
    /// The last full left subtree of each height. Those that the binary digits of `count` name are the tree.
    bytes32[64] private _frontier;

    /// @inheritdoc IOutbox
    function send(address target, uint64 gasLimit, bytes calldata data) external payable returns (uint64 index) {
        if (target == address(0)) revert InvalidTarget(target);
        if (gasLimit > MAX_GAS_LIMIT) revert GasLimitTooHigh(gasLimit, MAX_GAS_LIMIT);
        if (data.length > MAX_MESSAGE_DATA) revert MessageDataTooLong(data.length, MAX_MESSAGE_DATA);

        index = count++;
        bytes32 node = Message(index, msg.sender, target, msg.value, gasLimit, data).leaf();
        uint256 height;
        // A one in the index is a full subtree to the left, which the new node completes to a higher one.
        for (; (index >> height) & 1 == 1; ++height) {
            node = Hashes.efficientKeccak256(_frontier[height], node);
        }
        _frontier[height] = node;
        emit MessageSent(index, msg.sender, target, msg.value, gasLimit, data);
    }

    /// @inheritdoc IOutbox
    function root() external view returns (bytes32 node) {
        uint256 size = count;
        if (size == 0) return 0;
        uint256 height;
        // Root of a subtree of this height in which nothing is.
        bytes32 empty;
        for (; (size >> height) & 1 == 0; ++height) {
            empty = Hashes.efficientKeccak256(empty, empty);
        }
        // The smallest of the full subtrees, which holds the last message; from there up along the last message's path.
        node = _frontier[height];
        for (uint256 last = size - 1; last >> height != 0; ++height) {
            node = (last >> height) & 1 == 1
                ? Hashes.efficientKeccak256(_frontier[height], node)
                : Hashes.efficientKeccak256(node, empty);
            empty = Hashes.efficientKeccak256(empty, empty);
        }
    }
}
