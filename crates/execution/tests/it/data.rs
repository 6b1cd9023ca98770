//! Where the data of a batch comes from does not matter to the blocks, and neither does how it is encoded.

use alloy_primitives::{Address, B256, Bytes, keccak256};
use miniz_oxide::deflate::compress_to_vec;
use postern_execution::{BatchOutcome, MissingPreimage, Recorder, execute_batch};
use postern_protocol::{
    batch::{self, Block},
    blob::{self, Blob},
};
use postern_testing::chain::*;

const TARGET: Address = Address::repeat_byte(0xbb);

/// A chain with one rich account.
fn chain() -> (Chain, Wallet) {
    let wallet = Wallet::new(1);
    let chain = Chain::new([(wallet.address, funded(ETHER)), (TARGET, contract(code::COUNT))]);
    (chain, wallet)
}

/// Blocks whose encoding is longer than a blob, whatever a compressor makes of it, the last with a transfer.
fn long(wallet: &Wallet, time: u64) -> Vec<Block> {
    let noise: Bytes = (0..4_500_u64).flat_map(|n| keccak256(n.to_be_bytes())).collect();
    let repeated: Bytes = noise[..1_000].repeat(10).into();
    let transfer = wallet.sign(transfer(0, TARGET, 5));
    [noise, repeated, transfer].map(|transaction| block(time, 0, vec![transaction])).to_vec()
}

/// What a chain makes of the blocks of a batch by any way that its data can take.
fn ways(blocks: &[Block]) -> Vec<(&'static str, BatchOutcome)> {
    let mut content = Vec::new();
    blocks.iter().for_each(|block| alloy_rlp::Encodable::encode(block, &mut content));
    let raw = [&[0], &content[..]].concat();
    let compressed = [&[1], &compress_to_vec(&content, 6)[..]].concat();
    let chosen = batch::encode(blocks).to_vec();
    let mut outcomes = Vec::new();
    for (data, names) in [
        (raw, ["raw calldata", "raw blobs"]),
        (compressed, ["compressed calldata", "compressed blobs"]),
        (chosen, ["calldata", "blobs"]),
    ] {
        outcomes.push((names[0], chain().0.append_data(&data, 0)));
        outcomes.push((names[1], chain().0.append_blobs(&blob::encode(&data), 0)));
    }
    outcomes
}

#[test]
fn every_source_and_encoding_gives_the_same_blocks() {
    let (chain, wallet) = chain();
    let blocks = long(&wallet, chain.l1_time);
    assert!(batch::encode(&blocks).len() > blob::PAYLOAD, "it takes several blobs");
    let ways = ways(&blocks);
    let expected = &ways[0].1.blocks;
    assert_eq!(expected.len(), 3);
    assert_eq!(expected[2].transactions.len(), 1);
    for (name, outcome) in &ways[1..] {
        assert_eq!(&outcome.blocks, expected, "{name}");
    }
}

#[test]
fn calldata_and_blobs_may_take_turns() {
    let (mut chain, wallet) = chain();
    for nonce in 0..6 {
        let blocks = [block(chain.l1_time, 0, vec![wallet.sign(transfer(nonce, TARGET, 1))])];
        let data = batch::encode(&blocks);
        let outcome = match nonce % 3 {
            0 => chain.append_data(&data, 0),
            1 => chain.append_blobs(&blob::encode(&data), 0),
            _ => chain.append_blobs(&two_blobs(&data), 0),
        };
        assert_eq!(outcome.blocks[0].transactions.len(), 1);
    }
    assert_eq!(chain.nonce(wallet.address), 6);
}

/// One blob for these bytes, and another that nothing needs.
fn two_blobs(data: &[u8]) -> Vec<Blob> {
    [blob::encode(data), blob::encode(b"more")].concat()
}

/// The number of blocks that a chain makes of these blobs.
fn blocks_of(blobs: &[Blob]) -> usize {
    let (mut chain, _) = chain();
    chain.append_blobs(blobs, 0).blocks.len()
}

#[test]
fn every_blob_is_a_batch() {
    let two = blob::encode(&batch::encode(&[block(0, 0, vec![]), block(0, 0, vec![])]));
    assert_eq!(blocks_of(&two), 2);
    // The first byte of a word is not data. With this one no word is a field element, which L1 never accepts; nor is there a
    // need to know that here.
    let mut noisy = two.clone();
    noisy[0].chunks_mut(32).for_each(|word| word[0] = 0xff);
    assert_eq!(blocks_of(&noisy), 2);
    // Nor is it data that no block reaches.
    let mut dirty = two.clone();
    dirty[0][32 * 100..].fill(0xff);
    assert_eq!(blocks_of(&dirty), 2);
    // Without blocks there is the closing one.
    for byte in [0, 1, 7, 0xff] {
        let other = vec![Blob::repeat_byte(byte)];
        assert_eq!(blocks_of(&other), 1);
        // The order matters.
        assert_eq!(blocks_of(&[&other[..], &two].concat()), 1);
        assert_eq!(blocks_of(&[&two[..], &other].concat()), 2);
    }
    // A blob may stand twice for itself.
    assert_eq!(blocks_of(&two.repeat(2)), 2);
}

#[test]
fn a_blob_word_that_is_missing_is_named_by_its_blob() {
    let (mut chain, wallet) = chain();
    let blobs = blob::encode(&batch::encode(&long(&wallet, chain.l1_time)));
    let commitment = chain.blobs(&blobs);
    let record = chain.record_of(commitment, 0);
    let recorder = Recorder::new(&chain.store);
    execute_batch(&recorder, chain.output.root(), record.hash()).unwrap();
    let witness = recorder.into_witness();
    // All words are read, each once.
    assert_eq!(witness.blob_words.len(), blobs.len() * blob::WORDS);

    for blob in &blobs {
        let hash = keccak256(blob);
        for index in [0, 1, blob::WORDS as u64 - 1] {
            let mut without = witness.clone();
            assert!(without.blob_words.remove(&(hash, index)).is_some());
            let result = execute_batch(&without, chain.output.root(), record.hash());
            assert_eq!(result.unwrap_err(), MissingPreimage(hash));
        }
    }
}

#[test]
fn a_commitment_that_is_none_is_missing() {
    let (mut chain, _) = chain();
    let word = B256::repeat_byte(1);
    for preimage in [&[][..], &[1], &[2], &[&[1], &word[..31]].concat(), &[&[1], &word[..], &[0]].concat(), &[0; 8]] {
        let commitment = chain.keep(preimage.to_vec());
        let record = chain.record_of(commitment, 0);
        assert_eq!(
            execute_batch(&chain.store, chain.output.root(), record.hash()).unwrap_err(),
            MissingPreimage(commitment),
            "{preimage:02x?}"
        );
    }
}
