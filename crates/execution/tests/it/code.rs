//! Code that is loaded is not kept for ever, and code that was created is.

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use postern_execution::{GenesisAccount, Preimages, State};
use postern_testing::chain::*;
use std::{cell::RefCell, collections::BTreeMap};

/// As much code as there are accounts of it: more than is kept.
const ACCOUNTS: u64 = 750;
const LENGTH: usize = 0x6000;

const TARGET: Address = Address::repeat_byte(0xbb);

fn address(number: u64) -> Address {
    Address::from_word(U256::from(0x1_0000 + number).into())
}

fn long_code(number: u64) -> Bytes {
    let mut code = vec![0x5b; LENGTH];
    code[..8].copy_from_slice(&number.to_be_bytes());
    code.into()
}

fn accounts() -> impl Iterator<Item = (Address, GenesisAccount)> {
    (0..ACCOUNTS)
        .map(|number| (address(number), GenesisAccount { nonce: 1, code: long_code(number), ..Default::default() }))
}

/// Counts how often each preimage is read.
struct Counting<'a>(&'a Store, RefCell<BTreeMap<B256, usize>>);

impl Preimages for Counting<'_> {
    fn get(&self, hash: &B256) -> Option<Bytes> {
        *self.1.borrow_mut().entry(*hash).or_default() += 1;
        self.0.get(hash)
    }

    fn blob_word(&self, _: &B256, _: u64) -> Option<B256> {
        unreachable!("a state is in no blob")
    }
}

#[test]
fn loaded_code_is_kept_up_to_a_limit() {
    let chain = Chain::new(accounts());
    let counting = Counting(&chain.store, RefCell::default());
    let mut state = State::new(&counting, chain.output.state_root);
    let read = |number| counting.1.borrow()[&keccak256(long_code(number))];
    for _ in 0..3 {
        assert_eq!(state.code(address(0)).unwrap(), long_code(0));
    }
    assert_eq!(read(0), 1);
    for number in 1..ACCOUNTS {
        assert_eq!(state.code(address(number)).unwrap(), long_code(number));
    }
    assert_eq!(state.code(address(0)).unwrap(), long_code(0));
    assert_eq!(read(0), 2, "it was forgotten in between");
    assert_eq!(read(ACCOUNTS - 1), 1);
}

#[test]
fn created_code_outlives_what_is_loaded() {
    let wallet = Wallet::new(1);
    // In a loop EXTCODESIZE of the account whose address is counted up in memory, as far as CALLDATALOAD(0).
    let loader = contract("620100005f525b5f51803b50600101805f525f3511600657");
    let mut chain = Chain::new(accounts().chain([(wallet.address, funded(ETHER)), (TARGET, loader)]));
    let created = wallet.address.create(0);
    let init_code = bytes(&code::deploying(code::COUNT));
    let call = |nonce, to| TxEip1559 { gas_limit: 5_000_000, ..transfer(nonce, to, 0) };
    let last = B256::from(U256::from(0x1_0000 + ACCOUNTS));
    let block = chain.transact(vec![
        wallet.sign(TxEip1559 { to: TxKind::Create, input: init_code, ..call(0, TARGET) }),
        wallet.sign(TxEip1559 { input: last.into(), ..call(1, TARGET) }),
        wallet.sign(call(2, created)),
    ]);
    assert!(block.receipts.iter().all(|receipt| receipt.success));
    assert!(block.gas_used[1] > 2_600 * ACCOUNTS, "{}", block.gas_used[1]);
    assert_eq!(chain.slot(created, 0), U256::ONE);
}
