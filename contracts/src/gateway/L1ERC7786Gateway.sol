// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IBridge} from "../bridge/IBridge.sol";
import {ERC7786Gateway} from "./ERC7786Gateway.sol";
import {Endpoint} from "./Endpoint.sol";
import {IERC7786Gateway} from "./IERC7786Gateway.sol";
import {IL1ERC7786Gateway, PendingMessage} from "./IL1ERC7786Gateway.sol";
import {L1Endpoint} from "./L1Endpoint.sol";

/// @title The L1 side of the ERC-7786 gateway
/// @dev Between transactions it holds the ETH of messages that wait, exactly. Fees never come from that.
contract L1ERC7786Gateway is IL1ERC7786Gateway, ERC7786Gateway, L1Endpoint {
    /// @dev Bytes of the call of `deliver` before the payload: the selector, five words, and the payload's length.
    uint256 private constant CALL_HEAD = 4 + 6 * 32;

    /// Hash of each message that waits.
    mapping(bytes32 sendId => bytes32) private _pending;

    /// @param peer The L2 side.
    constructor(IBridge bridge, address peer, uint256 l2ChainId)
        Endpoint(peer)
        ERC7786Gateway(l2ChainId)
        L1Endpoint(bridge)
    {}

    /// @inheritdoc IL1ERC7786Gateway
    function requestRelay(bytes32 sendId, PendingMessage calldata message, uint64 gasLimit, uint256 maxFee)
        external
        payable
        returns (uint64 index)
    {
        if (_pending[sendId] != _hash(message)) revert MessageNotPending(sendId);
        if (gasLimit < DEFAULT_GAS_LIMIT) revert GasLimitBelowDefault(gasLimit, DEFAULT_GAS_LIMIT);
        delete _pending[sendId];

        uint64 messageGas = _messageGas(message.payload.length, gasLimit);
        // Its value was paid when it was sent.
        uint256 fee = _requireFee(0, messageGas, maxFee);
        index = _sendToPeer(message.value, messageGas, fee, _delivery(uint256(sendId), message, gasLimit));
        emit MessageRelayed(sendId, index);
        _returnRest(fee);
    }

    /// @inheritdoc IL1ERC7786Gateway
    function quote(uint256 payloadLength, uint64 gasLimit) external view returns (uint256 fee) {
        return BRIDGE.quote(_messageGas(payloadLength, gasLimit));
    }

    /// @inheritdoc IL1ERC7786Gateway
    function isPending(bytes32 sendId) external view returns (bool) {
        return _pending[sendId] != 0;
    }

    /// @inheritdoc ERC7786Gateway
    function _send(uint256 id, address recipient, bytes calldata payload, Relay memory relay)
        internal
        override
        returns (bytes32 sendId, uint256 spent)
    {
        PendingMessage memory message = PendingMessage(msg.sender, recipient, relay.value, payload);
        // Reverts if it is too long: it could never be sent.
        uint64 messageGas = _messageGas(payload.length, relay.gasLimit);
        if (!relay.requested) {
            sendId = bytes32(id);
            _pending[sendId] = _hash(message);
            return (sendId, relay.value);
        }
        // No more than the call brings, of which the sender decides.
        uint256 fee = _requireFee(relay.value, messageGas, type(uint256).max);
        _sendToPeer(relay.value, messageGas, fee, _delivery(id, message, relay.gasLimit));
        return (0, relay.value + fee);
    }

    /// @dev L2 gas of a whole message: what records a failure, and what delivers it in a call of the peer's to itself.
    function _messageGas(uint256 payloadLength, uint64 gasLimit) private view returns (uint64) {
        uint256 callLength = CALL_HEAD + Math.ceilDiv(payloadLength, 32) * 32;
        return SafeCast.toUint64(_minimumGasLimit(callLength) + _beforeDivision(_deliveryGas(payloadLength, gasLimit)));
    }

    function _delivery(uint256 id, PendingMessage memory message, uint64 gasLimit) private pure returns (bytes memory) {
        return
            abi.encodeCall(IERC7786Gateway.deliver, (id, message.sender, message.recipient, gasLimit, message.payload));
    }

    function _hash(PendingMessage memory message) private pure returns (bytes32) {
        return keccak256(abi.encode(message));
    }
}
