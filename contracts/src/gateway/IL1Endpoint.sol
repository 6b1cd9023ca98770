// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBridge} from "../bridge/IBridge.sol";
import {IEndpoint} from "./IEndpoint.sol";

/// @title The L1 end of a pair
/// @notice A message from the peer that fails here reverts its claim, and stays claimable: nothing is lost.
interface IL1Endpoint is IEndpoint {
    /// Only the bridge may call this.
    error NotBridge(address received, address expected);
    /// So little L2 gas would not even record that a delivery failed, and the message would be lost.
    error GasLimitBelowMinimum(uint64 received, uint64 minimum);

    /// @notice The bridge, at its proxy.
    function BRIDGE() external view returns (IBridge);
}
