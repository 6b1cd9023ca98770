//! The real `Outbox` contract against the trees of `postern-protocol`.

use alloy_primitives::{Address, U256};
use postern_protocol::{
    message::{Message, QueuedMessage},
    outbox::{Tree, verify},
    predeploys::OUTBOX,
};
use postern_testing::{chain::*, outbox};

const SENDER: Address = Address::repeat_byte(0xaa);

#[test]
fn the_contract_the_frontier_and_the_tree_have_one_root() {
    let mut chain = Chain::new([(OUTBOX, outbox::account())]);
    let mut tree = Tree::default();
    for index in 0..19 {
        let sent = Message {
            index,
            sender: SENDER,
            target: Address::with_last_byte(index as u8 + 1),
            value: U256::from(index),
            gas_limit: 1_000 * index,
            data: vec![7; index as usize].into(),
        };
        tree.push(sent.leaf());
        let block = chain.deposit(QueuedMessage {
            target: OUTBOX,
            mint: sent.value,
            value: sent.value,
            gas_limit: 300_000,
            data: outbox::send(sent.target, sent.gas_limit, &sent.data),
            ..message()
        });
        assert!(block.receipts[0].success);
        assert_eq!(block.receipts[0].logs.len(), 1);
        let count = index + 1;
        assert_eq!(chain.state().outbox().unwrap().count(), count);
        assert_eq!(Some(chain.output.outbox_root), tree.root_at(count));
        let proof = tree.proof(index, count).unwrap();
        assert_eq!(verify(chain.output.outbox_root, sent.leaf(), index, &proof), Ok(()));
    }
    assert_eq!(chain.balance(SENDER), U256::ZERO, "the ETH left with the messages");
    // What is refused leaves no message.
    let block = chain.deposit(QueuedMessage {
        target: OUTBOX,
        gas_limit: 300_000,
        data: outbox::send(Address::ZERO, 0, &[]),
        ..message()
    });
    assert!(!block.receipts[0].success);
    assert_eq!(Some(chain.output.outbox_root), tree.root_at(19));
}
