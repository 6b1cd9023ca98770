//! Batches that no honest sequencer would post. Every byte string is a valid batch: each test says of which blocks, and all nodes
//! come to the same.

use alloy::{
    eips::eip2718::Encodable2718,
    network::ReceiptResponse,
    primitives::{Address, Bytes, U256, address},
    providers::Provider,
};
use eyre::{OptionExt, Result};
use postern_bindings::CanonicalTransactionChain::ConsumptionOutOfRange;
use postern_client::L2Call;
use postern_protocol::{
    batch::{self, Block},
    constants::MAX_BLOCKS_PER_BATCH,
};
use postern_tests::{Actor, Devnet, PATIENCE, Roles, ether, expect_revert};
use rstest::rstest;

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");
/// First byte of blocks as they are.
const RAW: u8 = 0;
/// First byte of compressed blocks.
const COMPRESSED: u8 = 1;

/// A chain whose sequencer acts by hand from now on. Alice has ETH on it.
async fn setting() -> Result<Devnet> {
    let mut devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    devnet.posted().await?;
    devnet.restart_with(Roles::REPLICA).await?;
    Ok(devnet)
}

/// A block with these transactions.
fn block(transactions: &[Bytes]) -> Block {
    Block { timestamp: 0, messages: 0, transactions: transactions.to_vec() }
}

/// Blocks as they are.
fn raw(blocks: &[Block]) -> Vec<u8> {
    [&[RAW][..], &blocks.iter().flat_map(alloy::rlp::encode).collect::<Vec<_>>()].concat()
}

/// What comes of a batch with this data: so many blocks, and so many of the transfers of `transfers`.
async fn check(data: impl Fn(&[Bytes]) -> Vec<u8>, blocks: u64, included: u64) -> Result<()> {
    let devnet = setting().await?;
    let chain = devnet.node().chain();
    let before = chain.heads();
    let nonce = devnet.l2().get_transaction_count(devnet.address(Actor::Alice)).await?;
    let mut transfers = Vec::new();
    for nonce in nonce..nonce + 2 {
        transfers.push(devnet.signed_transfer(Actor::Alice, RECIPIENT, nonce).await?.encoded_2718().into());
    }
    let consumed = devnet.canonical_transaction_chain().head().call().await?.consumed;

    assert_eq!(devnet.append(consumed, data(&transfers)).await?.1, Ok(()));

    devnet.posted().await?;
    let after = chain.heads();
    assert_eq!((after.derived, after.safe.number), (before.derived + 1, before.safe.number + blocks));
    assert_eq!(devnet.l2().get_balance(RECIPIENT).await?, U256::from(included));
    // Times never go back, are none that L1 has not reached, and not before the origin's.
    let batch = chain.batch(before.derived)?.ok_or_eyre("no batch")?.batch;
    let origin = devnet.l1().get_block_by_number(batch.origin_number.into()).await?.ok_or_eyre("no origin")?;
    let mut last = before.safe.timestamp.max(origin.header.timestamp);
    for number in before.safe.number + 1..=after.safe.number {
        let time = chain.header(number)?.ok_or_eyre("no block")?.timestamp;
        assert!((last..=batch.l1_time).contains(&time), "block {number} has time {time}");
        last = time;
    }
    devnet.check_rebuild(devnet.node()).await?;
    devnet.check_conservation(&[RECIPIENT]).await
}

#[rstest]
#[case::empty(vec![])]
#[case::of_garbage(vec![0xde, 0xad, 0xbe, 0xef])]
#[case::without_blocks(vec![RAW])]
#[case::of_broken_blocks(vec![RAW, 0xc3, 0x80])]
#[case::of_a_broken_stream(vec![COMPRESSED, 0xff, 0xff, 0xff])]
#[case::of_a_stream_that_ends_early(vec![COMPRESSED])]
#[tokio::test]
async fn a_batch(#[case] data: Vec<u8>) -> Result<()> {
    check(|_| data.clone(), 1, 0).await
}

#[tokio::test]
async fn what_stands_before_garbage_counts() -> Result<()> {
    let data =
        |transfers: &[Bytes]| [raw(&[block(&transfers[..1])]), vec![0xc3, 0x80], raw(&[block(transfers)])].concat();
    check(data, 1, 1).await
}

#[tokio::test]
async fn transactions_that_are_none_are_skipped() -> Result<()> {
    let data = |transfers: &[Bytes]| {
        let [first, second] = transfers else { return Vec::new() };
        let deposit = Bytes::from_static(&[0x7e, 0xc0]);
        let garbage = Bytes::from_static(b"garbage");
        // The second before the first has the wrong nonce, and so has the first again.
        raw(&[block(&[garbage, deposit, Bytes::new(), second.clone(), first.clone(), first.clone()])])
    };
    check(data, 1, 1).await
}

#[tokio::test]
async fn times_that_go_back_stand_still() -> Result<()> {
    let times = [u64::MAX, 1, u64::MAX, 0];
    let blocks = times.map(|timestamp| Block { timestamp, ..Block::default() });
    check(|_| batch::encode(&blocks).into(), 4, 0).await
}

#[tokio::test]
async fn blocks_beyond_the_limit_are_ignored() -> Result<()> {
    let blocks = vec![Block::default(); MAX_BLOCKS_PER_BATCH + 1];
    check(|_| batch::encode(&blocks).into(), MAX_BLOCKS_PER_BATCH as u64, 0).await
}

/// How far a batch consumes the queue is what counts, not what its blocks claim; and it cannot consume what there is not.
#[tokio::test]
async fn blocks_that_claim_messages() -> Result<()> {
    let devnet = setting().await?;
    let alice = devnet.client(Actor::Alice);
    let call = L2Call { target: RECIPIENT, value: ether(1), gas_limit: 50_000, ..L2Call::default() };
    let deposit = alice.send_to_l2(call).await?.state;
    let greedy = raw(&[Block { messages: u64::MAX, ..Block::default() }]);
    let consumed = devnet.canonical_transaction_chain().head().call().await?.consumed;

    let (_, outcome) = devnet.append(deposit.place + 1, greedy.clone()).await?;
    let error = expect_revert::<ConsumptionOutOfRange>(outcome);
    assert_eq!((error.received, error.minimum, error.maximum), (deposit.place + 1, consumed, deposit.place));

    assert_eq!(devnet.append(consumed, greedy).await?.1, Ok(()));
    devnet.posted().await?;
    assert_eq!(devnet.l2().get_balance(RECIPIENT).await?, U256::ZERO);

    // And the other way round: without a block that takes it, it comes in one of its own.
    let modest = raw(&[Block::default()]);
    assert_eq!(devnet.append(deposit.place, modest).await?.1, Ok(()));
    assert!(alice.wait_for_deposit(&deposit, PATIENCE).await?.status());
    devnet.posted().await?;
    assert_eq!(devnet.l2().get_balance(RECIPIENT).await?, ether(1));
    devnet.check_rebuild(devnet.node()).await?;
    devnet.check_conservation(&[RECIPIENT]).await
}
