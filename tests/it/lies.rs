//! The L1 node that a follower asks lies to it, or says nothing. It never derives anything wrong from that, says what is wrong, and
//! goes on when the lie stops.

use std::sync::atomic::{AtomicBool, Ordering};

use alloy::{
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, U256, address},
    providers::Provider,
    rpc::types::TransactionRequest,
    sol_types::SolEvent,
};
use eyre::{Result, ensure};
use postern_bindings::{Bridge::MessageQueued, CanonicalTransactionChain::BatchAppended};
use postern_node::{Node, NodeHandle};
use postern_tests::{Actor, Call, Devnet, Journal, Mined, Proxy, Reaction, Roles, ether, eventually};
use rstest::rstest;
use serde_json::{Value, json};

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");
/// More L1 blocks than the follower reads one by one: older ones it reads as a range.
const FAR: u64 = 100;

/// A chain with a deposit, a transfer and two batches, and a follower that has its L1 from a proxy.
async fn setting(distance: u64) -> Result<(Devnet, Proxy)> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(2)).await?;
    devnet.posted().await?;
    let transfer = TransactionRequest::default().with_to(RECIPIENT).with_value(ether(1));
    devnet.client(Actor::Alice).l2().send_transaction(transfer).await?.mined().await?;
    devnet.posted().await?;
    devnet.fund(Actor::Bob, ether(1)).await?;
    devnet.posted().await?;
    devnet.mine(distance).await?;
    let proxy = Proxy::start(devnet.l1_url()).await?;
    Ok((devnet, proxy))
}

async fn follower(devnet: &Devnet, proxy: &Proxy) -> Result<NodeHandle> {
    let mut config = devnet.follower_config("follower");
    config.l1_rpc_url = proxy.url().to_string();
    Ok(Node::start(config).await?)
}

/// Checks that what the follower has derived is what there is.
fn check_nothing_wrong(devnet: &Devnet, follower: &NodeHandle) -> Result<()> {
    let (chain, truth) = (follower.chain(), devnet.node().chain());
    for count in 0..=chain.heads().derived {
        ensure!(chain.output(count)? == truth.output(count)?, "output {count} is wrong");
    }
    Ok(())
}

/// The logs of an answer: those of a range of blocks, or in the receipts of one block.
fn change_logs(answer: &mut Value, change: impl Fn(&mut Vec<Value>)) {
    let Some(answer) = answer.as_array_mut() else { return };
    if answer.iter().any(|item| item.get("logs").is_some()) {
        answer.iter_mut().filter_map(|receipt| receipt["logs"].as_array_mut()).for_each(change);
    } else {
        change(answer);
    }
}

fn is_message(log: &Value) -> bool {
    log["topics"][0] == json!(MessageQueued::SIGNATURE_HASH)
}

/// Without the queue's messages.
fn without_messages(answer: &mut Value) {
    change_logs(answer, |logs| logs.retain(|log| !is_message(log)));
}

/// Without the first batch.
fn without_a_batch(answer: &mut Value) {
    let is_first =
        |log: &Value| log["topics"][0] == json!(BatchAppended::SIGNATURE_HASH) && log["topics"][1] == json!(B256::ZERO);
    change_logs(answer, |logs| logs.retain(|log| !is_first(log)));
}

/// With another amount in each message.
fn with_other_messages(answer: &mut Value) {
    change_logs(answer, |logs| {
        logs.iter_mut().filter(|log| is_message(log)).for_each(|log| alter(&mut log["data"], 2 * 32 + 2));
    });
}

/// With another byte near the end of the input, which is the batch.
fn with_other_input(transaction: &mut Value) {
    let length = transaction["input"].as_str().map_or(0, str::len);
    // Behind it is what fills the last word.
    alter(&mut transaction["input"], length - 64);
}

/// With another time.
fn with_another_time(block: &mut Value) {
    block["timestamp"] = json!("0x1");
}

/// Changes the hex digit at this place.
fn alter(hex: &mut Value, place: usize) {
    if let Some(digits) = hex.as_str().map(str::to_owned).filter(|digits| digits.len() > place) {
        let digit = if digits.as_bytes()[place] == b'7' { "8" } else { "7" };
        *hex = json!(format!("{}{digit}{}", &digits[..place], &digits[place + 1..]));
    }
}

/// A lie: about what, how, and what the node says about it in a block that it reads by itself, and in a range of blocks.
struct Lie {
    about: &'static [&'static str],
    how: fn() -> Reaction,
    complaints: [&'static str; 2],
}

