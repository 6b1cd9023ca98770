//! Every decoder takes any bytes, and gives back what the encoder was given.

use alloy_primitives::{Address, B256, Bytes, U256, address, keccak256};
use alloy_rlp::Encodable;
use miniz_oxide::deflate::compress_to_vec;
use postern_protocol::{
    batch::{self, Batch, Block},
    blob,
    commitment::{Commitment, checkpoints_hash},
    constants::{CHUNK_SIZE, MAX_BATCH_CONTENT, MAX_BLOCKS_PER_BATCH, MAX_TRANSACTIONS_PER_BATCH, minimum_gas_limit},
    data::{self, Source},
    message::{QueuedMessage, alias, decode_queue, extend_queue, queue_preimage, unalias},
    output::Output,
};
use proptest::{collection::vec, prelude::*, sample::Index};

fn word() -> impl Strategy<Value = B256> {
    any::<[u8; 32]>().prop_map(B256::new)
}

prop_compose! {
    fn batch_record()(words in vec(word(), 4), numbers in vec(any::<u64>(), 6)) -> Batch {
        Batch {
            parent: words[0],
            index: numbers[0],
            l1_time: numbers[1],
            l1_block: numbers[2],
            origin_number: numbers[3],
            origin_hash: words[1],
            data_commitment: words[2],
            queue_hash: words[3],
            queue_gas: numbers[4],
            consumed_to: numbers[5],
        }
    }
}

prop_compose! {
    fn output()(words in vec(word(), 3), numbers in vec(any::<u64>(), 3)) -> Output {
        Output {
            l2_chain_id: numbers[0],
            state_root: words[0],
            outbox_root: words[1],
            block_hash: words[2],
            block_number: numbers[1],
            batch_count: numbers[2],
        }
    }
}

prop_compose! {
    fn queued()(words in vec(word(), 5), numbers in vec(any::<u64>(), 2), data in vec(any::<u8>(), 0..100)) -> QueuedMessage {
        QueuedMessage {
            index: numbers[0],
            sender: Address::from_word(words[0]),
            target: Address::from_word(words[1]),
            mint: words[2].into(),
            value: words[3].into(),
            gas_limit: numbers[1],
            fee: words[4].into(),
            data: data.into(),
        }
    }
}

prop_compose! {
    fn block()(timestamp in any::<u64>(), messages in any::<u64>(), transactions in vec(vec(any::<u8>(), 0..80), 0..5)) -> Block {
        Block { timestamp, messages, transactions: transactions.into_iter().map(Bytes::from).collect() }
    }
}

/// Blocks as they stand in data that is not compressed.
fn raw(blocks: &[Block]) -> Vec<u8> {
    let mut data = vec![0];
    blocks.iter().for_each(|block| block.encode(&mut data));
    data
}

/// A block of DEFLATE that holds its content as it is. The lowest bit of `head` says whether it is the last, the two above
/// which kind it is (0).
fn stored(head: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    [&[head], &length.to_le_bytes()[..], &(!length).to_le_bytes(), content].concat()
}

/// The data of a batch that holds this content compressed.
fn compressed(content: &[u8]) -> Vec<u8> {
    [&[1], &compress_to_vec(content, 6)[..]].concat()
}

