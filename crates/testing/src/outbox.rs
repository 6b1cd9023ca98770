//! The real `Outbox` contract on the L2.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use postern_execution::GenesisAccount;

/// The account of the predeploy.
pub fn account() -> GenesisAccount {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bindings/abi/Outbox.json");
    let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let code = json["deployedBytecode"].as_str().unwrap().parse().unwrap();
    GenesisAccount { nonce: 1, code, ..Default::default() }
}

/// Calldata of `send(address target, uint64 gasLimit, bytes data)`.
pub fn send(target: Address, gas_limit: u64, data: &[u8]) -> Bytes {
    let word = |value: u64| B256::from(U256::from(value));
    let padding = vec![0; data.len().next_multiple_of(32) - data.len()];
    let selector = &keccak256("send(address,uint64,bytes)")[..4];
    let head = [target.into_word(), word(gas_limit), word(96), word(data.len() as u64)].concat();
    [selector, &head, data, &padding].concat().into()
}
