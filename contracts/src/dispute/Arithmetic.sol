// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Instruction} from "./Instruction.sol";

/// @notice What instructions of the opcodes OP, OP-32, OP-IMM and OP-IMM-32 make of two operands: RV64I's and M's.
/// @dev A *function* is `funct3`, plus 8 if `funct7` is 1, plus 16 if it is `0100000`. Which of them exist depends on the opcode: a
/// set is a number that has their bits.
library Arithmetic {
    /// In the place of OP-IMM's opcode: set for two registers.
    uint256 private constant IS_OP = 0x20;
    /// Likewise: set for 32 bits.
    uint256 private constant IS_32 = 0x08;
    uint256 private constant OP_IMM = 0x13;

    uint256 private constant ADD = 0;
    uint256 private constant SLL = 1;
    uint256 private constant SLT = 2;
    uint256 private constant SLTU = 3;
    uint256 private constant XOR = 4;
    uint256 private constant SRL = 5;
    uint256 private constant OR = 6;
    uint256 private constant AND = 7;
    uint256 private constant MUL = 8;
    uint256 private constant MULH = 9;
    uint256 private constant MULHSU = 10;
    uint256 private constant MULHU = 11;
    uint256 private constant DIV = 12;
    uint256 private constant DIVU = 13;
    uint256 private constant REM = 14;
    uint256 private constant REMU = 15;
    uint256 private constant SUB = 16;
    uint256 private constant SRA = 21;

    uint256 private constant IMMEDIATES = 0xff | (1 << SRA);
    uint256 private constant REGISTERS = 0xffff | (1 << SUB) | (1 << SRA);
    uint256 private constant IMMEDIATES_32 = (1 << ADD) | (1 << SLL) | (1 << SRL) | (1 << SRA);
    uint256 private constant REGISTERS_32 =
        IMMEDIATES_32 | (1 << SUB) | (1 << MUL) | (1 << DIV) | (1 << DIVU) | (1 << REM) | (1 << REMU);

    /// @notice Whether this library is about an opcode.
    function has(uint256 opcode) internal pure returns (bool) {
        return opcode & ~(IS_OP | IS_32) == OP_IMM;
    }

    /// @notice Executes an instruction of these opcodes.
    /// @param a Value of the first source.
    /// @param b Value of the second.
    /// @return exists Whether there is such an instruction.
    /// @return result What it makes of them, or of the first one and the immediate.
    function execute(Instruction instruction, uint64 a, uint64 b) internal pure returns (bool exists, uint64 result) {
        uint256 opcode = instruction.opcode();
        uint256 function_ = instruction.funct3();
        uint256 funct7 = instruction.funct7();
        bool short = opcode & IS_32 != 0;
        uint256 set;
        if (opcode & IS_OP != 0) {
            set = short ? REGISTERS_32 : REGISTERS;
        } else {
            set = short ? IMMEDIATES_32 : IMMEDIATES;
            b = instruction.immediateI();
            // Only shifts have it. Their amount has six bits, the highest being in its lowest place; for 32 bits, five.
            if (function_ != SLL && function_ != SRL) funct7 = 0;
            else if (!short) funct7 &= 0x7e;
        }
        // Three bits.
        unchecked {
            if (funct7 == 1) function_ += 8;
            else if (funct7 == 0x20) function_ += 16;
            else if (funct7 != 0) return (false, 0);
        }
        exists = (set >> function_) & 1 == 1;
        if (exists) result = short ? _compute32(function_, a, b) : _compute(function_, a, b);
    }

    // forge-lint: disable-start(unsafe-typecast) numbers are cut, or read as signed ones, because the ISA says so

    /// @dev About the low 32 bits of the operands; the result is sign-extended from bit 31.
    function _compute32(uint256 function_, uint64 a, uint64 b) private pure returns (uint64) {
        // The operands are extended so that 64 bits give the right low 32.
        if (function_ == SRL || function_ == DIVU || function_ == REMU) {
            a = uint32(a);
            b = uint32(b);
        } else {
            a = _signExtend(a);
            b = _signExtend(b);
        }
        if (function_ == SLL || function_ == SRL || function_ == SRA) b &= 31;
        return _signExtend(_compute(function_, a, b));
    }

    function _compute(uint256 function_, uint64 a, uint64 b) private pure returns (uint64) {
        // Modulo 2^64. Least number by -1: the quotient wraps to the least number, the remainder is 0.
        unchecked {
            if (function_ == ADD) return a + b;
            if (function_ == SUB) return a - b;
            if (function_ == SLL) return a << (b & 63);
            if (function_ == SLT) return int64(a) < int64(b) ? 1 : 0;
            if (function_ == SLTU) return a < b ? 1 : 0;
            if (function_ == XOR) return a ^ b;
            if (function_ == SRL) return a >> (b & 63);
            if (function_ == SRA) return uint64(int64(a) >> (b & 63));
            if (function_ == OR) return a | b;
            if (function_ == AND) return a & b;
            if (function_ == MUL) return a * b;
            if (function_ == MULH) return uint64(uint256((int256(int64(a)) * int64(b)) >> 64));
            if (function_ == MULHSU) return uint64(uint256((int256(int64(a)) * int256(uint256(b))) >> 64));
            if (function_ == MULHU) return uint64((uint256(a) * b) >> 64);
            if (b == 0) return function_ == DIV || function_ == DIVU ? type(uint64).max : a;
            if (function_ == DIV) return uint64(int64(a) / int64(b));
            if (function_ == DIVU) return a / b;
            if (function_ == REM) return uint64(int64(a) % int64(b));
            return a % b;
        }
    }

    function _signExtend(uint64 value) private pure returns (uint64) {
        return uint64(int64(int32(uint32(value))));
    }

    // forge-lint: disable-end(unsafe-typecast)
}
