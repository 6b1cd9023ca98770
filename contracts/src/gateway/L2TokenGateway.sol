// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Endpoint} from "./Endpoint.sol";
import {IL2TokenGateway} from "./IL2TokenGateway.sol";
import {L2Gateway} from "./L2Gateway.sol";
import {TokenGateway} from "./TokenGateway.sol";

/// @title The gateway for ERC-20s on L2
contract L2TokenGateway is IL2TokenGateway, TokenGateway, L2Gateway {
    /// @param peer `L1TokenGateway`.
    /// @param relayTip `RelayTip`, on L1.
    constructor(address peer, address relayTip) Endpoint(peer) L2Gateway(relayTip) {}

    /// @inheritdoc IL2TokenGateway
    function withdrawWithPermit(
        address token,
        address to,
        uint256 amount,
        uint64 gasLimit,
        bytes calldata data,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external payable returns (uint64 index) {
        _tryPermit(token, amount, deadline, v, r, s);
        return withdraw(token, to, amount, gasLimit, data);
    }
}
