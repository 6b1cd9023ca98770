//! The command line: what it writes, and the one line with which it refuses.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Output},
};

use eyre::Result;
use postern_tests::{Devnet, Roles};
use tempfile::TempDir;

const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

fn postern_node(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern-node"));
    // What the caller's environment says must not matter.
    command.env_clear().args(arguments);
    command
}

fn succeeds(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The one line on standard error of a command that fails.
fn fails(mut command: Command) -> String {
    let Output { status, stderr, .. } = command.output().unwrap();
    let text = String::from_utf8(stderr).unwrap();
    assert!(status.code().is_some_and(|code| code != 0), "{status}: {text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    text.trim_end().to_owned()
}

/// The recipient of fees, where it does not matter.
const RECIPIENT: [&str; 2] = ["--fee-recipient", "0x00000000000000000000000000000000000000fe"];

fn genesis(l2_chain_id: &str, out: &str) -> Command {
    let mut command = postern_node(&["genesis", "--l2-chain-id", l2_chain_id, "--timestamp", "1700000000"]);
    command.args(RECIPIENT).args(["--out", out]);
    command
}

fn write_genesis(path: &Path) -> String {
    let path = path.to_str().unwrap();
    succeeds(genesis("42069", path))
}

/// A directory as the deploy script leaves it, though nothing is deployed.
fn deployment() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in ["Bridge", "CanonicalTransactionChain", "StateCommitmentChain", "DisputeGame", "Timelock"] {
        let text = r#"{"address":"0x5FbDB2315678afecb367f032d93F642f64180aa3","blockNumber":1}"#;
        fs::write(directory.path().join(format!("{name}.json")), text).unwrap();
    }
    write_genesis(&directory.path().join("genesis.json"));
    directory
}

/// `postern-node run` on a deployment, with an L1 that nobody serves.
fn run(deployment: &Path, data: &Path) -> Command {
    // Port 1 is reserved, and nothing listens there.
    run_on("http://127.0.0.1:1", deployment, data)
}

fn run_on(l1: &str, deployment: &Path, data: &Path) -> Command {
    run_at("127.0.0.1:0", l1, deployment, data)
}

fn run_at(rpc: &str, l1: &str, deployment: &Path, data: &Path) -> Command {
    let (deployment, data) = (deployment.to_str().unwrap(), data.to_str().unwrap());
    postern_node(&["run", "--l1-rpc", l1, "--deployment", deployment, "--data-dir", data, "--rpc-addr", rpc])
}

#[test]
fn writes_a_genesis_with_what_was_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/genesis.json");
    let funded = "0x00000000000000000000000000000000000000aa";
    let mut command = postern_node(&["genesis", "--l2-chain-id", "7", "--timestamp", "1700000000"]);
    command.args(RECIPIENT);
    command.args(["--fund", &format!("{funded}=1000000000000000000")]);
    command.arg("--out").arg(&path);

    let text = succeeds(command);

    let file: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(file["l2ChainId"], 7);
    assert_eq!(file["timestamp"], 1_700_000_000);
    assert_eq!(file["alloc"][funded]["balance"], "0xde0b6b3a7640000");
    assert!(text.contains(file["outputRoot"].as_str().unwrap()), "{text}");
}

#[test]
fn two_chains_have_two_output_roots() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("genesis.json");
    let root = || {
        let file: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        file["outputRoot"].as_str().unwrap().to_owned()
    };
    write_genesis(&path);
    let first = root();
    let out = path.to_str().unwrap();
    succeeds(genesis("42070", out));
    assert_ne!(first, root());
}

#[test]
fn refuses_arguments_in_one_line() {
    for (arguments, expected) in [
        (&[][..], "no command given"),
        (&["walk"], "walk"),
        (&["genesis"], "--l2-chain-id"),
        (&["genesis", "--l2-chain-id", "x", "--timestamp", "1", "--out", "/dev/null"], "invalid value 'x'"),
        (&["genesis", "--l2-chain-id", "1", "--timestamp", "1", "--out", "/dev/null"], "--fee-recipient"),
        (&["genesis", "--fee-recipient", "0x0000000000000000000000000000000000000000"], "are lost"),
        (&["genesis", "--l2-chain-id", "1", "--timestamp", "1", "--out", "/dev/null", "--fund", "0x1"], "ADDRESS=WEI"),
        (&["run"], "--l1-rpc"),
        (&["run", "--poll-ms", "0"], "0 is not in 1.."),
        (&["run", "--block-interval-ms", "0"], "0 is not in 1.."),
        (&["run", "--data-source", "pigeons"], "[possible values: auto, calldata, blobs]"),
        (
            &["run", "--l1-rpc", "http://127.0.0.1:1", "--deployment", ".", "--data-dir", ".", "--rpc-addr", "here"],
            "--rpc-addr",
        ),
    ] {
        let line = fails(postern_node(arguments));
        assert!(line.starts_with("error: ") && line.contains(expected), "{arguments:?}: {line}");
    }
}

#[test]
fn refuses_a_genesis_that_cannot_be_written() {
    let line = fails(genesis("1", "/dev/null/x/y"));
    assert!(line.starts_with("error: cannot write genesis /dev/null/x/y: "), "{line}");
}

