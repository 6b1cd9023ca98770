//! Batches whose data is in blobs, with real blob transactions on L1.

use std::{fs, time::Duration};

use alloy::{
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, U256, address},
    providers::{Provider, ext::AnvilApi},
    rpc::types::TransactionRequest,
};
use eyre::{OptionExt, Result, bail};
use postern_node::{BlobSource, DataSource, Node, NodeConfig, NodeHandle, store::BatchData};
use postern_protocol::blob::{BLOB_SIZE, PAYLOAD};
use postern_tests::{Actor, Call, Devnet, Journal, Mined, Proxy, Reaction, Roles, ether, eventually};
use serde_json::{Value, json};

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");

fn by(config: &mut NodeConfig, source: DataSource) {
    if let Some(sequencer) = &mut config.sequencer {
        sequencer.data_source = source;
    }
}

fn by_blobs(config: &mut NodeConfig) {
    by(config, DataSource::Blobs);
}

/// What the last batch had its data in.
fn last_data(devnet: &Devnet) -> Result<BatchData> {
    let chain = devnet.node().chain();
    let last = chain.heads().batches.checked_sub(1).ok_or_eyre("no batch")?;
    Ok(chain.batch(last)?.ok_or_eyre("no batch")?.data)
}

/// The versioned hashes of the last batch.
fn last_blobs(devnet: &Devnet) -> Result<Vec<B256>> {
    match last_data(devnet)? {
        BatchData::Blobs(hashes) => Ok(hashes),
        BatchData::Calldata(_) => bail!("the batch is in calldata"),
    }
}

/// A transfer of one wei by Alice, posted.
async fn transfer(devnet: &Devnet) -> Result<()> {
    let transfer = TransactionRequest::default().with_to(RECIPIENT).with_value(U256::ONE);
    assert!(devnet.client(Actor::Alice).l2().send_transaction(transfer).await?.mined().await?.status());
    devnet.posted().await
}

/// A blob, as Anvil keeps it.
async fn blob(devnet: &Devnet, hash: B256) -> Result<Bytes> {
    Ok(devnet.l1().raw_request("anvil_getBlobByHash".into(), (hash,)).await?)
}

#[tokio::test]
async fn a_withdrawal() -> Result<()> {
    let devnet = Devnet::tuned(Roles::OPERATOR, by_blobs).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    let withdrawal = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    let executable = devnet.executable(&withdrawal).await?;
    devnet.client(Actor::Alice).execute(&executable).await?;

    assert_eq!(devnet.l1().get_balance(RECIPIENT).await?, ether(1));
    assert_eq!(last_blobs(&devnet)?.len(), 1);
    devnet.check_rebuild(devnet.node()).await?;
    devnet.check_conservation(&[]).await
}

/// Calldata and blobs in one chain, by turns: what the blocks are does not depend on it.
#[tokio::test]
async fn by_turns_with_calldata() -> Result<()> {
    let mut devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    for _ in 0..2 {
        devnet.retune(by_blobs).await?;
        transfer(&devnet).await?;
        assert_eq!(last_blobs(&devnet)?.len(), 1);
        devnet.retune(|_| ()).await?;
        transfer(&devnet).await?;
        assert!(matches!(last_data(&devnet)?, BatchData::Calldata(_)));
    }
    devnet.check_rebuild(devnet.node()).await?;
    assert_eq!(devnet.l2().get_balance(RECIPIENT).await?, U256::from(4));
    devnet.check_conservation(&[RECIPIENT]).await
}

/// The batcher takes what is cheaper at the prices of the moment, and says why.
#[tokio::test]
async fn what_is_cheaper() -> Result<()> {
    let journal = Journal::begin();
    let mut devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    devnet.posted().await?;
    devnet.retune(|config| by(config, DataSource::Auto)).await?;

    // A blob costs 131,072 wei at least; this is the price of a gas, of which a short batch in calldata needs a few thousand more.
    let at = async |base_fee: u128| -> Result<BatchData> {
        devnet.l1().anvil_set_min_gas_price(base_fee).await.ok();
        devnet.l1().anvil_set_next_block_base_fee_per_gas(base_fee).await?;
        devnet.mine(1).await?;
        transfer(&devnet).await?;
        last_data(&devnet)
    };
    assert!(matches!(at(100_000_000_000).await?, BatchData::Blobs(_)));
    assert!(journal.says(&["by=blobs", "blobs are cheaper"]));
    assert!(matches!(at(1).await?, BatchData::Calldata(_)));
    assert!(journal.says(&["by=calldata", "calldata is not dearer"]));
    devnet.check_rebuild(devnet.node()).await?;
    devnet.check_conservation(&[RECIPIENT]).await
}

