//! A run that ends with a forged output, and is the machine's own in all but a few loads.

use alloy::primitives::{B256, Bytes};
use eyre::{Result, bail};
use postern_machine::{Hart, Instruction, Machine, Missing, Program, Snapshot, Status};
use postern_node::{
    dispute::Run,
    trace::{BatchHost, Trace, TraceError},
};
use postern_protocol::{
    dispute::{POINTS, Points, spacing},
    output::Output,
};

/// The program hashes its output in so many of its last steps, with room to spare.
const TAIL: u64 = 1 << 17;

/// A load from memory, of which it is said that it gave something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lie {
    /// The step, counted from 0.
    pub step: u64,
    /// What is executed.
    pub instruction: Instruction,
    /// The register that it writes.
    pub register: usize,
    /// What the machine loads.
    pub truth: u64,
    /// What is said to be loaded.
    pub value: u64,
}

/// The run of a machine that lies where the program hashes its output: it has the outbox root in memory, and the four loads that read
/// it give the words of another. All before is true, all after follows, and the program exits with code 0 and an output
/// that has that root. So the lie can be found in the first of these steps alone.
#[derive(Clone)]
pub struct Forgery {
    truth: Trace,
    /// In order of their steps; there is one.
    lies: Vec<Lie>,
    /// The state before the first of them.
    before: Snapshot,
    output_root: B256,
}

impl Forgery {
    /// The run over the batch of `truth`, whose output is `output`, that ends with `outbox_root` in it.
    ///
    /// # Errors
    /// If the store fails, or the program does not hash its output as told.
    pub fn new(program: &Program, truth: Trace, output: &Output, outbox_root: B256) -> Result<Self> {
        let host = truth.batch().host()?;
        let mut machine = program.start(truth.batch().input());
        machine.run(&host, truth.steps().saturating_sub(TAIL))?;
        let tail = machine.snapshot();
        let words = words(output.outbox_root).into_iter().zip(words(outbox_root)).collect::<Vec<_>>();
        let output_root = Output { outbox_root, ..*output }.root();

        let mut loads = Vec::new();
        while machine.status() == Status::Running {
            loads.extend(load(&mut machine, &host, &words[..1])?.map(|load| load.step));
        }
        // The root may have been loaded for something else before.
        while let Some(first) = loads.pop() {
            let mut machine = tail.restore();
            machine.run(&host, first)?;
            let (before, mut lies) = (machine.snapshot(), Vec::new());
            while machine.status() == Status::Running {
                if let Some(lie) = load(&mut machine, &host, &words)? {
                    machine = told(machine, &lie);
                    lies.push(lie);
                }
            }
            if machine.status() == Status::Exited(0) && machine.output() == output_root {
                return Ok(Self { truth, lies, before, output_root });
            }
        }
        bail!("the program does not load its outbox root in words of eight bytes");
    }

    /// The true run.
    pub const fn truth(&self) -> &Trace {
        &self.truth
    }

    /// What the run ends with.
    pub const fn output_root(&self) -> B256 {
        self.output_root
    }

    /// Where it lies first.
    pub fn first_lie(&self) -> &Lie {
        &self.lies[0]
    }

    /// Takes a machine that stands somewhere after `before` on to the state after so many steps.
    fn advance(&self, mut machine: Machine, host: &BatchHost, steps: u64) -> Result<Machine, Missing> {
        let ahead = machine.steps()..steps;
        for lie in self.lies.iter().filter(|lie| ahead.contains(&lie.step)) {
            machine.run(host, lie.step + 1)?;
            machine = told(machine, lie);
        }
        machine.run(host, steps)?;
        Ok(machine)
    }
}

impl Run for Forgery {
    type Error = TraceError;

    fn start(&self) -> B256 {
        self.truth.start()
    }

    fn points(&self, first: u64, level: u8) -> Result<Points, TraceError> {
        let (host, spacing) = (self.truth.batch().host()?, spacing(level));
        let true_ones = self.first_lie().step.saturating_sub(first) / spacing;
        let mut points = self.truth.state_hashes(first, spacing, true_ones.min(POINTS as u64))?;
        let mut machine = self.before.restore();
        for point in points.len() as u64 + 1..=POINTS as u64 {
            machine = self.advance(machine, &host, first + point * spacing)?;
            points.push(machine.state_hash());
        }
        Ok(points.try_into().expect("as many as there are"))
    }

    fn last_state(&self) -> Result<Vec<u8>, TraceError> {
        let mut machine = self.advance(self.before.restore(), &self.truth.batch().host()?, u64::MAX)?;
        let root = machine.memory_root();
        Ok([root.as_slice(), &machine.hart().encode()].concat())
    }

    fn witness(&self, step: u64) -> Result<Bytes, TraceError> {
        if step <= self.first_lie().step {
            return self.truth.witness(step);
        }
        let host = self.truth.batch().host()?;
        Ok(self.advance(self.before.restore(), &host, step)?.witness(&host)?)
    }
}

/// A word as the machine has it in registers when it loads it from memory, eight bytes at a time.
fn words(word: B256) -> [u64; 4] {
    std::array::from_fn(|n| u64::from_le_bytes(word.as_chunks().0[n]))
}

/// Takes a step. If it loads one of these words, this is the lie that it loaded the other one of the pair.
fn load(machine: &mut Machine, host: &BatchHost, words: &[(u64, u64)]) -> Result<Option<Lie>, Missing> {
    /// Opcode and `funct3` of `LD`, and where they are.
    const LD: (u32, u32) = (0x3003, 0x707f);

    let (step, instruction) = (machine.steps(), machine.instruction());
    machine.run(host, step + 1)?;
    Ok(instruction.filter(|instruction| instruction.word & LD.1 == LD.0).and_then(|instruction| {
        let register = (instruction.word >> 7 & 31) as usize;
        let truth = machine.hart().x(register);
        let (_, value) = *words.iter().find(|(word, _)| *word == truth)?;
        Some(Lie { step, instruction, register, truth, value })
    }))
}

/// The machine after the step of a lie, as the liar has it.
fn told(machine: Machine, lie: &Lie) -> Machine {
    let mut hart: Hart = *machine.hart();
    hart.slots[lie.register] = lie.value;
    machine.with_hart(hart)
}
