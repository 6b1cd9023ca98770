//! What a process leaves to the next.

use std::time::Duration;

use alloy::primitives::B256;

use super::world::{BOB, ETHER, POLICY, World, config, transfer, user};
use crate::chain::{Chain, ChainError, SequencingPolicy, Step};
use crate::store::{Store, StoreError};

#[test]
fn a_restart_at_any_point_loses_nothing() {
    let mut world = World::new();
    let deposit = world.deposit(BOB, ETHER);
    world.mine(vec![deposit]);
    let first = world.submit(&transfer(1, 0, BOB, 5));
    // Waits for a nonce that is missing.
    let gapped = world.submit(&transfer(2, 1, BOB, 5));
    let patient = SequencingPolicy { batch_interval: Duration::from_secs(12), ..POLICY };

    world.restart();
    assert!(world.has(first) && world.has(gapped));
    assert_eq!(world.chain().sequence(&patient, 0).unwrap(), Step::Built);
    let open = world.heads();
    world.restart();
    assert_eq!(world.heads(), open);
    let second = world.submit(&transfer(1, 1, BOB, 5));
    assert_eq!(world.chain().sequence(&patient, 0).unwrap(), Step::Built);
    world.restart();
    assert_eq!(world.chain().sequence(&patient, 12_000).unwrap(), Step::Again);
    let sealed = world.chain().next_to_post().unwrap();
    assert!(sealed.is_some());
    world.restart();
    assert_eq!(world.chain().next_to_post().unwrap(), sealed);
    let batch = world.post().unwrap();
    world.mine(vec![batch]);
    world.restart();
    world.derive();
    world.restart();

    assert_eq!(world.batches.len(), 1);
    assert_eq!(world.heads().safe, world.heads().unsafe_);
    assert!(world.is_included(first) && world.is_included(second));
    assert!(world.chain().pooled(gapped).is_some());
    assert_eq!(world.chain().next_nonce(user(2).address()).unwrap(), 0);
    world.submit(&transfer(2, 0, BOB, 5));
    assert_eq!(world.chain().next_nonce(user(2).address()).unwrap(), 2);
    world.settle();
    assert!(world.is_included(gapped));
}

#[test]
fn a_data_directory_serves_one_process_and_one_deployment() {
    let mut world = World::new();
    let path = world.directory.path().to_owned();
    assert!(matches!(Store::open(&path), Err(StoreError::InUse { path: named }) if named == path));

    world.chain = None;
    let store = Store::open(&path).unwrap();
    let other = Chain::open(store, config(B256::with_last_byte(1)));
    assert!(matches!(other, Err(ChainError::Store(StoreError::Foreign { path: named })) if named == path));

    let file = path.join("file");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(Store::open(&file), Err(StoreError::Directory { path: named, .. }) if named == file));
}
