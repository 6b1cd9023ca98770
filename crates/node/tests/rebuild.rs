//! A node that has nothing but L1 and a source of blobs comes to the same as the sequencer, however often it is killed on the way.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use alloy::{
    primitives::{Address, Bytes},
    providers::Provider,
};
use eyre::{OptionExt, Result, ensure};
use postern_node::{BlobSource, DataSource, Node, NodeConfig, chain::Chain, store::BatchData};
use postern_protocol::outbox;
use postern_tests::{Actor, Devnet, Roles, check_agreement, ether, eventually};

const RECIPIENT: Address = Address::repeat_byte(0xb0);

/// A chain with messages in both directions, its batches by blobs first, then by calldata, then by blobs again.
async fn history() -> Result<Devnet> {
    let mut devnet = Devnet::tuned(Roles::SEQUENCER, |config| post_by(config, DataSource::Blobs)).await?;
    let sources = [
        |config: &mut NodeConfig| post_by(config, DataSource::Calldata),
        |config: &mut NodeConfig| post_by(config, DataSource::Blobs),
    ];
    for next in sources.map(Some).into_iter().chain([None]) {
        devnet.fund(Actor::Alice, ether(2)).await?;
        devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
        devnet.posted().await?;
        if let Some(tune) = next {
            devnet.retune(tune).await?;
        }
    }
    Ok(devnet)
}

fn post_by(config: &mut NodeConfig, source: DataSource) {
    if let Some(sequencer) = &mut config.sequencer {
        sequencer.data_source = source;
    }
}

/// The process of a follower, which tells in lines of its log how far it is.
struct Follower {
    process: Child,
    log: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Follower {
    fn start(devnet: &Devnet, name: &str) -> Result<Self> {
        let config = devnet.follower_config(name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_postern-node"));
        command.env_clear().env("RUST_LOG", "postern_node=debug");
        command.args(["run", "--poll-ms", "20", "--rpc-addr", "127.0.0.1:0"]);
        command.args(["--l1-rpc", &config.l1_rpc_url, "--l1-beacon", &config.l1_rpc_url]);
        command.arg("--deployment").arg(config.deployments_dir).arg("--data-dir").arg(config.data_dir);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let log = process.stdout.take().ok_or_eyre("stdout is piped")?;
        Ok(Self { process, log: BufReader::new(log).lines() })
    }

    /// Kills it with SIGKILL, in which nothing in the process has a say, at the moment when it has said so many lines more.
    /// Returns up to which L1 block it said that it had followed L1.
    fn kill_after(mut self, lines: usize) -> Result<u64> {
        let said = self.log.by_ref().take(lines).collect::<Result<Vec<_>, _>>()?;
        ensure!(said.len() == lines, "the follower ended by itself: {said:?}");
        self.process.kill()?;
        self.process.wait()?;
        // It may have come further than what was read by then.
        let rest = self.log.map_while(Result::ok);
        let numbers = said.into_iter().chain(rest).filter_map(|line| {
            let (_, number) = line.split_once("followed L1 number=")?;
            number.split(' ').next()?.parse::<u64>().ok()
        });
        Ok(numbers.max().unwrap_or_default())
    }
}

/// Waits until a node has followed L1 to its head.
async fn synced(devnet: &Devnet, chain: &Chain) -> Result<()> {
    let head = devnet.l1_head().await?.block_number;
    eventually("the node follows L1", || async {
        let heads = chain.heads();
        Ok((heads.l1.number >= head && heads.synced()).then_some(()))
    })
    .await
}

/// Checks that a node proves every message in the last output.
fn check_proofs(chain: &Chain) -> Result<()> {
    let batch_count = chain.heads().derived;
    let output = chain.output(batch_count)?.expect("it is derived");
    let messages = chain.outbox_count(batch_count)?.expect("it is derived");
    ensure!(messages > 0, "there is nothing to prove");
    for index in 0..messages {
        let entry = chain.outbox_message(index)?.expect("it is in the outbox");
        let proof = chain.outbox_proof(index, batch_count)?;
        outbox::verify(output.outbox_root, entry.message.leaf(), index, &proof)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_rebuild_that_is_killed_again_and_again_ends_with_the_same() -> Result<()> {
    let devnet = history().await?;
    let history = devnet.l1_head().await?.block_number;
    // So that it has more to say than is waited for, however far it has come.
    devnet.mine(60).await?;
    let mut kills = 0;
    for lines in 2.. {
        // Each line follows a step that is durable, and the process goes on while it is killed.
        let followed = Follower::start(&devnet, "killed")?.kill_after(lines)?;
        kills += 1;
        if followed >= history {
            break;
        }
    }
    ensure!(kills >= 3, "killed only {kills} times");

    let node = Node::start(devnet.follower_config("killed")).await?;
    synced(&devnet, node.chain()).await?;
    check_agreement(node.chain(), devnet.node().chain())?;
    check_proofs(node.chain())?;
    Ok(node.shutdown().await?)
}

/// Nothing after a blob that no one gives is followed, nothing is lost, and the node goes on when it comes.
#[tokio::test]
async fn a_missing_or_wrong_blob_is_waited_for() -> Result<()> {
    let devnet = history().await?;
    let expected = devnet.node().chain();
    let blobs = devnet.deployments().join("blobs");
    fs::create_dir(&blobs)?;
    let mut config = devnet.follower_config("directory");
    config.blob_sources = vec![BlobSource::Directory(blobs.clone())];
    let node = Node::start(config).await?;

    let mut previous = None;
    for index in 0..expected.heads().batches {
        let Some(BatchData::Blobs(hashes)) = expected.batch(index)?.map(|entry| entry.data) else { continue };
        eventually("the node has followed and derived all before the blob", || async {
            let heads = node.chain().heads();
            Ok((heads.batches == index && heads.derived == index).then_some(()))
        })
        .await?;
        ensure!(!node.chain().heads().synced());
        for hash in hashes {
            let file = blobs.join(format!("{hash}.blob"));
            // Another blob, under this name.
            if let Some(previous) = &previous {
                fs::write(&file, previous)?;
            }
            let blob: Bytes = devnet.l1().raw_request("anvil_getBlobByHash".into(), (hash,)).await?;
            ensure!(node.chain().heads().batches == index);
            fs::write(blobs.join("new"), &blob)?;
            fs::rename(blobs.join("new"), file)?;
            previous = Some(blob);
        }
    }
    ensure!(previous.is_some(), "no batch went by blobs");

    synced(&devnet, node.chain()).await?;
    check_agreement(node.chain(), expected)?;
    check_proofs(node.chain())?;
    Ok(node.shutdown().await?)
}
