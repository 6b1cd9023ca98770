// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOutboxVerifier} from "../../src/bridge/IOutboxVerifier.sol";
import {Message} from "../../src/types/Message.sol";
import {PosternTest} from "../support/PosternTest.sol";
import {ReferenceTree} from "../support/ReferenceTree.sol";
import {GasBurner, Gate, Recorder} from "../support/Targets.sol";
import {Words} from "../support/Words.sol";

contract ExecuteMessagesTest is PosternTest {
    address internal immutable RECIPIENT = makeAddr("recipient on L1");
    uint256 private constant COUNT = 40;

    /// @param before Messages that were executed before, by their bits.
    /// @param subset Messages of the batch.
    function testFuzz_ExecutesWhatWasNotExecutedBefore(uint256 count, uint256 before, uint256 subset) public {
        count = bound(count, 1, COUNT);
        before = bound(before, 0, (1 << count) - 1);
        subset = bound(subset, 1, (1 << count) - 1);
        Message[] memory messages = makeTransfers(count);
        bytes32 commitment = publish(messages);
        uint256 paid;
        for (uint256 i; i < count; ++i) {
            if ((before >> i) & 1 == 1) bridge.executeMessage(messages[i], commitment, proofOf(messages, i));
            if (((before | subset) >> i) & 1 == 1) paid += messages[i].value;
        }

        uint256[] memory indices = Words.indicesOf(subset);
        (Message[] memory chosen, bytes32[] memory proof) = choose(messages, indices);
        bool[] memory executed = bridge.executeMessages(chosen, commitment, ReferenceTree.depth(count), proof);
        for (uint256 i; i < indices.length; ++i) {
            assertEq(executed[i], (before >> indices[i]) & 1 == 0);
        }
        for (uint64 i; i < count; ++i) {
            assertEq(bridge.isFinalized(i), ((before | subset) >> i) & 1 == 1);
        }
        assertEq(RECIPIENT.balance, paid);
    }

    function test_BadMessagesAreReportedAndStayClaimable() public {
        Gate gate = new Gate();
        Message[] memory messages = makeTransfers(32);
        messages[7].target = address(gate);
        messages[7].gasLimit = 100_000;
        messages[21].target = address(new GasBurner());
        messages[21].gasLimit = 100_000;
        bytes32 commitment = publish(messages);
        uint256[] memory indices = Words.indicesOf(type(uint32).max);
        (Message[] memory chosen, bytes32[] memory proof) = choose(messages, indices);

        vm.expectEmit(address(bridge));
        emit IOutboxVerifier.MessageFailed(7, messages[7].leaf(), abi.encodeWithSelector(Gate.Closed.selector));
        vm.expectEmit(address(bridge));
        emit IOutboxVerifier.MessageFailed(21, messages[21].leaf(), "");
        bool[] memory executed = bridge.executeMessages(chosen, commitment, 5, proof);
        for (uint64 i; i < 32; ++i) {
            assertEq(executed[i], i != 7 && i != 21);
            assertEq(bridge.isFinalized(i), i != 7 && i != 21);
        }

        gate.setOpen(true);
        bridge.executeMessage(messages[7], commitment, proofOf(messages, 7));
        assertEq(address(gate).balance, messages[7].value);
        executed = bridge.executeMessages(chosen, commitment, 5, proof);
        for (uint64 i; i < 32; ++i) {
            assertFalse(executed[i]);
        }
    }

    /// @dev Anyone can send such a message on L2, so it must not spoil the batches of relayers.
    function test_ForbiddenTargetIsReported() public {
        Message[] memory messages = makeTransfers(4);
        messages[0].target = address(bridge);
        messages[1].target = address(canonicalTransactionChain);
        messages[2].target = address(stateCommitmentChain);
        bytes32 commitment = publish(messages);
        (Message[] memory chosen, bytes32[] memory proof) = choose(messages, Words.indicesOf(15));
        for (uint64 i; i < 3; ++i) {
            bytes memory reason = abi.encodeWithSelector(IOutboxVerifier.ForbiddenTarget.selector, messages[i].target);
            vm.expectEmit(address(bridge));
            emit IOutboxVerifier.MessageFailed(i, messages[i].leaf(), reason);
        }
        bool[] memory executed = bridge.executeMessages(chosen, commitment, 2, proof);
        assertFalse(executed[0] || executed[1] || executed[2]);
        assertTrue(executed[3]);
    }

    function test_EachMessageHasItsOwnSender() public {
        Message[] memory messages = new Message[](3);
        Recorder[] memory recorders = new Recorder[](3);
        for (uint64 i; i < 3; ++i) {
            recorders[i] = new Recorder(bridge);
            messages[i] = makeCall(i, address(recorders[i]), 200_000, "");
            messages[i].sender = vm.addr(1 + i);
        }
        (Message[] memory chosen, bytes32[] memory proof) = choose(messages, Words.indicesOf(7));
        bridge.executeMessages(chosen, publish(messages), 2, proof);
        for (uint256 i; i < 3; ++i) {
            assertEq(recorders[i].sender(), vm.addr(1 + i));
        }
        vm.expectRevert(IOutboxVerifier.NoMessageInExecution.selector);
        bridge.l2Sender();
    }

    function test_MessageGetsNoMoreGasThanItWasPromised() public {
        Message[] memory messages = new Message[](1);
        // Its target needs more: a single claim can give that, a batch does not.
        messages[0] = makeCall(0, address(new Recorder(bridge)), 20_000, "");
        bytes32 commitment = publish(messages);
        assertFalse(bridge.executeMessages(messages, commitment, 0, new bytes32[](0))[0]);
        assertFalse(bridge.isFinalized(0));
        bridge.executeMessage(messages[0], commitment, new bytes32[](0));
        assertTrue(bridge.isFinalized(0));
    }

    function test_RevertWhen_NoMessages() public {
        bytes32 commitment = publish(makeTransfers(3));
        vm.expectRevert(IOutboxVerifier.NoMessages.selector);
        bridge.executeMessages(new Message[](0), commitment, 2, new bytes32[](0));
    }

    function test_RevertWhen_MessagesAreNotSorted() public {
        (bytes32 commitment, Message[] memory chosen, bytes32[] memory proof) = prepare(11);
        (chosen[1], chosen[2]) = (chosen[2], chosen[1]);
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.MessagesNotSorted.selector, 3, 1));
        bridge.executeMessages(chosen, commitment, 4, proof);
    }

    function test_RevertWhen_MessageIsRepeated() public {
        (bytes32 commitment, Message[] memory chosen, bytes32[] memory proof) = prepare(11);
        chosen[1] = chosen[0];
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.MessagesNotSorted.selector, 0, 0));
        bridge.executeMessages(chosen, commitment, 4, proof);
    }

    function test_RevertWhen_SiblingIsMissing() public {
        (bytes32 commitment, Message[] memory chosen, bytes32[] memory proof) = prepare(11);
        uint256 needed = proof.length;
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.ProofLengthMismatch.selector, needed - 1, needed));
        bridge.executeMessages(chosen, commitment, 4, Words.resize(proof, needed - 1));
    }

    function test_RevertWhen_SiblingIsLeftOver() public {
        (bytes32 commitment, Message[] memory chosen, bytes32[] memory proof) = prepare(11);
        uint256 needed = proof.length;
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.ProofLengthMismatch.selector, needed + 1, needed));
        bridge.executeMessages(chosen, commitment, 4, Words.resize(proof, needed + 1));
    }

    function test_RevertWhen_DepthIsTooSmallForAnIndex() public {
        (bytes32 commitment, Message[] memory chosen, bytes32[] memory proof) = prepare(1 << 9);
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.IndexOutOfTree.selector, 9, 3));
        bridge.executeMessages(chosen, commitment, 3, proof);
    }

    function test_RevertWhen_DepthIsWrong() public {
        (bytes32 commitment, Message[] memory chosen, bytes32[] memory proof) = prepare(11);
        uint256 needed = proof.length;
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.ProofLengthMismatch.selector, needed, needed + 1));
        bridge.executeMessages(chosen, commitment, 5, proof);
        vm.expectPartialRevert(IOutboxVerifier.OutboxRootMismatch.selector);
        bridge.executeMessages(chosen, commitment, 5, Words.resize(proof, needed + 1));
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.ProofTooLong.selector, 65, 64));
        bridge.executeMessages(chosen, commitment, 65, proof);
    }

    function testFuzz_RevertWhen_ABitIsFlipped(uint256 subset, uint256 place, uint256 bit) public {
        (bytes32 commitment, Message[] memory chosen, bytes32[] memory proof) = prepare(bound(subset, 1, (1 << 10) - 1));
        place = bound(place, 0, chosen.length + proof.length - 1);
        bit = 1 << bound(bit, 0, 255);
        if (place < chosen.length) chosen[place].value ^= bit;
        else proof[place - chosen.length] ^= bytes32(bit);
        vm.expectPartialRevert(IOutboxVerifier.OutboxRootMismatch.selector);
        bridge.executeMessages(chosen, commitment, 4, proof);
    }

    function test_RevertWhen_GasLeftDoesNotCoverAPromise() public {
        Message[] memory messages = makeTransfers(3);
        messages[2].gasLimit = 1_000_000;
        bytes32 commitment = publish(messages);
        (Message[] memory chosen, bytes32[] memory proof) = choose(messages, Words.indicesOf(7));
        vm.expectPartialRevert(IOutboxVerifier.InsufficientGas.selector);
        bridge.executeMessages{gas: 1_000_000}(chosen, commitment, 2, proof);
        assertEq(RECIPIENT.balance, 0);
    }

    /// @dev Some messages of an outbox of ten.
    function prepare(uint256 subset)
        private
        returns (bytes32 commitment, Message[] memory chosen, bytes32[] memory proof)
    {
        Message[] memory messages = makeTransfers(10);
        commitment = publish(messages);
        (chosen, proof) = choose(messages, Words.indicesOf(subset));
    }

    function makeTransfers(uint256 count) private view returns (Message[] memory messages) {
        messages = new Message[](count);
        for (uint64 i; i < count; ++i) {
            messages[i] = makeTransfer(i, RECIPIENT, 1 ether + i);
        }
    }
}
