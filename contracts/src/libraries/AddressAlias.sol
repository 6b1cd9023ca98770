// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Who an L1 account is on L2. A contract is somebody else there, because at its own address anyone might deploy
/// other code on L2 and act in its name.
library AddressAlias {
    uint160 private constant OFFSET = uint160(0x1111000000000000000000000000000000001111);
    /// What the code of an externally owned account begins with that delegated by EIP-7702; 20 bytes of address follow.
    bytes3 private constant DELEGATION_PREFIX = 0xef0100;
    uint256 private constant DELEGATION_LENGTH = 23;

    /// @notice The account that acts on L2 when `caller` calls the bridge in the present transaction.
    function senderOnL2(address caller) internal view returns (address) {
        return isExternallyOwned(caller) ? caller : alias_(caller);
    }

    /// @notice Whether somebody holds a key to the account that is calling.
    /// @dev A caller without code that is not the origin of the transaction is a contract under construction. The prefix is
    /// proof of a delegation: since EIP-3541 no contract can be deployed with it.
    function isExternallyOwned(address caller) internal view returns (bool) {
        return
            caller == tx.origin || (caller.code.length == DELEGATION_LENGTH && bytes3(caller.code) == DELEGATION_PREFIX);
    }

    /// @notice The L2 address of an L1 contract.
    function alias_(address l1Address) internal pure returns (address) {
        // Wraps: the specification adds modulo 2^160.
        unchecked {
            return address(uint160(l1Address) + OFFSET);
        }
    }

    /// @notice The L1 contract behind an L2 address.
    function unalias(address l2Address) internal pure returns (address) {
        // Wraps, as `alias_` does.
        unchecked {
            return address(uint160(l2Address) - OFFSET);
        }
    }
}
