// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC7786GatewaySource, IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {PromisedCall} from "../libraries/PromisedCall.sol";
import {Endpoint} from "./Endpoint.sol";
import {IERC7786Attributes, IERC7786Gateway} from "./IERC7786Gateway.sol";

/// @title An ERC-7786 gateway over the bridge, on either chain
/// @dev It calls nothing but `receiveMessage` in the name of others. So it must have no such function itself, hold no tokens, and
/// be given no role.
abstract contract ERC7786Gateway is IERC7786Gateway, Endpoint {
    /// @dev What `sendMessage` was asked for.
    struct Relay {
        /// Whether it was: otherwise the rest is what is usual.
        bool requested;
        uint64 gasLimit;
        uint256 value;
        address refundRecipient;
    }

    /// @inheritdoc IERC7786Gateway
    uint64 public constant DEFAULT_GAS_LIMIT = 500_000;
    /// @dev Gas for what `deliver` does besides calling the recipient, and the same by the byte of the payload, which is copied.
    uint256 private constant DELIVERY_GAS = 20_000;
    uint256 private constant DELIVERY_BYTE_GAS = 2;
    /// @dev A selector and three words.
    uint256 private constant ATTRIBUTE_LENGTH = 4 + 3 * 32;

    /// @inheritdoc IERC7786Gateway
    uint256 public immutable PEER_CHAIN_ID;

    /// Messages sent.
    uint256 private _count;

    constructor(uint256 peerChainId) {
        PEER_CHAIN_ID = peerChainId;
    }

    /// @inheritdoc IERC7786GatewaySource
    function sendMessage(bytes calldata recipient, bytes calldata payload, bytes[] calldata attributes)
        external
        payable
        returns (bytes32 sendId)
    {
        address target = _parseRecipient(recipient);
        Relay memory relay = _parseAttributes(attributes);
        if (msg.value < relay.value) revert InsufficientValue(msg.value, relay.value);
        uint256 spent;
        (sendId, spent) = _send(++_count, target, payload, relay);
        emit MessageSent(
            sendId,
            InteroperableAddress.formatEvmV1(block.chainid, msg.sender),
            recipient,
            payload,
            relay.value,
            attributes
        );
        // Whatever it does with that: all is done.
        if (msg.value > spent) Address.sendValue(payable(relay.refundRecipient), msg.value - spent);
    }

    /// @inheritdoc IERC7786Gateway
    function deliver(uint256 id, address sender, address recipient, uint64 gasLimit, bytes calldata payload)
        external
        payable
        onlyPeer
    {
        bytes memory from = InteroperableAddress.formatEvmV1(PEER_CHAIN_ID, sender);
        bytes memory call = abi.encodeCall(IERC7786Recipient.receiveMessage, (bytes32(id), from, payload));
        // Nothing is left to be done that it could disturb.
        (bool success, bytes memory reason) =
            PromisedCall.tryCall(recipient, msg.value, gasLimit, PromisedCall.ALL_GAS, call);
        if (!success) LowLevelCall.bubbleRevert(reason);
        bytes32 word;
        assembly ("memory-safe") {
            // The buffer is still that of the call: copying one word of it costs the same, whatever its length.
            if gt(returndatasize(), 0x1f) {
                returndatacopy(0x00, 0x00, 0x20)
                word := mload(0x00)
            }
        }
        // forge-lint: disable-next-line(unsafe-typecast) the selector is the first four bytes
        bytes4 answer = bytes4(word);
        if (answer != IERC7786Recipient.receiveMessage.selector) revert MessageNotAccepted(recipient, answer);
        emit MessageReceived(bytes32(id), sender, recipient);
    }

    /// @inheritdoc IERC7786GatewaySource
    function supportsAttribute(bytes4 selector) public pure returns (bool) {
        return selector == IERC7786Attributes.requestRelay.selector;
    }

    /// @dev Sends the message, or keeps it until somebody pays for that.
    /// @param id Of the message.
    /// @return sendId Zero if it was sent.
    /// @return spent What of the call's ETH was used, in wei.
    function _send(uint256 id, address recipient, bytes calldata payload, Relay memory relay)
        internal
        virtual
        returns (bytes32 sendId, uint256 spent);

    /// @dev Gas with which `deliver` can give the recipient what it was promised.
    function _deliveryGas(uint256 payloadLength, uint64 gasLimit) internal pure returns (uint256) {
        return DELIVERY_GAS + DELIVERY_BYTE_GAS * payloadLength + PromisedCall.OVERHEAD + _beforeDivision(gasLimit);
    }

    /// @dev So much gas that a call is given `gas` of it (EIP-150).
    function _beforeDivision(uint256 gas) internal pure returns (uint256) {
        return gas + Math.ceilDiv(gas, 63);
    }

    function _parseRecipient(bytes calldata recipient) private view returns (address account) {
        bool success;
        uint256 chainId;
        (success, chainId, account) = InteroperableAddress.tryParseEvmV1Calldata(recipient);
        if (!success || chainId != PEER_CHAIN_ID || account == address(0)) revert InvalidRecipient(recipient);
    }

    function _parseAttributes(bytes[] calldata attributes) private view returns (Relay memory relay) {
        relay = Relay({requested: false, gasLimit: DEFAULT_GAS_LIMIT, value: msg.value, refundRecipient: msg.sender});
        for (uint256 i; i < attributes.length; ++i) {
            bytes calldata attribute = attributes[i];
            // forge-lint: disable-next-line(unsafe-typecast) the selector is the first four bytes
            bytes4 selector = attribute.length < 4 ? bytes4(0) : bytes4(attribute);
            if (!supportsAttribute(selector)) revert UnsupportedAttribute(selector);
            if (relay.requested) revert DuplicateAttribute(selector);
            if (attribute.length != ATTRIBUTE_LENGTH) revert InvalidAttribute(attribute);
            (uint256 value, uint256 gasLimit, address refundRecipient) =
                abi.decode(attribute[4:], (uint256, uint256, address));
            relay.requested = true;
            relay.value = value;
            relay.gasLimit = SafeCast.toUint64(gasLimit);
            if (refundRecipient != address(0)) relay.refundRecipient = refundRecipient;
        }
    }
}
