// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IL1Gateway} from "./IL1Gateway.sol";
import {INFTGateway} from "./INFTGateway.sol";

/// @title The gateway for ERC-721s on L1
interface IL1NFTGateway is INFTGateway, IL1Gateway {}
