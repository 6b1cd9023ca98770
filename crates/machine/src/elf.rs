//! Programs, and how they are read from ELF files.

use crate::hart::Hart;
use crate::machine::Machine;
use crate::memory::{Memory, PAGE_SIZE};
use crate::operation::{Kind, Operation};
use alloy_primitives::B256;
use thiserror::Error;

/// A program: where it starts, and what is in memory then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    entry: u64,
    /// Address and bytes of each part, within memory.
    segments: Vec<(u64, Vec<u8>)>,
}

/// A file that is not a program for this machine.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ElfError {
    /// It ends too early, or something in it lies beyond its end.
    #[error("truncated: expected {expected} bytes, received {received}")]
    Truncated {
        /// Length of the file in bytes.
        received: u64,
        /// Where something in it ends.
        expected: u64,
    },
    /// A field of the header has a value that this machine does not take.
    #[error("{field} is {received:#x}, expected {expected:#x}")]
    Header {
        /// Name of the field, as in the ELF specification.
        field: &'static str,
        /// Its value.
        received: u64,
        /// What it has to be.
        expected: u64,
    },
    /// It needs a dynamic linker.
    #[error("dynamically linked: program header of type {0}")]
    Dynamic(u64),
    /// A segment lies beyond memory.
    #[error("a segment ends at {0:#x}, beyond memory")]
    BeyondMemory(u64),
    /// There is no code at the entry point.
    #[error("entry point {0:#x} is in no executable segment, or not a multiple of 4")]
    Entry(u64),
    /// An executable segment holds something that the machine cannot execute: a compressed, atomic or CSR instruction, or
    /// data.
    #[error("{word:#010x} at {address:#x} is no instruction of the machine")]
    Instruction {
        /// Where it lies.
        address: u64,
        /// The 4 bytes there as a number.
        word: u32,
    },
}

impl Program {
    /// A program of one part, which starts at its first byte.
    ///
    /// # Errors
    ///
    /// If it does not lie within memory.
    pub fn flat(address: u64, bytes: &[u8]) -> Result<Self, ElfError> {
        within_memory(address, bytes.len() as u64)?;
        Ok(Self { entry: address, segments: vec![(address, bytes.to_vec())] })
    }

    /// Reads a statically linked RV64 executable whose code uses the machine's instructions only. `unimp` (by which
    /// compilers mark what is never reached), `ebreak` and zero words (padding) are let through: they trap.
    ///
    /// # Errors
    ///
    /// If the file is no such executable.
    pub fn from_elf(file: &[u8]) -> Result<Self, ElfError> {
        const COMPRESSED: u64 = 1;
        const EXECUTABLE: u32 = 1;
        const LOAD: u64 = 1;
        const DYNAMIC: u64 = 2;
        const INTERPRETER: u64 = 3;

        let elf = Elf(file);
        for (field, offset, size, expected) in [
            ("EI_MAG", 0, 4, u64::from(u32::from_le_bytes(*b"\x7fELF"))),
            ("EI_CLASS", 4, 1, 2),
            ("EI_DATA", 5, 1, 1),
            ("e_type", 16, 2, 2),
            ("e_machine", 18, 2, 243),
            ("e_phentsize", 54, 2, 56),
        ] {
            let received = elf.number(offset, size)?;
            if received != expected {
                return Err(ElfError::Header { field, received, expected });
            }
        }

        // Whether there is compressed code is seen from the code. The other flags stand for floating point, fewer registers
        // or another memory order.
        let flags = elf.number(48, 4)? & !COMPRESSED;
        if flags != 0 {
            return Err(ElfError::Header { field: "e_flags", received: flags, expected: 0 });
        }

        let entry = elf.number(24, 8)?;
        let headers = elf.number(32, 8)?;
        let mut segments = Vec::new();
        let mut entry_is_code = false;
        for header in 0..elf.number(56, 2)? {
            let at = headers.saturating_add(56 * header);
            let field = |offset, size| elf.number(at.saturating_add(offset), size);
            match field(0, 4)? {
                LOAD => {}
                kind @ (DYNAMIC | INTERPRETER) => return Err(ElfError::Dynamic(kind)),
                _ => continue,
            }
            let (flags, address) = (field(4, 4)? as u32, field(16, 8)?);
            let bytes = elf.bytes(field(8, 8)?, field(32, 8)?)?;
            within_memory(address, field(40, 8)?.max(bytes.len() as u64))?;
            if flags & EXECUTABLE != 0 {
                check_code(address, bytes)?;
                let end = address + bytes.len() as u64;
                entry_is_code |= entry.is_multiple_of(4) && (address..end).contains(&entry);
            }
            segments.push((address, bytes.to_vec()));
        }
        if !entry_is_code {
            return Err(ElfError::Entry(entry));
        }
        Ok(Self { entry, segments })
    }

    /// The address of the first instruction.
    pub fn entry(&self) -> u64 {
        self.entry
    }

    /// A machine about to run the program on the 32 bytes of `input`.
    pub fn start(&self, input: B256) -> Machine {
        let mut memory = Memory::new();
        for (address, bytes) in &self.segments {
            let (mut address, mut rest) = (*address, &bytes[..]);
            while !rest.is_empty() {
                let length = rest.len().min(PAGE_SIZE - address as usize % PAGE_SIZE);
                let (bytes, after) = rest.split_at(length);
                memory.write(address, bytes, false);
                address += length as u64;
                rest = after;
            }
        }
        Machine::new(Hart::start(self.entry, input), memory, 0)
    }
}

/// The file as numbers and parts.
struct Elf<'a>(&'a [u8]);

impl<'a> Elf<'a> {
    fn bytes(&self, offset: u64, length: u64) -> Result<&'a [u8], ElfError> {
        let end = offset.saturating_add(length);
        usize::try_from(end)
            .ok()
            .and_then(|end| self.0.get(offset as usize..end))
            .ok_or(ElfError::Truncated { received: self.0.len() as u64, expected: end })
    }

    /// A little-endian number of `size` bytes.
    fn number(&self, offset: u64, size: u64) -> Result<u64, ElfError> {
        Ok(self.bytes(offset, size)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }
}

fn within_memory(address: u64, length: u64) -> Result<(), ElfError> {
    let end = address.saturating_add(length);
    if end > 1 << 32 { Err(ElfError::BeyondMemory(end)) } else { Ok(()) }
}

fn check_code(address: u64, code: &[u8]) -> Result<(), ElfError> {
    const UNIMP: u32 = 0xc000_1073;
    const EBREAK: u32 = 0x0010_0073;

    let (words, rest) = code.as_chunks::<4>();
    let rest = (!rest.is_empty()).then(|| {
        let mut word = [0; 4];
        word[..rest.len()].copy_from_slice(rest);
        word
    });
    for (number, word) in words.iter().chain(&rest).enumerate() {
        let word = u32::from_le_bytes(*word);
        let known = Operation::decode(word).kind != Kind::Trap;
        if !known && ![0, UNIMP, EBREAK].contains(&word) {
            return Err(ElfError::Instruction { address: address + 4 * number as u64, word });
        }
    }
    Ok(())
}
