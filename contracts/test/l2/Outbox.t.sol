// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {IOutbox} from "../../src/l2/IOutbox.sol";
import {Outbox} from "../../src/l2/Outbox.sol";
import {OutboxTree} from "../../src/libraries/OutboxTree.sol";
import {Message} from "../../src/types/Message.sol";
import {ReferenceTree} from "../support/ReferenceTree.sol";

contract OutboxTest is Test {
    address private immutable SENDER = makeAddr("sender");
    address private immutable TARGET = makeAddr("target");

    Outbox private outbox = new Outbox();

    function setUp() public {
        vm.deal(SENDER, 100 ether);
    }

    function test_BeginsEmpty() public view {
        assertEq(outbox.count(), 0);
        assertEq(outbox.root(), 0);
    }

    function testFuzz_SendEmitsTheMessageAndKeepsTheEther(uint64 gasLimit, uint256 value, bytes calldata data) public {
        gasLimit = uint64(bound(gasLimit, 0, outbox.MAX_GAS_LIMIT()));
        value = bound(value, 0, SENDER.balance);
        vm.expectEmit(address(outbox));
        emit IOutbox.MessageSent(0, SENDER, TARGET, value, gasLimit, data);
        vm.prank(SENDER);
        assertEq(outbox.send{value: value}(TARGET, gasLimit, data), 0);
        assertEq(address(outbox).balance, value);
        assertEq(outbox.count(), 1);
        assertEq(outbox.root(), Message(0, SENDER, TARGET, value, gasLimit, data).leaf());
    }

    function test_EveryRootIsThatOfTheReferenceTree() public {
        bytes32[] memory leaves = new bytes32[](130);
        for (uint64 count = 1; count <= leaves.length; ++count) {
            leaves[count - 1] = send(count - 1);
            assertEq(outbox.root(), ReferenceTree.root(first(leaves, count)));
        }
    }

    function test_EveryRootProvesEveryMessageBeforeIt() public {
        bytes32[] memory leaves = new bytes32[](20);
        for (uint64 count = 1; count <= leaves.length; ++count) {
            leaves[count - 1] = send(count - 1);
            bytes32[] memory sent = first(leaves, count);
            for (uint64 index; index < count; ++index) {
                assertEq(this.walk(sent[index], index, ReferenceTree.proof(sent, index)), outbox.root());
            }
        }
    }

    function test_LayoutIsThatOfTheSpecification() public {
        bytes32[] memory leaves = new bytes32[](11);
        for (uint64 i; i < leaves.length; ++i) {
            leaves[i] = send(i);
        }
        assertEq(vm.load(address(outbox), 0), bytes32(uint256(11)));
        // 11 = 8 + 2 + 1; the frontier of height 2 is what the first four messages left.
        assertEq(vm.load(address(outbox), bytes32(uint256(1))), leaves[10]);
        assertEq(vm.load(address(outbox), bytes32(uint256(2))), ReferenceTree.node(leaves, 1, 4));
        assertEq(vm.load(address(outbox), bytes32(uint256(3))), ReferenceTree.node(leaves, 2, 0));
        assertEq(vm.load(address(outbox), bytes32(uint256(4))), ReferenceTree.node(leaves, 3, 0));
    }

    /// @dev Near the end of the index space the carry runs through all heights.
    function test_LastIndexFillsTheTree() public {
        vm.store(address(outbox), 0, bytes32(uint256(type(uint64).max - 1)));
        bytes32 node = send(type(uint64).max - 1);
        assertEq(vm.load(address(outbox), bytes32(uint256(1))), node);
        assertEq(outbox.count(), type(uint64).max);
        assertNotEq(outbox.root(), 0);
    }

    function test_CostOfSendingDoesNotGrowWithTheTree() public {
        vm.store(address(outbox), 0, bytes32(uint256(1 << 40) - 1));
        uint256 gasBefore = gasleft();
        // The dearest message of a tree of a trillion: it completes 40 subtrees.
        outbox.send(TARGET, 0, "");
        assertLt(gasBefore - gasleft(), 150_000);
    }

    function test_RevertWhen_TargetIsZero() public {
        vm.expectRevert(abi.encodeWithSelector(IOutbox.InvalidTarget.selector, address(0)));
        outbox.send(address(0), 0, "");
    }

    function testFuzz_RevertWhen_GasLimitIsTooHigh(uint64 gasLimit) public {
        gasLimit = uint64(bound(gasLimit, 8_000_001, type(uint64).max));
        vm.expectRevert(abi.encodeWithSelector(IOutbox.GasLimitTooHigh.selector, gasLimit, 8_000_000));
        outbox.send(TARGET, gasLimit, "");
    }

    function test_LargestMessageIsTaken() public {
        assertEq(outbox.send(TARGET, 8_000_000, new bytes(65_536)), 0);
    }

    function test_RevertWhen_DataIsTooLong() public {
        vm.expectRevert(abi.encodeWithSelector(IOutbox.MessageDataTooLong.selector, 65_537, 65_536));
        outbox.send(TARGET, 0, new bytes(65_537));
    }

    function test_RevertWhen_EtherComesWithoutMessage() public {
        vm.deal(address(this), 1 ether);
        (bool success,) = address(outbox).call{value: 1 ether}("");
        assertFalse(success);
    }

    /// @dev The library reads proofs from calldata.
    function walk(bytes32 leaf, uint64 index, bytes32[] calldata proof) external pure returns (bytes32) {
        return OutboxTree.rootOf(leaf, index, proof);
    }

    /// @dev Sends a message that is like no other.
    function send(uint64 index) private returns (bytes32) {
        vm.prank(SENDER);
        outbox.send{value: index % 7}(TARGET, 21_000, abi.encode(index));
        return Message(index, SENDER, TARGET, index % 7, 21_000, abi.encode(index)).leaf();
    }

    function first(bytes32[] memory words, uint256 count) private pure returns (bytes32[] memory part) {
        part = new bytes32[](count);
        for (uint256 i; i < count; ++i) {
            part[i] = words[i];
        }
    }
}
