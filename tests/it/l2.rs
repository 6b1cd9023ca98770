//! L2 as any Ethereum client sees it.

use alloy::{
    consensus::Transaction as _,
    eips::{BlockNumberOrTag, eip7702::Authorization},
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, U256, address, hex},
    providers::Provider,
    rpc::types::{AccessList, Filter, TransactionRequest},
    signers::SignerSync,
    sol_types::SolEvent,
};
use eyre::{OptionExt, Result, ensure};
use postern_bindings::Outbox;
use postern_protocol::{message::Message, predeploys};
use postern_tests::{Actor, Devnet, L2_CHAIN_ID, Mined, Roles, ether, eventually, expect_revert, targets::Gate, tool};
use serde_json::Value;
use tokio::process::Command;

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");

#[tokio::test]
async fn a_transfer() -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(2)).await?;
    let alice = devnet.client(Actor::Alice);
    let l2 = alice.l2();
    assert_eq!(l2.get_chain_id().await?, L2_CHAIN_ID);
    let sender = devnet.address(Actor::Alice);
    let before = l2.get_balance(sender).await?;
    let nonce = l2.get_transaction_count(sender).await?;

    let transfer = TransactionRequest::default().with_to(RECIPIENT).with_value(ether(1));
    let receipt = l2.send_transaction(transfer).await?.mined().await?;

    assert!(receipt.status());
    assert_eq!(receipt.gas_used, 21_000);
    assert_eq!(l2.get_balance(RECIPIENT).await?, ether(1));
    let fee = U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price);
    assert_eq!(l2.get_balance(sender).await?, before - ether(1) - fee);
    assert_eq!(l2.get_transaction_count(sender).await?, nonce + 1);
    let transaction = l2.get_transaction_by_hash(receipt.transaction_hash).await?.ok_or_eyre("no transaction")?;
    assert_eq!(transaction.value(), ether(1));
    assert_eq!(transaction.block_hash, receipt.block_hash);

    // In a batch, it is safe.
    let block = receipt.block_number.ok_or_eyre("no block")?;
    eventually("the block is safe", || async {
        let safe = l2.get_block_by_number(BlockNumberOrTag::Safe).await?;
        Ok(safe.filter(|safe| safe.header.number >= block))
    })
    .await?;
    devnet.check_conservation(&[RECIPIENT]).await
}

#[tokio::test]
async fn a_contract() -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(2)).await?;
    let alice = devnet.client(Actor::Alice);
    let l2 = alice.l2();

    let gate = Gate::new(devnet.deploy(l2, "Gate", ()).await?, l2);
    assert!(!l2.get_code_at(*gate.address()).await?.is_empty());

    // A call that reverts says why, with and without a transaction.
    let knock = TransactionRequest::default().with_to(*gate.address()).with_value(ether(1));
    let error = l2.estimate_gas(knock.clone()).await.expect_err("the gate is closed");
    let error = alloy::contract::Error::from(error);
    expect_revert::<Gate::Closed>(Err::<(), _>(error));
    let receipt = l2.send_transaction(knock.clone().with_gas_limit(100_000)).await?.mined().await?;
    assert!(!receipt.status());

    assert!(gate.setOpen(true).send().await?.mined().await?.status());
    let receipt = l2.send_transaction(knock).await?.mined().await?;
    assert!(receipt.status());
    assert_eq!(gate.calls().call().await?, U256::ONE);
    assert_eq!(l2.get_storage_at(*gate.address(), U256::ZERO).await?, U256::ONE);

    // The past can be asked as well.
    let before = receipt.block_number.ok_or_eyre("no block")? - 1;
    assert_eq!(gate.calls().block(before.into()).call().await?, U256::ZERO);
    devnet.check_conservation(&[*gate.address()]).await
}

