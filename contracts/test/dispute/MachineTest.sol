// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";
import {Test} from "forge-std/Test.sol";
import {IOpenMachineStep} from "../harness/IOpenMachineStep.sol";

// forge-lint: disable-start(unsafe-typecast) numbers are cut to the fields of an instruction, and to bytes

/// @notice A machine whose memory is in storage, and the witnesses of its steps: `docs/machine.md` read once more, in its own words.
/// What an instruction does is not known here, but which leaf it accesses.
abstract contract MachineTest is Test {
    /// All of a state but its memory. `x[0]` is not used.
    struct Registers {
        uint64 pc;
        uint64 status;
        uint64[32] x;
    }

    uint64 internal constant TRAPPED = type(uint64).max;
    uint256 internal constant DEPTH = 27;
    /// Where tests have data, far from there.
    uint64 internal constant PLACE = 0x80000000;
    /// Where the programs of tests begin.
    uint64 internal constant ENTRY = 0x10000;

    uint256 internal constant RA = 1;
    uint256 internal constant T0 = 5;
    uint256 internal constant T1 = 6;
    uint256 internal constant A0 = 10;
    uint256 internal constant A1 = 11;
    uint256 internal constant A2 = 12;
    uint256 internal constant A3 = 13;
    uint256 internal constant A4 = 14;
    uint256 internal constant A6 = 16;
    uint256 internal constant A7 = 17;

    uint32 internal constant ECALL = 0x73;

    /// The generator of BLS12-381's first group, compressed.
    bytes internal constant GENERATOR =
        hex"97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb";
    /// The generator times the secret of the KZG ceremony: the commitment to the polynomial X.
    bytes internal constant TAU =
        hex"ad3eb50121139aa34db1d545093ac9374ab7bca2c0f3bf28e27c8dcd8fc7cb42d25926fc0c97b336e9f0fb35e5a04c81";

    IOpenMachineStep internal machine;
    /// The nodes of the memory tree that ever were on the path of a leaf that was written, the root being number 1, and the
    /// nodes below number n being 2n and 2n + 1.
    mapping(uint256 number => bytes32) private _nodes;
    /// The roots of empty subtrees, by height.
    bytes32[28] private _empty;

    function setUp() public virtual {
        machine = IOpenMachineStep(vm.deployCode("OpenMachineStep.sol:OpenMachineStep"));
        for (uint256 height; height < DEPTH; ++height) {
            _empty[height + 1] = keccak256(abi.encode(_empty[height], _empty[height]));
        }
    }

    // Memory.

    function node(uint256 number, uint256 height) private view returns (bytes32) {
        bytes32 known = _nodes[number];
        return known == 0 ? _empty[height] : known;
    }

    function memoryRoot() internal view returns (bytes32) {
        return node(1, DEPTH);
    }

    function leafAt(uint256 index) internal view returns (bytes32) {
        return _nodes[(1 << DEPTH) + index];
    }

    function setLeaf(uint256 index, bytes32 leaf) internal {
        uint256 number = (1 << DEPTH) + index;
        _nodes[number] = leaf;
        for (uint256 height; height < DEPTH; ++height) {
            number >>= 1;
            _nodes[number] = keccak256(abi.encode(node(2 * number, height), node(2 * number + 1, height)));
        }
    }

    /// @notice Puts a subtree of which only the root is known beside the path of a leaf. The nodes above follow when a leaf below
    /// them is set.
    function setSibling(uint256 index, uint256 level, bytes32 root) internal {
        _nodes[(((1 << DEPTH) + index) >> level) ^ 1] = root;
    }

    /// @notice Bytes of memory.
    function peek(uint256 place, uint256 length) internal view returns (bytes memory data) {
        for (uint256 index = place >> 5; index <= (place + length) >> 5; ++index) {
            data = bytes.concat(data, leafAt(index));
        }
        return Bytes.slice(data, place & 31, (place & 31) + length);
    }

    /// @notice Writes bytes anywhere.
    function poke(uint256 place, bytes memory data) internal {
        for (uint256 i; i < data.length;) {
            uint256 index = (place + i) >> 5;
            bytes32 leaf = leafAt(index);
            for (; i < data.length && (place + i) >> 5 == index; ++i) {
                uint256 shift = 8 * (31 - ((place + i) & 31));
                leaf = bytes32((uint256(leaf) & ~(0xff << shift)) | (uint256(uint8(data[i])) << shift));
            }
            setLeaf(index, leaf);
        }
    }

    /// @notice The bytes of a number as memory has them.
    function littleEndian(uint64 value, uint256 size) internal pure returns (bytes memory data) {
        data = new bytes(size);
        for (uint256 i; i < size; ++i) {
            data[i] = bytes1(uint8(value >> (8 * i)));
        }
    }

    /// @notice An instruction in memory.
    function instructionAt(uint256 place) internal view returns (uint32) {
        uint256 data = uint256(leafAt(place >> 5)) >> (224 - 8 * (place & 31));
        return uint32(((data & 0xff) << 24) | ((data & 0xff00) << 8) | ((data >> 8) & 0xff00) | ((data >> 24) & 0xff));
    }

    // States.

    /// @notice All of the state but the memory root.
    function encode(Registers memory registers) internal pure returns (bytes memory data) {
        data = new bytes(288);
        set(data, 0, registers.pc);
        set(data, 1, registers.status);
        for (uint256 i = 1; i < 32; ++i) {
            set(data, i + 1, registers.x[i]);
        }
        // The last number was written with zeros behind it.
        assembly ("memory-safe") {
            mstore(data, 264)
        }
    }

    /// @dev Writes eight bytes, and zeros to the 24 bytes behind.
    function set(bytes memory data, uint256 place, uint64 value) private pure {
        assembly ("memory-safe") {
            mstore(add(add(data, 0x20), mul(place, 8)), shl(192, value))
        }
    }

    function decode(bytes memory state) internal pure returns (bytes32 root, Registers memory registers) {
        assertEq(state.length, 296);
        registers.pc = get(state, 4);
        registers.status = get(state, 5);
        for (uint256 i = 1; i < 32; ++i) {
            registers.x[i] = get(state, i + 5);
        }
        return (bytes32(state), registers);
    }

    function get(bytes memory data, uint256 place) private pure returns (uint64 value) {
        assembly ("memory-safe") {
            value := shr(192, mload(add(add(data, 0x20), mul(place, 8))))
        }
    }

    function hashOf(Registers memory registers) internal view returns (bytes32) {
        return keccak256(bytes.concat(memoryRoot(), encode(registers)));
    }

    // Witnesses.

    /// @notice The leaf that the next step accesses, if any.
    function dataLeafOf(Registers memory registers) internal view returns (bool exists, uint256 index) {
        uint32 instruction = instructionAt(registers.pc);
        uint64[32] memory x = registers.x;
        uint32 funct3 = (instruction >> 12) & 7;
        uint256 size = 1 << (funct3 & 3);
        uint64 place;
        unchecked {
            uint64 base = x[(instruction >> 15) & 31];
            if (instruction & 0x7f == 0x03 && funct3 < 7) {
                place = base + signExtend(instruction >> 20, 12);
            } else if (instruction & 0x7f == 0x23 && funct3 < 4) {
                place = base + signExtend(((instruction >> 25) << 5) | ((instruction >> 7) & 31), 12);
            } else if (instruction == ECALL) {
                if (x[A7] != 1 && !(x[A7] == 2 && x[A1] < 4096) && !(x[A7] == 3 && x[A6] == 1)) return (false, 0);
                size = 32;
                place = x[A0];
            } else {
                return (false, 0);
            }
        }
        return (place % size == 0 && place <= type(uint32).max, place / 32);
    }

    /// @notice 64 bits of a number of fewer bits.
    function signExtend(uint256 value, uint256 width) internal pure returns (uint64) {
        // Modulo 2^256.
        unchecked {
            return uint64(value >> (width - 1) == 0 ? value : value - (1 << width));
        }
    }

    /// @notice A witness of the next step.
    function witnessOf(Registers memory registers, bytes memory attachment) internal view returns (bytes memory) {
        if (registers.status != 0 || registers.pc % 4 != 0 || registers.pc > type(uint32).max) {
            return bytes.concat(encode(registers), memoryRoot());
        }
        uint256 code = registers.pc >> 5;
        (bool accesses, uint256 data) = dataLeafOf(registers);
        uint256 meeting = DEPTH;
        if (accesses && data != code) {
            for (meeting = 0; data >> (meeting + 1) != code >> (meeting + 1);) {
                ++meeting;
            }
        }
        (uint32 codeMask, bytes memory path) = pathOf(code, DEPTH, meeting);
        uint32 dataMask;
        path = bytes.concat(leafAt(code), path);
        if (meeting != DEPTH) {
            bytes memory dataPath;
            (dataMask, dataPath) = pathOf(data, meeting, DEPTH);
            path = bytes.concat(path, leafAt(data), dataPath);
        }
        return bytes.concat(encode(registers), bytes4(codeMask), bytes4(dataMask), path, attachment);
    }

    /// @dev The siblings at the levels below `height` but one, as far as they are not empty.
    function pathOf(uint256 index, uint256 height, uint256 except)
        private
        view
        returns (uint32 mask, bytes memory siblings)
    {
        bytes32[] memory present = new bytes32[](height);
        uint256 count;
        uint256 number = (1 << DEPTH) + index;
        // In the loop of every witness; a level has five bits.
        unchecked {
            for (uint256 level; level < height; ++level) {
                bytes32 sibling = _nodes[(number >> level) ^ 1];
                if (level == except || sibling == 0) continue;
                present[count++] = sibling;
                mask |= uint32(1 << level);
            }
        }
        // Without the places that are left.
        assembly ("memory-safe") {
            mstore(present, count)
        }
        siblings = abi.encodePacked(present);
    }

    // Steps.

    /// @notice The state after this one, whose memory is what is in storage now.
    function step(Registers memory registers, bytes memory attachment)
        internal
        view
        returns (bytes32 root, Registers memory)
    {
        return decode(machine.next(hashOf(registers), witnessOf(registers, attachment)));
    }

    /// @notice The registers of a program that is about to begin.
    function start() internal pure returns (Registers memory registers) {
        registers.pc = ENTRY;
    }

    /// @notice The registers with one instruction to execute.
    function start(uint32 instruction) internal returns (Registers memory registers) {
        registers.pc = ENTRY;
        poke(ENTRY, littleEndian(instruction, 4));
    }

    /// @notice The arguments of a system call.
    function systemCall(uint64 call, uint64 place, bytes32 key) internal returns (Registers memory registers) {
        registers = start(ECALL);
        registers.x[A7] = call;
        registers.x[A0] = place;
        for (uint256 i; i < 4; ++i) {
            registers.x[A2 + i] = uint64(uint256(key) / 2 ** (64 * (3 - i)));
        }
    }

    /// @notice Of the blob of the polynomial X, whose word at any index is the point of that index.
    function versionedHash() internal pure returns (bytes32) {
        return bytes32((uint256(sha256(TAU)) & (type(uint256).max >> 8)) | (1 << 248));
    }

    function assertEq(Registers memory received, Registers memory expected) internal pure {
        assertEq(received.pc, expected.pc, "pc");
        assertEq(received.status, expected.status, "status");
        for (uint256 i = 1; i < 32; ++i) {
            assertEq(received.x[i], expected.x[i], string.concat("x", vm.toString(i)));
        }
    }

    /// @notice The step traps: the status is set, and all else is as it was.
    function assertTraps(Registers memory registers) internal view {
        (bytes32 root, Registers memory next) = step(registers, "");
        assertEq(root, memoryRoot(), "memory");
        registers.status = TRAPPED;
        assertEq(next, registers);
    }

    // Encodings, by the formats of the ISA. Immediates are given as they are meant, cut to their bits.

    function encodeR(uint32 opcode, uint32 funct3, uint32 funct7, uint256 rd, uint256 rs1, uint256 rs2)
        internal
        pure
        returns (uint32)
    {
        return opcode | (uint32(rd) << 7) | (funct3 << 12) | (uint32(rs1) << 15) | (uint32(rs2) << 20) | (funct7 << 25);
    }

    function encodeI(uint32 opcode, uint32 funct3, uint256 rd, uint256 rs1, int256 immediate)
        internal
        pure
        returns (uint32)
    {
        return opcode | (uint32(rd) << 7) | (funct3 << 12) | (uint32(rs1) << 15) | (field(immediate, 0, 12) << 20);
    }

    function encodeS(uint32 funct3, uint256 rs1, uint256 rs2, int256 immediate) internal pure returns (uint32) {
        return encodeR(0x23, funct3, field(immediate, 5, 7), field(immediate, 0, 5), rs1, rs2);
    }

    function encodeB(uint32 funct3, uint256 rs1, uint256 rs2, int256 immediate) internal pure returns (uint32) {
        uint32 high = (field(immediate, 12, 1) << 6) | field(immediate, 5, 6);
        uint32 low = (field(immediate, 1, 4) << 1) | field(immediate, 11, 1);
        return encodeR(0x63, funct3, high, low, rs1, rs2);
    }

    function encodeU(uint32 opcode, uint256 rd, uint32 immediate) internal pure returns (uint32) {
        return opcode | (uint32(rd) << 7) | (immediate << 12);
    }

    function encodeJ(uint256 rd, int256 immediate) internal pure returns (uint32) {
        return encodeU(
            0x6f,
            rd,
            (field(immediate, 20, 1) << 19) | (field(immediate, 1, 10) << 9) | (field(immediate, 11, 1) << 8)
                | field(immediate, 12, 8)
        );
    }

    function field(int256 value, uint256 from, uint256 count) private pure returns (uint32) {
        return uint32((uint256(value) >> from) & ((1 << count) - 1));
    }
}

// forge-lint: disable-end(unsafe-typecast)
