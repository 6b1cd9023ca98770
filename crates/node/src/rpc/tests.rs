use alloy::{
    primitives::{Address, B256, Bytes, U256, keccak256},
    sol_types::{SolCall, SolError, SolEvent},
};
use jsonrpsee::RpcModule;
use postern_bindings::outbox::Outbox;
use postern_client::rpc::COMMITMENTS_PER_PAGE;
use postern_protocol::{message::Message, outbox, predeploys::OUTBOX};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;
use crate::fixture::{CHAIN_ID, Fixture, ether};

const STRANGER: Address = Address::with_last_byte(0x57);

fn module(fixture: &Fixture) -> RpcModule<()> {
    let config = RpcConfig { max_log_blocks: 8, max_logs: 3, ..RpcConfig::default() };
    methods(fixture.chain.clone(), config).unwrap()
}

/// The whole answer to a request.
async fn answer(module: &RpcModule<()>, method: &str, params: Value) -> Value {
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let (response, _) = module.raw_json_request(&request.to_string(), 1).await.unwrap();
    serde_json::from_str(response.get()).unwrap()
}

async fn result(module: &RpcModule<()>, method: &str, params: Value) -> Value {
    let mut answer = answer(module, method, params).await;
    assert!(answer.get("error").is_none(), "{method}: {answer}");
    answer["result"].take()
}

async fn code_and_error(module: &RpcModule<()>, method: &str, params: Value) -> (i64, Value) {
    let mut answer = answer(module, method, params).await;
    let error = answer["error"].take();
    (error["code"].as_i64().unwrap_or_else(|| panic!("{method}: {answer}")), error)
}

fn send_message(target: Address) -> Bytes {
    Outbox::sendCall { target, gasLimit: 50_000, data: Bytes::from_static(b"data") }.abi_encode().into()
}

/// Two messages to L1, in two batches.
fn with_two_messages() -> Fixture {
    let mut fixture = Fixture::new();
    for target in [1, 2] {
        fixture.submit(OUTBOX, U256::from(target), send_message(Address::with_last_byte(target)));
        fixture.build();
        fixture.post();
    }
    fixture
}

#[tokio::test]
async fn says_what_it_is() {
    let rpc = module(&Fixture::new());
    assert_eq!(result(&rpc, "eth_chainId", json!([])).await, "0xa455");
    assert_eq!(result(&rpc, "net_version", json!([])).await, CHAIN_ID.to_string());
    assert_eq!(result(&rpc, "net_listening", json!([])).await, true);
    assert_eq!(result(&rpc, "eth_accounts", json!([])).await, json!([]));
    assert_eq!(result(&rpc, "eth_syncing", json!([])).await, false);
    assert_eq!(result(&rpc, "eth_blockNumber", json!([])).await, "0x0");
    let version = result(&rpc, "web3_clientVersion", json!([])).await;
    assert!(version.as_str().unwrap().starts_with("postern-node/v"), "{version}");
}

#[tokio::test]
async fn shows_a_deposit_in_the_form_of_optimism() {
    let mut fixture = Fixture::new();
    let message = fixture.deposit(fixture.user.address(), STRANGER, ether(), Bytes::new());
    fixture.build();
    let rpc = module(&fixture);

    let block = result(&rpc, "eth_getBlockByNumber", json!(["latest", true])).await;
    let hash = postern_execution::Deposit::from(&message).hash();
    let expected = json!({
        "type": "0x7e",
        "hash": hash,
        "sourceHash": message.hash(),
        "from": fixture.user.address(),
        "to": STRANGER,
        "mint": "0xde0b6b3a7640000",
        "value": "0xde0b6b3a7640000",
        "gas": "0x30d40",
        "isSystemTx": false,
        "input": "0x",
        "nonce": "0x0",
        "gasPrice": "0x0",
        "v": "0x0",
        "r": "0x0",
        "s": "0x0",
        "blockHash": block["hash"],
        "blockNumber": "0x1",
        "transactionIndex": "0x0",
    });
    assert_eq!(block["transactions"], json!([expected]));
    assert_eq!(result(&rpc, "eth_getTransactionByHash", json!([hash])).await, expected);

    let receipt = result(&rpc, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["type"], "0x7e");
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(receipt["from"], json!(fixture.user.address()));
    assert_eq!(receipt["to"], json!(STRANGER));
    assert_eq!(receipt["effectiveGasPrice"], "0x0");
    assert_eq!(receipt["contractAddress"], Value::Null);
    assert_eq!(result(&rpc, "eth_getBalance", json!([STRANGER, "latest"])).await, "0xde0b6b3a7640000");
    assert_eq!(result(&rpc, "eth_getBalance", json!([STRANGER, "earliest"])).await, "0x0");
}

