// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title FeeVault (L2 predeploy)
/// @notice Gathers what transactions and queued messages pay for gas: derivation credits it, as the beneficiary of every block.
interface IFeeVault {
    /// @notice Sends the whole balance to `recipient` on L1, as a message of the `Outbox`. By anyone.
    /// @return index Position of the message in the outbox, whose event tells of it.
    function withdraw() external returns (uint64 index);

    /// @notice Whom the fees belong to, on L1. Set at genesis, for ever.
    function recipient() external view returns (address);
}
