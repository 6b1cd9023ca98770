//! L1 nodes do not lie, but they are strict, stingy or late, each in its own way. The node gets along with them.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use alloy::{
    consensus::{Transaction, transaction::PooledTransaction},
    eips::eip2718::Decodable2718,
    network::TransactionBuilder,
    primitives::{Address, Bytes, U64, U256, address, keccak256},
    providers::Provider,
    rpc::types::TransactionRequest,
    sol_types::SolCall,
};
use eyre::{OptionExt, Result, ensure};
use postern_bindings::Bridge::executeMessageCall;
use postern_node::{DataSource, Node, NodeHandle, store::BatchData};
use postern_tests::{Actor, Call, Devnet, Journal, Mined, Proxy, Reaction, Roles, ether, eventually};
use rstest::rstest;
use serde_json::{Value, json};

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");

/// A follower far behind reads ranges of blocks, as long as the provider gives their logs: of so many blocks at most, or of none.
#[rstest]
#[tokio::test]
async fn gives_the_logs_of_few_blocks(#[values(0, 1, 7)] most: u64) -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(1)).await?;
    devnet.mine(70).await?;
    devnet.fund(Actor::Bob, ether(1)).await?;
    devnet.posted().await?;
    devnet.mine(100).await?;
    let proxy = Proxy::start(devnet.l1_url()).await?;
    let longest = Arc::new(AtomicU64::new(0));
    let given = longest.clone();
    proxy.tamper(move |Call { method, params }| {
        let bound = |name: &str| params[0][name].as_str().and_then(|number| number.parse::<U64>().ok());
        match bound("fromBlock").zip(bound("toBlock")) {
            Some((from, to)) if method == "eth_getLogs" => {
                let blocks = to.to::<u64>() + 1 - from.to::<u64>();
                if blocks > most {
                    return Reaction::Refuse("query exceeds max block range");
                }
                given.fetch_max(blocks, Ordering::Relaxed);
                Reaction::Pass
            }
            _ => Reaction::Pass,
        }
    });

    let mut config = devnet.follower_config("follower");
    config.l1_rpc_url = proxy.url().to_string();
    let follower = Node::start(config).await?;
    devnet.check_rebuild(&follower).await?;
    ensure!(proxy.tampered() > 0, "it was never refused");
    assert_eq!(longest.load(Ordering::Relaxed), most, "it takes what it can get");
    Ok(follower.shutdown().await?)
}

/// A transfer of one wei by Alice.
async fn transfer(devnet: &Devnet) -> Result<()> {
    let transfer = TransactionRequest::default().with_to(RECIPIENT).with_value(U256::ONE);
    assert!(devnet.client(Actor::Alice).l2().send_transaction(transfer).await?.mined().await?.status());
    Ok(())
}

/// Waits until a node's own blocks are all in batches.
async fn posted(node: &NodeHandle) -> Result<()> {
    eventually("everything is posted", || async {
        let heads = node.chain().heads();
        Ok((heads.synced() && heads.safe == heads.unsafe_ && heads.safe.number > 0).then_some(()))
    })
    .await
}

/// A node whose ETH on L2 is Alice's, stopped, and a proxy in front of its L1.
async fn stopped() -> Result<(Devnet, Proxy)> {
    let mut devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    devnet.posted().await?;
    devnet.stop_node().await?;
    let proxy = Proxy::start(devnet.l1_url()).await?;
    Ok((devnet, proxy))
}

/// Starts the node again, behind the proxy, with what it posts by.
async fn start(devnet: &Devnet, proxy: &Proxy, source: DataSource) -> Result<NodeHandle> {
    let mut config = devnet.node_config();
    config.l1_rpc_url = proxy.url().to_string();
    if let Some(sequencer) = &mut config.sequencer {
        sequencer.data_source = source;
        sequencer.resubmit_after = Duration::from_millis(50);
    }
    Ok(Node::start(config).await?)
}

/// A node counts a transaction before it has its receipt. The batcher does not take that for a transaction of someone else, unless
/// the receipt does not come at all.
#[rstest]
#[case::late(5, false)]
#[case::never(u64::MAX, true)]
#[tokio::test]
async fn gives_receipts(#[case] after: u64, #[case] displaced: bool) -> Result<()> {
    let journal = Journal::begin();
    let (devnet, proxy) = stopped().await?;
    let asked = AtomicU64::new(0);
    proxy.tamper(move |Call { method, .. }| match method {
        "eth_getTransactionReceipt" if asked.fetch_add(1, Ordering::Relaxed) < after => Reaction::Answer(Value::Null),
        _ => Reaction::Pass,
    });
    let node = start(&devnet, &proxy, DataSource::Calldata).await?;
    transfer(&devnet).await?;
    posted(&node).await?;
    let words = if displaced { ["WARN", "another transaction took nonce"] } else { ["INFO", "posted batch index=1"] };
    eventually("the batcher says what it made of it", || async { Ok(journal.says(&words).then_some(())) }).await?;
    assert_eq!(journal.says(&["another transaction took nonce"]), displaced);
    Ok(node.shutdown().await?)
}

