// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOutboxVerifier} from "../bridge/IOutboxVerifier.sol";

/// @notice Calls that keep their promise of gas, and that no returned data can make dear.
library PromisedCall {
    /// The longest part of a failed call's returned data that is looked at, in bytes.
    uint256 internal constant MAX_REASON = 256;
    /// To offer all gas that there is: EIP-150 cuts it to 63/64.
    uint256 internal constant ALL_GAS = type(uint256).max;
    /// The most gas that CALL takes for itself before what is left is divided: access to a cold account (2,600) and to the
    /// cold account that it delegates to (2,600, EIP-7702), a transfer (9,000) that creates the account (25,000); and some
    /// for the instructions between measuring and calling.
    uint256 internal constant OVERHEAD = 40_000;

    /// @notice Calls `target` with at least `promised` gas, or reverts with `InsufficientGas`. Never with less, so that whoever
    /// pays for the gas cannot make the call fail, nor make a target that catches failures take another way.
    /// @param target Whom to call.
    /// @param value ETH to send, in wei.
    /// @param promised Gas with which the call starts at the least; if it carries ETH, 2,300 come on top.
    /// @param offered Gas to offer, at least `promised`.
    /// @param data Calldata.
    /// @return success Whether the call returned.
    /// @return reason If it did not: the first `MAX_REASON` bytes of what it gave as the reason.
    function tryCall(address target, uint256 value, uint256 promised, uint256 offered, bytes memory data)
        internal
        returns (bool success, bytes memory reason)
    {
        uint256 left = gasleft();
        left = left > OVERHEAD ? left - OVERHEAD : 0;
        uint256 forwardable = left - left / 64;
        if (forwardable < promised) revert IOutboxVerifier.InsufficientGas(forwardable, promised);
        // A high-level call would copy all returned data, at this contract's cost.
        assembly ("memory-safe") {
            success := call(offered, target, value, add(data, 0x20), mload(data), 0, 0)
            if iszero(success) {
                let size := returndatasize()
                if gt(size, MAX_REASON) { size := MAX_REASON }
                reason := mload(0x40)
                mstore(reason, size)
                returndatacopy(add(reason, 0x20), 0, size)
                // The free memory pointer stays at a whole word.
                mstore(0x40, add(reason, add(0x20, and(add(size, 0x1f), not(0x1f)))))
            }
        }
    }
}
