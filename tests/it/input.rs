//! Bad input ends in one clear line, and nothing is lost.

use std::fs;

use alloy::{
    network::TransactionBuilder,
    node_bindings::Anvil,
    primitives::{Address, B256, Bytes, U256, address},
    providers::Provider,
    rpc::types::TransactionRequest,
    transports::http::reqwest,
};
use eyre::{OptionExt, Result};
use postern_bindings::{CanonicalTransactionChain as Chain, Outbox};
use postern_client::Deployment;
use postern_node::{
    Node, NodeConfig,
    genesis::{Genesis, GenesisConfig},
};
use postern_protocol::constants::{MAX_BATCH_DATA, MAX_MESSAGE_DATA, MAX_OUTBOX_GAS_LIMIT};
use postern_tests::{Actor, Devnet, Mined, Roles, ether, expect_revert, tool};
use rstest::rstest;
use serde_json::{Value, json};

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");

/// Why a node does not start, which is one line.
async fn refusal(config: NodeConfig) -> String {
    let error = Node::start(config).await.map(|_| ()).expect_err("the node starts");
    let line = format!("{:#}", eyre::Report::from(error));
    assert!(!line.contains('\n'), "{line}");
    line
}

#[rstest]
#[case::missing(|path| fs::remove_file(path), "cannot read")]
#[case::not_json(|path| fs::write(path, "{"), "does not describe")]
#[case::no_address(|path| fs::write(path, "{}"), "does not describe")]
#[tokio::test]
async fn a_wrong_deployment_file(
    #[case] spoil: fn(std::path::PathBuf) -> std::io::Result<()>,
    #[case] expected: &str,
) -> Result<()> {
    let mut devnet = Devnet::with(Roles::REPLICA).await?;
    devnet.stop_node().await?;
    let path = devnet.deployments().join("StateCommitmentChain.json");
    let kept = fs::read(&path)?;
    spoil(path.clone())?;

    let line = refusal(devnet.node_config()).await;
    assert!(line.contains(expected) && line.contains("StateCommitmentChain.json"), "{line}");
    assert!(Deployment::load(devnet.deployments()).is_err());

    fs::write(&path, kept)?;
    devnet.start_node().await
}

#[tokio::test]
async fn an_unreachable_l1() -> Result<()> {
    let mut devnet = Devnet::with(Roles::REPLICA).await?;
    devnet.stop_node().await?;
    let mut config = devnet.node_config();
    config.l1_rpc_url = "http://127.0.0.1:1".to_owned();
    let line = refusal(config).await;
    assert!(line.contains("http://127.0.0.1:1"), "{line}");
    devnet.start_node().await
}

#[tokio::test]
async fn another_l1() -> Result<()> {
    let mut devnet = Devnet::with(Roles::REPLICA).await?;
    devnet.stop_node().await?;
    let binary = tool("anvil")?;
    // Same chain id, nothing deployed.
    let other = Anvil::at(binary).port(0_u16).try_spawn()?;
    let mut config = devnet.node_config();
    config.l1_rpc_url = other.endpoint();
    let line = refusal(config).await;
    assert!(line.contains(&devnet.deployment().bridge.address.to_string()), "{line}");
    devnet.start_node().await
}

#[tokio::test]
async fn an_l1_with_another_chain_id() -> Result<()> {
    let mut devnet = Devnet::with(Roles::REPLICA).await?;
    devnet.stop_node().await?;
    let mut config = devnet.node_config();
    config.l1_chain_id = Some(1);
    let line = refusal(config).await;
    assert!(line.contains("31337"), "{line}");
    devnet.start_node().await
}

#[tokio::test]
async fn the_genesis_of_another_l2() -> Result<()> {
    let mut devnet = Devnet::with(Roles::REPLICA).await?;
    devnet.stop_node().await?;
    let mut config = devnet.node_config();
    config.genesis = devnet.deployments().join("other.json");
    let line = refusal(config.clone()).await;
    assert!(line.contains("other.json"), "{line}");
    let other = GenesisConfig { l2_chain_id: 1, timestamp: 1, fee_recipient: RECIPIENT, fund: Default::default() };
    Genesis::build(&other).write(&config.genesis)?;
    let line = refusal(config).await;
    assert!(line.contains("genesis"), "{line}");
    devnet.start_node().await
}