/// A transaction that waits in a node's pool: whether it has blobs, and what it offers, in wei.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Waiting {
    nonce: u64,
    blobs: bool,
    max_fee: u128,
    tip: u128,
    max_blob_fee: u128,
}

impl Waiting {
    fn new(transaction: &PooledTransaction) -> Self {
        Self {
            nonce: transaction.nonce(),
            blobs: transaction.is_eip4844(),
            max_fee: transaction.max_fee_per_gas(),
            tip: transaction.max_priority_fee_per_gas().unwrap_or_default(),
            max_blob_fee: transaction.max_fee_per_blob_gas().unwrap_or_default(),
        }
    }

    /// What Geth says to a transaction of the same account.
    fn refuses(&self, other: &Self) -> Option<&'static str> {
        // In percent.
        let bump = if self.blobs { 200 } else { 110 };
        let fees = [
            (self.max_fee, other.max_fee),
            (self.tip, other.tip),
            // Both 0 without blobs.
            (self.max_blob_fee, other.max_blob_fee),
        ];
        match () {
            () if other.nonce != self.nonce => None,
            () if other.blobs != self.blobs => Some("address already reserved"),
            () if fees.iter().any(|(old, new)| new * 100 < old * bump) => Some("replacement transaction underpriced"),
            () => None,
        }
    }
}

/// Behind the proxy a pool that treats transactions as Geth's does, in which a transaction of the sequencer waits. Anvil itself
/// knows nothing of it, and includes what replaces it. What passed is noted.
fn pool(proxy: &Proxy, waiting: Waiting) -> Arc<Mutex<Vec<Waiting>>> {
    let passed = Arc::new(Mutex::new(Vec::new()));
    let notes = passed.clone();
    proxy.tamper(move |Call { method, params }| match method {
        "eth_getTransactionCount" if params[1] == "pending" && notes.lock().unwrap().is_empty() => {
            Reaction::Answer(json!(U64::from(waiting.nonce + 1)))
        }
        "eth_sendRawTransaction" => {
            let raw: Bytes = params[0].as_str().unwrap().parse().unwrap();
            let sent = Waiting::new(&PooledTransaction::decode_2718(&mut raw.as_ref()).unwrap());
            match waiting.refuses(&sent) {
                Some(reason) => Reaction::Refuse(reason),
                None => {
                    notes.lock().unwrap().push(sent);
                    Reaction::Pass
                }
            }
        }
        _ => Reaction::Pass,
    });
    passed
}

const GWEI: u128 = 1_000_000_000;
/// What was offered when fees were low.
const LOW: Waiting = Waiting { nonce: 0, blobs: false, max_fee: GWEI, tip: 1, max_blob_fee: 0 };

/// A transaction of the sequencer is stuck, be it from before a restart, and the node would post by the other kind; or it offers
/// much of one fee and little of another, so that it is not included and hard to outbid. The next batch replaces it all the same.
#[rstest]
#[case::blobs_for_calldata(DataSource::Calldata, Waiting { blobs: true, max_blob_fee: 1, ..LOW })]
#[case::calldata_for_blobs(DataSource::Blobs, LOW)]
#[case::a_high_tip_and_a_low_fee(DataSource::Calldata, Waiting { tip: 5 * GWEI, max_fee: 6 * GWEI, ..LOW })]
#[case::a_high_blob_fee_and_a_low_fee(DataSource::Blobs, Waiting { blobs: true, max_blob_fee: 1_000, ..LOW })]
#[tokio::test]
async fn lets_a_stuck_transaction_be_replaced(#[case] source: DataSource, #[case] waiting: Waiting) -> Result<()> {
    let (devnet, proxy) = stopped().await?;
    let nonce = devnet.l1().get_transaction_count(devnet.address(Actor::Sequencer)).await?;
    let waiting = Waiting { nonce, ..waiting };
    let passed = pool(&proxy, waiting);
    let node = start(&devnet, &proxy, source).await?;
    transfer(&devnet).await?;
    posted(&node).await?;

    let passed = passed.lock().unwrap().clone();
    ensure!(!passed.is_empty(), "nothing was sent");
    // More than once, if the first is not included soon.
    for replacement in passed {
        assert_eq!((replacement.nonce, replacement.blobs), (nonce, waiting.blobs));
    }

    // What comes next goes by what the operator wants.
    transfer(&devnet).await?;
    posted(&node).await?;
    let last = node.chain().batch(node.chain().heads().batches - 1)?.ok_or_eyre("no batch")?;
    assert_eq!(matches!(last.data, BatchData::Blobs(_)), source == DataSource::Blobs);
    devnet.check_rebuild(&node).await?;
    Ok(node.shutdown().await?)
}