#[test]
fn names_the_deployment_file_that_is_missing_or_wrong() {
    let (deployment, data) = (deployment(), tempfile::tempdir().unwrap());
    let path = deployment.path().join("StateCommitmentChain.json");

    fs::write(&path, "{}").unwrap();
    let line = fails(run(deployment.path(), data.path()));
    assert!(line.contains("StateCommitmentChain.json does not describe a deployed contract"), "{line}");

    fs::remove_file(&path).unwrap();
    let line = fails(run(deployment.path(), data.path()));
    assert!(line.starts_with("error: cannot read ") && line.contains("StateCommitmentChain.json"), "{line}");
}

#[test]
fn refuses_a_genesis_that_is_missing_or_damaged() {
    let (deployment, data) = (deployment(), tempfile::tempdir().unwrap());
    let path = deployment.path().join("genesis.json");

    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"timestamp\": 1700000000", "\"timestamp\": 1700000001")).unwrap();
    let line = fails(run(deployment.path(), data.path()));
    assert!(line.contains("genesis.json is damaged: its blockHash is 0x"), "{line}");

    fs::write(&path, &text[..text.len() / 2]).unwrap();
    let line = fails(run(deployment.path(), data.path()));
    assert!(line.contains("genesis.json is not a genesis file: "), "{line}");

    fs::remove_file(&path).unwrap();
    let line = fails(run(deployment.path(), data.path()));
    assert!(line.starts_with("error: cannot read genesis ") && line.contains("genesis.json"), "{line}");
}

#[test]
fn never_shows_a_key() {
    let (deployment, data) = (deployment(), tempfile::tempdir().unwrap());
    for (option, variable, role) in [
        ("--sequencer-key", "POSTERN_SEQUENCER_KEY", "sequencer"),
        ("--proposer-key", "POSTERN_PROPOSER_KEY", "proposer"),
        ("--relayer-key", "POSTERN_RELAYER_KEY", "relayer"),
        ("--challenger-key", "POSTERN_CHALLENGER_KEY", "challenger"),
    ] {
        let wrong = format!("0x{KEY}ff");
        let mut by_option = run(deployment.path(), data.path());
        by_option.args([option, &wrong]);
        let mut by_variable = run(deployment.path(), data.path());
        by_variable.env(variable, &wrong);
        for command in [by_option, by_variable] {
            let line = fails(command);
            assert_eq!(line, format!("error: the {role}'s key is not a private key: 32 bytes in hex"));
        }
    }
    // Help shows the environment's variables, not what is in them.
    let mut help = postern_node(&["run", "--help"]);
    help.env("POSTERN_SEQUENCER_KEY", KEY);
    assert!(!succeeds(help).contains(KEY));
}

#[test]
fn refuses_one_key_for_two_roles() {
    let (deployment, data) = (deployment(), tempfile::tempdir().unwrap());
    let mut command = run(deployment.path(), data.path());
    command.args(["--sequencer-key", KEY, "--relayer-key", KEY]);
    let line = fails(command);
    assert!(line.starts_with("error: the sequencer and the relayer need keys of their own"), "{line}");
}

#[test]
fn says_that_l1_is_unreachable() {
    let (deployment, data) = (deployment(), tempfile::tempdir().unwrap());
    for l1 in ["http://127.0.0.1:1", "https://127.0.0.1:1"] {
        let line = fails(run_on(l1, deployment.path(), data.path()));
        assert!(line.contains(&format!("cannot reach L1 at {l1}")) && line.contains("Connection refused"), "{line}");
    }
}

#[test]
fn refuses_a_url_that_is_none() {
    let (deployment, data) = (deployment(), tempfile::tempdir().unwrap());
    for l1 in ["not a url", "localhost:8545", "ws://localhost:8545"] {
        let line = fails(run_on(l1, deployment.path(), data.path()));
        assert!(line.starts_with(&format!("error: {l1} is not a URL")), "{line}");
    }
    let mut command = run(deployment.path(), data.path());
    command.args(["--l1-beacon", "localhost:5052"]);
    let line = fails(command);
    assert!(line.starts_with("error: localhost:5052 is not a URL of a beacon API: its scheme is localhost"), "{line}");
}

/// What only a real L1 shows.
#[tokio::test]
async fn refuses_another_l1_and_a_port_in_use() -> Result<()> {
    let (devnet, data) = (Devnet::with(Roles::REPLICA).await?, tempfile::tempdir()?);
    let l1 = devnet.l1_url().to_string();

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let taken = listener.local_addr()?.to_string();
    let line = fails(run_at(&taken, &l1, &devnet.deployments(), data.path()));
    assert!(line.contains(&taken) && line.contains("in use"), "{line}");

    // The directory is named after the chain that it is for.
    let other = data.path().join("1");
    fs::create_dir(&other)?;
    for entry in fs::read_dir(devnet.deployments())? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), other.join(entry.file_name()))?;
        }
    }
    let line = fails(run_on(&l1, &other, data.path()));
    assert!(line.ends_with("L1 has chain id 31337, the deployment is on 1"), "{line}");
    Ok(())
}