#[tokio::test]
async fn logs_and_blocks() -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(3)).await?;
    let l2 = devnet.l2();
    let first = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 0, Bytes::new()).await?;
    let second = devnet.withdraw(Actor::Alice, RECIPIENT, ether(1), 7, Bytes::from_static(b"hello")).await?;

    let filter =
        Filter::new().address(predeploys::OUTBOX).event_signature(Outbox::MessageSent::SIGNATURE_HASH).from_block(0);
    let logs = l2.get_logs(&filter).await?;
    let sent: Vec<_> = logs
        .iter()
        .map(|log| Ok(Message::from(log.log_decode::<Outbox::MessageSent>()?.inner.data)))
        .collect::<Result<_>>()?;
    assert_eq!(sent, [first.message.clone(), second.message.clone()]);
    let only_second = filter.clone().topic1(B256::from(U256::from(second.message.index)));
    assert_eq!(l2.get_logs(&only_second).await?, logs[1..]);
    assert!(l2.get_logs(&filter.address(RECIPIENT)).await?.is_empty());

    let outbox = Outbox::new(predeploys::OUTBOX, &l2);
    assert_eq!(outbox.count().call().await?, 2);
    // Each block names its parent; the header hashes to the block's hash.
    let mut parent = B256::ZERO;
    for number in 0..=second.block_number {
        let header = l2.get_block_by_number(number.into()).await?.ok_or_eyre("no block")?.header;
        assert_eq!(header.parent_hash, parent);
        assert_eq!(header.inner.hash_slow(), header.hash);
        parent = header.hash;
    }
    Ok(())
}

/// The types of Ethereum, blobs excepted.
#[tokio::test]
async fn a_transaction_of_each_type() -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(2)).await?;
    let alice = devnet.client(Actor::Alice);
    let l2 = alice.l2();
    let price = 1_000_000_000;
    let transfer = || TransactionRequest::default().with_to(RECIPIENT).with_value(U256::ONE);
    let authorization = Authorization { chain_id: U256::from(L2_CHAIN_ID), address: predeploys::L1_INFO, nonce: 0 };
    let bob = devnet.signer(Actor::Bob);
    let signature = bob.sign_hash_sync(&authorization.signature_hash())?;
    let mut delegation = transfer();
    delegation.authorization_list = Some(vec![authorization.into_signed(signature)]);
    let transactions = [
        (0, transfer().with_gas_price(price)),
        (1, transfer().with_gas_price(price).access_list(AccessList::default())),
        (2, transfer()),
        (4, delegation.with_gas_limit(100_000)),
    ];
    for (kind, transaction) in transactions {
        let receipt = l2.send_transaction(transaction).await?.mined().await?;
        assert!(receipt.status());
        assert_eq!(receipt.transaction_type() as u8, kind);
    }
    assert_eq!(l2.get_balance(RECIPIENT).await?, U256::from(4));
    let delegated = [&[0xef, 0x01, 0x00], predeploys::L1_INFO.as_slice()].concat();
    assert_eq!(l2.get_code_at(bob.address()).await?, Bytes::from(delegated));
    devnet.check_conservation(&[RECIPIENT]).await
}

/// Foundry's cast is content with the answers.
#[tokio::test]
async fn cast_sends_and_reads() -> Result<()> {
    let devnet = Devnet::with(Roles::SEQUENCER).await?;
    devnet.fund(Actor::Alice, ether(2)).await?;
    let (url, key) = (devnet.l2_url().to_string(), hex::encode_prefixed(devnet.signer(Actor::Alice).to_bytes()));
    let cast = async |arguments: &[&str]| -> Result<String> {
        let output = Command::new(tool("cast")?).args(arguments).args(["--rpc-url", &url]).output().await?;
        ensure!(output.status.success(), "cast {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    };

    let recipient = RECIPIENT.to_string();
    let sent = cast(&["send", &recipient, "--value", "1ether", "--private-key", &key, "--json"]).await?;
    let receipt: Value = serde_json::from_str(&sent)?;
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(cast(&["balance", &recipient]).await?, ether(1).to_string());
    assert_eq!(cast(&["chain-id"]).await?, L2_CHAIN_ID.to_string());
    let count = cast(&["call", &predeploys::L1_INFO.to_string(), "messagesExecuted()(uint64)"]).await?;
    assert_eq!(count, "1");
    // A block with a deposit in it.
    let block: Value = serde_json::from_str(&cast(&["block", "1", "--full", "--json"]).await?)?;
    assert_eq!(block["transactions"][0]["type"], "0x7e");
    let deposit = block["transactions"][0]["hash"].as_str().ok_or_eyre("no hash")?;
    let receipt: Value = serde_json::from_str(&cast(&["receipt", deposit, "--json"]).await?)?;
    assert_eq!(receipt["type"], "0x7e");
    cast(&["logs", "--address", &predeploys::OUTBOX.to_string()]).await?;
    cast(&["proof", &predeploys::OUTBOX.to_string(), "0x0"]).await?;
    Ok(())
}
