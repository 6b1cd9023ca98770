// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBridge} from "../bridge/IBridge.sol";
import {Endpoint} from "./Endpoint.sol";
import {IL1NFTGateway} from "./IL1NFTGateway.sol";
import {L1Endpoint} from "./L1Endpoint.sol";
import {L1Gateway} from "./L1Gateway.sol";
import {NFTGateway} from "./NFTGateway.sol";

/// @title The gateway for ERC-721s on L1
contract L1NFTGateway is IL1NFTGateway, NFTGateway, L1Gateway {
    /// @param bridge The bridge, at its proxy.
    /// @param peer `L2NFTGateway`.
    constructor(IBridge bridge, address peer) Endpoint(peer) L1Endpoint(bridge) {}
}
