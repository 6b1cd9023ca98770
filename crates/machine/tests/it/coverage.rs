//! What random steps have met, read off the states before and after them.

use crate::asm::*;
use crate::instructions::*;
use crate::support::*;
use alloy_primitives::B256;
use postern_machine::{Hart, Status};
use std::collections::BTreeSet;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// With `rd`, and perhaps `rs1` and `rs2`.
    Upper,
    Immediate,
    Registers,
    Load(u64),
    Store(u64),
    Branch,
    Fence,
    Ecall,
}

/// Name and form of an instruction, by the fields that it has to have.
fn instruction(word: u32) -> Option<(&'static str, Form)> {
    all_instructions()
        .into_iter()
        .find(|(_, _, mask, value)| word & mask == *value)
        .map(|(name, form, ..)| (name, form))
}

/// Name, form, mask of the fields with one value, and that value.
pub(crate) fn all_instructions() -> Vec<(&'static str, Form, u32, u32)> {
    const OPCODE: u32 = 0x7f;
    const FUNCT3: u32 = 0x707f;
    const FUNCT7: u32 = 0xfe00_707f;
    let mut all = vec![
        ("lui", Form::Upper, OPCODE, lui(0, 0)),
        ("auipc", Form::Upper, OPCODE, auipc(0, 0)),
        ("jal", Form::Upper, OPCODE, jal(0, 0)),
        ("jalr", Form::Immediate, FUNCT3, jalr(0, 0, 0)),
        ("fence", Form::Fence, FUNCT3, FENCE & FUNCT3),
        ("ecall", Form::Ecall, u32::MAX, ECALL),
    ];
    all.extend(REGISTERS.map(|(name, word)| (name, Form::Registers, FUNCT7, word(0, 0, 0))));
    all.extend(IMMEDIATES.map(|(name, word)| (name, Form::Immediate, FUNCT3, word(0, 0, 0))));
    all.extend(SHIFTS.map(|(name, word, bits)| {
        (name, Form::Immediate, if bits == 64 { FUNCT7 & !(1 << 25) } else { FUNCT7 }, word(0, 0, 0))
    }));
    all.extend(LOADS.map(|(name, word, size)| (name, Form::Load(size), FUNCT3, word(0, 0, 0))));
    all.extend(STORES.map(|(name, word, size)| (name, Form::Store(size), FUNCT3, word(0, 0, 0))));
    all.extend(BRANCHES.map(|(name, word)| (name, Form::Branch, FUNCT3, word(0, 0, 0))));
    all
}

pub(crate) fn is_division(name: &str) -> bool {
    name.starts_with("div") || name.starts_with("rem")
}

/// The events, by name.
#[derive(Default)]
pub(crate) struct Coverage {
    /// Instructions that were fetched.
    pub(crate) instructions: u64,
    met: BTreeSet<String>,
}

impl Coverage {
    /// Takes down a step, which executed `word` if it fetched an instruction.
    pub(crate) fn record(&mut self, before: &Hart, word: Option<u32>, after: &Hart) {
        let trapped = after.status() == Status::Trapped;
        let Some(word) = word else {
            self.meet(match before {
                _ if before.status() != Status::Running => "a halted state",
                _ if !before.pc.is_multiple_of(4) => "a misaligned pc",
                _ => "a pc beyond memory",
            });
            return;
        };
        self.instructions += 1;
        if before.pc == 0xffff_fffc {
            self.meet("the last instruction of memory");
        }
        let Some((name, form)) = instruction(word) else { return self.meet("an unknown instruction") };
        let [rd, rs1, rs2] = [7, 15, 20].map(|shift| (word >> shift & 31) as usize);
        let (a, b) = (before.x(rs1), before.x(rs2));
        match form {
            Form::Load(size) => {
                self.access(name, word, size, trapped, before, a.wrapping_add((word as i32 >> 20) as u64))
            }
            Form::Store(size) => {
                let offset = word as i32 >> 25 << 5 | rd as i32;
                self.access(name, word, size, trapped, before, a.wrapping_add(offset as u64));
            }
            Form::Branch if after.pc != before.pc + 4 => self.meet(format!("{name}, taken")),
            Form::Branch => self.meet(format!("{name}, not taken")),
            Form::Ecall => self.meet(call_name(before, after)),
            Form::Upper | Form::Immediate | Form::Registers | Form::Fence => self.meet(name),
        }
        if trapped || matches!(form, Form::Store(_) | Form::Branch | Form::Fence | Form::Ecall) {
            return;
        }
        if rd == 0 {
            self.meet(format!("{name} to x0"));
        }
        if rd != 0 && rd == rs1 && form != Form::Upper {
            self.meet(format!("{name} over its first operand"));
        }
        if form == Form::Registers {
            if rd != 0 && rd == rs2 {
                self.meet(format!("{name} over its second operand"));
            }
            if rs1 == rs2 {
                self.meet(format!("{name} of one register"));
            }
            if is_division(name) {
                let (a, b, least) = match name.ends_with('w') {
                    true => (a as i32 as i64, b as i32 as i64, i64::from(i32::MIN)),
                    false => (a as i64, b as i64, i64::MIN),
                };
                if b == 0 {
                    self.meet(format!("{name} by zero"));
                }
                if (a, b) == (least, -1) && !name.contains('u') {
                    self.meet(format!("{name} that overflows"));
                }
            }
        }
    }

