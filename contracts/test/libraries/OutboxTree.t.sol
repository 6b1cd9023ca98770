// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {IOutboxVerifier} from "../../src/bridge/IOutboxVerifier.sol";
import {OutboxTree} from "../../src/libraries/OutboxTree.sol";
import {ReferenceTree} from "../support/ReferenceTree.sol";
import {Words} from "../support/Words.sol";

contract OutboxTreeTest is Test {
    uint256 private constant MAX_LEAVES = 70;

    /// @dev The walks read proofs from calldata.
    /// @param index Of 64 bits.
    function rootOf(bytes32 leaf, uint256 index, bytes32[] calldata proof) external pure returns (bytes32) {
        // forge-lint: disable-next-line(unsafe-typecast) see above
        return OutboxTree.rootOf(leaf, uint64(index), proof);
    }

    function rootOfMany(bytes32[] memory leaves, uint256[] memory indices, uint256 depth, bytes32[] calldata proof)
        external
        pure
        returns (bytes32)
    {
        return OutboxTree.rootOfMany(leaves, indices, depth, proof);
    }

    function test_OnlyLeafIsTheRoot() public view {
        assertEq(this.rootOf("leaf", 0, new bytes32[](0)), "leaf");
    }

    function testFuzz_ProofLeadsToTheRoot(uint256 count, uint256 index) public view {
        count = bound(count, 1, MAX_LEAVES);
        index = bound(index, 0, count - 1);
        bytes32[] memory leaves = makeLeaves(count);
        assertEq(walk(leaves, index), ReferenceTree.root(leaves));
    }

    function test_ProofOfAnyIndexAtTheLargestDepth() public view {
        bytes32[] memory proof = new bytes32[](OutboxTree.MAX_DEPTH);
        bytes32 right = "leaf";
        for (uint256 i; i < proof.length; ++i) {
            right = keccak256(abi.encode(bytes32(0), right));
        }
        assertEq(this.rootOf("leaf", type(uint64).max, proof), right);
    }

    function testFuzz_RevertWhen_IndexHasHighBits(uint256 count, uint256 index, uint256 bit) public {
        count = bound(count, 1, MAX_LEAVES);
        index = bound(index, 0, count - 1);
        bytes32[] memory leaves = makeLeaves(count);
        bytes32[] memory proof = ReferenceTree.proof(leaves, index);
        uint256 alias_ = index | (1 << bound(bit, proof.length, 63));
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.IndexOutOfTree.selector, alias_, proof.length));
        this.rootOf(leaves[index], alias_, proof);
    }

    function test_RevertWhen_ProofIsDeeperThanAnyTree() public {
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.ProofTooLong.selector, 65, 64));
        this.rootOf("leaf", 0, new bytes32[](65));
    }

    function testFuzz_FlippedBitOfSiblingLeadsElsewhere(uint256 count, uint256 index, uint256 place, uint256 bit)
        public
        view
    {
        count = bound(count, 2, MAX_LEAVES);
        index = bound(index, 0, count - 1);
        bytes32[] memory leaves = makeLeaves(count);
        bytes32[] memory proof = ReferenceTree.proof(leaves, index);
        place = bound(place, 0, proof.length - 1);
        proof[place] = flip(proof[place], bit);
        assertNotEq(this.rootOf(leaves[index], index, proof), ReferenceTree.root(leaves));
    }

    function testFuzz_FlippedBitOfLeafLeadsElsewhere(uint256 count, uint256 index, uint256 bit) public view {
        count = bound(count, 1, MAX_LEAVES);
        index = bound(index, 0, count - 1);
        bytes32[] memory leaves = makeLeaves(count);
        bytes32[] memory proof = ReferenceTree.proof(leaves, index);
        assertNotEq(this.rootOf(flip(leaves[index], bit), index, proof), ReferenceTree.root(leaves));
    }

    function testFuzz_AnotherIndexLeadsElsewhere(uint256 count, uint256 index, uint256 other) public view {
        count = bound(count, 2, MAX_LEAVES);
        index = bound(index, 0, count - 1);
        bytes32[] memory leaves = makeLeaves(count);
        bytes32[] memory proof = ReferenceTree.proof(leaves, index);
        other = bound(other, 0, (1 << proof.length) - 1);
        vm.assume(other != index);
        assertNotEq(this.rootOf(leaves[index], other, proof), ReferenceTree.root(leaves));
    }

    function testFuzz_SwappedSiblingsLeadElsewhere(uint256 count, uint256 index, uint256 place) public view {
        count = bound(count, 3, MAX_LEAVES);
        index = bound(index, 0, count - 1);
        bytes32[] memory leaves = makeLeaves(count);
        bytes32[] memory proof = ReferenceTree.proof(leaves, index);
        place = bound(place, 1, proof.length - 1);
        (proof[place], proof[place - 1]) = (proof[place - 1], proof[place]);
        assertNotEq(this.rootOf(leaves[index], index, proof), ReferenceTree.root(leaves));
    }

    function testFuzz_ShorterProofLeadsElsewhere(uint256 count, uint256 index) public view {
        count = bound(count, 2, MAX_LEAVES);
        bytes32[] memory leaves = makeLeaves(count);
        bytes32[] memory proof = ReferenceTree.proof(leaves, 0);
        // In the left half, or the index would not fit.
        index = bound(index, 0, (1 << (proof.length - 1)) - 1);
        proof = Words.resize(ReferenceTree.proof(leaves, index), proof.length - 1);
        assertNotEq(this.rootOf(leaves[index], index, proof), ReferenceTree.root(leaves));
    }

    function testFuzz_LongerProofLeadsElsewhere(uint256 count, uint256 index, bytes32 extra) public view {
        count = bound(count, 1, MAX_LEAVES);
        index = bound(index, 0, count - 1);
        bytes32[] memory leaves = makeLeaves(count);
        bytes32[] memory proof = ReferenceTree.proof(leaves, index);
        proof = Words.resize(proof, proof.length + 1);
        proof[proof.length - 1] = extra;
        assertNotEq(this.rootOf(leaves[index], index, proof), ReferenceTree.root(leaves));
    }

    function testFuzz_MultiproofAgreesWithSingleProofs(uint256 count, uint256 subset) public view {
        (bytes32[] memory leaves, bytes32[] memory chosen, uint256[] memory indices, bytes32[] memory proof) =
            makeMultiproof(count, subset);
        bytes32 root = ReferenceTree.root(leaves);
        for (uint256 i; i < indices.length; ++i) {
            assertEq(walk(leaves, indices[i]), root);
        }
        assertEq(this.rootOfMany(chosen, indices, ReferenceTree.depth(leaves.length), proof), root);
    }

    function testFuzz_MultiproofOfAllLeavesNeedsOnlyEmptyOnes(uint256 count) public view {
        count = bound(count, 1, MAX_LEAVES);
        bytes32[] memory leaves = makeLeaves(count);
        uint256[] memory indices = Words.indicesOf((1 << count) - 1);
        uint256 depth = ReferenceTree.depth(count);
        bytes32[] memory proof = ReferenceTree.multiproof(leaves, indices);
        uint256 place;
        for (uint256 height; height < depth; ++height) {
            // The last node of this height stands alone.
            if (((count - 1) >> height) & 1 == 0) assertEq(proof[place++], ReferenceTree.empty(height));
        }
        assertEq(proof.length, place);
        assertEq(this.rootOfMany(leaves, indices, depth, proof), ReferenceTree.root(makeLeaves(count)));
    }

    function testFuzz_RevertWhen_MultiproofLacksSibling(uint256 count, uint256 subset) public {
        (bytes32[] memory leaves, bytes32[] memory chosen, uint256[] memory indices, bytes32[] memory proof) =
            makeMultiproof(count, subset);
        vm.assume(proof.length != 0);
        uint256 depth = ReferenceTree.depth(leaves.length);
        vm.expectRevert(
            abi.encodeWithSelector(IOutboxVerifier.ProofLengthMismatch.selector, proof.length - 1, proof.length)
        );
        this.rootOfMany(chosen, indices, depth, Words.resize(proof, proof.length - 1));
    }

    function testFuzz_RevertWhen_MultiproofHasSiblingLeftOver(uint256 count, uint256 subset, uint256 extra) public {
        (bytes32[] memory leaves, bytes32[] memory chosen, uint256[] memory indices, bytes32[] memory proof) =
            makeMultiproof(count, subset);
        extra = bound(extra, 1, 100);
        uint256 depth = ReferenceTree.depth(leaves.length);
        vm.expectRevert(
            abi.encodeWithSelector(IOutboxVerifier.ProofLengthMismatch.selector, proof.length + extra, proof.length)
        );
        this.rootOfMany(chosen, indices, depth, Words.resize(proof, proof.length + extra));
    }

    function testFuzz_FlippedBitInMultiproofLeadsElsewhere(uint256 count, uint256 subset, uint256 place, uint256 bit)
        public
        view
    {
        (bytes32[] memory leaves, bytes32[] memory chosen, uint256[] memory indices, bytes32[] memory proof) =
            makeMultiproof(count, subset);
        place = bound(place, 0, chosen.length + proof.length - 1);
        if (place < chosen.length) chosen[place] = flip(chosen[place], bit);
        else proof[place - chosen.length] = flip(proof[place - chosen.length], bit);
        uint256 depth = ReferenceTree.depth(leaves.length);
        assertNotEq(this.rootOfMany(chosen, indices, depth, proof), ReferenceTree.root(leaves));
    }

    function testFuzz_SwappedLeavesInMultiproofLeadElsewhere(uint256 count, uint256 subset, uint256 place) public view {
        (bytes32[] memory leaves, bytes32[] memory chosen, uint256[] memory indices, bytes32[] memory proof) =
            makeMultiproof(count, subset);
        vm.assume(chosen.length > 1);
        place = bound(place, 1, chosen.length - 1);
        (chosen[place], chosen[place - 1]) = (chosen[place - 1], chosen[place]);
        uint256 depth = ReferenceTree.depth(leaves.length);
        assertNotEq(this.rootOfMany(chosen, indices, depth, proof), ReferenceTree.root(leaves));
    }

    function testFuzz_RevertWhen_IndexOfMultiproofHasHighBits(uint256 count, uint256 subset, uint256 bit) public {
        (bytes32[] memory leaves, bytes32[] memory chosen, uint256[] memory indices, bytes32[] memory proof) =
            makeMultiproof(count, subset);
        uint256 depth = ReferenceTree.depth(leaves.length);
        uint256 last = indices.length - 1;
        indices[last] |= 1 << bound(bit, depth, 63);
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.IndexOutOfTree.selector, indices[last], depth));
        this.rootOfMany(chosen, indices, depth, proof);
    }

    function test_RevertWhen_MultiproofIsDeeperThanAnyTree() public {
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.ProofTooLong.selector, 65, 64));
        this.rootOfMany(makeLeaves(1), new uint256[](1), 65, new bytes32[](65));
    }

    function walk(bytes32[] memory leaves, uint256 index) private view returns (bytes32) {
        return this.rootOf(leaves[index], index, ReferenceTree.proof(leaves, index));
    }

    function makeLeaves(uint256 count) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](count);
        for (uint256 i; i < count; ++i) {
            leaves[i] = keccak256(abi.encode("leaf", i));
        }
    }

    /// @dev A tree, some of its leaves, and the multiproof for them.
    /// @param subset Which leaves: its bits, by index.
    function makeMultiproof(uint256 count, uint256 subset)
        private
        pure
        returns (bytes32[] memory leaves, bytes32[] memory chosen, uint256[] memory indices, bytes32[] memory proof)
    {
        count = bound(count, 1, MAX_LEAVES);
        subset = bound(subset, 1, (1 << count) - 1);
        leaves = makeLeaves(count);
        indices = Words.indicesOf(subset);
        chosen = new bytes32[](indices.length);
        for (uint256 i; i < indices.length; ++i) {
            chosen[i] = leaves[indices[i]];
        }
        proof = ReferenceTree.multiproof(leaves, indices);
    }

    function flip(bytes32 word, uint256 bit) private pure returns (bytes32) {
        return word ^ bytes32(uint256(1) << (bit % 256));
    }
}
