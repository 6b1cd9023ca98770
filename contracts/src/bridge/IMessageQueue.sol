// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MeteringConfig} from "../libraries/Metering.sol";

/// @title L1→L2 messages
/// @notice All messages live in one rolling hash; their contents are in the events. A message costs its sender L2 gas,
/// bought here at a price that rises with use (the form of EIP-1559), so that flooding has a price.
interface IMessageQueue {
    /// A message joined the queue. With `queueHash` this is all that a node needs to derive its effect on L2.
    /// @param index Position in the queue, counted from 0.
    /// @param sender The account that acts on L2: the caller, aliased if it is a contract.
    /// @param target Whom it calls on L2.
    /// @param mint ETH credited to `sender` on L2, in wei.
    /// @param value ETH that the call carries, in wei.
    /// @param gasLimit L2 gas bought.
    /// @param fee Price paid for that gas, in wei.
    /// @param data Calldata of the call.
    /// @param queueGas Where the message ends in the queue, in L2 gas: the sum of all gas limits up to its own.
    event MessageQueued(
        uint64 indexed index,
        address indexed sender,
        address indexed target,
        uint256 mint,
        uint256 value,
        uint64 gasLimit,
        uint256 fee,
        bytes data,
        uint64 queueGas
    );

    /// `target` is the zero address, where ETH would be lost.
    error InvalidTarget(address received);
    /// The gas limit is below what the message costs before its first instruction, or above what one message may buy.
    error GasLimitOutOfRange(uint64 received, uint64 minimum, uint64 maximum);
    /// The data is longer than one message may carry, in bytes.
    error MessageDataTooLong(uint256 received, uint256 maximum);
    /// The gas costs more than the sender allows, in wei. The price rose; ask `quote` again.
    error FeeAboveMaximum(uint256 received, uint256 maximum);
    /// The call carries less ETH than the gas costs, in wei.
    error InsufficientFee(uint256 received, uint256 expected);
    /// This L1 block's share of L2 gas is used up. Try in a later block.
    error BlockGasExhausted(uint64 received, uint64 available);

    /// The market for L2 gas could not work: the price and the target must not be zero, and a block must have room for the
    /// largest message and for twice the target, or full blocks would hardly raise the price; its gas must fit 40 bits.
    error InvalidMetering(MeteringConfig received);

    /// @notice Sends a message to L2: credits ETH there and calls `target` from the sender's account.
    /// @dev On L2 the sender is credited `msg.value - fee`, also if the call fails; what was meant for the fee and not
    /// used is so refunded there. L2 gas that was bought and not used is not refunded, or flooding would be cheap. `value`
    /// is taken from the sender's L2 balance after that credit and may exceed it, so that a censored user can move L2 funds.
    /// A contract acts as its alias; an EOA, delegated by EIP-7702 or not, as itself.
    /// @param target Whom to call on L2; not zero.
    /// @param value ETH that the call carries, in wei of the sender's L2 balance.
    /// @param gasLimit L2 gas for the call, the intrinsic gas of its data included.
    /// @param maxFee The most that the gas may cost, in wei.
    /// @param data Calldata, at most `MAX_MESSAGE_DATA` bytes.
    /// @return index Position of the message in the queue.
    function sendToL2(address target, uint256 value, uint64 gasLimit, uint256 maxFee, bytes calldata data)
        external
        payable
        returns (uint64 index);

    /// @notice What `gasLimit` L2 gas costs in the present L1 block, in wei.
    function quote(uint64 gasLimit) external view returns (uint256 fee);

    /// @notice L2 gas that may still be bought in the present L1 block.
    function availableGas() external view returns (uint64);

    /// @notice The least gas limit of a message with `dataLength` bytes: no data is too dear for its gas on L2.
    function minimumGasLimit(uint256 dataLength) external pure returns (uint64);

    /// @notice The queue: `hash` after `count` messages that bought `gas` in all, where `hash' = keccak256(hash, message hash)`
    /// from zero. In L2 gas a message begins where the one before it ends, and ends its gas limit later.
    function queue() external view returns (bytes32 hash, uint64 count, uint64 gas);
}