proptest! {
    #[test]
    fn records_survive_the_round(record in batch_record(), output in output(), message in queued()) {
        prop_assert_eq!(Batch::decode(&record.preimage()), Some(record));
        prop_assert_eq!(record.hash(), keccak256(record.preimage()));
        prop_assert_eq!(Output::decode(&output.preimage()), Some(output));
        prop_assert_eq!(output.root(), keccak256(output.preimage()));
        let data_hash = keccak256(&message.data);
        let without_data = QueuedMessage { data: Bytes::new(), ..message.clone() };
        prop_assert_eq!(QueuedMessage::decode(&message.preimage()), Some((without_data, data_hash)));
        let pair = (record.hash(), message.hash());
        prop_assert_eq!(decode_queue(&queue_preimage(pair.0, pair.1)), Some(pair));
        prop_assert_eq!(extend_queue(pair.0, pair.1), keccak256(queue_preimage(pair.0, pair.1)));
    }

    #[test]
    fn records_of_other_lengths_or_with_dirty_words_are_none(record in batch_record(), output in output(), message in queued(), byte in 0..24_usize) {
        for preimage in [record.preimage(), output.preimage(), message.preimage()] {
            for wrong in [&preimage[1..], &preimage[..preimage.len() - 1], &[&preimage[..], &[0]].concat()] {
                prop_assert_eq!(Batch::decode(wrong), None);
                prop_assert_eq!(Output::decode(wrong), None);
                prop_assert_eq!(QueuedMessage::decode(wrong), None);
                prop_assert_eq!(decode_queue(wrong), None);
            }
        }
        // The high bytes of a number, of an address, of the version.
        let dirty = |preimage: Vec<u8>, position: usize| {
            let mut preimage = preimage;
            preimage[position] = 1;
            preimage
        };
        prop_assert_eq!(Batch::decode(&dirty(record.preimage(), 32 + byte)), None);
        prop_assert_eq!(QueuedMessage::decode(&dirty(message.preimage(), 32 + byte % 12)), None);
        prop_assert_eq!(Output::decode(&dirty(output.preimage(), byte)), None);
        prop_assert_eq!(Output::decode(&dirty(output.preimage(), 31)), None);
    }

    #[test]
    fn batches_survive_the_round(blocks in vec(block(), 0..6), tail in vec(any::<u8>(), 0..10)) {
        for data in [batch::encode(&blocks).to_vec(), raw(&blocks), compressed(&raw(&blocks)[1..])] {
            prop_assert_eq!(batch::decode(&data), blocks.clone());
            // Whatever follows changes nothing of what stands before.
            let decoded = batch::decode(&[&data[..], &tail].concat());
            prop_assert_eq!(&decoded[..blocks.len()], &blocks);
        }
        prop_assert!(batch::encode(&blocks).len() <= raw(&blocks).len());
    }

    #[test]
    fn a_cut_batch_is_its_whole_blocks(blocks in vec(block(), 1..4), cut in any::<Index>()) {
        let data = raw(&blocks);
        let cut = cut.index(data.len());
        let mut end = 1;
        let whole = blocks.iter().take_while(|block| {
            end += batch::encoded_length(block);
            end <= cut
        });
        let whole = whole.cloned().collect::<Vec<_>>();
        prop_assert_eq!(&batch::decode(&data[..cut]), &whole);
        // So it is inside a whole stream.
        prop_assert_eq!(&batch::decode(&compressed(&data[1..cut.max(1)])), &whole);
    }

    /// The stream says where it ends, so that none is the beginning of another.
    #[test]
    fn a_cut_stream_has_no_blocks(blocks in vec(block(), 1..4), cut in any::<Index>()) {
        let data = compressed(&raw(&blocks)[1..]);
        prop_assert_eq!(batch::decode(&data[..cut.index(data.len())]), []);
    }

    #[test]
    fn decoders_take_anything(bytes in vec(any::<u8>(), 0..400)) {
        for version in [0, 1] {
            batch::decode(&[&[version][..], &bytes].concat());
        }
        batch::decode(&compressed(&bytes));
        let _ = (batch::decode(&bytes), Batch::decode(&bytes), Output::decode(&bytes), QueuedMessage::decode(&bytes));
        let _ = Source::decode(&bytes);
    }

    #[test]
    fn blobs_carry_any_data(bytes in vec(any::<u8>(), 0..100), length in 0..2 * blob::PAYLOAD + 2, noise in 1..=u8::MAX) {
        let mut data = vec![0xff; length];
        let end = bytes.len().min(length);
        data[length - end..].copy_from_slice(&bytes[..end]);
        let blobs = blob::encode(&data);
        prop_assert_eq!(blobs.len(), length.div_ceil(blob::PAYLOAD).max(1));
        let words: Vec<_> = blobs.iter().flat_map(blob::words).collect();
        prop_assert_eq!(words.len(), blob::WORDS * blobs.len());
        // Every word is a field element.
        prop_assert!(words.iter().all(|word| word[0] == 0));
        let payload = blob::payload(words.clone());
        prop_assert_eq!(payload.len(), blob::PAYLOAD * blobs.len());
        prop_assert_eq!(&payload[..length], &data);
        prop_assert!(payload[length..].iter().all(|&byte| byte == 0));
        // What others put into the first byte does not matter.
        let noisy = words.into_iter().map(|mut word| { word[0] = noise; word });
        prop_assert_eq!(blob::payload(noisy), payload);
    }

    #[test]
    fn commitments_tell_the_chunks(length in 0..3 * CHUNK_SIZE + 2) {
        let bytes: Vec<_> = (0..length).map(|i| i as u8).collect();
        let preimage = data::commitment_preimage(&bytes);
        prop_assert_eq!(keccak256(&preimage), data::commitment(&bytes));
        let Some(Source::Calldata(chunked)) = Source::decode(&preimage) else { panic!("not calldata") };
        prop_assert_eq!(chunked.length, length as u64);
        prop_assert_eq!(chunked.chunk_hashes.len(), length.div_ceil(CHUNK_SIZE));
        for (position, chunk) in data::chunks(&bytes).enumerate() {
            prop_assert_eq!(chunked.chunk_hashes[position], keccak256(chunk));
            prop_assert_eq!(chunked.chunk_length(position), chunk.len() as u64);
        }
        prop_assert_eq!(chunked.chunk_length(chunked.chunk_hashes.len()), 0);
    }

    #[test]
    fn aliases_can_be_undone(bytes in any::<[u8; 20]>()) {
        let address = Address::from(bytes);
        prop_assert_eq!(unalias(alias(address)), address);
        prop_assert_eq!(alias(unalias(address)), address);
    }
}

