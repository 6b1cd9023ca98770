// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ITwin} from "./ITwin.sol";

/// @title The twin of an ERC-20
/// @notice An ERC-20 with permit, whose name, symbol and decimals are those that the token had at home when it was registered.
/// The name of its EIP-712 domain is its own, the version "1".
interface IBridgedToken is ITwin {
    /// @notice Gives the twin its name. Once, by whoever clones it.
    function initialize(address homeToken_, string calldata name_, string calldata symbol_, uint8 decimals_) external;

    /// @notice Mints. Only for the gateway.
    function mint(address to, uint256 amount) external;

    /// @notice Burns. Only for the gateway, which needs no approval and burns what its caller owns alone.
    function burn(address from, uint256 amount) external;
}
