//! What is built, and that it derives to itself.

use std::time::Duration;

use alloy::primitives::{B256, Bytes, U256};

use postern_protocol::constants::BATCH_MESSAGE_GAS;

use super::world::{BOB, ETHER, POLICY, World, config, transfer};
use crate::chain::{Chain, SequencingPolicy, Step, SubmitError};
use crate::mempool::PoolError;
use crate::store::Store;

#[test]
fn what_is_sequenced_derives_to_the_same_blocks() {
    let mut world = World::new();
    let deposits = (0..3).map(|_| world.deposit(BOB, ETHER)).collect();
    world.mine(deposits);
    world.sequence();
    let transactions: Vec<_> = (0..5).map(|nonce| world.submit(&transfer(1, nonce, BOB, 7))).collect();
    world.mine(Vec::new());
    world.sequence();
    let before = world.heads();
    assert_eq!(world.balance(BOB), U256::from(3 * ETHER + 35));
    assert_eq!(before.safe.number, 0);

    world.settle();

    let after = world.heads();
    assert_eq!((after.safe, after.unsafe_), (before.unsafe_, before.unsafe_));
    assert_eq!((after.derived, after.batches), (world.batches.len() as u64, world.batches.len() as u64));
    assert!(transactions.iter().all(|hash| world.is_included(*hash)));
    assert_eq!(world.chain().pool_size(), 0);
    let output = world.chain().output(after.derived).unwrap().unwrap();
    assert_eq!(output.block_hash, after.safe.hash);
}

#[test]
fn nothing_is_built_on_an_old_view_of_l1() {
    let mut world = World::new();
    world.mine(Vec::new());
    world.submit(&transfer(1, 0, BOB, 5));
    world.chain().see_l1_head(3);
    assert_eq!(world.chain().sequence(&POLICY, 0).unwrap(), Step::Idle);
    let forced = world.force();
    world.mine(vec![forced]);
    assert_eq!(world.chain().sequence(&POLICY, 0).unwrap(), Step::Idle);
    world.derive();
    assert_eq!(world.chain().sequence(&POLICY, 0).unwrap(), Step::Built);

    // After a start the node has to ask L1 first.
    world.chain = None;
    let store = Store::open(world.directory.path()).unwrap();
    let chain = Chain::open(store, config(B256::ZERO)).unwrap();
    assert!(!chain.heads().synced());
    assert_eq!(chain.sequence(&POLICY, 0).unwrap(), Step::Idle);
}

#[test]
fn messages_join_an_open_batch() {
    let mut world = World::new();
    let patient = SequencingPolicy { batch_interval: Duration::from_secs(12), ..POLICY };
    for _ in 0..3 {
        let deposit = world.deposit(BOB, ETHER);
        world.mine(vec![deposit]);
        assert_eq!(world.chain().sequence(&patient, 0).unwrap(), Step::Built);
        assert_eq!(world.chain().sequence(&patient, 11_999).unwrap(), Step::Idle);
    }
    assert_eq!(world.chain().sequence(&patient, 12_000).unwrap(), Step::Again);
    let head = world.heads().unsafe_;

    world.settle();

    assert_eq!(world.batches.len(), 1);
    assert_eq!(world.batches[0].consumed_to, 300_000);
    assert_eq!(world.heads().safe, head);
}

#[test]
fn messages_that_a_batch_may_not_consume_are_for_the_next() {
    let mut world = World::new();
    let flood = world.flood(2 * BATCH_MESSAGE_GAS);
    world.mine(flood);
    let hash = world.submit(&transfer(1, 0, BOB, 1));
    world.sequence();
    let head = world.heads().unsafe_;

    world.settle();

    // As far as L1 lets it, though that is in the middle of a message: L1 wants no less while more is overdue.
    assert_eq!(world.batches[0].consumed_to, BATCH_MESSAGE_GAS);
    assert_eq!(world.consumed(), world.queue_gas());
    assert_eq!(world.heads().safe, head);
    assert_eq!(world.executed(), world.queue.len() as u64);
    assert!(world.is_included(hash));
}

#[test]
fn a_batch_that_l1_refuses_is_given_up() {
    let mut world = World::new();
    let hash = world.submit(&transfer(1, 0, BOB, 5));
    world.sequence();
    world.chain().abandon(0).unwrap();
    assert_eq!(world.heads().unsafe_.number, 0);
    assert!(world.has(hash));
    assert_eq!(world.chain().next_to_post().unwrap(), None);

    world.mine(Vec::new());
    world.settle();
    assert!(world.is_included(hash));
    let safe = world.heads();
    world.chain().abandon(0).unwrap();
    assert_eq!(world.heads(), safe);
}

#[test]
fn transactions_are_judged_by_the_state() {
    let world = World::new();
    let submit = |raw: Bytes| match world.chain().submit_transaction(raw) {
        Err(SubmitError::Pool(error)) => error,
        other => panic!("{other:?}"),
    };
    let hash = world.submit(&transfer(1, 0, BOB, ETHER));
    assert_eq!(submit(transfer(1, 0, BOB, ETHER)), PoolError::AlreadyKnown);
    assert!(matches!(submit(transfer(1, 1, BOB, 100 * ETHER)), PoolError::InsufficientFunds { .. }));
    assert!(matches!(submit(transfer(3, 0, BOB, 0)), PoolError::InsufficientFunds { .. }));
    world.sequence();
    assert!(world.is_included(hash));
    let error = submit(transfer(1, 0, BOB, 2));
    assert_eq!(error, PoolError::NonceTooLow { received: 0, expected: 1 });
}
