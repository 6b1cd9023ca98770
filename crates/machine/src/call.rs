//! System calls: what the registers ask for.

use crate::hart::Hart;
use alloy_primitives::B256;

/// The precompiles that a program may call: `ecrecover`.
const ALLOWED_PRECOMPILES: [u64; 1] = [1];

/// Field elements in a blob.
const BLOB_WORDS: u64 = 4096;

const A0: usize = 10;
const A1: usize = 11;
const A2: usize = 12;
const A4: usize = 14;
const A6: usize = 16;
const A7: usize = 17;

/// What `ECALL` does if it does not trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// Ends the program.
    Exit(u8),
    /// Writes 32 bytes of an answer to the leaf at `destination`.
    Read { destination: u64, question: Question },
}

/// What a program wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// The preimage of `key`, from `offset` on.
    Preimage { key: B256, offset: u64 },
    /// An element of a blob.
    BlobWord { versioned_hash: B256, index: u64 },
    /// What a precompile returns for the preimage of `key`, from `offset` on.
    Precompile { number: u64, key: B256, offset: u64 },
}

impl Call {
    /// The call that the registers make, or nothing for a trap.
    pub(crate) fn of(hart: &Hart) -> Option<Self> {
        let (offset, key) = (hart.x(A1), hart.word(A2));
        let question = match hart.x(A7) {
            93 => return Some(Self::Exit(hart.x(A4) as u8)),
            1 => Question::Preimage { key, offset },
            2 if offset < BLOB_WORDS => Question::BlobWord { versioned_hash: key, index: offset },
            3 if ALLOWED_PRECOMPILES.contains(&hart.x(A6)) => Question::Precompile { number: hart.x(A6), key, offset },
            _ => return None,
        };
        let destination = hart.x(A0);
        let valid = destination < 1 << 32 && destination.is_multiple_of(32);
        valid.then_some(Self::Read { destination, question })
    }
}

impl Question {
    /// The 32 bytes of the answer that the call writes.
    pub(crate) fn leaf(&self, answer: &[u8]) -> [u8; 32] {
        let offset = match *self {
            Self::Preimage { offset, .. } | Self::Precompile { offset, .. } => offset,
            Self::BlobWord { .. } => 0,
        };
        let mut leaf = [0; 32];
        let rest = usize::try_from(offset).ok().and_then(|offset| answer.get(offset..)).unwrap_or_default();
        let length = rest.len().min(32);
        leaf[..length].copy_from_slice(&rest[..length]);
        leaf
    }
}

impl Hart {
    /// Completes a call that wrote 32 bytes of an answer of `length` bytes.
    pub(crate) fn answered(&mut self, length: usize) {
        self.set_x(A0, length as u64);
        self.pc += 4;
    }

    /// Where the program says that the input of a precompile lies: address and length in bytes. Not part of the step.
    pub(crate) fn input_advice(&self) -> (u64, u64) {
        (self.x(5), self.x(6))
    }
}
