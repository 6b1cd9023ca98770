// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMachineStep} from "./IMachineStep.sol";

/// What a step sees of the memory: the leaf that it fetches its instruction from, and the one that it reads or writes, which may
/// be the same.
struct MemoryView {
    /// Number of the leaf with the instruction.
    uint256 codeIndex;
    /// Its 32 bytes, in order of address.
    bytes32 codeLeaf;
    /// At which levels the witness has a sibling of its path; all others are empty subtrees.
    uint256 codeMask;
    /// Likewise for the leaf that is accessed, if there is a second one.
    uint256 dataIndex;
    bytes32 dataLeaf;
    uint256 dataMask;
    /// Where the siblings for it begin in the witness.
    uint256 dataSiblings;
    /// The level at which the data path's node is the code path's sibling; `DEPTH` if there is no second leaf.
    uint256 meeting;
    /// Where the part of the witness that is about memory ends.
    uint256 end;
}

/// @notice The tree over the machine's memory: 2^27 leaves of 32 raw bytes, and keccak pairs.
library MemoryTree {
    /// The size of the memory, in bytes.
    uint256 internal constant SIZE = 1 << 32;

    uint256 private constant DEPTH = 27;
    /// The masks in the witness, and the leaf after them.
    uint256 private constant MASKS = 264;
    uint256 private constant CODE_LEAF = 272;
    /// Where the siblings of the path of that leaf begin.
    uint256 internal constant CODE_SIBLINGS = 304;

    /// @notice The leaf that the instruction is in.
    /// @param witness Of at least `CODE_SIBLINGS` bytes.
    function codeLeafOf(bytes calldata witness) internal pure returns (bytes32) {
        return wordAt(witness, CODE_LEAF);
    }

    /// @notice Finds leaves and siblings in a witness. The caller checks that it has as many bytes.
    /// @param witness Of at least `CODE_SIBLINGS` bytes.
    /// @param codeAddress Of the instruction.
    /// @param accesses Whether the step accesses memory.
    /// @param dataAddress Where, then.
    function open(bytes calldata witness, uint256 codeAddress, bool accesses, uint256 dataAddress)
        internal
        pure
        returns (MemoryView memory seen)
    {
        // Masks have 32 bits: no position is anywhere near 2^256.
        unchecked {
            uint256 masks = uint256(wordAt(witness, MASKS)) >> 192;
            uint256 codeMask = masks >> 32;
            uint256 dataMask = masks & type(uint32).max;
            seen.codeIndex = codeAddress >> 5;
            seen.codeLeaf = codeLeafOf(witness);
            seen.codeMask = codeMask;
            seen.dataMask = dataMask;
            seen.end = CODE_SIBLINGS + 32 * _count(codeMask);
            seen.meeting = DEPTH;

            uint256 allowedCode = (1 << DEPTH) - 1;
            uint256 allowedData;
            if (accesses && dataAddress >> 5 != seen.codeIndex) {
                seen.dataIndex = dataAddress >> 5;
                seen.meeting = _highestBit(seen.codeIndex ^ seen.dataIndex);
                seen.dataLeaf = wordAt(witness, seen.end);
                seen.dataSiblings = seen.end + 32;
                seen.end = seen.dataSiblings + 32 * _count(dataMask);
                allowedCode ^= 1 << seen.meeting;
                allowedData = (1 << seen.meeting) - 1;
            }
            uint256 allowed = (allowedCode << 32) | allowedData;
            if (masks & ~allowed != 0) {
                // forge-lint: disable-next-line(unsafe-typecast) twice 32 bits
                revert IMachineStep.WrongMask(uint64(masks), uint64(allowed));
            }
        }
    }

    /// @notice The bytes of the leaf that the step accesses.
    function accessed(MemoryView memory seen) internal pure returns (bytes32) {
        return seen.meeting == DEPTH ? seen.codeLeaf : seen.dataLeaf;
    }

    /// @notice Replaces them.
    function setAccessed(MemoryView memory seen, bytes32 leaf) internal pure {
        if (seen.meeting == DEPTH) seen.codeLeaf = leaf;
        else seen.dataLeaf = leaf;
    }

    /// @notice The root of the tree with these leaves.
    function rootOf(MemoryView memory seen, bytes calldata witness) internal pure returns (bytes32) {
        bytes32 other;
        if (seen.meeting != DEPTH) {
            // Ends below the level of the meeting, so it meets nothing.
            other = _climb(
                witness,
                seen.dataSiblings,
                seen.dataLeaf,
                seen.dataIndex,
                seen.dataMask,
                seen.meeting,
                DEPTH,
                bytes32(0)
            );
        }
        return _climb(witness, CODE_SIBLINGS, seen.codeLeaf, seen.codeIndex, seen.codeMask, DEPTH, seen.meeting, other);
    }

    /// @dev The root of the subtree of this height that a leaf is in.
    /// @param position Where the siblings are in the witness, the caller having checked that they are.
    /// @param mask The levels that they are for, lowest first.
    /// @param meeting The level whose sibling is `other`; not in the mask.
    function _climb(
        bytes calldata witness,
        uint256 position,
        bytes32 leaf,
        uint256 index,
        uint256 mask,
        uint256 height,
        uint256 meeting,
        bytes32 other
    ) private pure returns (bytes32 node) {
        node = leaf;
        // The loop of every step, up to four times: pairs are hashed in scratch space. Levels are few, so nothing overflows.
        assembly ("memory-safe") {
            let next := add(witness.offset, position)
            let empty := 0
            for { let level := 0 } lt(level, height) { level := add(level, 1) } {
                let sibling := empty
                if eq(level, meeting) { sibling := other }
                if and(shr(level, mask), 1) {
                    sibling := calldataload(next)
                    next := add(next, 0x20)
                }
                // A node at an odd position is the right one of its pair.
                let place := shl(5, and(shr(level, index), 1))
                mstore(place, node)
                mstore(xor(place, 0x20), sibling)
                node := keccak256(0x00, 0x40)
                mstore(0x00, empty)
                mstore(0x20, empty)
                empty := keccak256(0x00, 0x40)
            }
        }
    }

    /// @dev The position of the highest one, of which there must be one.
    function _highestBit(uint256 value) private pure returns (uint256 position) {
        // The instruction that counts leading zeros (EIP-7939) has no other form.
        assembly ("memory-safe") {
            position := sub(255, clz(value))
        }
    }

    /// @dev The number of ones.
    function _count(uint256 mask) private pure returns (uint256 count) {
        // At most 256.
        unchecked {
            for (; mask != 0; mask &= mask - 1) {
                ++count;
            }
        }
    }

    /// @notice 32 bytes of the witness; what is beyond its end is not the witness, and has no meaning.
    function wordAt(bytes calldata witness, uint256 position) internal pure returns (bytes32 word) {
        // Only reads.
        assembly ("memory-safe") {
            word := calldataload(add(witness.offset, position))
        }
    }
}
