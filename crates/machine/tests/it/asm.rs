//! Instruction words by name, as an assembler would make them.

/// `rd`, `rs1`, `rs2` of instructions with three registers.
pub(crate) type Registers = fn(u32, u32, u32) -> u32;

/// `rd`, `rs1` and immediate.
pub(crate) type Immediate = fn(u32, u32, i32) -> u32;

pub(crate) fn r_type(opcode: u32, funct3: u32, funct7: u32, rd: u32, rs1: u32, rs2: u32) -> u32 {
    funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode
}

pub(crate) fn i_type(opcode: u32, funct3: u32, rd: u32, rs1: u32, immediate: i32) -> u32 {
    (immediate as u32) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode
}

pub(crate) fn s_type(funct3: u32, rs2: u32, rs1: u32, immediate: i32) -> u32 {
    let immediate = immediate as u32;
    (immediate >> 5 & 0x7f) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | (immediate & 31) << 7 | 0x23
}

pub(crate) fn b_type(funct3: u32, rs1: u32, rs2: u32, offset: i32) -> u32 {
    let offset = offset as u32;
    let high = (offset >> 12 & 1) << 31 | (offset >> 5 & 0x3f) << 25;
    let low = (offset >> 1 & 15) << 8 | (offset >> 11 & 1) << 7;
    high | rs2 << 20 | rs1 << 15 | funct3 << 12 | low | 0x63
}

pub(crate) fn lui(rd: u32, immediate: u32) -> u32 {
    immediate << 12 | rd << 7 | 0x37
}

pub(crate) fn auipc(rd: u32, immediate: u32) -> u32 {
    immediate << 12 | rd << 7 | 0x17
}

pub(crate) fn jal(rd: u32, offset: i32) -> u32 {
    let offset = offset as u32;
    let high = (offset >> 20 & 1) << 31 | (offset >> 1 & 0x3ff) << 21;
    let low = (offset >> 11 & 1) << 20 | (offset >> 12 & 0xff) << 12;
    high | low | rd << 7 | 0x6f
}

pub(crate) fn jalr(rd: u32, rs1: u32, immediate: i32) -> u32 {
    i_type(0x67, 0, rd, rs1, immediate)
}

macro_rules! immediates {
    ($($name:ident: $opcode:literal, $funct3:literal;)*) => {
        $(pub(crate) fn $name(rd: u32, rs1: u32, immediate: i32) -> u32 {
            i_type($opcode, $funct3, rd, rs1, immediate)
        })*
    };
}

immediates! {
    addi: 0x13, 0; slti: 0x13, 2; sltiu: 0x13, 3; xori: 0x13, 4; ori: 0x13, 6; andi: 0x13, 7; addiw: 0x1b, 0;
    slli: 0x13, 1; srli: 0x13, 5; slliw: 0x1b, 1; srliw: 0x1b, 5;
    lb: 0x03, 0; lh: 0x03, 1; lw: 0x03, 2; ld: 0x03, 3; lbu: 0x03, 4; lhu: 0x03, 5; lwu: 0x03, 6;
}

pub(crate) fn srai(rd: u32, rs1: u32, shift: i32) -> u32 {
    srli(rd, rs1, shift | 0x400)
}

pub(crate) fn sraiw(rd: u32, rs1: u32, shift: i32) -> u32 {
    srliw(rd, rs1, shift | 0x400)
}

macro_rules! registers {
    ($($name:ident: $opcode:literal, $funct3:literal, $funct7:literal;)*) => {
        $(pub(crate) fn $name(rd: u32, rs1: u32, rs2: u32) -> u32 {
            r_type($opcode, $funct3, $funct7, rd, rs1, rs2)
        })*
    };
}

registers! {
    add: 0x33, 0, 0; sub: 0x33, 0, 0x20; sll: 0x33, 1, 0; slt: 0x33, 2, 0; sltu: 0x33, 3, 0; xor: 0x33, 4, 0;
    srl: 0x33, 5, 0; sra: 0x33, 5, 0x20; or: 0x33, 6, 0; and: 0x33, 7, 0;
    mul: 0x33, 0, 1; mulh: 0x33, 1, 1; mulhsu: 0x33, 2, 1; mulhu: 0x33, 3, 1;
    div: 0x33, 4, 1; divu: 0x33, 5, 1; rem: 0x33, 6, 1; remu: 0x33, 7, 1;
    addw: 0x3b, 0, 0; subw: 0x3b, 0, 0x20; sllw: 0x3b, 1, 0; srlw: 0x3b, 5, 0; sraw: 0x3b, 5, 0x20;
    mulw: 0x3b, 0, 1; divw: 0x3b, 4, 1; divuw: 0x3b, 5, 1; remw: 0x3b, 6, 1; remuw: 0x3b, 7, 1;
}

macro_rules! stores {
    ($($name:ident: $funct3:literal;)*) => {
        $(pub(crate) fn $name(rs2: u32, rs1: u32, immediate: i32) -> u32 {
            s_type($funct3, rs2, rs1, immediate)
        })*
    };
}

stores! { sb: 0; sh: 1; sw: 2; sd: 3; }

macro_rules! branches {
    ($($name:ident: $funct3:literal;)*) => {
        $(pub(crate) fn $name(rs1: u32, rs2: u32, offset: i32) -> u32 {
            b_type($funct3, rs1, rs2, offset)
        })*
    };
}

branches! { beq: 0; bne: 1; blt: 4; bge: 5; bltu: 6; bgeu: 7; }

pub(crate) const ECALL: u32 = 0x73;
pub(crate) const EBREAK: u32 = 0x0010_0073;
pub(crate) const FENCE: u32 = 0x0ff0_000f;
pub(crate) const FENCE_I: u32 = 0x0000_100f;

/// Bytes of a sequence of instructions.
pub(crate) fn assemble(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}
