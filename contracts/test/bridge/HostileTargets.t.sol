// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOutboxVerifier} from "../../src/bridge/IOutboxVerifier.sol";
import {Message} from "../../src/types/Message.sol";
import {PosternTest} from "../support/PosternTest.sol";
import {GasBurner, Recorder, Reentrant, ReturnBomb} from "../support/Targets.sol";
import {Words} from "../support/Words.sol";

/// @dev Calls back, and then fails.
contract FailingReentrant is Reentrant {
    error CalledBack(bool succeeded);

    constructor(IOutboxVerifier bridge) Reentrant(bridge) {}

    function handle() internal override {
        super.handle();
        revert CalledBack(succeeded);
    }
}

/// @dev Uses as much gas as a target that reverts with a megabyte, and reverts with a word.
contract MemoryHog {
    fallback() external payable {
        // Memory beyond what Solidity knows of is safe to use, as nothing runs after.
        assembly ("memory-safe") {
            revert(sub(1000000, 0x20), 0x20)
        }
    }
}

contract HostileTargetsTest is PosternTest {
    /// Enough for any call-back of these tests.
    uint64 private constant GAS_LIMIT = 3_000_000;

    function test_ReturndataBombCostsRelayerLittle() public {
        Message[] memory messages = new Message[](2);
        messages[0] = makeCall(0, address(new ReturnBomb(true)), GAS_LIMIT, "");
        messages[1] = makeCall(1, address(new MemoryHog()), GAS_LIMIT, "");
        bytes32 commitment = publish(messages);
        uint256[] memory used = new uint256[](2);
        for (uint256 i; i < 2; ++i) {
            (Message[] memory chosen, bytes32[] memory proof) = choose(messages, Words.indicesOf(1 << i));
            uint256 gasBefore = gasleft();
            assertFalse(bridge.executeMessages(chosen, commitment, 1, proof)[0]);
            used[i] = gasBefore - gasleft();
        }
        // Copying a megabyte would take two millions more.
        assertLt(used[0], used[1] + 50_000);
    }

    function test_ReturndataBombOnSuccessIsExecuted() public {
        (Message[] memory messages, bytes32 commitment) = publishOne(address(new ReturnBomb(false)));
        bridge.executeMessage(messages[0], commitment, new bytes32[](0));
        assertTrue(bridge.isFinalized(0));
    }

    function test_ReasonOfABombIsCut() public {
        (Message[] memory messages, bytes32 commitment) = publishOne(address(new ReturnBomb(true)));
        (bool success, bytes memory reason) =
            address(bridge).call(abi.encodeCall(bridge.executeMessage, (messages[0], commitment, new bytes32[](0))));
        assertFalse(success);
        assertEq(Words.selectorOf(reason), IOutboxVerifier.MessageCallFailed.selector);
        // Selector, index, offset, length, reason.
        assertEq(reason.length, 4 + 3 * 32 + bridge.MAX_REASON());
    }

    function test_GasBurnerCostsABatchItsPromiseAlone() public {
        Recorder recorder = new Recorder(bridge);
        Message[] memory messages = new Message[](3);
        messages[0] = makeCall(0, address(recorder), 200_000, "");
        messages[1] = makeCall(1, address(new GasBurner()), 500_000, "");
        messages[2] = makeCall(2, address(recorder), 200_000, "");
        bytes32 commitment = publish(messages);
        (Message[] memory chosen, bytes32[] memory proof) = choose(messages, Words.indicesOf(7));
        uint256 gasBefore = gasleft();
        bool[] memory executed = bridge.executeMessages(chosen, commitment, 2, proof);
        assertLt(gasBefore - gasleft(), 1_100_000);
        assertTrue(executed[0] && executed[2]);
        assertFalse(executed[1] || bridge.isFinalized(1));
        assertEq(recorder.calls(), 2);
    }

    function test_RevertWhen_GasBurnerIsClaimed() public {
        (Message[] memory messages, bytes32 commitment) = publishOne(address(new GasBurner()));
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.MessageCallFailed.selector, 0, ""));
        bridge.executeMessage{gas: 5_000_000}(messages[0], commitment, new bytes32[](0));
        assertFalse(bridge.isFinalized(0));
    }

    function test_ReentrantClaimOfTheSameMessageFails() public {
        Reentrant target = new Reentrant(bridge);
        (Message[] memory messages, bytes32 commitment) = publishOne(address(target));
        target.setCallback(abi.encodeCall(bridge.executeMessage, (messages[0], commitment, new bytes32[](0))));
        bridge.executeMessage(messages[0], commitment, new bytes32[](0));
        assertFalse(target.succeeded());
        assertEq(target.returned(), abi.encodeWithSelector(IOutboxVerifier.MessageAlreadyFinalized.selector, 0));
        assertEq(address(target).balance, 1 ether);
    }

    function test_ReentrantBatchPassesOverTheSameMessage() public {
        Reentrant target = new Reentrant(bridge);
        (Message[] memory messages, bytes32 commitment) = publishOne(address(target));
        bytes memory batch = abi.encodeCall(bridge.executeMessages, (messages, commitment, 0, new bytes32[](0)));
        target.setCallback(batch);
        assertTrue(bridge.executeMessages(messages, commitment, 0, new bytes32[](0))[0]);
        assertTrue(target.succeeded());
        assertFalse(abi.decode(target.returned(), (bool[]))[0]);
        assertEq(address(target).balance, 1 ether);
    }

    function test_NestedMessageHasItsOwnSenderAndTheOuterOneReturns() public {
        Reentrant outer = new Reentrant(bridge);
        Recorder inner = new Recorder(bridge);
        (Message[] memory messages, bytes32 commitment) = publishPair(address(outer), address(inner));
        outer.setCallback(abi.encodeCall(bridge.executeMessage, (messages[1], commitment, proofOf(messages, 1))));
        bridge.executeMessage(messages[0], commitment, proofOf(messages, 0));

        assertTrue(outer.succeeded());
        assertEq(outer.senderBefore(), messages[0].sender);
        assertEq(inner.sender(), messages[1].sender);
        assertEq(outer.senderAfter(), messages[0].sender);
        assertTrue(bridge.isFinalized(0) && bridge.isFinalized(1));
        vm.expectRevert(IOutboxVerifier.NoMessageInExecution.selector);
        bridge.l2Sender();
    }

    function test_SenderReturnsAfterANestedMessageFails() public {
        Reentrant outer = new Reentrant(bridge);
        (Message[] memory messages, bytes32 commitment) = publishPair(address(outer), address(new MemoryHog()));
        (Message[] memory chosen, bytes32[] memory proof) = choose(messages, Words.indicesOf(2));
        outer.setCallback(abi.encodeCall(bridge.executeMessages, (chosen, commitment, 1, proof)));
        bridge.executeMessage(messages[0], commitment, proofOf(messages, 0));
        assertTrue(outer.succeeded());
        assertEq(outer.senderAfter(), messages[0].sender);
        assertFalse(bridge.isFinalized(1));
    }

    /// @dev The nested claim sets a bit of the word in which the batch afterwards sets and clears others.
    function test_NestedClaimWithinABatchIsKept() public {
        Reentrant outer = new Reentrant(bridge);
        Message[] memory messages = new Message[](4);
        Recorder recorder = new Recorder(bridge);
        messages[0] = makeCall(0, address(outer), GAS_LIMIT, "");
        messages[1] = makeCall(1, address(new MemoryHog()), 10_000, "");
        messages[2] = makeCall(2, address(recorder), 200_000, "");
        messages[3] = makeCall(3, address(recorder), 200_000, "");
        bytes32 commitment = publish(messages);
        (Message[] memory chosen, bytes32[] memory proof) = choose(messages, Words.indicesOf(7));
        // Message 2 is in the batch too, message 3 is not.
        (Message[] memory nested, bytes32[] memory nestedProof) = choose(messages, Words.indicesOf(12));
        outer.setCallback(abi.encodeCall(bridge.executeMessages, (nested, commitment, 2, nestedProof)));

        bool[] memory executed = bridge.executeMessages(chosen, commitment, 2, proof);
        assertTrue(executed[0]);
        assertFalse(executed[1]);
        assertFalse(executed[2]);
        assertTrue(bridge.isFinalized(0) && bridge.isFinalized(2) && bridge.isFinalized(3));
        assertFalse(bridge.isFinalized(1));
        assertEq(recorder.calls(), 2);
    }

    function test_FailureUndoesNestedClaims() public {
        FailingReentrant outer = new FailingReentrant(bridge);
        Recorder inner = new Recorder(bridge);
        (Message[] memory messages, bytes32 commitment) = publishPair(address(outer), address(inner));
        outer.setCallback(abi.encodeCall(bridge.executeMessage, (messages[1], commitment, proofOf(messages, 1))));
        (Message[] memory chosen, bytes32[] memory proof) = choose(messages, Words.indicesOf(1));
        vm.expectEmit(address(bridge));
        emit IOutboxVerifier.MessageFailed(
            0, messages[0].leaf(), abi.encodeWithSelector(FailingReentrant.CalledBack.selector, true)
        );
        assertFalse(bridge.executeMessages(chosen, commitment, 1, proof)[0]);
        assertFalse(bridge.isFinalized(0) || bridge.isFinalized(1));
        assertEq(inner.calls(), 0);

        bridge.executeMessage(messages[1], commitment, proofOf(messages, 1));
        assertEq(inner.calls(), 1);
    }

    /// @dev Inside the failing call the message cannot be claimed either, in whatever way.
    function test_FailingMessageCannotExecuteItself() public {
        FailingReentrant target = new FailingReentrant(bridge);
        (Message[] memory messages, bytes32 commitment) = publishOne(address(target));
        target.setCallback(abi.encodeCall(bridge.executeMessage, (messages[0], commitment, new bytes32[](0))));
        vm.expectEmit(address(bridge));
        emit IOutboxVerifier.MessageFailed(
            0, messages[0].leaf(), abi.encodeWithSelector(FailingReentrant.CalledBack.selector, false)
        );
        bridge.executeMessages(messages, commitment, 0, new bytes32[](0));
        assertEq(address(target).balance, 0);
    }

    function test_TargetMaySendBackToL2() public {
        Reentrant target = new Reentrant(bridge);
        (Message[] memory messages, bytes32 commitment) = publishOne(address(target));
        uint64 gasLimit = bridge.minimumGasLimit(0);
        target.setCallback(abi.encodeCall(bridge.sendToL2, (L2_USER, 0, gasLimit, 0, "")));
        bridge.executeMessage(messages[0], commitment, new bytes32[](0));
        // It brought no fee; the bridge answered it all the same.
        assertEq(
            target.returned(), abi.encodeWithSignature("FeeAboveMaximum(uint256,uint256)", bridge.quote(gasLimit), 0)
        );
        assertTrue(bridge.isFinalized(0));
    }

    function publishOne(address target) private returns (Message[] memory messages, bytes32 commitment) {
        messages = new Message[](1);
        messages[0] = makeCall(0, target, GAS_LIMIT, "");
        messages[0].value = 1 ether;
        commitment = publish(messages);
    }

    /// @dev Two messages of different senders.
    function publishPair(address first, address second)
        private
        returns (Message[] memory messages, bytes32 commitment)
    {
        messages = new Message[](2);
        messages[0] = makeCall(0, first, GAS_LIMIT, "");
        messages[1] = makeCall(1, second, 500_000, "");
        messages[1].sender = makeAddr("another user on L2");
        commitment = publish(messages);
    }
}
