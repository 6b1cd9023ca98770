//! Instructions as the interpreter wants them.

/// What an instruction does, without its operands. The names are those of the ISA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Trap,
    Fence,
    Ecall,
    /// `LUI`, with the value as immediate.
    Lui,
    Auipc,
    /// A jump by a whole number of instructions, which is the immediate. So are those of branches.
    Jal,
    Jalr,
    Beq,
    Bne,
    Blt,
    Bge,
    Bltu,
    Bgeu,
    /// A jump or branch to an address that is not a multiple of 4; the immediate is the instruction.
    Misaligned,
    Lb,
    Lh,
    Lw,
    Ld,
    Lbu,
    Lhu,
    Lwu,
    Sb,
    Sh,
    Sw,
    Sd,
    Addi,
    Slti,
    Sltiu,
    Xori,
    Ori,
    Andi,
    Slli,
    Srli,
    Srai,
    Addiw,
    Slliw,
    Srliw,
    Sraiw,
    Add,
    Sub,
    Sll,
    Slt,
    Sltu,
    Xor,
    Srl,
    Sra,
    Or,
    And,
    Mul,
    Mulh,
    Mulhsu,
    Mulhu,
    Div,
    Divu,
    Rem,
    Remu,
    Addw,
    Subw,
    Sllw,
    Srlw,
    Sraw,
    Mulw,
    Divw,
    Divuw,
    Remw,
    Remuw,
}

/// A decoded instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) kind: Kind,
    /// The register to write, [`Self::NOWHERE`] instead of `x0`.
    pub(crate) rd: u8,
    pub(crate) rs1: u8,
    pub(crate) rs2: u8,
    /// The immediate, sign-extended from its 12 to 32 bits; a shift amount; or what its kind says.
    pub(crate) immediate: i32,
}

impl Operation {
    /// The register that takes what is written to `x0`.
    pub(crate) const NOWHERE: u8 = 32;

    /// Decodes an instruction. What the machine does not know decodes as [`Kind::Trap`].
    pub(crate) fn decode(word: u32) -> Self {
        use Kind::*;

        let signed = word as i32;
        let funct3 = word >> 12 & 7;
        let funct7 = word >> 25;
        let of_i = signed >> 20;
        let of_s = signed >> 25 << 5 | (word >> 7 & 31) as i32;
        let jump = |kind, offset: i32| if offset % 4 == 0 { (kind, offset / 4) } else { (Misaligned, signed) };

        let (kind, immediate) = match word & 0x7f {
            0x37 => (Lui, signed & !0xfff),
            0x17 => (Auipc, signed & !0xfff),
            0x6f => jump(Jal, jump_offset(word)),
            0x67 if funct3 == 0 => (Jalr, of_i),
            0x63 => match funct3 {
                0 => jump(Beq, branch_offset(word)),
                1 => jump(Bne, branch_offset(word)),
                4 => jump(Blt, branch_offset(word)),
                5 => jump(Bge, branch_offset(word)),
                6 => jump(Bltu, branch_offset(word)),
                7 => jump(Bgeu, branch_offset(word)),
                _ => (Trap, 0),
            },
            0x03 => ([Lb, Lh, Lw, Ld, Lbu, Lhu, Lwu, Trap][funct3 as usize], of_i),
            0x23 => ([Sb, Sh, Sw, Sd, Trap, Trap, Trap, Trap][funct3 as usize], of_s),
            0x13 => match (funct3, funct7 >> 1) {
                (1, 0) => (Slli, of_i & 63),
                (5, 0) => (Srli, of_i & 63),
                (5, 0b010000) => (Srai, of_i & 63),
                (1 | 5, _) => (Trap, 0),
                _ => ([Addi, Trap, Slti, Sltiu, Xori, Trap, Ori, Andi][funct3 as usize], of_i),
            },
            0x1b => match (funct3, funct7) {
                (0, _) => (Addiw, of_i),
                (1, 0) => (Slliw, of_i & 31),
                (5, 0) => (Srliw, of_i & 31),
                (5, 0b0100000) => (Sraiw, of_i & 31),
                _ => (Trap, 0),
            },
            0x33 => match (funct7, funct3) {
                (0, _) => ([Add, Sll, Slt, Sltu, Xor, Srl, Or, And][funct3 as usize], 0),
                (1, _) => ([Mul, Mulh, Mulhsu, Mulhu, Div, Divu, Rem, Remu][funct3 as usize], 0),
                (0b0100000, 0) => (Sub, 0),
                (0b0100000, 5) => (Sra, 0),
                _ => (Trap, 0),
            },
            0x3b => match (funct7, funct3) {
                (0, 0) => (Addw, 0),
                (0, 1) => (Sllw, 0),
                (0, 5) => (Srlw, 0),
                (0b0100000, 0) => (Subw, 0),
                (0b0100000, 5) => (Sraw, 0),
                (1, _) => ([Mulw, Trap, Trap, Trap, Divw, Divuw, Remw, Remuw][funct3 as usize], 0),
                _ => (Trap, 0),
            },
            0x0f if funct3 == 0 => (Fence, 0),
            0x73 if word == 0x73 => (Ecall, 0),
            _ => (Trap, 0),
        };
        let register = |shift: u32| (word >> shift & 31) as u8;
        let rd = if register(7) == 0 { Self::NOWHERE } else { register(7) };
        Self { kind, rd, rs1: register(15), rs2: register(20), immediate }
    }

    /// What a [`Kind::Misaligned`] with these operands does: which register it writes, and by how much it moves `pc`.
    #[cold]
    pub(crate) fn misaligned(&self, a: u64, b: u64) -> (u8, u64) {
        let word = self.immediate as u32;
        if word & 0x7f == 0x6f {
            return (self.rd, jump_offset(word) as i64 as u64);
        }
        let taken = match word >> 12 & 7 {
            0 => a == b,
            1 => a != b,
            4 => (a as i64) < b as i64,
            5 => a as i64 >= b as i64,
            6 => a < b,
            _ => a >= b,
        };
        (Self::NOWHERE, if taken { branch_offset(word) as i64 as u64 } else { 4 })
    }
}

/// The immediate of a branch.
pub(crate) fn branch_offset(word: u32) -> i32 {
    word as i32 >> 31 << 12 | (word << 4 & 0x800 | word >> 20 & 0x7e0 | word >> 7 & 0x1e) as i32
}

/// The immediate of `JAL`.
pub(crate) fn jump_offset(word: u32) -> i32 {
    word as i32 >> 31 << 20 | (word & 0xf_f000 | word >> 9 & 0x800 | word >> 20 & 0x7fe) as i32
}
