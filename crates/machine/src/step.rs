//! One step from its witness: the mirror of `contracts/src/dispute/MachineStep.sol`.
//!
//! Written after the tables of `docs/machine.md` and for their order, not for speed. Nothing here is shared with the
//! interpreter but what system calls look for in registers.

use crate::call::{Call, Question};
use crate::hart::{Hart, Status};
use crate::host::Precompiles;
use crate::tree::{self, DEPTH, EMPTY};
use alloy_primitives::{B256, Bytes, U256, keccak256, uint};
use thiserror::Error;

/// A witness that proves no step from the state in question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WitnessError {
    /// It is too short or too long.
    #[error("the witness has {received} bytes, expected {expected}")]
    WrongLength {
        /// Its length in bytes.
        received: usize,
        /// The length it has to have; the least, if what follows is of any length or not known yet.
        expected: usize,
    },
    /// Its masks name siblings that are not part of the proof.
    #[error("the masks are {received:#018x}, allowed are {allowed:#018x}")]
    WrongMask {
        /// The code mask in the upper, the data mask in the lower 32 bits.
        received: u64,
        /// All bits that may be set.
        allowed: u64,
    },
    /// It is a witness of another state.
    #[error("the witness is of state {received}, expected {expected}")]
    WrongState {
        /// Hash of the state that the witness shows.
        received: B256,
        /// The hash given.
        expected: B256,
    },
    /// What is attached is not what the program asked for.
    #[error("the attachment has the hash {received}, expected {expected}")]
    WrongPreimage {
        /// Keccak-256 of the attachment.
        received: B256,
        /// The key in the registers.
        expected: B256,
    },
    /// The attached element is not the one of the blob.
    #[error("no proof of word {index} of the blob {versioned_hash}")]
    WrongBlobProof {
        /// The versioned hash in the registers.
        versioned_hash: B256,
        /// The index in the registers.
        index: u64,
    },
    /// A precompile failed.
    #[error("precompile {0} failed")]
    PrecompileFailed(u64),
}

/// What an instruction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Trap,
    Exit(u8),
    /// Writes a register (`x0` if none) and moves on to `pc`.
    Register {
        rd: usize,
        value: u64,
        pc: u64,
    },
    /// Loads `size` bytes at `address`.
    Load {
        rd: usize,
        address: u64,
        size: usize,
        signed: bool,
    },
    /// Stores the low `size` bytes of `value` at `address`.
    Store {
        address: u64,
        size: usize,
        value: u64,
    },
    /// Writes 32 bytes of an answer at `destination`.
    Answer {
        destination: u64,
        question: Question,
    },
}

/// Gives the hash of the state after the one with `state_hash`.
///
/// # Errors
///
/// If the witness is not one of that state. All witnesses that are lead to the same next state.
pub fn step(state_hash: B256, witness: &[u8], precompiles: &impl Precompiles) -> Result<B256, WitnessError> {
    check_length(witness, HALTED_LENGTH, true)?;
    let mut reader = Reader { witness, position: 0 };
    let mut hart = Hart::decode(&reader.take());
    let check = |received| match received == state_hash {
        true => Ok(()),
        false => Err(WitnessError::WrongState { received, expected: state_hash }),
    };
    if !hart.fetches() {
        check_length(witness, HALTED_LENGTH, false)?;
        let root = B256::from(reader.take::<32>());
        check(hart.state_hash(root))?;
        if hart.status() == Status::Running {
            hart.trap();
        }
        return Ok(hart.state_hash(root));
    }

    check_length(witness, LEAST_LENGTH, true)?;
    let code_mask = u32::from_be_bytes(reader.take());
    let data_mask = u32::from_be_bytes(reader.take());
    let mut code: [u8; 32] = reader.take();
    let code_number = (hart.pc / 32) as usize;
    let effect = Effect::of(&hart, word_at(&code, hart.pc));
    let data_number = effect.leaf().filter(|number| *number != code_number);
    let meeting = data_number.map(|number| meeting_level(code_number, number));
    let allowed = allowed_masks(meeting);
    let received = u64::from(code_mask) << 32 | u64::from(data_mask);
    if received & !allowed != 0 {
        return Err(WitnessError::WrongMask { received, allowed });
    }
    let (attachment, open) = match effect {
        Effect::Answer { question: Question::BlobWord { .. }, .. } => (BLOB_PROOF_LENGTH, false),
        Effect::Answer { .. } => (0, true),
        _ => (0, false),
    };
    let words = received.count_ones() as usize + usize::from(data_number.is_some());
    check_length(witness, LEAST_LENGTH + 32 * words + attachment, open)?;

    let code_siblings = reader.siblings(code_mask, DEPTH);
    let mut data = meeting.map(|level| (reader.take::<32>(), reader.siblings(data_mask, level)));
    let attachment = &witness[reader.position..];

    let root = |code: [u8; 32], data: &Option<([u8; 32], Vec<B256>)>| {
        let mut siblings = code_siblings.clone();
        if let (Some((leaf, own)), Some(number), Some(level)) = (data, data_number, meeting) {
            siblings[level] = fold(*leaf, number, own);
        }
        fold(code, code_number, &siblings)
    };
    let mut memory_root = root(code, &data);
    check(hart.state_hash(memory_root))?;

    let leaf = match &mut data {
        Some((leaf, _)) => leaf,
        None => &mut code,
    };
    match effect {
        Effect::Trap => hart.trap(),
        Effect::Exit(code) => hart.exit(code),
        Effect::Register { rd, value, pc } => {
            hart.set_x(rd, value);
            hart.pc = pc;
        }
        Effect::Load { rd, address, size, signed } => {
            let mut bytes = [0; 8];
            bytes[..size].copy_from_slice(&leaf[address as usize % 32..][..size]);
            let value = u64::from_le_bytes(bytes);
            let unused = 64 - 8 * size as u32;
            hart.set_x(rd, if signed { ((value << unused) as i64 >> unused) as u64 } else { value });
            hart.pc += 4;
        }
        Effect::Store { address, size, value } => {
            leaf[address as usize % 32..][..size].copy_from_slice(&value.to_le_bytes()[..size]);
            memory_root = root(code, &data);
            hart.pc += 4;
        }
        Effect::Answer { question, .. } => {
            let answer = answer(question, attachment, precompiles)?;
            *leaf = question.leaf(&answer);
            memory_root = root(code, &data);
            hart.answered(answer.len());
        }
    }
    Ok(hart.state_hash(memory_root))
}

