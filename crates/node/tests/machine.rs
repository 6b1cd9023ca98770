//! `postern-machine`: what it prints about a batch of a real chain, and the one line with which it refuses.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use alloy::primitives::{Address, B256, Bytes};
use eyre::{OptionExt, Result};
use postern_bindings::MachineStep;
use postern_machine::step;
use postern_node::trace::DerivedBatch;
use postern_tests::{Actor, Devnet, Mined, Roles, ether};

fn postern_machine<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern-machine"));
    command.env_clear().args(arguments);
    command
}

/// A command about a batch in a data directory; `arguments` begin with its name.
fn about(data: &Path, batch: u64, arguments: &str) -> Command {
    let mut command = postern_machine(arguments.split_whitespace());
    command.arg("--data-dir").arg(data).args(["--batch", &batch.to_string()]);
    command
}

fn succeeds(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The one line on standard error of a command that fails with this exit code.
fn fails_with(code: i32, mut command: Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = String::from_utf8(stderr).unwrap();
    assert_eq!((status.code(), stdout.len()), (Some(code), 0), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    text.trim_end().to_owned()
}

fn fails(command: Command) -> String {
    fails_with(1, command)
}

/// What follows `name` in a line of the output.
fn value<'a>(output: &'a str, name: &str) -> &'a str {
    let line = output.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {output}"))
}

#[test]
fn refuses_arguments_in_one_line() {
    for (arguments, expected) in [
        ("", "no command given"),
        ("walk", "walk"),
        ("run", "--data-dir"),
        ("run --data-dir .", "--batch"),
        ("run --data-dir . --batch -1", "-1"),
        ("run --data-dir . --batch x", "invalid value 'x'"),
        ("witness --data-dir . --batch 0", "--step"),
        ("check --data-dir . --batch 0 --step 0", "--rpc"),
        ("check --data-dir . --batch 0 --step 0 --rpc http://127.0.0.1:1 --machine-step 0x1", "--machine-step"),
    ] {
        let line = fails_with(2, postern_machine(arguments.split_whitespace()));
        assert!(line.starts_with("error: ") && line.contains(expected), "{arguments}: {line}");
    }
}

