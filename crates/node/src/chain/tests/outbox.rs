//! Messages to L1 and their proofs.

use alloy::primitives::{Bytes, U256};
use alloy::sol_types::SolCall;
use postern_bindings::Outbox::sendCall;
use postern_protocol::outbox;
use postern_protocol::predeploys::OUTBOX;
use redb::{Database, ReadableTable, TableDefinition};

use super::world::{BOB, ETHER, World, call, user};
use crate::chain::ChainError;
use crate::store::StoreError;

/// The outbox tree's nodes, as the store names them.
const NODES: TableDefinition<'_, (u8, u64), &[u8; 32]> = TableDefinition::new("outbox_nodes");

/// A transaction that sends ETH to Bob on L1.
fn send(from: u8, nonce: u64, value: u128) -> Bytes {
    let input = sendCall { target: BOB, gasLimit: 50_000, data: Bytes::new() }.abi_encode();
    call(from, nonce, OUTBOX, value, input.into())
}

/// Sends that many messages with each of the next batches.
fn send_in_batches(world: &mut World, from: u8, first_nonce: u64, batches: &[u64]) {
    let mut nonce = first_nonce;
    for messages in batches {
        for _ in 0..*messages {
            world.submit(&send(from, nonce, 3));
            nonce += 1;
        }
        world.mine(Vec::new());
        world.settle();
    }
}

/// Checks that every message is proven in the output after every batch since it was sent, alone and with others, and in no
/// output before; and that the store has the nodes of the tree and no others.
fn assert_proven(world: &World) {
    let chain = world.chain();
    let derived = world.heads().derived;
    for batch_count in 0..=derived {
        let count = chain.outbox_count(batch_count).unwrap().unwrap();
        let root = chain.output(batch_count).unwrap().unwrap().outbox_root;
        let mut leaves = Vec::new();
        for index in 0..count {
            let entry = chain.outbox_message(index).unwrap().unwrap();
            let block = chain.block(entry.block_number).unwrap().unwrap();
            assert!(block.transactions.iter().any(|transaction| transaction.hash() == entry.transaction_hash));
            let proof = chain.outbox_proof(index, batch_count).unwrap();
            outbox::verify(root, entry.message.leaf(), index, &proof).unwrap();
            let reached = chain.batch_count_at(entry.block_number).unwrap().unwrap();
            assert!(reached <= batch_count);
            leaves.push((index, entry.message.leaf()));
        }
        for step in 1..=leaves.len() {
            let some: Vec<_> = leaves.iter().copied().step_by(step).collect();
            let indices: Vec<_> = some.iter().map(|(index, _)| *index).collect();
            let proof = chain.outbox_multiproof(&indices, batch_count).unwrap();
            outbox::verify_multi(root, outbox::depth(count), &some, &proof).unwrap();
        }
        let young = chain.outbox_proof(count, batch_count);
        assert!(matches!(young, Err(ChainError::NotInOutbox { index, .. }) if index == count));
    }
    assert!(matches!(chain.outbox_proof(0, derived + 1), Err(ChainError::NotInOutbox { .. })));

    let head = chain.block(world.heads().unsafe_.number).unwrap().unwrap();
    let rows = chain.0.store.read().unwrap().open_table(NODES).unwrap();
    let rows: Vec<_> = rows.iter().unwrap().map(|row| row.unwrap().0.value()).collect();
    let nodes = outbox::completed(0, head.progress.outbox_count);
    assert_eq!(rows, nodes.map(|(height, position)| (height as u8, position)).collect::<Vec<_>>());
}

#[test]
fn messages_to_l1_are_proven_in_every_later_output() {
    let mut world = World::new();
    send_in_batches(&mut world, 1, 0, &[1, 2, 3]);
    assert_eq!(world.chain().outbox_count(world.heads().derived).unwrap(), Some(6));
    assert_proven(&world);
    world.restart();
    assert_proven(&world);
    // The tree goes on where it was.
    send_in_batches(&mut world, 1, 6, &[1, 4]);
    assert_proven(&world);
}

#[test]
fn the_outbox_forgets_what_a_reorganisation_drops() {
    let mut world = World::new();
    world.mine(Vec::new());
    world.submit(&send(1, 0, 1));
    world.settle();
    let first = world.chain().outbox_proof(0, 1).unwrap();
    let kept = world.l1.len();
    world.mine(Vec::new());
    world.mine(Vec::new());
    world.submit(&send(1, 1, 2));
    world.settle();
    assert_eq!(world.chain().outbox_count(2).unwrap(), Some(2));

    world.reorg(world.l1.len() - kept);
    assert_eq!(world.chain().outbox_proof(0, 1).unwrap(), first);
    assert!(world.chain().outbox_message(1).unwrap().is_none());
    assert_eq!(world.chain().outbox_count(2).unwrap(), None);

    world.mine(Vec::new());
    world.settle();
    assert_eq!(world.chain().outbox_count(2).unwrap(), Some(2));
    assert_proven(&world);
}

#[test]
fn other_messages_after_a_reorganisation_are_proven() {
    for dropped in [[1, 1], [2, 3], [5, 8]] {
        for restart in [false, true] {
            let mut world = World::new();
            send_in_batches(&mut world, 1, 0, &[1, 2]);
            let kept = world.l1.len();
            // What the third user has came from L1, and goes with it.
            let deposit = world.queue(user(3).address(), U256::from(ETHER), U256::from(ETHER), 100_000);
            world.mine(vec![deposit]);
            world.mine(Vec::new());
            world.settle();
            send_in_batches(&mut world, 3, 0, &dropped);
            let count = 3 + dropped.iter().sum::<u64>();
            assert_eq!(world.chain().outbox_count(world.heads().derived).unwrap(), Some(count));
            assert_proven(&world);
            let old = world.chain().outbox_message(3).unwrap().unwrap();

            world.reorg(world.l1.len() - kept);
            assert_eq!(world.chain().outbox_count(world.heads().derived).unwrap(), Some(3));
            assert_proven(&world);
            if restart {
                world.restart();
            }
            send_in_batches(&mut world, 1, 3, &[1, 3, 4]);
            assert_eq!(world.chain().outbox_count(world.heads().derived).unwrap(), Some(11));
            assert_ne!(world.chain().outbox_message(3).unwrap().unwrap().message.leaf(), old.message.leaf());
            assert_proven(&world);
        }
    }
}

#[test]
fn a_damaged_tree_is_an_error_and_not_a_wrong_proof() {
    let mut world = World::new();
    send_in_batches(&mut world, 1, 0, &[5]);
    let batch_count = world.heads().derived;
    for damage in [Some([7; 32]), None] {
        world.chain = None;
        let database = Database::open(world.directory.path().join("postern.redb")).unwrap();
        let writer = database.begin_write().unwrap();
        match damage {
            Some(node) => drop(writer.open_table(NODES).unwrap().insert((1, 1), &node).unwrap()),
            None => drop(writer.open_table(NODES).unwrap().remove((1, 1)).unwrap()),
        }
        writer.commit().unwrap();
        drop(database);
        world.open();
        let proof = world.chain().outbox_proof(0, batch_count);
        assert!(matches!(proof, Err(ChainError::Store(StoreError::Corrupt(_)))), "{proof:?}");
        // These do without that node.
        world.chain().outbox_proof(2, batch_count).unwrap();
        world.chain().outbox_multiproof(&[1, 2, 4], batch_count).unwrap();
    }
}
