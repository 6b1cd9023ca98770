// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {ITwin} from "./ITwin.sol";

/// @title What stands for another chain's token on this chain
/// @dev A clone: the gateway deploys the implementation, and each twin as a clone that it initializes at once.
abstract contract Twin is ITwin, Initializable {
    /// @inheritdoc ITwin
    address public immutable GATEWAY;
    /// @inheritdoc ITwin
    address public homeToken;

    constructor() {
        GATEWAY = msg.sender;
        _disableInitializers();
    }

    modifier onlyGateway() {
        _requireGateway();
        _;
    }

    function _initializeTwin(address homeToken_) internal onlyInitializing {
        homeToken = homeToken_;
    }

    function _requireGateway() private view {
        if (msg.sender != GATEWAY) revert NotGateway(msg.sender, GATEWAY);
    }
}
