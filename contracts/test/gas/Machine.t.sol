// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMachineStep} from "../../src/dispute/IMachineStep.sol";
import {MachineTest} from "../dispute/MachineTest.sol";

/// @notice What a step costs as a transaction of its own, like the figures of `PeersTest` and in the same file: the most that such a
/// step can cost.
///
/// Nearly all of the price is that of calldata (EIP-7623), where a byte that is not zero costs four times one that is. So the
/// witness is the longest that there is (memory is full, code and data lie in different halves of it), and no byte of registers,
/// leaves, siblings and preimage is zero but those that cannot be otherwise: the upper half of `pc`, and in a system call that of
/// its destination and all but one of its number. A hash may have a zero by chance, which saves 30. Real steps cost less.
contract MachineGasTest is MachineTest {
    address private immutable CHALLENGER = makeAddr("challenger");
    /// Where the instruction is, in the upper half of memory.
    uint64 private constant CODE = 0xfedcba98;
    /// Where the data is that instructions access, in the lower half.
    uint64 private constant DATA = 0x108;
    /// So that the base, which is `DATA` less this, has no zeros.
    int256 private constant DISTANCE = 0x209;
    /// Where a preimage is read to.
    uint64 private constant DESTINATION = 0x01020320;

    function test_Alu() public {
        measure("machine_step_alu", 70_000, encodeR(0x33, 0, 1, RA, A1, A2), "");
    }

    function test_Load() public {
        measure("machine_step_load", 105_000, encodeI(0x03, 3, RA, A0, DISTANCE), "");
    }

    function test_Store() public {
        measure("machine_step_store", 105_000, encodeS(3, A0, A1, DISTANCE), "");
    }

    function test_Preimage() public {
        bytes memory preimage;
        for (uint256 i; preimage.length < 600; ++i) {
            preimage = bytes.concat(preimage, bytes20(full(i)));
        }
        measure("machine_step_preimage_600_bytes", 130_000, ECALL, preimage);
    }

    function measure(string memory key, uint256 limit, uint32 instruction, bytes memory attachment) private {
        Registers memory registers;
        registers.pc = CODE;
        for (uint256 i = 1; i < 32; ++i) {
            registers.x[i] = uint64(uint256(full(i)));
        }
        unchecked {
            // forge-lint: disable-next-line(unsafe-typecast) modulo 2^64
            registers.x[A0] = DATA - uint64(uint256(DISTANCE));
        }
        if (instruction == ECALL) {
            (registers.x[A7], registers.x[A0]) = (1, DESTINATION);
            bytes32 hash = keccak256(attachment);
            for (uint256 i; i < 4; ++i) {
                // forge-lint: disable-next-line(unsafe-typecast) the bytes of the hash, eight by eight
                registers.x[A2 + i] = uint64(uint256(hash) >> (192 - 64 * i));
            }
        }
        fill(instruction == ECALL ? DESTINATION : DATA);
        fill(CODE);
        poke(CODE, littleEndian(instruction, 4));

        bytes32 stateHash = hashOf(registers);
        bytes memory witness = witnessOf(registers, attachment);
        // Not as the view that it is: only a call that may write is a transaction.
        vm.prank(CHALLENGER, CHALLENGER);
        (bool success,) = address(machine).call(abi.encodeCall(IMachineStep.step, (stateHash, witness)));
        assertTrue(success);
        uint256 used = vm.lastCallGas().gasTotalUsed;
        assertGt(used, 21_000, "measures whole transactions: run with --isolate");
        vm.snapshotValue("Peers", key, used);
        assertLe(used, limit, key);
    }

    /// @dev Puts something everywhere beside the path of a leaf, and into it.
    function fill(uint64 place) private {
        for (uint256 level; level < DEPTH - 1; ++level) {
            setSibling(place >> 5, level, full(place + level));
        }
        setLeaf(place >> 5, full(place));
    }

    /// @dev 32 bytes of which none is zero.
    function full(uint256 seed) private pure returns (bytes32) {
        uint256 bits = uint256(keccak256(abi.encode(seed)));
        return bytes32(bits | (type(uint256).max / 255));
    }
}
