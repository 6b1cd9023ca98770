//! The sparse trie against alloy-trie's hash builder and proof verification, which share no code with it but encodings.

use alloy_primitives::{B256, Bytes};
use alloy_trie::{EMPTY_ROOT_HASH, HashBuilder, Nibbles, proof::verify_proof};
use postern_execution::{MissingPreimage, Witness, trie::Trie};
use proptest::{collection::vec, prelude::*};
use std::collections::BTreeMap;

type Model = BTreeMap<B256, Vec<u8>>;

#[derive(Clone, Debug)]
enum Operation {
    Insert(B256, Vec<u8>),
    Remove(B256),
}

/// Keys that part at the first nibbles, in the middle, or only at the last ones, where nodes are short enough to be
/// inlined into their parents.
fn key() -> impl Strategy<Value = B256> {
    (0..3_usize, 0..4_u8, any::<u8>(), 0..16_u8).prop_map(|(shape, prefix, middle, last)| {
        let mut key = B256::repeat_byte(prefix);
        match shape {
            0 => key[0] = middle,
            1 => key[15] = middle,
            _ => {}
        }
        key[31] = last;
        key
    })
}

fn operation() -> impl Strategy<Value = Operation> {
    let value = prop_oneof![vec(1..255_u8, 1..3), vec(any::<u8>(), 30..70)];
    prop_oneof![
        3 => (key(), value).prop_map(|(key, value)| Operation::Insert(key, value)),
        2 => key().prop_map(Operation::Remove),
    ]
}

fn reference_root(model: &Model) -> B256 {
    let mut builder = HashBuilder::default();
    for (key, value) in model {
        builder.add_leaf(Nibbles::unpack(key), value);
    }
    builder.root()
}

fn keep(store: &mut Witness, nodes: Vec<(B256, Bytes)>) {
    for (hash, node) in nodes {
        assert_eq!(hash, alloy_primitives::keccak256(&node));
        store.preimages.insert(hash, node);
    }
}

fn apply(trie: &mut Trie, store: &Witness, model: &mut Model, operation: Operation) {
    match operation {
        Operation::Insert(key, value) => {
            trie.insert(store, key, value.clone()).unwrap();
            model.insert(key, value);
        }
        Operation::Remove(key) => {
            trie.remove(store, key).unwrap();
            model.remove(&key);
        }
    }
}

proptest! {
    #[test]
    fn agrees_with_the_hash_builder_over_blinded_rounds(
        rounds in vec(vec(operation(), 1..40), 1..6),
        absent in vec(key(), 8),
    ) {
        let (mut store, mut model, mut root) = (Witness::default(), Model::new(), EMPTY_ROOT_HASH);
        for operations in rounds {
            // Each round knows nothing but the root: what it touches it must load.
            let mut trie = Trie::new(root);
            for operation in operations {
                apply(&mut trie, &store, &mut model, operation);
            }
            let mut nodes = Vec::new();
            root = trie.commit(&mut nodes);
            keep(&mut store, nodes);
            prop_assert_eq!(root, reference_root(&model));

            let mut blinded = Trie::new(root);
            for key in model.keys().chain(&absent) {
                let value = model.get(key);
                prop_assert_eq!(blinded.get(&store, *key).unwrap(), value.map(Vec::as_slice));
                let proof = blinded.proof(&store, *key).unwrap();
                prop_assert!(verify_proof(root, Nibbles::unpack(key), value.cloned(), &proof).is_ok());
            }
        }
    }

    #[test]
    fn a_missing_node_changes_nothing(
        operations in vec(operation(), 2..60),
        key in key(),
        removal in any::<bool>(),
    ) {
        let (mut store, mut model, mut trie) = (Witness::default(), Model::new(), Trie::default());
        for operation in operations {
            apply(&mut trie, &Witness::default(), &mut model, operation);
        }
        let mut nodes = Vec::new();
        let root = trie.commit(&mut nodes);
        keep(&mut store, nodes);

        // Give the nodes one by one as they are asked for: every attempt but the last fails and must leave no trace.
        let mut known = Witness::default();
        let mut trie = Trie::new(root);
        loop {
            let attempt = if removal { trie.remove(&known, key) } else { trie.insert(&known, key, vec![1]) };
            let Err(MissingPreimage(hash)) = attempt else { break };
            prop_assert_eq!(trie.commit(&mut Vec::new()), root);
            prop_assert!(known.preimages.insert(hash, store.preimages[&hash].clone()).is_none());
        }
        if removal { model.remove(&key); } else { model.insert(key, vec![1]); }
        prop_assert_eq!(trie.commit(&mut Vec::new()), reference_root(&model));
    }
}

#[test]
fn does_not_take_nodes_that_are_none() {
    let key = B256::repeat_byte(7);
    for garbage in ["", "c0", "c22080", "d1808080808080808080808080808080808080", "83313233"] {
        let garbage = Bytes::from(alloy_primitives::hex::decode(garbage).unwrap());
        let hash = alloy_primitives::keccak256(&garbage);
        let store = Witness { preimages: BTreeMap::from([(hash, garbage)]), ..Witness::default() };
        assert_eq!(Trie::new(hash).get(&store, key), Err(MissingPreimage(hash)));
    }
}
