// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Outbox (L2 predeploy)
/// @notice Where messages to L1 begin. An append-only Merkle tree of keccak pairs, zero-padded to the next power of two;
/// every root proves every message before it.
interface IOutbox {
    /// A message to L1. Its leaf is `Message.leaf()`.
    event MessageSent(
        uint64 indexed index, address indexed sender, address indexed target, uint256 value, uint64 gasLimit, bytes data
    );

    /// The zero address takes no messages.
    error InvalidTarget(address received);
    /// A message that asks for more gas than an L1 transaction could give it would never be executed.
    error GasLimitTooHigh(uint64 received, uint64 maximum);
    /// The data would not fit an L1 transaction. Bytes.
    error MessageDataTooLong(uint256 received, uint256 maximum);

    /// @notice Sends a message to L1. The sent ETH leaves L2 and travels with it.
    /// @param target Whom the bridge calls on L1; not zero.
    /// @param gasLimit The least L1 gas that the call must be given, at most `MAX_GAS_LIMIT`.
    /// @param data Calldata of the call, at most `MAX_MESSAGE_DATA` bytes.
    /// @return index Position of the message in the outbox.
    function send(address target, uint64 gasLimit, bytes calldata data) external payable returns (uint64 index);

    /// @notice Messages sent so far.
    function count() external view returns (uint64);

    /// @notice Root of the tree; zero if it is empty.
    function root() external view returns (bytes32);
}
