// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOutboxVerifier, MessageStatus} from "../../src/bridge/IOutboxVerifier.sol";
import {Commitment} from "../../src/types/Commitment.sol";
import {Message} from "../../src/types/Message.sol";
import {Output} from "../../src/types/Output.sol";
import {PosternTest} from "../support/PosternTest.sol";
import {ReferenceTree} from "../support/ReferenceTree.sol";
import {Words} from "../support/Words.sol";

contract ProveMessageTest is PosternTest {
    address internal immutable RECIPIENT = makeAddr("recipient on L1");
    uint256 private constant COUNT = 11;

    Commitment internal commitment;
    Output internal output;

    function setUp() public override {
        super.setUp();
        (commitment, output) = propose(ReferenceTree.root(leavesOf(makeMessages())));
    }

    function test_AnyoneProvesAndAnyoneFinalizes() public {
        Message memory message = makeMessages()[6];
        vm.expectEmit(address(bridge));
        emit IOutboxVerifier.MessageProven(6, message.leaf(), commitment.id());
        vm.prank(STRANGER);
        bridge.proveMessage(message, commitment, output, proofOf(makeMessages(), 6));
        assertTrue(bridge.isProven(message.leaf(), commitment.id()));

        finalize(commitment, output);
        vm.expectEmit(address(bridge));
        emit IOutboxVerifier.MessageFinalized(6, message.leaf(), RECIPIENT);
        vm.prank(makeAddr("another stranger"));
        bridge.finalizeMessage(message, commitment.id());
        assertEq(RECIPIENT.balance, message.value);
        assertTrue(bridge.isFinalized(6));
    }

    function test_EveryMessageIsProven() public {
        Message[] memory messages = makeMessages();
        for (uint256 i; i < messages.length; ++i) {
            bridge.proveMessage(messages[i], commitment, output, proofOf(messages, i));
            assertTrue(bridge.isProven(messages[i].leaf(), commitment.id()));
        }
    }

    function test_ProvesAgainstAFinalCommitment() public {
        finalize(commitment, output);
        prove(3);
        bridge.finalizeMessage(makeMessages()[3], commitment.id());
        assertTrue(bridge.isFinalized(3));
    }

    function test_RevertWhen_ProvenTwice() public {
        prove(3);
        Message memory message = makeMessages()[3];
        bytes32[] memory proof = proofOf(makeMessages(), 3);
        vm.expectRevert(
            abi.encodeWithSelector(IOutboxVerifier.MessageAlreadyProven.selector, message.leaf(), commitment.id())
        );
        bridge.proveMessage(message, commitment, output, proof);
    }

    function test_ProvingUnderAnotherCommitmentResetsNothing() public {
        prove(3);
        (MessageStatus status, uint64 time, uint64 blockNumber) =
            bridge.messageStatus(makeMessages()[3], commitment.id());
        mine(10);
        Message[] memory messages = makeMessages();
        // Another block hash: a sibling of the first commitment.
        Output memory other = output;
        other.blockHash = "another";
        Commitment memory sibling = proposeOutput(other);
        bridge.proveMessage(messages[3], sibling, other, proofOf(messages, 3));

        (MessageStatus statusAfter, uint64 timeAfter, uint64 blockNumberAfter) =
            bridge.messageStatus(messages[3], commitment.id());
        assertEq(uint256(statusAfter), uint256(status));
        assertEq(timeAfter, time);
        assertEq(blockNumberAfter, blockNumber);
        assertTrue(bridge.isProven(messages[3].leaf(), sibling.id()));

        finalize(commitment, output);
        bridge.finalizeMessage(messages[3], commitment.id());
    }

    function test_ProvingAfterFinalizationRevivesNothing() public {
        finalize(commitment, output);
        Message[] memory messages = makeMessages();
        bridge.executeMessage(messages[3], commitment.id(), proofOf(messages, 3));
        prove(3);
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.MessageAlreadyFinalized.selector, 3));
        bridge.finalizeMessage(messages[3], commitment.id());
    }

    function test_RevertWhen_CommitmentIsUnknown() public {
        commitment.proposer = STRANGER;
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.CommitmentNotStanding.selector, commitment.id()));
        prove(3);
    }

    function test_RevertWhen_CommitmentIsRejected() public {
        vm.prank(address(game));
        stateCommitmentChain.reject(commitment, STRANGER);
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.CommitmentNotStanding.selector, commitment.id()));
        prove(3);
    }

    function test_RevertWhen_CommitmentIsRejectedAfterTheProof() public {
        prove(3);
        vm.prank(address(game));
        stateCommitmentChain.reject(commitment, STRANGER);
        passChallengeWindow();
        Message memory message = makeMessages()[3];
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.CommitmentNotFinal.selector, commitment.id()));
        bridge.finalizeMessage(message, commitment.id());
    }

    function test_RevertWhen_OutputIsOfAnotherChain() public {
        output.l2ChainId += 1;
        vm.expectRevert(
            abi.encodeWithSelector(IOutboxVerifier.OutputRootMismatch.selector, output.root(), commitment.outputRoot)
        );
        prove(3);
    }

    /// @dev Every word of the output counts, the outbox root above all.
    function testFuzz_RevertWhen_OutputIsAnother(uint256 word, uint256 bit) public {
        word = bound(word, 0, 4);
        bit = 1 << bound(bit, 0, 255);
        if (word == 0) output.version ^= bit;
        if (word == 1) output.l2ChainId ^= bit;
        if (word == 2) output.stateRoot ^= bytes32(bit);
        if (word == 3) output.outboxRoot ^= bytes32(bit);
        if (word == 4) output.blockHash ^= bytes32(bit);
        vm.expectRevert(
            abi.encodeWithSelector(IOutboxVerifier.OutputRootMismatch.selector, output.root(), commitment.outputRoot)
        );
        prove(3);
    }

    function testFuzz_RevertWhen_MessageIsAnother(uint256 index, uint256 field) public {
        index = bound(index, 0, COUNT - 1);
        Message memory message = makeMessages()[index];
        field = bound(field, 0, 5);
        if (field == 0) message.index ^= 1;
        if (field == 1) message.sender = STRANGER;
        if (field == 2) message.target = STRANGER;
        if (field == 3) message.value += 1;
        if (field == 4) message.gasLimit += 1;
        if (field == 5) message.data = bytes.concat(message.data, hex"00");
        expectRootMismatch(message, proofOf(makeMessages(), index));
    }

    function test_RevertWhen_IndexHasHighBits() public {
        Message memory message = makeMessages()[3];
        bytes32[] memory proof = proofOf(makeMessages(), 3);
        for (uint256 bit = proof.length; bit < 64; ++bit) {
            // forge-lint: disable-next-line(unsafe-typecast) below 2^64
            message.index = uint64(3 | (1 << bit));
            vm.expectRevert(
                abi.encodeWithSelector(IOutboxVerifier.IndexOutOfTree.selector, message.index, proof.length)
            );
            bridge.proveMessage(message, commitment, output, proof);
        }
    }

    /// @dev The node above messages 2 and 3 hashes 64 bytes, a leaf 192: no message has it for its leaf, whatever it says.
    function test_RevertWhen_InnerNodeIsPassedAsLeaf() public {
        bytes32[] memory leaves = leavesOf(makeMessages());
        bytes32[] memory proof = dropFirst(proofOf(makeMessages(), 2));
        Message memory message = makeMessages()[2];
        message.index = 1;
        message.data = bytes.concat(leaves[2], leaves[3]);
        assertEq(keccak256(message.data), ReferenceTree.node(leaves, 1, 1));
        expectRootMismatch(message, proof);
    }

    function test_RevertWhen_PathIsShortened() public {
        expectRootMismatch(makeMessages()[0], dropFirst(proofOf(makeMessages(), 0)));
    }

    function test_RevertWhen_ProofHasTrailingSibling() public {
        bytes32[] memory proof = proofOf(makeMessages(), 3);
        expectRootMismatch(makeMessages()[3], Words.resize(proof, proof.length + 1));
    }

    function test_RevertWhen_SiblingsAreSwapped() public {
        bytes32[] memory proof = proofOf(makeMessages(), 3);
        (proof[0], proof[1]) = (proof[1], proof[0]);
        expectRootMismatch(makeMessages()[3], proof);
    }

    function test_RevertWhen_ProofIsDeeperThanAnyTree() public {
        Message memory message = makeMessages()[3];
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.ProofTooLong.selector, 65, 64));
        bridge.proveMessage(message, commitment, output, new bytes32[](65));
    }

    function testFuzz_RevertWhen_ABitOfTheProofIsFlipped(uint256 index, uint256 place, uint256 bit) public {
        index = bound(index, 0, COUNT - 1);
        bytes32[] memory proof = proofOf(makeMessages(), index);
        place = bound(place, 0, proof.length - 1);
        proof[place] ^= bytes32(1 << bound(bit, 0, 255));
        expectRootMismatch(makeMessages()[index], proof);
    }

    function test_RevertWhen_OutboxIsEmpty() public {
        (Commitment memory empty, Output memory emptyOutput) = propose(0);
        Message memory message = makeMessages()[0];
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.OutboxRootMismatch.selector, message.leaf(), bytes32(0)));
        bridge.proveMessage(message, empty, emptyOutput, new bytes32[](0));
        finalize(empty, emptyOutput);
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.CommitmentNotFinal.selector, empty.id()));
        bridge.executeMessage(message, empty.id(), new bytes32[](0));
    }

    function makeMessages() private view returns (Message[] memory messages) {
        messages = new Message[](COUNT);
        for (uint64 i; i < messages.length; ++i) {
            messages[i] = makeTransfer(i, RECIPIENT, (i + 1) * 1 ether);
        }
    }

    /// @dev Proves a message with its own proof.
    function prove(uint256 index) private {
        bridge.proveMessage(makeMessages()[index], commitment, output, proofOf(makeMessages(), index));
    }

    /// @dev Another output after the same batch, by the same proposer.
    function proposeOutput(Output memory other) private returns (Commitment memory sibling) {
        bytes32[] memory checkpoints = new bytes32[](1);
        checkpoints[0] = other.root();
        sibling = commitment;
        sibling.outputRoot = other.root();
        sibling.checkpointsHash = keccak256(abi.encode(other.root()));
        hoax(PROPOSER, BOND);
        stateCommitmentChain.propose{value: BOND}(sibling.parent, sibling.batchHash, checkpoints);
    }

    function expectRootMismatch(Message memory message, bytes32[] memory proof) private {
        vm.expectPartialRevert(IOutboxVerifier.OutboxRootMismatch.selector);
        bridge.proveMessage(message, commitment, output, proof);
        assertFalse(bridge.isProven(message.leaf(), commitment.id()));
    }

    function dropFirst(bytes32[] memory words) private pure returns (bytes32[] memory rest) {
        rest = new bytes32[](words.length - 1);
        for (uint256 i; i < rest.length; ++i) {
            rest[i] = words[i + 1];
        }
    }
}
