// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMessageQueue} from "../../src/bridge/IMessageQueue.sol";

/// @notice Sends messages that are of no use to anyone, many in one transaction.
contract Flooder {
    IMessageQueue public immutable BRIDGE;

    constructor(IMessageQueue bridge) {
        BRIDGE = bridge;
    }

    /// @dev More than anyone has: the call fails before it starts, and uses all the L2 gas that was bought for it.
    function flood(uint256 count, uint64 gasLimit) external payable {
        uint256 fee = BRIDGE.quote(gasLimit);
        for (; count != 0; --count) {
            BRIDGE.sendToL2{value: fee}(msg.sender, type(uint256).max, gasLimit, fee, "");
        }
    }
}
