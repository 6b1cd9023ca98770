// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOutboxVerifier} from "../../src/bridge/IOutboxVerifier.sol";
import {PromisedCall} from "../../src/libraries/PromisedCall.sol";
import {Message} from "../../src/types/Message.sol";
import {PosternTest} from "../support/PosternTest.sol";
import {Words} from "../support/Words.sol";

/// @dev Does its work if it can, and takes failure for an answer.
contract Swallower {
    /// What the work needs, with something to spare for the frame around it.
    uint64 public constant NEEDED = 300_000;

    bool public worked;
    bool public gaveUp;

    receive() external payable {
        try this.work() {
            worked = true;
        } catch {
            gaveUp = true;
        }
    }

    function work() external view {
        uint256 start = gasleft();
        while (start - gasleft() < NEEDED - 60_000) {}
    }
}

/// @notice The promise of gas, tried at every amount of gas around those at which it can just be kept.
contract GasPromiseTest is PosternTest {
    /// GAS, PUSH0, SSTORE, STOP: stores the gas it has after its first instruction.
    bytes internal constant GAUGE = hex"5a5f5500";
    uint256 private constant GAS_INSTRUCTION = 2;
    uint256 private constant STIPEND = 2300;

    address internal immutable TARGET = makeAddr("target on L1");
    address internal immutable DELEGATE = makeAddr("delegate of the target");

    bytes32 private _commitment;

    function test_PromiseIsKept() public {
        vm.etch(TARGET, GAUGE);
        sweep(makeCall(0, TARGET, 100_000, ""), 0);
    }

    function test_PromiseIsKeptWithEther() public {
        vm.etch(TARGET, GAUGE);
        Message memory message = makeTransfer(0, TARGET, 1 ether);
        message.gasLimit = 100_000;
        sweep(message, STIPEND);
    }

    function test_PromiseIsKeptToDelegatedAccount() public {
        vm.etch(DELEGATE, GAUGE);
        vm.etch(TARGET, abi.encodePacked(hex"ef0100", DELEGATE));
        Message memory message = makeTransfer(0, TARGET, 1 ether);
        message.gasLimit = 100_000;
        sweep(message, STIPEND);
    }

    function test_LargestPromiseIsKept() public {
        vm.etch(TARGET, GAUGE);
        sweep(makeCall(0, TARGET, 8_000_000, ""), 0);
    }

    function test_PromiseIsKeptWithMuchData() public {
        vm.etch(TARGET, GAUGE);
        sweep(makeCall(0, TARGET, 100_000, new bytes(5000)), 0);
    }

    /// @dev A new account has no code that could use gas, but the call that creates it must go through.
    function test_NewAccountIsCreatedOrTheClaimReverts() public {
        Message memory message = makeTransfer(0, TARGET, 1 ether);
        message.gasLimit = 100_000;
        uint256 least = leastGas(message, false);
        for (uint256 gas_ = least - 100; gas_ < least + 100; ++gas_) {
            uint256 snapshot = vm.snapshotState();
            (bool success, bytes memory reason) = claim(message, false, gas_);
            if (success) assertEq(TARGET.balance, 1 ether);
            else assertEq(Words.selectorOf(reason), IOutboxVerifier.InsufficientGas.selector);
            vm.revertToState(snapshot);
        }
    }

    /// @dev Precompiles have no account until they are sent ETH, and do use gas: identity needs 15 here.
    function test_PromiseIsKeptToPrecompileWithoutAccount() public {
        Message memory message = makeTransfer(0, address(4), 1 ether);
        message.gasLimit = 100_000;
        uint256 least = leastGas(message, false);
        (bool success,) = claim(message, false, least);
        assertTrue(success);
    }

    /// @dev A target that catches its own failures would take another way if it could be given less than was promised.
    function test_SwallowedOutOfGasCannotBeProvoked() public {
        Swallower swallower = new Swallower();
        Message memory message = makeCall(0, address(swallower), swallower.NEEDED(), "");
        for (uint256 batched; batched < 2; ++batched) {
            uint256 least = leastGas(message, batched == 1);
            for (uint256 gas_ = 40_000; gas_ < least + 200; gas_ += gas_ + 3000 < least ? 2500 : 50) {
                uint256 snapshot = vm.snapshotState();
                (bool success,) = claim(message, batched == 1, gas_);
                assertEq(swallower.worked(), success);
                assertEq(bridge.isFinalized(0), success);
                assertFalse(swallower.gaveUp());
                vm.revertToState(snapshot);
            }
        }
    }

    function testFuzz_NoAmountOfGasBurnsAMessage(uint256 gas_, uint64 gasLimit, bool batched) public {
        vm.etch(TARGET, GAUGE);
        gasLimit = uint64(bound(gasLimit, 25_000, 8_000_000));
        Message memory message = makeCall(0, TARGET, gasLimit, "");
        publishOnce(message);
        (bool success,) = claim(message, batched, bound(gas_, 0, 10_000_000));
        assertEq(bridge.isFinalized(0), success);
        if (success) {
            assertGe(uint256(vm.load(TARGET, 0)) + GAS_INSTRUCTION, gasLimit);
        } else {
            (success,) = claim(message, batched, 16_000_000);
            assertTrue(success);
        }
    }

    /// @dev Claims with every amount of gas around the least that suffices. The target starts with what it was promised, or
    /// the claim reverts for want of gas.
    function sweep(Message memory message, uint256 stipend) private {
        for (uint256 batched; batched < 2; ++batched) {
            uint256 least = leastGas(message, batched == 1);
            uint256 succeeded;
            for (uint256 gas_ = least - 200; gas_ < least + 200; ++gas_) {
                uint256 snapshot = vm.snapshotState();
                (bool success, bytes memory reason) = claim(message, batched == 1, gas_);
                if (success) {
                    ++succeeded;
                    uint256 entry = uint256(vm.load(message.target, 0)) + GAS_INSTRUCTION;
                    assertGe(entry, message.gasLimit + stipend);
                    // Nor is more asked for than the dearest call would need.
                    assertLe(entry, message.gasLimit + stipend + PromisedCall.OVERHEAD);
                    if (batched == 1) assertEq(entry, message.gasLimit + stipend);
                } else {
                    assertEq(Words.selectorOf(reason), IOutboxVerifier.InsufficientGas.selector);
                }
                vm.revertToState(snapshot);
            }
            assertEq(succeeded, 200);
        }
    }

    /// @dev The least gas with which a claim goes through.
    function leastGas(Message memory message, bool batched) private returns (uint256 high) {
        publishOnce(message);
        uint256 low = 40_000;
        high = 16_000_000;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            uint256 snapshot = vm.snapshotState();
            (bool success,) = claim(message, batched, middle);
            vm.revertToState(snapshot);
            if (success) high = middle;
            else low = middle + 1;
        }
    }

    function publishOnce(Message memory message) private {
        if (_commitment == 0) _commitment = publish(message.leaf());
    }

    function claim(Message memory message, bool batched, uint256 gas_)
        private
        returns (bool success, bytes memory reason)
    {
        Message[] memory messages = new Message[](1);
        messages[0] = message;
        bytes32[] memory noSiblings = new bytes32[](0);
        bytes memory input = batched
            ? abi.encodeCall(bridge.executeMessages, (messages, _commitment, 0, noSiblings))
            : abi.encodeCall(bridge.executeMessage, (message, _commitment, noSiblings));
        (success, reason) = address(bridge).call{gas: gas_}(input);
    }
}