/// A batch that only blobs can carry, while a transaction without blobs is stuck: that one is cancelled first.
#[tokio::test]
async fn lets_a_stuck_transaction_be_cancelled() -> Result<()> {
    let journal = Journal::begin();
    let (devnet, proxy) = stopped().await?;
    let nonce = devnet.l1().get_transaction_count(devnet.address(Actor::Sequencer)).await?;
    let passed = pool(&proxy, Waiting { nonce, ..LOW });
    let mut config = devnet.node_config();
    config.l1_rpc_url = proxy.url().to_string();
    let sequencer = config.sequencer.as_mut().ok_or_eyre("it sequences")?;
    sequencer.data_source = DataSource::Blobs;
    sequencer.resubmit_after = Duration::from_millis(50);
    // Both transactions in one batch.
    sequencer.batch_interval = Duration::from_secs(1);
    let node = Node::start(config).await?;
    let alice = devnet.client(Actor::Alice);
    let nonce_on_l2 = alice.l2().get_transaction_count(devnet.address(Actor::Alice)).await?;
    for offset in 0..2_u64 {
        // Hashes do not get shorter by compression.
        let noise: Vec<u8> = (0..2_500_u64).flat_map(|i| keccak256((offset << 32 | i).to_be_bytes()).0).collect();
        let request = TransactionRequest::default().with_to(RECIPIENT).with_input(noise).with_gas_limit(5_000_000);
        let _sent = alice.l2().send_transaction(request.with_nonce(nonce_on_l2 + offset)).await?;
    }
    eventually("both are in a block", || async {
        let included = alice.l2().get_transaction_count(devnet.address(Actor::Alice)).await?;
        Ok((included == nonce_on_l2 + 2).then_some(()))
    })
    .await?;
    posted(&node).await?;

    assert!(journal.says(&["WARN", "replacing a transaction that waits and cannot carry the batch"]));
    let mut kinds: Vec<_> = passed.lock().unwrap().iter().map(|sent| (sent.nonce, sent.blobs)).collect();
    kinds.dedup();
    assert_eq!(kinds, [(nonce, false), (nonce + 1, true)]);
    devnet.check_rebuild(&node).await?;
    Ok(node.shutdown().await?)
}

/// A relayer that starts asks L1 about those messages alone that it executes, however many there were before.
#[tokio::test]
async fn is_not_asked_about_what_was_executed_before() -> Result<()> {
    const BEFORE: u64 = 4;
    let mut devnet = Devnet::with(Roles::ALL).await?;
    devnet.fund(Actor::Alice, ether(6)).await?;
    for index in 0..BEFORE {
        let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
        assert_eq!(withdrawal.message.index, index);
        if index + 1 == BEFORE {
            devnet.executable(&withdrawal).await?;
        }
    }
    let executed = |index| {
        let bridge = devnet.bridge();
        eventually("the relayer executes the message", move || {
            let bridge = bridge.clone();
            async move { Ok(bridge.isFinalized(index).call().await?.then_some(())) }
        })
    };
    for index in 0..BEFORE {
        executed(index).await?;
    }
    devnet.synced().await?;
    let config = devnet.node_config();
    devnet.stop_node().await?;

    let (proxy, bridge) = (Proxy::start(devnet.l1_url()).await?, devnet.deployment().bridge.address);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = asked.clone();
    proxy.tamper(move |Call { method, params }| {
        let call: TransactionRequest = serde_json::from_value(params[0].clone()).unwrap_or_default();
        if method == "eth_call" && call.to.and_then(|to| to.into_to()) == Some(bridge) {
            notes.lock().unwrap().push(call.input.into_input().unwrap_or_default());
        }
        Reaction::Pass
    });
    let node = Node::start(postern_node::NodeConfig { l1_rpc_url: proxy.url().to_string(), ..config }).await?;
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    devnet.executable(&withdrawal).await?;
    let index = withdrawal.message.index;
    eventually("the relayer executes the message", || async {
        Ok(devnet.bridge().isFinalized(index).call().await?.then_some(()))
    })
    .await?;
    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(BEFORE + 1));
    let asked = asked.lock().unwrap().clone();
    ensure!(!asked.is_empty(), "it simulates what it executes");
    for input in asked {
        assert_eq!(executeMessageCall::abi_decode(&input)?.message.index, index);
    }
    Ok(node.shutdown().await?)
}
