//! L1 takes back what it had.

use std::time::Duration;

use alloy::{
    network::TransactionBuilder,
    primitives::{Address, Bytes, U64, U256, address},
    providers::{Provider, ext::AnvilApi},
    rpc::types::TransactionRequest,
};
use eyre::{OptionExt, Result};
use postern_bindings::{Bridge::MessageAlreadyFinalized, StateCommitmentChain};
use postern_client::Status;
use postern_node::Node;
use postern_tests::{
    Actor, Call, Devnet, Journal, Mined, PATIENCE, Proxy, Reaction, Roles, ether, eventually, expect_revert,
};
use rstest::rstest;
use serde_json::Value;

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");

/// Replaces the last `depth` L1 blocks, the first of which is `first`: that many must follow on it, and more are mined if there are
/// fewer. L1 includes nothing else meanwhile; the node has seen all of it before.
async fn undo(devnet: &Devnet, first: u64, depth: u64) -> Result<()> {
    devnet.l1().anvil_set_auto_mine(false).await?;
    let missing = (first + depth - 1).checked_sub(devnet.l1_head().await?.block_number);
    let missing = missing.ok_or_eyre("there are more blocks to undo")?;
    if missing > 0 {
        devnet.mine(missing).await?;
    }
    devnet.synced().await?;
    devnet.reorg(depth).await?;
    devnet.l1().anvil_set_auto_mine(true).await?;
    // What waited is included now. Longer than before: the node sees it.
    devnet.mine(1).await
}

/// A deposit that L1 forgets was never made, and can be made again.
#[rstest]
#[tokio::test]
async fn of_a_deposit(#[values(1, 2, 5, 16, 64, 100)] depth: u64) -> Result<()> {
    let mut devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Bob, ether(1)).await?;
    devnet.posted().await?;
    let (alice, bob) = (devnet.address(Actor::Alice), devnet.address(Actor::Bob));
    let of_bob = devnet.l2().get_balance(bob).await?;
    if depth == 1 {
        // No batch may follow on it.
        devnet.retune(|config| config.sequencer.as_mut().expect("it sequences").batch_interval = PATIENCE).await?;
    }
    let deposit = devnet.client(Actor::Alice).deposit_eth(alice, ether(1)).await?;
    devnet.client(Actor::Alice).wait_for_deposit(&deposit.state, PATIENCE).await?;
    if depth > 1 {
        devnet.posted().await?;
    }

    undo(&devnet, deposit.receipt.block_number.ok_or_eyre("no block")?, depth).await?;

    let l2 = devnet.l2();
    eventually("the deposit disappears from L2", || async { Ok(l2.get_balance(alice).await?.is_zero().then_some(())) })
        .await?;
    devnet.posted().await?;
    assert_eq!(devnet.node().chain().heads().queued, 1);
    assert_eq!(l2.get_balance(bob).await?, of_bob);
    devnet.check_rebuild(devnet.node()).await?;

    devnet.fund(Actor::Alice, ether(2)).await?;
    devnet.check_conservation(&[]).await
}

/// A batch that L1 forgets is posted again, with the same L2 blocks.
#[rstest]
#[tokio::test]
async fn of_a_batch(#[values(1, 2, 5, 16, 64, 100)] depth: u64) -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    devnet.posted().await?;
    let chain = devnet.node().chain();
    let header = chain.header(withdrawal.block_number)?;
    let index = chain.heads().batches - 1;
    let before = chain.batch(index)?.ok_or_eyre("no batch")?;

    undo(&devnet, before.batch.l1_block, depth).await?;

    let after = eventually("the batch is posted again", || async {
        Ok(chain.batch(index)?.filter(|after| after.hash != before.hash))
    })
    .await?;
    assert_eq!(after.batch.origin_hash, before.batch.origin_hash);
    assert_eq!(after.batch.data_commitment, before.batch.data_commitment);
    devnet.posted().await?;
    assert_eq!(chain.header(withdrawal.block_number)?, header, "what a user was shown stays");
    devnet.check_rebuild(devnet.node()).await?;

    devnet.propose_up_to(Actor::Bob, &withdrawal).await?;
    devnet.client(Actor::Alice).execute(&devnet.executable(&withdrawal).await?).await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    devnet.check_conservation(&[]).await
}