const LOGS: &[&str] = &["eth_getLogs", "eth_getBlockReceipts"];
const BATCH: &[&str] = &["eth_getTransactionByHash"];
const BLOCK: &[&str] = &["eth_getBlockByNumber"];
const OF_LOGS: [&str; 2] = ["receipts", "L1 contradicts itself"];

#[rstest]
#[case::messages_that_are_left_out(Lie { about: LOGS, how: || Reaction::Edit(without_messages), complaints: OF_LOGS })]
#[case::messages_that_are_altered(Lie { about: LOGS, how: || Reaction::Edit(with_other_messages), complaints: OF_LOGS })]
#[case::a_batch_that_is_left_out(Lie { about: LOGS, how: || Reaction::Edit(without_a_batch), complaints: OF_LOGS })]
#[case::the_data_of_a_batch(
    Lie { about: BATCH, how: || Reaction::Edit(with_other_input), complaints: ["data commitment"; 2] }
)]
#[case::a_transaction(
    Lie { about: BATCH, how: || Reaction::Answer(Value::Null), complaints: ["L1 has no transaction"; 2] }
)]
#[case::a_header(
    Lie { about: BLOCK, how: || Reaction::Edit(with_another_time), complaints: ["its header hashes to"; 2] }
)]
#[case::nothing_as_it_is_silent(Lie { about: BLOCK, how: || Reaction::Hang, complaints: ["cannot follow L1"; 2] })]
#[tokio::test]
async fn about(#[case] lie: Lie, #[values(false, true)] far: bool) -> Result<()> {
    let journal = Journal::begin();
    let (devnet, proxy) = setting(if far { FAR } else { 0 }).await?;
    let Lie { about, how, complaints } = lie;
    proxy.tamper(move |Call { method, .. }| if about.contains(&method) { how() } else { Reaction::Pass });
    let follower = follower(&devnet, &proxy).await?;

    let words = ["WARN", complaints[usize::from(far)]];
    eventually("the node complains", || async { Ok(journal.says(&words).then_some(())) }).await?;
    let told = proxy.tampered();
    eventually("it asks again", || async { Ok((proxy.tampered() > told).then_some(())) }).await?;
    check_nothing_wrong(&devnet, &follower)?;

    proxy.relent();
    devnet.check_rebuild(&follower).await?;
    Ok(follower.shutdown().await?)
}

/// Behind one address there are two L1 nodes, on different forks. Whatever of which the node hears, in the end it has one of them,
/// whole.
#[rstest]
#[case::of_the_other_fork(|_: bool| true)]
#[case::of_both_forks_by_turns(|other| other)]
#[tokio::test]
async fn hears(#[case] of_the_other: fn(bool) -> bool) -> Result<()> {
    let (devnet, proxy) = setting(0).await?;
    let follower = follower(&devnet, &proxy).await?;
    devnet.check_rebuild(&follower).await?;
    let (fork, l1) = devnet.fork().await?;
    let bob = devnet.client(Actor::Bob);
    let bridge = bob.bridge();
    let send = bridge.sendToL2(RECIPIENT, U256::ZERO, 50_000, ether(1), Bytes::new()).value(ether(1));
    let request = send.into_transaction_request().with_from(devnet.address(Actor::Bob));
    l1.send_transaction(request).await?.mined().await?;

    let (url, turn) = (fork.endpoint_url(), AtomicBool::new(true));
    proxy.tamper(move |_| match of_the_other(turn.fetch_xor(true, Ordering::Relaxed)) {
        true => Reaction::Elsewhere(url.clone()),
        false => Reaction::Pass,
    });
    devnet.client(Actor::Alice).deposit_eth(RECIPIENT, ether(1)).await?;
    eventually("the node listens", || async { Ok((proxy.tampered() > 20).then_some(())) }).await?;
    devnet.posted().await?;
    for index in 0..follower.chain().heads().batches {
        let (heard, truth) = (follower.chain().batch(index)?, devnet.node().chain().batch(index)?);
        assert!(heard.is_none() || heard == truth, "batch {index} is of neither fork");
    }

    // The chain that goes on is the one that the node ends with.
    proxy.relent();
    devnet.mine(3).await?;
    devnet.posted().await?;
    devnet.check_rebuild(&follower).await?;
    check_nothing_wrong(&devnet, &follower)?;
    Ok(follower.shutdown().await?)
}
