// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title One end of a pair of contracts that trust each other across the bridge
/// @dev It trusts the bridge to say who sent a message, and its peer to be what it was deployed as. Neither can be changed.
interface IEndpoint {
    /// Only the peer may call this, through the bridge.
    error NotPeer(address received, address expected);

    /// @notice The contract at the other end, by its address on the other chain.
    function PEER() external view returns (address);
}
