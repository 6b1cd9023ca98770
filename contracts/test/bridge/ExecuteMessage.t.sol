// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOutboxVerifier, MessageStatus} from "../../src/bridge/IOutboxVerifier.sol";
import {Commitment} from "../../src/types/Commitment.sol";
import {Message} from "../../src/types/Message.sol";
import {Output} from "../../src/types/Output.sol";
import {PosternTest} from "../support/PosternTest.sol";
import {ReferenceTree} from "../support/ReferenceTree.sol";
import {Gate, Recorder} from "../support/Targets.sol";

contract ExecuteMessageTest is PosternTest {
    address internal immutable RECIPIENT = makeAddr("recipient on L1");
    bytes32[] internal noSiblings;

    function testFuzz_ExecutesAnyMessageOfAnyOutbox(uint256 count, uint64 index, uint256 value, bytes memory data)
        public
    {
        // Not the selector of any of the recorder's own functions.
        data = bytes.concat(hex"00000000", data);
        Recorder recorder = new Recorder(bridge);
        count = bound(count, 1, 40);
        index = uint64(bound(index, 0, count - 1));
        value = bound(value, 0, address(bridge).balance);
        uint256 custody = address(bridge).balance;
        Message[] memory messages = new Message[](count);
        for (uint64 i; i < count; ++i) {
            messages[i] = makeCall(i, address(recorder), 0, data);
            messages[i].value = value;
        }
        bytes32 commitment = publish(messages);

        vm.expectEmit(address(bridge));
        emit IOutboxVerifier.MessageFinalized(index, messages[index].leaf(), address(recorder));
        vm.prank(STRANGER);
        bridge.executeMessage(messages[index], commitment, proofOf(messages, index));

        assertEq(recorder.calls(), 1);
        assertEq(recorder.caller(), address(bridge));
        assertEq(recorder.sender(), L2_USER);
        assertEq(recorder.value(), value);
        assertEq(recorder.data(), data);
        assertEq(address(bridge).balance, custody - value);
        for (uint64 i; i < count; ++i) {
            assertEq(bridge.isFinalized(i), i == index);
        }
    }

    function test_LaterRootProvesEarlierMessage() public {
        Message[] memory messages = makeTransfers(5);
        bytes32[] memory leaves = leavesOf(messages);
        publish(leaves[0]);
        bytes32 later = publish(messages);
        bridge.executeMessage(messages[0], later, proofOf(messages, 0));
        assertEq(RECIPIENT.balance, messages[0].value);
    }

    function test_RevertWhen_ExecutedTwiceInAnyWay() public {
        Message[] memory messages = makeTransfers(5);
        (Commitment memory commitment, Output memory output) = propose(ReferenceTree.root(leavesOf(messages)));
        bridge.proveMessage(messages[2], commitment, output, proofOf(messages, 2));
        finalize(commitment, output);
        bytes32 first = commitment.id();
        bytes32 second = publish(messages);
        bytes32[] memory proof = proofOf(messages, 2);
        bridge.finalizeMessage(messages[2], first);

        bytes memory expected = abi.encodeWithSelector(IOutboxVerifier.MessageAlreadyFinalized.selector, 2);
        vm.expectRevert(expected);
        bridge.finalizeMessage(messages[2], first);
        vm.expectRevert(expected);
        bridge.executeMessage(messages[2], first, proof);
        vm.expectRevert(expected);
        bridge.executeMessage(messages[2], second, proof);
        bool[] memory executed = bridge.executeMessages(single(messages[2]), second, proof.length, proof);
        assertFalse(executed[0]);
        assertEq(RECIPIENT.balance, messages[2].value);
    }

    function test_RevertWhen_CommitmentIsNotFinal() public {
        Message[] memory messages = makeTransfers(5);
        (Commitment memory commitment, Output memory output) = propose(ReferenceTree.root(leavesOf(messages)));
        bytes32[] memory proof = proofOf(messages, 2);
        bridge.proveMessage(messages[2], commitment, output, proof);
        passChallengeWindow();
        // Nobody has finalized it yet.
        bytes memory expected = abi.encodeWithSelector(IOutboxVerifier.CommitmentNotFinal.selector, commitment.id());
        vm.expectRevert(expected);
        bridge.finalizeMessage(messages[2], commitment.id());
        vm.expectRevert(expected);
        bridge.executeMessage(messages[2], commitment.id(), proof);
        vm.expectRevert(expected);
        bridge.executeMessages(single(messages[2]), commitment.id(), proof.length, proof);
    }

    function test_RevertWhen_MessageIsNotProven() public {
        Message[] memory messages = makeTransfers(5);
        bytes32 commitment = publish(messages);
        bytes32 leaf = messages[2].leaf();
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.MessageNotProven.selector, leaf, commitment));
        bridge.finalizeMessage(messages[2], commitment);
    }

    function test_RevertWhen_MessageIsProvenUnderAnotherCommitment() public {
        Message[] memory messages = makeTransfers(5);
        (Commitment memory commitment, Output memory output) = propose(ReferenceTree.root(leavesOf(messages)));
        bridge.proveMessage(messages[2], commitment, output, proofOf(messages, 2));
        finalize(commitment, output);
        bytes32 other = publish(messages);
        bytes32 leaf = messages[2].leaf();
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.MessageNotProven.selector, leaf, other));
        bridge.finalizeMessage(messages[2], other);
    }

    function test_RevertWhen_ProofIsWrong() public {
        Message[] memory messages = makeTransfers(5);
        bytes32 commitment = publish(messages);
        bytes32[] memory proof = proofOf(messages, 1);
        vm.expectPartialRevert(IOutboxVerifier.OutboxRootMismatch.selector);
        bridge.executeMessage(messages[2], commitment, proof);
        messages[2].index |= 1 << 60;
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.IndexOutOfTree.selector, messages[2].index, 3));
        bridge.executeMessage(messages[2], commitment, proof);
    }

    function test_RevertWhen_TargetIsBridge() public {
        expectForbidden(address(bridge));
    }

    function test_RevertWhen_TargetIsCanonicalTransactionChain() public {
        expectForbidden(address(canonicalTransactionChain));
    }

    function test_RevertWhen_TargetIsStateCommitmentChain() public {
        expectForbidden(address(stateCommitmentChain));
    }

    function test_FailedMessageStaysClaimable() public {
        Gate gate = new Gate();
        Message memory message = makeCall(0, address(gate), 100_000, "");
        message.value = 1 ether;
        bytes32 commitment = publish(message.leaf());
        uint256 custody = address(bridge).balance;

        vm.expectRevert(
            abi.encodeWithSelector(
                IOutboxVerifier.MessageCallFailed.selector, 0, abi.encodeWithSelector(Gate.Closed.selector)
            )
        );
        bridge.executeMessage(message, commitment, noSiblings);
        assertFalse(bridge.isFinalized(0));
        assertEq(address(bridge).balance, custody);

        gate.setOpen(true);
        bridge.executeMessage(message, commitment, noSiblings);
        assertTrue(bridge.isFinalized(0));
        assertEq(address(gate).balance, 1 ether);
    }

    function test_MessageWaitsForEther() public {
        Message memory message = makeTransfer(0, RECIPIENT, 1 ether);
        bytes32 commitment = publish(message.leaf());
        vm.deal(address(bridge), 1 ether - 1);
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.MessageCallFailed.selector, 0, ""));
        bridge.executeMessage(message, commitment, noSiblings);
        vm.deal(address(bridge), 1 ether);
        bridge.executeMessage(message, commitment, noSiblings);
        assertEq(RECIPIENT.balance, 1 ether);
    }

    function test_SingleClaimOffersAllGas() public {
        // Sent with no gas for its target at all.
        Recorder recorder = new Recorder(bridge);
        Message memory message = makeCall(0, address(recorder), 0, "");
        bytes32 commitment = publish(message.leaf());
        bridge.executeMessage(message, commitment, noSiblings);
        assertEq(recorder.calls(), 1);
    }

    function test_RevertWhen_NoMessageIsInExecution() public {
        vm.expectRevert(IOutboxVerifier.NoMessageInExecution.selector);
        bridge.l2Sender();

        Recorder recorder = new Recorder(bridge);
        Message memory message = makeCall(0, address(recorder), 100_000, "");
        bridge.executeMessage(message, publish(message.leaf()), noSiblings);
        assertEq(recorder.sender(), L2_USER);
        vm.expectRevert(IOutboxVerifier.NoMessageInExecution.selector);
        bridge.l2Sender();
    }

    function testFuzz_RevertWhen_AnyoneElseRecordsFinalRoot(address caller) public {
        vm.assume(caller != address(stateCommitmentChain));
        // The proxy's administrator is answered by the proxy itself.
        vm.assume(caller != vm.computeCreateAddress(address(bridge), 1));
        vm.expectRevert(
            abi.encodeWithSelector(
                IOutboxVerifier.NotStateCommitmentChain.selector, caller, address(stateCommitmentChain)
            )
        );
        vm.prank(caller);
        bridge.recordFinalRoot("commitment", "root");
    }

    function test_FinalRootIsRecorded() public {
        (Commitment memory commitment, Output memory output) = propose("root");
        assertEq(bridge.finalRoot(commitment.id()), 0);
        passChallengeWindow();
        vm.expectEmit(address(bridge));
        emit IOutboxVerifier.FinalRootRecorded(commitment.id(), "root");
        stateCommitmentChain.finalize(commitment, output);
        assertEq(bridge.finalRoot(commitment.id()), "root");
    }

    function test_StatusFollowsTheLifeOfAMessage() public {
        Message memory message = makeTransfer(0, RECIPIENT, 1 ether);
        assertStatus(message, "unknown", MessageStatus.WaitingToProve, 0, 0);

        (Commitment memory commitment, Output memory output) = propose(message.leaf());
        bytes32 id = commitment.id();
        uint64 time = uint64(block.timestamp) + WINDOW_SECONDS;
        uint64 number = uint64(block.number) + WINDOW_BLOCKS;
        assertStatus(message, id, MessageStatus.ReadyToProve, time, number);

        bridge.proveMessage(message, commitment, output, noSiblings);
        assertStatus(message, id, MessageStatus.WaitingToFinalize, time, number);

        finalize(commitment, output);
        assertEq(block.timestamp, time);
        assertEq(block.number, number);
        assertStatus(message, id, MessageStatus.ReadyToFinalize, time, number);

        bridge.finalizeMessage(message, id);
        assertStatus(message, id, MessageStatus.Finalized, time, number);
        assertStatus(message, "unknown", MessageStatus.Finalized, 0, 0);
    }

    function test_StatusFallsBackWhenTheCommitmentIsRejected() public {
        Message memory message = makeTransfer(0, RECIPIENT, 1 ether);
        (Commitment memory commitment, Output memory output) = propose(message.leaf());
        bridge.proveMessage(message, commitment, output, noSiblings);
        vm.prank(address(game));
        stateCommitmentChain.reject(commitment, STRANGER);
        assertStatus(message, commitment.id(), MessageStatus.WaitingToProve, 0, 0);
    }

    function assertStatus(
        Message memory message,
        bytes32 commitment,
        MessageStatus expected,
        uint64 expectedTime,
        uint64 expectedBlock
    ) private view {
        (MessageStatus status, uint64 time, uint64 blockNumber) = bridge.messageStatus(message, commitment);
        assertEq(uint256(status), uint256(expected));
        assertEq(time, expectedTime);
        assertEq(blockNumber, expectedBlock);
    }

    function expectForbidden(address target) private {
        Message memory message = makeCall(0, target, 0, abi.encodeCall(bridge.recordFinalRoot, ("false", "root")));
        bytes32 commitment = publish(message.leaf());
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.ForbiddenTarget.selector, target));
        bridge.executeMessage(message, commitment, noSiblings);
    }

    function makeTransfers(uint64 count) private view returns (Message[] memory messages) {
        messages = new Message[](count);
        for (uint64 i; i < count; ++i) {
            messages[i] = makeTransfer(i, RECIPIENT, (i + 1) * 1 ether);
        }
    }

    function single(Message memory message) private pure returns (Message[] memory messages) {
        messages = new Message[](1);
        messages[0] = message;
    }
}