/// Bytes of the witness of a state that fetches no instruction, and of what is read first in any.
const HALTED_LENGTH: usize = Hart::LENGTH + 32;

/// Bytes of the shortest witness of a state that does: with its masks and the code leaf.
const LEAST_LENGTH: usize = Hart::LENGTH + 8 + 32;

/// Bytes of an element, a commitment and a proof.
const BLOB_PROOF_LENGTH: usize = 32 + 48 + 48;

fn check_length(witness: &[u8], expected: usize, open: bool) -> Result<(), WitnessError> {
    match witness.len() {
        received if received == expected || (open && received > expected) => Ok(()),
        received => Err(WitnessError::WrongLength { received, expected }),
    }
}

/// The instruction at `pc` in its leaf.
pub(crate) fn word_at(leaf: &[u8; 32], pc: u64) -> u32 {
    u32::from_le_bytes(leaf.as_chunks::<4>().0[pc as usize % 32 / 4])
}

/// The level at which the paths of two leaves meet: there, the node on either path is the other's sibling.
pub(crate) fn meeting_level(a: usize, b: usize) -> usize {
    (a ^ b).ilog2() as usize
}

/// Which siblings a witness may have, the masks as in [`WitnessError::WrongMask`].
pub(crate) fn allowed_masks(meeting: Option<usize>) -> u64 {
    let all = (1 << DEPTH) - 1;
    match meeting {
        Some(level) => (all & !(1 << level)) << 32 | ((1 << level) - 1),
        None => all << 32,
    }
}

/// The root of the subtree that a leaf and its siblings span.
fn fold(leaf: [u8; 32], number: usize, siblings: &[B256]) -> B256 {
    siblings.iter().enumerate().fold(leaf.into(), |below: B256, (level, sibling)| {
        if number >> level & 1 == 0 { tree::node(&below, sibling) } else { tree::node(sibling, &below) }
    })
}

/// The answer to a system call, from what is attached to the witness.
fn answer(question: Question, attachment: &[u8], precompiles: &impl Precompiles) -> Result<Bytes, WitnessError> {
    let check = |key| match keccak256(attachment) {
        received if received == key => Ok(()),
        received => Err(WitnessError::WrongPreimage { received, expected: key }),
    };
    match question {
        Question::Preimage { key, .. } => {
            check(key)?;
            Ok(Bytes::copy_from_slice(attachment))
        }
        Question::Precompile { number, key, .. } => {
            check(key)?;
            precompiles.precompile(number, attachment).ok_or(WitnessError::PrecompileFailed(number))
        }
        Question::BlobWord { versioned_hash, index } => {
            let (element, proof) = attachment.split_at(32);
            let input = [versioned_hash.as_slice(), &evaluation_point(index), element, proof].concat();
            precompiles
                .precompile(POINT_EVALUATION, &input)
                .map(|_| Bytes::copy_from_slice(element))
                .ok_or(WitnessError::WrongBlobProof { versioned_hash, index })
        }
    }
}

