//! The libraries that applications talk to L2 with, as they come from npm.

use alloy::{primitives::hex, providers::ext::AnvilApi};
use eyre::{Result, ensure};
use postern_node::Node;
use postern_protocol::predeploys;
use postern_tests::{Actor, Devnet, Roles, ether, repository, targets};
use rstest::rstest;
use tokio::process::Command;

#[rstest]
#[case::ethers("ethers.mjs")]
#[case::viem("viem.mjs")]
#[tokio::test]
async fn a_library_of_javascript(#[case] script: &str) -> Result<()> {
    let mut devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(5)).await?;
    // ethers looks at a receipt only when a block comes after it began to wait: on an idle chain, that of the next L1 block.
    devnet.stop_node().await?;
    let mut config = devnet.node_config();
    config.sequencer.as_mut().expect("it sequences").empty_blocks = true;
    let node = Node::start(config).await?;
    devnet.l1().anvil_set_interval_mining(1).await?;

    let output = Command::new("node")
        .arg(repository().join("tests").join("clients").join(script))
        .args([node.rpc_url(), hex::encode_prefixed(devnet.signer(Actor::Alice).to_bytes())])
        .args([targets::bytecode("Gate")?.to_string(), devnet.address(Actor::Bob).to_string()])
        .arg(predeploys::OUTBOX.to_string())
        .kill_on_drop(true)
        .output()
        .await?;
    ensure!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(node.shutdown().await?)
}
