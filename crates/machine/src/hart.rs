//! What the machine's state holds beside memory.

use alloy_primitives::{B256, keccak256};

/// `pc`, halt status and registers: the state without its memory root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hart {
    /// Address of the next instruction.
    pub pc: u64,
    /// The halt status in slot 0, as [`Status`] reads it, and `xN` in slot `N`.
    pub slots: [u64; 32],
}

/// Whether the machine runs, and if not, how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It runs.
    Running,
    /// The program ended itself, with this code.
    Exited(u8),
    /// It did what no instruction allows.
    Trapped,
}

impl Hart {
    /// Length of the encoding in bytes.
    pub const LENGTH: usize = 264;

    const TRAPPED: u64 = u64::MAX;

    /// A hart about to execute the first instruction of a program, with the 32 bytes of `input` in `a0 … a3`.
    pub fn start(entry: u64, input: B256) -> Self {
        let mut slots = [0; 32];
        for (slot, bytes) in slots[10..14].iter_mut().zip(input.as_chunks::<8>().0) {
            *slot = u64::from_be_bytes(*bytes);
        }
        Self { pc: entry, slots }
    }

    /// The register `xN`; `x0` is zero.
    ///
    /// # Panics
    ///
    /// If there is no such register.
    pub fn x(&self, register: usize) -> u64 {
        if register == 0 { 0 } else { self.slots[register] }
    }

    /// Writes the register `xN`; what is written to `x0` is lost.
    pub(crate) fn set_x(&mut self, register: usize, value: u64) {
        if register != 0 {
            self.slots[register] = value;
        }
    }

    /// The 32 bytes in four registers from `xN` on, the first of them the most significant.
    ///
    /// # Panics
    ///
    /// If one of them is `x0` or no register.
    pub fn word(&self, first: usize) -> B256 {
        assert_ne!(first, 0, "x0 is not part of a word");
        let mut word = B256::ZERO;
        for (bytes, slot) in word.as_chunks_mut::<8>().0.iter_mut().zip(&self.slots[first..first + 4]) {
            *bytes = slot.to_be_bytes();
        }
        word
    }

    /// How the machine stands.
    pub fn status(&self) -> Status {
        match self.slots[0] {
            0 => Status::Running,
            status @ 1..=256 => Status::Exited((status - 1) as u8),
            _ => Status::Trapped,
        }
    }

    pub(crate) fn exit(&mut self, code: u8) {
        self.slots[0] = u64::from(code) + 1;
    }

    pub(crate) fn trap(&mut self) {
        self.slots[0] = Self::TRAPPED;
    }

    /// Whether an instruction can be at `pc`.
    pub(crate) fn can_fetch(&self) -> bool {
        self.pc < 1 << 32 && self.pc.is_multiple_of(4)
    }

    /// Whether the next step reads an instruction. If not it needs nothing of memory but its root.
    pub(crate) fn fetches(&self) -> bool {
        self.status() == Status::Running && self.can_fetch()
    }

    /// `pc`, status and `x1 … x31`, 8 bytes each, big-endian: bytes 32 … 295 of the state.
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        for (bytes, value) in bytes.as_chunks_mut::<8>().0.iter_mut().zip([self.pc].iter().chain(&self.slots)) {
            *bytes = value.to_be_bytes();
        }
        bytes
    }

    /// The inverse of [`Self::encode`].
    pub fn decode(bytes: &[u8; Self::LENGTH]) -> Self {
        let (pc, slots) = bytes.split_first_chunk().expect("longer than 8 bytes");
        let slots = slots.as_chunks::<8>().0;
        Self { pc: u64::from_be_bytes(*pc), slots: std::array::from_fn(|slot| u64::from_be_bytes(slots[slot])) }
    }

    /// The hash of the state which is this hart over the memory with `memory_root`.
    pub fn state_hash(&self, memory_root: B256) -> B256 {
        let mut state = [0; 32 + Self::LENGTH];
        state[..32].copy_from_slice(memory_root.as_slice());
        state[32..].copy_from_slice(&self.encode());
        keccak256(state)
    }
}
