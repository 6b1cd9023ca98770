// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEndpoint} from "./IEndpoint.sol";

/// @title One end of a pair of contracts that trust each other across the bridge
abstract contract Endpoint is IEndpoint {
    /// @inheritdoc IEndpoint
    address public immutable PEER;

    constructor(address peer) {
        PEER = peer;
    }

    /// @dev For what the peer's messages call. Each chain has its way of asking who calls, and of failing.
    modifier onlyPeer() {
        if (_enter()) _;
    }

    /// @dev Reverts unless the peer is calling. Whether the body is to run now.
    function _enter() internal virtual returns (bool);

    /// @dev Reverts unless `sender` is `expected`.
    function _requirePeer(address sender, address expected) internal pure {
        if (sender != expected) revert NotPeer(sender, expected);
    }
}
