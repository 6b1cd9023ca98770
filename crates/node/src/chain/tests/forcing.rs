//! Batches that others append while this node sequences.

use alloy::primitives::U256;
use postern_protocol::constants::{FORCED_MESSAGE_GAS, MAX_QUEUED_GAS_LIMIT};

use super::world::{BOB, ETHER, POLICY, World, transfer, user};
use crate::chain::Step;

#[test]
fn what_a_forced_batch_leaves_is_consumed_by_the_sequencer() {
    let mut world = World::new();
    let flood = world.flood(FORCED_MESSAGE_GAS * 3 / 2);
    world.mine(flood);
    let forced = world.force();
    world.mine(vec![forced]);
    world.derive();
    // In the middle of a message: that one is left.
    assert_eq!(world.consumed(), FORCED_MESSAGE_GAS);
    assert_eq!(world.executed(), FORCED_MESSAGE_GAS / MAX_QUEUED_GAS_LIMIT);

    world.sequence();
    let head = world.heads().unsafe_;
    world.settle();

    assert_eq!(world.heads().safe, head);
    assert_eq!(world.executed(), world.queue.len() as u64);
    assert_eq!(world.consumed(), world.queue_gas());
}

#[test]
fn blocks_that_were_not_posted_when_a_batch_was_forced_are_built_anew() {
    let mut world = World::new();
    let deposit = world.deposit(BOB, ETHER);
    world.mine(vec![deposit]);
    // A sealed batch and an open one that L1 does not have.
    let mut sent = Vec::new();
    for nonce in 0..3 {
        sent.push(world.submit(&transfer(1, nonce, BOB, 5)));
        world.sequence();
    }
    sent.push(world.submit(&transfer(2, 0, BOB, 5)));
    assert_eq!(world.chain().sequence(&POLICY, 0).unwrap(), Step::Built);
    assert!(sent.iter().all(|hash| world.is_included(*hash)));
    // What one of them spends is what a message that was not forced brings.
    let late = world.deposit(user(3).address(), ETHER);
    let forced = world.force();
    world.mine(vec![late, forced]);

    world.restart();
    world.derive();

    let heads = world.heads();
    assert_eq!((heads.unsafe_, heads.derived), (heads.safe, 1));
    assert!(sent.iter().all(|hash| !world.is_included(*hash) && world.has(*hash)));
    assert_eq!(world.chain().next_to_post().unwrap(), None);
    world.restart();
    world.settle();
    assert!(sent.iter().all(|hash| world.is_included(*hash)));
    assert_eq!(world.heads().safe, world.heads().unsafe_);
    assert_eq!(world.balance(BOB), U256::from(ETHER + 20));
}

#[test]
fn what_a_forced_batch_made_invalid_does_not_come_back() {
    let mut world = World::new();
    world.mine(Vec::new());
    let (spends, follows) = (transfer(1, 0, BOB, 60 * ETHER), transfer(1, 1, BOB, 30 * ETHER));
    let [spends, follows] = [spends, follows].map(|transaction| world.submit(&transaction));
    world.sequence();
    assert!(world.is_included(spends) && world.is_included(follows));
    // The same account spends most of it by a message from L1, which counts a nonce too.
    let sender = user(1).address();
    let spent = world.queue_from(sender, BOB, U256::ZERO, U256::from(60 * ETHER), 100_000);
    world.mine(vec![spent]);
    let forced = world.force();
    world.mine(vec![forced]);

    world.settle();

    assert!(!world.is_included(spends) && !world.has(spends));
    assert!(world.is_included(follows));
    assert_eq!(world.heads().safe, world.heads().unsafe_);
    assert_eq!(world.balance(BOB), U256::from(90 * ETHER));
}

#[test]
fn a_forced_batch_replaces_unsafe_blocks_and_keeps_their_transactions() {
    let mut world = World::new();
    let hash = world.submit(&transfer(1, 0, BOB, 5));
    world.sequence();
    assert!(world.is_included(hash));
    let unsafe_head = world.heads().unsafe_;
    let deposit = world.deposit(BOB, ETHER);
    world.mine(vec![deposit]);
    let forced = world.force();
    world.mine(vec![forced]);

    world.derive();

    let heads = world.heads();
    assert_eq!(heads.unsafe_, heads.safe);
    assert_ne!(heads.safe.hash, unsafe_head.hash);
    assert!(!world.is_included(hash) && world.has(hash));
    assert_eq!(world.chain().header(unsafe_head.hash).unwrap(), None);

    world.settle();
    assert!(world.is_included(hash));
    assert_eq!(world.balance(BOB), U256::from(ETHER + 5));
    assert_eq!(world.heads().safe, world.heads().unsafe_);
}
