//! The sequencer wants none of a user's messages, and the user leaves all the same.

use std::time::Duration;

use alloy::{
    consensus::{TxEnvelope, transaction::SignerRecoverable},
    eips::eip2718::Decodable2718,
    network::TransactionBuilder,
    primitives::{Address, Bytes, U256, address},
    providers::Provider,
    rpc::types::TransactionRequest,
};
use eyre::{OptionExt, Result};
use postern_bindings::CanonicalTransactionChain::ConsumptionOutOfRange;
use postern_client::{Error, InclusionStatus, L2Call};
use postern_node::{Node, proposer::ProposerConfig};
use postern_tests::{
    Actor, Call, Client, Devnet, Mined, PATIENCE, Proxy, Reaction, Roles, ether, eventually, expect_revert,
};
use rstest::rstest;
use serde_json::json;

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");
/// How many L1 blocks the censor lets pass before it takes a message from the queue: more than the flow has.
const CENSORS_CONFIRMATIONS: u64 = 40;
/// Data of a batch without blocks.
const NO_BLOCKS: &[u8] = &[0];

/// An honest node, but for two patches: it lets messages from L1 wait as long as it can, and whom it serves is up to the
/// proxy in front of it.
async fn censor() -> Result<(Devnet, Proxy)> {
    let devnet = Devnet::tuned(Roles::SEQUENCER, |config| config.l1_confirmations = CENSORS_CONFIRMATIONS).await?;
    let proxy = Proxy::start(devnet.l2_url()).await?;
    devnet.mine(CENSORS_CONFIRMATIONS).await?;
    let (alice, bob) = (devnet.client(Actor::Alice), devnet.client(Actor::Bob));
    let deposits = [
        alice.deposit_eth(devnet.address(Actor::Alice), ether(3)).await?.state,
        bob.deposit_eth(devnet.address(Actor::Bob), ether(3)).await?.state,
    ];
    devnet.mine(CENSORS_CONFIRMATIONS).await?;
    for deposit in &deposits {
        alice.wait_for_deposit(deposit, PATIENCE).await?;
    }
    let censored = devnet.address(Actor::Alice);
    proxy.tamper(move |Call { method, params }| {
        let raw = params[0].as_str().filter(|_| method == "eth_sendRawTransaction");
        let raw = raw.and_then(|raw| raw.parse::<Bytes>().ok()).unwrap_or_default();
        match TxEnvelope::decode_2718(&mut raw.as_ref()) {
            // Nicely acknowledged, and forgotten.
            Ok(sent) if sent.recover_signer().ok() == Some(censored) => Reaction::Answer(json!(sent.tx_hash())),
            _ => Reaction::Pass,
        }
    });
    Ok((devnet, proxy))
}

/// Bob's transactions go through: his block is in a batch.
async fn is_served(devnet: &Devnet, bob: &Client) -> Result<()> {
    let transfer = TransactionRequest::default().with_to(RECIPIENT).with_value(U256::ONE);
    let receipt = bob.l2().send_transaction(transfer).await?.mined().await?;
    assert!(receipt.status());
    let (chain, block) = (devnet.node().chain(), receipt.block_number.unwrap_or_default());
    eventually("the block is in a batch", || async { Ok(chain.batch_count_at(block)?) }).await?;
    Ok(())
}

