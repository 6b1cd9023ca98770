// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBridge} from "../bridge/IBridge.sol";
import {Endpoint} from "./Endpoint.sol";
import {IL1TokenGateway} from "./IL1TokenGateway.sol";
import {L1Endpoint} from "./L1Endpoint.sol";
import {L1Gateway} from "./L1Gateway.sol";
import {TokenGateway} from "./TokenGateway.sol";

/// @title The gateway for ERC-20s on L1
contract L1TokenGateway is IL1TokenGateway, TokenGateway, L1Gateway {
    /// @param bridge The bridge, at its proxy.
    /// @param peer `L2TokenGateway`.
    constructor(IBridge bridge, address peer) Endpoint(peer) L1Endpoint(bridge) {}

    /// @inheritdoc IL1TokenGateway
    function depositWithPermit(
        address token,
        address to,
        uint256 amount,
        uint64 gasLimit,
        uint256 maxFee,
        bytes calldata data,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external payable returns (uint64 index) {
        _tryPermit(token, amount, deadline, v, r, s);
        return deposit(token, to, amount, gasLimit, maxFee, data);
    }
}