#[test]
fn aliases_wrap() {
    let offset = address!("0x1111000000000000000000000000000000001111");
    assert_eq!(alias(Address::ZERO), offset);
    assert_eq!(alias(Address::repeat_byte(0xff)), address!("0x1111000000000000000000000000000000001110"));
    assert_eq!(unalias(offset), Address::ZERO);
}

#[test]
fn a_commitment_must_have_the_chunks_of_its_length() {
    let preimage = data::commitment_preimage(&[7; CHUNK_SIZE + 1]);
    for wrong in [
        &preimage[..preimage.len() - 32],
        &preimage[..preimage.len() - 1],
        &[&preimage[..], &[0; 32]].concat(),
        &[&[1], &preimage[1..]].concat(),
        &[&[2], &preimage[1..]].concat(),
        &[],
        &[0; 8],
        // A length that no list of chunks has.
        &[&[0][..], &[0xff; 8], &[0; 64]].concat(),
    ] {
        assert_eq!(Source::decode(wrong), None);
    }
}

#[test]
fn a_commitment_to_blobs_names_at_least_one() {
    let hashes = [B256::repeat_byte(1), B256::repeat_byte(2)];
    for count in 1..=hashes.len() {
        let preimage = data::blob_commitment_preimage(&hashes[..count]);
        assert_eq!(preimage, [&[1], hashes[..count].concat().as_slice()].concat());
        assert_eq!(data::blob_commitment(&hashes[..count]), keccak256(&preimage));
        assert_eq!(Source::decode(&preimage), Some(Source::Blobs(hashes[..count].to_vec())));
        assert_eq!(Source::decode(&preimage[..preimage.len() - 1]), None);
    }
    assert_eq!(Source::decode(&[1]), None);
}

#[test]
fn only_so_many_blocks_count() {
    let blocks = vec![Block::default(); MAX_BLOCKS_PER_BATCH + 5];
    for data in [raw(&blocks), batch::encode(&blocks).to_vec()] {
        assert_eq!(batch::decode(&data), blocks[5..]);
    }
}

