//! `contracts/test/vectors/{proofs,state}.json`: proofs made by the sparse trie, which `contracts/test/Vectors.t.sol` verifies with
//! OpenZeppelin's `TrieProof`, and `L2StateReader` reads. As with the other vectors, `UPDATE_VECTORS=1` writes the files.

use alloy_primitives::{Address, Bytes, U256, keccak256};
use postern_execution::GenesisAccount;
use postern_testing::chain::*;
use serde_json::{Value, json};

#[test]
fn proofs() {
    let address = |n: u64| Address::from_word(keccak256(n.to_be_bytes()));
    let mut accounts: Vec<_> = (0..40).map(|n| (address(n), funded(U256::from(n + 1)))).collect();
    let slots = [(0, U256::ONE), (1, U256::MAX), (2, U256::from(0x80)), (77, U256::from(0x1234_5678))];
    let contract = GenesisAccount {
        balance: U256::from(9_000_000_000_000_000_000_u64),
        nonce: 3,
        code: bytes(code::COUNT),
        storage: slots.iter().map(|(slot, value)| (U256::from(*slot), *value)).collect(),
    };
    let single = GenesisAccount { storage: [(U256::from(5), U256::from(6))].into(), ..contract.clone() };
    accounts.push((address(100), contract));
    accounts.push((address(101), single));
    let chain = Chain::new(accounts);

    let asked: [(u64, &[u64]); 3] = [(7, &[]), (100, &[0, 1, 2, 77]), (101, &[5])];
    let vectors = asked.map(|(n, slots)| {
        let slots: Vec<_> = slots.iter().copied().map(U256::from).collect();
        vector(&chain, address(n), &slots)
    });
    check("proofs", json!({ "stateRoot": chain.output.state_root.to_string(), "proofs": vectors }));
}

/// Tries of a usual size: 10,000 accounts, and 10,000 slots of one of them, as of the balances of a token.
#[test]
fn proofs_of_large_tries() {
    const SIZE: u64 = 10_000;
    let address = |n: u64| Address::from_word(keccak256(n.to_be_bytes()));
    let word = |n: u64| U256::from_be_bytes(keccak256(n.to_be_bytes()).0);
    let contract = GenesisAccount {
        balance: U256::from(9_000_000_000_000_000_000_u64),
        nonce: 1,
        code: bytes(code::COUNT),
        storage: (0..SIZE).map(|n| (word(n), word(SIZE + n))).collect(),
    };
    let mut accounts: Vec<_> = (1..SIZE).map(|n| (address(n), funded(word(n)))).collect();
    accounts.push((address(0), contract));
    let chain = Chain::new(accounts);

    let slots: Vec<_> = (0..5).map(word).collect();
    let state_root = chain.output.state_root.to_string();
    check("state", json!({ "stateRoot": state_root, "proofs": [vector(&chain, address(0), &slots)] }));
}

fn vector(chain: &Chain, account: Address, slots: &[U256]) -> Value {
    let proof = chain.state().proof(account, slots).unwrap();
    let slots: Vec<_> = proof
        .storage
        .iter()
        .map(|storage| {
            json!({
                "slot": storage.slot.to_string(),
                "value": storage.value.to_string(),
                "proof": texts(&storage.proof),
            })
        })
        .collect();
    json!({
        "account": account.to_string(),
        "nonce": proof.account.nonce.to_string(),
        "balance": proof.account.balance.to_string(),
        "storageRoot": proof.account.storage_root.to_string(),
        "codeHash": proof.account.code_hash.to_string(),
        "proof": texts(&proof.proof),
        "slots": slots,
    })
}

fn texts(nodes: &[Bytes]) -> Vec<String> {
    nodes.iter().map(Bytes::to_string).collect()
}

fn check(name: &str, vectors: Value) {
    let path = format!("{}/../../contracts/test/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(&path, format!("{vectors:#}\n")).unwrap();
    }
    let committed: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(committed == vectors, "{name}.json is stale: run with UPDATE_VECTORS=1");
}
