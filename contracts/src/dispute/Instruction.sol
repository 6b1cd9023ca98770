// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// The four bytes of an instruction, as a number: bit 0 is the lowest of the byte at the lowest address.
type Instruction is uint32;

using {
    opcode,
    destination,
    source1,
    source2,
    funct3,
    funct7,
    immediateI,
    immediateS,
    immediateB,
    immediateU,
    immediateJ
} for Instruction global;

// Parts of an instruction, named and numbered as in the ISA. Immediates are sign-extended from bit 31 to 64 bits.
// forge-lint: disable-start(unsafe-typecast) signed numbers are here only to shift the sign in: the bits are the same

function opcode(Instruction self) pure returns (uint256) {
    return Instruction.unwrap(self) & 0x7f;
}

/// rd
function destination(Instruction self) pure returns (uint256) {
    return (Instruction.unwrap(self) >> 7) & 31;
}

/// rs1
function source1(Instruction self) pure returns (uint256) {
    return (Instruction.unwrap(self) >> 15) & 31;
}

/// rs2
function source2(Instruction self) pure returns (uint256) {
    return (Instruction.unwrap(self) >> 20) & 31;
}

function funct3(Instruction self) pure returns (uint256) {
    return (Instruction.unwrap(self) >> 12) & 7;
}

function funct7(Instruction self) pure returns (uint256) {
    return Instruction.unwrap(self) >> 25;
}

/// imm[11:0] = inst[31:20]
function immediateI(Instruction self) pure returns (uint64) {
    return _signed(self, 20);
}

/// imm[11:5|4:0] = inst[31:25|11:7]
function immediateS(Instruction self) pure returns (uint64) {
    return (_signed(self, 25) << 5) | ((Instruction.unwrap(self) >> 7) & 31);
}

/// imm[12|11|10:5|4:1] = inst[31|7|30:25|11:8]
function immediateB(Instruction self) pure returns (uint64) {
    uint64 bits = Instruction.unwrap(self);
    return (_signed(self, 31) << 12) | ((bits & 0x80) << 4) | ((bits >> 20) & 0x7e0) | ((bits >> 7) & 0x1e);
}

/// imm[31:12] = inst[31:12]
function immediateU(Instruction self) pure returns (uint64) {
    return _signed(self, 12) << 12;
}

/// imm[20|19:12|11|10:1] = inst[31|19:12|20|30:21]
function immediateJ(Instruction self) pure returns (uint64) {
    uint64 bits = Instruction.unwrap(self);
    return (_signed(self, 31) << 20) | (bits & 0xff000) | ((bits >> 9) & 0x800) | ((bits >> 20) & 0x7fe);
}

/// What is left of the instruction without its low bits, as a signed number.
function _signed(Instruction self, uint256 bits) pure returns (uint64) {
    return uint64(int64(int32(Instruction.unwrap(self)) >> bits));
}

// forge-lint: disable-end(unsafe-typecast)