/// A proposal whose batch vanishes vanishes with it: no bond stays locked. From the second block on the batch is among what L1
/// forgets.
#[rstest]
#[tokio::test]
async fn of_a_proposal(#[values(1, 2, 5, 16, 64, 100)] depth: u64) -> Result<()> {
    let mut devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    devnet.posted().await?;
    let l1 = devnet.l1();
    let (bob, contract) = (devnet.address(Actor::Bob), devnet.state_commitment_chain());
    let before = l1.get_balance(bob).await?;
    let commitment = devnet.propose_up_to(Actor::Bob, &withdrawal).await?;
    devnet.provable(&withdrawal).await?;
    assert!(l1.get_balance(*contract.address()).await? > U256::ZERO);
    let chain = devnet.node().chain();
    let batch = chain.batch(commitment.batch_count - 1)?.ok_or_eyre("no batch")?.batch;
    let proposed = devnet.l1_head().await?.block_number;

    undo(&devnet, if depth == 1 { proposed } else { batch.l1_block }, depth).await?;

    eventually("the commitment disappears", || async { Ok(chain.commitments_from(0)?.is_empty().then_some(())) })
        .await?;
    devnet.posted().await?;
    assert_eq!(contract.commitmentStatus(commitment.id()).call().await?, 0);
    assert_eq!(l1.get_balance(*contract.address()).await?, U256::ZERO, "no bond is locked");
    assert_eq!(contract.bondOf(bob).call().await?, U256::ZERO);
    assert_eq!(l1.get_balance(bob).await?, before);
    assert_eq!(devnet.client(Actor::Alice).status(&withdrawal).await?, Status::WaitingToProve);
    devnet.check_rebuild(devnet.node()).await?;

    // Whoever proposes now proposes what is on L1 now.
    devnet.restart_with(Roles::OPERATOR).await?;
    let executable = devnet.executable(&withdrawal).await?;
    if depth > 1 {
        assert_ne!(executable.provable().commitment().batch_hash, commitment.batch_hash);
    }
    devnet.client(Actor::Alice).execute(&executable).await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    devnet.check_conservation(&[]).await
}

/// A claim that L1 forgets can be made again, and then once.
#[rstest]
#[tokio::test]
async fn of_a_claim(#[values(1, 2, 5, 16, 64, 100)] depth: u64) -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    devnet.propose_up_to(Actor::Bob, &withdrawal).await?;
    let executable = devnet.executable(&withdrawal).await?;
    let stranger = devnet.client(Actor::Stranger);
    let claimed = stranger.execute(&executable).await?.block_number.ok_or_eyre("no block")?;
    assert_eq!(stranger.status(&withdrawal).await?, Status::Finalized);

    undo(&devnet, claimed, depth).await?;

    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, U256::ZERO);
    assert!(stranger.status(&withdrawal).await? < Status::Finalized);
    devnet.check_rebuild(devnet.node()).await?;
    let executable = devnet.executable(&withdrawal).await?;
    stranger.execute(&executable).await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    let again = expect_revert::<MessageAlreadyFinalized>(stranger.execute(&executable).await);
    assert_eq!(again.index, withdrawal.message.index);
    devnet.check_conservation(&[]).await
}

/// A follower that read old L1 blocks as a range has none between its ends: it goes back to its beginning, and follows.
#[tokio::test]
async fn of_blocks_that_were_read_as_a_range() -> Result<()> {
    const DEPTH: u64 = 100;
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    devnet.posted().await?;
    devnet.mine(2 * DEPTH).await?;
    let follower = devnet.follower("follower").await?;
    let chain = follower.chain();
    eventually("it has read a range", || async { Ok((chain.heads().l1.number > DEPTH).then_some(())) }).await?;
    devnet.check_rebuild(&follower).await?;
    let before = chain.heads();

    devnet.reorg(DEPTH).await?;
    devnet.fund(Actor::Bob, ether(1)).await?;
    devnet.posted().await?;
    devnet.check_rebuild(&follower).await?;
    assert!(chain.heads().derived > before.derived);
    Ok(follower.shutdown().await?)
}

