// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOutbox} from "../l2/IOutbox.sol";
import {AddressAlias} from "../libraries/AddressAlias.sol";
import {Predeploys} from "../libraries/Predeploys.sol";
import {Delivery} from "./Delivery.sol";
import {Gateway} from "./Gateway.sol";
import {IGateway} from "./IGateway.sol";
import {IL2Gateway} from "./IL2Gateway.sol";
import {IRelayTip} from "./IRelayTip.sol";
import {L2Endpoint} from "./L2Endpoint.sol";

/// @title The L2 side of a gateway
abstract contract L2Gateway is IL2Gateway, Gateway, L2Endpoint {
    /// @inheritdoc IL2Gateway
    uint64 public constant TIP_GAS_LIMIT = 100_000;
    /// @inheritdoc IL2Gateway
    uint64 public constant SEND_BACK_GAS_LIMIT = 200_000;
    /// @inheritdoc IL2Gateway
    uint64 public constant SEND_BACK_DELAY = 7 days;
    /// @inheritdoc IL2Gateway
    address public immutable RELAY_TIP;

    constructor(address relayTip) {
        RELAY_TIP = relayTip;
    }

    /// @inheritdoc IL2Gateway
    function registerToken(address token) external returns (uint64 index) {
        return _sendRegistration(token);
    }

    /// @inheritdoc IL2Gateway
    function sendBack(Delivery calldata delivery) external returns (uint64 index) {
        (bytes32 id, uint64 time) = _takeUndelivered(delivery);
        bytes4 selector = bytes4(delivery.call);
        if (selector != IGateway.mint.selector && selector != IGateway.release.selector) revert NotTokens(selector);
        (address token, address from, address to, uint256 amountOrId,) =
            abi.decode(delivery.call[4:], (address, address, address, uint256, bytes));
        _requireParty(from, to, time);
        // What was locked there is released, what was burned there is minted.
        bytes memory message = selector == IGateway.mint.selector
            ? abi.encodeCall(IGateway.release, (token, to, from, amountOrId, ""))
            : abi.encodeCall(IGateway.mint, (token, to, from, amountOrId, ""));
        index = _sendToPeer(0, SEND_BACK_GAS_LIMIT, message);
        emit SentBack(id, index);
    }

    /// @inheritdoc IL2Gateway
    function withdraw(address token, address to, uint256 amountOrId, uint64 gasLimit, bytes calldata data)
        public
        payable
        returns (uint64 index)
    {
        address home = _homeOf(token);
        if (home == address(0)) {
            home = token;
            _sendRegistration(token);
        }
        (uint256 taken, bytes memory message) = _take(token, home, to, amountOrId, data);
        index = _sendToPeer(0, gasLimit, message);
        if (msg.value != 0) {
            // A predeploy, trusted. The message right after its own.
            IOutbox(Predeploys.OUTBOX).send{value: msg.value}(
                RELAY_TIP, TIP_GAS_LIMIT, abi.encodeCall(IRelayTip.payTip, (index))
            );
        }
        emit TokensSent(token, msg.sender, to, taken, index, data);
    }

    /// @dev An account with a key is the same on both chains. A contract on L1 acts here as its alias, and is another than what may
    /// stand at its address here.
    function _requireParty(address from, address to, uint64 time) private view {
        if (msg.sender == to) return;
        if (msg.sender == from && AddressAlias.isExternallyOwned(msg.sender)) return;
        if (msg.sender != AddressAlias.alias_(from)) revert NotParty(msg.sender);
        uint256 earliest = uint256(time) + SEND_BACK_DELAY;
        if (block.timestamp < earliest) revert SentBackTooEarly(block.timestamp, earliest);
    }

    function _sendRegistration(address token) private returns (uint64 index) {
        index = _sendToPeer(0, REGISTRATION_GAS_LIMIT, _register(token));
        emit TokenRegistered(token, index);
    }
}
