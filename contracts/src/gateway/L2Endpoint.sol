// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IOutbox} from "../l2/IOutbox.sol";
import {AddressAlias} from "../libraries/AddressAlias.sol";
import {Predeploys} from "../libraries/Predeploys.sol";
import {PromisedCall} from "../libraries/PromisedCall.sol";
import {Delivery, RECORDING_BYTE_GAS, RECORDING_GAS} from "./Delivery.sol";
import {Endpoint} from "./Endpoint.sol";
import {IL2Endpoint} from "./IL2Endpoint.sol";

/// @title The L2 end of a pair
/// @dev What the peer calls, this contract calls on itself, so that it can catch its failure. It must never call itself with
/// calldata that did not come from the peer: calls of its own are the peer's.
abstract contract L2Endpoint is IL2Endpoint, Endpoint {
    /// @dev The most gas that a delivery can ask for when it is tried again: an L2 transaction can bring that much (EIP-7825), with
    /// the longest calldata.
    uint256 private constant MAX_PROMISE = 15_000_000;

    struct Failures {
        /// How many wait.
        uint64 count;
        /// When the last of them was recorded, in L2 seconds.
        uint64 time;
    }

    mapping(bytes32 id => Failures) private _failures;

    /// @inheritdoc IL2Endpoint
    function redeliver(Delivery calldata delivery) external {
        (bytes32 id,) = _takeUndelivered(delivery);
        // All that was changed is undone if it fails, and it was taken before, so that it cannot run twice.
        (bool success, bytes memory reason) =
            PromisedCall.tryCall(address(this), delivery.value, delivery.gasLimit, PromisedCall.ALL_GAS, delivery.call);
        if (!success) revert DeliveryFailedAgain(id, reason);
        emit Redelivered(id);
    }

    /// @inheritdoc IL2Endpoint
    function undelivered(bytes32 id) external view returns (uint256) {
        return _failures[id].count;
    }

    /// @inheritdoc IL2Endpoint
    function failedAt(bytes32 id) external view returns (uint64) {
        return _failures[id].time;
    }

    /// @dev Takes away one failed delivery, or reverts.
    /// @return id Of the delivery.
    /// @return time When the last of this id was recorded, in L2 seconds.
    function _takeUndelivered(Delivery calldata delivery) internal returns (bytes32 id, uint64 time) {
        id = delivery.id();
        Failures storage failures = _failures[id];
        if (failures.count == 0) revert NotUndelivered(id);
        --failures.count;
        time = failures.time;
    }

    /// @dev Calls the peer with `value` wei and `data`.
    /// @param gasLimit L1 gas that the call is promised.
    function _sendToPeer(uint256 value, uint64 gasLimit, bytes memory data) internal returns (uint64 index) {
        // A predeploy, trusted.
        return IOutbox(Predeploys.OUTBOX).send{value: value}(PEER, gasLimit, data);
    }

    /// @inheritdoc Endpoint
    function _enter() internal override returns (bool) {
        if (msg.sender == address(this)) return true;
        _requirePeer(msg.sender, AddressAlias.alias_(PEER));
        _deliver();
        return false;
    }

    /// @dev Makes the peer's call on itself, and records it if it fails.
    function _deliver() private {
        uint256 offered = Math.saturatingSub(gasleft(), RECORDING_GAS + RECORDING_BYTE_GAS * msg.data.length);
        // Whatever it does, it cannot call here as the peer, nor change what is recorded below.
        (bool success, bytes memory reason) = PromisedCall.tryCall(address(this), msg.value, 0, offered, msg.data);
        if (success) return;
        // forge-lint: disable-next-line(unsafe-typecast) not above `MAX_PROMISE`
        Delivery memory delivery = Delivery(msg.value, uint64(Math.min(offered, MAX_PROMISE)), msg.data);
        bytes32 id = delivery.id();
        // One write. Each costs a message: 64 bits of them last for ages, as those of seconds do.
        // forge-lint: disable-next-line(unsafe-typecast)
        _failures[id] = Failures(_failures[id].count + 1, uint64(block.timestamp));
        emit DeliveryFailed(id, delivery, reason);
    }
}
