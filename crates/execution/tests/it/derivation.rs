//! From batches to blocks: every byte string is a batch, and the queue is consumed as promised.

use crate::support::*;
use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use postern_execution::{BatchBuilder, BatchContext, L1Origin, MissingPreimage, Recorder, SkipReason, execute_batch};
use postern_protocol::{
    batch,
    constants::{BATCH_GAS_LIMIT, BLOCK_GAS_LIMIT, MAX_BLOCKS_PER_BATCH, MAX_QUEUED_GAS_LIMIT},
    message::QueuedMessage,
    predeploys::HISTORY,
};
use proptest::{collection::vec, prelude::*, sample::Index};
use std::collections::BTreeSet;

const TARGET: Address = Address::repeat_byte(0xbb);

/// A message that uses as much gas as any can.
fn hungry() -> QueuedMessage {
    QueuedMessage { gas_limit: MAX_QUEUED_GAS_LIMIT, ..message() }
}

/// How many messages each block executed.
fn messages(outcome: &postern_execution::BatchOutcome) -> Vec<u64> {
    outcome.blocks.iter().map(|block| block.messages.end - block.messages.start).collect()
}

#[test]
fn a_batch_without_data_makes_one_block() {
    let mut chain = Chain::new([]);
    let (parent, origin, l1_time) = (chain.head.clone(), chain.origin(), chain.l1_time);
    let outcome = chain.append_data(&[], 0);
    assert_eq!(outcome.blocks.len(), 1);
    let header = &outcome.blocks[0].header;
    assert_eq!((header.number, header.timestamp), (1, l1_time));
    assert_eq!(header.mix_hash, origin.hash_slow());
    assert_eq!(chain.slot(HISTORY, 0), U256::from_be_bytes(parent.seal().0));

    let info = chain.info();
    let expected = L1Origin {
        number: origin.number,
        timestamp: origin.timestamp,
        hash: origin.hash_slow(),
        beacon_root: B256::repeat_byte(0xbe),
    };
    assert_eq!((info.origin, info.batch_count), (expected, 1));
    assert_eq!(outcome.output.batch_count, 1);
    assert_eq!(outcome.output.block_hash, header.seal());
    assert_eq!(outcome.output.l2_chain_id, CHAIN_ID);
    assert_eq!(outcome.output.outbox_root, B256::ZERO);
}

#[test]
fn what_does_not_decode_ends_the_batch_and_what_stands_before_counts() {
    let good = batch::encode(&[block(GENESIS_TIME + 1, 0, vec![]), block(GENESIS_TIME + 2, 0, vec![])]);
    let cases: [(&[u8], usize); 7] = [
        (b"", 2),
        (b"\x00", 2),
        (b"garbage", 2),
        (b"\xc0", 2),
        (b"\xc3\x00\x00\xc0", 2),     // zero is the empty string
        (b"\xc4\x80\x80\xc0\x80", 2), // a field too many
        (b"\xc3\x80\x80\xc0", 3),
    ];
    for (tail, blocks) in cases {
        let mut chain = Chain::new([]);
        let outcome = chain.append_data(&[&good, tail].concat(), 0);
        assert_eq!(outcome.blocks.len(), blocks, "{tail:?}");
        assert_eq!(outcome.blocks[1].header.timestamp, GENESIS_TIME + 2);
    }
    // Another version is another language.
    let mut chain = Chain::new([]);
    let outcome = chain.append_data(&[&[1], &good[1..]].concat(), 0);
    assert_eq!(outcome.blocks.len(), 1);
    assert_eq!(outcome.blocks[0].header.timestamp, GENESIS_TIME + 100);
}

#[test]
fn a_batch_has_no_more_blocks_than_it_may() {
    let mut chain = Chain::new([]);
    let blocks = vec![block(0, 0, vec![]); MAX_BLOCKS_PER_BATCH + 1];
    assert_eq!(chain.append(&blocks, 0).blocks.len(), MAX_BLOCKS_PER_BATCH);
}