/// An execution that L1 forgets, however deep it was: the relayer executes the message again.
#[tokio::test]
async fn of_an_execution_by_the_relayer() -> Result<()> {
    const DEPTH: u64 = 100;
    let devnet = Devnet::with(Roles::ALL).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    devnet.provable(&withdrawal).await?;
    devnet.warp_past_challenge_window().await?;
    let executed = || {
        eventually("the relayer executes the message", || async {
            Ok((devnet.l1().get_balance(RECIPIENT).await? == ether(1)).then_some(()))
        })
    };
    executed().await?;
    let event = devnet.bridge().MessageFinalized_filter().from_block(0).query().await?.pop();
    let block = event.and_then(|(_, log)| log.block_number).ok_or_eyre("no event")?;

    devnet.l1().anvil_set_auto_mine(false).await?;
    devnet.mine(block + DEPTH - 1 - devnet.l1_head().await?.block_number).await?;
    devnet.synced().await?;
    devnet.reorg(DEPTH).await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, U256::ZERO);
    devnet.l1().anvil_set_auto_mine(true).await?;
    devnet.mine(1).await?;
    executed().await?;
    devnet.check_rebuild(devnet.node()).await?;
    devnet.check_conservation(&[]).await
}

/// L1 has none of the blocks that the node remembers, as after a reorg deeper than that. The node says so, holds on to what it
/// knows and waits, should another L1 have answered for a while; one that begins with an empty directory follows the new chain.
#[tokio::test]
async fn deeper_than_the_node_remembers() -> Result<()> {
    let journal = Journal::begin();
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    devnet.posted().await?;
    let (other, l1) = devnet.fork().await?;
    l1.anvil_mine(Some(10), None).await?;
    // At another time, or it would be the same block.
    devnet.warp_to(devnet.l1_head().await?.time + 100).await?;
    let proxy = Proxy::start(devnet.l1_url()).await?;
    let mut config = devnet.follower_config("follower");
    config.l1_rpc_url = proxy.url().to_string();
    let follower = Node::start(config).await?;
    devnet.check_rebuild(&follower).await?;
    let before = follower.chain().heads();

    let elsewhere = other.endpoint_url();
    // Where the chains divide is beyond what it remembers: to it, no block is left.
    proxy.tamper(move |Call { method, params }| {
        let remembered = params[0].as_str().and_then(|number| number.parse::<U64>().ok());
        match remembered.is_some_and(|number| number.to::<u64>() <= before.l1.number) {
            true if method == "eth_getBlockByNumber" => Reaction::Answer(Value::Null),
            _ => Reaction::Elsewhere(elsewhere.clone()),
        }
    });
    let words = ["WARN", "L1 has none of the blocks 0 to", "start again from an empty data directory"];
    eventually("the follower says so", || async { Ok(journal.says(&words).then_some(())) }).await?;
    let heads = follower.chain().heads();
    assert_eq!((heads.l1, heads.safe, heads.derived), (before.l1, before.safe, before.derived));

    // An Anvil that was loaded twice may show the genesis block of another process as its own.
    let (genesis, new) = (devnet.l1_url(), Proxy::start(other.endpoint_url()).await?);
    new.tamper(move |Call { method, params }| match params[0] == "0x0" && method == "eth_getBlockByNumber" {
        true => Reaction::Elsewhere(genesis.clone()),
        false => Reaction::Pass,
    });
    let mut config = devnet.follower_config("fresh");
    config.l1_rpc_url = new.url().to_string();
    let fresh = Node::start(config).await?;
    eventually("the new follower has followed the new chain", || async {
        let heads = fresh.chain().heads();
        Ok((heads.synced() && heads.l1.number > before.l1.number + 10).then_some(()))
    })
    .await?;
    assert_eq!(fresh.chain().heads().safe, before.safe, "the batches are in what both chains have");
    fresh.shutdown().await?;

    proxy.relent();
    devnet.fund(Actor::Bob, ether(1)).await?;
    devnet.posted().await?;
    devnet.check_rebuild(&follower).await?;
    Ok(follower.shutdown().await?)
}