    /// Takes down that the host had no answer.
    pub(crate) fn record_missing(&mut self) {
        self.meet("an answer that is missing");
    }

    fn access(&mut self, name: &str, word: u32, size: u64, trapped: bool, before: &Hart, address: u64) {
        assert_eq!(trapped, address >> 32 != 0 || !address.is_multiple_of(size), "{word:#010x} from {before:?}");
        self.meet(match trapped {
            false if address / 32 == before.pc / 32 => format!("{name} in its own leaf"),
            false => name.to_owned(),
            true if address >> 32 != 0 => format!("{name} beyond memory"),
            true => format!("{name}, misaligned"),
        });
    }

    fn meet(&mut self, what: impl Into<String>) {
        self.met.insert(what.into());
    }

    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.instructions += other.instructions;
        self.met.extend(other.met);
        self
    }

    /// What has not been met of all that there is.
    pub(crate) fn missing(&self) -> Vec<String> {
        everything().difference(&self.met).cloned().collect()
    }
}

/// What a system call did, and if it trapped, why.
fn call_name(before: &Hart, after: &Hart) -> &'static str {
    let trapped = after.status() == Status::Trapped;
    match (before.x(17), before.x(A0 as usize)) {
        (93, _) => "exit",
        (2, _) if before.x(A1 as usize) >= 4096 => "a blob word beyond the blob",
        (3, _) if before.x(A6 as usize) != 1 => "a precompile that is not allowed",
        (1..=3, destination) if destination >> 32 != 0 => "a destination beyond memory",
        (1..=3, _) if trapped => "a misaligned destination",
        (1, _) => "a preimage",
        (2, _) => "a blob word",
        (3, _) => "a precompile",
        _ => "an unknown call",
    }
}

fn everything() -> BTreeSet<String> {
    let mut all: BTreeSet<_> = [
        "a halted state",
        "a misaligned pc",
        "a pc beyond memory",
        "the last instruction of memory",
        "an unknown instruction",
        "an answer that is missing",
        "exit",
        "a blob word beyond the blob",
        "a precompile that is not allowed",
        "a destination beyond memory",
        "a misaligned destination",
        "a preimage",
        "a blob word",
        "a precompile",
        "an unknown call",
    ]
    .map(str::to_owned)
    .into();
    for (name, form, ..) in all_instructions() {
        let suffixes: &[&str] = match form {
            Form::Ecall => &[],
            Form::Fence => &[""],
            Form::Upper => &["", " to x0"],
            Form::Immediate => &["", " to x0", " over its first operand"],
            Form::Registers => {
                &["", " to x0", " over its first operand", " over its second operand", " of one register"]
            }
            Form::Load(_) => &["", " to x0", " over its first operand", " in its own leaf", " beyond memory"],
            Form::Store(_) => &["", " in its own leaf", " beyond memory"],
            Form::Branch => &[", taken", ", not taken"],
        };
        all.extend(suffixes.iter().map(|suffix| format!("{name}{suffix}")));
        if matches!(form, Form::Load(2..) | Form::Store(2..)) {
            all.insert(format!("{name}, misaligned"));
        }
        if is_division(name) {
            all.insert(format!("{name} by zero"));
            if !name.contains('u') {
                all.insert(format!("{name} that overflows"));
            }
        }
    }
    all
}

#[test]
fn each_instruction_is_known_by_one_name() {
    let all = all_instructions();
    assert_eq!(all.len(), 64);
    for (name, _, mask, value) in &all {
        let same = all.iter().filter(|(_, _, other, of)| value & other == *of && of & mask == *value);
        assert_eq!(same.map(|(name, ..)| *name).collect::<Vec<_>>(), [*name]);
    }
    assert!(crate::traps::unknown_words().iter().all(|(_, word)| instruction(*word).is_none()));
}

#[test]
fn nothing_is_met_without_a_step() {
    assert_eq!(Coverage::default().missing().len(), everything().len());
    let mut coverage = Coverage::default();
    let hart = Hart::start(CODE, B256::ZERO);
    coverage.record(&hart, Some(beq(1, 2, 8)), &Hart { pc: CODE + 8, ..hart });
    assert!(!coverage.missing().contains(&"beq, taken".to_owned()));
    assert!(coverage.missing().contains(&"beq, not taken".to_owned()));
}