#[test]
fn timestamps_are_clamped_between_the_parent_and_l1() {
    let mut chain = Chain::new([]);
    let l1_time = chain.l1_time;
    let claimed = [5, GENESIS_TIME + 7, GENESIS_TIME + 3, u64::MAX, 0];
    let outcome = chain.append(&claimed.map(|timestamp| block(timestamp, 0, vec![])), 0);
    let times: Vec<_> = outcome.blocks.iter().map(|block| block.header.timestamp).collect();
    assert_eq!(times, [GENESIS_TIME, GENESIS_TIME + 7, GENESIS_TIME + 7, l1_time, l1_time]);

    // An L1 time before the parent's cannot be, but would not go back either.
    chain.l1_time = 3;
    chain.l1_time += 12;
    let outcome = chain.append_data(&[], 0);
    assert_eq!(outcome.blocks[0].header.timestamp, l1_time);
}

#[test]
fn blocks_begin_with_the_messages_they_name_and_a_closing_block_takes_the_rest() {
    let mut chain = Chain::new([]);
    (0..7).for_each(|_| drop(chain.enqueue(message())));
    // Of 7 messages 6 are consumed, of which the blocks name 1 + 0 + 2.
    let outcome = chain.append(&[block(0, 1, vec![]), block(0, 0, vec![]), block(0, 2, vec![])], 6);
    assert_eq!(messages(&outcome), [1, 0, 2, 3]);
    assert_eq!(outcome.blocks[3].messages, 3..6);
    assert_eq!(chain.info().messages_executed, 6);
    // A block cannot take more than the batch consumes.
    chain.enqueue(message());
    let outcome = chain.append(&[block(0, u64::MAX, vec![])], 7);
    assert_eq!(messages(&outcome), [1]);
    let outcome = chain.append(&[block(0, 0, vec![])], 8);
    assert_eq!(messages(&outcome), [0, 1]);
}

#[test]
fn messages_that_do_not_fit_a_block_come_before_its_transactions() {
    let wallet = Wallet::new(1);
    let mut chain = Chain::new([(wallet.address, funded(ETHER)), (TARGET, contract(code::BURN))]);
    (0..4).for_each(|_| drop(chain.enqueue(hungry())));
    let transaction = wallet.sign(transfer(0, Address::repeat_byte(0xcc), 1));
    let with_transaction = |messages| block(0, messages, vec![transaction.clone()]);
    // Three fit; the fourth opens the next block, though that names none.
    let outcome = chain.append(&[with_transaction(4), with_transaction(0)], 4);
    assert_eq!(messages(&outcome), [3, 1]);
    assert_eq!(outcome.blocks[0].skipped[0].reason, SkipReason::MessagesWaiting);
    assert_eq!(outcome.blocks[1].skipped, []);
    assert_eq!(outcome.blocks[1].transactions.len(), 2);
}

#[test]
fn a_flooded_queue_is_carried_over_and_comes_first() {
    let wallet = Wallet::new(1);
    let mut chain = Chain::new([(wallet.address, funded(ETHER)), (TARGET, contract(code::BURN))]);
    (0..40).for_each(|_| drop(chain.enqueue(hungry())));
    let fit = BATCH_GAS_LIMIT / MAX_QUEUED_GAS_LIMIT;
    assert_eq!(fit, 29);
    let outcome = chain.append_data(&[], 40);
    assert_eq!(messages(&outcome), [3, 3, 3, 3, 3, 3, 3, 3, 3, 2]);
    assert_eq!(chain.info().messages_executed, fit);

    // The next batch names none of them and consumes no more, and yet begins with them.
    let transaction = wallet.sign(transfer(0, Address::repeat_byte(0xcc), 1));
    let outcome = chain.append(&[block(0, 0, vec![transaction.clone()])], 40);
    assert_eq!(messages(&outcome), [3, 3, 3, 2]);
    assert_eq!(outcome.blocks[0].skipped[0].reason, SkipReason::MessagesWaiting);
    assert_eq!(chain.info().messages_executed, 40);
    let outcome = chain.append(&[block(0, 0, vec![transaction])], 40);
    assert_eq!((messages(&outcome), outcome.blocks[0].transactions.len()), (vec![0], 1));
}

