//! Batches that tests and benches run.

use crate::{chain::*, outbox};
use alloy_consensus::{TxEip1559, TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::{
    eip2930::{AccessList, AccessListItem},
    eip7702::Authorization,
};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use postern_protocol::{
    batch::{self, Batch, Block},
    constants::MIN_BASE_FEE,
    message::QueuedMessage,
    predeploys::OUTBOX,
};

const COUNTER: Address = Address::repeat_byte(0xc0);
const LOGGER: Address = Address::repeat_byte(0xc1);
const REVERTER: Address = Address::repeat_byte(0xc2);

/// Blocks of [`mixed`].
const BLOCKS: u64 = 5;
/// Messages from L1 in each.
const MESSAGES: u64 = 4;
/// Transactions in each.
const TRANSACTIONS: u64 = 16;

/// A chain, and the data of its next batch, which has 100 transactions of every kind that users make, 20 of them messages
/// from L1. All are valid; some revert.
pub fn mixed() -> (Chain, Batch) {
    let wallets: Vec<_> = (1..=8).map(Wallet::new).collect();
    let accounts = wallets.iter().map(|wallet| (wallet.address, funded(ETHER)));
    let contracts = [(COUNTER, code::COUNT), (LOGGER, code::LOG), (REVERTER, code::REVERT)];
    let contracts = contracts.map(|(address, code)| (address, contract(code)));
    let mut chain = Chain::new(accounts.chain(contracts).chain([(OUTBOX, outbox::account())]));
    for number in 0..BLOCKS * MESSAGES {
        chain.enqueue(deposit(number));
    }
    let mut number = 0;
    let mut transactions = || {
        let wallet = &wallets[number as usize % 8];
        number += 1;
        transaction(wallet, number - 1)
    };
    let blocks: Vec<_> = (0..BLOCKS)
        .map(|number| Block {
            timestamp: chain.l1_time - BLOCKS + number,
            messages: MESSAGES,
            transactions: (0..TRANSACTIONS).map(|_| transactions()).collect(),
        })
        .collect();
    let record = chain.record(&batch::encode(&blocks), BLOCKS * MESSAGES);
    (chain, record)
}

/// Message `number` of the queue.
fn deposit(number: u64) -> QueuedMessage {
    let value = U256::from(1_000 + number);
    let (target, data) = match number % 4 {
        0 => (Address::with_last_byte(100 + number as u8), Bytes::new()),
        1 => (COUNTER, Bytes::new()),
        2 => (OUTBOX, outbox::send(Address::with_last_byte(number as u8), 100_000, b"forced out")),
        _ => (REVERTER, Bytes::new()),
    };
    QueuedMessage { target, mint: value, value, gas_limit: 300_000, data, ..message() }
}

/// Transaction `number` of all, which is number `number / 8` of this wallet. What it does changes with both.
fn transaction(wallet: &Wallet, number: u64) -> Bytes {
    let nonce = number / 8;
    let gas_price = 10 * u128::from(MIN_BASE_FEE);
    let call = |to, input: Bytes| TxEip1559 { gas_limit: 300_000, input, ..transfer(nonce, to, 0) };
    match (number + nonce) % 8 {
        0 => wallet.sign(TxLegacy {
            chain_id: Some(CHAIN_ID),
            nonce,
            gas_price,
            gas_limit: 21_000,
            to: TxKind::Call(Address::from_word(U256::from(number + 2_000).into())),
            value: U256::from(number),
            input: Bytes::new(),
        }),
        1 => wallet.sign(TxEip2930 {
            chain_id: CHAIN_ID,
            nonce,
            gas_price,
            gas_limit: 100_000,
            to: TxKind::Call(COUNTER),
            value: U256::ZERO,
            access_list: AccessList(vec![AccessListItem { address: COUNTER, storage_keys: vec![B256::ZERO] }]),
            input: Bytes::new(),
        }),
        2 => {
            let template = call(Address::ZERO, bytes(&code::deploying(code::LOG)));
            wallet.sign(TxEip1559 { to: TxKind::Create, ..template })
        }
        3 => {
            let template = call(OUTBOX, outbox::send(wallet.address, 50_000, b"out"));
            wallet.sign(TxEip1559 { value: U256::from(number), ..template })
        }
        4 => {
            let authority = Wallet::new(100 + number as u8);
            let authorization = Authorization { chain_id: U256::ZERO, address: COUNTER, nonce: 0 };
            let signature = authority.sign_hash(authorization.signature_hash());
            wallet.sign(TxEip7702 {
                chain_id: CHAIN_ID,
                nonce,
                gas_limit: 200_000,
                max_fee_per_gas: gas_price,
                max_priority_fee_per_gas: 0,
                to: authority.address,
                value: U256::ZERO,
                access_list: AccessList::default(),
                authorization_list: vec![authorization.into_signed(signature)],
                input: Bytes::new(),
            })
        }
        5 => wallet.sign(call(REVERTER, Bytes::new())),
        6 => wallet.sign(call(LOGGER, Bytes::new())),
        _ => wallet.sign(transfer(nonce, Address::from_word(U256::from(number + 1_000).into()), 1)),
    }
}
