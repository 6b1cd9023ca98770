//! The interpreter.

use crate::call::{Call, Question};
use crate::code::Code;
use crate::hart::{Hart, Status};
use crate::host::{Host, Missing};
use crate::instruction::Instruction;
use crate::memory::{self, Memory, PAGE_SIZE, SavedPage, Stored};
use crate::operation::Kind;
use alloy_primitives::{B256, Bytes, keccak256};

/// A machine at some step of its run.
pub struct Machine {
    pub(crate) hart: Hart,
    pub(crate) memory: Memory,
    code: Code,
    steps: u64,
    /// The last preimage that was read, by its key, as they are read in pieces.
    preimage: Option<(B256, Bytes)>,
}

/// A machine at some step, to be run again from there. Snapshots of one run share what did not change between them.
#[derive(Clone)]
pub struct Snapshot {
    hart: Hart,
    steps: u64,
    state_hash: B256,
    pages: Vec<SavedPage>,
}

impl Snapshot {
    /// How many steps lie before it.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Hash of the state.
    pub fn state_hash(&self) -> B256 {
        self.state_hash
    }

    /// Bytes of memory that it holds and does not share with an earlier snapshot of the same run: for each page that was written
    /// in between its 4,096 bytes, and as many for its hashes. All of its pages if there is none.
    pub fn bytes_beside(&self, earlier: Option<&Self>) -> u64 {
        memory::bytes_beside(&self.pages, earlier.map_or(&[], |earlier| &earlier.pages)) as u64
    }

    /// A machine that stands here.
    pub fn restore(&self) -> Machine {
        Machine::new(self.hart, Memory::restore(&self.pages), self.steps)
    }
}

/// The registers as the interpreter has them. As many as an index can name, so that no access needs a check; those beyond
/// `Operation::NOWHERE` are never used.
struct Registers([u64; 256]);

impl Registers {
    fn of(hart: &Hart) -> Self {
        let mut registers = [0; 256];
        registers[1..32].copy_from_slice(&hart.slots[1..]);
        Self(registers)
    }

    #[inline(always)]
    fn get(&self, register: u8) -> u64 {
        self.0[register as usize]
    }

    #[inline(always)]
    fn set(&mut self, register: u8, value: u64) {
        self.0[register as usize] = value;
    }

    fn write_to(&self, hart: &mut Hart) {
        hart.slots[1..].copy_from_slice(&self.0[1..32]);
    }
}

/// Why the interpreter stopped.
enum Stop {
    /// The steps are used up.
    Limit,
    /// The instruction at `pc` is a system call.
    Call,
    /// The next step is a trap.
    Trap,
}

impl Machine {
    pub(crate) fn new(hart: Hart, memory: Memory, steps: u64) -> Self {
        Self { hart, memory, code: Code::new(), steps, preimage: None }
    }

    /// How many steps have been executed. Steps of the halted machine do not count.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Whether it runs, and if not, how it ended.
    pub fn status(&self) -> Status {
        self.hart.status()
    }

    /// `pc`, status and registers.
    pub fn hart(&self) -> &Hart {
        &self.hart
    }

    /// The instruction that the next step executes: none if the machine has halted, or cannot fetch one from where `pc` is.
    pub fn instruction(&self) -> Option<Instruction> {
        let pc = self.hart.pc;
        let word = self.hart.fetches().then(|| self.memory.load(pc)).flatten()?;
        Some(Instruction { pc, word: u32::from_le_bytes(word) })
    }

    /// The same memory, and the step it stands at, with another hart: any state may be run from.
    #[must_use]
    pub fn with_hart(self, hart: Hart) -> Self {
        Self { hart, ..self }
    }

    /// The 32 bytes in `a0 … a3`: the output hash, once the program has ended.
    pub fn output(&self) -> B256 {
        self.hart.word(10)
    }

    /// `length` bytes of memory at `address`, or nothing if that reaches beyond the end of memory.
    pub fn read_memory(&self, address: u64, length: u64) -> Option<Vec<u8>> {
        self.memory.read(address, length)
    }

