//! Instructions as text, held to GNU objdump's: `suite/objdump.txt` has what it says about each instruction with several operands,
//! and about words that are none.
//!
//! If `OBJDUMP` names the program, it is asked anew about these, and also about all code of the program of the disputes, the
//! images of the suite and random words. `UPDATE_VECTORS=1` then writes the file.

use crate::asm::*;
use crate::coverage::all_instructions;
use crate::instructions::*;
use crate::suite;
use crate::support::*;
use crate::traps::unknown_words;
use alloy_primitives::keccak256;
use postern_machine::Instruction;
use std::{collections::BTreeSet, env, ffi::OsStr, fmt::Write, fs, path::Path, process::Command};

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/suite/objdump.txt");

/// How many random words there are.
const RANDOM: u64 = 1 << 18;

/// A line of objdump: an instruction, and what it is.
type Line = (Instruction, String);

/// Every instruction with the least and greatest immediates and with all registers, and what is none.
fn words() -> Vec<u32> {
    let mut words = vec![ECALL, FENCE, 0x0000_000f, 0x0330_000f, 0x0e50_000f, 0x8330_000f, 0xfff0_8f8f];
    // In each place come all registers, at different times.
    let registers = || (0..32_u32).cycle().map(|n| (n, (5 * n + 3) % 32, (11 * n + 7) % 32));
    let mut next = registers();
    let mut registers = || next.next().expect("it is endless");
    for (_, word) in REGISTERS {
        words.extend([(); 2].map(|()| registers()).map(|(rd, rs1, rs2)| word(rd, rs1, rs2)));
    }
    let with_immediates = IMMEDIATES.into_iter().chain([("jalr", jalr as Immediate)]);
    let sized = LOADS.into_iter().chain(STORES).map(|(name, word, _)| (name, word));
    for (_, word) in with_immediates.chain(sized) {
        words.extend([0, 1, -1, 2047, -2048].map(|immediate| {
            let (rd, rs1, _) = registers();
            word(rd, rs1, immediate)
        }));
    }
    for (_, word, bits) in SHIFTS {
        words.extend([0, 1, 10, bits - 1].map(|shift| {
            let (rd, rs1, _) = registers();
            word(rd, rs1, shift)
        }));
    }
    for (_, word) in BRANCHES {
        words.extend([8, -4, 2, -4096, 4094].map(|offset| {
            let (_, rs1, rs2) = registers();
            word(rs1, rs2, offset)
        }));
    }
    words.extend([8, -4, 2, -1_048_576, 1_048_574].map(|offset| jal(registers().0, offset)));
    for word in [lui, auipc] {
        words.extend([0, 1, 0x8_0000, 0xf_ffff].map(|immediate| word(registers().0, immediate)));
    }
    words.extend(unknown_words().into_iter().map(|(_, word)| word));
    words
}

/// Words with the opcodes that the machine knows, and now and then with one that it does not.
fn random_words() -> Vec<u32> {
    let opcodes =
        all_instructions().into_iter().map(|(.., value)| value & 0x7f).chain([0x07, 0x2f]).collect::<Vec<_>>();
    (0..RANDOM)
        .map(|n| {
            let random = keccak256(n.to_be_bytes());
            let word = u32::from_le_bytes(*random.first_chunk().expect("longer than 4 bytes"));
            word & !0x7f | opcodes[random[31] as usize % opcodes.len()]
        })
        .collect()
}

/// What objdump says with these arguments, as far as it takes four bytes for an instruction, and at a multiple of 4: the
/// machine knows no other.
fn ask(objdump: &OsStr, arguments: &[&str], file: &Path) -> Vec<Line> {
    let output = Command::new(objdump).args(["-M", "no-aliases", "-z"]).args(arguments).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().filter_map(line).collect()
}

/// A line of objdump's output: address, word, mnemonic, operands; behind them there may be a remark.
fn line(line: &str) -> Option<Line> {
    let mut columns = line.split('\t');
    let pc = u64::from_str_radix(columns.next()?.trim().strip_suffix(':')?, 16).ok()?;
    let digits = columns.next()?.trim();
    let word = (digits.len() == 8 && pc.is_multiple_of(4)).then(|| u32::from_str_radix(digits, 16).unwrap())?;
    let text = columns.collect::<Vec<_>>().join(" ");
    Some((Instruction { pc, word }, text.split(" #").next()?.trim().to_owned()))
}

/// What objdump says about an image that lies at [`CODE`].
fn ask_about_image(objdump: &OsStr, image: &Path) -> Vec<Line> {
    ask(objdump, &["-D", "-b", "binary", "-m", "riscv:rv64", &format!("--adjust-vma={CODE:#x}")], image)
}

/// What objdump says about words that lie at [`CODE`].
fn ask_about_words(objdump: &OsStr, name: &str, words: &[u32]) -> Vec<Line> {
    let image = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&image, assemble(words)).unwrap();
    ask_about_image(objdump, &image)
}

/// The table as it is in its file.
fn table() -> Vec<Line> {
    let number = |digits: &str| u64::from_str_radix(digits, 16).unwrap();
    let columns = |line: &str| line.splitn(3, ' ').map(str::to_owned).collect::<Vec<_>>();
    let table = fs::read_to_string(TABLE).unwrap();
    table
        .lines()
        .map(|line| match &columns(line)[..] {
            [pc, word, text] => (Instruction { pc: number(pc), word: number(word) as u32 }, text.clone()),
            _ => panic!("{line}"),
        })
        .collect()
}

/// What objdump says about all there is, after a look at whether it still says what the table has.
fn asked_anew(objdump: &OsStr) -> Vec<Line> {
    let mut lines = ask_about_words(objdump, "table.bin", &words());
    if env::var_os("UPDATE_VECTORS").is_some() {
        let text = lines.iter().fold(String::new(), |mut text, (Instruction { pc, word }, line)| {
            writeln!(text, "{pc:x} {word:08x} {line}").expect("a string takes all");
            text
        });
        fs::write(TABLE, text).unwrap();
    }
    assert_eq!(table(), lines);

    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../../program/postern-program.elf");
    lines.extend(ask(objdump, &["-d"], program.as_ref()));
    for image in suite::images() {
        lines.extend(ask_about_image(objdump, &image));
    }
    lines.extend(ask_about_words(objdump, "random.bin", &random_words()));
    lines
}

#[test]
fn is_what_objdump_says() {
    let lines = match env::var_os("OBJDUMP") {
        Some(objdump) => asked_anew(&objdump),
        None => table(),
    };
    let names: Vec<_> = all_instructions().into_iter().map(|(name, ..)| name).collect();
    let mut met = BTreeSet::<&str>::new();
    for (instruction, expected) in lines {
        let received = instruction.to_string();
        let [ours, theirs] = [&received, &expected].map(|text| text.split(' ').next().expect("a line has a word"));
        met.extend(names.iter().find(|name| **name == ours));
        // The machine ignores fields of a fence that are reserved, or make it another fence.
        if ours == "fence" && matches!(theirs, ".4byte" | "fence.tso") {
            continue;
        }
        let data = format!(".4byte {:#x}", instruction.word);
        let expected = if names.contains(&theirs) { &expected } else { &data };
        assert_eq!(&received, expected, "{instruction:x?}");
    }
    assert_eq!(met.len(), names.len(), "{met:?}");
}
