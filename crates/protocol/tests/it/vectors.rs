//! `contracts/test/vectors/`: what `contracts/test/Vectors.t.sol` computes too.
//!
//! The files are committed. These tests compute every value and compare; with `UPDATE_VECTORS=1` they write the files.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use postern_protocol::{
    batch::Batch,
    commitment::{Commitment, checkpoints_hash},
    constants::CHUNK_SIZE,
    data,
    dispute::{self, Challenge, Dispute, LEVELS, Node, POINTS, Points},
    message::{Message, QueuedMessage, alias, extend_queue},
    outbox::{Tree, depth},
    output::Output,
};
use serde_json::{Value, json};
use std::{fs, path::Path};

/// Compares with the committed file, or writes it.
fn check(name: &str, vectors: Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contracts/test/vectors").join(name);
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        fs::write(&path, format!("{vectors:#}\n")).unwrap();
    }
    let committed: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert!(committed == vectors, "{name} is stale: run with UPDATE_VECTORS=1");
}

/// Some 32 bytes, by name.
fn word(name: &str) -> B256 {
    keccak256(name)
}

fn address(name: &str) -> Address {
    Address::from_word(word(name))
}

fn text(number: impl ToString) -> String {
    number.to_string()
}

fn messages() -> [Message; 4] {
    let empty = Message {
        index: 0,
        sender: Address::ZERO,
        target: Address::ZERO,
        value: U256::ZERO,
        gas_limit: 0,
        data: Bytes::new(),
    };
    let ordinary = Message {
        index: 1,
        sender: address("sender"),
        target: address("target"),
        value: U256::from(1_000_000_000_000_000_000_u64),
        gas_limit: 100_000,
        data: Bytes::from_static(b"relayed"),
    };
    let word_of_data = Message { index: 2, data: word("data").into(), ..ordinary.clone() };
    let largest = Message {
        index: u64::MAX,
        sender: Address::repeat_byte(0xff),
        target: Address::repeat_byte(0xff),
        value: U256::MAX,
        gas_limit: u64::MAX,
        data: vec![0xff; 100].into(),
    };
    [empty, ordinary, word_of_data, largest]
}

#[test]
fn messages_to_l1() {
    let vectors = messages().map(|message| {
        json!({
            "index": text(message.index),
            "sender": message.sender.to_string(),
            "target": message.target.to_string(),
            "value": text(message.value),
            "gasLimit": text(message.gas_limit),
            "data": message.data.to_string(),
            "leaf": message.leaf().to_string(),
        })
    });
    check("messages.json", json!(vectors));
}

#[test]
fn messages_to_l2() {
    let mut queue_hash = B256::ZERO;
    let vectors = messages().map(|message| {
        let Message { index, sender, target, value, gas_limit, data } = message;
        let mint = value.saturating_add(U256::from(index));
        let fee = U256::from(gas_limit) * U256::from(7);
        let message = QueuedMessage { index, sender, target, mint, value, gas_limit, fee, data };
        queue_hash = extend_queue(queue_hash, message.hash());
        json!({
            "index": text(message.index),
            "sender": message.sender.to_string(),
            "target": message.target.to_string(),
            "mint": text(message.mint),
            "value": text(message.value),
            "gasLimit": text(message.gas_limit),
            "fee": text(message.fee),
            "data": message.data.to_string(),
            "hash": message.hash().to_string(),
            "queueHash": queue_hash.to_string(),
        })
    });
    check("queue.json", json!(vectors));
}

#[test]
fn data_commitments() {
    let lengths = [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 10_000];
    let vectors = lengths.map(|length| {
        // The byte at `i` is `i % 251`, so that no two chunks are equal.
        let bytes: Vec<_> = (0..length).map(|i| (i % 251) as u8).collect();
        json!({ "length": text(length), "commitment": data::commitment(&bytes).to_string() })
    });
    check("data.json", json!(vectors));
}