#[test]
fn refuses_a_directory_without_a_database() {
    let directory = tempfile::tempdir().unwrap();
    for data in [directory.path(), &directory.path().join("none")] {
        let line = fails(about(data, 0, "run"));
        assert!(line.starts_with(&format!("error: cannot use data directory {}: ", data.display())), "{line}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);

    fs::write(directory.path().join("postern.redb"), [7; 10_000]).unwrap();
    let line = fails(about(directory.path(), 0, "run"));
    assert!(line.starts_with("error: "), "{line}");
}

#[test]
fn says_that_the_rpc_is_unreachable_before_it_runs_anything() {
    for (rpc, expected) in [
        ("http://127.0.0.1:1", "cannot reach L1 at http://127.0.0.1:1: "),
        ("127.0.0.1:8545", "127.0.0.1:8545 is not a URL: "),
    ] {
        let line = fails(about(Path::new("none"), 0, &format!("check --step 0 --rpc {rpc}")));
        assert!(line.starts_with(&format!("error: {expected}")), "{line}");
    }
}

/// The built-in program with other instructions at its start.
fn changed_program(words: &[u32]) -> Vec<u8> {
    let mut elf = postern_program::ELF.to_vec();
    let number = |at: usize| u64::from_le_bytes(*elf[at..].first_chunk().unwrap()) as usize;
    let (entry, headers) = (number(24), number(32));
    // Offset in the file, address and length of each part, of which one has the entry point.
    let parts = (0..16).map(|n| headers + 56 * n).map(|header| [8, 16, 32].map(|field| number(header + field)));
    let [offset, address, _] =
        parts.into_iter().find(|[_, address, length]| (*address..address + length).contains(&entry)).unwrap();
    let code = words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    elf[offset + entry - address..][..code.len()].copy_from_slice(&code);
    elf
}

#[tokio::test]
async fn runs_the_batches_of_a_node_and_checks_their_steps() -> Result<()> {
    let mut devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(2)).await?;
    devnet.withdraw(Actor::Alice, Address::repeat_byte(0xb0), ether(1), 0, []).await?;
    devnet.posted().await?;
    let (data, rpc, batches) = (devnet.data(), devnet.l1_url().to_string(), devnet.node().chain().heads().derived);
    let last = batches - 1;

    let line = fails(about(&data, last, "run"));
    assert_eq!(line, format!("error: data directory {} is in use by another process", data.display()));
    // What a process that is killed leaves.
    let killed = tempfile::tempdir()?;
    fs::copy(data.join("postern.redb"), killed.path().join("postern.redb"))?;
    let line = fails(about(killed.path(), last, "run"));
    assert!(line.contains("was not closed properly: start a node on it, and stop it again"), "{line}");

    let deployer = devnet.client(Actor::Deployer);
    let deployed = MachineStep::deploy_builder(deployer.l1()).send().await?.mined().await?;
    let deployed = deployed.contract_address.ok_or_eyre("no contract was created")?;
    devnet.stop_node().await?;

    let output = succeeds(about(&data, last, "run"));
    let batch = DerivedBatch::open(&data, last)?;
    assert_eq!(value(&output, "batch"), format!("{last} {}", batch.hash));
    assert_eq!(value(&output, "previous output"), batch.previous_output_root.to_string());
    assert_eq!(value(&output, "output"), batch.output_root.to_string());
    let steps: u64 = value(&output, "steps").parse()?;
    assert!(steps > 0 && value(&output, "memory").ends_with(" bytes"));
    assert!(value(&output, "time").ends_with(" million steps per second"));
    let line = fails(about(&data, batches, "run"));
    let expected = format!("batch {batches} is not derived: there are {batches} derived batches, counted from 0");
    assert_eq!(line, format!("error: {expected}"));

    let output = succeeds(about(&data, last, &format!("witness --step {}", steps / 2)));
    let [state, next]: [B256; 2] = ["state", "next state"].map(|name| value(&output, name).parse().unwrap());
    let (instruction, witness) = (value(&output, "instruction"), value(&output, "witness").parse::<Bytes>()?);
    let first = succeeds(about(&data, last, "witness --step 0"));
    assert_eq!(value(&first, "instruction"), "0x800000 auipc sp,0x0");
    assert_eq!(step(state, &witness, &batch.host()?)?, next);
    let line = fails(about(&data, last, &format!("witness --step {steps}")));
    let expected = format!("step {steps} is beyond the end: the run has {steps} steps, counted from 0");
    assert_eq!(line, format!("error: {expected}"));

    for machine_step in [String::new(), format!(" --machine-step {deployed}")] {
        let command = format!("check --step {} --rpc {rpc}{machine_step}", steps / 2);
        let leads = format!("step {} leads from {state} to {next}, by MachineStep too", steps / 2);
        assert_eq!(succeeds(about(&data, last, &command)), format!("instruction {instruction}\n{leads}\n"));
    }
    let nobody = Address::repeat_byte(0x99);
    let line = fails(about(&data, last, &format!("check --step 0 --rpc {rpc} --machine-step {nobody}")));
    assert_eq!(line, format!("error: there is no contract at {nobody} on L1, where MachineStep should be"));
    let bridge = devnet.deployment().bridge.address;
    let line = fails(about(&data, last, &format!("check --step 0 --rpc {rpc} --machine-step {bridge}")));
    assert!(line.starts_with("error: cannot ask MachineStep: "), "{line}");

    let program = killed.path().join("program.elf");
    let with_program = || about(&data, last, &format!("run --program {}", program.display()));
    let line = fails(with_program());
    assert!(line.starts_with(&format!("error: cannot read {}: ", program.display())), "{line}");
    fs::write(&program, "text")?;
    let line = fails(with_program());
    assert!(line.starts_with(&format!("error: {} is not a program: ", program.display())), "{line}");
    // addi a7, zero, 93; addi a4, zero, 7; ecall
    fs::write(&program, changed_program(&[0x05d0_0893, 0x0070_0713, 0x0000_0073]))?;
    assert_eq!(fails(with_program()), "error: the program exited with code 7 in step 2");
    // The same with code 0: the output is the input.
    fs::write(&program, changed_program(&[0x05d0_0893, 0x0000_0713, 0x0000_0073]))?;
    let (received, expected) = (batch.input(), batch.output_root);
    assert_eq!(fails(with_program()), format!("error: the program's output is {received}, the node's is {expected}"));
    fs::write(&program, changed_program(&[0]))?;
    assert_eq!(fails(with_program()), "error: the program trapped in step 0");

    // Who reads keeps nodes away, and leaves everything as it was.
    let error = devnet.start_node().await.unwrap_err().to_string();
    assert!(error.contains("in use by another process"), "{error}");
    drop(batch);
    devnet.start_node().await?;
    assert_eq!(devnet.node().chain().heads().derived, batches);
    Ok(())
}
