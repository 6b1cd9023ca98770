// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Gateway} from "./Gateway.sol";
import {IL1Gateway} from "./IL1Gateway.sol";
import {L1Endpoint} from "./L1Endpoint.sol";

/// @title The L1 side of a gateway
abstract contract L1Gateway is IL1Gateway, Gateway, L1Endpoint {
    /// @dev Bytes of the call of `mint` or `release` before its data: the selector, five words, and the data's length.
    uint256 private constant CALL_HEAD = 4 + 6 * 32;

    /// @inheritdoc IL1Gateway
    function registerToken(address token, uint256 maxFee) external payable returns (uint64 index) {
        uint256 fee = _requireFee(0, REGISTRATION_GAS_LIMIT, maxFee);
        index = _sendRegistration(token, fee);
        _returnRest(fee);
    }

    /// @inheritdoc IL1Gateway
    function quote(address token, uint64 gasLimit) external view returns (uint256 fee) {
        return BRIDGE.quote(_homeOf(token) == address(0) ? _withRegistration(gasLimit) : gasLimit);
    }

    /// @inheritdoc IL1Gateway
    function minimumGasLimit(uint256 dataLength) external view returns (uint64) {
        return _minimumGasLimit(CALL_HEAD + Math.ceilDiv(dataLength, 32) * 32);
    }

    /// @inheritdoc IL1Gateway
    function deposit(
        address token,
        address to,
        uint256 amountOrId,
        uint64 gasLimit,
        uint256 maxFee,
        bytes calldata data
    ) public payable returns (uint64 index) {
        address home = _homeOf(token);
        uint256 fee;
        uint256 registrationFee;
        if (home == address(0)) {
            home = token;
            fee = _requireFee(0, _withRegistration(gasLimit), maxFee);
            // A part of it: within a block the price stays.
            registrationFee = BRIDGE.quote(REGISTRATION_GAS_LIMIT);
            _sendRegistration(token, registrationFee);
        } else {
            fee = _requireFee(0, gasLimit, maxFee);
        }
        (uint256 taken, bytes memory message) = _take(token, home, to, amountOrId, data);
        index = _sendToPeer(0, gasLimit, fee - registrationFee, message);
        emit TokensSent(token, msg.sender, to, taken, index, data);
        _returnRest(fee);
    }

    /// @dev L2 gas of a registration and a delivery together. As much as there can be is more than the bridge takes of anyone.
    function _withRegistration(uint64 gasLimit) private pure returns (uint64) {
        // forge-lint: disable-next-line(unsafe-typecast) not above it
        return uint64(Math.min(uint256(REGISTRATION_GAS_LIMIT) + gasLimit, type(uint64).max));
    }

    function _sendRegistration(address token, uint256 fee) private returns (uint64 index) {
        index = _sendToPeer(0, REGISTRATION_GAS_LIMIT, fee, _register(token));
        emit TokenRegistered(token, index);
    }
}
