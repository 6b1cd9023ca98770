// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IGateway} from "./IGateway.sol";

/// @title A gateway for ERC-721s, on either chain
interface INFTGateway is IGateway {
    /// The caller does not own the token, or it did not arrive.
    error NotOwner(address received, address expected);

    /// @notice Creates the twin of a token, if it has none. Only for the peer.
    /// @param homeToken The token, by its address on the other chain.
    /// @param homeChainId The chain id of the other chain.
    function register(address homeToken, string calldata name, string calldata symbol, uint256 homeChainId) external;
}
