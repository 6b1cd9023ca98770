//! Batches whose data is in blobs.

use alloy::primitives::B256;

use super::world::{BOB, ETHER, World, transfer};
use crate::{
    chain::{ChainError, Inconsistency, IngestError, L1Event},
    store::BatchData,
};

#[test]
fn blobs_and_calldata_derive_to_the_same_blocks() {
    let chain_of = |by_blobs: [bool; 4]| {
        let mut world = World::new();
        world.mine(Vec::new());
        for (nonce, by_blobs) in (0..).zip(by_blobs) {
            let deposit = world.deposit(BOB, ETHER);
            world.mine(vec![deposit]);
            world.submit(&transfer(1, nonce, BOB, 5));
            world.by_blobs = by_blobs;
            world.settle();
            world.restart();
        }
        let heads = world.heads();
        assert_eq!((heads.derived, heads.safe), (4, heads.unsafe_));
        world.chain().output(4).unwrap().unwrap().root()
    };
    let calldata = chain_of([false; 4]);
    assert_eq!(chain_of([true; 4]), calldata);
    assert_eq!(chain_of([true, false, true, false]), calldata);
}

#[test]
fn a_batch_by_other_blobs_than_its_commitment_names_is_not_followed() {
    let mut world = World::new();
    world.by_blobs = true;
    world.mine(Vec::new());
    world.submit(&transfer(1, 0, BOB, 5));
    world.sequence();
    let Some(L1Event::Appended { hash, batch, data: BatchData::Blobs(hashes) }) = world.post() else { unreachable!() };
    let twice = BatchData::Blobs([hashes.clone(), hashes].concat());
    let appended = L1Event::Appended { hash, batch, data: twice };
    match world.try_mine(vec![appended]) {
        Err(IngestError::Inconsistent(Inconsistency::Hash { what: "data commitment", .. })) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_blob_that_is_not_there_is_missed_by_name() {
    let mut world = World::new();
    world.mine(Vec::new());
    let origin = world.l1.last().unwrap().clone();
    let hash = B256::repeat_byte(1);
    let appended = world.append(0, &origin, BatchData::Blobs(vec![hash]));
    world.mine(vec![appended]);
    let missed = world.chain().derive_next();
    assert!(matches!(missed, Err(ChainError::MissingPreimage(missed)) if missed == hash), "{missed:?}");
}