#[test]
fn a_batch_uses_no_more_gas_than_it_may() {
    let wallet = Wallet::new(1);
    let mut chain = Chain::new([(wallet.address, funded(ETHER)), (TARGET, contract(code::BURN))]);
    let burn = |nonce| {
        wallet.sign(TxEip1559 {
            gas_limit: MAX_QUEUED_GAS_LIMIT,
            max_fee_per_gas: 100_000_000,
            ..transfer(nonce, TARGET, 0)
        })
    };
    let blocks: Vec<_> = (0..10).map(|n| block(0, 0, (3 * n..3 * n + 3).map(burn).collect())).collect();
    chain.enqueue(hungry());
    let outcome = chain.append(&blocks, 1);
    let used: u64 = outcome.blocks.iter().map(|block| block.header.gas_used).sum();
    assert_eq!(used, 29 * MAX_QUEUED_GAS_LIMIT);
    assert_eq!(outcome.blocks.len(), 10, "the message does not fit a closing block either");
    let left = BATCH_GAS_LIMIT - used;
    let reason = SkipReason::BatchGasLimit { received: MAX_QUEUED_GAS_LIMIT, available: left };
    assert_eq!(outcome.blocks[9].skipped[0].reason, reason);
    assert_eq!(chain.info().messages_executed, 0);
    assert!(outcome.blocks.iter().all(|block| block.header.gas_used <= BLOCK_GAS_LIMIT));
    // It is carried over, not lost.
    assert_eq!(messages(&chain.append_data(&[], 1)), [1]);
}

#[test]
fn contracts_read_the_hashes_of_past_blocks() {
    let wallet = Wallet::new(1);
    let accounts = [(wallet.address, funded(ETHER)), (TARGET, contract(code::BLOCK_HASH))];
    let mut chain = Chain::new(accounts);
    let mut hashes = vec![chain.head.seal()];
    for _ in 0..3 {
        let outcome = chain.append(&vec![block(0, 0, vec![]); 90], 0);
        hashes.extend(outcome.blocks.iter().map(|block| block.header.seal()));
    }
    // Block 271 sees 256 blocks back, not itself, and not further.
    let asked = [270, 269, 90, 15, 14, 0, 271, 5_000];
    let transactions = asked.iter().zip(0..).map(|(number, nonce)| {
        let input = B256::from(U256::from(*number)).into();
        wallet.sign(TxEip1559 { gas_limit: 100_000, input, ..transfer(nonce, TARGET, 0) })
    });
    let block = chain.transact(transactions.collect());
    assert_eq!(block.header.number, 271);
    assert_eq!(block.skipped, []);
    for number in asked {
        let expected = if (15..271).contains(&number) { hashes[number as usize] } else { B256::ZERO };
        assert_eq!(chain.slot(TARGET, number), U256::from_be_bytes(expected.0), "block {number}");
        if let Some(hash) = hashes.get(number as usize) {
            assert_eq!(chain.slot(HISTORY, number), U256::from_be_bytes(hash.0));
        }
    }
}

#[test]
fn origins_without_the_newer_fields_read_as_zero() {
    let frontier = alloy_consensus::Header { timestamp: 77, ..Default::default() };
    let encoded = alloy_rlp::encode(&frontier);
    let origin = L1Origin::from_header(5, B256::ZERO, &encoded);
    assert_eq!((origin.number, origin.timestamp, origin.beacon_root), (5, 77, B256::ZERO));
    for garbage in [&b""[..], b"\xc0", b"\xff\xff", b"hello", &encoded[..30]] {
        assert_eq!(L1Origin::from_header(0, B256::ZERO, garbage), L1Origin::default());
    }
}

