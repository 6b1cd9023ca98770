//! Users leave although the operator does not help them.

use std::fs;

use alloy::{
    primitives::{Address, Bytes, U256, address},
    providers::Provider,
};
use eyre::{OptionExt, Result};
use postern_bindings::CanonicalTransactionChain;
use postern_client::{Inclusion, InclusionStatus, L2Call, Status};
use postern_node::{DataSource, Node, proposer::ProposerConfig, relayer::RelayerConfig};
use postern_tests::{Actor, Devnet, PATIENCE, Roles, ether, eventually, expect_revert};

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");

/// The operator is gone. With a node of her own, which only follows L1, Alice does everything herself.
#[tokio::test]
async fn the_operator_is_gone() -> Result<()> {
    let mut devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    let commitment = devnet.propose_up_to(Actor::Alice, &withdrawal).await?;
    devnet.restart_with(Roles::REPLICA).await?;

    let alice = devnet.client(Actor::Alice);
    let executable = devnet.executable(&withdrawal).await?;
    assert_eq!(*executable.provable().commitment(), commitment);
    alice.execute(&executable).await?;
    assert_eq!(alice.status(&withdrawal).await?, Status::Finalized);
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    devnet.check_conservation(&[]).await
}

/// The operator is gone for good, and so is its database. Somebody with a bond starts a node from nothing but L1: it comes to the
/// same outputs, proves and proposes on top of what the operator proposed, and pays what waits, the forced message included.
#[tokio::test]
async fn another_operator_begins_with_nothing_but_l1() -> Result<()> {
    let mut devnet = Devnet::tuned(Roles::OPERATOR, |config| {
        if let Some(sequencer) = &mut config.sequencer {
            sequencer.data_source = DataSource::Blobs;
        }
    })
    .await?;
    devnet.fund(Actor::Alice, ether(6)).await?;
    let proposed = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    let parent = devnet.provable(&proposed).await?.commitment().id();
    devnet.restart_with(Roles::SEQUENCER).await?;
    devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    devnet.posted().await?;
    let outputs = devnet.output_roots(devnet.node().chain().heads().derived).await?;
    let rpc_address = devnet.node_config().rpc.addr;
    devnet.stop_node().await?;
    fs::remove_dir_all(devnet.data())?;

    let alice = devnet.client(Actor::Alice);
    let forced = alice.send_to_l2(L2Call::withdrawal(RECIPIENT, ether(1), 0, Bytes::new())).await?.state;
    devnet.warp_to(alice.inclusion(&forced).await?.forceable_at.ok_or_eyre("it is ordered")?).await?;
    assert_eq!(alice.wait_to_force(&forced, PATIENCE).await?, InclusionStatus::Forceable);
    alice.force_include().await?;

    let mut config = devnet.follower_config("rebuilt");
    // Where the users look for it.
    config.rpc.addr = rpc_address;
    let poll_interval = config.l1_poll_interval;
    config.proposer = Some((devnet.signer(Actor::Bob), ProposerConfig { poll_interval, ..ProposerConfig::default() }));
    config.relayer = Some((devnet.signer(Actor::Relayer), RelayerConfig { poll_interval, ..RelayerConfig::default() }));
    let node = Node::start(config).await?;
    let forced = devnet.withdrawal_of(&alice, &forced).await?;
    for (count, root) in (1..).zip(outputs) {
        assert_eq!(node.chain().output(count)?.map(|output| output.root()), Some(root));
    }
    let commitment = *devnet.provable(&forced).await?.commitment();
    assert_eq!((commitment.proposer, commitment.parent), (devnet.address(Actor::Bob), parent));
    assert_eq!(alice.status(&proposed).await?, Status::ReadyToProve);
    devnet.warp_past_challenge_window().await?;
    eventually("the relayer executes all messages", || async {
        Ok((devnet.l1().get_balance(RECIPIENT).await? == ether(3)).then_some(()))
    })
    .await?;
    for index in 0..=forced.message.index {
        assert!(devnet.bridge().isFinalized(index).call().await?);
    }
    devnet.check_conservation(&[]).await?;
    devnet.check_rebuild(&node).await?;
    Ok(node.shutdown().await?)
}

/// There never was a sequencer. A message through L1's queue, which anyone may force, takes the ETH out again.
#[tokio::test]
async fn there_never_was_a_sequencer() -> Result<()> {
    let devnet = Devnet::with(Roles::REPLICA).await?;
    let alice = devnet.client(Actor::Alice);
    let call = L2Call { mint: ether(1), ..L2Call::withdrawal(RECIPIENT, ether(1), 0, Bytes::new()) };
    let deposit = alice.send_to_l2(call).await?.state;

    let stranger = devnet.client(Actor::Stranger);
    let inclusion = stranger.inclusion(&deposit).await?;
    assert_eq!(inclusion.status, InclusionStatus::Waiting);
    let from = inclusion.forceable_at.ok_or_eyre("it is ordered")?;
    let error = expect_revert::<CanonicalTransactionChain::NothingToForce>(stranger.force_include().await);
    assert_eq!(error.expected, U256::from(from));
    devnet.warp_to(from).await?;
    assert_eq!(stranger.wait_to_force(&deposit, PATIENCE).await?, InclusionStatus::Forceable);
    stranger.force_include().await?;

    let ordered =
        Inclusion { status: InclusionStatus::Ordered, stampable_at: None, forceable_at: None, ordered_by: None };
    assert_eq!(stranger.inclusion(&deposit).await?, ordered);
    let withdrawal = devnet.withdrawal_of(&alice, &deposit).await?;
    devnet.propose_up_to(Actor::Alice, &withdrawal).await?;
    let executable = devnet.executable(&withdrawal).await?;
    alice.execute(&executable).await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    devnet.check_conservation(&[]).await
}

/// Nobody made the commitments before it final: whoever claims can do that as well.
#[tokio::test]
async fn nobody_finalizes() -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    let chain = devnet.node().chain();
    let count =
        eventually("the message is in a batch", || async { Ok(chain.batch_count_at(withdrawal.block_number)?) })
            .await?;
    let roots = devnet.output_roots(count).await?;
    let mut parent = devnet.genesis_commitment().await?;
    for root in roots {
        parent = devnet.propose(Actor::Proposer, parent, &[root]).await?.id();
    }
    devnet.provable(&withdrawal).await?;
    devnet.warp_past_challenge_window().await?;

    let alice = devnet.client(Actor::Alice);
    let executable = alice.wait_to_execute(&withdrawal, PATIENCE).await?;
    assert_eq!(executable.provable().commitment().id(), parent);
    let finalized = alice.finalize_commitment(executable.provable().commitment()).await?;
    assert_eq!(finalized.len() as u64, count);
    assert!(alice.finalize_commitment(executable.provable().commitment()).await?.is_empty());
    alice.execute(&executable).await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    let bonds = devnet.state_commitment_chain().bondOf(devnet.address(Actor::Proposer)).call().await?;
    let bond = U256::from(devnet.state_commitment_chain().BOND().call().await?);
    assert_eq!(bonds, bond * U256::from(count));
    Ok(())
}
