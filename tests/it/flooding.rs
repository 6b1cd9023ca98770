//! Somebody fills the queue to lock the others out. It costs him, and nobody is.

use alloy::{
    eips::BlockId,
    network::ReceiptResponse,
    primitives::{Address, Bytes, U256, address},
    providers::{Provider, ext::AnvilApi},
};
use eyre::{OptionExt, Result};
use postern_bindings::Bridge::BlockGasExhausted;
use postern_client::{InclusionStatus, L2Call};
use postern_protocol::constants::FORCED_MESSAGE_GAS;
use postern_tests::{Actor, Devnet, Mined, PATIENCE, Roles, ether, expect_revert, targets::Flooder};

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");
const MESSAGES: u64 = 10_000;
/// L2 gas of each: together more than two forced batches execute.
const GAS_LIMIT: u64 = 100_000;
/// L1 gas for as many of them as fit an L1 block.
const FLOOD_GAS: u64 = 16_000_000;
/// By how much the cost of forcing may differ, in L1 gas.
const TOLERANCE: u64 = 200;
/// What a stamp costs that the first of several forced batches takes on the way, at most, in L1 gas.
const STAMP: u64 = 8_000;
/// L1 seconds by which transactions come later than the clock allows them: the blocks that they need.
const SLACK: u64 = 60;

/// While the sequencer is silent, somebody queues 10,000 messages, each of which uses all its gas for nothing. A user's message
/// behind them is forced, and executed, as fast as without them, and forcing costs the same.
#[tokio::test]
async fn ten_thousand_messages() -> Result<()> {
    let mut devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    devnet.posted().await?;
    devnet.restart_with(Roles::REPLICA).await?;
    let (alice, stranger, mallory) =
        (devnet.client(Actor::Alice), devnet.client(Actor::Stranger), devnet.client(Actor::Mallory));
    let call = L2Call { target: RECIPIENT, value: U256::ONE, gas_limit: 50_000, ..L2Call::default() };
    let alone = alice.send_to_l2(call).await?.state;
    devnet.warp_to(alice.inclusion(&alone).await?.forceable_at.ok_or_eyre("it is ordered")?).await?;
    let cost_of_one = stranger.force_include().await?.gas_used;
    assert!(alice.wait_for_deposit(&alone, PATIENCE).await?.status());

    // As many in an L1 block as it sells, at a price that rises from block to block.
    let bridge = devnet.bridge();
    let flooder = devnet.deploy(mallory.l1(), "Flooder", (devnet.deployment().bridge.address,)).await?;
    let flooder = Flooder::new(flooder, mallory.l1());
    let price = async || bridge.quote(GAS_LIMIT).block(BlockId::pending()).call().await;
    let quiet = price().await?;
    let per_block = bridge.availableGas().block(BlockId::pending()).call().await? / GAS_LIMIT;
    let flood = |messages: u64, fee: U256| {
        let flood = flooder.flood(U256::from(messages), GAS_LIMIT).value(fee * U256::from(messages));
        flood.from(devnet.address(Actor::Mallory)).gas(FLOOD_GAS)
    };
    let one_too_many = flood(per_block + 1, quiet * U256::from(2)).call().await;
    let error = expect_revert::<BlockGasExhausted>(one_too_many);
    assert!(error.received > error.available);
    let mut spent = U256::ZERO;
    let mut left = MESSAGES;
    while left > 0 {
        let messages = left.min(per_block);
        let fee = price().await?;
        assert!(flood(messages, fee).send().await?.mined().await?.status());
        spent += fee * U256::from(messages);
        left -= messages;
    }
    assert!(price().await? > quiet * U256::from(1_000));
    assert!(spent > quiet * U256::from(100 * MESSAGES), "it cost {spent}");

    // A while later L2 gas costs what it did.
    let delay = devnet.canonical_transaction_chain().FORCE_DELAY().call().await?;
    devnet.mine(100).await?;
    assert_eq!(price().await?, quiet);
    let deposit = alice.send_to_l2(L2Call::withdrawal(RECIPIENT, ether(1), 0, Bytes::new())).await?.state;
    let queued_at = devnet.l1_head().await?.time;
    let backlog = deposit.place - alone.place;
    assert_eq!(backlog, MESSAGES * GAS_LIMIT + deposit.message.gas_limit);
    let inclusion = stranger.inclusion(&deposit).await?;
    devnet.warp_to(inclusion.stampable_at.ok_or_eyre("it is stamped")?).await?;
    stranger.stamp().await?;
    devnet.warp_to(stranger.inclusion(&deposit).await?.ordered_by.ok_or_eyre("it is ordered")?).await?;
    assert_eq!(stranger.inclusion(&deposit).await?.status, InclusionStatus::Forceable);
    // One call does not take all of it, but several at once do, in one L1 block.
    devnet.l1().anvil_set_auto_mine(false).await?;
    let mut pending = Vec::new();
    for _ in 0..backlog.div_ceil(FORCED_MESSAGE_GAS) {
        let contract = stranger.canonical_transaction_chain();
        pending.push(contract.forceInclude().gas(200_000).send().await?);
    }
    devnet.mine(1).await?;
    devnet.l1().anvil_set_auto_mine(true).await?;
    let head = devnet.l1_head().await?.block_number;
    assert_eq!(stranger.inclusion(&deposit).await?.status, InclusionStatus::Ordered);
    let mut costs = Vec::new();
    for pending in pending {
        let receipt = pending.mined().await?;
        assert!(receipt.status());
        assert_eq!(receipt.block_number, Some(head));
        costs.push(receipt.gas_used);
    }
    assert!(devnet.l1_head().await?.time <= queued_at + 2 * delay + SLACK);
    for cost in &costs[1..] {
        assert!(cost.abs_diff(cost_of_one) <= TOLERANCE, "{costs:?} instead of {cost_of_one}");
    }
    assert!(costs[0] <= cost_of_one + STAMP, "{costs:?} instead of {cost_of_one}");

    let withdrawal = devnet.withdrawal_of(&alice, &deposit).await?;
    assert_eq!(withdrawal.message.value, ether(1));
    devnet.posted().await?;
    devnet.check_rebuild(devnet.node()).await?;
    devnet.propose_up_to(Actor::Alice, &withdrawal).await?;
    alice.execute(&devnet.executable(&withdrawal).await?).await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    devnet.check_conservation(&[RECIPIENT]).await
}
