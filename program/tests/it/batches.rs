//! Batches of every kind: the program comes to what the node comes to.

use crate::support::*;
use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, hex, keccak256};
use miniz_oxide::deflate::compress_to_vec;
use postern_protocol::{
    batch::{self, Block},
    blob,
    constants::{MAX_BATCH_CONTENT, MAX_BLOCKS_PER_BATCH, MAX_QUEUED_GAS_LIMIT, MAX_TRANSACTIONS_PER_BATCH},
    data,
    message::QueuedMessage,
};
use postern_testing::{batches, chain::*, precompiles};

const TARGET: Address = Address::repeat_byte(0xbb);

/// A chain with this contract at [`TARGET`], and a wallet.
fn chain_with(code: &str) -> (Wallet, Chain) {
    let wallet = Wallet::new(1);
    let chain = Chain::new([(wallet.address, funded(ETHER)), (TARGET, contract(code))]);
    (wallet, chain)
}

fn call(nonce: u64, gas_limit: u64) -> TxEip1559 {
    TxEip1559 { gas_limit, ..transfer(nonce, TARGET, 0) }
}

/// Runs a batch of one block with these transactions, all of which are included.
fn transact(chain: &mut Chain, transactions: Vec<Bytes>) -> Run {
    let count = transactions.len();
    let batch = chain.record(&batch::encode(&[block(chain.l1_time, 0, transactions)]), 0);
    let run = compare(chain, batch);
    assert_eq!(run.outcome.blocks[0].transactions.len(), count);
    run
}

#[test]
fn nothing() {
    let mut chain = Chain::new([]);
    let batch = chain.record(&[], 0);
    assert_eq!(compare(&chain, batch).outcome.blocks.len(), 1);
}

#[test]
fn a_hundred_mixed_transactions() {
    let (chain, batch) = batches::mixed();
    let Run { outcome, asked, .. } = compare(&chain, batch);
    assert!(outcome.blocks.iter().all(|block| block.skipped.is_empty()));
    let receipts: Vec<_> = outcome.blocks.iter().flat_map(|block| &block.receipts).collect();
    assert_eq!(receipts.len(), 100);
    assert_eq!(receipts.iter().filter(|receipt| !receipt.success).count(), 15);
    assert_ne!(outcome.output.outbox_root, B256::ZERO);
    // Nobody but L1 recovers a signer.
    assert_eq!(asked[2], 80);
}

#[test]
fn garbage() {
    let noise: Vec<u8> = (0..1_000_u64).flat_map(|n| keccak256(n.to_be_bytes())).collect();
    let compressed = |content: &[u8]| [&[1], &compress_to_vec(content, 6)[..]].concat();
    let (wallet, chain) = chain_with(code::STOP);
    let good = batch::encode(&[block(chain.l1_time, 0, vec![wallet.sign(call(0, 100_000))])]);
    let mut deep = vec![0xf9, 0xff, 0xff];
    deep.resize(60_000, 0xc1);
    let far = block(0, 0, vec![vec![7].into(); 2 * MAX_TRANSACTIONS_PER_BATCH]);
    for (name, data, blocks) in [
        ("another first byte", vec![7; 5_000], 0),
        ("noise", noise.clone(), 0),
        ("noise that claims to be blocks", [&[0], &noise[..]].concat(), 0),
        ("noise that claims to be compressed", [&[1], &noise[..]].concat(), 0),
        ("compressed noise", compressed(&noise), 0),
        ("a block and noise", [&good[..], &noise].concat(), 1),
        ("lists in lists", [&[0], &deep[..]].concat(), 0),
        ("more than there may be", compressed(&vec![0xc0; 3 * MAX_BATCH_CONTENT]), 0),
        ("as much as there may be", compressed(&vec![0xc0; MAX_BATCH_CONTENT]), 0),
        ("a stream that ends early", compressed(&good[1..]).split_last().unwrap().1.to_vec(), 0),
        ("too many transactions", batch::encode(&[far]).to_vec(), 0),
        ("too many blocks", batch::encode(&vec![Block::default(); 2_000]).to_vec(), MAX_BLOCKS_PER_BATCH),
    ] {
        let mut chain = chain_with(code::STOP).1;
        let batch = chain.record(&data, 0);
        let run = compare(&chain, batch);
        assert_eq!(run.outcome.blocks.len(), blocks.max(1), "{name}");
    }
}

#[test]
fn a_flooded_queue() {
    let (wallet, mut chain) = chain_with(code::BURN);
    for number in 0..400_u64 {
        let gas_limit = if number % 40 == 7 { MAX_QUEUED_GAS_LIMIT } else { 30_000 + number };
        let data = vec![number as u8; number as usize].into();
        chain.enqueue(QueuedMessage { gas_limit, target: TARGET, data, mint: U256::from(number), ..message() });
    }
    let transfer = wallet.sign(transfer(0, Address::ZERO, 1));
    let data = batch::encode(&[block(chain.l1_time, 3, vec![]), block(chain.l1_time, 200, vec![transfer])]);
    let batch = chain.record(&data, 350);
    let outcome = compare(&chain, batch).outcome;
    let executed: Vec<_> = outcome.blocks.iter().map(|block| block.messages.clone()).collect();
    assert_eq!((executed[0].clone(), executed.last().unwrap().end), (0..3, 350));
    assert!(executed.len() > 3);
}

