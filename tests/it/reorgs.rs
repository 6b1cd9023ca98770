//! L1 takes back what it had.

use std::time::Duration;

use alloy::{
    network::TransactionBuilder,
    primitives::{Address, Bytes, U256, address},
    providers::{Provider, ext::AnvilApi},
    rpc::types::TransactionRequest,
};
use eyre::Result;
use postern_bindings::StateCommitmentChain;
use postern_node::Node;
use postern_tests::{Actor, Devnet, Mined, PATIENCE, Roles, ether, eventually, expect_revert};
use serde_json::Value;

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");

#[tokio::test]
async fn a_deposit_that_l1_forgets_was_never_made() -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Bob, ether(1)).await?;
    devnet.synced().await?;
    let before = devnet.l1_head().await?;
    devnet.fund(Actor::Alice, ether(1)).await?;
    let alice = devnet.address(Actor::Alice);

    let head = devnet.l1_head().await?;
    devnet.reorg(head.block_number - before.block_number).await?;
    devnet.mine(1).await?;

    let l2 = devnet.l2();
    eventually("the deposit disappears from L2", || async { Ok(l2.get_balance(alice).await?.is_zero().then_some(())) })
        .await?;
    // Another's stays, though it may be in other blocks now.
    let bob = devnet.address(Actor::Bob);
    eventually("the older deposit is on L2", || async { Ok((l2.get_balance(bob).await? >= ether(1)).then_some(())) })
        .await?;

    // And it can be made again.
    devnet.fund(Actor::Alice, ether(2)).await?;
    devnet.check_conservation(&[]).await
}

#[tokio::test]
async fn a_batch_that_l1_forgets_is_posted_again() -> Result<()> {
    let devnet = Devnet::start().await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    devnet.synced().await?;
    let before = devnet.l1_head().await?;
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    devnet.provable(&withdrawal).await?;

    let head = devnet.l1_head().await?;
    devnet.reorg(head.block_number - before.block_number).await?;
    devnet.mine(1).await?;

    // Batch and commitment were lost, not the transaction: it is in other ones.
    let executable = devnet.executable(&withdrawal).await?;
    devnet.client(Actor::Alice).execute(&executable).await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    devnet.check_conservation(&[]).await
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
