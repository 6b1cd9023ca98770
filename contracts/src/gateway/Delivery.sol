// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// A call of the L1 peer that failed on L2.
struct Delivery {
    /// ETH that it carries, in wei. It waits here.
    uint256 value;
    /// L2 gas that it was offered, and that it must be offered at least when it is tried again.
    uint64 gasLimit;
    /// Its calldata.
    bytes call;
}

/// @dev L2 gas, by the message, that is kept back to record that it failed: a new slot (22,100), the call of itself with ETH (9,100), the
/// event with a reason of 256 bytes (7,000), and some to get there.
uint64 constant RECORDING_GAS = 60_000;

/// @dev The same by the byte of its calldata: the event (8), and copying it. The bridge sells 40 by the byte, of which an L2 transaction
/// pays 16 at the most before its first instruction.
uint64 constant RECORDING_BYTE_GAS = 16;

using {id} for Delivery global;

/// What failed deliveries are known by. Equal ones have the same, and are counted.
function id(Delivery memory delivery) pure returns (bytes32) {
    return keccak256(abi.encode(delivery));
}
