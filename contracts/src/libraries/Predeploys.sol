// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Where the L2's own contracts are.
library Predeploys {
    /// `IL1Info`
    address internal constant L1_INFO = 0x7e00000000000000000000000000000000000001;
    /// `IOutbox`
    address internal constant OUTBOX = 0x7E00000000000000000000000000000000000002;
    /// `IFeeVault`, beneficiary of every block
    address internal constant FEE_VAULT = 0x7e00000000000000000000000000000000000003;
    /// `ICreate2Factory`
    address internal constant CREATE2_FACTORY = 0x7E00000000000000000000000000000000000004;
}