#[test]
fn each_missing_preimage_is_named() {
    let wallet = Wallet::new(1);
    let mut chain = Chain::new([(wallet.address, funded(ETHER)), (TARGET, contract(code::COUNT))]);
    for data in [&b""[..], b"data"] {
        chain.enqueue(QueuedMessage { data: data.into(), ..message() });
    }
    let transaction = wallet.sign(TxEip1559 { gas_limit: 100_000, ..transfer(0, TARGET, 0) });
    let data = batch::encode(&[block(0, 1, vec![transaction])]);
    let record = chain.record(&data, 2);
    let recorder = Recorder::new(&chain.store);
    execute_batch(&recorder, chain.output.root(), record.hash()).unwrap();
    let witness = recorder.into_witness();
    assert!(witness.len() > 15);
    for hidden in witness.keys().copied() {
        let without = Without { store: &witness, hidden };
        let result = execute_batch(&without, chain.output.root(), record.hash());
        assert_eq!(result.unwrap_err(), MissingPreimage(hidden));
    }
}

#[test]
fn the_sequencer_and_the_derivation_make_the_same_blocks() {
    let wallet = Wallet::new(1);
    let mut chain = Chain::new([(wallet.address, funded(ETHER)), (TARGET, contract(code::BURN))]);
    (0..5).for_each(|_| drop(chain.enqueue(hungry())));
    let send = |nonce| wallet.sign(transfer(nonce, Address::repeat_byte(0xcc), 1));

    let origin = chain.origin();
    let origin = L1Origin::from_header(origin.number, origin.hash_slow(), &alloy_rlp::encode(&origin));
    let context = BatchContext { origin, index: 0, promised: 0, consumed_to: u64::MAX };
    let open = |chain: &Chain| BatchBuilder::new(chain.store.clone(), CHAIN_ID, chain.head.clone(), context);
    let mut builder = open(&chain).unwrap();
    let mut blocks = Vec::new();
    let mut sealed = Vec::new();
    for (timestamp, messages, nonce) in [(1_010, 5, 0), (1_020, 0, 0), (1_030, 0, 1)] {
        // As after a restart: from what was stored, at any block.
        let mut store = chain.store.clone();
        store.extend(sealed.iter().flat_map(|block: &postern_execution::ExecutedBlock| block.preimages.clone()));
        builder = BatchBuilder::resume(store, CHAIN_ID, builder.head().clone(), context, builder.progress()).unwrap();

        let transaction = send(nonce);
        let mut making = builder.block(timestamp, messages).unwrap();
        while let Some(position) = making.next_message() {
            making.execute_message(&chain.queue[position as usize]).unwrap();
        }
        let included = making.execute_transaction(&transaction).unwrap().is_ok();
        sealed.push(making.seal().unwrap());
        blocks.push(block(timestamp, messages, if included { vec![transaction] } else { vec![] }));
    }
    assert_eq!(builder.executed(), 5);
    assert_eq!(blocks.iter().map(|block| block.transactions.len()).collect::<Vec<_>>(), [0, 1, 1]);

    let outcome = chain.append(&blocks, 5);
    let headers = |blocks: &[postern_execution::ExecutedBlock]| -> Vec<_> {
        blocks.iter().map(|block| block.header.seal()).collect()
    };
    assert_eq!(headers(&outcome.blocks), headers(&sealed));
}

/// A transaction that may be valid, by one of two senders.
fn transaction() -> impl Strategy<Value = Bytes> {
    let kind = prop_oneof![Just(TxKind::Call(TARGET)), Just(TxKind::Create), Just(TxKind::Call(Address::ZERO))];
    let input = prop_oneof![
        Just(bytes(code::BURN)),
        Just(bytes(&code::deploying(code::LOG))),
        vec(any::<u8>(), 0..40).prop_map(Bytes::from)
    ];
    (1..3_u8, 0..4_u64, 20_000..200_000_u64, kind, input, 0..3_u64).prop_map(
        |(seed, nonce, gas_limit, to, input, value)| {
            let template = transfer(nonce, TARGET, value);
            Wallet::new(seed).sign(TxEip1559 { gas_limit, to, input, ..template })
        },
    )
}

