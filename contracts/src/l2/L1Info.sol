// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IL1Info} from "./IL1Info.sol";

/// @title L1Info (L2 predeploy)
/// @dev Genesis sets the code, derivation writes the storage: no code on L2 can. The layout is part of the specification.
contract L1Info is IL1Info {
    /// @inheritdoc IL1Info
    uint64 public number;
    /// @inheritdoc IL1Info
    uint64 public timestamp;
    /// @inheritdoc IL1Info
    uint64 public batchCount;
    /// @inheritdoc IL1Info
    bytes32 public blockHash;
    /// @inheritdoc IL1Info
    bytes32 public beaconRoot;
    /// @inheritdoc IL1Info
    uint64 public messagesExecuted;
    /// @inheritdoc IL1Info
    uint64 public gasExecuted;
}
