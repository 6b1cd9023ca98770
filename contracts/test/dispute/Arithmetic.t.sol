// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MachineTest} from "./MachineTest.sol";

// forge-lint: disable-start(unsafe-typecast) what is cut was reduced before

/// @notice Instructions on random operands against what the ISA says of them, written down in integers that do not overflow: sums
/// and products reduced modulo 2^64, shifts as multiplications and divisions by powers of two, comparisons and divisions of signed
/// numbers by their magnitudes. Nothing here uses a signed type, a shift or a bitwise operator on an operand.
contract ArithmeticTest is MachineTest {
    uint256 private constant WORD = 2 ** 64;
    uint256 private constant HALF = 2 ** 32;
    uint64 private constant HALF_ONES = 2 ** 32 - 1;

    uint32 private constant OP = 0x33;
    uint32 private constant OP_32 = 0x3b;
    uint32 private constant OP_IMM = 0x13;
    uint32 private constant OP_IMM_32 = 0x1b;

    function test_DivisionByZero() public {
        uint64[4] memory dividends = [0, 7, type(uint64).max, 1 << 63];
        for (uint256 i; i < dividends.length; ++i) {
            uint64 a = dividends[i];
            check(OP, 4, 1, a, 0, WORD - 1, "div");
            check(OP, 5, 1, a, 0, WORD - 1, "divu");
            check(OP, 6, 1, a, 0, a, "rem");
            check(OP, 7, 1, a, 0, a, "remu");
            // Here a divisor is zero if its low half is.
            check(OP_32, 4, 1, a, 1 << 32, WORD - 1, "divw");
            check(OP_32, 5, 1, a, 1 << 32, WORD - 1, "divuw");
            check(OP_32, 6, 1, a, 1 << 32, extend(a % HALF), "remw");
            check(OP_32, 7, 1, a, 1 << 32, extend(a % HALF), "remuw");
        }
    }

    function test_DivisionOverflows() public {
        check(OP, 4, 1, 1 << 63, type(uint64).max, 1 << 63, "div");
        check(OP, 6, 1, 1 << 63, type(uint64).max, 0, "rem");
        check(OP_32, 4, 1, 1 << 31, HALF_ONES, WORD - (1 << 31), "divw");
        check(OP_32, 6, 1, 1 << 31, HALF_ONES, 0, "remw");
    }

    function test_ArithmeticWrapsAround() public {
        uint64 most = type(uint64).max;
        check(OP, 0, 0, most, 2, 1, "add");
        check(OP, 0, 0, (1 << 63) - 1, 1, 1 << 63, "add");
        check(OP, 0, 0x20, 0, 1, most, "sub");
        check(OP, 0, 0x20, 1 << 63, 1, (1 << 63) - 1, "sub");
        check(OP, 0, 1, most, most, 1, "mul");
        check(OP, 0, 1, 1 << 63, 3, 1 << 63, "mul");
        checkImmediate(OP_IMM, 0, most, 2047, 2046, "addi");
        checkImmediate(OP_IMM, 0, 0, -1, most, "addi");
        check(OP_32, 0, 0x20, 1 << 31, 1, (1 << 31) - 1, "subw");
        check(OP_32, 0, 1, 1 << 31, 3, WORD - (1 << 31), "mulw");
    }

    function test_ResultsOf32BitsAreExtended() public {
        uint256 extended = WORD - (1 << 31);
        check(OP_32, 0, 0, (1 << 31) - 1, 1, extended, "addw");
        check(OP_32, 5, 0, uint64(extended), 32, extended, "srlw");
        checkImmediate(OP_IMM_32, 5, 1 << 31, 0, extended, "srliw");
        checkImmediate(OP_IMM_32, 0, (1 << 33) - (1 << 31), 0, extended, "addiw");
        // The unsigned ones too.
        check(OP_32, 5, 1, HALF_ONES, 1, WORD - 1, "divuw");
        check(OP_32, 7, 1, 1 << 31, 0, extended, "remuw");
    }

    /// A published emulator shifted what stands above the low half into it; its checker did the same.
    function test_ShortShiftsSeeTheLowHalfAlone() public {
        uint64 a = 0xffffffff87654321;
        checkImmediate(OP_IMM_32, 5, a, 4, 0x08765432, "srliw");
        checkImmediate(OP_IMM_32, 5, a, 0, 0xffffffff87654321, "srliw");
        checkImmediate(OP_IMM_32, 5, 0x1234567807654321, 0x404, 0x00765432, "sraiw");
        check(OP_32, 5, 0, a, 36, 0x08765432, "srlw");
        check(OP_32, 5, 0x20, 0x1234567807654321, 36, 0x00765432, "sraw");
        check(OP_32, 1, 0, a, 36, 0x76543210, "sllw");
    }

    /// @dev All of OP, with `a` in x11 and `b` in x12. Random numbers meet no edge: `edge` chooses from a list instead.
    function testFuzz_Registers(uint64 a, uint64 b, uint256 edge) public {
        (a, b) = operands(a, b, edge);
        check(OP, 0, 0, a, b, (uint256(a) + b) % WORD, "add");
        check(OP, 0, 0x20, a, b, (WORD + a - b) % WORD, "sub");
        check(OP, 1, 0, a, b, (uint256(a) * 2 ** (b % 64)) % WORD, "sll");
        check(OP, 2, 0, a, b, (a + WORD / 2) % WORD < (b + WORD / 2) % WORD ? 1 : 0, "slt");
        check(OP, 3, 0, a, b, a < b ? 1 : 0, "sltu");
        check(OP, 4, 0, a, b, bitwise(a, b, 0, 1, 1, 0), "xor");
        check(OP, 5, 0, a, b, a / 2 ** (b % 64), "srl");
        check(OP, 5, 0x20, a, b, shiftSigned(a, b % 64, WORD), "sra");
        check(OP, 6, 0, a, b, bitwise(a, b, 0, 1, 1, 1), "or");
        check(OP, 7, 0, a, b, bitwise(a, b, 0, 0, 0, 1), "and");
    }

    function testFuzz_Multiplication(uint64 a, uint64 b, uint256 edge) public {
        (a, b) = operands(a, b, edge);
        uint256 product = uint256(a) * b;
        check(OP, 0, 1, a, b, product % WORD, "mul");
        check(OP, 3, 1, a, b, product / WORD, "mulhu");
        // A negative operand is 2^64 less than it looks, and so takes the other one from the upper half.
        uint256 high = product / WORD + 2 * WORD;
        if (isNegative(a, WORD)) high -= b;
        check(OP, 2, 1, a, b, high % WORD, "mulhsu");
        if (isNegative(b, WORD)) high -= a;
        check(OP, 1, 1, a, b, high % WORD, "mulh");
    }

    function testFuzz_Division(uint64 a, uint64 b, uint256 edge) public {
        (a, b) = operands(a, b, edge);
        check(OP, 4, 1, a, b, divideSigned(a, b, WORD), "div");
        check(OP, 5, 1, a, b, b == 0 ? WORD - 1 : a / b, "divu");
        check(OP, 6, 1, a, b, remainderSigned(a, b, WORD), "rem");
        check(OP, 7, 1, a, b, b == 0 ? a : a % b, "remu");
    }

    function testFuzz_Registers32(uint64 a, uint64 b, uint256 edge) public {
        (a, b) = operands(a, b, edge);
        uint256 low = a % HALF;
        uint256 other = b % HALF;
        check(OP_32, 0, 0, a, b, extend((low + other) % HALF), "addw");
        check(OP_32, 0, 0x20, a, b, extend((HALF + low - other) % HALF), "subw");
        check(OP_32, 1, 0, a, b, extend((low * 2 ** (b % 32)) % HALF), "sllw");
        check(OP_32, 5, 0, a, b, extend(low / 2 ** (b % 32)), "srlw");
        check(OP_32, 5, 0x20, a, b, extend(shiftSigned(low, b % 32, HALF)), "sraw");
        check(OP_32, 0, 1, a, b, extend((low * other) % HALF), "mulw");
        check(OP_32, 4, 1, a, b, extend(divideSigned(low, other, HALF)), "divw");
        check(OP_32, 5, 1, a, b, extend(other == 0 ? HALF - 1 : low / other), "divuw");
        check(OP_32, 6, 1, a, b, extend(remainderSigned(low, other, HALF)), "remw");
        check(OP_32, 7, 1, a, b, extend(other == 0 ? low : low % other), "remuw");
    }

    function testFuzz_Immediates(uint64 a, uint64 b, uint256 edge, uint256 number) public {
        (a,) = operands(a, b, edge);
        // 12 bits, by their value as a signed number.
        uint256 magnitude = number % 2 ** 12;
        int256 signed = magnitude < 2048 ? int256(magnitude) : int256(magnitude) - 4096;
        uint64 immediate = uint64(magnitude < 2048 ? magnitude : WORD + magnitude - 4096);
        checkImmediate(OP_IMM, 0, a, signed, (uint256(a) + immediate) % WORD, "addi");
        checkImmediate(OP_IMM, 2, a, signed, (a + WORD / 2) % WORD < (immediate + WORD / 2) % WORD ? 1 : 0, "slti");
        checkImmediate(OP_IMM, 3, a, signed, a < immediate ? 1 : 0, "sltiu");
        checkImmediate(OP_IMM, 4, a, signed, bitwise(a, immediate, 0, 1, 1, 0), "xori");
        checkImmediate(OP_IMM, 6, a, signed, bitwise(a, immediate, 0, 1, 1, 1), "ori");
        checkImmediate(OP_IMM, 7, a, signed, bitwise(a, immediate, 0, 0, 0, 1), "andi");
        checkImmediate(OP_IMM_32, 0, a, signed, extend((uint256(a) + immediate) % HALF), "addiw");
    }

    function testFuzz_ShiftsByImmediate(uint64 a, uint64 b, uint256 edge, uint256 amount) public {
        (a,) = operands(a, b, edge);
        amount %= 64;
        uint256 power = 2 ** amount;
        checkImmediate(OP_IMM, 1, a, int256(amount), (a * power) % WORD, "slli");
        checkImmediate(OP_IMM, 5, a, int256(amount), a / power, "srli");
        checkImmediate(OP_IMM, 5, a, int256(0x400 + amount), shiftSigned(a, amount, WORD), "srai");
        amount %= 32;
        power = 2 ** amount;
        uint256 low = a % HALF;
        checkImmediate(OP_IMM_32, 1, a, int256(amount), extend((low * power) % HALF), "slliw");
        checkImmediate(OP_IMM_32, 5, a, int256(amount), extend(low / power), "srliw");
        checkImmediate(OP_IMM_32, 5, a, int256(0x400 + amount), extend(shiftSigned(low, amount, HALF)), "sraiw");
    }

    function testFuzz_UpperImmediates(uint32 number, uint64 pc) public {
        number %= 2 ** 20;
        Registers memory registers = start(encodeU(0x37, RA, number));
        checkStep(registers, RA, extend(uint256(number) * 4096), "lui");
        pc = uint64(bound(pc, 0, 2 ** 30 - 1)) * 4;
        registers.pc = pc;
        poke(pc, littleEndian(encodeU(0x17, RA, number), 4));
        checkStep(registers, RA, (pc + extend(uint256(number) * 4096)) % WORD, "auipc");
    }

    function operands(uint64 a, uint64 b, uint256 edge) private pure returns (uint64, uint64) {
        if (edge % 4 != 0) a = edgeOf(edge >> 8, a);
        if (edge % 8 > 1) b = edgeOf(edge >> 16, b);
        return (a, b);
    }

    function edgeOf(uint256 choice, uint64 number) private pure returns (uint64) {
        uint64[12] memory edges = [
            0,
            1,
            type(uint64).max,
            1 << 63,
            (1 << 63) - 1,
            1 << 31,
            (1 << 31) - 1,
            1 << 32,
            (1 << 32) - 1,
            0xffffffff80000000,
            0xffffffff7fffffff,
            number
        ];
        return edges[choice % 12];
    }

    /// @dev By the value of each pair of bits: of 0 and 0, 0 and 1, 1 and 0, 1 and 1.
    function bitwise(uint256 a, uint256 b, uint256 v00, uint256 v01, uint256 v10, uint256 v11)
        private
        pure
        returns (uint256 result)
    {
        for (uint256 power = 1; power < WORD; power *= 2) {
            uint256 x = (a / power) % 2;
            uint256 y = (b / power) % 2;
            result += power * (x == 0 ? (y == 0 ? v00 : v01) : (y == 0 ? v10 : v11));
        }
    }

    function isNegative(uint256 a, uint256 modulus) private pure returns (bool) {
        return a >= modulus / 2;
    }

    function magnitudeOf(uint256 a, uint256 modulus) private pure returns (uint256) {
        return isNegative(a, modulus) ? modulus - a : a;
    }

    /// @dev Rounds down: of a negative number it is the magnitude that is rounded up.
    function shiftSigned(uint256 a, uint256 amount, uint256 modulus) private pure returns (uint256) {
        uint256 power = 2 ** amount;
        return isNegative(a, modulus) ? modulus - (modulus - a + power - 1) / power : a / power;
    }

    function divideSigned(uint256 a, uint256 b, uint256 modulus) private pure returns (uint256) {
        if (b == 0) return modulus - 1;
        uint256 quotient = magnitudeOf(a, modulus) / magnitudeOf(b, modulus);
        return isNegative(a, modulus) == isNegative(b, modulus) ? quotient % modulus : (modulus - quotient) % modulus;
    }

    function remainderSigned(uint256 a, uint256 b, uint256 modulus) private pure returns (uint256) {
        if (b == 0) return a;
        uint256 remainder = magnitudeOf(a, modulus) % magnitudeOf(b, modulus);
        return isNegative(a, modulus) ? (modulus - remainder) % modulus : remainder;
    }

    /// @dev 64 bits of a number of 32.
    function extend(uint256 a) private pure returns (uint256) {
        return a < HALF / 2 ? a : WORD - HALF + a;
    }

    function check(
        uint32 opcode,
        uint32 funct3,
        uint32 funct7,
        uint64 a,
        uint64 b,
        uint256 expected,
        string memory name
    ) private {
        Registers memory registers = start(encodeR(opcode, funct3, funct7, 31, 11, 12));
        (registers.x[11], registers.x[12]) = (a, b);
        checkStep(registers, 31, expected, name);
    }

    function checkImmediate(
        uint32 opcode,
        uint32 funct3,
        uint64 a,
        int256 immediate,
        uint256 expected,
        string memory name
    ) private {
        Registers memory registers = start(encodeI(opcode, funct3, 31, 11, immediate));
        registers.x[11] = a;
        checkStep(registers, 31, expected, name);
    }

    function checkStep(Registers memory registers, uint256 rd, uint256 expected, string memory name) private view {
        (bytes32 root, Registers memory next) = step(registers, "");
        assertEq(next.x[rd], expected, name);
        assertEq(root, memoryRoot(), name);
        registers.x[rd] = uint64(expected);
        registers.pc += 4;
        assertEq(next, registers);
    }
}

// forge-lint: disable-end(unsafe-typecast)
