//! The node stops and starts again, at any point of a message's life, and nothing is lost.

use alloy::{
    network::{ReceiptResponse, TransactionBuilder},
    primitives::{Address, Bytes, address},
    providers::Provider,
    rpc::types::TransactionRequest,
};
use eyre::Result;
use postern_client::Status;
use postern_node::Node;
use postern_tests::{Actor, Devnet, PATIENCE, ether, eventually};
use rstest::rstest;

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");

/// When the node stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Point {
    DepositSent,
    DepositArrived,
    TransferSent,
    TransferIncluded,
    WithdrawalSent,
    Provable,
    Proven,
    WindowPassed,
}

/// How it stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    InOrder,
    Abrupt,
}

async fn restart_if(devnet: &mut Devnet, (stop, end): (Point, End), now: Point) -> Result<()> {
    match end {
        _ if stop != now => Ok(()),
        End::Abrupt => devnet.crash_node().await,
        End::InOrder => {
            devnet.stop_node().await?;
            devnet.start_node().await
        }
    }
}

#[rstest]
#[tokio::test]
async fn at(
    #[values(
        Point::DepositSent,
        Point::DepositArrived,
        Point::TransferSent,
        Point::TransferIncluded,
        Point::WithdrawalSent,
        Point::Provable,
        Point::Proven,
        Point::WindowPassed
    )]
    point: Point,
    #[values(End::InOrder, End::Abrupt)] end: End,
) -> Result<()> {
    let stop = (point, end);
    let mut devnet = Devnet::start().await?;
    let alice = devnet.client(Actor::Alice);

    let deposit = alice.deposit_eth(devnet.address(Actor::Alice), ether(3)).await?.state;
    restart_if(&mut devnet, stop, Point::DepositSent).await?;
    assert!(alice.wait_for_deposit(&deposit, PATIENCE).await?.status());
    restart_if(&mut devnet, stop, Point::DepositArrived).await?;

    let transfer = TransactionRequest::default().with_to(RECIPIENT).with_value(ether(1));
    let transfer = *alice.l2().send_transaction(transfer).await?.tx_hash();
    restart_if(&mut devnet, stop, Point::TransferSent).await?;
    let receipt =
        eventually("the transfer is included", || async { Ok(alice.l2().get_transaction_receipt(transfer).await?) })
            .await?;
    assert!(receipt.status());
    restart_if(&mut devnet, stop, Point::TransferIncluded).await?;
    assert_eq!(devnet.l2().get_transaction_receipt(transfer).await?, Some(receipt));

    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    restart_if(&mut devnet, stop, Point::WithdrawalSent).await?;
    let provable = devnet.provable(&withdrawal).await?;
    restart_if(&mut devnet, stop, Point::Provable).await?;
    let proven = alice.prove(&provable).await?.state;
    restart_if(&mut devnet, stop, Point::Proven).await?;
    devnet.warp_past_challenge_window().await?;
    restart_if(&mut devnet, stop, Point::WindowPassed).await?;
    alice.wait_to_finalize(&proven, PATIENCE).await?;
    alice.finalize(&proven).await?;

    assert_eq!(alice.status(&withdrawal).await?, Status::Finalized);
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    assert_eq!(devnet.l2().get_balance(RECIPIENT).await?, ether(1));
    devnet.check_conservation(&[RECIPIENT]).await
}

/// What happens on L1 while the node is down is caught up with.
#[tokio::test]
async fn deposits_while_the_node_is_down_arrive() -> Result<()> {
    let mut devnet = Devnet::start().await?;
    devnet.fund(Actor::Bob, ether(1)).await?;
    devnet.stop_node().await?;
    let alice = devnet.client(Actor::Alice);
    let mut deposits = Vec::new();
    for _ in 0..3 {
        deposits.push(alice.deposit_eth(RECIPIENT, ether(1)).await?.state);
    }
    devnet.mine(10).await?;
    devnet.start_node().await?;

    for deposit in &deposits {
        assert!(alice.wait_for_deposit(deposit, PATIENCE).await?.status());
    }
    assert_eq!(devnet.l2().get_balance(RECIPIENT).await?, ether(3));
    devnet.check_conservation(&[RECIPIENT]).await
}

/// Another node, from nothing but L1, comes to the same blocks and outputs.
#[tokio::test]
async fn a_replica_derives_the_same_chain() -> Result<()> {
    let devnet = Devnet::start().await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    let provable = devnet.provable(&withdrawal).await?;

    let directory = tempfile::tempdir()?;
    let mut config = devnet.node_config();
    (config.sequencer, config.proposer, config.relayer) = (None, None, None);
    config.data_dir = directory.path().to_owned();
    config.rpc.addr.set_port(0);
    let replica = Node::start(config).await?;
    let output = eventually("the replica derives the batch", || async {
        Ok(replica.chain().output(provable.commitment().batch_count)?)
    })
    .await?;

    assert_eq!(output, *provable.output());
    for number in 0..=output.block_number {
        assert_eq!(replica.chain().header(number)?, devnet.node().chain().header(number)?);
    }
    replica.shutdown().await?;
    Ok(())
}
