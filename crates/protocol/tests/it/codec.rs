//! Every decoder takes any bytes, and gives back what the encoder was given.

use alloy_primitives::{Address, B256, Bytes, U256, address, keccak256};
use postern_protocol::{
    batch::{self, Batch, Block},
    commitment::{Commitment, checkpoints_hash},
    constants::{CHUNK_SIZE, MAX_BLOCKS_PER_BATCH, minimum_gas_limit},
    data::{self, Chunked},
    message::{QueuedMessage, alias, decode_queue, extend_queue, queue_preimage, unalias},
    output::Output,
};
use proptest::{collection::vec, prelude::*};

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
            queue_count: numbers[4],
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
        let data = batch::encode(&blocks);
        prop_assert_eq!(data.len(), 1 + blocks.iter().map(batch::encoded_length).sum::<usize>());
        prop_assert_eq!(batch::decode(&data), blocks.clone());
        // Whatever follows changes nothing of what stands before.
        let decoded = batch::decode(&[&data[..], &tail].concat());
        prop_assert_eq!(&decoded[..blocks.len()], &blocks);
    }

    #[test]
    fn a_cut_batch_is_its_whole_blocks(blocks in vec(block(), 1..4), cut in any::<prop::sample::Index>()) {
        let data = batch::encode(&blocks);
        let cut = cut.index(data.len());
        let decoded = batch::decode(&data[..cut]);
        let mut end = 1;
        let whole = blocks.iter().take_while(|block| {
            end += batch::encoded_length(block);
            end <= cut
        });
        prop_assert_eq!(decoded.len(), whole.count());
        prop_assert_eq!(&decoded[..], &blocks[..decoded.len()]);
    }

    #[test]
    fn decoders_take_anything(bytes in vec(any::<u8>(), 0..400)) {
        batch::decode(&bytes);
        batch::decode(&[&[0][..], &bytes].concat());
        let _ = (Batch::decode(&bytes), Output::decode(&bytes), QueuedMessage::decode(&bytes), Chunked::decode(&bytes));
    }

    #[test]
    fn commitments_tell_the_chunks(length in 0..3 * CHUNK_SIZE + 2) {
        let bytes: Vec<_> = (0..length).map(|i| i as u8).collect();
        let preimage = data::commitment_preimage(&bytes);
        prop_assert_eq!(keccak256(&preimage), data::commitment(&bytes));
        let chunked = Chunked::decode(&preimage).unwrap();
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
        &[],
        &[0; 8],
        // A length that no list of chunks has.
        &[&[0][..], &[0xff; 8], &[0; 64]].concat(),
    ] {
        assert_eq!(Chunked::decode(wrong), None);
    }
}

#[test]
fn only_so_many_blocks_count() {
    let blocks = vec![Block::default(); MAX_BLOCKS_PER_BATCH + 5];
    assert_eq!(batch::decode(&batch::encode(&blocks)).len(), MAX_BLOCKS_PER_BATCH);
    assert_eq!(batch::encode(&blocks).len(), 1 + 4 * blocks.len());
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