#[tokio::test]
async fn carries_a_transaction_from_the_pool_into_a_block() {
    let fixture = Fixture::new();
    let rpc = module(&fixture);
    let user = fixture.user.address();
    let raw = fixture.sign(STRANGER, U256::from(5), Bytes::new());

    let hash = result(&rpc, "eth_sendRawTransaction", json!([raw])).await;
    assert_eq!(hash, json!(keccak256(&raw)));
    let waiting = result(&rpc, "eth_getTransactionByHash", json!([hash])).await;
    assert_eq!((&waiting["blockHash"], &waiting["from"]), (&Value::Null, &json!(user)));
    assert_eq!(result(&rpc, "eth_getTransactionReceipt", json!([hash])).await, Value::Null);
    assert_eq!(result(&rpc, "eth_getTransactionCount", json!([user, "pending"])).await, "0x1");
    assert_eq!(result(&rpc, "eth_getTransactionCount", json!([user, "latest"])).await, "0x0");

    fixture.build();

    let receipt = result(&rpc, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(receipt["gasUsed"], "0x5208");
    assert_eq!(receipt["blockNumber"], "0x1");
    assert_eq!(receipt["transactionIndex"], "0x0");
    assert_eq!(receipt["effectiveGasPrice"], format!("{:#x}", 1_000_000 + 100_000), "base fee and tip");
    assert_eq!(result(&rpc, "eth_getBlockReceipts", json!(["0x1"])).await, json!([receipt]));
    let mined = result(&rpc, "eth_getTransactionByHash", json!([hash])).await;
    assert_eq!(mined["blockHash"], receipt["blockHash"]);
    for (method, block) in [
        ("eth_getTransactionByBlockNumberAndIndex", json!("0x1")),
        ("eth_getTransactionByBlockHashAndIndex", receipt["blockHash"].clone()),
    ] {
        assert_eq!(result(&rpc, method, json!([block, "0x0"])).await, mined);
        assert_eq!(result(&rpc, method, json!([block, "0x1"])).await, Value::Null);
    }
    for (method, block) in [
        ("eth_getBlockTransactionCountByNumber", json!("0x1")),
        ("eth_getBlockTransactionCountByHash", receipt["blockHash"].clone()),
    ] {
        assert_eq!(result(&rpc, method, json!([block])).await, "0x1");
    }
}

#[tokio::test]
async fn shows_blocks_by_number_hash_and_tag() {
    let fixture = with_two_messages();
    fixture.submit(STRANGER, U256::ZERO, Bytes::new());
    fixture.build();
    let rpc = module(&fixture);

    let number = async |tag: &str| result(&rpc, "eth_getBlockByNumber", json!([tag, false])).await["number"].clone();
    assert_eq!(number("latest").await, "0x3");
    assert_eq!(number("pending").await, "0x3");
    assert_eq!(number("safe").await, "0x2");
    assert_eq!(number("finalized").await, "0x0");
    assert_eq!(number("earliest").await, "0x0");
    assert_eq!(number("0x9").await, Value::Null);

    let block = result(&rpc, "eth_getBlockByNumber", json!(["0x2", false])).await;
    assert!(block["transactions"][0].is_string());
    assert_eq!(block["uncles"], json!([]));
    assert_eq!(block["withdrawals"], json!([]));
    let by_hash = result(&rpc, "eth_getBlockByHash", json!([block["hash"], false])).await;
    assert_eq!(by_hash, block);
    assert_eq!(result(&rpc, "eth_getBlockByHash", json!([B256::ZERO, false])).await, Value::Null);
    assert_eq!(result(&rpc, "eth_getBlockReceipts", json!([B256::ZERO])).await, Value::Null);
}

#[tokio::test]
async fn reads_the_state_after_any_block() {
    let fixture = with_two_messages();
    let rpc = module(&fixture);

    let code = result(&rpc, "eth_getCode", json!([OUTBOX, "latest"])).await;
    assert_eq!(code, json!(Outbox::DEPLOYED_BYTECODE));
    let count = async |slot: &str, block: Value| result(&rpc, "eth_getStorageAt", json!([OUTBOX, slot, block])).await;
    assert_eq!(count("0x0", json!("0x1")).await, json!(B256::with_last_byte(1)));
    assert_eq!(count(&B256::ZERO.to_string(), json!("latest")).await, json!(B256::with_last_byte(2)));
    let hash = fixture.chain.header(1).unwrap().unwrap().hash();
    assert_eq!(count("0x0", json!({"blockHash": hash})).await, json!(B256::with_last_byte(1)));

    let proof = result(&rpc, "eth_getProof", json!([OUTBOX, ["0x0"], "0x1"])).await;
    let root_node: Bytes = serde_json::from_value(proof["accountProof"][0].clone()).unwrap();
    assert_eq!(keccak256(root_node), fixture.chain.header(1).unwrap().unwrap().state_root);
    let storage_node: Bytes = serde_json::from_value(proof["storageProof"][0]["proof"][0].clone()).unwrap();
    assert_eq!(json!(keccak256(storage_node)), proof["storageHash"]);
    assert_eq!(proof["storageProof"][0]["value"], "0x1");
    assert_eq!(proof["codeHash"], json!(keccak256(&Outbox::DEPLOYED_BYTECODE)));

    let (code, error) = code_and_error(&rpc, "eth_getBalance", json!([OUTBOX, "0x99"])).await;
    assert_eq!((code, &error["message"]), (-32000, &json!("unknown block 0x99")));
}

#[tokio::test]
async fn calls_and_estimates() {
    let fixture = Fixture::new();
    let rpc = module(&fixture);
    let user = fixture.user.address();

    let count = Outbox::countCall {}.abi_encode();
    let output = result(&rpc, "eth_call", json!([{"to": OUTBOX, "data": Bytes::from(count)}, "latest"])).await;
    assert_eq!(output, json!(B256::ZERO));

    let bad = json!({"from": user, "to": OUTBOX, "input": send_message(Address::ZERO)});
    for (method, params) in [("eth_call", json!([bad, "latest"])), ("eth_estimateGas", json!([bad]))] {
        let (code, error) = code_and_error(&rpc, method, params).await;
        assert_eq!(code, 3, "{method}");
        let expected = Outbox::InvalidTarget { received: Address::ZERO }.abi_encode();
        assert_eq!(error["data"], json!(Bytes::from(expected)));
        assert!(error["message"].as_str().unwrap().starts_with("execution reverted"), "{error}");
    }

    let transfer = json!({"from": user, "to": STRANGER, "value": "0x1"});
    assert_eq!(result(&rpc, "eth_estimateGas", json!([transfer])).await, "0x5208");
    let poor = json!({"from": STRANGER, "to": user, "value": "0x1"});
    let dear = json!({"from": user, "to": STRANGER, "gas": "0x5208", "gasPrice": "0xffffffffffffffff"});
    for call in [poor, dear] {
        let (code, error) = code_and_error(&rpc, "eth_estimateGas", json!([call])).await;
        assert_eq!(code, -32000, "{error}");
        assert!(error["message"].as_str().unwrap().starts_with("insufficient funds for gas"), "{error}");
    }
    let elsewhere = json!({"from": user, "to": STRANGER, "chainId": "0x1"});
    assert_eq!(code_and_error(&rpc, "eth_call", json!([elsewhere])).await.0, -32602);
}

#[tokio::test]
async fn an_estimate_is_exact() {
    let fixture = Fixture::new();
    let rpc = module(&fixture);
    let call = |gas: Value| json!([{"from": fixture.user.address(), "to": OUTBOX, "value": "0x1", "input": send_message(STRANGER), "gas": gas}]);

    let estimate = result(&rpc, "eth_estimateGas", call(Value::Null)).await;
    let gas = u64::from_str_radix(&estimate.as_str().unwrap()[2..], 16).unwrap();

    result(&rpc, "eth_call", call(estimate)).await;
    let (code, error) = code_and_error(&rpc, "eth_call", call(json!(format!("{:#x}", gas - 1)))).await;
    assert!(code == 3 || code == -32000, "{error}");
}

#[tokio::test]
async fn refuses_overrides() {
    let rpc = module(&Fixture::new());
    let call = json!({"to": OUTBOX});
    for overrides in [json!({OUTBOX.to_string(): {"balance": "0x1"}}), json!([1])] {
        let (code, error) = code_and_error(&rpc, "eth_call", json!([call, "latest", overrides])).await;
        assert_eq!((code, &error["message"]), (-32004, &json!("state overrides are not supported")));
        let (code, _) = code_and_error(&rpc, "eth_call", json!([call, "latest", {}, overrides])).await;
        assert_eq!(code, -32004);
    }
}

#[tokio::test]
async fn says_what_gas_costs() {
    let fixture = Fixture::new();
    fixture.submit(STRANGER, U256::from(1), Bytes::new());
    fixture.build();
    let rpc = module(&fixture);

    assert_eq!(result(&rpc, "eth_maxPriorityFeePerGas", json!([])).await, "0x186a0");
    assert_eq!(result(&rpc, "eth_gasPrice", json!([])).await, format!("{:#x}", 1_000_000 + 100_000));
    let history = result(&rpc, "eth_feeHistory", json!(["0x5", "latest", [0.0, 50.0, 100.0]])).await;
    assert_eq!(history["oldestBlock"], "0x0");
    assert_eq!(history["baseFeePerGas"], json!(["0xf4240", "0xf4240", "0xf4240"]));
    assert_eq!(history["gasUsedRatio"], json!([0.0, 21_000.0 / 60_000_000.0]));
    assert_eq!(history["reward"], json!([["0x0", "0x0", "0x0"], ["0x186a0", "0x186a0", "0x186a0"]]));
    for percentiles in [json!([50.0, 10.0]), json!([101.0]), json!([-1.0])] {
        assert_eq!(code_and_error(&rpc, "eth_feeHistory", json!(["0x1", "latest", percentiles])).await.0, -32602);
    }
    let none = result(&rpc, "eth_feeHistory", json!(["0x0", "latest", null])).await;
    assert_eq!(none["gasUsedRatio"], json!([]));
}

#[tokio::test]
async fn finds_logs() {
    let fixture = with_two_messages();
    let rpc = module(&fixture);
    let logs = async |filter: Value| result(&rpc, "eth_getLogs", json!([filter])).await.as_array().unwrap().clone();
    let topic = Outbox::MessageSent::SIGNATURE_HASH;

    let all = logs(json!({"fromBlock": "0x0", "toBlock": "latest", "address": OUTBOX})).await;
    assert_eq!(all.len(), 2);
    assert_eq!(all[1]["topics"][0], json!(topic));
    assert_eq!(all[1]["blockNumber"], "0x2");
    assert_eq!(all[1]["logIndex"], "0x0");
    assert_eq!(all[1]["removed"], false);
    let receipt = result(&rpc, "eth_getTransactionReceipt", json!([all[1]["transactionHash"]])).await;
    assert_eq!(receipt["logs"], json!([all[1]]));

    let second = json!([topic, B256::with_last_byte(1)]);
    assert_eq!(logs(json!({"fromBlock": "earliest", "topics": second})).await, [all[1].clone()]);
    assert_eq!(logs(json!({"blockHash": all[0]["blockHash"]})).await, [all[0].clone()]);
    assert_eq!(logs(json!({})).await, [all[1].clone()], "the latest block, unless told otherwise");
    assert!(logs(json!({"fromBlock": "0x0", "address": STRANGER})).await.is_empty());
    assert!(logs(json!({"fromBlock": "0x50", "toBlock": "0x60"})).await.is_empty());

    let refusal = async |filter: Value| code_and_error(&rpc, "eth_getLogs", json!([filter])).await.0;
    assert_eq!(refusal(json!({"fromBlock": "0x2", "toBlock": "0x1"})).await, -32602);
    assert_eq!(refusal(json!({"blockHash": B256::ZERO})).await, -32000);
    assert_eq!(refusal(json!({"blockHash": B256::ZERO, "fromBlock": "0x1"})).await, -32602);
}

#[tokio::test]
async fn bounds_a_search_for_logs() {
    let fixture = with_two_messages();
    for block in 0..8 {
        fixture.submit(OUTBOX, U256::from(block), send_message(STRANGER));
        fixture.build();
    }
    let rpc = module(&fixture);

    let (code, error) = code_and_error(&rpc, "eth_getLogs", json!([{"fromBlock": "0x0"}])).await;
    assert_eq!((code, &error["message"]), (-32005, &json!("blocks to search: 11, at most 8")));
    let (code, error) = code_and_error(&rpc, "eth_getLogs", json!([{"fromBlock": "0x3"}])).await;
    assert_eq!((code, &error["message"]), (-32005, &json!("logs found: 4, at most 3")));
}

#[tokio::test]
async fn proves_messages() {
    let fixture = with_two_messages();
    let rpc = module(&fixture);

    assert_eq!(result(&rpc, "postern_output", json!(["0x3"])).await, Value::Null);
    let output = result(&rpc, "postern_output", json!(["0x2"])).await;
    assert_eq!(output["outputRoot"], json!(fixture.output_root(2)));
    assert_eq!(output["blockNumber"], "0x2");

    // The second message is in the second output only; the first in both.
    assert_eq!(result(&rpc, "postern_outboxProof", json!(["0x1", "0x1"])).await, Value::Null);
    assert_eq!(result(&rpc, "postern_outboxProof", json!(["0x0", "0x3"])).await, Value::Null);
    for (index, batch_count) in [("0x0", "0x1"), ("0x0", "0x2"), ("0x1", "0x2")] {
        let proof: postern_client::rpc::OutboxProof =
            serde_json::from_value(result(&rpc, "postern_outboxProof", json!([index, batch_count])).await).unwrap();
        let message = Message::from(proof.message);
        assert_eq!(message.sender, fixture.user.address());
        assert_eq!(message.leaf(), proof.leaf);
        assert_eq!(proof.output.outbox_root, proof.root);
        outbox::verify(proof.root, proof.leaf, message.index, &proof.siblings).unwrap();
    }

    let proof: postern_client::rpc::OutboxMultiproof =
        serde_json::from_value(result(&rpc, "postern_outboxMultiproof", json!([["0x0", "0x1"], "0x2"])).await).unwrap();
    let messages: Vec<Message> = proof.messages.into_iter().map(Message::from).collect();
    let leaves: Vec<(u64, B256)> = messages.iter().map(|message| (message.index, message.leaf())).collect();
    outbox::verify_multi(proof.root, proof.depth as usize, &leaves, &proof.siblings).unwrap();
    assert_eq!(result(&rpc, "postern_outboxMultiproof", json!([["0x0", "0x2"], "0x2"])).await, Value::Null);
    for indices in [json!([]), json!(["0x1", "0x0"]), json!(["0x0", "0x0"])] {
        assert_eq!(code_and_error(&rpc, "postern_outboxMultiproof", json!([indices, "0x2"])).await.0, -32602);
    }
    let many: Vec<String> = (0..1_025).map(|index| format!("{index:#x}")).collect();
    assert_eq!(code_and_error(&rpc, "postern_outboxMultiproof", json!([many, "0x2"])).await.0, -32005);
}

#[tokio::test]
async fn says_how_far_it_has_come() {
    let mut fixture = with_two_messages();
    fixture.deposit(STRANGER, STRANGER, ether(), Bytes::new());
    fixture.build();
    let rpc = module(&fixture);

    let status: postern_client::rpc::SyncStatus =
        serde_json::from_value(result(&rpc, "postern_syncStatus", json!([])).await).unwrap();
    assert_eq!(status.unsafe_head.number, 3);
    assert_eq!(status.safe_head.number, 2);
    assert_eq!(status.finalized_head.number, 0);
    assert_eq!(status.l1.number, fixture.chain.heads().l1.number);
    assert_eq!((status.batch_count, status.queue_executed, status.outbox_count), (2, 1, 2));

    let batch = result(&rpc, "postern_batchOfBlock", json!(["0x2"])).await;
    assert_eq!(batch, json!({"index": "0x1", "batchHash": fixture.chain.batch(1).unwrap().unwrap().hash}));
    for block in ["0x0", "0x3", "0x4"] {
        assert_eq!(result(&rpc, "postern_batchOfBlock", json!([block])).await, Value::Null);
    }
}

#[tokio::test]
async fn judges_commitments() {
    let mut fixture = with_two_messages();
    let genesis = fixture.chain.genesis_commitment();
    let honest = fixture.propose(genesis, 0, vec![fixture.output_root(1)]);
    let lie = fixture.propose(honest, 1, vec![B256::repeat_byte(1)]);
    let rpc = module(&fixture);

    let page = result(&rpc, "postern_commitments", json!(["0x1"])).await;
    assert_eq!(verdicts(&page), [(honest, true), (lie, false)]);
    assert_eq!((&page["next"], &page["commitments"][0]["status"]), (&Value::Null, &json!("proposed")));
    let second = result(&rpc, "postern_commitments", json!(["0x2"])).await;
    assert_eq!(second["commitments"][0]["commitment"]["outputRoot"], json!(B256::repeat_byte(1)));
}

/// Ids of a page's commitments, and whether the node agrees.
fn verdicts(page: &Value) -> Vec<(B256, bool)> {
    let page: postern_client::rpc::CommitmentPage = serde_json::from_value(page.clone()).unwrap();
    page.commitments.iter().map(|entry| (entry.id, entry.agrees)).collect()
}

#[tokio::test]
async fn judges_commitments_with_what_they_build_on() {
    let mut fixture = with_two_messages();
    let genesis = fixture.chain.genesis_commitment();
    let [one, two] = [1, 2].map(|count| fixture.output_root(count));
    let lie = fixture.propose(genesis, 0, vec![B256::repeat_byte(1)]);
    let child = fixture.propose(lie, 1, vec![two]);
    let rpc = module(&fixture);
    let page = result(&rpc, "postern_commitments", json!(["0x0"])).await;
    assert_eq!(verdicts(&page), [(lie, false), (child, false)]);

    // What cannot become final any more is not shown, also if L1 did not yet say so.
    fixture.reject(lie);
    let honest = fixture.propose(genesis, 0, vec![one, two]);
    let page = result(&rpc, "postern_commitments", json!(["0x0"])).await;
    assert_eq!(verdicts(&page), [(honest, true)]);
}

#[tokio::test]
async fn shows_commitments_page_by_page() {
    let mut fixture = with_two_messages();
    let genesis = fixture.chain.genesis_commitment();
    let two = fixture.output_root(2);
    // As many as a page, whose children are rejected with them, and as many again.
    let rejected: Vec<B256> =
        (1..=COMMITMENTS_PER_PAGE).map(|n| fixture.propose(genesis, 0, vec![B256::with_last_byte(n as u8)])).collect();
    for id in &rejected {
        fixture.propose(*id, 1, vec![two]);
        fixture.reject(*id);
    }
    let lies = (1..=COMMITMENTS_PER_PAGE).map(|n| vec![B256::with_last_byte(n as u8), B256::ZERO]);
    let standing: Vec<B256> = lies.map(|lie| fixture.propose(genesis, 0, lie)).collect();
    let last = fixture.propose(genesis, 0, vec![fixture.output_root(1), two]);
    let rpc = module(&fixture);

    let first = result(&rpc, "postern_commitments", json!(["0x1", null])).await;
    assert_eq!(verdicts(&first).iter().map(|(id, _)| *id).collect::<Vec<_>>(), standing);
    assert_eq!(first["next"], json!(standing.last()));
    let second = result(&rpc, "postern_commitments", json!(["0x1", first["next"]])).await;
    assert_eq!((verdicts(&second), &second["next"]), (vec![(last, true)], &Value::Null));
    let (code, error) = code_and_error(&rpc, "postern_commitments", json!(["0x1", B256::ZERO])).await;
    assert_eq!((code, &error["message"]), (-32602, &json!(format!("commitment {} is not known", B256::ZERO))));
}

#[tokio::test]
async fn a_page_costs_no_more_than_its_share_of_a_long_history() {
    let mut fixture = with_two_messages();
    let genesis = fixture.chain.genesis_commitment();
    for n in 0..postern::MAX_EXAMINED as u64 {
        let id = fixture.propose(genesis, 0, vec![B256::from(U256::from(n))]);
        fixture.reject(id);
    }
    let honest = fixture.propose(genesis, 0, vec![fixture.output_root(1)]);
    let rpc = module(&fixture);
    let first = result(&rpc, "postern_commitments", json!(["0x1"])).await;
    assert!(verdicts(&first).is_empty());
    let second = result(&rpc, "postern_commitments", json!(["0x1", first["next"]])).await;
    assert_eq!((verdicts(&second), &second["next"]), (vec![(honest, true)], &Value::Null));
}

#[tokio::test]
async fn refuses_what_asks_for_too_much() {
    let rpc = module(&Fixture::new());
    let words = |count: u64| (0..count).map(|n| B256::from(U256::from(n))).collect::<Vec<_>>();
    let addresses: Vec<_> = words(1_001).into_iter().map(Address::from_word).collect();
    for (method, params, message) in [
        ("eth_getProof", json!([STRANGER, words(1_025), "latest"]), "storage slots to prove: 1025, at most 1024"),
        ("eth_getLogs", json!([{"address": addresses}]), "addresses: 1001, at most 1000"),
        ("eth_getLogs", json!([{"topics": [null, words(1_001)]}]), "values of a topic: 1001, at most 1000"),
        ("eth_feeHistory", json!(["0x1", "latest", vec![50; 101]]), "percentiles: 101, at most 100"),
    ] {
        let (code, error) = code_and_error(&rpc, method, params).await;
        assert_eq!((code, &error["message"]), (-32005, &json!(message)), "{method}");
    }
    let proof = result(&rpc, "eth_getProof", json!([STRANGER, words(1_024), "latest"])).await;
    assert_eq!(proof["storageProof"].as_array().map(Vec::len), Some(1_024));
}

#[tokio::test]
async fn refuses_what_is_no_request_of_its_own() {
    let rpc = module(&Fixture::new());
    for (method, params, expected) in [
        ("eth_sendTransaction", json!([{}]), -32601),
        ("eth_getBalance", json!([]), -32602),
        ("eth_getBalance", json!(["0x12", "latest"]), -32602),
        ("eth_getBalance", json!([STRANGER, "newest"]), -32602),
        ("eth_getBlockByNumber", json!([true, true]), -32602),
        ("eth_getStorageAt", json!([STRANGER, "zero", "latest"]), -32602),
        ("eth_getLogs", json!(["all"]), -32602),
        ("eth_call", json!(["0x"]), -32602),
        ("postern_output", json!(["two"]), -32602),
        ("eth_sendRawTransaction", json!(["0xzz"]), -32602),
        ("eth_sendRawTransaction", json!(["0x"]), -32000),
        ("eth_sendRawTransaction", json!(["0x7e00"]), -32000),
        ("eth_sendRawTransaction", json!(["0x02c0"]), -32000),
    ] {
        let (code, error) = code_and_error(&rpc, method, params.clone()).await;
        assert_eq!(code, expected, "{method} {params}: {error}");
    }
}

/// Sends a body to the server as it is, and returns the status line's code and the body that comes back.
async fn post(server: &RpcServer, body: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // A server that refuses a long body may close before it has read it.
    let _ = stream.write_all(body).await;
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test]
async fn survives_whatever_comes_over_http() {
    let fixture = Fixture::new();
    let config = RpcConfig { max_request_size: 10_000, max_batch: 2, ..RpcConfig::default() };
    let server = serve(fixture.chain.clone(), config).await.unwrap();
    let chain_id = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}"#;
    let good = r#"{"jsonrpc":"2.0","id":1,"result":"0xa455"}"#;

    let deep = "[".repeat(5_000);
    for (body, code) in [
        (&b"{"[..], -32700),
        (b"", -32700),
        (b"\xff\xfe\x00", -32700),
        (deep.as_bytes(), -32700),
        // Without an id it does not even look like a request.
        (b"{}", -32700),
        (br#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32600),
        (br#"{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}"#, -32600),
    ] {
        let (_, answer) = post(&server, body).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["error"]["code"], code, "{}: {answer}", String::from_utf8_lossy(body));
        assert_eq!(post(&server, chain_id.as_bytes()).await, (200, good.to_owned()));
    }

    let (_, batch) = post(&server, format!("[{chain_id},{{}}]").as_bytes()).await;
    let batch: Value = serde_json::from_str(&batch).unwrap();
    assert_eq!((&batch[0]["result"], &batch[1]["error"]["code"]), (&json!("0xa455"), &json!(-32600)));
    let (_, long) = post(&server, format!("[{chain_id},{chain_id},{chain_id}]").as_bytes()).await;
    assert_eq!(serde_json::from_str::<Value>(&long).unwrap()["error"]["code"], -32010);
    let (status, _) = post(&server, &[b' '; 20_000]).await;
    assert_eq!(status, 413);
    assert_eq!(post(&server, chain_id.as_bytes()).await, (200, good.to_owned()));

    let address = server.local_addr();
    server.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn says_that_its_port_is_in_use() {
    let fixture = Fixture::new();
    let server = serve(fixture.chain.clone(), RpcConfig::default()).await.unwrap();
    let config = RpcConfig { addr: server.local_addr(), ..RpcConfig::default() };

    let error = serve(fixture.chain.clone(), config).await.unwrap_err();

    assert!(matches!(error, RpcServerError::Bind { address, .. } if address == server.local_addr()));
    assert!(error.to_string().starts_with(&format!("cannot serve JSON-RPC on {}: ", server.local_addr())));
    server.stop().await;
}
