//! What hostile transactions can make the program hold in memory.

use crate::support::*;
use alloy_consensus::{Header, TxEip1559};
use alloy_primitives::{Address, B256, Sealable, U256, keccak256};
use alloy_rlp::Decodable;
use alloy_trie::{
    Nibbles, TrieAccount, TrieMask,
    nodes::{BranchNodeRef, LeafNodeRef, RlpNode},
};
use postern_execution::{GenesisAccount, trie::Trie};
use postern_program::ELF;
use postern_protocol::{
    batch,
    constants::{BATCH_GAS_LIMIT, MAX_QUEUED_GAS_LIMIT},
    output::Output,
    program::input_hash,
};
use postern_testing::chain::*;

const TARGET: Address = Address::repeat_byte(0xbb);

/// Of memory there are 4,096.
const MEBIBYTE: u64 = 1 << 20;

/// Bytes of memory that were ever written in a run of one transaction, which calls a contract with this code with the most
/// gas that a transaction can have.
fn memory_of(code: &str, accounts: impl IntoIterator<Item = (Address, GenesisAccount)>) -> u64 {
    let wallet = Wallet::new(1);
    let own = [(wallet.address, funded(ETHER)), (TARGET, contract(code))];
    let mut chain = Chain::new(own.into_iter().chain(accounts));
    let call = TxEip1559 { gas_limit: MAX_QUEUED_GAS_LIMIT, ..transfer(0, TARGET, 0) };
    let batch = chain.record(&batch::encode(&[block(chain.l1_time, 0, vec![wallet.sign(call)])]), 0);
    let Run { machine, outcome, .. } = compare(&chain, batch);
    assert_eq!(outcome.blocks[0].transactions.len(), 1);
    machine.memory_in_use()
}

#[test]
fn one_frame_with_all_memory() {
    // MSTORE8(2,900,000, 1): as much as 16.7 million gas buy.
    let memory = memory_of("6001622c402053", []);
    assert!((3 * MEBIBYTE..16 * MEBIBYTE).contains(&memory), "{memory}");
}

#[test]
fn memory_that_grows_by_and_by() {
    // In a loop MSTORE8(MSIZE, 1): a word more each time.
    let memory = memory_of("5b6001595360005600", []);
    assert!((3 * MEBIBYTE..16 * MEBIBYTE).contains(&memory), "{memory}");
}

#[test]
fn frames_in_frames_with_memory_each() {
    // MSTORE8(200,000, 1), then CALL(GAS, ADDRESS, 0, 0, 200,000, 0, 0), RETURN(0, 200,000).
    let memory = memory_of("600162030d40535f5f62030d405f5f305af162030d405ff3", []);
    assert!((8 * MEBIBYTE..64 * MEBIBYTE).contains(&memory), "{memory}");
}

#[test]
fn frames_in_frames_as_deep_as_gas_allows() {
    // CALL(GAS, ADDRESS, 0, 0, 0, 0, 0)
    let memory = memory_of("5f5f5f5f5f305af1", []);
    assert!((3 * MEBIBYTE..64 * MEBIBYTE).contains(&memory), "{memory}");
}

#[test]
fn as_many_transient_slots_as_gas_allows() {
    // In a loop TSTORE(GAS, GAS).
    let memory = memory_of("5b5a5a5d5f56", []);
    assert!(memory < 128 * MEBIBYTE, "{memory}");
}

#[test]
fn more_code_than_is_kept() {
    // In a loop EXTCODESIZE of the account whose address is MLOAD(0), which is counted up. 900 of them have 24 KiB of code.
    let account = |number: u64| {
        let mut code = vec![0x5b; 0x6000];
        code[..8].copy_from_slice(&number.to_be_bytes());
        let address = Address::from_word(U256::from(0x1_0000 + number).into());
        (address, GenesisAccount { nonce: 1, code: code.into(), ..Default::default() })
    };
    let memory = memory_of("620100005f525b5f51803b506001015f52600656", (0..900).map(account));
    assert!((22 * MEBIBYTE..96 * MEBIBYTE).contains(&memory), "{memory}");
}

#[test]
fn as_many_logs_as_a_little_gas_allows() {
    // Like the others with all gas it would take too long: while GAS > 14,000,000: LOG0(0, 0).
    let memory = memory_of("5b5f5fa062d59f805a115f5700", []);
    assert!(memory < 32 * MEBIBYTE, "{memory}");
}

/// A trie with a leaf for each key under `depth` branches, most of which are on the way to no other leaf. Who wants such a
/// state in truth has to find, for each branch, another key with all the nibbles before it; here the other keys are missing.
fn deep_trie(chain: &mut Chain, keys: &[B256], value: &[u8], at: usize, depth: usize) -> RlpNode {
    let mut rlp = Vec::new();
    if at == depth {
        let [key] = keys else { panic!("{} keys share {depth} nibbles", keys.len()) };
        LeafNodeRef::new(&Nibbles::unpack(key).slice(at..), value).rlp(&mut rlp);
    } else {
        let nibble = |key: &B256| key[at / 2] >> (4 * (1 - at % 2)) & 15;
        let other = keys.iter().map(nibble).fold(0, |other, nibble| if nibble == other { nibble ^ 1 } else { other });
        let mut mask = TrieMask::default();
        let mut children = Vec::new();
        for position in 0..16 {
            let below: Vec<_> = keys.iter().copied().filter(|key| nibble(key) == position).collect();
            if !below.is_empty() {
                children.push(deep_trie(chain, &below, value, at + 1, depth));
            } else if position == other {
                children.push(RlpNode::word_rlp(&B256::repeat_byte(0xdd)));
            } else {
                continue;
            }
            mask.set_bit(position);
        }
        BranchNodeRef::new(&children, mask).rlp(&mut rlp);
    }
    chain.keep(rlp.clone());
    RlpNode::from_rlp(&rlp)
}

