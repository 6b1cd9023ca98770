//! Batches that others force, and what becomes of the sequencer's own blocks.

use std::time::Duration;

use alloy::{
    eips::eip2718::Encodable2718,
    network::ReceiptResponse,
    primitives::{Address, U256, address},
    providers::Provider,
};
use eyre::{OptionExt, Result};
use postern_client::{InclusionStatus, L2Call};
use postern_tests::{Actor, Devnet, Mined, PATIENCE, Roles, ether, eventually};

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");
/// How many L1 blocks old a message is before the sequencer takes it: more than come until it is forced.
const CONFIRMATIONS: u64 = 8;

/// A sequencer was away while the queue was forced, and had blocks that it never posted. They make room for the forced batch;
/// its users' transactions are included again, but for the one that the forced message made invalid.
#[tokio::test]
async fn the_sequencer_returns() -> Result<()> {
    let mut devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    devnet.fund(Actor::Bob, ether(3)).await?;
    devnet.synced().await?;
    devnet.mine(CONFIRMATIONS).await?;
    devnet
        .retune(|config| {
            config.l1_confirmations = CONFIRMATIONS;
            config.sequencer.as_mut().expect("it sequences").batch_interval = Duration::from_secs(3_600);
        })
        .await?;
    let (alice, l2) = (devnet.client(Actor::Alice), devnet.l2());
    let nonce = l2.get_transaction_count(devnet.address(Actor::Alice)).await?;
    let invalidated = devnet.signed_transfer(Actor::Alice, RECIPIENT, nonce).await?;
    let nonce = l2.get_transaction_count(devnet.address(Actor::Bob)).await?;
    let valid = [
        devnet.signed_transfer(Actor::Bob, RECIPIENT, nonce).await?,
        devnet.signed_transfer(Actor::Bob, RECIPIENT, nonce + 1).await?,
    ];
    let mut before = Vec::new();
    for transaction in [&invalidated, &valid[0], &valid[1]] {
        let receipt = l2.send_raw_transaction(&transaction.encoded_2718()).await?.mined().await?;
        assert!(receipt.status());
        before.push(receipt);
    }
    let unposted = devnet.node().chain().heads();
    assert!(unposted.safe.number < unposted.unsafe_.number);

    // It counts as a transaction of Alice, and is first.
    let deposit =
        alice.send_to_l2(L2Call { target: RECIPIENT, value: U256::from(10), gas_limit: 50_000, ..L2Call::default() });
    let deposit = deposit.await?.state;
    devnet.warp_to(alice.inclusion(&deposit).await?.forceable_at.ok_or_eyre("it is ordered")?).await?;
    assert_eq!(alice.wait_to_force(&deposit, PATIENCE).await?, InclusionStatus::Forceable);
    devnet.client(Actor::Stranger).force_include().await?;

    let forced = alice.wait_for_deposit(&deposit, PATIENCE).await?;
    assert!(forced.status());
    assert_eq!(forced.block_number(), Some(unposted.safe.number + 1));
    // The forced batch's origin is the newest block that it could have, and origins do not go back.
    devnet.mine(CONFIRMATIONS + 1).await?;
    let mut shown = Vec::new();
    for (transaction, before) in valid.iter().zip(&before[1..]) {
        let after = eventually("the transaction is included again", || async {
            let receipt = l2.get_transaction_receipt(*transaction.tx_hash()).await?;
            Ok(receipt.filter(|receipt| receipt.block_hash != before.block_hash))
        })
        .await?;
        assert!(after.status());
        assert!(after.block_number > forced.block_number());
        let block = l2.get_block_by_number(after.block_number.unwrap_or_default().into()).await?;
        assert_eq!(block.map(|block| block.header.hash), after.block_hash);
        assert_eq!(l2.get_block_by_hash(before.block_hash.unwrap_or_default()).await?, None);
        shown.push(after);
    }
    assert_eq!(l2.get_transaction_receipt(*invalidated.tx_hash()).await?, None);
    assert_eq!(l2.get_transaction_by_hash(*invalidated.tx_hash()).await?, None);
    let reason = l2.send_raw_transaction(&invalidated.encoded_2718()).await.map(|_| ()).expect_err("it is invalid");
    assert!(reason.to_string().contains("nonce too low"), "{reason}");

    // Once they are posted, everybody sees the same.
    devnet.retune(|_| ()).await?;
    devnet.posted().await?;
    for shown in shown {
        assert_eq!(
            l2.get_transaction_receipt(shown.transaction_hash).await?,
            Some(shown),
            "it was posted as it was shown"
        );
    }
    assert_eq!(devnet.l2().get_balance(RECIPIENT).await?, U256::from(12));
    devnet.check_rebuild(devnet.node()).await?;
    devnet.check_conservation(&[RECIPIENT]).await
}