fn queued() -> impl Strategy<Value = QueuedMessage> {
    let gas_limit = prop_oneof![20_000..200_000_u64, Just(MAX_QUEUED_GAS_LIMIT), any::<u64>()];
    let amount = || prop_oneof![(0..3_u64).prop_map(U256::from), any::<[u8; 32]>().prop_map(U256::from_be_bytes)];
    let address = || prop_oneof![Just(TARGET), Just(Wallet::new(1).address), any::<[u8; 20]>().prop_map(Address::from)];
    (address(), address(), amount(), amount(), gas_limit, amount(), vec(any::<u8>(), 0..50)).prop_map(
        |(sender, target, mint, value, gas_limit, fee, data)| QueuedMessage {
            index: 0,
            sender,
            target,
            mint,
            value,
            gas_limit,
            fee,
            data: data.into(),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any queue and any bytes: the derivation ends, twice with the same result (`Chain::execute` compares), within its
    /// limits, and consumes what it can.
    #[test]
    fn takes_every_batch(
        batches in vec((
            vec((any::<u64>(), 0..4_u64, vec(prop_oneof![4 => transaction(), 1 => vec(any::<u8>(), 0..50).prop_map(Bytes::from)], 0..4)), 0..4),
            vec(queued(), 0..4),
            vec((any::<Index>(), any::<u8>()), 0..3),
            vec(any::<u8>(), 0..20),
            any::<Index>(),
        ), 1..4),
    ) {
        let rich = [1, 2].map(|seed| (Wallet::new(seed).address, funded(ETHER)));
        let mut chain = Chain::new(rich.into_iter().chain([(TARGET, contract(code::COUNT))]));
        for (blocks, queue, mutations, tail, consume) in batches {
            queue.into_iter().for_each(|message| drop(chain.enqueue(message)));
            let blocks: Vec<_> = blocks.into_iter().map(|(t, m, transactions)| block(t, m, transactions)).collect();
            let mut data = batch::encode(&blocks).to_vec();
            for (position, byte) in mutations {
                let position = position.index(data.len());
                data[position] = byte;
            }
            data.extend(tail);

            let before = chain.info();
            let consumed = chain.consumed();
            let consumed_to = consumed + consume.index((chain.queue.len() as u64 - consumed + 1) as usize) as u64;
            let l1_time = chain.l1_time;
            let outcome = chain.append_data(&data, consumed_to);

            let gas: u64 = outcome.blocks.iter().map(|block| block.header.gas_used).sum();
            prop_assert!(gas <= BATCH_GAS_LIMIT);
            prop_assert!(!outcome.blocks.is_empty());
            prop_assert!(outcome.blocks.iter().all(|block| block.header.timestamp <= l1_time));
            // So few messages always fit.
            prop_assert_eq!(chain.info().messages_executed, consumed_to);
            let executed: Vec<_> = outcome.blocks.iter().flat_map(|block| block.messages.clone()).collect();
            prop_assert_eq!(executed, (before.messages_executed..consumed_to).collect::<Vec<_>>());
            let hashes: BTreeSet<_> = outcome.blocks.iter().flat_map(|block| &block.transactions).map(|tx| tx.hash()).collect();
            prop_assert_eq!(hashes.len(), outcome.blocks.iter().map(|block| block.transactions.len()).sum::<usize>());
        }
    }

    /// Bytes that nobody wrote.
    #[test]
    fn takes_every_byte_string(data in vec(any::<u8>(), 0..300), version in any::<bool>()) {
        let mut data = data;
        if version && !data.is_empty() {
            data[0] = 0;
        }
        Chain::new([]).append_data(&data, 0);
    }
}