/// Puts a storage root into the last state of a chain.
fn set_storage_root(chain: &mut Chain, storage_root: B256) {
    let mut trie = Trie::new(chain.output.state_root);
    let key = keccak256(TARGET);
    let mut account = TrieAccount::decode(&mut trie.get(&chain.store, key).unwrap().unwrap()).unwrap();
    account.storage_root = storage_root;
    trie.insert(&chain.store, key, alloy_rlp::encode(account)).unwrap();
    let mut nodes = Vec::new();
    let state_root = trie.commit(&mut nodes);
    chain.store.preimages.extend(nodes);
    chain.head = Header { state_root, ..chain.head.inner().clone() }.seal_slow();
    chain.output = Output { state_root, block_hash: chain.head.seal(), ..chain.output };
    chain.keep(alloy_rlp::encode(chain.head.inner()));
    chain.keep(chain.output.preimage());
}

/// Reading costs gas by the slot, not by the depth at which its leaf is found. Were every slot that a batch can read under
/// branches of its own down to depth 20, for which somebody would have had to compute 2^80 hashes, it would all fit memory.
#[test]
fn a_trie_deeper_than_anyone_can_make_it() {
    const SLOTS: u64 = 1_000;
    const DEPTHS: [usize; 2] = [6, 16];
    // While GAS is at least 100,000: SLOAD of a slot that is counted up from 1 in memory.
    let code = "5b5f51600101805f525450620186a05a115f5700";
    let wallet = Wallet::new(1);
    let keys: Vec<_> = (1..=SLOTS).map(|slot| keccak256(U256::from(slot).to_be_bytes::<32>())).collect();
    let [less, more] = DEPTHS.map(|depth| {
        let mut chain = Chain::new([(wallet.address, funded(ETHER)), (TARGET, contract(code))]);
        let root = deep_trie(&mut chain, &keys, &alloy_rlp::encode(U256::MAX), 0, depth).as_hash().unwrap();
        set_storage_root(&mut chain, root);
        // Not one slot more: that would end in the missing part.
        let call = TxEip1559 { gas_limit: 121_000 + SLOTS * 2_150, ..transfer(0, TARGET, 0) };
        let batch = chain.record(&batch::encode(&[block(chain.l1_time, 0, vec![wallet.sign(call)])]), 0);
        let run = compare(&chain, batch);
        assert!(run.outcome.blocks[0].receipts[0].success);
        run
    });
    let branches = more.asked[0] - less.asked[0];
    let slots = branches / (DEPTHS[1] - DEPTHS[0]) as u64;
    assert!(slots > SLOTS * 9 / 10, "{slots}");
    let branch = (more.machine.memory_in_use() - less.machine.memory_in_use()) / branches;

    // A slot in an access list, and then warm. The first four branches are the same for many; a leaf takes less than two.
    let most = BATCH_GAS_LIMIT / 2_000;
    let memory = most * (16 + 2) * branch;
    assert!(memory < 3_600 * MEBIBYTE, "{branch} bytes a branch");
}

/// Variables of the program at the end of a run in which the EVM executed something, and the run's input.
fn variables() -> (Vec<u64>, B256) {
    let mut chain = Chain::new([]);
    chain.enqueue(message());
    let batch = chain.record(&[], 1);
    let machine = compare(&chain, batch).machine;
    // The third segment of the file is that of variables.
    let number = |at: usize| u64::from_le_bytes(ELF[at..at + 8].try_into().unwrap());
    let header = number(32) as usize + 2 * 56;
    let memory = machine.read_memory(number(header + 16), number(header + 40)).unwrap();
    let words = memory.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
    (words, input_hash(chain.output.root(), batch.hash()))
}

/// With the hash that libraries take by default the first of six seeds, in a transient slot's key, made its hash that of all
/// such keys: 3.6 million gas took 8 × 10^9 steps, and a batch would have taken more than 2^40.
#[test]
fn hash_maps_are_keyed_by_the_input() {
    const ONES_IN_SEEDS: u64 = 1 << 63 | 1 << 31 | 1;
    let (variables, input) = variables();
    let key = input[..16].as_chunks().0.iter().map(|bytes| u64::from_be_bytes(*bytes)).collect::<Vec<_>>();
    assert_eq!(variables.windows(2).filter(|words| **words == key[..]).count(), 1);
    let seeds = |words: &&[u64]| words.iter().all(|word| word & ONES_IN_SEEDS == ONES_IN_SEEDS);
    assert_eq!(variables.windows(6).find(seeds), None, "the hash is not in use");
}
