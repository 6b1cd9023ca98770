// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title L1Info (L2 predeploy)
/// @notice What the L2 knows of L1: facts of the L1 block that its sequencer named as origin of the present batch, checked by
/// the `CanonicalTransactionChain`, and how far the bridge's queue has come. Written by the derivation, not by calls.
interface IL1Info {
    /// @notice Number of the L1 origin block.
    function number() external view returns (uint64);

    /// @notice Its time, in L1 seconds.
    function timestamp() external view returns (uint64);

    /// @notice Its hash.
    function blockHash() external view returns (bytes32);

    /// @notice The beacon block root in its header (EIP-4788); zero on an L1 that has none.
    function beaconRoot() external view returns (bytes32);

    /// @notice Batches begun, the present one included.
    function batchCount() external view returns (uint64);

    /// @notice Messages of the bridge's queue that were executed on L2.
    function messagesExecuted() external view returns (uint64);

    /// @notice Where the last of them ends in the queue, in L2 gas.
    function gasExecuted() external view returns (uint64);
}
