//! What becomes of transactions that no block can take.

use alloy::{
    consensus::{Header, Sealable, SignableTransaction, TxEip7702, TxEnvelope},
    eips::{Encodable2718, eip7702::Authorization},
    primitives::{Bytes, TxKind, U256},
    signers::SignerSync,
};

use super::world::{BOB, CHAIN_ID, ETHER, World, call, transfer, user};
use crate::{
    chain::{L1Step, lock},
    mempool::PoolError,
    store::View,
};

/// How long a transaction may wait that cannot be executed, in seconds.
const LIFETIME: u64 = 10_800;

/// How many transactions the next block is offered.
fn executable(world: &World) -> usize {
    lock(&world.chain().0.pool).pool.best(0).count()
}

/// The chain sees an L1 block so much later.
fn age(world: &World, seconds: u64) {
    let head = world.heads().l1;
    let header = Header { number: head.number + 1, timestamp: head.timestamp + seconds, ..Header::default() };
    let step = L1Step { header: header.seal_slow(), origins: Vec::new(), events: Vec::new() };
    world.chain().ingest(step).unwrap();
}

#[test]
fn what_waits_for_a_nonce_is_forgotten_in_time() {
    let mut world = World::new();
    let gapped = world.submit(&transfer(2, 1, BOB, 5));
    age(&world, LIFETIME - 1);
    assert!(world.has(gapped));
    // The time runs on over a restart.
    world.restart();
    assert!(world.has(gapped));
    age(&world, 1);
    assert!(!world.has(gapped));
    // Its row goes with the next change.
    age(&world, 1);
    assert!(world.chain().0.store.read().unwrap().pool().unwrap().is_empty());
    world.restart();
    assert!(!world.has(gapped));
}

#[test]
fn what_comes_again_after_it_was_forgotten_is_durable() {
    let mut world = World::new();
    let transaction = transfer(2, 1, BOB, 5);
    let gapped = world.submit(&transaction);
    age(&world, LIFETIME);
    assert!(!world.has(gapped));
    world.submit(&transaction);
    age(&world, 1);
    world.restart();
    assert!(world.has(gapped));
}

#[test]
fn what_a_balance_no_longer_covers_only_waits() {
    let mut world = World::new();
    let poor = user(3).address();
    world.submit(&transfer(1, 0, poor, ETHER));
    world.settle();
    // It waits for the account's first transaction, and holds half of its ETH.
    let waiting = world.submit(&transfer(3, 1, BOB, ETHER / 2));
    assert_eq!(executable(&world), 0);

    // SELFBALANCE to BOB, whoever calls: `PUSH0 x4, SELFBALANCE, PUSH20 BOB, GAS, CALL, STOP`, returned by its initcode.
    let code = [&[0x5f, 0x5f, 0x5f, 0x5f, 0x47, 0x73][..], BOB.as_slice(), &[0x5a, 0xf1, 0x00]].concat();
    let length = code.len() as u8;
    let initcode = [&[0x60, length, 0x60, 0x0a, 0x5f, 0x39, 0x60, length, 0x5f, 0xf3][..], &code].concat();
    let sweeper = user(1).address().create(1);
    world.submit(&call(1, 1, TxKind::Create, 0, initcode.into()));
    world.settle();
    // The account's owner lets others sweep it. That is its first transaction: what waited follows now, without cover.
    let authorization = Authorization { chain_id: U256::from(CHAIN_ID), address: sweeper, nonce: 0 };
    let signature = user(3).sign_hash_sync(&authorization.signature_hash()).unwrap();
    let sweep = TxEip7702 {
        chain_id: CHAIN_ID,
        nonce: 2,
        gas_limit: 1_000_000,
        max_fee_per_gas: 1_000_000_000,
        max_priority_fee_per_gas: 1,
        to: poor,
        authorization_list: vec![authorization.into_signed(signature)],
        ..TxEip7702::default()
    };
    let signature = user(1).sign_hash_sync(&sweep.signature_hash()).unwrap();
    let sweep = world.submit(&Bytes::from(TxEnvelope::from(sweep.into_signed(signature)).encoded_2718()));
    world.settle();
    assert!(world.is_included(sweep));
    assert_eq!((world.balance(poor), world.balance(BOB)), (U256::ZERO, U256::from(ETHER)));
    assert_eq!((executable(&world), world.has(waiting), world.is_included(waiting)), (0, true, false));
    world.restart();
    assert_eq!((executable(&world), world.has(waiting)), (0, true));
    age(&world, LIFETIME);
    assert!(!world.has(waiting));
}

#[test]
fn a_sender_cannot_hold_much_that_only_waits() {
    let mut world = World::new();
    for nonce in 1..=64 {
        world.submit(&transfer(1, nonce, BOB, 1));
    }
    let refused = |world: &World, nonce| {
        let error = world.chain().submit_transaction(transfer(1, nonce, BOB, 1)).unwrap_err();
        assert_eq!(error.to_string(), PoolError::TooMuchWaiting { received: 65, maximum: 64 }.to_string());
    };
    refused(&world, 65);
    world.restart();
    assert_eq!(world.chain().pool_size(), 64);
    refused(&world, 65);
    world.submit(&transfer(1, 0, BOB, 1));
    assert_eq!(executable(&world), 65);
    world.settle();
    assert_eq!((world.chain().pool_size(), world.balance(BOB)), (0, U256::from(65)));
}
