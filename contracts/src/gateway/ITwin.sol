// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What stands for another chain's token on this chain
/// @dev It trusts its gateway alone, which mints for what was locked at home and burns for what is released there.
interface ITwin {
    /// Only the gateway may mint and burn.
    error NotGateway(address received, address expected);

    /// @notice The gateway of this chain.
    function GATEWAY() external view returns (address);

    /// @notice The token itself, by its address on the other chain.
    function homeToken() external view returns (address);
}