/// A proposal that is included after a reorg of the batch it is about fails, instead of becoming a lie that costs a bond.
#[tokio::test]
async fn between_a_proposal_and_its_inclusion() -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    devnet.synced().await?;
    let before = devnet.l1_head().await?;
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    let chain = devnet.node().chain();
    let count =
        eventually("the message is in a batch", || async { Ok(chain.batch_count_at(withdrawal.block_number)?) })
            .await?;
    let genesis = devnet.genesis_commitment().await?;
    let roots = devnet.output_roots(count).await?;
    let commitment = devnet.commitment(Actor::Bob, genesis, &roots).await?;

    let head = devnet.l1_head().await?;
    devnet.reorg(head.block_number - before.block_number).await?;
    devnet.mine(1).await?;
    let contract = devnet.canonical_transaction_chain();
    let now = eventually("the batch is posted again", || async { Ok(contract.batchHash(count - 1).call().await.ok()) })
        .await?;
    assert_ne!(now, commitment.batch_hash, "another L1 block is another batch");

    let bob = devnet.client(Actor::Bob);
    let contract = bob.state_commitment_chain();
    let bond = U256::from(contract.BOND().call().await?);
    let propose = contract.propose(genesis, commitment.batch_hash, roots).value(bond);
    let (_, outcome) = devnet.force(propose).await?;
    let error = expect_revert::<StateCommitmentChain::BatchHashMismatch>(outcome);
    assert_eq!((error.received, error.expected), (commitment.batch_hash, now));
    assert_eq!(contract.bondOf(devnet.address(Actor::Bob)).call().await?, U256::ZERO);
    Ok(())
}

/// While L1 includes nothing, L2 goes on; then all of it is posted.
#[tokio::test]
async fn l1_includes_nothing_for_a_while() -> Result<()> {
    let devnet = Devnet::start().await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    let alice = devnet.client(Actor::Alice);
    devnet.l1().anvil_set_auto_mine(false).await?;

    let transfer = TransactionRequest::default().with_to(RECIPIENT).with_value(ether(1));
    let receipt = alice.l2().send_transaction(transfer).await?.mined().await?;
    assert!(receipt.status());
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    devnet.mine(3).await?;
    devnet.l1().anvil_set_auto_mine(true).await?;
    devnet.mine(1).await?;

    let executable = devnet.executable(&withdrawal).await?;
    alice.execute(&executable).await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    assert_eq!(devnet.l2().get_balance(RECIPIENT).await?, ether(1));
    alice.wait_to_prove(&withdrawal, PATIENCE).await?;
    devnet.check_conservation(&[RECIPIENT]).await
}

/// A batch that L1 does not include is offered again for more, also after a restart, and never a second one beside it.
#[tokio::test]
async fn a_batch_that_is_stuck_is_offered_for_more() -> Result<()> {
    let mut devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    let sequencer = devnet.address(Actor::Sequencer);
    devnet.stop_node().await?;
    devnet.l1().anvil_set_auto_mine(false).await?;
    devnet.mine(1).await?;
    let mut config = devnet.node_config();
    config.sequencer.as_mut().expect("it sequences").resubmit_after = Duration::from_millis(200);
    let offered_above = |least: u128| {
        let devnet = &devnet;
        eventually("the batch is offered for more", move || async move {
            let pool: Value = devnet.l1().raw_request("txpool_content".into(), ()).await?;
            let offered =
                pool["pending"][sequencer.to_string().to_lowercase()].as_object().cloned().unwrap_or_default();
            assert!(offered.len() <= 1, "{offered:?}");
            let fee = offered.values().next().and_then(|transaction| transaction["maxFeePerGas"].as_str());
            let fee = fee.map(|fee| fee.parse::<U256>()).transpose()?.map(|fee| fee.to::<u128>());
            Ok(fee.filter(|fee| *fee > least))
        })
    };

    let node = Node::start(config.clone()).await?;
    let transfer = TransactionRequest::default().with_to(RECIPIENT).with_value(ether(1));
    devnet.client(Actor::Alice).l2().send_transaction(transfer).await?.mined().await?;
    let first = offered_above(0).await?;
    let second = offered_above(first).await?;
    node.shutdown().await?;
    let node = Node::start(config).await?;
    offered_above(second).await?;

    devnet.l1().anvil_set_auto_mine(true).await?;
    devnet.mine(1).await?;
    let chain = node.chain();
    eventually("everything is safe", || async {
        let heads = chain.heads();
        Ok((heads.synced() && heads.safe == heads.unsafe_).then_some(()))
    })
    .await?;
    assert_eq!(devnet.l2().get_balance(RECIPIENT).await?, ether(1));
    Ok(node.shutdown().await?)
}
