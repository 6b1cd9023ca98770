//! Derivation is total: whatever the data, the times and the queue are, a batch gives blocks, the same each time, within its
//! limits, and executes the messages that it consumes.
//!
//! `cargo test` runs a few cases, always the same. With `PROPTEST_CASES` it runs so many, and others each time.

use alloy_consensus::{TxEip1559, TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::eip7702::Authorization;
use alloy_primitives::{Address, Bytes, TxKind, U256};
use miniz_oxide::deflate::compress_to_vec;
use postern_execution::{L2Transaction, execute_batch};
use postern_protocol::{
    batch::{Batch, Block},
    blob::{self, Blob},
    constants::{
        BATCH_TRANSACTION_GAS, MAX_BATCH_CONTENT, MAX_BLOCKS_PER_BATCH, MAX_QUEUED_GAS_LIMIT,
        MAX_TRANSACTIONS_PER_BATCH,
    },
    message::QueuedMessage,
    predeploys,
};
use postern_testing::chain::*;
use proptest::{collection::vec, option, prelude::*, sample::Index, test_runner::RngSeed};
use std::collections::BTreeSet;

/// Counts calls.
const COUNTER: Address = Address::repeat_byte(0xbb);
/// Uses all its gas.
const BURNER: Address = Address::repeat_byte(0xcc);
/// Sends its ETH away, and itself.
const DESTROYER: Address = Address::repeat_byte(0xdd);

/// One batch, and what happened on L1 since the one before.
#[derive(Clone, Debug)]
struct Step {
    queue: Vec<QueuedMessage>,
    /// How far the batch consumes of what it could, in gas.
    consume: Index,
    /// Whether it consumes whole messages.
    whole: bool,
    data: Vec<u8>,
    /// In blobs whose words begin with this byte; otherwise in calldata.
    blobs: Option<u8>,
    l1_time: Option<u64>,
    origin_time: Option<u64>,
}

fn config() -> ProptestConfig {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default(),
        None => ProptestConfig { cases: 24, rng_seed: RngSeed::Fixed(4), ..ProptestConfig::default() },
    }
}

fn address() -> impl Strategy<Value = Address> {
    prop_oneof![
        4 => prop::sample::select(vec![COUNTER, BURNER, DESTROYER, Wallet::new(1).address, Wallet::new(2).address]),
        1 => prop::sample::select(vec![predeploys::L1_INFO, predeploys::OUTBOX, predeploys::FEE_VAULT, predeploys::HISTORY]),
        1 => (0..0x12_u8).prop_map(Address::with_last_byte),
        1 => any::<[u8; 20]>().prop_map(Address::from),
    ]
}

fn amount() -> impl Strategy<Value = U256> {
    prop_oneof![3 => (0..3_u64).prop_map(U256::from), 1 => any::<[u8; 32]>().prop_map(U256::from_be_bytes)]
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..3_000_u64, 1 => Just(u64::MAX), 1 => any::<u64>()]
}

/// Bytes that begin like nothing in particular, or code.
fn input() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        Just(bytes(code::BURN)),
        Just(bytes(&code::deploying(code::LOG))),
        Just(bytes(&code::deploying(code::DESTROY))),
        vec(any::<u8>(), 0..60).prop_map(Bytes::from),
        (0..2_000_usize).prop_map(|length| vec![1; length].into()),
    ]
}

/// A transaction that may be valid, by one of two senders with ETH or one without.
fn transaction() -> impl Strategy<Value = Bytes> {
    let gas = prop_oneof![4 => 20_000..200_000_u64, 1 => Just(MAX_QUEUED_GAS_LIMIT), 1 => any::<u64>()];
    let price = prop_oneof![4 => Just(10_000_000_u128), 1 => any::<u128>(), 1 => Just(0)];
    let chain_id = prop_oneof![9 => Just(CHAIN_ID), 1 => any::<u64>()];
    (0..4_u8, 1..4_u8, 0..5_u64, gas, price, chain_id, option::weighted(0.8, address()), input(), amount()).prop_map(
        |(kind, seed, nonce, gas_limit, price, chain_id, to, input, value)| {
            let wallet = Wallet::new(seed);
            let called = to.unwrap_or_default();
            let to = to.map_or(TxKind::Create, TxKind::Call);
            match kind {
                0 => wallet.sign(TxLegacy {
                    chain_id: (nonce != 3).then_some(chain_id),
                    nonce,
                    gas_price: price,
                    gas_limit,
                    to,
                    value,
                    input,
                }),
                1 => wallet.sign(TxEip2930 {
                    chain_id,
                    nonce,
                    gas_price: price,
                    gas_limit,
                    to,
                    value,
                    access_list: Default::default(),
                    input,
                }),
                2 => wallet.sign(TxEip1559 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas: price,
                    max_priority_fee_per_gas: price / 2,
                    to,
                    value,
                    access_list: Default::default(),
                    input,
                }),
                _ => {
                    let authorization = Authorization { chain_id: U256::ZERO, address: called, nonce };
                    let signature = wallet.sign_hash(authorization.signature_hash());
                    wallet.sign(TxEip7702 {
                        chain_id,
                        nonce,
                        gas_limit,
                        max_fee_per_gas: price,
                        max_priority_fee_per_gas: 0,
                        to: called,
                        value,
                        access_list: Default::default(),
                        authorization_list: vec![authorization.into_signed(signature)],
                        input,
                    })
                }
            }
        },
    )
}

