// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Endpoint} from "./Endpoint.sol";
import {IL2NFTGateway} from "./IL2NFTGateway.sol";
import {L2Gateway} from "./L2Gateway.sol";
import {NFTGateway} from "./NFTGateway.sol";

/// @title The gateway for ERC-721s on L2
contract L2NFTGateway is IL2NFTGateway, NFTGateway, L2Gateway {
    /// @param peer `L1NFTGateway`.
    /// @param relayTip `RelayTip`, on L1.
    constructor(address peer, address relayTip) Endpoint(peer) L2Gateway(relayTip) {}
}