#[test]
fn blob_commitments() {
    let vectors = [1, 2, 9].map(|count| {
        let hashes: Vec<_> = (0..count).map(|n| word(&format!("blob {n}"))).collect();
        json!({
            "versionedHashes": hashes.iter().map(text).collect::<Vec<_>>(),
            "commitment": data::blob_commitment(&hashes).to_string(),
        })
    });
    check("blobs.json", json!(vectors));
}

#[test]
fn batches() {
    let first = Batch {
        parent: B256::ZERO,
        index: 0,
        l1_time: 1_700_000_000,
        l1_block: 20_000_000,
        origin_number: 19_999_990,
        origin_hash: word("origin"),
        data_commitment: data::commitment(&[]),
        queue_hash: word("queue"),
        queue_gas: 1_200_000,
        consumed_to: 1_000_000,
    };
    let largest = Batch {
        parent: first.hash(),
        index: u64::MAX,
        l1_time: u64::MAX,
        l1_block: u64::MAX,
        origin_number: u64::MAX,
        queue_gas: u64::MAX,
        consumed_to: u64::MAX,
        ..first
    };
    let vectors = [first, largest].map(|batch| {
        json!({
            "parent": batch.parent.to_string(),
            "index": text(batch.index),
            "l1Time": text(batch.l1_time),
            "l1Block": text(batch.l1_block),
            "originNumber": text(batch.origin_number),
            "originHash": batch.origin_hash.to_string(),
            "dataCommitment": batch.data_commitment.to_string(),
            "queueHash": batch.queue_hash.to_string(),
            "queueGas": text(batch.queue_gas),
            "consumedTo": text(batch.consumed_to),
            "hash": batch.hash().to_string(),
        })
    });
    check("batches.json", json!(vectors));
}

#[test]
fn outputs_and_commitments() {
    let genesis = Output {
        l2_chain_id: 42_069,
        state_root: word("genesis state"),
        outbox_root: B256::ZERO,
        block_hash: word("genesis block"),
        block_number: 0,
        batch_count: 0,
    };
    let later = Output {
        l2_chain_id: u64::MAX,
        state_root: word("state"),
        outbox_root: word("outbox"),
        block_hash: word("block"),
        block_number: u64::MAX,
        batch_count: u64::MAX,
    };
    let outputs = [genesis, later].map(|output| {
        json!({
            "version": "0",
            "l2ChainId": text(output.l2_chain_id),
            "stateRoot": output.state_root.to_string(),
            "outboxRoot": output.outbox_root.to_string(),
            "blockHash": output.block_hash.to_string(),
            "blockNumber": text(output.block_number),
            "batchCount": text(output.batch_count),
            "root": output.root().to_string(),
        })
    });
    check("outputs.json", json!(outputs));

    let genesis = Commitment::genesis(genesis.root());
    let mut parent = genesis.id();
    let commitments = [1, 2, 7].map(|count| {
        let checkpoints: Vec<_> = (0..count).map(|i| word(&format!("checkpoint {i} of {count}"))).collect();
        let commitment = Commitment {
            parent,
            batch_hash: word("batch"),
            batch_count: count,
            output_root: *checkpoints.last().unwrap(),
            checkpoints_hash: checkpoints_hash(&checkpoints),
            proposer: address("proposer"),
        };
        parent = commitment.id();
        json!({
            "parent": commitment.parent.to_string(),
            "batchHash": commitment.batch_hash.to_string(),
            "batchCount": text(commitment.batch_count),
            "outputRoot": commitment.output_root.to_string(),
            "checkpoints": checkpoints.iter().map(B256::to_string).collect::<Vec<_>>(),
            "proposer": commitment.proposer.to_string(),
            "id": commitment.id().to_string(),
        })
    });
    check(
        "commitments.json",
        json!({
            "genesis": {
                "outputRoot": genesis.output_root.to_string(),
                "id": genesis.id().to_string(),
            },
            "commitments": commitments,
        }),
    );
}