/// Address of the precompile of EIP-4844.
const POINT_EVALUATION: u64 = 10;

/// Order of the scalar field of BLS12-381.
const BLS_ORDER: U256 = uint!(0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001_U256);

/// The point at which the polynomial of a blob has the element with this index, below 4,096: a root of unity of that order,
/// in bit-reversed order. Big-endian.
pub fn evaluation_point(index: u64) -> [u8; 32] {
    let root = U256::from(7).pow_mod((BLS_ORDER - U256::ONE) / U256::from(4096), BLS_ORDER);
    let exponent = (index as u16).reverse_bits() >> 4;
    root.pow_mod(U256::from(exponent), BLS_ORDER).to_be_bytes()
}

/// Reads a witness from its start.
struct Reader<'a> {
    witness: &'a [u8],
    position: usize,
}

impl Reader<'_> {
    /// The next bytes. That they are there has been checked.
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let bytes = self.witness[self.position..].first_chunk().expect("the length is checked");
        self.position += N;
        *bytes
    }

    /// The siblings at the levels below `height`: those in the mask are in the witness, the others are empty subtrees.
    fn siblings(&mut self, mask: u32, height: usize) -> Vec<B256> {
        (0..height).map(|level| if mask >> level & 1 == 1 { self.take::<32>().into() } else { EMPTY[level] }).collect()
    }
}

impl Effect {
    /// What the instruction does in this state.
    pub(crate) fn of(hart: &Hart, word: u32) -> Self {
        let bits = |from: u32, count: u32| word >> from & ((1 << count) - 1);
        // An immediate is sign-extended from `count` bits.
        let signed = |value: u32, count: u32| ((value << (32 - count)) as i32 >> (32 - count)) as i64 as u64;

        let rd = bits(7, 5) as usize;
        let a = hart.x(bits(15, 5) as usize);
        let b = hart.x(bits(20, 5) as usize);
        let (funct3, funct7) = (bits(12, 3), bits(25, 7));
        let next = hart.pc + 4;
        let of_i = signed(bits(20, 12), 12);
        let of_u = signed(bits(12, 20) << 12, 32);
        let register = |value| Self::Register { rd, value, pc: next };

        match bits(0, 7) {
            0b0110111 => register(of_u),
            0b0010111 => register(hart.pc.wrapping_add(of_u)),
            0b1101111 => {
                let offset = bits(31, 1) << 20 | bits(12, 8) << 12 | bits(20, 1) << 11 | bits(21, 10) << 1;
                Self::Register { rd, value: next, pc: hart.pc.wrapping_add(signed(offset, 21)) }
            }
            0b1100111 if funct3 == 0 => Self::Register { rd, value: next, pc: a.wrapping_add(of_i) & !1 },
            0b1100011 => {
                let offset = bits(31, 1) << 12 | bits(7, 1) << 11 | bits(25, 6) << 5 | bits(8, 4) << 1;
                let taken = match funct3 {
                    0 => a == b,
                    1 => a != b,
                    4 => (a as i64) < (b as i64),
                    5 => (a as i64) >= (b as i64),
                    6 => a < b,
                    7 => a >= b,
                    _ => return Self::Trap,
                };
                let pc = if taken { hart.pc.wrapping_add(signed(offset, 13)) } else { next };
                Self::Register { rd: 0, value: 0, pc }
            }
            0b0000011 if funct3 != 7 => {
                let (address, size) = (a.wrapping_add(of_i), 1 << (funct3 & 3));
                match is_accessible(address, size) {
                    true => Self::Load { rd, address, size, signed: funct3 < 4 },
                    false => Self::Trap,
                }
            }
            0b0100011 if funct3 < 4 => {
                let (address, size) = (a.wrapping_add(signed(funct7 << 5 | bits(7, 5), 12)), 1 << funct3);
                match is_accessible(address, size) {
                    true => Self::Store { address, size, value: b },
                    false => Self::Trap,
                }
            }
            0b0010011 => match (funct3, bits(26, 6)) {
                (1, 0) | (5, 0 | 0b010000) => {
                    alu(funct3, bits(30, 1) == 1, a, u64::from(bits(20, 6))).map_or(Self::Trap, register)
                }
                (1 | 5, _) => Self::Trap,
                _ => alu(funct3, false, a, of_i).map_or(Self::Trap, register),
            },
            0b0011011 => match (funct3, funct7) {
                (0, _) => register(signed(a.wrapping_add(of_i) as u32, 32)),
                (1, 0) | (5, 0 | 0b0100000) => alu_32(funct3, funct7, a as u32, bits(20, 5))
                    .map_or(Self::Trap, |value| register(signed(value, 32))),
                _ => Self::Trap,
            },
            0b0110011 => match (funct7, funct3) {
                (0, _) => alu(funct3, false, a, b).map_or(Self::Trap, register),
                (0b0100000, 0 | 5) => alu(funct3, true, a, b).map_or(Self::Trap, register),
                (1, _) => register(multiply_or_divide(funct3, a, b)),
                _ => Self::Trap,
            },
            0b0111011 => {
                alu_32(funct3, funct7, a as u32, b as u32).map_or(Self::Trap, |value| register(signed(value, 32)))
            }
            0b0001111 if funct3 == 0 => Self::Register { rd: 0, value: 0, pc: next },
            0b1110011 if word == 0x0000_0073 => match Call::of(hart) {
                None => Self::Trap,
                Some(Call::Exit(code)) => Self::Exit(code),
                Some(Call::Read { destination, question }) => Self::Answer { destination, question },
            },
            _ => Self::Trap,
        }
    }

