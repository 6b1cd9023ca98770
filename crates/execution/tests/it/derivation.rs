//! From batches to blocks: every byte string is a batch, and the queue is consumed as promised.

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, U256};
use postern_execution::{
    BatchBuilder, BatchContext, ExecutedBlock, L1Origin, MissingPreimage, Recorder, SkipReason, execute_batch,
};
use postern_protocol::{
    batch::{self, Batch},
    constants::{
        BATCH_GAS_LIMIT, BATCH_TRANSACTION_GAS, BLOCK_GAS_LIMIT, FORCED_MESSAGE_GAS, MAX_BLOCKS_PER_BATCH,
        MAX_QUEUED_GAS_LIMIT,
    },
    message::QueuedMessage,
    predeploys::HISTORY,
};
use postern_testing::chain::*;

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
    let good = batch::encode(&[block(GENESIS_TIME + 91, 0, vec![]), block(GENESIS_TIME + 92, 0, vec![])]);
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
        assert_eq!(outcome.blocks[1].header.timestamp, GENESIS_TIME + 92);
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
fn timestamps_are_clamped_between_parent_and_origin_and_l1() {
    let mut chain = Chain::new([]);
    let l1_time = chain.l1_time;
    let origin = chain.origin().timestamp;
    let claimed = [5, origin + 7, origin + 3, u64::MAX, 0];
    let outcome = chain.append(&claimed.map(|timestamp| block(timestamp, 0, vec![])), 0);
    let times: Vec<_> = outcome.blocks.iter().map(|block| block.header.timestamp).collect();
    assert_eq!(times, [origin, origin + 7, origin + 7, l1_time, l1_time]);

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
fn what_a_batch_consumes_it_executes() {
    let mut chain = Chain::new([(TARGET, contract(code::BURN))]);
    (0..30).for_each(|_| drop(chain.enqueue(hungry())));
    let fit = FORCED_MESSAGE_GAS / MAX_QUEUED_GAS_LIMIT;
    assert_eq!(fit, 28);
    // A place inside a message leaves it behind.
    let record = chain.record(&[], 0);
    let outcome = chain.append_record(Batch { consumed_to: FORCED_MESSAGE_GAS, ..record });
    assert_eq!(messages(&outcome), [3, 3, 3, 3, 3, 3, 3, 3, 3, 1]);
    let info = chain.info();
    assert_eq!((info.messages_executed, info.gas_executed), (fit, fit * MAX_QUEUED_GAS_LIMIT));
    // Up to where it ends nothing happens; from there on the next batch executes it, though it names none.
    for (consumed_to, expected) in [(chain.place(fit + 1) - 1, vec![0]), (chain.place(fit + 1), vec![0, 1])] {
        let record = chain.record(&batch::encode(&[block(0, 0, vec![])]), 0);
        assert_eq!(messages(&chain.append_record(Batch { consumed_to, ..record })), expected);
    }
    assert_eq!(chain.info().gas_executed, chain.place(fit + 1));
}

#[test]
fn the_queue_is_read_only_as_far_as_it_is_needed() {
    let mut chain = Chain::new([]);
    let hashes: Vec<_> = (0..5).map(|_| chain.enqueue(message()).hash()).collect();
    let read = |chain: &Chain, record: &Batch| -> Vec<_> {
        let recorder = Recorder::new(&chain.store);
        execute_batch(&recorder, chain.output.root(), record.hash()).unwrap();
        let witness = recorder.into_witness().preimages;
        hashes.iter().map(|hash| witness.contains_key(hash)).collect()
    };
    // Where nothing is consumed, nothing; otherwise from the end to the first that is not executed.
    let nothing = chain.record(&[], 0);
    assert_eq!(read(&chain, &nothing), [false; 5]);
    chain.append_data(&[], 2);
    let one = chain.record(&[], 3);
    assert_eq!(read(&chain, &one), [false, false, true, true, true]);
}

#[test]
fn transactions_and_messages_have_gas_of_their_own() {
    let wallet = Wallet::new(1);
    let mut chain = Chain::new([(wallet.address, funded(ETHER)), (TARGET, contract(code::BURN))]);
    let burn = |nonce| {
        wallet.sign(TxEip1559 {
            gas_limit: MAX_QUEUED_GAS_LIMIT,
            max_fee_per_gas: 100_000_000,
            ..transfer(nonce, TARGET, 0)
        })
    };
    let blocks: Vec<_> = (0..8).map(|n| block(0, 0, (3 * n..3 * n + 3).map(burn).collect())).collect();
    (0..8).for_each(|_| drop(chain.enqueue(hungry())));
    let outcome = chain.append(&blocks, 8);
    let used = |blocks: &[ExecutedBlock]| blocks.iter().map(|block| block.header.gas_used).sum::<u64>();
    let transactions = used(&outcome.blocks[..8]);
    assert_eq!(transactions, 20 * MAX_QUEUED_GAS_LIMIT);
    let available = BATCH_TRANSACTION_GAS - transactions;
    let reason = SkipReason::BatchGasLimit { received: MAX_QUEUED_GAS_LIMIT, available };
    let skipped: Vec<_> = outcome.blocks.iter().flat_map(|block| &block.skipped).collect();
    assert_eq!(skipped.len(), 4);
    assert!(skipped.iter().all(|skipped| skipped.reason == reason));
    // The messages are not kept waiting by that.
    assert_eq!(messages(&outcome)[8..], [3, 3, 2]);
    assert!(used(&outcome.blocks) <= BATCH_GAS_LIMIT);
    assert!(outcome.blocks.iter().all(|block| block.header.gas_used <= BLOCK_GAS_LIMIT));
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
    assert!(witness.preimages.len() > 15);
    for hidden in witness.preimages.keys().copied() {
        let without = Without { witness: &witness, hidden };
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
    let context = BatchContext { origin, index: 0, last: u64::MAX };
    let open = |chain: &Chain| BatchBuilder::new(chain.store.clone(), CHAIN_ID, chain.head.clone(), context);
    let mut builder = open(&chain).unwrap();
    let mut blocks = Vec::new();
    let mut sealed = Vec::new();
    for (timestamp, messages, nonce) in [(1_090, 5, 0), (1_095, 0, 0), (1_099, 0, 1)] {
        // As after a restart: from what was stored, at any block.
        let mut store = chain.store.clone();
        store.preimages.extend(sealed.iter().flat_map(|block: &ExecutedBlock| block.preimages.clone()));
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
    let headers = |blocks: &[ExecutedBlock]| -> Vec<_> { blocks.iter().map(|block| block.header.seal()).collect() };
    assert_eq!(headers(&outcome.blocks), headers(&sealed));
}