fn claimed_block() -> impl Strategy<Value = Block> {
    let messages = prop_oneof![6 => 0..4_u64, 1 => any::<u64>()];
    let garbage = vec(any::<u8>(), 0..50).prop_map(Bytes::from);
    (time(), messages, vec(prop_oneof![6 => transaction(), 1 => garbage], 0..5))
        .prop_map(|(timestamp, messages, transactions)| Block { timestamp, messages, transactions })
}

/// Content of a batch: mostly blocks, now and then far too many of something.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let encode = |blocks: Vec<Block>| blocks.iter().flat_map(alloy_rlp::encode).collect::<Vec<u8>>();
    let many = move |(block, count): (Block, usize)| encode(vec![block; count]);
    let crowded = |(byte, count): (u8, usize)| {
        alloy_rlp::encode(Block { transactions: vec![vec![byte].into(); count], ..Block::default() })
    };
    prop_oneof![
        60 => vec(claimed_block(), 0..6).prop_map(encode),
        10 => vec(any::<u8>(), 0..300),
        1 => (claimed_block(), 0..40_usize).prop_map(many),
        1 => (Just(Block::default()), 0..2 * MAX_BLOCKS_PER_BATCH).prop_map(many),
        1 => (any::<u8>(), 0..2 * MAX_TRANSACTIONS_PER_BATCH).prop_map(crowded),
        1 => (any::<u8>(), 0..2 * MAX_BATCH_CONTENT).prop_map(|(byte, length)| vec![byte; length]),
    ]
}

/// Data of a batch: content, raw or compressed, damaged before or after.
fn data() -> impl Strategy<Value = Vec<u8>> {
    let damage = || (vec((any::<Index>(), any::<u8>()), 0..3), option::weighted(0.1, any::<Index>()));
    let version = prop_oneof![4 => Just(Some(0)), 6 => Just(Some(1)), 1 => any::<u8>().prop_map(Some), 1 => Just(None)];
    let whole = || option::weighted(0.4, damage());
    (content(), whole(), version, 0..10_u8, whole(), vec(any::<u8>(), 0..20)).prop_map(
        |(content, before, version, level, after, tail)| {
            let content = before.map_or(content.clone(), |damage| damaged(content, damage));
            let mut data = match version {
                Some(1) => [&[1], &compress_to_vec(&content, level)[..]].concat(),
                Some(version) => [&[version], &content[..]].concat(),
                None => content,
            };
            data.extend(tail);
            after.map_or(data.clone(), |damage| damaged(data, damage))
        },
    )
}

fn damaged(mut bytes: Vec<u8>, (changes, cut): (Vec<(Index, u8)>, Option<Index>)) -> Vec<u8> {
    if bytes.is_empty() {
        return bytes;
    }
    for (position, byte) in changes {
        let position = position.index(bytes.len());
        bytes[position] = byte;
    }
    if let Some(cut) = cut {
        bytes.truncate(cut.index(bytes.len()));
    }
    bytes
}