#[tokio::test]
async fn a_data_directory_in_use() -> Result<()> {
    let devnet = Devnet::with(Roles::REPLICA).await?;
    let mut config = devnet.node_config();
    config.rpc.addr.set_port(0);
    let line = refusal(config.clone()).await;
    assert!(line.contains(&*config.data_dir.to_string_lossy()), "{line}");
    Ok(())
}

#[tokio::test]
async fn a_port_in_use() -> Result<()> {
    let devnet = Devnet::with(Roles::REPLICA).await?;
    let mut config = devnet.node_config();
    config.data_dir = devnet.deployments().join("other");
    let line = refusal(config.clone()).await;
    assert!(line.contains(&config.rpc.addr.to_string()), "{line}");
    Ok(())
}

#[tokio::test]
async fn a_malformed_request_is_answered_and_forgotten() -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    let http = reqwest::Client::new();
    let post = async |body: String| -> Result<Value> {
        let request = http.post(devnet.l2_url()).header("content-type", "application/json").body(body);
        Ok(serde_json::from_str(&request.send().await?.text().await?)?)
    };
    let call = |method: &str, params: Value| {
        json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()
    };
    let requests = [
        ("{".to_owned(), -32700),
        ("[]".to_owned(), -32600),
        (json!({"id": 1}).to_string(), -32600),
        (call("eth_noSuchMethod", json!([])), -32601),
        (call("eth_getBalance", json!([])), -32602),
        (call("eth_getBalance", json!(["0x12", "latest"])), -32602),
        (call("eth_getBlockByNumber", json!(["yesterday", false])), -32602),
        (call("postern_outboxProof", json!(["0x0"])), -32602),
        (call("eth_sendRawTransaction", json!(["nothing"])), -32602),
    ];
    for (request, code) in requests {
        let response = post(request.clone()).await?;
        assert_eq!(response["error"]["code"], code, "{request}: {response}");
    }
    for garbage in ["0x", "0x00", "0x02c0", "0x7e01", "0x03c0"] {
        let response = post(call("eth_sendRawTransaction", json!([garbage]))).await?;
        assert!(response["error"]["message"].is_string(), "{garbage}: {response}");
    }
    devnet.fund(Actor::Alice, ether(1)).await?;
    assert!(devnet.l2().get_block_number().await? > 0);
    Ok(())
}

#[tokio::test]
async fn a_transaction_that_cannot_be_included_is_refused() -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(2)).await?;
    let alice = devnet.client(Actor::Alice);
    let l2 = alice.l2();
    let transfer = || {
        TransactionRequest::default()
            .with_to(RECIPIENT)
            .with_value(ether(1))
            .with_gas_limit(21_000)
            .with_max_fee_per_gas(1_000_000_000)
            .with_max_priority_fee_per_gas(0)
    };
    assert!(l2.send_transaction(transfer()).await?.mined().await?.status());
    let nonce = l2.get_transaction_count(devnet.address(Actor::Alice)).await?;
    let refused = [
        ("nonce", transfer().with_nonce(nonce - 1)),
        ("funds", transfer().with_value(ether(100))),
        ("fee", transfer().with_max_fee_per_gas(1)),
        ("chain", transfer().with_chain_id(1)),
        ("gas", transfer().with_gas_limit(20_999)),
        ("gas", transfer().with_gas_limit(1 << 40)),
    ];
    for (word, transaction) in refused {
        let error = l2.send_transaction(transaction).await.map(|_| ()).expect_err(word).to_string();
        assert!(error.contains(word), "{error}");
    }
    assert!(l2.send_transaction(transfer().with_value(U256::ONE)).await?.mined().await?.status());
    devnet.check_conservation(&[RECIPIENT]).await
}

