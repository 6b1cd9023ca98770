// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {IOutboxVerifier} from "../../src/bridge/IOutboxVerifier.sol";
import {PromisedCall} from "../../src/libraries/PromisedCall.sol";
import {Words} from "../support/Words.sol";

/// @dev Makes the calls, and is called: returns or reverts with the bytes it was called with.
contract PromisedCallTest is Test {
    bool private _reverts;

    fallback(bytes calldata data) external payable returns (bytes memory) {
        if (_reverts) {
            assembly ("memory-safe") {
                let start := mload(0x40)
                calldatacopy(start, 0, calldatasize())
                revert(start, calldatasize())
            }
        }
        return data;
    }

    receive() external payable {}

    function test_SuccessHasNoReason() public {
        (bool success, bytes memory reason) = this.tryCall(address(this), 0, 10_000, 10_000, "some data");
        assertTrue(success);
        assertEq(reason, "");
    }

    function testFuzz_ReasonIsCut(bytes memory data) public {
        _reverts = true;
        (bool success, bytes memory reason) = this.tryCall(address(this), 0, 10_000, 100_000, bytes.concat("!", data));
        assertFalse(success);
        bytes memory expected = bytes.concat("!", data);
        if (expected.length > PromisedCall.MAX_REASON) {
            uint256 length = PromisedCall.MAX_REASON;
            assembly ("memory-safe") {
                mstore(expected, length)
            }
        }
        assertEq(reason, expected);
    }

    function test_ReasonIsAllocated() public {
        _reverts = true;
        (, bytes memory first) = PromisedCall.tryCall(address(this), 0, 10_000, 100_000, "first");
        (, bytes memory second) = PromisedCall.tryCall(address(this), 0, 10_000, 100_000, "second");
        assertEq(first, "first");
        assertEq(second, "second");
    }

    function test_CarriesEther() public {
        address recipient = makeAddr("recipient");
        vm.deal(address(this), 1 ether);
        (bool success,) = this.tryCall(recipient, 1 ether, 0, 0, "");
        assertTrue(success);
        assertEq(recipient.balance, 1 ether);
    }

    function test_CallThatCannotBePaidFailsWithoutReason() public {
        vm.deal(address(this), 1 ether - 1);
        (bool success, bytes memory reason) = this.tryCall(makeAddr("recipient"), 1 ether, 0, 0, "");
        assertFalse(success);
        assertEq(reason, "");
    }

    function testFuzz_RevertWhen_GasDoesNotSuffice(uint256 promised, uint256 given) public {
        given = bound(given, 10_000, 1e6);
        promised = bound(promised, given, type(uint256).max);
        bytes memory input = abi.encodeCall(this.tryCall, (address(this), 0, promised, promised, ""));
        (bool success, bytes memory reason) = address(this).call{gas: given}(input);
        assertFalse(success);
        assertEq(Words.selectorOf(reason), IOutboxVerifier.InsufficientGas.selector);
    }

    /// @dev In a frame of its own, so that the gas can be chosen.
    function tryCall(address target, uint256 value, uint256 promised, uint256 offered, bytes memory data)
        external
        returns (bool success, bytes memory reason)
    {
        return PromisedCall.tryCall(target, value, promised, offered, data);
    }
}
