//! The real `Outbox` contract against the trees of `postern-protocol`.

use crate::support::*;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use postern_execution::GenesisAccount;
use postern_protocol::{
    message::{Message, QueuedMessage},
    outbox::{Tree, verify},
    predeploys::OUTBOX,
};

const SENDER: Address = Address::repeat_byte(0xaa);

/// Calldata of `send(address target, uint64 gasLimit, bytes data)`.
fn send(target: Address, gas_limit: u64, data: &[u8]) -> Bytes {
    let word = |value: u64| B256::from(U256::from(value));
    let padding = vec![0; data.len().next_multiple_of(32) - data.len()];
    let selector = &keccak256("send(address,uint64,bytes)")[..4];
    let head = [target.into_word(), word(gas_limit), word(96), word(data.len() as u64)].concat();
    [selector, &head, data, &padding].concat().into()
}

fn contract_code() -> Bytes {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bindings/abi/Outbox.json");
    let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    json["deployedBytecode"].as_str().unwrap().parse().unwrap()
}

#[test]
fn the_contract_the_frontier_and_the_tree_have_one_root() {
    let outbox = GenesisAccount { nonce: 1, code: contract_code(), ..Default::default() };
    let mut chain = Chain::new([(OUTBOX, outbox)]);
    let mut tree = Tree::default();
    for index in 0..19 {
        let sent = Message {
            index,
            sender: SENDER,
            target: Address::with_last_byte(index as u8 + 1),
            value: U256::from(index),
            gas_limit: 1_000 * index,
            data: vec![7; index as usize].into(),
        };
        tree.push(sent.leaf());
        let block = chain.deposit(QueuedMessage {
            target: OUTBOX,
            mint: sent.value,
            value: sent.value,
            gas_limit: 300_000,
            data: send(sent.target, sent.gas_limit, &sent.data),
            ..message()
        });
        assert!(block.receipts[0].success);
        assert_eq!(block.receipts[0].logs.len(), 1);
        let count = index + 1;
        assert_eq!(chain.state().outbox().unwrap().count(), count);
        assert_eq!(Some(chain.output.outbox_root), tree.root_at(count));
        let proof = tree.proof(index, count).unwrap();
        assert_eq!(verify(chain.output.outbox_root, sent.leaf(), index, &proof), Ok(()));
    }
    assert_eq!(chain.balance(SENDER), U256::ZERO, "the ETH left with the messages");
    // What is refused leaves no message.
    let block = chain.deposit(QueuedMessage {
        target: OUTBOX,
        gas_limit: 300_000,
        data: send(Address::ZERO, 0, &[]),
        ..message()
    });
    assert!(!block.receipts[0].success);
    assert_eq!(Some(chain.output.outbox_root), tree.root_at(19));
}