#[tokio::test]
async fn a_message_that_could_not_be_executed_is_not_sent() -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(2)).await?;

    let to_nobody = devnet.client(Actor::Alice).initiate_withdrawal(Address::ZERO, ether(1), 0, Bytes::new()).await;
    assert_eq!(expect_revert::<Outbox::InvalidTarget>(to_nobody).received, Address::ZERO);

    let alice = devnet.client(Actor::Alice);
    let greedy = alice.initiate_withdrawal(RECIPIENT, ether(1), MAX_OUTBOX_GAS_LIMIT + 1, Bytes::new()).await;
    let error = expect_revert::<Outbox::GasLimitTooHigh>(greedy);
    assert_eq!((error.received, error.maximum), (MAX_OUTBOX_GAS_LIMIT + 1, MAX_OUTBOX_GAS_LIMIT));

    let data = Bytes::from(vec![0; MAX_MESSAGE_DATA + 1]);
    let long = alice.initiate_withdrawal(RECIPIENT, ether(1), 0, data).await;
    let error = expect_revert::<Outbox::MessageDataTooLong>(long);
    assert_eq!(error.received.to::<usize>(), MAX_MESSAGE_DATA + 1);
    Ok(())
}

#[tokio::test]
async fn a_batch_that_cannot_be_appended_is_refused() -> Result<()> {
    let devnet = Devnet::with(Roles::REPLICA).await?;
    let contract = devnet.canonical_transaction_chain();
    let (sequencer, stranger) = (devnet.address(Actor::Sequencer), devnet.address(Actor::Stranger));
    let origin = devnet.l1_head().await?.block_number - 1;
    let hash = devnet.l1().get_block_by_number(origin.into()).await?.ok_or_eyre("no block")?.header.hash;
    let append = |from, index, consume_to, origin, hash, length| {
        contract.appendBatch(index, consume_to, origin, hash, vec![0; length].into()).from(from)
    };
    append(sequencer, 0, 0, origin, hash, 0).call().await?;

    let error = expect_revert::<Chain::NotSequencer>(append(stranger, 0, 0, origin, hash, 0).call().await);
    assert_eq!(error, Chain::NotSequencer { received: stranger, expected: sequencer });
    let error = expect_revert::<Chain::BatchIndexMismatch>(append(sequencer, 1, 0, origin, hash, 0).call().await);
    assert_eq!(error, Chain::BatchIndexMismatch { received: 1, expected: 0 });
    let error = expect_revert::<Chain::ConsumptionOutOfRange>(append(sequencer, 0, 1, origin, hash, 0).call().await);
    assert_eq!(error, Chain::ConsumptionOutOfRange { received: 1, minimum: 0, maximum: 0 });
    let error = expect_revert::<Chain::OriginOutOfRange>(append(sequencer, 0, 0, origin + 9, hash, 0).call().await);
    assert_eq!(error.received, origin + 9);
    let lie = B256::repeat_byte(1);
    let error = expect_revert::<Chain::OriginHashMismatch>(append(sequencer, 0, 0, origin, lie, 0).call().await);
    assert_eq!(error, Chain::OriginHashMismatch { received: lie, expected: hash });
    let long = append(sequencer, 0, 0, origin, hash, MAX_BATCH_DATA + 1).call().await;
    let error = expect_revert::<Chain::BatchDataTooLong>(long);
    assert_eq!(error.received.to::<usize>(), MAX_BATCH_DATA + 1);
    assert_eq!(error.maximum.to::<usize>(), MAX_BATCH_DATA);

    let error = expect_revert::<Chain::UnknownBatch>(contract.batchHash(0).call().await);
    assert_eq!(error, Chain::UnknownBatch { received: 0, count: 0 });
    let error = expect_revert::<Chain::StampTooEarly>(contract.stamp().call().await);
    assert!(error.received < error.expected);
    let error = expect_revert::<Chain::NotGovernance>(contract.setSequencer(stranger).from(stranger).call().await);
    assert_eq!(error, Chain::NotGovernance { received: stranger, expected: devnet.deployment().timelock.address });
    Ok(())
}