#[test]
fn only_so_many_transactions_count() {
    let of = |count| Block { transactions: vec![Bytes::from_static(&[7]); count], ..Block::default() };
    let most = [of(MAX_TRANSACTIONS_PER_BATCH - 1), of(0), of(1), of(0)];
    assert_eq!(batch::decode(&batch::encode(&most)), most);
    // A block with one too many is ignored whole, and what follows it.
    assert_eq!(batch::decode(&batch::encode(&[of(MAX_TRANSACTIONS_PER_BATCH - 1), of(2), of(1)])).len(), 1);
    assert_eq!(batch::decode(&batch::encode(&[of(MAX_TRANSACTIONS_PER_BATCH + 1), of(0)])), []);
}

/// Blocks of `content` bytes in all.
fn blocks_of(content: usize) -> Vec<Block> {
    let block = |length| Block { transactions: vec![vec![7; length].into()], ..Block::default() };
    let length = batch::encoded_length(&block(10_000));
    // Up to twice as long, a block has no more around its transaction.
    let last = content % length + 10_000;
    let mut blocks = vec![block(10_000); content / length - 1];
    blocks.push(block(last));
    blocks
}

#[test]
fn only_so_much_content_counts() {
    let most = blocks_of(MAX_BATCH_CONTENT);
    let data = raw(&most);
    assert_eq!(data.len(), 1 + MAX_BATCH_CONTENT);
    assert_eq!(batch::decode(&data), most);
    assert_eq!(batch::decode(&compressed(&data[1..])), most);
    // The limit is one of content: a stream may go on as long as it adds none.
    let stored = data[1..].chunks(0xffff).flat_map(|chunk| stored(0, chunk));
    assert_eq!(batch::decode(&[vec![1], stored.chain([3, 0]).collect()].concat()), most);
    assert!(batch::encode(&most).len() < 20_000);

    let more = blocks_of(MAX_BATCH_CONTENT + 1);
    let data = raw(&more);
    assert_eq!(data.len(), 2 + MAX_BATCH_CONTENT);
    assert_eq!(batch::decode(&data), more[..more.len() - 1]);
    // A stream of so much is not even begun to be read.
    assert_eq!(batch::decode(&compressed(&data[1..])), []);
    assert_eq!(batch::encode(&more), data, "a stream of it would have no blocks");
}

#[test]
fn only_streams_of_deflate_are_blocks() {
    let blocks = [Block { timestamp: 5, messages: 6, transactions: vec![Bytes::from_static(&[7; 100])] }];
    let content = &raw(&blocks)[1..];
    let stored = |head| [vec![1], stored(head, content)].concat();
    let mut other_length = stored(1);
    other_length[2] ^= 1;
    assert_eq!(batch::decode(&stored(1)), blocks);
    for wrong in [
        stored(0), // not the last block
        stored(7), // a kind that does not exist
        other_length,
        vec![1],
        vec![2],
        vec![1, 3],                                             // fixed codes, and nothing
        [&[1, 0x78, 0x9c], &compressed(content)[1..]].concat(), // a zlib header
        [&[1, 0x03, 0x00], content].concat(),                   // a stream of nothing
        [&[2], content].concat(),
    ] {
        assert_eq!(batch::decode(&wrong), [], "{wrong:02x?}");
    }
    // Fixed codes: a match that reaches back beyond the beginning.
    assert_eq!(batch::decode(&[1, 0x03, 0x02, 0x00]), []);
}

#[test]
fn gas_limits_cover_the_calldata_floor() {
    assert_eq!(minimum_gas_limit(0), 21_000);
    assert_eq!(minimum_gas_limit(100), 25_000);
}

#[test]
fn the_genesis_commitment_is_to_nothing_but_the_output() {
    let root = B256::repeat_byte(3);
    let words = [B256::ZERO, B256::ZERO, B256::ZERO, root, B256::ZERO, B256::ZERO].concat();
    assert_eq!(Commitment::genesis(root).id(), keccak256(words));
    assert_eq!(checkpoints_hash(&[root]), keccak256(root));
    assert_eq!(U256::from_be_bytes(checkpoints_hash(&[]).0), U256::from_be_bytes(keccak256("").0));
}
