// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TrieProof} from "@openzeppelin/contracts/utils/cryptography/TrieProof.sol";
import {IL2StateReader} from "../../src/gateway/IL2StateReader.sol";
import {L2StateReader} from "../../src/gateway/L2StateReader.sol";
import {Commitment} from "../../src/types/Commitment.sol";
import {Output} from "../../src/types/Output.sol";
import {ChainTest} from "../support/ChainTest.sol";
import {AccountVector, SlotVector, StateVectors} from "../support/StateVectors.sol";

contract L2StateReaderTest is ChainTest {
    L2StateReader private reader;
    Commitment private commitment;
    Output private output;
    /// What `vectors` returns, encoded.
    bytes private encodedVectors;

    function setUp() public override {
        super.setUp();
        reader = L2StateReader(vm.deployCode("L2StateReader.sol:L2StateReader", abi.encode(stateCommitmentChain)));
        (bytes32 stateRoot, AccountVector[] memory read) = StateVectors.read("proofs");
        encodedVectors = abi.encode(read);
        commit(stateRoot);
        finalize(commitment, output);
    }

    function test_ReadsAccounts() public view {
        AccountVector[] memory all = vectors();
        for (uint256 i; i < all.length; ++i) {
            AccountVector memory v = all[i];
            (uint256 nonce, uint256 balance, bytes32 storageRoot, bytes32 codeHash) =
                reader.accountAt(commitment, output, v.account, v.proof);
            assertEq(nonce, v.nonce);
            assertEq(balance, v.balance);
            assertEq(storageRoot, v.storageRoot);
            assertEq(codeHash, v.codeHash);
        }
        assertGt(all.length, 0);
    }

    function test_ReadsSlots() public view {
        uint256 count;
        AccountVector[] memory all = vectors();
        for (uint256 i; i < all.length; ++i) {
            AccountVector memory v = all[i];
            for (uint256 j; j < v.slots.length; ++j) {
                SlotVector memory s = v.slots[j];
                assertEq(slotAt(v, bytes32(s.slot), s.proof), bytes32(s.value));
                ++count;
            }
        }
        assertGt(count, 0);
    }

    function test_ReadsOlderOutputs() public {
        publish(keccak256("later outbox"));
        test_ReadsAccounts();
        test_ReadsSlots();
    }

    function test_RevertWhen_CommitmentIsInItsWindow() public {
        commit(output.stateRoot);
        expectNotFinal();
        passChallengeWindow();
        expectNotFinal();
        stateCommitmentChain.finalize(commitment, output);
        test_ReadsSlots();
    }

    function test_RevertWhen_CommitmentIsRejected() public {
        commit(output.stateRoot);
        vm.prank(address(game));
        stateCommitmentChain.reject(commitment, STRANGER);
        expectNotFinal();
    }

    function testFuzz_RevertWhen_CommitmentIsUnknown(Commitment memory unknown) public {
        vm.assume(unknown.id() != commitment.id());
        commitment = unknown;
        expectNotFinal();
    }

    /// @dev Nothing about an output can be changed: not its state, nor its chain.
    function testFuzz_RevertWhen_OutputIsAnother(uint256 field, uint256 by) public {
        bytes32 expected = output.root();
        field = bound(field, 0, 6);
        by = bound(by, 1, type(uint64).max);
        // forge-lint: disable-next-line(unsafe-typecast) bound above
        uint64 by64 = uint64(by);
        unchecked {
            if (field == 0) output.version += by;
            else if (field == 1) output.l2ChainId += by;
            else if (field == 2) output.stateRoot = bytes32(uint256(output.stateRoot) + by);
            else if (field == 3) output.outboxRoot = bytes32(uint256(output.outboxRoot) + by);
            else if (field == 4) output.blockHash = bytes32(uint256(output.blockHash) + by);
            else if (field == 5) output.blockNumber += by64;
            else output.batchCount += by64;
        }
        AccountVector memory v = vectors()[0];
        vm.expectRevert(abi.encodeWithSelector(IL2StateReader.OutputRootMismatch.selector, output.root(), expected));
        reader.accountAt(commitment, output, v.account, v.proof);
    }

    /// @dev A proof shows one account, and says of no other that it is there, or is not.
    function testFuzz_RevertWhen_AccountIsAnother(address account) public {
        AccountVector memory v = vectors()[0];
        vm.assume(account != v.account);
        vm.expectRevert();
        reader.accountAt(commitment, output, account, v.proof);
    }

    function testFuzz_RevertWhen_SlotIsAnother(bytes32 slot) public {
        AccountVector memory v = vectors()[1];
        vm.assume(uint256(slot) != v.slots[0].slot);
        vm.expectRevert();
        slotAt(v, slot, v.slots[0].proof);
    }

    function test_RevertWhen_SlotIsInAnotherAccount() public {
        AccountVector memory v = vectors()[1];
        SlotVector memory other = vectors()[2].slots[0];
        expectProofError(TrieProof.ProofError.INVALID_ROOT);
        slotAt(v, bytes32(other.slot), other.proof);
    }

    /// @dev Neither an inner node nor a leaf with something after it is a proof.
    function test_RevertWhen_ProofHasAnotherLength() public {
        AccountVector memory v = vectors()[0];
        bytes[] memory longer = new bytes[](v.proof.length + 1);
        for (uint256 length; length < v.proof.length; ++length) {
            bytes[] memory shorter = new bytes[](length);
            for (uint256 i; i < length; ++i) {
                shorter[i] = v.proof[i];
            }
            longer[length] = v.proof[length];
            expectProofError(TrieProof.ProofError.INVALID_PROOF);
            reader.accountAt(commitment, output, v.account, shorter);
        }
        longer[v.proof.length] = v.proof[0];
        expectProofError(TrieProof.ProofError.INVALID_EXTRA_PROOF_ELEMENT);
        reader.accountAt(commitment, output, v.account, longer);
    }

    function testFuzz_RevertWhen_AByteOfTheProofIsAnother(uint256 node, uint256 place, bytes1 flip) public {
        AccountVector memory v = vectors()[1];
        SlotVector memory s = v.slots[0];
        vm.assume(flip != 0);
        node = bound(node, 0, v.proof.length + s.proof.length - 1);
        bytes memory changed = node < v.proof.length ? v.proof[node] : s.proof[node - v.proof.length];
        changed[place % changed.length] ^= flip;
        vm.expectRevert();
        slotAt(v, bytes32(s.slot), s.proof);
    }

    /// @dev The next commitment after the last final one, to this state.
    function commit(bytes32 stateRoot) private {
        appendBatches(1);
        output = makeOutput(stateCommitmentChain.batchCountOf(lastFinal) + 1, 0);
        output.stateRoot = stateRoot;
        commitment = proposeOn(PROPOSER, lastFinal, output);
    }

    function vectors() private view returns (AccountVector[] memory) {
        return abi.decode(encodedVectors, (AccountVector[]));
    }

    function slotAt(AccountVector memory v, bytes32 slot, bytes[] memory proof) private view returns (bytes32) {
        (Commitment memory proven, Output memory of_) = (commitment, output);
        return reader.storageAt(proven, of_, v.account, slot, v.proof, proof);
    }

    function expectNotFinal() private {
        AccountVector memory v = vectors()[0];
        vm.expectRevert(abi.encodeWithSelector(IL2StateReader.CommitmentNotFinal.selector, commitment.id()));
        reader.accountAt(commitment, output, v.account, v.proof);
    }

    function expectProofError(TrieProof.ProofError err) private {
        vm.expectRevert(abi.encodeWithSelector(TrieProof.TrieProofTraversalError.selector, err));
    }
}
