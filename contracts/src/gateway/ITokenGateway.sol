// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IGateway} from "./IGateway.sol";

/// @title A gateway for ERC-20s, on either chain
/// @notice What arrives is what counts: of a token that takes a fee less crosses than was sent, and less arrives than crossed.
/// A token whose balances change by themselves (rebasing) does not carry that across: what is locked grows for nobody, and if it
/// shrinks, those who come last wait until somebody fills the gap.
interface ITokenGateway is IGateway {
    /// @notice Creates the twin of a token, if it has none. Only for the peer.
    /// @param homeToken The token, by its address on the other chain.
    function register(address homeToken, string calldata name, string calldata symbol, uint8 decimals) external;
}