    /// Bytes of memory in the pages of 4,096 bytes that have ever been written.
    pub fn memory_in_use(&self) -> u64 {
        (self.memory.page_count() * PAGE_SIZE) as u64
    }

    /// Root of the memory tree. Costs some hashes for each leaf written since the last time.
    pub fn memory_root(&mut self) -> B256 {
        self.memory.root()
    }

    /// Hash of the state. Costs what [`Self::memory_root`] does.
    pub fn state_hash(&mut self) -> B256 {
        self.hart.state_hash(self.memory.root())
    }

    /// This state, to come back to. Costs what [`Self::memory_root`] does, and a copy of each page written since the last
    /// snapshot.
    pub fn snapshot(&mut self) -> Snapshot {
        let pages = self.memory.save();
        Snapshot { hart: self.hart, steps: self.steps, state_hash: self.state_hash(), pages }
    }

    /// Runs until `limit` steps have been executed since the start of the program, or until it halts.
    ///
    /// # Errors
    ///
    /// If the host lacks what the program asks for. The machine then stands before that step.
    pub fn run(&mut self, host: &impl Host, limit: u64) -> Result<Status, Missing> {
        while self.status() == Status::Running && self.steps < limit {
            let mut registers = Registers::of(&self.hart);
            let stop = self.interpret(&mut registers, limit);
            registers.write_to(&mut self.hart);
            match stop {
                Stop::Limit => break,
                Stop::Call => self.call(host)?,
                Stop::Trap => self.hart.trap(),
            }
            self.steps += 1;
        }
        Ok(self.status())
    }

    /// State hashes at `count` evenly spaced steps: after `stride` steps from here, after `2 * stride`, and so on. The
    /// machine is left at the last of them.
    ///
    /// # Errors
    ///
    /// As for [`Self::run`].
    pub fn state_hashes(&mut self, host: &impl Host, stride: u64, count: u64) -> Result<Vec<B256>, Missing> {
        let start = self.steps;
        (1..=count)
            .map(|point| {
                self.run(host, start.saturating_add(stride.saturating_mul(point)))?;
                Ok(self.state_hash())
            })
            .collect()
    }