/// A batch that is longer than a blob.
async fn long_batch() -> Result<Devnet> {
    let devnet = Devnet::tuned(Roles::SEQUENCER, |config| {
        by_blobs(config);
        // So that all of it is in one batch.
        config.sequencer.as_mut().expect("it sequences").batch_interval = Duration::from_secs(1);
    })
    .await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    devnet.posted().await?;
    let alice = devnet.client(Actor::Alice);
    let nonce = alice.l2().get_transaction_count(devnet.address(Actor::Alice)).await?;
    for nonce in nonce..nonce + 3 {
        // Hashes do not get shorter by compression.
        let noise: Vec<u8> = (0..100_000 / 32)
            .flat_map(|i| alloy::primitives::keccak256(U256::from(nonce << 32 | i).to_be_bytes::<32>()).0)
            .collect();
        let transfer =
            TransactionRequest::default().with_to(RECIPIENT).with_value(U256::ONE).with_nonce(nonce).with_input(noise);
        let _sent = alice.l2().send_transaction(transfer.with_gas_limit(5_000_000)).await?;
    }
    let l2 = devnet.l2();
    eventually("all of it is included", || async {
        Ok((l2.get_balance(RECIPIENT).await? == U256::from(3)).then_some(()))
    })
    .await?;
    devnet.posted().await?;
    Ok(devnet)
}

#[tokio::test]
async fn several_in_one_batch() -> Result<()> {
    let devnet = long_batch().await?;
    assert_eq!(last_blobs(&devnet)?.len(), 300_000_usize.div_ceil(PAYLOAD));
    devnet.check_rebuild(devnet.node()).await?;
    devnet.check_conservation(&[RECIPIENT]).await
}

/// A follower that has its blobs from this source, and nothing else.
async fn follower(devnet: &Devnet, source: BlobSource) -> Result<NodeHandle> {
    let mut config = devnet.follower_config("follower");
    config.blob_sources = vec![source];
    Ok(Node::start(config).await?)
}

/// Checks that a follower waits for a blob, and has derived nothing without it.
async fn waits(devnet: &Devnet, journal: &Journal, follower: &NodeHandle, hash: B256, reason: &str) -> Result<()> {
    let words = ["WARN", &hash.to_string(), reason];
    eventually("it says what is missing", || async { Ok(journal.says(&words).then_some(())) }).await?;
    let (received, expected) = (follower.chain().heads(), devnet.node().chain().heads());
    assert!(received.derived < expected.derived);
    Ok(())
}

/// With the L1 alone and a directory. What is not there is waited for; what is there under a wrong name does not pass.
#[tokio::test]
async fn from_a_directory() -> Result<()> {
    let journal = Journal::begin();
    let devnet = long_batch().await?;
    let directory = devnet.deployments().join("blobs");
    fs::create_dir(&directory)?;
    let chain = devnet.node().chain();
    let mut hashes = Vec::new();
    for index in 0..chain.heads().batches {
        if let Some(BatchData::Blobs(of_batch)) = chain.batch(index)?.map(|batch| batch.data) {
            hashes.extend(of_batch);
        }
    }
    let file = |hash: &B256| directory.join(format!("{hash}.blob"));
    let (last, others) = hashes.split_last().ok_or_eyre("no blobs")?;
    for hash in others {
        fs::write(file(hash), blob(&devnet, *hash).await?)?;
    }

    let follower = follower(&devnet, BlobSource::Directory(directory.clone())).await?;
    waits(&devnet, &journal, &follower, *last, "not found").await?;
    fs::write(file(last), vec![0; BLOB_SIZE])?;
    waits(&devnet, &journal, &follower, *last, "gives blob").await?;
    fs::write(file(last), [0xff; 100])?;
    waits(&devnet, &journal, &follower, *last, "no blob").await?;
    fs::write(file(last), blob(&devnet, *last).await?)?;
    devnet.check_rebuild(&follower).await?;
    Ok(follower.shutdown().await?)
}

/// A beacon node that is away, or gives other blobs than it is asked for.
#[tokio::test]
async fn from_a_beacon_node_that_fails() -> Result<()> {
    fn with_another_blob(answer: &mut Value) {
        let zeros = format!("0x{}", "00".repeat(BLOB_SIZE));
        answer["data"] = json!([zeros]);
    }

    let journal = Journal::begin();
    let devnet = Devnet::tuned(Roles::SEQUENCER, by_blobs).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    devnet.posted().await?;
    let hash = *last_blobs(&devnet)?.first().ok_or_eyre("no blob")?;
    let beacon = Proxy::start(devnet.l1_url()).await?;
    let of_blobs = |method: &str| method.contains("/blob");

    beacon.tamper(move |Call { method, .. }| if of_blobs(method) { Reaction::Hang } else { Reaction::Pass });
    let follower = follower(&devnet, BlobSource::Beacon(beacon.url().to_string())).await?;
    waits(&devnet, &journal, &follower, hash, "no source has blob").await?;
    beacon.tamper(
        move |Call { method, .. }| {
            if of_blobs(method) { Reaction::Edit(with_another_blob) } else { Reaction::Pass }
        },
    );
    waits(&devnet, &journal, &follower, hash, "gives blob").await?;
    beacon.relent();
    devnet.check_rebuild(&follower).await?;
    Ok(follower.shutdown().await?)
}
