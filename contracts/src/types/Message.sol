// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// A message that an L2 contract or account sent to L1 through the `Outbox` predeploy.
struct Message {
    /// Position in the outbox, counted from 0. Part of the leaf, so that an index cannot be aliased.
    uint64 index;
    /// Who called `Outbox.send` on L2.
    address sender;
    /// Whom the bridge calls on L1.
    address target;
    /// ETH that travels with the message, in wei.
    uint256 value;
    /// The least gas that the call to `target` must be given, in L1 gas.
    uint64 gasLimit;
    /// Calldata of the call.
    bytes data;
}

/// A message on its way from L1 to L2, as the rolling queue hash commits to it.
struct QueuedMessage {
    /// Position in the queue, counted from 0.
    uint64 index;
    /// The account that acts on L2: the caller of `sendToL2`, aliased if it is a contract.
    address sender;
    /// Whom `sender` calls on L2.
    address target;
    /// ETH credited to `sender` on L2 before the call, whatever the call does, in wei.
    uint256 mint;
    /// ETH that the call carries from `sender`'s L2 balance, in wei.
    uint256 value;
    /// L2 gas bought for the call.
    uint64 gasLimit;
    /// Price paid for that gas, in wei; credited on L2 to the `FeeVault`.
    uint256 fee;
    /// Calldata of the call.
    bytes data;
}

using {leaf} for Message global;
using {hash} for QueuedMessage global;

/// The outbox leaf: six words, so that it can never be mistaken for an inner node, which hashes two.
function leaf(Message memory message) pure returns (bytes32) {
    return keccak256(
        abi.encode(
            message.index, message.sender, message.target, message.value, message.gasLimit, keccak256(message.data)
        )
    );
}

/// What the queue hash absorbs: eight words, the data by its hash.
function hash(QueuedMessage memory message) pure returns (bytes32) {
    return keccak256(
        abi.encode(
            message.index,
            message.sender,
            message.target,
            message.mint,
            message.value,
            message.gasLimit,
            message.fee,
            keccak256(message.data)
        )
    );
}
