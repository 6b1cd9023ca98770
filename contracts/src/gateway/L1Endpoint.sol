// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IBridge} from "../bridge/IBridge.sol";
import {IMessageQueue} from "../bridge/IMessageQueue.sol";
import {Endpoint} from "./Endpoint.sol";
import {IL1Endpoint} from "./IL1Endpoint.sol";
import {RECORDING_GAS} from "./Delivery.sol";

/// @title The L1 end of a pair
/// @dev It holds no ETH between transactions. What a caller sends buys L2 gas and travels with the message; the rest goes back to
/// the caller, and none of it to the bridge, which would credit it to this contract's alias on L2, where nobody can use it.
abstract contract L1Endpoint is IL1Endpoint, Endpoint {
    /// @inheritdoc IL1Endpoint
    IBridge public immutable BRIDGE;

    constructor(IBridge bridge) {
        BRIDGE = bridge;
    }

    /// @dev What `gasLimit` L2 gas costs now, in wei: no more than `maxFee`, and paid by the caller on top of `value`. To be asked
    /// once for all messages of a call, so that none is paid for with another caller's ETH, in whose call this one may be nested.
    function _requireFee(uint256 value, uint64 gasLimit, uint256 maxFee) internal view returns (uint256 fee) {
        fee = BRIDGE.quote(gasLimit);
        if (fee > maxFee) revert IMessageQueue.FeeAboveMaximum(fee, maxFee);
        if (msg.value < value + fee) revert IMessageQueue.InsufficientFee(msg.value, value + fee);
    }

    /// @dev Calls the peer with `value` wei and `data`.
    /// @param gasLimit L2 gas of the whole message.
    /// @param fee Exactly what that gas costs, in wei.
    function _sendToPeer(uint256 value, uint64 gasLimit, uint256 fee, bytes memory data)
        internal
        returns (uint64 index)
    {
        uint64 minimum = _minimumGasLimit(data.length);
        if (gasLimit < minimum) revert GasLimitBelowMinimum(gasLimit, minimum);
        return BRIDGE.sendToL2{value: value + fee}(PEER, value, gasLimit, fee, data);
    }

    /// @dev Gives back to the caller what is left of its ETH. To be done last.
    /// @param spent What of it was spent, in wei.
    function _returnRest(uint256 spent) internal {
        uint256 rest = msg.value - spent;
        // Whatever it does with that: all is done.
        if (rest != 0) Address.sendValue(payable(msg.sender), rest);
    }

    /// @dev The least L2 gas with which a call of so many bytes is recorded on L2 if it fails.
    function _minimumGasLimit(uint256 callLength) internal view returns (uint64) {
        return BRIDGE.minimumGasLimit(callLength) + RECORDING_GAS;
    }

    /// @inheritdoc Endpoint
    /// @dev A message that another L2 account sent has another `l2Sender`, also if it is executed inside of the peer's.
    function _enter() internal view override returns (bool) {
        if (msg.sender != address(BRIDGE)) revert NotBridge(msg.sender, address(BRIDGE));
        _requirePeer(BRIDGE.l2Sender(), PEER);
        return true;
    }
}
