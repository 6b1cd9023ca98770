//! What the runs of batches in the fault-proof machine ask for is in the store.

use alloy::primitives::{B256, Bytes, keccak256};
use postern_execution::{Preimages, execute_batch};
use postern_machine::{Host, Precompiles, evaluation_point};

use super::world::{BOB, ETHER, World, transfer, user};
use crate::{
    store::BatchData,
    trace::{BatchHost, DerivedBatch, TraceError},
};

/// The program's way to what the host has: it asks what the execution asks, and checks each answer's hash.
struct Asking(BatchHost);

impl Preimages for Asking {
    fn get(&self, hash: &B256) -> Option<Bytes> {
        self.0.preimage(hash).inspect(|preimage| assert_eq!(keccak256(preimage), *hash))
    }

    fn blob_word(&self, versioned_hash: &B256, index: u64) -> Option<B256> {
        self.0.blob_word(versioned_hash, index)
    }
}

/// Executes a batch from what its host has alone.
fn execute(batch: &DerivedBatch) {
    let host = batch.host().unwrap();
    let input = host.preimage(&batch.input()).unwrap();
    let (previous_output_root, hash) = postern_protocol::program::decode_input(&input).unwrap();
    assert_eq!((previous_output_root, hash), (batch.previous_output_root, batch.hash));
    let outcome = execute_batch(&Asking(host), previous_output_root, hash).unwrap();
    assert_eq!(outcome.output.root(), batch.output_root);
}

impl World {
    /// Executes each derived batch again.
    fn execute_all(&self) {
        let chain = self.chain();
        let derived = chain.heads().derived;
        assert!(derived > 0);
        (0..derived).for_each(|index| execute(&chain.derived_batch(index).unwrap()));
    }
}

/// By calldata and by blobs, with and without messages, forced, on blocks that were replaced, on another fork of L1.
#[test]
fn every_derived_batch_can_be_run() {
    let mut world = World::new();
    world.mine(Vec::new());
    for (nonce, by_blobs) in (0..).zip([false, true, true, false]) {
        let deposits = (0..nonce).map(|_| world.deposit(BOB, ETHER)).collect();
        world.mine(deposits);
        world.submit(&transfer(1, nonce, BOB, 5));
        world.by_blobs = by_blobs;
        world.settle();
        world.restart();
    }
    world.execute_all();

    // These blocks are not posted before a batch is forced.
    world.submit(&transfer(1, 4, BOB, 5));
    world.sequence();
    let late = world.deposit(user(3).address(), ETHER);
    let forced = world.force();
    world.mine(vec![late, forced]);
    world.settle();
    world.execute_all();

    // The batches since are others now, and those before stay.
    let depth = world.l1.len() / 2;
    world.reorg(depth);
    world.execute_all();
    world.mine(Vec::new());
    let deposit = world.deposit(BOB, 1);
    world.mine(vec![deposit]);
    world.settle();
    world.execute_all();
}

#[test]
fn a_batch_that_l1_has_and_the_node_has_not_derived_is_unknown() {
    let mut world = World::new();
    let forced = world.force();
    world.mine(vec![forced]);
    let error = world.chain().derived_batch(0).unwrap_err();
    assert!(matches!(error, TraceError::UnknownBatch { received: 0, derived: 0 }), "{error}");
    world.derive();
    execute(&world.chain().derived_batch(0).unwrap());
}

#[test]
fn words_of_blobs_are_proven() {
    let mut world = World::new();
    world.mine(Vec::new());
    world.submit(&transfer(1, 0, BOB, 5));
    world.by_blobs = true;
    world.settle();

    let host = world.chain().derived_batch(0).unwrap().host().unwrap();
    let BatchData::Blobs(hashes) = world.chain().batch(0).unwrap().unwrap().data else { panic!("by blobs") };
    for index in [0, 1, 2, 2048, 4095] {
        let word = host.blob_word(&hashes[0], index).unwrap();
        let proof = host.blob_proof(&hashes[0], index).unwrap();
        let mut input = [hashes[0], B256::new(evaluation_point(index)), word].concat();
        input.extend([proof.commitment, proof.proof].concat());
        assert!(host.precompile(10, &input).is_some(), "{index}");
        // Another word is not.
        input[95] ^= 1;
        assert_eq!(host.precompile(10, &input), None);
    }
    assert_eq!(host.blob_word(&hashes[0], 4096), None);
    assert_eq!(host.blob_proof(&B256::repeat_byte(1), 0), None);
}