fn queued() -> impl Strategy<Value = QueuedMessage> {
    // More than the bridge sells, or less, but not so much that all together would not fit a number.
    let gas_limit = prop_oneof![20_000..200_000_u64, Just(MAX_QUEUED_GAS_LIMIT), 1..u64::from(u32::MAX)];
    (address(), address(), amount(), amount(), gas_limit, amount(), input()).prop_map(
        |(sender, target, mint, value, gas_limit, fee, data)| QueuedMessage {
            index: 0,
            sender,
            target,
            mint,
            value,
            gas_limit,
            fee,
            data,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let times = (option::weighted(0.2, time()), option::weighted(0.2, time()));
    (vec(queued(), 0..5), any::<Index>(), any::<bool>(), data(), option::weighted(0.3, any::<u8>()), times).prop_map(
        |(queue, consume, whole, data, blobs, (l1_time, origin_time))| Step {
            queue,
            consume,
            whole,
            data,
            blobs,
            l1_time,
            origin_time,
        },
    )
}

/// Blobs with this data, whose words begin with any byte.
fn blobs(data: &[u8], first: u8) -> Vec<Blob> {
    let mut blobs = blob::encode(data);
    blobs.iter_mut().for_each(|blob| blob.chunks_mut(32).for_each(|word| word[0] = first));
    blobs
}

proptest! {
    #![proptest_config(config())]

    /// `Chain::append_record` compares the outcome with that of a second execution from what the first one read, and checks
    /// what holds of every block.
    #[test]
    fn takes_every_batch(steps in vec(step(), 1..4)) {
        let rich = [1, 2].map(|seed| (Wallet::new(seed).address, funded(ETHER)));
        let contracts = [(COUNTER, code::COUNT), (BURNER, code::BURN), (DESTROYER, code::DESTROY)];
        let contracts = contracts.map(|(address, code)| (address, contract(code)));
        let mut chain = Chain::new(rich.into_iter().chain(contracts));
        let mut seen = BTreeSet::new();
        for step in steps {
            step.queue.into_iter().for_each(|message| drop(chain.enqueue(message)));
            chain.l1_time = step.l1_time.unwrap_or(chain.l1_time);
            chain.origin_time = step.origin_time;

            let before = chain.info();
            let parent = chain.head.clone();
            let end = chain.place(u64::MAX);
            let place = before.gas_executed + step.consume.index((end - before.gas_executed + 1) as usize) as u64;
            let last = (0..=chain.queue.len() as u64).rfind(|&count| chain.place(count) <= place).unwrap();
            let consumed_to = if step.whole { chain.place(last) } else { place };
            let data_commitment = match step.blobs {
                Some(first) => chain.blobs(&blobs(&step.data, first)),
                None => chain.calldata(&step.data),
            };
            let record = Batch { consumed_to, ..chain.record_of(data_commitment, 0) };
            let l1_time = record.l1_time;
            let origin_time = chain.origin().timestamp;
            let previous = chain.output.root();
            let outcome = chain.append_record(record);
            prop_assert_eq!(&execute_batch(&chain.store, previous, record.hash()).unwrap(), &outcome);

            // Blocks: within the limits of a batch, besides those that only messages need.
            let blocks = &outcome.blocks;
            prop_assert!(!blocks.is_empty());
            prop_assert!(blocks.len() <= MAX_BLOCKS_PER_BATCH + (last - before.messages_executed + 1) as usize);
            let latest = l1_time.max(origin_time).max(parent.timestamp);
            prop_assert!(blocks.iter().all(|block| block.header.timestamp >= origin_time.max(parent.timestamp)));
            prop_assert!(blocks.iter().all(|block| block.header.timestamp <= latest));
            prop_assert!(blocks.iter().all(|block| block.header.mix_hash == record.origin_hash));

            // Messages: those that were consumed, all of them, once and in order.
            let executed: Vec<_> = blocks.iter().flat_map(|block| block.messages.clone()).collect();
            prop_assert_eq!(executed, (before.messages_executed..last).collect::<Vec<_>>());
            let info = chain.info();
            prop_assert_eq!((info.messages_executed, info.gas_executed), (last, chain.place(last)));
            prop_assert_eq!(info.batch_count, record.index + 1);

            // Transactions: no more gas and no more work than there may be, and never one twice.
            let (mut offered, mut gas) = (0, 0);
            for block in blocks {
                let transactions = block.transactions.iter().zip(&block.gas_used).enumerate();
                for (position, (transaction, gas_used)) in transactions {
                    let is_message = matches!(transaction, L2Transaction::Deposit(_));
                    prop_assert_eq!(is_message, (position as u64) < block.messages.end - block.messages.start);
                    prop_assert!(seen.insert(transaction.hash()));
                    if !is_message {
                        offered += 1;
                        gas += gas_used;
                    }
                }
                offered += block.skipped.len();
            }
            prop_assert!(gas <= BATCH_TRANSACTION_GAS);
            prop_assert!(offered <= MAX_TRANSACTIONS_PER_BATCH);
        }
    }
}
