// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IL2Gateway} from "./IL2Gateway.sol";
import {INFTGateway} from "./INFTGateway.sol";

/// @title The gateway for ERC-721s on L2
interface IL2NFTGateway is INFTGateway, IL2Gateway {}
