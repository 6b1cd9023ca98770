//! Messages to L1 and their proofs.

use alloy::primitives::Bytes;
use alloy::sol_types::SolCall;
use postern_bindings::Outbox::sendCall;
use postern_protocol::outbox;
use postern_protocol::predeploys::OUTBOX;

use super::world::{BOB, World, call};
use crate::chain::ChainError;

#[test]
fn messages_to_l1_are_proven_in_every_later_output() {
    let mut world = World::new();
    let mut nonce = 0;
    for round in 0..3 {
        for _ in 0..=round {
            let input = sendCall { target: BOB, gasLimit: 50_000, data: Bytes::new() }.abi_encode();
            world.submit(&call(1, nonce, OUTBOX, 3, input.into()));
            nonce += 1;
        }
        world.mine(Vec::new());
        world.settle();
    }
    let chain = world.chain();
    let derived = world.heads().derived;
    assert_eq!(chain.outbox_count(derived).unwrap(), Some(6));
    world.restart();
    let chain = world.chain();
    for batch_count in 0..=derived {
        let count = chain.outbox_count(batch_count).unwrap().unwrap();
        let root = chain.output(batch_count).unwrap().unwrap().outbox_root;
        for index in 0..count {
            let entry = chain.outbox_message(index).unwrap().unwrap();
            let block = chain.block(entry.block_number).unwrap().unwrap();
            assert!(block.transactions.iter().any(|transaction| transaction.hash() == entry.transaction_hash));
            let proof = chain.outbox_proof(index, batch_count).unwrap();
            outbox::verify(root, entry.message.leaf(), index, &proof).unwrap();
            let reached = chain.batch_count_at(entry.block_number).unwrap().unwrap();
            assert!(reached <= batch_count);
        }
        let young = chain.outbox_proof(count, batch_count);
        assert!(matches!(young, Err(ChainError::NotInOutbox { index, .. }) if index == count));
    }
    assert!(matches!(chain.outbox_proof(0, derived + 1), Err(ChainError::NotInOutbox { .. })));
}

#[test]
fn the_outbox_forgets_what_a_reorganisation_drops() {
    let mut world = World::new();
    world.mine(Vec::new());
    let send = |nonce: u64, value: u128| {
        let input = sendCall { target: BOB, gasLimit: 50_000, data: Bytes::new() }.abi_encode();
        call(1, nonce, OUTBOX, value, input.into())
    };
    world.submit(&send(0, 1));
    world.settle();
    let first = world.chain().outbox_proof(0, 1).unwrap();
    let kept = world.l1.len();
    world.mine(Vec::new());
    world.mine(Vec::new());
    world.submit(&send(1, 2));
    world.settle();
    assert_eq!(world.chain().outbox_count(2).unwrap(), Some(2));

    world.reorg(world.l1.len() - kept);
    assert_eq!(world.chain().outbox_proof(0, 1).unwrap(), first);
    assert!(world.chain().outbox_message(1).unwrap().is_none());
    assert_eq!(world.chain().outbox_count(2).unwrap(), None);

    world.mine(Vec::new());
    world.settle();
    let root = world.chain().output(2).unwrap().unwrap().outbox_root;
    let entry = world.chain().outbox_message(1).unwrap().unwrap();
    outbox::verify(root, entry.message.leaf(), 1, &world.chain().outbox_proof(1, 2).unwrap()).unwrap();
}