#[test]
fn aliases() {
    let vectors = [Address::ZERO, address("contract"), Address::repeat_byte(0xff)]
        .map(|address| json!({ "address": address.to_string(), "alias": alias(address).to_string() }));
    check("aliases.json", json!(vectors));
}

#[test]
fn outboxes() {
    let leaf = |index: u64| word(&format!("leaf {index}"));
    let words = |words: Vec<B256>| words.iter().map(B256::to_string).collect::<Vec<_>>();
    let mut tree = Tree::default();
    let mut roots = vec![tree.root_at(0).unwrap().to_string()];
    (0..33).for_each(|index| {
        tree.push(leaf(index));
        roots.push(tree.root_at(index + 1).unwrap().to_string());
    });

    let proofs = [(0, 1), (0, 2), (1, 2), (2, 3), (0, 5), (4, 5), (3, 7), (6, 7), (7, 8), (12, 13), (32, 33)].map(
        |(index, count)| {
            json!({
                "index": text(index),
                "count": text(count),
                "leaf": leaf(index).to_string(),
                "proof": words(tree.proof(index, count).unwrap()),
                "root": tree.root_at(count).unwrap().to_string(),
            })
        },
    );

    let cases: [(&[u64], u64); 8] = [
        (&[0], 1),
        (&[0, 1], 2),
        (&[1], 3),
        (&[0, 2], 3),
        (&[0, 1, 2, 3, 4], 5),
        (&[1, 2, 6], 7),
        (&[0, 5, 6, 12], 13),
        (&[3, 4, 31, 32], 33),
    ];
    let multiproofs = cases.map(|(indices, count)| {
        json!({
            "indices": indices.iter().map(text).collect::<Vec<_>>(),
            "leaves": words(indices.iter().map(|&index| leaf(index)).collect()),
            "depth": text(depth(count)),
            "proof": words(tree.multiproof(indices, count).unwrap()),
            "root": tree.root_at(count).unwrap().to_string(),
        })
    });
    check(
        "outbox.json",
        json!({
            "leaves": words((0..33).map(leaf).collect()),
            "roots": roots,
            "proofs": proofs,
            "multiproofs": multiproofs,
        }),
    );
}

#[test]
fn disputes() {
    let words = |words: &[B256]| words.iter().map(B256::to_string).collect::<Vec<_>>();
    let challenges = [(B256::ZERO, 0), (word("commitment"), 7), (B256::repeat_byte(0xff), u64::MAX)].map(
        |(commitment, position)| {
            let id = Challenge { commitment, position }.id();
            json!({ "commitment": commitment.to_string(), "position": text(position), "id": id.to_string() })
        },
    );
    let points: Points = std::array::from_fn(|index| word(&format!("point {index}")));
    let equal: Points = [word("point"); POINTS];
    let nodes = [(B256::ZERO, 0, &equal), (word("parent"), 3 << 30, &points), (word("parent"), u64::MAX, &points)].map(
        |(parent, first, points)| {
            let node = Node { parent, first, start: word("start"), points_root: dispute::points_root(points) };
            json!({
                "parent": node.parent.to_string(),
                "first": text(node.first),
                "start": node.start.to_string(),
                "points": words(points),
                "pointsRoot": node.points_root.to_string(),
                "id": node.id().to_string(),
            })
        },
    );
    // Of the last two nodes.
    let disputes = (1..=POINTS).map(|segment| {
        let dispute = Dispute::of(word("start"), &points, segment);
        assert_eq!(dispute.root(), Some(dispute::points_root(&points)));
        json!({
            "segment": text(dispute.segment),
            "agreed": dispute.agreed.to_string(),
            "disputed": dispute.disputed.to_string(),
            "siblings": words(&dispute.siblings),
        })
    });
    check(
        "disputes.json",
        json!({
            "challenges": challenges,
            "nodes": nodes,
            "disputes": disputes.collect::<Vec<_>>(),
            "spacings": (1..=LEVELS).map(|level| text(dispute::spacing(level))).collect::<Vec<_>>(),
        }),
    );
}
