//! Instructions for people to read.

use crate::operation::{Kind, Operation, branch_offset, jump_offset};
use std::fmt;

/// The registers `x0` … `x31` by their ABI names.
pub const REGISTERS: [&str; 32] = [
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "s2",
    "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
];

/// An instruction where it lies. It displays as one line of assembly in the syntax of GNU `objdump -M no-aliases`: ABI names of
/// registers, and jumps and branches with the address that they lead to. What the machine does not know is data, `.4byte`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Its address.
    pub pc: u64,
    /// The four bytes there, of which the one at the lowest address is the least significant.
    pub word: u32,
}

impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Kind::*;

        let Self { pc, word } = *self;
        // Which jump or branch it is does not depend on whether the target is a multiple of 4.
        let aligned = match word & 0x7f {
            0x6f => word & !(1 << 21),
            0x63 => word & !(1 << 8),
            _ => word,
        };
        let Operation { kind, rd, rs1, rs2, immediate } = Operation::decode(aligned);
        let name = format!("{kind:?}").to_lowercase();
        // `Operation::NOWHERE` is `x0` here.
        let [rd, rs1, rs2] = [rd, rs1, rs2].map(|register| REGISTERS[register as usize % REGISTERS.len()]);
        let target = |offset: i32| pc.wrapping_add_signed(offset.into());
        match kind {
            Trap | Misaligned => write!(f, ".4byte {word:#x}"),
            Ecall => f.write_str(&name),
            Fence => write!(f, "{name} {},{}", accesses(word >> 24), accesses(word >> 20)),
            Lui | Auipc => write!(f, "{name} {rd},{:#x}", word >> 12),
            Jal => write!(f, "{name} {rd},{:#x}", target(jump_offset(word))),
            Beq | Bne | Blt | Bge | Bltu | Bgeu => {
                write!(f, "{name} {rs1},{rs2},{:#x}", target(branch_offset(word)))
            }
            Jalr | Lb | Lh | Lw | Ld | Lbu | Lhu | Lwu => write!(f, "{name} {rd},{immediate}({rs1})"),
            Sb | Sh | Sw | Sd => write!(f, "{name} {rs2},{immediate}({rs1})"),
            Addi | Slti | Sltiu | Xori | Ori | Andi | Addiw => write!(f, "{name} {rd},{rs1},{immediate}"),
            Slli | Srli | Srai | Slliw | Srliw | Sraiw => write!(f, "{name} {rd},{rs1},{immediate:#x}"),
            Add | Sub | Sll | Slt | Sltu | Xor | Srl | Sra | Or | And | Mul | Mulh | Mulhsu | Mulhu | Div | Divu
            | Rem | Remu | Addw | Subw | Sllw | Srlw | Sraw | Mulw | Divw | Divuw | Remw | Remuw => {
                write!(f, "{name} {rd},{rs1},{rs2}")
            }
        }
    }
}

/// The accesses that a fence orders, by the four lowest bits: input, output, reading, writing.
fn accesses(bits: u32) -> String {
    match bits & 15 {
        0 => "unknown".to_owned(),
        bits => "iorw".chars().zip([8, 4, 2, 1]).filter(|(_, bit)| bits & bit != 0).map(|(name, _)| name).collect(),
    }
}
