// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBridge} from "../bridge/IBridge.sol";

/// @title An L1 contract that one L2 account calls
interface IFromL2 {
    /// Only the bridge calls this function.
    error NotBridge(address received, address expected);
    /// Another account of L2 sent the message.
    error NotL2Sender(address received, address expected);

    /// @notice The bridge, by its proxy.
    function BRIDGE() external view returns (IBridge);

    /// @notice Whose messages are obeyed, on L2.
    function L2_SENDER() external view returns (address);
}
