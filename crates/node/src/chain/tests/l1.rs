//! What L1 says, and when it contradicts itself.

use alloy::primitives::{B256, keccak256};
use postern_protocol::{
    batch::Batch,
    commitment::{Commitment, checkpoints_hash},
    message::QueuedMessage,
};

use postern_tests::Journal;

use super::world::{BOB, ETHER, World, transfer};
use crate::chain::{Inconsistency, IngestError, L1Event};
use crate::store::{CommitmentEntry, View};

/// A commitment to the first batch.
fn commitment(world: &World, output_root: B256) -> Commitment {
    Commitment {
        parent: world.chain().genesis_commitment(),
        batch_hash: world.batches[0].hash(),
        batch_count: 1,
        output_root,
        checkpoints_hash: checkpoints_hash(&[output_root]),
        proposer: BOB,
    }
}

fn proposed(commitment: Commitment) -> L1Event {
    L1Event::Proposed { id: commitment.id(), commitment, checkpoints: vec![commitment.output_root] }
}

/// Whether the batch is derived before or after: L1 does not wait for that.
#[test]
fn a_false_commitment_that_becomes_final_is_reported() {
    let forced = || {
        let mut world = World::new();
        let batch = world.force();
        world.mine(vec![batch]);
        world
    };
    let reported = |output_root: B256, derived_before: bool, finalized: bool| {
        let (journal, mut world) = (Journal::begin(), forced());
        if derived_before {
            world.derive();
        }
        let claim = commitment(&world, output_root);
        world.mine(vec![proposed(claim)]);
        if finalized {
            world.mine(vec![L1Event::Finalized(claim.id())]);
        }
        world.derive();
        let words = ["a commitment that this node disagrees with became final", &claim.id().to_string()];
        (journal.says(&words), world.heads().finalized.number)
    };

    let world = forced();
    world.derive();
    let (truth, lie) = (world.chain().output(1).unwrap().unwrap().root(), keccak256("false"));
    for derived_before in [true, false] {
        assert_eq!(reported(lie, derived_before, true), (true, 0));
        assert_eq!(reported(lie, derived_before, false), (false, 0));
        assert_eq!(reported(truth, derived_before, true), (false, 1));
    }
}

#[test]
fn finality_follows_commitments_that_agree() {
    let mut world = World::new();
    world.submit(&transfer(1, 0, BOB, 5));
    world.mine(Vec::new());
    world.settle();
    let output = world.chain().output(1).unwrap().unwrap();
    let (good, bad) = (commitment(&world, output.root()), commitment(&world, keccak256("false")));
    world.mine(vec![proposed(good), proposed(bad)]);
    let open = |world: &World| world.chain().view().unwrap().open_commitments().unwrap();
    let ids = |claims: Vec<CommitmentEntry>| claims.iter().map(|claim| claim.id).collect::<Vec<_>>();
    assert_eq!(ids(open(&world)), [good.id(), bad.id()]);
    let claims = world.chain().commitments_from(1).unwrap();
    assert_eq!(ids(claims), [good.id(), bad.id()]);
    assert_eq!(world.heads().finalized.number, 0);

    world.mine(vec![L1Event::Rejected(bad.id())]);
    assert_eq!(ids(open(&world)), [good.id()]);
    world.mine(vec![L1Event::Finalized(good.id())]);
    assert_eq!(world.heads().finalized, world.heads().safe);
    world.restart();
    assert_eq!(world.heads().finalized, world.heads().safe);
    assert!(open(&world).is_empty());

    world.reorg(1);
    assert_eq!(world.heads().finalized.number, 0);
    assert!(world.chain().commitment(good.id()).unwrap().is_some());
    assert_eq!(ids(open(&world)), [good.id()]);
    world.reorg(1);
    assert_eq!(ids(open(&world)), [good.id(), bad.id()]);
    world.reorg(1);
    assert!(open(&world).is_empty());
    assert!(world.chain().commitments_from(0).unwrap().is_empty());
    assert!(matches!(
        world.try_mine(vec![L1Event::Finalized(good.id())]),
        Err(IngestError::Inconsistent(Inconsistency::UnknownCommitment { id })) if id == good.id()
    ));
}

#[test]
fn an_l1_that_contradicts_itself_is_not_followed() {
    let mut world = World::new();
    let deposit = world.deposit(BOB, ETHER);
    world.mine(vec![deposit]);
    let before = world.heads();
    let refuse = |world: &mut World, event: L1Event| match world.try_mine(vec![event]) {
        Err(IngestError::Inconsistent(reason)) => reason,
        other => panic!("{other:?}"),
    };

    let message = world.queue[0].clone();
    let again = L1Event::Queued { message: message.clone(), end: 200_000 };
    assert_eq!(refuse(&mut world, again), Inconsistency::QueueIndex { received: 0, expected: 1 });
    let elsewhere = L1Event::Queued { message: QueuedMessage { index: 1, ..message }, end: 200_001 };
    assert_eq!(refuse(&mut world, elsewhere), Inconsistency::QueueGas { received: 200_001, expected: 200_000 });

    let L1Event::Appended { hash, batch, data } = world.force() else { unreachable!() };
    world.batches.clear();
    let appended = |batch: Batch| L1Event::Appended { hash: batch.hash(), batch, data: data.clone() };
    let reason = refuse(&mut world, appended(Batch { index: 1, ..batch }));
    assert_eq!(reason, Inconsistency::BatchIndex { received: 1, expected: 0 });
    let reason = refuse(&mut world, appended(Batch { parent: hash, ..batch }));
    assert_eq!(reason, Inconsistency::BatchParent { received: hash, expected: B256::ZERO });
    let reason = refuse(&mut world, appended(Batch { queue_gas: 100_001, ..batch }));
    assert_eq!(reason, Inconsistency::QueueGas { received: 100_001, expected: 100_000 });
    let reason = refuse(&mut world, appended(Batch { consumed_to: 100_001, ..batch }));
    assert_eq!(reason, Inconsistency::Consumption { received: 100_001, minimum: 0, maximum: 100_000 });
    let reason = refuse(&mut world, appended(Batch { queue_hash: hash, ..batch }));
    assert!(matches!(reason, Inconsistency::Hash { what: "queue hash", .. }));
    let reason = refuse(&mut world, appended(Batch { data_commitment: hash, ..batch }));
    assert!(matches!(reason, Inconsistency::Hash { what: "data commitment", .. }));
    let reason = refuse(&mut world, L1Event::Appended { hash: B256::ZERO, batch, data: data.clone() });
    assert!(matches!(reason, Inconsistency::Hash { what: "batch hash", .. }));

    assert_eq!(world.heads(), before);
    world.mine(vec![appended(batch)]);
    world.derive();
    assert_eq!(world.heads().derived, 1);
}
