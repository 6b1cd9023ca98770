// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title An L2 contract that one L1 contract calls
interface IFromL1 {
    /// The caller is not the L1 contract's alias.
    error NotAlias(address received, address expected);

    /// @notice Whose messages are obeyed, on L1: a contract.
    function L1_SENDER() external view returns (address);
}