    /// Executes instructions up to the next one that is more than registers, memory and jumps.
    fn interpret(&mut self, registers: &mut Registers, limit: u64) -> Stop {
        let mut pc = self.hart.pc;
        let mut left = limit - self.steps;
        let stop = 'pages: loop {
            if pc & !0xffff_fffc != 0 {
                break if left == 0 { Stop::Limit } else { Stop::Trap };
            }
            let base = pc & !(PAGE_SIZE as u64 - 1);
            let page = self.code.page(&mut self.memory, base as usize / PAGE_SIZE);
            let mut at = (pc - base) as usize / 4;

            // `at` counts instructions from the start of the page, and leaves it by any jump or step beyond.
            while let Some(operation) = page.get(at) {
                if left == 0 {
                    pc = address(base, at);
                    break 'pages Stop::Limit;
                }
                left -= 1;

                let a = registers.get(operation.rs1);
                let b = registers.get(operation.rs2);
                let immediate = operation.immediate;
                let i = immediate as i64 as u64;

                macro_rules! stop {
                    ($stop:expr) => {{
                        left += 1;
                        pc = address(base, at);
                        break 'pages $stop;
                    }};
                }
                macro_rules! jump_if {
                    ($condition:expr) => {{
                        at = at.wrapping_add_signed(if $condition { immediate as isize } else { 1 });
                        continue;
                    }};
                }
                macro_rules! load {
                    ($number:ty) => {
                        match self.memory.load(a.wrapping_add(i)) {
                            Some(bytes) => <$number>::from_le_bytes(bytes) as i64 as u64,
                            None => stop!(Stop::Trap),
                        }
                    };
                }
                macro_rules! store {
                    ($number:ty) => {{
                        let (to, bytes) = (a.wrapping_add(i), (b as $number).to_le_bytes());
                        match self.memory.store(to, bytes) {
                            Stored::Done => {}
                            Stored::Closed => {
                                self.code.write(&mut self.memory, to, &bytes);
                                pc = address(base, at + 1);
                                continue 'pages;
                            }
                            Stored::Trap => stop!(Stop::Trap),
                        }
                        at += 1;
                        continue;
                    }};
                }

                let value = match operation.kind {
                    Kind::Trap => stop!(Stop::Trap),
                    Kind::Ecall => stop!(Stop::Call),
                    Kind::Fence => {
                        at += 1;
                        continue;
                    }
                    Kind::Lui => i,
                    Kind::Auipc => address(base, at).wrapping_add(i),
                    Kind::Jal => {
                        registers.set(operation.rd, address(base, at + 1));
                        jump_if!(true)
                    }
                    Kind::Jalr => {
                        registers.set(operation.rd, address(base, at + 1));
                        pc = a.wrapping_add(i) & !1;
                        let offset = pc.wrapping_sub(base);
                        if offset < PAGE_SIZE as u64 && offset.is_multiple_of(4) {
                            at = offset as usize / 4;
                            continue;
                        }
                        continue 'pages;
                    }
                    Kind::Beq => jump_if!(a == b),
                    Kind::Bne => jump_if!(a != b),
                    Kind::Blt => jump_if!((a as i64) < b as i64),
                    Kind::Bge => jump_if!(a as i64 >= b as i64),
                    Kind::Bltu => jump_if!(a < b),
                    Kind::Bgeu => jump_if!(a >= b),
                    Kind::Misaligned => {
                        let (rd, offset) = operation.misaligned(a, b);
                        pc = address(base, at).wrapping_add(offset);
                        registers.set(rd, address(base, at + 1));
                        continue 'pages;
                    }
                    Kind::Lb => load!(i8),
                    Kind::Lh => load!(i16),
                    Kind::Lw => load!(i32),
                    Kind::Ld => load!(i64),
                    Kind::Lbu => load!(u8),
                    Kind::Lhu => load!(u16),
                    Kind::Lwu => load!(u32),
                    Kind::Sb => store!(u8),
                    Kind::Sh => store!(u16),
                    Kind::Sw => store!(u32),
                    Kind::Sd => store!(u64),
                    Kind::Addi => a.wrapping_add(i),
                    Kind::Slti => u64::from((a as i64) < i as i64),
                    Kind::Sltiu => u64::from(a < i),
                    Kind::Xori => a ^ i,
                    Kind::Ori => a | i,
                    Kind::Andi => a & i,
                    Kind::Slli => a << (i & 63),
                    Kind::Srli => a >> (i & 63),
                    Kind::Srai => (a as i64 >> (i & 63)) as u64,
                    Kind::Addiw => extend(a.wrapping_add(i) as u32),
                    Kind::Slliw => extend((a as u32) << (i & 31)),
                    Kind::Srliw => extend(a as u32 >> (i & 31)),
                    Kind::Sraiw => extend((a as i32 >> (i & 31)) as u32),
                    Kind::Add => a.wrapping_add(b),
                    Kind::Sub => a.wrapping_sub(b),
                    Kind::Sll => a << (b & 63),
                    Kind::Slt => u64::from((a as i64) < b as i64),
                    Kind::Sltu => u64::from(a < b),
                    Kind::Xor => a ^ b,
                    Kind::Srl => a >> (b & 63),
                    Kind::Sra => (a as i64 >> (b & 63)) as u64,
                    Kind::Or => a | b,
                    Kind::And => a & b,
                    Kind::Mul => a.wrapping_mul(b),
                    Kind::Mulh => ((i128::from(a as i64) * i128::from(b as i64)) >> 64) as u64,
                    Kind::Mulhsu => ((i128::from(a as i64) * i128::from(b)) >> 64) as u64,
                    Kind::Mulhu => ((u128::from(a) * u128::from(b)) >> 64) as u64,
                    Kind::Div => match b as i64 {
                        0 => u64::MAX,
                        b => (a as i64).wrapping_div(b) as u64,
                    },
                    Kind::Divu => a.checked_div(b).unwrap_or(u64::MAX),
                    Kind::Rem => match b as i64 {
                        0 => a,
                        b => (a as i64).wrapping_rem(b) as u64,
                    },
                    Kind::Remu => a.checked_rem(b).unwrap_or(a),
                    Kind::Addw => extend(a.wrapping_add(b) as u32),
                    Kind::Subw => extend(a.wrapping_sub(b) as u32),
                    Kind::Sllw => extend((a as u32) << (b & 31)),
                    Kind::Srlw => extend(a as u32 >> (b & 31)),
                    Kind::Sraw => extend((a as i32 >> (b & 31)) as u32),
                    Kind::Mulw => extend(a.wrapping_mul(b) as u32),
                    Kind::Divw => match b as i32 {
                        0 => u64::MAX,
                        b => extend((a as i32).wrapping_div(b) as u32),
                    },
                    Kind::Divuw => extend((a as u32).checked_div(b as u32).unwrap_or(u32::MAX)),
                    Kind::Remw => match b as i32 {
                        0 => extend(a as u32),
                        b => extend((a as i32).wrapping_rem(b) as u32),
                    },
                    Kind::Remuw => extend((a as u32).checked_rem(b as u32).unwrap_or(a as u32)),
                };
                registers.set(operation.rd, value);
                at += 1;
            }
            pc = address(base, at);
        };
        self.hart.pc = pc;
        self.steps = limit - left;
        stop
    }

    /// Carries out the system call at `pc`.
    fn call(&mut self, host: &impl Host) -> Result<(), Missing> {
        match Call::of(&self.hart) {
            None => self.hart.trap(),
            Some(Call::Exit(code)) => self.hart.exit(code),
            Some(Call::Read { destination, question }) => {
                let answer = self.answer(host, question)?;
                self.code.write(&mut self.memory, destination, &question.leaf(&answer));
                self.hart.answered(answer.len());
            }
        }
        Ok(())
    }

    fn answer(&mut self, host: &impl Host, question: Question) -> Result<Bytes, Missing> {
        match question {
            Question::Preimage { key, .. } => match &self.preimage {
                Some((known, preimage)) if *known == key => Ok(preimage.clone()),
                _ => {
                    let preimage = host.preimage(&key).ok_or(Missing::Preimage(key))?;
                    self.preimage = Some((key, preimage.clone()));
                    Ok(preimage)
                }
            },
            Question::BlobWord { versioned_hash, index } => host
                .blob_word(&versioned_hash, index)
                .map(|word| Bytes::copy_from_slice(word.as_slice()))
                .ok_or(Missing::BlobWord { versioned_hash, index }),
            // Never kept: whether there is an answer depends on memory, and must not on where the run began.
            Question::Precompile { number, key, .. } => {
                let input = self.precompile_input(host, number, key)?;
                host.precompile(number, &input).ok_or(Missing::Precompile(number))
            }
        }
    }

    /// The input of a precompile: what the program says it is, if that has the right hash.
    pub(crate) fn precompile_input(&self, host: &impl Host, number: u64, key: B256) -> Result<Bytes, Missing> {
        let (address, length) = self.hart.input_advice();
        self.memory
            .read(address, length)
            .map(Bytes::from)
            .filter(|input| keccak256(input) == key)
            .or_else(|| host.preimage(&key))
            .ok_or(Missing::PrecompileInput { key, number })
    }
}

/// The address of an instruction by its place in the page, or outside of it.
#[inline(always)]
fn address(base: u64, at: usize) -> u64 {
    base.wrapping_add((at as u64).wrapping_mul(4))
}

/// Sign-extends the result of a 32-bit instruction.
#[inline(always)]
fn extend(result: u32) -> u64 {
    result as i32 as i64 as u64
}