/// In a loop, for all gas: STATICCALL of `ecrecover` with 128 bytes of memory, the last changing.
const RECOVER: &str = "365f5f375b5a6060525f5f60805f60015afa50600456";

#[test]
fn loops_of_signature_recovery() {
    let (wallet, mut chain) = chain_with(RECOVER);
    let input = Bytes::from(precompiles::calls()[0].input.clone());
    let calls = (0..3).map(|nonce| wallet.sign(TxEip1559 { input: input.clone(), ..call(nonce, 1_000_000) }));
    let Run { asked, .. } = transact(&mut chain, calls.collect());
    assert!(asked[2] > 800, "{asked:?}");
}

#[test]
fn creation_and_self_destruction() {
    // CREATE2 of the calldata, CREATE of it with the ETH, and a CALL of what that made.
    let wallet = Wallet::new(1);
    let factory = "365f5f375f365f5ff550365f34f05f5f5f5f5f855af100";
    let mut chain = Chain::new([
        (wallet.address, funded(ETHER)),
        (TARGET, contract(factory)),
        (Address::repeat_byte(0xdd), contract(code::DESTROY)),
    ]);
    let at_once = bytes(code::DESTROY);
    let later = bytes(&code::deploying(code::DESTROY));
    let create = |nonce, input| TxEip1559 { to: TxKind::Create, value: U256::from(9), input, ..call(nonce, 500_000) };
    let made = wallet.address.create(4);
    let run = transact(
        &mut chain,
        vec![
            wallet.sign(TxEip1559 { input: at_once.clone(), value: U256::from(7), ..call(0, 500_000) }),
            // What destroyed itself can be made again in the same place.
            wallet.sign(TxEip1559 { input: at_once.clone(), ..call(1, 500_000) }),
            wallet.sign(TxEip1559 { input: later.clone(), value: U256::from(7), ..call(2, 500_000) }),
            wallet.sign(create(3, at_once)),
            wallet.sign(create(4, later)),
            wallet.sign(TxEip1559 { to: TxKind::Call(made), ..call(5, 100_000) }),
            wallet.sign(TxEip1559 { to: TxKind::Call(Address::repeat_byte(0xdd)), ..call(6, 100_000) }),
        ],
    );
    let failed = run.outcome.blocks[0].receipts.iter().position(|receipt| !receipt.success);
    assert_eq!(failed, None);
}

#[test]
fn every_precompile() {
    // CALLDATACOPY; SSTORE(0, STATICCALL(GAS, address, 0, CALLDATASIZE, 0, 0) + 1); RETURNDATACOPY;
    // SSTORE(1, KECCAK256 of what was returned)
    let code =
        |address: Address| format!("365f5f375f5f365f73{}5afa6001015f553d5f5f3e3d5f2060015500", hex::encode(address));
    let calls = precompiles::calls();
    let wallet = Wallet::new(1);
    let contract_of = |number: usize| Address::with_last_byte(0x80 + number as u8);
    let contracts = calls.iter().enumerate().map(|(number, call)| (contract_of(number), contract(&code(call.address))));
    let mut chain = Chain::new(contracts.chain([(wallet.address, funded(ETHER))]));
    let blocks: Vec<_> = (0..)
        .zip(&calls)
        .map(|(number, precompile)| {
            let template = call(number, MAX_QUEUED_GAS_LIMIT);
            let to = TxKind::Call(contract_of(number as usize));
            let transaction = TxEip1559 { to, input: precompile.input.clone().into(), ..template };
            block(chain.l1_time, 0, vec![wallet.sign(transaction)])
        })
        .collect();
    let batch = chain.record(&batch::encode(&blocks), 0);
    let run = compare(&chain, batch);
    chain.append_record(batch);
    assert_eq!(chain.output, run.outcome.output);
    for (number, call) in calls.iter().enumerate() {
        assert_eq!(chain.slot(contract_of(number), 0), U256::from(2), "{} succeeds", call.name);
    }
}

#[test]
fn blobs() {
    let (wallet, mut chain) = chain_with(code::COUNT);
    let noise: Vec<u8> = (0..4_500_u64).flat_map(|n| keccak256(n.to_be_bytes())).collect();
    let transactions = vec![noise.into(), wallet.sign(call(0, 100_000))];
    let blobs = blob::encode(&batch::encode(&[block(chain.l1_time, 0, transactions)]));
    assert_eq!(blobs.len(), 2);
    let mut kzg = postern_testing::machine::Answers::default();
    let hashes: Vec<_> = blobs
        .into_iter()
        .map(|blob| {
            let hash = kzg.add_blob(&blob::words(&blob).collect::<Vec<_>>());
            chain.store.blobs.insert(hash, Box::new(blob));
            hash
        })
        .collect();
    let commitment = chain.keep(data::blob_commitment_preimage(&hashes));
    let batch = chain.record_of(commitment, 0);
    let Run { outcome, asked, .. } = compare(&chain, batch);
    assert_eq!(outcome.blocks[0].transactions.len(), 1);
    assert_eq!(asked[1], 2 * blob::WORDS as u64);
}
