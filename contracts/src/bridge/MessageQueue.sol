// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {AddressAlias} from "../libraries/AddressAlias.sol";
import {Limits} from "../libraries/Limits.sol";
import {Meter, Metering, MeteringConfig} from "../libraries/Metering.sol";
import {QueuedMessage} from "../types/Message.sol";
import {IMessageQueue} from "./IMessageQueue.sol";

/// @title L1→L2 messages
abstract contract MessageQueue is IMessageQueue {
    using Metering for Meter;

    /// @notice The longest calldata of a message, in bytes.
    uint256 public constant MAX_MESSAGE_DATA = Limits.MAX_MESSAGE_DATA;
    /// @notice The most L2 gas that one message may buy.
    uint64 public constant MAX_QUEUED_GAS_LIMIT = Limits.MAX_QUEUED_GAS_LIMIT;
    /// @dev What a transaction costs before its first instruction, and its calldata by the byte (EIP-7623), in gas.
    uint64 private constant TRANSACTION_GAS = 21_000;
    uint64 private constant DATA_BYTE_GAS = 40;

    /// @notice The price of L2 gas never falls below, in wei.
    uint64 public immutable MINIMUM_PRICE;
    /// @notice L2 gas per L1 block at which the price stays.
    uint64 public immutable TARGET_PER_BLOCK;
    /// @notice L2 gas that may be bought in an L1 block.
    uint64 public immutable MAXIMUM_PER_BLOCK;

    /// All messages, hashed one after the other.
    bytes32 private _queueHash;
    /// How many they are, and the market for their gas.
    Meter private _meter;

    /// @dev A price of zero could never rise, a target of zero divides, a message that asks for all that one message may buy
    /// must fit a block, and a block that is full must raise the price by an eighth or more: flooding is to grow dear.
    constructor(MeteringConfig memory metering) {
        if (
            metering.minimumPrice == 0 || metering.targetPerBlock == 0
                || metering.maximumPerBlock < Math.max(2 * uint256(metering.targetPerBlock), MAX_QUEUED_GAS_LIMIT)
                || metering.maximumPerBlock > type(uint40).max
        ) revert InvalidMetering(metering);
        MINIMUM_PRICE = metering.minimumPrice;
        TARGET_PER_BLOCK = metering.targetPerBlock;
        MAXIMUM_PER_BLOCK = metering.maximumPerBlock;
    }

    /// @inheritdoc IMessageQueue
    function sendToL2(address target, uint256 value, uint64 gasLimit, uint256 maxFee, bytes calldata data)
        external
        payable
        returns (uint64 index)
    {
        if (target == address(0)) revert InvalidTarget(target);
        uint64 minimum = minimumGasLimit(data.length);
        if (gasLimit < minimum || gasLimit > MAX_QUEUED_GAS_LIMIT) {
            revert GasLimitOutOfRange(gasLimit, minimum, MAX_QUEUED_GAS_LIMIT);
        }
        uint256 fee;
        uint64 queueGas;
        (index, fee, queueGas) = _buy(gasLimit);
        if (fee > maxFee) revert FeeAboveMaximum(fee, maxFee);
        if (msg.value < fee) revert InsufficientFee(msg.value, fee);

        address sender = AddressAlias.senderOnL2(msg.sender);
        uint256 mint = msg.value - fee;
        bytes32 messageHash = QueuedMessage(index, sender, target, mint, value, gasLimit, fee, data).hash();
        _queueHash = Hashes.efficientKeccak256(_queueHash, messageHash);
        emit MessageQueued(index, sender, target, mint, value, gasLimit, fee, data, queueGas);
    }

    /// @inheritdoc IMessageQueue
    function quote(uint64 gasLimit) external view returns (uint256 fee) {
        return uint256(gasLimit) * _currentMeter().price;
    }

    /// @inheritdoc IMessageQueue
    function availableGas() external view returns (uint64) {
        return MAXIMUM_PER_BLOCK - _currentMeter().gasBought;
    }

    /// @inheritdoc IMessageQueue
    function queue() external view returns (bytes32 hash, uint64 count, uint64 gas) {
        return (_queueHash, _meter.count, _meter.gasQueued);
    }

    /// @inheritdoc IMessageQueue
    function minimumGasLimit(uint256 dataLength) public pure returns (uint64) {
        if (dataLength > MAX_MESSAGE_DATA) revert MessageDataTooLong(dataLength, MAX_MESSAGE_DATA);
        // forge-lint: disable-next-line(unsafe-typecast) checked on the line before
        return TRANSACTION_GAS + DATA_BYTE_GAS * uint64(dataLength);
    }

    /// @dev To be called once, on initialization.
    function _openMarket() internal {
        _meter = _currentMeter();
    }

    /// @dev Counts a message and buys its gas, in one write.
    function _buy(uint64 gasLimit) private returns (uint64 index, uint256 fee, uint64 queueGas) {
        Meter memory meter = _currentMeter();
        uint64 available = MAXIMUM_PER_BLOCK - meter.gasBought;
        if (gasLimit > available) revert BlockGasExhausted(gasLimit, available);
        // forge-lint: disable-start(unsafe-typecast) not above `MAX_QUEUED_GAS_LIMIT`
        meter.gasBought += uint40(gasLimit);
        meter.gasQueued += uint56(gasLimit);
        // forge-lint: disable-end(unsafe-typecast)
        queueGas = meter.gasQueued;
        index = meter.count++;
        fee = uint256(gasLimit) * meter.price;
        _meter = meter;
    }

    function _currentMeter() private view returns (Meter memory meter) {
        meter = _meter;
        meter.roll(MINIMUM_PRICE, TARGET_PER_BLOCK);
    }
}
