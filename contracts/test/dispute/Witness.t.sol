// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";
import {IMachineStep} from "../../src/dispute/IMachineStep.sol";
import {MachineTest} from "./MachineTest.sol";

/// @notice No witness but the right ones.
contract WitnessTest is MachineTest {
    bytes private constant PREIMAGE = "what the key is the hash of, in more bytes than a leaf has";
    uint256 private constant KINDS = 12;

    /// @dev A memory with something nearly everywhere along the paths.
    function setUp() public override {
        super.setUp();
        for (uint256 level; level < DEPTH; level += 2) {
            setLeaf((ENTRY >> 5) ^ (1 << level), keccak256(abi.encode("code", level)));
            setLeaf((PLACE >> 5) ^ (1 << level), keccak256(abi.encode("data", level)));
        }
        poke(PLACE, hex"0123456789abcdef");
    }

    /// @dev A step of each form that a witness has.
    function makeStep(uint256 kind) private returns (Registers memory registers, bytes memory attachment) {
        if (kind == 0) registers = start(encodeR(0x33, 0, 0, RA, A0, A1));
        if (kind == 1) registers = start(encodeI(0x03, 3, RA, A0, 0));
        if (kind == 2) registers = start(encodeS(3, A0, A1, 0));
        // In the leaf of the instruction.
        if (kind == 3) registers = start(encodeS(3, A3, A1, 16));
        if (kind == 4) (registers, attachment) = (systemCall(1, PLACE, keccak256(PREIMAGE)), PREIMAGE);
        // Traps: no instruction there, and no instruction.
        if (kind == 5) registers.pc = ENTRY + 2;
        if (kind == 6) registers = start(0);
        if (kind == 7) registers = systemCall(93, PLACE, keccak256("exit"));
        // At the index 0, where the point is 1.
        if (kind == 8) {
            attachment = bytes.concat(bytes32(uint256(1)), TAU, GENERATOR);
            registers = systemCall(2, PLACE, versionedHash());
        }
        if (kind == 9) {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(0xa11ce, keccak256("digest"));
            attachment = abi.encode(keccak256("digest"), v, r, s);
            registers = systemCall(3, PLACE, keccak256(attachment));
            registers.x[A6] = 1;
        }
        if (kind == 10) registers = start(encodeB(1, A0, A1, -8));
        if (kind == 11) registers = start(encodeI(0x67, 0, RA, A0, 4));
        for (uint256 i = 1; i < 32; ++i) {
            if (registers.x[i] == 0 && !(attachment.length != 0 && i == A1)) {
                registers.x[i] = uint64(uint256(keccak256(abi.encode(i))));
            }
        }
        if (kind < 4) (registers.x[A0], registers.x[A3]) = (PLACE, ENTRY);
    }

    function test_RevertWhen_AnyBitIsFlipped() public {
        // There are some ten thousand bits in a witness.
        vm.pauseGasMetering();
        for (uint256 kind; kind < KINDS; ++kind) {
            (Registers memory registers, bytes memory attachment) = makeStep(kind);
            bytes memory witness = witnessOf(registers, attachment);
            bytes memory data = abi.encodeCall(IMachineStep.step, (hashOf(registers), witness));
            (bool success,) = address(machine).staticcall(data);
            assertTrue(success, vm.toString(kind));
            // Behind the selector, the state hash, the offset and the length.
            for (uint256 i; i < 8 * witness.length; ++i) {
                flip(data, 8 * 100 + i);
                (success,) = address(machine).staticcall(data);
                if (success) assertTrue(false, string.concat("kind ", vm.toString(kind), ", bit ", vm.toString(i)));
                flip(data, 8 * 100 + i);
            }
        }
    }

    function testFuzz_RevertWhen_StateHashIsAnother(bytes32 stateHash) public {
        for (uint256 kind; kind < KINDS; ++kind) {
            (Registers memory registers, bytes memory attachment) = makeStep(kind);
            bytes memory witness = witnessOf(registers, attachment);
            vm.expectRevert(abi.encodeWithSelector(IMachineStep.WrongState.selector, hashOf(registers), stateHash));
            machine.step(stateHash, witness);
        }
    }

    /// @dev Where a witness has to end at least, by what the registers say: behind a preimage there is no end but that of the
    /// witness.
    function leastLength(uint256 kind, bytes memory witness, bytes memory attachment) private pure returns (uint256) {
        return kind == 4 || kind == 9 ? witness.length - attachment.length : witness.length;
    }

    /// Cut at any byte.
    function testFuzz_RevertWhen_WitnessIsShorter(uint256 kind, uint256 length) public {
        kind = bound(kind, 0, KINDS - 1);
        (Registers memory registers, bytes memory attachment) = makeStep(kind);
        bytes memory witness = witnessOf(registers, attachment);
        uint256 least = leastLength(kind, witness, attachment);
        length = bound(length, 0, least - 1);
        (bool success, bytes memory reason) = tryStep(hashOf(registers), cut(witness, length));
        assertFalse(success);
        // forge-lint: disable-next-line(unsafe-typecast) the selector
        assertEq(bytes4(reason), IMachineStep.WrongLength.selector);
        // What is expected is what there was, as far as the step could know.
        (uint256 received, uint256 expected) = abi.decode(cutStart(reason, 4), (uint256, uint256));
        assertEq(received, length);
        assertEq(expected, length < 296 ? 296 : length < 304 ? 304 : least);
    }

    /// A preimage that is cut is another one.
    function testFuzz_RevertWhen_PreimageIsShorter(bool precompile, uint256 length) public {
        (Registers memory registers, bytes memory attachment) = makeStep(precompile ? 9 : 4);
        length = bound(length, 0, attachment.length - 1);
        bytes memory shorter = cut(attachment, length);
        bytes memory witness = witnessOf(registers, shorter);
        bytes32 stateHash = hashOf(registers);
        vm.expectRevert(
            abi.encodeWithSelector(IMachineStep.WrongPreimage.selector, keccak256(shorter), keccak256(attachment))
        );
        machine.step(stateHash, witness);
    }

    function testFuzz_RevertWhen_WitnessIsLonger(uint256 kind, bytes memory more) public {
        kind = bound(kind, 0, KINDS - 1);
        vm.assume(more.length != 0);
        (Registers memory registers, bytes memory attachment) = makeStep(kind);
        bytes memory witness = witnessOf(registers, attachment);
        bytes32 stateHash = hashOf(registers);
        bytes memory longer = bytes.concat(witness, more);
        vm.expectRevert(
            leastLength(kind, witness, attachment) == witness.length
                ? abi.encodeWithSelector(IMachineStep.WrongLength.selector, longer.length, witness.length)
                : abi.encodeWithSelector(
                    IMachineStep.WrongPreimage.selector,
                    keccak256(bytes.concat(attachment, more)),
                    keccak256(attachment)
                )
        );
        machine.step(stateHash, longer);
    }

    /// A sibling at a level where there is none: beyond the tree, or where the paths meet and above.
    function testFuzz_RevertWhen_MaskHasOtherBits(uint256 kind, uint256 bit) public {
        kind = bound(kind, 0, 4);
        (Registers memory registers, bytes memory attachment) = makeStep(kind);
        bytes memory witness = witnessOf(registers, attachment);
        // The paths of these two addresses part at their highest bit.
        uint64 allowed = kind == 0 || kind == 3 ? 0x07ffffff00000000 : 0x03ffffff03ffffff;
        bit = bound(bit, 0, 63);
        vm.assume(allowed >> bit & 1 == 0);
        flip(witness, 8 * 264 + 63 - bit);
        uint64 received;
        for (uint256 i = 264; i < 272; ++i) {
            received = (received << 8) | uint8(witness[i]);
        }
        bytes32 stateHash = hashOf(registers);
        vm.expectRevert(abi.encodeWithSelector(IMachineStep.WrongMask.selector, received, allowed));
        machine.step(stateHash, witness);
    }

    /// The one freedom there is: an empty sibling may be written out. The next state is the same.
    function test_EmptySiblingMayBeWrittenOut() public {
        Registers memory registers;
        registers.pc = 0x40000000;
        poke(registers.pc, littleEndian(encodeI(0x13, 0, RA, 0, 1), 4));
        bytes memory witness = witnessOf(registers, "");
        bytes32 stateHash = hashOf(registers);
        // The lowest sibling's bit and 32 zeros.
        flip(witness, 8 * 268 - 1);
        bytes memory longer = bytes.concat(cut(witness, 304), bytes32(0), cutStart(witness, 304));
        bytes32 next = machine.step(stateHash, longer);
        flip(witness, 8 * 268 - 1);
        assertEq(machine.step(stateHash, witness), next);
    }

    function tryStep(bytes32 stateHash, bytes memory witness) private view returns (bool, bytes memory) {
        return address(machine).staticcall(abi.encodeCall(IMachineStep.step, (stateHash, witness)));
    }

    /// @dev Bits are counted from the first byte's highest.
    function flip(bytes memory data, uint256 bit) private pure {
        data[bit >> 3] ^= bytes1(uint8(0x80 >> (bit & 7)));
    }

    function cut(bytes memory data, uint256 length) private pure returns (bytes memory) {
        return Bytes.slice(data, 0, length);
    }

    function cutStart(bytes memory data, uint256 length) private pure returns (bytes memory) {
        return Bytes.slice(data, length);
    }
}
