// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMachineStep} from "../../src/dispute/IMachineStep.sol";
import {MachineTest} from "./MachineTest.sol";

// forge-lint: disable-start(unsafe-typecast) what is cut was bounded before

/// @notice What the suite cannot show, as Linux knows none of it: traps, the ends of memory, halting, system calls.
contract MachineStepTest is MachineTest {
    uint256 private constant SIGNER = 0xa11ce;

    /// Of the scalars of BLS12-381.
    uint256 private constant ORDER = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;

    // Halting.

    function testFuzz_HaltedStateStepsToItself(Registers memory registers, bytes32 root) public view {
        registers.status = uint64(bound(registers.status, 1, type(uint64).max));
        bytes memory witness = bytes.concat(encode(registers), root);
        bytes32 stateHash = keccak256(bytes.concat(root, encode(registers)));
        assertEq(machine.step(stateHash, witness), stateHash);
    }

    function testFuzz_ExitSetsTheStatusAndNothingElse(uint64 code) public {
        Registers memory registers = start(ECALL);
        (registers.x[A7], registers.x[A4]) = (93, code);
        (bytes32 root, Registers memory next) = step(registers, "");
        registers.status = code % 256 + 1;
        assertEq(next, registers);
        assertEq(root, memoryRoot());
    }

    // Fetching.

    function testFuzz_MisalignedPcTraps(Registers memory registers, uint64 pc) public view {
        vm.assume(pc % 4 != 0);
        (registers.pc, registers.status) = (pc, 0);
        assertTraps(registers);
    }

    function testFuzz_PcBeyondMemoryTraps(Registers memory registers, uint64 pc) public view {
        (registers.pc, registers.status) = (uint64(bound(pc, 2 ** 32, type(uint64).max)), 0);
        assertTraps(registers);
    }

    /// The lowest address is no exception, nor is the highest; what is there is no instruction.
    function test_EmptyMemoryTraps() public view {
        Registers memory registers;
        assertTraps(registers);
        registers.pc = type(uint32).max - 3;
        assertTraps(registers);
    }

    /// A system call there is no exception.
    function test_LastInstructionOfMemoryIsASystemCall() public {
        Registers memory registers = systemCall(1, PLACE, keccak256("preimage"));
        registers.pc = type(uint32).max - 3;
        poke(registers.pc, littleEndian(ECALL, 4));
        (, Registers memory next) = step(registers, "preimage");
        assertEq(next.pc, 2 ** 32);
        registers.x[A7] = 93;
        (, next) = step(registers, "");
        registers.status = registers.x[A4] % 256 + 1;
        assertEq(next, registers);
    }

    /// After the last instruction of memory there is none, but the step before is done.
    function test_LastInstructionOfMemory() public {
        Registers memory registers;
        registers.pc = type(uint32).max - 3;
        poke(registers.pc, littleEndian(encodeI(0x13, 0, RA, 0, 7), 4));
        (, Registers memory next) = step(registers, "");
        assertEq(next.x[RA], 7);
        assertEq(next.pc, 2 ** 32);
        assertTraps(next);
    }

    /// Every encoding that the table in `docs/machine.md` does not have traps, and none that it has.
    function testFuzz_OnlyListedInstructionsExist(uint32 instruction, uint256 choice) public {
        // Random bits are hardly ever an opcode.
        uint8[16] memory opcodes =
            [0x03, 0x0f, 0x13, 0x17, 0x1b, 0x23, 0x2f, 0x33, 0x37, 0x3b, 0x53, 0x63, 0x67, 0x6f, 0x73, 0x07];
        if (choice % 17 < 16) instruction = instruction / 128 * 128 + opcodes[choice % 17];
        // Nor are they one of the three values of `funct7`.
        if ((choice >> 8) % 4 != 3) {
            instruction = instruction % (1 << 25) + [uint32(0), 1, 0x20, 0][(choice >> 8) % 4] * (1 << 25);
        }
        // An access to memory at the address of its base would be a matter of the address.
        Registers memory registers = start(instruction);
        uint32 opcode = instruction % 128;
        if (opcode == 0x03 || opcode == 0x23) {
            (bool accesses,) = dataLeafOf(registers);
            vm.assume(accesses || !isListed(instruction));
        }
        (, Registers memory next) = step(registers, "");
        assertEq(next.status == 0, isListed(instruction), vm.toString(bytes4(instruction)));
        if (next.status != 0) assertTraps(registers);
    }

    /// @dev By opcode, `funct3` and `funct7` alone. ECALL with `a7` zero is no system call, so it traps too.
    function isListed(uint32 instruction) private pure returns (bool) {
        uint32 opcode = instruction % 128;
        uint32 funct3 = (instruction / 2 ** 12) % 8;
        uint32 funct7 = instruction / 2 ** 25;
        if (opcode == 0x37 || opcode == 0x17 || opcode == 0x6f) return true;
        if (opcode == 0x67 || opcode == 0x0f) return funct3 == 0;
        if (opcode == 0x63) return funct3 < 2 || funct3 > 3;
        if (opcode == 0x03) return funct3 != 7;
        if (opcode == 0x23) return funct3 <= 3;
        if (opcode == 0x13) {
            if (funct3 == 1) return funct7 / 2 == 0;
            return funct3 != 5 || funct7 / 2 == 0 || funct7 / 2 == 0x10;
        }
        if (opcode == 0x1b) {
            if (funct3 == 5) return funct7 == 0 || funct7 == 0x20;
            return funct3 == 0 || (funct3 == 1 && funct7 == 0);
        }
        if (opcode == 0x33) return funct7 <= 1 || (funct7 == 0x20 && (funct3 == 0 || funct3 == 5));
        if (opcode == 0x3b) {
            if (funct7 == 0) return funct3 == 0 || funct3 == 1 || funct3 == 5;
            if (funct7 == 1) return funct3 == 0 || funct3 >= 4;
            return funct7 == 0x20 && (funct3 == 0 || funct3 == 5);
        }
        return false;
    }

    function test_BreakpointTraps() public {
        assertTraps(start(0x00100073));
    }

    // Jumps and branches.

    function testFuzz_JumpReachesAnyTarget(int256 distance) public {
        distance = bound(distance, -2 ** 19, 2 ** 19 - 1) * 2;
        Registers memory registers = start(encodeJ(RA, distance));
        registers.x[RA] = 5;
        (, Registers memory next) = step(registers, "");
        registers.x[RA] = ENTRY + 4;
        registers.pc = add(ENTRY, distance);
        assertEq(next, registers);
    }

    /// Also beyond memory and between instructions: the jump is done, and the step after it traps.
    function testFuzz_IndirectJumpReachesAnyTarget(uint64 base, int256 distance) public {
        distance = bound(distance, -2048, 2047);
        Registers memory registers = start(encodeI(0x67, 0, RA, RA, distance));
        registers.x[RA] = base;
        (, Registers memory next) = step(registers, "");
        registers.x[RA] = ENTRY + 4;
        registers.pc = add(base, distance) / 2 * 2;
        assertEq(next, registers);
        if (next.pc % 4 != 0 || next.pc >= 2 ** 32) assertTraps(next);
    }

    function testFuzz_BranchReachesAnyTarget(int256 distance, uint64 a, uint64 b) public {
        distance = bound(distance, -2048, 2047) * 2;
        bool less = add(a, 2 ** 63) < add(b, 2 ** 63);
        checkBranch(0, distance, a, b, a == b);
        checkBranch(0, distance, a, a, true);
        checkBranch(1, distance, a, b, a != b);
        checkBranch(1, distance, a, a, false);
        checkBranch(4, distance, a, b, less);
        checkBranch(4, distance, a, a, false);
        checkBranch(5, distance, a, b, !less);
        checkBranch(5, distance, a, a, true);
        checkBranch(6, distance, a, b, a < b);
        checkBranch(6, distance, a, a, false);
        checkBranch(7, distance, a, b, a >= b);
        checkBranch(7, distance, a, a, true);
    }

    function checkBranch(uint32 funct3, int256 distance, uint64 a, uint64 b, bool taken) private {
        Registers memory registers = start(encodeB(funct3, 30, 31, distance));
        (registers.x[30], registers.x[31]) = (a, b);
        (, Registers memory next) = step(registers, "");
        registers.pc = add(ENTRY, taken ? distance : int256(4));
        assertEq(next, registers);
    }

    /// @dev Modulo 2^64.
    function add(uint64 a, int256 b) private pure returns (uint64) {
        return uint64(uint256(int256(uint256(a)) + b));
    }

    // Writing x0.

    /// The halt status, which stands where `x0` would, cannot be reached by any instruction.
    function test_WritesToX0AreLost() public {
        uint32[8] memory instructions = [
            encodeI(0x13, 0, 0, RA, -1),
            encodeR(0x33, 0, 0, 0, RA, RA),
            encodeI(0x1b, 0, 0, RA, -1),
            encodeU(0x37, 0, 0xfffff),
            encodeU(0x17, 0, 0xfffff),
            encodeJ(0, 4),
            encodeI(0x67, 0, 0, RA, 4),
            encodeI(0x03, 6, 0, RA, 0)
        ];
        for (uint256 i; i < instructions.length; ++i) {
            Registers memory registers = start(instructions[i]);
            registers.x[RA] = ENTRY;
            (, Registers memory next) = step(registers, "");
            registers.pc += 4;
            assertEq(next, registers);
        }
    }

    // Loads and stores.

    function testFuzz_Load(uint64 place, bytes32 leaf, int256 distance) public {
        place = uint64(bound(place, 0, type(uint32).max));
        distance = bound(distance, -2048, 2047);
        vm.assume(place >> 5 != ENTRY >> 5);
        setLeaf(place >> 5, leaf);
        for (uint32 funct3; funct3 < 7; ++funct3) {
            uint256 size = 2 ** (funct3 % 4);
            Registers memory registers = start(encodeI(0x03, funct3, A0, A1, distance));
            registers.x[A1] = add(place, -distance);
            if (place % size != 0) {
                assertTraps(registers);
                continue;
            }
            uint256 value;
            for (uint256 i = size; i > 0; --i) {
                value = value * 256 + uint8(leaf[place % 32 + i - 1]);
            }
            if (funct3 < 4 && value >= 256 ** size / 2) value += 2 ** 64 - 256 ** size;
            (bytes32 root, Registers memory next) = step(registers, "");
            registers.x[A0] = uint64(value);
            registers.pc += 4;
            assertEq(next, registers);
            assertEq(root, memoryRoot());
        }
    }

    function testFuzz_Store(uint64 place, bytes32 leaf, uint64 value, int256 distance) public {
        place = uint64(bound(place, 0, type(uint32).max));
        distance = bound(distance, -2048, 2047);
        vm.assume(place >> 5 != ENTRY >> 5);
        for (uint32 funct3; funct3 < 4; ++funct3) {
            setLeaf(place >> 5, leaf);
            uint256 size = 2 ** funct3;
            Registers memory registers = start(encodeS(funct3, A1, A2, distance));
            (registers.x[A1], registers.x[A2]) = (add(place, -distance), value);
            if (place % size != 0) {
                assertTraps(registers);
                continue;
            }
            (bytes32 root, Registers memory next) = step(registers, "");
            registers.pc += 4;
            assertEq(next, registers);
            poke(place, littleEndian(value, size));
            assertEq(root, memoryRoot());
        }
    }

    /// Every width at every place in a leaf, by base and by immediate.
    function test_MisalignedAccessTraps() public {
        for (uint32 width = 1; width < 4; ++width) {
            for (uint64 offset; offset < 32; ++offset) {
                if (offset % 2 ** width == 0) continue;
                Registers memory registers = start(encodeS(width, A1, A2, 0));
                registers.x[A1] = PLACE + offset;
                assertTraps(registers);
                poke(ENTRY, littleEndian(encodeI(0x03, width, A0, A1, 0), 4));
                assertTraps(registers);
                if (width < 3) {
                    poke(ENTRY, littleEndian(encodeI(0x03, width + 4, 0, A1, 0), 4));
                    assertTraps(registers);
                }
                registers.x[A1] = PLACE;
                poke(ENTRY, littleEndian(encodeI(0x03, width, A0, A1, int64(offset)), 4));
                assertTraps(registers);
            }
        }
    }

    function testFuzz_AccessBeyondMemoryTraps(uint64 place) public {
        place = uint64(bound(place, 2 ** 32 / 8, 2 ** 61 - 1)) * 8;
        for (uint32 funct3; funct3 < 7; ++funct3) {
            Registers memory registers = start(encodeI(0x03, funct3, A0, A1, 0));
            registers.x[A1] = place;
            assertTraps(registers);
            // The sum of base and immediate is what counts.
            registers = start(encodeI(0x03, funct3, 0, A1, 8));
            registers.x[A1] = 2 ** 32 - 8;
            assertTraps(registers);
        }
        for (uint32 funct3; funct3 < 4; ++funct3) {
            Registers memory registers = start(encodeS(funct3, A1, A2, 0));
            registers.x[A1] = place;
            assertTraps(registers);
        }
    }

    /// The first and the last bytes of memory, by addresses that wrap around.
    function test_AccessAtTheEndsOfMemory() public {
        Registers memory registers = start(encodeS(3, A1, A2, 8));
        (registers.x[A1], registers.x[A2]) = (type(uint64).max - 7, 0x0102030405060708);
        (bytes32 root,) = step(registers, "");
        poke(0, hex"0807060504030201");
        assertEq(root, memoryRoot());

        registers = start(encodeI(0x03, 4, A0, 0, -1));
        assertTraps(registers);
        registers = start(encodeI(0x03, 4, A0, A1, -1));
        registers.x[A1] = 2 ** 32;
        poke(2 ** 32 - 1, hex"ab");
        (, Registers memory next) = step(registers, "");
        assertEq(next.x[A0], 0xab);
    }

    /// In the leaf that the instruction is in: the witness has no second one.
    function test_AccessToTheInstructionsOwnLeaf() public {
        Registers memory registers = start(encodeI(0x03, 6, A0, A1, 0));
        registers.x[A1] = ENTRY;
        (, Registers memory next) = step(registers, "");
        assertEq(next.x[A0], instructionAt(ENTRY));
    }

    /// A program that changes its next instruction executes what it wrote.
    function test_StoreIntoTheNextInstruction() public {
        Registers memory registers = start(encodeS(2, A1, A2, 4));
        (registers.x[A1], registers.x[A2]) = (ENTRY, encodeI(0x13, 0, A0, 0, 42));
        (bytes32 root, Registers memory next) = step(registers, "");
        poke(ENTRY + 4, littleEndian(uint64(registers.x[A2]), 4));
        assertEq(root, memoryRoot());
        (, next) = step(next, "");
        assertEq(next.x[A0], 42);
    }

    // Preimages.

    function testFuzz_ReadPreimage(bytes memory preimage, uint64 offset, uint64 place) public {
        place = uint64(bound(place, 0, type(uint32).max)) / 32 * 32;
        vm.assume(place >> 5 != ENTRY >> 5);
        Registers memory registers = systemCall(1, place, keccak256(preimage));
        registers.x[A1] = bound64(offset, preimage.length + 40);
        setLeaf(place >> 5, keccak256("before"));
        checkAnswer(registers, preimage, preimage);
    }

    function test_ReadPreimageAtTheEdges() public {
        bytes memory preimage = new bytes(70);
        for (uint256 i; i < preimage.length; ++i) {
            preimage[i] = bytes1(uint8(i + 1));
        }
        uint64[8] memory offsets = [uint64(0), 32, 38, 39, 69, 70, 71, type(uint64).max];
        for (uint256 i; i < offsets.length; ++i) {
            Registers memory registers = systemCall(1, PLACE, keccak256(preimage));
            registers.x[A1] = offsets[i];
            setLeaf(PLACE >> 5, keccak256("before"));
            checkAnswer(registers, preimage, preimage);
        }
    }

    function test_ReadEmptyPreimage() public {
        checkAnswer(systemCall(1, PLACE, keccak256("")), "", "");
    }

    function test_RevertWhen_PreimageIsAnother() public {
        Registers memory registers = systemCall(1, PLACE, keccak256("preimage"));
        bytes memory witness = witnessOf(registers, "preimagf");
        vm.expectRevert(
            abi.encodeWithSelector(IMachineStep.WrongPreimage.selector, keccak256("preimagf"), keccak256("preimage"))
        );
        machine.step(hashOf(registers), witness);
    }

    function testFuzz_SystemCallWithBadDestinationTraps(uint64 place) public {
        if (place % 32 == 0) place = uint64(bound(place, 2 ** 32 / 32, 2 ** 59 - 1)) * 32;
        for (uint64 number = 1; number < 4; ++number) {
            Registers memory registers = systemCall(number, place, keccak256(""));
            registers.x[A6] = 1;
            assertTraps(registers);
        }
    }

    function testFuzz_UnknownSystemCallTraps(uint64 number) public {
        vm.assume(number != 93 && (number == 0 || number > 3));
        assertTraps(systemCall(number, PLACE, keccak256("")));
    }

    // Precompiles.

    function test_CallPrecompile() public {
        bytes32 digest = keccak256("digest");
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(SIGNER, digest);
        bytes memory input = abi.encode(digest, v, r, s);
        Registers memory registers = systemCall(3, PLACE, keccak256(input));
        registers.x[A6] = 1;
        checkAnswer(registers, input, abi.encode(vm.addr(SIGNER)));
        registers.x[A1] = 12;
        checkAnswer(registers, input, abi.encode(vm.addr(SIGNER)));
    }

    /// Whatever the input: there is an answer, of no bytes if it is no signature.
    function testFuzz_CallPrecompileWithAnyInput(bytes memory input) public {
        Registers memory registers = systemCall(3, PLACE, keccak256(input));
        registers.x[A6] = 1;
        setLeaf(PLACE >> 5, keccak256("before"));
        checkAnswer(registers, input, "");
    }

    function testFuzz_UnlistedPrecompileTraps(uint64 number) public {
        vm.assume(number != 1);
        Registers memory registers = systemCall(3, PLACE, keccak256(""));
        registers.x[A6] = number;
        assertTraps(registers);
    }

    /// However much gas a caller leaves the step: either it gives the one right answer, or it reverts.
    function test_RevertWhen_GasIsShortForThePrecompile() public {
        bytes32 digest = keccak256("digest");
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(SIGNER, digest);
        bytes memory input = abi.encode(digest, v, r, s);
        Registers memory registers = systemCall(3, PLACE, keccak256(input));
        registers.x[A6] = 1;
        checkShortGas(registers, input, 60_000);
    }

    /// @dev With any gas up to an amount that is enough.
    function checkShortGas(Registers memory registers, bytes memory attachment, uint256 enough) private {
        bytes32 stateHash = hashOf(registers);
        bytes memory witness = witnessOf(registers, attachment);
        bytes32 expected = machine.step(stateHash, witness);
        uint256 answers;
        uint256 failures;
        for (uint256 gas = 5000; gas < enough; gas += 97) {
            try machine.step{gas: gas}(stateHash, witness) returns (bytes32 next) {
                assertEq(next, expected);
                ++answers;
            } catch {
                ++failures;
            }
        }
        assertGt(answers, 0);
        assertGt(failures, 0);
    }

    // Blobs.

    /// The blob whose polynomial is X: its word at any index is the point itself. Which is what OMEGA makes of the index, that is
    /// 7^((r - 1) / 4096) to the power of the reversed index, computed by another precompile.
    function testFuzz_ReadBlobWord(uint256 index) public {
        index = bound(index, 0, 4095);
        uint256 reversed;
        for (uint256 i; i < 12; ++i) {
            reversed = 2 * reversed + (index / 2 ** i) % 2;
        }
        bytes32 point = bytes32(power(7, (ORDER - 1) / 4096 * reversed));
        Registers memory registers = systemCall(2, PLACE, versionedHash());
        registers.x[A1] = uint64(index);
        (bytes32 root, Registers memory next) = step(registers, bytes.concat(point, TAU, GENERATOR));
        setLeaf(PLACE >> 5, point);
        assertEq(root, memoryRoot());
        registers.x[A0] = 32;
        registers.pc += 4;
        assertEq(next, registers);
    }

    /// The proof for one index proves nothing for another: the point of evaluation is not the prover's choice.
    function testFuzz_RevertWhen_BlobWordIsOfAnotherIndex(uint256 index) public {
        index = bound(index, 1, 4095);
        checkWrongBlobProof(uint64(index), bytes.concat(bytes32(uint256(1)), TAU, GENERATOR));
    }

    /// The point evaluation too gives the right word or none.
    function test_RevertWhen_GasIsShortForThePointEvaluation() public {
        checkShortGas(systemCall(2, PLACE, versionedHash()), bytes.concat(bytes32(uint256(1)), TAU, GENERATOR), 110_000);
    }

    /// The word plus the order is the same element, in another form: it has one form.
    function test_RevertWhen_BlobWordIsNotReduced() public {
        checkWrongBlobProof(0, bytes.concat(bytes32(1 + ORDER), TAU, GENERATOR));
    }

    function test_RevertWhen_BlobIsAnother() public {
        // The constant 1: its word is 1 everywhere, and the proof the point at infinity.
        bytes memory infinity = bytes.concat(hex"c0", new bytes(47));
        checkWrongBlobProof(0, bytes.concat(bytes32(uint256(1)), GENERATOR, infinity));
    }

    function checkWrongBlobProof(uint64 index, bytes memory proof) private {
        Registers memory registers = systemCall(2, PLACE, versionedHash());
        registers.x[A1] = index;
        bytes memory witness = witnessOf(registers, proof);
        bytes32 stateHash = hashOf(registers);
        vm.expectRevert(abi.encodeWithSelector(IMachineStep.WrongBlobProof.selector, versionedHash(), index));
        machine.step(stateHash, witness);
    }

    function power(uint256 base, uint256 exponent) private view returns (uint256) {
        (bool success, bytes memory result) = address(5).staticcall(abi.encode(32, 32, 32, base, exponent, ORDER));
        assertTrue(success);
        return uint256(bytes32(result));
    }

    function testFuzz_BlobWordBeyondTheBlobTraps(uint64 index) public {
        Registers memory registers = systemCall(2, PLACE, keccak256("versioned hash"));
        registers.x[A1] = uint64(bound(index, 4096, type(uint64).max));
        assertTraps(registers);
    }

    function checkAnswer(Registers memory registers, bytes memory attachment, bytes memory answer) internal {
        (bytes32 root, Registers memory next) = step(registers, attachment);
        bytes memory leaf = new bytes(32);
        uint256 offset = registers.x[A1];
        for (uint256 i; i < 32; ++i) {
            if (offset < answer.length && i < answer.length - offset) leaf[i] = answer[offset + i];
        }
        setLeaf(registers.x[A0] >> 5, bytes32(leaf));
        assertEq(root, memoryRoot(), "memory");
        uint64 place = registers.x[A0];
        registers.x[A0] = uint64(answer.length);
        registers.pc += 4;
        assertEq(next, registers);
        registers.x[A0] = place;
        registers.pc -= 4;
    }

    function bound64(uint64 value, uint256 maximum) private pure returns (uint64) {
        return uint64(bound(value, 0, maximum));
    }
}

// forge-lint: disable-end(unsafe-typecast)