/// The sequencer serves everyone but Alice. She sends her withdrawal through L1's queue and forces it; a node that knows
/// nothing but L1 proposes, and she is paid.
#[tokio::test]
async fn a_censored_user_leaves() -> Result<()> {
    let (devnet, proxy) = censor().await?;
    let alice = devnet.client_of(Actor::Alice, proxy.url()).with_confirmation_timeout(Duration::from_secs(1));
    let bob = devnet.client_of(Actor::Bob, proxy.url());
    is_served(&devnet, &bob).await?;
    let ignored = alice.initiate_withdrawal(RECIPIENT, ether(2), 0, Bytes::new()).await;
    assert!(matches!(ignored, Err(Error::Timeout { .. })), "{ignored:?}");

    let deposit = alice.send_to_l2(L2Call::withdrawal(RECIPIENT, ether(2), 0, Bytes::new())).await?.state;
    let queued_at = devnet.l1_head().await?.time;
    is_served(&devnet, &bob).await?;
    let inclusion = alice.inclusion(&deposit).await?;
    assert_eq!(inclusion.status, InclusionStatus::Waiting);
    devnet.warp_to(inclusion.stampable_at.ok_or_eyre("it is stamped")?).await?;
    assert_eq!(alice.inclusion(&deposit).await?.status, InclusionStatus::Stampable);
    alice.stamp().await?;

    is_served(&devnet, &bob).await?;
    let inclusion = alice.inclusion(&deposit).await?;
    assert_eq!((inclusion.status, inclusion.stampable_at), (InclusionStatus::Waiting, None));
    assert_eq!(inclusion.forceable_at, inclusion.ordered_by, "batches come, so that only the stamp counts");
    devnet.warp_to(inclusion.forceable_at.ok_or_eyre("it is ordered")?).await?;
    assert_eq!(alice.wait_to_force(&deposit, PATIENCE).await?, InclusionStatus::Forceable);
    alice.force_include().await?;
    assert_eq!(alice.inclusion(&deposit).await?.status, InclusionStatus::Ordered);
    let delay = devnet.canonical_transaction_chain().FORCE_DELAY().call().await?;
    assert!(devnet.l1_head().await?.time <= queued_at + 2 * delay + SLACK);

    let mut config = devnet.follower_config("proposer");
    let proposer = ProposerConfig { poll_interval: config.l1_poll_interval, ..ProposerConfig::default() };
    config.proposer = Some((devnet.signer(Actor::Proposer), proposer));
    let node = Node::start(config).await?;
    let alice = devnet.client_of(Actor::Alice, node.rpc_url().parse()?);
    let withdrawal = devnet.withdrawal_of(&alice, &deposit).await?;
    alice.wait_to_prove(&withdrawal, PATIENCE).await?;
    devnet.warp_past_challenge_window().await?;
    let executable = alice.wait_to_execute(&withdrawal, PATIENCE).await?;
    alice.execute(&executable).await?;

    assert_eq!(executable.provable().commitment().proposer, devnet.address(Actor::Proposer));
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(2));
    // The censor's node has followed: it could not help it.
    devnet.check_rebuild(devnet.node()).await?;
    devnet.check_conservation(&[RECIPIENT]).await?;
    Ok(node.shutdown().await?)
}

/// L1 seconds by which transactions come later than the clock allows them: the blocks that they need.
const SLACK: u64 = 30;

/// What a sequencer does that wants Alice to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sequencer {
    /// Nothing any more.
    Silent,
    /// Batches without blocks, that consume nothing.
    Empty,
    /// Batches without blocks, that consume no more than they must.
    Least,
}

impl Sequencer {
    async fn act(self, devnet: &Devnet) -> Result<()> {
        let contract = devnet.canonical_transaction_chain();
        let (consumed, overdue) = (contract.head().call().await?.consumed, contract.overdue().call().await?);
        match self {
            Self::Silent => {}
            Self::Empty => {
                let (_, outcome) = devnet.append(consumed, NO_BLOCKS).await?;
                if overdue > consumed {
                    let error = expect_revert::<ConsumptionOutOfRange>(outcome);
                    assert_eq!((error.received, error.minimum), (consumed, overdue));
                } else {
                    assert_eq!(outcome, Ok(()));
                }
            }
            Self::Least => assert_eq!(devnet.append(consumed.max(overdue), NO_BLOCKS).await?.1, Ok(())),
        }
        Ok(())
    }
}

/// Whatever the sequencer does, a message of which its sender takes care is ordered in time, and ETH that is on L2 leaves.
#[rstest]
#[tokio::test]
async fn the_sequencer(
    #[values(Sequencer::Silent, Sequencer::Empty, Sequencer::Least)] sequencer: Sequencer,
) -> Result<()> {
    let mut devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    devnet.restart_with(Roles::REPLICA).await?;
    let alice = devnet.client(Actor::Alice);
    let delay = devnet.canonical_transaction_chain().FORCE_DELAY().call().await?;
    // Halfway between two stamps.
    devnet.warp_to(devnet.l1_head().await?.time + delay / 2).await?;
    sequencer.act(&devnet).await?;

    let deposit = alice.send_to_l2(L2Call::withdrawal(RECIPIENT, ether(2), 0, Bytes::new())).await?.state;
    let queued_at = devnet.l1_head().await?.time;
    loop {
        let now = devnet.l1_head().await?.time;
        assert!(now <= queued_at + 2 * delay + SLACK);
        sequencer.act(&devnet).await?;
        let inclusion = alice.inclusion(&deposit).await?;
        match inclusion.status {
            InclusionStatus::Waiting => {
                let due = [inclusion.stampable_at, inclusion.forceable_at].into_iter().flatten().min();
                devnet.warp_to(due.unwrap_or(u64::MAX).min(now + delay / 8)).await?;
            }
            InclusionStatus::Stampable => drop(alice.stamp().await?),
            InclusionStatus::Forceable => drop(alice.force_include().await?),
            InclusionStatus::Ordered => break,
        }
    }

    let withdrawal = devnet.withdrawal_of(&alice, &deposit).await?;
    devnet.propose_up_to(Actor::Alice, &withdrawal).await?;
    let executable = devnet.executable(&withdrawal).await?;
    alice.execute(&executable).await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(2));
    devnet.check_conservation(&[]).await
}