    /// The number of the leaf that is read or written.
    pub(crate) fn leaf(&self) -> Option<usize> {
        match *self {
            Self::Load { address, .. } | Self::Store { address, .. } | Self::Answer { destination: address, .. } => {
                Some((address / 32) as usize)
            }
            Self::Trap | Self::Exit(_) | Self::Register { .. } => None,
        }
    }
}

/// Whether `size` bytes at `address` may be accessed.
fn is_accessible(address: u64, size: usize) -> bool {
    address < 1 << 32 && address.is_multiple_of(size as u64)
}

/// The operations of 64 bits without multiplication and division; `other` picks subtraction and the arithmetic shift.
fn alu(funct3: u32, other: bool, a: u64, b: u64) -> Option<u64> {
    let shift = b & 63;
    Some(match (funct3, other) {
        (0, false) => a.wrapping_add(b),
        (0, true) => a.wrapping_sub(b),
        (1, false) => a << shift,
        (2, false) => u64::from((a as i64) < (b as i64)),
        (3, false) => u64::from(a < b),
        (4, false) => a ^ b,
        (5, false) => a >> shift,
        (5, true) => ((a as i64) >> shift) as u64,
        (6, false) => a | b,
        (7, false) => a & b,
        _ => return None,
    })
}

/// The operations of 32 bits.
fn alu_32(funct3: u32, funct7: u32, a: u32, b: u32) -> Option<u32> {
    let shift = b & 31;
    let (signed_a, signed_b) = (a as i32, b as i32);
    Some(match (funct7, funct3) {
        (0, 0) => a.wrapping_add(b),
        (0, 1) => a << shift,
        (0, 5) => a >> shift,
        (0b0100000, 0) => a.wrapping_sub(b),
        (0b0100000, 5) => (signed_a >> shift) as u32,
        (1, 0) => a.wrapping_mul(b),
        (1, 4) if b == 0 => u32::MAX,
        (1, 4) => signed_a.wrapping_div(signed_b) as u32,
        (1, 5) if b == 0 => u32::MAX,
        (1, 5) => a / b,
        (1, 6) if b == 0 => a,
        (1, 6) => signed_a.wrapping_rem(signed_b) as u32,
        (1, 7) if b == 0 => a,
        (1, 7) => a % b,
        _ => return None,
    })
}

/// Multiplication and division of 64 bits, by `funct3`.
fn multiply_or_divide(funct3: u32, a: u64, b: u64) -> u64 {
    let (signed_a, signed_b) = (a as i64, b as i64);
    let high = |product: i128| (product >> 64) as u64;
    match funct3 {
        0 => a.wrapping_mul(b),
        1 => high(i128::from(signed_a) * i128::from(signed_b)),
        2 => high(i128::from(signed_a) * i128::from(b)),
        3 => ((u128::from(a) * u128::from(b)) >> 64) as u64,
        4 if b == 0 => u64::MAX,
        4 => signed_a.wrapping_div(signed_b) as u64,
        5 if b == 0 => u64::MAX,
        5 => a / b,
        6 if b == 0 => a,
        6 => signed_a.wrapping_rem(signed_b) as u64,
        _ if b == 0 => a,
        _ => a % b,
    }
}
